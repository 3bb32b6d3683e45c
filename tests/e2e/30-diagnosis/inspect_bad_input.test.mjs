// SPDX-License-Identifier: Apache-2.0
// What `inspect` is given and is no good recording: nothing, broken, a bomb, very large.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { program, root, run, sallyport, sanitizing } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const folder = temporaryFolder();

test('what is no recording, broken or a bomb is said', async () => {
  const missing = await sallyport(['inspect', `${folder}/none.har`]);
  assert.equal(missing.code, 3);
  assert.match(missing.stderr, /there is no file/);
  const write = (name, content) => {
    fs.writeFileSync(`${folder}/${name}`, content);
    return sallyport(['inspect', `${folder}/${name}`, '--json']);
  };
  const entry = { startedDateTime: '2026-11-26T03:00:00.000Z', time: 1, request: { method: 'POST', url: 'https://idp.example.com/token', headers: [{ name: 'Content-Type', value: 'application/x-www-form-urlencoded' }], postData: { mimeType: 'application/x-www-form-urlencoded', text: 'grant_type=password' } }, response: { status: 400, headers: [], content: { mimeType: 'application/json', text: '{"error":"invalid_grant"}' } } };
  const whole = JSON.stringify({ log: { version: '1.2', entries: [entry, entry] } });
  const cut = await write('cut.har', whole.slice(0, -60));
  assert.equal(cut.json.exchanges, 1);
  assert.match(cut.json.remarks.join(' '), /breaks off at byte \d+/);
  assert.equal(cut.code, 1);
  const broken = await write('broken.har.gz', zlib.gzipSync(whole).subarray(0, -20));
  assert.match(broken.json.remarks.join(' '), /gzip data is cut|breaks off/);
  const bomb = await write('bomb.har.gz', zlib.gzipSync(`{"log":{"entries":[{"x":"${'a'.repeat(300_000_000)}"}]}}`));
  assert.match(bomb.json.remarks.join(' '), /unpacks to far more/);
  const deep = await write('deep.har', whole.replace('"time":1', `"time":1,"x":${'['.repeat(10_000)}${']'.repeat(10_000)}`));
  assert.ok((deep.json.exchanges === 2 ? deep.code === 1 : deep.code === 3 && /breaks off at byte \d+/.test(deep.json.remarks.join(' '))), JSON.stringify(deep.json.remarks));
  const bytes = await write('bytes.har', Buffer.concat([Buffer.from(whole.slice(0, -2).replace('password', 'pass\\u0000word')), Buffer.from([0xff, 0xfe, 0x00]), Buffer.from(']}}')]));
  assert.ok(bytes.json.remarks.length > 0);
});

test('what is empty was not found fine', async () => {
  const har = '{"log":{"version":"1.2","entries":[]}}';
  for (const [name, content] of [['empty', ''], ['empty.har', har], ['empty.gz', zlib.gzipSync('')], ['empty.har.gz', zlib.gzipSync(har)]]) {
    fs.writeFileSync(`${folder}/${name}`, content);
    for (const more of [[], ['--json']]) {
      const { code, stderr, stdout } = await sallyport(['inspect', `${folder}/${name}`, ...more]);
      assert.equal(code, 3, name);
      assert.match(stderr, /^sallyport inspect: '.*' is empty: it holds no exchange; record it again while the login is tried$/m);
      assert.match(stdout, more.length > 0 ? /"exchanges": 0/ : /0 flows/);
    }
  }
  const piped = await sallyport(['inspect', '-'], { input: '' });
  assert.equal(piped.code, 3);
  assert.match(piped.stderr, /'-' is empty/);
  fs.writeFileSync(`${folder}/cut.gz`, zlib.gzipSync('x'.repeat(1000)).subarray(0, 10));
  const cut = await sallyport(['inspect', `${folder}/cut.gz`]);
  assert.deepEqual([cut.code, /could be read|is empty/.test(cut.stderr)], [3, true], cut.stdout + cut.stderr);
});

for (const kind of ['har', 'log'])
  test(`300 MB of ${kind} are read in the memory of a small file`, async () => {
    const file = `${folder}/large.${kind}`;
    const made = await run('bash', ['-c', `exec "${root}/tools/make-recording" ${kind} 300000000 > "${file}"`], { timeout: 100_000 });
    assert.equal(made.code, 0, made.stderr);
    const watched = 'import resource, subprocess, sys; code = subprocess.call(sys.argv[1:5], stdout=open(sys.argv[5], "w")); print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)';
    const { stdout, stderr } = await run('python3', ['-c', watched, program, 'inspect', file, '--json', `${file}.json`], { timeout: 100_000 });
    const [code, peak] = stdout.trim().split(' ').map(Number);
    assert.equal(code, kind === 'log' ? 1 : 0, stderr);
    const { bytes, messages } = JSON.parse(fs.readFileSync(`${file}.json`, 'utf8'));
    assert.ok(bytes > 300_000_000 && messages > 0);
    assert.ok(peak > 1_000 && peak < (sanitizing ? 800_000 : 100_000), `${peak} kB`);
    fs.rmSync(file);
  });

test('usage', async () => {
  assert.equal((await sallyport(['inspect'])).code, 2);
  assert.equal((await sallyport(['inspect', 'x', '--html', '-', '--json'])).code, 2);
  assert.equal((await sallyport(['inspect', '--help'])).code, 0);
  assert.equal((await sallyport(['inspect', folder])).code, 3);
});
