// SPDX-License-Identifier: Apache-2.0
// Client certificates (RFC 8705): TLS ends at the nginx of `sallyport serve`, the authority behind it authenticates clients by their
// certificate and binds tokens to it, the gateway takes them over a connection with that certificate and no other.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { makeAuthority } from '../lib/certificates.mjs';
import { startAuthority } from '../lib/authority.mjs';
import { defer, guard, release } from '../lib/cleanup.mjs';
import { fetchOver } from '../lib/fetch.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { jose } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const haproxy = fs.existsSync('/usr/sbin/haproxy') ? false : 'haproxy is not installed';
const proxySecret = 'between us two, and no third party';
const folder = temporaryFolder();
const ca = makeAuthority(folder);
const others = makeAuthority(folder, 'Other CA');
const server = ca.issue('gateway');
const client = ca.issue('reports', { subject: '/C=DE/O=Example, Inc./CN=reports', names: ['reports.example'] });
const stranger = others.issue('stranger', { subject: '/C=DE/O=Example, Inc./CN=reports', names: ['reports.example'] });
const own = ca.issue('own', { selfSigned: true });
const ended = ca.issue('ended', { names: ['reports.example'], days: -1 }); // nginx by itself answers such a one with 400
const served = ca.issue('served', { selfSigned: true, purpose: 'serverAuth' }); // and such a one
const audience = 'https://photos.example';
const upstream = await startUpstream();
const [people, machines, choosy] = [await freePort(), await freePort(), await freePort()];
const issuer = `https://127.0.0.1:${people}/login`;
const alias = `https://127.0.0.1:${machines}`;
const tls = { certificate: server.certFile, key: server.keyFile };
const machine = { scopes: ['read'], audiences: [audience], tls_client_certificate_bound_access_tokens: true };
const gateway = await startGateway({
  config: {
    listen: [
      { address: `127.0.0.1:${people}`, tls: { ...tls, client_certificates: 'off' } },
      { address: `127.0.0.1:${machines}`, tls },
      { address: `127.0.0.1:${choosy}`, tls: { ...tls, client_ca_file: ca.caFile } },
    ],
    issuers: { home: { issuer, audience, ca_file: ca.caFile, introspection: { client_id: 'gateway', client_secret: 'g' } } },
    apis: { photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['home'], scopes: ['read'] } } },
    authority: {
      issuer,
      mtls: { client_ca: `\${file:${ca.caFile}}`, alias },
      tokens: { algorithm: 'ES256' },
      clients: {
        reports: { ...machine, method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=reports,O=Example\\, Inc.,C=DE' },
        named: { ...machine, method: 'tls_client_auth', tls_client_auth_san_dns: 'reports.example', token_format: 'opaque' },
        selfsigned: { ...machine, method: 'self_signed_tls_client_auth', jwks: { keys: [{ ...await jose.exportJWK(new X509Certificate(own.cert).publicKey), x5c: [new X509Certificate(own.cert).raw.toString('base64')] }] } },
        spa: { method: 'none', native: true, redirect_uris: ['http://127.0.0.1/cb'], scopes: ['openid', 'read'], tls_client_certificate_bound_access_tokens: true, audiences: [audience] },
        gateway: { secret: 'g' },
      },
    },
  },
});
const shown = (certificate) => ({ ca: ca.ca, cert: certificate?.cert, key: certificate?.key });
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
const ask = (id, certificate, { base = alias, headers = {} } = {}) => request(`${base}/login/token`, {
  ...shown(certificate), method: 'POST', headers: { ...form, ...headers }, body: `grant_type=client_credentials&client_id=${id}` });
const photos = (token, certificate) => request(`${alias}/photos/1`, { ...shown(certificate), token });
const log = () => fs.readFileSync(path.join(gateway.state, 'authority.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const lastCause = (cause) => until(() => [log().at(-1)].find((line) => line?.cause === cause), `the log to end with ${cause}`);
const introspectable = ['active', 'cnf'];

test('openid-client authenticates by tls_client_auth at the alias and gets a token that is bound to its certificate', async () => {
  const config = await openid.discovery(new URL(issuer), 'reports', { use_mtls_endpoint_aliases: true }, openid.TlsClientAuth(), { [openid.customFetch]: fetchOver(shown(client)) });
  assert.deepEqual(config.serverMetadata().mtls_endpoint_aliases?.token_endpoint, `${alias}/login/token`);
  assert.equal(config.serverMetadata().tls_client_certificate_bound_access_tokens, true);
  assert.ok(config.serverMetadata().token_endpoint_auth_methods_supported.includes('tls_client_auth'));
  const { access_token: token } = await openid.clientCredentialsGrant(config, { scope: 'read' });
  assert.deepEqual(jose.decodeJwt(token).cnf, { 'x5t#S256': client.thumbprint });

  assert.equal((await photos(token, client)).status, 200);
  for (const other of [own, stranger, ended, served]) assert.equal((await photos(token, other)).cause, 'binding.mtls_mismatch');
  assert.equal((await photos(token)).cause, 'binding.mtls_missing');
});

test('oauth4webapi authenticates by self_signed_tls_client_auth with the certificate of its jwks', async () => {
  const options = { [oauth.customFetch]: fetchOver(shown(own)) };
  const as = await oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), options));
  const answer = await oauth.clientCredentialsGrantRequest({ ...as, token_endpoint: as.mtls_endpoint_aliases.token_endpoint }, { client_id: 'selfsigned' }, oauth.TlsClientAuth(), {}, options);
  const { access_token: token } = await oauth.processClientCredentialsResponse(as, { client_id: 'selfsigned' }, answer);
  assert.equal((await photos(token, own)).status, 200);
  assert.equal((await photos(token, client)).cause, 'binding.mtls_mismatch');
});

test('an opaque token is bound as well: introspection tells the gateway to which certificate', async () => {
  const { json } = await ask('named', client);
  assert.match(json.access_token, /^spat_/);
  assert.equal((await photos(json.access_token, client)).status, 200);
  assert.equal((await photos(json.access_token, own)).cause, 'binding.mtls_mismatch');
  const told = await request(`${issuer}/introspect`, { ca: ca.ca, method: 'POST', headers: { ...form, Authorization: `Basic ${btoa('gateway:g')}` }, body: new URLSearchParams({ token: json.access_token }).toString() });
  assert.deepEqual(introspectable.map((name) => told.json[name]), [true, { 'x5t#S256': client.thumbprint }]);
});

test('each wrong certificate is refused with its cause, for the operator with both sides', async () => {
  const rows = [
    ['reports', stranger, 'client.certificate_untrusted'],
    ['reports', own, 'client.certificate_untrusted'],
    ['reports', server, 'client.certificate_mismatch'],
    ['named', server, 'client.certificate_mismatch'],
    ['selfsigned', client, 'client.certificate_mismatch'],
    ['selfsigned', served, 'client.certificate_mismatch'],
    ['reports', ended, 'client.certificate_expired'],
    ['named', ended, 'client.certificate_expired'],
    ['reports', undefined, 'client.certificate_missing'],
  ];
  for (const [id, certificate, cause] of rows) {
    const answer = await ask(id, certificate);
    assert.deepEqual([answer.status, answer.json?.error], [400, 'invalid_client'], `${id} ${cause}: ${answer.text}`);
    const line = await lastCause(cause);
    assert.doesNotMatch(answer.text, /Example/);
    if (id === 'reports' && certificate === server) assert.deepEqual([line.finding.expected, line.finding.received], ['CN=reports,O=Example\\, Inc.,C=DE', 'CN=gateway']);
  }
  // The listener for people asks for no certificate, so none can come that way.
  assert.equal((await ask('reports', client, { base: `https://127.0.0.1:${people}` })).status, 400);
  await lastCause('client.certificate_missing');
});

test('a listener with authorities of its own names the certificate that it does not take, and why', async () => {
  const base = `https://127.0.0.1:${choosy}`;
  assert.equal((await ask('reports', client, { base })).status, 200);
  const dates = new X509Certificate(ended.cert);
  for (const [certificate, cause, expected] of [
    [stranger, 'client.certificate_untrusted', 'a chain that ends at listen.tls.client_ca_file'],
    [own, 'client.certificate_untrusted', 'a chain that ends at listen.tls.client_ca_file'],
    [ended, 'client.certificate_expired', `${dates.validFrom} to ${dates.validTo}`],
  ]) {
    const answer = await request(`${base}/photos/1`, { ...shown(certificate) });
    assert.deepEqual([answer.status, answer.cause], [400, cause]);
    const call = await gateway.call(answer.requestId);
    assert.deepEqual([call.verdict.cause.expected, call.verdict.cause.received], [expected, certificate.thumbprint]);
  }
});

test('a key that is too short is named too, where the client itself lets it pass', async () => {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  openssl('req', '-newkey', 'rsa:1024', '-nodes', '-subj', '/CN=short', '-keyout', 'short.key', '-out', 'short.csr');
  openssl('x509', '-req', '-in', 'short.csr', '-CA', path.basename(ca.caFile), '-CAkey', path.basename(ca.caFile).replace('.pem', '.key'), '-days', '20', '-out', 'short.pem');
  const [cert, key] = ['short.pem', 'short.key'].map((name) => fs.readFileSync(path.join(folder, name)));
  const answer = await request(`https://127.0.0.1:${choosy}/photos/1`, { ca: ca.ca, cert, key, ciphers: 'DEFAULT@SECLEVEL=0' });
  assert.deepEqual([answer.status, answer.cause], [400, 'client.certificate_untrusted']);
  assert.match((await gateway.call(answer.requestId)).verdict.cause.detail, /key too weak/);
});

test('nobody can say that he showed a certificate: the headers of clients do not reach the authority', async () => {
  const certificate = encodeURIComponent(client.cert.toString());
  const names = ['X-Sallyport-Client-Certificate', 'x-sallyport-client-certificate', 'X_Sallyport_Client_Certificate', 'Client-Cert', 'X-SSL-Client-Cert'];
  for (const base of [alias, `https://127.0.0.1:${people}`])
    for (const name of names) {
      const { status } = await ask('reports', undefined, { base, headers: { [name]: certificate, 'X-Sallyport-Proxy-Secret': 'x' } });
      assert.equal(status, 400);
      await lastCause('client.certificate_missing');
    }
  // Beside another certificate the client's own header changes nothing either.
  assert.equal((await ask('reports', own, { headers: { 'X-Sallyport-Client-Certificate': certificate } })).status, 400);
  await lastCause('client.certificate_untrusted');
  // The secret is nowhere that others can read.
  assert.equal(fs.statSync(path.join(gateway.state, 'nginx.authority.conf')).mode & 0o077, 0);
  const secret = /Proxy-Secret "([0-9a-f]{64})"/.exec(fs.readFileSync(path.join(gateway.state, 'nginx.authority.conf'), 'utf8'))[1];
  for (const file of fs.readdirSync(gateway.state).filter((name) => /\.(conf|jsonl|json|log)$/.test(name) && name !== 'nginx.authority.conf'))
    assert.ok(!fs.readFileSync(path.join(gateway.state, file), 'utf8').includes(secret), file);
});

test('whoever enters the socket without the secret is not believed', async () => {
  const answer = await new Promise((resolve, reject) => {
    import('node:http').then(({ default: http }) => {
      const outgoing = http.request({ socketPath: path.join(gateway.state, 'authority.sock'), path: '/login/token', method: 'POST',
        headers: { ...form, 'X-Sallyport-Client-Certificate': encodeURIComponent(client.cert.toString()), 'X-Sallyport-Proxy-Secret': '0'.repeat(64) } }, resolve);
      outgoing.on('error', reject);
      outgoing.end('grant_type=client_credentials&client_id=reports');
    });
  });
  assert.equal(answer.statusCode, 400);
  await lastCause('client.certificate_missing');
});

test('the authority alone behind HAProxy, which hands the certificate on as RFC 9440 has it', { skip: haproxy }, async () => {
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const alone = await startAuthority({
    authority: {
      issuer: url,
      mtls: { proxy_secret: proxySecret, client_ca: ca.ca.toString() },
      clients: { reports: { ...machine, method: 'tls_client_auth', tls_client_auth_san_dns: 'reports.example' } },
    },
  });
  fs.writeFileSync(path.join(folder, 'both.pem'), Buffer.concat([server.cert, server.key]));
  fs.writeFileSync(path.join(folder, 'haproxy.cfg'), `defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend tls
  bind 127.0.0.1:${port} ssl crt ${folder}/both.pem verify optional ca-file ${ca.caFile} crt-ignore-err all ca-ignore-err all
  http-request del-header X-Sallyport-Client-Certificate
  http-request set-header X-Sallyport-Client-Certificate :%[ssl_c_der,base64]: if { ssl_c_used }
  http-request set-header X-Sallyport-Proxy-Secret "${proxySecret}"
  default_backend authority
backend authority
  server one ${new URL(alone.listen).host}
`);
  const child = spawn('/usr/sbin/haproxy', ['-f', path.join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  guard(child.pid);
  const ended = new Promise((resolve) => child.on('close', resolve));
  defer(async () => {
    child.kill('SIGTERM');
    await ended;
    release(child.pid);
  });
  await until(() => request(`${url}/jwks`, { ca: ca.ca }).then(({ status }) => status === 200, () => false), 'HAProxy to answer');
  const over = (certificate, headers = {}) => request(`${url}/token`, { ...shown(certificate), method: 'POST', headers: { ...form, ...headers }, body: 'grant_type=client_credentials&client_id=reports' });
  const good = await over(client);
  assert.equal(good.status, 200, good.text);
  assert.deepEqual(jose.decodeJwt(good.json.access_token).cnf, { 'x5t#S256': client.thumbprint });
  assert.equal((await over(stranger)).status, 400);
  await alone.lastLine('client.certificate_untrusted');
  assert.equal((await over(undefined, { 'X-Sallyport-Client-Certificate': encodeURIComponent(client.cert.toString()) })).status, 400);
  await alone.lastLine('client.certificate_missing');
  // Past the proxy, at its own port, nobody is believed.
  const direct = await request(`${alone.listen}/token`, { method: 'POST', headers: { ...form, 'X-Sallyport-Client-Certificate': encodeURIComponent(client.cert.toString()) }, body: 'grant_type=client_credentials&client_id=reports' });
  assert.equal(direct.status, 400);
});
