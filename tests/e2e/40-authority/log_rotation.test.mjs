// SPDX-License-Identifier: Apache-2.0
// Logs are renamed and begun anew by SIGUSR1: no line is lost, cut or written twice, whatever else goes on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { startAuthority } from '../lib/authority.mjs';
import { root, startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const clients = { robot: { secret: 's', grants: ['client_credentials'], scopes: ['read'] } };
const linesOf = (file) => {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  assert.ok(text === '' || text.endsWith('\n'), `${file} ends within a line`);
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
};
const modeOf = (file) => fs.statSync(file).mode & 0o777;

/** Calls an API and the authority without a pause; stop() resolves to how often. */
function load(gateway) {
  let rounds = 0, goes = true;
  const done = (async () => {
    for (; goes; rounds++) {
      assert.equal((await gateway.get(`/api/${rounds}`, { timeout: 20_000 })).status, 200);
      assert.equal((await askToken(gateway)).status, 200);
    }
  })();
  const more = (count) => {
    const enough = rounds + count;
    return until(() => rounds >= enough, 'more calls');
  };
  return { more, stop: async () => { goes = false; await done; return rounds; } };
}

test('the authority by itself goes on in a new file', async () => {
  const authority = await startAuthority({ authority: { clients } });
  const log = path.join(authority.state, 'authority.jsonl'), moved = [1, 2, 3].map((i) => `${log}.${i}`);
  let calls = 0;
  const token = async () => {
    assert.equal((await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['robot', 's'] })).status, 200);
    calls++;
  };
  await token();
  for (const name of moved) {
    const asked = Promise.all(Array.from({ length: 20 }, token));
    fs.renameSync(log, name);
    authority.signal('SIGUSR1');
    await until(() => fs.existsSync(log), 'the new log');
    await asked;
    await token();
  }
  await until(() => [...moved, log].flatMap(linesOf).length === calls, 'a line a call');
  assert.ok(linesOf(log).length > 0);
  assert.equal(modeOf(log), 0o600);
  authority.signal('SIGUSR1'); // without a rename: the same file
  await token();
  await until(() => [...moved, log].flatMap(linesOf).length === calls, 'a line a call');
});

test('a log that cannot be opened anew is said, and the old one goes on', async () => {
  const authority = await startAuthority({ authority: { clients } });
  const log = path.join(authority.state, 'authority.jsonl');
  fs.renameSync(log, `${log}.1`);
  fs.mkdirSync(log);
  authority.signal('SIGUSR1');
  await until(() => /authority\.jsonl: Is a directory; .*goes on/.test(authority.output()), 'the complaint');
  const { status } = await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['robot', 's'] });
  assert.equal(status, 200);
  await until(() => linesOf(`${log}.1`).length === 1, 'the line');
  fs.rmdirSync(log);
});

const upstream = await startUpstream();
// As the package has it, for another folder and without systemd.
const packaged = (folder, pid) => fs.readFileSync(path.join(root, 'packaging/logrotate'), 'utf8')
  .replaceAll('/var/lib/sallyport', folder).replace(/^ *! systemctl .*$/m, `kill -USR1 ${pid}`);
const withoutLogrotate = spawnSync('logrotate', ['--version'], { env: { PATH: `${process.env.PATH}:/usr/sbin` } }).error && 'logrotate is not installed';

const configuration = (more = {}) => ({
  apis: { nothing: { match: { path: '/api' }, upstream: { url: upstream.url }, auth: { anonymous: true } } },
  authority: { issuer: 'http://127.0.0.1:{port}/oauth2', clients },
  ...more,
});
const logs = ['authority.jsonl', 'calls.jsonl', 'nginx.error.log'];
const rotate = async (gateway, ending) => {
  const files = logs.map((name) => path.join(gateway.state, name));
  for (const file of files) fs.renameSync(file, file + ending);
  process.kill(gateway.pid, 'SIGUSR1');
  await until(() => files.every((file) => fs.existsSync(file)), 'the new logs');
};
const everyFile = (gateway, name) => fs.readdirSync(gateway.state).filter((found) => found.startsWith(name)).map((found) => path.join(gateway.state, found));
const allLines = (gateway, name) => everyFile(gateway, name).flatMap(linesOf);
const askToken = (gateway) => request(`${gateway.url}/oauth2/token`, {
  method: 'POST',
  timeout: 20_000,
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa('robot:s')}` },
  body: 'grant_type=client_credentials',
});

test('serve begins all of its logs anew, also while reloads are taken and refused', async (t) => {
  const gateway = await startGateway({ config: configuration() });
  await until(async () => (await askToken(gateway)).status === 200, 'a token');
  const calls = load(gateway);
  t.after(() => calls.stop().catch(() => {})); // else a failed test goes on for ever
  await calls.more(10);
  await rotate(gateway, '.1');
  await calls.more(10);

  let from = gateway.output.length;
  gateway.reload({ apis: { nothing: { mtach: {} } } });
  await rotate(gateway, '.2');
  await gateway.waitForOutput('the new configuration is refused', { from });
  await calls.more(10);

  // nginx cannot bind it, and says so in the log that is renamed meanwhile.
  const taken = http.createServer(), port = await freePort();
  await listen(taken, port);
  from = gateway.output.length;
  gateway.reload(configuration({ listen: [{ address: `127.0.0.1:${gateway.port}` }, { address: `127.0.0.1:${port}` }] }));
  await gateway.waitForOutput('nginx takes over its new configuration', { from });
  await rotate(gateway, '.3');
  await gateway.waitForOutput(/nginx refused the new configuration \(config\.address, above\); the old one stays in force/, { from });
  taken.close();
  assert.match(gateway.output.slice(from), /nginx: .*Address already in use/);
  await calls.more(10);

  from = gateway.output.length;
  gateway.reload(configuration());
  await rotate(gateway, '.4');
  await gateway.waitForOutput('the configuration is in force', { from });
  await calls.more(10);

  const rounds = await calls.stop();
  const paths = () => allLines(gateway, 'calls.jsonl').map((line) => line.path).filter((at) => at.startsWith('/api/'));
  await until(() => paths().length >= rounds, 'the lines of the call log');
  assert.deepEqual(paths().sort(), Array.from({ length: rounds }, (_, i) => `/api/${i}`).sort());
  const tokens = () => allLines(gateway, 'authority.jsonl').filter(({ status, method }) => status === 200 && method === 'POST');
  await until(() => tokens().length >= rounds + 1, "the lines of the authority's log");
  assert.equal(new Set(tokens().map((line) => line.request_id)).size, rounds + 1);
  assert.equal(tokens().length, rounds + 1);
  for (const name of ['authority.jsonl', 'calls.jsonl']) assert.ok(linesOf(path.join(gateway.state, name)).length > 0, `${name} is written`);
  assert.deepEqual(logs.map((name) => modeOf(path.join(gateway.state, name))), [0o600, 0o640, 0o640]);
  assert.equal(Number(fs.readFileSync(path.join(gateway.state, 'lock'), 'utf8')), gateway.pid);
});

test("the package's logrotate rotates and packs them", { skip: withoutLogrotate }, async (t) => {
  const gateway = await startGateway({ config: configuration() });
  const rules = path.join(gateway.folder, 'logrotate');
  fs.writeFileSync(rules, packaged(gateway.state, gateway.pid), { mode: 0o644 });
  await until(async () => (await askToken(gateway)).status === 200, 'a token');
  const calls = load(gateway);
  t.after(() => calls.stop().catch(() => {})); // else a failed test goes on for ever
  for (let round = 0; round < 3; round++) {
    await calls.more(10);
    const { status, stderr, stdout } = spawnSync('logrotate', ['--force', '--state', path.join(gateway.folder, 'logrotate.state'), rules], { encoding: 'utf8', env: { PATH: `${process.env.PATH}:/usr/sbin` } });
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
    await until(() => fs.existsSync(path.join(gateway.state, 'authority.jsonl')), 'the new log');
  }
  await calls.more(10);
  const rounds = await calls.stop();
  const counted = (name, isOurs) => everyFile(gateway, name)
    .flatMap((file) => (file.endsWith('.gz') ? gunzipSync(fs.readFileSync(file)).toString().split('\n').filter(Boolean).map((line) => JSON.parse(line)) : linesOf(file))).filter(isOurs).length;
  await until(() => counted('calls.jsonl', (line) => line.path.startsWith('/api/')) === rounds, 'every call');
  await until(() => counted('authority.jsonl', ({ status, method }) => status === 200 && method === 'POST') === rounds + 1, "every call of the authority's");
  assert.ok(fs.existsSync(path.join(gateway.state, 'authority.jsonl.2.gz')), String(fs.readdirSync(gateway.state)));
});
