// SPDX-License-Identifier: Apache-2.0
// A key set without a usable key says what is wrong with the key that the token names: the same at the gateway as at one's desk.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { jwks } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const audience = 'https://photos.example';
const folder = temporaryFolder();
const upstream = await startUpstream();
const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
const rows = {
  weak: [(good) => ({ ...small, kid: good.kid }), 'keys.weak', 401],
  nameless: [() => small, 'keys.weak', 401],
  enc: [(good) => ({ ...good, use: 'enc', key_ops: undefined }), 'keys.use_mismatch', 401],
  broken: [(good) => ({ ...good, x: '!' }), 'keys.malformed_member', 401],
  foreign: [(good) => ({ kty: 'LATTICE', kid: good.kid }), 'keys.unsupported_type', 401],
  other: [() => ({ kty: 'LATTICE', kid: 'else' }), 'keys.empty', 503],
};
const issuers = {};
for (const [name, [member]] of Object.entries(rows)) {
  issuers[name] = await startPlainIssuer();
  issuers[name].keySet = { keys: [member(issuers[name].keySet.keys[0])] };
}
const gateway = await startGateway({
  config: {
    listen: [{ address: '127.0.0.1:{port}' }],
    issuers: Object.fromEntries(Object.entries(issuers).map(([name, { issuer }]) => [name, { issuer, audience }])),
    apis: Object.fromEntries(Object.keys(rows).map((name) => [name, { match: { path: `/${name}` }, upstream: { url: upstream.url }, auth: { issuers: [name] } }])),
  },
});

for (const [name, [, id, status]] of Object.entries(rows)) {
  test(`${id} (${name}) at the gateway and offline`, async () => {
    const token = await issuers[name].token({ aud: audience });
    const file = path.join(folder, `${name}.json`);
    fs.writeFileSync(file, JSON.stringify(issuers[name].keySet));
    const { json } = await sallyport(['token', 'examine', token, '--json', '--issuer', issuers[name].issuer, '--jwks', file, '--audience', audience]);
    assert.equal(json.cause.id, id);
    const answer = await until(async () => [await gateway.get(`/${name}/1`, { token })].find(({ cause }) => cause !== 'keys.unreachable'), 'the set to be fetched');
    assert.deepEqual([answer.status, answer.cause], [status, id]);
  });
}

test('a restart does not take an unusable set for keys, and a mended one is taken', async () => {
  const { weak } = issuers;
  const ready = async () => (await request(`${gateway.adminUrl}/readyz`)).json.issuers.find(({ issuer }) => issuer === 'weak');
  const { cause, keys } = await ready();
  assert.deepEqual([cause, keys], ['keys.empty', 'none']);
  await gateway.kill();
  await gateway.restart();
  const token = await weak.token({ aud: audience });
  await until(async () => (await gateway.get('/weak/1', { token })).cause === 'keys.weak', 'the same verdict after a restart');
  assert.equal((await ready()).keys, 'none');
  weak.keySet = jwks(weak.key);
  await until(async () => (await gateway.get('/weak/1', { token })).status === 200, 'the mended set');
  assert.equal((await ready()).keys, 'fresh');
});
