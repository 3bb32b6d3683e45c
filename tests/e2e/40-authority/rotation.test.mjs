// SPDX-License-Identifier: Apache-2.0
// Keys: each algorithm, rotation by schedule and by hand, at rest, and under another master key.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { muchToSay, startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { decodePart, jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const clients = { app: { secret: 's', grants: ['client_credentials'] } };
const token = async (authority) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['app', 's'] })).json.access_token;
const kids = async (authority) => (await authority.get('/jwks')).json.keys.map(({ kid }) => kid);
const kidOf = (jwt) => decodePart(jwt, 0).kid;

for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
  test(`${algorithm}: jose verifies, and the kid is the key's thumbprint`, async () => {
    const authority = await startAuthority({ authority: { clients, tokens: { algorithm } }, state: false });
    const jwt = await token(authority);
    const { keys: [key] } = (await authority.get('/jwks')).json;
    assert.equal((await jose.jwtVerify(jwt, jose.createLocalJWKSet({ keys: [key] }))).protectedHeader.alg, algorithm);
    assert.equal(key.kid, await jose.calculateJwkThumbprint(key));
    assert.ok(!('d' in key));
  });
}

test('by hand: published first, used after the overlap, and old tokens stay good', async () => {
  const authority = await startAuthority({ authority: { clients, tokens: { algorithm: 'ES256' }, keys: { overlap: '3s' } } });
  const first = kidOf(await token(authority));
  const { code, json } = await authority.cli(['keys', 'rotate', '--json']);
  assert.equal(code, 0);
  assert.deepEqual(json.map(({ state }) => state), ['signs', 'published']);
  await until(async () => (await kids(authority)).length === 2, 'the running authority to publish the new key');
  const before = await token(authority);
  assert.equal(kidOf(before), first);
  const next = await until(async () => {
    const kid = kidOf(await token(authority));
    return kid !== first && kid;
  }, 'the new key to sign');
  assert.equal(next, json[1].kid);
  await jose.jwtVerify(before, jose.createLocalJWKSet((await authority.get('/jwks')).json));
  assert.equal((await authority.cli(['keys', 'rotate', '--now', '--json'])).code, 0);
  await until(async () => kidOf(await token(authority)) !== next, 'the third key to sign at once');
});

test('after a leak: a fresh key signs at once, every other leaves the set, and what they signed is dead; so is what was sealed, and what rests in the store lives on', async () => {
  const opaque = { secret: 's', token_format: 'opaque' };
  const authority = await startAuthority({ authority: { clients: { ...clients, opaque, stored: { ...opaque, audiences: [muchToSay] } }, tokens: { algorithm: 'ES256' } } });
  const isActive = async (jwt) => (await authority.post('/introspect', { token: jwt }, { basic: ['app', 's'] })).json.active;
  const referenceOf = async (id) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: [id, 's'] })).json.access_token;
  const sealed = await referenceOf('opaque');
  const stored = await referenceOf('stored');
  const retired = await token(authority);
  assert.equal((await authority.cli(['keys', 'rotate', '--now'])).code, 0);
  const leaked = await until(async () => [await token(authority)].find((jwt) => kidOf(jwt) !== kidOf(retired)), 'the second key to sign');
  assert.equal((await authority.cli(['keys', 'rotate'])).code, 0); // and one that waits
  await until(async () => (await kids(authority)).length === 3, 'the third key to be published');
  assert.deepEqual([await isActive(retired), await isActive(leaked), await isActive(sealed), await isActive(stored)], [true, true, true, true]);
  const before = await kids(authority);
  const { code, json, stderr } = await authority.cli(['keys', 'rotate', '--leaked', '--json']);
  assert.equal(code, 0);
  assert.match(stderr, /^3 signing keys are withdrawn, and every token signed by them is dead:/);
  assert.deepEqual(json.map(({ state }) => state), ['signs']);
  assert.ok(!before.includes(json[0].kid));
  const fresh = await until(async () => [await token(authority)].find((jwt) => kidOf(jwt) === json[0].kid), 'the fresh key to sign');
  assert.deepEqual(await kids(authority), [json[0].kid]);
  assert.deepEqual([await isActive(retired), await isActive(leaked), await isActive(sealed), await isActive(stored), await isActive(fresh)], [false, false, false, true, true]);
  const next = await referenceOf('opaque');
  await authority.restart();
  assert.deepEqual(await kids(authority), [json[0].kid]);
  assert.deepEqual([await isActive(leaked), await isActive(sealed), await isActive(next)], [false, false, true]);
});

test('as many rotations by hand as there may be: the next is told its time', async () => {
  const authority = await startAuthority({ authority: { clients, tokens: { algorithm: 'ES256' } } });
  let answer;
  for (let i = 0; i < 64 && (answer?.code ?? 0) === 0; i++) answer = await authority.cli(['keys', 'rotate', '--now', '--json']);
  assert.equal(answer.code, 3);
  const next = answer.stderr.match(/there are 47 signing keys, the most there may be by hand.* it is (\S+Z); after a leak --leaked drops them all/);
  assert.ok(new Date(next?.[1]) > new Date(), answer.stderr);
  assert.equal((await authority.cli(['keys', 'rotate', '--leaked'])).code, 0);
  await until(async () => (await kids(authority)).length === 1, 'the set to have room again');
});

test('by schedule, without anybody doing anything', async () => {
  const authority = await startAuthority({ authority: { clients, tokens: { algorithm: 'ES256', lifetime: '1s' }, keys: { overlap: '1s' } } });
  // A key that has signed for 30 days.
  const old = kidOf(await token(authority));
  const file = path.join(authority.state, 'authority.sqlite');
  const { run } = await import('../lib/cli.mjs');
  await run('python3', ['-c', `import sqlite3; c=sqlite3.connect(${JSON.stringify(file)}); c.execute('update signing_keys set active_from=active_from-86400*30'); c.commit()`]);
  await until(async () => kidOf(await token(authority)) !== old, 'the scheduled key to sign');
});

test('keys survive a restart, rest sealed, and open only under their master key', async () => {
  const authority = await startAuthority({ authority: { clients, tokens: { algorithm: 'ES256' } } });
  const [kid] = await kids(authority);
  await authority.restart();
  assert.deepEqual(await kids(authority), [kid]);
  const file = path.join(authority.state, 'authority.master_key');
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.ok(!fs.readFileSync(path.join(authority.state, 'authority.sqlite')).includes('PRIVATE KEY'));
  await authority.stop();
  const start = () => sallyport(['authority', '--dev', '--state', authority.state, '-c', authority.config], { timeout: 60_000 });
  const right = fs.readFileSync(file);
  fs.writeFileSync(file, `${'0'.repeat(64)}\n`);
  const wrong = await start();
  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /another master key/);
  assert.match(wrong.stderr, /give that one back/);
  fs.writeFileSync(file, right);
  fs.chmodSync(file, 0o644);
  assert.match((await start()).stderr, /open to others/);
  fs.chmodSync(file, 0o600);
  await authority.start();
  assert.deepEqual(await kids(authority), [kid]);
});

test('an operator who lost the master key goes on with another, and is told what that costs', async () => {
  const authority = await startAuthority({ authority: { clients, tokens: { algorithm: 'ES256' } } });
  const [kid] = await kids(authority);
  await authority.stop();
  const { run } = await import('../lib/cli.mjs');
  // What docs/operations.md says to do; and a name that an application was told.
  await run('python3', ['-c', `import sqlite3; c=sqlite3.connect(${JSON.stringify(path.join(authority.state, 'authority.sqlite'))}); c.execute("insert into records(kind,id,owner,data,created_at) values(10,'sppw_a','ann','{}',0)"); c.execute('delete from signing_keys'); c.commit()`]);
  fs.rmSync(path.join(authority.state, 'authority.master_key'));
  await authority.start();
  assert.match(authority.output(), /the master key is another than before: 1 pairwise names/);
  const [next] = await kids(authority);
  assert.notEqual(next, kid);
  assert.equal(kidOf(await token(authority)), next);
  await authority.restart();
  assert.equal(authority.output().match(/another than before/g)?.length ?? 0, 1); // told once
});

test('a backup taken while it runs holds accounts, keys and tokens', async () => {
  const authority = await startAuthority({ authority: { clients: { ...clients, opaque: { secret: 's', token_format: 'opaque' } }, tokens: { algorithm: 'ES256' } } });
  const { json } = await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['opaque', 's'] });
  const copy = path.join(authority.folder, 'copy.sqlite');
  assert.equal((await sallyport(['backup', copy, '--state', authority.state])).code, 0);
  assert.equal(fs.statSync(copy).mode & 0o777, 0o600);
  assert.equal((await sallyport(['backup', copy, '--state', authority.state])).code, 3); // never over another file
  const [kid] = await kids(authority);
  await authority.stop();
  for (const name of ['authority.sqlite', 'authority.sqlite-wal', 'authority.sqlite-shm']) fs.rmSync(path.join(authority.state, name), { force: true });
  fs.renameSync(copy, path.join(authority.state, 'authority.sqlite'));
  await authority.start();
  assert.deepEqual(await kids(authority), [kid]);
  assert.equal((await authority.post('/introspect', { token: json.access_token }, { basic: ['app', 's'] })).json.active, true);
});

test('SIGHUP takes a new configuration; a broken one is refused and the old one stays', async () => {
  const authority = await startAuthority({ authority: { clients } });
  authority.write({ clients: { ...clients, late: { secret: 's' } } });
  authority.signal('SIGHUP');
  const ask = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['late', 's'] });
  await until(async () => (await ask()).status === 200, 'the new client to be known');
  authority.write({ clients: { late: { secrte: 's' } } });
  authority.signal('SIGHUP');
  await until(() => /secrte/.test(authority.output()), 'the complaint');
  assert.equal((await ask()).status, 200);
});
