// SPDX-License-Identifier: Apache-2.0
// Apache with mod_oauth2 and HAProxy with jwt_verify in front of an API, each started with a configuration of its own. What they say of a call: the
// answer's status and challenge, and what stands in the error log of Apache, in the text that HAProxy's rule was given.
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { guard, release } from '../lib/cleanup.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/wait.mjs';

const modules = '/usr/lib/apache2/modules';
const exists = (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/** Why a server cannot be asked here, or null. */
export const missing = {
  mod_oauth2: () => (exists('apache2') && fs.existsSync(`${modules}/mod_oauth2.so`) ? null : 'apache2 with libapache2-mod-oauth2 is not installed'),
  HAProxy: () => (exists('haproxy') ? null : 'haproxy is not installed'),
};

async function start(argv, port, folder) {
  const log = fs.openSync(path.join(folder, 'output.log'), 'w');
  const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', log, log] });
  fs.closeSync(log);
  guard(child.pid);
  const ended = new Promise((resolve) => child.on('close', resolve));
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await ended;
    release(child.pid);
  };
  try {
    await until(() => {
      if (child.exitCode !== null) throw new Error(fs.readFileSync(path.join(folder, 'output.log'), 'utf8'));
      return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1', () => resolve(socket.destroy())).on('error', () => resolve(false));
      });
    }, argv[0], 5_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** The call that every gateway is asked to judge. */
async function call(port, token) {
  const answer = await request(`http://127.0.0.1:${port}/photos`, { token, timeout: 60_000 });
  return answer.status < 300 ? { accepted: true } : { answer };
}

/** What a page says beside its title. */
const plainText = (html) => html.replace(/<(title|h1)>.*?<\/\1>/gs, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();

/** liboauth2 trusts the system's CAs and has no option for another file: it sees the lab's in their place, in a mount namespace of its own. */
const trusting = (ca, conf) => ['unshare', '--mount', ...(process.getuid() === 0 ? [] : ['--map-root-user']), 'sh', '-c',
  'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec apache2 -f "$1" -DFOREGROUND', ca, conf];

/** A fresh Apache each time: it keeps metadata and keys. Policy: issuer, audience, scope, tenant. */
export async function askApache(lab, parent) {
  const folder = fs.mkdtempSync(path.join(parent, 'apache-'));
  const port = await freePort();
  const loads = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'oauth2'];
  const write = (name, text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  fs.mkdirSync(path.join(folder, 'www'));
  fs.chmodSync(folder, 0o755);
  write('www/photos', 'photos\n');
  const conf = write('apache.conf', `
ServerRoot ${folder}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
LogLevel warn authz_core:debug
ServerName localhost
Listen 127.0.0.1:${port}
${loads.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
Mutex file:${folder} default
DocumentRoot ${folder}/www
<Location />
  AuthType oauth2
  OAuth2TokenVerify metadata ${lab.metadata_url} verify.exp=required&verify.iat=required&verify.iat.slack_before=86400
  <RequireAll>
    Require oauth2_claim iss:${lab.issuer}
    Require oauth2_claim aud:${lab.audience}
    Require oauth2_claim "scope:${lab.scope}"
    Require oauth2_claim tenant:lab
  </RequireAll>
</Location>
`);
  const stop = await start(lab.tls ? trusting(lab.ca_file, conf) : ['apache2', '-f', conf, '-DFOREGROUND'], port, folder);
  try {
    const { accepted, answer } = await call(port, lab.token);
    if (accepted) return { accepted };
    const head = [`${answer.status}`, answer.headers['www-authenticate'], answer.status === 401 ? '' : plainText(answer.text)].filter(Boolean).join(' ');
    return { said: [head, ...fs.readFileSync(path.join(folder, 'error.log'), 'utf8').split('\n').flatMap(toldBy)] };
  } finally {
    await stop();
  }
}

/** What a line of the error log tells of a call: warnings and errors, and which Require was denied. */
function toldBy(line) {
  if (!line.includes('[client ')) return [];
  const text = line.replace(/^(\[[^\]]*\] )+/, '').replace(/^[\w/.]+\.c\(\d+\): /, '').replace(/^(\[[^\]]*\] )+/, '');
  if (/\[\w*:(error|warn|crit)\]/.test(line)) return [text];
  return / Require oauth2_claim .*: denied$/.test(line) ? [text] : [];
}

/** HAProxy reads a key from a file and no key set: the lab's own key, as its operator would have put it there. Each check has a text of its own. */
export async function askHaproxy(lab, parent) {
  const folder = fs.mkdtempSync(path.join(parent, 'haproxy-'));
  const [port, upstream] = [await freePort(), new URL(lab.api).port];
  const file = path.join(folder, 'haproxy.cfg');
  fs.writeFileSync(path.join(folder, 'key.pem'), crypto.createPublicKey({ key: lab.key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }));
  const verdict = 'lf-string "jwt_verify %[var(txn.verdict)]"';
  const refuse = (text) => `http-request return status 401 content-type text/plain string "${text}"`;
  fs.writeFileSync(file, `
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend in
  bind 127.0.0.1:${port}
  http-request set-var(txn.alg) http_auth_bearer,jwt_header_query('$.alg')
  http-request set-var(txn.iss) http_auth_bearer,jwt_payload_query('$.iss')
  http-request set-var(txn.aud) http_auth_bearer,jwt_payload_query('$.aud')
  http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')
  http-request set-var(txn.scope) http_auth_bearer,jwt_payload_query('$.scope')
  http-request set-var(txn.tenant) http_auth_bearer,jwt_payload_query('$.tenant')
  http-request set-var(txn.now) date()
  ${refuse('JWT algorithm refused')} unless { var(txn.alg) -m str RS256 }
  http-request set-var(txn.verdict) http_auth_bearer,jwt_verify(txn.alg,"${folder}/key.pem")
  http-request return status 401 content-type text/plain ${verdict} unless { var(txn.verdict) -m int 1 }
  ${refuse('JWT issuer refused')} unless { var(txn.iss) -m str ${lab.issuer} }
  ${refuse('JWT audience refused')} unless { var(txn.aud) -m str ${lab.audience} }
  ${refuse('JWT has expired')} if { var(txn.exp),sub(txn.now) -m int lt 0 }
  ${refuse('JWT scope refused')} unless { var(txn.scope) -m sub read }
  ${refuse('JWT tenant refused')} unless { var(txn.tenant) -m str lab }
  default_backend api
backend api
  server one 127.0.0.1:${upstream}
`);
  const stop = await start(['haproxy', '-f', file, '-db', '-q'], port, folder);
  try {
    const { accepted, answer } = await call(port, lab.token);
    return accepted ? { accepted } : { said: [`${answer.status} ${plainText(answer.text)}`] };
  } finally {
    await stop();
  }
}
