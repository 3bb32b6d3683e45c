// SPDX-License-Identifier: Apache-2.0
// Several servers, dead ones, slow ones, TLS to them; each failure with its upstream.* cause.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const folder = temporaryFolder();
const authority = makeAuthority(folder);
const other = makeAuthority(folder, 'Other CA');
const certificate = authority.issue('api', { names: ['127.0.0.1'] });
const wrongName = authority.issue('wrong', { names: ['elsewhere.example'] });
const [a, b, secure, misnamed] = await Promise.all([
  startUpstream({ name: 'a' }),
  startUpstream({ name: 'b' }),
  startUpstream({ name: 'secure', tls: certificate }),
  startUpstream({ name: 'misnamed', tls: wrongName }),
]);
const dead = `http://127.0.0.1:${await freePort()}`;
const api = (path, upstream, more = {}) => ({ match: { path }, upstream, auth: { anonymous: true }, ...more });
const gateway = await startNginx({
  policy: {
    apis: {
      both: api('/both', { servers: [{ url: a.url, weight: 2 }, { url: b.url, weight: 1 }] }),
      half: api('/half-dead', { servers: [{ url: dead }, { url: a.url }], max_fails: 1, fail_timeout: '60s' }),
      never: api('/never', { servers: [{ url: a.url }, { url: b.url }], retries: 0, max_fails: 0 }),
      dead: api('/dead', { url: dead }),
      slow: api('/slow-api', { url: a.url, timeout: '300ms' }),
      secure: api('/secure', { url: secure.url, ca_file: authority.caFile }),
      strange: api('/strange', { url: secure.url, ca_file: other.caFile }),
      system: api('/system', { url: secure.url }),
      misnamed: api('/misnamed', { url: misnamed.url, ca_file: authority.caFile }),
      plain: api('/plain', { url: a.url.replace('http:', 'https:'), ca_file: authority.caFile }),
      host: api('/host', { url: a.url, host: 'api.internal' }),
      nowhere: api('/nowhere', { url: 'http://no-such-host.invalid:80' }),
    },
  },
});

test('servers get their share by weight', async () => {
  const served = { a: 0, b: 0 };
  for (let i = 0; i < 30; i++) served[(await gateway.get('/both/1')).json.server]++;
  assert.deepEqual(served, { a: 20, b: 10 });
});

test('a dead server is stepped over, and left alone from then on', async () => {
  for (let i = 0; i < 6; i++) {
    const { status, json } = await gateway.get('/half-dead/1');
    assert.deepEqual([status, json.server], [200, 'a']);
  }
  const { counters } = await gateway.status();
  assert.equal(counters.upstream_peer_failures, 1);
});

test('a server that hangs up is tried elsewhere for GET, never for a POST that was sent', async () => {
  const before = a.requests.length + b.requests.length;
  const get = await gateway.get('/both/close');
  assert.equal(get.status, 502);
  assert.equal(a.requests.length + b.requests.length - before, 2);
  const posted = a.requests.length + b.requests.length;
  assert.equal((await gateway.get('/both/close', { method: 'POST', body: 'pay' })).status, 502);
  assert.equal(a.requests.length + b.requests.length - posted, 1);
});

test('retries: 0 means one attempt', async () => {
  const before = a.requests.length + b.requests.length;
  assert.equal((await gateway.get('/never/status/503')).status, 503);
  assert.equal(a.requests.length + b.requests.length - before, 1);
});

test('no server: 502 upstream.refused as a problem', async () => {
  const { status, cause, headers, requestId, text } = await gateway.get('/dead/1');
  assert.deepEqual([status, cause], [502, 'upstream.refused']);
  assert.equal(headers['content-type'], 'application/problem+json');
  assert.doesNotMatch(text, /127\.0\.0\.1/);
  const line = await gateway.call(requestId);
  assert.equal(line.accepted, true);
  assert.equal(line.cause, 'upstream.refused');
  assert.deepEqual([line.method, line.path], ['GET', '/dead/1']);
  const posted = await gateway.get('/dead/2?secret=1', { method: 'POST', body: 'x' });
  const other = await gateway.call(posted.requestId);
  assert.deepEqual([other.method, other.path], ['POST', '/dead/2']); // not that of the page that answers
});

test('too slow: 504 upstream.timeout after the time of the route', async (context) => {
  const started = Date.now();
  const { status, cause } = await gateway.get('/slow-api/slow/5000'); // which answers 200 after five seconds
  context.diagnostic(`${Date.now() - started} ms`);
  assert.deepEqual([status, cause], [504, 'upstream.timeout']);
});

test('a name that was not resolved is upstream.dns, a header that does not fit header.upstream_too_large', async () => {
  const nowhere = await gateway.get('/nowhere/1');
  assert.deepEqual([nowhere.status, nowhere.cause], [502, 'upstream.dns']);
  const large = await gateway.get('/both/headers/12000');
  assert.equal(large.status, 200);
  const tooLarge = await gateway.get('/both/headers/17000');
  assert.deepEqual([tooLarge.status, tooLarge.cause], [502, 'header.upstream_too_large']);
});

test("the API's own refusals pass as they are", async () => {
  const { status, json } = await gateway.get('/both/status/404');
  assert.equal(status, 404);
  assert.ok(json.server);
});

test('TLS to the upstream is verified: its CA, its name, and that it is TLS', async () => {
  assert.equal((await gateway.get('/secure/1')).json.server, 'secure');
  for (const path of ['/strange/1', '/system/1', '/misnamed/1', '/plain/1']) {
    const { status, cause } = await gateway.get(path);
    assert.deepEqual([path, status, cause], [path, 502, 'upstream.tls']);
  }
});

test('the Host header is what the route says', async () => {
  assert.equal((await gateway.get('/host/1')).json.headers.host, 'api.internal');
});

test('connections to an upstream are kept', async () => {
  const before = secure.connections;
  for (let i = 0; i < 5; i++) assert.equal((await gateway.get('/secure/1')).status, 200);
  assert.ok(secure.connections - before <= 1);
});
