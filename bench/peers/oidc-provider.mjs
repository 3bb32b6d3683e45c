// SPDX-License-Identifier: Apache-2.0
// npm's oidc-provider as its documentation starts it, in a process of its own. Prints its issuer and the URL that makes codes.
//
// Usage: oidc-provider.mjs ALGORITHM [JOURNAL]
// What it issues is held in a map (the adapter that it comes with forgets all but a thousand entries). With JOURNAL, what it writes is also
// appended to that file and answered once fdatasync returned; writes that come meanwhile share the next one. That is the least that
// durability can cost it: a database would cost more.
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../tests/e2e/package.json', import.meta.url));
const { Provider } = await import(require.resolve('oidc-provider'));
const { generateKeyPair, exportJWK } = await import(require.resolve('jose'));
const [alg, journal] = process.argv.slice(2);

const held = new Map();
let waiting = [];
let isSyncing = false;
const file = journal ? fs.openSync(journal, 'a') : undefined;
function sync() {
  isSyncing = true;
  const these = waiting;
  waiting = [];
  fs.writeSync(file, these.map(({ line }) => line).join(''));
  fs.fdatasync(file, (error) => {
    for (const { resolve, reject } of these) error ? reject(error) : resolve();
    isSyncing = false;
    if (waiting.length > 0) sync();
  });
}
const durably = (entry) => file !== undefined && new Promise((resolve, reject) => {
  waiting.push({ line: `${JSON.stringify(entry)}\n`, resolve, reject });
  if (!isSyncing) setImmediate(() => !isSyncing && waiting.length > 0 && sync());
});

class Adapter {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}:${id}`;
  }
  async upsert(id, payload, expiresIn) {
    held.set(this.key(id), payload);
    await durably({ put: this.key(id), payload, expiresIn });
  }
  async find(id) {
    return held.get(this.key(id));
  }
  async findByUid(uid) {
    return [...held.values()].find((payload) => payload.uid === uid);
  }
  async findByUserCode(code) {
    return [...held.values()].find((payload) => payload.userCode === code);
  }
  async consume(id) {
    const payload = held.get(this.key(id));
    payload.consumed = Math.floor(Date.now() / 1000);
    await durably({ consumed: this.key(id) });
  }
  async destroy(id) {
    held.delete(this.key(id));
    await durably({ drop: this.key(id) });
  }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of held) if (payload.grantId === grantId) held.delete(key);
    await durably({ revoke: grantId });
  }
}

const makeKey = async (one) => ({ ...(await exportJWK((await generateKeyPair(one, { extractable: true })).privateKey)), alg: one, use: 'sig', kid: one });
const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)));
const server = http.createServer();
const issuer = await listen(server);
const redirect = 'https://app.example/callback';
const provider = new Provider(issuer, {
  adapter: Adapter,
  cookies: { keys: ['bench'] },
  jwks: { keys: await Promise.all(['ES256', 'RS256'].map(makeKey)) },
  clients: [{ client_id: 'app', client_secret: 's', grant_types: ['client_credentials', 'authorization_code', 'refresh_token'], redirect_uris: [redirect], response_types: ['code'], id_token_signed_response_alg: alg }],
  ttl: { ClientCredentials: 600, AccessToken: 600, AuthorizationCode: 600, RefreshToken: 86400, IdToken: 600, Grant: 86400 },
  rotateRefreshToken: true,
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true }, introspection: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => undefined, useGrantedResource: () => true, getResourceServerInfo: () => ({ scope: 'read', accessTokenFormat: 'jwt', jwt: { sign: { alg } } }) },
  },
});
server.on('request', provider.callback());

/** What the pages would lead to, without the pages: a grant and its code, by the provider's own models. */
async function makeCode(challenge) {
  const client = await provider.Client.find('app');
  const grant = new provider.Grant({ accountId: 'ann', clientId: 'app' });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope('https://api.example', 'read');
  const code = new provider.AuthorizationCode({
    accountId: 'ann', client, grantId: await grant.save(), redirectUri: redirect, scope: 'openid offline_access read', resource: 'https://api.example',
    codeChallenge: challenge, codeChallengeMethod: 'S256', authTime: Math.floor(Date.now() / 1000), gty: 'authorization_code', nonce: 'n',
  });
  return code.save();
}
const maker = await listen(http.createServer(async (request, response) => {
  const { searchParams } = new URL(request.url, 'http://x');
  const codes = await Promise.all(Array.from({ length: Number(searchParams.get('count')) }, () => makeCode(searchParams.get('challenge'))));
  response.end(JSON.stringify(codes));
}));
console.log(JSON.stringify({ issuer, maker }));
