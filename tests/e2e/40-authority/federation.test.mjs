// SPDX-License-Identifier: Apache-2.0
// Another OpenID Provider as login source: npm's oidc-provider with Chromium, and a scripted one whose every lie is refused and named.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { defer } from '../lib/cleanup.mjs';
import { openPage, screenshots, withoutChromium as skip } from '../lib/chromium.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { base64url, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { startApp } from '../lib/totp.mjs';

// ---- the scripted provider: `lie` overrides one step of an honest sign-in ----
const scripted = await startPlainIssuer({ algorithm: 'RS256' });
const stranger = await makeKey('RS256');
const codes = new Map();
let lie = {};
let asked = {};
Object.assign(scripted.metadata, { userinfo_endpoint: `${scripted.issuer}/userinfo`, token_endpoint_auth_methods_supported: ['client_secret_basic'], authorization_response_iss_parameter_supported: true });
const honestMetadata = scripted.metadata;
const halfHash = (text) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
const json = (outgoing, status, value) => {
  outgoing.writeHead(status, { 'Content-Type': 'application/json' });
  outgoing.end(typeof value === 'string' ? value : JSON.stringify(value));
  return true;
};
async function answerToken(incoming, outgoing) {
  let body = '';
  for await (const chunk of incoming) body += chunk;
  const form = Object.fromEntries(new URLSearchParams(body));
  const begun = codes.get(form.code);
  assert.equal(form.grant_type, 'authorization_code');
  codes.delete(form.code);
  asked.token = { ...form, authorization: incoming.headers.authorization };
  const challenge = createHash('sha256').update(form.code_verifier ?? '').digest('base64url');
  if (!begun || challenge !== begun.code_challenge || form.redirect_uri !== begun.redirect_uri) return json(outgoing, 400, { error: 'invalid_grant' });
  if (lie.token) return lie.token(outgoing);
  const access = `at-${form.code}`;
  const claims = { iss: scripted.issuer, aud: 'sallyport', sub: 'u-1', nonce: begun.nonce, at_hash: halfHash(access), exp: now() + 300, iat: now(), name: 'Scripted Person', amr: ['pwd', 'otp'], acr: 'urn:example:silver', ...lie.claims };
  const id_token = lie.idToken ? await lie.idToken(claims) : await makeToken(lie.key ?? scripted.key, claims, { typ: 'JWT', ...lie.header });
  return json(outgoing, 200, { access_token: access, token_type: 'Bearer', expires_in: 300, id_token, ...lie.response });
}
scripted.fault = (incoming, outgoing) => {
  const url = new URL(incoming.url, scripted.issuer);
  if (url.pathname === '/authorize') {
    const query = Object.fromEntries(url.searchParams);
    asked.authorization = query;
    const code = `code-${codes.size}-${Math.random()}`;
    codes.set(code, query);
    const back = new URL(lie.redirectTo ?? query.redirect_uri);
    const answer = { code, state: query.state, iss: scripted.issuer, ...lie.callback };
    for (const [name, value] of Object.entries(answer)) if (value !== undefined) back.searchParams.set(name, value);
    outgoing.writeHead(302, { Location: back.href });
    outgoing.end();
    return true;
  }
  if (url.pathname === '/token') {
    answerToken(incoming, outgoing);
    return true;
  }
  if (url.pathname === '/userinfo') {
    asked.userinfo = incoming.headers.authorization;
    if (lie.userinfo) return lie.userinfo(outgoing);
    return json(outgoing, 200, { sub: 'u-1', email: 'Scripted@Example.test', email_verified: true, preferred_username: 'scripted', nickname: '<b>nick</b>' });
  }
  if (url.pathname === '/jwks' && lie.jwks) return lie.jwks(outgoing);
  if (url.pathname.startsWith('/.well-known/') && lie.discovery) return lie.discovery(outgoing);
  return false;
};

// ---- the authority, and oidc-provider as its upstream ----
const corpPort = await freePort();
const application = http.createServer((incoming, answer) => answer.setHeader('Content-Type', 'text/html').end('<title>The application</title>'));
const redirect = `http://127.0.0.1:${await listen(application)}/callback`;
defer(() => new Promise((resolve) => application.close(resolve)));
const upstream = { issuer: scripted.issuer, client_id: 'sallyport', client_secret: 'up & down' };
const authority = await startAuthority({
  authority: {
    clients: {
      web: { name: 'Photo Album', secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'email'], skip_consent: true },
      dated: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'email'], skip_consent: true, require_auth_time: true },
      recent: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'email'], skip_consent: true, default_max_age: '10m' },
    },
    upstreams: {
      corp: { name: 'Corp & Co', issuer: `http://127.0.0.1:${corpPort}`, client_id: 'sallyport', client_secret: 'sallyport-secret', trust_email: true },
      scripted: { ...upstream, name: 'Scripted' },
      strict: { ...upstream, newcomers: 'refuse' },
      mapped: { ...upstream, map_acr: { 'urn:example:silver': 'urn:sallyport:acr:mfa' }, map_amr: { otp: 'otp' } },
      linked: { ...upstream, newcomers: 'link' },
      teams: { ...upstream, claims: ['name', 'groups', 'acr', 'aud', 'sub'] },
      strong: { ...upstream, acr_values: ['urn:example:gold'] },
      silent: { ...upstream, issuer: 'http://127.0.0.1:9' },
    },
  },
});
const corp = await startIssuer({
  port: corpPort,
  clients: [{ client_id: 'sallyport', grant_types: ['authorization_code'], response_types: ['code'], redirect_uris: [`${authority.issuer}/callback/corp`] }],
  provider: {
    features: { devInteractions: { enabled: true }, userinfo: { enabled: true } },
    scopes: ['openid', 'profile', 'email'],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'Cora Corp', preferred_username: 'cora', email: 'cora@corp.test', email_verified: true }) }),
    cookies: { keys: ['k'] },
  },
});

const begin = (extra = {}) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: redirect, response_type: 'code', scope: 'openid profile email', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', ...extra })}`;
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
async function claimsOf(location) {
  const code = location.searchParams.get('code');
  const { json: tokens } = await authority.post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }, { basic: ['web', 's'] });
  const { json: userinfo } = await authority.get('/userinfo', { token: tokens.access_token });
  return { ...JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url')), userinfo };
}
/** From the sign-in page to the provider and back to the callback, without following what the callback answers. */
async function visit(id, browser = startBrowser(), extra = {}) {
  const page = await browser.open(begin(extra));
  const link = page.text.match(new RegExp(`href="([^"]*/upstream/${id}\\?visit=[^"]*)"`))[1];
  asked = {};
  const away = await browser.open(link);
  if (!away.location) return { browser, page: away };
  const back = await request(away.location);
  return { browser, callback: back.headers.location };
}
async function signIn(id, browser, extra) {
  const { browser: used, callback, page } = await visit(id, browser, extra);
  return { browser: used, callback, page: page ?? (await used.open(callback)) };
}
test.beforeEach(() => {
  lie = {};
  scripted.metadata = honestMetadata;
});

test('a person signs in at oidc-provider with Chromium and has an account of their own', { skip }, async () => {
  const page = await openPage();
  await page.route(/fonts\.g/, (route) => route.abort());
  await page.goto(begin());
  await screenshots(page, 'login-upstreams');
  await page.getByRole('link', { name: 'Sign in with Corp & Co' }).click();
  await page.locator('[name=login]').fill('cora-1');
  await page.locator('[name=password]').fill('anything');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  const arrived = page.waitForRequest((outgoing) => outgoing.url().startsWith(redirect));
  await page.getByRole('button', { name: 'Continue' }).click();
  const claims = await claimsOf(new URL((await arrived.catch(async (error) => { throw new Error(`${JSON.stringify(authority.log().at(-1))} ${page.url()} ${await page.locator("body").innerText()} ${error}`); })).url()));
  assert.equal(claims.userinfo.name, 'Cora Corp');
  assert.equal(claims.userinfo.email, 'cora@corp.test');
  assert.equal(claims.userinfo.email_verified, true);
});

test('what is sent there is a careful request, and what is redeemed is bound to it', async () => {
  const { page } = await signIn('scripted', startBrowser(), { login_hint: 'ann', prompt: 'login', ui_locales: 'de' });
  const { authorization, token } = asked;
  assert.equal(authorization.response_type, 'code');
  assert.equal(authorization.scope, 'openid profile email');
  assert.equal(authorization.code_challenge_method, 'S256');
  assert.equal(authorization.redirect_uri, `${authority.issuer}/callback/scripted`);
  assert.equal(authorization.login_hint, 'ann');
  assert.equal(authorization.prompt, 'login');
  assert.ok(authorization.state.length >= 43 && authorization.nonce.length >= 43 && authorization.state !== authorization.nonce);
  assert.equal(token.authorization, `Basic ${Buffer.from('sallyport:up%20%26%20down').toString('base64')}`);
  const claims = await claimsOf(page.location);
  assert.deepEqual(claims.amr, ['fed']);
  assert.equal(claims.acr, 'urn:sallyport:acr:password');
  assert.equal(claims.userinfo.name, 'Scripted Person');
  assert.equal(claims.userinfo.email, 'Scripted@Example.test');
  assert.notEqual(claims.userinfo.email_verified, true); // trust_email is off
  const again = await signIn('scripted');
  assert.equal((await claimsOf(again.page.location)).sub, claims.sub);
});

const cut = (text) => text.slice(0, -8);
const faults = {
  'state.missing': { callback: { state: undefined } },
  'state.mismatch': { callback: { state: 'another' } },
  'callback.issuer_missing': { callback: { iss: undefined } },
  'callback.issuer_mismatch': { callback: { iss: 'https://evil.example' } },
  'callback.error': { callback: { code: undefined, error: 'access_denied', error_description: '<script>alert(1)</script>' } },
  'request.parameter_missing': { callback: { code: undefined } },
  'response.error': { token: (outgoing) => json(outgoing, 400, { error: 'invalid_client', error_description: 'who?' }) },
  'response.html': { token: (outgoing) => { outgoing.writeHead(200, { 'Content-Type': 'text/html' }); outgoing.end('<html>'); return true; } },
  'response.not_json': { token: (outgoing) => json(outgoing, 200, '{"access_token": oops') },
  'response.access_token_missing': { response: { access_token: undefined } },
  'response.token_type_missing': { response: { token_type: undefined } },
  'response.id_token_missing': { response: { id_token: undefined } },
  'response.expires_in_type': { response: { expires_in: '300' } },
  'keys.html': { jwks: (outgoing) => { outgoing.writeHead(200, { 'Content-Type': 'text/html' }); outgoing.end('<!doctype html>'); return true; } },
  'keys.empty': { jwks: (outgoing) => json(outgoing, 200, { keys: [] }) },
  'keys.unknown_kid': { header: { kid: 'nobody' } },
  'signature.invalid': { idToken: async (claims) => makeToken({ ...stranger, kid: scripted.key.kid }, claims, { typ: 'JWT' }) },
  'algorithm.none': { idToken: async (claims) => `${base64url({ alg: 'none' })}.${base64url(claims)}.` },
  'issuer.trailing_slash': { claims: { iss: `${scripted.issuer}/` } },
  'issuer.mismatch': { claims: { iss: 'https://evil.example/tenant' } },
  'audience.mismatch': { claims: { aud: 'another-client' } },
  'time.expired': { claims: { exp: now() - 3600, iat: now() - 7200 } },
  'nonce.missing': { claims: { nonce: undefined } },
  'nonce.mismatch': { claims: { nonce: 'another' } },
  'id_token.azp': { claims: { azp: 'another-client' } },
  'id_token.multiple_audiences': { claims: { aud: ['sallyport', 'another'] } },
  'id_token.at_hash': { claims: { at_hash: halfHash('another token') } },
  'id_token.c_hash': { claims: { c_hash: halfHash('another code') } },
  'claim.missing': { claims: { sub: undefined } },
  'token.kind.type_header': { header: { typ: 'at+jwt' } },
  'userinfo.subject_mismatch': { userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-2' }) },
  'userinfo.signed_unexpectedly': { userinfo: (outgoing) => { outgoing.writeHead(200, { 'Content-Type': 'application/jwt' }); outgoing.end('e30.e30.'); return true; } },
};
for (const [cause, fault] of Object.entries(faults))
  test(`a lying provider: ${cause}`, async () => {
    lie = fault;
    const { browser, page, callback } = await signIn('scripted');
    assert.ok(page.status >= 400, `it went on: ${page.status} ${page.location ?? ''}`);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(page.text, new RegExp(`<code>${cause.replaceAll('.', '\\.')}</code>`));
    assert.doesNotMatch(page.text, /<script>/);
    const line = await authority.lastLine(cause);
    const shown = page.text.match(/this number: <strong>([^<]*)</)[1];
    assert.equal(line.request_id, shown); // what the person can tell the operator
    assert.doesNotMatch(JSON.stringify(line), new RegExp(cut(scripted.key.kid) + '.*eyJ'));
    lie = {};
    if (!cause.startsWith('state.')) {
      const again = await browser.open(callback); // used up
      assert.match(again.text, /state\.mismatch/);
    }
    assert.equal((await browser.open(`${authority.issuer}/account`)).text.includes('<title>Sign in'), true);
  });

const discoveries = {
  'discovery.issuer_mismatch': { ...honestMetadata, issuer: `${scripted.issuer}/` },
  'discovery.missing_member': { ...honestMetadata, token_endpoint: undefined },
  'discovery.insecure_endpoint': { ...honestMetadata, authorization_endpoint: 'http://login.example.com/authorize' },
  'discovery.not_json': '{',
};
for (const [cause, metadata] of Object.entries(discoveries))
  test(`metadata that cannot be used: ${cause}`, async () => {
    scripted.metadata = metadata;
    const { page } = await signIn('scripted');
    assert.equal(page.status, 502);
    assert.match(page.text, new RegExp(cause));
    await authority.lastLine(cause);
  });

test('a provider that is out of reach is named with the reason', async () => {
  const { page } = await signIn('silent');
  assert.equal(page.status, 502);
  assert.match((await authority.lastLine('keys.unreachable')).finding.detail, /^network\.tcp\.refused/);
});

test('the page leads back to the sign-in that waits', async () => {
  lie = faults['callback.error'];
  const { browser, page } = await signIn('scripted');
  assert.match(page.text, /was cancelled there/);
  lie = {};
  const form = await browser.open(page.text.match(/class="button" href="([^"]*)"/)[1]);
  assert.match(form.text, /to continue to <strong>Photo Album/);
  assert.ok((await browser.signIn()).location);
});

test('a callback in another browser is refused', async () => {
  const { callback } = await visit('scripted');
  const page = await startBrowser().open(callback);
  assert.match(page.text, /state\.other_browser/);
  await authority.lastLine('state.other_browser');
});

test('a callback at the address of another provider is refused', async () => {
  const browser = startBrowser();
  lie = { redirectTo: `${authority.issuer}/callback/strict` };
  const { page } = await signIn('scripted', browser);
  assert.match(page.text, /callback\.issuer_mismatch/);
});

test('of two that come back with one state exactly one is signed in', async () => {
  const browser = startBrowser();
  const { callback } = await visit('scripted', browser);
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const answers = await Promise.all(Array.from({ length: 8 }, () => request(callback, { headers: { Cookie: cookie } })));
  assert.equal(answers.filter(({ status }) => status === 303).length, 1);
});

test('claims of any name are taken over where they are listed, but none by which tokens speak of themselves', async () => {
  lie = { claims: { sub: 'u-team', groups: ['ops', 'law'] }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-team', nickname: 'unlisted' }) };
  const { sub } = await claimsOf((await signIn('teams')).page.location);
  assert.deepEqual((await authority.cli(['accounts', 'show', sub, '--json'])).json.claims, { name: 'Scripted Person', groups: ['ops', 'law'] });
});

test('what the provider no longer says is gone at the next sign-in', async () => {
  const says = async (claims) => {
    lie = { claims: { sub: 'u-left', name: undefined, ...claims }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-left' }) };
    const { sub } = await claimsOf((await signIn('teams')).page.location);
    return (await authority.cli(['accounts', 'show', sub, '--json'])).json.claims;
  };
  assert.deepEqual(await says({ name: 'Lee', groups: ['ops', 'root'] }), { name: 'Lee', groups: ['ops', 'root'] });
  assert.deepEqual(await says({ name: 'Lee', groups: ['ops'] }), { name: 'Lee', groups: ['ops'] });
  assert.deepEqual(await says({ name: 'Lee' }), { name: 'Lee' });
  assert.deepEqual(await says({}), {});
});

test('whoever is unknown is refused where newcomers are', async () => {
  lie = { claims: { sub: 'u-new' }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-new' }) };
  const { page } = await signIn('strict');
  assert.equal(page.status, 403);
  assert.match(page.text, /Nobody is known here/);
  await authority.lastLine('login.upstream_unknown');
});

test('an account is linked by its password, never by an address, and then signs in without one', async () => {
  lie = { claims: { sub: 'u-ann' }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-ann', email: 'ann@example.test', email_verified: true, preferred_username: 'ann' }) };
  const { browser, page } = await signIn('linked');
  assert.match(page.text, /To connect your account of <strong>Scripted<\/strong>/);
  const wrong = await browser.signIn('ann', 'wrong-password');
  assert.match(wrong.text, /not right/);
  const claims = await claimsOf((await browser.signIn()).location);
  const later = await signIn('linked');
  assert.equal((await claimsOf(later.page.location)).sub, claims.sub);
  const other = await signIn('strict'); // the same provider: linked by issuer and sub
  assert.equal((await claimsOf(other.page.location)).sub, claims.sub);
});

test('the verified address of an account is not given to another', async () => {
  lie = { claims: { sub: 'u-thief' }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-thief', email: 'ann@example.test', email_verified: true, preferred_username: 'ann' }) };
  const { page } = await signIn('scripted');
  const claims = await claimsOf(page.location);
  assert.equal(claims.userinfo.email_verified, false);
  assert.notEqual(claims.userinfo.name, 'Ann Example');
});

test('a newcomer gets no name that people here take for somebody else', async () => {
  for (const [sub, name, email, email_verified] of [['u-boss', 'boss', 'boss@example.test', true], ['u-mail', undefined, 'chief@example.test', true], ['u-fake', 'chief@example.test', undefined, undefined], ['u-turn', 'boss\u202e', undefined, undefined]]) {
    lie = { claims: { sub }, userinfo: (outgoing) => json(outgoing, 200, { sub, email, email_verified, preferred_username: name }) };
    const { page } = await signIn('scripted'); // trust_email is off
    assert.ok(page.location?.searchParams.get('code'));
  }
  const names = JSON.parse((await authority.cli(['accounts', 'list', '--json'])).stdout).map((account) => account.name);
  assert.ok(names.includes('boss (scripted)') && names.includes('chief@example.test (scripted)'), names.join());
  for (const taken of ['boss', 'boss@example.test', 'chief@example.test']) assert.ok(!names.includes(taken), taken);
  assert.ok(names.some((name) => /^scripted-/.test(name)) && !names.some((name) => name.includes('\u202e')), names.join());
});

test('a sign-in that is not strong enough is refused', async () => {
  const { page } = await signIn('strong');
  assert.match(page.text, /authentication\.too_weak/);
});

const essential = (value) => ({ claims: JSON.stringify({ id_token: { acr: { essential: true, value } } }) });

test('what a provider says of how the person signed in counts as far as it is mapped', async () => {
  const weak = await signIn('scripted', startBrowser(), essential('urn:sallyport:acr:mfa'));
  assert.equal(weak.page.location.searchParams.get('error'), 'unmet_authentication_requirements');
  const mapped = await signIn('mapped', startBrowser(), essential('urn:sallyport:acr:mfa'));
  const claims = await claimsOf(mapped.page.location);
  assert.deepEqual(claims.amr, ['fed', 'otp']);
  assert.equal(claims.acr, 'urn:sallyport:acr:mfa');
  lie = { claims: { acr: 'phr', amr: ['pop', 'user', 'mfa'] } };
  const boaster = await claimsOf((await signIn('mapped')).page.location);
  assert.deepEqual(boaster.amr, ['fed']);
  assert.equal(boaster.acr, 'urn:sallyport:acr:password');
});

test('a login is no fresher than the provider says, and of unknown age when it says nothing', async () => {
  const told = now() - 5000;
  lie = { claims: { auth_time: told } };
  const { browser, page } = await signIn('scripted');
  assert.equal((await claimsOf(page.location)).auth_time, told);
  const silent = async (max_age) => (await browser.open(begin({ prompt: 'none', max_age }))).location.searchParams.get('error');
  assert.equal(await silent(4000), 'login_required');
  assert.equal(await silent(9000), null);
  for (const auth_time of [undefined, now() + 5000, 'now', -1]) {
    lie = { claims: { auth_time } };
    const unknown = await signIn('scripted');
    assert.equal((await claimsOf(unknown.page.location)).auth_time, undefined, `${auth_time}`);
    for (const demand of [{ max_age: 9000 }, { client_id: 'dated' }, { client_id: 'recent' }]) {
      const later = await unknown.browser.open(begin({ prompt: 'none', ...demand }));
      assert.equal(later.location.searchParams.get('error'), 'login_required', `${auth_time} ${JSON.stringify(demand)}`);
    }
  }
});

for (const [name, extra, auth_time, taken] of [
  ['max_age, and no auth_time', { max_age: 600 }, () => undefined, false],
  ['max_age, and a login that is older', { max_age: 600 }, () => now() - 1000, false],
  ['max_age, and a login that is not', { max_age: 600 }, () => now() - 300, true],
  ['max_age, and a login in the future', { max_age: 600 }, () => now() + 1000, false],
  ['prompt=login, and an old session there', { prompt: 'login' }, () => now() - 1000, false],
  ['prompt=login, and no auth_time', { prompt: 'login' }, () => undefined, true],
  ['both, and no auth_time', { prompt: 'login', max_age: 600 }, () => undefined, false],
  ['require_auth_time of the client, and none', { client_id: 'dated' }, () => undefined, false],
  ['require_auth_time of the client, and one that is old', { client_id: 'dated' }, () => now() - 100_000, true],
  ['default_max_age of the client, and a login that is older', { client_id: 'recent' }, () => now() - 1000, false],
  ['default_max_age of the client, and a login that is not', { client_id: 'recent' }, () => now() - 300, true],
  ['default_max_age of the client, and a request that says otherwise', { client_id: 'recent', max_age: 2000 }, () => now() - 1000, true],
])
  test(`how old a login may be: ${name}`, async () => {
    lie = { claims: { auth_time: auth_time() } };
    const { browser, page } = await signIn('scripted', startBrowser(), extra);
    if (extra.max_age) assert.equal(asked.authorization.max_age, String(extra.max_age));
    if (taken) return assert.ok(page.location?.searchParams.get('code'), page.text);
    assert.match(page.text, /authentication\.too_old/);
    await authority.lastLine('authentication.too_old');
    assert.equal(browser.cookies.has('sp_session'), false);
  });

test('where everybody needs a second step a provider does not stand for it, unless its word is mapped', async () => {
  const required = await startAuthority({
    authority: {
      login: { second_factor: 'required' },
      clients: { web: { name: 'Photo Album', secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true } },
      upstreams: { scripted: upstream, mapped: { ...upstream, map_amr: { otp: 'otp mfa' } } },
    },
  });
  const there = (extra) => begin(extra).replace(authority.issuer, required.issuer).replace('openid+profile+email', 'openid');
  const through = async (id, browser) => {
    const page = await browser.open(there());
    const away = await browser.open(page.text.match(new RegExp(`href="([^"]*/upstream/${id}\\?visit=[^"]*)"`))[1]);
    return browser.open((await request(away.location)).headers.location);
  };
  const claims = async (location) => JSON.parse(Buffer.from((await required.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier }, { basic: ['web', 's'] })).json.id_token.split('.')[1], 'base64url'));
  const mapped = await claims((await through('mapped', startBrowser())).location);
  assert.deepEqual([mapped.amr, mapped.acr], [['fed', 'otp', 'mfa'], 'urn:sallyport:acr:mfa']);
  const browser = startBrowser();
  const setup = await through('scripted', browser);
  assert.match(setup.text, /id="key">/);
  assert.equal(browser.cookies.has('sp_session'), false);
  assert.equal((await browser.open(there({ prompt: 'none' }))).location.searchParams.get('error'), 'login_required');
  browser.page = setup;
  const app = startApp(setup.text.match(/id="key">([A-Z2-7 ]+)</)[1]);
  await browser.submit({ code: await app.next(), step: 'code' });
  const done = await browser.submit({ step: 'go_on' });
  const shown = await claims(done.location);
  assert.deepEqual([shown.amr, shown.acr], [['fed', 'otp', 'mfa'], 'urn:sallyport:acr:mfa']);
  const again = await through('scripted', startBrowser());
  assert.match(again.text, /authenticator app shows/);
});

test('whoever set up an app here is asked for it after the provider as after the password, unless its word is mapped', async () => {
  lie = { claims: { sub: 'u-app', auth_time: now() }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-app' }) };
  const { browser } = await signIn('scripted');
  const inAccount = (step, more = {}) => {
    const form_token = browser.page.text.match(/name="form_token" value="([^"]*)"/)[1];
    return browser.open(`${authority.issuer}/account`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, section: 'second_factor', step, ...more }).toString() });
  };
  await browser.open(`${authority.issuer}/account`);
  const app = startApp((await inAccount('app_begin')).text.match(/id="key">([A-Z2-7 ]+)</)[1]);
  assert.match((await inAccount('app_confirm', { code: await app.next() })).text, /<li>[a-z2-7]{4}-/);

  const other = startBrowser();
  const { callback } = await visit('scripted', other);
  const back = await other.open(callback);
  assert.match(back.text, /authenticator app shows/);
  assert.equal(other.cookies.has('sp_session'), false);
  assert.match((await other.submit({ code: app.wrong(), step: 'code' })).text, /not right/);
  assert.equal((await other.open(begin({ prompt: 'none' }))).location.searchParams.get('error'), 'login_required');
  other.page = back;
  const shown = await claimsOf((await other.submit({ code: await app.next(), step: 'code' })).location);
  assert.deepEqual([shown.amr, shown.acr], [['fed', 'otp', 'mfa'], 'urn:sallyport:acr:mfa']);

  const mapped = await claimsOf((await signIn('mapped')).page.location); // silver is worth as much here
  assert.equal(mapped.acr, 'urn:sallyport:acr:mfa');
  lie.claims.acr = 'urn:example:bronze'; // not mapped
  assert.match((await signIn('mapped')).page.text, /authenticator app shows/);
});

// ---- the provider's own word on a session's end ----
const event = 'http://schemas.openid.net/event/backchannel-logout';
const logoutToken = (claims = {}, header = {}, key = scripted.key) => makeToken(key, { iss: scripted.issuer, aud: 'sallyport', iat: now(), exp: now() + 120, jti: `j-${Math.random()}`, sub: 'u-out', sid: 's-1', events: { [event]: {} }, ...claims }, { typ: 'logout+jwt', ...header });
const tell = async (token) => authority.post('/backchannel/scripted', { logout_token: token });
const isSignedIn = async (browser) => (await browser.open(`${authority.issuer}/account`)).text.includes('<title>Your account');
const signInAs = async (sub, sid) => {
  lie = { claims: { sub, sid }, userinfo: (outgoing) => json(outgoing, 200, { sub }) };
  const { browser } = await signIn('scripted');
  lie = {};
  return browser;
};

test('a logout token ends the sessions that it names, by sid, by sub, or by both', async () => {
  const [one, two, other] = [await signInAs('u-out', 's-1'), await signInAs('u-out', 's-2'), await signInAs('u-stay', 's-3')];
  const states = async () => [await isSignedIn(one), await isSignedIn(two), await isSignedIn(other)];
  assert.equal((await tell(await logoutToken({ sid: 's-3' }))).status, 200); // not this person's
  assert.equal((await tell(await logoutToken({ sub: undefined, sid: 's-9' }))).status, 200); // nobody's
  assert.deepEqual(await states(), [true, true, true]);
  assert.equal((await tell(await logoutToken({ sub: undefined }))).status, 200);
  assert.deepEqual(await states(), [false, true, true]);
  const again = await signInAs('u-out', 's-4');
  const all = await logoutToken({ sid: undefined });
  const answer = await tell(all);
  assert.deepEqual([answer.status, answer.headers['cache-control']], [200, 'no-store']);
  assert.deepEqual([...(await states()), await isSignedIn(again)], [false, false, true, false]);
  // The same token ends no later session.
  const later = await signInAs('u-out', 's-5');
  assert.equal((await tell(all)).status, 200);
  assert.equal(await isSignedIn(later), true);
});

const logoutFaults = {
  'another issuer': () => logoutToken({ iss: 'https://evil.example' }),
  'another audience': () => logoutToken({ aud: 'another' }),
  'a stranger\'s key': () => logoutToken({}, {}, { ...stranger, kid: scripted.key.kid }),
  'alg none': async () => `${base64url({ alg: 'none', typ: 'logout+jwt' })}.${(await logoutToken()).split('.')[1]}.`,
  'an ID token': () => makeToken(scripted.key, { iss: scripted.issuer, aud: 'sallyport', sub: 'u-fault', sid: 's-f', nonce: 'n', iat: now(), exp: now() + 60, jti: 'x' }, { typ: 'JWT' }),
  'an access token': () => logoutToken({}, { typ: 'at+jwt' }),
  'a nonce': () => logoutToken({ nonce: 'n' }),
  'no events': () => logoutToken({ events: undefined }),
  'other events': () => logoutToken({ events: { 'urn:other': {} } }),
  'an event that is no object': () => logoutToken({ events: { [event]: true } }),
  'nobody\'s name': () => logoutToken({ sub: undefined, sid: undefined }),
  'no jti': () => logoutToken({ jti: undefined }),
  'no exp': () => logoutToken({ exp: undefined }),
  'an end in the past': () => logoutToken({ iat: now() - 600, exp: now() - 300 }),
  'a life of years': () => logoutToken({ exp: now() + 1e9 }),
  'times beyond all numbers': () => logoutToken({ exp: Number.MAX_SAFE_INTEGER }),
  'junk': () => 'x.y.z',
};
for (const [name, make] of Object.entries(logoutFaults))
  test(`a logout token that is refused: ${name}`, async () => {
    const browser = await signInAs('u-out', 's-1');
    const answer = await tell(await make());
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'invalid_request');
    await authority.lastLine('logout.token_invalid');
    assert.equal(await isSignedIn(browser), true);
  });

test('a disabled account stays outside', async () => {
  lie = { claims: { sub: 'u-off' }, userinfo: (outgoing) => json(outgoing, 200, { sub: 'u-off', preferred_username: 'offa' }) };
  assert.ok((await signIn('scripted')).page.location);
  const { sallyport } = await import('../lib/cli.mjs');
  assert.equal((await sallyport(['accounts', 'disable', 'offa (scripted)', '--state', authority.state])).code, 0);
  assert.equal((await signIn('scripted')).page.status, 403);
});

test('there is no way to a provider without a waiting sign-in of this browser', async () => {
  const gone = await startBrowser().open(`${authority.issuer}/upstream/scripted?visit=x`);
  assert.equal(gone.status, 400);
  const nobody = await startBrowser().open(`${authority.issuer}/upstream/nobody?visit=x`);
  assert.equal(nobody.status, 404);
  assert.equal((await startBrowser().open(`${authority.issuer}/callback/scripted/x`)).status, 404);
});
