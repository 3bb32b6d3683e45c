// SPDX-License-Identifier: Apache-2.0
// Clients under `profile: fapi2` whose tokens are bound to a certificate, behind the nginx of `sallyport serve`: what the OpenID Foundation's
// plan asks where clients authenticate by mutual TLS, and where private_key_jwt goes with bound tokens. The names in brackets are its modules.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import nodeTls from 'node:tls';
import { startBrowser } from '../lib/browser.mjs';
import { makeAuthority } from '../lib/certificates.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { decodePart, jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const ca = makeAuthority(temporaryFolder());
const server = ca.issue('gateway');
const certificates = { one: ca.issue('one', { names: ['one.example'] }), two: ca.issue('two', { names: ['two.example'] }), keyed: ca.issue('keyed', { names: ['keyed.example'] }) };
const [people, machines] = [await freePort(), await freePort()];
const issuer = `https://127.0.0.1:${people}/login`;
const redirect = 'https://app.example/callback', withQuery = `${redirect}?dummy1=lorem&dummy2=ipsum`;
const key = await makeKey('PS256');
const common = { profile: 'fapi2', tls_client_certificate_bound_access_tokens: true, redirect_uris: [redirect, withQuery], scopes: ['openid', 'offline_access'], skip_consent: true };
const tls = { certificate: server.certFile, key: server.keyFile };
const gateway = await startGateway({
  config: {
    listen: [{ address: `127.0.0.1:${people}`, tls: { ...tls, client_certificates: 'off' } }, { address: `127.0.0.1:${machines}`, tls }],
    apis: { nothing: { match: { path: '/api' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { anonymous: true } } },
    authority: {
      issuer,
      mtls: { client_ca: `\${file:${ca.caFile}}`, alias: `https://127.0.0.1:${machines}` },
      tokens: { algorithm: 'PS256' },
      clients: {
        one: { ...common, method: 'tls_client_auth', tls_client_auth_san_dns: 'one.example' },
        two: { ...common, method: 'tls_client_auth', tls_client_auth_san_dns: 'two.example' },
        keyed: { ...common, jwks: jwks(key) },
      },
    },
  },
});
const ask = (url, options = {}) => request(url, { ca: ca.ca, ...options });
const discovered = await until(async () => (await ask(`${issuer}/.well-known/openid-configuration`)).json, 'the authority');
const alias = discovered.mtls_endpoint_aliases;
assert.equal((await sallyport(['accounts', 'add', 'ann', '--state', gateway.state], { input: 'ann-secret\n' })).code, 0);

const show = (id) => (id === null ? {} : { cert: certificates[id].cert, key: certificates[id].key });
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const credentials = async (id) => (id === 'keyed' ? { client_assertion: await makeToken(key, { iss: id, sub: id, aud: issuer, exp: now() + 60 }, { typ: 'JWT' }), client_assertion_type: ASSERTION } : { client_id: id });
/** `client` names itself; the certificate is `by`'s, or none (null). */
const post = async (url, client, form, by = client) => ask(url, { ...show(by), method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...form, ...(await credentials(client)) }).toString() });
const info = (token, by, query = '') => ask(alias.userinfo_endpoint + query, { ...show(by), ...(token ? { token } : {}) });
const refused = ({ status, headers, json, text }, expected) => {
  assert.deepEqual([status, json?.error, headers['content-type']], [...expected, 'application/json'], text);
  assert.match(json.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
};

/** Pushed (without a certificate where none is needed for that), signed in, come back; resolves to the form that redeems the code. */
async function signIn(client, more = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const asked = { client_id: client, redirect_uri: redirect, response_type: 'code', scope: 'openid offline_access', prompt: 'consent', state: 's', nonce: 'n', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...more };
  const pushed = await post(alias.pushed_authorization_request_endpoint, client, asked, client === 'keyed' ? null : client);
  assert.equal(pushed.status, 201, pushed.text);
  const browser = startBrowser({}, { ca: ca.ca });
  // The suite sends what it pushed once more, beside the request_uri.
  await browser.open(`${discovered.authorization_endpoint}?${new URLSearchParams({ ...asked, request_uri: pushed.json.request_uri })}`);
  let page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  const answer = page.location.searchParams;
  assert.deepEqual([answer.get('state'), answer.get('iss'), page.location.hash], ['s', issuer, '']);
  return { location: page.location, form: { grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: asked.redirect_uri, code_verifier: verifier } };
}
const redeem = (client, form, by) => post(alias.token_endpoint, client, form, by);

test('discovery says so [discovery-end-point-verification]', () => {
  for (const method of ['tls_client_auth', 'private_key_jwt']) assert.ok(discovered.token_endpoint_auth_methods_supported.includes(method), method);
  assert.equal(discovered.tls_client_certificate_bound_access_tokens, true);
  for (const name of ['token_endpoint', 'pushed_authorization_request_endpoint', 'userinfo_endpoint']) assert.ok(alias[name].startsWith(`https://127.0.0.1:${machines}/login/`), name);
  for (const [name, value] of Object.entries(discovered)) if (name.endsWith('_endpoint') || name.endsWith('_uri')) assert.ok(value.startsWith(`${issuer}/`), name);
});

test('TLS 1.2 with the ciphers of BCP 195 and with no others, nothing older, and 1.3 where both sides have it [happy-flow, ensure-holder-of-key-required]', async () => {
  const shake = (options) => new Promise((resolve) => {
    const socket = nodeTls.connect({ host: '127.0.0.1', port: machines, ca: ca.ca, ...options }, () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().name}`);
      socket.destroy();
    });
    socket.on('error', ({ code }) => resolve(code));
  });
  const by = (ciphers) => shake({ maxVersion: 'TLSv1.2', ciphers: `${ciphers}@SECLEVEL=0` });
  for (const name of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384']) assert.equal(await by(name), `TLSv1.2 ${name}`);
  const bad = nodeTls.getCiphers().map((name) => name.toUpperCase()).filter((name) => !/^TLS_|PSK|SRP|ANULL|ADH|AECDH/.test(name) && !/^ECDHE-(RSA|ECDSA)-AES(128|256)-GCM-/.test(name));
  for (const each of ['AES128-SHA', 'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305']) assert.ok(bad.includes(each), each);
  assert.equal(await by(bad.join(':')), 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE');
  for (const maxVersion of ['TLSv1', 'TLSv1.1']) assert.match(await shake({ minVersion: 'TLSv1', maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' }), /^ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION$/);
  assert.match(await shake({}), /^TLSv1\.3 /);
});

for (const client of ['one', 'keyed'])
  test(`${client}: a token is worth something over its certificate's connection alone, and nothing in a query [happy-flow]`, async () => {
    const { form, location } = await signIn(client, { redirect_uri: withQuery });
    assert.deepEqual([location.searchParams.get('dummy1'), location.searchParams.get('dummy2')], ['lorem', 'ipsum']);
    const { status, headers, json } = await redeem(client, form);
    assert.deepEqual([status, json.token_type, headers['cache-control']], [200, 'Bearer', 'no-store']);
    assert.deepEqual(decodePart(json.access_token, 1).cnf, { 'x5t#S256': certificates[client].thumbprint });
    assert.deepEqual([decodePart(json.id_token, 0).alg, decodePart(json.id_token, 1).nonce], ['PS256', 'n']);
    assert.equal((await info(json.access_token, client)).status, 200);
    for (const other of ['two', null]) assert.equal((await info(json.access_token, other)).status, 401);
    assert.equal((await info(undefined, client, `?access_token=${json.access_token}`)).status, 401);
  });

test('a code is its client\'s, once, over a connection with its certificate [ensure-holder-of-key-required, -client-id-in-token-endpoint, -authorization-code-is-bound-to-client, attempt-reuse-authorization-code-after-one-second]', async () => {
  const { form } = await signIn('one');
  refused(await redeem('one', form, null), [400, 'invalid_client']);
  refused(await redeem('two', form, 'one'), [400, 'invalid_client']); // named two, shown one
  refused(await redeem('two', form), [400, 'invalid_grant']);
  const keyed = await signIn('keyed');
  refused(await redeem('keyed', keyed.form, null), [400, 'invalid_request']);
  const fresh = await signIn('one');
  const { json } = await redeem('one', fresh.form);
  assert.equal((await info(json.access_token, 'one')).status, 200);
  refused(await redeem('one', fresh.form), [400, 'invalid_grant']);
  assert.equal((await info(json.access_token, 'one')).status, 401);
});

test('a refresh token stays the same, its client\'s, and wants the certificate too [refresh-token]', async () => {
  for (const [client, lacking] of [['one', [400, 'invalid_client']], ['keyed', [400, 'invalid_request']]]) {
    const { json: tokens } = await redeem(client, (await signIn(client)).form);
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope: 'openid offline_access' };
    const again = await redeem(client, form);
    assert.deepEqual([again.status, again.json.refresh_token], [200, undefined]);
    assert.equal((await info(again.json.access_token, client)).status, 200);
    refused(await redeem(client, form, null), lacking);
    refused(await redeem('two', form), [400, 'invalid_grant']);
    assert.equal((await redeem(client, form)).status, 200);
  }
});

test('who pushes without the certificate that it authenticates by is refused', async () => {
  refused(await post(alias.pushed_authorization_request_endpoint, 'one', { response_type: 'code' }, null), [400, 'invalid_client']);
  refused(await post(discovered.pushed_authorization_request_endpoint, 'one', { response_type: 'code' }), [400, 'invalid_client']); // the listener for people asks for none
});
