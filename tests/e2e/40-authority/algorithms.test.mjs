// SPDX-License-Identifier: Apache-2.0
// Several signing keys at once: each client gets the algorithm it is registered for, in id_token, userinfo and introspection; each algorithm rotates
// on its own; openid-client and jose verify.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { decodePart, jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback';
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const base = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile'], skip_consent: true };
const clients = {
  plain: { ...base },
  service: { secret: 's', grants: ['client_credentials'] },
  checker: { secret: 's', grants: ['client_credentials'], introspection_signed_response_alg: 'EdDSA' },
  ...Object.fromEntries(algorithms.map((alg) => [alg, { ...base, id_token_signed_response_alg: alg, userinfo_signed_response_alg: alg }])),
};
const tokens = { algorithm: 'ES256', algorithms };
const authority = await startAuthority({ authority: { tokens, clients, keys: { overlap: '2s' } } });
const keySet = async (at = authority) => (await at.get('/jwks')).json;

async function login(id) {
  const metadata = { id_token_signed_response_alg: algorithms.includes(id) ? id : 'ES256', ...(algorithms.includes(id) ? { userinfo_signed_response_alg: id } : {}) };
  const config = await openid.discovery(new URL(authority.issuer), id, metadata, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  openid.enableNonRepudiationChecks(config); // openid-client then verifies the signatures too
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const browser = startBrowser();
  await browser.open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid profile', state: checks.expectedState, code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256' }));
  const { location } = await browser.signIn();
  return { config, tokens: await openid.authorizationCodeGrant(config, location, checks) };
}

test('discovery lists what keys there are, the standard one first', async () => {
  const { json } = await authority.get('/.well-known/openid-configuration');
  for (const member of ['id_token_signing_alg_values_supported', 'userinfo_signing_alg_values_supported', 'introspection_signing_alg_values_supported']) {
    assert.equal(json[member][0], 'ES256', member);
    assert.deepEqual([...json[member]].sort(), [...algorithms].sort(), member);
  }
  assert.deepEqual((await keySet()).keys.map(({ alg }) => alg).sort(), [...algorithms].sort());
});

for (const alg of [...algorithms, 'plain']) {
  test(`${alg}: id_token and userinfo by the client's algorithm`, async () => {
    const { config, tokens: got } = await login(alg);
    assert.equal(decodePart(got.id_token, 0).alg, alg === 'plain' ? 'ES256' : alg);
    assert.equal(decodePart(got.access_token, 0).alg, 'ES256');
    // OIDC Core 3.1.3.6: the left half, by the hash of the id_token's own signature; Ed25519's is SHA-512.
    const digest = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256').update(got.access_token).digest();
    assert.equal(got.claims().at_hash, digest.subarray(0, digest.length / 2).toString('base64url'));
    const info = await openid.fetchUserInfo(config, got.access_token, got.claims().sub);
    assert.equal(info.name, 'Ann Example');
    const raw = await authority.get('/userinfo', { token: got.access_token });
    assert.match(raw.headers['content-type'], alg === 'plain' ? /^application\/json/ : /^application\/jwt/);
    if (alg === 'plain') return;
    const { payload, protectedHeader } = await jose.jwtVerify(raw.text, jose.createLocalJWKSet(await keySet()), { issuer: authority.issuer, audience: alg });
    assert.equal(protectedHeader.alg, alg);
    assert.equal(payload.sub, got.claims().sub);
    // A refusal stays what it is.
    assert.equal((await authority.get('/userinfo', { token: 'x' })).status, 401);
  });
}

test('introspection is signed for the client that is registered for it', async () => {
  const { json } = await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['service', 's'] });
  const answer = await authority.post('/introspect', { token: json.access_token }, { basic: ['checker', 's'] });
  assert.match(answer.headers['content-type'], /^application\/token-introspection\+jwt/);
  const { payload, protectedHeader } = await jose.jwtVerify(answer.text, jose.createLocalJWKSet(await keySet()), { issuer: authority.issuer, audience: 'checker', typ: 'token-introspection+jwt' });
  assert.equal(protectedHeader.alg, 'EdDSA');
  assert.equal(payload.token_introspection.active, true);
  assert.equal(payload.active, undefined);
});

test('one algorithm is rotated by hand, the others stay', async () => {
  const before = (await keySet()).keys;
  assert.equal((await authority.cli(['keys', 'rotate', '--algorithm', 'ES512'])).code, 3);
  const { code, json } = await authority.cli(['keys', 'rotate', '--algorithm', 'EdDSA', '--json']);
  assert.equal(code, 0);
  assert.deepEqual(json.filter(({ state }) => state === 'published').map(({ algorithm }) => algorithm), ['EdDSA']);
  await until(async () => (await keySet()).keys.length === before.length + 1, 'the new key to be published');
  const fresh = (await keySet()).keys.find(({ kid }) => !before.some((key) => key.kid === kid));
  assert.equal(fresh.alg, 'EdDSA');
  const ask = async () => decodePart((await authority.post('/introspect', { token: 'x' }, { basic: ['checker', 's'] })).text, 0).kid;
  assert.notEqual(await ask(), fresh.kid);
  await until(async () => (await ask()) === fresh.kid, 'the new key to sign');
  assert.equal((await keySet()).keys.length, before.length + 1); // the old one stays
});

test('an algorithm comes, is published first, and goes again while old tokens stay good', async () => {
  const own = { service: clients.service };
  const at = await startAuthority({ authority: { tokens: { algorithm: 'ES256' }, keys: { overlap: '2s' }, clients: own } });
  const token = async () => (await at.post('/token', { grant_type: 'client_credentials' }, { basic: ['service', 's'] })).json.access_token;
  const first = await token();
  at.write({ tokens: { algorithm: 'EdDSA' }, keys: { overlap: '2s' }, clients: own });
  at.signal('SIGHUP');
  await until(async () => (await keySet(at)).keys.length === 2, 'the key of the new algorithm');
  assert.equal(decodePart(await token(), 0).alg, 'ES256'); // known to every verifier
  await until(async () => decodePart(await token(), 0).alg === 'EdDSA', 'the new algorithm to sign');
  await jose.jwtVerify(first, jose.createLocalJWKSet(await keySet(at)));
  assert.equal((await at.post('/introspect', { token: first }, { basic: ['service', 's'] })).json.active, true);
  assert.deepEqual((await at.get('/.well-known/openid-configuration')).json.id_token_signing_alg_values_supported, ['EdDSA']);
});

test('to another algorithm and back within the overlap: the key of before goes on, and nothing signs that was not published first', { skip: !canSetClock && 'the sanitizers are preloaded' }, async () => {
  const clock = makeClock();
  const section = (algorithm) => ({ tokens: { algorithm }, clients: { service: clients.service } });
  const at = await startAuthority({ authority: section('ES256'), env: clock.env });
  const token = async () => (await at.post('/token', { grant_type: 'client_credentials' }, { basic: ['service', 's'] })).json.access_token;
  const start = decodePart(await token(), 1).iat;
  const first = decodePart(await token(), 0).kid;
  // Housekeeping is done once a second: it was when a token is two seconds younger.
  const after = async (hours) => {
    clock.set(hours * 3600);
    const jwt = await until(async () => [await token()].find((each) => decodePart(each, 1).iat >= start + hours * 3600 + 2), 'the clock to be read');
    return decodePart(jwt, 0).kid;
  };
  for (const [hours, algorithm] of [[1, 'EdDSA'], [2, 'ES256']]) {
    assert.equal(await after(hours), first);
    at.write(section(algorithm));
    at.signal('SIGHUP');
    await until(() => at.output().split('the configuration was read again').length === hours + 1, 'the configuration to be read again');
    await until(async () => (await keySet(at)).keys.length === 2, 'the key of the other algorithm to be published');
  }
  const known = (await keySet(at)).keys.map(({ kid }) => kid);
  for (const hours of [24.9, 25.1, 27, 49.1]) assert.equal(await after(hours), first, `after ${hours} hours`);
  assert.deepEqual((await keySet(at)).keys.map(({ kid }) => kid), known);
});

test('what no key can sign is refused when the configuration is read', async () => {
  authority.write({ tokens: { algorithm: 'ES256' }, clients: { x: { secret: 's', id_token_signed_response_alg: 'RS256' } } });
  authority.signal('SIGHUP');
  await until(() => /id_token_signed_response_alg/.test(authority.output()), 'the complaint');
  assert.match(authority.output(), /There are no keys of it: add it to authority\.tokens\.algorithms/);
});
