// SPDX-License-Identifier: Apache-2.0
// kill -9 while codes are redeemed and tokens refreshed – of the authority on SQLite, of PostgreSQL, of the authority on PostgreSQL: afterwards what a client
// was given is known, what it was refused or never told can be asked for again, and no code was redeemed twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { postgresMissing, startPostgres } from '../lib/postgres.mjs';
import { until } from '../lib/wait.mjs';

const WORKERS = 12;
const redirect = 'https://app.example/callback';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const section = {
  tokens: { algorithm: 'ES256', refresh_grace: '5m' },
  clients: {
    jwt: { secret: 's' },
    web: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'offline_access'], skip_consent: true, token_format: 'opaque' },
  },
};

const authorize = (authority) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: redirect, scope: 'openid offline_access', code_challenge: challenge, code_challenge_method: 'S256' })}`;
const token = (authority, form) => authority.post('/token', form, { basic: ['web', 's'] });
const redeem = (authority, code) => token(authority, { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier });
const refresh = (authority, refresh_token) => token(authority, { grant_type: 'refresh_token', refresh_token });
const isActive = async (authority, value) => (await authority.post('/introspect', { token: value }, { basic: ['jwt', 's'] })).json.active;

/** An answer that never came is none; whatever else comes is tokens or a clean 503. */
async function attempt(ask) {
  const answer = await ask().catch(() => undefined);
  if (answer === undefined) return undefined;
  assert.ok(answer.status === 200 || answer.status === 503, answer.text);
  return answer.status === 200 ? answer.json : undefined;
}

/** Each worker redeems a code and refreshes what came of it a few times, and takes the next one, until it is told nothing. */
async function work(authority, codes, seen) {
  for (let code = codes.pop(); code !== undefined; code = codes.pop()) {
    const own = { code, times: 0, accesses: [], refresh: undefined };
    seen.push(own);
    const first = await attempt(() => redeem(authority, code));
    if (!first) return;
    own.times++;
    for (let tokens = first, round = 0; ; round++) {
      own.accesses.push(tokens.access_token);
      own.refresh = tokens.refresh_token;
      seen.answers++;
      if (round === 3) break;
      tokens = await attempt(() => refresh(authority, own.refresh));
      if (!tokens) return;
    }
  }
}

async function liveThrough(authority, kill, revive) {
  const browser = startBrowser();
  await browser.open(authorize(authority));
  await browser.signIn();
  const codes = [];
  while (codes.length < 150) codes.push(...await Promise.all(Array.from({ length: 10 }, async () => (await startBrowserLike(browser).open(authorize(authority))).location.searchParams.get('code'))));
  const seen = Object.assign([], { answers: 0 });
  const workers = Array.from({ length: WORKERS }, () => work(authority, codes, seen));
  await until(() => seen.answers > 100, 'tokens under load');
  await kill();
  await Promise.all(workers);
  assert.ok(codes.length > 0, 'it was killed under load');
  await revive();
  await until(async () => (await refresh(authority, 'junk')).status === 400, 'it to answer');
  for (const { accesses } of seen) for (const access of accesses) assert.equal(await isActive(authority, access), true);
  for (const own of seen.filter((one) => one.refresh)) {
    const { status, json } = await refresh(authority, own.refresh); // perhaps the one whose answer never came
    assert.equal(status, 200, JSON.stringify(json));
    assert.equal((await refresh(authority, json.refresh_token)).status, 200);
  }
  for (const own of seen) {
    const { status, json } = await redeem(authority, own.code);
    own.times += status === 200;
    assert.ok(own.times <= 1, 'a code was redeemed twice');
    assert.ok(status === 200 || /code\.reused/.test(json.error_description), JSON.stringify(json));
  }
}

/** Another tab of it. */
function startBrowserLike({ cookies }) {
  const tab = startBrowser();
  for (const [name, value] of cookies) tab.cookies.set(name, value);
  return tab;
}

test('the authority on SQLite', async () => {
  const authority = await startAuthority({ authority: section });
  await liveThrough(authority, () => authority.stop('SIGKILL'), () => authority.start());
});

test('PostgreSQL, and the authority on it', { skip: postgresMissing }, async () => {
  const postgres = await startPostgres();
  const authority = await startAuthority({ authority: { ...section, store: { postgres: postgres.url }, keys: { master_key: 'one key for all of the nodes, 0123456789' } } });
  await liveThrough(authority, () => postgres.tell('kill'), () => postgres.tell('start'));
  await liveThrough(authority, () => authority.stop('SIGKILL'), () => authority.start());
});
