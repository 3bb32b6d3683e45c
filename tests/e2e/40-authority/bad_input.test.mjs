// SPDX-License-Identifier: Apache-2.0
// Whatever is sent, the authority answers within its codes and goes on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { muchToSay, startAuthority } from '../lib/authority.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';

const authority = await startAuthority({
  authority: { clients: { app: { secret: 's', scopes: ['read'] }, reference: { secret: 's', token_format: 'opaque', audiences: [muchToSay] } } },
});
const port = Number(new URL(authority.issuer).port);
const good = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['app', 's'] });
const form = 'application/x-www-form-urlencoded';

const rows = [
  ['JSON', '{"grant_type":"client_credentials"}', 'application/json', 400, 'request.not_form'],
  ['no media type', 'grant_type=client_credentials', undefined, 400, 'request.not_form'],
  ['multipart', '--x\r\n\r\n--x--', 'multipart/form-data; boundary=x', 400, 'request.not_form'],
  ['a NUL', 'grant_type=%00', form, 400, 'request.not_form'],
  ['bytes that are no UTF-8', 'grant_type=%ff%fe', form, 400, 'request.not_form'],
  ['half an escape', 'grant_type=%4', form, 400, 'request.not_form'],
  ['a repeated parameter', 'grant_type=client_credentials&grant_type=client_credentials', form, 400, 'request.duplicate_parameter'],
  ['an empty body', '', form, 400, 'request.parameter_missing'],
  ['1000 parameters', Array.from({ length: 1000 }, (_, i) => `a${i}=1`).join('&'), form, 413, 'request.too_large'],
  ['70 kB', `grant_type=${'x'.repeat(70_000)}`, form, 413, 'request.too_large'],
  ['10 MB', `grant_type=${'x'.repeat(10_000_000)}`, form, 413, 'request.too_large'],
  ['a scope of 50 kB', `grant_type=client_credentials&client_id=app&client_secret=s&scope=${'x'.repeat(50_000)}`, form, 400, 'request.scope_unknown'],
  ['10,000 scopes', `grant_type=client_credentials&client_id=app&client_secret=s&scope=${'read+'.repeat(10_000)}`, form, 400, 'request.too_large'],
];
for (const where of ['/authorize', '/signin', '/device', '/logout', '/account', '/email', '/reset', '/upstream/x', '/callback/x', '/signed_out']) {
  test(`a browser that is refused at ${where} before it is looked at sees a page`, async () => {
    for (const [query, method, cause] of [['state=a&state=b', 'GET', 'request.duplicate_parameter'], ['state=%ff', 'GET', 'request.not_form'], ['', 'PUT', 'request.method']]) {
      const answer = await authority.get(`${where}?${query}`, { method, headers: { Accept: 'text/html' } });
      assert.match(answer.headers['content-type'], /^text\/html/, `${where}?${query}: ${answer.text}`);
      assert.ok(answer.text.includes(cause), answer.text);
      assert.equal(answer.status, method === 'PUT' ? 405 : 400);
    }
  });
}
for (const where of ['/', '/login', '/upstream/nobody', '/reset']) {
  test(`a browser at ${where}, where nothing is, sees whose address it is; a program reads JSON`, async () => {
    const page = await authority.get(where, { headers: { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8' } });
    assert.equal(page.status, 404);
    assert.match(page.headers['content-type'], /^text\/html/);
    assert.ok(page.text.includes('<h1>There is no such page</h1>') && page.text.includes(authority.issuer), page.text);
    assert.ok(page.text.includes(`href="${authority.issuer}/account"`));
    assert.ok(page.text.includes(page.requestId) && page.text.includes('request.endpoint_unknown'), page.text);
  });
}
test('who does not ask for pages gets JSON where nothing is', async () => {
  for (const accept of [undefined, '*/*', 'application/json, text/plain, */*', 'text/html;q=0, */*', 'text/html;q=0.5, application/json', 'text/html, application/json']) {
    const answer = await authority.get('/', { headers: accept === undefined ? {} : { Accept: accept } });
    assert.equal(answer.status, 404);
    assert.match(answer.json?.error_description ?? '', /request\.endpoint_unknown/, `${accept}: ${answer.text}`);
    assert.equal(answer.headers.vary, 'Accept');
  }
});
for (const [name, body, type, status, cause] of rows) {
  test(`${name} is refused by ${cause}`, async () => {
    const answer = await authority.post('/token', body, { headers: { 'Content-Type': type ?? '' } });
    assert.match(answer.json?.error_description ?? '', new RegExp(cause.replace('.', '\\.')));
    assert.ok([status, 413].includes(answer.status), String(answer.status));
    await authority.lastLine(cause);
    assert.equal((await good()).status, 200);
  });
}

test('GET where POST is required says so', async () => {
  const answer = await authority.get('/token?grant_type=client_credentials');
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.allow, 'POST');
});

test('half a request, junk and huge headers leave it standing', async () => {
  await rawRequest(port, 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf', { reset: true }).catch(() => {});
  await rawRequest(port, '\x00\x01\x02\r\n\r\n', { end: true }).catch(() => {});
  const huge = await rawRequest(port, `POST /token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${'A'.repeat(200_000)}\r\n\r\n`, { end: true }).catch(() => ({ status: 431 }));
  assert.ok(huge.status === undefined || huge.status >= 400);
  const two = await rawRequest(port, 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic YXBwOnM=\r\nAuthorization: Basic YXBwOnM=\r\nContent-Length: 29\r\nConnection: close\r\n\r\ngrant_type=client_credentials');
  assert.equal(two.status, 400);
  assert.match(two.text, /client\.multiple_methods/);
  assert.equal((await good()).status, 200);
});

const unread = [
  ['a URL of 200 kB', `GET /authorize?x=${'a'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, 'request.too_large', /^a longer URL$/],
  ['headers of 60 kB', `GET /jwks HTTP/1.1\r\nX: ${'a'.repeat(60_000)}\r\nHost: x\r\n\r\n`, 431, 'request.too_large', /^longer headers$/],
  ['HTTP/3.0', 'GET /jwks HTTP/3.0\r\nHost: x\r\n\r\n', 505, 'request.malformed', /version is not supported/],
  ['a length that is no number', 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400, 'request.malformed', /Content-Length/],
  ['a chunk without its size', 'POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400, 'request.malformed', /chunked/],
  ['no Host', 'GET /jwks HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'request.malformed', /^0$/],
  ['two Hosts', 'GET /jwks HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400, 'request.malformed', /^2$/],
];
for (const [name, bytes, status, cause, told] of unread) {
  test(`${name}: refused before it is a request, and the log says by what`, async () => {
    const before = authority.log().length;
    const answer = await rawRequest(port, bytes);
    /* A reset, since the rest was not read, may overtake the answer. */
    assert.ok(answer.status === status || (answer.status === undefined && bytes.length > 50_000), answer.text);
    const { finding } = await until(() => authority.log().slice(before).find((line) => line.status === status && line.cause === cause), `a line of ${cause}`);
    assert.match(finding.received ?? finding.detail, told);
  });
}

// What one reads as the end of a request, another reads as its middle: refused before the body is looked at, and nothing of the rest is a request.
const rest = 'grant_type=client_credentials';
const smuggled = 'GET /jwks HTTP/1.1\r\nHost: x\r\n\r\n';
const chunked = `1d\r\n${rest}\r\n0\r\n\r\n`;
const doubtful = [
  ['two lengths that differ', ['Content-Length: 29', 'Content-Length: 0'], rest],
  ['two lengths that are the same', ['Content-Length: 29', 'Content-Length: 29'], rest],
  ['a length and a coding', ['Content-Length: 29', 'Transfer-Encoding: chunked'], chunked],
  ['a coding and a length', ['Transfer-Encoding: chunked', 'Content-Length: 0'], chunked],
  ['two codings', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], chunked],
  ['a coding that is not chunked', ['Transfer-Encoding: xchunked'], chunked],
  ['identity with a length', ['Transfer-Encoding: identity', 'Content-Length: 29'], rest],
  ['gzip within chunks', ['Transfer-Encoding: gzip, chunked'], chunked, '1.1', 501],
  ['a coding in HTTP/1.0', ['Connection: keep-alive', 'Transfer-Encoding: chunked'], chunked, '1.0'],
  ['a space before the colon', ['Transfer-Encoding : chunked', 'Content-Length: 29'], rest],
  ['a length on a folded line', ['Content-Length:', ' 29'], rest],
  ['half a length on a folded line', ['Content-Length: 2', ' 9'], rest],
  ['a coding on a folded line', ['Transfer-Encoding:', '\tchunked'], chunked],
  ['a line end within a value', ['X: a\rContent-Length: 5', 'Content-Length: 29'], rest],
];
for (const [name, headers, body, version = '1.1', status = 400] of doubtful) {
  test(`${name}: one refusal, and the connection ends`, async () => {
    const before = authority.log().length;
    const start = [`POST /token HTTP/${version}`, 'Host: x', 'Content-Type: application/x-www-form-urlencoded', 'Authorization: Basic YXBwOnM='];
    const { text, closed } = await rawRequest(port, `${[...start, ...headers].join('\r\n')}\r\n\r\n${body}${smuggled}`);
    assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, seen]) => Number(seen)), [status], text);
    assert.match(text, /\r\nConnection: close\r\n/i);
    assert.match(text, /request\.malformed/);
    assert.ok(closed);
    const { finding } = await until(() => authority.log().slice(before).find((line) => line.cause === 'request.malformed'), 'its line');
    assert.ok(finding.received.length > 0);
    assert.equal((await good()).status, 200);
  });
}

test('HTTP/1.0 needs no Host', async () => assert.equal((await rawRequest(port, 'GET /jwks HTTP/1.0\r\n\r\n')).status, 200));

test('a locked store answers 503 and issues nothing; afterwards all is well', async () => {
  const file = path.join(authority.state, 'authority.sqlite');
  const holder = spawn('python3', ['-c', `import sqlite3,sys
c=sqlite3.connect(${JSON.stringify(file)},isolation_level=None); c.execute('BEGIN IMMEDIATE'); print('held',flush=True); sys.stdin.read(); c.execute('ROLLBACK')`]);
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const opaque = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['reference', 's'] });
  const refused = await opaque();
  assert.equal(refused.status, 503);
  assert.ok(refused.headers['retry-after']);
  assert.equal(refused.json.access_token, undefined);
  assert.equal(refused.json.error, 'temporarily_unavailable');
  await authority.lastLine('store.unavailable');
  assert.equal((await good()).status, 200); // a JWT needs nothing of the store
  holder.stdin.end();
  await new Promise((resolve) => holder.once('close', resolve));
  assert.equal((await opaque()).status, 200);
});

test('clients that go away before their answer leave it standing, and what was issued meanwhile is good', async () => {
  const request = 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic cmVmZXJlbmNlOnM=\r\nConnection: close\r\nContent-Length: 29\r\n\r\ngrant_type=client_credentials';
  const stay = () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['reference', 's'] });
  for (let round = 0; round < 5; round++) {
    const [stayed] = await Promise.all([stay(), ...Array.from({ length: 60 }, (_, i) => rawRequest(port, request, i % 2 ? { reset: true } : { end: true }).catch(() => {}))]);
    assert.equal(stayed.status, 200);
    assert.equal((await authority.post('/introspect', { token: stayed.json.access_token }, { basic: ['reference', 's'] })).json.active, true);
  }
});

test('a token as long as any may be is told what it is, also beside other headers', async () => {
  const answer = await authority.get('/userinfo', { headers: { Authorization: `Bearer ${'A'.repeat(16 * 1024)}`, Cookie: `c=${'b'.repeat(500)}` } });
  assert.equal(answer.status, 401);
  assert.match(answer.headers['www-authenticate'], /error="invalid_token"/);
});

test('200 at once are all answered, each with a token of its own', async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, () => authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['reference', 's'] })));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(new Set(answers.map(({ json }) => json.access_token)).size, 200);
});

test('what was issued survives a kill -9', async () => {
  const { json } = await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['reference', 's'] });
  await authority.restart('SIGKILL');
  const answer = await authority.post('/introspect', { token: json.access_token }, { basic: ['app', 's'] });
  assert.equal(answer.json.active, true);
});
