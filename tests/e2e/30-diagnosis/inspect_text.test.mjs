// SPDX-License-Identifier: Apache-2.0
// How `sallyport inspect` tells of a recording: what stands once, what is counted from where, and what it answers when nothing could be read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const folder = temporaryFolder();
const write = (name, content) => {
  const file = path.join(folder, name);
  fs.writeFileSync(file, content);
  return file;
};
const callback = 'https://app.example.com/callback';
const entry = (startedDateTime, url, location) => ({
  startedDateTime, time: 1, request: { method: 'GET', url, headers: [] },
  response: { status: location ? 302 : 200, headers: location ? [{ name: 'Location', value: location }] : [], redirectURL: location ?? '', content: { mimeType: 'text/html', text: '' } },
});
const authorize = `https://idp.example.com/authorize?response_type=code&client_id=app&redirect_uri=${encodeURIComponent(callback)}&scope=openid&state=st-7f3a9c51`;
const har = (...entries) => JSON.stringify({ log: { version: '1.2', entries } });

test('times count from the earliest message, whichever was recorded first', async () => {
  const file = write('early.har', har(
    entry('2026-11-26T03:00:00.001Z', authorize, `${callback}?code=c0de&state=st-7f3a9c51`),
    entry('2026-11-26T03:00:00.000Z', `${callback}?code=c0de&state=st-7f3a9c51`),
  ));
  const { stdout } = await sallyport(['inspect', file]);
  assert.match(stdout, / 1 +\+0\.001 [^]* 2 +\+0\.000 /);
  assert.doesNotMatch(stdout, /-0\./);
});

test('that the callback has an error is not told beside what it means', async () => {
  const answer = `${callback}?error=access_denied&error_description=no&state=st-7f3a9c51`;
  const file = write('denied.har', har(entry('2026-11-26T03:00:00.000Z', authorize, answer), entry('2026-11-26T03:00:01.000Z', answer)));
  const { json } = await sallyport(['inspect', file, '--json']);
  const ids = json.flows.flatMap(({ messages }) => messages.flatMap(({ findings }) => findings.map(({ id }) => id)));
  assert.ok(ids.includes('request.denied_by_user'), JSON.stringify(ids));
  assert.ok(!ids.includes('callback.error'), JSON.stringify(ids));
  const unknown = write('unknown.har', har(entry('2026-11-26T03:00:00.000Z', authorize, answer.replace('access_denied', 'server_error'))));
  const told = (await sallyport(['inspect', unknown, '--json'])).stdout;
  assert.match(told, /callback\.error/, 'what nobody knows more of is told as it is');
});

test('a log is named by its program', async () => {
  const file = write('proxy.log', '[2026/11/26 03:05:25] [oauthproxy.go:800] Invalid authentication via OAuth2: unable to obtain CSRF cookie\n');
  assert.match((await sallyport(['inspect', file])).stdout, /Flow 1 · Log of oauth2-proxy · 1 text/);
});

const skip = fs.existsSync('/usr/bin/tshark') ? false : 'tshark is not installed';
test('a capture of which nothing can be read is no good news', { skip }, async () => {
  const head = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
  const junk = write('junk.pcap', Buffer.concat([head, Buffer.alloc(4096, 0xee)]));
  const broken = await sallyport(['inspect', junk, '--json']);
  assert.equal(broken.code, 3, broken.stdout);
  assert.match(broken.stderr, /nothing of .*junk\.pcap' could be read/);
  assert.match(broken.json.remarks.join(' '), /tshark ended with \d+: \S.*\S/);
  assert.equal(broken.json.bytes, fs.statSync(junk).size);
  const empty = await sallyport(['inspect', write('empty.pcap', head), '--json']);
  assert.deepEqual([empty.code, empty.json.exchanges], [0, 0], 'whole, and nothing in it');
});
