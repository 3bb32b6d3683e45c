// SPDX-License-Identifier: Apache-2.0
// What a client is registered with counts where its requests say nothing: default_max_age, default_acr_values, require_auth_time (OpenID Connect
// Registration 2), for clients of the file and for those that registered themselves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';

const MFA = 'urn:sallyport:acr:mfa';
const PASSWORD = 'urn:sallyport:acr:password';
const redirect = 'https://app.example/callback';
const common = { secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true };
const authority = await startAuthority({
  authority: {
    registration: { open: true },
    clients: { plain: common, fresh: { ...common, default_max_age: 0 }, hour: { ...common, default_max_age: '1h', require_auth_time: true }, strong: { ...common, default_acr_values: [MFA] } },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const file = (id) => openid.discovery(new URL(authority.issuer), id, undefined, openid.ClientSecretBasic('s'), insecure);
const registered = (metadata) => openid.dynamicClientRegistration(new URL(authority.issuer), { redirect_uris: [redirect], token_endpoint_auth_method: 'client_secret_post', ...metadata }, undefined, insecure);
const clients = {
  file: { fresh: await file('fresh'), hour: await file('hour'), strong: await file('strong') },
  registered: { fresh: await registered({ default_max_age: 0 }), hour: await registered({ default_max_age: 3600, require_auth_time: true }), strong: await registered({ default_acr_values: [MFA] }) },
};

/** A signed-in browser that has consented to the client. */
async function arrive(config) {
  const browser = startBrowser();
  const ask = async (extra = {}) => {
    const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), idTokenExpected: true };
    const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
    return { page: await browser.open(url), checks };
  };
  const { checks } = await ask();
  let page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  const tokens = await openid.authorizationCodeGrant(config, page.location, checks);
  return { ask, claims: tokens.claims() };
}

for (const [where, { fresh, hour, strong }] of Object.entries(clients)) {
  test(`${where}: default_max_age asks again, unless the request says otherwise`, async () => {
    const { ask, claims } = await arrive(fresh);
    assert.ok(claims.auth_time);
    assert.match((await ask()).page.text, /name="password"/);
    assert.equal((await ask({ prompt: 'none' })).page.location.searchParams.get('error'), 'login_required');
    assert.ok((await ask({ max_age: '10000', prompt: 'none' })).page.location.searchParams.get('code'));
    const relaxed = await arrive(hour);
    assert.ok((await relaxed.ask({ prompt: 'none' })).page.location.searchParams.get('code'));
    assert.match((await relaxed.ask({ max_age: '0' })).page.text, /name="password"/);
  });

  test(`${where}: default_acr_values are a wish, acr_values and claims come before them`, async () => {
    const { ask, claims } = await arrive(strong);
    assert.equal(claims.acr, PASSWORD); // asked once for a stronger login, and let in without
    assert.match((await ask()).page.text, /name="password"/);
    assert.ok((await ask({ prompt: 'none' })).page.location.searchParams.get('code'));
    assert.ok((await ask({ acr_values: PASSWORD })).page.location.searchParams.get('code'));
    assert.ok((await ask({ claims: JSON.stringify({ id_token: { acr: { value: PASSWORD } } }) })).page.location.searchParams.get('code'));
    const plain = await arrive(await file('plain'));
    assert.ok((await plain.ask()).page.location.searchParams.get('code'));
  });
}

test('what is registered is told back; what cannot be meant is refused', async () => {
  const { json } = await authority.post('/register', JSON.stringify({ redirect_uris: [redirect], default_max_age: 60, require_auth_time: true, default_acr_values: [MFA] }), { headers: { 'Content-Type': 'application/json' } });
  assert.deepEqual([json.default_max_age, json.require_auth_time, json.default_acr_values], [60, true, [MFA]]);
  for (const wrong of [{ default_max_age: '60' }, { default_max_age: -1 }, { default_max_age: 1e12 }, { default_max_age: null }, { default_acr_values: MFA }, { default_acr_values: [7] }, { require_auth_time: 'yes' }]) {
    const { status, json: answer } = await authority.post('/register', JSON.stringify({ redirect_uris: [redirect], ...wrong }), { headers: { 'Content-Type': 'application/json' } });
    assert.deepEqual([status, answer.error], [400, 'invalid_client_metadata'], JSON.stringify(wrong));
    assert.match(answer.error_description, new RegExp(Object.keys(wrong)[0]));
  }
});
