// SPDX-License-Identifier: Apache-2.0
// `sallyport lab run` as somebody with an application uses it: a whole relying party is the command, over a group of faults and a fault of each other group, with
// JUnit for the CI. Each is a process of its own, twice; all faults, in one process, are in lab_party_node and lab_party_apache.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root, sallyport } from './cli.mjs';
import { temporaryFolder } from './gateway.mjs';

/** "a b c" → { a: 'failed_closed', … } */
export const closed = (text) => Object.fromEntries(text.trim().split(/\s+/).map((id) => [id, 'failed_closed']));

/** outcome: of each fault; those of the group `callback.` are all in it. */
export function testRun(party, outcome, { skip = false } = {}) {
  test(`a whole relying party as the command (${party}); JUnit says the same`, { skip }, async () => {
    const junit = path.join(temporaryFolder(), 'results.xml');
    const command = `node ${path.join(root, 'tests/e2e/lib/lab_signin.mjs')} ${party}`;
    const faults = ['callback.', ...Object.keys(outcome).filter((id) => !id.startsWith('callback.'))];
    const run = await sallyport(['lab', 'run', ...faults, '--timeout', '60', '--junit', junit, '--json', '--against', command], { timeout: 600_000 });
    assert.ok(run.json, run.stderr);
    assert.deepEqual(Object.fromEntries(run.json.trials.map((trial) => [trial.fault, trial.outcome])), outcome, run.stdout);
    const accepted = Object.values(outcome).filter((how) => how === 'accepted').length;
    assert.equal(run.code, accepted > 0 ? 1 : 0);
    assert.ok(run.json.trials.every((trial) => trial.committed > 0));
    assert.match(fs.readFileSync(junit, 'utf8'), new RegExp(`tests="${Object.keys(outcome).length}" failures="${accepted}" errors="0" skipped="0"`));
  });
}
