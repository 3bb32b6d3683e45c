// SPDX-License-Identifier: Apache-2.0
// Passkeys: Chromium with the DevTools' virtual authenticator adds one and signs in with it; a passkey in software lies about each part of a ceremony.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { defer } from '../lib/cleanup.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { sallyport } from '../lib/cli.mjs';
import { passkeyForm, send, startAuthenticator } from '../lib/passkey.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

// The application: a browser follows redirects to it.
const application = http.createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end('<title>The application</title>'));
const redirect = `http://127.0.0.1:${await listen(application)}/callback`;
defer(() => new Promise((resolve) => application.close(resolve)));
const port = await freePort();
const origin = `http://localhost:${port}`; // a passkey belongs to a name, and an address is none
const authority = await startAuthority({
  port,
  authority: { issuer: origin, tokens: { algorithm: 'ES256' }, clients: { web: { name: 'Photo Album', secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true } } },
});
const accounts = (words, input) => sallyport(['accounts', ...words, '--state', authority.state], { input });

async function addPerson(name) {
  const made = await accounts(['add', name], `${name}-secret\n`);
  assert.equal(made.code, 0, made.stderr);
  return name;
}

async function begin(extra = {}) {
  const config = await openid.discovery(new URL(origin), 'web', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  return { url, claims: async (location) => (await openid.authorizationCodeGrant(config, location, { pkceCodeVerifier })).claims() };
}

/** The page that asks for a new passkey, on the account page of somebody who signed in with the password. */
async function addingPage(name) {
  const browser = startBrowser();
  await browser.open(`${origin}/account`);
  const page = await browser.signIn(name, `${name}-secret`);
  const form_token = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const form = await send(browser, { action: `${origin}/account`, values: { form_token, section: 'passkeys', step: 'begin' } });
  return { browser, form_token, form: passkeyForm(form) };
}

async function addPasskey(name) {
  const { browser, form, form_token } = await addingPage(name);
  const authenticator = startAuthenticator(origin);
  const page = await send(browser, form, authenticator.register(form.data));
  assert.match(page.text, /passkey was added/);
  const codes = [...page.text.matchAll(/<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})<\/li>/g)].map((match) => match[1]);
  return { browser, authenticator, codes, form_token };
}

/** A browser on the sign-in page: { browser, form, claims }. */
async function signInPage(extra) {
  const browser = startBrowser();
  const { url, claims } = await begin(extra);
  return { browser, form: passkeyForm(await browser.open(url)), claims };
}

test('below all ways in stands the way out', async () => {
  const browser = startBrowser();
  const { text } = await browser.open((await begin()).url);
  const at = ['value="login"', 'value="passkey"', 'value="cancel"'].map((word) => text.indexOf(word));
  assert.ok(at[0] > 0 && at[0] < at[1] && at[1] < at[2], String(at));
});

test('a passkey that verified its person signs in by itself', async () => {
  const { authenticator, codes } = await addPasskey(await addPerson('pat'));
  assert.equal(codes.length, 10);
  const { browser, form, claims } = await signInPage({ acr_values: 'phr' });
  assert.equal(form.data.verification, 'required');
  assert.equal(form.data.known, '');
  const page = await send(browser, form, authenticator.use(form.data));
  const { amr, acr } = await claims(page.location);
  assert.deepEqual({ amr, acr }, { amr: ['pop', 'user', 'mfa'], acr: 'phr' });
});

test('after the password a touch is enough, and of one\'s own passkey only', async () => {
  const name = await addPerson('quinn');
  const { authenticator } = await addPasskey(name);
  const other = await addPasskey(await addPerson('rosa'));
  for (const [mine, lies] of [[false, {}], [true, { flags: 0x01, handle: '' }]]) {
    const browser = startBrowser();
    const { url, claims } = await begin();
    await browser.open(url);
    const form = passkeyForm(await browser.signIn(name, `${name}-secret`));
    assert.equal(form.data.known, authenticator.id);
    const page = await send(browser, form, (mine ? authenticator : other.authenticator).use(form.data, lies));
    if (!mine) {
      assert.match(page.text, /could not be used/);
      await authority.lastLine('login.passkey_unknown');
      continue;
    }
    const { amr, acr } = await claims(page.location);
    assert.deepEqual({ amr, acr }, { amr: ['pwd', 'pop', 'user', 'mfa'], acr: 'phr' });
  }
});

test('every lie has its cause', async () => {
  const { authenticator } = await addPasskey(await addPerson('sam'));
  const lies = [
    ['login.passkey_origin', { client: { origin: 'http://localhost.evil.example' } }],
    ['login.passkey_origin', { client: { origin: `http://127.0.0.1:${port}` } }],
    ['login.passkey_origin', { client: { crossOrigin: true, topOrigin: 'https://evil.example' } }],
    ['login.passkey_relying_party', { rp: 'evil.example' }],
    ['login.passkey_challenge', { client: { challenge: 'AAAA' } }],
    ['login.passkey_not_verified', { flags: 0x01 }],
    ['login.passkey_not_verified', { flags: 0x04 }],
    ['login.passkey_malformed', { client: { type: 'webauthn.create' } }],
    ['login.passkey_malformed', { flags: 0x85 }],
    ['login.passkey_signature', { signature: Buffer.from('30060201010201', 'hex') }],
    ['login.passkey_signature', { signature: Buffer.alloc(0) }],
    ['login.passkey_unknown', { handle: '' }],
    ['login.passkey_unknown', { handle: 'AAAA' }],
  ];
  for (const [cause, lie] of lies) {
    const { browser, form } = await signInPage();
    const page = await send(browser, form, authenticator.use(form.data, lie));
    assert.match(page.text, /could not be used/, cause);
    const { finding } = await authority.lastLine(cause);
    assert.ok(finding.expected && finding.received, JSON.stringify(finding));
    assert.equal(browser.cookies.has('sp_session'), false);
  }
  const { browser, form } = await signInPage();
  await send(browser, form, { ...authenticator.use(form.data), signature: '*' });
  await authority.lastLine('login.passkey_malformed');
});

test('a challenge is good once, in its own browser', async () => {
  const { authenticator } = await addPasskey(await addPerson('tina'));
  const { browser, form } = await signInPage();
  const fields = authenticator.use(form.data, { flags: 0x01 }); // refused, and the challenge is gone
  await send(browser, form, fields);
  await authority.lastLine('login.passkey_not_verified');
  await send(browser, form, authenticator.use(form.data));
  await authority.lastLine('login.passkey_challenge');
  const mine = await signInPage();
  const theirs = await signInPage();
  await send(theirs.browser, theirs.form, authenticator.use(mine.form.data));
  await authority.lastLine('login.passkey_challenge');
  assert.ok((await send(mine.browser, mine.form, authenticator.use(mine.form.data))).location);
});

test('a counter that does not grow is a copy', async () => {
  const { browser, form } = await addingPage(await addPerson('uma'));
  const authenticator = startAuthenticator(origin);
  authenticator.count = 7;
  await send(browser, form, authenticator.register(form.data));
  const first = await signInPage();
  assert.ok((await send(first.browser, first.form, authenticator.use(first.form.data, { count: 9 }))).location);
  for (const count of [9, 8, 0]) {
    const { browser: next, form: page } = await signInPage();
    assert.match((await send(next, page, authenticator.use(page.data, { count }))).text, /could not be used/);
    const { finding } = await authority.lastLine('login.passkey_counter');
    assert.deepEqual([finding.expected, finding.received], ['more than 9', String(count)]);
  }
});

test('adding one: a challenge counts once, a key of another algorithm is refused, and no passkey has two owners', async () => {
  const name = await addPerson('vera');
  const { browser, form } = await addingPage(name);
  const authenticator = startAuthenticator(origin);
  for (const [cause, lie] of [['login.passkey_key', { algorithm: [0x38, 0x22] }], ['login.passkey_challenge', {}]]) {
    assert.match((await send(browser, form, authenticator.register(form.data, lie))).text, /could not be used/);
    await authority.lastLine(cause);
  }
  const { browser: again, form: fresh } = await addingPage(name);
  assert.match((await send(again, fresh, authenticator.register(fresh.data))).text, /passkey was added/);
  const thief = await addingPage(await addPerson('walt'));
  assert.match((await send(thief.browser, thief.form, authenticator.register(thief.form.data))).text, /registered already/);
});

test('the operator removes a passkey, and with the last one the recovery codes go', async () => {
  const name = await addPerson('xena');
  const { authenticator } = await addPasskey(name);
  const listed = JSON.parse((await accounts(['factors', name, '--json'])).stdout);
  assert.deepEqual(listed.passkeys.map(({ id }) => id), [authenticator.id]);
  const left = await accounts(['factors', name, '--remove', authenticator.id, '--json']);
  assert.deepEqual(JSON.parse(left.stdout), { app: { confirmed: false }, passkeys: [], recovery_codes: 0 });
  const { browser, form } = await signInPage();
  await send(browser, form, authenticator.use(form.data));
  await authority.lastLine('login.passkey_unknown');
});

async function startVirtual(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const call = (what, more = {}) => devtools.send(`WebAuthn.${what}`, { authenticatorId, ...more });
  return { devtools, call, credentials: async () => (await call('getCredentials')).credentials };
}

for (const [what, options, script] of [['without scripts', { javaScriptEnabled: false }], ['in a browser that knows no passkeys', {}, 'delete window.PublicKeyCredential'], ['with both', {}]])
  test(`a page with a passkey and nothing else says what it needs: ${what}`, { skip }, async () => {
    const name = await addPerson(`wim${[...what].length}`);
    const page = await openPage(options);
    if (script) await page.addInitScript(script);
    const needs = page.getByText('Passkeys need JavaScript and a browser that knows them.');
    const works = what === 'with both';
    await page.goto(`${origin}/account`);
    assert.equal(await needs.isVisible(), false); // the password is another way in
    await signIn(page, name, `${name}-secret`);
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByLabel('Name of the passkey').waitFor();
    assert.deepEqual([await page.title(), await needs.isVisible(), await page.getByRole('button', { name: 'Create the passkey' }).isVisible()], ['Add a passkey', !works, works]);
    await screenshots(page, `passkey-add-${what.replaceAll(' ', '-')}`);
    await addPasskey(name);
    await page.context().clearCookies();
    await page.goto(`${origin}/account`);
    await signIn(page, name, `${name}-secret`);
    await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
    assert.deepEqual([await needs.isVisible(), await page.getByRole('button', { name: 'Use a passkey' }).isVisible()], [!works, works]);
    await screenshots(page, `passkey-only-${what.replaceAll(' ', '-')}`);
  });

test('Chromium adds a passkey, signs in with it, is refused with a copy and after it was removed', { skip }, async () => {
  const name = await addPerson('yuri');
  const before = authority.log().length;
  // Not the last line: the browser asks for an icon, too.
  const logged = (cause) => until(() => authority.log().slice(before).some((line) => line.cause === cause), `${cause} in the log`);
  const page = await openPage();
  const virtual = await startVirtual(page);
  const { devtools } = virtual;
  await devtools.send('Page.enable');
  const never = { source: 'if (window.PublicKeyCredential) PublicKeyCredential.isConditionalMediationAvailable = async () => false;' };
  await page.goto(`${origin}/account`);
  await signIn(page, name, `${name}-secret`);
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name of the passkey').fill('Work laptop');
  assert.equal(await page.title(), 'Add a passkey'); // what those without scripts are told is no trouble of others
  await screenshots(page, 'passkey-add');
  await page.getByRole('button', { name: 'Create the passkey' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  await page.getByRole('link', { name: 'Back to your account' }).click();
  await page.getByText('Work laptop').waitFor();
  await screenshots(page, 'account-passkeys');
  const [credential] = await virtual.credentials();
  assert.equal(credential.isResidentCredential, true);

  // Arrives at the application, or is refused. Only `byItself` may the browser offer the passkey without the button.
  const arrives = (url) => url.href.startsWith(redirect);
  const signInWithPasskey = async ({ byItself = false } = {}) => {
    await page.context().clearCookies();
    const { url, claims } = await begin({ acr_values: 'phr' });
    const script = byItself ? undefined : await devtools.send('Page.addScriptToEvaluateOnNewDocument', never);
    await page.goto(url.href, { waitUntil: 'commit' });
    if (!byItself) await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await Promise.any([page.waitForURL(arrives), page.getByText('could not be used').waitFor()]);
    if (script) await devtools.send('Page.removeScriptToEvaluateOnNewDocument', script);
    return arrives(new URL(page.url())) ? claims(new URL(page.url())) : undefined;
  };
  const { amr, acr, sub } = await signInWithPasskey();
  assert.deepEqual({ amr, acr }, { amr: ['pop', 'user', 'mfa'], acr: 'phr' });
  assert.equal((await signInWithPasskey({ byItself: true })).sub, sub);

  // A copy: the same key in another authenticator, whose counter stayed behind.
  const [used] = await virtual.credentials();
  await virtual.call('removeCredential', { credentialId: used.credentialId });
  await virtual.call('addCredential', { credential: { ...used, signCount: 0 } });
  assert.equal(await signInWithPasskey(), undefined);
  await logged('login.passkey_counter');

  // Removed on the account page, still in the authenticator. The way in: the password, and a recovery code would do as well.
  await virtual.call('removeCredential', { credentialId: used.credentialId });
  await virtual.call('addCredential', { credential: { ...used, signCount: used.signCount + 10 } });
  assert.ok(await signInWithPasskey());
  await page.goto(`${origin}/account`);
  await page.locator('#passkeys').getByRole('button', { name: 'Remove' }).click();
  assert.match(await page.getByRole('status').innerText(), /passkey was removed/);
  assert.equal(await signInWithPasskey(), undefined);
  await logged('login.passkey_unknown');
  await screenshots(page, 'passkey-refused');
  assert.deepEqual(page.complaints, []);
});

test('without scripts the password works and no passkey is offered', { skip }, async () => {
  const page = await openPage({ javaScriptEnabled: false });
  await page.goto(`${origin}/account`);
  assert.equal(await page.getByRole('button', { name: 'passkey' }).count(), 0);
  await screenshots(page, 'sign-in');
  await signIn(page);
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  assert.match(await page.getByRole('alert').first().innerText(), /need JavaScript/);
  assert.deepEqual(page.complaints, []);
});
