// SPDX-License-Identifier: Apache-2.0
// openid-client with sender-constrained tokens (RFC 9449), pushed requests (RFC 9126) and RP-initiated logout.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { decodePart, jwks, makeKey, makeProof, makeToken, now } from '../lib/tokens.mjs';

const redirect = 'https://app.example/callback';
const scopes = ['openid', 'profile', 'offline_access', 'read'];
const common = { redirect_uris: [redirect], scopes, skip_consent: true };
const signer = await makeKey('ES256');
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256', dpop_nonce: true },
    clients: {
      web: { ...common, secret: 's', post_logout_redirect_uris: ['https://app.example/bye'] },
      spa: { ...common, method: 'none' },
      strict: { ...common, secret: 's', require_pushed: true, require_dpop: true },
      machine: { secret: 's', require_dpop: true },
      keyed: { ...common, jwks: jwks(signer) },
    },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const auths = { web: openid.ClientSecretBasic('s'), strict: openid.ClientSecretPost('s'), machine: openid.ClientSecretPost('s'), spa: openid.None() };
const discover = (id) => openid.discovery(new URL(authority.issuer), id, undefined, auths[id], insecure);

async function login(id, { push = false, DPoP, browser = startBrowser() } = {}) {
  const config = await discover(id);
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const parameters = {
    redirect_uri: redirect, scope: 'openid profile offline_access', state: expectedState, code_challenge_method: 'S256',
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
  };
  const url = push ? await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }) : openid.buildAuthorizationUrl(config, parameters);
  let page = await browser.open(url);
  if (!page.location) page = await browser.signIn();
  assert.ok(page.location, page.text);
  const tokens = await openid.authorizationCodeGrant(config, page.location, { pkceCodeVerifier, expectedState }, undefined, { DPoP });
  return { config, tokens, browser, url };
}

test('a token is bound to the key of the proof, and worth nothing without it', async () => {
  const config = await discover('spa');
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
  const { tokens } = await login('spa', { DPoP });
  assert.equal(tokens.token_type, 'dpop');
  assert.equal(decodePart(tokens.access_token, 1).cnf.jkt, await DPoP.calculateThumbprint());
  const info = await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
  assert.equal(info.name, 'Ann Example');
  const bearer = await authority.get('/userinfo', { token: tokens.access_token });
  assert.equal(bearer.status, 401);
  await authority.lastLine('binding.dpop_missing');
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
  assert.equal(decodePart(next.access_token, 1).cnf.jkt, await DPoP.calculateThumbprint());
  const other = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
  await assert.rejects(openid.refreshTokenGrant(config, next.refresh_token, undefined, { DPoP: other }), { error: 'invalid_grant' });
});

test('the scheme DPoP is for bound tokens, with a proof: a bearer token gains nothing by it', async () => {
  const { tokens } = await login('spa');
  assert.equal(tokens.token_type, 'bearer');
  const url = `${authority.issuer}/userinfo`;
  const info = (scheme, proof) => authority.get('/userinfo', { headers: { Authorization: `${scheme} ${tokens.access_token}`, ...(proof && { DPoP: proof }) } });
  assert.equal((await info('Bearer')).status, 200);
  const proof = await makeProof(await makeKey('ES256'), 'GET', url, { token: tokens.access_token });
  for (const [sent, cause, error] of [[undefined, 'dpop_missing', 'invalid_token'], ['garbage', 'dpop_invalid', 'invalid_dpop_proof'], [proof, 'dpop_invalid', 'invalid_dpop_proof']])
    for (const scheme of ['DPoP', 'dpop']) {
      const answer = await info(scheme, sent);
      assert.equal(answer.status, 401, `${scheme} ${sent}`);
      assert.match(answer.headers['www-authenticate'], new RegExp(`^DPoP error="${error}", .*, algs="RS256 [^"]*ES256 [^"]*"$`));
      await authority.lastLine(`binding.${cause}`);
    }
});

test('a proof is refused without our nonce, twice, or for another URL', async () => {
  const key = await makeKey('ES256');
  const ask = (proof) => authority.post('/token', { grant_type: 'client_credentials', client_id: 'machine', client_secret: 's' }, { headers: proof ? { DPoP: proof } : {} });
  const url = `${authority.issuer}/token`;
  const without = await ask(await makeProof(key, 'POST', url));
  assert.equal(without.status, 400);
  assert.equal(without.json.error, 'use_dpop_nonce');
  const nonce = without.headers['dpop-nonce'];
  const proof = await makeProof(key, 'POST', url, { nonce });
  assert.equal((await ask(proof)).json.token_type, 'DPoP');
  assert.match((await ask(proof)).json.error_description, /binding\.dpop_replayed/);
  assert.match((await ask(await makeProof(key, 'POST', 'https://other.example/token', { nonce }))).json.error_description, /binding\.dpop_(htu_proxy|invalid)/);
  assert.match((await ask(await makeProof(key, 'GET', url, { nonce }))).json.error_description, /binding\.dpop_invalid/);
  assert.match((await ask('junk')).json.error_description, /binding\.dpop_invalid/);
  assert.match((await ask()).json.error_description, /binding\.dpop_missing/);
});

test('who is asked for a nonce may send the same assertion once more', async () => {
  const key = await makeKey('ES256');
  for (const [path, form, good] of [['/par', { client_id: 'keyed', response_type: 'code', redirect_uri: redirect, scope: 'openid', code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' }, 201], ['/token', { grant_type: 'refresh_token', refresh_token: 'sprt_x' }, 400]]) {
    const all = { ...form, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: await makeToken(signer, { iss: 'keyed', sub: 'keyed', aud: authority.issuer, exp: now() + 60 }, { typ: 'JWT' }) };
    const send = async (nonce) => authority.post(path, all, { headers: { DPoP: await makeProof(key, 'POST', `${authority.issuer}${path}`, { nonce }) } });
    const asked = await send();
    assert.deepEqual([asked.status, asked.json.error], [400, 'use_dpop_nonce']);
    await authority.lastLine('binding.dpop_nonce');
    const answer = await send(asked.headers['dpop-nonce']);
    assert.equal(answer.status, good, answer.text);
    assert.notEqual(answer.json.error, 'invalid_client');
    const spent = await send(asked.headers['dpop-nonce']);
    assert.match(spent.json.error_description, /client\.assertion_replayed/);
    assert.equal((await send('another')).json.error, 'use_dpop_nonce');
  }
});

test('a pushed request logs in, once; a client that must push cannot do without', async () => {
  const config = await discover('strict');
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair());
  const { tokens, url } = await login('strict', { push: true, DPoP });
  assert.ok(tokens.id_token);
  assert.ok(url.searchParams.get('request_uri').startsWith('urn:ietf:params:oauth:request_uri:'));
  assert.equal((await startBrowser().open(url)).status, 400);
  await authority.lastLine('request.parameter_invalid');
  const plain = await startBrowser().open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' }));
  assert.equal(plain.location.searchParams.get('error'), 'invalid_request');
  await assert.rejects(openid.buildAuthorizationUrlWithPAR(await discover('web'), { redirect_uri: 'https://evil.example/' }), { error: 'invalid_request' });
  await authority.lastLine('redirect_uri.mismatch');
});

test('logout with the session\'s own id_token needs no question, ends refresh without offline access', async () => {
  const { config, tokens, browser } = await login('web');
  const url = openid.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://app.example/bye', state: 'xyz' });
  const { location } = await browser.open(url);
  assert.equal(location.href, 'https://app.example/bye?state=xyz');
  assert.ok(!browser.cookies.has('sp_session'));
  const again = await browser.open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', prompt: 'none', code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' }));
  assert.equal(again.location.searchParams.get('error'), 'login_required');
  assert.ok((await openid.refreshTokenGrant(config, tokens.refresh_token)).access_token); // offline_access was granted
});

test('logout without a hint asks the person; a foreign form cannot confirm', async () => {
  const { browser, config } = await login('web');
  const asked = await browser.open(`${authority.issuer}/logout`);
  assert.match(asked.text, /Sign out\?/);
  await browser.open(`${authority.issuer}/logout`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: 'step=signout&form_token=guess' });
  assert.ok(browser.cookies.has('sp_session'));
  await browser.open(`${authority.issuer}/logout`);
  const done = await browser.submit({ step: 'signout' });
  assert.match(done.text, /signed out/);
  assert.ok(!browser.cookies.has('sp_session'));
  const stranger = await browser.open(openid.buildEndSessionUrl(config, { post_logout_redirect_uri: 'https://evil.example/' }));
  assert.equal(stranger.status, 400);
  await authority.lastLine('logout.uri_unregistered');
  assert.equal((await browser.open(`${authority.issuer}/logout?post_logout_redirect_uri=https://app.example/bye`)).status, 400);
  await authority.lastLine('logout.no_hint');
});

test('a refresh token without offline access ends with the session', async () => {
  const config = await discover('web');
  const browser = startBrowser();
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  await browser.open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', code_challenge_method: 'S256', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier) }));
  const { location } = await browser.signIn();
  const tokens = await openid.authorizationCodeGrant(config, location, { pkceCodeVerifier });
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
  await browser.open(openid.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }));
  await assert.rejects(openid.refreshTokenGrant(config, next.refresh_token), { error: 'invalid_grant' });
  await authority.lastLine('refresh.session_ended');
});
