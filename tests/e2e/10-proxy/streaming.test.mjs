// SPDX-License-Identifier: Apache-2.0
// Large bodies, streams and WebSockets pass unharmed and unbuffered.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import fs from 'node:fs';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { makeCorp } from '../lib/corp.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const gateway = await startNginx({
  files: corp.files,
  policy: { issuers: corp.issuers, apis: { all: { match: { path: '/' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } } } },
});
const token = await corp.token();

test('100 MB up and 100 MB down arrive whole, and neither is written to disk', async () => {
  const block = Buffer.alloc(1 << 20, 'abc');
  const hash = createHash('sha256');
  const answer = await new Promise((resolve, reject) => {
    const outgoing = http.request(`${gateway.url}/upload`, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Length': 100 << 20 } }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk) => (text += chunk));
      incoming.on('end', () => resolve(JSON.parse(text)));
    });
    outgoing.on('error', reject);
    (async () => {
      for (let i = 0; i < 100; i++) {
        hash.update(block);
        if (!outgoing.write(block)) await new Promise((drained) => outgoing.once('drain', drained));
      }
      outgoing.end();
    })();
  });
  assert.equal(answer.body_bytes, 100 << 20);
  assert.equal(answer.body_sha256, hash.digest('hex'));
  const { status, body } = await gateway.get('/bytes/104857600', { token });
  assert.equal(status, 200);
  assert.equal(body.length, 104857600);
  for (const name of ['client_body', 'proxy']) assert.deepEqual(fs.readdirSync(`${gateway.folder}/${name}`), []);
});

test('chunked uploads and downloads pass', async () => {
  const { json } = await gateway.get('/x', { token, method: 'PUT', headers: { Authorization: `Bearer ${token}`, 'Transfer-Encoding': 'chunked' }, body: 'x'.repeat(200_000) });
  assert.equal(json.body_bytes, 200_000);
  assert.equal((await gateway.get('/chunked/3000000', { token })).body.length, 3_000_000);
});

test('events arrive while the stream is still open', async () => {
  const spread = await new Promise((resolve, reject) => {
    http.get(`${gateway.url}/sse/6`, { headers: { Authorization: `Bearer ${token}` } }, (incoming) => {
      const arrived = [];
      incoming.on('data', () => arrived.push(Date.now()));
      incoming.on('end', () => resolve(arrived.at(-1) - arrived[0]));
    }).on('error', reject);
  });
  assert.ok(spread >= 150, `all events came within ${spread} ms: they were held back`);
});

test('a WebSocket is judged like any call, then passes messages both ways', async () => {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`, { headers: { Authorization: `Bearer ${token}` } });
  const received = [];
  await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (data) => {
      received.push(data.toString());
      if (received.length === 1) socket.send('x'.repeat(100_000));
      if (received.length === 2) resolve();
    });
  });
  assert.equal(JSON.parse(received[0]).url, '/socket');
  assert.equal(received[1].length, 100_000);
  socket.close();
  const refused = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`);
  const [response] = await new Promise((resolve) => {
    refused.on('unexpected-response', (_, incoming) => resolve([incoming]));
    refused.on('error', () => {});
  });
  assert.equal(response.statusCode, 401);
});
