// SPDX-License-Identifier: Apache-2.0
// Guest mode: the user's own nginx, a sallyport.yaml and two directives.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { module } from '../lib/cli.mjs';
import { makeCorp } from '../lib/corp.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { nginxEnvironment, startNginx } from '../lib/nginx.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { request } from '../lib/http.mjs';
import { jwks, makeKey, makeToken } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const corp = await makeCorp();
const upstream = await startUpstream();
const yaml = `
issuers:
  corp:
    issuer: https://idp.example
    jwks_file: corp.json
    algorithms: [ES256]
    audience: https://api.example
apis:
  photos:
    match: {path: /photos}
    upstream: {url: "http://127.0.0.1:9"}   # a guest's own proxy_pass is what counts
    auth: {issuers: [corp], scopes: [read]}
    identity_headers: {X-User: sub}
  counted:
    match: {path: /counted}
    upstream: {url: "http://127.0.0.1:9"}
    auth: {anonymous: true}
    limits: [{per: ip, requests: 1, window: 1h}]
`;
const gateway = await startNginx({
  files: corp.files,
  policy: yaml,
  server: `
    location / { return 200 "open"; }
    location /photos { sallyport on; proxy_pass ${upstream.url}; add_header X-Subject $sallyport_subject; }
    location /static/ { sallyport on; proxy_pass ${upstream.url}; }`,
});

test('calls to a guarded location need a token, others do not', async () => {
  assert.equal((await gateway.get('/')).text, 'open');
  const refused = await gateway.get('/photos/1');
  assert.deepEqual([refused.status, refused.cause], [401, 'token.missing']);
  const { status, json, headers } = await gateway.get('/photos/1', { token: await corp.token({ scope: 'read' }), headers: { 'X-User': 'root' } });
  assert.equal(status, 200);
  assert.equal(json.headers['x-user'], 'alice');
  assert.equal(headers['x-subject'], 'alice');
});

test('nginx reloads, as often as one likes, and what was counted is kept', async () => {
  const location = `location /counted { sallyport on; proxy_pass ${upstream.url}; }`;
  for (const round of [1, 2]) {
    const port = await freePort();
    const before = gateway.workerPids();
    await until(async () => (await gateway.status()).causes['token.missing'] === 1, 'the refused call above to be counted');
    gateway.reload({ http: `server { listen 127.0.0.1:${port}; ${location} }` });
    const added = () => request(`http://127.0.0.1:${port}/counted/1`);
    const { status, cause } = await until(added, `the listener of reload ${round} to answer\n${gateway.errors()}`);
    assert.deepEqual([status, cause], round === 1 ? [200, undefined] : [429, 'quota.exceeded'], 'the window of the first round is kept');
    await until(() => gateway.workerPids().every((pid) => !before.includes(pid)), 'the old workers to end');
    assert.equal((await gateway.status()).causes['token.missing'], 1, 'the counters go on');
  }
  assert.doesNotMatch(gateway.errors(), /\[(crit|emerg)\]/);
});

test('a changed jwks_file is taken, a broken one takes no keys away', async () => {
  const file = path.join(gateway.folder, 'corp.json'), before = fs.readFileSync(file);
  const write = (text) => {
    fs.writeFileSync(`${file}.next`, text);
    fs.renameSync(`${file}.next`, file);
  };
  const status = async (token) => (await gateway.get('/photos/1', { token })).status;
  const leaked = await corp.token({ scope: 'read' }), known = await corp.token({ scope: 'read' });
  assert.equal(await status(known), 200);
  const fresh = await makeKey('ES256', { kid: corp.key.kid }), ofFresh = () => makeToken(fresh, { iss: corp.issuer, aud: 'https://api.example', scope: 'read' });
  write(JSON.stringify(jwks(fresh)));
  await until(async () => (await status(await ofFresh())) === 200, 'the new key to count');
  assert.deepEqual([await status(leaked), await status(known)], [401, 401], 'what the old key signed, never seen and known');
  write('{"keys": [');
  await until(() => gateway.errors().includes('jwks_file'), 'the broken file to be told');
  assert.equal(await status(await ofFresh()), 200);
  write(before);
  await until(async () => (await status(await corp.token({ scope: 'read' }))) === 200, 'the first key again');
});

test('a location that no route covers is closed', async () => {
  const { status, cause, text } = await gateway.get('/static/1', { token: await corp.token({ scope: 'read' }) });
  assert.deepEqual([status, cause], [404, 'route.none']);
  assert.doesNotMatch(text, /"server"/);
});

test('nginx does not start on a broken policy, and says why', () => {
  const folder = temporaryFolder();
  const check = (policy, http = '') => {
    fs.writeFileSync(path.join(folder, 'sallyport.yaml'), policy);
    fs.writeFileSync(path.join(folder, 'nginx.conf'), `load_module ${module}; pid ${folder}/pid; error_log stderr; events {}
      http { ${http} access_log off; server { listen unix:${folder}/s; location / { sallyport on; return 200; } } }`);
    return spawnSync('/usr/sbin/nginx', ['-t', '-c', path.join(folder, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8', env: nginxEnvironment(folder) });
  };
  const broken = check('apis: {photos: {mach: {path: /}}}', `sallyport_policy ${folder}/sallyport.yaml;`);
  assert.notEqual(broken.status, 0);
  assert.match(broken.stderr, /config\.unknown_member/);
  const nowhere = check('apis: {photos: {match: {path: /photos}, auth: {anonymous: true}}}', `sallyport_policy ${folder}/sallyport.yaml;`);
  assert.notEqual(nowhere.status, 0);
  assert.match(nowhere.stderr, /config\.type[^]*apis\.photos\.upstream is absent/, 'docs/guest-nginx.md says so');
  for (const nothing of ['', '# nothing yet\n', '{}']) {
    const empty = check(nothing, `sallyport_policy ${folder}/sallyport.yaml;`);
    assert.notEqual(empty.status, 0, nothing);
    assert.match(empty.stderr, /config\.type: .*sallyport\.yaml.* empty: it has neither apis/, nothing);
  }
  const unnamed = check('', 'sallyport_policy "";');
  assert.notEqual(unnamed.status, 0);
  assert.match(unnamed.stderr, /"sallyport_policy" directive names no file/);
  const missing = check('', '');
  assert.notEqual(missing.status, 0);
  assert.match(missing.stderr, /needs "sallyport_policy FILE"/);
});

test('nginx -t warns of a guarded location that answers before anybody is judged', () => {
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'sallyport.yaml'), 'apis: {all: {match: {path: /}, upstream: {url: "http://127.0.0.1:9"}, auth: {anonymous: true}}}');
  const warnings = (server, http = '') => {
    fs.writeFileSync(path.join(folder, 'nginx.conf'), `load_module ${module}; pid ${folder}/pid; error_log stderr; events {}
      http { sallyport_policy ${folder}/sallyport.yaml; access_log off; ${http} server { listen unix:${folder}/s; ${server} } }`);
    const { status, stderr } = spawnSync('/usr/sbin/nginx', ['-t', '-c', path.join(folder, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8', env: nginxEnvironment(folder) });
    assert.equal(status, 0, stderr);
    return [...stderr.matchAll(/\[warn\].*sallyport: (.*) answers without a judgement/g)].map(([, what]) => what);
  };
  const proxy = 'proxy_pass http://127.0.0.1:9;';
  assert.deepEqual(warnings('location /a { sallyport on; return 200 hi; }'), ['"return" in the guarded location /a']);
  assert.deepEqual(warnings(`location /b { sallyport on; if ($request_method = OPTIONS) { return 204; } ${proxy} }`), ['"return" in the guarded location /b']);
  assert.deepEqual(warnings('location /c { sallyport on; rewrite ^/c/(.*)$ https://c.example/$1 permanent; }'), ['"rewrite" in the guarded location /c']);
  assert.deepEqual(warnings('sallyport on; return 301 https://d.example;'), ['"return" in a server with "sallyport on"']);
  assert.deepEqual(warnings('location /e { return 200 open; } location /f { sallyport off; return 200 open; }', 'sallyport on;'), ['"return" in the guarded location /e']);
  assert.deepEqual(warnings('return 301 https://g.example;', 'sallyport on;'), [], 'a server that redirects everything');
  assert.deepEqual(warnings(`location /h { sallyport on; set $a b; rewrite ^/h/(.*)$ /i/$1 break; ${proxy} }`), []);
});

test('a secret beside the policy is read; a policy whose secret is missing is refused', () => {
  const folder = temporaryFolder();
  const yaml = 'issuers: {old: {issuer: legacy, audience: a, algorithms: [HS256], secret: ${file:secret}}}';
  const check = () => {
    fs.writeFileSync(path.join(folder, 'sallyport.yaml'), yaml);
    fs.writeFileSync(path.join(folder, 'nginx.conf'), `load_module ${module}; pid ${folder}/pid; error_log stderr; events {}
      http { sallyport_policy ${folder}/sallyport.yaml; access_log off; server { listen unix:${folder}/s; location / { sallyport on; return 200; } } }`);
    return spawnSync('/usr/sbin/nginx', ['-t', '-c', path.join(folder, 'nginx.conf'), '-e', 'stderr'], { encoding: 'utf8', env: nginxEnvironment(folder) });
  };
  const missing = check();
  assert.notEqual(missing.status, 0);
  assert.match(missing.stderr, /config\.environment_missing[^]*\$\{file:secret\}/);
  fs.writeFileSync(path.join(folder, 'secret'), '0123456789012345678901234567890123456789\n');
  const there = check();
  assert.equal(there.status, 0, there.stderr);
});
