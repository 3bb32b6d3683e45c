// SPDX-License-Identifier: Apache-2.0
// A password hash takes tens of milliseconds of a processor: whoever waits for one keeps nobody else waiting, and who goes away leaves nothing.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { until } from '../lib/wait.mjs';

// A hash of zeros, which nothing matches, as costly as those of accounts.
const hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$HASH';
const redirect = 'https://app.example/callback';
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: { fast: { secret: 's' }, slow: { secret_hash: hash.replace('HASH', 'A'.repeat(43)) }, spa: { method: 'none', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true } },
  },
});
const port = Number(new URL(authority.issuer).port);
const token = (basic) => authority.post('/token', { grant_type: 'client_credentials' }, { basic, timeout: 90_000 });
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const login = `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'spa', response_type: 'code', redirect_uri: redirect, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' })}`;

test('token requests are answered while hashes are computed', async () => {
  const order = [];
  const slow = Array.from({ length: 40 }, (_, i) => token(['slow', `wrong-${i}`]).then((answer) => {
    order.push('slow');
    return answer;
  }));
  // Once the first is with a thread all that follows is answered before the last hash is done.
  for (let i = 0; i < 10; i++) assert.equal((await token(['fast', 's'])).status, 200);
  order.push('fast');
  for (const answer of await Promise.all(slow)) {
    assert.equal(answer.status, 401);
    assert.equal(answer.json.error, 'invalid_client');
  }
  assert.notEqual(order.at(-1), 'fast');
});

test('people sign in side by side', async () => {
  const pages = await Promise.all(Array.from({ length: 6 }, async () => {
    const browser = startBrowser();
    await browser.open(login);
    return browser.signIn();
  }));
  for (const page of pages) assert.equal(page.location.origin + page.location.pathname, redirect);
  assert.equal(new Set(pages.map((page) => page.location.searchParams.get('code'))).size, 6);
});

/** A token request whose client hangs up as soon as it has been sent. */
const hangUp = (i) => new Promise((resolve) => {
  const body = 'grant_type=client_credentials';
  const socket = net.connect(port, '127.0.0.1', () => {
    const basic = Buffer.from(`slow:gone-${i}`).toString('base64');
    socket.write(`POST /token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${basic}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`, () => socket.resetAndDestroy());
  });
  socket.on('error', () => {});
  socket.on('close', resolve);
});

test('a client that goes away while its hash is computed leaves nothing behind', async () => {
  const before = authority.log().filter((line) => line.client_id === 'slow').length;
  await Promise.all(Array.from({ length: 5 }, (_, i) => hangUp(i)));
  assert.equal((await token(['fast', 's'])).status, 200);
  // A reset may overtake its request; those that were read are judged and logged.
  assert.equal((await token(['slow', 'still-there'])).status, 401);
  await until(() => authority.log().filter((line) => line.client_id === 'slow').length > before, 'the calls to be logged');
  assert.equal((await token(['fast', 's'])).status, 200);
});

test('when too many wait the rest is turned away with 503, and nothing is lost', async () => {
  const answers = await Promise.all(Array.from({ length: 180 }, (_, i) => token(['slow', `flood-${i}`])));
  const busy = answers.filter((answer) => answer.status === 503);
  assert.ok(busy.length > 0);
  assert.ok(answers.every((answer) => [401, 503].includes(answer.status)));
  assert.match(busy[0].json.error_description, /authority\.busy/);
  assert.equal(busy[0].json.error, 'temporarily_unavailable');
  assert.ok(Number(busy[0].headers['retry-after']) > 0);
  assert.equal((await token(['fast', 's'])).status, 200);
});

test('an ending authority answers what waits', async () => {
  const slow = Array.from({ length: 4 }, (_, i) => token(['slow', `last-${i}`]));
  await Promise.race(slow); // the others are under way
  const { code } = await authority.stop();
  assert.equal(code, 0);
  for (const answer of await Promise.all(slow)) assert.equal(answer.status, 401);
  await authority.start();
  assert.equal((await token(['fast', 's'])).status, 200);
});
