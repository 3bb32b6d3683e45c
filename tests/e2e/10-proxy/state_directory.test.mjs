// SPDX-License-Identifier: Apache-2.0
// What `sallyport serve` leaves in its state directory is for nginx's workers and its own user, and for nobody else on the machine.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const upstream = await startUpstream();
const config = {
  apis: { open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { anonymous: true } } },
  authority: { issuer: 'http://127.0.0.1:{port}/auth', tokens: { algorithm: 'ES256' } },
};
const root = process.getuid() === 0;
const mode = (gateway, name) => fs.statSync(path.join(gateway.state, name)).mode & 0o777;
const works = async (gateway) => {
  const answer = await gateway.get('/open/1');
  assert.equal(answer.status, 200, answer.text);
  await gateway.call(answer.requestId);
  await until(() => request(`${gateway.url}/auth/.well-known/openid-configuration`).then(({ status }) => status === 200, () => false), 'the authority to answer through nginx');
};

test('a directory that serve made lets in nobody else, and everything works', async () => {
  const gateway = await startGateway({ config });
  await works(gateway);
  assert.equal(mode(gateway, '.'), root ? 0o750 : 0o700);
  for (const log of ['calls.jsonl', 'nginx.error.log']) assert.equal(mode(gateway, log), 0o640, log);
  for (const socket of ['authority.sock', 'control.sock']) assert.equal(mode(gateway, socket), root ? 0o660 : 0o600, socket);
  assert.doesNotMatch(gateway.output, /every user of this machine/);
  await gateway.stop();
});

test('a directory that others may enter stays so, with a warning; neither log nor sockets are theirs', { skip: !root && 'needs another user' }, async () => {
  const state = path.join(temporaryFolder(), 'state');
  fs.mkdirSync(state);
  fs.chmodSync(state, 0o755);
  const gateway = await startGateway({ config, state });
  await works(gateway);
  assert.match(gateway.output, /every user of this machine may enter the state directory [^ ]+ \(mode 0755\)[^]*chgrp \S+ '[^']+' && chmod 0750 '/);
  assert.equal(mode(gateway, '.'), 0o755);
  const stranger = { uid: 65533, gid: 65533, encoding: 'utf8' };
  const read = spawnSync('cat', [path.join(gateway.state, 'calls.jsonl')], stranger);
  assert.notEqual(read.status, 0);
  assert.match(read.stderr, /Permission denied/);
  const connect = "require('net').connect(process.argv[1]).on('connect', () => { console.log('connected'); process.exit(0); }).on('error', (error) => { console.log(error.code); process.exit(0); })";
  for (const socket of ['authority.sock', 'control.sock']) {
    assert.equal(spawnSync(process.execPath, ['-e', connect, path.join(gateway.state, socket)], stranger).stdout.trim(), 'EACCES', socket);
  }
});
