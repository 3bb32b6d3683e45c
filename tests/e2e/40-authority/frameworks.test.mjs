// SPDX-License-Identifier: Apache-2.0
// Auth.js (next-auth's core) signs people in by its defaults: a provider of type oidc, issuer, id and secret, no more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Auth } from '@auth/core';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';

const app = 'http://127.0.0.1:3000';
const redirect = `${app}/auth/callback/sallyport`;
const client = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'email'], skip_consent: true };
const authority = await startAuthority({ authority: { clients: { web: client, whole: { ...client, userinfo_in_id_token: true }, elsewhere: { ...client, redirect_uris: ['http://127.0.0.1:3001/auth/callback/sallyport/'] } } } });

/** An application whose requests are values; a person's browser keeps its cookies. */
function startApplication(provider) {
  const cookies = new Map();
  const told = [];
  const config = {
    basePath: '/auth', secret: 'x'.repeat(32), trustHost: true,
    logger: { error: (error) => told.push(error.cause?.err ?? error), warn() {}, debug() {} },
    providers: [{ id: 'sallyport', name: 'Sallyport', type: 'oidc', issuer: authority.issuer, clientId: 'web', clientSecret: 's', ...provider }],
  };
  const ask = async (url, body) => {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), ...(body && { 'Content-Type': 'application/x-www-form-urlencoded' }) };
    const answer = await Auth(new Request(url, { method: body ? 'POST' : 'GET', headers, body: body && String(new URLSearchParams(body)) }), config);
    for (const line of answer.headers.getSetCookie?.() ?? (answer.headers.get('set-cookie') ?? '').split(/, (?=[^;,]+=)/)) {
      const pair = line.split(';')[0];
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    return answer;
  };
  return {
    told,
    async signIn() {
      const { csrfToken } = await (await ask(`${app}/auth/csrf`)).json();
      const away = (await ask(`${app}/auth/signin/sallyport`, { csrfToken, callbackUrl: `${app}/` })).headers.get('location');
      const browser = startBrowser();
      const page = await browser.open(away);
      if (page.status !== 200) return page;
      const { location } = await browser.signIn();
      assert.equal(location?.origin, app);
      return (await ask(location.href)).headers.get('location');
    },
    session: async () => (await ask(`${app}/auth/session`)).json(),
  };
}

test('a person is signed in, and known by what userinfo says', async () => {
  const application = startApplication({ idToken: false });
  assert.equal(await application.signIn(), `${app}/`, JSON.stringify(application.told));
  assert.equal((await application.session()).user.name, 'Ann Example');
  assert.deepEqual(application.told, []);
});

test('its default, to read the id_token alone, is served by userinfo_in_id_token', async () => {
  const [thin, whole] = [startApplication(), startApplication({ clientId: 'whole' })];
  for (const application of [thin, whole]) assert.equal(await application.signIn(), `${app}/`, JSON.stringify(application.told));
  assert.equal((await thin.session()).user.name, undefined, 'OpenID Connect Core 5.4: scopes tell at userinfo');
  assert.equal((await whole.session()).user.name, 'Ann Example');
});

test('a wrong secret is told with its cause: beside the error by the body, in its challenge by the header', async () => {
  const post = startApplication({ clientSecret: 'wrong', client: { token_endpoint_auth_method: 'client_secret_post' } });
  assert.match(await post.signIn(), /\/auth\/error\?error=Configuration$/);
  const [{ code, cause }] = post.told;
  assert.deepEqual([code, cause.error], ['OAUTH_RESPONSE_BODY_ERROR', 'invalid_client']);
  assert.match(cause.error_description, /\(client\.secret_wrong\)$/);
  // Its default. RFC 6749 5.2 demands the challenge of a server, and the library reads no further.
  const basic = startApplication({ clientSecret: 'wrong' });
  assert.match(await basic.signIn(), /\/auth\/error\?error=Configuration$/);
  assert.equal(basic.told[0].code, 'OAUTH_WWW_AUTHENTICATE_CHALLENGE');
  assert.match(basic.told[0].cause[0].parameters.error_description, /\(client\.secret_wrong\)$/);
});

test('a redirect URI that differs by a slash stays with its developer', async () => {
  const page = await startApplication({ clientId: 'elsewhere', authorization: { params: { redirect_uri: 'http://127.0.0.1:3001/auth/callback/sallyport' } } }).signIn();
  assert.equal(page.status, 400);
  assert.match(page.text, /redirect_uri\.trailing_slash/);
});
