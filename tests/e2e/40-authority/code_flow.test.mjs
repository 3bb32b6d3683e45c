// SPDX-License-Identifier: Apache-2.0
// openid-client logs a person in by authorization code and PKCE; the person is a browser without scripts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback';
const all = ['openid', 'profile', 'email', 'offline_access', 'read'];
const authority = await startAuthority({
  authority: {
    tokens: { refresh_grace: '1s', lifetime: '10m' },
    clients: {
      web: { name: 'The <Web> App', secret: 's', redirect_uris: [redirect, 'https://app.example/other'], scopes: all, audiences: ['https://api.example'] },
      spa: { method: 'none', redirect_uris: [redirect], scopes: all, skip_consent: true },
      trusted: { secret: 's', redirect_uris: [redirect], scopes: all, skip_consent: true, token_format: 'opaque' },
      other: { secret: 's', scopes: ['not-yours'] },
      lax: { secret: 's', redirect_uris: [redirect], scopes: all, skip_consent: true, require_pkce: false },
      native: { method: 'none', native: true, redirect_uris: ['http://127.0.0.1/callback'], scopes: all },
    },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const auths = { spa: openid.None(), web: openid.ClientSecretBasic('s'), trusted: openid.ClientSecretPost('s'), lax: openid.ClientSecretPost('s') };
const discover = (id) => openid.discovery(new URL(authority.issuer), id, undefined, auths[id], insecure);

async function begin(config, extra = {}) {
  const verifier = openid.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: openid.randomState(), expectedNonce: openid.randomNonce() };
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'openid profile', code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: checks.expectedState, nonce: checks.expectedNonce, ...extra,
  });
  return { url, checks };
}

/** A whole login; returns what openid-client made of it. */
async function login(id, extra = {}, browser = startBrowser()) {
  const config = await discover(id);
  const { url, checks } = await begin(config, extra);
  let page = await browser.open(url);
  if (!page.location && page.text.includes('name="password"')) page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  const tokens = await openid.authorizationCodeGrant(config, page.location, checks);
  return { config, tokens, browser, callback: page.location, checks };
}

const redeem = (callback, verifier, more = {}, basic = ['web', 's']) => authority.post('/token', {
  grant_type: 'authorization_code', code: callback.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier, ...more,
}, { basic });

test('a person signs in, consents, and the client learns who it is', async () => {
  const browser = startBrowser();
  const config = await discover('web');
  const { url, checks } = await begin(config);
  const form = await browser.open(url);
  assert.equal(form.status, 200);
  assert.match(form.headers['content-type'], /^text\/html/);
  assert.match(form.headers['content-security-policy'], /default-src 'none'.*form-action 'self' https:\/\/app\.example.*frame-ancestors 'none'/);
  assert.match(form.text, /The &lt;Web&gt; App/);
  assert.doesNotMatch(form.text, /<script/);
  const wrong = await browser.signIn('ann', 'not it');
  assert.match(wrong.text, /not right/);
  const line = await authority.lastLine('login.password_wrong');
  assert.equal(line.accepted, false);
  assert.equal(line.verdict.cause.id, 'login.password_wrong');
  const told = await sallyport(['explain', line.request_id, '--state', authority.state]);
  assert.match(told.stdout, /REFUSED|REJECTED/);
  assert.doesNotMatch(told.stdout, /ACCEPTED/);
  assert.match(wrong.text, /value="ann"/);
  const consent = await browser.signIn();
  assert.match(consent.text, /see your profile/);
  const { location } = await browser.allow();
  assert.equal(location.searchParams.get('iss'), authority.issuer);
  const tokens = await openid.authorizationCodeGrant(config, location, checks);
  const claims = tokens.claims();
  assert.equal(claims.aud, 'web');
  assert.deepEqual(claims.amr, ['pwd']);
  assert.ok(claims.sid && claims.auth_time);
  const info = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(info.name, 'Ann Example');
  assert.equal(info.email, undefined); // not asked for
  const { payload } = await jose.jwtVerify(tokens.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { audience: 'https://api.example' });
  assert.equal(payload.sub, claims.sub);
  assert.equal(payload.scope, 'openid profile');
});

test('the second login asks nothing: the session and the consent are known', async () => {
  const { browser, config } = await login('web');
  const { url } = await begin(config);
  assert.ok((await browser.open(url)).location.searchParams.get('code'));
});

test('a public client and an opaque token work the same', async () => {
  const { config, tokens } = await login('spa');
  assert.equal((await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).preferred_username, 'ann');
  const opaque = await login('trusted', { scope: 'openid email' });
  assert.ok(!opaque.tokens.access_token.includes('.'));
  assert.equal((await openid.fetchUserInfo(opaque.config, opaque.tokens.access_token, opaque.tokens.claims().sub)).email, 'ann@example.test');
});

for (const mode of ['form_post', 'fragment']) {
  test(`response_mode=${mode}`, async () => {
    const { config, browser } = await login('trusted');
    const { url, checks } = await begin(config, { response_mode: mode });
    const page = await browser.open(url);
    if (mode === 'fragment') {
      const values = new URLSearchParams(page.location.hash.slice(1));
      assert.ok(values.get('code') && values.get('state') === checks.expectedState);
      return;
    }
    const { action, values } = browser.fields();
    assert.equal(action, redirect);
    assert.match(page.headers['content-security-policy'], /form-action 'self' https:\/\/app\.example/);
    const posted = new Request(redirect, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(values) });
    assert.ok((await openid.authorizationCodeGrant(config, posted, checks)).id_token);
  });
}

test('prompt and max_age decide who is asked', async () => {
  const { config, browser } = await login('web');
  const ask = async (extra, who = browser) => who.open((await begin(config, extra)).url);
  assert.ok((await ask({ prompt: 'none' })).location.searchParams.get('code'));
  assert.equal((await ask({ prompt: 'none' }, startBrowser())).location.searchParams.get('error'), 'login_required');
  assert.equal((await ask({ prompt: 'none', scope: 'openid email' })).location.searchParams.get('error'), 'consent_required');
  assert.match((await ask({ prompt: 'login' })).text, /name="password"/);
  assert.ok((await browser.signIn()).location.searchParams.get('code')); // consent is known
  assert.match((await ask({ prompt: 'consent' })).text, /value="allow"/);
  await until(async () => /name="password"/.test((await ask({ max_age: '1' })).text), 'the login to be older than a second');
  assert.equal((await ask({ prompt: 'none login' })).location.searchParams.get('error'), 'invalid_request');
});

test('saying no sends access_denied, and the form cannot be used again', async () => {
  const config = await discover('web');
  const browser = startBrowser();
  await browser.open((await begin(config, { scope: 'openid offline_access' })).url);
  const form = await browser.signIn();
  assert.match(form.text, /while you are away/);
  const denied = await browser.submit({ step: 'cancel' });
  assert.equal(denied.location.searchParams.get('error'), 'access_denied');
  const again = await browser.open(form.url, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...browser.fields(form).values, step: 'allow' }).toString() });
  assert.equal(again.status, 400);
});

test('nothing is redirected to an address that is not registered; the page says how it differs', async () => {
  const browser = startBrowser();
  const rows = [
    ['https://app.example/callback/', 'redirect_uri.trailing_slash'], ['http://app.example/callback', 'redirect_uri.scheme'],
    ['https://www.app.example/callback', 'redirect_uri.www'], ['https://app.example:8443/callback', 'redirect_uri.port'],
    ['https://app.example/Callback', 'redirect_uri.case'], ['https://app.example/callback?x=1', 'redirect_uri.query'],
    ['https://app.example/else', 'redirect_uri.path'], ['https://evil.example/', 'redirect_uri.mismatch'],
    ['https://app.example/callback#x', 'redirect_uri.fragment'], ['javascript:alert(1)', 'redirect_uri.mismatch'],
    ['https://app.example/"><script>alert(1)</script>', 'redirect_uri.path'], ['https://app.example/call%62ack', 'redirect_uri.encoding'],
  ];
  for (const [uri, cause] of rows) {
    const page = await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: uri, response_type: 'code' })}`);
    assert.equal(page.status, 400, uri);
    assert.ok(page.text.includes(`<code>${cause}</code>`), `${uri}: ${page.text.match(/<code>.*<\/code>/)}`);
    assert.doesNotMatch(page.text, /<script>alert/);
    assert.equal(page.headers.location, undefined);
  }
  const proxied = await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: 'http://app.example/callback' })}`, { headers: { 'X-Forwarded-Proto': 'https' } });
  assert.match(proxied.text, /redirect_uri\.behind_proxy/);
  assert.match(proxied.text, /<mark>/);
  const ends = await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: `${redirect}#x` })}`);
  assert.ok(ends.text.includes(`<dd>${redirect}<mark>#</mark>x</dd>`), ends.text);
  const port = await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'native', redirect_uri: 'http://127.0.0.1:5000/callbak' })}`);
  assert.ok(port.text.includes('<dd>http://127.0.0.1:5000/callba<mark>k</mark></dd>') && port.text.includes('<dd>http://127.0.0.1/callba<mark>c</mark>k</dd>'), port.text);
  const missing = await browser.open(`${authority.issuer}/authorize?client_id=web&scope=openid`);
  assert.match(missing.text, /redirect_uri\.missing/);
  assert.deepEqual([...missing.text.matchAll(/<dt>([^<]*)<\/dt><dd>([^<]*)<\/dd>/g)].map(([, ...row]) => row), [['registered', redirect], ['registered', 'https://app.example/other']]);
  assert.equal((await authority.lastLine('redirect_uri.missing')).finding.received, `${redirect}, https://app.example/other`);
  assert.match((await browser.open(`${authority.issuer}/authorize?redirect_uri=${redirect}`)).text, /A required parameter is missing\. It is &#39;client_id&#39;\./);
  const unknown = await browser.open(`${authority.issuer}/authorize?client_id=wbe&redirect_uri=${redirect}`);
  assert.match(unknown.text, /client\.unknown/);
});

test('scopes that nobody here knows are passed over in an OpenID request, told in the log, and not granted', async () => {
  const config = await discover('spa');
  const { url, checks } = await begin(config, { scope: 'openid nope profile urn:what' });
  const browser = startBrowser();
  assert.equal((await browser.open(url)).status, 200);
  const line = await authority.lastLine('request.scope_unknown');
  assert.equal(line.finding.received, 'nope urn:what');
  assert.equal(line.accepted, true);
  const { location } = await browser.signIn();
  const tokens = await openid.authorizationCodeGrant(config, location, checks);
  assert.equal(tokens.scope, 'openid profile');
});

test('what is wrong with the request goes back to the client with its state', async () => {
  const base = { client_id: 'web', redirect_uri: redirect, response_type: 'code', scope: 'openid', state: 'x&y', code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' };
  const rows = [
    [{ response_type: 'token' }, 'unsupported_response_type', 'request.response_type'], [{ code_challenge: '' }, 'invalid_request', 'pkce.required'],
    [{ code_challenge_method: 'plain' }, 'invalid_request', 'pkce.plain_not_allowed'], [{ code_challenge: `${'a'.repeat(42)}=` }, 'invalid_request', 'pkce.challenge_padded'],
    [{ scope: 'nope' }, 'invalid_scope', 'request.scope_unknown'], [{ scope: 'openid nope not-yours' }, 'invalid_scope', 'request.scope_not_allowed'], [{ resource: 'urn:x' }, 'invalid_target', 'request.resource_invalid'],
    [{ prompt: 'maybe' }, 'invalid_request', 'request.parameter_invalid'], [{ max_age: '-1' }, 'invalid_request', 'request.parameter_invalid'],
    [{ request: 'x.y.z' }, 'invalid_request_object', 'request.object_malformed'], [{ id_token_hint: 'x.y.z' }, 'invalid_request', 'request.parameter_invalid'],
  ];
  for (const [change, error, cause] of rows) {
    const { location } = await startBrowser().open(`${authority.issuer}/authorize?${new URLSearchParams({ ...base, ...change })}`);
    assert.equal(location.searchParams.get('error'), error, cause);
    assert.equal(location.searchParams.get('state'), 'x&y');
    assert.ok(location.searchParams.get('error_description').includes(cause), location.searchParams.get('error_description'));
    assert.equal(location.origin + location.pathname, redirect);
  }
});

test('another browser cannot send the form, and a form without its token does nothing', async () => {
  const config = await discover('web');
  const victim = startBrowser();
  const form = await victim.open((await begin(config)).url);
  const { action, values } = victim.fields();
  const send = (who, change) => who.open(action, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...values, username: 'ann', password: 'ann-secret', step: 'login', ...change }).toString() });
  assert.equal((await send(startBrowser(), {})).status, 400);
  assert.equal((await authority.lastLine('state.other_browser')).finding.received, 'no cookie');
  assert.equal((await victim.open(`${authority.issuer}/signin?visit=unknown`)).status, 400);
  assert.equal((await authority.lastLine('state.expired')).accepted, false);
  const without = await send(victim, { form_token: 'x' });
  assert.match(without.text, /name="password"/);
  assert.ok(!victim.cookies.has('sp_session'));
  assert.match(form.url, /visit=/);
  const cookieLine = form.headers['set-cookie'];
  assert.ok(cookieLine === undefined || cookieLine.every((line) => /HttpOnly; SameSite=Lax/.test(line)));
});

test('a session handle from before the login is worth nothing after it', async () => {
  const browser = startBrowser();
  browser.cookies.set('sp_session', 'fixed-by-somebody-else');
  await login('trusted', {}, browser);
  assert.notEqual(browser.cookies.get('sp_session'), 'fixed-by-somebody-else');
});

test('of a hundred redemptions at once one wins, and the others are told code.reused', async () => {
  const config = await discover('web');
  const browser = startBrowser();
  const { url, checks } = await begin(config);
  let page = await browser.open(url);
  page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  const answers = await Promise.all(Array.from({ length: 100 }, () => redeem(page.location, checks.pkceCodeVerifier)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.ok(answers.every(({ status, json }) => status === 200 || (json.error === 'invalid_grant' && /code\.reused/.test(json.error_description))));
  const won = answers.find(({ status }) => status === 200).json;
  // The reuse revoked what the winner got (RFC 9700 4.5).
  assert.equal((await authority.post('/introspect', { token: won.access_token }, { basic: ['web', 's'] })).json.active, false);
});

test('after a second use of the code its refresh token is told to be revoked, and the code to be reused', async () => {
  const { tokens, callback, checks } = await login('web', { scope: 'openid offline_access' });
  for (let i = 0; i < 2; i++) assert.match((await redeem(callback, checks.pkceCodeVerifier)).json.error_description, /code\.reused/);
  const answer = await authority.post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, { basic: ['web', 's'] });
  assert.equal(answer.json.error, 'invalid_grant');
  assert.match(answer.json.error_description, /refresh\.revoked/);
});

test('each wrong redemption is named', async () => {
  const { browser } = await login('web');
  const fresh = async (extra) => {
    const config = await discover('web');
    const { url, checks } = await begin(config, extra);
    return { location: (await browser.open(url)).location, verifier: checks.pkceCodeVerifier };
  };
  const rows = [
    [{ code_verifier: 'x'.repeat(50) }, 'pkce.verifier_mismatch'], [{ code_verifier: '' }, 'pkce.verifier_missing'], [{ code_verifier: 'short' }, 'pkce.verifier_length'],
    [{ redirect_uri: 'https://app.example/other' }, 'code.redirect_uri_differs'], [{ code: 'spac_x' }, 'code.truncated'], [{ code: 'nonsense' }, 'code.unknown'],
    [{ code: '' }, 'request.parameter_missing'],
  ];
  for (const [change, cause] of rows) {
    const { location, verifier } = await fresh();
    const { status, json } = await redeem(location, verifier, change);
    assert.equal(status, 400);
    assert.ok(json.error_description.includes(cause), `${cause}: ${json.error_description}`);
  }
  const { location, verifier } = await fresh();
  const other = await redeem(location, verifier, {}, ['trusted', 's']).then(() => authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier, client_id: 'trusted', client_secret: 's' }));
  assert.match(other.json.error_description, /code\.other_client/);
  assert.equal((await redeem(location, verifier)).status, 200); // the attempt of another client did not spend it
  const spent = await fresh();
  await redeem(spent.location, 'x'.repeat(43));
  assert.match((await redeem(spent.location, spent.verifier)).json.error_description, /The first attempt with it failed: [a-z_.]+\. \(code\.reused_after_failure\)/);
});

test('a client that need not use PKCE may not send a verifier out of nowhere', async () => {
  const { browser } = await login('lax');
  const page = await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'lax', redirect_uri: redirect, response_type: 'code', scope: 'read' })}`);
  const answer = await authority.post('/token', { grant_type: 'authorization_code', code: page.location.searchParams.get('code'), redirect_uri: redirect, code_verifier: 'v'.repeat(43), client_id: 'lax', client_secret: 's' });
  assert.match(answer.json.error_description, /pkce\.unexpected_verifier/);
});

test('refresh rotates; two at once are a race, later reuse kills the family', async () => {
  const { config, tokens } = await login('web', { scope: 'openid offline_access read' });
  const refresh = (token, more = {}) => authority.post('/token', { grant_type: 'refresh_token', refresh_token: token, ...more }, { basic: ['web', 's'] });
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(next.refresh_token, tokens.refresh_token);
  assert.equal(next.claims().sub, tokens.claims().sub);
  const race = await refresh(tokens.refresh_token);
  assert.equal(race.status, 200);
  assert.equal(race.json.refresh_token, next.refresh_token); // one family, one that is alive
  await authority.lastLine('refresh.race');
  assert.match((await refresh(next.refresh_token, { scope: 'openid email' })).json.error_description, /refresh\.scope_grew/);
  const narrow = await refresh(next.refresh_token, { scope: 'read' });
  assert.equal(narrow.json.scope, 'read');
  assert.equal(narrow.json.id_token, undefined);
  const reused = await until(async () => {
    const answer = await refresh(tokens.refresh_token);
    return answer.status === 400 && answer;
  }, 'the grace window to end', 5_000);
  assert.equal(reused.json.error, 'invalid_grant');
  assert.match(reused.json.error_description, /refresh\.reused/);
  assert.match((await refresh(narrow.json.refresh_token)).json.error_description, /refresh\.revoked/);
  assert.equal((await authority.post('/introspect', { token: narrow.json.access_token }, { basic: ['web', 's'] })).json.active, false);
  assert.match((await refresh('nonsense')).json.error_description, /refresh\.unknown/);
});

test('userinfo refuses what is no access token of ours by RFC 6750', async () => {
  assert.match((await authority.get('/userinfo')).headers['www-authenticate'], /^Bearer realm="authority", DPoP algs="[^"]*"$/);
  const wrong = await authority.get('/userinfo', { token: 'x.y.z' });
  assert.equal(wrong.status, 401);
  assert.match(wrong.headers['www-authenticate'], /error="invalid_token"/);
  const { tokens } = await login('lax', { scope: 'read' }).catch(() => ({}));
  assert.equal(tokens, undefined); // openid-client wants an id_token here
});

test('an account is guessed at slowly', async () => {
  const bob = (input) => sallyport(['accounts', 'add', 'bob', '--state', authority.state], { input });
  assert.equal((await bob('short\n')).code, 1);
  assert.equal((await bob('a longer password\n')).code, 0);
  assert.equal((await bob('a longer password\n')).code, 1); // the name is taken
  const config = await discover('trusted');
  const browser = startBrowser();
  await browser.open((await begin(config)).url);
  let page;
  for (let i = 0; i < 7; i++) page = await browser.signIn('bob', 'guess');
  assert.match(page.text, /Too many attempts/);
  await authority.lastLine('login.password_wrong');
});

test('a refresh token that is given back takes its access token along; a stranger cannot give it back', async () => {
  const { config, tokens } = await login('trusted', { scope: 'openid offline_access' });
  const revoke = (basic) => authority.post('/revoke', { token: tokens.refresh_token }, { basic });
  assert.equal((await revoke(['web', 's'])).status, 400);
  const isActive = async () => (await authority.post('/introspect', { token: tokens.access_token }, { basic: ['web', 's'] })).json.active;
  assert.equal(await isActive(), true);
  await openid.tokenRevocation(config, tokens.refresh_token);
  assert.equal(await isActive(), false);
  await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  assert.equal((await revoke(['trusted', 's'])).status, 200);
});

test('a refreshed id_token is of the same login; neither codes nor tokens are in the store or the log', async () => {
  const browser = startBrowser();
  const config = await discover('trusted');
  const { url, checks } = await begin(config, { scope: 'openid offline_access' });
  await browser.open(url);
  const { location } = await browser.signIn();
  const tokens = await openid.authorizationCodeGrant(config, location, checks);
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  const [first, second] = [tokens.claims(), next.claims()];
  for (const name of ['iss', 'sub', 'aud', 'auth_time', 'acr', 'sid']) assert.deepEqual(second[name], first[name], name);
  assert.equal(first.nonce, checks.expectedNonce);
  assert.equal(second.nonce, undefined); // OIDC Core 12.2
  assert.ok(second.iat >= first.iat);
  const kept = ['authority.sqlite', 'authority.sqlite-wal', 'authority.jsonl'].map((name) => `${authority.state}/${name}`).filter((path) => fs.existsSync(path)).map((path) => fs.readFileSync(path));
  assert.ok(kept.length >= 2);
  for (const secret of [location.searchParams.get('code'), tokens.access_token, tokens.refresh_token, next.access_token, next.refresh_token, browser.cookies.get('sp_session')])
    for (const file of kept) assert.ok(secret.length > 20 && !file.includes(secret));
});
