// SPDX-License-Identifier: Apache-2.0
// Several servers, dead ones, slow ones, TLS to them; each failure with its upstream.* cause.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { defer } from '../lib/cleanup.mjs';
import { makeAuthority } from '../lib/certificates.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const folder = temporaryFolder();
const authority = makeAuthority(folder);
const other = makeAuthority(folder, 'Other CA');
const certificate = authority.issue('api', { names: ['127.0.0.1'] });
const wrongName = authority.issue('wrong', { names: ['elsewhere.example'] });
const [a, b, secure, misnamed] = await Promise.all([
  startUpstream({ name: 'a', handler: (request, response) => request.url.endsWith('/stall') && [response.writeHead(200, { 'Content-Length': 10_000_000 }).write('x'.repeat(300_000))] }),
  startUpstream({ name: 'b' }),
  startUpstream({ name: 'secure', tls: certificate }),
  startUpstream({ name: 'misnamed', tls: wrongName }),
]);
/** Answers that are not what they began as. */
const answers = {
  half: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart'),
  stall: (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart'),
  large: (socket) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(300_000)}`),
  chunks: (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'),
  'chunks-end': (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'),
  'until-the-end': (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall'),
  whole: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall'),
};
const broken = net.createServer((socket) => socket.on('error', () => {}).once('data', (bytes) => answers[/^GET \/broken\/(\S+)/.exec(bytes)[1]](socket)));
broken.url = `http://127.0.0.1:${await listen(broken)}`;
defer(() => broken.close());
const dead = `http://127.0.0.1:${await freePort()}`;
const api = (path, upstream, more = {}) => ({ match: { path }, upstream, auth: { anonymous: true }, ...more });
/** What the log says of why the API did not serve a call: [expected, received]. */
const told = async ({ requestId }) => (({ expected, received }) => [expected, received])((await gateway.call(requestId)).verdict.also[0]);
const gateway = await startNginx({
  policy: {
    apis: {
      both: api('/both', { servers: [{ url: a.url, weight: 2 }, { url: b.url, weight: 1 }] }),
      half: api('/half-dead', { servers: [{ url: dead }, { url: a.url }], max_fails: 1, fail_timeout: '60s' }),
      never: api('/never', { servers: [{ url: a.url }, { url: b.url }], retries: 0, max_fails: 0 }),
      dead: api('/dead', { url: dead }),
      slow: api('/slow-api', { url: a.url, timeout: '300ms' }),
      broken: api('/broken', { url: broken.url, timeout: '300ms' }),
      patient: api('/patient', { url: a.url }),
      secure: api('/secure', { url: secure.url, ca_file: authority.caFile }),
      strange: api('/strange', { url: secure.url, ca_file: other.caFile }),
      system: api('/system', { url: secure.url }),
      misnamed: api('/misnamed', { url: misnamed.url, ca_file: authority.caFile }),
      plain: api('/plain', { url: a.url.replace('http:', 'https:'), ca_file: authority.caFile }),
      host: api('/host', { url: a.url, host: 'api.internal' }),
      told: api('/told', { url: dead }, { diagnostics: 'full' }),
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
  assert.equal(line.verdict.accepted, true);
  assert.equal(line.verdict.also[0].explanation, `No server of the API accepted the connection: ${dead} refused the connection.`);
  const posted = await gateway.get('/dead/2?secret=1', { method: 'POST', body: 'x' });
  const other = await gateway.call(posted.requestId);
  assert.deepEqual([other.method, other.path], ['POST', '/dead/2']); // not that of the page that answers
});

test('too slow: 504 upstream.timeout after the time of the route', async (context) => {
  const started = Date.now();
  const answer = await gateway.get('/slow-api/slow/5000'); // which answers 200 after five seconds
  const { status, cause } = answer;
  context.diagnostic(`${Date.now() - started} ms`);
  assert.deepEqual([status, cause], [504, 'upstream.timeout']);
  assert.doesNotMatch(answer.text, /127\.0\.0\.1/);
  assert.deepEqual(await told(answer), ['300ms', `${a.url} took the connection and sent no answer`]);
});

test('an answer that ends before its end has its cause in the log, though the client has its status; one that the client leaves has none', async () => {
  const outcome = async (name) => (await gateway.status()).routes.broken?.[name] ?? 0;
  const failed = await outcome('upstream_failed');
  for (const [path, cause, did] of [
    ['half', 'upstream.refused', 'began an answer and ended the connection before its end'],
    ['stall', 'upstream.timeout', 'began an answer and sent no more of it'],
    ['large', 'upstream.timeout', 'began an answer and sent no more of it'],
    ['chunks', 'upstream.timeout', 'began an answer and sent no more of it'],
    ['chunks-end', 'upstream.refused', 'began an answer and ended the connection before its end'],
  ]) {
    const id = `cut-${path}`;
    const { status } = await rawRequest(gateway.port, `GET /broken/${path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`);
    const call = await gateway.call(id);
    assert.deepEqual([status, call.status, call.accepted, call.cause, call.verdict.also[0].received], [200, 200, true, cause, `${broken.url} ${did}`], path);
  }
  assert.equal(await outcome('upstream_failed'), failed + 5);
  for (const path of ['stall', 'sse/1000', 'bytes/50000000']) {
    const id = `left-${path.replaceAll('/', '-')}`;
    await new Promise((resolve) => {
      const socket = net.connect(gateway.port, '127.0.0.1', () => socket.write(`GET /patient/${path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`));
      socket.once('data', () => resolve(socket.resetAndDestroy()));
    });
    const call = await gateway.call(id);
    assert.deepEqual([call.status, call.accepted, call.cause], [200, true, undefined], path);
  }
  for (const path of ['until-the-end', 'whole']) {
    const { requestId } = await gateway.get(`/broken/${path}`);
    assert.equal((await gateway.call(requestId)).cause, undefined, path);
  }
});

test('a client is told which server it was where the route says so, and nowhere else', async () => {
  const { json } = await gateway.get('/told/1');
  assert.deepEqual([json.cause, json.received], ['upstream.refused', `${dead} refused the connection`]);
  assert.ok(json.expected && json.fix);
});

test('a name that was not resolved is upstream.dns, a header that does not fit header.upstream_too_large', async () => {
  const nowhere = await gateway.get('/nowhere/1');
  assert.deepEqual([nowhere.status, nowhere.cause], [502, 'upstream.dns']);
  assert.equal((await told(nowhere))[1], 'no-such-host.invalid');
  const large = await gateway.get('/both/headers/12000');
  assert.equal(large.status, 200);
  const tooLarge = await gateway.get('/both/headers/17000');
  assert.deepEqual([tooLarge.status, tooLarge.cause], [502, 'header.upstream_too_large']);
  assert.match((await told(tooLarge))[0], /^\d+ bytes$/);
});

test("the API's own refusals pass as they are", async () => {
  const { status, json } = await gateway.get('/both/status/404');
  assert.equal(status, 404);
  assert.ok(json.server);
});

test('TLS to the upstream is verified: its CA, its name, and that it is TLS', async () => {
  assert.equal((await gateway.get('/secure/1')).json.server, 'secure');
  for (const path of ['/strange/1', '/system/1', '/misnamed/1', '/plain/1']) {
    const answer = await gateway.get(path);
    assert.deepEqual([path, answer.status, answer.cause], [path, 502, 'upstream.tls']);
    const [, received] = await told(answer);
    assert.match(received, { '/misnamed/1': /^https:[^ ]+: (IP address|hostname) mismatch/i, '/plain/1': /^https:[^ ]+: the handshake came to no end/ }[path] ?? /^https:[^ ]+: .*(issuer certificate|certificate chain)/, path);
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
