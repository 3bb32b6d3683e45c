// SPDX-License-Identifier: Apache-2.0
// What passes, what the API gets to see, and what a refused client receives.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { makeCorp } from '../lib/corp.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const api = (path, more = {}) => ({ match: { path }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...more.auth }, ...more.api });
const gateway = await startNginx({
  files: corp.files,
  policy: {
    issuers: corp.issuers,
    apis: {
      photos: api('/photos', {
        auth: { scopes: { GET: ['read'], '*': ['write'] } },
        api: { identity_headers: { 'X-User': 'sub', 'X-Groups': 'groups', 'X-Client': 'client_id' } },
      }),
      silent: api('/silent', { api: { diagnostics: 'none' } }),
      full: api('/full', { api: { diagnostics: 'full' } }),
      dropped: api('/dropped', { auth: { token: 'drop' } }),
      query: api('/query', { auth: { in_query: true } }),
      open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { anonymous: true } },
      cafe: { match: { path: '/café' }, upstream: { url: upstream.url }, auth: { anonymous: true } },
      base: { match: { path: '/base' }, upstream: { url: `${upstream.url}/v2` }, auth: { anonymous: true } },
      read: { match: { path: '/read', methods: ['GET'] }, upstream: { url: upstream.url }, auth: { anonymous: true } },
    },
  },
});

test('a valid token reaches the API, with identity headers and a request id', async () => {
  const token = await corp.token({ scope: 'read', groups: ['a', 'b'], client_id: 'app' });
  const { status, json, requestId } = await gateway.get('/photos/1?x=%20y', { token });
  assert.equal(status, 200);
  assert.equal(json.url, '/photos/1?x=%20y');
  assert.equal(json.headers['x-user'], 'alice');
  assert.equal(json.headers['x-groups'], 'a,b');
  assert.equal(json.headers['x-client'], 'app');
  assert.equal(json.headers.authorization, `Bearer ${token}`);
  assert.equal(json.headers['x-request-id'], requestId);
  assert.equal(json.headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(json.headers['x-forwarded-proto'], 'http');
  assert.equal(json.headers.host, `127.0.0.1:${upstream.port}`);
});

test('the same token again is known, and judged against each route all the same', async () => {
  const token = await corp.token({ scope: 'read' });
  for (let i = 0; i < 3; i++) assert.equal((await gateway.get('/photos/1', { token })).status, 200);
  const { status, cause, headers } = await gateway.get('/photos/1', { token, method: 'POST' });
  assert.equal(status, 403);
  assert.equal(cause, 'scope.missing');
  assert.match(headers['www-authenticate'], /error="insufficient_scope".*scope="write"/);
});

test('identity headers that a client sends itself do not pass, in any spelling', async () => {
  const token = await corp.token({ scope: 'read' });
  const { json } = await gateway.get('/photos/1', { token, headers: ['X-User', 'root', 'x-user', 'admin', 'X-Groups', 'admins', 'X-Forwarded-For', '1.2.3.4'] });
  assert.equal(json.headers['x-user'], 'alice');
  assert.equal(json.headers['x-groups'], undefined);
  assert.equal(json.headers['x-forwarded-for'], '127.0.0.1');
  const anonymous = await gateway.get('/open/1', { headers: { 'X-User': 'root', 'X_User': 'root' } });
  assert.equal(anonymous.json.headers['x-user'], undefined);
  assert.equal(anonymous.json.headers['x_user'], undefined);
});

test('the API is told who called, how and where, each in a header of its own; the client the same id', async () => {
  const token = await corp.token({ scope: 'read' });
  const { headers, json } = await gateway.get('/photos/1', { token, headers: { Host: 'photos.example:8443' } });
  const own = Object.fromEntries(Object.entries(json.headers).filter(([name]) => name.startsWith('x-forwarded') || name === 'x-request-id'));
  assert.deepEqual(own, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'photos.example:8443', 'x-request-id': headers['x-request-id'] });
  const named = await gateway.get('/photos/1', { token, headers: { 'X-Request-Id': 'mine-1' } });
  assert.equal(named.json.headers['x-request-id'], 'mine-1');
  assert.equal(named.headers['x-request-id'], 'mine-1');
  // A name that could end the line it is passed on in does not get that far.
  for (const end of ['\r', '\0', '\x0b']) assert.equal((await rawRequest(gateway.port, `GET /photos/1 HTTP/1.1\r\nHost: photos.example${end}X-Admin: 1\r\nAuthorization: Bearer ${token}\r\n\r\n`, { end: true })).status, 400);
});

test('a claim cannot end a header line', async () => {
  const token = await corp.token({ scope: 'read', sub: 'alice\r\nX-Admin: 1' });
  const { status, json } = await gateway.get('/photos/1', { token });
  assert.equal(status, 200);
  assert.equal(json.headers['x-user'], undefined);
  assert.equal(json.headers['x-admin'], undefined);
});

test('no token: 401 without an error code, and the body says why', async () => {
  const { status, cause, json, headers } = await gateway.get('/photos/1');
  assert.equal(status, 401);
  assert.equal(cause, 'token.missing');
  assert.match(headers['www-authenticate'], /^Bearer realm="photos"/);
  assert.doesNotMatch(headers['www-authenticate'], /error=/);
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.equal(json.type, 'urn:sallyport:cause:token.missing');
  assert.equal(json.status, 401);
  assert.equal(json.request_id, headers['x-request-id']);
});

test('a refusal tells the client no configured value unless the route asks for it', async () => {
  const token = await corp.token({ iss: 'https://idp.example/' });
  const { text, json, status } = await gateway.get('/photos/1', { token });
  assert.equal(status, 401);
  assert.equal(json.cause, 'issuer.trailing_slash');
  assert.doesNotMatch(text, /idp\.example/);
  const full = await gateway.get('/full/1', { token });
  assert.equal(full.json.expected, 'https://idp.example');
  assert.equal(full.json.received, 'https://idp.example/');
  const silent = await gateway.get('/silent/1', { token });
  assert.equal(silent.status, 401);
  assert.equal(silent.json.cause, undefined);
  assert.doesNotMatch(silent.text + silent.headers['www-authenticate'], /issuer/);
});

test('two credentials, another scheme, a token in the URL are each their own cause', async () => {
  const token = await corp.token({ scope: 'read' });
  const twice = await gateway.get('/photos/1', { headers: ['Authorization', `Bearer ${token}`, 'Authorization', `Bearer ${token}`] });
  assert.deepEqual([twice.status, twice.cause], [400, 'token.duplicated']);
  assert.match(twice.headers['www-authenticate'], /^Bearer error="invalid_request", error_description="/);
  const basic = await gateway.get('/photos/1', { headers: { Authorization: 'Basic YTpi' } });
  assert.deepEqual([basic.status, basic.cause], [401, 'token.scheme_unsupported']);
  const query = await gateway.get(`/photos/1?access_token=${token}`);
  assert.deepEqual([query.status, query.cause], [400, 'token.in_query']);
});

test('where a token in the URL is accepted, neither the API nor a log gets to see it', async () => {
  const token = await corp.token();
  const { status, json, requestId } = await gateway.get(`/query/1?a=1&access_token=${token}&b=2`);
  assert.equal(status, 200);
  assert.equal(json.url, '/query/1?a=1&b=2');
  await gateway.call(requestId);
  assert.doesNotMatch(JSON.stringify(gateway.calls()), new RegExp(token.split('.')[2]));
});

test('a route that drops the token forwards the call without it', async () => {
  const { status, json } = await gateway.get('/dropped/1', { token: await corp.token() });
  assert.equal(status, 200);
  assert.equal(json.headers.authorization, undefined);
});

test('unknown route and method are 404 and 405 with their cause', async () => {
  const none = await gateway.get('/nowhere');
  assert.deepEqual([none.status, none.cause], [404, 'route.none']);
  const method = await gateway.get('/read/1', { method: 'DELETE' });
  assert.deepEqual([method.status, method.cause], [405, 'route.method']);
  assert.match(method.headers.allow, /^[A-Z, ]+$/);
  assert.equal((await gateway.get('/openness')).cause, 'route.none');
});

test('an element of a list cannot pass for two', async () => {
  const groups = async (value) => (await gateway.get('/photos/1', { token: await corp.token({ scope: 'read', groups: value }) })).json.headers['x-groups'];
  assert.equal(await groups(['users,admins', 'x']), 'users%2Cadmins,x');
  assert.equal(await groups(['users%2Cadmins', 'CN=a,DC=b']), 'users%252Cadmins,CN=a%2CDC=b');
  assert.equal(await groups(['users,admins']), 'users%2Cadmins');
  assert.equal(await groups('as, the issuer: 100%'), 'as, the issuer: 100%');
});

test('token: drop takes every header of a credential out, those that the API does not take too', async () => {
  const keys = ['X-Api-Key: one', 'x-api-key: two', 'X-API-KEY: three', `Authorization: Bearer ${await corp.token()}`];
  const { text, status } = await rawRequest(gateway.port, `GET /dropped/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${keys.join('\r\n')}\r\n\r\n`);
  assert.equal(status, 200, text);
  assert.match(text, /"url":"\/dropped\/1"/);
  assert.doesNotMatch(text, /x-api-key|authorization/i);
});

test('two readings of one path that lead to two APIs are refused', async () => {
  for (const path of ['/photos/..%2fopen/1', '/open/%2e%2e/photos/1', '/photos/../open/1', '/photos/%2e./open/1']) {
    const { text, status } = await rawRequest(gateway.port, `GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`);
    assert.deepEqual([path, status], [path, 404]);
    assert.match(text, /"cause":"route\.none"/);
  }
  assert.equal((await gateway.get('/caf%C3%A9/1')).status, 200);
  const encoded = await gateway.get('/open/a%2Fb');
  assert.equal(encoded.status, 200);
  assert.equal(encoded.json.url, '/open/a%2Fb');
});

test("the upstream's base path is put in front", async () => {
  assert.equal((await gateway.get('/base/1?x=1')).json.url, '/v2/base/1?x=1');
});

test('a request id is taken from the client when it is safe, from traceparent, or made', async () => {
  assert.equal((await gateway.get('/open/1', { headers: { 'X-Request-Id': 'abc-123' } })).requestId, 'abc-123');
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  assert.equal((await gateway.get('/open/1', { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } })).requestId, trace);
  const odd = await gateway.get('/open/1', { headers: { 'X-Request-Id': 'a b"c' } });
  assert.match(odd.requestId, /^[0-9a-f]{32}$/);
  assert.equal(odd.json.headers['x-request-id'], odd.requestId);
});

test('every call is one line of the call log; a refused one carries its verdict', async () => {
  const good = await gateway.get('/photos/1', { token: await corp.token({ scope: 'read', client_id: 'app' }) });
  const line = await gateway.call(good.requestId);
  assert.equal(line.accepted, true);
  assert.equal(line.api, 'photos');
  assert.equal(line.subject, 'alice');
  assert.equal(line.client_id, 'app');
  assert.equal(line.issuer, 'corp');
  assert.equal(line.status, 200);
  assert.equal(line.verdict, undefined);
  const bad = await gateway.get('/photos/1', { token: await corp.token({ exp: 1 }) });
  const refused = await gateway.call(bad.requestId);
  assert.equal(refused.accepted, false);
  assert.equal(refused.cause, 'time.expired');
  assert.equal(refused.verdict.cause.id, 'time.expired');
  assert.equal(refused.verdict.token.claims.exp, 1);
});

test('the counters know what happened', async () => {
  const { routes, causes, counters } = await gateway.status();
  assert.ok(routes.photos.accepted >= 5);
  assert.ok(routes.photos.refused >= 5);
  assert.ok(causes['token.missing'] >= 1);
  assert.ok(counters.cache_hits_shared >= 3);
});

test('keep-alive goes on after a refusal, the body of a refused upload discarded', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const refused = await gateway.get('/photos/1', { agent, method: 'POST', body: Buffer.alloc(300_000, 'x') });
  assert.equal(refused.status, 401);
  const good = await gateway.get('/open/1', { agent, method: 'POST', body: 'hello' });
  assert.equal(good.status, 200);
  assert.equal(good.json.body, 'hello');
  agent.destroy();
});
