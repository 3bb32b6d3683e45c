// SPDX-License-Identifier: Apache-2.0
// Anything a client sends gets an answer below 500 and leaves the worker alive.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { base64url, signRaw } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const policy = { issuers: corp.issuers, apis: { all: { match: { path: '/' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } }, open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { anonymous: true } } } };
const gateway = await startNginx({ files: corp.files, http: 'client_body_timeout 1s; client_header_timeout 1s;', policy });
const [worker] = gateway.workerPids();
const header = JSON.stringify({ alg: 'ES256', kid: corp.key.kid, typ: 'at+jwt' });
const claims = (more) => `{"iss":"https://idp.example","aud":"https://api.example","exp":9999999999,"sub":"alice"${more}}`;
const signed = (payload, head = header) => signRaw(corp.key, head, payload);

const tokens = {
  'a token of 20 kB': [signed(claims(`,"x":"${'y'.repeat(20_000)}"`)), 'token.too_large'],
  'a token of 100 kB': ['a'.repeat(100_000), 'token.too_large'],
  '10,000 levels of nesting': [signed(claims(`,"x":${'['.repeat(5_000)}${']'.repeat(5_000)}`)), 'token.malformed.json'],
  'a duplicate claim': [signed(claims(',"sub":"bob"')), 'token.malformed.duplicate_member'],
  'a number of 400 digits as exp': [signed(`{"iss":"https://idp.example","aud":"https://api.example","exp":${'9'.repeat(400)}}`), undefined],
  'invalid UTF-8 in the payload': [`${base64url(header)}.${Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.${'A'.repeat(86)}`, 'token.malformed.json'],
  'a NUL inside the payload': [signed(claims(',"x":"\\u0000"').replace('alice', 'al\u0000ice')), 'token.malformed.json'],
  'dots only': ['..', undefined],
  'an empty payload': [`${base64url(header)}..${'A'.repeat(86)}`, undefined],
  'a thousand dots': ['.'.repeat(1000), undefined],
};
for (const [name, [token, cause]] of Object.entries(tokens)) {
  test(`${name} is refused with a cause`, async () => {
    const response = await gateway.get('/x', { token });
    assert.equal(response.status, 401);
    assert.ok(response.cause, response.text);
    if (cause !== undefined) assert.equal(response.cause, cause);
  });
}

test('headers beyond the ceiling are 431 with their cause', async () => {
  const response = await gateway.get('/x', { headers: { Cookie: 'c'.repeat(200_000) } });
  assert.deepEqual([response.status, response.cause], [431, 'header.request_too_large']);
  const url = await gateway.get(`/${'u'.repeat(200_000)}`);
  assert.deepEqual([url.status, url.cause], [414, 'header.request_too_large']);
  for (const [{ requestId }, expected, received] of [[response, '131072 bytes a line, 524288 in all', 'longer lines'], [url, 'a first line of 131072 bytes', 'a longer first line']]) {
    const { verdict } = await gateway.call(requestId);
    assert.deepEqual([verdict.accepted, verdict.cause.expected, verdict.cause.received], [false, expected, received]);
  }
});

test('who asks before sending a body gets the refusal in place of 100 Continue', async () => {
  const { text, closed } = await rawRequest(gateway.port, 'POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n', { end: true });
  assert.match(text, /^HTTP\/1\.1 401 /);
  assert.match(text, /\r\nConnection: close\r\n/);
  assert.ok(closed);
});

const raw = {
  'a NUL in a header': 'GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\0b\r\n\r\n',
  'no request at all': 'hello\r\n\r\n',
  'a request without Host': 'GET /x HTTP/1.1\r\n\r\n',
  'two Host headers': 'GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
  'two lengths': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
  'length and chunks': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a transfer coding that is not known': 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n',
  'a version that does not exist': 'GET /x HTTP/9.9\r\nHost: a\r\n\r\n',
  'a version of two digits': 'GET /x HTTP/1.11\r\nHost: a\r\n\r\n',
  'a header line without a colon': 'GET /x HTTP/1.1\r\nHost: a\r\nX-User\r\n\r\n',
  'a Host whose bracket stays open': 'GET /x HTTP/1.1\r\nHost: [::1\r\n\r\n',
  'a Host that would end a quoted string': 'GET /x HTTP/1.1\r\nHost: x"y,z="1\r\n\r\n',
  'a Host with two ports': 'GET /x HTTP/1.1\r\nHost: a:80:90\r\n\r\n',
  'a Host with a user before it': 'GET /x HTTP/1.1\r\nHost: a@b\r\n\r\n',
  'a bare line feed and a tab': 'GET\t/x HTTP/1.1\nHost: a\n\n',
};
for (const [name, bytes] of Object.entries(raw)) {
  test(`${name} is answered with a refusal`, async () => {
    const { text, status } = await rawRequest(gateway.port, bytes, { end: true });
    assert.ok((status >= 400 && status < 500) || [501, 505].includes(status), text);
    assert.notEqual(status, 401, 'it is not asked for a token first');
    assert.match(text, /application\/problem\+json/);
    if ([400, 501].includes(status)) assert.match(text, /"urn:sallyport:cause:request\.malformed"/);
    const { cause, verdict } = await gateway.call(/X-Request-Id: (\S+)\r/.exec(text)[1]);
    assert.deepEqual([verdict.accepted, verdict.cause.id], [false, cause]);
    assert.ok(verdict.cause.detail, 'the line says what is wrong');
  });
}

test('the line of what is no request at all has no path of ours and no method that nobody sent', async () => {
  const { text } = await rawRequest(gateway.port, 'hello\r\n\r\n', { end: true });
  const { path, method, status, cause } = await gateway.call(/^X-Request-Id: (\S+)\r$/m.exec(text)[1]);
  assert.deepEqual({ path, method, status, cause }, { path: '', method: '', status: 400, cause: 'request.malformed' });
});

const told = {
  'Host: [::1': ['Host: [::1', 'HOST or HOST:PORT', '[::1'],
  'a token whose header was forgotten': [`Host: a\r\n${'eyJhbGciOiJFUzI1NiJ9'.repeat(20)}`, 'NAME: VALUE', 'eyJhbGciOiJFUzI1…, 400 bytes'],
};
for (const [name, [lines, expected, received]] of Object.entries(told)) {
  test(`${name}: the log says what came, and no more of it than may stand there`, async () => {
    const id = `told-${received.length}`;
    const { text, closed } = await rawRequest(gateway.port, `GET /x HTTP/1.1\r\nX-Request-Id: ${id}\r\n${lines}\r\n\r\n`);
    assert.ok(closed && /^Connection: close\r$/m.test(text), text);
    const { status, accepted, verdict } = await gateway.call(id);
    assert.deepEqual([status, accepted, verdict.cause.id, verdict.cause.expected, verdict.cause.received], [400, false, 'request.malformed', expected, received]);
  });
}

test('HTTP/0.9, which has no header, is refused also where nobody is asked for a token, and harms nobody', async () => {
  for (const path of ['/open/x', '/x']) {
    const { text, closed } = await rawRequest(gateway.port, `GET ${path}\r\n`);
    assert.ok(closed);
    assert.equal(JSON.parse(text).cause, 'request.malformed');
  }
  assert.deepEqual(gateway.workerPids(), [worker]);
});

test('a later version of HTTP/1 is served as 1.1 (RFC 9110 2.5)', async () => {
  const { status, text } = await rawRequest(gateway.port, `GET /x HTTP/1.9\r\nHost: a_b:80\r\nX-Empty:\r\nConnection: close\r\nAuthorization: Bearer ${await corp.token()}\r\n\r\n`);
  assert.equal(status, 200, text);
  assert.match(text, /^HTTP\/1\.1 200/);
});

// Each is written into the line of the call, some bytes as three or six: together they are longer than a line may be.
test('nobody makes a call go untold by saying too much', async () => {
  const id = 'said-too-much', long = Buffer.alloc(100_000, 0xff);
  const { status } = await rawRequest(gateway.port, Buffer.concat([Buffer.from('GET /'), long, Buffer.from(' HTTP/1.1\r\nHost: '), long, Buffer.from(`\r\nX-Request-Id: ${id}\r\nConnection: close\r\n\r\n`)]));
  assert.equal(status, 400);
  const call = await gateway.call(id);
  assert.deepEqual([call.cut, call.status, call.cause, call.method], [true, 400, 'request.malformed', 'GET']);
  assert.ok(call.path.length <= 1024 && call.client_address === '127.0.0.1');
});

const half = (id, token) => `POST /slow/200 HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 1000\r\n\r\nhalf`;
const halves = {
  'a request line and an end': [() => 'GET /half-a-li', { end: true }, 400, false],
  'half of its headers and an end': [() => 'GET /half HTTP/1.1\r\nHost: a\r\nX-Request-Id: half-headers-end\r\nAuthoriz', { end: true }, 400, false],
  'half of its headers and silence': [() => 'GET /half HTTP/1.1\r\nHost: a\r\nX-Request-Id: half-headers-silence\r\nAuthoriz', {}, 408, false],
  'half of its body and an end': [(token) => half('half-body-end', token), { end: true }, 400, true],
  'half of its body and silence': [(token) => half('half-body-silence', token), {}, 408, true],
  'chunks without a last one and an end': [(token) => half('half-chunks-end', token).replace('Content-Length: 1000', 'Transfer-Encoding: chunked').replace(/half$/, '4\r\nhalf\r\n'), { end: true }, 400, true],
};
for (const [name, [bytes, how, status, accepted]] of Object.entries(halves)) {
  test(`half a request: ${name} is answered with its cause`, async () => {
    const answer = await rawRequest(gateway.port, bytes(await corp.token()), how);
    assert.ok(answer.closed);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, /^Connection: close\r$/m);
    const [head, body] = answer.text.split('\r\n\r\n');
    assert.equal(Number(/^Content-Length: (\d+)\r$/m.exec(head)[1]), Buffer.byteLength(body));
    const problem = JSON.parse(body);
    assert.deepEqual([problem.status, problem.type], [status, 'urn:sallyport:cause:request.malformed']);
    const id = /^X-Request-Id: (\S+)\r$/m.exec(head)[1];
    const call = await gateway.call(id);
    assert.deepEqual([call.status, call.cause, call.accepted, call.bytes_out], [status, 'request.malformed', accepted, Buffer.byteLength(answer.text)]);
    const { detail } = accepted ? call.verdict.also[0] : call.verdict.cause;
    assert.match(detail, /did not (end|come): (nothing more came in time|its sender ended the connection)/);
  });
}

/* A stream's request goes on without an end: what came of its answer, and the code that the stream was closed with. */
function halfStream(session, headers, bytes) {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: false });
    const answer = { headers: {}, text: '' };
    stream.on('response', (fields) => (answer.headers = fields));
    stream.on('data', (data) => (answer.text += data));
    stream.on('error', (error) => (answer.error = error));
    stream.on('close', () => resolve({ ...answer, code: stream.rstCode }));
    if (bytes) stream.write(bytes);
  });
}

test('half a request by HTTP/2 is answered with its cause, and the session goes on', async () => {
  const secure = await startNginx({ files: corp.files, http: 'client_body_timeout 1s;', policy, tls: makeAuthority(temporaryFolder()).issue('gateway') });
  const session = http2.connect(`https://127.0.0.1:${secure.port}`, { rejectUnauthorized: false });
  const authorization = `Bearer ${await corp.token()}`;
  const ask = (id, more, bytes) => halfStream(session, { ':path': '/slow/200', ':method': 'POST', 'x-request-id': id, authorization, ...more }, bytes);
  try {
    const named = { 'content-length': 1000 };
    for (const [id, more, bytes, detail] of [['h2-nothing', named, '', /^1000 of the body's 1000 bytes did not come: nothing more came in time$/], ['h2-half', named, 'half', /^996 of the body's 1000 bytes did not come/], ['h2-unnamed', {}, 'half', /^the end of the body did not come/]]) {
      const { headers, text, error, code } = await ask(id, more, bytes);
      assert.deepEqual([headers[':status'], headers['x-request-id'], headers['content-type'], error, code], [408, id, 'application/problem+json', undefined, http2.constants.NGHTTP2_NO_ERROR]);
      assert.equal(JSON.parse(text).type, 'urn:sallyport:cause:request.malformed');
      const call = await secure.call(id);
      assert.deepEqual([call.status, call.cause, call.accepted], [408, 'request.malformed', true]);
      assert.match(call.verdict.also[0].detail, detail);
    }
    const refused = await halfStream(session, { ':path': '/x', ':method': 'POST', ...named }, 'half');
    assert.equal(refused.headers[':status'], 401);
    assert.ok(!session.closed);
  } finally {
    session.close();
  }
});

/* nginx ends the session: a field beyond large_client_header_buffers is read by nobody. */
test('what ends a session of HTTP/2 has its line', async () => {
  const secure = await startNginx({ files: corp.files, policy, tls: makeAuthority(temporaryFolder()).issue('gateway') });
  const session = http2.connect(`https://127.0.0.1:${secure.port}`, { rejectUnauthorized: false, maxSendHeaderBlockLength: 1 << 24 });
  const ended = new Promise((resolve) => session.on('error', () => {}).on('goaway', resolve));
  session.request({ ':path': '/x', 'x-request-id': 'h2-too-large', cookie: 'a='.padEnd(600_000, 'b') }).on('error', () => {}).end();
  assert.equal(await ended, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const call = await secure.call('h2-too-large');
  assert.deepEqual([call.status, call.cause, call.accepted], [0, 'request.malformed', false]);
  session.destroy();
});

test('a client that hangs up harms nobody', async () => {
  const token = await corp.token();
  await Promise.all([
    rawRequest(gateway.port, 'GET /x HTTP/1.1\r\nHost: a\r\nAuthoriz', { reset: true }),
    rawRequest(gateway.port, half('half-a-request-and-a-reset', token), { reset: true }),
    rawRequest(gateway.port, `GET /sse/100 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`, { reset: true }),
  ]);
  assert.equal((await gateway.get('/x', { token })).status, 200);
  const { status, cause, accepted } = await gateway.call('half-a-request-and-a-reset');
  assert.deepEqual({ cause, accepted }, { cause: 'request.malformed', accepted: true });
  /* Whether nginx read or wrote when the client went decides between 400 and 499. */
  assert.ok([400, 499].includes(status), String(status));
});

test('the worker is still the one that started', () => {
  assert.deepEqual(gateway.workerPids(), [worker]);
});
