// SPDX-License-Identifier: Apache-2.0
// The account page in Chromium without scripts: sessions, applications, and who may change them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';

const redirect = 'http://127.0.0.1:9/callback';
const authority = await startAuthority({
  authority: {
    clients: {
      web: { name: 'Photo Album', secret: 's', redirect_uris: [redirect], scopes: ['openid', 'email', 'offline_access'] },
      own: { name: 'Intranet', secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true },
    },
  },
});
const account = `${authority.issuer}/account`;

async function openAccount(options = {}) {
  const page = await openPage({ javaScriptEnabled: false, ...options });
  await page.goto(account);
  assert.equal(await page.title(), 'Sign in');
  await signIn(page);
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  return page;
}

/** Refresh token and access token for `client` of a browser that signs in for it. */
async function getTokens(client, browser = startBrowser()) {
  const config = await openid.discovery(new URL(authority.issuer), client, undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const scope = client === 'web' ? 'openid email offline_access' : 'openid';
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope, code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' });
  let page = await browser.open(url);
  if (!page.location) page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  return { config, tokens: await openid.authorizationCodeGrant(config, page.location, { pkceCodeVerifier }) };
}

const refusal = (promise) => promise.then(() => 'no refusal', (error) => `${error.error}: ${error.error_description}`);

test('whoever is not signed in signs in and comes back', { skip }, async () => {
  const page = await openAccount();
  assert.equal(page.url(), account);
  assert.equal(await page.getByRole('button', { name: 'Cancel' }).count(), 0);
  assert.ok(await page.getByText('Ann Example').isVisible());
  assert.deepEqual(page.complaints, []);
});

test('lists the browsers and ends one, or all others', { skip }, async () => {
  const page = await openAccount();
  const phone = await openAccount({ userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1' });
  await openAccount();
  await page.reload();
  const rows = page.locator('#sessions li');
  assert.equal(await rows.filter({ hasText: 'this browser' }).count(), 1);
  assert.equal(await rows.filter({ hasText: 'this browser' }).getByRole('button').count(), 0);
  const row = rows.filter({ hasText: 'Safari, iPhone' });
  await row.getByRole('button', { name: 'Sign out there' }).click();
  assert.match(await page.getByRole('status').innerText(), /Signed out there/);
  assert.equal(await row.count(), 0);
  await phone.goto(account);
  assert.equal(await phone.title(), 'Sign in');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  assert.equal(await rows.count(), 1);
  await page.reload();
  assert.equal(await page.title(), 'Your account');
});

test('an application is named with what it may do, and loses its access at once', { skip }, async () => {
  const { config, tokens } = await getTokens('web');
  const page = await openAccount();
  const row = page.locator('#grants > ul > li').filter({ hasText: 'Photo Album' });
  assert.match(await row.innerText(), /see your e-mail address/);
  await screenshots(page, 'account');
  await row.getByRole('button', { name: 'Remove access' }).click();
  assert.match(await page.getByRole('status').innerText(), /no longer has access/);
  assert.ok(await page.getByText('No application has access').isVisible());
  assert.match(await refusal(openid.refreshTokenGrant(config, tokens.refresh_token)), /^invalid_grant/);
  const asked = await openid.tokenIntrospection(config, tokens.access_token);
  assert.equal(asked.active, false);
  const again = startBrowser();
  await again.open((await openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid email offline_access', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })).href);
  assert.match((await again.signIn()).text, /Allow access\?/); // the consent is gone too
});

test('an application that needs no consent is listed while it holds a token', { skip }, async () => {
  await getTokens('own');
  const page = await openAccount();
  const row = page.locator('#grants > ul > li').filter({ hasText: 'Intranet' });
  assert.equal(await row.count(), 1);
  await row.getByRole('button').click();
  assert.equal(await row.count(), 0);
});

test('no other site and no other browser sends its forms', async () => {
  const browser = startBrowser();
  await browser.open(account);
  const mine = await browser.signIn();
  assert.match(mine.text, /Your account/);
  const stranger = startBrowser();
  await stranger.open(account);
  const page = await stranger.signIn();
  const stolen = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const forms = [{ section: 'profile', step: 'signout' }, { form_token: 'x', section: 'profile', step: 'signout' }, { form_token: stolen, section: 'profile', step: 'signout' }];
  for (const form of forms) {
    const answer = await browser.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() });
    assert.match(answer.text, /role="alert"[^>]*><p>This form had expired/);
  }
  assert.match((await browser.open(account)).text, /Your account/);
});

test("another person's session is not ended by its name, and junk does nothing", async () => {
  const browser = startBrowser();
  await browser.open(account);
  const page = await browser.signIn();
  const form_token = page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const post = (form) => browser.open(account, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token, ...form }).toString() });
  for (const form of [{ section: 'sessions', step: 'end', item: 'x'.repeat(2000) }, { section: 'grants', step: 'revoke', item: '<b>' }, { section: 'nothing', step: 'end' }, { section: 'sessions', step: 'nothing' }, { step: 'end' }]) {
    const answer = await post(form);
    assert.equal(answer.status, 200);
    assert.doesNotMatch(answer.text, /<b>/);
  }
  assert.match((await browser.open(account)).text, /Your account/);
});

test('signs out from here', { skip }, async () => {
  const page = await openAccount();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  assert.equal(await page.title(), 'Signed out');
  await page.goto(account);
  assert.equal(await page.title(), 'Sign in');
});
