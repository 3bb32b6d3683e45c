// SPDX-License-Identifier: Apache-2.0
// What systemd hears of `sallyport serve` (sd_notify): ready when nginx serves, each reload with what came of it, the end, and that its loop turns.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { startServiceManager, watchdogHears } from '../lib/service_manager.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const upstream = await startUpstream();
const apis = (more = {}) => ({ open: { match: { path: '/' }, upstream: { url: upstream.url }, auth: { anonymous: true } }, ...more });
const manager = await startServiceManager(temporaryFolder());
const gateway = await startGateway({ config: { apis: apis() }, env: { ...manager.env, WATCHDOG_USEC: '200000' } });
const isReady = (message) => message.READY === '1';

/** Of whoever is not the loop's sign of life. */
const told = (from = 0) => manager.messages.slice(from).filter((message) => message.WATCHDOG === undefined);

/** Sends a configuration; what is told from its beginning to its end. */
async function reload(config) {
  const from = manager.messages.length;
  gateway.reload(config);
  await manager.next(isReady, 'READY=1 after the reload', from);
  return told(from);
}

test('ready is told once, when a call is answered, with what is in force', async () => {
  const ready = await manager.next(isReady, 'READY=1');
  assert.match(ready.STATUS, /^In force since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: APIs 1, issuers 0, listeners 1$/);
  assert.deepEqual(told(), [ready]);
  assert.equal((await gateway.get('/')).status, 200);
});

test('nothing of it is in the environment of nginx, which could speak for us', () => {
  for (const pid of [gateway.nginxPid(), ...gateway.workerPids()]) {
    assert.doesNotMatch(fs.readFileSync(`/proc/${pid}/environ`, 'latin1'), /NOTIFY_SOCKET|WATCHDOG/);
  }
});

test('a reload begins with the time and ends ready', async () => {
  const [begun, ended, ...more] = await reload({ apis: apis({ second: { match: { path: '/second' }, upstream: { url: upstream.url }, auth: { anonymous: true } } }) });
  assert.equal(begun.RELOADING, '1');
  assert.match(begun.MONOTONIC_USEC, /^\d+$/);
  const now = process.hrtime.bigint() / 1000n;
  assert.ok(BigInt(begun.MONOTONIC_USEC) <= now && BigInt(begun.MONOTONIC_USEC) > now - 120_000_000n, `${begun.MONOTONIC_USEC} is the monotonic time`);
  assert.match(ended.STATUS, /^In force since .*: APIs 2, /);
  assert.deepEqual(more, []);
});

test('a refused one ends ready too, with its cause in one line and what stays in force', async () => {
  const [begun, ended] = await reload({ apis: { ...apis(), broken: { match: { path: '/b' }, upstrem: {} } } });
  assert.equal(begun.RELOADING, '1');
  assert.match(ended.STATUS, /^Refused at .* UTC: .*sallyport\.yaml:\d+:\d+: config\.unknown_member: .*upstrem.* \| In force since .*: APIs 2, /);
});

test('what nginx refuses has its cause, which this machine knows, and nginx\'s reason where there is none', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const { port } = taken.address();
  const [, ended] = await reload({ apis: apis(), listen: [{ address: `127.0.0.1:${gateway.port}` }, { address: `127.0.0.1:${port}` }] });
  assert.match(ended.STATUS, new RegExp(`^Refused at .* UTC: .*sallyport\\.yaml:\\d+:\\d+: config\\.address: listen\\.address: 127\\.0\\.0\\.1:${port}: process \\d+ \\(node\\) listens there\\. Fix: .* \\| In force since .*: APIs 2, issuers 0, listeners 1$`));
  assert.match((await reload({ apis: apis() })).at(-1).STATUS, /^In force since .*: APIs 1, /);
});

test('the watchdog hears of the loop, and nothing while it does not turn', async () => {
  await watchdogHears(manager, gateway.pid, async () => {
    // nginx still serves: nobody but the watchdog could know.
    assert.equal((await gateway.get('/')).status, 200);
  });
});

test('a control plane that finds nginx running is ready with it, over an abstract socket', async () => {
  const master = gateway.nginxPid();
  await gateway.kill();
  const second = await startServiceManager(gateway.folder, { abstract: true });
  gateway.options.env = second.env;
  gateway.spawn();
  const ready = await second.next(isReady, 'READY=1 of the second');
  assert.match(ready.STATUS, /^In force since .*: APIs 1, /);
  assert.equal(gateway.nginxPid(), master);
  assert.equal((await gateway.get('/')).status, 200);
  // The end is told when it begins: a call is under way.
  const slow = gateway.get('/slow/1500');
  await until(() => upstream.requests.some((each) => each.url === '/slow/1500'), 'the slow call to be under way');
  const from = second.messages.length;
  process.kill(gateway.pid, 'SIGTERM');
  const stopping = await second.next((message) => message.STOPPING === '1', 'STOPPING=1', from);
  assert.match(stopping.STATUS, /^ending once the calls in progress have ended/);
  assert.equal(gateway.stopped, false);
  assert.equal((await slow).status, 200);
  assert.equal((await gateway.exit).code, 0);
  assert.equal(second.messages.slice(from).length, 1);
});

test('a start that fails is never ready and says why', async () => {
  const third = await startServiceManager(temporaryFolder());
  const port = await freePort();
  const failed = await startGateway({ config: { apis: { broken: { match: { path: '/b' }, upstrem: {} } } }, env: third.env, port, ready: false });
  assert.notEqual((await failed.exit).code, 0);
  assert.match((await third.next((message) => message.STATUS, 'why it failed')).STATUS, /^Not started: .*config\.unknown_member/);
  const holder = net.createServer().listen(port, '127.0.0.1');
  await once(holder, 'listening');
  const taken = await startGateway({ config: { apis: apis() }, env: third.env, port, ready: false });
  assert.notEqual((await taken.exit).code, 0);
  holder.close();
  await third.next((message) => /^Not started: .*sallyport\.yaml:\d+:\d+: config\.address: .* listens there\. Fix: /.test(message.STATUS ?? ''), 'why nginx did not start', 1);
  const holding = await startGateway({ config: { apis: apis() } });
  const second = await startGateway({ config: { apis: apis() }, env: third.env, state: holding.state, ready: false });
  assert.notEqual((await second.exit).code, 0);
  await third.next((message) => /^Not started: another sallyport serves with the state directory/.test(message.STATUS ?? ''), 'that the state directory is taken', 2);
  assert.ok(!third.messages.some(isReady));
  await assert.rejects(request(`http://127.0.0.1:${port}/`));
});
