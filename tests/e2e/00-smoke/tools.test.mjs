// SPDX-License-Identifier: Apache-2.0
// Whoever asks a tool what it does gets told, and nothing else happens: no folder named "--help", no build, no reference page written anew.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root, sanitizing } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

// In a copy, where a mess can be seen and harms nobody.
const copy = temporaryFolder();
for (const folder of ['tools', '.ci', 'tests/e2e/run', 'tests/e2e/package.json']) fs.cpSync(path.join(root, folder), path.join(copy, folder), { recursive: true });
const listing = (folder = copy) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
  const full = path.join(folder, entry.name);
  return entry.isDirectory() ? [full, ...listing(full)] : [`${full} ${fs.statSync(full).mtimeMs}`];
}).sort();
const scripts = [...fs.readdirSync(path.join(copy, 'tools')).filter((name) => !name.includes('.')).map((name) => `tools/${name}`), '.ci/run', 'tests/e2e/run'];
const run = (script, ...words) => spawnSync(path.join(copy, script), words, { cwd: copy, encoding: 'utf8', input: '', timeout: 60_000 });

const skip = sanitizing && 'nothing of what is sanitized runs here';

for (const script of scripts) {
  test(`${script} --help says how it is used and does nothing`, { skip }, () => {
    const before = listing();
    for (const word of ['--help', '-h']) {
      const { status, stdout, stderr } = run(script, word);
      assert.equal(status, 0, stderr);
      assert.match(stdout, new RegExp(`Usage: ${script.replace('.', '\\.')}\\b`));
      assert.doesNotMatch(stdout, /set -|^import |SPDX/m);
    }
    assert.deepEqual(listing(), before);
  });

  if (['tools/usage', 'tools/compare-diagnosis'].includes(script)) continue; // their words are another script's
  test(`${script} refuses an option that it does not know`, { skip }, () => {
    const before = listing();
    const { status, stdout, stderr } = run(script, '--no-such-option');
    assert.equal(status, 2, stderr);
    assert.match(stdout + stderr, /[Uu]sage: |--no-such-option/);
    assert.deepEqual(listing(), before);
  });
}

for (const script of ['tools/build', 'tools/configure', 'tools/nginx-headers', 'tools/sources', 'tools/usage', 'tools/make-recording'])
  test(`${script} without a word says what it lacks`, { skip }, () => {
    const before = listing();
    const { status, stdout, stderr } = run(script);
    assert.equal(status, 2, stderr);
    assert.match(stdout + stderr, new RegExp(`Usage: ${script}\\b`));
    assert.deepEqual(listing(), before);
  });

// A build of three files, one of which does not compile once it is told to.
const makeBuild = (name, broken) => {
  fs.mkdirSync(path.join(copy, name));
  fs.writeFileSync(path.join(copy, name, 'build.ninja'), `rule compile
  command = test "$out" != ${broken} -a "$out" != "" && echo made > $out || { echo "$out:1: what the compiler says"; exit 1; }
  description = Compiling $out
${['one', 'two', 'three'].map((file) => `build ${file}: compile\n`).join('')}`);
  return name;
};

test('a build into a pipe is two lines long, and none where nothing is to be done', { skip }, () => {
  const build = makeBuild('fine', 'none');
  const { status, stdout, stderr } = run('tools/build', build, '-j', '2');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^Building fine: 3 steps\nBuilt fine in \d+ s\n$/);
  assert.equal(stderr, '');
  assert.ok(['one', 'two', 'three'].every((file) => fs.existsSync(path.join(copy, build, file))));
  const again = run('tools/build', build);
  assert.deepEqual([again.status, again.stdout, again.stderr], [0, '', '']);
});

test('a command that fails is shown whole, with what it said', { skip }, () => {
  const { status, stdout } = run('tools/build', makeBuild('broken', 'two'), '-k', '0');
  assert.notEqual(status, 0);
  assert.match(stdout, /FAILED: two/);
  assert.ok(stdout.includes('test "two" != two -a "two" != "" && echo made > two ||'), stdout);
  assert.match(stdout, /^two:1: what the compiler says$/m);
  assert.doesNotMatch(stdout, /Compiling|Built/);
});

test('on a terminal a build is one line that is overwritten', { skip }, () => {
  const command = 'stty columns 80; TERM=xterm tools/build terminal';
  makeBuild('terminal', 'none');
  const { status, stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { cwd: copy, encoding: 'utf8', input: '', timeout: 60_000 });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /\r[^\n]*Compiling [^\n]*\r[^\n]*Compiling /);
  assert.equal(stdout.match(/Compiling [^\n]*\n/g).length, 1, stdout);
});

test("nginx's headers are made in a folder whose name has a space", { skip }, () => {
  const folder = path.join(copy, 'a home', 'build', 'nginx');
  const { status, stdout, stderr } = run('tools/nginx-headers', folder);
  assert.equal(status, 0, stderr);
  assert.equal(stdout.trimEnd().split('\n').at(-1), fs.realpathSync(folder));
  assert.ok(['ngx_auto_config.h', 'ngx_auto_headers.h'].every((name) => fs.statSync(path.join(folder, name)).size > 0));
});
