// SPDX-License-Identifier: Apache-2.0
// Small disks that a test may fill.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { defer } from './cleanup.mjs';
import { temporaryFolder } from './gateway.mjs';

/** A disk of so many megabytes in that folder; false where none can be mounted. */
const mount = (folder, megabytes) => spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'none', folder]).status === 0;
const unmount = (folder) => execFileSync('umount', ['--lazy', folder]);

/** { folder, fill(), free() } */
export function makeDisk(megabytes) {
  const folder = temporaryFolder();
  assert.ok(mount(folder, megabytes));
  defer(() => unmount(folder));
  const ballast = path.join(folder, 'ballast');
  return {
    folder,
    /** To the last byte but for so many kilobytes. */
    fill: (left = 0) => {
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k', 'oflag=append', 'conv=notrunc']);
      if (left > 0) fs.truncateSync(ballast, fs.statSync(ballast).size - left * 1024);
    },
    free: () => fs.rmSync(ballast),
  };
}

const probe = temporaryFolder();
/** For a test's `skip`: why no disk can be made, or false. */
export const withoutDisks = mount(probe, 1) ? false : 'no file system can be mounted here';
if (!withoutDisks) unmount(probe);
