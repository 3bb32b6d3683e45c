// SPDX-License-Identifier: Apache-2.0
// An authority that runs alone tells its service manager (sd_notify(3)) how it is; under `serve` it is silent.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startServiceManager, watchdogHears } from '../lib/service_manager.mjs';

const manager = await startServiceManager(temporaryFolder());
const section = (more = {}) => ({ clients: { one: { secret: 'secret-of-one' }, ...more } });
const authority = await startAuthority({ authority: section(), env: { ...manager.env, WATCHDOG_USEC: '300000' } });
const isReady = (message) => message.READY === '1';

async function reload(wanted) {
  const from = manager.messages.length;
  authority.write(wanted);
  authority.signal('SIGHUP');
  await manager.next(isReady, 'the end of the reload', from);
  return manager.messages.slice(from).filter((message) => message.WATCHDOG !== '1');
}

test('it is ready once it answers, and says with what', async () => {
  const { STATUS } = await manager.next(isReady, 'READY=1');
  assert.match(STATUS, /^In force since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC: issuer http:\/\/127\.0\.0\.1:\d+, clients 1$/);
  assert.equal((await authority.get('/.well-known/openid-configuration')).status, 200);
  assert.doesNotMatch(fs.readFileSync(`/proc/${authority.pid}/cmdline`, 'latin1'), /NOTIFY/);
});

test('a reload begins with the time and ends ready, refused or not', async () => {
  const [begun, ended, ...more] = await reload(section({ two: { secret: 'secret-of-two' } }));
  assert.equal(begun.RELOADING, '1');
  assert.match(begun.MONOTONIC_USEC, /^\d+$/);
  assert.match(ended.STATUS, /^In force since .*: issuer .*, clients 2$/);
  assert.deepEqual(more, []);
  const [, refused] = await reload(section({ two: { secrt: 'x' } }));
  assert.match(refused.STATUS, /^Refused at .* UTC: .*sallyport\.yaml:\d+:\d+: config\.unknown_member: .*secrt.* \| In force since .*, clients 2$/);
  assert.match((await reload(section())).at(-1).STATUS, /^In force since .*, clients 1$/);
});

test('the watchdog hears of the loop, and nothing while it does not turn', async () => {
  await watchdogHears(manager, authority.pid); // without a call
});

test('the end is told when it begins, and nothing after it', async () => {
  const from = manager.messages.length;
  assert.equal((await authority.stop()).code, 0);
  const stopping = await manager.next((message) => message.STOPPING === '1', 'STOPPING=1', from);
  assert.match(stopping.STATUS, /^ending once the calls in progress are answered$/);
  await manager.mark();
  assert.equal(manager.messages.slice(from).some(isReady), false);
});

test('a start that fails is never ready and says why', async () => {
  const folder = temporaryFolder();
  const second = await startServiceManager(folder);
  fs.writeFileSync(`${folder}/broken.yaml`, 'authority: {clints: {}}\n');
  const { code } = await sallyport(['authority', '-c', `${folder}/broken.yaml`, '--state', `${folder}/state`], { env: second.env });
  assert.notEqual(code, 0);
  await second.mark();
  assert.match(second.messages[0].STATUS, /^Not started: .*broken\.yaml:1:\d+: config\.unknown_member: .*clints/);
  assert.equal(second.messages.some(isReady), false);
});
