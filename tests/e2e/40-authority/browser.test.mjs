// SPDX-License-Identifier: Apache-2.0
// A real browser on a phone's screen: signs in by keyboard, consents, posts the form, signs out. Nothing may offend the pages' own CSP.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { listen } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';


// The application: remembers the requests to its callback.
const arrived = [];
const application = http.createServer((incoming, answer) => {
  let body = '';
  incoming.on('data', (chunk) => (body += chunk));
  incoming.on('end', () => {
    arrived.push({ method: incoming.method, url: incoming.url, body });
    answer.setHeader('Content-Type', 'text/html').end('<title>The application</title>');
  });
});
const origin = `http://127.0.0.1:${await listen(application)}`;
defer(() => new Promise((resolve) => application.close(resolve)));
const authority = await startAuthority({
  authority: { clients: { web: { name: 'Photo Album', secret: 's', redirect_uris: [`${origin}/callback`], post_logout_redirect_uris: [`${origin}/bye`], scopes: ['openid', 'profile', 'email', 'offline_access'] } } },
});

async function begin(extra = {}) {
  const config = await openid.discovery(new URL(authority.issuer), 'web', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const expectedState = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: `${origin}/callback`, scope: 'openid profile email', state: expectedState, code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  return { config, url: url.href, checks: { pkceCodeVerifier, expectedState } };
}

for (const javaScriptEnabled of [true, false]) {
  test(`signs in by keyboard and consents, scripts ${javaScriptEnabled ? 'on' : 'off'}`, { skip }, async () => {
    const page = await openPage({ javaScriptEnabled });
    const { config, url, checks } = await begin({ prompt: 'consent' });
    await page.goto(url);
    assert.equal(await page.title(), 'Sign in');
    assert.ok(await page.locator('#username').evaluate((input) => input === document.activeElement));
    const width = await page.locator('body').evaluate((body) => body.scrollWidth);
    assert.ok(width <= 360, `it is ${width} wide`);
    await page.keyboard.type('ann');
    await page.keyboard.press('Tab');
    await page.keyboard.type('ann-secret');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor();
    assert.ok(await page.getByText('see your e-mail address').isVisible());
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${origin}/callback?**`);
    const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), checks);
    assert.ok(tokens.claims().sub);
    assert.deepEqual(page.complaints.filter((text) => !/favicon/.test(text)), []);
  });
}

test('every field has a label and a wrong password is announced', { skip }, async () => {
  const page = await openPage();
  await page.goto((await begin()).url);
  await page.getByLabel('Username').fill('ann');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  assert.match(await page.getByRole('alert').innerText(), /not right/);
  assert.equal(await page.getByLabel('Username').inputValue(), 'ann');
  assert.equal(await page.getByLabel('Password').inputValue(), '');
});

test('what differs in a long redirect URI is to be seen, on a phone and on a desktop', { skip }, async () => {
  const page = await openPage();
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: `${origin}/callback/of/the/photo/album/for/people/with/long/addresses` })}`);
    for (const mark of await page.locator('mark').all()) {
      const seen = await mark.evaluate((node) => {
        const [box, around] = [node, node.closest('dd')].map((each) => each.getBoundingClientRect());
        return box.right <= around.right + 1 && around.right <= innerWidth && node.closest('dd').scrollWidth <= node.closest('dd').clientWidth;
      });
      assert.ok(seen, `at ${width}`);
    }
    assert.equal(await page.locator('mark').count(), 2);
    const [first, second] = await page.locator('mark').evaluateAll((marks) => marks.map((node) => node.getBoundingClientRect().left - node.closest('dd').getBoundingClientRect().left));
    assert.ok(Math.abs(first - second) < 1, 'one under the other');
  }
  await screenshots(page, 'redirect-uri');
});

test('form_post sends itself', { skip }, async () => {
  const page = await openPage();
  const { url } = await begin({ response_mode: 'form_post' });
  await page.goto(url);
  await page.getByLabel('Username').fill('ann');
  await page.getByLabel('Password').fill('ann-secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  if (await page.getByRole('button', { name: 'Allow', exact: true }).isVisible()) await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.waitForURL(`${origin}/callback`);
  const posted = arrived.find(({ method }) => method === 'POST'); // beside it the browser asks for a favicon
  assert.equal(posted.url, '/callback');
  assert.match(posted.body, /code=spac_.*iss=/);
  assert.deepEqual(page.complaints.filter((text) => !/favicon/.test(text)), []);
});

test('signs out after a question, and is asked to sign in again', { skip }, async () => {
  const page = await openPage();
  await page.goto((await begin()).url);
  await page.getByLabel('Username').fill('ann');
  await page.getByLabel('Password').fill('ann-secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => url.href.startsWith(`${origin}/callback`));
  await page.goto(`${authority.issuer}/logout?client_id=web&post_logout_redirect_uri=${encodeURIComponent(`${origin}/bye`)}`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(`${origin}/bye`);
  await page.goto((await begin()).url);
  assert.equal(await page.title(), 'Sign in');
});

test('a form of another site asks without a page: for who is signed in and who is not, as a GET does', { skip }, async () => {
  const page = await openPage();
  const site = origin.replace('127.0.0.1', 'app.example');
  const ask = async (target) => {
    const { url } = await begin({ prompt: 'none' });
    const { searchParams } = new URL(url);
    const before = arrived.length;
    await page.goto(`${site}/`);
    await page.setContent(`<form method="post" action="${authority.issuer}/authorize" target="${target}">${[...searchParams].map(([name, value]) => `<input name="${name}" value="${value}">`).join('')}<button>Go</button></form><iframe name="frame"></iframe>`);
    await page.getByRole('button', { name: 'Go' }).click();
    const { url: came } = await until(() => arrived.slice(before).find((each) => each.url.startsWith('/callback?')), 'the answer');
    return new URL(came, origin).searchParams;
  };
  assert.equal((await ask('_self')).get('error'), 'login_required');
  await page.goto((await begin()).url);
  await signIn(page);
  await page.waitForURL(`${origin}/callback?**`);
  assert.match((await ask('_self')).get('code') ?? '', /^spac_/);
  // Within a frame no cookie of ours is sent by GET either.
  assert.equal((await ask('frame')).get('error'), 'login_required');
});

test('no script and no form makes the browser ask for a password', { skip }, async () => {
  const page = await openPage({ bypassCSP: true });
  const chromium = await page.context().newCDPSession(page);
  const asked = [];
  chromium.on('Fetch.requestPaused', ({ requestId }) => chromium.send('Fetch.continueRequest', { requestId }));
  chromium.on('Fetch.authRequired', ({ requestId, request }) => {
    asked.push(request.url);
    return chromium.send('Fetch.continueWithAuth', { requestId, authChallengeResponse: { response: 'CancelAuth' } });
  });
  await chromium.send('Fetch.enable', { handleAuthRequests: true });
  const ask = (url) => page.evaluate(async (token) => {
    const answer = await fetch(token, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'web', client_secret: 'wrong' }) });
    return [answer.status, (await answer.json()).error];
  }, url);
  await page.goto((await begin()).url);
  assert.deepEqual(await ask('/token'), [400, 'invalid_client'], 'of the same origin');
  await page.goto(`${origin}/`);
  assert.deepEqual(await ask(`${authority.issuer}/token`), [400, 'invalid_client'], 'of another one');
  await page.setContent(`<form method="post" action="${authority.issuer}/token"><input name="client_id" value="web"><button>Go</button></form>`);
  await page.getByRole('button', { name: 'Go' }).click();
  await page.waitForURL(`${authority.issuer}/token`);
  assert.deepEqual(asked, []);
});
