// SPDX-License-Identifier: Apache-2.0
// Faults that show over time, or to a gateway alone: `sallyport serve` in front of the lab's API names exactly the fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../lib/gateway.mjs';
import { startLab } from '../lib/lab.mjs';
import { proofs } from '../lib/lab_proofs.mjs';
import { until } from '../lib/wait.mjs';

/** A lab, and a gateway in front of its API that sees every change of keys within a second. */
async function startBoth({ fault, auth = {}, introspects = false } = {}) {
  const lab = await startLab({ fault });
  const introspection = introspects ? { introspection: { client_id: lab.client_id, client_secret: lab.client_secret } } : {};
  const gateway = await startGateway({
    config: {
      key_refresh: '1s',
      issuers: { lab: { issuer: lab.issuer, ...introspection } },
      apis: { photos: { match: { path: '/photos' }, upstream: { url: lab.api }, auth: { issuers: ['lab'], audience: [lab.audience], ...auth } } },
    },
  });
  return { lab, gateway, call: () => gateway.get('/photos/1', { token: lab.token }) };
}

/** Every id in the verdict of a call. */
async function found({ gateway }, { requestId }) {
  const { json } = await gateway.explain(requestId);
  return [json.cause, ...json.also].filter(Boolean).flatMap((row) => [row.id, row.reason].filter(Boolean));
}

for (const id of proofs.gateway.keys) {
  test(`${id}: the keeper saw how it came to it`, async () => {
    const both = await startBoth();
    assert.equal((await both.call()).status, 200);
    await both.lab.set(id);
    let answer;
    await until(async () => {
      /* Another token each time: of one that was seen before only its claims are judged again. */
      await both.lab.set(id);
      answer = await both.call();
      return (await found(both, answer)).includes(id);
    }, id, 20_000);
    assert.equal(answer.status, both.lab.must === 'survive' ? 200 : 401);
  });
}

for (const id of [...proofs.gateway.token, ...proofs.gateway.introspection, ...proofs.gateway.upstream]) {
  test(`${id} is the cause of the refusal`, async () => {
    const introspects = id === 'token.revoked' || proofs.gateway.introspection.includes(id);
    const { call } = await startBoth({ fault: id, introspects, auth: id === 'token.revoked' ? { introspect: true } : {} });
    const answer = await call();
    assert.ok([401, 502, 503].includes(answer.status), String(answer.status));
    assert.equal(answer.cause, id);
  });
}

test('a healthy lab behind the gateway: calls are served, introspected ones too', async () => {
  const { call } = await startBoth({ introspects: true, auth: { introspect: true } });
  const { status, json } = await call();
  assert.equal(status, 200);
  assert.equal(json.claims.sub, 'lab-user');
});
