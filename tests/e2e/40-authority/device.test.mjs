// SPDX-License-Identifier: Apache-2.0
// openid-client as a device (RFC 8628); the person types the code into a browser without scripts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
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
  const line = await authority.lastLine('code.unknown');
  assert.deepEqual([line.accepted, line.endpoint, line.finding.received], [false, 'DEVICE', 'BBBB-BBBB']);
  await browser.submit({ user_code: device.user_code.toLowerCase().replace('-', ' '), step: 'code' });
  assert.match((await browser.signIn('ann', 'wrong')).text, /not right/);
  const consent = await browser.signIn();
  assert.match(consent.text, /The TV/);
  assert.ok(consent.text.includes(`<strong>${device.user_code}</strong>`), 'the code as the device shows it, however it was typed');
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
  assert.equal((await poll('nonsense')).json.error_description, "The code is not valid. It is the 'device_code'. (code.unknown)");
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

/** A device that `browser` (ann, signed in) lets in: its tokens. */
async function connect(browser, scope = 'openid profile') {
  const device = await openid.initiateDeviceAuthorization(await discover('tv'), { scope });
  await browser.open(device.verification_uri_complete);
  if (!/value="allow"/.test(browser.page.text)) await browser.signIn();
  await browser.allow();
  return (await poll(device.device_code)).json;
}
const refresh = (token) => authority.post('/token', { grant_type: 'refresh_token', refresh_token: token, client_id: 'tv' });
const sidOf = ({ id_token }) => JSON.parse(Buffer.from(id_token.split('.')[1], 'base64url')).sid;
const formToken = (page) => page.text.match(/name="form_token" value="([^"]*)"/)[1];
const account = `${authority.issuer}/account`;
async function act(browser, form) {
  const page = await browser.open(account);
  return browser.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token: formToken(page), ...form }).toString() });
}
const devices = (page) => page.text.match(/<strong[^>]*>The TV<\/strong> <span class="tag">device<\/span>/g)?.length ?? 0;
async function signedIn() {
  const browser = startBrowser();
  await browser.open(account);
  await browser.signIn();
  return browser;
}
async function nobodyElse() {
  const browser = await signedIn();
  await act(browser, { section: 'sessions', step: 'end_others' });
  return browser;
}

test('a device is signed in by itself: it outlives the browser in which it was allowed, and is ended alone', async () => {
  const browser = await nobodyElse();
  const one = await connect(browser);
  const two = await connect(browser, 'openid offline_access');
  assert.notEqual(sidOf(one), sidOf(two));
  assert.equal(devices(await browser.open(account)), 2);
  await act(browser, { section: 'profile', step: 'signout' });
  const next = (await refresh(one.refresh_token)).json;
  assert.ok(next.refresh_token);
  assert.equal(sidOf(next), sidOf(one));

  const later = await signedIn();
  assert.equal(devices(await act(later, { section: 'sessions', step: 'end', item: sidOf(two) })), 1);
  assert.match((await refresh(two.refresh_token)).json.error_description, /refresh\.unknown/);
  const last = (await refresh(next.refresh_token)).json;
  assert.ok(last.refresh_token);
  // What the device gives back, and what is taken from the application, ends the row too.
  assert.equal((await authority.post('/revoke', { token: last.refresh_token, client_id: 'tv' })).status, 200);
  assert.equal(devices(await later.open(account)), 0);
});

test('signing out everywhere else ends devices, those with offline_access and those that have not come back yet', async () => {
  const browser = await nobodyElse();
  const [one, two] = [await connect(browser), await connect(browser, 'openid offline_access')];
  const late = await openid.initiateDeviceAuthorization(await discover('tv'), { scope: 'openid' });
  await browser.open(late.verification_uri_complete);
  await browser.allow();
  const mine = await nobodyElse();
  assert.equal(devices(await mine.open(account)), 0);
  for (const { refresh_token } of [one, two]) assert.equal((await refresh(refresh_token)).json.error, 'invalid_grant');
  assert.equal((await poll(late.device_code)).json.error, 'invalid_grant');
});

test('a new password, set by the operator or the person, and being disabled end devices', async () => {
  const browser = await nobodyElse();
  for (const words of [['accounts', 'password', 'ann'], ['accounts', 'disable', 'ann']]) {
    const tokens = await connect(words[1] === 'password' ? browser : await signedIn());
    assert.ok(tokens.refresh_token);
    assert.equal((await sallyport([...words, '--state', authority.state], { input: 'ann-secret\n' })).code, 0);
    assert.equal((await refresh(tokens.refresh_token)).json.error, 'invalid_grant');
  }
  assert.equal((await sallyport(['accounts', 'enable', 'ann', '--state', authority.state])).code, 0);
  const again = await signedIn();
  const tokens = await connect(again);
  await act(again, { section: 'password', step: 'change', old_password: 'ann-secret', new_password: 'ann-secret-2' });
  assert.equal((await refresh(tokens.refresh_token)).json.error, 'invalid_grant');
});
