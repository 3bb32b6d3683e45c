// SPDX-License-Identifier: Apache-2.0
// What a newcomer does in the first five minutes: `make run`, then the four commands that it prints, word for word.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { build, root, run, sanitizing } from '../lib/cli.mjs';
import { defer, guard, release, reportOnFailure } from '../lib/cleanup.mjs';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

/** Three ports in a row, as the quickstart wants them. */
async function threePorts() {
  for (;;) {
    const port = await freePort();
    const { code } = await run('bash', ['-c', `for p in ${port} ${port + 1} ${port + 2}; do (exec 3<>/dev/tcp/127.0.0.1/$p) 2>/dev/null && exit 1; done; exit 0`]);
    if (code === 0 && port < 65_000) return port;
  }
}

test('the four commands that make run prints do what they say', { skip: sanitizing && 'the other suites run under the sanitizers' }, async () => {
  const port = await threePorts();
  let output = '';
  const child = spawn('tools/quickstart', ['--port', String(port)], { cwd: root, env: { ...process.env, BUILD: build }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  let ended = false;
  const exit = new Promise((resolve) => child.on('close', (code) => {
    ended = true;
    resolve(code);
  }));
  guard(child.pid);
  reportOnFailure(() => `--- tools/quickstart\n${output}\n`);
  defer(async () => {
    if (!ended) process.kill(child.pid, 'SIGTERM');
    await exit;
  });
  await until(() => output.includes('\n4. ') || ended, 'the four commands', 90_000);
  assert.ok(!ended, output);

  const commands = [...output.matchAll(/^\d\. .*\n {3}(.*)$/gm)].map((match) => match[1]);
  assert.equal(commands.length, 4);
  const shell = (script) => run('bash', ['-c', script], { cwd: root });

  const [getToken, call, broken, explain] = commands;
  const token = (await shell(`${getToken}; echo "$TOKEN"`)).stdout.trim();
  assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);

  const fine = await shell(`TOKEN=${token}; ${call}`);
  assert.match(fine.stdout, /^HTTP\/1\.1 200/);
  assert.match(fine.stdout, /"client": "demo"/);
  assert.match(fine.stdout, /The gate at dawn/);

  const refused = await shell(`TOKEN=${token}; ${broken}`);
  assert.match(refused.stdout, /^HTTP\/1\.1 401/);
  assert.match(refused.stdout, /WWW-Authenticate: Bearer .*error="invalid_token"/i);
  const problem = JSON.parse(refused.stdout.split('\r\n\r\n')[1]);
  assert.equal(problem.cause, 'token.malformed.truncated');
  assert.equal(problem.request_id, 'my-first-refusal');

  const explained = await until(async () => {
    const result = await shell(explain);
    return result.stdout.includes('token.malformed.truncated') && result;
  }, 'the refusal in the call log', 5_000);
  assert.match(explained.stdout, /token\.malformed\.truncated/);
  assert.ok(!explained.stdout.includes(token.split('.')[2].slice(0, 40)), 'the signature is not shown');

  // Ctrl-C, as a terminal sends it.
  process.kill(-child.pid, 'SIGINT');
  await exit;
  release(child.pid);
  assert.equal((await shell(`exec 3<>/dev/tcp/127.0.0.1/${port}`)).code, 1, 'nothing listens any more');
});
