// SPDX-License-Identifier: Apache-2.0
// `sallyport lab run`: real clients under faults, and what is made of how they end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { program, root, sallyport } from '../lib/cli.mjs';
import { guard, release } from '../lib/cleanup.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { freePorts } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

const client = (way) => `node ${path.join(root, 'tests/e2e/lib/lab_client.mjs')} ${way}`;
const folder = temporaryFolder();

async function trials(faults, command, ...words) {
  const { code, json, stderr } = await sallyport(['lab', 'run', ...faults, '--against', command, '--json', ...words], { timeout: 110_000 });
  assert.ok(json, stderr);
  return { code, json, outcome: Object.fromEntries(json.trials.map((trial) => [trial.fault, trial.outcome])) };
}

test('openid-client fails closed where a client must, over TLS too', async () => {
  const faults = ['state.', 'nonce.mismatch', 'callback.issuer_mismatch', 'signature.invalid', 'response.truncated', 'network.tls.expired'];
  const { code, outcome } = await trials(faults, client('login'));
  const wrong = Object.entries(outcome).filter(([, how]) => how !== 'failed_closed');
  assert.deepEqual(wrong, []);
  assert.equal(code, 0);
  assert.equal(Object.keys(outcome).length, 7);
});

test('jose as an API: refuses, and survives a rotation', async () => {
  const { code, outcome } = await trials(['audience.mismatch', 'algorithm.key_confusion', 'keys.rotated'], client('verify'));
  assert.deepEqual(outcome, {
    'audience.mismatch': 'failed_closed', 'algorithm.key_confusion': 'failed_closed', 'keys.rotated': 'survived',
  });
  assert.equal(code, 0);
});

test('what looks at nothing is found out; exit status 1, and a sentence for people', async () => {
  const { code, outcome } = await trials(['audience.mismatch', 'upstream.refused'], client('careless'));
  assert.deepEqual(outcome, { 'audience.mismatch': 'accepted', 'upstream.refused': 'failed_closed' });
  assert.equal(code, 1);
  const { stdout } = await sallyport(['lab', 'run', 'issuer.missing', '--against', 'echo said; true']);
  assert.match(stdout, /✗ issuer\.missing +ACCEPTED/);
  assert.match(stdout, /\| said/);
  assert.match(stdout, /0 as they should be, 1 findings/);
});

test('not survived, hung, not met, unhealthy: each is what it is', async () => {
  const dies = await trials(['keys.rotated'], '[ "$SALLYPORT_LAB_FAULT" = healthy ]');
  assert.deepEqual([dies.code, dies.outcome['keys.rotated']], [1, 'did_not_survive']);
  const hangs = await trials(['issuer.missing'], '[ "$SALLYPORT_LAB_FAULT" = healthy ] || sleep 60', '--timeout', '1');
  assert.deepEqual([hangs.code, hangs.outcome['issuer.missing']], [1, 'hung']);
  const elsewhere = await trials(['state.mismatch'], 'true');
  assert.deepEqual([elsewhere.code, elsewhere.outcome['state.mismatch']], [3, 'unmet']);
  const broken = await trials(['state.mismatch'], 'echo it is broken >&2; exit 7');
  assert.deepEqual([broken.code, broken.outcome['state.mismatch']], [3, 'unhealthy']);
  assert.equal(broken.json.trials[0].exit_status, 7);
  assert.match(broken.json.trials[0].output, /it is broken/);
  const killed = await trials(['issuer.missing'], '[ "$SALLYPORT_LAB_FAULT" = healthy ] || kill -9 $$');
  assert.equal(killed.json.trials[0].exit_status, 137);
});

test('the environment: everything that is promised, nothing left of an outer lab; a port of one\'s choice', async () => {
  const port = await freePorts(2); // the API listens behind the issuer
  const { json } = await trials(['issuer.missing'], 'env | grep ^SALLYPORT_LAB_ | sort', '--listen', `127.0.0.1:${port}`);
  const names = json.trials[0].output.trim().split('\n').map((line) => line.split('=')[0].slice(14));
  assert.deepEqual(names, ['API', 'AUDIENCE', 'AUTHORIZATION_ENDPOINT', 'CA', 'CLIENT_ID', 'CLIENT_SECRET', 'FAULT', 'ID_TOKEN', 'ISSUER', 'METADATA_URL', 'SCOPE',
    'TOKEN', 'TOKEN_ENDPOINT']);
  assert.match(json.trials[0].output, new RegExp(`SALLYPORT_LAB_ISSUER=http://127.0.0.1:${port}/lab`));
  assert.match(json.trials[0].output, new RegExp(`SALLYPORT_LAB_API=http://127.0.0.1:${port + 1}`));
});

test('JUnit XML: findings, errors and what was skipped; hostile output stays text', async () => {
  const file = path.join(folder, 'lab.xml');
  await trials(['issuer.missing', 'state.mismatch', 'keys.rotated'], String.raw`printf '<![CDATA[\033]]>&"\377'`, '--junit', file);
  const xml = fs.readFileSync(file, 'utf8');
  assert.match(xml, /<testsuite name="sallyport lab" tests="3" failures="1" errors="0" skipped="1">/);
  assert.match(xml, /<testcase classname="Issuer" name="issuer\.missing" time="\d+\.\d{3}">\n {4}<failure message="ACCEPTED: /);
  assert.match(xml, /&lt;!\[CDATA\[\?\]\]&gt;&amp;&quot;\?/);
  assert.equal((await sallyport(['lab', 'run', 'issuer.missing', '--against', 'true', '--junit', '/nonexistent/x.xml'])).code, 3);
});

test('a group, --all with --for; usage', async () => {
  const { json } = await trials(['audience.'], '[ "$SALLYPORT_LAB_FAULT" = healthy ]', '--for', 'api');
  assert.ok(json.trials.length >= 5 && json.trials.every((trial) => trial.who === 'api' && trial.fault.startsWith('audience.')));
  for (const words of [[], ['--all', 'issuer.missing', '--against', 'true'], ['issuer.missing'], ['healthy', '--against', 'true'], ['no.such', '--against', 'true'],
    ['issuer.missing', '--against', 'true', '--timeout', '0'], ['--all', '--for', 'nobody', '--against', 'true']]) {
    assert.equal((await sallyport(['lab', 'run', ...words])).code, 2, words.join(' '));
  }
});

test('Ctrl-C ends the command, its children and the lab', async () => {
  const mark = path.join(folder, 'pid');
  const child = spawn(program, ['lab', 'run', 'issuer.missing', '--against', `sleep 300 & echo $! > ${mark}; wait`], { stdio: 'ignore' });
  guard(child.pid);
  const ended = new Promise((resolve) => child.on('close', (code) => {
    release(child.pid);
    resolve(code);
  }));
  await until(() => fs.existsSync(mark) && fs.readFileSync(mark, 'utf8').endsWith('\n'), 'the command');
  child.kill('SIGINT');
  assert.equal(await ended, 3);
  const pid = Number(fs.readFileSync(mark, 'utf8'));
  await until(() => {
    try {
      return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] === 'Z';
    } catch {
      return true;
    }
  }, 'the end of its child');
});
