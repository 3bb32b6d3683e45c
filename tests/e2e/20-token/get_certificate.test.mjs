// SPDX-License-Identifier: Apache-2.0
// `sallyport token get` and `token login` with a client certificate (RFC 8705): tls_client_auth and self_signed_tls_client_auth, at npm's oidc-provider and at our
// authority behind the nginx of `sallyport serve`; the tokens are bound to it, and what is wrong with a certificate is named.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { test } from 'node:test';
import { Provider } from 'oidc-provider';
import { startBrowser } from '../lib/browser.mjs';
import { makeAuthority } from '../lib/certificates.mjs';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startLogin } from '../lib/login_run.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { jose, makeKey } from '../lib/tokens.mjs';

const folder = temporaryFolder();
const audience = 'https://photos.example';
const ca = makeAuthority(folder);
const server = ca.issue('server');
const client = ca.issue('reports', { subject: '/C=DE/O=Example, Inc./CN=reports', names: ['reports.example'] });
const stranger = makeAuthority(folder, 'Other CA').issue('stranger', { subject: '/C=DE/O=Example, Inc./CN=reports' });
const own = ca.issue('own', { selfSigned: true });
const ownJwks = { keys: [{ ...await jose.exportJWK(new X509Certificate(own.cert).publicKey), x5c: [new X509Certificate(own.cert).raw.toString('base64')] }] };

/** oidc-provider over TLS that asks for a certificate; its clients: reports, selfsigned. */
async function startPeer() {
  const bound = { client_secret: undefined, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], tls_client_certificate_bound_access_tokens: true };
  const port = await freePort();
  const provider = new Provider(`https://127.0.0.1:${port}`, {
    clients: [
      { ...bound, client_id: 'reports', token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_dns: 'reports.example' },
      { ...bound, client_id: 'selfsigned', token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: ownJwks },
    ],
    clientAuthMethods: ['client_secret_basic', 'tls_client_auth', 'self_signed_tls_client_auth'],
    jwks: { keys: [(await makeKey('RS256')).privateJwk] },
    scopes: ['read'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: () => ({ scope: 'read', audience, accessTokenFormat: 'jwt' }) },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: (context) => context.socket.getPeerX509Certificate(),
        certificateAuthorized: (context) => context.socket.authorized,
        certificateSubjectMatches: (context, property, expected) => property === 'tls_client_auth_san_dns' && context.socket.getPeerX509Certificate().subjectAltName.includes(`DNS:${expected}`),
      },
    },
  });
  const listener = https.createServer({ cert: server.cert, key: server.key, ca: ca.ca, requestCert: true, rejectUnauthorized: false }, provider.callback());
  await listen(listener, port);
  defer(() => new Promise((resolve) => { listener.closeAllConnections(); listener.close(resolve); }));
  return `https://127.0.0.1:${port}`;
}
const peer = await startPeer();

const [people, machines] = [await freePort(), await freePort()];
const issuer = `https://127.0.0.1:${people}/login`;
const tls = { certificate: server.certFile, key: server.keyFile };
const machine = { scopes: ['read'], audiences: [audience], tls_client_certificate_bound_access_tokens: true };
const gateway = await startGateway({
  config: {
    listen: [
      { address: `127.0.0.1:${people}`, tls: { ...tls, client_certificates: 'off' } },
      { address: `127.0.0.1:${machines}`, tls },
    ],
    issuers: { home: { issuer, audience, ca_file: ca.caFile } },
    apis: { photos: { match: { path: '/photos' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { issuers: ['home'] } } },
    authority: {
      issuer,
      mtls: { client_ca: `\${file:${ca.caFile}}`, alias: `https://127.0.0.1:${machines}` },
      tokens: { algorithm: 'ES256' },
      clients: {
        reports: { ...machine, method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=reports,O=Example\\, Inc.,C=DE' },
        selfsigned: { ...machine, method: 'self_signed_tls_client_auth', jwks: ownJwks },
        native: { method: 'none', native: true, redirect_uris: ['http://127.0.0.1/callback'], scopes: ['openid', 'read'], audiences: [audience], tls_client_certificate_bound_access_tokens: true },
      },
    },
  },
});

const added = await sallyport(['accounts', 'add', 'ann', '--state', gateway.state], { input: 'ann-secret-of-hers\n' });
assert.equal(added.code, 0, added.stderr);

const shows = ({ certFile, keyFile }) => ['--ca', ca.caFile, '--client-cert', certFile, '--client-key', keyFile];
const get = (at, id, certificate, words = []) => sallyport(['token', 'get', at, '--client-id', id, ...shows(certificate), '--cache', 'off', '--resource', audience, '--json', ...words]);

for (const [where, at] of [['oidc-provider', peer], ['our authority', issuer]]) {
  test(`${where}: tls_client_auth, chosen by itself; the token is bound to the certificate`, async () => {
    const { code, json, stderr, stdout } = await get(at, 'reports', client);
    assert.equal(code, 0, stderr + stdout);
    assert.deepEqual([json.claims.client_id, json.claims.cnf['x5t#S256']], ['reports', client.thumbprint]);
  });

  test(`${where}: self_signed_tls_client_auth; certificate and key in one file`, async () => {
    const both = path.join(folder, 'both.pem');
    fs.writeFileSync(both, Buffer.concat([own.cert, own.key]));
    const { code, json, stderr, stdout } = await sallyport(['token', 'get', at, '--client-id', 'selfsigned', '--client-auth', 'self_signed_tls_client_auth', '--ca', ca.caFile, '--client-cert', both, '--cache', 'off', '--audience', audience, '--resource', audience, '--json']);
    assert.equal(code, 0, stderr + stdout);
    assert.equal(json.claims.cnf['x5t#S256'], own.thumbprint);
  });

  test(`${where}: a certificate that is not the client's`, async () => {
    for (const [id, certificate] of [['reports', stranger], ['selfsigned', client]]) {
      const { code, json, stdout } = await get(at, id, certificate);
      assert.equal(code, 1, stdout);
      assert.match(json.cause.id, /^client\./, stdout);
      if (at === issuer) assert.match(json.cause.id, id === 'reports' ? /^client\.certificate_untrusted$/ : /^client\.certificate_mismatch$/);
    }
  });
}

test('the issuer\'s certificate is not of the authorities that are trusted', async () => {
  const { code, json, stdout } = await sallyport(['token', 'get', issuer, '--client-id', 'reports', '--client-cert', client.certFile, '--client-key', client.keyFile, '--cache', 'off', '--json']);
  assert.equal(code, 1, stdout);
  assert.match(json.cause.id, /^network\.tls\./);
});

test('a certificate without its key, a key of another, a file that is none: said before anything is sent', async () => {
  for (const [cert, key] of [[client.certFile, own.keyFile], [client.certFile, client.certFile], [client.keyFile, client.keyFile], ['/nowhere', client.keyFile]]) {
    const { code, stdout, stderr } = await sallyport(['token', 'get', issuer, '--client-id', 'reports', '--ca', ca.caFile, '--client-cert', cert, '--client-key', key, '--cache', 'off']);
    assert.ok([1, 3].includes(code) && stdout === '', `${code} ${stdout}`);
    assert.match(stderr, /certificate|key/i, stderr);
  }
});

test('a public client logs in, and its token is bound to the certificate at the alias', async () => {
  const run = await startLogin(issuer, ['--client-id', 'native', '--scope', 'openid read', ...shows(client), '--json', '--audience', audience]);
  assert.equal(run.address.port, String(people), 'a browser has no use for the alias');
  const browser = startBrowser({}, { ca: ca.ca });
  await browser.open(run.address);
  let page = await browser.signIn('ann', 'ann-secret-of-hers');
  if (!page.location) page = await browser.allow();
  await request(page.location);
  const { code, json, stderr, stdout } = await run.end;
  assert.equal(code, 0, stderr + stdout);
  assert.equal(json.claims.cnf['x5t#S256'], client.thumbprint);
});
