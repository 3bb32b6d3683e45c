// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL of the test's own (tests/support/private-postgres): gone when the test is, however it ends.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defer } from './cleanup.mjs';
import { until } from './wait.mjs';

const script = fileURLToPath(new URL('../../support/private-postgres', import.meta.url));

/** Why there is none here, or false. */
export const postgresMissing = fs.existsSync('/usr/lib/postgresql') ? false : 'postgresql is not installed';

/** startPostgres({ settings: ['fsync = on'] }) resolves to { url, tell('stop' | 'start' | 'kill'), psql(sql) }. */
export async function startPostgres({ settings = [] } = {}) {
  const folder = path.join(os.tmpdir(), `sallyport-postgres-${process.pid}`);
  const child = spawn(script, [folder, '', ...settings], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.on('close', resolve));
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  await until(() => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    return output.includes('\n');
  }, 'PostgreSQL to be ready', 60_000);
  const url = output.split('\n')[0];
  defer(async () => {
    child.stdin.end();
    await exited;
  });
  return {
    url,
    tell: async (word) => {
      output = '';
      child.stdin.write(`${word}\n`);
      await until(() => output === 'done\n', `PostgreSQL to ${word}`, 60_000);
    },
    psql: (sql) => execFileSync('psql', ['-qAt', '-v', 'ON_ERROR_STOP=1', url, '-c', sql], { encoding: 'utf8' }).trim(),
  };
}
