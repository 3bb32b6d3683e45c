// SPDX-License-Identifier: Apache-2.0
// Pairwise subjects (OIDC Core 8): each sector knows a person by a name of its own, the same in all that it is told, and everything that comes back
// with such a name finds its person. openid-client and oauth4webapi are the applications.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { faults } from '../lib/issuer.mjs';
import { listen } from '../lib/ports.mjs';
import { decodePart, jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

/** One server for what the authority asks outside: logout tokens arrive, sector documents are fetched. */
const outside = { tokens: [], document: '[]', fault: null, hits: 0 };
const server = http.createServer(async (incoming, answer) => {
  const body = Buffer.concat(await incoming.toArray()).toString();
  if (incoming.url === '/backchannel') {
    outside.tokens.push(new URLSearchParams(body).get('logout_token'));
    return answer.end();
  }
  outside.hits++;
  if (outside.fault?.(incoming, answer)) return;
  answer.setHeader('Content-Type', 'application/json').end(outside.document);
});
const origin = `http://127.0.0.1:${await listen(server)}`;
defer(() => new Promise((resolve) => {
  server.closeAllConnections();
  server.close(resolve);
}));

const common = { secret: 's', scopes: ['openid', 'profile', 'offline_access'], skip_consent: true };
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    registration: { open: true },
    clients: {
      one: { ...common, subject_type: 'pairwise', redirect_uris: ['https://one.example/cb'], post_logout_redirect_uris: ['https://one.example/bye'], backchannel_logout_uri: `${origin}/backchannel` },
      sister: { ...common, subject_type: 'pairwise', redirect_uris: ['https://one.example/sister'], token_format: 'opaque' },
      two: { ...common, subject_type: 'pairwise', redirect_uris: ['https://two.example/cb'], grants: ['authorization_code', exchange], exchange_from: ['one', 'open'] },
      cousin: { ...common, subject_type: 'pairwise', redirect_uris: ['https://elsewhere.example/cb', 'https://other.example/cb'], sector_identifier_uri: 'https://two.example/sector.json' },
      open: { ...common, redirect_uris: ['https://open.example/cb'], grants: ['authorization_code', exchange], exchange_from: ['one'] },
      tv: { method: 'none', grants: ['urn:ietf:params:oauth:grant-type:device_code'], scopes: ['openid'], subject_type: 'pairwise', sector_identifier_uri: 'https://one.example/' },
    },
  },
});
const redirects = { one: 'https://one.example/cb', sister: 'https://one.example/sister', two: 'https://two.example/cb', cousin: 'https://other.example/cb', open: 'https://open.example/cb' };
assert.equal((await sallyport(['accounts', 'add', 'bea', '--state', authority.state], { input: 'bea-secret\n' })).code, 0);
const discover = (id) => openid.discovery(new URL(authority.issuer), id, undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });

async function begin(id, extra = {}) {
  const config = await discover(id);
  const checks = { pkceCodeVerifier: openid.randomPKCECodeVerifier(), idTokenExpected: true };
  const url = openid.buildAuthorizationUrl(config, { redirect_uri: redirects[id], scope: 'openid profile', code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier), code_challenge_method: 'S256', ...extra });
  return { config, url, checks };
}

async function login(id, { browser = startBrowser(), name = 'ann', ...extra } = {}) {
  const { config, url, checks } = await begin(id, extra);
  let page = await browser.open(url);
  if (!page.location) page = await browser.signIn(name, `${name}-secret`);
  const tokens = await openid.authorizationCodeGrant(config, page.location, checks);
  return { browser, config, tokens, sub: tokens.claims().sub };
}

/** The error that goes back to the client; undefined: a code did. */
async function outcome(id, browser, extra) {
  const page = await browser.open((await begin(id, extra)).url);
  return page.location.searchParams.get('error') ?? undefined;
}

const account = (await login('open')).sub;

test('each sector has a name of its own for a person, and its applications share it', async () => {
  const subs = {};
  for (const id of ['one', 'sister', 'two', 'cousin']) subs[id] = (await login(id)).sub;
  assert.equal(subs.one, subs.sister);
  assert.equal(subs.two, subs.cousin);
  assert.notEqual(subs.one, subs.two);
  for (const sub of Object.values(subs)) {
    assert.match(sub, /^sppw_[\w-]{43}$/);
    assert.ok(!sub.includes(account));
  }
  assert.notEqual((await login('one', { name: 'bea' })).sub, subs.one);
  await authority.restart();
  assert.equal((await login('one')).sub, subs.one);
  assert.deepEqual((await discover('one')).serverMetadata().subject_types_supported, ['public', 'pairwise']);
});

test('id_token, access token, userinfo, introspection and a refreshed id_token say the same, and nothing says more', async () => {
  for (const id of ['one', 'sister']) {
    const { config, tokens, sub } = await login(id, { scope: 'openid profile offline_access' });
    const info = await openid.fetchUserInfo(config, tokens.access_token, sub);
    assert.equal(info.name, 'Ann Example');
    const introspected = await openid.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual([introspected.active, introspected.sub], [true, sub]);
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(next.claims().sub, sub);
    assert.equal((await openid.fetchUserInfo(config, next.access_token, sub)).sub, sub);
    const told = [tokens.id_token, tokens.access_token].filter((token) => token.startsWith('eyJ')).map((token) => JSON.stringify(decodePart(token, 1)));
    for (const text of [...told, JSON.stringify(info), JSON.stringify(introspected)]) assert.ok(!text.includes(account), text);
    if (id === 'one') assert.equal(decodePart(tokens.access_token, 1).sub, sub);
  }
  // The operator's log knows the account, and his command finds it by any of its names.
  const { sub } = await login('two');
  for (const name of [sub, account]) {
    const shown = await authority.cli(['accounts', 'show', name, '--json']);
    assert.equal(shown.json?.name ?? shown.stdout, 'ann');
  }
  assert.equal((await authority.cli(['accounts', 'show', sub.replace(/.$/, '_')])).code, 1);
  assert.ok(authority.log().some(({ path, endpoint, subject }) => (path ?? endpoint)?.includes('userinfo') && subject === account), JSON.stringify(authority.log().at(-1)));
});

test('a device, too', async () => {
  const config = await openid.discovery(new URL(authority.issuer), 'tv', undefined, openid.None(), { execute: [openid.allowInsecureRequests] });
  const device = await openid.initiateDeviceAuthorization(config, { scope: 'openid' });
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/device?user_code=${device.user_code}`);
  await browser.signIn();
  await browser.allow();
  const tokens = await openid.pollDeviceAuthorizationGrant(config, device);
  assert.equal(tokens.claims().sub, (await login('one')).sub);
});

test('hints and claims that come back with the name find the person', async () => {
  const { browser, tokens, sub } = await login('one');
  const bea = await login('one', { name: 'bea' });
  assert.equal(await outcome('one', browser, { prompt: 'none', id_token_hint: tokens.id_token }), undefined);
  assert.equal(await outcome('one', browser, { prompt: 'none', id_token_hint: bea.tokens.id_token }), 'login_required');
  const asking = (value) => ({ prompt: 'none', claims: JSON.stringify({ id_token: { sub: { value } } }) });
  assert.equal(await outcome('one', browser, asking(sub)), undefined);
  assert.equal(await outcome('one', browser, asking(bea.sub)), 'login_required');
  assert.equal(await outcome('one', browser, asking(account)), 'login_required'); // not what it knows the person by
  assert.equal(await outcome('two', browser, asking(sub)), 'login_required');
});

test('signing out with the hint needs no question, and the logout token has the name', async () => {
  const { browser, config, tokens, sub } = await login('one');
  const page = await browser.open(openid.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://one.example/bye' }));
  assert.equal(page.location.href, 'https://one.example/bye');
  const token = await until(() => outside.tokens.shift(), 'the logout token to arrive', 15_000);
  const { payload } = await jose.jwtVerify(token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer: authority.issuer, audience: 'one', typ: 'logout+jwt' });
  assert.deepEqual([payload.sub, payload.sid], [sub, tokens.claims().sid]);
});

test('a token that is exchanged names the person as the next service knows them', async () => {
  const { tokens } = await login('one');
  const trade = async (id) => (await openid.genericGrantRequest(await discover(id), exchange, { subject_token: tokens.access_token, subject_token_type: accessToken })).access_token;
  assert.equal(decodePart(await trade('two'), 1).sub, (await login('two')).sub);
  assert.equal(decodePart(await trade('open'), 1).sub, account);
  const open = (await login('open')).tokens.access_token;
  const back = await openid.genericGrantRequest(await discover('two'), exchange, { subject_token: open, subject_token_type: accessToken });
  assert.equal(decodePart(back.access_token, 1).sub, (await login('two')).sub);
});

test('who is removed is found by no name', async () => {
  assert.equal((await sallyport(['accounts', 'add', 'cid', '--state', authority.state], { input: 'cid-secret\n' })).code, 0);
  const { config, tokens, sub } = await login('one', { name: 'cid' });
  assert.equal((await sallyport(['accounts', 'remove', 'cid', '--state', authority.state])).code, 0);
  await assert.rejects(openid.fetchUserInfo(config, tokens.access_token, sub), { status: 401 });
});

test('registered clients: the sector is proven by its document [oidcc-registration-sector-uri, oidcc-registration-sector-bad]', async () => {
  const options = { [oauth.allowInsecureRequests]: true };
  const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), options));
  const uris = ['https://red.example/cb', 'https://blue.example/cb'];
  const metadata = { subject_type: 'pairwise', sector_identifier_uri: `${origin}/sector.json`, redirect_uris: uris, token_endpoint_auth_method: 'none' };
  outside.document = JSON.stringify([...uris, 'https://green.example/cb']);
  const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, metadata, options));
  assert.deepEqual([client.subject_type, client.sector_identifier_uri], ['pairwise', metadata.sector_identifier_uri]);

  const register = (more) => authority.post('/register', JSON.stringify({ ...metadata, ...more }), { headers: { 'Content-Type': 'application/json' } });
  const rows = [
    ['a URI that is not in it', { document: JSON.stringify([uris[0]]) }, {}, /does not list https:\/\/blue\.example\/cb/],
    ['no list', { document: '{"redirect_uris":[]}' }, {}, /no JSON array/],
    ['no JSON', { document: '<html>' }, {}, /no JSON array/],
    ['an error', { fault: faults.error }, {}, /HTTP 5|HTTP 4/],
    ['nobody there', { fault: faults.close }, {}, /could not be fetched/],
    ['far too much', { fault: faults.huge }, {}, /longer than/],
    ['several hosts and no sector', {}, { sector_identifier_uri: undefined }, /sector_identifier_uri/],
    ['loopback alone', {}, { sector_identifier_uri: undefined, redirect_uris: ['http://127.0.0.1/cb'], application_type: 'native' }, /sector_identifier_uri/],
    ['plain http', {}, { sector_identifier_uri: 'http://sector.example/' }, /https/],
  ];
  for (const [what, state, more, text] of rows) {
    Object.assign(outside, { document: '[]', fault: null }, state);
    const { status, json } = await register(more);
    assert.deepEqual([status, json.error], [400, 'invalid_client_metadata'], what);
    assert.match(json.error_description, text, what);
  }
  Object.assign(outside, { document: JSON.stringify(uris), fault: null });
  const before = outside.hits;
  assert.equal((await register({})).status, 201);
  assert.equal(outside.hits - before, 1);
  // One host is its own sector, and nothing is asked for it.
  assert.equal((await register({ sector_identifier_uri: undefined, redirect_uris: ['https://red.example/a', 'https://red.example/b'] })).status, 201);
  assert.equal(outside.hits - before, 1);
});
