// SPDX-License-Identifier: Apache-2.0
// What a browser of another origin may do, and what the log says of the preflights after which it makes no call. Chromium decides what it does.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { openPage, withoutChromium } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { listen } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const server = http.createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<title>app</title>'));
const app = `http://app.localhost:${await listen(server)}`;
defer(() => { server.closeAllConnections(); server.close(); });

const api = (path, cors, { resource_metadata, ...more } = {}) => ({ ...(resource_metadata && { resource_metadata }), match: { path, ...more }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] }, ...(cors && { cors: { origins: [app], ...cors } }) });
const gateway = await startGateway({
  files: corp.files,
  config: {
    workers: 1, // lines stand in the log in the order of the calls
    issuers: corp.issuers,
    apis: {
      listed: api('/listed', { methods: ['GET', 'PUT'], headers: ['Authorization', 'X-Trace'] }),
      any: api('/any', { methods: '*', headers: '*', credentials: true }),
      absent: api('/absent', {}),
      elsewhere: api('/elsewhere', { origins: ['https://a.example', 'https://b.example'] }),
      few: api('/few', {}, { methods: ['GET'] }),
      silent: api('/silent'),
      described: api('/described', undefined, { resource_metadata: true }),
      listed_described: api('/elsewhere/described', { origins: ['https://a.example'], credentials: true }, { resource_metadata: true }),
      open: { ...api('/open'), auth: { anonymous: true } },
    },
  },
});

const preflight = (path, method, headers, origin = app) => gateway.get(path, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': method, ...(headers && { 'Access-Control-Request-Headers': headers }) } });
const list = { 'access-control-allow-methods': 'GET, PUT', 'access-control-allow-headers': 'Authorization, X-Trace' };

for (const [what, asked, status, cause, expected, received, headers] of [
  ['what is listed', ['/listed/1', 'PUT', 'authorization,x-trace'], 204, undefined, undefined, undefined, list],
  ['headers with blanks between them, in any case', ['/listed/1', 'PUT', 'AUTHORIZATION ,\tx-trace'], 204, undefined, undefined, undefined, list],
  ['no header', ['/listed/1', 'PUT'], 204, undefined, undefined, undefined, list],
  ['a method that browsers look for in no list', ['/listed/1', 'POST', 'authorization'], 204, undefined, undefined, undefined, list],
  ['a method that is not listed', ['/listed/1', 'DELETE', 'authorization'], 204, 'cors.preflight_rejected', 'Access-Control-Allow-Methods: DELETE', 'GET, PUT', list],
  ['the name of a method in lower case, which is another method', ['/listed/1', 'put', 'authorization'], 204, 'cors.preflight_rejected', 'Access-Control-Allow-Methods: put', 'GET, PUT', list],
  ['a header that is not listed', ['/listed/1', 'PUT', 'authorization,content-type'], 204, 'cors.preflight_rejected', 'Access-Control-Allow-Headers: content-type', 'Authorization, X-Trace', list],
  ['anything where "*" is written, with cookies', ['/any/1', 'DELETE', 'authorization,x-what'], 204, undefined, undefined, undefined, { 'access-control-allow-methods': 'DELETE', 'access-control-allow-headers': 'authorization,x-what', 'access-control-allow-credentials': 'true' }],
  ['anything where nothing is written', ['/absent/1', 'PATCH', 'authorization'], 204, undefined, undefined, undefined, { 'access-control-allow-methods': 'PATCH', 'access-control-allow-headers': 'authorization' }],
  ['an origin that is not listed', ['/elsewhere/1', 'GET', 'authorization'], 403, 'cors.origin_not_allowed', 'https://a.example, https://b.example', app, { 'access-control-allow-origin': undefined }],
  ['a method that is not served', ['/few/1', 'DELETE', 'authorization'], 405, 'route.method', 'GET, HEAD', 'DELETE', { allow: 'GET, HEAD' }],
  ['a method where the API has no cors and wants a token', ['/silent/1', 'PUT', 'authorization'], 403, 'cors.preflight_rejected', '200 or 204', '403, for the API asks for a credential and has no cors in the configuration', { 'access-control-allow-origin': undefined }],
])
  test(`a preflight asks for ${what}: ${cause ?? 'allowed'}`, async () => {
    const answer = await preflight(...asked);
    assert.equal(answer.status, status);
    assert.deepEqual(Object.fromEntries(Object.keys(headers).map((name) => [name, answer.headers[name]])), headers);
    if (status === 204) assert.equal(answer.headers['access-control-allow-origin'], app);
    else assert.equal(answer.cause, cause);
    const line = await gateway.call(answer.requestId);
    assert.deepEqual([line.status, line.accepted, line.cause, line.preflight], [status, cause === undefined, cause, asked[1]]);
    const found = line.verdict?.cause;
    assert.deepEqual([found?.expected, found?.received], [expected, received]);
    if (status === 204 && cause) assert.match(found.detail, new RegExp(`The page is of ${app}\\.`));
  });

test('where nothing is asked of a caller, a preflight goes to the API as every call', async () => {
  assert.equal((await preflight('/open/1', 'PUT')).json.method, 'OPTIONS');
});

test('refused preflights are counted by their cause, and explained', async () => {
  const { requestId } = await preflight('/listed/1', 'DELETE');
  const { json, code } = await gateway.explain(requestId);
  assert.deepEqual([code, json.cause.id, json.accepted], [0, 'cors.preflight_rejected', false]);
  assert.match(json.cause.fix, /cors of the API in sallyport\.yaml.*Access-Control-Allow-Methods: DELETE/);
  assert.ok(Object.entries(await gateway.metrics()).some(([name, value]) => name.includes('cors.preflight_rejected') && value > 0));
});

test('Chromium makes the calls that are allowed, and says of the others what the log says', { skip: withoutChromium }, async () => {
  const page = await openPage();
  await page.goto(app);
  const token = await corp.token();
  const call = (path, method, headers = {}) => page.evaluate(([url, init]) => fetch(url, init).then((response) => response.status, String), [`${gateway.url}${path}`, { method, headers: { Authorization: `Bearer ${token}`, ...headers } }]);
  const rows = [
    ['/listed/c1', 'PUT', {}, 200],
    ['/listed/c2', 'POST', {}, 200],
    ['/any/c3', 'PATCH', { 'X-What': '1' }, 200],
    ['/absent/c4', 'DELETE', {}, 200],
    ['/listed/c5', 'DELETE', {}, 'TypeError: Failed to fetch', /Method DELETE is not allowed by Access-Control-Allow-Methods/],
    ['/listed/c6', 'PUT', { 'X-Other': '1' }, 'TypeError: Failed to fetch', /Request header field x-other is not allowed by Access-Control-Allow-Headers/],
    ['/elsewhere/c7', 'GET', {}, 'TypeError: Failed to fetch', /No 'Access-Control-Allow-Origin' header/],
    ['/silent/c8', 'GET', {}, 'TypeError: Failed to fetch', /No 'Access-Control-Allow-Origin' header/],
  ];
  for (const [path, method, headers, seen, says] of rows) {
    page.complaints.length = 0;
    assert.equal(await call(path, method, headers), seen, path);
    if (says) assert.match(page.complaints.join('\n'), says);
  }
  await gateway.call((await gateway.get('/open/last')).requestId);
  for (const [path, method, , , says] of rows) {
    const lines = gateway.calls().filter((line) => line.path === path).map((line) => [line.method, line.accepted, line.cause]);
    const cause = path === '/elsewhere/c7' ? 'cors.origin_not_allowed' : 'cors.preflight_rejected';
    assert.deepEqual(lines, says ? [['OPTIONS', false, cause]] : [['OPTIONS', true, undefined], [method, true, undefined]], path);
  }
});

for (const path of ['/described', '/elsewhere/described'])
  test(`the resource metadata of ${path} is for every page, whatever cors its API has (RFC 9728 is public)`, async () => {
    const url = `/.well-known/oauth-protected-resource${path}`;
    const said = ({ headers }) => Object.keys(headers).filter((name) => /^access-control-|^vary$/.test(name)).sort().map((name) => `${name}: ${headers[name]}`);
    const expose = 'access-control-expose-headers: WWW-Authenticate, X-Request-Id, Retry-After', any = 'access-control-allow-origin: *';
    const plain = await gateway.get(url), ofPage = await gateway.get(url, { headers: { Origin: app } });
    assert.deepEqual([plain.status, said(plain), ofPage.status, said(ofPage)], [200, [any, expose], 200, [any, expose]]);
    const leave = await preflight(url, 'GET', 'mcp-protocol-version');
    assert.equal(leave.status, 204);
    assert.deepEqual(said(leave), ['access-control-allow-headers: mcp-protocol-version', 'access-control-allow-methods: GET, HEAD', any, expose]);
    assert.equal((await gateway.call(leave.requestId)).accepted, true);
    assert.equal((await preflight(url, 'POST')).status === 204, false, 'nothing but reading');
  });
