// SPDX-License-Identifier: Apache-2.0
// gRPC passes over HTTP/2 on both sides, trailers and all; and shares no connection with HTTP/1.1 at the same address.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { defer } from '../lib/cleanup.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { listen } from '../lib/ports.mjs';

const corp = await makeCorp();
const certificate = makeAuthority(temporaryFolder()).issue('gateway');
const sessions = new Set();
const server = http2.createServer();
server.on('session', (session) => sessions.add(session));
server.on('stream', (stream, headers) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-path': headers[':path'] }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
  stream.pipe(stream);
});
const port = await listen(server);
defer(() => {
  for (const session of sessions) session.destroy();
  server.close();
});
const gateway = await startNginx({
  files: corp.files,
  tls: certificate,
  policy: { issuers: corp.issuers, apis: { greeter: { match: { path: '/' }, upstream: { url: `grpc://127.0.0.1:${port}` }, auth: { issuers: ['corp'] } } } },
});

function call(session, headers, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ...headers });
    const answer = { chunks: [] };
    stream.on('response', (response) => Object.assign(answer, { status: response[':status'], headers: response }));
    stream.on('trailers', (trailers) => (answer.trailers = trailers));
    stream.on('data', (chunk) => answer.chunks.push(chunk));
    stream.on('end', () => resolve(answer));
    stream.on('error', reject);
    stream.end(body);
  });
}

test('a call passes with its body and its trailers; one without a token is refused', async () => {
  const session = http2.connect(gateway.url, { rejectUnauthorized: false });
  const body = Buffer.alloc(300_000, 'g');
  for (let i = 0; i < 3; i++) {
    const good = await call(session, { ':path': '/greeter.Greeter/Hello', authorization: `Bearer ${await corp.token()}` }, body);
    assert.equal(good.status, 200);
    assert.equal(good.headers['x-path'], '/greeter.Greeter/Hello');
    assert.equal(Buffer.concat(good.chunks).length, body.length);
    assert.equal(good.trailers['grpc-status'], '0');
  }
  const refused = await call(session, { ':path': '/greeter.Greeter/Hello' }, body);
  assert.equal(refused.status, 401);
  session.close();
});
