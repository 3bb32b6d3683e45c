// SPDX-License-Identifier: Apache-2.0
// What is taken back is gone: an application's access, a person's account, a scope of a client. And what is not taken back stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { jose, jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer', DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const partner = await makeKey('ES256');
const redirect = 'https://app.example/callback';
const common = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'email', 'offline_access', 'read', 'write'], audiences: ['https://api.example'], skip_consent: true };
const section = {
  assertion_issuers: { partner: { issuer: 'https://partner.example', jwks: jwks(partner), subject_claim: 'email', scopes: ['read'] } },
  clients: {
    web: { ...common, name: 'Web' },
    other: { ...common, name: 'Other' },
    short: { ...common, name: 'Short Album', grants: ['authorization_code'] },
    opaque: { ...common, name: 'Opaque Album', grants: ['authorization_code'], token_format: 'opaque' },
    bridge: { secret: 's', grants: [BEARER], scopes: ['read'], audiences: ['https://api.example'] },
    tv: { method: 'none', grants: [DEVICE, 'refresh_token'], scopes: ['openid', 'offline_access'] },
    api: { secret: 's', scopes: ['read'] },
  },
};
const authority = await startAuthority({ authority: section });
const account = `${authority.issuer}/account`;
const insecure = { execute: [openid.allowInsecureRequests] };

const addAccount = async (name) => {
  const { code, stderr } = await sallyport(['accounts', 'add', name, '--claims', JSON.stringify({ email: `${name}@example.test` }), '--state', authority.state], { input: `${name}-secret-1\n` });
  assert.equal(code, 0, stderr);
};
/** A login of `name` for a client, up to the code: redeem() makes tokens of it. */
async function authorize(client, name, { scope = 'openid read', browser = startBrowser(), at = authority, ...more } = {}) {
  const config = await openid.discovery(new URL(at.issuer), client, undefined, openid.ClientSecretBasic('s'), insecure);
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope, code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...more });
  let page = await browser.open(url);
  if (!page.location) page = await browser.signIn(name, `${name}-secret-1`);
  return { config, browser, location: page.location, redeem: () => openid.authorizationCodeGrant(config, page.location, { pkceCodeVerifier }) };
}
const isActive = async (token) => (await authority.post('/introspect', { token }, { basic: ['api', 's'] })).json.active;
/** Presses the button of a row of the account page. */
async function press(browser, section, step, item) {
  const page = await browser.open(account);
  const form_token = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  return browser.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, section, step, item }).toString() });
}

for (const client of ['short', 'opaque'])
  test(`access tokens of an application without refresh tokens end with its access, and with the account: ${client}`, async () => {
    const name = `dora-${client}`;
    await addAccount(name);
    const first = await authorize(client, name);
    const tokens = await first.redeem();
    assert.equal(tokens.refresh_token, undefined);
    assert.equal(await isActive(tokens.access_token), true);
    assert.match((await first.browser.open(account)).text, /Album/); // it needs no consent, and is listed all the same
    assert.match((await press(first.browser, 'grants', 'revoke', client)).text, /no longer has access/);
    assert.equal(await isActive(tokens.access_token), false);
    const second = await (await authorize(client, name, { browser: first.browser })).redeem();
    assert.equal(await isActive(second.access_token), true);
    assert.equal((await authority.cli(['accounts', 'disable', name])).code, 0);
    assert.equal(await isActive(second.access_token), false);
    assert.equal((await authority.cli(['accounts', 'enable', name])).code, 0);
    assert.equal(await isActive(second.access_token), false);
    const third = await (await authorize(client, name)).redeem();
    assert.equal(await isActive(third.access_token), true);
    assert.equal((await authority.cli(['accounts', 'remove', name])).code, 0);
    assert.equal(await isActive(third.access_token), false);
  });

test('an application that gave its refresh token back is not listed any more', async () => {
  await addAccount('gina');
  const { config, browser, redeem } = await authorize('other', 'gina', { scope: 'openid offline_access' });
  const { refresh_token } = await redeem();
  assert.match((await browser.open(account)).text, /<strong[^>]*>Other</);
  await openid.tokenRevocation(config, refresh_token);
  assert.doesNotMatch((await browser.open(account)).text, /<strong[^>]*>Other</);
  await assert.rejects(openid.refreshTokenGrant(config, refresh_token), { error: 'invalid_grant', error_description: /refresh\.revoked/ });
});

test('a code in flight and a device that was allowed give nothing once access was taken back', async () => {
  await addAccount('cody');
  const { browser, redeem } = await authorize('web', 'cody', { scope: 'openid offline_access' });
  await press(browser, 'grants', 'revoke', 'web');
  await assert.rejects(redeem(), { error: 'invalid_grant' });
  const { device_code, verification_uri_complete } = (await authority.post('/device_authorization', { client_id: 'tv', scope: 'openid offline_access' })).json;
  await browser.open(verification_uri_complete);
  assert.match((await browser.allow()).text, /go back to your device/);
  await press(browser, 'grants', 'revoke', 'tv');
  assert.equal((await authority.post('/token', { grant_type: DEVICE, device_code, client_id: 'tv' })).json.error, 'invalid_grant');
});

test('a token by a partner\'s assertion is dead while the account is disabled', async () => {
  await addAccount('bert');
  const assertion = await makeToken(partner, { iss: 'https://partner.example', sub: 'x', email: 'bert', aud: authority.issuer, exp: now() + 60, jti: crypto.randomUUID() }, { typ: 'JWT' });
  const { access_token } = (await authority.post('/token', { grant_type: BEARER, assertion }, { basic: ['bridge', 's'] })).json;
  assert.equal(await isActive(access_token), true);
  await authority.cli(['accounts', 'disable', 'bert']);
  assert.equal(await isActive(access_token), false);
});

test('a new password takes offline refresh tokens back, whoever sets it; the browser in which it is changed stays signed in', async () => {
  await addAccount('olga');
  const { config, browser, redeem } = await authorize('web', 'olga', { scope: 'openid offline_access read' });
  const tokens = await redeem();
  const page = await browser.open(account);
  const form_token = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const tooShort = await browser.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, section: 'password', step: 'change', old_password: 'olga-secret-1', new_password: 'short' }).toString() });
  assert.match(tooShort.text, /8 characters at least/);
  const line = await authority.lastLine('account.malformed');
  assert.deepEqual([line.accepted, line.finding.detail], [false, 'the new password has 5 bytes']);
  const changed = await browser.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, section: 'password', step: 'change', old_password: 'olga-secret-1', new_password: 'olga-secret-2' }).toString() });
  assert.match(changed.text, /password is changed/);
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  assert.equal(await isActive(tokens.access_token), false);
  const again = await (await authorize('web', 'olga', { scope: 'openid offline_access read', browser })).redeem(); // nobody had to sign in
  assert.equal((await sallyport(['accounts', 'password', 'olga', '--state', authority.state], { input: 'olga-secret-3\n' })).code, 0);
  await assert.rejects(openid.refreshTokenGrant(config, again.refresh_token), { error: 'invalid_grant' });
  assert.match((await browser.open(account)).text, /<title>Sign in/);
});

test('whoever signs in again in their own browser ends nothing: refresh tokens and a code in flight go on with the session', async () => {
  await addAccount('rita');
  const { config, browser, redeem } = await authorize('web', 'rita');
  let tokens = await redeem();
  const flying = await authorize('web', 'rita', { browser });
  const other = await authorize('other', 'rita', { browser, prompt: 'login' });
  const claims = (await other.redeem()).claims();
  assert.equal(claims.sid, tokens.claims().sid);
  for (let i = 0; i < 2; i++) tokens = await openid.refreshTokenGrant(config, tokens.refresh_token); // the successor knows the session, too
  const late = await flying.redeem();
  await openid.refreshTokenGrant(config, late.refresh_token);
  await press(browser, 'profile', 'signout');
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
});

test('what is taken from a client in the configuration is left out of the next refresh, and of a code in flight', async () => {
  await addAccount('nora');
  const { config, browser, redeem } = await authorize('web', 'nora', { scope: 'openid offline_access read write' });
  const tokens = await redeem();
  const flying = await authorize('web', 'nora', { scope: 'openid offline_access read write', browser });
  authority.write({ ...section, clients: { ...section.clients, web: { ...section.clients.web, scopes: ['openid', 'offline_access', 'read'] } } });
  authority.signal('SIGHUP');
  await until(() => authority.output().includes('the configuration was read again'), 'the configuration to be read again');
  for (const late of [await openid.refreshTokenGrant(config, tokens.refresh_token), await flying.redeem()]) {
    assert.equal(late.scope, 'openid offline_access read');
    assert.equal(jose.decodeJwt(late.access_token).scope, 'openid offline_access read');
  }
});
