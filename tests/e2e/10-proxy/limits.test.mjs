// SPDX-License-Identifier: Apache-2.0
// Rate limits count together over all workers, by whom the rule says; CORS and API keys.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { makeCorp } from '../lib/corp.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const corp = await makeCorp();
// This API sets CORS and request id headers of its own: where the gateway answers they must not stand twice.
const upstream = await startUpstream({
  handler: (incoming, outgoing) => {
    outgoing.setHeader('X-Request-Id', 'of-the-api');
    if (incoming.url.startsWith('/answer')) outgoing.setHeader('Access-Control-Allow-Origin', '*');
    return false;
  },
});
const hash = (key) => `sha256:${createHash('sha256').update(key).digest('hex')}`;
const api = (path, more) => ({ match: { path }, upstream: { url: upstream.url }, ...more });
const gateway = await startNginx({
  files: corp.files,
  workers: 2,
  policy: {
    issuers: corp.issuers,
    apis: {
      subject: api('/subject', { auth: { issuers: ['corp'] }, limits: [{ per: 'subject', requests: 5, window: '1m' }] }),
      address: api('/address', { auth: { issuers: ['corp'] }, limits: [{ per: 'ip', requests: 3, window: '1m' }] }),
      keys: api('/keys', { auth: { api_keys: true } }),
      other: api('/other', { auth: { api_keys: true } }),
      answer: api('/answer', { auth: { issuers: ['corp'] }, cors: { mode: 'answer', origins: ['https://app.example'], methods: ['GET', 'PUT'], headers: ['Authorization'], max_age: 600 } }),
      pass: api('/pass', { auth: { issuers: ['corp'] }, cors: { mode: 'pass' } }),
    },
    consumers: {
      shop: { api_keys: [hash('key-of-shop')], apis: ['keys'] },
      waiting: { api_keys: [hash('key-of-waiting')], state: 'pending' },
      stopped: { api_keys: [hash('key-of-stopped')], state: 'suspended' },
    },
  },
});

test('exactly the allowed number of calls passes, each subject for itself', async () => {
  for (const sub of ['alice', 'bob']) {
    const token = await corp.token({ sub });
    const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.get('/subject/1', { token })));
    assert.equal(answers.filter((answer) => answer.status === 200).length, 5);
    const refused = answers.find((answer) => answer.status === 429);
    assert.equal(refused.cause, 'rate.limited');
    assert.ok(Number(refused.headers['retry-after']) > 0 && Number(refused.headers['retry-after']) <= 120);
  }
});

test('a limit by address counts refused calls too', async () => {
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await gateway.get('/address/1', { token: 'nonsense' })).status);
  assert.deepEqual(statuses, [401, 401, 401, 429, 429]);
});

test('an API key names its consumer; unknown, foreign, pending and suspended ones are refused', async () => {
  const call = (path, key) => gateway.get(path, { headers: { 'X-API-Key': key } });
  const good = await call('/keys/1', 'key-of-shop');
  assert.equal(good.status, 200);
  assert.equal((await gateway.call(good.requestId)).consumer, 'shop');
  const cases = [['/keys/1', 'no-such-key', 401, 'consumer.unknown_key'], ['/other/1', 'key-of-shop', 403, 'consumer.not_subscribed'], ['/keys/1', 'key-of-waiting', 403, 'consumer.pending'], ['/keys/1', 'key-of-stopped', 403, 'consumer.suspended']];
  for (const [path, key, status, cause] of cases) {
    const answer = await call(path, key);
    assert.deepEqual([key, answer.status, answer.cause], [key, status, cause]);
  }
});

test('a preflight is answered by the gateway where the route says so', async () => {
  const preflight = (path, origin) => gateway.get(path, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'authorization' } });
  const good = await preflight('/answer/1', 'https://app.example');
  assert.equal(good.status, 204);
  assert.equal(good.headers['access-control-allow-origin'], 'https://app.example');
  assert.match(good.headers['access-control-allow-methods'], /PUT/);
  assert.equal(good.headers['access-control-max-age'], '600');
  const foreign = await preflight('/answer/1', 'https://evil.example');
  assert.equal(foreign.headers['access-control-allow-origin'], undefined);
  assert.equal(foreign.cause, 'cors.origin_not_allowed');
  assert.equal((await preflight('/pass/1', 'https://app.example')).json.method, 'OPTIONS');
  const refused = await gateway.get('/answer/1', { headers: { Origin: 'https://app.example' } });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers['access-control-allow-origin'], 'https://app.example');
});

test('what the gateway answers itself stands once in the response', async () => {
  const { rawHeaders, headers } = await gateway.get('/answer/1', { token: await corp.token(), headers: ['Origin', 'https://app.example'] });
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  for (const name of ['x-request-id', 'access-control-allow-origin']) assert.equal(names.filter((other) => other === name).length, 1, name);
  assert.notEqual(headers['x-request-id'], 'of-the-api');
  assert.equal(headers['access-control-allow-origin'], 'https://app.example');
});
