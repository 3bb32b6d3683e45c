// SPDX-License-Identifier: Apache-2.0
// After "101 Switching Protocols" nobody judges the bytes any more: only WebSocket comes that far.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { defer } from '../lib/cleanup.mjs';
import { locations, startNginx } from '../lib/nginx.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';

// An API that goes over to any protocol it is offered, and hangs up once something came behind the 101. `heard` is all that it received.
let heard = '';
const api = net.createServer((socket) => {
  let said = '';
  let upgraded = false;
  socket.on('error', () => {});
  socket.on('data', (data) => {
    heard += data.toString('latin1');
    said += data.toString('latin1');
    if (upgraded) {
      socket.end('over');
    } else if (said.endsWith('\r\n\r\n')) {
      upgraded = /^upgrade: /im.test(said);
      said = '';
      socket.write(upgraded ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: any\r\n\r\n' : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    }
  });
});
const port = await listen(api);
defer(() => new Promise((resolve) => api.close(resolve)));

const policy = {
  apis: {
    open: { match: { path: '/open' }, upstream: { url: `http://127.0.0.1:${port}` }, auth: { anonymous: true, api_keys: true } },
    closed: { match: { path: '/closed' }, upstream: { url: `http://127.0.0.1:${port}` }, auth: { api_keys: true } },
  },
};
const h2Port = await freePort();
const gateway = await startNginx({ policy, http: `server { listen 127.0.0.1:${h2Port} http2; ${locations()} }` });
// The locations that nginx's own documentation of WebSockets recommends.
const guest = await startNginx({
  policy,
  server: `location / { sallyport on; proxy_pass http://127.0.0.1:${port}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`,
});
const behind = 'GET /closed/secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** Asks the open API for these upgrades, with a call to the closed one behind. */
const ask = (upgrades, to = gateway) => {
  const offers = upgrades.map((upgrade) => `Upgrade: ${upgrade}\r\n`).join('');
  return rawRequest(to.port, `GET /open HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n${offers}\r\n${behind}`, { timeout: 60_000 });
};

const refused = { h2c: ['h2c'], 'another HTTP': ['HTTP/2.0'], 'two in one header': ['websocket, h2c'], 'two headers': ['websocket', 'h2c'], 'two headers, the other way round': ['h2c', 'websocket'] };
for (const [name, upgrades] of Object.entries(refused)) {
  for (const [who, server] of Object.entries({ gateway, guest })) {
    test(`${name}: a ${who} serves the call without it, and judges the one behind it`, async () => {
      const before = heard.length;
      const { text } = await ask(upgrades, server);
      assert.match(text, /^HTTP\/1\.1 200 [^]*^HTTP\/1\.1 401 [^]*token\.missing/m);
      const all = heard.slice(before);
      assert.match(all, /^GET \/open /m);
      assert.doesNotMatch(all, /^upgrade: |closed/im);
    });
  }
}

test('WebSocket goes on, however it is spelled', async () => {
  for (const [spelling, server] of [['websocket', gateway], ['WebSocket', gateway], ['WebSocket', guest]]) {
    const before = heard.length;
    const { text } = await ask([spelling], server);
    assert.match(text, /^HTTP\/1\.1 101 [^]*over$/);
    assert.match(heard.slice(before), new RegExp(`^Upgrade: ${spelling}\r$`, 'm'));
  }
});

test('what is neither goes through a guest whose configuration passes it on, and not through the gateway', async () => {
  assert.match((await ask(['SPDY/3.1'], guest)).text, /^HTTP\/1\.1 101 /);
  assert.match((await ask(['SPDY/3.1'])).text, /^HTTP\/1\.1 200 [^]*^HTTP\/1\.1 401 /m);
});

test('in HTTP/2 there is no Upgrade, nor any other field of a connection', async () => {
  const frame = (type, flags, stream, payload) => Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload]);
  const text = (value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const field = (name, value) => Buffer.concat([Buffer.from([0x00]), text(name), text(value)]);
  const rows = [['upgrade', 'websocket'], ['upgrade', 'h2c'], ['connection', 'close'], ['keep-alive', 'timeout=5'], ['proxy-connection', 'close'], ['transfer-encoding', 'gzip'], ['te', 'gzip'], ['te', 'trailers']];
  for (const [name, value] of rows) {
    const id = `h2-${name}-${value.replace(/\W/g, '')}`;
    // :method GET, :scheme http, :path, :authority, x-request-id, and a field that no HTTP/2 library would send.
    const headers = Buffer.concat([Buffer.from([0x82, 0x86, 0x04]), text('/open'), Buffer.from([0x01]), text('a'), field('x-request-id', id), field(name, value)]);
    const bytes = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0, Buffer.alloc(0)), frame(1, 5, 1, headers)]);
    const before = heard.length;
    const socket = net.connect(h2Port, '127.0.0.1', () => socket.write(bytes));
    defer(() => socket.destroy());
    socket.on('error', () => {});
    if (value === 'trailers') {
      await until(() => heard.slice(before).endsWith('\r\n\r\n'), 'the call of HTTP/2 to reach the API', 60_000);
      assert.match(heard.slice(before), /^GET \/open /);
      assert.doesNotMatch(heard.slice(before), /^upgrade: /im);
      continue;
    }
    const call = await gateway.call(id);
    const isOfNginx = name === 'transfer-encoding';
    assert.deepEqual([call.status, call.cause, call.verdict.cause.received ?? call.verdict.cause.detail], [isOfNginx ? 501 : 400, 'request.malformed', isOfNginx ? 'a Transfer-Encoding other than chunked' : name]);
    assert.equal(heard.slice(before), '');
  }
});
