// SPDX-License-Identifier: Apache-2.0
// RP-Initiated Logout, parameter by parameter; the names in brackets are modules of the OpenID Foundation's plans for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';

const redirect = 'https://app.example/callback';
const bye = 'https://app.example/bye';
const common = { secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true };
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: { web: { ...common, post_logout_redirect_uris: [bye, `${bye}?from=here`] }, other: { ...common, post_logout_redirect_uris: ['https://other.example/bye'] } },
  },
});

async function login(id = 'web', browser = startBrowser()) {
  const config = await openid.discovery(new URL(authority.issuer), id, undefined, openid.ClientSecretPost('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const ask = async (extra = {}) => openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  let page = await browser.open(await ask());
  if (!page.location) page = await browser.signIn();
  const tokens = await openid.authorizationCodeGrant(config, page.location, { pkceCodeVerifier, idTokenExpected: true });
  const isSignedIn = async () => (await browser.open(await ask({ prompt: 'none' }))).location.searchParams.has('code');
  return { browser, config, hint: tokens.id_token, isSignedIn };
}
const endSession = (parameters) => `${authority.issuer}/logout?${new URLSearchParams(parameters)}`;
const asksPerson = (page) => /Sign out\?/.test(page.text) && !page.location;

test('discovery has the endpoint, and openid-client signs out by it [oidcc-rp-initiated-logout-discovery-endpoint-verification, oidcc-rp-initiated-logout]', async () => {
  const { browser, config, hint, isSignedIn } = await login();
  assert.equal(config.serverMetadata().end_session_endpoint, `${authority.issuer}/logout`);
  const { location } = await browser.open(openid.buildEndSessionUrl(config, { id_token_hint: hint, post_logout_redirect_uri: bye, state: 'a b&c=%' }));
  assert.equal(location.origin + location.pathname, bye);
  assert.equal(location.searchParams.get('state'), 'a b&c=%');
  assert.equal(await isSignedIn(), false);
});

test('the same by POST, and without a state none comes back [oidcc-rp-initiated-logout-no-state]', async () => {
  const { browser, hint, isSignedIn } = await login();
  const { location } = await browser.open(`${authority.issuer}/logout`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ id_token_hint: hint, client_id: 'web', post_logout_redirect_uri: bye }).toString() });
  assert.equal(location.href, bye);
  assert.equal(await isSignedIn(), false);
});

test('nobody is sent to an address that is not registered for the very client [oidcc-rp-initiated-logout-bad-post-logout-redirect-uri, -query-added-to-post-logout-redirect-uri]', async () => {
  const { browser, hint, isSignedIn } = await login();
  for (const uri of ['https://evil.example/', `${bye}/`, `${bye}?more`, `${bye}?from=here&more`, 'https://other.example/bye', redirect, 'javascript:alert(1)']) {
    const page = await browser.open(endSession({ id_token_hint: hint, post_logout_redirect_uri: uri }));
    assert.deepEqual([page.status, page.location], [400, undefined], uri);
    await authority.lastLine('logout.uri_unregistered');
  }
  assert.equal(await isSignedIn(), true);
  assert.equal((await browser.open(endSession({ id_token_hint: hint, post_logout_redirect_uri: `${bye}?from=here`, state: 'x' }))).location.href, `${bye}?from=here&state=x`);
});

test('a hint that was changed, or that is no id_token of ours for the client, is refused [oidcc-rp-initiated-logout-modified-id-token-hint, -bad-id-token-hint]', async () => {
  const { browser, hint, isSignedIn } = await login();
  const [header, payload, signature] = hint.split('.');
  const changed = Buffer.from(payload, 'base64url').toString().replace('"web"', '"other"');
  for (const wrong of [`${header}.${Buffer.from(changed).toString('base64url')}.${signature}`, `${header}.${payload}.${signature.slice(0, -4)}AAAA`, `${header}.${payload}.`, `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`, 'x.y.z', 'nonsense'])
    for (const uri of [bye, undefined]) {
      const page = await browser.open(endSession({ id_token_hint: wrong, ...(uri ? { post_logout_redirect_uri: uri } : {}) }));
      assert.deepEqual([page.status, page.location], [400, undefined], wrong);
    }
  const stranger = await browser.open(endSession({ id_token_hint: hint, client_id: 'other', post_logout_redirect_uri: 'https://other.example/bye' }));
  assert.deepEqual([stranger.status, stranger.location], [400, undefined]);
  assert.equal(await isSignedIn(), true);
});

test('without a hint the person is asked, and then sent on where the client is named [oidcc-rp-initiated-logout-no-id-token-hint]', async () => {
  const { browser, isSignedIn } = await login();
  assert.equal((await browser.open(endSession({ post_logout_redirect_uri: bye, state: 'x' }))).status, 400); // whose address?
  await authority.lastLine('logout.no_hint');
  assert.ok(asksPerson(await browser.open(endSession({ client_id: 'web', post_logout_redirect_uri: bye, state: 'x' }))));
  assert.equal(await isSignedIn(), true);
  await browser.open(endSession({ client_id: 'web', post_logout_redirect_uri: bye, state: 'x' }));
  assert.equal((await browser.submit({ step: 'stay' })).location.href, `${bye}?state=x`);
  assert.equal(await isSignedIn(), true);
  await browser.open(endSession({ client_id: 'web', post_logout_redirect_uri: bye, state: 'x' }));
  assert.equal((await browser.submit({ step: 'signout' })).location.href, `${bye}?state=x`);
  assert.equal(await isSignedIn(), false);
});

test('without an address the person stays here [oidcc-rp-initiated-logout-no-params, -no-post-logout-redirect-uri, -only-state]', async () => {
  const { browser, isSignedIn } = await login();
  for (const parameters of [{}, { state: 'x' }, { state: '<b>', ui_locales: 'fr', logout_hint: 'ann', nobody: 'knows' }]) assert.ok(asksPerson(await browser.open(endSession(parameters))), JSON.stringify(parameters));
  assert.equal(await isSignedIn(), true);
  await browser.open(endSession({}));
  const done = await browser.submit({ step: 'signout' });
  assert.deepEqual([done.status, done.location], [200, undefined]);
  assert.match(done.text, /signed out/);
  const { browser: second, hint, isSignedIn: isSecond } = await login();
  const page = await second.open(endSession({ id_token_hint: hint, state: 'x' }));
  assert.deepEqual([page.status, page.location], [200, undefined]);
  assert.equal(await isSecond(), false);
});

test('a hint of another session, or of one that is over, ends nothing without asking', async () => {
  const first = await login();
  const second = await login();
  assert.ok(asksPerson(await second.browser.open(endSession({ id_token_hint: first.hint, post_logout_redirect_uri: bye }))));
  assert.equal(await second.isSignedIn(), true);
  assert.equal((await first.browser.open(endSession({ id_token_hint: first.hint, post_logout_redirect_uri: bye }))).location.href, bye);
  // Signed in again: the id_token of before is another session's.
  const again = await login('web', first.browser);
  assert.ok(asksPerson(await again.browser.open(endSession({ id_token_hint: first.hint }))));
  // And whoever is not signed in is sent back all the same.
  const nobody = await startBrowser().open(endSession({ id_token_hint: first.hint, post_logout_redirect_uri: bye, state: 'y' }));
  assert.equal(nobody.location.href, `${bye}?state=y`);
});
