// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor` at TLS: every fault of a chain and of a handshake, made for real with certificates of our own.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { makeChain } from '../lib/chain.mjs';
import { defer } from '../lib/cleanup.mjs';
import { doctor, startTlsIssuer } from '../lib/doctor.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { freePort, listen } from '../lib/ports.mjs';

const folder = temporaryFolder();
const ours = makeChain(folder, { name: 'Ours' });
const others = makeChain(folder, { name: 'Others' });
const ca = ['--ca', ours.rootFile];
const day = 86_400_000;
const good = ours.issue('good.example');

test('a good chain: version, names and dates are shown, and nothing is wrong', async () => {
  const issuer = await startTlsIssuer({ key: good.key, cert: good.chain });
  const { code, cause, check, json } = await doctor(issuer.issuer, ...ca);
  assert.equal(code, 0, JSON.stringify(json.cause));
  assert.equal(cause, null);
  const { detail } = check('tls');
  for (const word of ['TLSv1.3', 'CN=good.example', 'CN=Ours Intermediate', 'trusted by', ours.rootFile]) assert.ok(detail.includes(word), `${word} in ${detail}`);
  assert.equal(check('discovery').outcome, 'pass');
  assert.equal(check('keys').outcome, 'pass');
  /* localhost is ::1 as well, where nothing listens: a warning, not the cause. */
  assert.match(check('tcp').detail, /127\.0\.0\.1:\d+ open/);
});

for (const [what, options, cause, received] of [
  ['expired', { until: new Date(Date.now() - 3600_000), from: new Date(Date.now() - 10 * day) }, 'network.tls.expired', /CN=leaf\.example/],
  ['not yet valid', { from: new Date(Date.now() + day) }, 'network.tls.not_yet_valid', /CN=leaf\.example/],
  ['for another name', { names: ['other.example', 'www.other.example'] }, 'network.tls.hostname', /other\.example, www\.other\.example/],
]) {
  test(`a certificate that is ${what}: ${cause}`, async () => {
    const leaf = ours.issue('leaf.example', options);
    const issuer = await startTlsIssuer({ key: leaf.key, cert: leaf.chain });
    const verdict = await doctor(issuer.issuer, ...ca);
    assert.equal(verdict.code, 1);
    assert.equal(verdict.cause, cause);
    assert.match(verdict.json.cause.received, received);
    assert.equal(verdict.json.cause.component, 'network');
    assert.equal(verdict.check('http').outcome, 'skip', 'what comes over it proves nothing');
    assert.ok(verdict.check('http').detail.length > 0);
  });
}

test('an expired intermediate is named, not the leaf', async () => {
  const old = makeChain(folder, { name: 'Old' });
  const leaf = old.issue('leaf.example');
  /* The root signs the intermediate's key again, with dates that are over. */
  const issuer = await startTlsIssuer({ key: leaf.key, cert: leaf.cert + old.reissueIntermediate(new Date(Date.now() - 9 * day), new Date(Date.now() - day)) });
  const verdict = await doctor(issuer.issuer, '--ca', old.rootFile);
  assert.equal(verdict.cause, 'network.tls.expired');
  assert.match(verdict.json.cause.received, /Old Intermediate/);
});

test('a certificate near its end is a warning: it works now', async () => {
  const leaf = ours.issue('leaf.example', { days: 5 });
  const issuer = await startTlsIssuer({ key: leaf.key, cert: leaf.chain });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.code, 0);
  assert.equal(verdict.finding('network.tls.expiring').severity, 'warn');
  assert.match(verdict.finding('network.tls.expiring').detail, /in 4 days|in 5 days/);
});

test('a self-signed certificate', async () => {
  const alone = makeChain(folder, { name: 'Alone' });
  const issuer = await startTlsIssuer({ key: alone.rootKey, cert: alone.root });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.cause, 'network.tls.self_signed');
  assert.match(verdict.json.cause.received, /Alone Root/);
  assert.equal(verdict.json.cause.expected, ours.rootFile, 'the trust store is named');
});

test('a CA that is not trusted: the system\'s store and a file of another CA are named', async () => {
  const issuer = await startTlsIssuer({ key: good.key, cert: good.chain });
  const byOther = await doctor(issuer.issuer, '--ca', others.rootFile);
  assert.equal(byOther.cause, 'network.tls.unknown_ca');
  assert.match(byOther.json.cause.received, /Ours Root/);
  assert.equal(byOther.json.cause.expected, others.rootFile);
  const bySystem = await doctor(issuer.issuer);
  assert.equal(bySystem.cause, 'network.tls.unknown_ca');
  assert.match(bySystem.json.cause.expected, /system/);
});

test('a missing intermediate is found where the certificate says, and named', async () => {
  const asked = [];
  const server = http.createServer((incoming, outgoing) => {
    asked.push(incoming.url);
    outgoing.end(ours.intermediateDer);
  });
  const port = await listen(server);
  defer(() => server.close());
  const leaf = ours.issue('leaf.example', { aia: `http://127.0.0.1:${port}/intermediate.der` });
  const issuer = await startTlsIssuer({ key: leaf.key, cert: leaf.cert });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.cause, 'network.tls.missing_intermediate');
  assert.match(verdict.json.cause.expected, /Ours Intermediate/);
  assert.match(verdict.json.cause.received, /one certificate: CN=leaf\.example/);
  assert.match(verdict.json.cause.detail, /intermediate\.der/);
  assert.deepEqual(asked, ['/intermediate.der']);
});

test('a missing intermediate that is nowhere to be found is an unknown CA', async () => {
  const leaf = ours.issue('leaf.example', { aia: `http://127.0.0.1:${await freePort()}/none.der` });
  const issuer = await startTlsIssuer({ key: leaf.key, cert: leaf.cert });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.cause, 'network.tls.unknown_ca');
  assert.match(verdict.json.cause.received, /Ours Intermediate/);
});

test('what an AIA URL answers is bounded, and believed only as far as it verifies', async () => {
  let answer;
  const server = http.createServer((incoming, outgoing) => {
    outgoing.on('error', () => {});
    outgoing.end(answer);
  });
  const port = await listen(server);
  defer(() => server.close());
  const leaf = ours.issue('leaf.example', { aia: `http://127.0.0.1:${port}/x` });
  const issuer = await startTlsIssuer({ key: leaf.key, cert: leaf.cert });
  for (answer of ['', 'no certificate', Buffer.alloc(3_000_000, 48), others.intermediateDer, others.root]) {
    assert.equal((await doctor(issuer.issuer, ...ca)).cause, 'network.tls.unknown_ca');
  }
});

for (const version of ['TLSv1.3', 'TLSv1.2']) {
  test(`a server that wants a client certificate (${version}): without one it is the cause, with one it works`, async () => {
    const issuer = await startTlsIssuer({ key: good.key, cert: good.chain, ca: ours.root, requestCert: true, rejectUnauthorized: true, maxVersion: version });
    const without = await doctor(issuer.issuer, ...ca);
    assert.equal(without.cause, 'network.tls.client_certificate_required');
    assert.ok(without.json.cause.received.length > 0);
    const client = ours.issue('client', { by: 'root' });
    const withOne = await doctor(issuer.issuer, ...ca, '--client-cert', client.certFile, '--client-key', client.keyFile);
    assert.equal(withOne.cause, null, JSON.stringify(withOne.json.cause));
    assert.match(withOne.check('tls').detail, /ours was sent/);
    const stranger = others.issue('stranger', { by: 'root' });
    const refused = await doctor(issuer.issuer, ...ca, '--client-cert', stranger.certFile, '--client-key', stranger.keyFile);
    assert.equal(refused.cause, 'network.tls.handshake');
    assert.ok(refused.json.cause.received.length > 0);
  });
}

test('a server that answers a missing client certificate with a page, as nginx does', async () => {
  const issuer = await startTlsIssuer({ key: good.key, cert: good.chain, requestCert: true, rejectUnauthorized: false }, {
    handler: (incoming, outgoing) => {
      outgoing.writeHead(400, { 'Content-Type': 'text/html' });
      outgoing.end('<html><head><title>400 No required SSL certificate was sent</title></head></html>');
      return true;
    },
  });
  assert.equal((await doctor(issuer.issuer, ...ca)).cause, 'network.tls.client_certificate_required');
});

test('a server that asks for a client certificate and does not need one is fine', async () => {
  const issuer = await startTlsIssuer({ key: good.key, cert: good.chain, requestCert: true, rejectUnauthorized: false });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.cause, null);
  assert.match(verdict.check('tls').detail, /asks for a client certificate/);
});

test('plain HTTP where TLS is expected, and TLS where plain HTTP is', async () => {
  const plain = await startPlainIssuer();
  const one = await doctor(`https://127.0.0.1:${plain.port}`);
  assert.equal(one.cause, 'network.tls.plaintext_port');
  assert.equal(one.json.cause.expected, 'TLS');
  assert.match(one.json.cause.detail, /plain HTTP/);
  const tls = await startTlsIssuer({ key: good.key, cert: good.chain });
  const other = await doctor(`http://127.0.0.1:${tls.port}`);
  assert.equal(other.cause, 'network.tls.plaintext_port');
  assert.equal(other.json.cause.expected, 'plain HTTP');
  assert.equal(other.json.cause.detail, 'TLS');
});

test('plain HTTP that keeps silent to TLS is found out by asking it', async () => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      if (String(bytes).startsWith('HEAD ')) socket.end('HTTP/1.0 200 OK\r\n\r\n');
      else socket.end();
    });
  });
  const port = await listen(server);
  defer(() => server.close());
  assert.equal((await doctor(`https://127.0.0.1:${port}`)).cause, 'network.tls.plaintext_port');
});

test('a server of TLS 1.0 and 1.1 only: the version it can do is named', async () => {
  const issuer = await startTlsIssuer({ key: good.key, cert: good.chain, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.cause, 'network.tls.protocol');
  assert.match(verdict.json.cause.expected, /1\.2 and 1\.3/);
  assert.match(verdict.json.cause.received, /TLSv1\.1/);
});

test('a handshake that the server ends with an alert: the alert is named', async () => {
  const issuer = await startTlsIssuer({ key: good.key, cert: good.chain, maxVersion: 'TLSv1.2', ciphers: 'PSK-AES128-CBC-SHA256@SECLEVEL=0', pskCallback: () => null });
  const verdict = await doctor(issuer.issuer, ...ca);
  assert.equal(verdict.cause, 'network.tls.handshake');
  assert.match(verdict.json.cause.received, /handshake failure/);
});

test('a server that says nothing during the handshake costs bounded time', async () => {
  const server = net.createServer((socket) => socket.on('error', () => {}));
  const port = await listen(server);
  const sockets = [];
  server.on('connection', (socket) => sockets.push(socket));
  defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const verdict = await doctor(`https://127.0.0.1:${port}`, '--timeout', '1');
  assert.equal(verdict.cause, 'network.http.timeout');
  assert.match(verdict.json.cause.detail, /handshake/);
});
