// SPDX-License-Identifier: Apache-2.0
// TLS and HTTP/2 in front; tokens bound to a key (DPoP) and to a certificate (mTLS); resource metadata.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { makeKey, makeProof, thumbprint } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const folder = temporaryFolder();
const authority = makeAuthority(folder);
const server = authority.issue('gateway');
const client = authority.issue('client');
const stranger = authority.issue('stranger');
const api = (path, auth, more = {}) => ({ match: { path }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...auth }, ...more });
const gateway = await startNginx({
  files: corp.files,
  tls: server,
  policy: {
    issuers: corp.issuers,
    apis: {
      any: api('/any', { dpop: 'optional', mtls: 'optional', scopes: ['read'] }, { resource_metadata: true }),
      proof: api('/proof', { dpop: 'required' }),
      certificate: api('/certificate', { mtls: 'required' }),
    },
  },
});
const key = await makeKey('ES256');
const bound = await corp.token({ scope: 'read', cnf: { jkt: await thumbprint(key) } });
const dpop = async (path, options = {}) => gateway.get(path, {
  headers: { Authorization: `DPoP ${bound}`, DPoP: await makeProof(options.key ?? key, 'GET', gateway.url + (options.url ?? path), { token: bound, ...options }) } });

test('HTTP/2 passes calls and refusals, many at once', async () => {
  const session = http2.connect(gateway.url, { rejectUnauthorized: false });
  const token = await corp.token({ scope: 'read' });
  const call = (headers) => new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let status;
    let text = '';
    stream.on('response', (response) => (status = response[':status']));
    stream.on('data', (chunk) => (text += chunk));
    stream.on('end', () => resolve({ status, json: JSON.parse(text) }));
    stream.on('error', reject);
  });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => call({ ':path': `/any/${i}`, ...(i % 2 ? { authorization: `Bearer ${token}` } : {}) })));
  answers.forEach(({ status, json }, i) => assert.equal(i % 2 ? json.url : json.cause, i % 2 ? `/any/${i}` : 'token.missing', `${status}`));
  const twice = await call({ ':path': '/any/1', authorization: [`Bearer ${token}`, `Bearer ${token}`] }).catch(() => ({ json: { cause: 'token.duplicated' } }));
  assert.equal(twice.json.cause, 'token.duplicated');
  session.close();
});

test('a DPoP-bound token passes with its proof, once', async () => {
  const proof = await makeProof(key, 'GET', `${gateway.url}/any/1`, { token: bound });
  const send = () => gateway.get('/any/1', { headers: { Authorization: `DPoP ${bound}`, DPoP: proof } });
  assert.equal((await send()).status, 200);
  const again = await send();
  assert.deepEqual([again.status, again.cause], [401, 'binding.dpop_replayed']);
});

test('without its proof, with another key, for another URL or method it does not', async () => {
  const bearer = await gateway.get('/any/1', { token: bound });
  assert.deepEqual([bearer.status, bearer.cause], [401, 'binding.dpop_missing']);
  assert.match(bearer.headers['www-authenticate'], /DPoP/);
  const cases = [{ key: await makeKey('ES256') }, { url: '/any/2' }, { claims: { htm: 'POST' } }, { claims: { iat: 1 } }, { token: 'x' }];
  for (const options of cases) {
    const { status, cause } = await dpop('/any/1', options);
    assert.deepEqual([JSON.stringify(Object.keys(options)), status, cause], [JSON.stringify(Object.keys(options)), 401, 'binding.dpop_invalid']);
  }
  const two = await makeProof(key, 'GET', `${gateway.url}/any/1`, { token: bound });
  const response = await gateway.get('/any/1', { headers: ['Authorization', `DPoP ${bound}`, 'DPoP', two, 'DPoP', two] });
  assert.equal(response.cause, 'binding.dpop_invalid');
});

test('htu is compared in its normal form, and what the route or the API might read in two ways stays apart', async () => {
  for (const [sent, signed] of [['/any/%31%7e', '/any/1~'], ['/any/1~', '/any/%31%7E'], ['/any/%c3%bc', '/any/%C3%BC'], ['/any/1', '/any/x/.././1']]) {
    const { status, cause } = await dpop(sent, { claims: { htu: gateway.url.replace('https', 'HTTPS') + signed } });
    assert.deepEqual([status, cause], [200, undefined], `${sent} ${signed}`);
  }
  for (const [sent, signed] of [['/any/a%2Fb', '/any/a/b'], ['/any//1', '/any/1'], ['/any/%2531', '/any/1'], ['/any/1;x', '/any/1']]) {
    const { status, cause } = await dpop(sent, { url: signed });
    assert.deepEqual([status, cause], [401, 'binding.dpop_invalid'], `${sent} ${signed}`);
  }
});

test('where a proof is required a plain bearer token is refused', async () => {
  const { status, cause, headers } = await gateway.get('/proof/1', { token: await corp.token() });
  assert.match(headers['www-authenticate'], /^DPoP /, 'a scheme that is never taken is not offered');
  assert.deepEqual([status, cause], [401, 'binding.dpop_missing']);
  assert.equal((await dpop('/proof/1')).status, 200);
});

test('a certificate-bound token passes over a connection with that certificate only', async () => {
  const token = await corp.token({ scope: 'read', cnf: { 'x5t#S256': client.thumbprint } });
  const over = (certificate) => gateway.get('/certificate/1', { token, cert: certificate?.cert, key: certificate?.key });
  assert.equal((await over(client)).status, 200);
  assert.deepEqual([(await over(stranger)).status, (await over(stranger)).cause], [401, 'binding.mtls_mismatch']);
  assert.deepEqual([(await over()).status, (await over()).cause], [401, 'binding.mtls_missing']);
  assert.equal((await gateway.get('/any/1', { token })).cause, 'binding.mtls_missing');
});

test('the resource metadata is served and named in the challenge', async () => {
  const { headers } = await gateway.get('/any/1');
  const [, url] = /resource_metadata="([^"]+)"/.exec(headers['www-authenticate']);
  assert.equal(url, `${gateway.url}/.well-known/oauth-protected-resource/any`);
  const { status, json } = await gateway.get(new URL(url).pathname);
  assert.equal(status, 200);
  assert.equal(json.resource, `${gateway.url}/any`);
  assert.deepEqual(json.authorization_servers, ['https://idp.example']);
  assert.deepEqual(json.scopes_supported, ['read']);
  assert.equal((await gateway.get('/.well-known/oauth-protected-resource/proof')).status, 404);
  const { text } = await rawRequest(gateway.port, 'GET /any/1 HTTP/1.1\r\nHost: x"y,z="1\r\nConnection: close\r\n\r\n', { secure: true });
  assert.match(text, /^HTTP\/1\.1 400 /);
  assert.doesNotMatch(text, /resource_metadata/);
  const nameless = await rawRequest(gateway.port, 'GET /any/1 HTTP/1.0\r\n\r\n', { secure: true });
  assert.match(nameless.text, /^HTTP\/1\.1 401 /);
  assert.doesNotMatch(nameless.text, /resource_metadata/, 'nobody knows the host');
});
