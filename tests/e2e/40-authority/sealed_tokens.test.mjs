// SPDX-License-Identifier: Apache-2.0
// Opaque tokens of machines rest nowhere: what they say is sealed in them. They end as if they were rows – on every node, with their client, after a leak – and
// those that are rows, of people and of earlier versions, live beside them.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { test } from 'node:test';
import { muchToSay, startAuthority } from '../lib/authority.mjs';
import { run, sallyport } from '../lib/cli.mjs';
import { request } from '../lib/http.mjs';
import { postgresMissing, startPostgres } from '../lib/postgres.mjs';
import { until } from '../lib/wait.mjs';

const section = {
  tokens: { algorithm: 'ES256', format: 'opaque' },
  registration: { open: true, grants: ['client_credentials'] },
  clients: { machine: { secret: 's', scopes: ['read'], audiences: ['https://api.example', muchToSay] }, api: { secret: 's' } },
};
const post = (node, where, form, id = 'machine', secret = 's') => request(node.listen + where, {
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa(`${id}:${secret}`)}` },
  body: new URLSearchParams(form).toString(),
});
const tokenOf = async (node, ...who) => (await post(node, '/token', { grant_type: 'client_credentials' }, ...who)).json.access_token;
const told = async (node, token) => (await post(node, '/introspect', { token }, 'api')).json;
const isActive = async (node, token) => (await told(node, token)).active;
/** Of the store, which the authority has open: prints what the last of the statements found. */
const sql = async (authority, ...statements) => {
  const { stdout } = await run('python3', ['-c', `import sqlite3
c=sqlite3.connect(${JSON.stringify(path.join(authority.state, 'authority.sqlite'))})
for s in ${JSON.stringify(statements)}: rows=c.execute(s).fetchall()
c.commit()
print(rows[0][0] if rows else '')`]);
  return stdout.trim();
};

test('nothing is written for one until it is revoked, and that holds over a restart', async () => {
  const authority = await startAuthority({ authority: section });
  const count = () => sql(authority, 'select count(*) from tickets');
  const before = await count();
  const [token, revoked] = [await tokenOf(authority), await tokenOf(authority)];
  assert.match(token, /^spat_[\w-]{200,400}$/);
  assert.equal(await count(), before);
  const answer = await told(authority, token);
  assert.deepEqual([answer.active, answer.iss, answer.sub, answer.client_id, answer.aud, answer.scope], [true, authority.issuer, 'machine', 'machine', 'https://api.example', 'read']);
  assert.equal((await post(authority, '/revoke', { token: revoked })).status, 200);
  assert.equal(await isActive(authority, revoked), false);
  await authority.restart();
  assert.deepEqual([await isActive(authority, token), await isActive(authority, revoked)], [true, false]);
  assert.equal(await sql(authority, 'select count(*) from tickets where kind=1'), '0');
});

test('tokens of an earlier version, and those that say too much to be sealed, are rows that end as ever', async () => {
  const authority = await startAuthority({ authority: section });
  const now = Math.floor(Date.now() / 1000);
  const make = async (dated) => {
    const date = Buffer.alloc(6);
    date.writeUIntBE(Date.now(), 0, 6);
    const old = `spat_${Buffer.concat([date, randomBytes(26)]).toString('base64url')}`;
    const whole = createHash('sha256').update(old).digest();
    const hash = dated ? Buffer.concat([date, whole.subarray(6)]) : whole; // two versions ago it was the whole hash
    const claims = JSON.stringify({ iss: authority.issuer, sub: 'machine', aud: 'https://api.example', client_id: 'machine', iat: now, exp: now + 600, jti: `old-${dated}` });
    await sql(authority, `insert into tickets(kind,hash,client_id,subject,issued_at,expires_at,used_at,data) values(1,x'${hash.toString('hex')}','machine','machine',${now},${now + 600},0,'${claims}')`);
    return old;
  };
  const tokens = [await make(true), await make(false), (await post(authority, '/token', { grant_type: 'client_credentials', resource: muchToSay })).json.access_token];
  assert.equal(tokens[2].length, 48);
  for (const token of tokens) {
    assert.equal((await told(authority, token)).sub, 'machine');
    assert.equal((await post(authority, '/revoke', { token })).status, 200);
    assert.equal(await isActive(authority, token), false);
  }
  assert.equal(await sql(authority, 'select count(*) from tickets where kind=1'), '0');
});

test('while older nodes run they can be stored, by a reload, and both kinds hold on either side of it', async () => {
  const stored = { ...section, tokens: { ...section.tokens, sealed: false } };
  const authority = await startAuthority({ authority: stored });
  const reload = async (next) => {
    const reloads = () => authority.output().split('the configuration was read again').length;
    const before = reloads();
    authority.write(next);
    authority.signal('SIGHUP');
    await until(() => reloads() > before, 'the configuration to be read again');
  };
  const row = await tokenOf(authority);
  assert.equal(row.length, 48);
  assert.equal(await sql(authority, 'select count(*) from tickets where kind=1'), '1');
  await reload(section);
  const sealed = await tokenOf(authority);
  assert.match(sealed, /^spat_[\w-]{200,400}$/);
  assert.deepEqual([await isActive(authority, row), await isActive(authority, sealed)], [true, true]);
  await reload(stored);
  assert.deepEqual([(await tokenOf(authority)).length, await isActive(authority, row), await isActive(authority, sealed)], [48, true, true]);
});

test('another issuer of the same store and master key opens none', async () => {
  const authority = await startAuthority({ authority: { ...section, issuer: 'https://one.example' } });
  const token = await tokenOf(authority);
  authority.write({ ...section, issuer: 'https://two.example' });
  await authority.restart();
  assert.equal(await isActive(authority, token), false);
  assert.equal(await isActive(authority, await tokenOf(authority)), true);
});

test('two nodes: sealed at one, opened, revoked, ended with its client and after a leak at the other', { skip: postgresMissing }, async () => {
  const postgres = await startPostgres();
  const shared = { ...section, issuer: 'http://127.0.0.1:1', store: { postgres: postgres.url }, keys: { master_key: 'one key for all of the nodes, 0123456789' } };
  const nodes = await Promise.all([0, 1].map(() => startAuthority({ authority: shared }))); // at once: they agree on one salt
  for (const [one, other] of [nodes, [...nodes].reverse()]) {
    const [token, kept] = [await tokenOf(one), await tokenOf(one)];
    assert.deepEqual([await isActive(one, token), await isActive(other, token)], [true, true]);
    assert.equal((await post(other, '/revoke', { token })).status, 200);
    assert.deepEqual([await isActive(one, token), await isActive(other, token), await isActive(one, kept)], [false, false, true]);

    const registered = (await request(`${one.listen}/register`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ grant_types: ['client_credentials'], response_types: [], token_endpoint_auth_method: 'client_secret_basic' }) })).json;
    const theirs = await tokenOf(one, registered.client_id, registered.client_secret);
    assert.match(theirs, /^spat_.{100}/);
    assert.equal(await isActive(other, theirs), true);
    const { pathname, search } = new URL(registered.registration_client_uri);
    assert.equal((await request(one.listen + pathname + search, { method: 'DELETE', headers: { Authorization: `Bearer ${registered.registration_access_token}` } })).status, 204);
    assert.deepEqual([await isActive(one, theirs), await isActive(other, theirs), await isActive(other, kept)], [false, false, true]);
  }
  assert.equal(postgres.psql('SELECT count(*) FROM sallyport.tickets WHERE kind=1'), '0');
  const leaked = await tokenOf(nodes[0]);
  assert.equal((await sallyport(['keys', 'rotate', '--now', '-c', nodes[0].config])).code, 0);
  assert.equal(await isActive(nodes[1], leaked), true);
  assert.equal((await sallyport(['keys', 'rotate', '--leaked', '-c', nodes[0].config])).code, 0);
  for (const node of nodes) await until(async () => !(await isActive(node, leaked)), 'the node to take the fresh salt');
  const fresh = await tokenOf(nodes[0]);
  assert.deepEqual([await isActive(nodes[0], fresh), await isActive(nodes[1], fresh)], [true, true]);
});
