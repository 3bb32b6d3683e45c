// SPDX-License-Identifier: Apache-2.0
// A second credential in a form is refused; every other body goes on to the API as it came.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const key = 'k'.repeat(24);
const policy = {
  issuers: corp.issuers,
  consumers: { partner: { api_keys: `sha256:${createHash('sha256').update(key).digest('hex')}` } },
  apis: {
    photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], in_query: true } },
    keys: { match: { path: '/keys' }, upstream: { url: upstream.url }, auth: { api_keys: true } },
    open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], anonymous: true } },
  },
};
const gateway = await startNginx({ files: corp.files, http: 'client_body_timeout 1s;', policy });
const token = await corp.token();
const type = 'application/x-www-form-urlencoded';
/* A header that is undefined is left out. */
function post(path, body, headers) {
  const all = { Authorization: `Bearer ${token}`, 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), ...headers };
  return gateway.get(path, { method: 'POST', body, headers: Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) });
}

test('a token in the form beside one in the header or the URL is refused', async () => {
  for (const [path, body, headers] of [
    ['/photos/1', `title=x&access_token=${token}`, {}],
    ['/photos/1', 'access_token=another', { 'Content-Type': `${type}; charset=utf-8` }],
    [`/photos/1?access_token=${token}`, `access_token=${token}`, { Authorization: undefined }],
  ]) {
    const before = upstream.requests.length;
    const { status, cause, text, requestId } = await post(path, body, headers);
    assert.deepEqual([status, cause], [400, 'token.duplicated'], text);
    assert.equal(upstream.requests.length, before);
    const call = await gateway.call(requestId);
    assert.deepEqual([call.accepted, call.cause, call.verdict.cause.received], [false, 'token.duplicated', 'a header or the query, and access_token in the form']);
  }
});

test('every other body goes on whole', async () => {
  const small = 'title=my+access_token=1&x=1';
  const large = `a=${'b'.repeat(16 * 1024 - 2)}`;
  for (const [path, body, headers] of [
    ['/photos/1', small, {}],
    ['/photos/1', large, {}],
    ['/photos/1', `${large}b&access_token=x`, {}],
    ['/photos/1', 'access_token=x', { 'Content-Type': 'text/plain' }],
    ['/photos/1', 'access_token=x', { 'Transfer-Encoding': 'chunked', 'Content-Length': undefined }],
    ['/keys/1', 'access_token=x', { 'X-API-Key': key, Authorization: undefined }],
    ['/open/1', 'access_token=x', { Authorization: undefined }],
  ]) {
    const { status, json, text } = await post(path, body, headers);
    assert.equal(status, 200, text);
    assert.deepEqual([json.body_bytes, json.body_sha256], [Buffer.byteLength(body), createHash('sha256').update(body).digest('hex')]);
  }
});

test('a form that comes in pieces, and the next request on the same connection', async () => {
  const head = (length, more = '') => `POST /photos/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n${more}\r\n`;
  const socket = net.connect(gateway.port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => (text += data));
  const statuses = () => [...text.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status));
  const answers = (count) => until(() => statuses().length >= count && statuses(), `${count} answers`);
  for (const piece of [head(25), 'title=', 'x&access_', 'token=abcd']) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  assert.deepEqual(await answers(1), [400]);
  socket.write(`${head(9)}title=one${head(9)}`);
  socket.write('title=two');
  assert.deepEqual(await answers(3), [400, 200, 200]);
  socket.write(head(14, 'Expect: 100-continue\r\n'));
  await until(() => text.includes('HTTP/1.1 100 '), 'leave to go on');
  socket.write('access_token=x');
  assert.deepEqual(await answers(4), [400, 200, 200, 400]);
  socket.destroy();
  const half = await rawRequest(gateway.port, `${head(14)}access`);
  assert.equal(half.status, 408);
});

test('by HTTP/2 as well', async () => {
  const secure = await startNginx({ files: corp.files, policy, tls: makeAuthority(temporaryFolder()).issue('gateway') });
  const session = http2.connect(`https://127.0.0.1:${secure.port}`, { rejectUnauthorized: false });
  const ask = (body) => new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/photos/1', ':method': 'POST', authorization: `Bearer ${token}`, 'content-type': type, 'content-length': Buffer.byteLength(body) });
    let text = '', status;
    stream.on('response', (headers) => (status = headers[':status']));
    stream.on('data', (data) => (text += data));
    stream.on('end', () => resolve({ status, json: JSON.parse(text) }));
    stream.on('error', reject);
    stream.end(body);
  });
  try {
    const refused = await ask('a=1&access_token=x');
    assert.deepEqual([refused.status, refused.json.cause], [400, 'token.duplicated']);
    const passed = await ask('a=1');
    assert.deepEqual([passed.status, passed.json.body], [200, 'a=1']);
  } finally {
    session.close();
  }
});
