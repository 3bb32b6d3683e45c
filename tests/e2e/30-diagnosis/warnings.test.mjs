// SPDX-License-Identifier: Apache-2.0
// Before it breaks: what works now and will not for long is told by the running gateway – to its log, its metrics and a webhook –, once when it begins and
// once when it is over.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { makeChain } from '../lib/chain.mjs';
import { defer } from '../lib/cleanup.mjs';
import { startTlsIssuer } from '../lib/doctor.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { faults, startPlainIssuer } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { makeKey } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const audience = 'https://api.example';
const upstream = await startUpstream();
const chain = makeChain(temporaryFolder());

/** A webhook: `events` as they came; `status` is what it answers. */
async function startWebhook() {
  const hook = { events: [], tries: 0, status: 200 };
  const server = http.createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk) => (body += chunk));
    incoming.on('end', () => {
      hook.tries++;
      hook.type = incoming.headers['content-type'];
      if (hook.status === 200) hook.events.push(JSON.parse(body));
      outgoing.writeHead(hook.status);
      outgoing.end();
    });
  });
  hook.url = `http://127.0.0.1:${await listen(server)}/hook/secret`;
  hook.find = (event, cause, about) => hook.events.find((row) => row.event === event && row.cause.id === cause && (about === undefined || row.about === about));
  defer(() => server.close());
  return hook;
}

const serve = (issuers, webhook, more = {}) => startGateway({
  ...more,
  config: {
    key_refresh: '1s',
    alerts: { webhook: webhook.url },
    issuers,
    apis: { api: { match: { path: '/api' }, upstream: { url: upstream.url }, auth: { issuers: Object.keys(issuers) } } },
  },
});

test('a certificate near its end: raised with the time that is left, ended when it is renewed', async () => {
  const webhook = await startWebhook();
  const old = chain.issue('idp.example', { days: 5 });
  const issuer = await startTlsIssuer({ key: old.key, cert: old.chain });
  const gateway = await serve({ corp: { issuer: issuer.issuer, audience, ca_file: chain.rootFile } }, webhook);
  await until(() => webhook.find('raised', 'network.tls.expiring', 'issuer corp'), 'the event', 20_000);
  const event = webhook.find('raised', 'network.tls.expiring');
  assert.ok(Math.abs(event.seconds_left - 5 * 86_400) < 3600, String(event.seconds_left));
  assert.match(event.cause.received, /idp\.example/);
  assert.equal(event.cause.severity, 'warn');
  assert.equal(webhook.type, 'application/json');
  const metrics = await gateway.metrics();
  const text = typeof metrics === 'string' ? metrics : JSON.stringify(metrics);
  assert.match(text, /sallyport_warning\{about=\\?"issuer corp\\?",cause=\\?"network\.tls\.expiring\\?"\}/);
  assert.match(gateway.output, /network\.tls\.expiring.*time left until it breaks: (4|5) days/);
  await until(() => issuer.requests.filter((row) => row.endsWith('/jwks')).length >= 3, 'some refreshes', 20_000);
  assert.equal(webhook.events.filter((row) => row.cause.id === 'network.tls.expiring').length, 1, 'it is told once');
  await issuer.stop();
  const renewed = chain.issue('idp.example', { days: 40 });
  await startTlsIssuer({ key: renewed.key, cert: renewed.chain }, { port: issuer.port });
  await until(() => webhook.find('ended', 'network.tls.expiring', 'issuer corp'), 'its end', 60_000);
  assert.ok(!gateway.output.includes('/hook/secret'), 'the URL of the webhook is not logged');
});

test('keys that cannot be refreshed: until when they serve; and what is odd about a key set', async () => {
  const webhook = await startWebhook();
  const issuer = await startPlainIssuer();
  const gateway = await serve({ corp: { issuer: issuer.issuer, audience } }, webhook);
  const token = await issuer.token({ aud: audience });
  assert.equal((await gateway.get('/api/1', { token })).status, 200);
  issuer.keySet = { keys: [...issuer.keySet.keys, (await makeKey('ES256')).privateJwk] };
  await until(() => webhook.find('raised', 'keys.private_material', 'issuer corp'), 'the private key to be told', 20_000);
  issuer.fault = faults.error;
  await until(() => webhook.find('raised', 'keys.stale_in_use', 'issuer corp'), 'the refresh that fails', 20_000);
  const event = webhook.find('raised', 'keys.stale_in_use');
  assert.ok(event.seconds_left > 3600 && event.fails_at > event.at);
  assert.equal((await gateway.get('/api/1', { token })).status, 200, 'it works now');
  issuer.fault = null;
  await until(() => webhook.find('ended', 'keys.stale_in_use', 'issuer corp'), 'the refresh that works', 60_000);
});

test('no keys at all: told as what it is, and over once they come; old keys that are given up are no recovery', async () => {
  const webhook = await startWebhook();
  const issuer = await startPlainIssuer();
  issuer.fault = faults.error;
  const gateway = await serve({ corp: { issuer: issuer.issuer, audience } }, webhook);
  await until(() => webhook.events.find((row) => row.event === 'raised' && row.about === 'issuer corp' && row.cause.severity === 'reject'), 'the failure', 30_000);
  const { cause } = webhook.events.find((row) => row.about === 'issuer corp');
  assert.match(cause.id, /^(keys|discovery)\./);
  assert.equal(webhook.events.find((row) => row.about === 'issuer corp').fails_at, undefined, 'it has failed');
  assert.match(JSON.stringify(await gateway.metrics()), new RegExp(`sallyport_warning\\{about=\\\\*"issuer corp\\\\*",cause=\\\\*"${cause.id.replace('.', '\\.')}`));
  issuer.fault = null;
  await until(() => webhook.find('ended', cause.id, 'issuer corp'), 'its end', 60_000);
  await gateway.stop();
  const file = path.join(gateway.state, 'keys.json');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/"fetched_at":\d+/, `"fetched_at":${Math.floor(Date.now() / 1000) - 3 * 86_400}`));
  issuer.fault = faults.error;
  webhook.events.length = 0;
  const again = await serve({ corp: { issuer: issuer.issuer, audience } }, webhook, { state: gateway.state });
  await until(() => webhook.find('raised', cause.id, 'issuer corp'), 'old keys given up', 30_000);
  assert.equal(webhook.find('raised', 'keys.stale_in_use'), undefined);
  assert.match(again.output, /the keys fetched 259\d+ s ago are too old and serve no more/);
});

test('clocks: an issuer that is off is told, of it or of this machine', async () => {
  const webhook = await startWebhook();
  const issuer = await startPlainIssuer();
  issuer.date = new Date(Date.now() - 300_000);
  await serve({ corp: { issuer: issuer.issuer, audience } }, webhook);
  await until(() => webhook.find('raised', 'clock.issuer_wrong', 'issuer corp') ?? webhook.find('raised', 'clock.unsynchronised', 'this machine'), 'the clock', 20_000);
});

test('a webhook that fails is tried again, and nothing else waits for it', async () => {
  const webhook = await startWebhook();
  webhook.status = 500;
  const issuer = await startPlainIssuer({ keySet: undefined });
  issuer.keySet = { keys: [...issuer.keySet.keys, (await makeKey('ES256')).privateJwk] };
  const gateway = await serve({ corp: { issuer: issuer.issuer, audience } }, webhook);
  await until(() => webhook.tries > 0, 'the first attempt', 20_000);
  assert.equal((await gateway.get('/api/1', { token: await issuer.token({ aud: audience }) })).status, 200);
  webhook.status = 200;
  await until(() => webhook.find('raised', 'keys.private_material', 'issuer corp'), 'the next attempt', 40_000);
  assert.match(gateway.output, /the webhook of alerts does not take an event.*tried again/);
});
