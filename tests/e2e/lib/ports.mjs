// SPDX-License-Identifier: Apache-2.0
import net from 'node:net';

/** A TCP port on 127.0.0.1 that nothing listens on now; the kernel picks it. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The first of `count` free ports in a row. */
export async function freePorts(count) {
  for (;;) {
    const first = await freePort();
    const servers = Array.from({ length: count }, () => net.createServer());
    const taken = await Promise.allSettled(servers.map((server, i) => listen(server, first + i)));
    await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
    if (taken.every(({ status }) => status === 'fulfilled')) return first;
  }
}

/** Listens on a port of 127.0.0.1 (the kernel's choice by default) and resolves to it. */
export function listen(server, port = 0) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}
