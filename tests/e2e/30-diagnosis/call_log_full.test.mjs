// SPDX-License-Identifier: Apache-2.0
// Every call gets one line in the call log. On a disk that is full it cannot: that is told while it is so, nothing that was kept is broken by it, and with
// room it goes on by itself.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { makeDisk, withoutDisks as skip } from '../lib/disk.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const lost = 'sallyport_call_log_lines_lost_total';
const unwritable = 'sallyport_warning{about="the call log",cause="disk.log_unwritable"}';
const nearlyFull = 'sallyport_warning{about="the disk of the call log",cause="disk.nearly_full"}';

const textOf = (file) => fs.readFileSync(file, 'utf8');
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

test('a call log whose disk is full is told, loses no more than it must, and goes on with room', { skip, timeout: 110_000 }, async () => {
  const disk = makeDisk(2);
  const file = path.join(disk.folder, 'calls.jsonl');
  const upstream = await startUpstream();
  const gateway = await startGateway({
    config: {
      call_log: { file },
      workers: 2,
      apis: { open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { anonymous: true } } },
    },
  });
  const first = await gateway.get('/open/1');
  await until(() => textOf(file).includes(first.requestId), 'the first line');
  assert.equal((await gateway.metrics())[lost], 0);

  disk.fill();
  await until(async () => (await gateway.metrics())[nearlyFull] === 1, 'the warning of room');
  const ids = [];
  const isLosing = async () => {
    for (let i = 0; i < 50; i++) ids.push((await gateway.get(`/open/${'x'.repeat(1000)}`)).requestId);
    return (await gateway.metrics())[lost] > 0;
  };
  await until(isLosing, 'lost lines', 60_000);
  await until(async () => (await gateway.metrics())[unwritable] === 1, 'the warning of the log');
  await gateway.waitForOutput(/the call log: disk\.log_unwritable: .*calls\.jsonl: No space left on device; lines lost so far: \d+\..* Fix: Make room/);
  const ready = await until(async () => [await request(`${gateway.adminUrl}/readyz`)].find(({ json }) => json.call_log?.lines_lost > 0), '/readyz');
  assert.equal(ready.status, 200); // calls are served
  assert.equal(ready.json.call_log.file, file);
  const warning = ready.json.warnings.find(({ cause }) => cause === 'disk.log_unwritable');
  assert.match(warning.detail, /calls\.jsonl: No space left on device/);

  const explained = await sallyport(['explain', 'nobody-knows', '--log', file, '--state', gateway.state]);
  assert.equal(explained.code, 3);
  assert.match(explained.stderr, /The file system of .*calls\.jsonl is full \(0 kB left\)/);
  assert.match(explained.stderr, /line may be lost: .*disk\.log_unwritable.* Lines lost since nginx started: [1-9]/);

  const before = gateway.output.length;
  disk.free();
  const isWritten = async () => {
    ids.push((await gateway.get('/open/last')).requestId);
    return textOf(file).includes('/open/last');
  };
  await until(isWritten, 'a line with room');
  await gateway.waitForOutput(/the call log: disk\.log_unwritable: over/, { from: before });
  await gateway.waitForOutput(/calls\.jsonl is written again; lines lost since nginx started: [1-9]/, { from: before });
  await until(async () => (await gateway.metrics())[unwritable] === undefined, 'the end of the warning');

  // What was cut stands alone: it is the beginning of a line that follows whole.
  await until(() => textOf(file).includes(ids.at(-1)), 'the last line');
  const lines = textOf(file).split('\n').filter(Boolean);
  const broken = lines.filter((line) => parsed(line) === undefined);
  for (const part of broken) assert.ok(lines.some((line) => line !== part && line.startsWith(part) && parsed(line)), part);
  // And every call is a line or is counted.
  const written = new Set(lines.map(parsed).filter(Boolean).map(({ request_id }) => request_id));
  const missing = ids.filter((id) => !written.has(id)).length;
  assert.equal((await gateway.metrics())[lost], missing);
});

test('lines of a worker that ends without room are counted too', { skip }, async () => {
  const disk = makeDisk(1);
  const file = path.join(disk.folder, 'calls.jsonl');
  const upstream = await startUpstream();
  const apis = { open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { anonymous: true } } };
  const gateway = await startGateway({ config: { call_log: { file }, apis } });
  disk.fill();
  const from = fs.statSync(file).size;
  for (let i = 0; i < 40; i++) await gateway.get(`/open/${'x'.repeat(1000)}`); // more than a page, less than what is kept
  const workers = gateway.workerPids();
  gateway.reload({ call_log: { file }, workers: 2, apis });
  await until(() => !gateway.workerPids().some((pid) => workers.includes(pid)), 'the old worker to end');
  const kept = textOf(file).slice(from).split('\n').filter((line) => parsed(line)).length;
  assert.equal((await gateway.metrics())[lost], 40 - kept);
});

test('the authority tells it of its own log', { skip }, async () => {
  const disk = makeDisk(2);
  const state = path.join(temporaryFolder(), 'state');
  fs.mkdirSync(state, { mode: 0o700 });
  fs.symlinkSync(path.join(disk.folder, 'authority.jsonl'), path.join(state, 'authority.jsonl'));
  const authority = await startAuthority({ authority: { clients: { app: { secret: 's' } } }, state });
  disk.fill();
  const wrong = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['nobody', 'x'] });
  await until(async () => {
    await wrong();
    return /authority: disk\.log_unwritable: .*authority\.jsonl: No space left on device/.test(authority.output());
  }, 'the warning');
  disk.free();
  await wrong();
  await until(() => /authority\.jsonl is written again; lines lost since the start: [1-9]/.test(authority.output()), 'the end');
});
