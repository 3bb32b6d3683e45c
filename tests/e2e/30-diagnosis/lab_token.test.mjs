// SPDX-License-Identifier: Apache-2.0
// The lab's tokens and key sets: `sallyport token examine` names exactly the fault that made them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startLab } from '../lib/lab.mjs';
import { examine as ask, writePolicy } from '../lib/lab_ask.mjs';
import { proofs } from '../lib/lab_proofs.mjs';

const lab = await startLab();
const folder = temporaryFolder();
const config = await writePolicy(lab, folder);
const examine = (token, ...words) => ask(config, token, ...words);
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
