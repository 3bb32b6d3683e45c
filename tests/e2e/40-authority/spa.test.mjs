// SPDX-License-Identifier: Apache-2.0
// oidc-client-ts as it is, in Chromium: what a single-page application does all day.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { openPage, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';

const library = fs.readFileSync(path.join(path.dirname(createRequire(import.meta.url).resolve('oidc-client-ts/package.json')), 'dist/browser/oidc-client-ts.min.js'));
const server = http.createServer((incoming, outgoing) => {
  const isScript = incoming.url === '/oidc.js';
  outgoing.writeHead(200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' });
  // The page in the frame hands its own address to the one that asked; it needs no settings.
  outgoing.end(isScript ? library : `<!doctype html><link rel="icon" href="data:,"><title>app</title><script src="/oidc.js"></script>${incoming.url.startsWith('/silent') ? '<script>new oidc.UserManager({}).signinSilentCallback()</script>' : ''}`);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
defer(() => server.close());
const origin = `http://127.0.0.1:${server.address().port}`;
const scopes = ['openid', 'profile', 'email', 'offline_access'];
const client = { method: 'none', redirect_uris: [`${origin}/callback`, `${origin}/silent`], post_logout_redirect_uris: [`${origin}/`], scopes, skip_consent: true };
const authority = await startAuthority({ authority: { clients: { spa: client, web: { ...client, method: undefined, secret: 's' } } } });

/** Runs in the page, with the library's manager; what it throws comes back as it is shown to a developer. */
async function run(page, settings, work, argument) {
  const all = { authority: authority.issuer, client_id: 'spa', redirect_uri: `${origin}/callback`, silent_redirect_uri: `${origin}/silent`, post_logout_redirect_uri: `${origin}/`, loadUserInfo: true, ...settings };
  return page.evaluate(`(async () => {
    const manager = new oidc.UserManager(${JSON.stringify(all)});
    try { return await (${work})(manager, ${JSON.stringify(argument)}); }
    catch (error) { return { failed: error.name, message: error.message, error: error.error, description: error.error_description }; }
  })()`);
}

async function begin(page, settings) {
  await page.goto(`${origin}/`);
  await run(page, settings, '(manager) => { manager.signinRedirect(); }');
}

const finish = '(manager) => manager.signinCallback().then(({ profile, access_token, refresh_token, scope }) => ({ profile, access_token, refresh_token, scope }))';

async function signInTo(page, settings) {
  await begin(page, settings);
  await signIn(page);
  await page.waitForURL(/\/callback\?/);
  return run(page, settings, finish);
}

test('it signs in, learns who it is, renews by refresh token and by frame, and signs out', { skip }, async () => {
  const page = await openPage();
  const user = await signInTo(page, { scope: 'openid profile offline_access' });
  assert.equal(user.profile?.name, 'Ann Example', JSON.stringify(user));
  const renewed = await run(page, { scope: 'openid profile offline_access' }, '(manager) => manager.signinSilent().then(({ access_token, refresh_token, profile }) => ({ access_token, refresh_token, sub: profile.sub }))');
  assert.equal(renewed.sub, user.profile.sub, JSON.stringify(renewed));
  assert.notEqual(renewed.access_token, user.access_token);
  assert.notEqual(renewed.refresh_token, user.refresh_token);
  // Without a refresh token a frame asks with prompt=none.
  const framed = await run(page, { scope: 'openid profile' }, '(manager) => manager.removeUser().then(() => manager.signinSilent()).then(({ access_token, profile }) => ({ access_token, sub: profile.sub }))');
  assert.equal(framed.sub, user.profile.sub, JSON.stringify(framed));
  assert.deepEqual(page.complaints, []);
  await run(page, {}, '(manager) => { manager.signoutRedirect(); }');
  await page.waitForURL(`${origin}/`);
  const nobody = await run(page, {}, '(manager) => manager.signinSilent()');
  assert.equal(nobody.failed, 'ErrorResponse', JSON.stringify(nobody));
  assert.equal(nobody.error, 'login_required');
  assert.match(nobody.message, /./);
});

test('what its developer sees of a refusal has our cause', { skip }, async () => {
  const page = await openPage();
  await begin(page, { redirect_uri: `${origin}/Callback` });
  await page.waitForURL(/\/authorize\?/);
  assert.match(await page.locator('main').innerText(), /redirect_uri\.case/);

  // What an authorization answer says.
  await begin(page, { scope: 'admin' });
  await page.waitForURL(/\/callback\?/);
  const scope = await run(page, {}, finish);
  assert.deepEqual([scope.failed, scope.error], ['ErrorResponse', 'invalid_scope'], JSON.stringify(scope));
  assert.match(scope.message, /'admin'.*\(request\.scope_unknown\)$/);

  // What the token endpoint says: a client that is registered with a secret cannot be one without.
  const secret = await signInTo(page, { client_id: 'web' });
  assert.deepEqual([secret.failed, secret.error], ['ErrorResponse', 'invalid_client'], JSON.stringify(secret));
  assert.match(secret.message, /\(client\.authentication_missing\)$/);
});
