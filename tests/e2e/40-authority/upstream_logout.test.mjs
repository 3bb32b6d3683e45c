// SPDX-License-Identifier: Apache-2.0
// Signing out over two providers: oidc-provider signed the person in, and both hear of the end – whoever begins it – and the application behind us.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { defer } from '../lib/cleanup.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const heard = []; // logout tokens that the application was sent
const application = http.createServer((incoming, outgoing) => {
  let body = '';
  incoming.on('data', (chunk) => (body += chunk));
  incoming.on('end', () => {
    if (incoming.url === '/backchannel') heard.push(new URLSearchParams(body).get('logout_token'));
    outgoing.end();
  });
});
const origin = `http://127.0.0.1:${await listen(application)}`;
defer(() => new Promise((resolve) => application.close(resolve)));
const corpPort = await freePort();
const corpIssuer = `http://127.0.0.1:${corpPort}`;
const upstream = { issuer: corpIssuer, client_id: 'sallyport', client_secret: 'sallyport-secret' };
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: { web: { name: 'Photo Album', secret: 's', redirect_uris: [`${origin}/callback`], post_logout_redirect_uris: [`${origin}/bye?x=1`], scopes: ['openid'], skip_consent: true, backchannel_logout_uri: `${origin}/backchannel` } },
    upstreams: { corp: upstream, apart: { ...upstream, sign_out: false } },
  },
});
const corp = await startIssuer({
  port: corpPort,
  clients: [{
    client_id: 'sallyport', client_secret: 'sallyport-secret', grant_types: ['authorization_code'], response_types: ['code'],
    redirect_uris: ['corp', 'apart'].map((id) => `${authority.issuer}/callback/${id}`), post_logout_redirect_uris: [`${authority.issuer}/signed_out`],
    backchannel_logout_uri: `${authority.issuer}/backchannel/corp`, backchannel_logout_session_required: true,
  }],
  provider: {
    features: { devInteractions: { enabled: true }, userinfo: { enabled: true }, rpInitiatedLogout: { enabled: true }, backchannelLogout: { enabled: true } },
    scopes: ['openid', 'profile', 'email'],
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    cookies: { keys: ['k'] },
  },
});

const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const begin = () => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: `${origin}/callback`, response_type: 'code', scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`;
const post = (browser, page, form) => browser.open(new URL(page.text.match(/action="([^"]+)"/)[1], page.url), { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() });

/** A person with one browser, whose cookies of each host are apart: { ours, theirs, tokens }. */
async function signIn(login, id = 'corp') {
  const ours = startBrowser();
  const theirs = startBrowser();
  const page = await ours.open(begin());
  const away = await ours.open(page.text.match(new RegExp(`href="([^"]*/upstream/${id}\\?visit=[^"]*)"`))[1]);
  const consent = await post(theirs, await theirs.open(away.location), { prompt: 'login', login, password: 'any' });
  const back = await post(theirs, consent, { prompt: 'consent' });
  const { location } = await ours.open(back.location);
  const { json: tokens } = await authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: `${origin}/callback`, code_verifier: verifier }, { basic: ['web', 's'] });
  return { ours, theirs, tokens };
}
const isSignedIn = async (browser) => (await browser.open(`${authority.issuer}/account`)).text.includes('<title>Your account');
const isSignedInThere = async (browser) => !(await browser.open(`${corpIssuer}/auth?${new URLSearchParams({ client_id: 'sallyport', redirect_uri: `${authority.issuer}/callback/corp`, response_type: 'code', scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`)).text.includes('name="password"');
/** The provider asks whether the person is sure. */
async function signOutThere(browser, url) {
  const page = await browser.open(url);
  assert.match(page.text, /op\.logoutForm/, page.text);
  return post(browser, page, { xsrf: page.text.match(/name="xsrf" value="([^"]*)"/)[1], logout: 'yes' });
}

test('whoever signs out here is signed out there, comes back, and goes on to where the application wanted', async () => {
  const { ours, theirs, tokens } = await signIn('cora');
  assert.deepEqual([await isSignedIn(ours), await isSignedInThere(theirs)], [true, true]);
  heard.length = 0;
  const away = await ours.open(`${authority.issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: `${origin}/bye?x=1`, state: 'app & state' })}`);
  const asked = away.location;
  assert.equal(asked.origin + asked.pathname, `${corpIssuer}/session/end`);
  assert.equal(asked.searchParams.get('client_id'), 'sallyport');
  assert.equal(asked.searchParams.get('post_logout_redirect_uri'), `${authority.issuer}/signed_out`);
  assert.equal(jose.decodeJwt(asked.searchParams.get('id_token_hint')).sub, 'cora');
  assert.equal(await isSignedIn(ours), false); // whatever comes of it there
  const back = await signOutThere(theirs, asked);
  assert.equal(back.location.origin + back.location.pathname, `${authority.issuer}/signed_out`);
  // Neither another browser nor another state is sent anywhere.
  assert.match((await startBrowser().open(back.location)).text, /signed out/i);
  assert.equal((await ours.open(`${authority.issuer}/signed_out?state=x`)).location, undefined);
  assert.equal((await ours.open(back.location)).location.href, `${origin}/bye?x=1&state=app%20%26%20state`);
  assert.equal(await isSignedInThere(theirs), false);
  await until(() => heard.length > 0, 'the application to hear of it');
  assert.equal(heard.length, 1);
});

test('without a hint the person is asked here first, and the page may lead over the provider', async () => {
  const { ours } = await signIn('dora');
  const page = await ours.open(`${authority.issuer}/logout?client_id=web&post_logout_redirect_uri=${encodeURIComponent(`${origin}/bye?x=1`)}`);
  assert.match(page.headers['content-security-policy'], new RegExp(`form-action 'self' ${origin} ${corpIssuer}`));
  const away = await ours.submit({ step: 'signout' });
  assert.equal(away.location.origin, corpIssuer);
});

test('sign_out: false leaves the person signed in there', async () => {
  const { ours, theirs, tokens } = await signIn('elsa', 'apart');
  const { location } = await ours.open(`${authority.issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: `${origin}/bye?x=1` })}`);
  assert.equal(location.href, `${origin}/bye?x=1`);
  assert.equal(await isSignedInThere(theirs), true);
});

test('whoever signs out there is signed out here, and the application hears of it', async () => {
  const { ours, theirs, tokens } = await signIn('fred');
  const other = await signIn('gina');
  heard.length = 0;
  await signOutThere(theirs, `${corpIssuer}/session/end`);
  await until(async () => !(await isSignedIn(ours)), 'the session here to end');
  assert.equal(await isSignedIn(other.ours), true);
  await until(() => heard.length > 0, 'the application to hear of it');
  const { payload, protectedHeader } = await jose.jwtVerify(heard[0], jose.createLocalJWKSet((await authority.get('/jwks')).json), { issuer: authority.issuer, audience: 'web' });
  const mine = jose.decodeJwt(tokens.id_token);
  assert.deepEqual([protectedHeader.typ, payload.sub, payload.sid], ['logout+jwt', mine.sub, mine.sid]);
  const line = authority.log().findLast(({ endpoint }) => endpoint === 'UPSTREAM_LOGOUT');
  assert.deepEqual([line.status, line.accepted, line.subject], [200, true, mine.sub]);
});

test('the ID token that is kept for the way out cannot be read in the store', async () => {
  await signIn('hugo');
  const fs = await import('node:fs');
  const bytes = ['', '-wal'].map((end) => `${authority.state}/authority.sqlite${end}`).filter((file) => fs.existsSync(file)).map((file) => fs.readFileSync(file, 'latin1')).join('');
  assert.ok(bytes.includes('"hint":"'));
  assert.doesNotMatch(bytes, /"hint":"eyJ/);
});

test('an unknown provider has no back channel, and nothing but POST is taken there', async () => {
  assert.equal((await authority.post('/backchannel/nobody', { logout_token: 'x' })).status, 404);
  assert.equal((await request(`${authority.issuer}/backchannel/corp`)).status, 405);
  assert.equal((await authority.post('/backchannel/corp', {})).status, 400);
});
