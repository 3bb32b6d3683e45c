// SPDX-License-Identifier: Apache-2.0
// A disk with no room left, as small ones come to be: what is answered meanwhile is a clean 503 that takes nothing along, and with room it goes on by itself.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { muchToSay, startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { makeDisk, withoutDisks as skip } from '../lib/disk.mjs';
import { postgresMissing, startPostgres } from '../lib/postgres.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const section = {
  tokens: { algorithm: 'ES256', refresh_grace: '0s' },
  clients: {
    reference: { secret: 's', token_format: 'opaque', audiences: [muchToSay] },
    jwt: { secret: 's' },
    web: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'offline_access'], skip_consent: true },
  },
};

const opaque = (authority) => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['reference', 's'] });
const isActive = async (authority, token) => (await authority.post('/introspect', { token }, { basic: ['jwt', 's'] })).json.active;
const authorize = (authority) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: redirect, scope: 'openid offline_access', code_challenge: challenge, code_challenge_method: 'S256' })}`;
const redeem = (authority, code) => authority.post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }, { basic: ['web', 's'] });
const refresh = (authority, refresh_token) => authority.post('/token', { grant_type: 'refresh_token', refresh_token }, { basic: ['web', 's'] });
const codeOf = ({ location }) => location.searchParams.get('code');

function assertRefused(answer) {
  assert.equal(answer.status, 503, answer.text);
  assert.ok(answer.headers['retry-after']);
  assert.equal(answer.json.error, 'temporarily_unavailable');
  assert.match(answer.json.error_description, /store\.unavailable/);
  assert.deepEqual(Object.keys(answer.json).filter((name) => /token/.test(name)), []);
}

/** What the operator reads without opening a log: what fails and what is needed, not once a call; and that it is over. */
async function assertTold(authority, trouble, needs) {
  const lines = () => authority.output().split('\n').filter((line) => line.startsWith('authority: '));
  await until(() => lines().includes('authority: the store is in order again'), 'stderr to say that it is over');
  const told = lines().filter((line) => line.includes('store.unavailable'));
  assert.equal(told.length, 1, told.join('\n'));
  assert.match(told[0], trouble);
  assert.ok(told[0].endsWith(`What is needed: ${needs}`), told[0]);
}

/** Codes, refresh tokens and a page for a password from before; asked for while there is no room, and again afterwards. */
async function liveThrough(authority, room) {
  const browser = startBrowser();
  await browser.open(authorize(authority));
  const codes = [codeOf(await browser.signIn())];
  while (codes.length < 24) codes.push(codeOf(await browser.open(authorize(authority))));
  const families = await Promise.all(codes.splice(0, 12).map(async (code) => (await redeem(authority, code)).json));
  const stranger = startBrowser();
  await stranger.open(authorize(authority));
  const known = (await opaque(authority)).json.access_token;

  room.fill();
  const refused = await until(async () => [await opaque(authority)].find(({ status }) => status !== 200), 'no room');
  assertRefused(refused);
  const given = [];
  const outcomes = [];
  for (const [i, code] of codes.entries()) { // one after the other: no turn is shared
    outcomes.push({ ask: () => redeem(authority, code), answer: await redeem(authority, code) });
    outcomes.push({ ask: () => refresh(authority, families[i].refresh_token), answer: await refresh(authority, families[i].refresh_token) });
  }
  for (const { answer } of outcomes) {
    if (answer.status === 200) given.push(answer.json.access_token); // there was room within a page, for up to a dozen
    else assertRefused(answer);
  }
  const lost = outcomes.filter(({ answer }) => answer.status === 503);
  assert.ok(lost.length >= 12, `${lost.length} of ${outcomes.length} were refused`);
  const { location, status } = await stranger.signIn();
  assert.ok(status === 503 || location.searchParams.get('error') === 'temporarily_unavailable' || codeOf({ location }), `${status}`);
  assert.equal((await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['jwt', 's'] })).status, 200);
  assert.equal(await isActive(authority, known), true);

  room.free();
  await until(async () => (await opaque(authority)).status === 200, 'room to be found');
  for (const { ask } of lost) {
    const answer = await ask();
    assert.equal(answer.status, 200, answer.text);
    given.push(answer.json.access_token);
  }
  for (const token of [known, ...given]) assert.equal(await isActive(authority, token), true);
  const anew = startBrowser();
  await anew.open(authorize(authority));
  assert.ok(codeOf(await anew.signIn()));
  return refused;
}

test('SQLite on a full disk', { skip }, async () => {
  const disk = makeDisk(4);
  const authority = await startAuthority({ authority: section, state: path.join(disk.folder, 'state') });
  await liveThrough(authority, disk);
  await assertTold(authority, /database or disk is full/, "room on the file system of the store's file");
});

test('with a little room SQLite goes on: its log begins anew before it has taken that, too', { skip }, async () => {
  const disk = makeDisk(10);
  const authority = await startAuthority({ authority: section, state: path.join(disk.folder, 'state') });
  const refused = async (count) => {
    const answers = [];
    while (answers.length < count) answers.push(...await Promise.all(Array.from({ length: 16 }, () => opaque(authority))));
    return answers.filter(({ status }) => status !== 200).length;
  };
  fs.writeFileSync(path.join(disk.folder, 'ballast'), Buffer.alloc(4 << 20));
  await until(async () => (await refused(64)) === 64, 'the log to fill the disk');
  disk.free(); // the file has room for what the log holds; the log would take as much once more
  await until(async () => (await refused(1)) === 0, 'room to be found');
  const before = fs.statSync(path.join(authority.state, 'authority.sqlite-wal')).size;
  assert.equal(await refused(500), 0);
  assert.equal(fs.statSync(path.join(authority.state, 'authority.sqlite-wal')).size, before);
});

test('PostgreSQL on a full disk', { skip: skip || postgresMissing }, async () => {
  const disk = makeDisk(4);
  const postgres = await startPostgres();
  const folder = path.join(disk.folder, 'tables');
  fs.mkdirSync(folder, { mode: 0o700 });
  execFileSync('chown', ['postgres:', folder]);
  postgres.psql(`CREATE TABLESPACE small LOCATION '${folder}'`);
  const store = { postgres: `${postgres.url} options='-c default_tablespace=small'` };
  const authority = await startAuthority({ authority: { ...section, store, keys: { master_key: 'one key for all of the nodes, 0123456789' } } });
  await liveThrough(authority, disk);
  assert.match(authority.log().find(({ cause }) => cause === 'store.unavailable').finding.detail, /No space left on device \(53100\)/);
  await assertTold(authority, /No space left on device \(53100\)/, 'room on the disk of the PostgreSQL server');
  assert.equal(authority.log().find(({ cause }) => cause === 'store.unavailable').finding.fix, 'What is needed: room on the disk of the PostgreSQL server. Requests work again as soon as it is there.');
});
