// SPDX-License-Identifier: Apache-2.0
// Signed request objects (RFC 9101): openid-client's and oauth4webapi's own, and wrong ones made by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { base64url, breakSignature, jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';

const redirect = 'https://app.example/callback';
const generate = (name, parameters) => crypto.subtle.generateKey({ name, ...parameters }, true, ['sign', 'verify']);
const es = await makeKey('ES256');
const ps = await makeKey('PS256');
const stranger = await makeKey('ES256');
const ecPair = await generate('ECDSA', { namedCurve: 'P-256' });
const ecJwk = { ...(await crypto.subtle.exportKey('jwk', ecPair.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig', key_ops: undefined, ext: undefined };
const base = { redirect_uris: [redirect, 'https://app.example/two'], scopes: ['openid', 'email'], skip_consent: true, audiences: ['https://api.example', 'https://other.example'] };
const authority = await startAuthority({
  authority: {
    clients: {
      web: { ...base, secret: 's', jwks: jwks(es, ps, ecJwk), method: 'client_secret_basic' },
      strict: { ...base, jwks: jwks(es, ps, ecJwk), require_signed_request_object: true, request_object_signing_alg: 'ES256' },
      plain: { ...base, secret: 's' },
    },
  },
});
const verifier = openid.randomPKCECodeVerifier();
const code_challenge = await openid.calculatePKCECodeChallenge(verifier);
const request = (client_id, more = {}) => ({ client_id, response_type: 'code', redirect_uri: redirect, scope: 'openid', state: 'inside', code_challenge, code_challenge_method: 'S256', ...more });
const standard = (client_id) => ({ iss: client_id, aud: authority.issuer, exp: now() + 60, sub: undefined });
const object = (client_id, more = {}, key = es, header = {}) => makeToken(key, { ...standard(client_id), ...request(client_id), ...more }, { typ: 'oauth-authz-req+jwt', ...header });
const open = (query, browser = startBrowser()) => browser.open(`${authority.issuer}/authorize?${new URLSearchParams(query)}`);
const discover = (id, auth) => openid.discovery(new URL(authority.issuer), id, undefined, auth, { execute: [openid.allowInsecureRequests] });

test('discovery says so', async () => {
  const metadata = (await discover('web', openid.None())).serverMetadata();
  assert.equal(metadata.request_parameter_supported, true);
  assert.equal(metadata.request_uri_parameter_supported, false);
  assert.equal(metadata.require_signed_request_object, false);
  for (const alg of ['RS256', 'PS256', 'ES256', 'EdDSA']) assert.ok(metadata.request_object_signing_alg_values_supported.includes(alg), alg);
  assert.ok(!metadata.request_object_signing_alg_values_supported.includes('none'));
});

test('openid-client signs its request and gets its tokens', async () => {
  const config = await discover('web', openid.ClientSecretBasic('s'));
  const checks = { pkceCodeVerifier: verifier, expectedState: 'inside', expectedNonce: 'n' };
  const url = await openid.buildAuthorizationUrlWithJAR(config, { redirect_uri: redirect, scope: 'openid email', state: 'inside', nonce: 'n', code_challenge, code_challenge_method: 'S256', claims: JSON.stringify({ id_token: { email: null } }) }, { key: ecPair.privateKey, kid: 'ec' });
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request']);
  const browser = startBrowser();
  assert.match((await browser.open(url)).text, /name="password"/);
  const { location } = await browser.signIn();
  const tokens = await openid.authorizationCodeGrant(config, location, checks);
  assert.equal(tokens.claims().email, 'ann@example.test');
});

test('the object alone is the request: nothing beside it counts', async () => {
  const browser = startBrowser();
  const page = await open({ ...request('web', { redirect_uri: 'https://app.example/two', state: 'outside', prompt: 'none', scope: 'openid nope' }), request: await object('web') }, browser);
  assert.match(page.text, /name="password"/); // prompt=none stands beside it
  const { location } = await browser.signIn();
  assert.equal(location.origin + location.pathname, redirect);
  assert.equal(location.searchParams.get('state'), 'inside');
});

test('numbers, objects and lists of resources are taken as parameters', async () => {
  const browser = startBrowser();
  await open({ client_id: 'web', request: await object('web', { max_age: 3600, resource: ['https://other.example'], claims: { id_token: { email: { essential: true } } } }, ps) }, browser);
  const { location } = await browser.signIn();
  const { json } = await authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier }, { basic: ['web', 's'] });
  const read = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  assert.equal(read(json.access_token).aud, 'https://other.example');
  assert.equal(read(json.id_token).email, 'ann@example.test');
});

test('oauth4webapi pushes a request object', async () => {
  const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), { [oauth.allowInsecureRequests]: true }));
  const client = { client_id: 'strict' };
  const authentication = oauth.PrivateKeyJwt({ key: ecPair.privateKey, kid: 'ec' });
  const parameters = new URLSearchParams(request('strict'));
  const jar = await oauth.issueRequestObject(as, client, parameters, { key: ecPair.privateKey, kid: 'ec' });
  const pushed = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, authentication, { client_id: 'strict', request: jar }, { [oauth.allowInsecureRequests]: true }));
  const browser = startBrowser();
  await open({ client_id: 'strict', request_uri: pushed.request_uri }, browser);
  const { location } = await browser.signIn();
  const answer = oauth.validateAuthResponse(as, client, location, 'inside');
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, await oauth.authorizationCodeGrantRequest(as, client, authentication, answer, redirect, verifier, { [oauth.allowInsecureRequests]: true }), { requireIdToken: true });
  assert.ok(tokens.id_token);
  // Pushed plainly: refused at once.
  const plain = await oauth.pushedAuthorizationRequest(as, client, authentication, request('strict'), { [oauth.allowInsecureRequests]: true });
  assert.equal(plain.status, 400);
  const told = await plain.json();
  assert.equal(told.error, 'invalid_request');
  assert.match(told.error_description, /request\.object_required/);
});

test('each wrong object is named, to the client where its address is known', async () => {
  const none = `${base64url({ alg: 'none' })}.${base64url(request('web'))}.`;
  const rows = [
    ['web', none, 'request.object_algorithm'],
    ['web', await object('web', {}, await makeKey('HS256')), 'request.object_algorithm'],
    ['strict', await object('strict', {}, ps), 'request.object_algorithm'], // registered for ES256
    ['web', await object('web', {}, stranger), 'request.object_signature'],
    ['web', breakSignature(await object('web')), 'request.object_signature'],
    ['plain', await object('plain'), 'request.object_signature'], // it has no key
    ['web', await object('web', { client_id: 'plain' }), 'request.object_client'],
    ['web', await object('web', { client_id: undefined }), 'request.object_client'],
    ['web', await object('web', { iss: 'plain' }), 'request.object_client'],
    ['strict', await object('strict', { iss: undefined }), 'request.object_client'],
    ['web', await object('web', { aud: 'https://elsewhere.example' }), 'request.object_audience'],
    ['strict', await object('strict', { aud: undefined }), 'request.object_audience'],
    ['web', await object('web', { exp: now() - 60 }), 'request.object_expired'],
    ['strict', await object('strict', { exp: undefined }), 'request.object_malformed'],
    ['strict', await object('strict', { exp: now() + 86400 }), 'request.object_malformed'],
    ['web', await object('web', { nbf: now() + 600 }), 'request.object_malformed'],
    ['web', await object('web', { exp: 'soon' }), 'request.object_malformed'],
    ['web', await object('web', {}, es, { typ: 'at+jwt' }), 'request.object_malformed'],
    ['web', await object('web', {}, es, { crit: ['b64'], b64: true }), 'request.object_malformed'],
    ['web', await object('web', { request: 'x' }), 'request.object_malformed'],
    ['web', await object('web', { request_uri: 'urn:x' }), 'request.object_malformed'],
    ['web', await object('web', { scope: ['openid'] }), 'request.object_malformed'],
    ['web', 'x.y.z', 'request.object_malformed'],
    ['web', 'a.b.c.d.e', 'request.object_malformed'],
    ['strict', undefined, 'request.object_required'],
  ];
  for (const [client, jwt, cause] of rows) {
    const query = { ...request(client, { state: 'outside' }), ...(jwt ? { request: jwt } : {}) };
    const { location } = await open(query);
    assert.equal(location?.searchParams.get('error'), cause === 'request.object_required' ? 'invalid_request' : 'invalid_request_object', `${client} ${jwt} ${cause}`);
    assert.ok(location.searchParams.get('error_description').includes(cause), `${cause}: ${location.searchParams.get('error_description')}`);
    assert.equal(location.searchParams.get('state'), 'outside');
    assert.equal(location.searchParams.get('iss'), authority.issuer);
    // Without a redirect URI that is known to be the client's, a page says it.
    const page = await open({ client_id: client, ...(jwt ? { request: jwt } : {}), redirect_uri: 'https://evil.example/' });
    assert.equal(page.location, undefined);
    assert.ok(page.text.includes(`<code>${cause}</code>`), cause);
  }
});

test('request_uri is for pushed requests alone, and never beside request', async () => {
  const foreign = await open({ ...request('web'), request_uri: 'https://app.example/request.jwt' });
  assert.equal(foreign.location.searchParams.get('error'), 'request_uri_not_supported');
  const gone = await open({ ...request('web'), request_uri: 'urn:ietf:params:oauth:request_uri:gone' });
  assert.equal(gone.location.searchParams.get('error'), 'invalid_request_uri');
  const both = await open({ ...request('web'), request_uri: 'urn:ietf:params:oauth:request_uri:gone', request: await object('web') });
  assert.equal(both.location.searchParams.get('error'), 'invalid_request');
  const pushed = await authority.post('/par', { client_id: 'web', request: await object('web'), request_uri: 'urn:x' }, { basic: ['web', 's'] });
  assert.equal(pushed.json.error, 'invalid_request');
});

test('a client assertion is no request object, and a request object no client assertion', async () => {
  const assertion = await makeToken(es, { iss: 'strict', sub: 'strict', aud: authority.issuer, exp: now() + 60 }, { typ: 'JWT' });
  const { location } = await open({ ...request('strict'), request: assertion });
  assert.match(location.searchParams.get('error_description'), /its sub is the client_id/);
  // RFC 9101 10.8: a sub that is the client_id makes any request object one that could be taken for an assertion elsewhere.
  const double = await open({ ...request('strict'), request: await object('strict', { sub: 'strict' }) });
  assert.match(double.location.searchParams.get('error_description'), /its sub is the client_id/);
  const person = await makeToken(es, { iss: 'strict', sub: 'ann', aud: authority.issuer, exp: now() + 60 }, { typ: 'JWT' });
  assert.match((await open({ ...request('strict'), request: person })).location.searchParams.get('error_description'), /request\.object_client/);
  const answer = await authority.post('/par', { client_assertion: await object('strict', { sub: 'strict' }), client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
  assert.equal(answer.status, 400);
  assert.match(answer.json.error_description, /its typ is of another kind of JWT/);
});
