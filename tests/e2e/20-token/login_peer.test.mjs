// SPDX-License-Identifier: Apache-2.0
// `sallyport token login` at an issuer that nobody here wrote: npm's oidc-provider with Chromium; PAR that is demanded, DPoP with a nonce, refresh tokens that
// rotate, the device grant, token exchange by a grant that it does not have.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { openPage, withoutChromium } from '../lib/chromium.mjs';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { startLogin } from '../lib/login_run.mjs';
import { jose } from '../lib/tokens.mjs';

const folder = temporaryFolder();
const { privateKey, publicKey } = await jose.generateKeyPair('ES256', { extractable: true });
const key = path.join(folder, 'key.pem');
fs.writeFileSync(key, await jose.exportPKCS8(privateKey));
const jkt = await jose.calculateJwkThumbprint(await jose.exportJWK(publicKey));
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const secretOf = (client) => {
  const file = path.join(folder, `${client}.secret`);
  fs.writeFileSync(file, `${client}-secret\n`);
  return ['--client-secret-file', file];
};
const native = { application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'], grant_types: ['authorization_code', 'refresh_token', device] };
const npm = await startIssuer({
  clients: [
    { client_id: 'cli', ...native, client_secret: undefined, token_endpoint_auth_method: 'none' },
    { client_id: 'web', ...native },
    { client_id: 'strict', ...native, require_pushed_authorization_requests: true },
    { client_id: 'narrow', ...native, redirect_uris: ['http://127.0.0.1/other'] },
  ],
  provider: {
    features: {
      devInteractions: { enabled: true },
      deviceFlow: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
      resourceIndicators: { enabled: false },
      userinfo: { enabled: true },
    },
    cookies: { keys: ['k'] },
    rotateRefreshToken: true,
    issueRefreshToken: (context, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  },
});

async function signIn(page, address) {
  await page.route(/fonts\.g/, (route) => route.abort());
  await page.goto(String(address));
  if (await page.locator('[name=user_code]').count() > 0) await page.locator('button[type=submit]').first().click();
  await page.locator('[name=login]').fill('ann');
  await page.locator('[name=password]').fill('anything');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}
const skip = withoutChromium;

test('a public client: code and PKCE, then a refresh token that rotates', { skip }, async () => {
  const cache = path.join(folder, 'tokens.json');
  const words = ['--client-id', 'cli', '--scope', 'openid offline_access', '--param', 'prompt=consent', '--cache', cache, '--json'];
  const run = await startLogin(npm.issuer, words);
  const page = await openPage();
  await signIn(page, run.address);
  await page.getByText('You can close this window').waitFor();
  const { code, json, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.equal(json.id_token_claims.sub, 'ann');
  const spent = [];
  for (let round = 0; round < 3; round++) {
    const kept = JSON.parse(fs.readFileSync(cache, 'utf8'));
    spent.push(kept.tokens[0].refresh_token);
    kept.tokens[0].expires_at = 1;
    fs.writeFileSync(cache, JSON.stringify(kept));
    const renewed = await (await startLogin(npm.issuer, words, { waitsFor: null })).end;
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.equal(renewed.json.cached, false);
  }
  assert.equal(new Set(spent).size, 3, 'each was spent once');
  const handed = path.join(folder, 'refresh');
  fs.writeFileSync(handed, JSON.parse(fs.readFileSync(cache, 'utf8')).tokens[0].refresh_token);
  const get = () => sallyport(['token', 'get', npm.issuer, '--client-id', 'cli', '--refresh-token-file', handed, '--cache', 'off', '--json']);
  assert.equal((await get()).json.response.token_type, 'Bearer');
  const again = await get();
  assert.deepEqual([again.code, again.json.accepted], [1, false], again.stdout);
});

for (const client of ['web', 'strict'])
  test(`${client}: a secret, PAR${client === 'strict' ? ' that is demanded' : ''}, and DPoP with a nonce`, { skip }, async () => {
    const run = await startLogin(npm.issuer, ['--client-id', client, ...secretOf(client), '--scope', 'openid', '--dpop', key, '--json', '--par']);
    assert.ok(run.address.searchParams.get('request_uri'));
    await signIn(await openPage(), run.address);
    const { code, json, stderr, stdout } = await run.end;
    assert.equal(code, 0, stderr + stdout);
    assert.equal(json.response.token_type, 'DPoP');
  });

test('without PAR where it is demanded of this client: the error that the browser brings back is told', async () => {
  const run = await startLogin(npm.issuer, ['--client-id', 'strict', ...secretOf('strict'), '--scope', 'openid', '--json']);
  const { headers } = await request(run.address);
  assert.equal((await request(headers.location)).status, 400);
  const { code, json, stdout } = await run.end;
  assert.deepEqual([code, json.cause.id], [1, 'callback.error'], stdout);
  assert.match(json.cause.detail, /[Pp]ushed [Aa]uthorization/);
});

test('a redirect URI that is not registered', async () => {
  const { code, json, stdout } = await (await startLogin(npm.issuer, ['--client-id', 'narrow', ...secretOf('narrow'), '--json'], { waitsFor: null })).end;
  assert.equal(code, 1, stdout);
  assert.match(json.cause.id, /^redirect_uri\./);
});

test('a device', { skip }, async () => {
  const run = await startLogin(npm.issuer, ['--client-id', 'cli', '--device', '--scope', 'openid', '--json']);
  await signIn(await openPage(), run.address);
  const { code, json, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.equal(json.id_token_claims.sub, 'ann');
});

test('a grant that it does not have: token exchange', async () => {
  const { code, json, stdout } = await sallyport(['token', 'get', npm.issuer, '--client-id', 'web', ...secretOf('web'), '--subject-token-file', '-', '--cache', 'off', '--json'], { input: 'a-token' });
  assert.equal(code, 1, stdout);
  assert.match(json.cause.id, /^request\.grant_unknown$/);
});
