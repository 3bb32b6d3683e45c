// SPDX-License-Identifier: Apache-2.0
// docs/incident-silent-rotation.md: the issuer signs with a key that it published only now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { faults, startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { decodePart } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const AUDIENCE = 'https://photos.example.com';
const upstream = await startUpstream();
const config = (issuer, more = {}) => ({
  issuers: { corp: { issuer, audience: AUDIENCE, ...more } },
  apis: { photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } } },
});

test('it heals within one request, and the log has the warning', async () => {
  const issuer = await startIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer) });
  const token = () => issuer.token({ resource: AUDIENCE });
  assert.equal((await gateway.get('/photos', { token: await token() })).status, 200);

  await issuer.rotate();
  const fresh = await token();
  const fetchesBefore = issuer.hits['/jwks'] ?? 0;
  const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.get('/photos', { token: fresh })));
  assert.deepEqual(answers.map((answer) => answer.status), Array(20).fill(200));
  assert.equal((issuer.hits['/jwks'] ?? 0) - fetchesBefore, 1, 'twenty calls asked once');

  const calls = await Promise.all(answers.map((answer) => gateway.call(answer.requestId)));
  assert.ok(calls.some((call) => JSON.stringify(call).includes('keys.rotated')), 'one of the calls tells of the rotation');
});

test('our authority: a key that signs at once heals the same way, and with healing off is named', async () => {
  const clients = { app: { secret: 'app-secret', grants: ['client_credentials'], audiences: [AUDIENCE] } };
  const authority = await startAuthority({ authority: { clients, tokens: { algorithm: 'ES256' } } });
  const token = async () => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['app', 'app-secret'] })).json.access_token;
  const healing = await startGateway({ config: config(authority.issuer) });
  const fixed = await startGateway({ config: config(authority.issuer, { heal: false }) });
  const old = await token();
  for (const gateway of [healing, fixed]) assert.equal((await gateway.get('/photos', { token: old })).status, 200);

  assert.equal((await authority.cli(['keys', 'rotate', '--now'])).code, 0);
  const fresh = await until(async () => {
    const next = await token();
    return decodePart(next, 0).kid !== decodePart(old, 0).kid && next;
  }, 'the new key to sign');
  const healed = await healing.get('/photos', { token: fresh });
  assert.equal(healed.status, 200, healed.text);
  assert.match(JSON.stringify(await healing.call(healed.requestId)), /keys\.rotated/);
  const refused = await fixed.get('/photos', { token: fresh });
  assert.deepEqual([refused.status, refused.cause], [401, 'keys.rotated']);
  for (const gateway of [healing, fixed]) assert.equal((await gateway.get('/photos', { token: old })).status, 200);
});

test('the issuer is gone: known keys serve on, an unknown one is not decided', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer) });
  const known = await issuer.token({ aud: AUDIENCE });
  assert.equal((await gateway.get('/photos', { token: known })).status, 200);

  await issuer.rotate();
  const unknown = await issuer.token({ aud: AUDIENCE });
  await issuer.stop();
  const undecided = await gateway.get('/photos', { token: unknown });
  assert.equal(undecided.status, 503);
  assert.equal(undecided.cause, 'keys.unreachable');
  assert.ok(Number(undecided.headers['retry-after']) > 0);
  assert.equal((await gateway.get('/photos', { token: known })).status, 200);
  await issuer.start();
});

test('the issuer hangs: nobody whose key is known waits', async (context) => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer) });
  const known = await issuer.token({ aud: AUDIENCE });
  assert.equal((await gateway.get('/photos', { token: known })).status, 200);
  await issuer.rotate();
  const unknown = await issuer.token({ aud: AUDIENCE });
  issuer.fault = faults.hang;
  let isParked = true, passed = 0;
  const parked = gateway.get('/photos', { token: unknown, timeout: 60_000 }).finally(() => { isParked = false; });
  for (let i = 0; i < 20; i++) {
    assert.equal((await gateway.get('/photos', { token: known })).status, 200);
    if (isParked) passed++;
  }
  context.diagnostic(`${passed} of 20 calls were over before the one that waits`);
  assert.ok(passed > 0, 'calls with a known key waited too'); // each would be over after it
  const answer = await parked;
  assert.equal(answer.status, 503);
  assert.equal(answer.cause, 'keys.unreachable');
});

test('invented key ids: the issuer is asked once, not once a call', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer) });
  assert.equal((await gateway.get('/photos', { token: await issuer.token({ aud: AUDIENCE }) })).status, 200);
  const before = Object.values(issuer.hits).reduce((sum, hits) => sum + hits, 0);
  for (let i = 0; i < 30; i++) {
    const { status, cause } = await gateway.get('/photos', { token: await issuer.token({ aud: AUDIENCE }, { kid: `invented-${i}` }) });
    assert.equal(status, 401);
    assert.equal(cause, 'keys.unknown_kid');
  }
  const after = Object.values(issuer.hits).reduce((sum, hits) => sum + hits, 0);
  assert.ok(after - before <= 4, `${after - before} fetches for 30 calls`);
});

test('healing switched off: the cause is named, and the call refused', async () => {
  const issuer = await startIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer, { heal: false }) });
  assert.equal((await gateway.get('/photos', { token: await issuer.token({ resource: AUDIENCE }) })).status, 200);
  await issuer.rotate();
  const refused = await gateway.get('/photos', { token: await issuer.token({ resource: AUDIENCE }) });
  assert.equal(refused.status, 401);
  assert.equal(refused.cause, 'keys.rotated');
});

test('the old key withdrawn while its tokens live', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer) });
  const old = await issuer.token({ aud: AUDIENCE, jti: 'a' });
  assert.equal((await gateway.get('/photos', { token: old })).status, 200);
  const later = await issuer.token({ aud: AUDIENCE, jti: 'b' });
  await issuer.rotate();
  assert.equal((await gateway.get('/photos', { token: await issuer.token({ aud: AUDIENCE }) })).status, 200);
  const refused = await gateway.get('/photos', { token: later });
  assert.equal(refused.status, 401);
  assert.ok(['keys.retired_early', 'keys.replaced'].includes(refused.cause), refused.cause);
});

test('the metrics tell how old the keys are and how often they were fetched', async () => {
  const issuer = await startPlainIssuer();
  const gateway = await startGateway({ config: config(issuer.issuer) });
  await gateway.get('/photos', { token: await issuer.token({ aud: AUDIENCE }) });
  const { text } = await request(`${gateway.adminUrl}/metrics`);
  assert.match(text, /issuer="corp"/);
});
