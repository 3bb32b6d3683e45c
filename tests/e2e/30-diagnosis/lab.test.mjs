// SPDX-License-Identifier: Apache-2.0
// The lab itself: its table, and a healthy world that real clients get along with.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import jwt from 'jsonwebtoken';
import jwksRsa from 'jwks-rsa';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { defer } from '../lib/cleanup.mjs';
import { root, sallyport } from '../lib/cli.mjs';
import { request } from '../lib/http.mjs';
import { basic, redirectUri, startLab } from '../lib/lab.mjs';
import { proven } from '../lib/lab_proofs.mjs';
import { until } from '../lib/wait.mjs';

const { json: list } = await sallyport(['lab', 'list', '--json']);
const lab = await startLab();
const secure = await startLab({ args: ['--tls'] });

test('every fault of the table is proven by a test, and nothing else is', () => {
  const ids = list.map((row) => row.id);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length >= 200, String(ids.length));
  assert.deepEqual([...proven].sort(), [...ids].sort());
});

test('lab list: by group, by who meets it, for people; what is not there is said', async () => {
  const keys = (await sallyport(['lab', 'list', '--json', 'keys.'])).json;
  assert.ok(keys.length > 15 && keys.every((row) => row.id.startsWith('keys.')));
  const mine = (await sallyport(['lab', 'list', '--json', '--for', 'api'])).json;
  assert.ok(mine.length > 10 && mine.every((row) => row.who === 'api'));
  const { code, stdout } = await sallyport(['lab', 'list', 'tls']);
  assert.equal(code, 0);
  assert.match(stdout, /network\.tls\.expired +refuse +client/);
  assert.ok(!stdout.includes('\u001b'), 'no colours in a pipe');
  for (const [words, said] of [
    [['list', 'nothing-of-the-kind'], /no fault of 'nothing-of-the-kind'; `sallyport lab list` shows all/],
    [['list', 'issuer.traling_slash'], /no fault of 'issuer\.traling_slash'\. Did you mean 'issuer\.trailing_slash'\?/],
    [['list', '--json', 'kyes.'], /no fault of 'kyes\.'\. Did you mean 'keys'\?/],
    [['list', 'token endpiont'], /Did you mean 'token endpoint'\?/],
    [['list', 'config.type'], /cannot commit 'config\.type'/],
    [['list', 'device.', '--for', 'api'], /no fault of 'device\.' is for api/],
    [['run', 'isuer.trailing_slash', '--against', 'true'], /no fault 'isuer\.trailing_slash'\. Did you mean 'issuer\.trailing_slash'\?/],
    [['serve', '--sequence', 'helthy,keys.html'], /'helthy' is no fault of the lab\. Did you mean 'healthy'\?/],
  ]) {
    const { code: status, stderr, stdout: printed } = await sallyport(['lab', ...words]);
    assert.deepEqual([status, printed], [2, ''], words.join(' '));
    assert.match(stderr, said, words.join(' '));
  }
  assert.equal((await sallyport(['lab', 'list', '--for', 'nobody'])).code, 2);
  const cause = await sallyport(['cause', 'isuer.trailing_slash']);
  assert.equal(cause.code, 2);
  assert.match(cause.stderr, /Did you mean 'issuer\.trailing_slash'/);
  const mistyped = await sallyport(['lab', 'serve', '--fault', 'issuer.trailing_slas']);
  assert.equal(mistyped.code, 2);
  assert.match(mistyped.stderr, /Did you mean 'issuer\.trailing_slash'/);
  const impossible = await sallyport(['lab', 'serve', '--fault', 'config.type']);
  assert.equal(impossible.code, 2);
  assert.match(impossible.stderr, /cannot commit 'config\.type': .*sallyport check/);
});

test('every cause of the catalogue is a fault, or it is said why it is none', async () => {
  const { json: causes } = await sallyport(['cause', '--json']);
  const unprovoked = fs.readFileSync(path.join(root, 'lab/unprovoked.def'), 'utf8');
  const prefixes = [...unprovoked.matchAll(/^UNPROVOKED\("([^"]+)"/gm)].map((match) => match[1]);
  for (const { id } of causes) {
    const reason = prefixes.some((prefix) => id === prefix || (prefix.endsWith('.') && id.startsWith(prefix)));
    assert.ok(list.some((row) => row.id === id) || reason, id);
  }
});

/* ---- healthy: real clients, plain and over TLS ---- */

/** fetch that trusts the lab's CA. */
const fetchFrom = (world) => async (url, options = {}) => {
  const { status, headers, body } = await request(url, {
    method: options.method ?? 'GET', headers: Object.fromEntries(new Headers(options.headers)), body: options.body?.toString(), ca: world.ca,
  });
  const flat = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return new Response([204, 304].includes(status) ? null : body, { status, headers: flat });
};

for (const [what, world] of [['plain', lab], ['over TLS', secure]]) {
  test(`openid-client signs in, refreshes, reads userinfo, introspects, revokes (${what})`, async () => {
    const config = await oidc.discovery(new URL(world.issuer), world.client_id, world.client_secret, undefined, {
      execute: [oidc.allowInsecureRequests], [oidc.customFetch]: fetchFrom(world),
    });
    const verifier = oidc.randomPKCECodeVerifier();
    const checks = { expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), pkceCodeVerifier: verifier };
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri, scope: 'openid offline_access', state: checks.expectedState, nonce: checks.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    const { headers } = await request(url.href, { ca: world.ca });
    const tokens = await oidc.authorizationCodeGrant(config, new URL(headers.location), checks);
    assert.equal(tokens.claims().sub, 'lab-user');
    assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, 'lab-user')).sub, 'lab-user');
    const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(fresh.access_token, tokens.access_token);
    assert.equal((await oidc.tokenIntrospection(config, fresh.access_token)).active, true);
    await oidc.tokenRevocation(config, fresh.refresh_token);
    await assert.rejects(oidc.refreshTokenGrant(config, fresh.refresh_token), { error: 'invalid_grant' });
    const device = await oidc.initiateDeviceAuthorization(config, { scope: 'openid' });
    assert.ok((await oidc.pollDeviceAuthorizationGrant(config, device)).access_token);
  });

  test(`oauth4webapi by client credentials; jose verifies the token; the API takes it (${what})`, async () => {
    const options = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: fetchFrom(world) };
    const issuer = new URL(world.issuer);
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    const client = { client_id: world.client_id };
    const response = await oauth.clientCredentialsGrantRequest(server, client, oauth.ClientSecretBasic(world.client_secret), { scope: 'read' }, options);
    const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, response);
    const { json } = await request(server.jwks_uri, { ca: world.ca });
    const { createLocalJWKSet } = await import('jose');
    const { payload } = await jwtVerify(token, createLocalJWKSet(json), { issuer: world.issuer, audience: world.audience });
    assert.equal(payload.scope, 'read');
    const called = await request(`${world.api}/photos`, { token, ca: world.ca });
    assert.equal(called.json.claims.sub, world.client_id);
    assert.equal((await request(`${world.api}/photos`, { ca: world.ca })).status, 401);
  });
}

test('jose finds the keys by itself', async () => {
  const keys = createRemoteJWKSet(new URL(`${lab.issuer}/jwks`));
  assert.equal((await jwtVerify(lab.token, keys, { issuer: lab.issuer, audience: lab.audience })).payload.sub, 'lab-user');
});

test('jsonwebtoken with jwks-rsa verifies its tokens, over TLS as well', async () => {
  for (const world of [lab, secure]) {
    const agent = world === secure ? { requestAgent: new https.Agent({ ca: world.ca }) } : {};
    const keys = jwksRsa({ jwksUri: `${world.issuer}/jwks`, ...agent });
    const find = ({ kid }, done) => keys.getSigningKey(kid).then((key) => done(null, key.getPublicKey()), done);
    const verify = (token, audience) => new Promise((resolve, reject) => {
      jwt.verify(token, find, { algorithms: ['RS256', 'ES256'], issuer: world.issuer, audience, maxAge: '1h' }, (error, payload) => (error ? reject(error) : resolve(payload)));
    });
    assert.equal((await verify(world.token, world.audience)).sub, 'lab-user');
    assert.equal((await verify(world.id_token, world.client_id)).azp, world.client_id);
    await assert.rejects(verify(world.token, world.client_id), /audience/);
  }
});

/* ---- a healthy issuer is no pushover ---- */

const token = (form, headers = { Authorization: basic(lab) }) => request(lab.token_endpoint, {
  method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers }, body: new URLSearchParams(form).toString(),
});

test('a wrong secret, an unknown client, a code twice, another redirect URI, a wrong verifier: refused', async () => {
  const wrong = { Authorization: `Basic ${Buffer.from(`${lab.client_id}:wrong`).toString('base64')}` };
  assert.equal((await token({ grant_type: 'client_credentials' }, wrong)).json.error, 'invalid_client');
  assert.equal((await token({ grant_type: 'client_credentials' }, {})).status, 401);
  assert.equal((await token({ grant_type: 'client_credentials' }, { Authorization: 'Basic %%%' })).status, 401);
  assert.equal((await token({ grant_type: 'password' })).json.error, 'unsupported_grant_type');
  const challenge = await oidc.calculatePKCECodeChallenge('v'.repeat(43));
  const start = async () => {
    const query = { response_type: 'code', client_id: lab.client_id, redirect_uri: redirectUri, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' };
    const { headers } = await request(`${lab.authorization_endpoint}?${new URLSearchParams(query)}`);
    return { grant_type: 'authorization_code', code: new URL(headers.location).searchParams.get('code'), redirect_uri: redirectUri, code_verifier: 'v'.repeat(43) };
  };
  const good = await start();
  assert.equal((await token({ ...good, code_verifier: 'w'.repeat(43) })).json.error, 'invalid_grant');
  assert.equal((await token({ ...good, redirect_uri: `${redirectUri}/other` })).json.error, 'invalid_grant');
  assert.equal((await token(good)).status, 200);
  assert.equal((await token(good)).json.error, 'invalid_grant');
});

test('browsers are sent to loopback addresses alone, or where --redirect-uri says', async () => {
  const ask = (world, uri) => request(`${world.authorization_endpoint}?${new URLSearchParams({ response_type: 'code', client_id: world.client_id, redirect_uri: uri })}`);
  assert.equal((await ask(lab, 'http://localhost:3000/x')).status, 302);
  for (const uri of ['https://evil.example/', 'http://127.0.0.1@evil.example/', 'http://localhost.evil.example/', 'javascript:alert(1)', '', 'http://127.0.0.1/#x']) {
    const { status, headers } = await ask(lab, uri);
    assert.equal(status, 400, uri);
    assert.equal(headers.location, undefined);
  }
  const open = await startLab({ args: ['--redirect-uri', 'https://app.example/callback'] });
  assert.equal((await ask(open, 'https://app.example/callback')).status, 302);
  assert.equal((await ask(open, 'https://app.example/callback2')).status, 400);
});

test('hostile bytes do not end it', async () => {
  for (const form of ['grant_type=%', `grant_type=${'x'.repeat(100_000)}`, 'code=%00', '&'.repeat(2000)]) {
    await request(lab.token_endpoint, { method: 'POST', body: form, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }).catch(() => {});
  }
  await request(`${lab.api}/x`, { token: `${'a'.repeat(5000)}.${'{'.repeat(5000)}.` });
  await request(lab.authorization_endpoint + `?client_id=${lab.client_id}&redirect_uri=http://127.0.0.1/&response_type=code&nonce=${'n'.repeat(5000)}`);
  assert.equal((await token({ grant_type: 'client_credentials' })).status, 200);
});

/* ---- time, control, the end ---- */

test('--sequence changes the fault by time and by requests, and says so', async () => {
  const world = await startLab({ args: ['--sequence', 'healthy 2 requests, keys.rotated 300ms, issuer.missing'] });
  const kids = async () => (await request(`${world.issuer}/jwks`)).json.keys.map((key) => key.kid);
  assert.ok(!(await kids()).includes('lab-next'));
  await kids();
  await until(() => world.lines().length === 3, 'both changes');
  assert.deepEqual(world.lines().map((line) => line.fault), ['healthy', 'keys.rotated', 'issuer.missing']);
  assert.equal(JSON.parse(Buffer.from(world.lines()[2].token.split('.')[1], 'base64url')).iss, undefined);
  for (const wrong of ['healthy, keys.rotated', 'healthy 10', 'healthy 10 parsecs', 'nothing 1s', '', 'healthy 9999m', 'healthy 0s, healthy']) {
    assert.equal((await sallyport(['lab', 'serve', '--sequence', wrong])).code, 2, wrong);
  }
});

test('the control URL says what is, takes another fault, and refuses what cannot be', async () => {
  const state = await request(lab.control);
  assert.equal(state.json.issuer, lab.issuer);
  const post = (id, headers = {}) => request(lab.control, { method: 'POST', body: `id=${id}`, headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers } });
  assert.equal((await post('no.such.fault')).status, 400);
  assert.equal((await post('network.tls.expired')).status, 409);
  assert.equal((await post('issuer.missing', { Origin: 'https://evil.example' })).status, 403, 'no page may change it');
  assert.equal((await post('network.tcp.refused')).status, 200);
  await assert.rejects(request(lab.metadata_url), { code: 'ECONNREFUSED' });
  assert.equal((await post('healthy')).status, 200);
  assert.equal((await request(lab.metadata_url)).status, 200, 'it is back at the same port');
});

test('what a killed lab left behind goes with the next one; what lives, and what is of no lab, stays', async () => {
  const folders = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-labs-'));
  defer(() => fs.rmSync(folders, { recursive: true, force: true }));
  const env = { TMPDIR: folders };
  const [killed, alive] = [await startLab({ env }), await startLab({ env })];
  await killed.stop('SIGKILL');
  const others = ['sallyport-lab-1-abcdef', 'sallyport-lab--1-abcdef', 'sallyport-lab-abc', `sallyport-lab-${alive.pid}-other`, 'sallyport-laboratory'];
  for (const name of others) fs.mkdirSync(path.join(folders, name));
  const full = path.join(folders, 'sallyport-lab-999999999-theirs');
  fs.mkdirSync(full);
  fs.writeFileSync(path.join(full, 'notes'), 'somebody wrote this');
  assert.ok(fs.existsSync(killed.ca_file));
  const next = await startLab({ env });
  assert.ok(!fs.existsSync(path.dirname(killed.ca_file)));
  for (const file of [alive.ca_file, next.ca_file, path.join(full, 'notes'), ...others.map((name) => path.join(folders, name))]) assert.ok(fs.existsSync(file), file);
});

test('what was made for it is gone when it ends; others hear a warning when they can reach it', async () => {
  const world = await startLab();
  assert.ok(fs.existsSync(world.ca_file));
  assert.equal(await world.stop(), 0);
  assert.ok(!fs.existsSync(path.dirname(world.ca_file)));
  const open = await startLab({ listen: '0.0.0.0:0' });
  assert.match(open.errors(), /others can reach/);
  assert.equal((await sallyport(['lab', 'serve', '--listen', 'nowhere'])).code, 2);
});
