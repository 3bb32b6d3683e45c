// SPDX-License-Identifier: Apache-2.0
// `sallyport authority` as a process: with a configuration of its own, on a free port.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { program, sallyport } from './cli.mjs';
import { defer, guard, release, reportOnFailure } from './cleanup.mjs';
import { request } from './http.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

/** An audience so long that no opaque token for it is sealed: it is a ticket in the store, as those of people are. */
export const muchToSay = `urn:${'much:to:say:'.repeat(80)}`;

/** What RFC 6749 5.1 and 5.2 want of each answer with tokens and of each refusal, whatever the test asks: media type, characters, caches. */
function wellFormed(answer) {
  const { status, headers, json } = answer;
  if (typeof json?.error !== 'string' && json?.access_token === undefined) return answer;
  assert.match(headers['content-type'], /^application\/json$/);
  assert.ok(headers['cache-control']?.split(/, */).includes('no-store'), `Cache-Control: ${headers['cache-control']} with ${answer.text}`);
  if (json.error === undefined) return answer;
  assert.match(json.error, /^[a-z_]+$/);
  assert.match(json.error_description ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/);
  assert.ok(status >= 400, answer.text);
  if (json.error === 'invalid_client') assert.ok(status === 401 || status === 400, answer.text);
  assert.equal(status === 401, headers['www-authenticate'] !== undefined, answer.text);
  return answer;
}

/**
 * startAuthority({ authority: {…the section…}, state: true|DIR, args: [], env: {}, port })
 * Without `authority` it is plain `--dev`. With `state` (default) it keeps its store in a folder, so that it can be restarted.
 * Resolves to { issuer, listen (its own URL, where the issuer is a balancer's), ready (the line that it begins with), state, pid, output(), log(), lastLine(cause), post(path, form, { basic, headers }), get(path), cli(args, options), write(section),
 * signal(name), stop(signal), restart() }.
 */
export async function startAuthority({ authority, state = true, args = [], env = {}, port: wanted } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-authority-'));
  const directory = typeof state === 'string' ? state : path.join(folder, 'state');
  const config = path.join(folder, 'sallyport.yaml');
  const self = { state: directory, folder, config };
  const port = wanted ?? await freePort();
  let child;
  let output = '';
  self.write = (section) => fs.writeFileSync(config, JSON.stringify({ authority: section }));
  if (authority) self.write(authority);
  self.output = () => output;
  self.start = async () => {
    const words = ['authority', '--dev', '--json', '--listen', `127.0.0.1:${port}`, ...args];
    if (authority) words.push('-c', config);
    if (state) words.push('--state', directory);
    let ready = '';
    child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    guard(child.pid);
    self.pid = child.pid;
    const mine = child;
    child.exited = new Promise((resolve) => mine.on('close', (code, signal) => {
      release(mine.pid);
      resolve({ code, signal });
    }));
    child.stdout.on('data', (chunk) => (ready += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    await until(() => {
      if (mine.exitCode !== null) throw new Error(`it ended: ${output}`);
      return ready.includes('\n');
    }, 'the authority to be ready');
    self.ready = JSON.parse(ready);
    ({ issuer: self.issuer, listen: self.listen } = self.ready);
  };
  self.stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    return child.exited;
  };
  self.restart = async (signal) => {
    await self.stop(signal);
    await self.start();
  };
  self.signal = (name) => child.kill(name);
  self.get = async (where, options) => wellFormed(await request(self.issuer + where, options));
  self.post = async (where, form, { basic, headers = {}, timeout } = {}) => {
    const all = { 'Content-Type': 'application/x-www-form-urlencoded', ...headers };
    if (basic) all.Authorization = `Basic ${Buffer.from(basic.map((word) => encodeURIComponent(word)).join(':')).toString('base64')}`;
    return wellFormed(await request(self.issuer + where, { method: 'POST', timeout, headers: all, body: typeof form === 'string' ? form : new URLSearchParams(form).toString() }));
  };
  self.log = () => fs.readFileSync(path.join(directory, 'authority.jsonl'), 'utf8').trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  // The line of a call is written when its turn ends, which may be after its answer arrived.
  self.lastLine = (cause) => until(() => [self.log().at(-1)].find((line) => line?.cause === cause), `the log to end with ${cause}`);
  self.cli = (words, options) => sallyport([...words, ...(authority ? ['-c', config] : []), '--state', directory], options);
  await self.start();
  reportOnFailure(() => `--- authority ---\n${output}\n`);
  defer(async () => {
    const { code, signal } = child.exitCode === null && child.signalCode === null ? await self.stop() : await child.exited;
    fs.rmSync(folder, { recursive: true, force: true });
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the authority ended with ${code ?? signal}: ${output}`);
  });
  return self;
}
