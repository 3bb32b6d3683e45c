// SPDX-License-Identifier: Apache-2.0
// What a shell offers after TAB, asked of the shells themselves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { build, root, run } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const env = { PATH: `${build}:${process.env.PATH}`, HOME: await temporaryFolder(), COLUMNS: '30' };
const file = (name) => path.join(root, 'packaging/completions', name);
const without = (shell) => (spawnSync(shell, ['--version']).error ? `no ${shell} here` : false);

const inBash = `source "$1"; COMP_WORDS=(); read -ra COMP_WORDS <<< "$2"; [[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _sallyport; printf '%s\n' "\${COMPREPLY[@]}"`;
const shells = {
  bash: async (line) => (await run('bash', ['-c', inBash, 'bash', file('sallyport.bash'), line], { env })).stdout,
  zsh: async (line) => (await run('zsh', ['-f', path.join(root, 'tests/e2e/lib/zsh_offers.zsh'), path.dirname(file('x')), line], { env: { ...env, TERM: 'dumb' } })).stdout,
  fish: async (line) => (await run('fish', ['--no-config', '-c', `source ${file('sallyport.fish')}; complete -C "${line}"`], { env })).stdout,
};

for (const [shell, offer] of Object.entries(shells)) {
  test(`${shell} offers commands, options, values, causes, faults and files`, { skip: without(shell) }, async () => {
    const offers = async (line) => (await offer(line)).trim().split('\n').map((row) => row.split('\t')[0].trim());
    assert.deepEqual(await offers('sallyport tok'), ['token']);
    const of = (line, words, others = []) => offers(line).then((got) => {
      for (const word of words) assert.ok(got.includes(word), `${line}: ${word} of ${got}`);
      for (const word of others) assert.ok(!got.includes(word), `${line}: no ${word}`);
    });
    await of('sallyport token ', ['examine', 'decode', 'verify', 'get', 'login'], ['keys']);
    await of('sallyport token examine --is', ['--issuer']);
    await of('sallyport explain --', ['--what-if', '--nth', '--json', '--help'], ['--issuer']);
    await of('sallyport check -c /etc/pass', [shell === 'zsh' ? 'passwd' : '/etc/passwd']); // zsh adds the folder by itself
    await of('sallyport cause issuer.tr', ['issuer.trailing_slash']);
    await of('sallyport lab run token.malformed.q', ['token.malformed.quoted']);
    await of('sallyport token examine --secret-encoding ', ['raw', 'base64', 'base64url']);
  });
}

test('fish says what each means', { skip: without('fish') }, async () => {
  assert.match(await shells.fish('sallyport tok'), /^token\t[A-Z].*token/);
  assert.match(await shells.fish('sallyport explain --nt'), /^--nth\tOf several calls/);
});
