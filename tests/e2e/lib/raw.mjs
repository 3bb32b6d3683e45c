// SPDX-License-Identifier: Apache-2.0
// Bytes on a TCP connection, for what no HTTP client would send.
import net from 'node:net';
import tls from 'node:tls';

/**
 * Sends `bytes` (string or Buffer) and resolves, when the peer closes or after `timeout` ms, to
 * { text, status (of the last response, undefined when there was none), closed }.
 * `secure: true` does so within TLS, whoever the peer is.
 * `end: true` half-closes after sending; `reset: true` resets the connection after sending and resolves at once.
 */
export function rawRequest(port, bytes, { timeout = 5_000, end = false, reset = false, host = '127.0.0.1', secure = false } = {}) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let settled = false;
    const begin = () => {
      socket.write(bytes, () => {
        if (reset) {
          socket.resetAndDestroy();
          finish(true);
        } else if (end) {
          socket.end();
        }
      });
    };
    const socket = secure ? tls.connect({ port, host, rejectUnauthorized: false }, begin) : net.connect(port, host, begin);
    const timer = setTimeout(() => finish(false), timeout);
    function finish(closed) {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      socket.destroy();
      const text = Buffer.concat(chunks).toString('latin1');
      const statuses = [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)];
      resolve({ text, status: statuses.length > 0 ? Number(statuses.at(-1)[1]) : undefined, closed });
    }
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('close', () => finish(true));
    socket.on('error', (error) => {
      // A peer that refuses by closing while we still write is an answer, a refused connection is not.
      if (error.code === 'ECONNREFUSED') {
        clearTimeout(timer);
        settled = true;
        reject(error);
      } else {
        finish(true);
      }
    });
  });
}
