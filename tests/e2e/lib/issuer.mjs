// SPDX-License-Identifier: Apache-2.0
// Issuers: npm's oidc-provider (a certified OpenID Provider that nobody here wrote), and a plain one that serves a metadata
// document and a key set, for tokens made by lib/tokens.mjs. Both can be made to misbehave.
import http from 'node:http';
import { Provider } from 'oidc-provider';
import { defer } from './cleanup.mjs';
import { request } from './http.mjs';
import { freePort, listen } from './ports.mjs';
import { jwks, makeKey, makeToken } from './tokens.mjs';

/**
 * What `issuer.fault` can be set to; every request is answered that way until it is null again. A function (request, response) → true
 * when it answered.
 */
export const faults = {
  hang: () => true,
  drip: (incoming, outgoing) => {
    outgoing.writeHead(200, { 'Content-Type': 'application/json' });
    const timer = setInterval(() => outgoing.write(' '), 200);
    outgoing.on('close', () => clearInterval(timer));
    return true;
  },
  huge: (incoming, outgoing) => {
    outgoing.writeHead(200, { 'Content-Type': 'application/json' });
    let left = 50 * 1024 * 1024;
    const block = Buffer.alloc(65_536, ' ');
    const pour = () => {
      while (left > 0 && !outgoing.destroyed) {
        left -= block.length;
        if (!outgoing.write(block)) return outgoing.once('drain', pour);
      }
      outgoing.end();
    };
    pour();
    return true;
  },
  html: (incoming, outgoing) => answer(outgoing, 200, 'text/html', '<!doctype html><html><title>Sign in</title></html>'),
  garbage: (incoming, outgoing) => answer(outgoing, 200, 'application/json', '{"keys": [oops'),
  error: (incoming, outgoing) => answer(outgoing, 500, 'text/plain', 'no'),
  notFound: (incoming, outgoing) => answer(outgoing, 404, 'text/plain', 'not here'),
  close: (incoming) => {
    incoming.socket.destroy();
    return true;
  },
};

function answer(outgoing, status, type, text) {
  outgoing.writeHead(status, { 'Content-Type': type });
  outgoing.end(text);
  return true;
}

/** A server whose handler can be changed, stopped and started again on the same port; `hits` counts requests by path. */
async function startServer(thing, options = {}) {
  const sockets = new Set();
  let server;
  thing.hits = {};
  thing.fault = null;
  thing.port = options.port ?? (await freePort());
  thing.start = async () => {
    server = http.createServer((incoming, outgoing) => {
      const path = incoming.url.split('?')[0];
      thing.hits[path] = (thing.hits[path] ?? 0) + 1;
      outgoing.on('error', () => {});
      if (thing.fault !== null && thing.fault(incoming, outgoing)) return;
      thing.handle(incoming, outgoing);
    });
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
    });
    await listen(server, thing.port);
  };
  thing.stop = () => new Promise((resolve) => {
    if (!server?.listening) return resolve();
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  });
  await thing.start();
  defer(thing.stop);
  return thing;
}

/**
 * startIssuer({ algorithm, clients, resources, provider }) → {
 *   issuer, port, keys, hits, fault, stop(), start(),
 *   token({ client, scope, resource, … }) → access token text by the client credentials grant; tokenResponse(…) → whole response,
 *   rotate({ keep }) : new signing key; keep: true publishes the old one too,
 *   url(path) }
 *
 * `clients` adds to the two that are there: { client_id: 'app', client_secret: 'app-secret' } and the gateway's own
 * { client_id: 'gateway', client_secret: 'gateway-secret' } for introspection.
 * `resources` maps a resource indicator (RFC 8707) to { scope, accessTokenFormat: 'jwt' | 'opaque', audience, accessTokenTTL }; a resource
 * that is not in it gets a JWT with scope 'read write'. Without `resource`, tokens are opaque.
 * `features` is merged over its features, `provider` over the configuration of oidc-provider.
 */
export async function startIssuer(options = {}) {
  const thing = {};
  const algorithm = options.algorithm ?? 'RS256';
  let callback;
  thing.handle = (incoming, outgoing) => callback(incoming, outgoing);
  await startServer(thing, options);
  thing.issuer = options.issuer ?? `http://127.0.0.1:${thing.port}`;
  thing.url = (path) => `http://127.0.0.1:${thing.port}${path}`;
  thing.keys = [await makeKey(algorithm)];

  const rebuild = () => {
    const provider = new Provider(thing.issuer, configuration(options, thing.keys, algorithm));
    provider.proxy = false;
    callback = provider.callback();
    thing.provider = provider;
  };
  rebuild();

  thing.rotate = async ({ keep = false } = {}) => {
    const key = await makeKey(algorithm);
    thing.keys = keep ? [key, ...thing.keys] : [key];
    rebuild();
    return key;
  };
  thing.tokenResponse = async ({ client = 'app', secret = `${client}-secret`, ...parameters } = {}) => {
    const response = await request(thing.url('/token'), {
      method: 'POST',
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        Authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`,
      },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }).toString(),
    });
    if (response.status !== 200) throw new Error(`the issuer refused: ${response.status} ${response.text}`);
    return response.json;
  };
  thing.token = async (parameters) => (await thing.tokenResponse(parameters)).access_token;
  thing.revoke = (token, { client = 'app', secret = `${client}-secret` } = {}) => request(thing.url('/token/revocation'), {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ token }).toString(),
  });
  return thing;
}

function configuration(options, keys, algorithm) {
  const client = (id, more = {}) => ({
    client_id: id,
    client_secret: `${id}-secret`,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: algorithm,
    ...more,
  });
  const resources = options.resources ?? {};
  return {
    clients: [client('app'), client('gateway'), ...(options.clients ?? []).map((more) => client(more.client_id, more))],
    jwks: { keys: keys.map((key) => key.privateJwk) },
    enabledJWA: { idTokenSigningAlgValues: [algorithm, 'RS256'] },
    scopes: ['openid', 'offline_access', 'read', 'write'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (context, indicator) => ({
          scope: 'read write',
          audience: indicator,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: algorithm } },
          ...resources[indicator],
        }),
      },
      ...options.features,
    },
    ttl: { ClientCredentials: 300, AccessToken: 300 },
    ...options.provider,
  };
}

/**
 * startPlainIssuer({ algorithm, path, metadata, keySet }) → { issuer, jwksUri, key, keys, metadata, keySet, hits, fault, token(claims, header),
 * rotate(), stop(), start() }
 *
 * Serves ISSUER/.well-known/openid-configuration (and the OAuth form) and ISSUER/jwks. `metadata` and `keySet` are what is served; they
 * may be changed at any time (an object, or text to send as it is). `responseHeaders` is added to each response, `date` (a Date) replaces
 * the Date header.
 */
export async function startPlainIssuer(options = {}) {
  const thing = {};
  const path = options.path ?? '';
  thing.handle = (incoming, outgoing) => {
    const documents = {
      [`${path}/.well-known/openid-configuration`]: thing.metadata,
      [`${path}/.well-known/oauth-authorization-server`]: thing.metadata,
      [`/.well-known/oauth-authorization-server${path}`]: thing.metadata,
      [`${path}/jwks`]: thing.keySet,
    };
    const document = documents[incoming.url.split('?')[0]];
    for (const [name, value] of Object.entries(thing.responseHeaders)) outgoing.setHeader(name, value);
    if (thing.date) outgoing.setHeader('Date', thing.date.toUTCString());
    if (document === undefined) answer(outgoing, 404, 'text/plain', 'not here');
    else answer(outgoing, 200, 'application/json', typeof document === 'string' ? document : JSON.stringify(document));
  };
  await startServer(thing, options);
  thing.responseHeaders = {};
  thing.issuer = options.issuer ?? `http://127.0.0.1:${thing.port}${path}`;
  thing.jwksUri = `http://127.0.0.1:${thing.port}${path}/jwks`;
  thing.keys = [options.key ?? (await makeKey(options.algorithm ?? 'ES256'))];
  Object.defineProperty(thing, 'key', { get: () => thing.keys[0] });
  thing.metadata = {
    issuer: thing.issuer,
    jwks_uri: thing.jwksUri,
    authorization_endpoint: `${thing.issuer}/authorize`,
    token_endpoint: `${thing.issuer}/token`,
    introspection_endpoint: `${thing.issuer}/introspect`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [thing.keys[0].alg],
    ...options.metadata,
  };
  thing.keySet = options.keySet ?? jwks(...thing.keys);
  thing.rotate = async ({ keep = false } = {}) => {
    const key = await makeKey(thing.keys[0].alg);
    thing.keys = keep ? [key, ...thing.keys] : [key];
    thing.keySet = jwks(...thing.keys);
    return key;
  };
  thing.token = (claims = {}, header = {}) => makeToken(thing.keys[0], { iss: thing.issuer, ...claims }, header);
  return thing;
}
