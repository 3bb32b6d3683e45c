// SPDX-License-Identifier: Apache-2.0
// Logs: what npm's jose really throws, what Apache's mod_auth_openidc and others are known to write, access logs, gzip, stdin, bad bytes.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import * as jose from 'jose';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { jwks, makeKey, makeToken } from '../lib/tokens.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-logs-'));
defer(() => fs.rmSync(folder, { recursive: true, force: true }));
const file = (name, content) => {
  fs.writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const key = await makeKey('ES256');
const other = await makeKey('ES256');
const keySet = jose.createLocalJWKSet(jwks(key));
const complaint = (token, options) => jose.jwtVerify(token, keySet, options).then(() => assert.fail('it was accepted'), (error) => `2026-11-26T03:05:23Z ERROR ${error.code} ${error.stack.split('\n')[0]}`);
const token = (claims, by = key) => makeToken(by, { iss: 'https://idp.example.com', aud: 'api', ...claims });

test('what jose throws is named by its cause', async () => {
  const log = file('jose.log', [
    'server started',
    await complaint(await token(), { issuer: 'https://idp.example.com/' }),
    await complaint(await token(), { audience: 'other' }),
    await complaint(await token({}, other), {}),
    'GET /photos 200',
  ].join('\n'));
  const { json, code } = await sallyport(['inspect', log, '--json']);
  assert.equal(code, 1);
  assert.equal(json.kind, 'log');
  const found = json.flows.filter(({ subject }) => subject === 'Log').flatMap(({ place, messages }) => messages.map(({ findings, exchange }) => `${place} ${exchange} ${findings[0].id}`));
  assert.ok(found.includes('jose (npm) 2 issuer.mismatch'), found.join('\n'));
  assert.ok(found.includes('jose (npm) 3 audience.mismatch'), found.join('\n'));
  assert.ok(found.some((line) => /jose \(npm\) 4 (keys\.unknown_kid|signature\.invalid)/.test(line)), found.join('\n'));
});

test('a token in a log is masked, and examined with --jwks', async () => {
  const expired = await token({ exp: 1_700_000_000 });
  const log = file('token.log', `2026-11-26T03:05:23Z WARN refused: Bearer ${expired}\n`);
  const keys = file('keys.json', JSON.stringify(jwks(other)));
  const plain = await sallyport(['inspect', log]);
  assert.ok(!plain.stdout.includes(expired));
  assert.match(plain.stdout, /JWT of https:\/\/idp\.example\.com/);
  const { json } = await sallyport(['inspect', log, '--jwks', keys, '--json']);
  assert.match(json.flows[0].cause.id, /^(keys|signature)\./);
  assert.ok((await sallyport(['inspect', log, '--show-secrets'])).stdout.includes(expired.split('.')[1].slice(0, 40)));
});

test('many lines are counted; gzip and standard input read the same', async () => {
  const line = '[2026/11/26 03:05:25] [oauthproxy.go:800] Invalid authentication via OAuth2: unable to obtain CSRF cookie\n';
  const text = `${'all is well\n'.repeat(1000)}${line.repeat(40)}`;
  const plain = await sallyport(['inspect', file('proxy.log', text), '--json']);
  const packed = await sallyport(['inspect', file('proxy.log.gz', zlib.gzipSync(text)), '--json']);
  const piped = await sallyport(['inspect', '-', '--json'], { input: text });
  for (const { json } of [plain, packed, piped]) {
    const [message] = json.flows[0].messages;
    assert.equal(json.flows[0].place, 'oauth2-proxy');
    assert.deepEqual([message.times, message.exchange], [40, 1001]);
    assert.match(message.findings[0].detail, /without the _csrf cookie/);
  }
});

test('bytes that are no text harm nobody, and an innocent log is fine', async () => {
  const noise = Buffer.alloc(300_000);
  for (let i = 0; i < noise.length; i++) noise[i] = (i * 7919) & 255;
  assert.equal((await sallyport(['inspect', file('noise', noise)])).code, 0);
  assert.equal((await sallyport(['inspect', file('nothing-of-oauth', 'a line\n')])).code, 0);
  const page = await sallyport(['inspect', file('x.log', 'Jwt is expired <script>alert(1)</script>\xff\n'), '--html', '-']);
  assert.match(page.stdout, /&lt;script&gt;/);
  assert.doesNotMatch(page.stdout, /<script/);
  // Docker writes {"log":"…"}: no HAR.
  const docker = await sallyport(['inspect', file('docker.json', '{"log":"Jwt is expired\\n","stream":"stderr"}\n'), '--json']);
  assert.equal(docker.json.kind, 'log');
  assert.equal(docker.json.flows[0].cause.id, 'time.expired');
});
