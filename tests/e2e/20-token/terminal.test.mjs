// SPDX-License-Identifier: Apache-2.0
// What people see of the program: lines as wide as their terminal, whatever its width, and nothing of the evidence lost.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { program, root, run, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { jwks, makeKey, makeToken } from '../lib/tokens.mjs';

const folder = await temporaryFolder();
const key = await makeKey('RS256');
const keys = path.join(folder, 'keys.json');
await writeFile(keys, JSON.stringify(jwks(key)));
const issuer = 'https://idp.example.com/realms/a-realm-with-a-long-name';
const token = await makeToken(key, { iss: `${issuer}/`, aud: 'https://api.example.com', exp: 1 });
const examine = ['token', 'examine', token, '--jwks', keys, '--issuer', issuer, '--audience', 'https://api.example.com'];
const unset = { COLUMNS: '', NO_COLOR: '1' };

/** The lines that a terminal of so many columns gets, without the padding of a name that has its text below. */
async function atTerminal(columns, args, env = unset) {
  const command = `stty cols ${columns}; ${[program, ...args].map((word) => `'${word}'`).join(' ')}`;
  const { stdout } = await run('script', ['-qec', command, path.join(folder, 'typescript')], { env: { TERM: 'xterm', ...env } });
  return stdout.replaceAll('\r', '').split('\n');
}

/** Longer lines than the terminal, but those with a word that is as long by itself: none is cut. */
const tooLong = (lines, columns) => lines.filter((line) => [...line.trimEnd()].length > columns && !line.split(' ').some((word) => [...word].length > columns - 12));

for (const columns of [20, 30, 39, 60, 80]) {
  test(`${columns} columns: help, catalogue and verdicts are wrapped there`, async () => {
    for (const args of [['help'], ['help', 'explain'], ['help', 'serve'], ['help', 'token', 'examine'], ['help', 'accounts', 'import'], ['cause', 'keys.not_json'], ['cause', 'upstream.']]) {
      const lines = await atTerminal(columns, args);
      assert.ok(lines.length > 5, lines.join('\n'));
      const long = tooLong(lines, columns).filter((line) => !/^ +-/.test(line)); // an option and what its value is called
      assert.deepEqual(long, [], args.join(' '));
    }
    const lines = await atTerminal(columns, examine);
    const long = tooLong(lines, columns).filter((line) => !/REJECTED|✗ .*\(read from/.test(line));
    assert.deepEqual(long, [], 'a verdict');
    for (const whole of [`${issuer}/`, issuer, 'issuer.trailing_slash']) assert.ok(lines.some((line) => line.includes(whole)), `${whole} in one piece`);
  });
}

test('COLUMNS decides, at a terminal and without one', async () => {
  const widest = (text) => Math.max(...text.split('\n').map((line) => [...line].length));
  const help = (COLUMNS) => sallyport(['help', 'serve'], { env: { COLUMNS } });
  assert.ok(widest((await help('50')).stdout) <= 50);
  assert.ok(widest((await help('70')).stdout) > 50);
  assert.ok(widest((await help('1000')).stdout) > 120);
  for (const nonsense of ['', 'wide', '-1', '0']) assert.equal((await help(nonsense)).stdout, (await help('100')).stdout, nonsense);
  assert.ok(widest((await atTerminal(100, ['help', 'serve'], { ...unset, COLUMNS: '50' })).join('\n')) <= 50);
});

test('a locale that is not UTF-8 gets ASCII, and what a token says byte by byte', async () => {
  const odd = await makeToken(key, { iss: `${issuer}–é✓`, aud: 'https://api.example.com', exp: 1, name: '\u009b31m' });
  const words = ['token', 'examine', odd, ...examine.slice(3)];
  const commands = [words, ['token', 'decode', odd], ['help'], ['help', 'explain'], ['help', 'lab', 'run'], ['cause'], ['cause', 'issuer.trailing_slash'],
    ['cause', 'keys.not_json'], ['inspect', path.join(root, 'tests/fuzz/corpus/har/good-spa.har')], ['keys', 'show', path.join(root, 'LICENSE')], ['cause', '\u00e9\u009b31m']];
  const locales = { C: false, POSIX: false, 'de_DE.ISO-8859-1': false, 'C.UTF-8': true, 'C.utf8': true, 'en_US.UTF-8': true, '': true };
  for (const [LC_ALL, isUtf8] of Object.entries(locales)) {
    const env = { LC_ALL, LC_CTYPE: '', LANG: '' };
    for (const command of commands) {
      const { stdout, stderr } = await sallyport(command, { env });
      if (!isUtf8) assert.match(stdout + stderr, /^[\n\x20-\x7e]*$/, `${LC_ALL}: ${command.join(' ')}`);
    }
    const { stdout } = await sallyport(words, { env });
    assert.match(stdout, isUtf8 ? /✗ REJECTED/ : /^x REJECTED/, LC_ALL);
    assert.match(stdout, isUtf8 ? /–é✓/ : /\\xe2\\x80\\x93\\xc3\\xa9\\xe2\\x9c\\x93/, LC_ALL);
    const { json } = await sallyport([...words, '--json'], { env });
    assert.equal(json.token.claims.name, '\u009b31m', 'JSON is UTF-8');
  }
  assert.match((await sallyport(words, { env: { LC_ALL: '', LC_CTYPE: 'C', LANG: 'C.UTF-8' } })).stdout, /^x REJECTED/);
  assert.match((await sallyport(words, { env: { LC_ALL: 'C.UTF-8', LC_CTYPE: 'C', LANG: 'C' } })).stdout, /^✗ REJECTED/);
});

test('output that cannot be written is told, and is no success; a reader that has enough is one', async () => {
  const into = (where, words) => run('bash', ['-c', `"$0" ${words} ${where}`, program]);
  for (const words of ['help', 'cause', 'cause --json', 'lab list', 'token decode eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIn0.', `keys show ${keys}`]) {
    for (const where of ['> /dev/full', '>&-']) {
      const { code, stderr } = await into(where, words);
      assert.equal(code, 3, words);
      assert.match(stderr, /^sallyport[a-z ]*: could not write to standard output/, `${words} ${where}`);
      assert.equal(stderr.trim().split('\n').length, 1, 'once');
    }
    assert.equal((await into('| head -c 1', words)).stderr, '');
  }
});

test('a dumb terminal gets no escape sequence, neither does one where NO_COLOR is set get colours', async () => {
  const shown = async (env, args) => (await atTerminal(100, args, env)).join('\n');
  for (const args of [['help'], ['cause', 'keys.not_json'], examine, ['doctor', 'http://127.0.0.1:1']]) {
    assert.ok(!(await shown({ COLUMNS: '', TERM: 'dumb', NO_COLOR: '' }, args)).includes('\u001b'), `dumb: ${args[0]}`);
    assert.ok(!(await shown(unset, args)).includes('\u001b['+'1'), `NO_COLOR: ${args[0]}`);
    assert.ok((await shown({ COLUMNS: '', NO_COLOR: '' }, args)).includes('\u001b[1'), args[0]);
  }
});

test('a command about the authority says what it lacks', async () => {
  const state = path.join(folder, 'state');
  for (const words of ['accounts list', 'accounts show ann', 'accounts remove ann', 'accounts disable ann', 'accounts factors ann', 'clients list', 'clients remove x', 'backup x.sqlite']) {
    const { code, stdout, stderr } = await sallyport([...words.split(' '), '--state', state], { input: '' });
    assert.deepEqual([code, stdout], [3, ''], words);
    assert.match(stderr, /state\/authority\.sqlite/, words);
    if (!words.startsWith('backup')) assert.match(stderr, /there is no store at .*--state/, words);
    assert.ok(!existsSync(state), `${words} makes nothing`);
  }
  const rotate = await sallyport(['keys', 'rotate', '--state', state]);
  assert.notEqual(rotate.code, 0);
  assert.match(rotate.stderr, /^sallyport keys rotate: no configuration is given: name it with -c FILE\n/);
  assert.equal((await sallyport(['accounts', 'add', 'ann', '--state', state], { input: 'a long password\n' })).code, 0);
  const copy = path.join(folder, 'copy.sqlite');
  const { code, json } = await sallyport(['backup', copy, '--state', state, '--json']);
  assert.deepEqual([code, json], [0, { file: copy }]);
});
