// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor` on the way to a server: names, the hosts file, connections – in network namespaces with a name server of their own – and forward
// proxies, which are servers here.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { makeChain } from '../lib/chain.mjs';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { doctor, reading, startTlsIssuer } from '../lib/doctor.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { canUnshare, inNamespace } from '../lib/namespace.mjs';
import { freePort, listen } from '../lib/ports.mjs';

const inside = async (world, issuer, ...words) => reading(await inNamespace(world, ['doctor', issuer, '--json', '--cache', 'off', ...words]));
const isolated = (name, body) => test(name, { skip: canUnshare ? false : 'unshare --net --mount is not allowed here' }, body);
const idp = 'https://idp.example';

// What awaits stands before the first test: tests that are skipped can end, and clean up, before the file is read on.
const folder = temporaryFolder();
const ours = makeChain(folder, { name: 'Ours' });
const theirs = makeChain(folder, { name: 'Proxy' });
const leaf = ours.issue('localhost');
const origin = await startTlsIssuer({ key: leaf.key, cert: leaf.chain });

isolated('a name that nobody knows: who was asked is said', async () => {
  const verdict = await inside({}, idp);
  assert.equal(verdict.code, 1);
  assert.equal(verdict.cause, 'network.dns.not_found');
  assert.equal(verdict.json.cause.expected, 'idp.example');
  assert.match(verdict.json.cause.detail, /127\.0\.0\.53 \(\/etc\/resolv\.conf\)/);
  for (const step of ['tcp', 'tls', 'http', 'discovery', 'keys', 'token']) {
    assert.equal(verdict.check(step).outcome, 'skip');
    assert.ok(verdict.check(step).detail.length > 0, `${step} says why`);
  }
  assert.notEqual(verdict.check('clock').outcome, 'skip', 'the local clock needs no network');
});

isolated('a name server that is silent, one that fails, and none at all', async () => {
  for (const nameServer of ['silent', 'fails', 'none']) {
    const verdict = await inside({ nameServer }, idp);
    assert.equal(verdict.cause, 'network.dns.timeout', nameServer);
  }
});

isolated('the hosts file overrides a name: told with its line, beside what it leads to', async () => {
  const world = {
    hosts: '127.0.0.1 localhost\n# the lab\n127.0.0.9 idp.example idp\n',
    names: { 'idp.example': ['10.1.2.3', 'fd00::7'] },
  };
  const verdict = await inside(world, idp);
  assert.equal(verdict.cause, 'network.tcp.refused');
  const finding = verdict.finding('network.dns.hosts_override');
  assert.equal(finding.severity, 'warn');
  assert.match(finding.received, /127\.0\.0\.9 \(\/etc\/hosts:3\)/);
  assert.match(finding.expected, /10\.1\.2\.3, fd00::7/);
  assert.equal(finding.detail, 'idp.example');
});

isolated('a hosts file that says the same as DNS, or what DNS does not know, is no finding', async () => {
  const same = await inside({ hosts: '127.0.0.9 idp.example\n', names: { 'idp.example': ['127.0.0.9'] } }, idp);
  const alone = await inside({ hosts: '127.0.0.9 idp.example\n' }, idp);
  for (const verdict of [same, alone]) assert.ok(!verdict.ids.includes('network.dns.hosts_override'), verdict.ids.join());
});

isolated('refused, unreachable and never answered: each address by its own', async () => {
  const names = { 'idp.example': ['127.0.0.7'] };
  const refused = await inside({ names }, idp);
  assert.equal(refused.cause, 'network.tcp.refused');
  assert.match(refused.json.cause.received, /127\.0\.0\.7:443/);
  const unreachable = await inside({ names: { 'idp.example': ['192.0.2.1'] } }, idp);
  assert.equal(unreachable.cause, 'network.tcp.unreachable');
  assert.match(unreachable.json.cause.detail, /[Uu]nreachable/);
  const silent = await inside({ names, servers: [{ address: '127.0.0.7', port: 443, kind: 'full' }] }, idp, '--timeout', '1');
  assert.equal(silent.cause, 'network.tcp.timeout');
  assert.match(silent.json.cause.received, /127\.0\.0\.7:443/);
});

isolated('IPv6 without a way beside IPv4 that works: a warning', async () => {
  const issuer = 'http://localhost:8080';
  const world = { hosts: '127.0.0.1 localhost\n2001:db8::1 localhost\n', servers: [{ address: '127.0.0.1', port: 8080, issuer }] };
  const verdict = await inside(world, issuer);
  const finding = verdict.finding('network.tcp.unreachable');
  assert.equal(finding.severity, 'warn');
  assert.match(finding.received, /\[2001:db8::1\]:8080/);
  assert.match(verdict.check('tcp').detail, /127\.0\.0\.1:8080 open/);
  assert.equal(verdict.check('discovery').outcome !== 'skip', true, 'what follows is asked at the address that works');
});

isolated('an issuer whose URL is plain http beyond this machine is told so, and looked at all the same', async () => {
  const issuer = 'http://idp.example:8080';
  const verdict = await inside({ names: { 'idp.example': ['127.0.0.7'] }, servers: [{ address: '127.0.0.7', port: 8080, issuer }] }, issuer);
  assert.equal(verdict.cause, 'config.insecure_issuer');
  assert.equal(verdict.check('http').outcome, 'pass');
  assert.ok(verdict.ids.includes('discovery.insecure_endpoint') || verdict.ids.includes('keys.insecure_url'), verdict.ids.join());
});

isolated('an endpoint whose host does not resolve', async () => {
  const issuer = 'http://localhost:8080';
  const world = { servers: [{ address: '127.0.0.1', port: 8080, issuer, more: { userinfo_endpoint: 'https://idp.internal.example/userinfo' } }] };
  const verdict = await inside(world, issuer);
  const finding = verdict.finding('discovery.foreign_endpoint');
  assert.match(finding.received, /idp\.internal\.example/);
  assert.equal(finding.detail, 'userinfo_endpoint');
  assert.equal(finding.reason, 'network.dns.not_found');
});

/* ---- forward proxies ---- */
const through = async (proxy, ...words) => {
  const { code, json, stdout, stderr } = await sallyport(['doctor', origin.issuer, '--json', '--cache', 'off', '--ca', ours.rootFile, ...words], { env: proxy });
  return reading({ code, json, stdout, stderr });
};

/** A proxy that answers CONNECT with `status`; for 200 it tunnels to `to` (default: where it is asked to). */
async function startProxy(status, to) {
  const server = http.createServer((incoming, outgoing) => {
    outgoing.writeHead(status === 200 ? 502 : status, { 'Proxy-Authenticate': 'Basic realm="out"' });
    outgoing.end();
  });
  const thing = { connects: [], headers: [] };
  server.on('connect', (incoming, socket) => {
    socket.on('error', () => {});
    thing.connects.push(incoming.url);
    thing.headers.push(incoming.headers);
    const code = typeof status === 'function' ? status(incoming) : status;
    if (code !== 200) return socket.end(`HTTP/1.1 ${code} No\r\nProxy-Authenticate: Basic realm="out"\r\n\r\n`);
    const [host, port] = incoming.url.split(':');
    const onward = net.connect({ host: to ? '127.0.0.1' : host === 'localhost' ? '127.0.0.1' : host, port: to ?? Number(port) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
  });
  thing.port = await listen(server);
  thing.url = `http://127.0.0.1:${thing.port}`;
  defer(() => server.close());
  return thing;
}

test('a proxy that works: the variable is named, and all goes through it', async () => {
  const proxy = await startProxy(200);
  const verdict = await through({ https_proxy: proxy.url });
  assert.equal(verdict.cause, null, JSON.stringify(verdict.json.cause));
  assert.match(verdict.check('proxy').detail, /set by https_proxy/);
  assert.equal(verdict.check('tcp').outcome, 'skip');
  assert.ok(proxy.connects.length > 1 && proxy.connects.every((url) => url === `localhost:${origin.port}`));
});

test('no_proxy exempts the host, and that is said', async () => {
  const verdict = await through({ HTTPS_PROXY: `http://127.0.0.1:${await freePort()}`, NO_PROXY: 'example.com,localhost' });
  assert.equal(verdict.cause, null);
  assert.match(verdict.check('proxy').detail, /HTTPS_PROXY.*NO_PROXY/);
});

test('a proxy that is not there', async () => {
  const port = await freePort();
  const verdict = await through({ ALL_PROXY: `http://me:secret@127.0.0.1:${port}` });
  assert.equal(verdict.cause, 'network.proxy.unreachable');
  assert.equal(verdict.json.cause.received, `http://127.0.0.1:${port}`);
  assert.match(verdict.json.cause.detail, /ALL_PROXY/);
  assert.ok(!JSON.stringify(verdict.json).includes('secret'), 'the login is not shown');
});

test('a proxy that asks for a login; with one it opens', async () => {
  const wanted = `Basic ${Buffer.from('me:p%w').toString('base64')}`;
  const proxy = await startProxy((incoming) => (incoming.headers['proxy-authorization'] === wanted ? 200 : 407));
  const without = await through({ https_proxy: proxy.url });
  assert.equal(without.cause, 'network.proxy.auth_required');
  assert.match(without.json.cause.detail, /https_proxy/);
  const withLogin = await through({ https_proxy: `http://me:p%25w@127.0.0.1:${proxy.port}` });
  assert.equal(withLogin.cause, null, JSON.stringify(withLogin.json.cause));
});

test('a proxy that opens TLS with a CA of its own: proven by the chain that the server itself shows', async () => {
  const forged = theirs.issue('localhost');
  const middle = await startTlsIssuer({ key: forged.key, cert: forged.chain });
  const proxy = await startProxy(200, middle.port);
  const verdict = await through({ https_proxy: proxy.url });
  assert.equal(verdict.cause, 'network.proxy.intercepts');
  assert.match(verdict.json.cause.received, /Proxy Intermediate/);
  assert.match(verdict.json.cause.expected, /Ours Intermediate/);
  assert.match(verdict.json.cause.detail, /https_proxy/);
});

test('an interception product is known by its CA\'s name, without a proxy variable', async () => {
  const product = makeChain(folder, { name: 'Zscaler' });
  const forged = product.issue('localhost');
  const middle = await startTlsIssuer({ key: forged.key, cert: forged.chain });
  const verdict = await doctor(middle.issuer, '--ca', ours.rootFile);
  assert.equal(verdict.cause, 'network.proxy.intercepts');
  const trusted = await doctor(middle.issuer, '--ca', product.rootFile);
  assert.equal(trusted.cause, null);
  assert.equal(trusted.finding('network.proxy.intercepts').severity, 'warn', 'it is trusted here, and worth knowing');
});
