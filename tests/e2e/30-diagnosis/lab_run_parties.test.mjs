// SPDX-License-Identifier: Apache-2.0
// `sallyport lab run` as somebody with an application uses it: a whole relying party is the command, over a group of faults, with JUnit for the CI.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { apacheMissing } from '../lib/parties.mjs';

const folder = temporaryFolder();

for (const [name, missing, outcome] of [
  ['node', false, { 'callback.error': 'failed_closed', 'callback.issuer_missing': 'failed_closed', 'callback.issuer_mismatch': 'failed_closed' }],
  ['apache', apacheMissing, { 'callback.error': 'failed_closed', 'callback.issuer_missing': 'accepted', 'callback.issuer_mismatch': 'failed_closed' }],
]) {
  test(`a whole relying party as the command, over a group (${name}); JUnit says the same`, { skip: missing }, async () => {
    const junit = path.join(folder, `${name}.xml`);
    const command = `node ${path.join(root, 'tests/e2e/lib/lab_signin.mjs')} ${name}`;
    const run = await sallyport(['lab', 'run', 'callback.', '--for', 'client', '--timeout', '20', '--junit', junit, '--json', '--against', command], { timeout: 100_000 });
    assert.ok(run.json, run.stderr);
    assert.deepEqual(Object.fromEntries(run.json.trials.map((trial) => [trial.fault, trial.outcome])), outcome, run.stdout);
    const accepted = Object.values(outcome).filter((how) => how === 'accepted').length;
    assert.equal(run.code, accepted > 0 ? 1 : 0);
    assert.ok(run.json.trials.every((trial) => trial.committed > 0));
    assert.match(fs.readFileSync(junit, 'utf8'), new RegExp(`tests="3" failures="${accepted}" errors="0" skipped="0"`));
  });
}
