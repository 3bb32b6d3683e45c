// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor` as a test wants it, and issuers over TLS for it to look at.
import https from 'node:https';
import { sallyport } from './cli.mjs';
import { defer } from './cleanup.mjs';
import { listen } from './ports.mjs';
import { jwks, makeKey } from './tokens.mjs';

/**
 * doctor(issuer, …words) → { code, json, stderr, cause (id or null), also (ids), check(name), finding(id) }. What it would keep is kept nowhere unless
 * --cache is among the words. Most issuers live in the process of the test, on whatever machine: each answer has 50 s unless --timeout is among them.
 */
export async function doctor(issuer, ...words) {
  const unless = (option, value) => (words.includes(option) ? [] : [option, value]);
  const { code, json, stdout, stderr } = await sallyport(['doctor', ...(issuer ? [issuer] : []), '--json', ...unless('--cache', 'off'), ...unless('--timeout', '50'), ...words], { timeout: 300_000 });
  return reading({ code, json, stdout, stderr });
}

/** The same of an answer that was got otherwise. */
export function reading({ code, json, stdout, stderr }) {
  if (json === undefined) throw new Error(`no JSON: ${code} ${stdout}${stderr}`);
  const findings = [...(json.cause ? [json.cause] : []), ...(json.also ?? [])];
  return {
    code,
    json,
    stderr,
    cause: json.cause?.id ?? null,
    also: (json.also ?? []).map((row) => row.id),
    ids: findings.map((row) => row.id),
    check: (name) => json.checks.find((row) => row.name === name),
    finding: (id) => findings.find((row) => row.id === id),
  };
}

const key = await makeKey('ES256');

/**
 * startTlsIssuer(tls, { host, handler }) → { issuer, port, requests }: discovery and keys over TLS on 127.0.0.1; `tls` is what node:tls takes. The issuer
 * names itself https://HOST:PORT (localhost).
 */
export async function startTlsIssuer(tls, { host = 'localhost', handler, port: wanted = 0 } = {}) {
  const thing = { requests: [] };
  const server = https.createServer(tls, (incoming, outgoing) => {
    thing.requests.push(`${incoming.method} ${incoming.url}`);
    if (handler?.(incoming, outgoing)) return;
    const documents = {
      '/.well-known/openid-configuration': {
        issuer: thing.issuer,
        jwks_uri: `${thing.issuer}/jwks`,
        authorization_endpoint: `${thing.issuer}/authorize`,
        token_endpoint: `${thing.issuer}/token`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
      },
      '/jwks': jwks(key),
    };
    const document = documents[incoming.url];
    outgoing.writeHead(document ? 200 : 404, { 'Content-Type': 'application/json' });
    outgoing.end(JSON.stringify(document ?? {}));
  });
  server.on('tlsClientError', () => {});
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  thing.port = await listen(server, wanted);
  thing.issuer = `https://${host}:${thing.port}`;
  thing.stop = () => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  });
  defer(thing.stop);
  return thing;
}
