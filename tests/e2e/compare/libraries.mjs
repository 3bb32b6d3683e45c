// SPDX-License-Identifier: Apache-2.0
// jsonwebtoken, jose and openid-client, each asked once a question, in a process of its own: Node reads NODE_EXTRA_CA_CERTS when it starts, and each lab
// has its own CA. Each is configured as well as its documentation allows. A question is { peer, lab, timeout_ms }; the answer is { accepted: true } or
// { said: [line, …] }: what a log shows of the error, its code, its scalar fields, and the same of its causes.
import { request } from '../lib/http.mjs';
import { redirectUri } from '../lib/lab.mjs';

const algorithms = ['RS256', 'ES256'];
const timeout = 1_000;

/** Where an application finds the key set: the metadata's word, or the usual place when there is none. */
async function keysUri(lab) {
  const fallback = `${lab.issuer}/jwks`;
  try {
    const { json } = await request(lab.metadata_url, { ca: lab.ca, timeout });
    return json?.jwks_uri ?? fallback;
  } catch {
    return fallback;
  }
}

const peers = {
  async jsonwebtoken(lab) {
    const [{ default: jwt }, { default: jwksRsa }] = await Promise.all([import('jsonwebtoken'), import('jwks-rsa')]);
    const keys = jwksRsa({ jwksUri: await keysUri(lab), timeout, cache: false });
    const find = ({ kid }, done) => keys.getSigningKey(kid).then((key) => done(null, key.getPublicKey()), done);
    await new Promise((resolve, reject) => {
      jwt.verify(lab.token, find, { algorithms, issuer: lab.issuer, audience: lab.audience, maxAge: '1d' }, (error) => (error ? reject(error) : resolve()));
    });
  },

  async jose(lab) {
    const { createRemoteJWKSet, jwtVerify } = await import('jose');
    const keys = createRemoteJWKSet(new URL(await keysUri(lab)), { timeoutDuration: timeout });
    const rules = { algorithms, issuer: lab.issuer, audience: lab.audience, typ: 'at+jwt', maxTokenAge: '1d', requiredClaims: ['exp'] };
    await jwtVerify(lab.token, keys, rules);
  },

  /** A login: discovery, the authorization request by a browser that only follows, the code, the ID token with its signature, userinfo. */
  async 'openid-client'(lab) {
    const oidc = await import('openid-client');
    const config = await oidc.discovery(new URL(lab.issuer), lab.client_id, lab.client_secret, undefined, {
      execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks], timeout: timeout / 1000,
    });
    const verifier = oidc.randomPKCECodeVerifier();
    const checks = { expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), pkceCodeVerifier: verifier, idTokenExpected: true };
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri, scope: 'openid offline_access read', state: checks.expectedState, nonce: checks.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    });
    const { headers } = await request(url.href, { ca: lab.ca, timeout });
    const tokens = await oidc.authorizationCodeGrant(config, new URL(headers.location), checks);
    await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  },
};

const isScalar = (value) => ['string', 'number', 'boolean'].includes(typeof value);

/** `message (code X, claim iss)`, then the same of what caused it. */
function linesOf(error, depth = 0, before = '') {
  if (error === undefined || error === null || depth > 4) return [];
  if (isScalar(error)) return [String(error)];
  if (error instanceof Response) return [`HTTP ${error.status}, ${error.headers.get('content-type') ?? 'no media type'}`];
  if (error instanceof URLSearchParams) return [`parameters: ${error}`];
  const skipped = ['message', 'stack', 'name'];
  const fields = Object.entries(error).filter(([name, value]) => isScalar(value) && !skipped.includes(name)).map(([name, value]) => `${name} ${value}`)
    .filter((field) => !before.includes(field));
  const line = [error.message, fields.length > 0 ? `(${fields.join(', ')})` : ''].filter(Boolean).join(' ');
  const causes = [error.cause ?? error.inner, ...(error.errors ?? [])].flatMap((cause) => linesOf(cause, depth + 1, before + line));
  return [...(line ? [line] : []), ...causes];
}

async function answer({ peer, lab }) {
  try {
    await peers[peer](lab);
    return { accepted: true };
  } catch (error) {
    if (error?.code === 'ERR_MODULE_NOT_FOUND') return { missing: error.message };
    return { said: linesOf(error) };
  }
}

process.on('message', async (question) => process.send(await answer(question)));
process.on('disconnect', () => process.exit(0));
