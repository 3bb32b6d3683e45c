// SPDX-License-Identifier: Apache-2.0
// Ways of asking: POST, an account to choose, PKCE for those who cannot hash, parameters that are not known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';

const redirect = 'https://app.example/callback';
const base = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'email', 'address', 'phone', 'read'], skip_consent: true };
const authority = await startAuthority({ authority: { clients: { web: base, old: { ...base, allow_plain_pkce: true }, asking: { ...base, skip_consent: false } } } });
const claims = { name: 'Bob', address: { formatted: 'Road 1', country: 'DE' }, phone_number: '+49', phone_number_verified: true, email: 'bob@example.test', zoneinfo: 'Europe/Berlin' };
await sallyport(['accounts', 'add', 'bob', '--state', authority.state, '--claims', JSON.stringify(claims)], { input: 'bob-secret\n' });
const verifier = 'v'.repeat(43);
const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url');
const request = (more = {}) => new URLSearchParams(Object.entries({ client_id: 'web', redirect_uri: redirect, response_type: 'code', scope: 'openid profile', code_challenge: challenge, code_challenge_method: 'S256', state: 'x', ...more }).filter(([, value]) => value !== undefined));
const open = (browser, more) => browser.open(`${authority.issuer}/authorize?${request(more)}`);
const redeem = async (location, more = {}, id = 'web') => (await authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier, ...more }, { basic: [id, 's'] }));
const subjectOf = (json) => JSON.parse(Buffer.from(json.id_token.split('.')[1], 'base64url')).sub;

test('a POST is as good as a GET, its query is not read, and a form of another type is refused', async () => {
  const browser = startBrowser();
  const post = { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: request().toString() };
  assert.match((await browser.open(`${authority.issuer}/authorize?prompt=none`, post)).text, /name="password"/);
  const { location } = await browser.signIn();
  assert.equal(location.searchParams.get('state'), 'x');
  assert.equal((await redeem(location)).status, 200);
  const json = await startBrowser().open(`${authority.issuer}/authorize`, { ...post, headers: { 'Content-Type': 'application/json' } });
  assert.equal(json.status, 400);
  assert.equal(json.location, undefined);
});

test('prompt=select_account asks who goes on', async () => {
  const browser = startBrowser();
  assert.match((await open(browser, { prompt: 'select_account' })).text, /name="password"/); // nobody to choose
  const first = (await browser.signIn()).location;
  const ann = subjectOf((await redeem(first)).json);
  const choice = await open(browser, { prompt: 'select_account' });
  assert.match(choice.text, /Which account\?/);
  assert.match(choice.text, /signed in as <strong>ann<\/strong>/);
  const same = (await browser.submit({ step: 'use' })).location;
  assert.equal(subjectOf((await redeem(same)).json), ann);
  await open(browser, { prompt: 'select_account' });
  assert.match((await browser.submit({ step: 'other' })).text, /name="password"/);
  const bob = (await browser.signIn('bob', 'bob-secret')).location;
  assert.notEqual(subjectOf((await redeem(bob)).json), ann);
  await open(browser, { prompt: 'select_account' });
  assert.equal((await browser.submit({ step: 'cancel' })).location.searchParams.get('error'), 'access_denied');
});

test('select_account with consent asks both, with login it asks for the password, with none nothing', async () => {
  const browser = startBrowser();
  await open(browser);
  await browser.signIn();
  await open(browser, { client_id: 'asking', prompt: 'select_account' });
  assert.match((await browser.submit({ step: 'use' })).text, /value="allow"/);
  assert.ok((await browser.allow()).location.searchParams.get('code'));
  assert.match((await open(browser, { prompt: 'select_account login' })).text, /name="password"/);
  assert.ok((await browser.signIn()).location.searchParams.get('code'));
  assert.equal((await open(browser, { prompt: 'none select_account' })).location.searchParams.get('error'), 'invalid_request');
});

test('plain PKCE is for the client that is allowed it', async () => {
  const plain = { code_challenge: verifier, code_challenge_method: 'plain' };
  assert.match((await open(startBrowser(), plain)).location.searchParams.get('error_description'), /pkce\.plain_not_allowed/);
  for (const method of ['plain', undefined]) {
    const login = async () => {
      const browser = startBrowser();
      await open(browser, { client_id: 'old', ...plain, code_challenge_method: method });
      return (await browser.signIn()).location;
    };
    assert.equal((await redeem(await login(), {}, 'old')).status, 200);
    assert.match((await redeem(await login(), { code_verifier: 'w'.repeat(43) }, 'old')).json.error_description, /pkce\.verifier_mismatch/);
    assert.match((await redeem(await login(), { code_verifier: '' }, 'old')).json.error_description, /pkce\.verifier_missing/);
  }
  for (const code_challenge of ['short', 'x'.repeat(129), `${'x'.repeat(50)} ${'x'.repeat(5)}`])
    assert.equal((await open(startBrowser(), { client_id: 'old', code_challenge, code_challenge_method: 'plain' })).location.searchParams.get('error'), 'invalid_request');
  // S256 goes on as for everybody.
  const browser = startBrowser();
  await open(browser, { client_id: 'old' });
  assert.equal((await redeem((await browser.signIn()).location, {}, 'old')).status, 200);
});

test('OpenID requests name their redirect_uri, plain OAuth need not when there is one', async () => {
  const missing = await open(startBrowser(), { redirect_uri: undefined });
  assert.equal(missing.status, 400);
  assert.match(missing.text, /redirect_uri\.missing/);
  assert.match((await open(startBrowser(), { redirect_uri: undefined, scope: 'read' })).text, /name="password"/);
});

test('display, claims_locales and what nobody knows change nothing; scopes come in any order', async () => {
  for (const more of [{ display: 'page' }, { display: 'popup' }, { claims_locales: 'se' }, { ui_locales: 'se' }, { extra: 'foobar' }, { nonce: undefined }, { scope: 'profile openid' }, { state: undefined }]) {
    const browser = startBrowser();
    assert.match((await open(browser, more)).text, /name="password"/);
    assert.equal((await redeem((await browser.signIn()).location)).status, 200);
  }
});

test('login_hint fills in the name', async () => {
  assert.match((await open(startBrowser(), { login_hint: 'bob"><i>' })).text, /value="bob&quot;&gt;&lt;i&gt;"/);
});

test('each scope shows its claims at userinfo, by header and by body', async () => {
  for (const [scope, names] of [['openid', []], ['openid profile', ['name', 'preferred_username', 'zoneinfo']], ['openid email', ['email']], ['openid address', ['address']], ['openid phone', ['phone_number', 'phone_number_verified']]]) {
    const browser = startBrowser();
    await open(browser, { scope });
    const { json } = await redeem((await browser.signIn('bob', 'bob-secret')).location);
    const info = (await authority.get('/userinfo', { token: json.access_token })).json;
    assert.deepEqual(Object.keys(info).sort(), ['sub', ...names].sort(), scope);
    assert.deepEqual((await authority.post('/userinfo', { access_token: json.access_token })).json, info);
    assert.deepEqual((await authority.post('/userinfo', '', { headers: { Authorization: `bearer ${json.access_token}` } })).json, info);
    if (scope === 'openid address') assert.equal(info.address.country, 'DE');
  }
});

test('what a request lacks is told', async () => {
  for (const [more, error, cause] of [[{ response_type: undefined }, 'invalid_request', 'request.parameter_missing'], [{ response_type: 'id_token token' }, 'unsupported_response_type', 'request.response_type'], [{ response_mode: 'jwt' }, 'invalid_request', 'request.parameter_invalid']]) {
    const { location } = await open(startBrowser(), more);
    assert.equal(location.searchParams.get('error'), error);
    assert.ok(location.searchParams.get('error_description').includes(cause));
  }
});

test('errors take the same way as codes', async () => {
  const form = await open(startBrowser(), { response_mode: 'form_post', prompt: 'none' });
  assert.equal(form.status, 200);
  for (const [name, value] of [['error', 'login_required'], ['state', 'x'], ['iss', authority.issuer]]) assert.ok(form.text.includes(`name="${name}" value="${value}"`), name);
  assert.ok(form.text.includes(`action="${redirect}"`));
  const { location } = await open(startBrowser(), { response_mode: 'fragment', prompt: 'none' });
  assert.equal(location.search, '');
  assert.equal(new URLSearchParams(location.hash.slice(1)).get('error'), 'login_required');
});

test('discovery has what Config OP asks for', async () => {
  for (const where of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    const { status, headers, json } = await authority.get(where);
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^application\/json/);
    assert.equal(json.issuer, authority.issuer);
    for (const member of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri', 'pushed_authorization_request_endpoint']) assert.ok(json[member].startsWith(`${authority.issuer}/`), member);
    assert.deepEqual(json.response_types_supported, ['code']);
    assert.ok(json.subject_types_supported.includes('public'));
    assert.ok(json.id_token_signing_alg_values_supported.includes('RS256'));
    assert.ok(json.request_object_signing_alg_values_supported.includes('RS256'));
    assert.ok(json.token_endpoint_auth_methods_supported.includes('private_key_jwt'));
    for (const alg of ['PS256', 'ES256', 'EdDSA']) assert.ok(json.token_endpoint_auth_signing_alg_values_supported.includes(alg) && json.dpop_signing_alg_values_supported.includes(alg), alg);
    // RFC 8414 2: where a list of methods has assertions, their algorithms stand beside it.
    for (const name of Object.keys(json).filter((each) => each.endsWith('_auth_methods_supported') && json[each].some((method) => method.endsWith('_jwt'))))
      assert.ok(json[name.replace('methods_supported', 'signing_alg_values_supported')]?.includes('PS256'), name);
    assert.ok(json.scopes_supported.includes('openid') && json.scopes_supported.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)));
    assert.deepEqual(json.ui_locales_supported, Intl.getCanonicalLocales(json.ui_locales_supported));
    assert.ok(json.claims_supported.includes('sub') && json.grant_types_supported.includes('authorization_code'));
    assert.deepEqual(json.code_challenge_methods_supported, ['S256']);
    assert.equal(json.authorization_response_iss_parameter_supported, true);
  }
  const { keys } = (await authority.get('/jwks')).json;
  assert.equal(new Set(keys.map(({ kid }) => kid)).size, keys.length);
  for (const key of keys) assert.ok(key.use === 'sig' && key.kid && !['d', 'p', 'q', 'k'].some((part) => part in key));
});
