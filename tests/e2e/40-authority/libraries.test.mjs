// SPDX-License-Identifier: Apache-2.0
// Each flow by both certified libraries, openid-client and oauth4webapi, that verify whatever they can: answers, signatures, hashes.
// Registration, mutual TLS, JWT bearer and signing out have files of their own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';

const redirect = 'https://app.example/callback';
const [API, OTHER] = ['https://api.example', 'https://other.example'];
const URN = 'urn:ietf:params:oauth:';
const keys = await oauth.generateKeyPair('ES256', { extractable: true });
const signer = { key: keys.privateKey, kid: 'mine' };
const client = { redirect_uris: [redirect], scopes: ['openid', 'profile', 'offline_access', 'read'], audiences: [API, OTHER], skip_consent: true };
const grants = ['authorization_code', 'refresh_token', 'client_credentials', `${URN}grant-type:token-exchange`, `${URN}grant-type:device_code`];
const authority = await startAuthority({
  authority: {
    tokens: { dpop_nonce: true },
    clients: {
      web: { ...client, grants, secret: 's', userinfo_signed_response_alg: 'RS256', introspection_signed_response_alg: 'RS256' },
      signing: { ...client, jwks: { keys: [{ ...(await jose.exportJWK(keys.publicKey)), kid: 'mine', alg: 'ES256', use: 'sig' }] }, require_signed_request_object: true },
    },
  },
});
const subject = { subject_token_type: `${URN}token-type:access_token`, audience: OTHER };

/** A person with a browser; where it ends: the redirect, or the fields of the page that posts them. */
async function person(url) {
  const browser = startBrowser();
  let page = await browser.open(String(url));
  if (/name="password"/.test(page.text)) page = await browser.signIn();
  return page.location ?? new URLSearchParams(browser.fields(page).values);
}

async function allowDevice(url) {
  const browser = startBrowser();
  await browser.open(url);
  for (let pages = 0; pages < 4 && browser.page.text.includes('<form'); pages++)
    await (/name="password"/.test(browser.page.text) ? browser.signIn() : /value="allow"/.test(browser.page.text) ? browser.allow() : browser.submit({}));
}

/** Once more with the nonce that the first answer brought (RFC 9449 8). */
async function withNonce(isAsked, send) {
  try {
    return await send();
  } catch (error) {
    assert.ok(isAsked(error), error);
    return send();
  }
}

test('oauth4webapi runs each flow', async () => {
  const options = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), options));
  const web = { client_id: 'web', userinfo_signed_response_alg: 'RS256', introspection_signed_response_alg: 'RS256' };
  const secret = oauth.ClientSecretBasic('s');
  const begin = async (id, more) => {
    const verifier = oauth.generateRandomCodeVerifier();
    const request = new URLSearchParams({ client_id: id, redirect_uri: redirect, response_type: 'code', scope: 'openid profile offline_access read', state: 'st', nonce: 'no', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more });
    return { verifier, request };
  };
  let tokens;
  for (const response_mode of ['query', 'form_post']) {
    const { verifier, request } = await begin('web', { response_mode });
    const answer = oauth.validateAuthResponse(as, web, await person(`${as.authorization_endpoint}?${request}`), 'st');
    const response = await oauth.authorizationCodeGrantRequest(as, web, secret, answer, redirect, verifier, options);
    tokens = await oauth.processAuthorizationCodeResponse(as, web, response, { expectedNonce: 'no', requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, response, options);
  }
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const info = await oauth.userInfoRequest(as, web, tokens.access_token, options);
  assert.equal((await oauth.processUserInfoResponse(as, web, sub, info)).name, 'Ann Example');
  await oauth.validateApplicationLevelSignature(as, info, options);
  const introspect = async (token) => {
    const response = await oauth.introspectionRequest(as, web, secret, token, { ...options, requestJwtResponse: true });
    const said = await oauth.processIntrospectionResponse(as, web, response);
    await oauth.validateApplicationLevelSignature(as, response, options);
    return said;
  };
  assert.deepEqual([(await introspect(tokens.access_token)).active, (await introspect(tokens.access_token)).sub], [true, sub]);
  const before = tokens.refresh_token;
  tokens = await oauth.processRefreshTokenResponse(as, web, await oauth.refreshTokenGrantRequest(as, web, secret, before, options));
  assert.notEqual(tokens.refresh_token, before);
  const exchanged = await oauth.processGenericTokenEndpointResponse(as, web, await oauth.genericTokenEndpointRequest(as, web, secret, grants[3], { ...subject, subject_token: tokens.access_token }, options));
  assert.equal(jose.decodeJwt(exchanged.access_token).aud, OTHER);
  const machine = await oauth.processClientCredentialsResponse(as, web, await oauth.clientCredentialsGrantRequest(as, web, secret, { scope: 'read', resource: OTHER }, options));
  assert.equal(jose.decodeJwt(machine.access_token).aud, OTHER);
  const device = await oauth.processDeviceAuthorizationResponse(as, web, await oauth.deviceAuthorizationRequest(as, web, secret, { scope: 'openid read' }, options));
  await allowDevice(device.verification_uri_complete);
  const watched = await oauth.processDeviceCodeResponse(as, web, await oauth.deviceCodeGrantRequest(as, web, secret, device.device_code, options));
  assert.equal(oauth.getValidatedIdTokenClaims(watched).sub, sub);
  assert.equal(await oauth.processRevocationResponse(await oauth.revocationRequest(as, web, secret, tokens.refresh_token, options)), undefined);
  assert.equal((await introspect(tokens.access_token)).active, false);

  const signing = { client_id: 'signing' };
  const proven = oauth.PrivateKeyJwt(signer);
  const bound = { ...options, DPoP: oauth.DPoP(signing, await oauth.generateKeyPair('ES256')) };
  const { verifier, request } = await begin('signing');
  const pushed = await withNonce(oauth.isDPoPNonceError, async () => {
    const object = await oauth.issueRequestObject(as, signing, request, signer);
    return oauth.processPushedAuthorizationResponse(as, signing, await oauth.pushedAuthorizationRequest(as, signing, proven, { client_id: 'signing', request: object }, bound));
  });
  const answer = oauth.validateAuthResponse(as, signing, await person(`${as.authorization_endpoint}?${new URLSearchParams({ client_id: 'signing', request_uri: pushed.request_uri })}`), 'st');
  const held = await withNonce(oauth.isDPoPNonceError, async () => oauth.processAuthorizationCodeResponse(as, signing, await oauth.authorizationCodeGrantRequest(as, signing, proven, answer, redirect, verifier, bound), { expectedNonce: 'no' }));
  assert.equal(held.token_type, 'dpop');
  const seen = await withNonce(oauth.isDPoPNonceError, async () => oauth.processUserInfoResponse(as, signing, sub, await oauth.userInfoRequest(as, signing, held.access_token, bound)));
  assert.equal(seen.sub, sub);
});

test('openid-client runs each flow', async () => {
  const plain = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
  const web = await openid.discovery(new URL(authority.issuer), 'web', { userinfo_signed_response_alg: 'RS256', introspection_signed_response_alg: 'RS256' }, openid.ClientSecretBasic('s'), { execute: plain });
  const begin = async (more) => {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const request = { redirect_uri: redirect, scope: 'openid profile offline_access read', state: 'st', nonce: 'no', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...more };
    return { request, checks: { pkceCodeVerifier, expectedState: 'st', expectedNonce: 'no' } };
  };
  let tokens;
  for (const response_mode of ['query', 'form_post']) {
    const { request, checks } = await begin({ response_mode });
    const answer = await person(openid.buildAuthorizationUrl(web, request));
    tokens = await openid.authorizationCodeGrant(web, response_mode === 'query' ? answer : new Request(redirect, { method: 'POST', body: answer }), checks);
  }
  const { sub } = tokens.claims();
  assert.equal((await openid.fetchUserInfo(web, tokens.access_token, sub)).name, 'Ann Example');
  assert.equal((await openid.tokenIntrospection(web, tokens.access_token)).sub, sub);
  const before = tokens.refresh_token;
  tokens = await openid.refreshTokenGrant(web, before);
  assert.notEqual(tokens.refresh_token, before);
  const exchanged = await openid.genericGrantRequest(web, grants[3], { ...subject, subject_token: tokens.access_token });
  assert.equal(jose.decodeJwt(exchanged.access_token).aud, OTHER);
  assert.equal(jose.decodeJwt((await openid.clientCredentialsGrant(web, { scope: 'read', resource: OTHER })).access_token).aud, OTHER);
  const device = await openid.initiateDeviceAuthorization(web, { scope: 'openid read' });
  await allowDevice(device.verification_uri_complete);
  assert.equal((await openid.pollDeviceAuthorizationGrant(web, { ...device, interval: 1 })).claims().sub, sub);
  await openid.tokenRevocation(web, tokens.refresh_token);
  assert.equal((await openid.tokenIntrospection(web, tokens.access_token)).active, false);

  const signing = await openid.discovery(new URL(authority.issuer), 'signing', undefined, openid.PrivateKeyJwt(signer), { execute: plain });
  const DPoP = openid.getDPoPHandle(signing, await openid.randomDPoPKeyPair('ES256'));
  const { request, checks } = await begin();
  const url = await openid.buildAuthorizationUrlWithJAR(signing, request, signer);
  const answer = await person(await openid.buildAuthorizationUrlWithPAR(signing, url.searchParams, { DPoP }));
  const held = await openid.authorizationCodeGrant(signing, answer, checks, undefined, { DPoP });
  assert.equal(held.token_type, 'dpop');
  assert.equal((await openid.fetchUserInfo(signing, held.access_token, sub, { DPoP })).sub, sub);
});
