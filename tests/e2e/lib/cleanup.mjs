// SPDX-License-Identifier: Apache-2.0
// Everything a test file starts is stopped when the file ends, newest first, whatever the outcome; processes that are
// still there when Node exits are killed by their pid. A program that is not a test calls cleanUp() itself.
import { after } from 'node:test';

const stoppers = [];
const pids = new Set();
const reports = [];

/** Runs `stop` when the test file ends. */
export function defer(stop) {
  stoppers.push(stop);
}

/** Kills the process group of `pid` when Node exits, unless `released` was called for it. */
export function guard(pid) {
  pids.add(pid);
}

export function release(pid) {
  pids.delete(pid);
}

/** `report()` returns text that is shown when the file failed: logs, mostly. */
export function reportOnFailure(report) {
  reports.push(report);
}

export async function cleanUp() {
  const failures = [];
  while (stoppers.length > 0) {
    try {
      await stoppers.pop()();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, failures.map(String).join('\n'));
}

if (process.argv[1]?.endsWith('.test.mjs')) after(cleanUp);

// The runner's time limit comes as SIGTERM: leave by the door, so that the handler below runs.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));

process.on('exit', (code) => {
  for (const pid of pids) {
    for (const target of [-pid, pid]) {
      try {
        process.kill(target, 'SIGKILL');
      } catch {
        // it is gone already
      }
    }
  }
  if (code !== 0 || process.exitCode) for (const report of reports) process.stderr.write(report());
});
