// SPDX-License-Identifier: Apache-2.0
// Packets of real traffic, taken by tcpdump on the loopback device and dissected by Debian's tshark.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import zlib from 'node:zlib';
import { makeAuthority } from '../lib/certificates.mjs';
import { defer, guard, release } from '../lib/cleanup.mjs';
import { program, run, sallyport } from '../lib/cli.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-packets-'));
defer(() => fs.rmSync(folder, { recursive: true, force: true }));
fs.chmodSync(folder, 0o755);
const has = (program) => ['/usr/bin', '/usr/sbin', '/sbin', '/bin'].some((place) => fs.existsSync(path.join(place, program)));
const skip = !has('tshark') || !has('tcpdump') ? 'tshark or tcpdump is missing' : process.getuid() !== 0 ? 'tcpdump needs root' : false;

/** The packets of these ports while `traffic` runs, as a file. */
async function take(name, ports, traffic) {
  const file = path.join(folder, name);
  const child = spawn('tcpdump', ['-i', 'lo', '-U', '-B', '8192', '-w', file, ports.map((port) => `tcp port ${port}`).join(' or ')], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  guard(child.pid);
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  await until(() => said.includes('listening on'), `tcpdump to listen (${said})`);
  const ended = new Promise((resolve) => child.on('close', resolve));
  defer(() => child.kill('SIGKILL'));
  await traffic();
  // All that was sent is written once a packet of our own, sent last, is.
  const probe = new Promise((resolve) => request(`http://127.0.0.1:${ports[0]}/the-last-one`, { timeout: 2_000 }).then(resolve, resolve));
  await probe;
  await new Promise((resolve) => setTimeout(resolve, 1_200)); // libpcap hands packets on once a second at the latest
  child.kill('SIGINT');
  await ended;
  release(child.pid);
  return file;
}

async function inspect(file, ...args) {
  const { json, code, stderr } = await sallyport(['inspect', file, '--json', ...args]);
  assert.equal(stderr, '');
  return { json, code, ids: json.flows.map((flow) => flow.cause?.id).filter(Boolean) };
}

test('plain HTTP: a client whose secret has a space behind it', { skip }, async () => {
  const issuer = await startIssuer();
  const ask = (secret) => request(issuer.url('/token'), { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from(`app:${encodeURIComponent(secret)}`).toString('base64')}` }, body: 'grant_type=client_credentials' });
  const file = await take('plain.pcap', [issuer.port], async () => {
    await request(issuer.url('/.well-known/openid-configuration'));
    assert.equal((await ask('app-secret')).status, 200);
    assert.equal((await ask('app-secret ')).status, 401);
  });
  const { json, code, ids } = await inspect(file);
  assert.equal(code, 1);
  assert.deepEqual(ids, ['client.secret_whitespace'], JSON.stringify(json.flows, null, 1));
  assert.ok(!JSON.stringify(json).includes('app-secret'));
  assert.equal(json.kind, 'pcap');
  // pcapng, and packed, are the same.
  if (has('editcap')) {
    await run('editcap', ['-F', 'pcapng', file, `${file}ng`]);
    assert.deepEqual((await inspect(`${file}ng`)).ids, ids);
  }
  fs.writeFileSync(`${file}.gz`, zlib.gzipSync(fs.readFileSync(file)));
  assert.deepEqual((await inspect(`${file}.gz`)).ids, ids);
  // Cut anywhere, flipped anywhere: counted and said, never a crash.
  const bytes = fs.readFileSync(file);
  for (const [what, damaged] of [
    ['cut', bytes.subarray(0, bytes.length - 300)],
    ['flipped', Buffer.from(bytes.map((byte, i) => (i > 24 && i % 97 === 0 ? byte ^ 0x5a : byte)))],
    ['header only', bytes.subarray(0, 24)],
  ]) {
    fs.writeFileSync(path.join(folder, 'damaged.pcap'), damaged);
    const found = await sallyport(['inspect', path.join(folder, 'damaged.pcap'), '--json']);
    assert.ok([0, 1].includes(found.code), `${what}: ${found.code} ${found.stderr}`);
    if (what !== 'header only') assert.ok(found.json.remarks.length > 0, what);
  }
});

test('HTTP/2 inside of TLS, decrypted with --keylog; without it only the handshake', { skip }, async () => {
  const authority = makeAuthority(folder);
  const pair = authority.issue('idp', { names: ['idp.example.test'] });
  const server = http2.createSecureServer({ key: pair.key, cert: pair.cert });
  server.on('stream', (stream, headers) => {
    stream.on('data', () => {});
    stream.on('end', () => {
      if (headers[':path'].startsWith('/authorize')) stream.respond({ ':status': 302, location: 'https://app.example.test/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=st-7f3a9c51' }, { endStream: true });
      else {
        stream.respond({ ':status': 400, 'content-type': 'application/json' });
        stream.end('{"error":"invalid_grant"}');
      }
    });
  });
  const port = await listen(server);
  defer(() => server.close());
  const keylog = path.join(folder, 'keys.log');
  const file = await take('h2.pcap', [port], async () => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'idp.example.test', ca: authority.ca, ALPNProtocols: ['h2'] });
    socket.on('keylog', (line) => fs.appendFileSync(keylog, line));
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    const client = http2.connect('https://idp.example.test', { createConnection: () => socket });
    const ask = (headers, body) => new Promise((resolve) => {
      const stream = client.request(headers);
      stream.on('data', () => {});
      stream.on('end', resolve);
      stream.end(body);
    });
    const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
    await ask({ ':path': `/authorize?client_id=app&response_type=code&state=st-7f3a9c51&redirect_uri=https%3A%2F%2Fapp.example.test%2Fcb&code_challenge=${challenge}&code_challenge_method=S256` });
    await ask({ ':path': '/token', ':method': 'POST', 'content-type': 'application/x-www-form-urlencoded' }, `grant_type=authorization_code&client_id=app&code=SplxlOBeZQQYbYS6WxSbIA&redirect_uri=https%3A%2F%2Fapp.example.test%2Fcb&code_verifier=${challenge}`);
    client.destroy();
  });
  const blind = await inspect(file);
  assert.ok(!blind.json.flows.some(({ subject }) => subject === 'Login'));
  assert.match(blind.json.remarks.join(' '), /--keylog FILE/);
  assert.match(JSON.stringify(blind.json.flows), /TLS 1\.3 agreed/);
  assert.deepEqual(blind.ids, []);
  fs.chmodSync(keylog, 0o600); // the child that reads packets may not
  const seen = await inspect(file, '--keylog', keylog);
  assert.deepEqual(seen.ids, ['pkce.challenge_as_verifier'], JSON.stringify(seen.json, null, 1));
  assert.ok(seen.json.flows.some((flow) => flow.messages.some(({ answer }) => /certificate for idp\.example\.test/.test(answer))));
  assert.equal((await sallyport(['inspect', file, '--keylog', path.join(folder, 'none')])).code, 3);
});

for (const [what, serverOptions, clientOptions, cause] of [
  ['a client that does not trust the CA', {}, { maxVersion: 'TLSv1.2' }, 'network.tls.unknown_ca'],
  ['no common version', { minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }, 'network.tls.protocol'],
  ['a client without the certificate that is asked for', { requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' }, { rejectUnauthorized: false }, 'network.tls.'],
]) {
  test(`a handshake that fails: ${what}`, { skip }, async () => {
    const authority = makeAuthority(folder, `CA of ${cause}`);
    const pair = authority.issue(`server-${cause}`, { names: ['idp.example.test'] });
    const server = tls.createServer({ key: pair.key, cert: pair.cert, ca: authority.ca, ...serverOptions }, (socket) => socket.end());
    server.on('tlsClientError', () => {});
    const port = await listen(server);
    defer(() => server.close());
    const file = await take(`${cause}.pcap`, [port], async () => {
      // openssl and not Node: it sends the alert that its verification means.
      const words = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'idp.example.test', '-brief'];
      if (clientOptions.maxVersion) words.push('-tls1_2');
      if (clientOptions.rejectUnauthorized !== false) words.push('-verify_return_error');
      await run('openssl', words, { input: 'Q\n', timeout: 10_000 });
    });
    const { ids, json } = await inspect(file);
    if (cause === 'network.tls.') assert.ok(ids.length === 0 || ids[0].startsWith(cause), JSON.stringify(json.flows)); // Node's server ends the connection without an alert
    else assert.deepEqual(ids, [cause], JSON.stringify(json.flows, null, 1));
  });
}

test('a hello without SNI that the server answers with an alert', { skip }, async () => {
  const pair = makeAuthority(folder, 'CA of a server that needs SNI').issue('sni', { names: ['idp.example.test'] });
  const server = tls.createServer({ key: pair.key, cert: pair.cert, minVersion: 'TLSv1.3' });
  server.on('tlsClientError', () => {});
  const port = await listen(server);
  defer(() => server.close());
  const file = await take('sni.pcap', [port], () => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-noservername', '-tls1_2', '-brief'], { input: 'Q\n', timeout: 10_000 }));
  const { ids, json } = await inspect(file);
  assert.deepEqual(ids, ['network.tls.protocol'], JSON.stringify(json.flows));
  const [message] = json.flows.find(({ cause }) => cause).messages;
  assert.match(message.answer, /no SNI/);
  assert.match(message.findings[0].detail, /from the server.*names no host \(no SNI\)/);
});

test('without tshark it says what to install', { skip: has('tcpdump') ? false : 'tcpdump is missing' }, async () => {
  const file = path.join(folder, 'empty.pcap');
  fs.writeFileSync(file, Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
  const { code, stderr } = await sallyport(['inspect', file], { env: { SALLYPORT_TSHARK: '/nonexistent/tshark' } });
  assert.equal(code, 3);
  assert.match(stderr, /apt install tshark/);
  const piped = await sallyport(['inspect', '-'], { input: fs.readFileSync(file) });
  assert.equal(piped.code, 3);
  assert.match(piped.stderr, /must be a file/);
  // A dissector that writes nonsense, hangs up or crashes is counted and said.
  const bad = path.join(folder, 'bad-tshark');
  fs.writeFileSync(bad, '#!/bin/sh\necho \'{"layers":{"frame_number":["1"],"http_request_method":["GET"]}}\'\necho nonsense\nkill -9 $$\n', { mode: 0o755 });
  const crashed = await sallyport(['inspect', file, '--json'], { env: { SALLYPORT_TSHARK: bad } });
  assert.equal(crashed.code, 0);
  assert.match(crashed.json.remarks.join(' '), /crashed/);
  assert.match(crashed.json.remarks.join(' '), /1 of the dissector's lines/);
});

test('what dissects the packets reads no other file, writes none and connects nowhere, with and without root', async () => {
  const file = path.join(folder, 'confined.pcap');
  fs.writeFileSync(file, Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'), { mode: 0o644 });
  const server = net.createServer((socket) => socket.end());
  const port = await listen(server);
  defer(() => server.close());
  const secret = path.join(folder, 'readable-by-all');
  fs.writeFileSync(secret, 'secret', { mode: 0o644 });
  const curious = path.join(folder, 'curious-tshark');
  fs.writeFileSync(curious, `#!/bin/bash
could=""
read -r -n 4 -u 0 && could+=" input"
(: < /usr/share/common-licenses/BSD) 2>&- && could+=" library"
(: < ${secret}) 2>&- && could+=" file"
(: < /etc/passwd) 2>&- && could+=" passwd"
(: < /proc/$PPID/environ) 2>&- && could+=" parent"
(: > ${folder}/made) 2>&- && could+=" create"
(: >> ${secret}) 2>&- && could+=" write"
(: <> /dev/tcp/127.0.0.1/${port}) 2>&- && could+=" connect"
echo "could:$could." >&2
exit 3
`, { mode: 0o755 });
  const words = ['inspect', file, '--json'];
  const env = { SALLYPORT_TSHARK: curious };
  const runs = [await sallyport(words, { env })];
  if (process.getuid() === 0) runs.push(await run('setpriv', ['--reuid=65534', '--clear-groups', program, ...words], { env }));
  for (const { stdout, stderr, code } of runs) {
    assert.equal(code, 3, stderr);
    assert.match(JSON.parse(stdout).remarks.join(' '), /ended with 3: could: input library\./);
  }
  // What needs no open file: a file's mode, times and length; by newer calls and by forgotten ones as well (lsetxattr and futimesat by their numbers on x86-64).
  const forgotten = process.arch === 'x64' ? `syscall(189, $file, $name, $value, 1, 0) == 0 && 'attribute', syscall(261, -100, $file, 0) == 0 && 'times by futimesat',` : '';
  const meddling = path.join(folder, 'meddling-tshark');
  fs.writeFileSync(meddling, `#!/usr/bin/perl
my ($file, $name, $value) = ('${secret}', 'user.a', 'b');
my @could = grep { $_ } (chmod(0666, $file) && 'mode', utime(1, 1, $file) && 'times', truncate($file, 0) && 'length', syscall(452, -100, $file, 0666, 0) == 0 && 'mode by fchmodat2', ${forgotten} 'perl');
print STDERR "could: @could.\n";
exit 3;
`, { mode: 0o755 });
  const own = process.getuid() === 0; // root's child is nobody: then nobody's file
  if (own) fs.chownSync(secret, 65534, 65534);
  const before = fs.statSync(secret);
  const answer = await (own ? run('setpriv', ['--reuid=65534', '--clear-groups', program, ...words], { env: { SALLYPORT_TSHARK: meddling } })
    : sallyport(words, { env: { SALLYPORT_TSHARK: meddling } }));
  assert.match(JSON.parse(answer.stdout).remarks.join(' '), /ended with 3: could: perl\./);
  const after = fs.statSync(secret);
  assert.deepEqual([after.mode, after.mtimeMs, after.size], [before.mode, before.mtimeMs, before.size]);
});

test('what dissects the packets sends no signal to another process of its user, by no way, but to itself', async () => {
  const file = path.join(folder, 'signals.pcap');
  fs.writeFileSync(file, Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'), { mode: 0o644 });
  const root = process.getuid() === 0; // root's child is nobody: then another process of nobody's
  const other = spawn(root ? 'setpriv' : 'sleep', root ? ['--reuid=65534', '--clear-groups', 'sleep', '1000'] : ['1000'], { stdio: 'ignore', detached: true });
  guard(other.pid);
  defer(() => other.kill('SIGKILL'));
  await until(() => fs.readFileSync(`/proc/${other.pid}/comm`, 'utf8').trim() === 'sleep', 'the other process');
  const signalling = path.join(folder, 'signalling-tshark');
  fs.writeFileSync(signalling, `#!/usr/bin/perl
use Fcntl;
my @could = grep { $_ } (kill(0, ${other.pid}) && 'one', kill(0, -getpgrp()) && 'group', kill(0, -1) && 'all', fcntl(STDOUT, F_SETOWN, ${other.pid}) && 'owner',
  setpriority(0, ${other.pid}, 19) && 'priority', kill(0, $$) && 'itself');
print STDERR "could: @could.\n";
exit 3;
`, { mode: 0o755 });
  const words = ['inspect', file, '--json'];
  const env = { SALLYPORT_TSHARK: signalling };
  const { stdout, stderr } = await (root ? run('setpriv', ['--reuid=65534', '--clear-groups', program, ...words], { env }) : sallyport(words, { env }));
  assert.match(JSON.parse(stdout || '{"remarks":[]}').remarks.join(' '), /ended with 3: could: itself\./, stdout + stderr);
  assert.equal(other.exitCode ?? other.signalCode, null);
});
