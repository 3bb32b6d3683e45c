// SPDX-License-Identifier: Apache-2.0
// Clients register themselves (RFC 7591, 7592; OpenID Connect Dynamic Client Registration): openid-client and oauth4webapi do, sign a
// person in with what they got, and are gone when they remove themselves or the operator does. The names in brackets are modules of the
// OpenID Foundation's Dynamic OP test plan.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { defer } from '../lib/cleanup.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: { rs: { secret: 's' } },
    registration: { scopes: ['openid', 'profile', 'offline_access', 'read'], grants: ['authorization_code', 'refresh_token', 'client_credentials'], audiences: ['https://api.example'], max_clients: 200 },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const redirect = 'https://app.example/callback';
const initialToken = async (args = []) => (await authority.cli(['clients', 'token', '--json', ...args])).json.initial_access_token;
const shared = await initialToken(['--uses', '100', '--lifetime', '1d']);
const register = (metadata, token = shared) => authority.post('/register', JSON.stringify(metadata), { headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) } });
const manage = (method, { json }, body, token = json.registration_access_token) => authority.get(new URL(json.registration_client_uri).pathname + new URL(json.registration_client_uri).search, {
  method, headers: { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}) }, body: body && JSON.stringify(body) });

async function signIn(config, redirectUri = redirect, scope = 'openid profile') {
  const verifier = openid.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: openid.randomState(), expectedNonce: openid.randomNonce(), idTokenExpected: true };
  const browser = startBrowser();
  await browser.open(openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope, code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', state: checks.expectedState, nonce: checks.expectedNonce }));
  let page = await browser.signIn();
  const consent = page.text;
  if (!page.location) page = await browser.allow();
  return { tokens: await openid.authorizationCodeGrant(config, page.location, checks), consent };
}

test('openid-client registers, signs a person in and refreshes [oidcc-server, oidcc-userinfo-get, oidcc-refresh-token]', async () => {
  const config = await openid.dynamicClientRegistration(new URL(authority.issuer), {
    client_name: 'Holiday <Photos>', token_endpoint_auth_method: 'client_secret_post', redirect_uris: [redirect], grant_types: ['authorization_code', 'refresh_token'], scope: 'openid profile offline_access',
  }, undefined, { ...insecure, initialAccessToken: await initialToken() });
  assert.match(config.clientMetadata().client_id, /^spdc_/);
  assert.match(config.clientMetadata().client_secret, /^sprs_/);
  const { tokens, consent } = await signIn(config, redirect, 'openid profile offline_access');
  assert.match(consent, /Holiday &lt;Photos&gt;/);
  assert.equal(tokens.claims().aud, config.clientMetadata().client_id);
  assert.equal((await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).name, 'Ann Example');
  const again = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.ok(again.access_token);
});

test('oauth4webapi registers a public and a private_key_jwt client; jwks and jwks_uri [oidcc-registration-jwks-uri, oidcc-server-client-secret-post]', async () => {
  const options = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), options));
  assert.equal(as.registration_endpoint, `${authority.issuer}/register`);
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const set = { keys: [{ ...await jose.exportJWK(publicKey), kid: 'mine', alg: 'ES256', use: 'sig' }] };
  const published = http.createServer((_, response) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(set))).listen(0, '127.0.0.1');
  await once(published, 'listening');
  defer(() => published.close());
  const rows = [
    [{ token_endpoint_auth_method: 'none', redirect_uris: [redirect] }, undefined],
    [{ token_endpoint_auth_method: 'client_secret_post', grant_types: ['client_credentials'], response_types: [] }, (client) => oauth.ClientSecretPost(client.client_secret)],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks: set, grant_types: ['client_credentials'], response_types: [] }, () => oauth.PrivateKeyJwt({ key: privateKey, kid: 'mine' })],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `http://127.0.0.1:${published.address().port}/jwks`, grant_types: ['client_credentials'], response_types: [] }, () => oauth.PrivateKeyJwt({ key: privateKey, kid: 'mine' })],
  ];
  for (const [metadata, auth] of rows) {
    const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, metadata, { ...options, initialAccessToken: shared }));
    assert.equal(client.token_endpoint_auth_method, metadata.token_endpoint_auth_method);
    assert.equal('client_secret' in client, metadata.token_endpoint_auth_method.startsWith('client_secret'));
    if (!auth) continue;
    const answer = await oauth.clientCredentialsGrantRequest(as, client, auth(client), { scope: 'read' }, options);
    const tokens = await oauth.processClientCredentialsResponse(as, client, answer);
    assert.equal(jose.decodeJwt(tokens.access_token).aud, 'https://api.example');
  }
});

test('nobody registers without a token that is alive, and each is good as often as it was made for', async () => {
  const none = await register({ redirect_uris: [redirect] }, null);
  assert.deepEqual([none.status, none.headers['www-authenticate']], [401, 'Bearer realm="authority"']);
  const script = await authority.get('/register', { method: 'POST', headers: { 'Content-Type': 'application/json', Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' }, body: '{}' });
  assert.deepEqual([script.status, script.headers['www-authenticate']], [401, 'Bearer realm="authority"']);
  await authority.lastLine('registration.token_missing');
  const single = await initialToken();
  const answers = await Promise.all(Array.from({ length: 12 }, () => register({ redirect_uris: [redirect] }, single)));
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  assert.equal(answers.filter(({ status, headers }) => status === 401 && /error="invalid_token"/.test(headers['www-authenticate'])).length, 11);
  // Only its hash is kept, and secrets of clients likewise.
  const good = answers.find(({ status }) => status === 201).json;
  for (const secret of [single, good.client_secret, good.registration_access_token]) {
    assert.doesNotMatch(authority.output(), new RegExp(secret));
    assert.ok(!JSON.stringify(authority.log()).includes(secret));
    assert.ok(!fs.readFileSync(`${authority.state}/authority.sqlite`).includes(secret));
  }
});

test('a client that registered itself reads no token but its own and those for it', async () => {
  const [one, other] = await Promise.all([1, 2].map(async () => (await register({ grant_types: ['client_credentials'], response_types: [], scope: 'read' })).json));
  const token = async (basic) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic })).json.access_token;
  const credentials = ({ client_id, client_secret }) => [client_id, client_secret];
  const own = await token(credentials(one));
  const ask = async (value, basic) => (await authority.post('/introspect', { token: value }, { basic })).json;
  assert.equal((await ask(own, credentials(one))).active, true);
  assert.equal((await ask(own, ['rs', 's'])).active, true, 'the file says that rs is one of ours');
  assert.deepEqual(await ask(own, credentials(other)), { active: false });
  assert.match(JSON.stringify(await authority.lastLine('audience.mismatch')), new RegExp(other.client_id));
});

test('a client reads, changes and removes its registration; what it had been given goes with it [oidcc-registration-read…]', async () => {
  const client = await register({ grant_types: ['client_credentials'], response_types: [], scope: 'read' });
  assert.equal(client.status, 201, client.text);
  assert.match(client.headers['cache-control'], /no-store/);
  const basic = [client.json.client_id, client.json.client_secret];
  const grant = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic });
  const token = (await grant()).json.access_token;
  const introspect = async () => (await authority.post('/introspect', { token }, { basic: ['rs', 's'] })).json.active;
  assert.equal(await introspect(), true);
  const read = await manage('GET', client);
  assert.equal(read.status, 200);
  assert.deepEqual([read.json.client_id, read.json.scope, read.json.client_secret], [client.json.client_id, 'read', undefined]);
  const changed = await manage('PUT', client, { client_id: client.json.client_id, redirect_uris: [redirect], client_name: 'Now a web app' });
  assert.deepEqual([changed.status, changed.json.client_name, changed.json.grant_types], [200, 'Now a web app', ['authorization_code']]);
  assert.equal((await grant()).json.error, 'unauthorized_client');
  assert.equal((await manage('PUT', client, { client_id: 'another', redirect_uris: [redirect] })).json.error, 'invalid_client_metadata');
  assert.equal((await manage('GET', client, undefined, 'wrong')).status, 401);
  assert.equal((await manage('DELETE', client)).status, 204);
  assert.equal((await manage('GET', client)).status, 401);
  assert.equal((await grant()).json.error, 'invalid_client');
  assert.equal(await introspect(), false);
});

test('the operator lists and removes clients while the authority runs', async () => {
  const { json: client } = await register({ grant_types: ['client_credentials'], response_types: [], client_name: 'Unwanted' });
  const grant = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: [client.client_id, client.client_secret] });
  assert.equal((await grant()).status, 200); // it is in memory now
  const list = await authority.cli(['clients', 'list', '--json']);
  assert.equal(list.json.find(({ client_id: id }) => id === client.client_id).client_name, 'Unwanted');
  assert.ok(!list.stdout.includes(client.client_secret));
  assert.equal((await authority.cli(['clients', 'remove', client.client_id])).code, 0);
  await until(async () => (await grant()).status === 401, 'the removal to be seen');
  assert.equal((await authority.cli(['clients', 'remove', client.client_id])).code, 1);
});

test('registrations outlive a restart, and a shared redirect URI is nobody else\'s [oidcc-redirect-uri-query-…, oidcc-ensure-registered-redirect-uri]', async () => {
  const query = `${redirect}?tenant=one`;
  const client = await register({ redirect_uris: [query], token_endpoint_auth_method: 'none' });
  await authority.restart();
  const ask = (uri) => authority.get(`/authorize?${new URLSearchParams({ client_id: client.json.client_id, response_type: 'code', redirect_uri: uri, scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' })}`);
  assert.notEqual((await ask(query)).status, 400);
  for (const wrong of [redirect, `${query}&more`, `${redirect}?tenant=two`]) {
    const answer = await ask(wrong);
    assert.deepEqual([answer.status, answer.headers.location], [400, undefined]);
  }
});

test('bad metadata is refused with the member by name [oidcc-registration-…-invalid]', async () => {
  const rows = [
    [{ redirect_uris: ['https://app.example/cb#fragment'] }, 'invalid_redirect_uri', /fragment/],
    [{ redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri', /https/],
    [{ redirect_uris: [] }, 'invalid_redirect_uri', /redirect/],
    [{ redirect_uris: [redirect], logo_uri: 'data:image/png,x' }, 'invalid_client_metadata', /logo_uri/],
    [{ redirect_uris: [redirect], subject_type: 'secret' }, 'invalid_client_metadata', /subject_type/],
    [{ redirect_uris: [redirect], scope: 'openid admin' }, 'invalid_client_metadata', /admin/],
    [{ redirect_uris: [redirect], id_token_signed_response_alg: 'none' }, 'invalid_client_metadata', /id_token_signed_response_alg/],
    [{ redirect_uris: [redirect], software_statement: 'e30.e30.' }, 'unapproved_software_statement', /software/],
    [{ redirect_uris: Array.from({ length: 40 }, (_, i) => `${redirect}/${i}`) }, 'invalid_redirect_uri', /32/],
  ];
  for (const [metadata, error, description] of rows) {
    const { status, json } = await register(metadata);
    assert.deepEqual([status, json.error], [400, error], JSON.stringify(json));
    assert.match(json.error_description, description);
  }
  const large = await register({ redirect_uris: [redirect], client_name: 'x'.repeat(40_000) });
  assert.equal(large.status, 413);
  for (const body of ['', '[]', '{', 'null', '{"redirect_uris":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}'])
    assert.equal((await authority.post('/register', body, { headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${shared}` } })).status, 400, body);
  assert.equal((await authority.post('/register', { redirect_uris: redirect })).json.error, 'invalid_request');
});
