// SPDX-License-Identifier: Apache-2.0
// A login application as people write it with openid-client: sign-in, refresh, sign-out, a device. A program of its own, because Node reads
// NODE_EXTRA_CA_CERTS when it starts; says its origin on stdout. ISSUER, CLIENT_ID, CLIENT_SECRET are in the environment; DETOUR, where a recorder stands
// for the issuer's origin; TIMEOUT_S, how long it waits for an answer.
//
// GET /login?way=plain|pushed|form_post|dpop  sends the browser away. &detour: through the recorder. &kept: with what was discovered at the last login,
//   as an application does that runs for long.
// /callback redeems the code, checks the ID token and asks for userinfo · /refresh · /logout → /bye · /device. 200: it went well; 502 with a text: it did not.
import crypto from 'node:crypto';
import http from 'node:http';
import * as oidc from 'openid-client';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, DETOUR, TIMEOUT_S } = process.env;
const scope = 'openid offline_access read';
const sessions = new Map();
const kept = {};

/** fetch, led through the recorder: the client itself knows the issuer by its own name. */
const detoured = (url, options) => fetch(String(url).replace(new URL(ISSUER).origin, DETOUR), options);

/** A DPoP proof names the URL that the issuer knows: there only what goes on the wire is led through the recorder, and the metadata are the issuer's own. */
async function discover(query) {
  const detour = query.has('detour');
  if (query.has('kept') && kept[detour]) return kept[detour];
  const whole = detour && query.get('way') !== 'dpop';
  const options = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks], timeout: Number(TIMEOUT_S), ...(whole ? { [oidc.customFetch]: detoured } : {}) };
  kept[detour] = await oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, options);
  if (detour) kept[detour][oidc.customFetch] = detoured;
  return kept[detour];
}

async function login(query, session, origin) {
  const way = query.get('way') ?? 'plain';
  const config = await discover(query);
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), idTokenExpected: true, maxAge: 86_400 };
  const DPoP = way === 'dpop' ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256')) : undefined;
  Object.assign(session, { config, checks, DPoP });
  const parameters = {
    redirect_uri: `${origin}/callback`, scope, state: checks.expectedState, nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', max_age: '86400', acr_values: 'urn:lab:2',
    ...(way === 'form_post' ? { response_mode: 'form_post' } : {}),
  };
  const url = way === 'pushed' ? await oidc.buildAuthorizationUrlWithPAR(config, parameters) : oidc.buildAuthorizationUrl(config, parameters);
  return { location: url.href };
}

async function callback(url, incoming, session) {
  const { config, checks, DPoP } = session;
  const request = incoming.method === 'POST' ? new Request(url, { method: 'POST', headers: incoming.headers, body: Buffer.concat(await incoming.toArray()) }) : url;
  const tokens = await oidc.authorizationCodeGrant(config, request, checks, undefined, { DPoP });
  const info = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP });
  Object.assign(session, { tokens, checks: undefined });
  return { text: `signed in: ${info.sub}, ${tokens.token_type}` };
}

async function device(query) {
  const config = await discover(query);
  const started = await oidc.initiateDeviceAuthorization(config, { scope: 'openid' });
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, started);
  return { text: `signed in: ${tokens.claims().sub}` };
}

const routes = {
  '/login': ({ query, session, origin }) => login(query, session, origin),
  '/callback': ({ url, incoming, session }) => callback(url, incoming, session),
  '/device': ({ query }) => device(query),
  async '/refresh'({ session }) {
    session.tokens = await oidc.refreshTokenGrant(session.config, session.tokens.refresh_token);
    return { text: 'refreshed' };
  },
  '/logout': ({ session, origin }) => ({
    location: oidc.buildEndSessionUrl(session.config, { post_logout_redirect_uri: `${origin}/bye`, id_token_hint: session.tokens.id_token }).href,
  }),
  '/bye': () => ({ text: 'signed out' }),
};

const server = http.createServer(async (incoming, outgoing) => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  const url = new URL(incoming.url, origin);
  const id = incoming.headers.cookie?.match(/node_session=([\w-]+)/)?.[1] ?? crypto.randomUUID();
  if (!sessions.has(id)) sessions.set(id, {});
  const answer = (status, headers, text = '') => outgoing.writeHead(status, { 'Set-Cookie': `node_session=${id}; Path=/; HttpOnly; SameSite=Lax`, ...headers }).end(text);
  if (!routes[url.pathname]) return answer(404, {});
  try {
    const { location, text } = await routes[url.pathname]({ url, query: url.searchParams, incoming, session: sessions.get(id), origin });
    return location ? answer(302, { Location: location }) : answer(200, { 'Content-Type': 'text/plain' }, text);
  } catch (error) {
    return answer(502, { 'Content-Type': 'text/plain' }, [error, error.cause].filter(Boolean).map((one) => `${one.code ?? one.name}: ${one.message}`).join(' ← '));
  }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
