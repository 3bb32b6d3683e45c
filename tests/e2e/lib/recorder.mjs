// SPDX-License-Identifier: Apache-2.0
// `sallyport record` as a process, and the recording as it grows.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { defer, guard, release } from './cleanup.mjs';
import { program, sallyport } from './cli.mjs';
import { until } from './wait.mjs';

/**
 * startRecorder(issuer, folder, …words) → { url (that stands for the issuer), origin, har, lines(): what it judged so far, entries(): of the HAR,
 * inspect(from): what `inspect` says of the entries from the one of that number on, stop() → exit code }
 */
export async function startRecorder(issuer, folder, ...words) {
  const har = path.join(folder, `${crypto.randomUUID()}.har`);
  const child = spawn(program, ['record', '--issuer', issuer, '--listen', '127.0.0.1:0', '--json', '--har', har, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  guard(child.pid);
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  const ended = new Promise((resolve) => child.on('close', resolve));
  await until(() => {
    if (child.exitCode !== null) throw new Error(err);
    return out.includes('\n');
  }, 'the recorder to listen');
  const { url } = JSON.parse(out.split('\n')[0]);
  const self = {
    url, origin: new URL(url).origin, har,
    lines: () => out.trim().split('\n').slice(1).map((line) => JSON.parse(line)),
    entries: () => JSON.parse(fs.readFileSync(har, 'utf8')).log.entries,
  };
  self.inspect = async (from, ...more) => {
    const log = { version: '1.2', creator: { name: 'sallyport', version: '1' }, entries: self.entries().slice(from) };
    const file = path.join(folder, `${crypto.randomUUID()}.har`);
    fs.writeFileSync(file, JSON.stringify({ log }));
    const { json, stderr } = await sallyport(['inspect', file, '--json', ...more]);
    if (json === undefined) throw new Error(stderr);
    return json;
  };
  self.stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    release(child.pid);
    return code;
  };
  defer(() => child.exitCode === null && self.stop());
  return self;
}
