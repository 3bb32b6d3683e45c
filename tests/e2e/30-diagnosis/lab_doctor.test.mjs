// SPDX-License-Identifier: Apache-2.0
// The lab's metadata, network, TLS, clock and API: `sallyport doctor` names exactly the fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { startLab } from '../lib/lab.mjs';
import { startReference, visit as ask } from '../lib/lab_ask.mjs';
import { proofs } from '../lib/lab_proofs.mjs';

const plain = await startLab();
const secure = await startLab({ args: ['--tls'] });
const { json: list } = await sallyport(['lab', 'list', '--json']);
const needsTls = (id) => list.find((row) => row.id === id).tls;

const reference = await startReference();
const visit = (lab) => ask(lab, reference);

for (const [what, lab] of [['plain http', plain], ['https', secure]]) {
  test(`a healthy lab over ${what}: nothing is wrong`, async () => {
    await lab.set('healthy');
    const verdict = await visit(lab);
    assert.equal(verdict.code, 0, JSON.stringify(verdict.json.cause));
    assert.deepEqual(verdict.ids.filter((id) => id !== 'clock.unsynchronised'), []);
    assert.equal(verdict.check('api').outcome, 'pass');
  });
}

for (const id of proofs.doctor.cause) {
  test(`${id} is the cause`, async () => {
    const lab = await (needsTls(id) ? secure : plain).set(id);
    const verdict = await visit(lab);
    assert.equal(verdict.code, 1, JSON.stringify(verdict.json));
    assert.ok(verdict.cause === id || verdict.json.cause.reason === id, JSON.stringify(verdict.json.cause));
  });
}

for (const id of proofs.doctor.also) {
  test(`${id} is found`, async () => {
    const lab = await (needsTls(id) ? secure : plain).set(id);
    const verdict = await visit(lab);
    const reasons = [verdict.json.cause, ...verdict.json.also].map((row) => row?.reason);
    assert.ok(verdict.ids.includes(id) || reasons.includes(id), JSON.stringify(verdict.json.also));
  });
}
