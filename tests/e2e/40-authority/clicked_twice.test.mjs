// SPDX-License-Identifier: Apache-2.0
// Whoever clicks "Sign in" or "Allow" twice arrives all the same: the browser shows the second answer, and may have dropped the first one with its cookie.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { openPage, withoutChromium as skip } from '../lib/chromium.mjs';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { listen } from '../lib/ports.mjs';
import { startApp } from '../lib/totp.mjs';

let authority;
const redeem = (code, client = 'app') => authority.post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect }, { basic: [client, 's'] });
const application = http.createServer(async (incoming, answer) => {
  const code = new URL(incoming.url, 'http://app').searchParams.get('code');
  const { json } = code ? await redeem(code) : { json: { error: 'no code' } };
  answer.setHeader('Content-Type', 'text/html');
  answer.end(`<h1>${json.access_token ? 'Welcome' : json.error}</h1>`);
});
const redirect = `http://127.0.0.1:${await listen(application)}/cb`;
defer(() => new Promise((resolve) => application.close(resolve)));
authority = await startAuthority({
  authority: {
    clients: {
      app: { name: 'Shop', secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid'] },
      own: { name: 'Intranet', secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid'], skip_consent: true },
    },
  },
});
const url = (extra = {}) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'app', redirect_uri: redirect, response_type: 'code', scope: 'openid', state: 's', ...extra })}`;
/** The form of the page as the browser would send it again. */
const post = (browser, values, cookie) => {
  const { action, values: own } = browser.fields();
  return authority.post(new URL(action).pathname, { ...own, ...values }, { headers: { Cookie: cookie } });
};

test('a double click in Chromium signs in, and allows, once', { skip }, async () => {
  for (const javaScriptEnabled of [true, false]) {
    const page = await openPage({ javaScriptEnabled });
    await page.goto(url({ prompt: 'consent' }));
    await page.getByLabel('Username').fill('ann');
    await page.getByLabel('Password').fill('ann-secret');
    await page.getByRole('button', { name: 'Sign in', exact: true }).dblclick();
    await page.getByRole('button', { name: 'Allow', exact: true }).dblclick();
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    await page.goto(url());
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  }
});

test('five forms at once, of which the browser sees the last answer: one session, and one code that counts', async () => {
  const other = startBrowser();
  await other.open(url({ client_id: 'own' }));
  const cookie = [...other.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const answers = await Promise.all(Array.from({ length: 5 }, () => post(other, { username: 'ann', password: 'ann-secret', step: 'login' }, cookie)));
  const codes = answers.map(({ status, headers, text }) => {
    assert.equal(status, 303, text);
    return new URL(headers.location).searchParams.get('code');
  });
  const results = await Promise.all(codes.map(async (code) => (await redeem(code, 'own')).status));
  assert.deepEqual(results.sort(), [200, 400, 400, 400, 400]);
  const cookies = answers.map(({ headers }) => headers['set-cookie'].find((line) => /sp_session=/.test(line)).split(';')[0]);
  const alive = await Promise.all(cookies.map(async (session) => (await authority.get('/account', { headers: { Cookie: `${cookie}; ${session}` } })).status));
  assert.deepEqual(alive.sort(), [200, 303, 303, 303, 303]);
});

test('the code of an authenticator app, sent twice, is one sign-in', async () => {
  const browser = startBrowser();
  assert.equal((await sallyport(['accounts', 'add', 'kim', '--state', authority.state], { input: 'kim-secret\n' })).code, 0);
  await browser.open(`${authority.issuer}/account`);
  await browser.signIn('kim', 'kim-secret');
  const token = browser.page.text.match(/name="form_token" value="([^"]*)"/)[1];
  const send = (form) => browser.open(`${authority.issuer}/account`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token: token, section: 'second_factor', ...form }).toString() });
  const app = startApp((await send({ step: 'app_begin' })).text.match(/id="key">([A-Z2-7 ]+)</)[1]);
  assert.match((await send({ step: 'app_confirm', code: await app.next() })).text, /<ol class="codes"/);
  const other = startBrowser();
  await other.open(`${authority.issuer}/account`);
  await other.signIn('kim', 'kim-secret');
  const cookie = [...other.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const form = { code: await app.next(), step: 'code' };
  for (let i = 0; i < 2; i++) {
    const { status, headers, text } = await post(other, form, cookie);
    assert.equal(status, 303, text.slice(-800));
    assert.equal(new URL(headers.location).pathname, '/account');
  }
});
