// SPDX-License-Identifier: Apache-2.0
// `sallyport authority --dev`: what it seeds is told to programs by --json, and is enough to try each flow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';

const authority = await startAuthority({ state: false });
const { clients, accounts } = authority.ready;
const type = 'urn:ietf:params:oauth:token-type:access_token';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

test('an application with a secret signs in over localhost, and out to it', async () => {
  const redirect = 'http://localhost:3000/callback';
  assert.ok(clients['demo-app'].redirect_uris.includes(redirect));
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'demo-app', response_type: 'code', redirect_uri: redirect, scope: 'openid email offline_access', code_challenge: challenge, code_challenge_method: 'S256' })}`);
  await browser.signIn('ann', accounts.ann.password);
  const code = (await browser.allow()).location.searchParams.get('code');
  const { status, json } = await authority.post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }, { basic: ['demo-app', clients['demo-app'].secret] });
  assert.equal(status, 200);
  assert.ok(json.refresh_token);
  const out = await browser.open(`${authority.issuer}/logout?${new URLSearchParams({ id_token_hint: json.id_token, post_logout_redirect_uri: clients['demo-app'].post_logout_redirect_uris[1] })}`);
  assert.equal(out.location.href, 'http://localhost:3000/');
});

test('a device, and a service that trades a token', async () => {
  assert.equal((await authority.post('/device_authorization', { client_id: 'demo-tv', scope: 'openid' })).status, 200);
  const { access_token: token } = (await authority.post('/token', { grant_type: 'client_credentials', scope: 'read:demo' }, { basic: ['demo', clients.demo.secret] })).json;
  const traded = await authority.post('/token', { grant_type: clients['demo-service'].grants[1], subject_token: token, subject_token_type: type }, { basic: ['demo-service', clients['demo-service'].secret] });
  assert.equal(traded.status, 200, traded.text);
});
