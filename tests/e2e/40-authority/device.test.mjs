// SPDX-License-Identifier: Apache-2.0
// openid-client as a device (RFC 8628); the person types the code into a browser without scripts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { until } from '../lib/wait.mjs';

const grant = 'urn:ietf:params:oauth:grant-type:device_code';
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: {
      tv: { name: 'The TV', method: 'none', grants: [grant, 'refresh_token'], scopes: ['openid', 'profile', 'offline_access'] },
      other: { method: 'none', grants: [grant] },
      web: { secret: 's', redirect_uris: ['https://app.example/cb'] },
    },
  },
});
const discover = (id) => openid.discovery(new URL(authority.issuer), id, undefined, openid.None(), { execute: [openid.allowInsecureRequests] });
const poll = (device_code, client_id = 'tv') => authority.post('/token', { grant_type: grant, device_code, client_id });

test('a device gets its tokens once the person has allowed it, and only once', async () => {
  const config = await discover('tv');
  const device = await openid.initiateDeviceAuthorization(config, { scope: 'openid profile offline_access' });
  assert.match(device.user_code, /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/);
  assert.equal((await poll(device.device_code)).json.error, 'authorization_pending');
  assert.equal((await poll(device.device_code)).json.error, 'slow_down');
  const browser = startBrowser();
  await browser.open(device.verification_uri);
  assert.match((await browser.submit({ user_code: 'BBBB-BBBB', step: 'code' })).text, /not known/);
  await browser.submit({ user_code: device.user_code.toLowerCase().replace('-', ' '), step: 'code' });
  assert.match((await browser.signIn('ann', 'wrong')).text, /not right/);
  const consent = await browser.signIn();
  assert.match(consent.text, /The TV/);
  assert.match((await browser.allow()).text, /go back to your device/);
  const tokens = await (await poll(device.device_code)).json;
  assert.ok(tokens.id_token && tokens.refresh_token);
  assert.match((await poll(device.device_code)).json.error_description, /code\.reused/);
  assert.ok((await openid.refreshTokenGrant(config, tokens.refresh_token)).access_token);
  assert.match((await browser.open(device.verification_uri_complete)).text, /not known/); // the code is spent
});

test('openid-client polls by itself', async () => {
  const config = await discover('tv');
  const device = await openid.initiateDeviceAuthorization(config, { scope: 'openid' });
  const waiting = openid.pollDeviceAuthorizationGrant(config, device);
  const browser = startBrowser();
  await browser.open(device.verification_uri_complete);
  await browser.signIn();
  await browser.allow();
  const tokens = await waiting;
  assert.ok(tokens.claims().sub);
});

test('no, another client and a foreign form', async () => {
  const config = await discover('tv');
  const device = await openid.initiateDeviceAuthorization(config, { scope: 'openid' });
  assert.match((await poll(device.device_code, 'other')).json.error_description, /code\.other_client/);
  assert.match((await poll('nonsense')).json.error_description, /code\.unknown/);
  const browser = startBrowser();
  await browser.open(device.verification_uri_complete);
  await browser.signIn();
  // Another site makes the person's browser send the form, without our token.
  const forged = await browser.open(device.verification_uri, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ user_code: device.user_code, step: 'allow', form_token: 'guess' }).toString() });
  assert.match(forged.text, /value="allow"/);
  assert.equal((await poll(device.device_code)).json.error, 'authorization_pending');
  await browser.submit({ step: 'deny' });
  const denied = await until(async () => [await poll(device.device_code)].find(({ json }) => json.error !== 'slow_down'), 'the denial');
  assert.equal(denied.json.error, 'access_denied');
  const refused = await authority.post('/device_authorization', { client_id: 'web', client_secret: 's' });
  assert.equal(refused.json.error, 'unauthorized_client');
});
