// SPDX-License-Identifier: Apache-2.0
// The claims parameter and acr (OIDC Core 5.5), with openid-client and oauth4webapi as applications.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';

const redirect = 'https://app.example/callback';
const PASSWORD = 'urn:sallyport:acr:password';
const authority = await startAuthority({
  authority: {
    clients: {
      web: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'email', 'offline_access'] },
      poor: { secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true },
    },
  },
});
const added = await sallyport(['accounts', 'add', 'bob', '--state', authority.state, '--claims', '{"email":"bob@example.test","phone_number":"+1"}'], { input: 'bob-secret\n' });
assert.equal(added.code, 0, added.stderr);

const discover = (id = 'web') => openid.discovery(new URL(authority.issuer), id, undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });

async function begin(config, extra = {}) {
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const { claims, ...rest } = extra;
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'openid', code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256',
    state: checks.expectedState, ...(claims ? { claims: typeof claims === 'string' ? claims : JSON.stringify(claims) } : {}), ...rest,
  });
  return { url, checks };
}

/** A whole login; resolves to the tokens, and to what stood on the consent page. */
async function login(extra, { id = 'web', browser = startBrowser(), who = ['ann', 'ann-secret'] } = {}) {
  const config = await discover(id);
  const { url, checks } = await begin(config, extra);
  let page = await browser.open(url);
  let consent = '';
  if (!page.location && page.text.includes('name="password"')) page = await browser.signIn(...who);
  if (!page.location && page.text.includes('value="allow"')) {
    consent = page.text;
    page = await browser.allow();
  }
  const tokens = await openid.authorizationCodeGrant(config, page.location, checks);
  return { config, tokens, claims: tokens.claims(), consent, browser };
}

test('discovery says so', async () => {
  const metadata = (await discover()).serverMetadata();
  assert.equal(metadata.claims_parameter_supported, true);
  assert.equal(metadata.acr_values_supported[0], PASSWORD);
  for (const claim of ['sub', 'acr', 'name', 'email_verified', 'phone_number', 'zoneinfo']) assert.ok(metadata.claims_supported.includes(claim), claim);
});

test('claims asked for by name go where they are asked for, and the person is told', async () => {
  const { config, tokens, claims, consent } = await login({ claims: { userinfo: { email: { essential: true }, nickname: null }, id_token: { name: null, auth_time: { essential: true } } } });
  assert.equal(claims.name, 'Ann Example');
  assert.equal(claims.email, undefined);
  assert.ok(claims.auth_time);
  assert.match(consent, /see your e-mail address/);
  assert.match(consent, /see your profile/);
  const info = await openid.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(info.email, 'ann@example.test');
  assert.equal(info.name, undefined); // asked for in the id_token only
  assert.equal(info.email_verified, undefined); // by name means by name
});

test('a refreshed id_token tells the same', async () => {
  const { config, tokens } = await login({ scope: 'openid offline_access', prompt: 'consent', claims: { id_token: { email: null }, userinfo: { name: null } } });
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(next.claims().email, 'ann@example.test');
  assert.equal((await openid.fetchUserInfo(config, next.access_token, next.claims().sub)).name, 'Ann Example');
});

test('nothing beyond the scopes that the client may have, and no value that is not asked for', async () => {
  const poor = await login({ claims: { userinfo: { email: { essential: true } }, id_token: { name: null } } }, { id: 'poor' });
  assert.equal(poor.claims.name, undefined);
  assert.deepEqual(Object.keys(await openid.fetchUserInfo(poor.config, poor.tokens.access_token, poor.claims.sub)), ['sub']);
  const other = await login({ claims: { id_token: { email: { value: 'eve@example.test' }, name: { values: ['Ann Example', 'x'] } } } });
  assert.equal(other.claims.email, undefined);
  assert.equal(other.claims.name, 'Ann Example');
});

test('a consent without the claims is not one with them', async () => {
  const { browser } = await login({});
  const config = await discover();
  const { url } = await begin(config, { prompt: 'none', claims: { id_token: { email: null } } });
  assert.ok((await browser.open(url)).location.searchParams.get('code')); // ann allowed her e-mail address before
  const bob = startBrowser();
  await login({}, { browser: bob, who: ['bob', 'bob-secret'] });
  assert.equal((await bob.open(url)).location.searchParams.get('error'), 'consent_required');
});

test('a subject by value admits this person only', async () => {
  const { claims, browser } = await login({});
  const config = await discover();
  const ask = async (extra) => (await begin(config, extra)).url;
  assert.ok((await browser.open(await ask({ prompt: 'none', claims: { id_token: { sub: { value: claims.sub } } } }))).location.searchParams.get('code'));
  assert.equal((await browser.open(await ask({ prompt: 'none', claims: { userinfo: { sub: { value: 'somebody else' } } } }))).location.searchParams.get('error'), 'login_required');
  const form = await browser.open(await ask({ claims: { id_token: { sub: { value: claims.sub } } }, prompt: 'login' }));
  assert.match(form.text, /name="password"/);
  const wrong = await browser.signIn('bob', 'bob-secret');
  assert.match(wrong.text, /signed in as <strong>bob<\/strong>, but the application asks for another account/);
  assert.ok((await browser.signIn()).location.searchParams.get('code'));
});

test('the same by id_token_hint', async () => {
  const { tokens, browser } = await login({});
  const config = await discover();
  const bob = startBrowser();
  await login({}, { browser: bob, who: ['bob', 'bob-secret'] });
  const { url } = await begin(config, { prompt: 'none', id_token_hint: tokens.id_token });
  assert.ok((await browser.open(url)).location.searchParams.get('code'));
  assert.equal((await bob.open(url)).location.searchParams.get('error'), 'login_required');
});

test('acr_values are a wish, an essential acr is a demand', async () => {
  assert.equal((await login({ acr_values: `gold ${PASSWORD}` })).claims.acr, PASSWORD);
  assert.equal((await login({ acr_values: 'gold' })).claims.acr, PASSWORD); // what it was, not what was wished
  assert.equal((await login({ claims: { id_token: { acr: { essential: true, values: ['gold', PASSWORD] } } } })).claims.acr, PASSWORD);
  assert.equal((await login({ claims: { id_token: { acr: { essential: true } } } })).claims.acr, PASSWORD);
  const config = await discover();
  const { url } = await begin(config, { claims: { id_token: { acr: { essential: true, value: 'gold' } } } });
  const { location } = await startBrowser().open(url);
  assert.equal(location.searchParams.get('error'), 'unmet_authentication_requirements');
  assert.match(location.searchParams.get('error_description'), /request\.acr_unmet/);
  await authority.lastLine('request.acr_unmet');
});

test('a login that stays too weak ends with the application, not in a circle', async () => {
  const config = await discover();
  const browser = startBrowser();
  await login({}, { browser });
  const { url } = await begin(config, { claims: { id_token: { acr: { essential: true, value: 'urn:sallyport:acr:mfa' } } } });
  assert.equal((await browser.open(`${url}&prompt=none`)).location.searchParams.get('error'), 'login_required');
  assert.match((await browser.open(url)).text, /name="password"/);
  assert.equal((await browser.signIn()).location.searchParams.get('error'), 'unmet_authentication_requirements');
});

test('a claim of another type is refused where it is written, and told to nobody where it was; what is empty is left out', async () => {
  const add = (name, claims) => sallyport(['accounts', 'add', name, '--state', authority.state, '--claims', JSON.stringify(claims)], { input: 'long-secret\n' });
  for (const [claim, value, wanted] of [['email_verified', 'false', 'true or false'], ['updated_at', '2026', 'a number'], ['address', 'Road 1', 'an object'], ['name#ja', 7, 'a text']]) {
    const { code, stderr } = await add('typed', { [claim]: value });
    assert.equal(code, 1);
    assert.ok(stderr.includes(`the claim '${claim}' has to be ${wanted} (OpenID Connect Core 5.1), and is ${JSON.stringify(value)}`), stderr);
  }
  assert.equal((await add('typed', { name: 'Typed', nickname: '', email: 'typed@example.test', email_verified: true, updated_at: 1 })).code, 0);
  // What a store of before these rules may hold: "false", which a script takes for true.
  const edit = "import sqlite3,sys; db=sqlite3.connect(sys.argv[1]); db.execute(\"update accounts set claims=replace(claims,':true',':\\\"false\\\"') where name='typed'\"); db.commit()";
  await authority.stop();
  const { status, stderr } = spawnSync('python3', ['-c', edit, `${authority.state}/authority.sqlite`], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  await authority.start();
  const { config, tokens, claims } = await login({ scope: 'openid profile email', claims: { id_token: { email_verified: null, email: null, nickname: null } } }, { who: ['typed', 'long-secret'] });
  assert.deepEqual(await openid.fetchUserInfo(config, tokens.access_token, claims.sub), { sub: claims.sub, preferred_username: 'typed', name: 'Typed', updated_at: 1, email: 'typed@example.test' });
  assert.deepEqual([claims.email, 'email_verified' in claims, 'nickname' in claims], ['typed@example.test', false, false]);
});

test('what is no claims request goes back as invalid_request', async () => {
  const config = await discover();
  for (const claims of ['x', '[]', '{"userinfo":[]}', '{"id_token":{"acr":{"essential":1}}}', `{"id_token":{"x":"${'y'.repeat(20_000)}"}}`]) {
    const { location } = await startBrowser().open((await begin(config, { claims })).url);
    assert.equal(location.searchParams.get('error'), 'invalid_request', claims.slice(0, 40));
    assert.match(location.searchParams.get('error_description'), /'claims'.*request\.parameter_invalid/);
  }
});

test('oauth4webapi pushes a claims request', async () => {
  const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), { [oauth.allowInsecureRequests]: true }));
  const client = { client_id: 'web' };
  const verifier = oauth.generateRandomCodeVerifier();
  const pushed = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, oauth.ClientSecretBasic('s'), {
    redirect_uri: redirect, response_type: 'code', scope: 'openid', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', claims: JSON.stringify({ id_token: { email: null } }),
  }, { [oauth.allowInsecureRequests]: true }));
  const browser = startBrowser();
  await browser.open(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: 'web', request_uri: pushed.request_uri })}`);
  let page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  const parameters = oauth.validateAuthResponse(as, client, page.location);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(as, client, oauth.ClientSecretBasic('s'), parameters, redirect, verifier, { [oauth.allowInsecureRequests]: true }), { requireIdToken: true });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).email, 'ann@example.test');
});
