// SPDX-License-Identifier: Apache-2.0
// `sallyport record` between npm's openid-client and npm's oidc-provider, over TLS as well; the HAR it writes, its live judgement, bad input.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { makeAuthority } from '../lib/certificates.mjs';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startRecorder as startRecorderIn } from '../lib/recorder.mjs';
import { until } from '../lib/wait.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-record-'));
defer(() => fs.rmSync(folder, { recursive: true, force: true }));
const startRecorder = (issuer, ...words) => startRecorderIn(issuer, folder, ...words);

const issuer = await startIssuer();
/** The client is told the metadata that the recorder serves: endpoints are the recorder's, the issuer is the issuer's. */
async function configure(recorder, secret) {
  const metadata = (await request(`${recorder.url}/.well-known/openid-configuration`)).json;
  const configuration = new openid.Configuration(metadata, 'app', undefined, openid.ClientSecretBasic(secret));
  openid.allowInsecureRequests(configuration);
  return { metadata, configuration };
}

test('a client that goes through it gets its tokens, and all of it is in the HAR', async () => {
  const recorder = await startRecorder(issuer.issuer);
  const { metadata, configuration } = await configure(recorder, 'app-secret');
  assert.equal(metadata.issuer, issuer.issuer);
  for (const [name, value] of Object.entries(metadata)) {
    if (name !== 'issuer' && typeof value === 'string' && value.startsWith('http')) assert.ok(value.startsWith(`${recorder.url}/`), `${name}: ${value}`);
  }
  const tokens = await openid.clientCredentialsGrant(configuration, { resource: 'https://api.example.com', scope: 'read' });
  assert.ok(tokens.access_token);
  assert.deepEqual(recorder.lines().map(({ kind }) => kind), ['discovery', 'token_request']);
  assert.ok(!JSON.stringify(recorder.lines()).includes(tokens.access_token));
  assert.equal(await recorder.stop(), 0);
  assert.equal(fs.statSync(recorder.har).mode & 0o777, 0o600);
  const har = JSON.parse(fs.readFileSync(recorder.har, 'utf8'));
  assert.equal(har.log.entries.length, 2);
  assert.equal(har.log.entries[1].request.url, `${issuer.issuer}/token`);
  assert.equal(JSON.parse(har.log.entries[1].response.content.text).access_token, tokens.access_token);
  const inspected = await sallyport(['inspect', recorder.har, '--json']);
  assert.equal(inspected.code, 0, inspected.stdout);
  assert.equal(inspected.json.messages, 2);
});

test('a recording that no client came by is not fine', async () => {
  const recorder = await startRecorder(issuer.issuer);
  assert.equal(await recorder.stop(), 3);
  const { code, stderr } = await sallyport(['inspect', recorder.har]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /is empty: it holds no exchange/);
});

test('what goes wrong is named as it happens', async () => {
  const recorder = await startRecorder(issuer.issuer);
  const good = await configure(recorder, 'app-secret');
  await openid.clientCredentialsGrant(good.configuration, {});
  const bad = await configure(recorder, 'app-secret ');
  await assert.rejects(openid.clientCredentialsGrant(bad.configuration, {}));
  const [last] = recorder.lines().slice(-1);
  assert.equal(last.findings[0].id, 'client.secret_whitespace', JSON.stringify(last));
  // The HAR is whole at any time.
  assert.equal(JSON.parse(fs.readFileSync(recorder.har, 'utf8')).log.entries.length, recorder.lines().length);
  assert.equal(await recorder.stop(), 1);
});

test('parallel requests are all recorded, in order', async () => {
  const recorder = await startRecorder(issuer.issuer);
  await Promise.all(Array.from({ length: 40 }, (unused, i) => request(`${recorder.url}/.well-known/openid-configuration?${i}`)));
  await recorder.stop();
  const { entries } = JSON.parse(fs.readFileSync(recorder.har, 'utf8')).log;
  assert.equal(new Set(entries.map((entry) => entry.request.url)).size, 40);
});

test('redirects, cookies and pages of the issuer lead through it; TLS to it is verified', async () => {
  const authority = makeAuthority(folder);
  const pair = authority.issue('idp');
  let origin;
  const server = https.createServer({ key: pair.key, cert: pair.cert }, (incoming, answer) => {
    if (incoming.url.startsWith('/page')) answer.writeHead(200, { 'Content-Type': 'text/html', 'Set-Cookie': ['sid=1; Domain=127.0.0.1; Path=/; Secure; HttpOnly; SameSite=None', 'x=2'] }).end(`<form action="${origin}/login"><a href="${origin}.evil.example/">`);
    else if (incoming.url === '/binary') answer.writeHead(200, { 'Content-Type': 'image/png' }).end(Buffer.from([0, 255, 1, 254]));
    else answer.writeHead(302, { Location: `${origin}/page?a=1`, 'Strict-Transport-Security': 'max-age=1000' }).end();
  });
  origin = `https://127.0.0.1:${await listen(server)}`;
  defer(() => server.close());
  const recorder = await startRecorder(origin, '--ca', authority.caFile);
  const redirect = await request(`${recorder.url}/start`);
  assert.equal(redirect.headers.location, `${recorder.url}/page?a=1`);
  assert.equal(redirect.headers['strict-transport-security'], undefined);
  const page = await request(redirect.headers.location);
  assert.deepEqual(page.headers['set-cookie'], ['sid=1; Path=/; HttpOnly', 'x=2']);
  assert.ok(page.text.includes(`action="${recorder.url}/login"`), page.text);
  assert.ok(page.text.includes(`${origin}.evil.example/`));
  assert.deepEqual([...(await request(`${recorder.url}/binary`)).body], [0, 255, 1, 254]);
  await recorder.stop();
  const distrustful = await startRecorder(origin);
  const refused = await request(`${distrustful.url}/start`);
  assert.equal(refused.status, 502);
  assert.match(refused.text, /certificate/);
  await distrustful.stop();
});

test('a client that does not wait is recorded: that it gave up', async () => {
  const silent = http.createServer(() => {});
  const port = await listen(silent);
  defer(() => {
    silent.closeAllConnections?.();
    silent.close();
  });
  const recorder = await startRecorder(`http://127.0.0.1:${port}`);
  await until(async () => {
    await assert.rejects(request(`${recorder.url}/.well-known/openid-configuration`, { timeout: 300 }));
    return recorder.lines().length > 0;
  }, 'an exchange to be over');
  assert.equal(recorder.lines()[0].findings[0].id, 'network.http.timeout');
  assert.match(recorder.entries()[0].response._error, /the client gave up after \d+ ms/);
  assert.equal(await recorder.stop(), 1);
});

test('an issuer that is gone, and bad requests, harm nobody', async () => {
  const gone = http.createServer();
  const port = await listen(gone);
  await new Promise((resolve) => gone.close(resolve));
  const recorder = await startRecorder(`http://127.0.0.1:${port}`);
  assert.equal((await request(`${recorder.url}/token`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'grant_type=client_credentials' })).status, 502);
  const { port: own } = new URL(recorder.url);
  for (const bytes of ['hello\r\n\r\n', 'GET http://other.example/ HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /\0 HTTP/1.1\r\n\r\n', 'POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n']) await rawRequest(Number(own), bytes, { end: true }).catch(() => {});
  assert.equal((await request(`${recorder.url}/still-there`)).status, 502);
  assert.ok([0, 1].includes(await recorder.stop()));
  JSON.parse(fs.readFileSync(recorder.har, 'utf8'));
});

test('the file of secrets is nobody else\'s, whatever was there before', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-har-'));
  defer(() => fs.rmSync(folder, { recursive: true }));
  const [file, target, link] = ['open.har', 'target', 'link.har'].map((name) => path.join(folder, name));
  // An address that is not this machine's: the file is opened, then it ends.
  const record = (har) => sallyport(['record', '--issuer', 'https://idp.example.com', '--listen', '203.0.113.1:8089', '--har', har]);
  fs.writeFileSync(file, 'before', { mode: 0o644 });
  assert.equal((await record(file)).code, 3);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.doesNotMatch(fs.readFileSync(file, 'utf8'), /before/);
  fs.writeFileSync(target, 'theirs');
  fs.symlinkSync(target, link);
  assert.equal((await record(link)).code, 3);
  assert.equal(fs.readFileSync(target, 'utf8'), 'theirs');
});

test('usage', async () => {
  assert.equal((await sallyport(['record'])).code, 2);
  assert.equal((await sallyport(['record', '--issuer', 'http://idp.example.com'])).code, 2);
  assert.equal((await sallyport(['record', '--issuer', 'https://idp.example.com', '--listen', 'nowhere'])).code, 2);
  assert.equal((await sallyport(['record', '--issuer', 'https://idp.example.com', '--listen', '127.0.0.1:0', '--har', '/nonexistent/x.har'])).code, 3);
});
