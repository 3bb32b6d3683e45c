// SPDX-License-Identifier: Apache-2.0
// The lab's tokens and key sets: `sallyport token examine` names exactly the fault that made them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startLab } from '../lib/lab.mjs';
import { proofs } from '../lib/lab_proofs.mjs';

const lab = await startLab();
const folder = temporaryFolder();
const config = path.join(folder, 'lab.yaml');
fs.writeFileSync(path.join(folder, 'other.json'), (await request(lab.other_jwks_uri)).text);
fs.writeFileSync(config, JSON.stringify({
  issuers: {
    lab: { issuer: lab.issuer, algorithms: ['RS256', 'ES256'], max_lifetime: '1d', client_ids: [lab.client_id] },
    other: { issuer: lab.other_issuer, environment: 'staging', jwks_file: path.join(folder, 'other.json') },
  },
  apis: {
    photos: {
      match: { path: '/photos' }, upstream: { url: lab.api },
      auth: {
        issuers: ['lab'], audience: [lab.audience], scopes: ['read'], claims: { tenant: 'lab', groups: ['staff'] }, acr: ['urn:lab:2'], max_age: '1d',
        verified_email: true,
      },
    },
    other: { match: { path: '/other' }, upstream: { url: lab.api }, auth: { issuers: ['other'], audience: ['https://other-api.lab.example'] } },
  },
}));

const examine = (token, ...words) => sallyport(['token', 'examine', token, '--json', ...(words.length > 0 ? words : ['-c', config, '--api', 'photos'])]);
const findings = ({ json }) => [json.cause, ...json.also].filter(Boolean);

test('a healthy lab: its token is accepted and nothing is found', async () => {
  const { code, json } = await examine(lab.token);
  assert.equal(code, 0, JSON.stringify(json.cause));
  assert.deepEqual(json.also, []);
  const { token_endpoint: endpoint, client_id: id, client_secret: secret } = lab;
  const answer = await request(endpoint, {
    method: 'POST', body: 'grant_type=client_credentials&scope=read',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
  });
  assert.equal((await examine(answer.json.access_token)).code, 0);
});

for (const id of proofs.examine.cause) {
  test(`${id} is the cause`, async () => {
    await lab.set(id);
    const { code, json, stderr } = await examine(lab.token);
    assert.ok(json, stderr);
    assert.notEqual(code, 0);
    assert.ok(json.cause.id === id || json.cause.reason === id, JSON.stringify(json.cause));
  });
}

for (const id of proofs.examine.also) {
  test(`${id} is found`, async () => {
    await lab.set(id);
    const verdict = await examine(lab.token);
    assert.ok(findings(verdict).some((row) => row.id === id), verdict.stdout);
  });
}

for (const id of proofs.examine.secret) {
  test(`${id} is the cause, of a verifier that has the secret`, async () => {
    await lab.set(id);
    const { json } = await examine(lab.token, '--issuer', lab.issuer, '--secret', lab.client_secret);
    assert.equal(json.cause.id, id);
  });
}

test('what must be survived is: a token of such a fault is accepted', async () => {
  const { json: list } = await sallyport(['lab', 'list', '--json', 'keys.']);
  const survivable = list.filter((row) => row.must === 'survive' && row.id !== 'keys.stale_in_use'); // that one is about who has the keys already
  assert.ok(survivable.length >= 4);
  for (const { id } of survivable) {
    await lab.set(id);
    assert.equal((await examine(lab.token)).code, 0, id);
  }
});
