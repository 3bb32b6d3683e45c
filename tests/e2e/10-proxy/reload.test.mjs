// SPDX-License-Identifier: Apache-2.0
// The policy is swapped under load without a dropped connection; a broken one is refused; a killed worker comes back.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { makeCorp } from '../lib/corp.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const policy = (more = {}) => ({
  issuers: corp.issuers,
  apis: { all: { match: { path: '/' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...more } } },
});
const gateway = await startNginx({ files: corp.files, policy: policy(), workers: 2 });
const token = await corp.token({ scope: 'read' });

test('a swap under load drops no connection and takes effect', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const seen = new Set();
  let running = true;
  const load = Array.from({ length: 8 }, async () => {
    while (running) seen.add((await gateway.get('/x', { token, agent })).status);
  });
  for (let i = 0; i < 3; i++) {
    const from = gateway.errors().length;
    gateway.write(policy({ scopes: i % 2 === 0 ? ['admin'] : ['read'] }));
    await gateway.waitForError(/a new policy is in force[^]*a new policy is in force/, { from });
  }
  assert.equal((await gateway.get('/x', { token })).cause, 'scope.missing');
  running = false;
  await Promise.all(load);
  agent.destroy();
  assert.deepEqual([...seen].sort(), [200, 403]);
  const from = gateway.errors().length;
  gateway.write(policy());
  await gateway.waitForError(/a new policy is in force[^]*a new policy is in force/, { from });
  assert.equal((await gateway.get('/x', { token })).status, 200);
});

test('a broken policy is refused with its cause, the old one serves on', async () => {
  const from = gateway.errors().length;
  gateway.write({ issuers: corp.issuers, apis: { all: { match: { path: '/' }, upstrem: { url: upstream.url } } } });
  await gateway.waitForError(/config\.unknown_member/, { from });
  await gateway.waitForError(/serves on[^]*serves on/, { from });
  assert.equal((await gateway.get('/x', { token })).status, 200);
  gateway.write('{"issuers": ');
  await gateway.waitForError(/serves on[^]*serves on[^]*serves on[^]*serves on/, { from });
  assert.equal((await gateway.get('/x', { token })).status, 200);
  gateway.write(policy());
});

test('a killed worker is replaced, and the new one judges by the present policy', async () => {
  const from = gateway.errors().length;
  gateway.write(policy({ scopes: ['admin'] }));
  await gateway.waitForError(/a new policy is in force[^]*a new policy is in force/, { from });
  const before = gateway.workerPids();
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await until(() => {
    const now = gateway.workerPids();
    return now.length === 2 && now.every((pid) => !before.includes(pid));
  }, 'two new workers');
  for (let i = 0; i < 6; i++) assert.equal((await gateway.get('/x', { token })).cause, 'scope.missing');
});

test('servers found at another address cost no remembered verdict; another policy costs them all', async () => {
  const [before, after] = await Promise.all([startUpstream({ name: 'before' }), startUpstream({ name: 'after' })]);
  const found = ({ port }, auth = {}) => ({
    issuers: corp.issuers,
    apis: {
      all: { match: { path: '/' }, upstream: { url: 'http://api.internal:80', addresses: [`127.0.0.1:${port}`] }, auth: { issuers: ['corp'], ...auth } },
    },
  });
  const renamed = await startNginx({ files: corp.files, policy: found(before) });
  const swap = async (policy) => {
    const from = renamed.errors().length;
    renamed.write(policy);
    await renamed.waitForError('a new policy is in force', { from });
  };
  const calls = async () => {
    const { json } = await renamed.get('/x', { token });
    return [json.server, (await renamed.status()).counters.cache_misses];
  };
  assert.deepEqual(await calls(), ['before', 1]);
  await swap(found(after));
  assert.deepEqual(await calls(), ['after', 1]);
  await swap(found(after, { scopes: ['read'] }));
  assert.deepEqual(await calls(), ['after', 2]);
});

test('a server that is out stays out under a new policy, until it is found elsewhere', async () => {
  const [live, revived] = await Promise.all([startUpstream({ name: 'live' }), startUpstream({ name: 'revived' })]);
  const servers = (first, second) => ({
    servers: [{ url: 'http://first.internal:80', addresses: [`127.0.0.1:${first}`] }, { url: 'http://second.internal:80', addresses: [`127.0.0.1:${second}`] }],
    max_fails: 1,
    fail_timeout: '10m',
  });
  const pair = (upstream, more = {}) => ({ apis: { ...more, pair: { match: { path: '/' }, upstream, auth: { anonymous: true } } } });
  const dead = await freePort();
  const balanced = await startNginx({ policy: pair(servers(dead, live.port)) });
  const swap = async (policy) => {
    const from = balanced.errors().length;
    balanced.write(policy);
    await balanced.waitForError('a new policy is in force', { from });
  };
  const serve = async (times) => {
    const names = new Set();
    for (let i = 0; i < times; i++) names.add((await balanced.get('/x')).json.server);
    return [[...names].sort(), (await balanced.status()).counters.upstream_peer_failures];
  };
  assert.deepEqual(await serve(4), [['live'], 1]);
  const another = { another: { match: { path: '/another' }, upstream: { url: live.url }, auth: { anonymous: true } } };
  await swap(pair(servers(dead, live.port), another)); // not the first any more
  assert.deepEqual(await serve(4), [['live'], 1]);
  await swap(pair(servers(revived.port, live.port)));
  assert.deepEqual(await serve(4), [['live', 'revived'], 1]);
});
