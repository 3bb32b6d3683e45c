// SPDX-License-Identifier: Apache-2.0
// A client under `profile: fapi2`: oauth4webapi runs the FAPI 2.0 Security Profile flow with private_key_jwt and DPoP; then what the OpenID
// Foundation's plan for it tries.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { breakSignature, jose, jwks, makeKey, makeProof, makeToken, now } from '../lib/tokens.mjs';

const redirect = 'https://app.example/callback';
const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
const jwk = { ...(await jose.exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
const byHand = await makeKey('ES256');
const rsa = await makeKey('RS256');
const ed448 = await makeKey('EdDSA', { crv: 'Ed448' });
const client = { client_id: 'bank' };
const base = { profile: 'fapi2', require_dpop: true, redirect_uris: [redirect], scopes: ['openid', 'offline_access'], skip_consent: true };
const authority = await startAuthority({
  authority: { tokens: { algorithm: 'ES256' }, clients: { bank: { ...base, jwks: jwks(jwk, byHand, rsa, ed448) }, other: { ...base, jwks: jwks(byHand) }, machine: { ...base, redirect_uris: [], grants: ['client_credentials'], scopes: ['read'], jwks: jwks(byHand) }, signer: { ...base, jwks: jwks(byHand, rsa, ed448), require_signed_request_object: true } } },
});
const http = { [oauth.allowInsecureRequests]: true };
const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), http));
const authentication = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: 'one' });
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const verifier = oauth.generateRandomCodeVerifier();
const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
const request = (more = {}) => Object.fromEntries(Object.entries({ redirect_uri: redirect, response_type: 'code', scope: 'openid offline_access', code_challenge, code_challenge_method: 'S256', ...more }).filter(([, value]) => value !== undefined));
const assertion = (more = {}, key = byHand, id = 'bank') => makeToken(key, { iss: id, sub: id, aud: authority.issuer, exp: now() + 60, jti: crypto.randomUUID(), ...more }, { typ: 'JWT' });
const push = async (more = {}, jwt = undefined, headers = {}) => authority.post('/par', { client_assertion: jwt ?? (await assertion()), client_assertion_type: ASSERTION, client_id: 'bank', ...request(more) }, { headers });
const visit = (uri, browser, id = 'bank') => browser.open(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: id, request_uri: uri })}`);

async function startFlow(DPoP, parameters = request()) {
  const response = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, { ...http, DPoP });
  const { request_uri: uri } = await oauth.processPushedAuthorizationResponse(as, client, response);
  const browser = startBrowser();
  await visit(uri, browser);
  const { location } = await browser.signIn();
  return { uri, browser, location, parameters: oauth.validateAuthResponse(as, client, location) };
}
const redeem = (parameters, DPoP, code = verifier) => oauth.authorizationCodeGrantRequest(as, client, authentication, parameters, redirect, code, { ...http, DPoP });

test('the whole flow: pushed, bound, refreshed without rotation', async () => {
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256', { extractable: true }));
  const { parameters, location } = await startFlow(DPoP);
  assert.equal(location.searchParams.get('iss'), authority.issuer);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, await redeem(parameters, DPoP), { requireIdToken: true });
  assert.equal(tokens.token_type, 'dpop');
  const info = await oauth.processUserInfoResponse(as, client, oauth.getValidatedIdTokenClaims(tokens).sub, await oauth.userInfoRequest(as, client, tokens.access_token, { ...http, DPoP }));
  assert.ok(info.sub);
  for (let i = 0; i < 3; i++) {
    const again = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, { ...http, DPoP }));
    assert.equal(again.refresh_token, undefined);
    assert.ok(again.access_token !== tokens.access_token);
  }
  // The plan's refresh-token takes invalid_request, invalid_grant or invalid_client where no proof came, and nothing else.
  const bare = await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, http);
  assert.deepEqual([bare.status, (await bare.json()).error], [400, 'invalid_request']);
  // Another client's: invalid_grant, and it stays good for its own.
  const theirs = await authority.post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_assertion: await assertion({}, byHand, 'other'), client_assertion_type: ASSERTION }, { headers: { DPoP: await makeProof(byHand, 'POST', as.token_endpoint) } });
  assert.deepEqual([theirs.status, theirs.json.error], [400, 'invalid_grant']);
  assert.equal((await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, { ...http, DPoP })).status, 200);
});

test('a proof at /par binds the code to its key (RFC 9449 10.1)', async () => {
  const [mine, theirs] = [oauth.DPoP(client, await oauth.generateKeyPair('ES256')), oauth.DPoP(client, await oauth.generateKeyPair('ES256'))];
  const stolen = await startFlow(mine);
  const answer = await redeem(stolen.parameters, theirs);
  assert.equal(answer.status, 400);
  assert.match((await answer.json()).error_description, /binding\.dpop_invalid/);
  const own = await startFlow(mine);
  assert.equal((await redeem(own.parameters, mine)).status, 200);
  // dpop_jkt that is not the proof's.
  const response = await oauth.pushedAuthorizationRequest(as, client, authentication, request({ dpop_jkt: 'a'.repeat(43) }), { ...http, DPoP: mine });
  assert.equal((await response.json()).error, 'invalid_dpop_proof');
});

test('dpop_jkt alone binds it too, and without a proof there is no token', async () => {
  const keys = await oauth.generateKeyPair('ES256', { extractable: true });
  const jkt = await jose.calculateJwkThumbprint(await jose.exportJWK(keys.publicKey));
  const { parameters } = await startFlow(undefined, request({ dpop_jkt: jkt }));
  const bare = await redeem(parameters, undefined);
  assert.equal((await bare.json()).error, 'invalid_request');
  const fresh = await startFlow(undefined, request({ dpop_jkt: jkt }));
  assert.equal((await redeem(fresh.parameters, oauth.DPoP(client, keys))).status, 200);
});

test('a request_uri may be loaded again until the sign-in is done, and never after', async () => {
  const { json } = await push();
  const browser = startBrowser();
  assert.match((await visit(json.request_uri, browser)).text, /name="password"/);
  assert.match((await visit(json.request_uri, browser)).text, /name="password"/);
  const form = browser.page;
  assert.ok((await browser.signIn()).location.searchParams.get('code'));
  const beside = await browser.open(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: 'bank', ...request({ state: 'x' }), request_uri: json.request_uri })}`);
  assert.deepEqual([beside.location.searchParams.get('error'), beside.location.searchParams.get('state')], ['invalid_request_uri', 'x']);
  const again = await visit(json.request_uri, browser);
  assert.equal(again.status, 400);
  assert.match(again.text, /request\.parameter_invalid/);
  assert.ok(form.url);
});

test('of two sign-ins with one request_uri one gets a code', async () => {
  const { json } = await push();
  const [ann, twin] = [startBrowser(), startBrowser()];
  await visit(json.request_uri, ann);
  await visit(json.request_uri, twin);
  assert.ok((await ann.signIn()).location.searchParams.get('code'));
  assert.equal((await twin.signIn()).location.searchParams.get('error'), 'invalid_request_uri');
});

test('what the profile forbids at /par and /authorize', async () => {
  const rows = [
    [{ code_challenge: undefined, code_challenge_method: undefined }, undefined, 'pkce.required'],
    [{ code_challenge_method: 'plain' }, undefined, 'pkce.plain_not_allowed'],
    [{ response_type: 'code id_token' }, undefined, 'request.response_type'],
    [{ response_type: 'token' }, undefined, 'request.response_type'],
    [{ redirect_uri: undefined }, undefined, 'redirect_uri.missing'],
    [{ redirect_uri: 'https://evil.example/' }, undefined, 'redirect_uri.mismatch'],
    [{ request_uri: 'urn:x' }, undefined, 'request.parameter_invalid'],
    [{}, await assertion({ aud: `${authority.issuer}/token` }), 'client.assertion_audience'],
    [{}, await assertion({ aud: `${authority.issuer}/par` }), 'client.assertion_audience'],
    [{}, await assertion({ aud: [authority.issuer] }), 'client.assertion_audience'],
    [{}, await assertion({ sub: undefined }), 'it has no sub, which names the client. (request.parameter_invalid)'],
    [{}, await assertion({ exp: now() - 300 }), 'client.assertion_expired'],
    [{}, await assertion({ iat: now() + 90 }), 'request.parameter_invalid'],
    [{}, await assertion({ nbf: now() + 90 }), 'request.parameter_invalid'],
    [{}, await assertion({}, rsa), 'request.parameter_invalid'],
    [{ client_assertion: undefined, client_assertion_type: undefined }, '', 'client.authentication_missing'],
  ];
  for (const [more, jwt, cause] of rows) {
    const { status, json } = jwt === '' ? await authority.post('/par', { client_id: 'bank', ...request() }) : await push(more, jwt);
    // The plan takes these and no others: a fault of the assertion is the client's, any other one the request's.
    const is = jwt !== undefined ? 'invalid_client' : cause === 'request.response_type' ? 'unsupported_response_type' : 'invalid_request';
    assert.deepEqual([status, json.error], [400, is], cause);
    assert.ok(json.error_description.includes(cause), `${cause}: ${json.error_description}`);
    assert.equal(json.request_uri, undefined);
    if (!jwt) continue;
    const asked = await authority.post('/token', { grant_type: 'authorization_code', code: 'spac_x', redirect_uri: redirect, code_verifier: verifier, client_assertion: jwt, client_assertion_type: ASSERTION });
    assert.deepEqual([asked.status, asked.json.error], [400, 'invalid_client'], cause);
  }
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const { status, headers } = await authority.get('/par', { method });
    assert.deepEqual([status, headers.allow], [405, 'POST'], method);
  }
  const early = await push({}, await assertion({ iat: now() + 8, nbf: now() + 8 }));
  assert.equal(early.status, 201);
  const plain = await startBrowser().open(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: 'bank', ...request() })}`);
  assert.equal(plain.location.searchParams.get('error'), 'invalid_request');
  const { json } = await push();
  assert.match((await visit(json.request_uri, startBrowser(), 'other')).text, /request\.parameter_invalid/); // pushed by bank
  // With what was pushed beside it, as some clients send it: told to the client whose it is not, in its own error.
  const theirs = await startBrowser().open(`${as.authorization_endpoint}?${new URLSearchParams({ ...request({ state: 'x' }), client_id: 'other', request_uri: json.request_uri })}`);
  assert.equal(theirs.location.searchParams.get('error'), 'invalid_request_uri');
});

test('request objects of the profile: RS256 refused, nbf and exp within an hour', async () => {
  const jar = (more, key = byHand) => makeToken(key, { iss: 'signer', aud: authority.issuer, nbf: now(), exp: now() + 300, sub: undefined, client_id: 'signer', ...request(), ...more }, { typ: 'oauth-authz-req+jwt' });
  const send = async (jwt) => authority.post('/par', { client_assertion: await assertion({}, byHand, 'signer'), client_assertion_type: ASSERTION, client_id: 'signer', request: jwt });
  assert.equal((await send(await jar())).status, 201);
  assert.equal((await send(await jar({ aud: ['https://x.example', authority.issuer] }))).status, 201);
  assert.equal((await send(await jar({ nbf: now() + 8 }))).status, 201);
  for (const [jwt, cause] of [[await jar({}, rsa), 'object_algorithm'], [await jar({ nbf: undefined }), 'object_malformed'], [await jar({ nbf: now() - 3700 }), 'object_malformed'], [await jar({ exp: now() + 3700 }), 'object_malformed']]) {
    const { json } = await send(jwt);
    assert.equal(json.error, 'invalid_request_object', cause);
    assert.ok(json.error_description.includes(`request.${cause}`), json.error_description);
  }
});

test('long nonce and state come back whole or are refused, never cut', async () => {
  for (const length of [64, 384, 5000]) {
    const state = 's'.repeat(length);
    const { status, json } = await push({ state, nonce: 'n'.repeat(length) });
    if (length > 4096) {
      assert.equal(json.error, 'invalid_request');
      continue;
    }
    assert.equal(status, 201);
    const browser = startBrowser();
    await visit(json.request_uri, browser);
    assert.equal((await browser.signIn()).location.searchParams.get('state'), state);
  }
});

test('neither state nor nonce is needed, scopes come in any order, and the token request need not repeat the client_id', async () => {
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  const { parameters, location } = await startFlow(DPoP, request({ scope: 'offline_access openid' }));
  assert.equal(location.searchParams.get('state'), null);
  const answer = await redeem(parameters, DPoP);
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, { requireIdToken: true });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).nonce, undefined);
  const { location: second } = await startFlow(DPoP);
  const mine = await makeKey('ES256');
  const form = { grant_type: 'authorization_code', code: second.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier, client_assertion_type: ASSERTION };
  const send = async (more) => authority.post('/token', { ...form, ...more }, { headers: { DPoP: await makeProof(mine, 'POST', `${authority.issuer}/token`) } });
  assert.match((await send({ client_assertion: await assertion({}, byHand, 'other') })).json.error_description, /code\.other_client/);
  assert.match((await send({ client_id: 'bank' })).json.error_description, /client\.authentication_missing/);
  assert.match((await send({ client_id: 'other', client_assertion: await assertion() })).json.error_description, /client\./);
});

test('a proof may be ten seconds off, carry nbf and exp and what nobody knows, and its scheme is written in any case', async () => {
  const key = await makeKey('ES256');
  const ask = async (claims = {}, header = {}) => authority.post('/token', { grant_type: 'refresh_token', refresh_token: refresh, client_assertion: await assertion(), client_assertion_type: ASSERTION }, { headers: { DPoP: await makeProof(key, 'POST', `${authority.issuer}/token`, { claims, header }) } });
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  const { parameters } = await startFlow(DPoP);
  const { refresh_token: refresh } = await oauth.processAuthorizationCodeResponse(as, client, await redeem(parameters, DPoP));
  let tokens;
  for (const claims of [{ iat: now() - 10 }, { iat: now() + 10 }, { nbf: now(), exp: now() + 300 }, { extra: { a: [1] } }, { htu: `${authority.issuer}/token?a=b#c` }]) {
    const answer = await ask(claims);
    assert.equal(answer.status, 200, JSON.stringify(claims) + answer.text);
    tokens = answer.json;
  }
  for (const claims of [{ iat: now() - 3600 }, { iat: now() + 3600 }, { iat: undefined }, { jti: undefined }, { htm: undefined }, { htm: 'PUT' }, { htu: undefined }, { htu: 'https://other.example/token' }])
    assert.match((await ask(claims)).json.error_description, /binding\.dpop_/, JSON.stringify(claims));
  for (const header of [{ typ: 'JWT' }, { typ: undefined }, { jwk: undefined }, { jwk: { ...key.privateJwk } }])
    assert.match((await ask({}, header)).json.error_description, /binding\.dpop_/, JSON.stringify(header));
  const ath = createHash('sha256').update(tokens.access_token).digest('base64url');
  const info = async (scheme, claims, more = {}) => authority.get('/userinfo', { headers: { Authorization: `${scheme} ${tokens.access_token}`, DPoP: await makeProof(more.key ?? key, 'GET', `${authority.issuer}/userinfo`, { claims }) } });
  for (const scheme of ['DPoP', 'dpop', 'DPOP']) assert.equal((await info(scheme, { ath })).status, 200, scheme);
  for (const [scheme, claims, more] of [['Bearer', { ath }], ['DPoP', {}], ['DPoP', { ath: ath.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) }], ['DPoP', { ath }, { key: await makeKey('ES256') }]]) assert.equal((await info(scheme, claims, more)).status, 401, `${scheme} ${JSON.stringify(claims)}`);
});

test('each wrong proof is refused where the token is presented, and what differs in writing alone is taken [dpop-negative-tests]', async () => {
  const [key, url] = [await makeKey('ES256'), as.userinfo_endpoint];
  const { json: pushed } = await push({ scope: 'openid' }, undefined, { DPoP: await makeProof(key, 'POST', as.pushed_authorization_request_endpoint) });
  const browser = startBrowser();
  await visit(pushed.request_uri, browser);
  const { location } = await browser.signIn();
  const { json: { access_token: token } } = await authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier, client_assertion: await assertion(), client_assertion_type: ASSERTION }, { headers: { DPoP: await makeProof(key, 'POST', as.token_endpoint) } });
  const proof = (claims = {}, header = {}, by = key) => makeProof(by, 'GET', url, { token, claims, header });
  const info = (proofs, name = 'DPoP') => authority.get('/userinfo', { headers: ['Authorization', `DPoP ${token}`, ...proofs.flatMap((each) => [name, each])] });
  const { alg, kid, use, ...whole } = key.privateJwk;
  const wrong = [
    [await proof(), await proof()], [], [`x.${await proof()}`], [breakSignature(await proof())], [await proof({}, {}, await makeKey('ES256'))],
    ...await Promise.all([{ typ: undefined }, { typ: 'JWT' }, { alg: undefined }, { alg: 'none' }, { jwk: undefined }, { jwk: whole }].map(async (header) => [await proof({}, header)])),
    ...await Promise.all(['jti', 'htm', 'htu', 'iat', 'ath'].map(async (name) => [await proof({ [name]: undefined })])),
    ...await Promise.all([{ htm: 'PUT' }, { htu: as.token_endpoint }, { iat: now() + 3600 }, { iat: now() - 3600 }, { ath: 'x'.repeat(43) }].map(async (claims) => [await proof(claims)])),
  ];
  for (const [i, proofs] of wrong.entries()) {
    const { status, headers } = await info(proofs);
    assert.equal(status, 401, `row ${i}`);
    assert.match(headers['www-authenticate'], /^DPoP error="invalid_(dpop_proof|token)", .*, algs="[^"]*"$/, `row ${i}`);
  }
  const { host, pathname } = new URL(url);
  for (const claims of [{}, { extra: { a: [1] } }, { htu: `${url}?a=b#c` }, { htu: `HTTP://${host.toUpperCase()}${pathname}` }, { htu: url.replace('userinfo', '%75serinfo') }])
    assert.equal((await info([await proof(claims, { extra: 1 })], 'DPOP')).status, 200, JSON.stringify(claims));
  const twice = await proof();
  assert.deepEqual([(await info([twice])).status, (await info([twice])).status], [200, 401]);
});

test('DPoP proofs, assertions and request objects of what the profile does not know are refused: other algorithms, and Ed448', async () => {
  const ps = await makeKey('PS256');
  const weak = [rsa, await makeKey('ES512'), await makeKey('ES256K'), ed448];
  const strong = [byHand, ps, await makeKey('EdDSA')];
  for (const key of [...weak, ...strong]) {
    const pushed = await push({}, undefined, { DPoP: await makeProof(key, 'POST', `${authority.issuer}/par`) });
    const asked = await authority.post('/token', { grant_type: 'client_credentials', client_id: 'machine', client_assertion: await assertion({}, byHand, 'machine'), client_assertion_type: ASSERTION }, { headers: { DPoP: await makeProof(key, 'POST', `${authority.issuer}/token`) } });
    const what = `${key.alg} ${key.publicJwk.crv ?? ''}`;
    if (strong.includes(key)) {
      assert.deepEqual([pushed.status, asked.status], [201, 200], what);
      continue;
    }
    for (const { status, json } of [pushed, asked]) {
      assert.equal(status, 400, what);
      assert.equal(json.error, 'invalid_dpop_proof', what);
      assert.match(json.error_description, /fails at alg\. \(binding\.dpop_invalid\)/, what);
    }
  }
  // A key that is good for PS256 is no leave to sign with it as one likes.
  const { json: code } = await push({ scope: 'openid' }, undefined, { DPoP: await makeProof(ps, 'POST', `${authority.issuer}/par`) });
  const browser = startBrowser();
  await visit(code.request_uri, browser);
  const { location } = await browser.signIn();
  const bound = await authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier, client_assertion: await assertion(), client_assertion_type: ASSERTION }, { headers: { DPoP: await makeProof(ps, 'POST', `${authority.issuer}/token`) } });
  const ath = createHash('sha256').update(bound.json.access_token).digest('base64url');
  const twin = { ...ps, alg: 'RS256', publicJwk: { ...ps.publicJwk, alg: 'RS256' } };
  const info = async (key) => authority.get('/userinfo', { headers: { Authorization: `DPoP ${bound.json.access_token}`, DPoP: await makeProof(key, 'GET', `${authority.issuer}/userinfo`, { claims: { ath } }) } });
  assert.equal((await info(ps)).status, 200);
  const refused = await info(twin);
  assert.equal(refused.status, 401);
  assert.match(refused.headers['www-authenticate'], /error="invalid_dpop_proof".*fails at alg.*, algs="PS256 ES256 EdDSA Ed25519"$/);

  const signed = await push({}, await assertion({}, ed448));
  assert.equal(signed.status, 400);
  assert.match(signed.json.error_description, /Ed448.*request\.parameter_invalid/);
  const object = await makeToken(ed448, { iss: 'signer', aud: authority.issuer, nbf: now(), exp: now() + 300, client_id: 'signer', ...request() }, { typ: 'oauth-authz-req+jwt' });
  const sent = await authority.post('/par', { client_assertion: await assertion({}, byHand, 'signer'), client_assertion_type: ASSERTION, client_id: 'signer', request: object });
  assert.match(sent.json.error_description, /request\.object_algorithm/);
  const { json: discovered } = await authority.get('/.well-known/openid-configuration');
  assert.ok([...weak, ...strong].every(({ alg }) => discovered.dpop_signing_alg_values_supported.includes(alg)));
});

test('state and nonce beside a request object are not looked at', async () => {
  const object = await makeToken(byHand, { iss: 'signer', aud: authority.issuer, nbf: now(), exp: now() + 300, client_id: 'signer', ...request(), state: 'inside', nonce: 'inside' }, { typ: 'oauth-authz-req+jwt' });
  const { json } = await authority.post('/par', { client_assertion: await assertion({}, byHand, 'signer'), client_assertion_type: ASSERTION, client_id: 'signer', request: object, state: 'outside', nonce: 'outside' });
  const browser = startBrowser();
  await browser.open(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: 'signer', request_uri: json.request_uri, state: 'elsewhere' })}`);
  assert.equal((await browser.signIn()).location.searchParams.get('state'), 'inside');
});
