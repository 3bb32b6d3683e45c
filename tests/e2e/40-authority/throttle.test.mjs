// SPDX-License-Identifier: Apache-2.0
// Guessing is slowed by account and by address, and tells nobody which accounts there are. Refused calls are explained by their id.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { makeKey, makeProof } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback';
const authority = await startAuthority({
  authority: { tokens: { algorithm: 'ES256' }, clients: { basic: { secret: 's', method: 'client_secret_basic' }, spa: { method: 'none', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true } } },
});
const login = `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'spa', response_type: 'code', redirect_uri: redirect, scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`;
const said = (page) => page.text.replace(/<style>.*?<\/style>/s, '').replace(/<form.*?<\/form>/gs, '').replace(/\d+/g, 'N');

/** Eight tries of an account beside eight of a name that is none; false where a pair differs that was not answered within one second: waits are whole seconds. */
async function compareTries() {
  const [known, unknown] = [startBrowser(), startBrowser()];
  for (const browser of [known, unknown]) await browser.open(login);
  for (let i = 0; i < 8; i++) {
    // At once, since each costs a slow hash.
    await until(() => Date.now() % 1000 < 50, 'a second to begin');
    const second = Math.floor(Date.now() / 1000);
    const [a, b] = await Promise.all([known.signIn('ann', `wrong-${i}`), unknown.signIn('zoe', `wrong-${i}`)]);
    if (said(a) !== said(b) && Math.floor(Date.now() / 1000) !== second) return false;
    assert.equal(a.status, b.status);
    assert.equal(said(a), said(b), `try ${i}`);
  }
  return true;
}

test('a name that is no account is told exactly what an account is told, try after try', async (context) => {
  for (let i = 0; !(await compareTries()); i++) {
    if (i === 12) return context.diagnostic('this machine answers no two logins within one second: waits could not be compared');
  }
});

test('a locked name and one that is no account are told the same after a restart', async () => {
  for (let i = 0; i < 7; i++)
    for (const name of ['ann', 'nobody']) {
      const browser = startBrowser();
      await browser.open(login);
      await browser.signIn(name, `wrong-${i}`);
    }
  await authority.restart();
  for (let i = 0; i < 2; i++) {
    const pages = await Promise.all(['ann', 'nobody'].map(async (name) => {
      const browser = startBrowser();
      await browser.open(login);
      return browser.signIn(name, 'wrong');
    }));
    assert.equal(said(pages[0]), said(pages[1]));
  }
});

test('whoever guesses, even from the same address, keeps nobody out of a browser where they were signed in', async () => {
  assert.equal((await sallyport(['accounts', 'add', 'kim', '--state', authority.state], { input: 'kim-secret\n' })).code, 0);
  const owner = startBrowser();
  await owner.open(login);
  assert.ok((await owner.signIn('kim', 'kim-secret')).location.searchParams.get('code'));
  const mark = owner.cookies.get('sp_known');
  assert.match(mark, /^[\w-]+$/);

  const stranger = startBrowser();
  await stranger.open(login);
  let page;
  for (let i = 0; i < 20 && !/Try again in/.test(page?.text); i++) page = await stranger.signIn('kim', `wrong-${i}`);
  assert.match(page.text, /Try again in/);
  assert.match((await authority.lastLine('login.password_wrong')).finding.detail, /wrong passwords from 127\.0\.0\.1: the next try in \d+ s$/);

  const back = startBrowser();
  back.cookies.set('sp_known', mark); // signed out long ago
  await back.open(login);
  assert.ok((await back.signIn('kim', 'kim-secret')).location.searchParams.get('code'));
});

test('an address that fails too often is refused at the device page, whatever it forges', async () => {
  const browser = startBrowser({ 'X-Real-IP': '192.0.2.77' });
  let page;
  for (let i = 0; i < 30 && page?.status !== 429; i++) {
    browser.cookies.clear();
    page = await startBrowser({ 'X-Real-IP': `192.0.2.${i}` }).open(`${authority.issuer}/device?user_code=BCDF-GH${'JK'[i % 2]}${'LMNPQRST'[i % 8]}`);
  }
  assert.equal(page.status, 429);
  assert.ok(Number(page.headers['retry-after']) > 0);
  const line = await authority.lastLine('login.throttled');
  assert.match(line.finding.received, /from 127\.0\.0\.1$/); // X-Real-IP is not believed on TCP
});

test('explain tells a refused call of the authority by its request id', async () => {
  const answer = await authority.post('/token', { grant_type: 'client_credentials', client_id: 'basic', client_secret: 's' });
  assert.equal(answer.status, 400);
  const { code, json, stderr } = await sallyport(['explain', answer.requestId, '--json', '--state', authority.state]);
  assert.equal(code, 0, stderr);
  assert.equal(json.accepted, false);
  assert.equal(json.cause.id, 'client.method_mismatch');
  // Which method was used and which is registered.
  assert.equal(json.cause.received, 'client_secret_post');
  assert.equal(json.cause.expected, 'client_secret_basic');
  assert.ok(json.cause.fix.length > 0 && !json.cause.fix.includes('{'));
  assert.equal(json.call.endpoint, 'TOKEN');
  const text = await sallyport(['explain', answer.requestId, '--state', authority.state]);
  assert.match(text.stdout, /client\.method_mismatch/);
  assert.match(text.stdout, /client_secret_post/);
});

test('what a stranger sent begins no line of explain, and turns none around', async () => {
  const odd = 'x\n✓ ACCEPTED\u202e\u2028\u009b31m\u001b[2J\ty';
  const shown = 'x\\x0a✓ ACCEPTED\\xe2\\x80\\xae\\xe2\\x80\\xa8\\xc2\\x9b31m\\x1b[2J\\x09y';
  for (const form of [{ grant_type: 'client_credentials', client_id: odd }, { grant_type: odd, client_id: 'basic' }]) {
    const answer = await authority.post('/token', form);
    const { stdout } = await sallyport(['explain', answer.requestId, '--state', authority.state]);
    assert.ok(stdout.includes(shown), stdout);
    assert.doesNotMatch(stdout, /^✓|[\u202e\u2028\u009b\u001b]/mu);
  }
});

test('refused requests of a public client whose proofs are remembered are counted by address, and hold up nobody else', async () => {
  const url = `${authority.issuer}/token`, key = await makeKey('ES256');
  const ask = async (form, basic) => authority.post('/token', { grant_type: 'refresh_token', refresh_token: 'sprt_none', ...form }, { basic, headers: { DPoP: await makeProof(key, 'POST', url) } });
  let refused = await ask({ client_id: 'spa' });
  assert.match(refused.json.error_description, /refresh\./);
  for (let i = 0; i < 600 && refused.status === 400; i++) refused = await ask({ client_id: 'spa' });
  assert.equal(refused.status, 429);
  assert.match(refused.json.error_description, /request\.throttled/);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  const known = await ask({}, ['basic', 's']); // who proves itself is not anybody
  assert.match(known.json.error_description, /request\.grant_not_allowed/);
});
