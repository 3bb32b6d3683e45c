// SPDX-License-Identifier: Apache-2.0
// Ports for what tests start. A port that merely was free a moment ago is anybody's: another test's, or an outgoing connection's that the kernel gave it to.
// So they come from outside the kernel's own range, and each is this process's until it ends: claimed on another address.
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';

const BLOCKED_BY_BROWSERS = 10080; // the one "bad port" (Fetch, section 2.9) from 7,000 on
const CLAIMS = '127.0.0.77';
const [first, last] = range();

/** A TCP port of 127.0.0.1 that nothing listens on, and that no other test is given while this process lives. */
export function freePort() {
  return freePorts(1);
}

/** The first of `count` such ports in a row. */
export async function freePorts(count) {
  for (let tries = 0; ; tries++) {
    const start = first + Math.floor(Math.random() * (last - first - count + 2));
    const row = Array.from({ length: count }, (_, i) => start + i);
    const claims = row.map(() => dgram.createSocket('udp4').unref());
    const servers = row.map(() => net.createServer());
    const taken = await Promise.allSettled([
      ...row.map((port, i) => claim(claims[i], port)),
      ...row.map((port, i) => listen(servers[i], port)),
    ]);
    await Promise.all(servers.map(close));
    if (taken.every(({ status }) => status === 'fulfilled')) return start;
    if (tries === 1000) throw new Error(`no free port between ${first} and ${last}`, { cause: taken.find(({ reason }) => reason).reason });
    await Promise.all(claims.map(close));
  }
}

/** A datagram socket of an address that no server of a test has: taken once, by all processes, until this one ends. */
function claim(socket, port) {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, CLAIMS, resolve);
  });
}

/** Listens on a port of 127.0.0.1, a free one of this process's when none or 0 is named (which a server that comes back finds free again), and resolves to it. */
export async function listen(server, port) {
  const own = port || (await freePort());
  await listenOn(server, own, '127.0.0.1');
  return own;
}

function listenOn(server, ...where) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(...where, resolve);
  });
}

function close(server) {
  return new Promise((resolve) => {
    server.close(resolve);
  });
}

/** The larger of the two ranges beside the one the kernel takes ports for outgoing connections from. */
function range() {
  const [low, high] = fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  const below = [BLOCKED_BY_BROWSERS + 1, low - 1];
  const above = [high + 1, 65535];
  return below[1] - below[0] >= above[1] - above[0] ? below : above;
}
