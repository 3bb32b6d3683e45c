// SPDX-License-Identifier: Apache-2.0
// The request that the API gets is written by the gateway itself (gateway/upstream_request.c), or by nginx's proxy module where the length of
// the body is not known. To the API they must be the same.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const policy = {
  issuers: corp.issuers,
  apis: {
    photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], in_query: true }, identity_headers: { 'X-User': 'sub' } },
    dropped: { match: { path: '/dropped' }, upstream: { url: `${upstream.url}/base` }, auth: { issuers: ['corp'], token: 'drop' } },
  },
};
const gateway = await startNginx({ files: corp.files, policy });
const token = await corp.token();

/** What the API received of these bytes. */
async function received(bytes, port = gateway.port) {
  const { text, status } = await rawRequest(port, bytes);
  assert.equal(status, 200, text);
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
}

/** Headers as [name, value], in an order of their own, without those that say how long the body is. */
const pairs = (raw) => raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1]]] : []));
const comparable = (raw) => pairs(raw).filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name)).map((pair) => pair.join(': ')).sort();

const awkward = [
  'Host: photos.example:8443', `Authorization: Bearer ${token}`, 'X-Request-Id: mine-1', 'X-Request-Id: mine-2', 'X-User: root', 'X-Forwarded-For: 1.2.3.4', 'Forwarded: for=1.2.3.4',
  'TE: trailers', 'Keep-Alive: timeout=5', 'Connection: close, x-hop', 'X-Hop: 1', 'X-Empty:', 'X-Twice: 1', 'X-Twice: 2', 'x-lOwEr:   spaced  ', 'Cookie: a=1; b=2', 'Accept-Encoding: gzip',
  `X-Long: ${'y'.repeat(6_000)}`, 'ab: two letters', 'x-te: 1', 'hosts: 1', 'X-Latin: \xe9',
];
const head = (line, headers = awkward) => Buffer.from(`${line} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`, 'latin1');

test('the API gets the same headers whether the gateway writes the request or nginx does', async () => {
  for (const prefix of ['/photos', '/dropped']) {
    const ours = await received(head(`GET ${prefix}/a%20b?x=1`));
    const chunked = await received(Buffer.concat([head(`POST ${prefix}/a%20b?x=1`, [...awkward, 'Transfer-Encoding: chunked']), Buffer.from('0\r\n\r\n')]));
    assert.deepEqual(comparable(ours.raw_headers), comparable(chunked.raw_headers), prefix);
    assert.equal(ours.url, chunked.url);
    // Who wrote it shows in the order: the gateway puts its own headers before the client's, nginx after them.
    const first = (seen) => pairs(seen.raw_headers)[1][0];
    assert.equal(first(ours), 'X-Forwarded-For');
    assert.notEqual(first(chunked), 'X-Forwarded-For');
    const names = pairs(ours.raw_headers).map(([name]) => name.toLowerCase());
    for (const held of ['te', 'keep-alive', 'connection', 'forwarded', 'content-length', 'transfer-encoding']) assert.ok(!names.includes(held), held);
    for (const once of ['host', 'x-request-id', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']) assert.equal(names.filter((name) => name === once).length, 1, once);
    assert.equal(names.includes('authorization'), prefix === '/photos');
    assert.equal(ours.headers['x-forwarded-host'], 'photos.example:8443');
    assert.equal(ours.headers.host, `127.0.0.1:${upstream.port}`);
    assert.equal(ours.headers['x-lower'], 'spaced');
    assert.equal(ours.headers['x-twice'], '1, 2');
  }
});

test('a request id that the client did not give is one, and the client is told the same', async () => {
  const bare = ['Host: photos.example', `Authorization: Bearer ${token}`, 'Connection: close'];
  const { text } = await rawRequest(gateway.port, head('GET /photos/1', bare));
  const json = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  assert.equal(pairs(json.raw_headers).filter(([name]) => /^x-request-id$/i.test(name)).length, 1);
  assert.match(text, new RegExp(`^X-Request-Id: ${json.headers['x-request-id']}\r$`, 'm'));
});

test('the URL goes on as it was sent, below the base path of the API and without the token in it', async () => {
  const bare = ['Host: photos.example', 'Connection: close'];
  assert.equal((await received(head(`GET /photos/%7e/x;y=1?q=%20&access_token=${token}&r`, bare))).url, '/photos/%7e/x;y=1?q=%20&r');
  assert.equal((await received(head('GET /dropped/%7e?', [...bare, `Authorization: Bearer ${token}`]))).url.replace(/\?$/, ''), '/base/dropped/%7e');
});

/** Writes the pieces one after the other, each when the one before was handed over and a turn of the gateway went by; resolves to what came back. */
async function inPieces(pieces) {
  const socket = net.connect(gateway.port, '127.0.0.1');
  const answer = new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    // Any other call that is answered has seen the worker's loop go round.
    await gateway.get('/photos/between', { token });
  }
  return answer;
}

test('bodies arrive whole, however they come', async () => {
  const body = randomBytes(300_000);
  const digest = createHash('sha256').update(body).digest('hex');
  const of = (length, more = []) => head('POST /photos/up', ['Host: photos.example', `Authorization: Bearer ${token}`, `Content-Length: ${length}`, 'Connection: close', ...more]);
  const cases = {
    'with the header': [Buffer.concat([of(10), Buffer.from('0123456789')]), 10],
    'after the header': [[of(10), '0123', '456789'], 10],
    'partly with the header': [[Buffer.concat([of(10), Buffer.from('01')]), '23456789'], 10],
    'none, and said so': [of(0), 0],
    'larger than any buffer': [[of(body.length), body.subarray(0, 100_000), body.subarray(100_000)], body.length],
    'larger, at once': [Buffer.concat([of(body.length), body]), body.length],
    'after 100 Continue': [[of(10, ['Expect: 100-continue']), '0123456789'], 10],
  };
  for (const [name, [pieces, length]] of Object.entries(cases)) {
    const text = await inPieces([pieces].flat());
    const seen = upstream.requests.findLast(({ url }) => url === '/photos/up');
    assert.equal(seen.bytes, length, name);
    assert.equal(seen.headers['content-length'], String(length), name);
    assert.equal(seen.headers.expect, undefined, name);
    if (length === body.length) assert.equal(seen.sha256, digest, name);
    else if (length > 0) assert.equal(seen.body.toString(), '0123456789', name);
    assert.match(text, name.includes('Continue') ? /^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 200 / : /^HTTP\/1\.1 200 /, name);
  }
});

test('calls on one connection do not run into each other', async () => {
  const bare = ['Host: photos.example', `Authorization: Bearer ${token}`];
  const calls = [
    head('GET /photos/1', bare),
    Buffer.concat([head('POST /photos/2', [...bare, 'Content-Length: 3']), Buffer.from('two')]),
    head('HEAD /photos/3', bare),
    Buffer.concat([head('POST /photos/4', [...bare, 'Transfer-Encoding: chunked']), Buffer.from('4\r\nfour\r\n0\r\n\r\n')]),
    head('DELETE /photos/5', [...bare, 'Connection: close']),
  ];
  const { text } = await rawRequest(gateway.port, Buffer.concat(calls));
  assert.equal([...text.matchAll(/^HTTP\/1\.1 200 /gm)].length, 5);
  const seen = upstream.requests.slice(-5);
  assert.deepEqual(seen.map(({ method, url, body }) => [method, url, body.toString()]), [['GET', '/photos/1', ''], ['POST', '/photos/2', 'two'], ['HEAD', '/photos/3', ''], ['POST', '/photos/4', 'four'], ['DELETE', '/photos/5', '']]);
});

test('a client of HTTP/1.0 is served too', async () => {
  const { text } = await rawRequest(gateway.port, `GET /photos/old HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.equal(upstream.requests.at(-1).url, '/photos/old');
});

test('HTTP/2, with a body and without', async () => {
  const secure = await startNginx({ files: corp.files, policy, tls: makeAuthority(temporaryFolder()).issue('gateway') });
  const session = http2.connect(`https://127.0.0.1:${secure.port}`, { rejectUnauthorized: false });
  const ask = (headers, body) => new Promise((resolve, reject) => {
    const stream = session.request({ authorization: `Bearer ${token}`, 'x-twice': ['1', '2'], te: 'trailers', ...headers });
    let text = '';
    stream.on('data', (data) => (text += data));
    stream.on('end', () => resolve(JSON.parse(text)));
    stream.on('error', reject);
    stream.end(body);
  });
  try {
    const got = await ask({ ':path': '/photos/two?x=1' });
    assert.equal(got.url, '/photos/two?x=1');
    assert.equal(got.headers['x-forwarded-proto'], 'https');
    assert.equal(got.headers['x-user'], 'alice');
    assert.equal(got.headers.te, undefined);
    const named = await ask({ ':path': '/photos/two', ':method': 'POST', 'content-length': 5 }, 'hello');
    assert.equal(named.body, 'hello');
    const unnamed = await ask({ ':path': '/photos/two', ':method': 'POST' }, 'hello');
    assert.equal(unnamed.body, 'hello');
    assert.deepEqual(comparable(named.raw_headers).filter((line) => !/^x-request-id/i.test(line)), comparable(unnamed.raw_headers).filter((line) => !/^x-request-id/i.test(line)));
  } finally {
    session.close();
  }
});
