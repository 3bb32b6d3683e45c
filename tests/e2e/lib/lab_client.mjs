// SPDX-License-Identifier: Apache-2.0
// Clients as people write them, for `sallyport lab run --against`: node lab_client.mjs login | verify | careless. Exit status 0: it went well.
import fs from 'node:fs';
import { createLocalJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { request } from './http.mjs';

const lab = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('SALLYPORT_LAB_')).map(([name, value]) => [name.slice(14), value]));
const ca = fs.readFileSync(lab.CA, 'utf8');
const get = (url, options = {}) => request(url, { ca, timeout: 10_000, ...options });

const trusting = async (url, options = {}) => {
  const { status, headers, body } = await get(url, { method: options.method ?? 'GET', headers: Object.fromEntries(new Headers(options.headers)), body: options.body?.toString() });
  return new Response([204, 304].includes(status) ? null : body, { status, headers: Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one])) });
};

const ways = {
  /** openid-client: a login with everything checked, and userinfo. */
  async login() {
    const config = await oidc.discovery(new URL(lab.ISSUER), lab.CLIENT_ID, lab.CLIENT_SECRET, undefined, { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks], [oidc.customFetch]: trusting });
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const checks = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), idTokenExpected: true };
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: 'http://127.0.0.1:3999/callback', scope: 'openid', state: checks.expectedState, nonce: checks.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
    });
    const { headers } = await get(url.href);
    const tokens = await oidc.authorizationCodeGrant(config, new URL(headers.location), checks);
    await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  },
  /** jose: an API that verifies the access token. */
  async verify() {
    const keys = createLocalJWKSet((await get(`${lab.ISSUER}/jwks`)).json);
    await jwtVerify(lab.TOKEN, keys, { issuer: lab.ISSUER, audience: lab.AUDIENCE, algorithms: ['RS256', 'ES256'], requiredClaims: ['exp'] });
  },
  /** Looks at nothing. */
  async careless() {
    const { status } = await get(`${lab.API}/photos`, { token: lab.TOKEN });
    if (status !== 200) throw new Error(`the API answered ${status}`);
  },
};

try {
  await ways[process.argv[2]]();
} catch (error) {
  console.error(`${error.code ?? error.name}: ${error.message}`);
  process.exit(1);
}
