// SPDX-License-Identifier: Apache-2.0
// Libraries that are loaded when they are called first stand in no list that a packager's tools read: each is told by name with its package when it is
// missing, and the page for packagers has all of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { program, root } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const source = fs.readFileSync(path.join(root, 'probe/library.c'), 'utf8');
const packages = Object.fromEntries([...source.matchAll(/\[SP_LIBRARY_\w+\] = \{"([^"]+)", "([^"]+)"\}/g)].map(([, soname, name]) => [soname, name]));
const folder = temporaryFolder();
const withoutDpkg = fs.existsSync('/usr/bin/dpkg-query') ? false : 'this is not Debian';

test('the page for packagers has every package', () => {
  assert.equal(Object.keys(packages).length, 9);
  const [depends] = fs.readFileSync(path.join(root, 'docs/install.md'), 'utf8').match(/^Depends: .*$/m);
  for (const name of Object.values(packages)) assert.ok(depends.split(/[ ,]+/).includes(name), name);
});

test('Debian\'s package is built from what tools/install-deps installs, and names the libraries as they stand in the source', () => {
  const control = fs.readFileSync(path.join(root, 'debian/control'), 'utf8');
  const needed = control.match(/^Build-Depends: ([^]*?)^\S/m)[1].split(',').map((each) => each.trim());
  const { stdout } = spawnSync(path.join(root, 'tools/install-deps'), ['--list', 'build'], { encoding: 'utf8' });
  const essential = ['gcc', 'libc6-dev', 'make'];
  assert.deepEqual(needed.filter((name) => !name.startsWith('debhelper')).sort(), stdout.trim().split('\n').filter((name) => !essential.includes(name)).sort());
  const [, script] = fs.readFileSync(path.join(root, 'debian/rules'), 'utf8').match(/late:Depends=\$\(shell sed -nE '(.*)' probe\/library\.c\)/);
  const named = spawnSync('sed', ['-nE', script.replaceAll('$$', '$'), path.join(root, 'probe/library.c')], { encoding: 'utf8' });
  assert.deepEqual(named.stdout.trim().split('\n'), Object.values(packages).map((name) => `${name},`));
});

for (const [soname, name] of Object.entries(packages))
  test(`${soname} is in ${name}`, { skip: withoutDpkg }, () => {
    const { stdout, stderr } = spawnSync('dpkg-query', ['-S', `*/${soname}`], { encoding: 'utf8' });
    assert.ok(stdout.split('\n').some((line) => line.split(':')[0] === name), stdout + stderr);
  });

const config = path.join(folder, 'postgres.yaml');
fs.writeFileSync(config, JSON.stringify({ authority: { issuer: 'http://127.0.0.1:9', store: { postgres: 'postgresql://127.0.0.1:9/none' } } }));
for (const [soname, words] of [
  ['libcurl.so.4', ['doctor', 'http://127.0.0.1:9']],
  ['libmicrohttpd.so.12', ['lab', 'serve']],
  ['libsqlite3.so.0', ['clients', 'token', '--state', folder]],
  ['libpq.so.5', ['accounts', 'list', '--state', folder, '-c', config]],
])
  test(`without ${soname}, '${words.slice(0, 2).join(' ')}' names the library and its package`, () => {
    const hidden = fs.mkdtempSync(path.join(folder, 'hidden-'));
    fs.writeFileSync(path.join(hidden, soname), ''); // found first, and no library
    const { status, stderr, stdout } = spawnSync(program, words, { encoding: 'utf8', input: '', timeout: 60_000, env: { ...process.env, LD_LIBRARY_PATH: hidden } });
    assert.equal(status, 127, stdout + stderr);
    assert.match(stderr, new RegExp(`${soname.replaceAll('.', '\\.')} cannot be called: .*Install the library \\(Debian's package: ${packages[soname]}\\)`));
  });
