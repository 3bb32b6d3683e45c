// SPDX-License-Identifier: Apache-2.0
// Clients whose keys are behind their jwks_uri: fetched over the network while other calls go on, once for all, again for a new key, and never from
// where the operator forbids.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { makeAuthority } from '../lib/certificates.mjs';
import { defer } from '../lib/cleanup.mjs';
import { faults } from '../lib/issuer.mjs';
import { listen, freePort } from '../lib/ports.mjs';
import { jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

/** Serves a key set; `keys`, `fault` and `hits` can be changed and read. */
async function serveKeys(keys, tls) {
  const self = { keys, fault: null, hits: 0, open: new Set() };
  const handle = (incoming, outgoing) => {
    self.hits++;
    outgoing.on('error', () => {});
    if (self.fault?.(incoming, outgoing)) return;
    outgoing.writeHead(200, { 'Content-Type': 'application/json' });
    outgoing.end(JSON.stringify(jwks(...self.keys)));
  };
  const server = tls ? https.createServer({ cert: tls.cert, key: tls.key }, handle) : http.createServer(handle);
  server.on('connection', (socket) => self.open.add(socket));
  const port = await freePort();
  await listen(server, port);
  defer(() => {
    for (const socket of self.open) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  self.url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}/jwks`;
  return self;
}

const [first, second] = [await makeKey('ES256'), await makeKey('ES256')];
const plain = await serveKeys([first]);
const causes = { close: 'keys.unreachable', error: 'keys.http_status', garbage: 'keys.not_json', html: 'keys.html', huge: 'keys.too_large' };
const broken = Object.fromEntries(await Promise.all(Object.keys(causes).map(async (name) => [name, await serveKeys([first])])));
const slow = await serveKeys([first]);
const folder = fs.mkdtempSync('/tmp/sallyport-client-keys-');
defer(() => fs.rmSync(folder, { recursive: true, force: true }));
const ca = makeAuthority(folder);
const secure = await serveKeys([first], ca.issue('jwks'));
const clients = {
  plain: { jwks_uri: plain.url }, slow: { jwks_uri: slow.url }, secure: { jwks_uri: secure.url }, other: { secret: 's' },
  ...Object.fromEntries(Object.entries(broken).map(([name, { url }]) => [name, { jwks_uri: url }])),
};
const authority = await startAuthority({ authority: { tokens: { algorithm: 'ES256' }, ca_file: ca.caFile, clients } });
const assertion = (id, key = first, at = authority) => makeToken(key, { iss: id, sub: id, aud: at.issuer, exp: now() + 60, jti: crypto.randomUUID() }, { typ: 'JWT' });
const ask = async (id, key, at = authority) => at.post('/token', {
  grant_type: 'client_credentials', client_assertion: await assertion(id, key, at), client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
});

test('openid-client proves itself by a key behind its jwks_uri', async () => {
  const { alg, use, kid, ...jwk } = first.privateJwk;
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const config = await openid.discovery(new URL(authority.issuer), 'plain', undefined, openid.PrivateKeyJwt({ key, kid }), { execute: [openid.allowInsecureRequests] });
  const before = plain.hits;
  await Promise.all(Array.from({ length: 20 }, () => openid.clientCredentialsGrant(config)));
  assert.equal(plain.hits - before, 1);
});

test('a new key of the client is found, a stranger asks for nothing', async () => {
  plain.keys = [second];
  // Within ten seconds of the last look nobody makes it look again.
  const answer = await until(async () => [await ask('plain', second)].find(({ status }) => status === 200), 'the new key to be known', 20_000);
  assert.ok(answer.json.access_token);
  const before = plain.hits;
  for (let i = 0; i < 5; i++) assert.equal((await ask('plain', await makeKey('ES256'))).status, 400);
  assert.ok(plain.hits - before <= 1);
  await authority.lastLine('client.assertion_signature');
});

test('https is verified against the CA that is configured, and against the system otherwise', async () => {
  assert.equal((await ask('secure')).status, 200);
  const strict = await startAuthority({ authority: { tokens: { algorithm: 'ES256' }, clients } });
  const { status, json } = await ask('secure', first, strict);
  assert.equal(status, 503);
  assert.equal(json.error, 'temporarily_unavailable');
  const line = await strict.lastLine('keys.unreachable');
  assert.match(JSON.stringify(line.finding), /self.signed|issuer certificate|unable to get/);
});

for (const [name, cause] of Object.entries(causes)) {
  test(`a server that answers by ${name} is named, the client is not taken for a liar, and it works once the server does`, async () => {
    broken[name].fault = faults[name];
    const { status, headers } = await ask(name);
    assert.equal(status, 503);
    assert.ok(headers['retry-after']);
    await authority.lastLine(cause);
    broken[name].fault = null;
    await until(async () => (await ask(name)).status === 200, 'the keys to be fetched', 20_000);
  });
}

test('networks that are blocked are not asked', async () => {
  const extra = path.join(folder, 'blocked.yaml');
  fs.writeFileSync(extra, 'blocked_networks: [127.0.0.0/8]\n');
  const fenced = await startAuthority({ authority: { tokens: { algorithm: 'ES256' }, clients }, args: ['-c', extra] });
  const before = plain.hits;
  assert.equal((await ask('plain', second, fenced)).status, 503);
  assert.equal(plain.hits, before);
  assert.match(JSON.stringify((await fenced.lastLine('keys.unreachable')).finding), /blocked_networks/);
});

test('a server that never answers keeps nobody waiting, not even the end', async (context) => {
  slow.fault = faults.hang;
  const waiting = ask('slow').catch((error) => error);
  await until(() => slow.hits > 0, 'the server to be asked');
  const hit = Date.now();
  assert.equal((await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['other', 's'] })).status, 200);
  const stopping = authority.stop(), asked = Date.now() - hit;
  assert.equal((await stopping).code, 0);
  const answer = await waiting;
  assert.equal(answer.status, 503);
  const { received } = (await authority.lastLine('keys.unreachable')).finding;
  context.diagnostic(`asked to end after ${asked} ms: ${received}`); // aborted: by the end, not by its own time-out of ten seconds
  await authority.start();
});
