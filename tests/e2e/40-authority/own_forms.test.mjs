// SPDX-License-Identifier: Apache-2.0
// Forms of the authority's pages are sent from its pages alone, and by the one whom they were shown to. The other site here is another port of the same host:
// to a browser the same site, which gets its cookies and may plant some, as a sub-domain may.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { openPage, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { listen } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

const grant = 'urn:ietf:params:oauth:grant-type:device_code';
const redirect = 'https://app.example/cb';
const authority = await startAuthority({
  authority: {
    clients: {
      web: { name: 'Photo Album', secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid', 'email'] },
      own: { name: 'Intranet', secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid'], skip_consent: true },
      tv: { name: 'The TV', method: 'none', grants: [grant], scopes: ['openid'] },
    },
  },
});
const account = `${authority.issuer}/account`;
const planted = 'planted-by-somebody-on-the-network-0123456789';
const urlOf = (client, extra = {}) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: client, redirect_uri: redirect, response_type: 'code', scope: 'openid', ...extra })}`;
const tokenOf = (secret, purpose) => createHmac('sha256', createHash('sha256').update(secret).digest()).update(purpose).digest('base64url');
const send = (browser, url, form, headers = {}) =>
  browser.open(url, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(form).toString() });
assert.equal((await sallyport(['accounts', 'add', 'kim', '--state', authority.state], { input: 'kim-secret\n' })).code, 0);

async function signedIn(name, password) {
  const browser = startBrowser();
  await browser.open(account);
  assert.match((await browser.signIn(name, password)).text, /Your account/);
  return browser;
}

test('whoever planted the cookie cannot make the token of a form', async () => {
  const browser = await signedIn();
  browser.cookies.set('sp_browser', planted);
  const answer = await send(browser, account, { form_token: tokenOf(planted, 'account'), section: 'profile', step: 'signout' });
  assert.match(answer.text, /role="alert"[^>]*><p>This form had expired/);
  const { finding, accepted } = await authority.lastLine('form.stale');
  assert.equal(accepted, false);
  assert.match(finding.expected, /who is signed in now/);
  assert.match(finding.received, /another session/);
  assert.match((await browser.open(account)).text, /Your account/);
});

test('the sign-in form is a login without its button too, as form.submit() sends it', async () => {
  const browser = startBrowser();
  await browser.open(urlOf('own'));
  assert.match((await browser.submit({ username: 'kim', password: 'wrong' })).text, /not right/);
  assert.equal((await authority.lastLine('login.password_wrong')).finding.received, 'kim');
  const { location } = await browser.submit({ username: 'kim', password: 'kim-secret' });
  assert.ok(location.searchParams.get('code'));
  // Nothing but that goes without a button: consent is a decision.
  await browser.open(urlOf('web', { scope: 'openid email' }));
  assert.match((await browser.submit({ username: 'kim', password: 'kim-secret' })).text, /value="allow"/);
});

test('whoever leaves the fields empty is told that they are not right', async () => {
  const browser = startBrowser();
  await browser.open(urlOf('own'));
  for (const typed of [{ username: '' }, { username: 'kim' }, { username: '', password: 'kim-secret' }, { username: ' ', password: 'kim-secret' }]) {
    const page = await browser.submit({ password: '', ...typed, step: 'login' });
    assert.equal(page.status, 200, JSON.stringify(typed));
    assert.match(page.text, /not right/);
    assert.match(page.text, /name="password"/);
  }
  assert.ok((await browser.signIn('kim', 'kim-secret')).location.searchParams.get('code'));
});

test('a form from before the sign-in, or of another session, is not taken', async () => {
  const browser = startBrowser();
  await browser.open(urlOf('web', { prompt: 'consent' }));
  const before = browser.fields().values;
  await browser.signIn();
  const shown = browser.fields().values;
  const early = await send(browser, `${authority.issuer}/signin`, { ...shown, form_token: before.form_token, step: 'allow' });
  assert.equal(early.location, undefined);
  assert.match(early.text, /role="alert"[^>]*><p>This form had expired.*value="allow"/s);
  const other = browser.fields().values;
  browser.cookies.delete('sp_session');
  const nobody = await send(browser, `${authority.issuer}/signin`, { ...other, step: 'allow' });
  assert.match(nobody.text, /This form had expired.*name="password"/s);
  const again = await browser.signIn();
  assert.match(again.text, /value="allow"/);
  assert.ok((await browser.allow()).location.searchParams.get('code'));
});

for (const [client, shows] of [['web', /value="allow"/], ['own', /value="use"/]])
  test(`what one person was shown is not allowed by the next (${client})`, async () => {
    const browser = startBrowser();
    await browser.open(urlOf(client, { prompt: client === 'web' ? 'consent' : 'select_account' }));
    if (client === 'own') {
      await signInAs(browser, 'ann', 'ann-secret');
      await browser.open(urlOf(client, { prompt: 'select_account' }));
    } else {
      await browser.signIn();
    }
    const tab = browser.fields();
    await signInAs(browser, 'kim', 'kim-secret'); // in another tab
    const answer = await send(browser, tab.action, { ...tab.values, step: client === 'web' ? 'allow' : 'use' });
    assert.equal(answer.location, undefined);
    assert.match(answer.text, shows);
    assert.match(answer.text, /role="alert"[^>]*><p>This form had expired/);
    assert.match(answer.text, /<strong>kim<\/strong>/);
    await authority.lastLine('form.stale');
    assert.ok((await browser.submit({ step: client === 'web' ? 'allow' : 'use' })).location.searchParams.get('code'));
  });

test('what a person was refused is a refusal in the log and for explain, and what no account is named by is not written', async () => {
  const browser = startBrowser();
  const told = async (cause) => {
    const line = await authority.lastLine(cause);
    assert.equal(line.accepted, false);
    const { stdout } = await sallyport(['explain', line.request_id, '--state', authority.state]);
    assert.match(stdout, /REJECTED|REFUSED/);
    assert.ok(stdout.includes(cause), stdout);
    return { line, stdout };
  };
  await browser.open(urlOf('own'));
  await browser.signIn('KIM', 'wrong');
  assert.match((await told('login.password_wrong')).stdout, /\bkim\b/);
  await browser.signIn('my-s3cret-password', 'wrong');
  assert.equal((await told('login.password_wrong')).line.finding.received, 'a name of 18 bytes that no account has');
  assert.ok(!fs.readFileSync(path.join(authority.state, 'authority.jsonl'), 'utf8').includes('my-s3cret'));
  // To the person, a disabled account is a wrong password; the operator is told where to look.
  assert.equal((await sallyport(['accounts', 'disable', 'kim', '--state', authority.state])).code, 0);
  const page = await browser.signIn('kim', 'kim-secret');
  assert.match(page.text, /Username or password is not right/);
  assert.match((await told('login.account_disabled')).stdout, /accounts\s+enable/);
  await browser.signIn('kim', 'wrong');
  await told('login.password_wrong');
  assert.equal((await sallyport(['accounts', 'enable', 'kim', '--state', authority.state])).code, 0);
  assert.equal((await browser.submit({ step: 'cancel' })).location.searchParams.get('error'), 'access_denied');
  await told('request.denied_by_user');
});

/** Signs out whoever is there, and in as somebody else. */
async function signInAs(browser, name, password) {
  if (browser.cookies.has('sp_session')) {
    await browser.open(`${authority.issuer}/logout`);
    await browser.submit({ step: 'signout' });
  }
  await browser.open(account);
  return browser.signIn(name, password);
}

test('a device that was shown to one person is not allowed by the next, and an account form changes only the own account', async () => {
  const { json: device } = await authority.post('/device_authorization', { client_id: 'tv', scope: 'openid' });
  const browser = await signedIn();
  const mine = browser.page.text.match(/name="form_token" value="([^"]*)"/)[1];
  await browser.open(device.verification_uri_complete);
  const tab = browser.fields();
  await signInAs(browser, 'kim', 'kim-secret');
  const answer = await send(browser, tab.action, { ...tab.values, step: 'allow' });
  assert.match(answer.text, /This form had expired.*<strong>kim<\/strong>.*value="allow"/s);
  assert.equal((await authority.post('/token', { grant_type: grant, device_code: device.device_code, client_id: 'tv' })).json.error, 'authorization_pending');
  const page = await send(browser, account, { form_token: mine, section: 'profile', step: 'signout' });
  assert.match(page.text, /This form had expired/);
  assert.match((await browser.open(account)).text, /<strong>kim<\/strong>/);
  // What one code's page says allows no other code.
  await browser.open(device.verification_uri_complete);
  const { json: second } = await authority.post('/device_authorization', { client_id: 'tv', scope: 'openid' });
  assert.match((await send(browser, tab.action, { ...browser.fields().values, user_code: second.user_code, step: 'allow' })).text, /This form had expired/);
});

test('who signed in for a request is not whoever signs in next', async () => {
  const browser = startBrowser();
  await browser.open(urlOf('web', { prompt: 'login consent' }));
  await browser.signIn();
  const tab = browser.page.url.includes('visit=') ? browser.page.url : `${authority.issuer}/signin?visit=${browser.fields().values.visit}`;
  await signInAs(browser, 'kim', 'kim-secret');
  assert.match((await browser.open(tab)).text, /name="password"/); // prompt=login holds for kim, too
});

test('Origin and Sec-Fetch-Site of another site are refused on every form, by name', async () => {
  const browser = await signedIn();
  const form = browser.fields();
  const own = new URL(authority.issuer).origin;
  const rows = [
    [{ Origin: 'https://evil.example' }, 'Origin: https://evil.example'],
    [{ Origin: 'null' }, 'Origin: null'],
    [{ Origin: own.replace('http:', 'https:') }, 'Origin: https://'],
    [{ Origin: `${own}0` }, `Origin: ${own}0`],
    [{ Origin: own, 'Sec-Fetch-Site': 'cross-site' }, 'Sec-Fetch-Site: cross-site'],
    [{ 'Sec-Fetch-Site': 'same-site' }, 'Sec-Fetch-Site: same-site (Origin: none)'],
  ];
  for (const where of ['/account', '/signin', '/device', '/email', '/reset', '/logout'])
    for (const [headers, received] of rows) {
      const answer = await send(browser, authority.issuer + where, { ...form.values, step: 'signout' }, headers);
      assert.equal(answer.status, 403, `${where} ${JSON.stringify(headers)}`);
      assert.match(answer.text, /not sent from a page of this site/);
      /* The line may follow the answer. */
      const { finding } = await until(async () => [await authority.lastLine('form.other_origin')].find((line) => line.finding.received.startsWith(received)), `the line of ${received}`);
      assert.match(finding.expected, /same-origin|Origin: http/);
    }
  assert.match((await browser.open(account)).text, /Your account/);
  for (const headers of [{ Origin: own, 'Sec-Fetch-Site': 'same-origin' }, { Origin: own }, { 'Sec-Fetch-Site': 'none' }, {}])
    assert.equal((await send(browser, account, { ...form.values, section: 'nothing' }, headers)).status, 200, JSON.stringify(headers));
});

test('a client may still POST its requests from its own pages', async () => {
  const headers = { Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' };
  const login = await send(startBrowser(), `${authority.issuer}/authorize`, Object.fromEntries(new URL(urlOf('web')).searchParams), headers);
  assert.match(login.text, /name="password"/);
  assert.match((await send(await signedIn(), `${authority.issuer}/logout`, { client_id: 'web' }, headers)).text, /value="signout"/);
});

const seen = [];
const neighbour = http.createServer((incoming, answer) => {
  if (incoming.url === '/favicon.ico') return answer.writeHead(404).end();
  seen.push(incoming.headers.cookie ?? '');
  answer.setHeader('Set-Cookie', `sp_browser=${planted}; Path=/; HttpOnly`);
  answer.setHeader('Content-Type', 'text/html');
  answer.end(`<form method="post" action="${account}"><input name="form_token" value="${tokenOf(planted, 'account')}"><input name="section" value="profile"><input name="step" value="signout"></form><script>document.forms[0].submit()</script>`);
});
const neighbourPort = await listen(neighbour);
defer(() => new Promise((resolve) => neighbour.close(resolve)));

test('in Chromium the own forms work, and a neighbour that plants cookies gets a page that says what to do', { skip }, async () => {
  const page = await openPage();
  await page.goto(account);
  await signIn(page);
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  await page.goto(`http://127.0.0.1:${neighbourPort}/`);
  await page.waitForURL(account);
  assert.match(await page.locator('main').innerText(), /not sent from a page of this site, so nothing was done/);
  assert.match(seen[0], /sp_session=/); // it is of the same site
  const { finding } = await authority.lastLine('form.other_origin');
  assert.match(finding.received, /same-site.*127\.0\.0\.1/);
  assert.match(finding.expected, /same-origin/);
  await page.goto(account);
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
});
