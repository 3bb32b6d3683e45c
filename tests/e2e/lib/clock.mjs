// SPDX-License-Identifier: Apache-2.0
// A wall clock that a test sets, and a name server that hangs, for one process and its children (set_clock.c).
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root, sanitizing } from './cli.mjs';
import { temporaryFolder } from './gateway.mjs';

/** Under --sanitize the runtimes are preloaded, and they want to be the first. */
export const canSetClock = !sanitizing;

/**
 * makeClock(seconds) → { env, set(seconds), answerNames() }: with `env` a process has a wall clock that is off by so many seconds, or stands
 * at '@EPOCH'. The kernel's is as it was: what waits by the wall clock waits as if the clock had been set back by that since it was read. Look-ups of
 * names that end in .hangs come back (without an address) after answerNames().
 */
export function makeClock(seconds = 0) {
  const folder = temporaryFolder();
  const file = path.join(folder, 'clock');
  const hanging = path.join(folder, 'hanging');
  const library = path.join(folder, 'set_clock.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, path.join(root, 'tests/e2e/lib/set_clock.c')]);
  const set = (offset) => {
    fs.writeFileSync(`${file}.next`, String(offset));
    fs.renameSync(`${file}.next`, file);
  };
  set(seconds);
  fs.writeFileSync(hanging, '');
  return { env: { LD_PRELOAD: library, SET_CLOCK: file, HANG_WHILE: hanging }, set, answerNames: () => fs.rmSync(hanging, { force: true }) };
}
