// SPDX-License-Identifier: Apache-2.0
// `sallyport token login`: the code flow by a loopback listener and a browser, pushed and bound, the device grant, refresh; and everything that can come back
// instead of a code.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { openPage, signIn, withoutChromium } from '../lib/chromium.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { startLogin } from '../lib/login_run.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const folder = temporaryFolder();
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const native = { method: 'none', native: true, redirect_uris: ['http://127.0.0.1/callback'], scopes: ['openid', 'profile', 'offline_access'] };
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: {
      cli: { name: 'The tool', ...native, grants: ['authorization_code', 'refresh_token', device] },
      elsewhere: { ...native, redirect_uris: ['http://127.0.0.1/other'] },
    },
  },
});

/** Signs in without a browser's scripts and brings the answer to the loopback. */
async function person(address) {
  const browser = startBrowser();
  await browser.open(address);
  let page = await browser.signIn();
  if (!page.location) page = await browser.allow();
  return request(page.location);
}

test('a person logs in, and the token and verified claims are there', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid profile', '--json']);
  assert.equal(run.address.searchParams.get('code_challenge_method'), 'S256');
  assert.match(run.callback, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  const page = await person(run.address);
  assert.equal(page.status, 200);
  assert.match(page.headers['content-security-policy'], /default-src 'none'/);
  const { code, json, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.equal(json.id_token_claims.aud, 'cli');
  assert.ok(json.id_token_claims.nonce);
  await assert.rejects(request(run.callback), 'nobody listens any more');
});

test('Chromium logs in', { skip: withoutChromium }, async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid', '--par', '--json']);
  const page = await openPage();
  await page.goto(String(run.address));
  await signIn(page);
  const allow = page.getByRole('button', { name: 'Allow', exact: true });
  await Promise.race([page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/callback/), allow.waitFor().then(() => allow.click())]);
  await page.getByText('You can close this window').waitFor();
  const { code, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.deepEqual(page.complaints, []);
});

test('the system\'s browser is started with an address that has nothing of the login in it, as one word, and Chromium logs in there', { skip: withoutChromium }, async () => {
  const [script, shown] = [path.join(folder, 'browser'), path.join(folder, 'shown')];
  fs.writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" >${shown}.part && mv ${shown}.part ${shown}\n`, { mode: 0o755 });
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid', '--param', 'ui_locales=en;$(id) "x"'], { opensBrowser: true, env: { BROWSER: `/nowhere/to/be/found %s:${script} --new-window %s` } });
  const words = await until(() => fs.existsSync(shown) && fs.readFileSync(shown, 'utf8').trimEnd().split('\n'), 'the browser to start');
  assert.equal(words.length, 2);
  assert.match(words.join(' '), /^--new-window http:\/\/127\.0\.0\.1:\d+\/start\/[\w-]{43}$/);
  assert.ok(new URL(words[1]).origin === new URL(run.callback).origin && !words[1].includes(run.state));
  for (const [url, headers, status] of [[`${words[1]}x`, {}, 404], [words[1], { Host: 'evil.example' }, 403]]) assert.equal((await request(url, { headers })).status, status);
  assert.match(run.told(), /The browser opens this address/);
  const page = await openPage();
  await page.goto(words[1]);
  const late = await request(words[1]);
  assert.deepEqual([late.status, late.headers.location], [410, undefined]);
  assert.match(late.text, /opened already/);
  await signIn(page);
  const allow = page.getByRole('button', { name: 'Allow', exact: true });
  await Promise.race([page.waitForURL(/^http:\/\/127\.0\.0\.1:\d+\/callback/), allow.waitFor().then(() => allow.click())]);
  const { code, stdout, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[^\s]+\n$/);
});

test('a long address reaches the browser whole, and of many that ask for it one gets it', async () => {
  const issuer = await startPlainIssuer();
  const [script, shown] = [path.join(folder, 'asker'), path.join(folder, 'asked')];
  fs.writeFileSync(script, `#!/bin/sh\nprintf '%s' "$1" >${shown}.part && mv ${shown}.part ${shown}\n`, { mode: 0o755 });
  const run = await startLogin(issuer.issuer, ['--client-id', 'cli', '--param', `claims=${'x'.repeat(12_000)}`, '--param', 'prompt=login'], { opensBrowser: true, env: { BROWSER: script } });
  const start = await until(() => fs.existsSync(shown) && fs.readFileSync(shown, 'utf8'), 'the browser to start');
  const answers = await Promise.all(Array.from({ length: 8 }, () => request(start)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [302, ...Array(7).fill(410)]);
  assert.deepEqual(answers.map(({ headers }) => headers.location).filter(Boolean), [String(run.address)]);
  assert.equal((await run.answer({ error: 'access_denied', state: run.state })).status, 400);
  await run.end;
});

test('no browser can be started: the address is printed all the same', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid'], { opensBrowser: true, env: { BROWSER: '/nowhere', PATH: '/nowhere' } });
  assert.match(run.told(), /Open this address in a browser/);
  await person(run.address);
  assert.equal((await run.end).code, 0);
});

test('what is asked beforehand shares no state, nonce or challenge with the login', async () => {
  const issuer = await startPlainIssuer();
  const serve = issuer.handle;
  const asked = [];
  issuer.handle = (incoming, outgoing) => {
    const url = new URL(incoming.url, issuer.issuer);
    if (url.pathname !== '/authorize') return serve(incoming, outgoing);
    asked.push(url.searchParams);
    outgoing.writeHead(303, { Location: `${url.searchParams.get('redirect_uri')}?error=login_required&state=${url.searchParams.get('state')}` }).end();
  };
  const words = ['--client-id', 'cli', '--scope', 'openid'];
  const { address } = await startLogin(issuer.issuer, words);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].get('prompt'), 'none');
  for (const name of ['state', 'nonce', 'code_challenge']) {
    assert.match(asked[0].get(name), /^[\w-]{43}$/);
    assert.match(address.searchParams.get(name), /^[\w-]{43}$/);
    assert.notEqual(asked[0].get(name), address.searchParams.get(name), name);
  }
  const own = await startLogin(issuer.issuer, [...words, '--param', 'prompt=login']);
  assert.deepEqual([own.address.searchParams.getAll('prompt'), asked.length], [['login'], 1]);
});

test('PAR and DPoP; the token is refreshed when due, and the refused refresh token is let go', async () => {
  const { privateKey, publicKey } = await jose.generateKeyPair('ES256', { extractable: true });
  const key = path.join(folder, 'key.pem');
  const cache = path.join(folder, 'tokens.json');
  fs.writeFileSync(key, await jose.exportPKCS8(privateKey));
  const words = ['--client-id', 'cli', '--scope', 'openid offline_access', '--par', '--dpop', key, '--cache', cache, '--json'];
  const run = await startLogin(authority.issuer, words);
  assert.ok(run.address.searchParams.get('request_uri') && !run.address.searchParams.get('state'), 'it was pushed');
  await person(run.address);
  const first = await run.end;
  assert.equal(first.code, 0, first.stderr);
  assert.equal(first.json.claims.cnf.jkt, await jose.calculateJwkThumbprint(await jose.exportJWK(publicKey)));
  const age = () => {
    const kept = JSON.parse(fs.readFileSync(cache, 'utf8'));
    for (const entry of kept.tokens) entry.expires_at = 1;
    fs.writeFileSync(cache, JSON.stringify(kept));
    return kept;
  };
  const again = await (await startLogin(authority.issuer, words, { waitsFor: null })).end;
  assert.deepEqual([again.code, again.json.cached, again.json.response.access_token], [0, true, first.json.response.access_token]);
  age();
  const renewed = await (await startLogin(authority.issuer, words, { waitsFor: null })).end;
  assert.equal(renewed.code, 0, renewed.stderr);
  assert.equal(renewed.json.cached, false);
  assert.notEqual(renewed.json.response.access_token, first.json.response.access_token);
  age();
  const hits = (grant) => authority.log().filter((line) => line.grant === grant && line.status === 200).length;
  const spent = hits('refresh_token');
  const racers = await Promise.all(Array.from({ length: 8 }, async () => (await startLogin(authority.issuer, words, { waitsFor: null })).end));
  for (const { code, stderr } of racers) assert.equal(code, 0, stderr);
  assert.equal(new Set(racers.map(({ json }) => json.response.access_token)).size, 1, 'one refreshed, seven took what it got');
  assert.equal(racers.filter(({ json }) => !json.cached).length, 1);
  // The line of a call is written when its turn ends, which may be after its answer arrived.
  await until(() => hits('refresh_token') === spent + 1, 'one refresh in the log');
  const kept = age();
  kept.tokens[0].refresh_token = 'of-somebody-else';
  for (const entry of kept.tokens) entry.expires_at = 1;
  fs.writeFileSync(cache, JSON.stringify(kept));
  const anew = await startLogin(authority.issuer, words);
  assert.match(anew.told(), /refresh token was refused/);
  await person(anew.address);
  assert.equal((await anew.end).code, 0);
});

test('another state is nobody\'s: it is refused, and the right one is still taken', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid']);
  for (const wrong of [{ code: 'stolen', state: 'forged' }, { code: 'stolen' }, { error: 'access_denied', state: 'forged' }, { state: run.state }]) {
    const page = await run.answer(wrong);
    assert.equal(page.status, 403);
    assert.ok(!page.text.includes('forged') && !page.text.includes('stolen'));
  }
  await person(run.address);
  const { code, stdout, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[^\s]+\n$/);
});

test('a page that floods the listener is told of a few times, and keeps nobody out', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid']);
  const long = 'x'.repeat(20_000);
  for (let round = 0; round < 40; round++)
    await Promise.all(Array.from({ length: 8 }, (_, i) => run.answer({ code: long, state: `forged-${round}-${i}` }).catch(() => {})));
  await person(run.address);
  const { code, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/another state/g).length, 3);
});

test('only another state came: the cause is named', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--patience', '2', '--json']);
  await run.answer({ code: 'stolen', state: 'forged-state-of-somebody' });
  const { code, json, stdout } = await run.end;
  assert.deepEqual([code, json.cause.id], [1, 'state.mismatch']);
  assert.ok(!stdout.includes(run.state), 'the state is masked');
});

test('nobody comes: it ends', async () => {
  const { code, stdout, stderr } = await (await startLogin(authority.issuer, ['--client-id', 'cli', '--patience', '1'])).end;
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /no answer came back/);
});

test('an error, and an answer without iss or of another issuer (RFC 9207)', async () => {
  for (const [cause, answer] of [
    ['request.denied_by_user', { error: 'access_denied', error_description: 'no <b>thanks</b>', iss: authority.issuer }],
    ['callback.error', { error: 'server_error', error_description: 'no <b>thanks</b>', iss: authority.issuer }],
    ['callback.issuer_missing', { code: 'x' }],
    ['callback.issuer_mismatch', { code: 'x', iss: 'https://attacker.example' }],
    ['code.unknown', { code: 'x', iss: authority.issuer }],
  ]) {
    const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--json']);
    const page = await run.answer({ ...answer, state: run.state });
    assert.ok(!page.text.includes('<b>'));
    const { code, json, stdout } = await run.end;
    assert.equal(code, 1);
    assert.equal(json.cause.id, cause, stdout);
  }
});

test('a redirect URI that is not registered, and a client that is not there, before a browser is opened', async () => {
  for (const [client, cause] of [['elsewhere', /^redirect_uri\./], ['nobody', /^client\.unknown/]]) {
    const { code, json, stderr } = await (await startLogin(authority.issuer, ['--client-id', client, '--json'], { waitsFor: null })).end;
    assert.equal(code, 1, stderr);
    assert.match(json.cause.id, cause);
  }
  const { code, stderr } = await (await startLogin(authority.issuer, ['--client-id', 'cli', '--redirect-uri', 'https://app.example/cb'], { waitsFor: null })).end;
  assert.equal(code, 1);
  assert.match(stderr, /must be http:\/\/127\.0\.0\.1/);
});

test('the listener: only 127.0.0.1, only its Host, path and method; bounded; connections that say nothing keep nobody out', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--scope', 'openid']);
  const { port } = new URL(run.callback);
  await assert.rejects(request(`http://127.0.0.2:${port}/callback`));
  await assert.rejects(request(`http://[::1]:${port}/callback`));
  const silent = Array.from({ length: 40 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const good = { code: 'x', state: run.state, iss: authority.issuer };
  const query = new URLSearchParams(good);
  assert.equal((await request(`${run.callback}?${query}`, { headers: { Host: 'evil.example' } })).status, 403);
  assert.equal((await request(`http://127.0.0.1:${port}/favicon.ico`)).status, 404);
  assert.equal((await request(`${run.callback}?${query}`, { method: 'POST', body: 'a=b' })).status, 405);
  assert.ok(await request(`${run.callback}?${'x'.repeat(60_000)}`).then(({ status }) => status === 400, () => true));
  for (const socket of silent) socket.destroy();
  await person(run.address);
  assert.equal((await run.end).code, 0);
});

test('a device: the code is shown, the person allows it elsewhere', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--device', '--scope', 'openid', '--json']);
  assert.match(run.told(), /enter the code [B-Z]{4}-[B-Z]{4}/);
  const browser = startBrowser();
  await browser.open(run.address);
  await browser.signIn();
  await browser.allow();
  const { code, json, stderr } = await run.end;
  assert.equal(code, 0, stderr);
  assert.equal(json.id_token_claims.aud, 'cli');
});

test('a device whose connection fails once goes on asking; an answer without what the person needs is told', async () => {
  const issuer = await startPlainIssuer();
  const serve = issuer.handle;
  issuer.metadata.device_authorization_endpoint = `${issuer.issuer}/device`;
  let start = { device_code: 'd', user_code: 'ABCD', verification_uri: `${issuer.issuer}/go`, expires_in: 60, interval: 1 };
  let polls = 0;
  issuer.handle = (incoming, outgoing) => {
    if (!['/device', '/token'].includes(incoming.url)) return serve(incoming, outgoing);
    if (incoming.url === '/token' && ++polls === 1) return incoming.socket.destroy();
    outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    outgoing.end(JSON.stringify(incoming.url === '/device' ? start : { access_token: 'abc', token_type: 'Bearer', expires_in: 60 }));
  };
  const whole = await (await startLogin(issuer.issuer, ['--client-id', 'tv', '--device'], { waitsFor: null })).end;
  assert.deepEqual([whole.code, whole.stdout, polls], [0, 'abc\n', 2], whole.stderr);
  assert.match(whole.stderr, /did not answer \(network\./);
  start = { ...start, user_code: undefined };
  const { code, json } = await (await startLogin(issuer.issuer, ['--client-id', 'tv', '--device', '--json'], { waitsFor: null })).end;
  assert.deepEqual([code, json.cause.id, json.cause.received], [1, 'response.member_missing', 'no user_code']);
});

test('a device: denied', async () => {
  const run = await startLogin(authority.issuer, ['--client-id', 'cli', '--device', '--json']);
  const browser = startBrowser();
  await browser.open(run.address);
  await browser.signIn();
  await browser.submit({ step: 'deny' });
  const { code, json, stdout } = await run.end;
  assert.equal(code, 1, stdout);
  assert.match(json.cause.id, /^(device\.denied|request\.denied_by_user)$/);
});

test('a device whose code expires, at an issuer that says slow_down first', async () => {
  const issuer = await startPlainIssuer();
  const serve = issuer.handle;
  issuer.metadata.device_authorization_endpoint = `${issuer.issuer}/device`;
  const errors = ['authorization_pending', 'expired_token'];
  issuer.handle = (incoming, outgoing) => {
    if (!['/device', '/token'].includes(incoming.url)) return serve(incoming, outgoing);
    const start = incoming.url === '/device';
    outgoing.writeHead(start ? 200 : 400, { 'Content-Type': 'application/json' });
    outgoing.end(JSON.stringify(start
      ? { device_code: 'd', user_code: 'ABCD', verification_uri: `${issuer.issuer}/go`, expires_in: 60, interval: 1 }
      : { error: errors.shift() }));
  };
  const run = await startLogin(issuer.issuer, ['--client-id', 'tv', '--device', '--json']);
  const { code, json } = await run.end;
  assert.deepEqual([code, json.cause.id], [1, 'device.expired']);
});
