// SPDX-License-Identifier: Apache-2.0
// The whole gateway: what only `sallyport serve` and the data plane together can do.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { makeAuthority, servedSerial } from '../lib/certificates.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const aud = 'https://api.example';
const folder = temporaryFolder();
const authority = makeAuthority(folder);
const certificate = authority.issue('gateway');
const upstream = await startUpstream();
const secure = await startUpstream({ name: 'secure', tls: certificate });
const issuer = await startPlainIssuer();
const tlsPort = await freePort();
const config = (more = {}) => ({
  listen: [{ address: '127.0.0.1:{port}' }, { address: `127.0.0.1:${tlsPort}`, tls: { certificate: certificate.certFile, key: certificate.keyFile } }],
  workers: 2,
  issuers: { corp: { issuer: issuer.issuer, audience: aud } },
  apis: {
    photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...more } },
    read: { match: { path: '/read', methods: ['GET'] }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } },
    secure: { match: { path: '/secure' }, upstream: { url: secure.url.replace('127.0.0.1', 'localhost'), ca_file: authority.caFile }, auth: { issuers: ['corp'] } },
  },
});
const gateway = await startGateway({ config: config() });
const token = (claims = {}) => issuer.token({ aud, ...claims });

/* Until it is told: a test that goes on before would leave its line to the next one. */
async function swap(to) {
  const from = gateway.output.length;
  gateway.reload(to);
  await gateway.waitForOutput('the configuration is in force', { from });
}

test('HTTP, TLS in front, TLS behind by name, and WebSockets pass', async () => {
  assert.equal((await gateway.get('/photos/1', { token: await token() })).json.url, '/photos/1');
  const secured = await request(`https://127.0.0.1:${tlsPort}/photos/1`, { token: await token(), rejectUnauthorized: false });
  assert.equal(secured.json.headers['x-forwarded-proto'], 'https');
  const behind = await gateway.get('/secure/1', { token: await token() });
  assert.equal(behind.json?.server, 'secure', behind.text);
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/photos/socket`, { headers: { Authorization: `Bearer ${await token()}` } });
  const first = await new Promise((resolve, reject) => {
    socket.on('message', (data) => resolve(JSON.parse(data)));
    socket.on('error', reject);
  });
  assert.equal(first.url, '/photos/socket');
  socket.close();
});

test('half a request is answered with its cause, within TLS too', async () => {
  for (const [port, secure] of [[gateway.port, false], [tlsPort, true]]) {
    const { status, text } = await rawRequest(port, 'GET /photos/1 HTTP/1.1\r\nHost: a\r\nAuthori', { end: true, secure });
    assert.equal(status, 400, text);
    assert.match(text, /"urn:sallyport:cause:request\.malformed"/);
  }
});

test('keys rotated without a word heal within one call, its upload unharmed', async () => {
  assert.equal((await gateway.get('/photos/1', { token: await token() })).status, 200);
  await issuer.rotate();
  const { status, json, requestId, text } = await gateway.get('/photos/1', { token: await token(), method: 'POST', body: 'x'.repeat(2_000_000) });
  assert.equal(status, 200, text);
  assert.equal(json.body_bytes, 2_000_000);
  const { verdict } = await gateway.call(requestId);
  assert.ok(verdict.also.some(({ id }) => id === 'keys.rotated'), JSON.stringify(verdict));
});

test('keys that come for a waiting call count for it, also when a new policy came before them', async () => {
  const corp = await startPlainIssuer();
  const one = (more = {}) => ({
    listen: [{ address: '127.0.0.1:{port}' }],
    workers: 1,
    issuers: { corp: { issuer: corp.issuer, audience: aud } },
    apis: { photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...more } } },
  });
  const waits = await startGateway({ config: one() });
  const known = await corp.token({ aud });
  assert.equal((await waits.get('/photos/1', { token: known })).status, 200);
  await corp.rotate();
  let answerKeys;
  const held = new Promise((resolve) => { answerKeys = resolve; });
  const asked = new Promise((resolve) => {
    corp.fault = (incoming, outgoing) => {
      held.then(() => corp.handle(incoming, outgoing));
      resolve();
      return true;
    };
  });
  const waiting = waits.get('/photos/1', { token: await corp.token({ aud }) });
  await asked;
  waits.reload(one({ scopes: ['read'] }));
  await until(async () => (await waits.get('/photos/1', { token: known })).status === 403, 'the new policy');
  corp.fault = null;
  answerKeys();
  const { status, text } = await waiting;
  assert.equal(status, 200, text);
});

test('a swap by SIGHUP under load drops nothing', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  const known = await token({ scope: 'read' });
  const seen = new Set();
  let running = true;
  const load = Array.from({ length: 4 }, async () => {
    while (running) seen.add((await gateway.get('/photos/1', { token: known, agent })).status);
  });
  await until(() => seen.has(200), 'a call before the swap');
  await swap(config({ scopes: ['admin'] }));
  await until(async () => (await gateway.get('/photos/1', { token: known })).cause === 'scope.missing', 'the new policy');
  await until(() => seen.has(403), 'a call of the load under the new policy');
  await swap(config());
  await until(async () => (await gateway.get('/photos/1', { token: known })).status === 200, 'the old policy');
  running = false;
  await Promise.all(load);
  agent.destroy();
  assert.deepEqual([...seen].sort(), [200, 403]);
});

test('a listener added by SIGHUP answers, with other workers, and goes with the next SIGHUP', async () => {
  const port = await freePort();
  const before = gateway.workerPids();
  const more = config();
  more.listen.push({ address: `127.0.0.1:${port}` });
  await swap({ ...more, workers: 3 });
  const added = () => request(`http://127.0.0.1:${port}/photos/1`);
  assert.equal((await until(added, 'the added listener to answer')).cause, 'token.missing');
  await until(() => gateway.workerPids().filter((pid) => !before.includes(pid)).length === 3, 'three new workers');
  await swap(config());
  await until(() => added().then(() => false, (error) => error.code === 'ECONNREFUSED'), 'the listener to be gone');
  assert.equal((await gateway.get('/photos/1', { token: await token() })).status, 200);
});

test('a renewed certificate at the same path is taken by SIGHUP; one that is the same costs no reload', async () => {
  const served = () => servedSerial(tlsPort);
  const before = await served();
  const renewed = authority.issue('renewed');
  fs.copyFileSync(renewed.certFile, certificate.certFile);
  fs.copyFileSync(renewed.keyFile, certificate.keyFile);
  await swap(config());
  const { serialNumber } = new X509Certificate(renewed.cert);
  assert.notEqual(serialNumber, before);
  await until(async () => (await served()) === serialNumber, 'the renewed certificate');
  const from = gateway.output.length;
  await swap(config());
  assert.doesNotMatch(gateway.output.slice(from), /nginx takes over/);
});

test('what nginx cannot take is refused, with its reason, and all of the old configuration stays', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address();
  const refused = config({ scopes: ['admin'] });
  refused.listen.push({ address: `127.0.0.1:${port}` });
  const counted = async (result) => (await gateway.metrics())[`sallyport_configuration_reloads_total{result="${result}"}`];
  const before = { applied: await counted('applied'), refused: await counted('refused') };
  await until(() => gateway.workerPids().length === 2, 'the workers of the reload before to end');
  const workers = gateway.workerPids();
  const from = gateway.output.length;
  gateway.reload(refused);
  await gateway.waitForOutput('nginx refused the new configuration', { from });
  assert.match(gateway.output.slice(from), new RegExp(`nginx: bind\\(\\) to 127\\.0\\.0\\.1:${port} failed`));
  assert.doesNotMatch(gateway.output.slice(from), /the configuration is in force/);
  assert.deepEqual({ applied: await counted('applied'), refused: await counted('refused') }, { applied: before.applied, refused: before.refused + 1 });
  assert.deepEqual(gateway.workerPids(), workers);
  // The cause, with what was found and what is to be written, is told wherever somebody looks.
  assert.match(gateway.output.slice(from), /nginx refused the new configuration \(config\.address, above\); the old one stays in force/);
  const { status, json } = await request(`${gateway.adminUrl}/readyz`);
  assert.deepEqual([status, json.ready, json.refused_configuration.cause], [200, true, 'config.address']);
  assert.match(json.refused_configuration.detail, new RegExp(`listen\\.address: 127\\.0\\.0\\.1:${port}: process \\d+ \\(node\\) listens there\\. Fix: Write an address of this machine with a port that is free`));
  assert.equal((await gateway.metrics())['sallyport_configuration_refused{cause="config.address"}'], 1);
  await until(async () => (await gateway.get('/photos/1', { token: await token() })).status === 200, 'the old policy again');

  // What stands on the disk is the old configuration too: nginx starts with it.
  const master = gateway.nginxPid();
  process.kill(master, 'SIGKILL');
  await until(() => gateway.nginxPid() !== master && gateway.workerPids().length === 2, 'nginx to be started again');
  await until(async () => (await gateway.get('/photos/1', { token: await token() })).status === 200, 'a call through the new nginx');

  taken.close();
  await once(taken, 'close');
  await swap(refused);
  assert.equal((await request(`http://127.0.0.1:${port}/photos/1`, { token: await token({ scope: 'read' }) })).cause, 'scope.missing');
  assert.equal((await request(`${gateway.adminUrl}/readyz`)).json.refused_configuration, undefined);
  assert.equal((await gateway.metrics())['sallyport_configuration_refused{cause=""}'], 0);
  await swap(config());
  await until(async () => (await gateway.get('/photos/1', { token: await token() })).status === 200, 'the first configuration');
});

test('control plane killed: valid calls go on, what cannot be decided is 503, and it picks up again', async () => {
  const known = await token();
  // Each worker takes the swap of the test before by itself, and one of them may get all calls of a round.
  let calm = 0;
  await until(async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.get('/photos/1', { token: known })));
    calm = answers.every(({ status }) => status === 200) ? calm + 1 : 0;
    return calm === 10;
  }, 'all workers to accept');
  await gateway.kill();
  for (let i = 0; i < 5; i++) assert.equal((await gateway.get('/photos/1', { token: known })).status, 200);
  assert.equal((await gateway.get('/photos/1', { token: await token() })).status, 200);
  await issuer.rotate();
  const undecided = await gateway.get('/photos/1', { token: await token() });
  assert.deepEqual([undecided.status, undecided.cause], [503, 'keys.unreachable']);
  assert.ok(Number(undecided.headers['retry-after']) > 0);
  await gateway.restart();
  await until(async () => (await gateway.get('/photos/1', { token: await token() })).status === 200, 'the new key to be accepted');
});

test('a method that nginx itself takes from nobody is refused by its cause, and explained', async () => {
  const { status, cause, requestId, headers } = await gateway.get('/photos/1', { method: 'TRACE' });
  assert.deepEqual([status, cause, headers.allow], [405, 'route.method', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS']);
  assert.equal((await gateway.get('/read/1', { method: 'TRACE' })).headers.allow, 'GET, HEAD', 'of an API that names its methods');
  const { method, verdict } = await gateway.call(requestId);
  assert.deepEqual([method, verdict.cause.received, verdict.cause.expected], ['TRACE', 'TRACE', headers.allow]);
});

test('what could not be read is explained with the status that was sent', async () => {
  const { text } = await rawRequest(gateway.port, 'GET /photos/1 HTTP/9.9\r\nHost: a\r\n\r\n', { end: true });
  const { stdout } = await gateway.explain(/^X-Request-Id: (\S+)\r$/m.exec(text)[1], []);
  assert.match(stdout, /^\(no request that could be read\) .*505$/m);
  assert.match(stdout, /doubtful \(a version of HTTP that is\s+not served\)/);
  assert.match(stdout, /client · the client gets 505$/m);
});

test('a token that passes here and is refused by the API is told apart from a refusal of ours', async () => {
  const { status, requestId } = await gateway.get('/photos/status/401', { token: await token() });
  assert.equal(status, 401);
  const { accepted, cause } = await gateway.call(requestId);
  assert.deepEqual([accepted, cause], [true, 'upstream.rejected_token']);
  assert.match((await gateway.explain(requestId, [])).stdout, /upstream\.rejected_token/);
});

test('the counters reach /metrics', async () => {
  const metrics = await gateway.metrics();
  const accepted = Object.entries(metrics).find(([name]) => /^sallyport_requests_total\{.*photos.*accepted/.test(name));
  assert.ok(accepted !== undefined && accepted[1] > 5, JSON.stringify(Object.keys(metrics)));
  assert.ok(Object.keys(metrics).some((name) => name.includes('scope.missing')));
  assert.ok(fs.existsSync(`${gateway.state}/policy.json`));
});
