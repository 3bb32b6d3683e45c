// SPDX-License-Identifier: Apache-2.0
// `sallyport authority --dev`: what it seeds is told to programs by --json, and is enough to try each flow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { program } from '../lib/cli.mjs';
import { defer, guard } from '../lib/cleanup.mjs';
import { freePort } from '../lib/ports.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { until } from '../lib/wait.mjs';

const authority = await startAuthority({ state: false });
const { clients, accounts } = authority.ready;
const type = 'urn:ietf:params:oauth:token-type:access_token';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

test('an application with a secret signs in over localhost, and out to it', async () => {
  const redirect = 'http://localhost:3000/callback';
  assert.ok(clients['demo-app'].redirect_uris.includes(redirect));
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'demo-app', response_type: 'code', redirect_uri: redirect, scope: 'openid email offline_access', code_challenge: challenge, code_challenge_method: 'S256' })}`);
  await browser.signIn('ann', accounts.ann.password);
  const code = (await browser.allow()).location.searchParams.get('code');
  const { status, json } = await authority.post('/token', { grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }, { basic: ['demo-app', clients['demo-app'].secret] });
  assert.equal(status, 200);
  assert.ok(json.refresh_token);
  const homes = ['http://localhost:3000', 'http://localhost:3000/']; // both are written by libraries
  for (const home of homes) assert.ok(clients['demo-app'].post_logout_redirect_uris.includes(home), home);
  const out = await browser.open(`${authority.issuer}/logout?${new URLSearchParams({ id_token_hint: json.id_token, post_logout_redirect_uri: homes[0] })}`);
  assert.equal(out.location.href, 'http://localhost:3000/');
});

test('a device, and a service that trades a token', async () => {
  assert.equal((await authority.post('/device_authorization', { client_id: 'demo-tv', scope: 'openid' })).status, 200);
  const { access_token: token } = (await authority.post('/token', { grant_type: 'client_credentials', scope: 'read:demo' }, { basic: ['demo', clients.demo.secret] })).json;
  const traded = await authority.post('/token', { grant_type: clients['demo-service'].grants[1], subject_token: token, subject_token_type: type }, { basic: ['demo-service', clients['demo-service'].secret] });
  assert.equal(traded.status, 200, traded.text);
});

test('what a stranger sent moves no cursor of the terminal that refusals are told at', async () => {
  const port = await freePort();
  const child = spawn(program, ['authority', '--dev', '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'pipe'] });
  guard(child.pid);
  defer(() => child.kill());
  let told = '', ready = '';
  child.stdout.on('data', (chunk) => (ready += chunk));
  child.stderr.on('data', (chunk) => (told += chunk.toString('latin1')));
  await until(() => ready.includes(`127.0.0.1:${port}`), 'it to listen');
  const form = `grant_type=x&client_id=${encodeURIComponent('a\u009b31m\u001bé')}`;
  await rawRequest(port, `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\nConnection: close\r\n\r\n${form}`);
  await rawRequest(port, Buffer.from('GET /\u009b31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 'latin1'));
  await until(() => told.includes('request.endpoint_unknown'), 'the second to be told');
  assert.ok(told.includes('a?31m?\u00c3\u00a9'), told); // é is what it is
  assert.ok(told.includes('GET /?31m '), told);
  assert.doesNotMatch(told, /\u009b|\u001b/);
});
