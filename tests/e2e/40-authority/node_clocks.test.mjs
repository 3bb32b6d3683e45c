// SPDX-License-Identifier: Apache-2.0
// Two nodes on one PostgreSQL whose clocks differ by two minutes: the one that is off says so; what lives longer than that is good at both all the same, and what does
// not is refused by its name.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { postgresMissing, startPostgres } from '../lib/postgres.mjs';
import { makeKey, makeProof, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const AHEAD_S = 120;
const skip = postgresMissing || (canSetClock ? false : 'the sanitizers are preloaded');
const redirect = 'https://app.example/callback';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' };
const section = {
  keys: { master_key: 'one key for all of the nodes, 0123456789' },
  tokens: { algorithm: 'ES256', refresh_grace: '5m', dpop_nonce: true },
  clients: {
    web: { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'offline_access'], skip_consent: true, token_format: 'opaque' },
    machine: { secret: 's' },
  },
};
let right, ahead, issuer, clock;
if (!skip) {
  const postgres = await startPostgres();
  issuer = `http://127.0.0.1:${await freePort()}`;
  clock = makeClock(AHEAD_S);
  const authority = { ...section, issuer, store: { postgres: postgres.url } };
  [right, ahead] = [await startAuthority({ authority }), await startAuthority({ authority, env: clock.env })];
  for (const node of [right, ahead]) {
    node.agent = new http.Agent();
    node.agent.createConnection = () => net.connect({ host: '127.0.0.1', port: Number(new URL(node.listen).port) });
  }
}

const post = (node, where, form, id = 'web', headers = {}) => request(issuer + where, {
  agent: node.agent, method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa(`${id}:s`)}`, ...headers }, body: new URLSearchParams(form).toString(),
});
const authorize = (more = {}) => `${issuer}/authorize?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: redirect, scope: 'openid offline_access', ...challenge, ...more })}`;
const redeem = (node, { location }) => post(node, '/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier });
const refresh = (node, refresh_token) => post(node, '/token', { grant_type: 'refresh_token', refresh_token });
async function login(node) {
  const transport = { agent: node.agent };
  const browser = startBrowser({}, transport);
  await browser.open(authorize());
  const page = await browser.signIn();
  return { page, at: (other, more) => Object.assign(transport, { agent: other.agent }) && browser.open(authorize(more)) };
}

test('the node that is off says so, by how much, and when it is over', { skip }, async () => {
  await until(() => /the clock is 1(19|20|21) s ahead of PostgreSQL's \(here .*, there .*\)/.test(ahead.output()), 'the clock to be told');
  clock.set(0);
  await until(() => /the clock agrees with PostgreSQL's again/.test(ahead.output()), 'the end of it to be told');
  clock.set(AHEAD_S);
  await until(() => ahead.output().split("ahead of PostgreSQL's").length === 3, 'the clock to be told');
  assert.doesNotMatch(right.output(), /PostgreSQL's/);
});

for (const [which, own, other] of [['ahead', ahead, right], ['right', right, ahead]]) {
  test(`a session and its tokens of the node that is ${which} are good at the other`, { skip }, async () => {
    const { page, at } = await login(own);
    const { json: tokens } = await redeem(own, page);
    assert.ok(tokens.refresh_token, JSON.stringify(tokens));
    assert.ok((await at(other, { prompt: 'none' })).location.searchParams.get('code'));
    assert.equal((await post(other, '/introspect', { token: tokens.access_token })).json.active, true);
    const next = await refresh(other, tokens.refresh_token);
    assert.equal(next.status, 200, next.text);
    assert.equal((await refresh(own, next.json.refresh_token)).status, 200);
    const jwt = (await post(own, '/token', { grant_type: 'client_credentials' }, 'machine')).json.access_token;
    assert.equal((await post(other, '/introspect', { token: jwt }, 'machine')).json.active, true);
  });

  test(`two refreshes at once are two of one client within a grace of more than the difference: first the node that is ${which}`, { skip }, async () => {
    const { page } = await login(own);
    const { json: tokens } = await redeem(own, page);
    const answers = [await refresh(own, tokens.refresh_token), await refresh(other, tokens.refresh_token)];
    assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
    assert.equal(answers[0].json.refresh_token, answers[1].json.refresh_token);
  });

  test(`a DPoP nonce of the node that is ${which} is good at the other, for a proof whose time both allow`, { skip }, async () => {
    const key = await makeKey('ES256');
    const use = async (node, nonce) => post(node, '/token', { grant_type: 'client_credentials' }, 'machine', { DPoP: await makeProof(key, 'POST', `${issuer}/token`, { nonce, claims: { iat: now() + 20 } }) });
    const { headers } = await use(own);
    const answer = await use(other, headers['dpop-nonce']);
    assert.equal(answer.status, 200, answer.text);
  });
}

test('a code lives for its minute by either clock: that of the node behind is expired ahead, by name', { skip }, async () => {
  assert.equal((await redeem(right, (await login(ahead)).page)).status, 200);
  const { status, json } = await redeem(ahead, (await login(right)).page);
  assert.equal(status, 400);
  assert.match(json.error_description, /code\.expired/);
  assert.match((await ahead.lastLine('code.expired')).finding.detail, /[567]\d s/);
});
