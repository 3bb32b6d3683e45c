// SPDX-License-Identifier: Apache-2.0
// The admin API for accounts through `sallyport serve`: the token, who else can reach it, and every route against a person who signs in.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { Gateway, startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';

const token = 'an-admin-token-of-some-length';
const redirect = 'https://app.example/callback';
const configuration = (admin = { token }) => JSON.stringify({
  listen: [{ address: '127.0.0.1:{port}' }],
  admin: { address: '127.0.0.1:{admin_port}', ...admin },
  workers: 1,
  apis: { nothing: { match: { path: '/api' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { anonymous: true } } },
  authority: {
    issuer: 'http://127.0.0.1:{port}',
    tokens: { algorithm: 'ES256', format: 'opaque' },
    clients: { web: { name: 'Photo Album', secret: 's', redirect_uris: [redirect], scopes: ['openid', 'email', 'offline_access'], skip_consent: true } },
  },
});
const gateway = await startGateway({ config: configuration() });
await until(() => request(`${gateway.url}/.well-known/openid-configuration`).then(({ status }) => status === 200, () => false), 'the authority to answer');

const admin = (method, where, body, headers = {}) => request(gateway.adminUrl + where, {
  method,
  timeout: 50_000,
  token,
  headers: { ...(body !== undefined && typeof body !== 'string' ? { 'Content-Type': 'application/json' } : {}), ...headers },
  body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
});
const add = async (name, more = {}) => {
  const answer = await admin('POST', '/admin/accounts', { name, password: `${name}-secret`, ...more });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const at = (id, rest = '') => `/admin/accounts/${encodeURIComponent(id)}${rest}`;
const table = (text, query = '') => admin('POST', `/admin/accounts/import${query}`, text, { 'Content-Type': 'text/csv' });

async function signIn(name, password = `${name}-secret`, scope = 'openid') {
  const browser = startBrowser();
  await browser.open(`${gateway.url}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: redirect, response_type: 'code', scope, code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`);
  const page = await browser.signIn(name, password);
  return { browser, page, code: page.location?.searchParams.get('code') };
}
const post = (where, form) => request(gateway.url + where, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa('web:s')}` }, body: new URLSearchParams(form).toString() });
const redeem = async (code) => (await post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' })).json;
const isSignedIn = async (browser) => (await browser.open(`${gateway.url}/account`)).text.includes('<title>Your account');

test('without the admin token there is no answer, whatever is sent in its place', async () => {
  const bare = await request(`${gateway.adminUrl}/admin/accounts`);
  assert.equal(bare.status, 401);
  assert.match(bare.json.error_description, /admin\.token_missing/);
  assert.match(bare.headers['www-authenticate'], /^Bearer/);
  assert.equal(bare.headers['cache-control'], 'no-store');
  for (const wrong of ['x', `${token}x`, token.slice(0, -1), token.toUpperCase(), 'x'.repeat(8000), `${token} `.repeat(2)]) {
    const answer = await request(`${gateway.adminUrl}/admin/accounts`, { token: wrong });
    assert.equal(answer.status, 401, wrong);
    assert.match(answer.json.error_description, /admin\.token_invalid/);
  }
  for (const Authorization of ['Bearer', 'Bearer ', `Basic ${btoa(`admin:${token}`)}`, token])
    assert.equal((await request(`${gateway.adminUrl}/admin/accounts`, { headers: { Authorization } })).status, 401, Authorization);
  assert.equal((await request(`${gateway.adminUrl}/admin/accounts?access_token=${token}`)).status, 401);
  assert.match(gateway.output, /admin\.token_invalid at the admin address: GET \/admin\/accounts from 127\.0\.0\.1/);
  assert.ok(!gateway.output.includes(token));
  assert.equal((await admin('GET', '/admin/accounts')).status, 200);
});

test('an address with many wrong tokens is told to wait, and the right token passes from there all the same', async () => {
  const from = (localAddress, shown) => request(`${gateway.adminUrl}/admin/accounts`, { token: shown, localAddress });
  let answer;
  for (let i = 0; i < 50; i++) {
    answer = await from('127.0.0.7', `wrong-${i}`);
    assert.equal(answer.status, 401, `try ${i}`);
  }
  for (const shown of [`${token}x`, token.slice(0, -1), 'wrong']) {
    answer = await from('127.0.0.7', shown);
    assert.equal(answer.status, 429, answer.text);
  }
  assert.equal(answer.json.error, 'temporarily_unavailable');
  assert.match(answer.json.error_description, /admin\.throttled/);
  assert.ok(Number(answer.headers['retry-after']) > 0 && Number(answer.headers['retry-after']) <= 600);
  assert.match(gateway.output, /admin\.throttled at the admin address: GET \/admin\/accounts from 127\.0\.0\.7/);
  // It says so itself as X-Real-IP: nginx does not take that over.
  assert.equal((await request(`${gateway.adminUrl}/admin/accounts`, { token: 'wrong', localAddress: '127.0.0.7', headers: { 'X-Real-IP': '127.0.0.8' } })).status, 429);
  assert.equal((await from('127.0.0.8', 'wrong')).status, 401);
  // An operator behind the address that somebody guesses from; and that changes nothing for who guesses.
  assert.equal((await from('127.0.0.7', token)).status, 200);
  assert.equal((await from('127.0.0.7', undefined)).status, 401);
  assert.equal((await from('127.0.0.7', 'wrong')).status, 429);
  assert.equal((await admin('GET', '/admin/accounts')).status, 200);
});

test('a name that is not ours is refused at every path of the admin address: a page may have led it here', async () => {
  const port = new URL(gateway.adminUrl).port;
  const named = (host, where, at = gateway) => request(at.adminUrl + where, { headers: ['Host', host, 'Authorization', `Bearer ${token}`] });
  for (const where of ['/healthz', '/readyz', '/metrics', '/admin/accounts', '/'])
    for (const host of [`rebound.example:${port}`, 'rebound.example', 'localhost.rebound.example', '127.0.0.1.rebound.example', 'rebound.example:', '127.0.0.1@rebound.example', 'gateway.internal']) {
      const answer = await named(host, where);
      assert.equal(answer.status, 421, `${where} as ${host}`);
      assert.match(answer.json.error_description, /admin\.host_unknown.*admin\.hosts/);
      const shown = /^[a-z0-9.-]+(:\d*)?$/.test(host) ? host.split(':')[0] : 'NAME';
      assert.ok(answer.json.error_description.endsWith(`admin: {hosts: ["${shown}"]}`), answer.json.error_description);
      assert.doesNotMatch(answer.text, /sallyport_|"ready"|"accounts"/);
    }
  for (const host of [`127.0.0.1:${port}`, '127.0.0.1', `localhost:${port}`, 'LOCALHOST', 'gateway.localhost', `[::1]:${port}`, '192.0.2.7:9'])
    for (const where of ['/healthz', '/readyz', '/metrics', '/admin/accounts']) assert.equal((await named(host, where)).status, 200, `${where} as ${host}`);
  assert.match(gateway.output, /admin\.host_unknown at the admin address: GET \/metrics from 127\.0\.0\.1, Host rebound\.example/);
  // HTTP/1.0 has none: a balancer's health check, and no browser.
  assert.equal((await rawRequest(gateway.adminPort, 'GET /healthz HTTP/1.0\r\n\r\n', { timeout: 20_000 })).status, 200);

  const other = await startGateway({ config: configuration({ token, hosts: ['gateway.internal', 'other.internal'] }) });
  for (const host of ['gateway.internal', 'Other.Internal:80']) assert.equal((await named(host, '/metrics', other)).status, 200, host);
  assert.equal((await named('third.internal', '/metrics', other)).status, 421);
  await other.stop();
});

test('nobody but the control plane reaches it: no public listener, no socket of the workers, no other user', async () => {
  for (const where of ['/admin/accounts', '//admin/accounts', '/%61dmin/accounts', '/account/../admin/accounts', '/signin/../admin/accounts']) {
    const answer = await request(gateway.url + where, { token });
    assert.ok(answer.status >= 400, where);
    assert.doesNotMatch(answer.text, /"accounts"/);
  }
  const overSocket = (socket, ...more) => execFileSync('curl', ['-s', '--unix-socket', path.join(gateway.state, socket), '-H', `Authorization: Bearer ${token}`, ...more, 'http://x/admin/accounts']).toString();
  assert.doesNotMatch(overSocket('authority.sock'), /"accounts"/); // what nginx speaks to
  const socket = path.join(gateway.state, 'admin.sock');
  assert.equal(fs.statSync(socket).mode & 0o777, 0o600);
  assert.match(overSocket('admin.sock'), /"accounts"/); // us: the same user
  if (process.getuid() === 0) {
    // Even when somebody opens the socket's mode.
    fs.chmodSync(socket, 0o666);
    fs.chmodSync(gateway.state, 0o755);
    assert.throws(() => execFileSync('setpriv', ['--reuid=65534', '--clear-groups', 'curl', '-s', '--unix-socket', socket, 'http://x/admin/accounts']), ({ status }) => status === 52); // an empty reply
    fs.chmodSync(socket, 0o600);
  }
});

test('it is off without a token, and a short one is refused', async () => {
  const plain = await startGateway({ config: configuration({}) });
  const answer = await request(`${plain.adminUrl}/admin/accounts`, { token: '' });
  assert.equal(answer.status, 403);
  assert.match(answer.json.error_description, /admin\.off.*admin\.token/);
  await plain.stop();
  const folder = new Gateway({ config: configuration({ token: 'short' }) });
  await folder.prepare();
  const check = await sallyport(['check', '-c', folder.configFile]);
  assert.equal(check.code, 1);
  assert.match(check.stdout + check.stderr, /fewer than 16 characters/);
});

test('an account is added, found, listed by pages, changed and removed', async () => {
  const made = await admin('POST', '/admin/accounts', { name: 'ann', id: 'ext|7/a', password: 'ann-secret', claims: { name: 'Ann', email: 'Ann@example.test', email_verified: true, nickname: 'A' } });
  assert.equal(made.status, 201, made.text);
  assert.equal(made.headers.location, '/admin/accounts/ext%7C7%2Fa');
  assert.deepEqual(made.json, { id: 'ext|7/a', name: 'ann', disabled: false, created_at: made.json.created_at, password: 'argon2id', claims: { name: 'Ann', email: 'Ann@example.test', email_verified: true, nickname: 'A' } });
  assert.ok((await signIn('ann')).code);
  for (const name of ['bea', 'cyd', 'dot']) await add(name);
  assert.deepEqual((await admin('GET', '/admin/accounts?name=ANN')).json.accounts.map(({ id }) => id), ['ext|7/a']);
  assert.deepEqual((await admin('GET', '/admin/accounts?name=nobody')).json.accounts, []);
  const names = [];
  for (let next = ''; next !== undefined;) {
    const page = (await admin('GET', `/admin/accounts?limit=2&after=${encodeURIComponent(next)}`)).json;
    assert.ok(page.accounts.length <= 2);
    names.push(...page.accounts.map(({ name }) => name));
    next = page.next;
  }
  assert.deepEqual(names, ['ann', 'bea', 'cyd', 'dot']);

  const changed = await admin('PATCH', at('ext|7/a'), { name: 'anna', claims: { email: 'anna@example.test', nickname: null, locale: 'de' } });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual(changed.json.claims, { name: 'Ann', email: 'anna@example.test', locale: 'de' }); // a new address is not verified
  assert.ok((await signIn('anna', 'ann-secret')).code);
  assert.equal((await signIn('ann')).code, undefined);
  // The address that was given up is free, the one that is another's is not.
  await add('eve', { claims: { email: 'ann@example.test', email_verified: true } });
  const taken = await admin('PATCH', at('ext|7/a'), { claims: { email: 'ann@example.test', email_verified: true } });
  assert.equal(taken.status, 409);
  assert.match(taken.json.error_description, /account\.taken/);
  assert.match(taken.json.error_description, /e-mail address/);
  assert.equal((await admin('PATCH', at('ext|7/a'), { name: 'BEA' })).status, 409);
  assert.equal((await admin('PATCH', at('ext|7/a'), { name: 'Anna' })).json.name, 'Anna'); // another case of its own
  assert.equal((await admin('POST', '/admin/accounts', { name: 'Anna', password: 'x'.repeat(9) })).status, 409);
  assert.equal((await admin('POST', '/admin/accounts', { name: 'new', id: 'ext|7/a' })).status, 409);
  const clients = await admin('POST', '/admin/accounts', { name: 'new', id: 'web' });
  assert.equal(clients.status, 409);
  assert.match(clients.json.error_description, /the id 'web' is a client's/);
  assert.match((await table('name,id\nnew,web\n')).json.problems[0].message, /the id 'web' is a client's/);

  assert.equal((await admin('DELETE', at('ext|7/a'))).status, 204);
  assert.equal((await admin('GET', at('ext|7/a'))).status, 404);
  assert.equal((await admin('DELETE', at('ext|7/a'))).status, 404);
  assert.equal((await signIn('anna', 'ann-secret')).code, undefined);
});

test('a new password and being disabled end what was there', async () => {
  const { id } = await add('fay');
  const { browser, code } = await signIn('fay', 'fay-secret', 'openid offline_access');
  const tokens = await redeem(code);
  assert.equal((await admin('PATCH', at(id), { password: 'fay-secret-2' })).status, 200);
  assert.equal(await isSignedIn(browser), false);
  assert.equal((await post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).json.error, 'invalid_grant');
  assert.equal((await signIn('fay')).code, undefined);
  const again = await signIn('fay', 'fay-secret-2');
  assert.ok(await isSignedIn(again.browser));
  assert.equal((await admin('PATCH', at(id), { disabled: true })).json.disabled, true);
  assert.equal(await isSignedIn(again.browser), false);
  assert.equal((await signIn('fay', 'fay-secret-2')).code, undefined);
  assert.equal((await admin('PATCH', at(id), { disabled: false })).json.disabled, false);
  assert.ok((await signIn('fay', 'fay-secret-2')).code);
});

test('sessions and grants are seen and taken back, one or all', async () => {
  const { id } = await add('gil');
  const one = await signIn('gil', 'gil-secret', 'openid offline_access');
  const tokens = await redeem(one.code);
  const two = await signIn('gil');
  const whole = (await admin('GET', at(id))).json;
  assert.equal(whole.sessions.length, 2);
  assert.deepEqual(whole.grants.map(({ client_id }) => client_id), ['web']);
  assert.deepEqual(whole.factors, { passkeys: 0, totp: 0, recovery_codes: 0, federated: 0 });
  const { sessions } = (await admin('GET', at(id, '/sessions'))).json;
  assert.deepEqual(sessions, whole.sessions);
  const sid = JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url')).sid;
  assert.equal((await admin('DELETE', at(id, `/sessions/${sid}`))).status, 204);
  assert.equal((await admin('DELETE', at(id, `/sessions/${sid}`))).status, 404);
  assert.deepEqual([await isSignedIn(one.browser), await isSignedIn(two.browser)], [false, true]);
  const other = await add('hal');
  const [theirs] = (await admin('GET', at(id, '/sessions'))).json.sessions;
  assert.equal((await admin('DELETE', at(other.id, `/sessions/${theirs.sid}`))).status, 404); // another's session
  assert.equal((await admin('DELETE', at(id, '/sessions'))).status, 204);
  assert.equal(await isSignedIn(two.browser), false);

  const refresh = () => post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
  assert.equal((await post('/introspect', { token: tokens.access_token })).json.active, true);
  assert.equal((await admin('DELETE', at(id, '/grants/nobody'))).status, 404);
  assert.deepEqual((await admin('GET', at(id, '/grants'))).json.grants.map(({ client_id }) => client_id), ['web']);
  assert.equal((await admin('DELETE', at(id, '/grants/web'))).status, 204);
  assert.equal((await refresh()).json.error, 'invalid_grant');
  assert.equal((await post('/introspect', { token: tokens.access_token })).json.active, false);
  const third = await redeem((await signIn('gil', 'gil-secret', 'openid offline_access')).code);
  assert.equal((await admin('DELETE', at(id, '/grants'))).status, 204);
  assert.equal((await post('/token', { grant_type: 'refresh_token', refresh_token: third.refresh_token })).json.error, 'invalid_grant');
  assert.deepEqual((await admin('GET', at(id, '/grants'))).json.grants, []);
});

test('a second factor is reset for who lost the phone', async () => {
  const { id } = await add('ida');
  const { browser } = await signIn('ida');
  await browser.open(`${gateway.url}/account`);
  const form = browser.page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const step = (more) => browser.open(`${gateway.url}/account`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token: form, section: 'second_factor', ...more }).toString() });
  const { startApp } = await import('../lib/totp.mjs');
  const app = startApp((await step({ step: 'app_begin' })).text.match(/id="key">([A-Z2-7 ]+)</)[1]);
  await step({ step: 'app_confirm', code: await app.next() });
  assert.deepEqual((await admin('GET', at(id))).json.factors, { passkeys: 0, totp: 1, recovery_codes: 10, federated: 0 });
  assert.match((await signIn('ida')).page.text, /authenticator app shows/);
  assert.equal((await admin('DELETE', at(id, '/factors'))).status, 204);
  assert.deepEqual((await admin('GET', at(id))).json.factors, { passkeys: 0, totp: 0, recovery_codes: 0, federated: 0 });
  assert.equal(await isSignedIn(browser), false);
  assert.ok((await signIn('ida')).code);
});

test('a table is imported whole or not at all, and each row that is wrong is told', async () => {
  const good = 'name,password,email,email_verified\njan,jan-secret-1,jan@example.test,true\nkay,kay-secret-1,kay@example.test,true\n';
  const dry = await table(good, '?dry_run=true');
  assert.deepEqual(dry.json, { dry_run: true, rows: 2, added: 2, changed: 0, skipped: 0, problem_count: 0, problems: [] });
  assert.equal((await admin('GET', '/admin/accounts?name=jan')).json.accounts.length, 0);
  assert.deepEqual((await table(good)).json, { dry_run: false, rows: 2, added: 2, changed: 0, skipped: 0, problem_count: 0, problems: [] });
  assert.ok((await signIn('jan', 'jan-secret-1')).code);
  const bad = await table('name,password,email,email_verified\nlea,lea-secret-1,,\njan,jan-secret-9,,\nmia,short,,\nlea,lea-secret-2,,\nned,ned-secret-1,kay@example.test,true\n');
  assert.equal(bad.status, 400);
  assert.deepEqual(bad.json.problems.map(({ line }) => line).sort(), [3, 4, 5, 6]);
  assert.equal(bad.json.added, 0);
  assert.equal((await admin('GET', '/admin/accounts?name=lea')).json.accounts.length, 0);
  assert.deepEqual((await table(good, '?existing=skip')).json, { dry_run: false, rows: 2, added: 0, changed: 0, skipped: 2, problem_count: 0, problems: [] });
  assert.equal((await table('name,claims.team\njan,red\n', '?existing=update')).json.changed, 1);
  const { accounts: [jan] } = (await admin('GET', '/admin/accounts?name=jan')).json;
  assert.deepEqual(jan.claims, { email: 'jan@example.test', email_verified: true, team: 'red' }); // what has no column stays
  assert.ok((await signIn('jan', 'jan-secret-1')).code); // without a password it keeps its own
  const sessions = async () => (await admin('GET', `/admin/accounts/${jan.id}/sessions`)).json.sessions.length;
  assert.ok((await sessions()) > 0);
  assert.equal((await table('name,claims.team\njan,blue\n', '?existing=update')).json.changed, 1);
  assert.ok((await sessions()) > 0);
  assert.equal((await table('name,password\njan,jan-secret-2\n', '?existing=update')).json.changed, 1);
  assert.equal(await sessions(), 0); // as when the account is changed alone
  assert.ok((await signIn('jan', 'jan-secret-2')).code);
  assert.equal((await table('name,disabled\njan,true\n', '?existing=update')).json.changed, 1);
  assert.equal(await sessions(), 0);
  assert.deepEqual((await admin('GET', `/admin/accounts/${jan.id}`)).json.claims, { ...jan.claims, team: 'blue' });
  for (const [body, pattern] of [['', /empty/], ['nom\nx\n', /nearest known one is 'name'/], ['name\n"x', /./], [`name\n${'x\n'.repeat(1001)}`, /at most 1000 rows/], [`name,password\n${Array.from({ length: 201 }, (_, i) => `p${i},p-secret-${i}\n`).join('')}`, /at most 200 rows/]]) {
    const answer = await table(body);
    assert.equal(answer.status, 400, body.slice(0, 20));
    assert.match(answer.json.error_description ?? JSON.stringify(answer.json.problems), pattern);
  }
  assert.equal((await admin('POST', '/admin/accounts/import', { name: 'x' })).status, 400);
  const many = await table(`name,password\n${Array.from({ length: 40 }, (_, i) => `many${i},many-secret-${i}\n`).join('')}`);
  assert.equal(many.json.added, 40, many.text);
  assert.ok((await signIn('many39', 'many-secret-39')).code);
});

test('junk is refused with what is wrong, and nothing is written', async () => {
  const { id } = await add('old');
  const before = (await admin('GET', at(id))).json;
  for (const [body, pattern] of [
    ['{', /no JSON object/], ['[]', /no JSON object/], ['{"nmae":"x"}', /nearest known one is 'name'/], ['{"name":7}', /'name' is no text/], ['{"name":""}', /a name has 1 to/], ['{"name":"ol\\u200bd"}', /invisible/], ['{"name":"old\\u202e"}', /turn the direction/],
    ['{"name":"a\\u0000b"}', /control|UTF-8|a name has/], ['{"password":"short"}', /8 characters/], ['{"password_hash":"md5:x"}', /hash cannot be taken/], ['{"password":"long-enough","password_hash":"$2b$x"}', /both a password/],
    ['{"disabled":"yes"}', /neither true nor false/], ['{"claims":[]}', /no object/], ['{"claims":{"email":"x\\r\\nBcc: y@z"}}', /no e-mail address/], [`{"claims":{"x":"${'y'.repeat(40_000)}"}}`, /at most/], ['{"id":"other"}', /no member 'id'/],
  ]) {
    const answer = await admin('PATCH', at(id), body, { 'Content-Type': 'application/json' });
    assert.equal(answer.status, 400, body.slice(0, 60));
    assert.match(answer.json.error_description, pattern, body.slice(0, 60));
    assert.match(answer.json.error_description, /account\.malformed/);
  }
  assert.deepEqual((await admin('GET', at(id))).json, before);
  assert.equal((await admin('PATCH', at(id), 'name=x', { 'Content-Type': 'application/x-www-form-urlencoded' })).status, 400);
  assert.equal((await admin('POST', '/admin/accounts', { password: 'long-enough' })).status, 400);
  for (const limit of ['0', '1001', '-1', 'x', '99999999999999999999']) assert.equal((await admin('GET', `/admin/accounts?limit=${limit}`)).status, 400, limit);
  for (const [method, where, ...patterns] of [
    ['GET', '/admin/accounts?limit=1001', /'limit' has to be a whole number from 1 to 1000, and is '1001'/, /request\.parameter_invalid/],
    ['GET', '/admin/accounts?limit=0', /and is '0'/], ['GET', '/admin/accounts?limit=1&limit=2', /'limit' is there more than once/], ['GET', '/admin/accounts?name=%zz', /cannot be decoded/],
    ['GET', '/admin/accounts?limt=5', /no parameter 'limt' here; the nearest known one is 'limit'/], ['GET', `${at(id)}?claims=x`, /no parameter 'claims' here, nor any other/],
  ]) {
    const answer = await admin(method, where);
    assert.equal(answer.status, 400, where);
    for (const pattern of patterns) assert.match(answer.json.error_description, pattern, where);
  }
  for (const [query, pattern] of [['dryrun=true', /'dryrun' here; the nearest known one is 'dry_run'/], ['dry_run=yes', /'dry_run' has to be true or false, and is 'yes'/], ['existing=keep', /'existing' has to be refuse, skip or update, and is 'keep'/]]) {
    const answer = await table('name\nnobody-is-added\n', `?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.error_description, pattern);
  }
  assert.deepEqual((await admin('GET', '/admin/accounts?name=nobody-is-added')).json.accounts, []);
  assert.match((await admin('POST', '/admin/accounts/import', { name: 'x' })).json.error_description, /text\/csv; sent was: application\/json/);
  assert.match((await admin('PATCH', at(id), 'name=x', { 'Content-Type': 'text/plain' })).json.error_description, /Sent was: text\/plain/);
  for (const [body, pattern] of [['{"name":7}', /no text but a number/], ['{"disabled":"yes"}', /neither true nor false but a text/], ['{"claims":[]}', /no object but an array/]])
    assert.match((await admin('PATCH', at(id), body, { 'Content-Type': 'application/json' })).json.error_description, pattern);
  const lost = await admin('GET', '/admin/acounts');
  assert.deepEqual([lost.status, lost.json.error], [404, 'invalid_request']);
  assert.match(lost.json.error_description, /docs\/admin-api\.md.*'\/admin\/acounts'; the nearest one is '\/admin\/accounts'.*admin\.route_unknown/);
  for (const where of ['/admin', '/admin/', '/admin/x', '/admin/accounts/', '/admin/accounts//sessions', `${at(id)}/`, `${at(id)}/x`, '/admin/accounts/%', '/admin/accounts/%00', '/admin/accounts/%FF', '/internal/keys'])
    assert.ok([400, 404].includes((await admin('GET', where)).status), where);
  const method = await admin('PUT', at(id), {});
  assert.equal(method.status, 405);
  assert.equal(method.headers.allow, 'GET, PATCH, DELETE');
  assert.match(method.json.error_description, /takes GET, PATCH, DELETE; sent was PUT/);
  assert.match((await admin('GET', at('nobody'))).json.error_description, /account\.unknown/);
});

test('a body beyond the limit is cut off, and how much is taken depends on the token', async () => {
  const large = `name\n${'x'.repeat(3 * 1024 * 1024)}`;
  const cut = await table(large);
  assert.deepEqual([cut.status, cut.json?.error], [413, 'invalid_request']);
  assert.match(cut.json.error_description, /2 MiB.*request\.too_large/);
  const stranger = await request(`${gateway.adminUrl}/admin/accounts/import`, { method: 'POST', token: 'wrong', headers: { 'Content-Type': 'text/csv' }, body: 'x'.repeat(300 * 1024) });
  assert.equal(stranger.status, 413); // not even read
  assert.equal((await admin('GET', '/admin/accounts?limit=1')).status, 200);
  // nginx does not fill the disk with what a stranger announces: it is refused before it comes.
  const announced = await rawRequest(new URL(gateway.adminUrl).port, 'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n');
  assert.equal(announced.status, 413);
});

test('behind the same nginx, endpoints with a name in their path are the authority\'s own', async () => {
  const answer = await request(`${gateway.url}/backchannel/nobody`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'logout_token=x' });
  assert.equal(answer.status, 404);
  assert.match(answer.json.error_description ?? '', /request\.endpoint_unknown/);
  assert.match((await request(`${gateway.url}/callback/nobody`)).headers['content-type'], /text\/html/);
});

test('every act is a line in the log, without what is secret', async () => {
  const { id } = await add('zoe', { claims: { email: 'zoe@example.test' } });
  await admin('PATCH', at(id), { password: 'zoe-secret-new' });
  const acts = () => fs.readFileSync(path.join(gateway.state, 'authority.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line)).filter(({ endpoint }) => endpoint === 'ADMIN');
  const lines = acts();
  const last = lines.at(-1);
  assert.deepEqual([last.method, last.path, last.status, last.subject], ['PATCH', at(id), 200, id]);
  assert.ok(last.request_id);
  assert.equal(last.client_address, '127.0.0.1');
  await admin('GET', at(id, '/grants'), undefined, { 'X-Real-IP': '203.0.113.9', 'X-Request-Id': 'forged' });
  const shown = await until(() => acts().find((line) => line.path === at(id, '/grants')), 'the line of what was looked at');
  assert.equal(shown.client_address, '127.0.0.1'); // from where, whatever a header says
  assert.notEqual(shown.request_id, 'forged');
  assert.doesNotMatch(JSON.stringify(lines), /zoe-secret|an-admin-token/);
});

test('whoever is given up on in the middle does not keep the server from ending', async () => {
  const own = await startGateway({ config: configuration() });
  const many = `name,password\n${Array.from({ length: 150 }, (_, i) => `slow${i},slow-secret-${i}\n`).join('')}`;
  await until(() => request(`${own.adminUrl}/admin/accounts`, { token }).then(({ status }) => status === 200, () => false), 'the admin API to answer');
  const given = request(`${own.adminUrl}/admin/accounts/import`, { method: 'POST', token, timeout: 300, headers: { 'Content-Type': 'text/csv' }, body: many });
  await assert.rejects(given, /no answer/);
  await own.stop(); // throws when it did not end by itself
});

test('a new token is taken over by a reload, and the old one is worth nothing', async () => {
  const own = await startGateway({ config: configuration() });
  const ask = (with_) => request(`${own.adminUrl}/admin/accounts`, { token: with_ }).then(({ status }) => status);
  await until(async () => (await ask(token)) === 200, 'the admin API to answer');
  own.write(configuration({ token: 'another-admin-token-of-some-length' }));
  process.kill(own.child.pid, 'SIGHUP');
  await until(async () => (await ask('another-admin-token-of-some-length')) === 200, 'the new token to be taken');
  assert.equal(await ask(token), 401);
});
