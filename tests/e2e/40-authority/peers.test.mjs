// SPDX-License-Identifier: Apache-2.0
// Relying parties and gateways that take what the authority issues: Apache's mod_auth_openidc, HAProxy's jwt_verify, our own gateway.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { defer, guard, release, reportOnFailure } from '../lib/cleanup.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { breakSignature, jose } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const modules = '/usr/lib/apache2/modules';
const apache = fs.existsSync(`${modules}/mod_auth_openidc.so`) ? false : 'mod_auth_openidc is not installed';
const haproxy = fs.existsSync('/usr/sbin/haproxy') ? false : 'haproxy is not installed';
const audience = 'https://api.example';
const port = await freePort();
const authority = await startAuthority({
  authority: {
    clients: {
      apache: { name: 'Apache', secret: 'a secret', redirect_uris: [`http://127.0.0.1:${port}/private/callback`], scopes: ['openid', 'profile'], skip_consent: true, backchannel_logout_uri: `http://127.0.0.1:${port}/private/callback?logout=backchannel` },
      machine: { secret: 's', scopes: ['read'], audiences: [audience] },
      reference: { secret: 's', scopes: ['read'], audiences: [audience], token_format: 'opaque' },
      gateway: { secret: 'g' },
    },
  },
});
const tokenOf = async (id) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: [id, 's'] })).json.access_token;

/** A peer in the foreground; killed when the file ends. */
async function startPeer(command, args, url) {
  let output = '';
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  guard(child.pid);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const closed = new Promise((resolve) => child.on('close', resolve));
  defer(async () => {
    child.kill('SIGTERM');
    await closed;
    release(child.pid);
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${output}`);
    return request(url).then(() => true, () => false);
  }, `${command} to answer`);
}

test('Apache with mod_auth_openidc signs a person in', { skip: apache }, async () => {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, 'private'));
  fs.writeFileSync(path.join(folder, 'private/page.html'), 'behind the door');
  const load = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'auth_openidc'].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`);
  fs.writeFileSync(path.join(folder, 'httpd.conf'), `${load.join('\n')}
ServerName 127.0.0.1
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
DocumentRoot ${folder}
OIDCProviderMetadataURL ${authority.issuer}/.well-known/openid-configuration
OIDCClientID apache
OIDCClientSecret "a secret"
OIDCRedirectURI http://127.0.0.1:${port}/private/callback
OIDCCryptoPassphrase ${crypto.randomUUID()}
OIDCScope "openid profile"
OIDCPKCEMethod S256
<Location /private>
  AuthType openid-connect
  Require valid-user
  Header always set X-Name "expr=%{reqenv:OIDC_CLAIM_name}"
</Location>
`);
  await startPeer('/usr/sbin/apache2', ['-X', '-f', path.join(folder, 'httpd.conf')], `http://127.0.0.1:${port}/`);
  reportOnFailure(() => fs.readFileSync(path.join(folder, 'error.log'), 'utf8'));
  const application = startBrowser();
  const person = startBrowser();
  const away = await application.open(`http://127.0.0.1:${port}/private/page.html`);
  assert.equal(away.location.origin, authority.issuer, away.text);
  await person.open(away.location);
  const { location } = await person.signIn();
  const page = await application.open(location);
  assert.equal(page.status, 200, page.text);
  assert.equal(page.text, 'behind the door');
  assert.equal(page.headers['x-name'], 'Ann Example');
  // Signed out at the authority, the person is signed out there: mod_auth_openidc takes the logout token.
  await person.open(`${authority.issuer}/logout`);
  await person.submit({ step: 'signout' });
  await until(async () => (await application.open(`http://127.0.0.1:${port}/private/page.html`)).location?.origin === authority.issuer, 'Apache to end its session');
});

test('HAProxy verifies its tokens with the published key', { skip: haproxy }, async () => {
  const folder = temporaryFolder();
  const { keys: [key] } = (await authority.get('/jwks')).json;
  fs.writeFileSync(path.join(folder, 'key.pem'), await jose.exportSPKI(await jose.importJWK(key, key.alg)));
  const listener = await freePort();
  fs.writeFileSync(path.join(folder, 'haproxy.cfg'), `defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend api
  bind 127.0.0.1:${listener}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(${key.alg},"${folder}/key.pem") 1 }
  http-request deny deny_status 403 unless { var(txn.bearer),jwt_payload_query('$.iss') -m str ${authority.issuer} }
  http-request deny deny_status 403 unless { var(txn.bearer),jwt_payload_query('$.aud') -m str ${audience} }
  http-request return status 200
`);
  await startPeer('/usr/sbin/haproxy', ['-f', path.join(folder, 'haproxy.cfg')], `http://127.0.0.1:${listener}/`);
  const token = await tokenOf('machine');
  assert.equal((await request(`http://127.0.0.1:${listener}/`, { token })).status, 200);
  assert.equal((await request(`http://127.0.0.1:${listener}/`, { token: breakSignature(token) })).status, 401);
});

test('our own gateway takes its JWTs and asks it about its opaque tokens', async () => {
  const upstream = await startUpstream();
  const gateway = await startGateway({
    config: {
      issuers: { home: { issuer: authority.issuer, audience, introspection: { endpoint: `${authority.issuer}/introspect`, client_id: 'gateway', client_secret: 'g' } } },
      apis: { photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['home'], scopes: ['read'], introspect: true } } },
    },
  });
  for (const id of ['machine', 'reference']) {
    const token = await tokenOf(id);
    const answer = await gateway.get('/photos/1', { token });
    assert.equal(answer.status, 200, `${id}: ${answer.text}`);
  }
  const revoked = await tokenOf('reference');
  await authority.post('/revoke', { token: revoked }, { basic: ['reference', 's'] });
  const refused = await gateway.get('/photos/1', { token: revoked });
  assert.equal(refused.status, 401);
  assert.equal(refused.cause, 'introspection.inactive');
});
