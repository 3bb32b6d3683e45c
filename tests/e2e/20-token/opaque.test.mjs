// SPDX-License-Identifier: Apache-2.0
// Opaque tokens: introspection at npm's oidc-provider with each way that the gateway can authenticate; revoked, unknown, out of reach.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { startGateway } from '../lib/gateway.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { startAuthority } from '../lib/authority.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { defer } from '../lib/cleanup.mjs';
import { jose, makeKey } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const upstream = await startUpstream();
const resource = 'https://opaque.example';
const signer = await makeKey('ES256');
const issuer = await startIssuer({
  resources: { [resource]: { accessTokenFormat: 'opaque' } },
  clients: [
    { client_id: 'gateway-post', token_endpoint_auth_method: 'client_secret_post' },
    { client_id: 'gateway-jwt', token_endpoint_auth_method: 'private_key_jwt', client_secret: undefined, jwks: { keys: [signer.publicJwk] } },
  ],
  provider: { clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] },
});

const configuration = (introspection, more = {}) => ({
  issuers: { corp: { issuer: issuer.issuer, audience: resource, introspection, ...more } },
  apis: { api: { match: { path: '/api' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], scopes: ['read'] }, diagnostics: 'full' } },
});
const basic = { client_id: 'gateway', client_secret: 'gateway-secret' };

for (const [name, introspection] of [
  ['client_secret_basic', basic],
  ['client_secret_post', { client_id: 'gateway-post', client_secret: 'gateway-post-secret', method: 'client_secret_post' }],
  ['private_key_jwt', { client_id: 'gateway-jwt', method: 'private_key_jwt', private_key_file: 'gateway.pem' }],
  // The issuer looks for the key by its kid, which the assertion has to name.
  ['private_key_jwt by a JWK', { client_id: 'gateway-jwt', method: 'private_key_jwt', private_key_file: 'gateway.json' }],
]) {
  test(`an opaque token is served once the issuer says it is active (${name})`, async () => {
    const gateway = await startGateway({
      config: configuration(introspection),
      files: { 'gateway.pem': await jose.exportPKCS8(signer.privateKey), 'gateway.json': JSON.stringify(signer.privateJwk) },
    });
    const token = await issuer.token({ resource, scope: 'read' });
    assert.ok(!token.includes('.'));
    const asked = issuer.hits['/token/introspection'] ?? 0;
    for (let i = 0; i < 5; i++) {
      const answer = await gateway.get(`/api/${i}`, { token });
      assert.equal(answer.status, 200, answer.text);
    }
    assert.equal(issuer.hits['/token/introspection'], asked + 1, 'asked once');
    const refused = await gateway.get('/api/1', { token: 'an-invented-token-of-some-length-1234567890' });
    assert.equal(refused.cause, 'introspection.inactive', refused.text);
    const { json } = await gateway.get('/api/1', { token: await issuer.token({ resource, scope: 'write' }) });
    assert.equal(json.cause, 'scope.missing');
  });
}

test('100 calls at once with one new token are one question', async () => {
  const gateway = await startGateway({ config: configuration(basic) });
  const token = await issuer.token({ resource, scope: 'read' });
  const asked = issuer.hits['/token/introspection'];
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => gateway.get(`/api/${i}`, { token })));
  assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
  assert.equal(issuer.hits['/token/introspection'], asked + 1);
});

test('a revoked token is refused once the cached answer has run out', async () => {
  const gateway = await startGateway({ config: configuration({ ...basic, cache: '1s' }) });
  const token = await issuer.token({ resource, scope: 'read' });
  assert.equal((await gateway.get('/api/1', { token })).status, 200);
  await issuer.revoke(token);
  const answer = await until(async () => {
    const again = await gateway.get('/api/1', { token });
    return again.status === 401 && again;
  }, 'the revoked token to be refused');
  assert.ok(['introspection.inactive', 'token.revoked'].includes(answer.cause), answer.text);
});

test('the gateway\'s own credentials are refused: 503 and introspection.unauthorized, the client did nothing wrong', async () => {
  const gateway = await startGateway({ config: configuration({ client_id: 'gateway', client_secret: 'not-it' }) });
  const answer = await gateway.get('/api/1', { token: await issuer.token({ resource, scope: 'read' }) });
  assert.equal(answer.status, 503, answer.text);
  assert.equal(answer.cause, 'introspection.unauthorized');
  assert.ok(!JSON.stringify(await gateway.call(answer.requestId)).includes('not-it'), 'no secret in the log');
});

/** An introspection endpoint that answers as told. */
async function startEndpoint(answer) {
  const server = http.createServer(answer);
  const port = await listen(server);
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${port}/introspect`;
}

for (const [what, handler, cause] of [
  ['an error', (request, response) => response.writeHead(500).end('no'), 'introspection.http_status'],
  ['a page', (request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>'), 'introspection.malformed'],
  ['active as text', (request, response) => response.writeHead(200).end('{"active":"true"}'), 'introspection.malformed'],
  ['no active', (request, response) => response.writeHead(200).end('{"sub":"alice"}'), 'introspection.malformed'],
  ['50 MB', (request, response) => response.writeHead(200).end(Buffer.alloc(50_000_000, 0x20)), 'introspection.malformed'],
  ['a duplicate', (request, response) => response.writeHead(200).end('{"active":false,"active":true}'), 'introspection.malformed'],
  ['a closed connection', (request) => request.socket.destroy(), 'introspection.unreachable'],
]) {
  test(`an endpoint that answers with ${what}: 503 and ${cause}`, async () => {
    const endpoint = await startEndpoint(handler);
    const gateway = await startGateway({ config: configuration({ ...basic, endpoint }) });
    const answer = await gateway.get('/api/1', { token: 'some-reference-token-0123456789' });
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.cause, cause, answer.text);
    assert.ok(Number(answer.headers['retry-after']) > 0);
  });
}

test('an endpoint that hangs: bounded, and JWTs of the same issuer go on', async () => {
  const endpoint = await startEndpoint(() => {});
  const gateway = await startGateway({ config: configuration({ ...basic, endpoint }, { audience: [resource, 'https://jwt.example'] }) });
  const parked = gateway.get('/api/1', { token: 'some-reference-token-0123456789', timeout: 30_000 });
  const token = await issuer.token({ resource: 'https://jwt.example', scope: 'read' });
  for (let i = 0; i < 20; i++) assert.equal((await gateway.get(`/api/${i}`, { token })).status, 200);
  const answer = await parked;
  assert.equal(answer.status, 503, answer.text);
  assert.equal(answer.cause, 'introspection.unreachable');
});

test('two issuers whose opaque tokens look alike: each is asked until one knows the token', async () => {
  // Another server than oidc-provider, whose instances in one process share their memory.
  const second = await startAuthority({
    authority: { clients: { gateway: { secret: 'gateway-secret', token_format: 'opaque', audiences: [resource], scopes: ['read'] } } },
  });
  const issued = await second.post('/token', { grant_type: 'client_credentials', scope: 'read', resource }, { basic: ['gateway', 'gateway-secret'] });
  const theirs = issued.json.access_token;
  const unreachable = await startEndpoint((request) => request.socket.destroy());
  const both = (endpoint) => ({
    issuers: {
      corp: { issuer: issuer.issuer, audience: resource, introspection: { ...basic, ...endpoint } },
      partner: { issuer: second.issuer, audience: resource, introspection: basic },
    },
    apis: { api: { match: { path: '/api' }, upstream: { url: upstream.url }, auth: { issuers: ['corp', 'partner'], scopes: ['read'] } } },
  });
  const gateway = await startGateway({ config: both({}) });
  for (const token of [theirs, await issuer.token({ resource, scope: 'read' })]) {
    for (let i = 0; i < 3; i++) assert.equal((await gateway.get(`/api/${i}`, { token })).status, 200);
  }
  assert.equal(second.log().filter((line) => line.endpoint === 'INTROSPECTION').length, 1, 'the partner was asked for its own token, once');
  assert.equal((await gateway.get('/api/1', { token: 'nobody-issued-this-token-0123456789' })).cause, 'introspection.inactive');

  const halfBlind = await startGateway({ config: both({ endpoint: unreachable }) });
  assert.equal((await halfBlind.get('/api/1', { token: theirs })).status, 200, 'the partner knows it');
  const undecided = await halfBlind.get('/api/1', { token: 'perhaps-of-corp-0123456789' });
  assert.equal(undecided.status, 503, undecided.text);
  assert.equal(undecided.cause, 'introspection.unreachable');
});

/** One whose answer to the first question is the test's to give: `asked` becomes the response. */
async function startHeldEndpoint() {
  let heard;
  const asked = new Promise((resolve) => (heard = resolve));
  return { endpoint: await startEndpoint((request, response) => heard(response)), asked };
}

const isRefusing = (gateway) => until(() => gateway.get('/api/1').then(() => false, ({ code }) => code === 'ECONNREFUSED'));

test('SIGTERM: a call in progress goes on, its question too, for longer than 5 s; then everything ends', async () => {
  const { endpoint, asked } = await startHeldEndpoint();
  const gateway = await startGateway({ config: configuration({ ...basic, endpoint }) });
  const parked = gateway.get('/api/slow/6500', { token: 'some-reference-token-0123456789', timeout: 60_000 });
  const response = await asked;
  process.kill(gateway.pid, 'SIGTERM');
  await isRefusing(gateway);
  response.writeHead(200).end(JSON.stringify({ active: true, scope: 'read', aud: resource }));
  const answer = await parked;
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await gateway.exit).code, 0);
});

test('a second SIGTERM does not wait for calls in progress', async () => {
  const { endpoint, asked } = await startHeldEndpoint();
  const gateway = await startGateway({ config: configuration({ ...basic, endpoint }) });
  const cut = gateway.get('/api/slow/60000', { token: 'some-reference-token-0123456789', timeout: 90_000 }).then(({ status }) => status, ({ code }) => code);
  (await asked).writeHead(200).end(JSON.stringify({ active: true, scope: 'read', aud: resource }));
  await until(() => gateway.workerPids().length > 0);
  process.kill(gateway.pid, 'SIGTERM');
  await isRefusing(gateway);
  process.kill(gateway.pid, 'SIGTERM');
  assert.equal((await gateway.exit).code, 0);
  assert.notEqual(await cut, 200);
});

test('a clock set back keeps no answer longer', { skip: !canSetClock }, async () => {
  let asked = 0;
  const endpoint = await startEndpoint((request, response) => {
    asked++;
    response.writeHead(200).end(JSON.stringify({ active: asked === 1, iss: issuer.issuer, aud: resource, scope: 'read', exp: 4_000_000_000 }));
  });
  const clock = makeClock();
  const gateway = await startGateway({ config: configuration({ ...basic, endpoint, cache: '10s' }), env: clock.env });
  const call = () => gateway.get('/api/1', { token: 'some-reference-token-0123456789' });
  // With the issuer's keys comes another generation, which forgets what was kept before.
  await until(async () => (await gateway.metrics())['sallyport_keys_loaded_total'] >= 1, 'the keys in the worker');
  assert.equal((await call()).status, 200);
  clock.set(-3_600);
  await until(async () => (await call()).cause === 'introspection.inactive', 'the token to be asked for again', 60_000);
  assert.equal(asked, 2);
});
