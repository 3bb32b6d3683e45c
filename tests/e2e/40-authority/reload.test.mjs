// SPDX-License-Identifier: Apache-2.0
// Reading the configuration again: what was read before goes with the last call that needs it, and no sooner.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sanitizing } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const reloads = (authority) => authority.output().split('the configuration was read again').length - 1;
async function reload(authority) {
  const before = reloads(authority);
  authority.signal('SIGHUP');
  await until(() => reloads(authority) > before, 'the configuration to be read again');
}

test('a reload gives back the memory of the one before', { skip: sanitizing && 'freed memory stays in quarantine' }, async (context) => {
  const clients = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`client-${i}`, { secret: `secret-${i}`, scopes: ['read', 'write'], audiences: [`https://api-${i}.example`] }]));
  const authority = await startAuthority({ authority: { clients } });
  const residentKb = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${authority.pid}/status`, 'utf8'))[1]);
  for (let i = 0; i < 3; i++) await reload(authority);
  const early = residentKb();
  for (let i = 0; i < 20; i++) await reload(authority);
  const late = residentKb();
  context.diagnostic(`${early} kB after 3 reloads, ${late} kB after 23`);
  assert.ok(late < 2 * early, `it grew from ${early} kB to ${late} kB`);
  assert.equal((await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['client-2999', 'secret-2999'] })).status, 200);
});

test('a call that waits outlives the settings that it began with', async () => {
  const key = await makeKey('ES256');
  const held = [];
  const server = http.createServer((_, outgoing) => held.push(outgoing));
  const port = await freePort();
  await listen(server, port);
  defer(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const section = { tokens: { algorithm: 'ES256' }, clients: { waits: { jwks_uri: `http://127.0.0.1:${port}/jwks` } } };
  const authority = await startAuthority({ authority: section });
  const waiting = authority.post('/token', {
    grant_type: 'client_credentials',
    client_assertion: await makeToken(key, { iss: 'waits', sub: 'waits', aud: authority.issuer, exp: now() + 300, jti: crypto.randomUUID() }, { typ: 'JWT' }),
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  }, { timeout: 50_000 });
  await until(() => held.length > 0, 'the keys to be asked for');
  for (let i = 0; i < 3; i++) await reload(authority);
  held[0].writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(jwks(key)));
  // 503: this machine was too slow for the ten seconds that a key set is waited for.
  const { status, text } = await waiting;
  assert.ok(status === 200 || status === 503, text);
});

test('a reload names what only a start takes, as long as it differs, and takes the rest', async () => {
  const [old, other] = ['first-master-key-of-32-characters!', 'other-master-key-of-32-characters!'];
  const section = (key, clients) => ({ keys: { master_key: key }, clients });
  const clients = { one: { secret: 'one-secret' } };
  const authority = await startAuthority({ authority: section(old, clients) });
  const waiting = (text) => text.match(/authority\.\S+ differs from what the authority was started with, and only a start takes it/g) ?? [];
  const said = async (configuration) => {
    const from = authority.output().length;
    authority.write(configuration);
    await reload(authority);
    return authority.output().slice(from);
  };
  assert.deepEqual(waiting(await said(section(old, clients))), []);
  const changed = await said(section(other, { ...clients, two: { secret: 'two-secret' } }));
  assert.equal(waiting(changed).length, 1);
  assert.match(changed, /authority\.keys\.master_key differs/);
  assert.doesNotMatch(changed, /master-key-of/);
  assert.equal((await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['two', 'two-secret'] })).status, 200);
  assert.equal(waiting(await said(section(other, clients))).length, 1);
  assert.deepEqual(waiting(await said(section(old, clients))), []);
});

test('a client that is taken out of the file loses its tokens, by name, and has them again when it comes back', async () => {
  const app = (more) => ({ secret: 's', redirect_uris: ['http://127.0.0.1/cb'], scopes: ['openid', 'offline_access'], require_pkce: false, ...more });
  const clients = { jwt: app(), opaque: app({ token_format: 'opaque' }), sealed: { secret: 's', token_format: 'opaque' }, api: { secret: 's' } };
  const authority = await startAuthority({ authority: { clients } });
  const form = (more) => authority.post('/token', more, { basic: [more.client, 's'] });
  const login = async (client) => {
    const browser = startBrowser();
    await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: client, response_type: 'code', redirect_uri: 'http://127.0.0.1/cb', scope: 'openid offline_access', prompt: 'consent' })}`);
    await browser.signIn();
    const { location } = await browser.allow();
    return (await form({ client, grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: 'http://127.0.0.1/cb' })).json;
  };
  const tokens = { jwt: await login('jwt'), opaque: await login('opaque'), sealed: (await form({ client: 'sealed', grant_type: 'client_credentials' })).json };
  const active = async (client) => (await authority.post('/introspect', { token: tokens[client].access_token }, { basic: ['api', 's'] })).json.active;
  const refresh = (client) => form({ client, grant_type: 'refresh_token', refresh_token: tokens[client].refresh_token });
  const userinfo = (client) => authority.get('/userinfo', { headers: { Authorization: `Bearer ${tokens[client].access_token}` } });
  for (const client of Object.keys(tokens)) assert.equal(await active(client), true, client);
  authority.write({ clients: { api: clients.api } });
  await reload(authority);
  for (const client of Object.keys(tokens)) {
    assert.equal(await active(client), false, client);
    // The line comes after the answer: the last one may still be the call's before.
    const told = (endpoint) => until(async () => {
      const line = await authority.lastLine('token.revoked');
      return line.endpoint === endpoint && line.finding.detail.startsWith(`Its client ${client} is not known here any more`);
    }, `the line of ${client} at ${endpoint}`);
    await told('INTROSPECTION');
    assert.equal((await userinfo(client)).status, 401);
    await told('USERINFO');
  }
  for (const client of ['jwt', 'opaque']) {
    assert.equal((await refresh(client)).json.error, 'invalid_client');
    assert.equal((await authority.lastLine('client.unknown')).endpoint, 'TOKEN');
  }
  authority.write({ clients });
  await reload(authority);
  for (const client of ['jwt', 'opaque']) {
    assert.deepEqual([await active(client), (await userinfo(client)).status, (await refresh(client)).status], [true, 200, 200], client);
  }
  assert.equal(await active('sealed'), true);
});
