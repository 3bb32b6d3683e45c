// SPDX-License-Identifier: Apache-2.0
// Relying parties that nobody here wrote, at the lab's issuer: an application with npm's openid-client, and Apache with mod_auth_openidc. Each says of a
// walk – a login, a refresh, a sign-out, a device – whether it let the person through, directly or with a recorder between it and the issuer.
//
// A party: { go(way, { recorded }) → { passed, said }, forget(): what it keeps of the issuer }
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBrowser } from './browser.mjs';
import { defer, guard, release, reportOnFailure } from './cleanup.mjs';
import { sanitizing } from './cli.mjs';
import { request } from './http.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

/** Seconds that they wait for an answer: faults of time cost as many. */
const patience = sanitizing ? 10 : 2;

/** Follows a page through redirects to other places, and through a form that is there to be posted on. */
async function follow(browser, url) {
  let page = await browser.open(url);
  for (let hops = 0; hops < 10; hops++) {
    if (page.location) page = await browser.open(page.location);
    else if (page.status === 200 && /<form method="post"/.test(page.text)) page = await browser.submit({});
    else break;
  }
  return page;
}

/** A network that fails is a way to fail closed. */
async function attempt(walk) {
  try {
    return await walk();
  } catch (error) {
    return { passed: false, said: `${error.code ?? ''} ${error.message}` };
  }
}

function startChild(command, args, env = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  guard(child.pid);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const closed = new Promise((resolve) => child.on('close', resolve));
  defer(async () => {
    child.kill('SIGTERM');
    await closed;
    release(child.pid);
  });
  return { ended: () => child.exitCode !== null, output: () => output };
}

/** startNodeParty(lab, { detour: origin of a recorder }) */
export async function startNodeParty(lab, { detour } = {}) {
  const program = fileURLToPath(new URL('node_relying_party.mjs', import.meta.url));
  const child = startChild(process.execPath, [program], {
    ISSUER: lab.issuer, CLIENT_ID: lab.client_id, CLIENT_SECRET: lab.client_secret, DETOUR: detour ?? '', TIMEOUT_S: String(patience), NODE_EXTRA_CA_CERTS: lab.ca_file, NODE_NO_WARNINGS: '1',
  });
  const origin = await until(() => {
    if (child.ended()) throw new Error(child.output());
    return child.output().match(/^(http:\S+)\n/)?.[1];
  }, 'the Node relying party');
  reportOnFailure(child.output);
  const ways = { refresh: '/refresh', logout: '/logout' };
  async function go(way = 'plain', { recorded = false, kept = false, browser = startBrowser({}, { ca: lab.ca }) } = {}) {
    const words = `${recorded ? '&detour' : ''}${kept ? '&kept' : ''}`;
    const first = way === 'device' ? `/device?${words}` : `/login?way=${ways[way] ? 'plain' : way}${words}`;
    let page = await follow(browser, origin + first);
    if (page.status === 200 && ways[way]) page = await follow(browser, origin + ways[way]);
    const passed = page.status === 200 && new URL(page.url).origin === origin;
    return { passed, said: page.text.trim().slice(0, 500), status: page.status };
  }
  return { name: 'openid-client', origin, go: (way, options) => attempt(() => go(way, options)), forget() {} };
}

const modules = '/usr/lib/apache2/modules';
export const apacheMissing = fs.existsSync(`${modules}/mod_auth_openidc.so`) ? false : 'mod_auth_openidc is not installed';

/** One virtual host: the issuer directly, or the recorder in its place. */
const host = (lab, port, metadata, folder) => `
Listen 127.0.0.1:${port}
<VirtualHost 127.0.0.1:${port}>
  OIDCProviderMetadataURL ${metadata}
  OIDCRedirectURI http://127.0.0.1:${port}/private/callback
  OIDCClientID ${lab.client_id}
  OIDCClientSecret ${lab.client_secret}
  OIDCCryptoPassphrase ${crypto.randomUUID()}
  OIDCScope "openid offline_access read"
  OIDCPKCEMethod S256
  OIDCAuthRequestParams max_age=86400&acr_values=urn%3Alab%3A2
  OIDCHTTPTimeoutShort ${patience}
  OIDCHTTPTimeoutLong ${patience}
  OIDCCABundlePath ${lab.ca_file}
  OIDCSSLValidateServer On
  OIDCCacheType file
  OIDCCacheDir ${folder}/cache
  OIDCDefaultLoggedOutURL http://127.0.0.1:${port}/bye.html
  <Location /private>
    AuthType openid-connect
    Require valid-user
    Header always set X-Subject "expr=%{reqenv:OIDC_CLAIM_sub}"
    Header always set X-Access-Token "expr=%{reqenv:OIDC_access_token}"
  </Location>
</VirtualHost>`;

/** startApacheParty(lab, folder, { detour: URL of a recorder that stands for the issuer }) */
export async function startApacheParty(lab, parent, { detour } = {}) {
  const folder = fs.mkdtempSync(path.join(parent, 'apache-'));
  const [direct, recordedPort] = [await freePort(), await freePort()];
  for (const name of ['cache', 'private']) fs.mkdirSync(path.join(folder, name));
  fs.writeFileSync(path.join(folder, 'private/page.html'), 'behind the door');
  fs.writeFileSync(path.join(folder, 'bye.html'), 'signed out');
  const load = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'auth_openidc'].map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`);
  fs.writeFileSync(path.join(folder, 'httpd.conf'), `${load.join('\n')}
ServerName 127.0.0.1
ServerRoot ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Mutex file:${folder} default
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
DocumentRoot ${folder}
${host(lab, direct, lab.metadata_url, folder)}
${detour ? host(lab, recordedPort, `${detour}/.well-known/openid-configuration`, folder) : ''}
`);
  /* Started by root, Apache's workers are somebody else; here they stay who starts them, as its folder is ours. */
  const child = startChild('/usr/sbin/apache2', ['-X', '-f', path.join(folder, 'httpd.conf')]);
  await until(() => {
    if (child.ended()) throw new Error(`apache2 ended: ${child.output()}${fs.readFileSync(path.join(folder, 'error.log'), 'utf8')}`);
    return request(`http://127.0.0.1:${direct}/bye.html`).then(() => true, () => false);
  }, 'apache2 to answer');
  reportOnFailure(() => fs.readFileSync(path.join(folder, 'error.log'), 'utf8').split('\n').slice(-40).join('\n'));
  const said = (from) => fs.readFileSync(path.join(folder, 'error.log'), 'utf8').slice(from).split('\n').filter((line) => /:(error|warn)\]/.test(line)).slice(0, 4)
    .map((line) => line.replace(/^(\[[^\]]*\] )+/, '')).join(' ← ').slice(0, 500);
  async function go(way = 'plain', { recorded = false, browser = startBrowser({}, { ca: lab.ca }) } = {}) {
    const origin = `http://127.0.0.1:${recorded ? recordedPort : direct}`;
    const from = fs.statSync(path.join(folder, 'error.log')).size;
    let page = await follow(browser, `${origin}/private/page.html`);
    let passed = page.status === 200 && page.text === 'behind the door' && page.headers['x-subject'] === 'lab-user';
    if (passed && way === 'logout') {
      page = await follow(browser, `${origin}/private/callback?logout=${encodeURIComponent(`${origin}/bye.html`)}`);
      passed = page.text === 'signed out';
    }
    if (passed && way === 'refresh') {
      const back = encodeURIComponent(`${origin}/private/page.html`);
      page = await follow(browser, `${origin}/private/callback?refresh=${back}&access_token=${encodeURIComponent(page.headers['x-access-token'])}`);
      passed = page.text === 'behind the door' && !page.url.includes('error_code');
    }
    return { passed, said: passed ? page.text : `${page.status} ${said(from)}`, status: page.status };
  }
  const forget = () => fs.readdirSync(path.join(folder, 'cache')).forEach((name) => fs.rmSync(path.join(folder, 'cache', name)));
  return { name: 'mod_auth_openidc', go: (way, options) => attempt(() => go(way, options)), forget };
}
