// SPDX-License-Identifier: Apache-2.0
// RFC 8707: `resource` decides which API a token is for, at the authorization endpoint and again, within what was granted, at the token endpoint.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const redirect = 'https://app.example/callback', A = 'https://a.example', B = 'https://b.example', C = 'https://c.example';
const common = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'offline_access', 'read'], audiences: [A, B, C], skip_consent: true };
const authority = await startAuthority({
  authority: {
    clients: {
      web: { ...common, grants: ['authorization_code', 'refresh_token', DEVICE] }, opaque: { ...common, token_format: 'opaque' },
      none: { ...common, audiences: undefined },
    },
  },
});
const as = (client) => ({ basic: [client, 's'] });

/** A login up to the code; redeem(more) asks the token endpoint. */
async function login(client, resources) {
  const code_verifier = openid.randomPKCECodeVerifier();
  const query = new URLSearchParams({ client_id: client, redirect_uri: redirect, response_type: 'code', scope: 'openid offline_access read', code_challenge: await openid.calculatePKCECodeChallenge(code_verifier), code_challenge_method: 'S256' });
  for (const resource of resources) query.append('resource', resource);
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/authorize?${query}`);
  const { location } = await browser.signIn();
  return (more = []) => authority.post('/token', [['grant_type', 'authorization_code'], ['code', location.searchParams.get('code')], ['redirect_uri', redirect], ['code_verifier', code_verifier], ...more], as(client));
}
const resource = (...values) => values.map((value) => ['resource', value]);
const refresh = (client, token, more = []) => authority.post('/token', [['grant_type', 'refresh_token'], ['refresh_token', token], ...more], as(client));
/** The audiences of an access token of either kind. */
async function audiences({ status, json }) {
  assert.equal(status, 200, json.error_description);
  const token = json.access_token;
  const { aud } = token.includes('.') ? jose.decodeJwt(token) : (await authority.post('/introspect', { token }, as('web'))).json;
  return [aud].flat();
}
async function isRefused({ status, json }, received, expected) {
  assert.equal(status, 400);
  assert.equal(json.error, 'invalid_target');
  assert.match(json.error_description, /request\.resource_invalid/);
  await until(() => authority.log().some(({ cause, finding }) => cause === 'request.resource_invalid' && finding.received === received && finding.expected === expected), `the log to name ${received}`);
}

for (const client of ['web', 'opaque'])
  test(`a code and a refresh token are good for what was granted, and for less where the request says so: ${client}`, async () => {
    const redeem = await login(client, [A, B]);
    await isRefused(await redeem(resource(C)), C, `${A}, ${B}`); // the client may have it, and nobody granted it
    await isRefused(await redeem(resource(A, 'https://junk.example')), 'https://junk.example', `${A}, ${B}`);
    const first = await redeem(resource(B));
    assert.deepEqual(await audiences(first), [B]);
    const all = await refresh(client, first.json.refresh_token);
    assert.deepEqual(await audiences(all), [A, B]); // the refresh token is of the whole grant
    await isRefused(await refresh(client, all.json.refresh_token, resource(C)), C, `${A}, ${B}`);
    const narrow = await refresh(client, all.json.refresh_token, resource(A)); // the refusal did not use it up
    assert.deepEqual(await audiences(narrow), [A]);
    assert.deepEqual(await audiences(await refresh(client, narrow.json.refresh_token, [['audience', B]])), [B]);
  });

test('without a resource at the authorization endpoint the default is what was granted', async () => {
  const redeem = await login('web', []);
  await isRefused(await redeem(resource(B)), B, A);
  assert.deepEqual(await audiences(await redeem(resource(A))), [A]);
});

test('a client without resources names none', async () => {
  const redeem = await login('none', []);
  await isRefused(await redeem(resource(A)), A, 'none: the grant names no resource');
  assert.equal((await redeem()).status, 200);
});

test('a device names within what it asked for', async () => {
  const device = (await authority.post('/device_authorization', [['scope', 'openid'], ...resource(A, B)], as('web'))).json;
  const browser = startBrowser();
  await browser.open(device.verification_uri_complete);
  await browser.signIn();
  await browser.allow();
  const poll = (more) => authority.post('/token', [['grant_type', DEVICE], ['device_code', device.device_code], ...more], as('web'));
  await isRefused(await poll(resource(C)), C, `${A}, ${B}`);
  assert.deepEqual(await audiences(await poll(resource(B))), [B]);
});
