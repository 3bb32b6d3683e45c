// SPDX-License-Identifier: Apache-2.0
// `sallyport backtest` and `explain --what-if`: what they say of recorded calls under another configuration is what a gateway with that
// configuration really answers to the same calls.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { breakSignature, makeKey, makeProof, makeToken, now, thumbprint } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const aud = 'https://api.example';
const upstream = await startUpstream();
const issuer = await startPlainIssuer();
const other = await startPlainIssuer();
const introspection = http.createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => response.end(JSON.stringify(body.includes('known') ? { active: true, sub: 'carol', client_id: 'app-c', aud, scope: 'read', exp: now() + 300 } : { active: false })));
});
const introspectionPort = await listen(introspection);
defer(() => {
  introspection.closeAllConnections();
  introspection.close();
});

const hash = (key) => `sha256:${createHash('sha256').update(key).digest('hex')}`;
const api = (where, auth = {}, more = {}) => ({ match: { path: where }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...auth }, ...more });
const before = {
  call_log: { claims: ['department'] },
  issuers: {
    corp: { issuer: issuer.issuer, audience: aud, introspection: { endpoint: `http://127.0.0.1:${introspectionPort}/introspect`, client_id: 'gateway', client_secret: 'secret' } },
  },
  apis: {
    photos: api('/photos', { scopes: { GET: ['read'], POST: ['write'] } }),
    strict: api('/strict', { claims: { tenant: ['t1'] }, max_age: '1h' }, { identity_headers: { 'X-Tenant': 'tenant' } }),
    proof: api('/proof', { dpop: 'required' }),
    keys: { match: { path: '/keys' }, upstream: { url: upstream.url }, auth: { api_keys: true } },
    open: api('/open', { anonymous: true }, { cors: { origins: ['*'], methods: ['GET'] } }),
    limited: api('/limited', {}, { limits: [{ per: 'client', requests: 1, window: '1m' }] }),
    old: api('/old', { in_query: true }),
  },
  consumers: {
    acme: { api_keys: [hash('acme-key')], client_ids: ['app-a'] },
    late: { api_keys: [hash('late-key')], state: 'pending' },
  },
};
const key = await makeKey('ES256');
const bound = await issuer.token({ aud, client_id: 'app-d', cnf: { jkt: await thumbprint(key) } });
const token = (claims = {}, header = {}) => issuer.token({ aud, client_id: 'app-b', scope: 'read write', ...claims }, header);
const good = await token();
const get = (where, bearer, more = {}) => (gateway) => gateway.get(where, { token: bearer, ...more });
const limited = [];
const calls = {
  'a known client': get('/photos/1', await token({ client_id: 'app-a' })),
  'the same token twice': get('/photos/1', good),
  'the same token, from the cache': get('/photos/2', good),
  'to write': get('/photos', good, { method: 'POST', body: '1' }),
  'an audience too much': get('/photos/1', await token({ aud: [aud, 'https://two.example'] })),
  'an old type': get('/photos/1', await token({}, { typ: 'JWT' })),
  'no type': get('/photos/1', await token({}, { typ: undefined })),
  'roles for scopes': get('/photos/1', await token({ scope: undefined, roles: ['read', 'x'] })),
  'opaque': get('/photos/1', 'known-reference-token-0123456789'),
  'opaque and unknown': get('/photos/1', 'other-reference-token-0123456789'),
  'a tenant': get('/strict/1', await token({ tenant: 't1', auth_time: now() - 1800, department: 'sales' })),
  'another tenant': get('/strict/1', await token({ tenant: 't2', auth_time: now() - 1800 })),
  'an old login': get('/strict/1', await token({ tenant: 't1', auth_time: now() - 7200 })),
  'no tenant': get('/strict/1', await token({ auth_time: now() })),
  'a long life': get('/photos/1', await token({ exp: now() + 86_400 })),
  'expired': get('/photos/1', await token({ exp: now() - 60 })),
  'not yet': get('/photos/1', await token({ nbf: now() + 900 })),
  'a slash': get('/photos/1', await token({ aud: `${aud}/` })),
  'no audience': get('/photos/1', await token({ aud: undefined })),
  'an issuer with a slash': get('/photos/1', await token({ iss: `${issuer.issuer}/` })),
  'another issuer': get('/photos/1', await other.token({ aud, scope: 'read write' })),
  'a broken signature': get('/photos/1', breakSignature(good)),
  'alg none': get('/photos/1', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.`),
  'a shared secret': get('/photos/1', await makeToken(await makeKey('HS256'), { aud, iss: issuer.issuer })),
  'an ID token': get('/photos/1', await token({ at_hash: 'x', nonce: 'n' }, { typ: 'JWT' })),
  'no token': get('/photos/1'),
  'cut': get('/photos/1', good.slice(0, -9)),
  'quoted': get('/photos/1', `"${good}"`),
  'a wrong scheme': get('/photos/1', undefined, { headers: { Authorization: 'Basic YTpi' } }),
  'too little scope': get('/photos', await token({ scope: 'read' }), { method: 'POST', body: '1' }),
  'proof': async (gateway) => gateway.get('/proof/1', { headers: { Authorization: `DPoP ${bound}`, DPoP: await makeProof(key, 'GET', `${gateway.url}/proof/1`, { token: bound }) } }),
  'a proof of something else': async (gateway) => gateway.get('/proof/1', { headers: { Authorization: `DPoP ${bound}`, DPoP: await makeProof(key, 'POST', `${gateway.url}/proof/1`, { token: bound }) } }),
  'bound, without proof': get('/proof/1', bound),
  'not bound': get('/proof/1', good),
  'a key': get('/keys/1', undefined, { headers: { 'X-API-Key': 'acme-key' } }),
  'a key of a late one': get('/keys/1', undefined, { headers: { 'X-API-Key': 'late-key' } }),
  'a key of nobody': get('/keys/1', undefined, { headers: { 'X-API-Key': 'nobody' } }),
  'open to all': get('/open/1'),
  'open, with a token': get('/open/1', good),
  'open, with an expired token': get('/open/1', await token({ exp: now() - 600 })),
  'a preflight': get('/open/1', undefined, { method: 'OPTIONS', headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' } }),
  'limited': (gateway) => gateway.get('/limited/1', { token: limited.at(-1) }),
  'limited again': (gateway) => gateway.get('/limited/1', { token: limited.at(-1) }),
  'in the query': get(`/old/1?access_token=${good}`),
  'in the query where it may not be': get(`/photos/1?access_token=${good}`),
  'nowhere': get('/nowhere', good),
};

/** Sends all calls in order: { name: response }. */
async function send(gateway) {
  const answers = {};
  limited.push(await token({ client_id: `limited-${limited.length}` })); // a limit lives longer than a policy
  for (const [name, call] of Object.entries(calls)) answers[name] = await call(gateway);
  return answers;
}

const gateway = await startGateway({ config: before });
const recorded = await send(gateway);
await until(() => Object.values(recorded).every(({ requestId }) => gateway.calls().some(({ request_id }) => request_id === requestId)), 'all calls in the log');
const after = await startGateway({ config: before }); // gets one configuration after the other
const names = Object.fromEntries(Object.entries(recorded).map(([name, { requestId }]) => [requestId, name]));
const folder = temporaryFolder();
const write = (name, content) => {
  const file = path.join(folder, name);
  fs.writeFileSync(file, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return file;
};
const backtest = (...more) => sallyport(['backtest', '--state', gateway.state, ...more]);
const whatIf = (name, ...more) => sallyport(['explain', recorded[name].requestId, '--state', gateway.state, '--json', ...more]);
const change = (edit) => {
  const config = structuredClone(before);
  edit(config);
  return config;
};

test('under the same configuration nothing changes, and what a log cannot tell is said', async () => {
  const { code, json, stderr } = await backtest('-c', gateway.configFile, '--json');
  assert.equal(code, 0, JSON.stringify(json?.rows, null, 1) + stderr);
  const total = Object.keys(calls).length;
  assert.deepEqual(json.totals, { same: total - 2, refused: 0, accepted: 0, other_cause: 0, unknown: 1, outside: 1, outside_time: 0, unreadable: 0, unreadable_files: 0, without_row: 0 });
  assert.deepEqual(json.rows.map((row) => [row.change, row.lacking, names[row.example]]), [['unknown', 'the API key', 'a key of nobody']]);
  assert.match(json.note, /[Ss]ignatures are not stored/);
  assert.equal(json.complete, false);
  assert.match(stderr, /^sallyport backtest: 1 call cannot be judged: the exit status says nothing of it$/m);
});

const changes = {
  'another audience': (config) => { config.issuers.corp.audience = 'https://two.example'; },
  'the audience with a slash': (config) => { config.issuers.corp.audience = [aud, `${aud}/`]; },
  'the issuer with a slash': (config) => { config.issuers.corp.issuer += '/'; config.issuers.corp.jwks_uri = `${issuer.issuer}/jwks`; },
  'a type is required': (config) => { config.issuers.corp.require_type = true; },
  'a shorter life': (config) => { config.issuers.corp.max_lifetime = '1h'; },
  'more leeway': (config) => { config.issuers.corp.leeway = '1000s'; },
  'another algorithm': (config) => { config.issuers.corp.algorithms = ['RS256']; },
  'scopes swapped': (config) => { config.apis.photos.auth.scopes = { GET: ['write'], POST: ['read'] }; },
  'a claim that was logged': (config) => { config.apis.photos.auth.claims = { department: ['sales'] }; config.apis.strict.auth.claims = { department: true }; },
  'other claims': (config) => { config.apis.strict.auth = { issuers: ['corp'], claims: { tenant: ['t2'] } }; },
  'an older login will do': (config) => { config.apis.strict.auth.max_age = '3h'; },
  'an e-mail': (config) => { config.apis.photos.auth.verified_email = true; },
  'a strong login': (config) => { config.apis.photos.auth.acr = ['mfa']; },
  'a proof for all': (config) => { config.apis.photos.auth.dpop = 'required'; },
  'a proof for nobody': (config) => { config.apis.proof.auth.dpop = 'off'; },
  'a consumer suspended': (config) => { config.consumers.acme.state = 'suspended'; },
  'a consumer accepted': (config) => { config.consumers.late.state = 'active'; },
  'a consumer gone': (config) => { delete config.consumers.acme; },
  'a consumer elsewhere': (config) => { config.consumers.acme.apis = ['open']; },
  'an API gone': (config) => { delete config.apis.photos; },
  'a method gone': (config) => { config.apis.photos.match.methods = ['GET']; },
  'an API moved': (config) => { config.apis.photos.match.path = '/photos/1'; },
  'an API opened': (config) => { config.apis.photos.auth.anonymous = true; },
  'an API closed': (config) => { config.apis.open.auth = { issuers: ['corp'] }; },
  'keys in place of tokens': (config) => { config.apis.photos.auth = { api_keys: true }; },
  'no limit': (config) => { delete config.apis.limited.limits; },
  'no token in the query': (config) => { delete config.apis.old.auth.in_query; },
  'small tokens': (config) => { config.apis.photos.auth.max_token_size = 1024; config.apis.strict.auth.max_token_size = 1024; },
};
for (const [what, edit] of Object.entries(changes)) {
  test(`${what}: what is said is what a gateway with that configuration answers`, async () => {
    const config = change(edit);
    const file = write('new.yaml', config);
    const mark = `/mark-${what.replaceAll(' ', '-')}`;
    after.reload({ ...config, apis: { ...config.apis, mark: api(mark, { anonymous: true }) } });
    await until(async () => (await after.get(mark)).status === 200, `${mark} to be served`);
    const answers = await send(after);
    const { code, json } = await backtest('-c', file, '--json');
    const counted = { refused: 0, accepted: 0, other_cause: 0, unknown: 0 };
    const each = (await backtest('-c', file, '--each')).stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    const told = Object.fromEntries(each.map((one) => [names[one.request_id], one]));
    for (const [name, answer] of Object.entries(answers)) {
      if (name === 'a preflight') continue;
      const said = told[name] ?? { change: 'same' };
      const was = recorded[name].status < 400;
      const is = answer.status < 400;
      if (said.change === 'unknown') {
        // What is called unknown really is: the record has nothing of it.
        counted.unknown++;
        assert.ok(name === 'a key of nobody' || ['in the query where it may not be', 'nowhere'].includes(name) || /introspection|signature/.test(said.lacking), `${name}: ${said.lacking}`);
        continue;
      }
      // What only keys can prove is told by its symptom.
      const cause = { 'algorithm.symmetric': 'algorithm.not_allowed' }[answer.cause] ?? answer.cause;
      const change = was !== is ? (is ? 'accepted' : 'refused') : is || recorded[name].cause === answer.cause ? 'same' : 'other_cause';
      assert.equal(said.change, change, `${name}: ${answer.status} ${answer.text}, said ${JSON.stringify(said)}, was ${recorded[name].text}`);
      if (change === 'same') continue;
      counted[change]++;
      assert.ok(is || said.cause === answer.cause || said.cause === cause, `${name}: ${said.cause} was said, it is ${answer.cause}`);
    }
    for (const [kind, count] of Object.entries(counted)) assert.equal(json.totals[kind], count, `${kind}: ${JSON.stringify(json, null, 1)}`);
    assert.equal(code, counted.refused + counted.accepted + counted.other_cause > 0 ? 1 : 0);
    assert.equal(json.rows.reduce((sum, { calls: count }) => sum + count, 0), counted.refused + counted.accepted + counted.other_cause + counted.unknown);
  });
}

/* ---- explain --what-if ---- */

test('--what-if changes one thing of the policy in force', async () => {
  for (const [name, setting, outcome, cause] of [
    ['a slash', `audience=${aud}/`, 'accepted'],
    ['a slash', `audience=${aud},audience=${aud}/`, 'accepted'],
    ['a slash', `audience=${aud},${aud}/`, 'accepted'],
    ['a slash', 'audience=', 'accepted'],
    ['an issuer with a slash', `issuer=${issuer.issuer}/`, 'accepted'],
    ['expired', 'leeway=1000s', 'accepted'],
    ['expired', 'leeway=31', 'refused', 'time.expired'],
    ['a known client', 'leeway=0', 'accepted'],
    ['a known client', `now=${now() + 3600}`, 'refused', 'time.expired'],
    ['a known client', 'now=2001-01-01T00:00:00Z', 'refused', 'time.issued_in_future'],
    ['a known client', 'scope=read,admin', 'refused', 'scope.missing'],
    ['a known client', 'scope=', 'accepted'],
    ['a known client', 'algorithm=RS256', 'refused', 'algorithm.not_allowed'],
    ['a known client', 'algorithms=RS256,ES256', 'accepted'],
    ['a known client', 'max_age=1h', 'refused', 'authentication.too_old'],
    ['a known client', 'require_type=true', 'accepted'],
    ['an old type', 'require_type=true', 'refused', 'token.kind.type_header'],
    ['a long life', 'max_lifetime=1h', 'refused', 'time.lifetime_too_long'],
    ['a known client', 'dpop=required', 'refused', 'binding.dpop_missing'],
    ['a known client', 'claim=department', 'refused', 'claim.missing'],
    ['a tenant', 'claim=department:sales', 'accepted'],
    ['a tenant', 'claim=department:law,claim=department:sales', 'accepted'],
    ['a tenant', 'claim=department:law', 'refused', 'claim.mismatch'],
    ['a known client', 'claim=country', 'unknown'],
    ['a broken signature', 'audience=', 'refused', 'signature.invalid'],
    ['another issuer', `issuer=${other.issuer}`, 'unknown'],
    ['a preflight', 'leeway=1', 'outside'],
  ]) {
    const { code, json, stderr } = await whatIf(name, '--what-if', setting);
    assert.equal(json?.outcome, outcome, `${name}, ${setting}: ${JSON.stringify(json?.verdict?.cause)} ${stderr}`);
    if (cause) assert.equal(json.verdict.cause.id, cause, `${name}, ${setting}`);
    assert.equal(code, { accepted: 0, refused: 1, unknown: 3, outside: 3 }[outcome]);
    assert.equal(json.recorded.accepted, recorded[name].status < 400);
  }
  const { stdout } = await sallyport(['explain', recorded['a slash'].requestId, '--state', gateway.state, '--what-if', `audience=${aud}/`]);
  assert.match(stdout, /recorded {3}refused: audience\.trailing_slash[^]*what if {4}audience=[^]*ACCEPTED[^]*Signatures are not stored/);
  const lacking = await sallyport(['explain', recorded['a known client'].requestId, '--state', gateway.state, '--what-if', 'claim=country']);
  assert.match(lacking.stdout, /Cannot be judged: the log does not tell claim country\.\n.*call_log: \{claims: \[country\]\}/);
  assert.equal((await whatIf('a slash', '--what-if', 'leeway=1', '--what-if', `audience=${aud}/`)).json.outcome, 'accepted', 'repeated');
});

test('--what-if that makes no sense ends with 2 and says what there is', async () => {
  for (const [setting, code, pattern] of [
    ['audienc=x', 2, /'audienc'; did you mean 'audience'\?.*issuer, audience, leeway.*now/],
    ['leeway', 2, /no NAME=VALUE/],
    ['leeway=', 2, /'leeway' has no value/],
    ['leeway=1,leeway=2', 2, /given twice/],
    ['now=yesterday', 2, /epoch seconds/],
    ['leeway=soon', 2, /--what-if: issuers\.corp\.leeway is soon/],
    ['algorithm=none', 2, /algorithms/],
    ['dpop=maybe', 2, /dpop/],
    ['', 2, /NAME=VALUE is missing/],
  ]) {
    const answer = await whatIf('a slash', '--what-if', setting);
    assert.equal(answer.code, code, `${setting}: ${answer.stderr}`);
    assert.match(answer.stderr, pattern);
  }
  assert.equal((await whatIf('nowhere', '--what-if', 'leeway=1')).code, 2, 'no API to change');
});

/* ---- logs ---- */

test('rotated and packed logs, a window of time, lines that are none', async () => {
  const state = path.join(temporaryFolder(), 'state');
  fs.mkdirSync(state);
  const [line] = gateway.calls().filter(({ request_id }) => names[request_id] === 'a slash');
  Object.assign(line.verdict.token.claims, { iat: 1_700_000_000, exp: 4_000_000_000 }); // good at all the times below
  const began = Date.now();
  const at = (ago, id, more = {}) => `${JSON.stringify({ ...line, time: new Date(began - ago * 1000).toISOString(), request_id: id, ...more })}\n`;
  fs.writeFileSync(path.join(state, 'calls.jsonl'), `${at(10, 'new')}${at(20, 'newer')}not JSON\n\n{"time":1}\n${'x'.repeat(2_000_000)}\n${at(1, 'last').trimEnd()}`);
  fs.writeFileSync(path.join(state, 'calls.jsonl.1'), at(7200, 'old') + at(5400, 'older'));
  fs.writeFileSync(path.join(state, 'calls.jsonl.2.gz'), gzipSync(at(90_000, 'packed')));
  fs.writeFileSync(path.join(state, 'calls.jsonl.3.xz'), 'x');
  for (const [name, ago] of [['calls.jsonl.1', 5400], ['calls.jsonl.2.gz', 90_000]]) fs.utimesSync(path.join(state, name), new Date(), new Date(Date.now() - ago * 1000));
  const file = write('new.yaml', change((config) => { config.issuers.corp.audience = `${aud}/`; }));
  const run = async (...more) => (await sallyport(['backtest', '-c', file, '--state', state, '--json', ...more])).json;
  const all = await run();
  assert.deepEqual([all.totals.accepted, all.totals.unreadable, all.totals.unreadable_files, all.files], [6, 3, 1, 3]);
  assert.equal(all.complete, false);
  const said = await sallyport(['backtest', '-c', file, '--state', state]);
  assert.match(said.stderr, /: 3 lines are no calls, or broken: the exit status says nothing of them\n.*: 1 file could not be read:/);
  assert.equal(all.rows[0].was, 'audience.trailing_slash');
  assert.equal(all.rows[0].example, 'packed', 'the oldest first');
  for (const [window, count] of [[['--since', '24h'], 5], [['--since', '1h'], 3], [['--since', '24h', '--until', '1h'], 2], [['--until', '100m'], 2], [['--since', new Date(began - 15_000).toISOString()], 2]]) {
    const json = await run(...window);
    assert.equal(json.totals.accepted, count, window.join(' '));
  }
  const none = await sallyport(['backtest', '-c', file, '--state', state, '--since', '0s']);
  assert.equal(none.code, 3, 'no call proves nothing');
  assert.match(none.stderr, /no call is of the time asked for/);
  fs.writeFileSync(path.join(state, 'empty.jsonl'), '');
  assert.match((await sallyport(['backtest', '-c', file, '--log', path.join(state, 'empty.jsonl')])).stderr, /the log is empty/);
  fs.linkSync(path.join(state, 'calls.jsonl'), path.join(state, 'calls.jsonl-20261126')); // as a rotation that happens while it is read leaves it
  assert.deepEqual([(await run()).totals.accepted, (await run()).files], [6, 3], 'read once');
  assert.equal((await sallyport(['backtest', '-c', file, '--log', path.join(state, 'calls.jsonl.2.gz'), '--json'])).json.totals.accepted, 1);
  const piped = await sallyport(['backtest', '-c', file, '--log', '-', '--json'], { input: at(1, 'piped') });
  assert.deepEqual([piped.code, piped.json.totals.accepted, piped.json.complete, piped.stderr], [1, 1, true, '']);
  assert.match((await sallyport(['explain', 'packed', '--state', state])).stdout, /audience\.trailing_slash/, 'explain reads packed ones too');
});

test('for people: totals, rows by cause and caller, what is not known; --limit', async () => {
  const file = write('new.yaml', change((config) => { config.apis.photos.auth.claims = { country: true }; config.issuers.corp.algorithms = ['RS256', 'PS256']; config.apis.open.auth.claims = { country: true }; }));
  const { code, stdout } = await backtest('-c', file);
  assert.equal(code, 1);
  assert.match(stdout, /would be refused[^]*Accepted then, refused now[^]*algorithm\.not_allowed +acme +photos[^]*expected +PS256, RS256|RS256, PS256/);
  assert.match(stdout, /Cannot be judged: the log does not tell\n[^]*the API key[^]*call_log: \{claims: \[country\]\}/);
  assert.match((await backtest('-c', file, '--limit', '1')).stdout, /more rows: --limit/);
  const claims = write('claims.yaml', change((config) => { config.apis.photos.auth.claims = { country: true }; }));
  const { json } = await backtest('-c', claims, '--json');
  assert.ok(json.rows.some((row) => row.change === 'unknown' && row.lacking === 'claim country' && row.consumer === 'acme' && row.api === 'photos'), JSON.stringify(json.rows));
});

test('usage and broken input', async () => {
  for (const [args, code, pattern] of [
    [[], 2, /-c names the configuration/],
    [['-c', gateway.configFile, '--since', 'soon'], 2, /--since/],
    [['-c', gateway.configFile, '--limit', '-1'], 2, /--limit/],
    [['-c', gateway.configFile, '--limit', '1', '--each'], 2, /--limit is of the summary/],
    [['-c', write('refused.yaml', 'alerts: {webhook: "https://alerts.example/x"}\nissuers: {corp: {isuer: x}}')], 3, /refused\.yaml:2:\d+: .*isuer/],
    [['-c', path.join(folder, 'absent.yaml')], 3, /absent\.yaml/],
    [['-c', write('broken.yaml', 'apis: ['), '--state', gateway.state], 3, /refused/],
    [['-c', gateway.configFile, '--state', path.join(folder, 'absent')], 3, /no call log/],
  ]) {
    const answer = await sallyport(['backtest', ...args]);
    assert.equal(answer.code, code, answer.stderr);
    assert.match(answer.stderr, pattern);
    assert.equal(answer.stdout, '');
  }
});

/* ---- what is recorded ---- */

test('call_log.claims: none tells nothing, all tells header and claims whole', async () => {
  const secret = await token({ email: 'ann@example.com', note: 'line\nend' });
  const line = async (claims) => {
    const one = await startGateway({ config: { ...before, call_log: claims === undefined ? {} : { claims } } });
    const lines = [];
    for (let i = 0; i < 3; i++) lines.push(await one.call((await one.get('/photos/1', { token: secret })).requestId));
    const test = write('new.yaml', change((config) => { config.apis.photos.auth.claims = { email: true }; }));
    const { json } = await sallyport(['backtest', '-c', test, '--state', one.state, '--json']);
    await one.stop();
    assert.deepEqual(lines.map(({ cache }) => cache), ['miss', 'shared', 'shared']);
    for (const other of lines) assert.deepEqual(other.token, lines[0].token, 'the same from the cache');
    return { token: lines[0].token, totals: json.totals, rows: json.rows };
  };
  const facts = await line();
  assert.deepEqual(Object.keys(facts.token.claims), ['iss', 'aud', 'exp', 'iat', 'scope']);
  assert.ok(!JSON.stringify(facts.token).includes('ann@'));
  assert.equal(facts.rows[0].lacking, 'claim email');
  const none = await line('none');
  assert.equal(none.token, undefined);
  assert.match(none.rows[0].lacking, /call_log\.claims: none/);
  const all = await line('all');
  assert.equal(all.token.claims.email, 'ann@example.com');
  assert.equal(all.token.claims.note, 'line\nend');
  assert.equal(all.token.header.kid.length > 0, true);
  assert.equal(all.totals.same, 3);
  assert.ok(!JSON.stringify(all.token).includes(secret.split('.')[2]), 'never the signature');
  const named = await line(['email', 'phone']);
  assert.deepEqual(named.token.kept, { email: 'ann@example.com', phone: null });
  assert.equal(named.totals.same, 3);
});
