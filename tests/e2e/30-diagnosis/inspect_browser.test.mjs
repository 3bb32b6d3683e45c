// SPDX-License-Identifier: Apache-2.0
// What a real Chromium does to a login – cookies that it drops or withholds, tabs, headers that grow, calls across origins – and what inspect says of the HAR.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { launch, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { record, recordByDevTools, startRelyingParty } from '../lib/relying_party.mjs';

const terms = { clientId: 'web', secret: 'web-secret' };
const app = await startRelyingParty(terms);
const plain = await startRelyingParty({ ...terms, host: 'app.example' });
const numbers = await startRelyingParty({ ...terms, host: '127.0.0.1' });
const issuer = await startIssuer({
  clients: [{ client_id: 'web', redirect_uris: [app.callback, plain.callback, numbers.callback], grant_types: ['authorization_code'], response_types: ['code'] }],
  provider: {
    features: { devInteractions: { enabled: true }, resourceIndicators: { enabled: false } },
    cookies: { keys: ['k'] },
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  },
});
const endpoints = { authorize: issuer.url('/auth'), token: issuer.url('/token') };

async function signIn(page, { consents = true } = {}) {
  await page.locator('input[name=login]').fill('ann');
  await page.locator('input[name=password]').fill('x');
  await page.locator('button[type=submit]').click();
  if (consents) await page.locator('button[type=submit]').click();
}
const ended = (page) => page.waitForFunction(() => ['Signed in', 'The login could not be completed'].includes(document.title) || document.body.innerText.includes('431'));

async function inspect(file) {
  const { json, stderr } = await sallyport(['inspect', file, '--json']);
  assert.equal(stderr, '');
  const logins = json.flows.filter((flow) => flow.subject === 'Login');
  return { json, logins, causes: json.flows.map((flow) => flow.cause?.id).filter(Boolean), causeOf: (id) => json.flows.map((flow) => flow.cause).find((cause) => cause?.id === id) };
}

for (const [what, { at = app, start = at.origin, title = 'The login could not be completed', cause, says, ...settings }] of Object.entries({
  'a Secure cookie on plain http': { at: plain, cookie: 'Path=/; HttpOnly; SameSite=Lax; Secure', cause: 'state.scheme', says: /login_state; SameSite=Lax; Secure.*http:\/\/app\.example/ },
  'a login that starts on localhost and comes back to 127.0.0.1': { at: numbers, start: `http://localhost:${numbers.port}`, cause: 'state.host', says: /started on localhost.*callback is on 127\.0\.0\.1/ },
  'a cookie for another domain': { cookie: 'Path=/; Domain=example.com', cause: 'session.cookie_domain', says: /example\.com.*app\.localhost/ },
  'a cookie that is larger than a browser keeps': { padding: `.${'x'.repeat(5000)}`, cause: 'session.cookie_too_large', says: /50\d\d bytes.*4096 bytes/ },
  'a cookie that ended while the person typed': { cookie: 'Path=/; Max-Age=1', waits: true, cause: 'state.expired', says: /before the callback; allowed: 1 s/ },
  'form_post with SameSite=None; Secure': { cookie: 'Path=/; SameSite=None; Secure', parameters: { response_mode: 'form_post' }, title: 'Signed in' },
  'a host name that is no loopback, with a Lax cookie': { at: plain, title: 'Signed in' },
}))
  test(`${what}: ${cause ?? 'fine'}`, { skip }, async () => {
    const { waits, ...more } = settings;
    at.reset({ endpoints, ...more });
    const found = await inspect(await record(what.replaceAll(/\W+/g, '_'), async (page, context) => {
      await page.goto(`${start}/login`);
      if (waits) await page.waitForFunction((began) => Date.now() - began > 2500, Date.now());
      await signIn(page);
      await ended(page);
      assert.equal(await page.title(), title);
      await context.storageState();
    }));
    assert.deepEqual(found.causes, cause ? [cause] : [], JSON.stringify(found.json.flows, null, 1));
    if (cause) assert.match(found.causeOf(cause).explanation, says);
  });

test('three tabs: the last login holds the cookie, the two before it are state.multi_tab', { skip }, async () => {
  app.reset({ endpoints });
  const found = await inspect(await record('tabs', async (page, context) => {
    const pages = [page, await context.newPage(), await context.newPage()];
    for (const tab of pages) await tab.goto(`${app.origin}/login`);
    await signIn(pages[0]);
    await ended(pages[0]);
    assert.equal(await pages[0].title(), 'The login could not be completed');
    // The issuer knows by now what the person allowed; the other tabs go on from there.
    for (const tab of [pages[2], pages[1]]) {
      await signIn(tab, { consents: false });
      await ended(tab);
    }
    assert.deepEqual([await pages[2].title(), await pages[1].title()], ['Signed in', 'The login could not be completed']);
  }));
  assert.equal(found.logins.length, 3);
  assert.deepEqual(found.logins.map(({ outcome, cause }) => cause?.id ?? outcome), ['state.multi_tab', 'state.multi_tab', 'fine'], JSON.stringify(found.json.flows, null, 1));
});

test('cookies that grow beyond what the server takes: header.request_too_large', { skip }, async () => {
  app.reset({ endpoints, ballast: 6 });
  const found = await inspect(await record('ballast', async (page) => {
    await page.goto(`${app.origin}/login`);
    const refused = page.waitForResponse((response) => response.status() === 431);
    await signIn(page);
    await refused;
  }));
  assert.deepEqual(found.causes, ['header.request_too_large'], JSON.stringify(found.json.flows, null, 1));
  assert.match(found.causeOf('header.request_too_large').received, /^1[89]\d{3} bytes, 18\d{3} of them cookies/);
});

/** An API of another origin; `answer(request, response)` says how it meets OPTIONS and the call. */
async function startApi(answer) {
  const server = http.createServer(answer);
  const port = await listen(server);
  defer(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${port}/v1/me`;
}
for (const [what, answer, cause, says] of [
  ['asks for a token before it answers OPTIONS', (request, response) => response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end(), 'cors.preflight_rejected', /the answer was 401/],
  ['does not allow the header Authorization', (request, response) => response.writeHead(204, { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'content-type' }).end(), 'cors.preflight_rejected', /the answer was content-type/],
  ['allows another origin', (request, response) => response.writeHead(204, { 'Access-Control-Allow-Origin': 'https://www.example.com', 'Access-Control-Allow-Headers': 'authorization' }).end(), 'cors.origin_not_allowed', /http:\/\/app\.localhost:\d+; the answer allows: https:\/\/www\.example\.com/],
  ['answers the call without Access-Control-Allow-Origin', (request, response) => (request.method === 'OPTIONS'
    ? response.writeHead(204, { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'authorization' }).end()
    : response.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end()), 'cors.origin_not_allowed', /http:\/\/app\.localhost/],
])
  test(`a page calls an API that ${what}: ${cause}`, { skip }, async () => {
    const url = await startApi(answer);
    const name = `api_${what.replaceAll(/\W+/g, '_')}`;
    const visit = async (page) => {
      await page.goto(`${app.origin}/`);
      assert.match(await page.evaluate((at) => fetch(at, { headers: { Authorization: 'Bearer abc' } }).then(String, String), url), /Failed to fetch/);
    };
    const found = await inspect(await recordByDevTools(name, visit));
    assert.deepEqual(found.causes, [cause], JSON.stringify(found.json, null, 1));
    assert.match(found.causeOf(cause).explanation, says);
    // Playwright's HAR shows no preflight: both are said.
    const blind = await inspect(await record(name, visit));
    assert.deepEqual(blind.causes, ['cors.origin_not_allowed']);
    assert.match(blind.causeOf('cors.origin_not_allowed').detail, /cors\.preflight_rejected.*shows the OPTIONS request/);
  });

test('the page: readable on a phone and on paper, light and dark, without scripts, nothing loaded, secrets masked', { skip }, async () => {
  app.reset({ endpoints, cookie: 'Path=/; SameSite=Strict' });
  const har = await record('page', async (page) => {
    await page.goto(`${app.origin}/login`);
    await signIn(page);
    await ended(page);
  });
  const html = `${har}.html`;
  assert.equal((await sallyport(['inspect', har, '--html', html])).code, 1);
  const text = fs.readFileSync(html, 'utf8');
  for (const [, secret] of fs.readFileSync(har, 'utf8').matchAll(/[?&"](?:code|state)=([A-Za-z0-9_-]{20,})/g)) assert.ok(!text.includes(secret), secret);
  assert.doesNotMatch(text, /<script|javascript:|src=|url\(/);
  const context = await (await launch()).newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
  try {
    const page = await context.newPage();
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`file://${html}`);
    assert.deepEqual(asked, [`file://${html}`]);
    const box = (locator) => locator.evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth]);
    const [content, window] = await box(page.locator('html'));
    assert.ok(content <= window, `${content} > ${window}: it scrolls sideways`);
    const colour = () => page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.equal(await colour(), 'rgb(20, 23, 29)');
    await page.emulateMedia({ colorScheme: 'light' });
    assert.equal(await colour(), 'rgb(255, 255, 255)');
    // A message without findings is closed; paper shows it all the same.
    const closed = page.locator('details:not([open]) dd').first();
    assert.equal(await closed.isVisible(), false);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    assert.equal(await closed.isVisible(), true);
    assert.equal(await colour(), 'rgb(255, 255, 255)');
    await page.emulateMedia({ media: 'screen' });
    await page.getByRole('link', { name: /state\.cookie_strict/ }).or(page.getByRole('link', { name: /exchange \d+/ })).first().click();
    assert.match(page.url(), /#[fm]\d+$/);
  } finally {
    await context.close();
  }
});
