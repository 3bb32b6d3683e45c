// SPDX-License-Identifier: Apache-2.0
// E-mail through a real SMTP server (npm smtp-server) with STARTTLS and authentication: verification of an address, forgotten passwords.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { SMTPServer } from 'smtp-server';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { makeAuthority } from '../lib/certificates.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startApp } from '../lib/totp.mjs';
import { until } from '../lib/wait.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-mail-'));
defer(() => fs.rmSync(folder, { recursive: true, force: true }));
const ca = makeAuthority(folder);
const certificate = ca.issue('mail', { names: ['localhost', '127.0.0.1'] });
const inbox = []; // links
const notices = []; // of what happened to an account
let refuse; // an Error for the next messages
const server = new SMTPServer({
  key: certificate.key,
  cert: certificate.cert,
  authMethods: ['PLAIN', 'LOGIN'],
  onAuth: ({ username, password }, session, callback) => callback(username === 'sallyport' && password === 'p@ss word' && session.secure ? null : new Error('no'), { user: username }),
  onData: (stream, session, callback) => {
    let text = '';
    stream.on('data', (chunk) => (text += chunk));
    stream.on('end', () => {
      if (refuse) return callback(refuse);
      const kind = text.includes(Buffer.from('Your account was changed').toString('base64')) || text.includes(Buffer.from('Ihr Konto wurde geändert').toString('base64')) ? notices : inbox;
      kind.push({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map(({ address }) => address), secure: session.secure, user: session.user, text });
      callback();
    });
  },
});
server.on('error', () => {});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
defer(() => new Promise((resolve) => server.close(resolve)));

const redirect = 'https://app.example/callback';
const section = {
  authority: {
    ca_file: ca.caFile,
    mail: { url: `smtp://localhost:${server.server.address().port}`, from: 'login@example.test', user: 'sallyport', password: 'p@ss word', name: 'Example Login' },
    clients: { web: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'email', 'offline_access'], skip_consent: true } },
  },
};
const authority = await startAuthority(section);
const account = `${authority.issuer}/account`;

/** The next message, taken apart: { headers (unfolded lines), body, link }. */
async function nextMail(box = inbox) {
  const mail = await until(() => box.shift(), 'a message to arrive');
  const [head, ...rest] = mail.text.split('\r\n\r\n');
  const headers = head.replaceAll(/\r\n[ \t]/g, ' ').split('\r\n');
  const body = Buffer.from(rest.join('').replaceAll('\r\n', ''), 'base64').toString('utf8');
  return { ...mail, head, headers, body, link: body.match(/http:\/\/\S+/)?.[0] };
}
const ask = async (who, headers) => {
  const browser = startBrowser(headers);
  await browser.open(`${authority.issuer}/reset`);
  return browser.submit({ who, step: 'send' });
};
const addAccount = async (name, claims = { email: `${name}@example.test`, email_verified: true }, at = authority) => {
  const { code, stderr } = await sallyport(['accounts', 'add', name, '--claims', JSON.stringify(claims), '--state', at.state], { input: `${name}-secret-1\n` });
  assert.equal(code, 0, stderr);
};
async function canSignIn(name, password) {
  const browser = startBrowser();
  await browser.open(account);
  return (await browser.signIn(name, password)).text.includes('<title>Your account');
}

test('a forgotten password: by mail over TLS, with one link for one use, and everything ends', async () => {
  const browser = startBrowser();
  const config = await openid.discovery(new URL(authority.issuer), 'web', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  await browser.open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid offline_access', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' }));
  const tokens = await openid.authorizationCodeGrant(config, (await browser.signIn()).location, { pkceCodeVerifier });

  assert.match((await ask('ann')).text, /a message is on its way/);
  const mail = await nextMail();
  assert.deepEqual([mail.from, mail.to, mail.secure, mail.user], ['login@example.test', ['ann@example.test'], true, 'sallyport']);
  assert.ok(mail.headers.some((line) => /^Date: \w{3}, \d{2} \w{3} \d{4} [\d:]{8} \+0000$/.test(line)));
  assert.ok(mail.headers.some((line) => /^Message-ID: <\S+@example\.test>$/.test(line)));
  const subject = mail.headers.find((line) => line.startsWith('Subject:')).replaceAll(/=\?UTF-8\?B\?([^?]*)\?= ?/g, (whole, text) => Buffer.from(text, 'base64').toString());
  assert.equal(subject, 'Subject: Choose a new password');
  assert.match(mail.body, /Example Login/);

  const stranger = startBrowser();
  const form = await stranger.open(mail.link); // a mail filter looks at it
  assert.match(form.text, /for <strong>ann<\/strong>/);
  await startBrowser().open(mail.link);
  assert.match((await stranger.submit({ new_password: 'short', step: 'set' })).text, /8 characters at least/);
  assert.match((await stranger.submit({ new_password: 'ann-secret-2', step: 'set' })).text, /signed out everywhere/);
  assert.equal(await canSignIn('ann', 'ann-secret'), false);
  assert.equal(await canSignIn('ann', 'ann-secret-2'), true);
  assert.match((await browser.open(account)).text, /<title>Sign in/);
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  const again = await startBrowser().open(mail.link);
  assert.match(again.text, /expired or was used already/);
  assert.match((await authority.lastLine('mail.link_gone')).finding.received, /used, of more than an hour ago/);
  assert.ok(!JSON.stringify(authority.log()).includes(new URL(mail.link).searchParams.get('ticket')), 'the log holds a link');
});

test('of many that use one link at once exactly one sets its password', async () => {
  await addAccount('race');
  await ask('race');
  const { link } = await nextMail();
  const browsers = await Promise.all(Array.from({ length: 5 }, async () => {
    const browser = startBrowser();
    await browser.open(link);
    return browser;
  }));
  const pages = await Promise.all(browsers.map((browser, i) => browser.submit({ new_password: `race-password-${i}`, step: 'set' })));
  assert.equal(pages.filter(({ text }) => /signed out everywhere/.test(text)).length, 1);
  assert.equal(pages.filter(({ text }) => /was used already/.test(text)).length, 4);
});

test('nobody learns who is known: the same page for all, and mail only to the verified address of who has a password', async () => {
  const table = path.join(folder, 'people.csv');
  fs.writeFileSync(table, 'name,email,email_verified\nelsewhere,elsewhere@example.test,true\n');
  const imported = await sallyport(['accounts', 'import', table, '--state', authority.state]);
  assert.equal(imported.code, 0, imported.stderr);
  await addAccount('unverified', { email: 'unverified@example.test' });
  await addAccount('known');
  const strip = (text) => text.replaceAll(/value="[^"]*"/g, '');
  const pages = [];
  for (const who of ['nobody', 'nobody@example.test', 'unverified', 'unverified@example.test', 'elsewhere@example.test', 'x\r\nBcc: evil@example.test', '<script>', 'KNOWN@example.test']) pages.push(strip((await ask(who)).text));
  assert.equal(new Set(pages).size, 1);
  assert.deepEqual((await nextMail()).to, ['known@example.test']);
  assert.equal(inbox.length, 0);
});

test('a person gets one message a minute', async () => {
  await addAccount('often');
  for (let i = 0; i < 4; i++) await ask('often');
  await addAccount('after');
  await ask('after');
  const to = [(await nextMail()).to[0]];
  while (to.at(-1) !== 'after@example.test') to.push((await nextMail()).to[0]);
  assert.ok(to.filter((address) => address === 'often@example.test').length <= 2, to.join()); // two when the minute turned
});

test('a link is worth nothing once the password or the address it was for has changed', async () => {
  await addAccount('moved');
  await ask('moved');
  const { link } = await nextMail();
  const holder = startBrowser();
  await holder.open(link);
  assert.equal((await sallyport(['accounts', 'password', 'moved', '--state', authority.state], { input: 'moved-secret-2\n' })).code, 0);
  assert.match((await startBrowser().open(link)).text, /expired or was used already/);
  assert.equal((await authority.lastLine('mail.link_gone')).accepted, false);
  assert.match((await holder.submit({ new_password: 'thiefs-password', step: 'set' })).text, /expired or was used already/);
  assert.equal(await canSignIn('moved', 'moved-secret-2'), true);
});

test('a link that a thief asked for verifies no address once the owner has a new password', async () => {
  await addAccount('vic');
  const thief = startBrowser();
  await thief.open(account);
  const page = await thief.signIn('vic', 'vic-secret-1');
  const form_token = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const refused = await thief.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, section: 'email', step: 'change', email: 'no address' }).toString() });
  assert.match(refused.text, /role="alert"/);
  assert.equal((await authority.lastLine('account.malformed')).accepted, false);
  await thief.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, section: 'email', step: 'change', email: 'evil@attacker.test' }).toString() });
  const evil = await nextMail();
  assert.deepEqual(evil.to, ['evil@attacker.test']);
  const opened = startBrowser();
  assert.match((await opened.open(evil.link)).text, /account <strong>vic/);
  assert.equal((await sallyport(['accounts', 'password', 'vic', '--state', authority.state], { input: 'vic-secret-2\n' })).code, 0);
  assert.match((await opened.submit({ step: 'confirm' })).text, /expired or was used already/);
  assert.match((await startBrowser().open(evil.link)).text, /expired or was used already/);
  assert.equal((await authority.lastLine('mail.link_gone')).accepted, false);
  const { claims } = JSON.parse((await sallyport(['accounts', 'show', 'vic', '--state', authority.state])).stdout);
  assert.deepEqual(claims, { email: 'vic@example.test', email_verified: true });
});

test('what waits to be delivered holds no link that can be read', async () => {
  await addAccount('sealed');
  refuse = Object.assign(new Error('later'), { responseCode: 451 });
  await ask('sealed');
  const database = path.join(authority.state, 'authority.sqlite');
  const bytes = () => [database, `${database}-wal`].filter((file) => fs.existsSync(file)).map((file) => fs.readFileSync(file, 'latin1')).join('');
  await until(() => /"kind":"mail","to":"sealed@example.test"/.test(bytes()), 'the message to wait');
  assert.ok(!/ticket=/.test(bytes()));
  refuse = undefined;
  const { to, link } = await nextMail();
  assert.deepEqual(to, ['sealed@example.test']);
  assert.match((await startBrowser().open(link)).text, /for <strong>sealed/);
});

test('the message speaks the language of who asked', async () => {
  await addAccount('deutsch');
  await ask('deutsch', { 'Accept-Language': 'de' });
  const mail = await nextMail();
  assert.match(mail.body, /Wenn Sie es waren, öffnen Sie innerhalb einer Stunde diesen Link/);
  assert.match((await startBrowser().open(mail.link)).text, /<html lang="de">/);
});

test('a new address is verified by its link, and the claim follows', { skip }, async () => {
  await addAccount('vera', { name: 'Vera' });
  const page = await openPage({ javaScriptEnabled: false });
  await page.goto(account);
  assert.ok(await page.getByRole('link', { name: 'Forgot your password?' }).isVisible());
  await signIn(page, 'vera', 'vera-secret-1');
  assert.ok(await page.getByText('No address is known').isVisible());
  await page.getByLabel('New address').fill('Vera.New@Example.test');
  await page.getByRole('button', { name: 'Send a link to it' }).click();
  assert.match(await page.getByRole('status').innerText(), /on its way/);
  await screenshots(page, 'account-mail');
  const mail = await nextMail();
  assert.deepEqual(mail.to, ['vera.new@example.test']);
  assert.equal(JSON.parse((await sallyport(['accounts', 'show', 'vera', '--state', authority.state])).stdout).claims.email, undefined);
  await page.goto(mail.link);
  assert.ok(await page.getByText('address of the account vera').isVisible());
  await screenshots(page, 'email-confirm');
  await page.getByRole('button', { name: 'Yes, verify it' }).click();
  assert.ok(await page.getByText('Your address is verified.').isVisible());
  const { claims } = JSON.parse((await sallyport(['accounts', 'show', 'vera', '--state', authority.state])).stdout);
  assert.deepEqual(claims, { name: 'Vera', email: 'vera.new@example.test', email_verified: true });
  assert.match((await noticeTo('vera.new@example.test')).body, /this is the e-mail address of the account vera now/); // the first it has
  await page.goto(mail.link);
  assert.ok(await page.getByText('expired or was used already').isVisible());
  assert.deepEqual(page.complaints.filter((text) => !/400/.test(text)), []);
});

test('an address of another account is not taken', { skip }, async () => {
  await addAccount('thief', {});
  const page = await openPage({ javaScriptEnabled: false });
  await page.goto(account);
  await signIn(page, 'thief', 'thief-secret-1');
  await page.getByLabel('New address').fill('known@example.test');
  await page.getByRole('button', { name: 'Send a link to it' }).click();
  await page.goto((await nextMail()).link);
  await page.getByRole('button', { name: 'Yes, verify it' }).click();
  assert.ok(await page.getByText('belongs to another account').isVisible());
});

test('a forgotten password on a phone: each page fits its screen, and the person is in', { skip }, async () => {
  const own = await startAuthority(section); // an address may ask twenty times an hour
  await addAccount('phoebe', undefined, own);
  const page = await openPage({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const shown = async (name) => {
    assert.ok((await page.locator('html').evaluate(({ scrollWidth }) => scrollWidth)) <= 390, `${name} scrolls sideways`);
    for (const field of await page.locator('input:visible, button:visible').all()) {
      const { height } = await field.boundingBox();
      assert.ok(height >= 40, `${name}: a finger needs more than ${height} pixels`);
    }
    await screenshots(page, name);
  };
  await page.goto(`${own.issuer}/account`);
  await page.getByRole('link', { name: 'Forgot your password?' }).tap();
  const who = page.getByLabel('Username or e-mail address'); // the page that is waited for, and not the one before
  await who.waitFor();
  await shown('reset-ask');
  await who.fill('phoebe');
  await page.getByRole('button', { name: 'Send the link' }).tap();
  await page.getByText('a message is on its way').waitFor();
  const { link } = await nextMail();
  await shown('reset-asked');
  await page.goto(link);
  await shown('reset-new');
  await page.getByLabel('New password').fill('phoebe-secret-2');
  await page.getByRole('button', { name: 'Change password' }).tap();
  await page.getByText('password is changed').waitFor();
  await shown('reset-done');
  await page.goto(link);
  await page.getByText('expired or was used already').waitFor();
  await shown('reset-used');
  await page.getByRole('link', { name: 'Ask for a new link' }).tap();
  await who.waitFor();
  await page.goto(`${own.issuer}/account`);
  await signIn(page, 'phoebe', 'phoebe-secret-2');
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  assert.deepEqual(page.complaints.filter((text) => !/400/.test(text)), []);
});

test('the password is changed with the old one; other browsers are signed out', { skip }, async () => {
  await addAccount('paul');
  const other = startBrowser();
  await other.open(account);
  await other.signIn('paul', 'paul-secret-1');
  const page = await openPage({ javaScriptEnabled: false });
  await page.goto(account);
  await signIn(page, 'paul', 'paul-secret-1');
  const change = async (before, after) => {
    await page.getByLabel('Present password').fill(before);
    await page.getByLabel('New password').fill(after);
    await page.getByRole('button', { name: 'Change password' }).click();
  };
  await change('wrong-secret', 'paul-secret-2');
  assert.match(await page.getByRole('alert').innerText(), /not right/);
  await change('paul-secret-1', 'paul-secret-2');
  assert.match(await page.getByRole('status').innerText(), /password is changed/);
  assert.match((await other.open(account)).text, /<title>Sign in/);
  await page.reload();
  assert.equal(await page.title(), 'Error: Your account');
  assert.equal(await canSignIn('paul', 'paul-secret-1'), false);
  assert.equal(await canSignIn('paul', 'paul-secret-2'), true);
});

test('what a server refuses for now is told on stderr at once, for good in the log, and not tried again', async () => {
  await addAccount('lost');
  refuse = Object.assign(new Error('come back later'), { responseCode: 451 });
  await ask('lost');
  await until(() => /did not take a message: SMTP 451 /.test(authority.output()), 'the reason on stderr', 15_000);
  refuse = Object.assign(new Error('no such relay'), { responseCode: 550 });
  const line = await until(() => authority.log().find(({ cause }) => cause === 'mail.not_delivered'), 'the log to tell it', 15_000);
  assert.match(JSON.stringify(line), /550/);
  await until(() => /the mail server answers again/.test(authority.output()), 'the end of it on stderr');
  refuse = undefined;
});

test('a link that nobody made, or for another purpose, opens nothing', async () => {
  await addAccount('odd');
  await ask('odd');
  const { link } = await nextMail();
  const ticket = new URL(link).searchParams.get('ticket');
  for (const where of [`/email?ticket=${ticket}`, '/reset?ticket=x', '/email', '/email?ticket=']) {
    const page = await startBrowser().open(authority.issuer + where);
    assert.match(page.text, /expired or was used already/, where);
  }
});

test('what a link in a message opens fits the narrowest phone, however long a name and an address are', { skip }, async () => {
  const own = await startAuthority(section);
  for (const locale of ['en', 'de']) {
    const name = `wolfeschlegelsteinhausenbergerdorff_of_the_second_house_${locale}`; // one person asks once a minute
    const address = `${name.slice(-50)}@departmentwitharatherlongname.subsidiary.example.test`;
    await addAccount(name, { email: address, email_verified: true }, own);
    const page = await openPage({ javaScriptEnabled: false, viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true, locale });
    const fits = async (what) => {
      const [width, cut] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        [...document.querySelectorAll('main *')].filter((each) => each.getBoundingClientRect().right > document.querySelector('main').getBoundingClientRect().right + 0.5).map((each) => each.outerHTML.slice(0, 100)),
      ]);
      assert.ok(width <= 360, `${what} (${locale}) is ${width} wide`);
      assert.deepEqual(cut, [], `${what} (${locale})`);
      await screenshots(page, `${what}-${locale}`);
    };
    const press = (button) => page.locator(`button[value=${button}]`).tap();
    await page.goto(`${own.issuer}/reset`);
    await page.locator('#who').fill(name);
    await press('send');
    await page.getByRole('status').waitFor();
    await fits('link-reset-asked');
    const { link } = await nextMail();
    await page.goto(link);
    await fits('link-reset-new');
    await page.locator('#new_password').fill(`${name}-2`);
    await press('set');
    await page.getByRole('status').waitFor();
    await fits('link-reset-done');
    await page.goto(link);
    await fits('link-gone');
    await page.goto(`${own.issuer}/account`);
    await page.locator('input[name=username]').fill(name);
    await page.locator('input[name=password]').fill(`${name}-2`);
    await page.locator('button[type=submit], form button').first().tap();
    await page.locator('input[name=email]').fill(`new-${address}`);
    await page.locator('form:has(input[name=email]) button').first().tap();
    await page.getByRole('status').waitFor();
    await fits('account');
    const mail = await nextMail();
    await page.goto(mail.link);
    await fits('link-email-confirm');
    await press('confirm');
    await page.locator('button').waitFor({ state: 'detached' });
    await fits('link-email-done');
    await page.goto(mail.link);
    await fits('link-email-gone');
  }
});

/** The one notice that waits for the address, and its body; fails when another comes for it first. */
async function noticeTo(address) {
  const mail = await until(() => {
    const place = notices.findIndex(({ to }) => to[0] === address);
    return place < 0 ? undefined : notices.splice(place, 1);
  }, `a notice to ${address}`);
  return nextMail(mail);
}
const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0';
const browserOf = async (name, password, where = account) => {
  const browser = startBrowser({ 'User-Agent': agent });
  await browser.open(where);
  const page = await browser.signIn(name, password);
  assert.match(page.text, /<title>(Your account|Ihr Konto)/);
  const form_token = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  browser.send = (fields) => browser.open(where, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, ...fields }).toString() });
  return browser;
};

test('the owner is told by mail when the password is changed or reset: when, from where, and what to do', async () => {
  const own = await startAuthority(section); // an address may ask twenty times an hour
  await addAccount('nora', undefined, own);
  const browser = await browserOf('nora', 'nora-secret-1', `${own.issuer}/account`);
  await browser.send({ section: 'password', step: 'change', old_password: 'nora-secret-1', new_password: 'nora-secret-2' });
  const changed = await noticeTo('nora@example.test');
  assert.match(changed.body, /^Hello,\r\n\r\nthe password of your account nora was changed/);
  assert.match(changed.body, /When: 20\d\d-\d\d-\d\d \d\d:\d\d UTC\r\nFrom: Firefox, Linux, 127\.0\.0\.1\r\n/);
  assert.ok(changed.body.includes(`${own.issuer}/reset\r\n`));
  const asking = startBrowser();
  await asking.open(`${own.issuer}/reset`);
  await asking.submit({ who: 'nora', step: 'send' });
  const stranger = startBrowser({ 'Accept-Language': 'de' });
  await stranger.open((await nextMail()).link.replace(/&ui_locales=en/, '&ui_locales=de'));
  await stranger.submit({ new_password: 'nora-secret-3', step: 'set' });
  assert.match((await noticeTo('nora@example.test')).body, /für Ihr Konto nora wurde ein neues Passwort gesetzt/);
});

test('the owner is told when another address is put in the place of the own one, at both', async () => {
  await addAccount('olga');
  const browser = await browserOf('olga', 'olga-secret-1');
  await browser.send({ section: 'email', step: 'change', email: 'other@example.test' });
  await browser.open((await nextMail()).link);
  assert.match((await browser.submit({ step: 'confirm' })).text, /verified/);
  const old = await noticeTo('olga@example.test');
  assert.match(old.body, /your account olga has another e-mail address now/);
  assert.match(old.body, /tell the people who run this service at once/);
  assert.ok(!old.body.includes('/reset')); // its link would go to the other address
  assert.match((await noticeTo('other@example.test')).body, /another e-mail address/);
});

test('the owner is told of an authenticator app that comes and goes, and of new recovery codes', async () => {
  await addAccount('otto');
  const browser = await browserOf('otto', 'otto-secret-1');
  const setup = await browser.send({ section: 'second_factor', step: 'app_begin' });
  const app = startApp(setup.text.match(/secret=([A-Z2-7]+)/)[1]);
  assert.match((await browser.send({ section: 'second_factor', step: 'app_confirm', code: await app.next() })).text, /recovery codes/i);
  assert.match((await noticeTo('otto@example.test')).body, /an authenticator app was set up for your account otto/);
  await browser.send({ section: 'second_factor', step: 'recovery' });
  assert.match((await noticeTo('otto@example.test')).body, /new recovery codes were made/);
  assert.match((await browser.send({ section: 'second_factor', step: 'app_remove', code: await app.next() })).text, /not asked for any more/);
  assert.match((await noticeTo('otto@example.test')).body, /the authenticator app was removed/);
});

test('nobody is told at an address that is not verified, and without a mail server nothing is said and nothing fails', async () => {
  await addAccount('una', { email: 'una@example.test' });
  await (await browserOf('una', 'una-secret-1')).send({ section: 'password', step: 'change', old_password: 'una-secret-1', new_password: 'una-secret-2' });
  await addAccount('uwe');
  await (await browserOf('uwe', 'uwe-secret-1')).send({ section: 'password', step: 'change', old_password: 'uwe-secret-1', new_password: 'uwe-secret-2' });
  await noticeTo('uwe@example.test');
  assert.ok(!notices.some(({ to }) => to[0] === 'una@example.test'));

  const { mail, ...without } = section.authority;
  const silent = await startAuthority({ authority: without });
  await addAccount('sam', undefined, silent);
  const browser = await browserOf('sam', 'sam-secret-1', `${silent.issuer}/account`);
  const done = await browser.send({ section: 'password', step: 'change', old_password: 'sam-secret-1', new_password: 'sam-secret-2' });
  assert.match(done.text, /password is changed/);
});
