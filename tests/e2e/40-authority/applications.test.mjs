// SPDX-License-Identifier: Apache-2.0
// What people are shown of an application before they let it in, and how an application that nobody here knows is kept from using the authority: as a
// mask, as a redirector, or by the name of another one.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { listen } from '../lib/ports.mjs';

const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGNgYPiPB41KYQUAgHNjnSP9aVIAAAAASUVORK5CYII=', 'base64');
const asked = [];
const server = http.createServer((incoming, answer) => {
  asked.push({ url: incoming.url, referer: incoming.headers.referer });
  if (incoming.url.startsWith('/logo')) return answer.setHeader('Content-Type', 'image/png').end(picture);
  answer.setHeader('Content-Type', 'text/html').end('<title>The application</title>');
});
const origin = `http://127.0.0.1:${await listen(server)}`;
defer(() => new Promise((resolve) => {
  server.closeAllConnections();
  server.close(resolve);
}));
const redirect = `${origin}/callback`;
const common = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile'] };
const shown = { logo_uri: `${origin}/logo.png?a=1&b="2"`, client_uri: `${origin}/home`, policy_uri: `${origin}/policy`, tos_uri: `${origin}/terms?x=<y>` };
const authority = await startAuthority({
  authority: {
    registration: { open: true },
    clients: {
      plain: common,
      other: { secret: 's', scopes: ['others-only'] },
      dressed: { ...common, name: 'Photo Album', ...shown },
      local: { method: 'none', native: true, redirect_uris: ['http://127.0.0.1/cb', 'com.example.app:/cb', 'https://app.example/cb'], scopes: ['openid'] },
      trusted: { method: 'none', native: true, redirect_uris: ['http://127.0.0.1/cb'], scopes: ['openid'], skip_consent: true },
      proven: { secret: 's', native: true, redirect_uris: ['http://127.0.0.1/cb'], scopes: ['openid'] },
    },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const register = async (metadata = {}) => openid.dynamicClientRegistration(new URL(authority.issuer), { client_name: 'Stranger', redirect_uris: [redirect], token_endpoint_auth_method: 'none', ...metadata }, openid.None(), insecure);

async function begin(id, extra = {}) {
  const config = typeof id === 'string' ? await openid.discovery(new URL(authority.issuer), id, undefined, openid.ClientSecretPost('s'), insecure) : id;
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), expectedState: openid.randomState() };
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', state: checks.expectedState, code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  return { config, url, checks };
}
const policyOf = ({ headers }, directive) => headers['content-security-policy'].split('; ').find((part) => part.startsWith(`${directive} `));
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

test('picture and links of an application stand on both pages, and nothing else may be loaded [oidcc-registration-logo-uri, -policy-uri, -tos-uri]', async () => {
  // URLs that are fetched by browsers have no quotes as they are; what is registered is written as text all the same.
  const stranger = await register({ logo_uri: 'https://pictures.example/logo.png', client_uri: 'https://app.example/', policy_uri: 'https://app.example/policy?a=1&b=2', tos_uri: 'https://app.example/terms' });
  for (const [client, uris] of [['dressed', shown], [stranger, stranger.clientMetadata()]]) {
    const browser = startBrowser();
    const login = await browser.open((await begin(client)).url);
    const consent = await browser.signIn();
    for (const page of [login, consent]) {
      assert.equal(policyOf(page, 'img-src'), `img-src ${new URL(uris.logo_uri).origin}`);
      assert.ok(page.text.includes(`<img class="logo" alt="" referrerpolicy="no-referrer" src="${escaped(uris.logo_uri)}">`), page.text);
      for (const uri of [uris.client_uri, uris.policy_uri, uris.tos_uri]) assert.ok(page.text.includes(`<a target="_blank" rel="noopener noreferrer nofollow" href="${escaped(uri)}">`), uri);
      assert.equal(page.headers['referrer-policy'], 'same-origin'); // no other site learns the address, and Origin is told to our own
    }
    assert.match(consent.text, /value="allow"/);
  }
  const bare = await startBrowser().open((await begin('plain')).url);
  assert.equal(policyOf(bare, 'img-src'), "img-src 'none'");
  assert.doesNotMatch(bare.text, /<img|target="_blank"/);
});

test('Chromium shows the picture, and its server is not told where it is shown', { skip }, async () => {
  const page = await openPage();
  asked.length = 0;
  await page.goto((await begin('dressed')).url.href);
  await page.waitForFunction(() => document.querySelector('img.logo')?.naturalWidth === 10);
  await screenshots(page, 'application-login');
  await signIn(page);
  await page.waitForFunction(() => document.querySelector('img.logo')?.naturalWidth === 10 && /Allow access/.test(document.title));
  await screenshots(page, 'application-consent');
  const seen = asked.filter(({ url }) => url.startsWith('/logo'));
  assert.ok(seen.length > 0);
  assert.deepEqual(seen.filter(({ referer }) => referer), []);
  assert.deepEqual(page.complaints, []);
});

test('an application that registered itself is shown as one that nobody knows, with where it leads', async () => {
  const browser = startBrowser();
  await browser.open((await begin(await register())).url);
  const page = await browser.signIn();
  assert.match(page.text, /Nobody here knows this application.*<strong>127\.0\.0\.1<\/strong>/);
  assert.match(page.text, /value="allow"/);
  const known = startBrowser();
  await known.open((await begin('plain')).url);
  assert.doesNotMatch((await known.signIn()).text, /Nobody here knows/);
});

test('nobody is sent on to a stranger by an error, unless they go themselves', async () => {
  const stranger = await register();
  const wrong = { scope: 'openid others-only' };
  for (const mode of ['query', 'fragment']) {
    const { config, url, checks } = await begin(stranger, { ...wrong, response_mode: mode });
    const page = await startBrowser().open(url);
    assert.deepEqual([page.status, page.location], [400, undefined]);
    const href = page.text.match(/<a class="button other" rel="noreferrer" href="([^"]*)">/)[1].replaceAll('&amp;', '&');
    const back = new URL(mode === 'fragment' ? href.replace('#', '?') : href);
    assert.equal(back.origin + back.pathname, redirect);
    await assert.rejects(openid.authorizationCodeGrant(config, back, checks), { error: 'invalid_scope' });
  }
  const form = await startBrowser().open((await begin(stranger, { ...wrong, response_mode: 'form_post' })).url);
  assert.equal(form.status, 400);
  assert.match(form.text, /<form method="post" action="[^"]*\/callback">.*name="error" value="invalid_scope"/s);
  assert.doesNotMatch(form.text, /<script/);

  const browser = startBrowser();
  await browser.open((await begin(stranger)).url);
  const refused = await browser.submit({ step: 'cancel' });
  assert.deepEqual([refused.status, refused.location], [200, undefined]);
  assert.match(refused.text, /error=access_denied/);

  // Whoever asks without anybody seeing it is answered so; and known applications are answered as ever.
  const silent = await startBrowser().open((await begin(stranger, { prompt: 'none' })).url);
  assert.equal(silent.location.searchParams.get('error'), 'login_required');
  assert.equal((await startBrowser().open((await begin('plain', wrong)).url)).location.searchParams.get('error'), 'invalid_scope');
  // prompt=none is no way around that for what is broken in itself.
  for (const broken of [{ prompt: 'none login' }, { prompt: 'none', ...wrong }]) {
    const page = await startBrowser().open((await begin(stranger, broken)).url);
    assert.deepEqual([page.status, page.location], [400, undefined], JSON.stringify(broken));
  }
});

test('nobody is sent on to a stranger by signing out, unless they go themselves', async () => {
  const bye = 'https://app.example/bye';
  const stranger = (await register({ post_logout_redirect_uris: [bye] })).clientMetadata().client_id;
  const logout = (extra) => `${authority.issuer}/logout?${new URLSearchParams({ client_id: stranger, post_logout_redirect_uri: bye, state: 'a&b', ...extra })}`;
  const nobody = await startBrowser().open(logout());
  assert.deepEqual([nobody.status, nobody.location], [200, undefined]);
  assert.match(nobody.text, /Nobody here knows.*href="https:\/\/app\.example\/bye\?state=a%26b"/s);
  const browser = startBrowser();
  await browser.open((await begin('plain')).url);
  await browser.signIn();
  for (const extra of [{}, { step: 'stay' }, { step: 'stay', form_token: 'x' }]) {
    const page = await browser.open(logout(extra));
    assert.deepEqual([page.status, page.location], [200, undefined]);
    assert.match(page.text, /Nobody here knows.*value="stay"/s);
  }
  assert.equal((await browser.submit({ step: 'stay' })).location.href, `${bye}?state=a%26b`);
  await browser.open(logout());
  assert.equal((await browser.submit({ step: 'signout' })).location.href, `${bye}?state=a%26b`);
});

test('an application without proof at a loopback port or a scheme of its own is allowed anew each time', async () => {
  const visit = async (id, uri) => {
    const browser = startBrowser();
    const open = async (extra) => browser.open((await begin(id, { redirect_uri: uri, ...extra })).url);
    let page = await open();
    page = await browser.signIn();
    if (!page.location) page = await browser.allow();
    assert.ok(page.location.searchParams.get('code'), page.text);
    return { again: await open(), silent: await open({ prompt: 'none' }) };
  };
  for (const uri of ['http://127.0.0.1:4711/cb', 'com.example.app:/cb']) {
    const { again, silent } = await visit('local', uri);
    assert.match(again.text, /value="allow"/, uri);
    assert.equal(silent.location.searchParams.get('error'), 'consent_required', uri);
  }
  for (const [id, uri] of [['local', 'https://app.example/cb'], ['trusted', 'http://127.0.0.1:4711/cb'], ['proven', 'http://127.0.0.1:4711/cb']]) {
    const { again, silent } = await visit(id, uri);
    assert.ok(again.location?.searchParams.get('code'), id);
    assert.ok(silent.location.searchParams.get('code'), id);
  }
});

test('a stolen code without what belongs to it ends nothing; with it, it does', async () => {
  const { config, url, checks } = await begin('plain');
  const browser = startBrowser();
  let page = await browser.open(url);
  page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  const tokens = await openid.authorizationCodeGrant(config, page.location, checks);
  const isAlive = async () => (await openid.tokenIntrospection(config, tokens.access_token)).active;
  const redeem = async (change) => (await authority.post('/token', { grant_type: 'authorization_code', code: page.location.searchParams.get('code'), redirect_uri: redirect, code_verifier: checks.pkceCodeVerifier, client_id: 'plain', client_secret: 's', ...change })).json.error_description;
  for (const wrong of [{ code_verifier: 'x'.repeat(43) }, { code_verifier: '' }, { redirect_uri: 'https://app.example/' }, { client_secret: 'guessed' }]) {
    assert.match(await redeem(wrong), wrong.client_secret ? /client\.secret_wrong/ : /code\.reused/);
    assert.equal(await isAlive(), true, JSON.stringify(wrong));
  }
  assert.match(await redeem({}), /code\.reused/);
  assert.equal(await isAlive(), false);
});
