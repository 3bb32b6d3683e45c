// SPDX-License-Identifier: Apache-2.0
// Authenticator apps and recovery codes: set up on the account page, asked for after the password, seen by openid-client as amr and acr.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { startApp } from '../lib/totp.mjs';

const redirect = 'http://127.0.0.1:9/callback';
const web = { name: 'Photo Album', secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true };
const start = (login) => startAuthority({ authority: { tokens: { algorithm: 'ES256' }, clients: { web }, ...(login ? { login } : {}) } });
const authority = await start();

const accounts = (words, { where = authority, input } = {}) => sallyport(['accounts', ...words, '--state', where.state], { input });

/** A new account's name; its password is NAME-secret. */
async function addPerson(name, where = authority) {
  const made = await accounts(['add', name], { where, input: `${name}-secret\n` });
  assert.equal(made.code, 0, made.stderr);
  return name;
}

async function begin(extra = {}, where = authority) {
  const config = await openid.discovery(new URL(where.issuer), 'web', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  return { url, claims: async (location) => (await openid.authorizationCodeGrant(config, location, { pkceCodeVerifier })).claims() };
}

const inSection = (browser, step, more = {}) => {
  const token = browser.page.text.match(/name="form_token" value="([^"]*)"/)[1];
  return browser.open(`${new URL(browser.page.url).origin}/account`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token: token, section: 'second_factor', step, ...more }).toString() });
};
const keyOn = (page) => page.text.match(/id="key">([A-Z2-7 ]+)</)[1];
const codesOn = (page) => [...page.text.matchAll(/<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})<\/li>/g)].map((match) => match[1]);

/** The person signs in and sets an app up: { browser, app, codes }. */
async function setUp(name, where = authority) {
  const browser = startBrowser();
  await browser.open(`${where.issuer}/account`);
  await browser.signIn(name, `${name}-secret`);
  const app = startApp(keyOn(await inSection(browser, 'app_begin')));
  const wrong = await inSection(browser, 'app_confirm', { code: app.wrong() });
  assert.match(wrong.text, /This code is not right/);
  assert.equal(keyOn(wrong), app.secret); // the same picture is still good
  const codes = codesOn(await inSection(browser, 'app_confirm', { code: await app.next() }));
  assert.equal(codes.length, 10);
  await browser.open(`${where.issuer}/account`);
  return { browser, app, codes };
}

test('until the first code came nothing is asked for', async () => {
  const name = await addPerson('bob');
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/account`);
  await browser.signIn(name, `${name}-secret`);
  await inSection(browser, 'app_begin');
  const other = startBrowser();
  const { url, claims } = await begin();
  await other.open(url);
  const page = await other.signIn(name, `${name}-secret`);
  const { amr, acr } = await claims(page.location);
  assert.deepEqual({ amr, acr }, { amr: ['pwd'], acr: 'urn:sallyport:acr:password' });
});

test('the code follows the password, counts once, and shows in amr and acr', async () => {
  const name = await addPerson('carol');
  const { app } = await setUp(name);
  const { url, claims } = await begin({ acr_values: 'urn:sallyport:acr:mfa' });
  const browser = startBrowser();
  await browser.open(url);
  const asked = await browser.signIn(name, `${name}-secret`);
  assert.match(asked.text, /authenticator app shows/);
  assert.equal(browser.cookies.has('sp_session'), false);
  assert.match((await browser.submit({ code: app.wrong(), step: 'code' })).text, /not right/);
  await authority.lastLine('login.code_wrong');
  assert.match((await browser.submit({ code: app.last(), step: 'code' })).text, /used already/);
  await authority.lastLine('login.code_replayed');
  const page = await browser.submit({ code: await app.next(), step: 'code' });
  const { amr, acr } = await claims(page.location);
  assert.deepEqual({ amr, acr }, { amr: ['pwd', 'otp', 'mfa'], acr: 'urn:sallyport:acr:mfa' });
  // The same code on another way in, at once: replayed.
  const again = startBrowser();
  await again.open((await begin()).url);
  await again.signIn(name, `${name}-secret`);
  assert.match((await again.submit({ code: app.last(), step: 'code' })).text, /used already/);
});

test('a recovery code lets in once', async () => {
  const name = await addPerson('dave');
  const { codes } = await setUp(name);
  for (const [text, lets] of [[codes[3].toUpperCase().replaceAll('-', ' '), true], [codes[3], false], ['aaaa-bbbb-cccc-dddd', false], [codes[4], true]]) {
    const browser = startBrowser();
    const { url, claims } = await begin();
    await browser.open(url);
    await browser.signIn(name, `${name}-secret`);
    const page = await browser.submit({ recovery: text, step: 'recovery' });
    if (lets) assert.deepEqual((await claims(page.location)).amr, ['pwd', 'otp', 'mfa']);
    else assert.match(page.text, /not right, or it was used before/);
  }
});

test('whoever is half in with the old password is out when it changes', async () => {
  const name = await addPerson('percy');
  const { app } = await setUp(name);
  const browser = startBrowser();
  await browser.open((await begin()).url);
  assert.match((await browser.signIn(name, `${name}-secret`)).text, /authenticator app shows/);
  assert.equal((await accounts(['password', name], { input: 'another-secret\n' })).code, 0);
  const page = await browser.submit({ code: await app.next(), step: 'code' });
  assert.match(page.text, /<title>Sign in/);
  assert.equal(browser.cookies.has('sp_session'), false);
});

test('wrong codes and recovery codes are counted by address as wrong passwords are', async () => {
  const guarded = await start();
  const name = await addPerson('gus', guarded);
  await setUp(name, guarded);
  const browser = startBrowser();
  await browser.open((await begin({}, guarded)).url);
  await browser.signIn(name, `${name}-secret`);
  const form = browser.page;
  let tries = 0;
  for (; tries < 60; tries++) {
    browser.page = form;
    const page = await browser.submit({ recovery: 'aaaa-bbbb-cccc-dddd', step: 'recovery' });
    if (page.location) {
      assert.equal(page.location.searchParams.get('error'), 'temporarily_unavailable');
      break;
    }
    assert.equal(page.status, 200);
  }
  assert.equal(tries, 49); // one wrong code came before, when the app was set up
  await guarded.lastLine('login.throttled');
});

test('of many at once one recovery code lets exactly one in', async () => {
  const name = await addPerson('erin');
  const { codes } = await setUp(name);
  const browsers = await Promise.all(Array.from({ length: 8 }, async () => {
    const browser = startBrowser();
    await browser.open((await begin()).url);
    await browser.signIn(name, `${name}-secret`);
    return browser;
  }));
  const pages = await Promise.all(browsers.map((browser) => browser.submit({ recovery: codes[0], step: 'recovery' })));
  assert.equal(pages.filter((page) => page.location).length, 1);
});

test('guessing codes is slowed down, and the right password does not start the count again', async () => {
  const name = await addPerson('frank');
  const { app } = await setUp(name);
  const browser = startBrowser();
  await browser.open((await begin()).url);
  let page;
  for (let tries = 0; tries < 9; tries++) {
    await browser.signIn(name, `${name}-secret`);
    page = await browser.submit({ code: app.wrong(), step: 'code' });
    if (/Too many attempts/.test(page.text)) break;
    page = await browser.open((await begin()).url);
  }
  assert.match(page.text, /Too many attempts/);
  assert.match((await browser.submit({ code: await app.next(), step: 'code' })).text, /Too many attempts/); // the right one too
});

test('a passed password is the browser\'s own, and no session', async () => {
  const name = await addPerson('grace');
  await setUp(name);
  const browser = startBrowser();
  const { url } = await begin();
  await browser.open(url);
  await browser.signIn(name, `${name}-secret`);
  const thief = startBrowser();
  assert.match((await thief.open(`${authority.issuer}/signin?visit=${browser.fields().values.visit}`)).text, /another browser/);
  assert.match((await browser.open(`${authority.issuer}/account`)).text, /<title>Sign in/);
  const device = startBrowser();
  await device.open(url);
  await device.signIn(name, `${name}-secret`);
  assert.match((await device.submit({ step: 'restart' })).text, /<title>Sign in/);
  assert.match((await device.submit({ code: '123456', step: 'code' })).text, /<title>Sign in/); // nobody's code
});

test('removing the app needs a code, and then nothing is asked for', async () => {
  const name = await addPerson('heidi');
  const { browser, app, codes } = await setUp(name);
  assert.match((await inSection(browser, 'app_remove', { code: app.wrong() })).text, /not right/);
  assert.match((await inSection(browser, 'app_remove')).text, /not right/);
  const renewed = codesOn(await inSection(browser, 'recovery'));
  assert.equal(renewed.length, 10);
  assert.ok(!renewed.includes(codes[0]));
  await browser.open(`${authority.issuer}/account`);
  assert.match((await inSection(browser, 'app_remove', { code: await app.next() })).text, /not asked for any more/);
  const { url, claims } = await begin();
  const other = startBrowser();
  await other.open(url);
  assert.deepEqual((await claims((await other.signIn(name, `${name}-secret`)).location)).amr, ['pwd']);
});

test('the secret rests sealed and is never logged', async () => {
  const name = await addPerson('ivan');
  const { app, codes } = await setUp(name);
  const everything = fs.readdirSync(authority.state).filter((file) => !/master_key/.test(file)).map((file) => fs.readFileSync(path.join(authority.state, file), 'latin1')).join('\n');
  for (const secret of [app.secret.replaceAll(' ', ''), app.secret, codes[0], codes[0].replaceAll('-', '')]) assert.ok(!everything.includes(secret));
});

test('where everybody needs a second step, it is set up when signing in', async () => {
  const strict = await start({ second_factor: 'required' });
  const name = await addPerson('judy', strict);
  const { url, claims } = await begin({}, strict);
  const browser = startBrowser();
  await browser.open(url);
  const setup = await browser.signIn(name, `${name}-secret`);
  assert.match(setup.text, /you need a second step/);
  const app = startApp(keyOn(setup));
  const shown = await browser.submit({ code: await app.next(), step: 'code' });
  assert.equal(codesOn(shown).length, 10);
  const page = await browser.submit({ step: 'go_on' });
  assert.deepEqual((await claims(page.location)).amr, ['pwd', 'otp', 'mfa']);
  // And the next time it is asked for.
  const next = startBrowser();
  await next.open((await begin({}, strict)).url);
  assert.match((await next.signIn(name, `${name}-secret`)).text, /authenticator app shows/);
});

test('two who know the password are shown two keys, and whoever confirms first has the only one', async () => {
  const strict = await start({ second_factor: 'required' });
  const lax = await start();
  const at = {
    'when signing in': { where: strict, open: async (browser) => browser.page, confirm: (browser, code) => browser.submit({ code, step: 'code' }) },
    'on the account page': { where: lax, open: (browser) => inSection(browser, 'app_begin'), confirm: (browser, code) => inSection(browser, 'app_confirm', { code }) },
  };
  for (const [place, { where, open, confirm }] of Object.entries(at)) {
    const name = await addPerson('nell', where);
    const [thief, owner] = [startBrowser(), startBrowser()];
    for (const browser of [thief, owner]) {
      await browser.open(`${where.issuer}/account`);
      await browser.signIn(name, `${name}-secret`);
    }
    const [theirs, own] = [startApp(keyOn(await open(thief))), startApp(keyOn(await open(owner)))];
    assert.notEqual(theirs.secret, own.secret, place);
    assert.match((await confirm(owner, await theirs.next())).text, /This code is not right/, place);
    assert.equal(codesOn(await confirm(owner, await own.next())).length, 10, place);
    // The thief's was never confirmed and cannot be any more.
    assert.deepEqual(codesOn(await confirm(thief, await theirs.next())), [], place);
    const { url } = await begin({}, where);
    const next = startBrowser();
    await next.open(url);
    assert.match((await next.signIn(name, `${name}-secret`)).text, /authenticator app shows/, place);
    assert.match((await next.submit({ code: await theirs.next(), step: 'code' })).text, /not right/, place);
    assert.ok((await next.submit({ code: await own.next(), step: 'code' })).location, place);
  }
});

test('switched on for everybody, a session by password alone is none any more', async () => {
  const moving = await start();
  const browser = startBrowser();
  await browser.open(`${moving.issuer}/account`);
  assert.match((await browser.signIn()).text, /Your account/);
  moving.write({ tokens: { algorithm: 'ES256' }, clients: { web }, login: { second_factor: 'required' } });
  await moving.restart();
  assert.match((await browser.open(`${moving.issuer}/account`)).text, /<title>Sign in/);
});

test('switched off, nothing is asked for and nothing can be set up', async () => {
  const lax = await start({ second_factor: 'off', passkeys: false });
  const browser = startBrowser();
  await browser.open(`${lax.issuer}/account`);
  const page = await browser.signIn();
  assert.equal(page.text.match(/not available here/g).length, 2);
  assert.ok(!/id="key"/.test((await inSection(browser, 'app_begin')).text));
});

test('the operator lists and removes what somebody has set up', async () => {
  const name = await addPerson('kim');
  await setUp(name);
  const listed = await accounts(['factors', name, '--json']);
  assert.equal(listed.code, 0, listed.stderr);
  const { app, passkeys, recovery_codes: left } = JSON.parse(listed.stdout);
  assert.deepEqual({ app: app.confirmed, passkeys, left }, { app: true, passkeys: [], left: 10 });
  assert.equal((await accounts(['factors', name, '--remove', 'app'])).code, 0);
  assert.equal((await accounts(['factors', name, '--remove', 'app'])).code, 1); // there is none
  const { url, claims } = await begin();
  const browser = startBrowser();
  await browser.open(url);
  assert.deepEqual((await claims((await browser.signIn(name, `${name}-secret`)).location)).amr, ['pwd']);
  assert.equal((await accounts(['factors', 'nobody'])).code, 1);
});

for (const javaScriptEnabled of [false, true]) {
  test(`a person sets it up and uses it on a phone, scripts ${javaScriptEnabled ? 'on' : 'off'}`, { skip }, async () => {
    const name = await addPerson(javaScriptEnabled ? 'lena' : 'luis');
    const page = await openPage({ javaScriptEnabled, hasTouch: true });
    await page.goto(`${authority.issuer}/account`);
    await signIn(page, name, `${name}-secret`);
    await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
    assert.ok(await page.getByRole('img', { name: 'QR code' }).isVisible());
    if (javaScriptEnabled) await screenshots(page, 'authenticator-app');
    const app = startApp(await page.locator('#key').innerText());
    // A phone cannot scan what it shows itself.
    const link = page.getByRole('link', { name: 'On this device: open it in your authenticator app' });
    const uri = new URL(await link.getAttribute('href'));
    assert.deepEqual([uri.protocol, uri.searchParams.get('secret')], ['otpauth:', app.secret.replaceAll(' ', '')]);
    await link.tap(); // nothing takes it here: the page stays
    assert.equal(await page.title(), 'Set up your authenticator app');
    await page.getByLabel('Code', { exact: true }).fill(await app.next());
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    if (javaScriptEnabled) await screenshots(page, 'recovery-codes');
    await page.getByRole('link', { name: 'Back to your account' }).click();
    await page.getByText('10 recovery codes are left').waitFor();
    if (javaScriptEnabled) await screenshots(page, 'account-factors');
    await page.context().clearCookies();
    await page.goto(`${authority.issuer}/account`);
    await signIn(page, name, `${name}-secret`);
    assert.equal(await page.title(), 'Confirm that it is you');
    if (javaScriptEnabled) await screenshots(page, 'second-step');
    assert.ok(await page.getByLabel('Code', { exact: true }).evaluate((input) => input === document.activeElement));
    const width = await page.locator('body').evaluate((body) => body.scrollWidth);
    assert.ok(width <= 360, `it is ${width} wide`);
    await page.getByLabel('Code', { exact: true }).fill(await app.next());
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your account' }).waitFor();
    assert.deepEqual(page.complaints.filter((text) => !/otpauth.*registered handler/.test(text)), []);
  });
}
