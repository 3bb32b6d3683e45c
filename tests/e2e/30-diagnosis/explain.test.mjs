// SPDX-License-Identifier: Apache-2.0
// `sallyport explain`: the line of a call in logs of any size, whole and rotated, and of a real gateway.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { program, sallyport } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const line = (request_id, more = {}) => `${JSON.stringify({ time: '2026-11-23T13:41:03.123Z', request_id, api: 'photos', method: 'GET', host: 'api.example.com', path: '/photos', status: 200, accepted: true, timings: { total_ms: 1 }, ...more })}\n`;

const folder = path.join(await temporaryFolder(), 'state');
mkdirSync(folder);
const write = (name, content, age = 0) => {
  writeFileSync(path.join(folder, name), content);
  utimesSync(path.join(folder, name), new Date(), new Date(Date.now() - age * 1000));
};
const long = 'x'.repeat(300_000); // longer than a block that is read at once
write('calls.jsonl', [...Array(5000)].map((_, i) => line(`r${i}`)).join('') + line('long', { path: `/${long}` }) + line('after', { path: '/?id="r7"' }) + line('torn').slice(0, -30));
write('calls.jsonl.1', line('older', { status: 401, accepted: false, cause: 'token.missing' }) + line('twice', { status: 500 }), 60);
write('calls.jsonl-20261101', line('oldest') + line('twice', { status: 501 }), 3600);
write('calls.jsonl.2.xz', 'no text');
write('other.jsonl', line('elsewhere'));
const explain = (id, ...more) => sallyport(['explain', id, '--state', folder, ...more]);

test('finds a line wherever it stands', async () => {
  for (const id of ['r0', 'r7', 'r2500', 'r4999', 'long', 'after', 'older', 'oldest']) {
    const { code, json } = await explain(id, '--json');
    assert.equal(code, 0, id);
    assert.equal(json.call.request_id, id);
  }
  assert.equal((await explain('long', '--json')).json.call.path.length, long.length + 1);
  assert.equal((await explain('twice', '--json')).json.call.status, 500);
});

test('an id that stands more than once: the newest is told, the others are listed and can be asked for', async () => {
  const log = path.join(folder, 'trace.jsonl');
  writeFileSync(log, line('trace', { path: '/first', status: 401, cause: 'token.missing', accepted: false }) + line('x').repeat(3000) + line('trace', { path: '/second' }) + line('y'));
  const { json } = await explain('trace', '--log', log, '--json');
  assert.equal(json.call.path, '/second');
  assert.deepEqual(json.same_id.map(({ nth, path: where, status, cause }) => [nth, where, status, cause]), [[2, '/first', 401, 'token.missing']]);
  assert.match((await explain('trace', '--log', log)).stdout, /ACCEPTED[^]*Calls with this id.*newest first[^]*→ 1 .*\/second 200\n {4}2 .*\/first 401 token\.missing/);
  const first = await explain('trace', '--log', log, '--nth', '2', '--json');
  assert.equal(first.json.cause.id, 'token.missing');
  assert.deepEqual(first.json.same_id.map((row) => row.nth), [1]);
  assert.deepEqual([(await explain('trace', '--log', log, '--nth', '3')).code, (await explain('trace', '--log', log, '--nth', '0')).code], [3, 2]);
  assert.deepEqual((await explain('r7', '--json')).json.same_id, []);
  writeFileSync(log, line('often').repeat(100));
  assert.equal((await explain('often', '--log', log, '--json')).json.same_id.length, 31, 'bounded');
  rmSync(log);
});

test("an accepted call's token is told as the log has it, and no check as skipped", async () => {
  const log = path.join(folder, 'tokens.jsonl');
  const jwt = { header: { alg: 'RS256' }, claims: { iss: 'https://idp.example.com', aud: ['a'] }, bytes: 700 };
  writeFileSync(log, line('jwt', { token: jwt }) + line('opaque', { token: { kind: 'opaque', issuer: 'i', claims: { aud: ['a'] } } }) + line('key', { presented: 'api_key' }) + line('open')
    + line('refused', { accepted: false, cause: 'token.missing', status: 401 }));
  const told = async (id) => (await explain(id, '--log', log, '--json')).json;
  const { token, checks } = await told('jwt');
  assert.deepEqual([token, checks], [{ kind: 'jwt', header: jwt.header, claims: jwt.claims, signature_verified: true }, []]);
  assert.deepEqual((await told('opaque')).token, { kind: 'opaque', header: {}, claims: { aud: ['a'] }, signature_verified: false });
  assert.equal((await told('key')).token.kind, 'api_key');
  assert.equal((await told('open')).token.kind, null);
  const refused = await told('refused');
  assert.deepEqual([refused.token.kind, refused.checks.length], [null, 14]);
});

test('an accepted call is told as one, a refused one with its cause', async () => {
  const accepted = (await explain('r7', '--json')).json;
  assert.equal(accepted.accepted, true);
  assert.equal(accepted.cause, null);
  const text = (await explain('r7')).stdout;
  assert.match(text, /GET api\.example\.com\/photos → 200[^]*ACCEPTED/);
  assert.doesNotMatch(text, /Checks|Token| \n/, 'nothing is said of what was not recorded');
  const refused = (await explain('older', '--json')).json;
  assert.equal(refused.accepted, false);
  assert.equal(refused.cause.id, 'token.missing');
  assert.match((await explain('older')).stdout, /REJECTED {2}token\.missing/);
});

test('a call that was let through and then failed is told as a failure, what ended it and what to do first', async () => {
  const log = path.join(folder, 'upstream.jsonl');
  const reached = { host: 'api.example.com', upstream: '127.0.0.1:9000' };
  writeFileSync(log, line('down', { ...reached, status: 502, cause: 'upstream.refused', issuer: 'corp' })
    + line('late', { ...reached, status: 504, cause: 'upstream.timeout', presented: 'api_key' }) + line('open', { status: 502, cause: 'upstream.tls', presented: 'none' })
    + line('its own', { ...reached, status: 500, upstream_status: 500 }) + line('told off', { ...reached, status: 403, upstream_status: 403, cause: 'upstream.rejected_token', issuer: 'corp' }));
  const rows = [
    ['down', /✗ FAILED upstream\.refused: .* \(the token was accepted\) /],
    ['late', /✗ FAILED upstream\.timeout: .* \(the API key was accepted\) /],
    ['open', /✗ FAILED upstream\.tls: .* \(the gateway let the call through\) /],
    ['its own', /✗ FAILED the API answered 500 \(the gateway let the call through\)/],
    ['told off', /✗ FAILED upstream\.rejected_token: .* \(the token was accepted\) .*the API answered 403/],
  ];
  for (const [id, headline] of rows) {
    const { code, json } = await explain(id, '--log', log, '--json');
    assert.deepEqual([code, json.accepted, json.cause], [0, true, null], `${id}: the verdict on the token is as ever`);
    const { stdout } = await explain(id, '--log', log);
    const told = stdout.replaceAll(/\s+/g, ' ');
    assert.match(told, headline);
    assert.doesNotMatch(told, /ACCEPTED|Also/, id);
    if (id !== 'its own') assert.ok(told.includes(`fix ${json.also[0].fix} `), stdout);
  }
});

test('what is not there ends with 3 and advice', async () => {
  for (const id of ['r5000', 'torn', 'elsewhere', '']) {
    const { code, stdout, stderr } = await explain(id);
    assert.equal(code, id === '' ? 2 : 3, id);
    assert.equal(stdout, '');
    if (id !== '') assert.match(stderr, /X-Request-Id[^]*1 rotated files could not be searched/);
  }
  const nowhere = await sallyport(['explain', 'x', '--state', path.join(folder, 'absent')]);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.stderr, /--state/);
});

test('while it waits for a line that may be late, it reads what is written since, and not the log again', async () => {
  const log = path.join(folder, 'large.jsonl');
  writeFileSync(log, line('x').repeat(250_000));
  const child = spawn(program, ['explain', 'late', '--log', log], { stdio: 'ignore' });
  const closed = once(child, 'close');
  let read = 0;
  const timer = setInterval(() => {
    const counters = existsSync(`/proc/${child.pid}/io`) ? readFileSync(`/proc/${child.pid}/io`, 'utf8') : '';
    read = Number(counters.match(/rchar: (\d+)/)?.[1] ?? read);
  }, 5);
  assert.equal((await closed)[0], 3);
  clearInterval(timer);
  assert.ok(read < 4 * statSync(log).size, `${read} bytes read of ${statSync(log).size}`);
  appendFileSync(log, line('late'));
  assert.equal((await sallyport(['explain', 'late', '--log', log])).code, 0);
  rmSync(log);
});

test('a log can be named', async () => {
  assert.equal((await sallyport(['explain', 'elsewhere', '--log', path.join(folder, 'other.jsonl')])).code, 0);
  rmSync(path.join(folder, 'other.jsonl'));
});

test('a gateway\'s calls are explained as soon as they are answered', async () => {
  const upstream = await startUpstream();
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({
    config: {
      issuers: { corp: { issuer: issuer.issuer, audience: 'https://api.example' } },
      apis: { photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } } },
    },
  });
  const good = await gateway.get('/photos', { token: await issuer.token({ aud: 'https://api.example' }) });
  const bad = await gateway.get('/photos', { token: await issuer.token({ aud: 'https://api.example/' }) });
  const none = await gateway.get('/nowhere');
  assert.equal((await gateway.explain(good.requestId)).json.accepted, true);
  assert.match((await sallyport(['explain', good.requestId, '--state', gateway.state])).stdout, /ACCEPTED[^]*\nToken jwt, signature verified\n {2}header .*"alg".*\n {2}claims .*"aud".*\n.*call_log\.claims/);
  const { json } = await gateway.explain(bad.requestId);
  assert.equal(json.cause.id, 'audience.trailing_slash');
  assert.equal(json.cause.expected, 'https://api.example');
  assert.equal(json.cause.received, 'https://api.example/');
  assert.equal(json.checks.length, 14);
  assert.equal(json.token.claims.iss, issuer.issuer);
  assert.equal((await gateway.explain(none.requestId)).json.cause.id, 'route.none');
});
