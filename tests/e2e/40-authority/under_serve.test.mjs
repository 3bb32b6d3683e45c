// SPDX-License-Identifier: Apache-2.0
// The authority as a child of `sallyport serve`: one configuration for both, or none.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { Gateway, startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { until } from '../lib/wait.mjs';

const adminToken = 'a token for the admin API';
const configuration = ({ grants = ['client_credentials'], anonymous = true, section = {} } = {}) => ({
  admin: { address: '127.0.0.1:{admin_port}', token: adminToken },
  issuers: { corp: { issuer: 'https://idp.example', jwks_file: 'keys.json', audience: 'https://api.example' } },
  apis: { nothing: { match: { path: '/api' }, upstream: { url: 'http://127.0.0.1:9' }, auth: anonymous ? { anonymous: true } : { issuers: ['corp'] } } },
  authority: { issuer: 'http://127.0.0.1:{port}/oauth2', clients: { robot: { secret: 's', grants, scopes: ['read'] } }, ...section },
});
const files = { 'keys.json': '{"keys":[]}' };

const askToken = (gateway) => request(`${gateway.url}/oauth2/token`, {
  method: 'POST',
  timeout: 20_000,
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa('robot:s')}` },
  body: 'grant_type=client_credentials&scope=read',
});
const answersTokens = (gateway) => until(async () => (await askToken(gateway)).status === 200, 'a token');

const gateway = await startGateway({ config: configuration(), files });
await answersTokens(gateway);

test('what the authority would not run with is refused for the gateway too', async () => {
  const from = gateway.output.length;
  gateway.reload(configuration({ grants: ['nonsense'], anonymous: false }));
  await gateway.waitForOutput('the new configuration is refused; the old one stays in force', { from });
  assert.match(gateway.output.slice(from), /config\.authority: authority\.clients\.robot\.grants: /);
  assert.equal((await gateway.get('/api')).cause, 'upstream.refused', 'the API is not under the refused configuration');
  assert.equal((await gateway.metrics())['sallyport_configuration_reloads_total{result="refused"}'], 1);
  await answersTokens(gateway);
});

test('its path without the slash is no redirect of nginx\'s, but named like every path that is no endpoint', async () => {
  const { status, json, requestId, headers } = await gateway.get('/oauth2');
  assert.deepEqual([status, headers.location, headers['content-type']?.split(';')[0]], [404, undefined, 'application/json']);
  assert.deepEqual(json, (await gateway.get('/oauth2/')).json);
  assert.equal((await gateway.call(requestId)).path, '/oauth2');
  assert.equal((await gateway.explain(requestId)).json.cause.id, 'request.endpoint_unknown');
});

test('an authority at the root leaves to the APIs what only begins like its endpoints', async () => {
  const files = { 'keys.json': '{"keys":[]}' }, root = await startGateway({ config: { ...configuration(), authority: { ...configuration().authority, issuer: 'http://127.0.0.1:{port}' } }, files });
  const { status, cause, headers } = await root.get('/callback');
  assert.deepEqual([status, cause, headers.location], [404, 'route.none', undefined]);
});

test('a call of the authority is what it says in the gateway\'s log too, and explained by its own', async () => {
  const outcome = async (name) => (await gateway.metrics())[`sallyport_requests_total{route="",outcome="${name}"}`] ?? 0;
  const before = { accepted: await outcome('accepted'), refused: await outcome('refused') };
  const given = await askToken(gateway);
  const wrong = await request(`${gateway.url}/oauth2/token`, {
    method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa('robot:wrong')}` }, body: 'grant_type=client_credentials',
  });
  assert.deepEqual([given.status, wrong.status], [200, 401]);
  assert.deepEqual([(await gateway.call(given.requestId)).accepted, (await gateway.call(wrong.requestId)).accepted], [true, false]);
  assert.deepEqual({ accepted: await outcome('accepted'), refused: await outcome('refused') }, { accepted: before.accepted + 1, refused: before.refused + 1 });
  const accepted = await gateway.explain(given.requestId), refused = await gateway.explain(wrong.requestId);
  assert.deepEqual([accepted.json.accepted, accepted.json.cause], [true, null]);
  assert.deepEqual([refused.json.accepted, refused.json.cause.id], [false, 'client.secret_wrong']);
  assert.match((await gateway.explain(wrong.requestId, [])).stdout, /✗ REJECTED {2}client\.secret_wrong: /);
  const alone = await sallyport(['explain', wrong.requestId, '--log', path.join(gateway.state, 'calls.jsonl')]);
  assert.match(alone.stdout, /✗ REJECTED {2}by whoever answered/);
});

test('nor does serve start with it', async () => {
  const refused = new Gateway({ config: configuration({ grants: ['nonsense'] }), files });
  await refused.prepare();
  refused.spawn();
  assert.deepEqual(await refused.exit, { code: 1, signal: null }, refused.output);
  assert.match(refused.output, /config\.authority: authority\.clients\.robot\.grants: /);
});

/** The pids of serve's children whose command line has the word. */
const childrenOf = (of, word) => fs.readdirSync(`/proc/${of.pid}/task`).flatMap((thread) => fs.readFileSync(`/proc/${of.pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean))
  .filter((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').some((part) => part === word)).map(Number);

for (const signal of ['SIGHUP', 'SIGUSR1']) test(`${signal} that comes while the parts start ends none of them`, async () => {
  const early = new Gateway({ config: configuration(), files });
  await early.prepare();
  early.spawn();
  const [authority] = await until(() => [childrenOf(early, 'authority')].find(({ length }) => length > 0), 'the authority to start');
  let answers = false;
  const whole = (async () => {
    while (!answers) {
      process.kill(authority, signal);
      await new Promise(setImmediate);
    }
  })();
  await early.ready().finally(() => { answers = true; });
  await whole;
  await answersTokens(early);
  assert.deepEqual(childrenOf(early, 'authority'), [authority]);
  assert.doesNotMatch(early.output, /the authority ended/);
});

test('an authority that cannot start is told by /readyz and /metrics, and started at once by a reload', async () => {
  const ready = () => request(`${gateway.adminUrl}/readyz`, { timeout: 20_000 });
  gateway.reload(configuration());
  await until(async () => (await ready()).json.authority === 'serving', 'the authority to serve');
  const masterKey = path.join(gateway.state, 'authority.master_key');
  fs.chmodSync(masterKey, 0o644); // which it refuses
  process.kill(childrenOf(gateway, 'authority')[0], 'SIGKILL');
  const answer = await until(async () => [await ready()].find(({ status }) => status === 503), 'the gateway not to be ready');
  assert.deepEqual([answer.json.ready, answer.json.authority, answer.json.nginx], [false, 'not serving', 'serving']);
  const away = await askToken(gateway);
  assert.deepEqual([away.status, away.cause, away.json.status], [503, 'authority.unreachable', 503], away.text);
  assert.ok(Number(away.headers['retry-after']) > 0);
  assert.equal((await gateway.get('/.well-known/openid-configuration/oauth2')).cause, 'authority.unreachable');
  assert.equal((await gateway.get('/api')).cause, 'upstream.refused', 'an API that is away is one still');
  // A person is shown a page, a script that goes there by itself the problem.
  const authorize = `${gateway.url}/oauth2/authorize?client_id=web&state=%22%3E%3Cscript%3E`;
  const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const page = await request(authorize, { headers: browser });
  assert.deepEqual([page.status, page.headers['content-type'], page.headers['cache-control']], [503, 'text/html; charset=utf-8', 'no-store'], page.text);
  assert.ok(Number(page.headers['retry-after']) > 0);
  const [, style] = /<style>([^]*)<\/style>/.exec(page.text);
  const hash = createHash('sha256').update(style).digest('base64url');
  assert.equal(page.headers['content-security-policy'], `default-src 'none'; style-src 'sha256-${hash}='; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`);
  assert.match(page.text, /does not answer[^]*<a href="">try again<\/a>/);
  assert.ok(page.text.includes(page.headers['x-request-id']));
  assert.doesNotMatch(page.text, /<script/);
  const sent = await request(authorize, { method: 'POST', headers: browser, body: 'a=b' });
  assert.equal(sent.status, 503);
  assert.match(sent.text, /go back and try again/);
  assert.equal((await request(authorize, { headers: { Accept: '*/*' } })).headers['content-type'], 'application/problem+json');
  assert.equal((await gateway.call(page.headers['x-request-id'])).cause, 'authority.unreachable');
  const { json: told } = await gateway.explain(away.requestId);
  assert.match(JSON.stringify(told), /it takes no connections/);
  assert.match(JSON.stringify(told), /authority\.jsonl in the state directory/);
  const accounts = await request(`${gateway.adminUrl}/admin/accounts`, { headers: { Authorization: `Bearer ${adminToken}` } });
  assert.deepEqual([accounts.status, accounts.headers['retry-after'], accounts.json.error], [503, '1', 'temporarily_unavailable']);
  assert.match(accounts.json.error_description, /\(authority\.unreachable\)/);
  // Each start ends as the first, after twice the wait.
  await gateway.waitForOutput('it is started again in 2000 ms');
  const metrics = await gateway.metrics();
  assert.equal(metrics.sallyport_authority_up, 0);
  assert.ok(metrics.sallyport_authority_restarts_total >= 3);
  assert.equal(metrics.sallyport_ready, 0);
  fs.chmodSync(masterKey, 0o600);
  gateway.reload(configuration());
  await until(async () => (await ready()).status === 200, 'the gateway to be ready');
  assert.equal((await askToken(gateway)).status, 200);
});

test('an authority that dies while a refused file stands on the disk is back with the settings in force', async () => {
  const secret = path.join(gateway.folder, 'robot.secret');
  fs.writeFileSync(secret, 's${HOME}\n'); // what a secret looks like is nobody's business: it is expanded once
  const good = configuration();
  good.authority.clients.robot.secret = '${file:robot.secret}';
  let from = gateway.output.length;
  gateway.reload(good);
  await gateway.waitForOutput('authority: the configuration was read again', { from });
  const ask = () => request(`${gateway.url}/oauth2/token`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'robot', client_secret: 's${HOME}' }).toString() });
  assert.equal((await ask()).status, 200);
  fs.rmSync(secret); // the files are not looked at again
  for (const broken of [configuration({ grants: ['nonsense'] }), 'authority: [']) {
    from = gateway.output.length;
    gateway.reload(broken);
    await gateway.waitForOutput('the new configuration is refused; the old one stays in force', { from });
    const [pid] = childrenOf(gateway, 'authority');
    process.kill(pid, 'SIGKILL');
    await until(() => childrenOf(gateway, 'authority').some((other) => other !== pid), 'another authority');
    await until(async () => (await ask()).status === 200, 'a token');
    process.kill(childrenOf(gateway, 'authority')[0], 'SIGHUP'); // by hand: nothing new was handed over
    await gateway.waitForOutput('authority: the configuration was read again', { from });
    assert.equal((await ask()).status, 200);
  }
  for (const name of fs.readdirSync(gateway.state).filter((each) => fs.statSync(path.join(gateway.state, each)).isFile())) {
    assert.ok(!fs.readFileSync(path.join(gateway.state, name)).includes('s${HOME}'), `a secret in ${name}`);
  }
  from = gateway.output.length;
  gateway.reload(configuration());
  await gateway.waitForOutput('authority: the configuration was read again', { from });
  await answersTokens(gateway);
});

test('a signing key that leaked is withdrawn: the gateway takes what the fresh one signs, and refuses what the leaked one signed', async () => {
  const issuer = 'http://127.0.0.1:{port}/oauth2';
  const own = await startGateway({
    config: {
      issuers: { own: { issuer, audience: 'https://api.example' } },
      apis: { one: { match: { path: '/api' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { issuers: ['own'] } } },
      authority: { issuer, clients: { robot: { secret: 's', scopes: ['read'], audiences: ['https://api.example'] } } },
    },
  });
  const token = async () => (await until(async () => [await askToken(own)].find(({ status }) => status === 200), 'a token')).json.access_token;
  const call = async (jwt) => (await own.get('/api', { headers: { Authorization: `Bearer ${jwt}` } })).cause;
  const leaked = await token();
  await until(async () => (await call(leaked)) === 'upstream.refused', 'the gateway to have the keys'); // it got past the gateway
  const { code, stderr } = await sallyport(['keys', 'rotate', '--leaked', '-c', own.configFile, '--state', own.state], { cwd: own.folder });
  assert.equal(code, 0, stderr);
  // A kid that it does not know makes it look again, once in 10 s at most.
  await until(async () => (await call(await token())) === 'upstream.refused' && (await call(leaked)) === 'keys.replaced', 'the gateway to look again');
});

test('a reload names what only a start takes, and puts the rest in force', async () => {
  const ready = async () => (await request(`${gateway.adminUrl}/readyz`)).json;
  assert.equal((await ready()).waits_for_restart, undefined);
  for (const times of [1, 2]) { // as long as it waits
    const from = gateway.output.length;
    gateway.reload(configuration({ section: { keys: { master_key: 'k'.repeat(32) } }, anonymous: times === 2 }));
    await gateway.waitForOutput('the configuration is in force', { from });
    assert.match(gateway.output.slice(from), /authority\.keys\.master_key differs from what the authority was started with/);
    assert.deepEqual((await ready()).waits_for_restart, ['authority.keys.master_key']);
    await until(async () => (await gateway.get('/api')).cause === (times === 2 ? 'upstream.refused' : 'token.missing'), 'the rest to be in force');
    await answersTokens(gateway);
  }
  const from = gateway.output.length;
  gateway.reload(configuration());
  await gateway.waitForOutput('the configuration is in force', { from });
  assert.doesNotMatch(gateway.output.slice(from), /differs from what/);
  assert.equal((await ready()).waits_for_restart, undefined);
});

test('a master key that is gone is asked for, not replaced', async () => {
  const masterKey = path.join(gateway.state, 'authority.master_key'), away = `${masterKey}.away`;
  fs.renameSync(masterKey, away);
  const from = gateway.output.length;
  process.kill(childrenOf(gateway, 'authority')[0], 'SIGKILL');
  await gateway.waitForOutput(/authority\.master_key is missing, and the store has signing keys/, { from });
  assert.equal(fs.existsSync(masterKey), false);
  fs.renameSync(away, masterKey);
  gateway.reload(configuration());
  await answersTokens(gateway);
});
