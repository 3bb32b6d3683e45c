// SPDX-License-Identifier: Apache-2.0
// What is no live access token is told apart at userinfo and introspection, by proof and not by guess.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { base64url, breakSignature, decodePart, makeKey, makeToken, now, signRaw } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback', scopes = ['openid', 'offline_access', 'read'];
const authority = await startAuthority({
  authority: {
    clients: {
      web: { secret: 's', redirect_uris: [redirect], scopes, skip_consent: true },
      opaque: { secret: 's', redirect_uris: [redirect], scopes, skip_consent: true, token_format: 'opaque' },
      machine: { secret: 's', scopes: ['openid', 'read'] },
      brief: { secret: 's', scopes: ['read'], token_lifetime: '1s' },
      brief_opaque: { secret: 's', scopes: ['read'], token_lifetime: '1s', token_format: 'opaque' },
      api: { secret: 's', scopes: ['read'] },
    },
  },
});

async function login(client) {
  const config = await openid.discovery(new URL(authority.issuer), client, undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const browser = startBrowser();
  await browser.open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: scopes.join(' '), prompt: 'consent', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' }));
  let page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  return openid.authorizationCodeGrant(config, page.location, { pkceCodeVerifier });
}
const own = async (client, form = {}) => (await authority.post('/token', { grant_type: 'client_credentials', ...form }, { basic: [client, 's'] })).json.access_token;
const revoked = async (client) => {
  const token = await own(client);
  assert.equal((await authority.post('/revoke', { token }, { basic: [client, 's'] })).status, 200);
  return token;
};

const tokens = await login('web');
const header = decodePart(tokens.access_token, 0), claims = decodePart(tokens.access_token, 1);
const stranger = await makeKey('ES256');
/** The line of the log about an answer, once it is written. */
const lineOf = ({ requestId }) => until(() => authority.log().find((line) => line.request_id === requestId), `the line of ${requestId}`);
const dead = {
  'a word': ['junk', 'token.opaque'],
  'a token response': [JSON.stringify({ access_token: tokens.access_token }), 'token.malformed.response_body'],
  'the scheme twice': [`Bearer ${tokens.access_token}`, 'token.malformed.scheme_repeated'],
  'an ID token': [tokens.id_token, 'token.kind.id_token'],
  'a refresh token': [tokens.refresh_token, 'token.kind.refresh_token'],
  'a broken signature': [breakSignature(tokens.access_token), 'signature.invalid'],
  'no signature': [`${base64url({ ...header, alg: 'none' })}.${base64url(claims)}.`, 'algorithm.none'],
  'a key that is not ours': [await makeToken(stranger, claims, { typ: 'at+jwt' }), 'keys.unknown_kid'],
  'a payload that is no JSON': [signRaw(stranger, JSON.stringify(header), '{"a":'), 'token.malformed.json'],
  'an opaque token that is not known': [`spat_${'A'.repeat(43)}`, 'token.revoked'],
  'a revoked JWT': [await revoked('machine'), 'token.revoked'],
  'a revoked opaque token': [await revoked('brief_opaque'), 'token.revoked'],
  'an expired JWT': [await own('brief'), 'time.expired'],
  'an expired opaque token': [await own('brief_opaque'), 'time.expired'],
};
const longest = now() + 1;
while (now() <= longest) await new Promise((resolve) => setTimeout(resolve, 100));

for (const [name, [token, cause]] of Object.entries(dead)) {
  test(`${name} is named ${cause}`, async () => {
    const asked = await authority.post('/introspect', { token }, { basic: ['api', 's'] });
    assert.deepEqual(asked.json, { active: false });
    const { finding, cause: logged } = await lineOf(asked);
    assert.equal(logged, cause);
    for (const text of [finding.fix, finding.detail ?? '']) assert.doesNotMatch(text, /[{}]/);
    const told = await authority.get('/userinfo', { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(told.status, 401);
    assert.match(told.headers['www-authenticate'], /error="invalid_token"/);
    assert.match(told.headers['www-authenticate'], new RegExp(`\\(${cause.replaceAll('.', '\\.')}\\)`));
    const { verdict } = await lineOf(told);
    assert.doesNotMatch(verdict.cause.explanation, /not known|\{/);
  });
}

const form = (values) => ({ method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(values).toString() });
const bearer = `Bearer ${tokens.access_token}`;
const places = {
  'two Authorization headers': [{ headers: ['Authorization', bearer, 'Authorization', bearer] }, 400, 'token.duplicated'],
  'header and form': [{ ...form({ access_token: 'junk' }), headers: { ...form({}).headers, Authorization: bearer } }, 400, 'token.duplicated'],
  'the URL': [{ query: `?access_token=${tokens.access_token}` }, 401, 'token.in_query'],
  'Basic': [{ headers: { Authorization: 'Basic YTpi' } }, 401, 'token.scheme_unsupported'],
  'the scheme alone': [{ headers: { Authorization: 'Bearer' } }, 401, 'token.missing'],
  'nowhere': [{}, 401, 'token.missing'],
};
for (const [name, [{ query = '', ...options }, status, cause]] of Object.entries(places)) {
  test(`a token at userinfo in ${name} is ${cause}`, async () => {
    const answer = await authority.get(`/userinfo${query}`, options);
    assert.equal(answer.status, status, answer.headers['www-authenticate']);
    assert.match(answer.headers['www-authenticate'], /^Bearer/);
    assert.equal((await lineOf(answer)).cause, cause);
  });
}

test('a token in the form of a POST is taken, one in the URL does not count, and a client that asks about itself is told that there is no person', async () => {
  const told = await authority.get('/userinfo', form({ access_token: tokens.access_token }));
  assert.equal(told.json.sub, tokens.claims().sub);
  assert.equal((await authority.get('/userinfo?access_token=junk', { headers: { Authorization: bearer } })).json.sub, tokens.claims().sub);
  const answer = await authority.get('/userinfo', { headers: { Authorization: `Bearer ${await own('machine', { scope: 'openid' })}` } });
  assert.equal(answer.status, 401);
  const { finding, cause } = await lineOf(answer);
  assert.equal(cause, 'token.of_no_person');
  assert.equal(finding.received, 'machine');
});

test('a refresh token is introspected by its own client alone, when it asks for one', async () => {
  const { refresh_token: token } = await login('web');
  let line;
  const introspect = async (client, form) => {
    const answer = await authority.post('/introspect', { token, ...form }, { basic: [client, 's'] });
    line = await lineOf(answer);
    return answer.json;
  };
  const hint = { token_type_hint: 'refresh_token' };
  const { active, client_id, scope, exp, iat, ...rest } = await introspect('web', hint);
  assert.deepEqual({ active, client_id, scope, rest }, { active: true, client_id: 'web', scope: scopes.join(' '), rest: { iss: authority.issuer } });
  assert.ok(exp > now() && iat <= now());
  assert.deepEqual(await introspect('web', {}), { active: false });
  assert.deepEqual(await introspect('api', hint), { active: false });
  assert.equal(line.cause, 'refresh.other_client');
  const next = await authority.post('/token', { grant_type: 'refresh_token', refresh_token: token }, { basic: ['web', 's'] });
  assert.equal(next.status, 200, 'it was not used by being looked at');
  assert.deepEqual(await introspect('web', hint), { active: false });
  assert.equal(line.cause, 'refresh.reused');
  assert.equal((await authority.post('/introspect', { token: next.json.refresh_token, ...hint }, { basic: ['web', 's'] })).json.active, true, 'nor did that end the family');
  assert.equal((await authority.post('/revoke', { token: next.json.refresh_token }, { basic: ['web', 's'] })).status, 200);
  assert.deepEqual((await authority.post('/introspect', { token: next.json.refresh_token, ...hint }, { basic: ['web', 's'] })).json, { active: false });
});
