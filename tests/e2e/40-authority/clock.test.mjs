// SPDX-License-Identifier: Apache-2.0
// A wall clock that runs a year ahead until somebody mends it: meanwhile everything has ended, and afterwards nothing is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { until } from '../lib/wait.mjs';

const YEAR = 365 * 86400;
const redirect = 'https://app.example/callback';
const client = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'offline_access'], skip_consent: true };

test('a clock that was a year ahead took nothing along that could not be had back', { skip: !canSetClock && 'the sanitizers are preloaded' }, async () => {
  const clock = makeClock();
  const authority = await startAuthority({ authority: { tokens: { lifetime: '1h' }, clients: { web: client } }, env: clock.env });
  const config = await openid.discovery(new URL(authority.issuer), 'web', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const browser = startBrowser();
  const open = async () => {
    const verifier = openid.randomPKCECodeVerifier();
    const page = await browser.open(openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid offline_access', code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }));
    return { page, redeem: (location) => openid.authorizationCodeGrant(config, location, { pkceCodeVerifier: verifier }) };
  };
  const { redeem } = await open();
  const tokens = await redeem((await browser.signIn()).location);
  const refresh = () => authority.post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, { basic: ['web', 's'] });
  const kids = async () => (await authority.get('/jwks')).json.keys.map(({ kid }) => kid);
  const [retired] = await kids();
  assert.equal((await authority.cli(['keys', 'rotate', '--now'])).code, 0); // the token's key signs no more
  await until(async () => (await kids()).length === 2, 'the rotation to be seen');

  clock.set(YEAR);
  // Two answers by the new time: between them lies one round of housekeeping.
  for (let i = 0; i < 2; i++) assert.match((await until(async () => [await refresh()].find(({ status }) => status === 400), 'the clock to be read')).json.error_description, /refresh\.expired/);
  assert.equal((await kids()).includes(retired), false);
  await authority.restart(); // and nothing is deleted at the start
  assert.match((await refresh()).json.error_description, /refresh\.expired/);
  assert.equal((await refresh()).status, 400);

  clock.set(0);
  await until(async () => (await kids()).includes(retired), 'the clock to be read');
  assert.equal((await authority.post('/introspect', { token: tokens.access_token }, { basic: ['web', 's'] })).json.active, true);
  assert.ok((await open()).page.location, 'the session is alive');
  assert.equal((await refresh()).status, 200);
  assert.match(authority.output(), /the clock is 36[45] days ahead/);
  assert.equal(authority.output().split('ahead of what').length, 3); // once a process
});
