// SPDX-License-Identifier: Apache-2.0
// The API behind the gateway: says what it received, and can be slow, large, streaming, broken or gone.
import http from 'node:http';
import https from 'node:https';
import { createHash } from 'node:crypto';
import { WebSocketServer } from 'ws';
import { defer } from './cleanup.mjs';
import { listen } from './ports.mjs';

/**
 * startUpstream({ name, port, tls: { cert, key }, handler }) → { url, port, name, requests, connections, stop(), start() }
 *
 * By default a request is answered 200 with JSON { server, method, url, headers (lower case), raw_headers, body (text), body_bytes,
 * body_sha256 }. The last segments of the path ask for something else:
 *   …/status/503       that status                       …/bytes/N     N bytes, Content-Length known
 *   …/slow/MS          answer after MS ms                …/chunked/N   N bytes, chunked
 *   …/sse/N            N events, one every 50 ms         …/close       connection closed without an answer
 *   …/half             half a response, then closed      …/headers/N   N bytes of response header
 * A WebSocket on any path echoes messages; its first message is JSON { url, headers }.
 * `requests` has { method, url, headers, body (its first 64 KiB), bytes, sha256 (of all) } of each, newest last; `connections` counts TCP connections accepted.
 * `handler(request, response, body)` may answer itself and return true.
 */
export async function startUpstream(options = {}) {
  const upstream = { name: options.name ?? 'upstream', requests: [], connections: 0 };
  const sockets = new Set();
  let server;

  upstream.start = async () => {
    const answer = (incoming, outgoing) => receive(upstream, options, incoming, outgoing);
    server = options.tls ? https.createServer(options.tls, answer) : http.createServer(answer);
    server.keepAliveTimeout = 60_000;
    server.on('connection', (socket) => {
      upstream.connections++;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
    });
    const webSockets = new WebSocketServer({ server });
    webSockets.on('connection', (webSocket, incoming) => {
      webSocket.send(JSON.stringify({ url: incoming.url, headers: incoming.headers }));
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
      webSocket.on('error', () => {});
    });
    upstream.port = await listen(server, upstream.port ?? options.port);
    upstream.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${upstream.port}`;
  };
  /** Closes the listening socket and every connection; `start` listens on the same port again. */
  upstream.stop = () => new Promise((resolve) => {
    if (!server?.listening) return resolve();
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  });

  await upstream.start();
  defer(upstream.stop);
  return upstream;
}

function receive(upstream, options, incoming, outgoing) {
  const chunks = [];
  const hash = createHash('sha256');
  let size = 0;
  incoming.on('data', (chunk) => {
    hash.update(chunk);
    size += chunk.length;
    if (size <= 65_536) chunks.push(chunk);
  });
  incoming.on('error', () => {});
  incoming.on('end', async () => {
    const body = Buffer.concat(chunks);
    const sha256 = hash.digest('hex');
    upstream.requests.push({ method: incoming.method, url: incoming.url, headers: incoming.headers, body, bytes: size, sha256 });
    if (options.handler && (await options.handler(incoming, outgoing, body))) return;
    const said = {
      server: upstream.name,
      method: incoming.method,
      url: incoming.url,
      headers: incoming.headers,
      raw_headers: incoming.rawHeaders,
      body: body.toString('utf8'),
      body_bytes: size,
      body_sha256: sha256,
    };
    answer(incoming, outgoing, said);
  });
}

function answer(incoming, outgoing, said) {
  const segments = new URL(incoming.url, 'http://upstream').pathname.split('/').filter(Boolean);
  const count = Number(segments.at(-1));
  const wish = Number.isNaN(count) ? segments.at(-1) : segments.at(-2);
  const json = (status) => {
    outgoing.writeHead(status, { 'Content-Type': 'application/json', 'X-Upstream': said.server });
    outgoing.end(JSON.stringify(said));
  };
  const wishes = {
    status: () => json(count),
    slow: () => setTimeout(() => json(200), count).unref(), // the end of a test does not wait for it
    bytes: () => {
      outgoing.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': count });
      pour(outgoing, count);
    },
    chunked: () => {
      outgoing.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      pour(outgoing, count);
    },
    sse: () => {
      outgoing.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
      let sent = 0;
      const timer = setInterval(() => {
        outgoing.write(`data: ${JSON.stringify({ event: ++sent, at: Date.now() })}\n\n`);
        if (sent >= count) {
          clearInterval(timer);
          outgoing.end();
        }
      }, 50);
      outgoing.on('close', () => clearInterval(timer));
    },
    close: () => incoming.socket.destroy(),
    half: () => {
      outgoing.writeHead(200, { 'Content-Length': 1000 });
      outgoing.write('half', () => incoming.socket.destroy());
    },
    headers: () => {
      outgoing.setHeader('X-Large', 'x'.repeat(count));
      json(200);
    },
  };
  const known = Object.hasOwn(wishes, wish ?? '') ? wishes[wish] : undefined;
  if (known) known();
  else json(200);
}

async function pour(outgoing, bytes) {
  const block = Buffer.alloc(65_536, 'abcdefghijklmnopqrstuvwxyz012345');
  for (let left = bytes; left > 0 && !outgoing.destroyed; left -= block.length) {
    if (!outgoing.write(left >= block.length ? block : block.subarray(0, left))) {
      await new Promise((resolve) => {
        outgoing.once('drain', resolve);
        outgoing.once('close', resolve);
      });
    }
  }
  outgoing.end();
}
