// SPDX-License-Identifier: Apache-2.0
// `sallyport token login` as a process that waits for a person.
import { spawn } from 'node:child_process';
import { program } from './cli.mjs';
import { defer, guard, release } from './cleanup.mjs';
import { request } from './http.mjs';
import { until } from './wait.mjs';

/**
 * startLogin(issuer, words, { waitsFor, env, opensBrowser }) → { address (once it is printed), callback, state, told(), answer({…}) → what the loopback says,
 * end → { code, stdout, stderr, json } }. waitsFor: null when no address is expected. Without --cache nothing is kept. It is killed when the file ends, or when
 * it does not say what is waited for.
 */
export async function startLogin(issuer, words, { waitsFor = /^(https?:\S+)\n/m, env = {}, opensBrowser = false } = {}) {
  const given = ['token', 'login', issuer, ...(opensBrowser ? [] : ['--no-browser']), ...(words.includes('--cache') ? [] : ['--cache', 'off']), ...words];
  const child = spawn(program, given, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  guard(child.pid);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const self = { told: () => stderr };
  self.end = new Promise((resolve) => child.on('close', (code) => {
    release(child.pid);
    let json;
    try {
      json = JSON.parse(stdout);
    } catch {
      json = undefined;
    }
    resolve({ code, stdout, stderr, json });
  }));
  const kill = () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    return self.end;
  };
  defer(kill);
  if (waitsFor === null) return self;
  try {
    // A line counts once its end is there: half an address is another address.
    const line = await until(() => {
      if (child.exitCode !== null) throw new Error(`it ended: ${stderr}${stdout}`);
      return stderr.match(waitsFor);
    }, 'the address');
    self.address = new URL(line[1]);
  } catch (error) {
    await kill();
    throw error;
  }
  self.callback = self.address.searchParams.get('redirect_uri');
  self.state = self.address.searchParams.get('state');
  self.answer = (parameters) => request(`${self.callback}?${new URLSearchParams(parameters)}`);
  return self;
}
