// SPDX-License-Identifier: Apache-2.0
// The key keeper with issuers that misbehave: bounded time and memory, a named cause, and calls whose keys are known go on.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { faults, startPlainIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const audience = 'https://api.example';
const upstream = await startUpstream();
const api = (issuers, path = '/api') => ({ match: { path }, upstream: { url: upstream.url }, auth: { issuers } });
const residentKb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const readyz = async (gateway) => (await fetch(`${gateway.adminUrl}/readyz`)).json();

for (const [fault, cause, reason] of [
  ['error', 'discovery.http_status', 'network.http.server_error'],
  ['html', 'discovery.html', null],
  ['garbage', 'discovery.not_json', null],
  ['notFound', 'discovery.not_found', null],
  ['close', 'keys.unreachable', 'network.http.server_error'],
  ['huge', 'network.http.too_large', null],
]) {
  test(`an issuer that answers with ${fault}: 503 and ${cause}, until it is well again`, async () => {
    const issuer = await startPlainIssuer();
    issuer.fault = faults[fault];
    const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
    const token = await issuer.token({ aud: audience });
    const before = residentKb(gateway.pid);
    const answer = await gateway.get('/api/1', { token });
    assert.equal(answer.status, 503, answer.text);
    assert.ok(Number(answer.headers['retry-after']) > 0);
    assert.equal((await readyz(gateway)).issuers[0].cause, cause);
    if (reason) assert.match(gateway.output, new RegExp(reason.replaceAll('.', '\\.')));
    assert.ok(residentKb(gateway.pid) - before < 20_000, 'the control plane keeps its memory');
    issuer.fault = null;
    await until(async () => (await gateway.get('/api/1', { token })).status === 200, 'the gateway to see that the issuer is well', 30_000);
  });
}

for (const fault of ['hang', 'drip']) {
  test(`an issuer that ${fault}s costs bounded time and never stops calls of another one`, async (context) => {
    const sick = await startPlainIssuer();
    const well = await startPlainIssuer();
    sick.fault = faults[fault];
    const gateway = await startGateway({
      config: {
        issuers: { sick: { issuer: sick.issuer, audience }, well: { issuer: well.issuer, audience } },
        apis: { sick: api(['sick'], '/sick'), well: api(['well'], '/well') },
      },
      ready: false,
    });
    const token = await well.token({ aud: audience });
    await until(async () => (await gateway.get('/well/1', { token })).status === 200, 'calls of the well issuer to be served');
    const started = Date.now();
    const parked = gateway.get('/sick/1', { token: await sick.token({ aud: audience }), timeout: 30_000 });
    for (let i = 0; i < 50; i++) assert.equal((await gateway.get(`/well/${i}`, { token })).status, 200);
    const answer = await parked;
    assert.equal(answer.status, 503, answer.text);
    context.diagnostic(`${Date.now() - started} ms`); // bounded: by the call's time-out
    await gateway.ready(30_000);
    assert.match((await readyz(gateway)).issuers.find((issuer) => issuer.issuer === 'sick').cause, /keys\.unreachable/);
  });
}

for (const [named, cause] of [['with a slash at its end', 'issuer.trailing_slash'], ['of an outside host', 'issuer.host_alias']]) {
  test(`a metadata document that names another issuer (${named}) explains and accepts nothing, until it is mended`, async () => {
    const issuer = await startPlainIssuer();
    issuer.metadata.issuer = cause === 'issuer.host_alias' ? 'https://evil.example.com' : `${issuer.issuer}/`;
    const published = issuer.metadata.issuer;
    const gateway = await startGateway({ config: { key_refresh: '1s', issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
    const token = await issuer.token({ aud: audience });
    const refuses = async () => {
      const answer = await gateway.get('/api/1', { token });
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.cause, 'discovery.issuer_mismatch');
      assert.ok(Number(answer.headers['retry-after']) > 0);
      const { json } = await gateway.explain(answer.requestId);
      assert.deepEqual([json.cause.expected, json.cause.received, json.cause.reason], [issuer.issuer, published, cause]);
    };
    await refuses();
    assert.equal((await gateway.get('/api/1', { token: await issuer.token({ aud: audience, iss: published }) })).cause, cause);
    assert.equal((await gateway.get('/api/1', { token: await issuer.token({ aud: audience, exp: 1000 }) })).cause, 'time.expired', 'what the token proves is told first');
    const [told] = (await readyz(gateway)).issuers;
    assert.deepEqual([told.keys, told.cause, told.published_issuer], ['not used', 'discovery.issuer_mismatch', published]);
    const examined = await sallyport(['token', 'examine', token, '--issuer', issuer.issuer, '--audience', audience, '--json']);
    assert.equal(examined.json.cause?.id, 'discovery.issuer_mismatch', 'at a desk the same');

    issuer.fault = faults.error; // what is known of the document is known over a restart
    await gateway.stop();
    await gateway.restart();
    await refuses();
    issuer.fault = null;
    issuer.metadata.issuer = issuer.issuer;
    await until(async () => (await gateway.get('/api/1', { token })).status === 200, 'the mended document to be used', 30_000);
    assert.equal((await readyz(gateway)).issuers[0].keys, 'fresh');
    issuer.metadata.issuer = published;
    await until(async () => (await gateway.get('/api/1', { token })).status === 503, 'the token that was known to be refused', 30_000);
  });
}

test('a metadata document that named another issuer and is mended is seen by the next call, long before the next refresh', async () => {
  const issuer = await startPlainIssuer();
  issuer.metadata.issuer = `${issuer.issuer}/`;
  const gateway = await startGateway({ config: { key_refresh: '1h', issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
  const token = await issuer.token({ aud: audience });
  assert.equal((await gateway.get('/api/1', { token })).cause, 'discovery.issuer_mismatch');
  issuer.metadata.issuer = issuer.issuer;
  await until(async () => (await gateway.get('/api/1', { token })).status === 200, 'a call to be accepted', 30_000); // the refresh of a minute does not come that early
  assert.equal((await readyz(gateway)).issuers[0].keys, 'fresh');
});

test('one bad and one unknown member do not poison a set', async () => {
  const issuer = await startPlainIssuer();
  issuer.keySet = { keys: [{ kty: 'RSA', kid: 'bad', n: '!!', e: 'AQAB' }, { kty: 'LATTICE', kid: 'new' }, ...issuer.keySet.keys] };
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
  assert.equal((await gateway.get('/api/1', { token: await issuer.token({ aud: audience }) })).status, 200);
  assert.match(gateway.output, /keys\.malformed_member/);
  assert.match(gateway.output, /keys\.unsupported_type/);
  const answer = await gateway.get('/api/1', { token: await issuer.token({ aud: audience }, { kid: 'bad' }) });
  assert.equal(answer.cause, 'keys.malformed_member', answer.text);
});

test('a flood of invented kids costs the issuer one look in ten seconds', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
  const before = issuer.hits['/jwks'];
  for (let round = 0; round < 5; round++) {
    const tokens = await Promise.all(Array.from({ length: 40 }, (_, i) => issuer.token({ aud: audience }, { kid: `invented-${round}-${i}` })));
    for (const answer of await Promise.all(tokens.map((token) => gateway.get('/api/1', { token })))) {
      assert.equal(answer.status, 401, answer.text);
      assert.equal(answer.cause, 'keys.unknown_kid');
    }
  }
  assert.equal(issuer.hits['/jwks'], before + 1);
  const metrics = await gateway.metrics();
  assert.ok(metrics['sallyport_keys_look_again_throttled_total{issuer="corp"}'] > 0);
});

test('a key that was withdrawn while its tokens live is remembered, over a restart too', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
  const old = issuer.key;
  const { token } = { token: await issuer.token({ aud: audience }) };
  assert.equal((await gateway.get('/api/1', { token })).status, 200);
  await issuer.rotate({ keep: true });
  assert.equal((await gateway.get('/api/1', { token: await issuer.token({ aud: audience }) })).status, 200);
  issuer.keySet = { keys: issuer.keySet.keys.filter((key) => key.kid !== old.kid) };
  await gateway.stop();
  await gateway.restart();
  const fresh = await until(async () => {
    const answer = await gateway.get('/api/2', { token });
    return answer.status === 401 && answer;
  }, 'the withdrawn key to be gone');
  assert.equal(fresh.cause, 'keys.retired_early', fresh.text);
});

test('a set that shares no key with the one before: keys.replaced', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } } });
  const token = await issuer.token({ aud: audience });
  assert.equal((await gateway.get('/api/1', { token })).status, 200);
  await issuer.rotate();
  assert.equal((await gateway.get('/api/1', { token: await issuer.token({ aud: audience }) })).status, 200);
  const answer = await until(async () => {
    const again = await gateway.get('/api/1', { token });
    return again.status === 401 && again;
  }, 'the old token to be refused');
  assert.equal(answer.cause, 'keys.replaced', answer.text);
});

test('networks that the configuration blocks are never asked', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({
    config: { blocked_networks: ['127.0.0.0/8'], issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api(['corp']) } },
  });
  assert.deepEqual(issuer.hits, {});
  assert.match(gateway.output, /blocked_networks/);
});

test('nobody listens: network.tcp.refused stands behind keys.unreachable', async () => {
  const port = await freePort();
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: `http://127.0.0.1:${port}`, audience } }, apis: { api: api(['corp']) } } });
  await gateway.waitForOutput(/keys\.unreachable \(network\.tcp\.refused\)/);
});

test('plain http beyond loopback is refused before anything is asked', async () => {
  const gateway = await startGateway({
    config: { issuers: { corp: { issuer: 'http://idp.example.com', audience } }, apis: { api: api(['corp']) } }, ready: false,
  });
  await gateway.waitForOutput(/config\.insecure_issuer|keys\.insecure_url/);
});
