// SPDX-License-Identifier: Apache-2.0
// Another build of the module comes in place of the one that nginx runs: it is taken without a failed call, or nginx goes on with
// the one that it has and that is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { makeCorp } from '../lib/corp.mjs';
import { module } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const upstream = await startUpstream();
const corp = await makeCorp();
const token = await corp.token();
const installed = path.join(temporaryFolder(), 'module.so');

/** Installs a build that differs from others in what it calls a cause (as long as "cause"), as packages do: by rename. */
function install(word) {
  const bytes = fs.readFileSync(module);
  const at = bytes.indexOf('urn:sallyport:cause:');
  assert.ok(at > 0, 'the module has the text that is to differ');
  bytes.write(word, at + 'urn:sallyport:'.length);
  installBytes(bytes);
}

function installBytes(bytes) {
  fs.writeFileSync(`${installed}.new`, bytes, { mode: 0o755 });
  fs.renameSync(`${installed}.new`, installed);
}

install('cause');
const config = (more = {}) => ({
  workers: 2,
  issuers: corp.issuers,
  apis: { api: { match: { path: '/api' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } } },
  ...more,
});
const gateway = await startGateway({ config: config(), files: corp.files, env: { SALLYPORT_MODULE: installed } });

/** Which build answers. */
const answering = async () => /^urn:sallyport:(\w+):/.exec((await gateway.get('/api/1')).json.type)[1];
const links = () => fs.readdirSync(gateway.state).filter((name) => name.startsWith('module-'));

/** Calls without a pause while `change` is made, some of which last over it; none may fail. */
async function underLoad(change) {
  const failed = [];
  let running = true;
  let calls = 0;
  const call = async (path) => {
    try {
      const { status, text } = await gateway.get(path, { token, timeout: 60_000 });
      calls++;
      if (status !== 200) failed.push(`${status} ${text}`);
    } catch (error) {
      failed.push(String(error));
    }
  };
  const load = Array.from({ length: 6 }, async (_, i) => {
    while (running) await call(i < 2 ? '/api/slow/300' : '/api/1');
  });
  await until(() => calls > 20, 'the load to begin');
  await change();
  const before = calls;
  await until(() => calls > before + 50, 'the load to go on');
  running = false;
  await Promise.all(load);
  assert.deepEqual(failed, []);
}

test('a control plane that finds nginx running with another build makes it take its own', async () => {
  const master = gateway.nginxPid();
  assert.equal(await answering(), 'cause');
  await underLoad(async () => {
    await gateway.kill();
    install('CAUSE');
    await gateway.restart();
    await gateway.waitForOutput(/nginx loaded the module anew: .*module\.so is another build/);
  });
  assert.equal(await answering(), 'CAUSE');
  assert.equal(gateway.nginxPid(), master);
  assert.equal(links().length, 1);
});

test('a reload takes a build that came in place of the one before', async () => {
  const master = gateway.nginxPid();
  const from = gateway.output.length;
  await underLoad(async () => {
    install('Cause');
    gateway.reload(config());
    await gateway.waitForOutput('the configuration is in force', { from });
  });
  assert.equal(await answering(), 'Cause');
  assert.equal(gateway.nginxPid(), master);
  assert.equal((await gateway.metrics()).sallyport_nginx_old_module, 0);
});

test('the same build makes nginx take nothing over', async () => {
  const from = gateway.output.length;
  install('Cause');
  gateway.reload(config());
  await gateway.waitForOutput('the configuration is in force', { from });
  assert.doesNotMatch(gateway.output.slice(from), /nginx takes over|module/);
});

test('a build that nginx cannot load is told of, everywhere, and the one before goes on', async () => {
  const from = gateway.output.length;
  await underLoad(async () => {
    installBytes(Buffer.from('no library'));
    gateway.reload(config());
    await gateway.waitForOutput('the old one stays in force', { from });
  });
  assert.match(gateway.output.slice(from), /nginx: dlopen\(\) .*module-[0-9a-f]{16}\.so/);
  assert.match(gateway.output.slice(from), /nginx \(process \d+\) goes on with the module that it loaded before; .*module\.so is another build by now\..*restart sallyport serve/);
  const { status, json } = await request(`${gateway.adminUrl}/readyz`);
  assert.equal(status, 200);
  assert.equal(json.module, 'another build than is installed');
  assert.equal((await gateway.metrics()).sallyport_nginx_old_module, 1);
  assert.equal(await answering(), 'Cause');
});

test('a reload that is refused for another reason leaves workers that are started later sound', async (t) => {
  const taken = net.createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await once(taken, 'listening');
  const from = gateway.output.length;
  install('CausE');
  gateway.reload(config({ listen: [{ address: `127.0.0.1:${gateway.port}` }, { address: `127.0.0.1:${taken.address().port}` }] }));
  await gateway.waitForOutput('the old one stays in force', { from });
  const before = gateway.workerPids();
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await until(() => gateway.workerPids().filter((pid) => !before.includes(pid)).length === 2, 'two new workers');
  for (let i = 0; i < 10; i++) assert.equal((await gateway.get('/api/1', { token })).status, 200);
  assert.equal(await answering(), 'Cause');
  const again = gateway.output.length;
  gateway.reload(config());
  await gateway.waitForOutput('the configuration is in force', { from: again });
  assert.equal(await answering(), 'CausE');
  assert.equal((await request(`${gateway.adminUrl}/readyz`)).json.module, undefined);
  assert.equal(links().length, 1);
});
