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
import { until } from '../lib/wait.mjs';

const corp = await makeCorp();
let handle; // of a test that answers itself
const upstream = await startUpstream({ handler: (incoming, outgoing) => handle?.(incoming, outgoing) });
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
  let arrived = '';
  handle = (incoming, outgoing) => {
    outgoing.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    (async () => {
      for (let i = 1; i <= 6; i++) { // each once the one before is there
        outgoing.write(`data: ${i}\n\n`);
        await until(() => arrived.includes(`data: ${i}\n\n`), `event ${i} to arrive while the stream is open`, 30_000);
      }
    })().then(() => outgoing.end(), () => outgoing.destroy());
    return true;
  };
  await new Promise((resolve, reject) => {
    http.get(`${gateway.url}/events`, { headers: { Authorization: `Bearer ${token}` } }, (incoming) => {
      incoming.setEncoding('utf8').on('data', (text) => { arrived += text; }).on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
  handle = undefined;
  assert.equal(arrived, [1, 2, 3, 4, 5, 6].map((i) => `data: ${i}\n\n`).join(''));
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
