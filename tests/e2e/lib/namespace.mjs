// SPDX-License-Identifier: Apache-2.0
// A network of one's own: a command runs in a network and mount namespace with its own loopback, /etc/hosts, name server and servers. Nothing of
// it can be seen outside, and nothing outside from within. Needs util-linux's unshare and the right to use it; `canUnshare` says so.
import { spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { program, run } from './cli.mjs';

const me = fileURLToPath(import.meta.url);
const flags = ['--net', '--mount', ...(process.getuid() === 0 ? [] : ['--map-root-user'])];
export const canUnshare = spawnSync('unshare', [...flags, 'true']).status === 0;

/**
 * inNamespace(world, args) → { code, stdout, stderr, json } of `sallyport ARGS…` in that world:
 *   hosts: text of /etc/hosts · names: { 'idp.example': ['10.0.0.1', 'fd00::1'] } that the name server knows, everything else is NXDOMAIN ·
 *   nameServer: 'answers' (default) | 'silent' | 'fails' (SERVFAIL) | 'none' (nothing listens) · setup: [['ip', 'addr', …], …] ·
 *   servers: [{ address, port, kind: 'issuer' | 'full' | 'silent', issuer }] — `full`: a listener whose backlog is full, so that nobody is answered ·
 *   env: more environment
 */
export async function inNamespace(world, args) {
  return run('unshare', [...flags, process.execPath, me, JSON.stringify({ ...world, args })], { timeout: 60_000, env: world.env ?? {} });
}

/* ---- inside ---- */
if (process.argv[1] === me) await inside(JSON.parse(process.argv[2]));

async function inside(world) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-namespace-'));
  const command = (words) => {
    const { status, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  };
  const mount = (target, text) => {
    const file = path.join(folder, path.basename(target));
    fs.writeFileSync(file, text);
    command(['mount', '--bind', file, target]);
  };
  command(['ip', 'link', 'set', 'lo', 'up']);
  for (const words of world.setup ?? []) command(words);
  mount('/etc/hosts', world.hosts ?? '127.0.0.1 localhost\n');
  mount('/etc/resolv.conf', 'nameserver 127.0.0.53\noptions timeout:1 attempts:1\n');
  if (world.nameServer !== 'none') await startNameServer(world.names ?? {}, world.nameServer ?? 'answers');
  for (const server of world.servers ?? []) await startServer(server);
  const { code, stdout, stderr } = await run(program, world.args);
  fs.rmSync(folder, { recursive: true, force: true });
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exit(code ?? 99);
}

function startNameServer(names, mode) {
  const server = dgram.createSocket('udp4');
  server.on('message', (query, from) => {
    if (mode !== 'silent') server.send(answer(query, names, mode), from.port, from.address);
  });
  return new Promise((resolve) => server.bind(53, '127.0.0.53', resolve));
}

/* RFC 1035 4.1: the question is sent back, addresses behind it. */
function answer(query, names, mode) {
  let at = 12;
  const labels = [];
  while (query[at] !== 0) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString());
    at += query[at] + 1;
  }
  const type = query.readUInt16BE(at + 1);
  const known = names[labels.join('.')];
  const addresses = (known ?? []).filter((address) => net.isIP(address) === (type === 28 ? 6 : 4) && (type === 1 || type === 28));
  const head = Buffer.from(query.subarray(0, 12));
  const rcode = mode === 'fails' ? 2 : known === undefined ? 3 : 0;
  head.writeUInt16BE(0x8180 | rcode, 2);
  for (const [offset, count] of [[4, 1], [6, mode === 'fails' ? 0 : addresses.length], [8, 0], [10, 0]]) head.writeUInt16BE(count, offset);
  const records = (mode === 'fails' ? [] : addresses).map((address) => {
    const data = type === 1 ? Buffer.from(address.split('.').map(Number)) : v6(address);
    const record = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, query.subarray(12, at + 5), ...records]);
}

function v6(address) {
  const [left, right = ''] = address.split('::');
  const groups = (text) => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const [before, after] = [groups(left), groups(right)];
  const all = [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}

async function startServer({ address, port, kind, issuer, more }) {
  const listening = (server) => new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, backlog: 1 }, resolve);
  });
  if (kind === 'full') {
    /* Its event loop never accepts; connections beyond the backlog are dropped by the kernel, as a firewall drops them. */
    const blocker = path.join(os.tmpdir(), `sallyport-backlog-${process.pid}.py`);
    fs.writeFileSync(blocker, `import socket, time\ns = socket.socket()\ns.bind(("${address}", ${port}))\ns.listen(0)\nheld = []\nfor i in range(4):\n    c = socket.socket()\n    c.setblocking(False)\n    try:\n        c.connect(("${address}", ${port}))\n    except BlockingIOError:\n        pass\n    held.append(c)\ntime.sleep(0.2)\nprint("full", flush=True)\ntime.sleep(60)\n`);
    const { spawn } = await import('node:child_process');
    const child = spawn('python3', [blocker], { stdio: ['ignore', 'pipe', 'inherit'] });
    process.on('exit', () => {
      child.kill('SIGKILL');
      fs.rmSync(blocker, { force: true });
    });
    return new Promise((resolve) => child.stdout.once('data', resolve));
  }
  return listening(http.createServer((incoming, outgoing) => {
    const document = { issuer, jwks_uri: `${issuer}/jwks`, response_types_supported: ['code'], ...more };
    outgoing.writeHead(incoming.url.startsWith('/.well-known') ? 200 : 404, { 'Content-Type': 'application/json' });
    outgoing.end(JSON.stringify(document));
  }));
}
