// SPDX-License-Identifier: Apache-2.0
// The store full, locked, gone, or cut off in mid-write: a clean 503, nothing half-issued, and all is well once it can be written.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { muchToSay, startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const section = {
  tokens: { algorithm: 'ES256' },
  clients: { reference: { secret: 's', token_format: 'opaque', audiences: [muchToSay] }, sealed: { secret: 's', token_format: 'opaque' }, jwt: { secret: 's' }, web: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'offline_access'], skip_consent: true } },
};
const start = () => startAuthority({ authority: section });
const opaque = (authority) => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['reference', 's'] });
const jwt = (authority) => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['jwt', 's'] });
const active = async (authority, token) => (await authority.post('/introspect', { token }, { basic: ['jwt', 's'] })).json.active;
const authorize = (authority) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: redirect, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' })}`;
const redeem = (authority, code) => authority.post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }, { basic: ['web', 's'] });

async function login(authority, browser = startBrowser()) {
  await browser.open(authorize(authority));
  return (await browser.signIn()).location.searchParams.get('code');
}

function assertRefused(answer) {
  assert.equal(answer.status, 503, answer.text);
  assert.ok(answer.headers['retry-after']);
  assert.equal(answer.json.error, 'temporarily_unavailable');
  assert.equal(answer.json.access_token, undefined);
}

/** Files of the process may not grow from here on, as on a full disk (SIGXFSZ is ignored: write fails with EFBIG). */
const limitFiles = (authority, bytes) => spawnSync('prlimit', ['--pid', String(authority.pid), `--fsize=${bytes}:`]).status;

test('a disk that is full: 503, and the code is still good afterwards', async () => {
  const authority = await start();
  const browser = startBrowser();
  const code = await login(authority, browser);
  const before = (await opaque(authority)).json.access_token;
  assert.equal(limitFiles(authority, 1), 0);
  for (let i = 0; i < 3; i++) assertRefused(await opaque(authority));
  assertRefused(await redeem(authority, code));
  assert.equal((await jwt(authority)).status, 200); // it needs nothing of the store
  const sealed = await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['sealed', 's'] }); // nor does this
  assert.equal(await active(authority, sealed.json.access_token), true);
  assert.equal((await startBrowser().open(authorize(authority))).status, 200); // nor does a page to sign in on
  const page = await browser.open(authorize(authority));
  // To the client, as RFC 6749 4.1.2.1 has it: it may try again.
  assert.equal(page.location.searchParams.get('error'), 'temporarily_unavailable');
  assert.equal(page.location.searchParams.get('code'), null);
  assert.equal(limitFiles(authority, 'unlimited'), 0);
  assert.equal((await redeem(authority, code)).status, 200);
  assert.equal((await opaque(authority)).status, 200);
  assert.equal(await active(authority, before), true);
});

test('a store that is locked by another process: 503 to all that write, and nothing of it is found later', async () => {
  const authority = await start();
  const code = await login(authority);
  const holder = spawn('python3', ['-c', `import sqlite3,sys
c=sqlite3.connect(${JSON.stringify(path.join(authority.state, 'authority.sqlite'))},isolation_level=None); c.execute('BEGIN IMMEDIATE'); print('held',flush=True); sys.stdin.read(); c.execute('ROLLBACK')`]);
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  assertRefused(await redeem(authority, code));
  assertRefused(await opaque(authority));
  assert.match((await authority.lastLine('store.unavailable')).finding.fix, /the end of whatever holds the store's file locked/);
  holder.stdin.end();
  await new Promise((resolve) => holder.once('close', resolve));
  assert.equal((await redeem(authority, code)).status, 200);
  assert.match((await redeem(authority, code)).json.error_description, /code\.reused/);
});

test('a store that was moved away: 503 and its name to the operator, nothing is lost, and it goes on when it is back', async () => {
  const authority = await start();
  const code = await login(authority);
  const token = (await opaque(authority)).json.access_token;
  const file = path.join(authority.state, 'authority.sqlite');
  fs.renameSync(file, `${file}.away`);
  assertRefused(await opaque(authority));
  assertRefused(await redeem(authority, code));
  const line = await authority.lastLine('store.unavailable');
  assert.ok(JSON.stringify(line.finding).includes(`${file} is gone`), JSON.stringify(line.finding));
  await until(() => authority.output().includes(`authority: ${file} is gone`), 'stderr to say so');
  assert.equal((await jwt(authority)).status, 200); // it needs nothing of the store
  fs.renameSync(`${file}.away`, file);
  assert.equal((await redeem(authority, code)).status, 200);
  assert.equal(await active(authority, token), true);
  await until(() => authority.output().includes('authority: the store is in order again'), 'stderr to say so');
});

test('a store that was deleted, and one that another took the place of: 503 until the authority is restarted', async () => {
  const authority = await start();
  const kept = (await opaque(authority)).json.access_token;
  const file = path.join(authority.state, 'authority.sqlite');
  const copy = path.join(authority.folder, 'copy.sqlite');
  assert.equal((await sallyport(['backup', copy, '--state', authority.state])).code, 0);
  for (const end of ['', '-wal', '-shm']) fs.rmSync(file + end);
  assertRefused(await opaque(authority));
  await until(async () => (await authority.post('/introspect', { token: kept }, { basic: ['jwt', 's'] })).status === 503, 'reads to be refused, too');
  fs.renameSync(copy, file);
  assertRefused(await opaque(authority));
  await until(() => authority.output().includes(`authority: ${file} is another file`), 'stderr to say so');
  await authority.restart();
  assert.equal(await active(authority, kept), true);
  assert.equal((await opaque(authority)).status, 200);
});

test('a kill in the middle of many writes: every answer that left is kept, and the store is whole', async () => {
  const authority = await start();
  const issued = [];
  const ask = async () => {
    for (;;) {
      const answer = await opaque(authority).catch(() => null);
      if (answer?.status !== 200) return;
      issued.push(answer.json.access_token);
    }
  };
  const askers = Array.from({ length: 8 }, ask);
  await until(() => issued.length > 40, 'tokens to be issued');
  await authority.stop('SIGKILL');
  await Promise.all(askers);
  await authority.start();
  for (const token of issued) assert.equal(await active(authority, token), true);
  const copy = path.join(authority.folder, 'copy.sqlite');
  assert.equal((await sallyport(['backup', copy, '--state', authority.state])).code, 0);
  const check = spawnSync('python3', ['-c', `import sqlite3; print(sqlite3.connect(${JSON.stringify(copy)}).execute('pragma integrity_check').fetchone()[0])`], { encoding: 'utf8' });
  assert.equal(check.stdout.trim(), 'ok');
});
