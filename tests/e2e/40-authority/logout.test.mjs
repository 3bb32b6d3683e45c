// SPDX-License-Identifier: Apache-2.0
// When a session ends here, the clients that got tokens in it hear of it: by logout tokens that jose verifies, at receivers that fail, rest and come back; and
// by frames in Chromium.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { openPage, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

/** A relying party: takes logout tokens and frames; `answers` are the next statuses, 200 when there are none. */
async function startRelyingParty() {
  const self = { tokens: [], frames: [], answers: [], asked: 0, port: await freePort() };
  let server;
  self.start = async () => {
    server = http.createServer((incoming, outgoing) => {
      let body = '';
      incoming.on('data', (chunk) => (body += chunk));
      incoming.on('end', () => {
        const url = new URL(incoming.url, self.origin);
        if (url.pathname === '/backchannel') {
          self.asked++;
          const status = self.answers.shift() ?? 200;
          if (status === 200) self.tokens.push({ type: incoming.headers['content-type'], form: new URLSearchParams(body) });
          outgoing.writeHead(status).end(status === 200 ? '' : 'not now');
        } else {
          if (url.pathname === '/frontchannel') self.frames.push({ url, cookie: incoming.headers.cookie, sec: incoming.headers['sec-fetch-dest'] });
          if (url.pathname === '/frontchannel' && self.hangs) return;
          outgoing.setHeader('Content-Type', 'text/html').end('<title>The application</title>');
        }
      });
    });
    await listen(server, self.port);
  };
  self.stop = () => new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(resolve);
    server.closeAllConnections();
  });
  self.origin = `http://127.0.0.1:${self.port}`;
  await self.start();
  defer(self.stop);
  return self;
}

const [one, two, front] = [await startRelyingParty(), await startRelyingParty(), await startRelyingParty()];
const redirects = (party) => ({ redirect_uris: [`${party.origin}/callback`], post_logout_redirect_uris: [`${party.origin}/bye`] });
const common = { secret: 's', scopes: ['openid', 'offline_access'], skip_consent: true };
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: {
      one: { ...common, ...redirects(one), backchannel_logout_uri: `${one.origin}/backchannel`, backchannel_logout_session_required: true },
      two: { ...common, ...redirects(two), backchannel_logout_uri: `${two.origin}/backchannel`, frontchannel_logout_uri: `${two.origin}/frontchannel?x=1`, frontchannel_logout_session_required: true },
      front: { ...common, ...redirects(front), frontchannel_logout_uri: `${front.origin}/frontchannel` },
      silent: { ...common, ...redirects(one) },
    },
  },
});
for (const name of ['bea', 'cid', 'dan']) assert.equal((await sallyport(['accounts', 'add', name, '--state', authority.state], { input: `${name}-secret\n` })).code, 0);

async function begin(id, party, extra = {}) {
  const config = await openid.discovery(new URL(authority.issuer), id, undefined, openid.ClientSecretPost('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: `${party.origin}/callback`, scope: 'openid', code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  return { config, url, checks: { pkceCodeVerifier, idTokenExpected: true } };
}

/** Signs in at a client, in a browser that may be signed in already. */
async function login(browser, id, party, { name = 'ann', ...extra } = {}) {
  const { config, url, checks } = await begin(id, party, extra);
  let page = await browser.open(url);
  if (!page.location) page = await browser.signIn(name, `${name}-secret`);
  const tokens = await openid.authorizationCodeGrant(config, page.location, checks);
  return { config, tokens, claims: tokens.claims(), idToken: tokens.id_token };
}

const signOut = (browser, { idToken, ...more }) => browser.open(`${authority.issuer}/logout?${new URLSearchParams({ id_token_hint: idToken, ...more })}`);
const told = (party, timeout = 15_000) => until(() => party.tokens.length > 0 && party.tokens.splice(0), 'the logout token to arrive', timeout);

async function verify({ type, form }, audience) {
  assert.equal(type, 'application/x-www-form-urlencoded');
  assert.deepEqual([...form.keys()], ['logout_token']);
  const { jwks_uri: keys } = (await authority.get('/.well-known/openid-configuration')).json;
  return jose.jwtVerify(form.get('logout_token'), jose.createRemoteJWKSet(new URL(keys)), { issuer: authority.issuer, audience, typ: 'logout+jwt', requiredClaims: ['sub', 'sid', 'jti', 'iat', 'exp'] });
}

test('discovery says what is supported', async () => {
  const { json } = await authority.get('/.well-known/openid-configuration');
  for (const way of ['backchannel', 'frontchannel']) for (const what of ['', '_session']) assert.equal(json[`${way}_logout${what}_supported`], true);
});

test('every client that got tokens in the session is told, and no other', async () => {
  const browser = startBrowser();
  const first = await login(browser, 'one', one);
  const second = await login(browser, 'two', two);
  await login(browser, 'silent', one);
  assert.equal(first.claims.sid, second.claims.sid);
  const other = startBrowser();
  await login(other, 'one', one);
  const page = await signOut(browser, { idToken: first.idToken, post_logout_redirect_uri: `${one.origin}/bye`, state: 'a&b' });
  assert.match(page.headers.refresh, new RegExp(`url=${one.origin}/bye\\?state=a%26b$`));
  for (const [party, id] of [[one, 'one'], [two, 'two']]) {
    const tokens = await told(party);
    assert.equal(tokens.length, 1);
    const { payload } = await verify(tokens[0], id);
    assert.equal(payload.sid, first.claims.sid);
    assert.equal(payload.sub, first.claims.sub);
    assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
    assert.equal(payload.nonce, undefined);
    assert.ok(payload.exp - payload.iat <= 120);
  }
  await until(() => authority.log().filter((line) => line.endpoint === 'back_channel_logout').length === 2, 'both deliveries to be logged');
  // The other browser's session lives on.
  assert.ok((await other.open((await begin('one', one)).url)).location);
});

test('refresh tokens end with the session, unless offline_access was granted', async () => {
  const browser = startBrowser();
  const online = await login(browser, 'one', one);
  const offline = await login(browser, 'silent', one, { scope: 'openid offline_access', prompt: 'consent' }).catch(async () => {
    const page = await browser.allow();
    return page;
  });
  await signOut(browser, { idToken: online.idToken });
  await told(one);
  const from = authority.log().length;
  await assert.rejects(openid.refreshTokenGrant(online.config, online.tokens.refresh_token), { error: 'invalid_grant' });
  // The delivery's own line may come behind it.
  await until(() => authority.log().slice(from).some(({ cause }) => cause === 'refresh.session_ended'), 'refresh.session_ended in the log');
  if (offline.tokens) assert.ok((await openid.refreshTokenGrant(offline.config, offline.tokens.refresh_token)).access_token);
});

test('a receiver that is busy is asked again, one that refuses is not', async () => {
  const browser = startBrowser();
  const { idToken } = await login(browser, 'one', one);
  one.answers = [503, 500];
  one.asked = 0;
  await signOut(browser, { idToken });
  await told(one);
  assert.equal(one.asked, 3);
  const again = await login(browser, 'one', one);
  one.answers = [400];
  one.asked = 0;
  await signOut(browser, { idToken: again.idToken });
  const line = await authority.lastLine('logout.not_delivered');
  assert.equal(line.client_id, 'one');
  assert.equal(line.path, `${one.origin}/backchannel`);
  assert.match(line.finding.received, /HTTP 400 not now/);
  assert.equal(one.asked, 1);
});

test('nothing is lost when the authority is killed while the receiver is away', async () => {
  const browser = startBrowser();
  const { idToken, claims } = await login(browser, 'two', two);
  await two.stop();
  const page = await signOut(browser, { idToken });
  assert.equal(page.status, 200);
  await authority.stop('SIGKILL');
  await authority.start();
  await two.start();
  const [token] = await told(two, 50_000); // an attempt that was under way is leased for half a minute
  assert.equal((await verify(token, 'two')).payload.sid, claims.sid);
});

test('a receiver that is away keeps others from nothing', async () => {
  const [first, second] = [startBrowser(), startBrowser()];
  const away = await login(first, 'two', two);
  const here = await login(second, 'one', one);
  await two.stop();
  await signOut(first, { idToken: away.idToken });
  await signOut(second, { idToken: here.idToken });
  await told(one);
  await two.start();
  await told(two);
});

test('the same person signing in again is no logout, another person is', async () => {
  const browser = startBrowser();
  const before = await login(browser, 'one', one, { name: 'bea' });
  const after = await login(browser, 'one', one, { name: 'bea', prompt: 'login' });
  assert.equal(after.claims.sid, before.claims.sid);
  assert.ok(after.claims.auth_time >= before.claims.auth_time);
  const flying = await begin('two', two);
  const { location } = await browser.open(flying.url);
  await login(browser, 'one', one, { name: 'bea', prompt: 'login' });
  await openid.authorizationCodeGrant(flying.config, location, flying.checks); // got its tokens after that login, and is to hear of the end
  const other = await login(browser, 'one', one, { name: 'cid', prompt: 'login' });
  assert.notEqual(other.claims.sid, before.claims.sid);
  assert.equal((await verify((await told(two))[0], 'two')).payload.sid, before.claims.sid);
  const tokens = await told(one);
  assert.equal(tokens.length, 1);
  assert.equal((await verify(tokens[0], 'one')).payload.sub, before.claims.sub);
});

test('an operator who disables the account signs it out everywhere', async () => {
  const browser = startBrowser();
  const { claims } = await login(browser, 'one', one, { name: 'cid' });
  const { code, stderr } = await sallyport(['accounts', 'disable', 'cid', '--state', authority.state]);
  assert.equal(code, 0, stderr);
  // Both: this browser's, and that of the test before.
  const ended = [];
  while (ended.length < 2) for (const token of await told(one)) ended.push((await verify(token, 'one')).payload);
  assert.ok(ended.every(({ sub }) => sub === claims.sub));
  assert.ok(ended.some(({ sid }) => sid === claims.sid));
});

test('a browser that is signed out from the account page of another one is told of', async () => {
  const [away, here] = [startBrowser({ 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0' }), startBrowser()];
  const { claims } = await login(away, 'one', one, { name: 'dan' });
  await login(here, 'silent', one, { name: 'dan' });
  const page = await here.open(`${authority.issuer}/account`);
  const form = page.text.match(/<li>(?:(?!<\/li>).)*Firefox.*?<form method="post" action="([^"]*)">(.*?)<\/form>/s);
  const values = Object.fromEntries([...form[2].matchAll(/<(?:input type="hidden"|button) name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const done = await here.open(new URL(form[1], authority.issuer), { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(values).toString() });
  assert.match(done.text, /Signed out there/);
  const { payload } = await verify((await told(one))[0], 'one');
  assert.equal(payload.sid, claims.sid);
});

test('a code that was used after the session ended tells nobody', async () => {
  const browser = startBrowser();
  const { config, url, checks } = await begin('one', one);
  await browser.open(url);
  const page = await browser.signIn('bea', 'bea-secret');
  const confirm = await browser.open(`${authority.issuer}/logout`);
  assert.equal(confirm.status, 200);
  await browser.submit({ step: 'signout' });
  await openid.authorizationCodeGrant(config, page.location, checks).catch(() => {});
  assert.equal(one.tokens.length, 0);
});

/** Signs in at `front` in Chromium, whose frame hangs from then on, and opens the page that signs out. */
async function signOutOfHanging(page) {
  const { config, url, checks } = await begin('front', front);
  await page.goto(url.href);
  await page.getByLabel('Username').fill('ann');
  await page.getByLabel('Password').fill('ann-secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(`${front.origin}/callback?**`);
  const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), checks);
  front.hangs = true;
  front.frames = [];
  const way = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: `${front.origin}/bye`, state: 'xyz' });
  await page.goto(`${authority.issuer}/logout?${way}`, { waitUntil: 'commit' });
}

test('an application that never answers keeps nobody at the page that signs out', { skip }, async () => {
  const page = await openPage();
  await signOutOfHanging(page);
  await page.waitForURL(`${front.origin}/bye?state=xyz`);
  front.hangs = false;
  assert.deepEqual(page.complaints, []);
});

test('nor without scripts, where a way on is there from the start, with the keyboard at it', { skip }, async () => {
  for (const waits of [false, true]) {
    const page = await openPage({ javaScriptEnabled: false });
    await signOutOfHanging(page);
    await page.getByText('You need not wait for that').waitFor();
    await until(() => page.locator('#next:focus').count(), 'the focus at the way on');
    await until(() => front.frames.length === 1, 'the application to be told');
    if (!waits) await page.keyboard.press('Enter');
    await page.waitForURL(`${front.origin}/bye?state=xyz`);
    front.hangs = false;
  }
});

for (const javaScriptEnabled of [true, false]) {
  test(`Chromium loads the clients' frames and goes on, scripts ${javaScriptEnabled ? 'on' : 'off'}`, { skip }, async () => {
    const page = await openPage({ javaScriptEnabled });
    two.frames = [];
    front.frames = [];
    let claims;
    let idToken;
    for (const [id, party] of [['two', two], ['front', front]]) {
      const { config, url, checks } = await begin(id, party);
      await page.goto(url.href);
      if (await page.getByLabel('Username').isVisible()) {
        await page.getByLabel('Username').fill('ann');
        await page.getByLabel('Password').fill('ann-secret');
        await page.getByRole('button', { name: 'Sign in' }).click();
      }
      await page.waitForURL(`${party.origin}/callback?**`);
      const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), checks);
      claims = tokens.claims();
      idToken = tokens.id_token;
    }
    const answered = page.waitForResponse((response) => response.url().startsWith(`${authority.issuer}/logout`));
    await page.goto(`${authority.issuer}/logout?${new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: `${front.origin}/bye`, state: 'xyz' })}`);
    const policy = (await (await answered).allHeaders())['content-security-policy'];
    assert.match(policy, new RegExp(`frame-src ${two.origin} ${front.origin};`));
    await page.waitForURL(`${front.origin}/bye?state=xyz`, { timeout: 15_000 });
    assert.equal(two.frames.length, 1);
    assert.equal(front.frames.length, 1);
    const { searchParams } = two.frames[0].url;
    assert.deepEqual([...searchParams], [['x', '1'], ['iss', authority.issuer], ['sid', claims.sid]]);
    assert.equal(front.frames[0].url.search, '');
    assert.equal(two.frames[0].sec, 'iframe');
    assert.deepEqual(page.complaints, []);
    await told(two);
  });
}
