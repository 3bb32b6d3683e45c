// SPDX-License-Identifier: Apache-2.0
// Claims of the operator's own: which scope tells which of them, to whom and where – with openid-client as application and the gateway as API.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { decodePart } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const redirect = 'https://app.example/callback';
const everything = ['openid', 'profile', 'email', 'staff', 'orders', 'pay', 'hidden', 'offline_access'];
const scopes = {
  staff: { description: { de: 'Ihre <Abteilung> sehen', en: 'see your <department>' }, claims: ['dept', 'roles', 'office', 'https://example.com/flags', 'nothing'] },
  orders: { description: 'order in your name', claims: ['roles', 'level', 'email'], tell_in: ['access_token'] },
  pay: { claims: 'salary', tell_in: 'userinfo' },
  hidden: {},
};
const clients = {
  web: { secret: 's', redirect_uris: [redirect], scopes: everything, audiences: ['https://orders.example'] },
  opaque: { secret: 's', redirect_uris: [redirect], scopes: everything, token_format: 'opaque', skip_consent: true },
  pairwise: { secret: 's', redirect_uris: [redirect], scopes: everything, subject_type: 'pairwise', skip_consent: true },
  poor: { secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true },
  robot: { secret: 's', grants: ['client_credentials'], scopes: ['orders'] },
};
const authority = await startAuthority({ authority: { scopes, clients } });
const claims = {
  name: 'Bob', email: 'bob@example.test', dept: 'sales', 'dept#de': 'Vertrieb', roles: ['admin', 'buyer'], office: { floor: 3, keys: [true, null] },
  'https://example.com/flags': false, level: 7, salary: 1000, nothing: '', private: 'x',
};
const add = (name, told, state = authority.state) => sallyport(['accounts', 'add', name, '--state', state, '--claims', JSON.stringify(told)], { input: `${name}-long-secret\n` });
const added = await add('bob', claims);
assert.equal(added.code, 0, added.stderr);

async function discover(id = 'web', issuer = authority.issuer) {
  return openid.discovery(new URL(issuer), id, undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
}

async function begin(config, extra) {
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256', state: checks.expectedState, ...extra });
  return { url, checks };
}

/** A whole login. */
async function login(extra, { id, issuer, who = 'bob', browser = startBrowser() } = {}) {
  const config = await discover(id, issuer);
  const { url, checks } = await begin(config, extra);
  let page = await browser.open(url);
  let consent = '';
  if (!page.location && page.text.includes('name="password"')) page = await browser.signIn(who, `${who}-long-secret`);
  if (!page.location && page.text.includes('value="allow"')) {
    consent = page.text;
    page = await browser.allow();
  }
  const grant = () => openid.authorizationCodeGrant(config, page.location, checks);
  return { config, consent, browser, grant };
}

async function tokensOf(extra, options) {
  const { grant, ...rest } = await login(extra, options);
  const tokens = await grant();
  const idToken = tokens.claims();
  const info = idToken && await openid.fetchUserInfo(rest.config, tokens.access_token, idToken.sub);
  return { ...rest, tokens, idToken, info };
}

const told = { dept: 'sales', 'dept#de': 'Vertrieb', roles: ['admin', 'buyer'], office: { floor: 3, keys: [true, null] }, 'https://example.com/flags': false };
const own = [...Object.keys(claims), 'preferred_username'];
const only = (object) => Object.fromEntries(Object.entries(object).filter(([name]) => own.includes(name)));

test('discovery names them', async () => {
  const { scopes_supported: known, claims_supported: names } = (await discover()).serverMetadata();
  for (const scope of everything) assert.ok(known.includes(scope), scope);
  for (const claim of ['dept', 'roles', 'https://example.com/flags', 'salary', 'email']) assert.equal(names.filter((name) => name === claim).length, 1, claim);
  assert.ok(!names.includes('level'), 'which APIs alone are told');
});

test('a scope tells its claims in the id_token and at userinfo, as they are, and nothing else', async () => {
  const { idToken, info, tokens, consent } = await tokensOf({ scope: 'openid staff' });
  assert.deepEqual(only(idToken), told);
  assert.deepEqual(only(info), told);
  assert.deepEqual(only(decodePart(tokens.access_token, 1)), {});
  assert.match(consent, /<p>see your &lt;department&gt;<\/p>/);
  assert.match(consent, /It is told: dept, roles, office, https:\/\/example\.com\/flags, nothing</);
});

test('the consent page speaks the language of who reads it, or one that there is', async () => {
  const german = startBrowser({ 'Accept-Language': 'de-AT' });
  const { consent } = await login({ scope: 'openid staff orders hidden', prompt: 'consent' }, { browser: german });
  assert.match(consent, /<p>Ihre &lt;Abteilung&gt; sehen<\/p>/);
  assert.match(consent, /<p>order in your name<\/p>/);
  assert.match(consent, /Mitgeteilt wird: roles, level, email</);
  assert.match(consent, /<strong>hidden<\/strong> verwenden/);
});

test('an API is told where the operator says so: in the JWT', async () => {
  const { idToken, info, tokens } = await tokensOf({ scope: 'openid orders' });
  assert.deepEqual(only(decodePart(tokens.access_token, 1)), { email: 'bob@example.test', roles: ['admin', 'buyer'], level: 7 });
  assert.deepEqual(only(idToken), {});
  assert.deepEqual(only(info), {});
});

test('and at introspection', async () => {
  const { config, tokens } = await tokensOf({ scope: 'orders' }, { id: 'opaque' });
  const { active, iss, ...answer } = await openid.tokenIntrospection(config, tokens.access_token);
  assert.equal(active, true);
  assert.equal(iss, authority.issuer);
  assert.deepEqual(only(answer), { email: 'bob@example.test', roles: ['admin', 'buyer'], level: 7 });
});

test('a machine has nobody to tell of, and a scope without claims tells none', async () => {
  const machine = await openid.clientCredentialsGrant(await discover('robot'), { scope: 'orders' });
  assert.deepEqual(only(decodePart(machine.access_token, 1)), {});
  const { info } = await tokensOf({ scope: 'openid hidden' });
  assert.deepEqual(Object.keys(info), ['sub']);
});

test('pairwise names stay, and the standard scopes tell what they told', async () => {
  const { idToken, info } = await tokensOf({ scope: 'openid email profile staff' }, { id: 'pairwise' });
  assert.match(idToken.sub, /^sppw_/);
  assert.equal(info.sub, idToken.sub);
  assert.deepEqual(only(idToken), told);
  assert.deepEqual(only(info), { ...told, name: 'Bob', email: 'bob@example.test', preferred_username: 'bob' });
});

test('claims are asked for by name, within the scopes that the client may have', async () => {
  const wish = (side) => JSON.stringify({ [side]: { dept: null, roles: { essential: true }, level: null, salary: null, private: null, sub: null } });
  const asked = await tokensOf({ scope: 'openid', claims: wish('id_token'), prompt: 'consent' });
  assert.deepEqual(only(asked.idToken), { dept: 'sales', roles: ['admin', 'buyer'], salary: 1000 });
  assert.deepEqual(only(asked.info), {});
  assert.match(asked.consent, /see your &lt;department&gt;/);
  assert.match(asked.consent, /It is told: salary</);
  const atUserinfo = await tokensOf({ scope: 'openid', claims: wish('userinfo') });
  assert.deepEqual(only(atUserinfo.info), { dept: 'sales', roles: ['admin', 'buyer'], salary: 1000 });
  const poor = await tokensOf({ scope: 'openid', claims: wish('userinfo') }, { id: 'poor' });
  assert.deepEqual(Object.keys(poor.info), ['sub']);
});

test('a client has the scopes of its registration', async () => {
  const config = await discover('poor');
  const { location } = await startBrowser().open((await begin(config, { scope: 'openid staff' })).url);
  assert.match(location.searchParams.get('error_description'), /request\.scope_not_allowed/);
});

test('what a scope tells beyond what was agreed to is asked for anew, and a consent does not grow by being repeated', async () => {
  const browser = startBrowser();
  await tokensOf({ scope: 'openid staff' }, { browser });
  const again = async () => (await browser.open((await begin(await discover(), { scope: 'openid staff', prompt: 'none' })).url)).location.searchParams;
  assert.ok((await again()).get('code'));
  const grants = async () => (await authority.cli(['accounts', 'show', 'bob', '--json'])).json.grants.find(({ client_id: id }) => id === 'web').scope;
  const before = await grants();
  for (let i = 0; i < 2; i++) await tokensOf({ scope: 'openid staff', prompt: 'consent' }, { browser });
  assert.equal(await grants(), before);
  assert.deepEqual(before.split(' ').sort(), [...new Set(before.split(' '))].sort());
  assert.doesNotMatch(before, /"/);
  authority.write({ scopes: { ...scopes, staff: { ...scopes.staff, claims: [...scopes.staff.claims, 'private'] } }, clients });
  await authority.restart();
  assert.equal((await again()).get('error'), 'consent_required');
  const { info, consent } = await tokensOf({ scope: 'openid staff' }, { browser });
  assert.equal(info.private, 'x');
  assert.match(consent, /, private</);
  authority.write({ scopes: { ...scopes, staff: { claims: ['dept'] } }, clients });
  await authority.restart();
  assert.ok((await again()).get('code'), 'less needs no new consent');
  assert.deepEqual(only((await tokensOf({ scope: 'openid staff' }, { browser })).info), { dept: 'sales', 'dept#de': 'Vertrieb' });
  authority.write({ scopes, clients });
  await authority.restart();
});

test('a refresh tells what the account has by then', async () => {
  const { config, tokens } = await tokensOf({ scope: 'openid staff orders offline_access', prompt: 'consent' });
  const file = path.join(authority.folder, 'changes.csv');
  fs.writeFileSync(file, 'name,claims\nbob,"{""roles"":[""buyer""],""dept"":""law""}"\n');
  const { code, stderr } = await authority.cli(['accounts', 'import', file, '--update']);
  assert.equal(code, 0, stderr);
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.deepEqual([tokens.claims().dept === 'law', tokens.claims().roles.length === 1], [false, false]);
  assert.deepEqual(only(next.claims()), { ...only(tokens.claims()), roles: ['buyer'], dept: 'law' }); // what the row does not name stays
  assert.deepEqual(only(decodePart(next.access_token, 1)), { ...only(decodePart(tokens.access_token, 1)), roles: ['buyer'] });
});

test('what is more than a token may carry is refused by its cause, and told at userinfo', async () => {
  const { code, stderr } = await add('many', { roles: Array.from({ length: 500 }, (_, i) => `role-of-many-number-${i}`), salary: 1 });
  assert.equal(code, 0, stderr);
  for (const scope of ['openid staff', 'orders']) {
    const { grant } = await login({ scope }, { who: 'many' });
    await assert.rejects(grant(), ({ error, error_description: text }) => error === 'invalid_grant' && text.includes('account.claims_too_large'));
    await authority.lastLine('account.claims_too_large');
  }
  assert.equal((await tokensOf({ scope: 'openid pay' }, { who: 'many' })).info.salary, 1);
});

test('an account has no claim by which tokens speak of themselves, and none that they could not carry', async () => {
  for (const claim of ['sub', 'iss', 'exp', 'scope', 'scp', 'client_id', 'cnf', 'act', 'acr', 'sid', 'grant_id', 'aud#de']) {
    const { code, stderr } = await add('eve', { [claim]: 'x' });
    assert.equal(code, 1, claim);
    assert.ok(stderr.includes(`the claim '${claim}' is reserved`), stderr);
  }
  const deep = (levels) => (levels > 0 ? [deep(levels - 1)] : 1);
  assert.match((await add('eve', { deep: deep(12) })).stderr, /nested more than 10 deep/);
  assert.match((await add('eve', { wide: Array(3000).fill(1) })).stderr, /more than 2048 values/);
  const file = path.join(authority.folder, 'people.csv');
  fs.writeFileSync(file, 'name,password,claims.acr\neve,eve-long-secret,gold\n');
  const { code, stdout, stderr } = await authority.cli(['accounts', 'import', file]);
  assert.equal(code, 1);
  assert.match(stdout + stderr, /the claim 'acr' is reserved/);
});

test('nor does a scope tell one: check and the authority name it', async () => {
  const file = path.join(authority.folder, 'wrong.yaml');
  fs.writeFileSync(file, JSON.stringify({ authority: { issuer: 'https://login.example', scopes: { staff: { claims: ['dept', 'may_act'] } } } }));
  const { code, json } = await sallyport(['check', '-c', file, '--json']);
  assert.equal(code, 1);
  const text = JSON.stringify(json);
  assert.match(text, /config\.authority/);
  assert.match(text, /authority\.scopes\.staff\.claims: 'may_act' is reserved/);
});

test('the gateway asks for a role that the account has', async () => {
  const upstream = await startUpstream();
  const token = 'a token for the admin API';
  const gateway = await startGateway({
    config: {
      admin: { address: '127.0.0.1:{admin_port}', token },
      issuers: { own: { issuer: 'http://127.0.0.1:{port}/oauth2', audience: 'https://orders.example' } },
      apis: { orders: { match: { path: '/orders' }, upstream: { url: upstream.url }, auth: { issuers: ['own'], claims: { roles: 'admin' } } } },
      authority: { issuer: 'http://127.0.0.1:{port}/oauth2', scopes, clients },
    },
  });
  const issuer = `${gateway.url}/oauth2`;
  const admin = (where, method, body) => request(`${gateway.adminUrl}/admin/accounts${where}`, { method, timeout: 20_000, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  for (const [name, roles] of [['ada', { roles: ['buyer', 'admin'] }], ['bea', { roles: ['buyer'] }], ['cem', {}]]) assert.equal((await admin('', 'POST', { name, password: `${name}-long-secret`, claims: roles })).status, 201);
  const call = async (who) => {
    const { tokens } = await tokensOf({ scope: 'openid orders', resource: 'https://orders.example' }, { issuer, who });
    return gateway.get('/orders/1', { token: tokens.access_token });
  };
  assert.equal((await call('ada')).status, 200);
  for (const [who, cause] of [['bea', 'claim.mismatch'], ['cem', 'claim.missing']]) {
    const answer = await call(who);
    assert.equal(answer.status, 403);
    assert.equal(answer.cause, cause);
    assert.match((await gateway.explain(answer.requestId)).json.cause.expected, /roles: .*admin/);
  }
  const refused = await admin('', 'POST', { name: 'eve', password: 'eve-long-secret', claims: { sub: 'ada' } });
  assert.equal(refused.status, 400);
  assert.match(refused.text, /account\.malformed/);
  assert.match(refused.text, /the claim 'sub' is reserved/);
});
