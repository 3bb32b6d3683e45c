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

/** Listens on a port of 127.0.0.1 (the kernel's choice by default) and resolves to it. */
export function listen(server, port = 0) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server.address().port));
  });
}
