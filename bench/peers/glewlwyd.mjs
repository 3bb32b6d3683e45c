// SPDX-License-Identifier: Apache-2.0
// Debian's glewlwyd with its own SQLite database and two OpenID Connect plugins, one an algorithm, configured by its admin API.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { freePort } from '../../tests/e2e/lib/ports.mjs';

const tables = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
export const glewlwydMissing = !fs.existsSync('/usr/bin/glewlwyd') || !fs.existsSync(tables);

/** A session of glewlwyd's API: post(path, object, method) with the cookie of the login. */
async function session(base, username, password) {
  const login = await fetch(`${base}/api/auth/`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username, password }) });
  const cookie = login.headers.get('set-cookie').split(';')[0];
  const ask = (where, options = {}) => fetch(base + where, { redirect: 'manual', ...options, headers: { Cookie: cookie, ...options.headers } });
  return {
    ask,
    put: async (where, object, method = 'POST') => {
      const answer = await ask(where, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(object) });
      if (answer.status !== 200) throw new Error(`glewlwyd: ${where}: ${answer.status} ${await answer.text()}`);
    },
  };
}

const plugin = (name, iss, type, key, cert) => ({
  module: 'oidc', name, display_name: name, enabled: true,
  parameters: {
    iss, 'jwt-type': type, 'jwt-key-size': '256', key, cert, 'access-token-duration': 600, 'refresh-token-duration': 86400, 'code-duration': 600,
    'refresh-token-rolling': false, 'refresh-token-one-use': 'always', 'allow-non-oidc': true, 'auth-type-code-enabled': true, 'auth-type-token-enabled': false,
    'auth-type-id-token-enabled': true, 'auth-type-password-enabled': false, 'auth-type-client-enabled': true, 'auth-type-device-enabled': false,
    'auth-type-refresh-enabled': true, scope: [], 'additional-parameters': [], claims: [], 'jwks-show': true, 'jwks-x5c': [], 'introspection-revocation-allowed': true,
    'introspection-revocation-auth-scope': [], 'introspection-revocation-allow-target-client': true, 'pkce-allowed': true, 'pkce-method-plain-allowed': false,
    'subject-type': 'public', 'restrict-scope-client-property': '',
  },
});

/**
 * start({ folder, prefix, issuerOf, callback }): prefix is the command that pins it; issuerOf(base, plugin): what a plugin calls itself. Resolves to
 * { pid, base, ann (her session), stop }.
 */
export async function startGlewlwyd({ folder, prefix, issuerOf = (base) => base, callback = 'https://app.example/callback' }) {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const file = (name) => path.join(folder, name);
  execFileSync('sqlite3', [file('glewlwyd.db')], { input: fs.readFileSync(tables) });
  execFileSync('openssl', ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', file('ec.key')], { stdio: 'ignore' });
  execFileSync('openssl', ['genrsa', '-out', file('rsa.key'), '2048'], { stdio: 'ignore' });
  for (const kind of ['ec', 'rsa']) execFileSync('openssl', ['pkey', '-in', file(`${kind}.key`), '-pubout', '-out', file(`${kind}.pem`)]);
  fs.writeFileSync(file('glewlwyd.conf'), fs.readFileSync('/etc/glewlwyd/glewlwyd.conf', 'utf8')
    .replace(/^port=.*/m, `port=${port}\nstatic_files_path="/usr/share/glewlwyd/webapp"`).replace(/^external_url=.*/m, `external_url="${base}"`).replace(/^log_mode=.*/m, 'log_mode="console"')
    .replace(/^log_level=.*/m, 'log_level="NONE"').replace(/^@include.*glewlwyd-db.*/m, `database = { type = "sqlite3"; path = "${file('glewlwyd.db')}"; };`));
  const child = spawn(prefix[0], [...prefix.slice(1), 'glewlwyd', '-c', file('glewlwyd.conf')], { stdio: 'ignore' });
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error('glewlwyd did not start');
    if (await fetch(`${base}/api/auth/`).then(() => true, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const admin = await session(base, 'admin', 'password');
  const read = (name) => fs.readFileSync(file(name), 'utf8');
  await admin.put('/api/scope/', { name: 'read', display_name: 'read', password_required: false, scheme: {} });
  await admin.put('/api/mod/plugin/', plugin('ES256', issuerOf(base, 'ES256'), 'ecdsa', read('ec.key'), read('ec.pem')));
  await admin.put('/api/mod/plugin/', plugin('RS256', issuerOf(base, 'RS256'), 'rsa', read('rsa.key'), read('rsa.pem')));
  await admin.put('/api/client/', {
    client_id: 'app', name: 'app', confidential: true, enabled: true, password: 's', client_secret: 's', token_endpoint_auth_method: ['client_secret_basic'],
    redirect_uri: [callback], authorization_type: ['code', 'client_credentials', 'refresh_token'], scope: ['read'],
  });
  await admin.put('/api/user/', { username: 'ann', name: 'Ann', password: 'ann-secret-1', scope: ['openid', 'read'], enabled: true, email: 'ann@example.test' });
  const ann = await session(base, 'ann', 'ann-secret-1');
  await ann.put('/api/auth/grant/app', { scope: 'openid read' }, 'PUT');
  return { pid: child.pid, base, ann, stop: () => child.kill('SIGTERM') };
}
