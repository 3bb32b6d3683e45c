// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor` at HTTP, discovery, endpoints, keys and clocks: issuers that misbehave, and those that nobody here wrote.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { doctor } from '../lib/doctor.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { faults, startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { jwks, makeKey } from '../lib/tokens.mjs';

test('oidc-provider: nothing is wrong; how long that takes (aim: a second) is told, and fails nothing', async (context) => {
  const issuer = await startIssuer();
  await doctor(issuer.issuer); // the first request of a Node process compiles it
  const started = Date.now();
  const verdict = await doctor(issuer.issuer);
  context.diagnostic(`${Date.now() - started} ms`);
  assert.equal(verdict.code, 0, JSON.stringify(verdict.json.cause));
  assert.match(verdict.check('endpoints').detail, /token/);
  assert.match(verdict.check('keys').detail, /RS256/);
  for (const step of ['client', 'redirect_uri', 'token']) assert.match(verdict.check(step).detail, /--client-id/);
});

test('our own authority: nothing is wrong', async () => {
  const authority = await startAuthority();
  const verdict = await doctor(authority.issuer);
  assert.equal(verdict.code, 0, JSON.stringify(verdict.json.cause));
  assert.ok(!verdict.ids.some((id) => id.startsWith('discovery.') || id.startsWith('keys.')), verdict.ids.join());
});

for (const [fault, cause, also] of [
  ['error', 'network.http.server_error', 'discovery.http_status'],
  ['html', 'discovery.html'],
  ['garbage', 'discovery.not_json'],
  ['notFound', 'discovery.not_found'],
  ['close', 'network.http.server_error'],
  ['huge', 'network.http.too_large'],
  ['hang', 'network.http.timeout'],
  ['drip', 'network.http.timeout'],
]) {
  test(`an issuer that answers with ${fault}: ${cause}`, async () => {
    const issuer = await startPlainIssuer();
    issuer.fault = faults[fault];
    const verdict = await doctor(issuer.issuer, '--timeout', cause === 'network.http.timeout' ? '2' : '50');
    assert.equal(verdict.code, 1);
    assert.equal(verdict.cause, cause);
    if (also) assert.ok(verdict.also.includes(also), verdict.also.join());
    assert.equal(verdict.check('keys').outcome, 'skip');
  });
}

test('a document at no form: all that were tried are named', async () => {
  const issuer = await startPlainIssuer({ path: '/realms/one' });
  issuer.fault = faults.notFound;
  const { json } = await doctor(issuer.issuer);
  for (const place of ['/realms/one/.well-known/openid-configuration', '/.well-known/oauth-authorization-server/realms/one', '/.well-known/openid-configuration/realms/one']) {
    assert.ok(json.cause.received.includes(place), json.cause.received);
  }
});

/** A plain issuer whose every answer goes through `change(path, outgoing)` → true when it answered. */
async function issuerThat(change, options) {
  const issuer = await startPlainIssuer(options);
  issuer.fault = (incoming, outgoing) => change(incoming.url.split('?')[0], outgoing, incoming);
  return issuer;
}
const send = (outgoing, status, headers = {}, text = '') => {
  outgoing.writeHead(status, headers);
  outgoing.end(text);
  return true;
};

test('rate limited: when to come back', async () => {
  const issuer = await issuerThat((path, outgoing) => send(outgoing, 429, { 'Retry-After': '120' }));
  const verdict = await doctor(issuer.issuer);
  assert.equal(verdict.cause, 'network.http.rate_limited');
  assert.match(verdict.json.cause.detail, /2 min/);
});

test('redirects: one that is not followed is the cause, and where it leads is shown', async () => {
  const issuer = await issuerThat((path, outgoing) => send(outgoing, 302, { Location: 'http://login.example/start' }));
  const verdict = await doctor(issuer.issuer);
  assert.equal(verdict.cause, 'network.http.redirect');
  assert.match(verdict.json.cause.received, /login\.example/);
});

test('the document is at the other well-known form only', async () => {
  const issuer = await issuerThat((url, outgoing) => url.endsWith('/.well-known/openid-configuration') && send(outgoing, 404), { path: '/realms/one' });
  const verdict = await doctor(issuer.issuer);
  assert.equal(verdict.cause, null, JSON.stringify(verdict.json.cause));
  assert.match(verdict.finding('discovery.path_form').received, /oauth-authorization-server\/realms\/one/);
});

test('the document names another issuer: which way it differs', async () => {
  for (const [written, reason] of [['/', 'issuer.trailing_slash'], ['/other', 'issuer.path']]) {
    const issuer = await startPlainIssuer();
    issuer.metadata.issuer = issuer.issuer + written;
    const verdict = await doctor(issuer.issuer);
    const finding = verdict.finding('discovery.issuer_mismatch');
    assert.equal(finding.reason, reason);
    assert.equal(finding.expected, issuer.issuer);
    assert.equal(finding.received, issuer.issuer + written);
  }
});

test('required members: what the gateway needs rejects, what the standard asks for warns', async () => {
  const issuer = await startPlainIssuer();
  delete issuer.metadata.jwks_uri;
  const needed = await doctor(issuer.issuer);
  assert.equal(needed.cause, 'discovery.missing_member');
  assert.equal(needed.json.cause.expected, 'jwks_uri');
  const other = await startPlainIssuer();
  delete other.metadata.subject_types_supported;
  const asked = await doctor(other.issuer);
  assert.equal(asked.cause, null);
  assert.equal(asked.finding('discovery.missing_member').expected, 'subject_types_supported');
});

test('endpoints: plain http beyond this machine, an internal host, one that refuses connections', async () => {
  const issuer = await startPlainIssuer();
  issuer.metadata.revocation_endpoint = 'http://idp.example.com/revoke';
  issuer.metadata.userinfo_endpoint = `http://127.0.0.1:${await freePort()}/userinfo`;
  const verdict = await doctor(issuer.issuer);
  assert.equal(verdict.finding('discovery.insecure_endpoint').detail, 'revocation_endpoint');
  assert.match(verdict.finding('network.tcp.refused').detail, /userinfo_endpoint/);
  assert.equal(verdict.check('endpoints').outcome, 'fail');
});

test('the Host header is reflected into the issuer', async () => {
  const issuer = await startPlainIssuer();
  issuer.fault = (incoming, outgoing) => {
    if (!incoming.url.startsWith('/.well-known')) return false;
    const name = `http://${incoming.headers.host}`;
    return send(outgoing, 200, { 'Content-Type': 'application/json' }, JSON.stringify({ ...issuer.metadata, issuer: name }));
  };
  const verdict = await doctor(issuer.issuer);
  assert.equal(verdict.cause, null);
  const finding = verdict.finding('discovery.host_reflected');
  assert.equal(finding.expected, issuer.issuer);
  assert.match(finding.received, /sallyport-doctor\.invalid/);
});

/* ---- keys ---- */

test('keys without alg are called by their type', async () => {
  const issuer = await startPlainIssuer();
  const nameless = async (alg) => ({ ...jwks(await makeKey(alg)).keys[0], alg: undefined });
  issuer.keySet = { keys: [await nameless('RS256'), await nameless('ES256'), await nameless('EdDSA')] };
  assert.match((await doctor(issuer.issuer)).check('keys').detail, /RSA \(2048 bit\).* EC \(256 bit\).* OKP \(25[56] bit\)/);
});
const weak = { kty: 'RSA', kid: 'weak', e: 'AQAB', n: Buffer.alloc(128, 0xab).toString('base64url') };
const good = await makeKey('ES256');
const publicOf = jwks(good).keys[0];

for (const [what, keySet, cause, options = {}] of [
  ['no keys', { keys: [] }, 'keys.empty'],
  ['a weak key', { keys: [weak, publicOf] }, 'keys.weak'],
  ['a key of an unknown type', { keys: [{ kty: 'LATTICE', kid: 'x' }, publicOf] }, 'keys.unsupported_type', { warns: true }],
  ['a key that cannot be read', { keys: [{ kty: 'EC', crv: 'P-256', x: '?', y: '?' }, publicOf] }, 'keys.malformed_member', { warns: true }],
  ['a kid twice', { keys: [publicOf, { ...jwks(await makeKey('ES256')).keys[0], kid: publicOf.kid }] }, 'keys.duplicate_kid', { warns: true }],
  ['a private key', { keys: [good.privateJwk] }, 'keys.private_material', { warns: true }],
  ['a placeholder', { keys: [{ kty: 'RSA', kid: 'x', e: 'AQAB', n: Buffer.from('Error-IstiodFailedToFetchJwksUri').toString('base64url') }] }, 'keys.placeholder'],
  ['text', 'not json', 'keys.not_json'],
  ['a page', '<!doctype html><html>Sign in</html>', 'keys.html'],
]) {
  test(`a key set with ${what}: ${cause}`, async () => {
    const issuer = await startPlainIssuer({ keySet });
    const verdict = await doctor(issuer.issuer);
    assert.ok(verdict.ids.includes(cause), verdict.ids.join());
    assert.equal(verdict.cause, options.warns ? null : cause);
    assert.equal(verdict.check('keys').outcome, options.warns ? 'warn' : 'fail');
  });
}

test('a key set that cannot be had: refused, an error, too large, plain http', async () => {
  const refused = await startPlainIssuer();
  refused.metadata.jwks_uri = `http://127.0.0.1:${await freePort()}/jwks`;
  const one = await doctor(refused.issuer);
  assert.equal(one.finding('keys.unreachable').reason, 'network.tcp.refused');
  const failing = await issuerThat((path, outgoing) => path === '/jwks' && send(outgoing, 503));
  const two = await doctor(failing.issuer);
  assert.equal(two.cause, 'keys.http_status');
  assert.equal(two.json.cause.reason, 'network.http.server_error');
  const large = await issuerThat((path, outgoing, incoming) => path === '/jwks' && faults.huge(incoming, outgoing));
  assert.equal((await doctor(large.issuer)).cause, 'keys.too_large');
  const plain = await startPlainIssuer();
  plain.metadata.jwks_uri = 'http://idp.example.com/jwks';
  assert.ok((await doctor(plain.issuer)).ids.includes('keys.insecure_url'));
});

test('what was seen is kept: a rotation with overlap, one without, and who may read it', async () => {
  const cache = path.join(temporaryFolder(), 'seen');
  const issuer = await startPlainIssuer();
  const first = await doctor(issuer.issuer, '--cache', cache);
  assert.equal(first.cause, null);
  assert.equal(fs.statSync(cache).mode & 0o777, 0o700);
  const same = await doctor(issuer.issuer, '--cache', cache);
  assert.deepEqual(same.json.hints, []);
  const key = await issuer.rotate({ keep: true });
  const overlap = await doctor(issuer.issuer, '--cache', cache);
  assert.ok(!overlap.ids.some((id) => id.startsWith('keys.')), overlap.ids.join());
  assert.ok(overlap.json.hints.some((hint) => hint.includes(`new ${key.kid}`) && hint.includes('1 kept')), overlap.json.hints.join());
  await issuer.rotate();
  const replaced = await doctor(issuer.issuer, '--cache', cache);
  assert.ok(replaced.ids.includes('keys.replaced'), replaced.ids.join());
  assert.ok(replaced.finding('keys.replaced').expected.includes(key.kid));
});

test('a cache that is damaged, or not to be written, is no reason to fail', async () => {
  const cache = path.join(temporaryFolder(), 'seen');
  const issuer = await startPlainIssuer();
  await doctor(issuer.issuer, '--cache', cache);
  const file = path.join(cache, fs.readdirSync(cache)[0]);
  for (const text of ['', '{"issuer":', JSON.stringify({ issuer: issuer.issuer, key_history: { seen_at: 'x', keys: [{ kid: 7 }, 3] } })]) {
    fs.writeFileSync(file, text);
    assert.equal((await doctor(issuer.issuer, '--cache', cache)).cause, null);
  }
  const notFolder = path.join(temporaryFolder(), 'file');
  fs.writeFileSync(notFolder, '');
  const verdict = await doctor(issuer.issuer, '--cache', notFolder);
  assert.equal(verdict.cause, null);
});

/* ---- clocks: a server's Date that lies; 127.0.0.2 and 127.0.0.3 are other machines ---- */
async function startClock(address, offsetSeconds) {
  const server = http.createServer((incoming, outgoing) => {
    outgoing.setHeader('Date', new Date(Date.now() + offsetSeconds * 1000).toUTCString());
    outgoing.end();
  });
  await new Promise((resolve) => server.listen(0, address, resolve));
  defer(() => server.close());
  return `http://${address}:${server.address().port}/`;
}

test('the issuer\'s clock is off while another server agrees with ours', async () => {
  const issuer = await startPlainIssuer();
  issuer.date = new Date(Date.now() - 300_000);
  const verdict = await doctor(issuer.issuer, '--reference', await startClock('127.0.0.2', 0));
  assert.equal(verdict.cause, 'clock.issuer_wrong');
  assert.match(verdict.json.cause.received, /5 min|4 min 59 s/);
  assert.match(verdict.json.cause.detail, /behind ours/);
});

test('several servers are off by the same: it is ours', async () => {
  const issuer = await startPlainIssuer();
  issuer.date = new Date(Date.now() + 300_000);
  const references = ['--reference', await startClock('127.0.0.2', 300), '--reference', await startClock('127.0.0.3', 300)];
  const verdict = await doctor(issuer.issuer, ...references);
  assert.equal(verdict.cause, 'clock.local_wrong');
  assert.match(verdict.json.cause.detail, /behind by that; 3 servers agree/);
});

test('one server alone is off: the kernel\'s word decides, or nobody\'s', async () => {
  const issuer = await startPlainIssuer();
  issuer.date = new Date(Date.now() - 300_000);
  const verdict = await doctor(issuer.issuer);
  const synchronised = verdict.check('clock').detail.includes('ours: synchronised');
  assert.equal(verdict.cause, synchronised ? 'clock.issuer_wrong' : 'clock.unsynchronised');
  if (!synchronised) assert.match(verdict.json.cause.detail, /--reference/);
});

test('the kernel\'s state is the kernel\'s: adjtimex says the same', async () => {
  const { stdout } = await (await import('../lib/cli.mjs')).run('python3', ['-c', 'import ctypes\nb = ctypes.create_string_buffer(512)\nprint(ctypes.CDLL(None).adjtimex(b), ctypes.c_int.from_buffer(b, 40).value)']);
  const [answer, status] = stdout.split(' ').map(Number);
  const issuer = await startPlainIssuer();
  const verdict = await doctor(issuer.issuer);
  assert.equal(verdict.ids.includes('clock.unsynchronised'), answer === 5 || (status & 0x40) !== 0);
});

test('a Date from a cache is no witness', async () => {
  const issuer = await startPlainIssuer();
  issuer.date = new Date(Date.now() - 3600_000);
  issuer.responseHeaders = { Age: '3600' };
  const verdict = await doctor(issuer.issuer);
  assert.match(verdict.check('clock').detail, /no answer had a Date/);
  assert.equal(verdict.cause, null);
});

/* ---- for people ---- */
test('for people: a line a step, the cause with both sides, and hostile bytes made harmless', async () => {
  const issuer = await startPlainIssuer();
  issuer.metadata.issuer = 'https://evil.example/\u001b[31m';
  const { stdout, code } = await sallyport(['doctor', issuer.issuer, '--cache', 'off']);
  assert.equal(code, 1);
  for (const word of ['✓ dns', '✓ tcp', '- tls', '✗ discovery', 'expected', 'received', 'fix']) assert.ok(stdout.includes(word), `${word} in\n${stdout}`);
  assert.ok(!stdout.includes('\u001b'), 'no escape sequence reaches a pipe');
});

test('usage: no URL, two targets, options without a client', async () => {
  for (const words of [['idp.example.com'], ['ftp://idp'], ['https://a', '-c', 'x.yaml'], ['https://a', '--redirect-uri', 'https://b'], ['https://a', '--timeout', '0']]) {
    const { code, stderr } = await sallyport(['doctor', ...words]);
    assert.equal(code, 2, words.join(' '));
    assert.ok(stderr.length > 0);
  }
  const { code } = await sallyport(['doctor', 'https://127.0.0.1:1', '--ca', '/nonexistent.pem', '--cache', 'off']);
  assert.equal(code, 3);
});
