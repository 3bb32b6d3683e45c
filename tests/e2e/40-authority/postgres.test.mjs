// SPDX-License-Identifier: Apache-2.0
// Two authorities on one PostgreSQL behind HAProxy: whole flows over both, races between them, and a database that goes away.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import * as openid from 'openid-client';
import { muchToSay, startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { guard, release } from '../lib/cleanup.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { freePort } from '../lib/ports.mjs';
import { postgresMissing, startPostgres } from '../lib/postgres.mjs';
import { jose } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const skip = postgresMissing || (fs.existsSync('/usr/sbin/haproxy') ? false : 'haproxy is not installed');
const redirect = 'https://app.example/callback';
const scopes = ['openid', 'profile', 'email', 'offline_access', 'read'];
let postgres, section, nodes, issuer, config;

/** HAProxy in front of the nodes, one request to the one, the next to the other. */
async function startBalancer(port, targets) {
  const file = path.join(temporaryFolder(), 'haproxy.cfg');
  fs.writeFileSync(file, `defaults
  mode http
  timeout client 15s
  timeout server 15s
  timeout connect 5s
listen authority
  bind 127.0.0.1:${port}
  balance roundrobin
${targets.map((url, i) => `  server n${i} ${new URL(url).host}`).join('\n')}
`);
  const child = spawn('/usr/sbin/haproxy', ['-f', file], { stdio: 'ignore' });
  guard(child.pid);
  after(() => {
    child.kill('SIGTERM');
    release(child.pid);
  });
  await until(() => request(`http://127.0.0.1:${port}/`).then(() => true, () => false), 'HAProxy to answer');
}

if (!skip) {
  postgres = await startPostgres();
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  section = {
    issuer,
    store: { postgres: postgres.url, schema: 'login' },
    keys: { master_key: 'one key for all of the nodes, 0123456789' },
    tokens: { algorithm: 'ES256', refresh_grace: '0s', dpop_nonce: true },
    registration: { open: true },
    clients: {
      web: { secret: 's', redirect_uris: [redirect], scopes, audiences: ['https://api.example'], skip_consent: true, token_format: 'opaque' },
      machine: { secret: 's' },
      reference: { secret: 's', token_format: 'opaque', audiences: [muchToSay] },
    },
  };
  nodes = [await startAuthority({ authority: section }), await startAuthority({ authority: section })];
  await startBalancer(port, nodes.map(({ listen }) => listen));
  config = await openid.discovery(new URL(issuer), 'web', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
}

const post = (base, where, form, id = 'web') => request(base + where, {
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa(`${id}:s`)}` },
  body: new URLSearchParams(form).toString(),
});
const opaque = (base) => post(base, '/token', { grant_type: 'client_credentials' }, 'reference');
const isActive = async (token, base = issuer) => (await post(base, '/introspect', { token })).json.active;
/** What a client does when it is told 503: it comes again. */
const patiently = (ask) => until(async () => [await ask()].find(({ status }) => status !== 503), 'an answer other than 503');

async function begin(browser = startBrowser()) {
  const verifier = openid.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: openid.randomState(), expectedNonce: openid.randomNonce() };
  let page = await browser.open(openid.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: scopes.join(' '), code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: checks.expectedState, nonce: checks.expectedNonce, resource: 'https://api.example',
  }));
  if (!page.location) page = await browser.signIn();
  return { location: page.location, checks, browser };
}

test('a login, its code, refresh, userinfo, introspection and revocation go over both nodes', { skip }, async () => {
  for (let round = 0; round < 3; round++) { // whichever node is first
    const { location, checks, browser } = await begin();
    const tokens = await openid.authorizationCodeGrant(config, location, checks);
    await jose.jwtVerify(tokens.id_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { issuer, audience: 'web' });
    assert.equal((await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)).email, 'ann@example.test');
    const fresh = await openid.refreshTokenGrant(config, tokens.refresh_token);
    for (const { listen } of nodes) assert.equal(await isActive(fresh.access_token, listen), true);
    assert.ok((await begin(browser)).location, 'the session holds on every node');
    await openid.tokenRevocation(config, fresh.refresh_token);
    for (const { listen } of nodes) assert.equal(await isActive(fresh.access_token, listen), false);
  }
});

test('of a hundred redemptions at once over two nodes one wins, and the others are told code.reused', { skip }, async () => {
  const { location, checks } = await begin();
  const form = { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: checks.pkceCodeVerifier };
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => patiently(() => post(nodes[i % 2].listen, '/token', form))));
  const won = answers.filter(({ status }) => status === 200);
  assert.equal(won.length, 1);
  for (const { status, json } of answers) assert.ok(status === 200 || (json.error === 'invalid_grant' && /code\.reused/.test(json.error_description)), JSON.stringify(json));
  assert.equal(await isActive(won[0].json.access_token), false); // the reuse revoked it (RFC 9700 4.5)
});

test('of fifty refreshes at once over two nodes one wins, and the reuse ends the family', { skip }, async () => {
  const { location, checks } = await begin();
  const { refresh_token: old } = await openid.authorizationCodeGrant(config, location, checks);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => patiently(() => post(nodes[i % 2].listen, '/token', { grant_type: 'refresh_token', refresh_token: old }))));
  const won = answers.filter(({ status }) => status === 200);
  assert.equal(won.length, 1);
  assert.equal((await post(issuer, '/token', { grant_type: 'refresh_token', refresh_token: won[0].json.refresh_token })).status, 400);
});

test('within the grace window fifty at once over two nodes get one and the same refresh token', { skip }, async () => {
  for (const [i, refresh_grace] of ['5m', '0s'].entries()) {
    for (const node of nodes) {
      node.write({ ...section, tokens: { ...section.tokens, refresh_grace } });
      node.signal('SIGHUP');
      await until(() => node.output().split('the configuration was read again').length === i + 2, 'the configuration to be read again');
    }
    if (i === 1) break; // as it was
    const { location, checks } = await begin();
    const { refresh_token: old } = await openid.authorizationCodeGrant(config, location, checks);
    const refresh = (refresh_token, base = issuer) => patiently(() => post(base, '/token', { grant_type: 'refresh_token', refresh_token }));
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => refresh(old, nodes[n % 2].listen)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal(new Set(answers.map(({ json }) => json.refresh_token)).size, 1);
    const next = await refresh(answers[0].json.refresh_token);
    assert.equal(next.status, 200);
    assert.match((await refresh(old)).json.error_description, /refresh\.reused/); // what came of it was used
    assert.match((await refresh(next.json.refresh_token)).json.error_description, /refresh\.revoked/);
  }
});

test('the nodes sign with the same keys, and both see a rotation by hand', { skip }, async () => {
  const kids = async ({ listen }) => (await request(`${listen}/jwks`)).json.keys.map(({ kid }) => kid);
  const before = await kids(nodes[0]);
  assert.equal(before.length, 1);
  assert.deepEqual(await kids(nodes[1]), before);
  const { code, json } = await nodes[0].cli(['keys', 'rotate', '--json']);
  assert.equal(code, 0);
  const added = json.find(({ kid }) => kid !== before[0]).kid;
  for (const node of nodes) await until(async () => (await kids(node)).includes(added), 'the new key to be published');
});

test('a leaked key is withdrawn at one node and is so at both', { skip }, async () => {
  const kids = async ({ listen }) => (await request(`${listen}/jwks`)).json.keys.map(({ kid }) => kid);
  const { access_token } = (await post(nodes[0].listen, '/token', { grant_type: 'client_credentials' }, 'machine')).json;
  const isActive = async ({ listen }) => (await post(listen, '/introspect', { token: access_token }, 'machine')).json.active;
  for (const node of nodes) assert.equal(await isActive(node), true);
  const { code, json } = await nodes[0].cli(['keys', 'rotate', '--leaked', '--json']);
  assert.equal(code, 0);
  assert.equal(json.length, 1);
  for (const node of nodes) {
    await until(async () => (await kids(node)).join() === json[0].kid, 'the fresh key to be the only one');
    assert.equal(await isActive(node), false);
    assert.equal(jose.decodeProtectedHeader((await post(node.listen, '/token', { grant_type: 'client_credentials' }, 'machine')).json.access_token).kid, json[0].kid);
  }
});

test('nodes that start together on an empty database share its first key, and rotations by hand at one moment all come to something', { skip }, async () => {
  const own = { ...section, store: { ...section.store, schema: 'together' }, tokens: { algorithm: 'RS256' } };
  const started = await Promise.all(Array.from({ length: 5 }, () => startAuthority({ authority: own })));
  const first = postgres.psql('select kid from together.signing_keys');
  assert.doesNotMatch(first, /\n/);
  // At one moment: what was made for a second later another brings forward in place of making one (key_change.c).
  const { env } = canSetClock ? makeClock(`@${Math.floor(Date.now() / 1000)}`) : {};
  const answers = await Promise.all(started.map((node) => node.cli(['keys', 'rotate', '--json'], { env })));
  assert.deepEqual(answers.map(({ code, stderr }) => [code, stderr]), started.map(() => [0, '']));
  const after = postgres.psql('select kid from together.signing_keys').split('\n');
  const made = answers.map(({ json }) => json.map(({ kid }) => kid).filter((kid) => kid !== first));
  assert.ok(made.every((kids) => kids.length > 0 && kids.every((kid) => after.includes(kid))));
  assert.equal(after.length, canSetClock ? 6 : new Set(made.flat()).size + 1);
  for (const node of started) await node.stop();
});

test('nodes of different tokens.algorithm, as a deployment that rolls has them: each signs by its own, and no key is made again and again', { skip }, async () => {
  const of = (algorithm) => ({ ...section, store: { ...section.store, schema: 'rolling' }, keys: { ...section.keys, overlap: '2s' }, tokens: { algorithm } });
  const old = await startAuthority({ authority: of('ES256') });
  const signer = async ({ listen }) => jose.decodeProtectedHeader((await post(listen, '/token', { grant_type: 'client_credentials' }, 'machine')).json.access_token);
  const keys = () => postgres.psql('select kid from rolling.signing_keys order by kid');
  const es256 = (what) => postgres.psql(`select ${what} from rolling.signing_keys where algorithm='ES256'`);
  await until(() => es256('created_at < floor(extract(epoch from now()))') === 't', 'the key to be a second old: somebody may know it');
  const fresh = await startAuthority({ authority: of('EdDSA') });
  assert.equal((await signer(fresh)).alg, 'ES256'); // the only one that verifiers know
  await until(async () => (await signer(fresh)).alg === 'EdDSA', 'the new algorithm to sign where it is wanted');
  const both = keys();
  assert.equal(both.split('\n').length, 2);
  for (const word of ['t', 'f', 't', 'f']) await until(() => es256('active_until <> 0') === word, 'the one node to end the key, the other to take that back');
  assert.equal(keys(), both);
  assert.equal((await signer(old)).alg, 'ES256');
  assert.equal((await signer(fresh)).alg, 'EdDSA');
  await old.stop();
  await until(() => es256('active_until <> 0 and active_until < extract(epoch from now())') === 't', 'the old key to sign no more once nobody wants it');
  await fresh.stop();
});

test('a DPoP nonce of one node is good at the other', { skip }, async () => {
  const pair = await openid.randomDPoPKeyPair('ES256');
  const handle = openid.getDPoPHandle(config, pair);
  const { location, checks } = await begin();
  const tokens = await openid.authorizationCodeGrant(config, location, checks, undefined, { DPoP: handle });
  for (let i = 0; i < 4; i++) assert.equal((await openid.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP: handle })).sub, tokens.claims().sub);
});

test('a client that registers, changes or goes at one node does so at the other', { skip }, async () => {
  const [a, b] = nodes.map(({ listen }) => listen);
  const json = (method, url, body, token) => request(url, { method, headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: body && JSON.stringify(body) });
  const made = (await json('POST', `${a}/register`, { redirect_uris: ['https://one.example/cb'] })).json;
  const at = (base, redirect_uri) => request(`${base}/authorize?${new URLSearchParams({ client_id: made.client_id, redirect_uri, response_type: 'code', scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`);
  assert.equal((await at(b, 'https://one.example/cb')).status, 303); // and now B has it in memory
  const own = new URL(made.registration_client_uri);
  const there = `${a}${own.pathname}${own.search}`;
  const changed = await json('PUT', there, { client_id: made.client_id, redirect_uris: ['https://two.example/cb'] }, made.registration_access_token);
  assert.equal(changed.status, 200, changed.text);
  await until(async () => (await at(b, 'https://two.example/cb')).status === 303 && (await at(b, 'https://one.example/cb')).status === 400, 'the other node to see the change');
  assert.equal((await json('DELETE', there, undefined, made.registration_access_token)).status, 204);
  await until(async () => (await at(b, 'https://two.example/cb')).status === 400, 'the other node to see it gone');
  assert.match((await nodes[1].lastLine('client.unknown')).client_id ?? '', /spdc_/);
});

test('accounts are added from the command line; a backup is for pg_dump', { skip }, async () => {
  const { code, stderr } = await sallyport(['accounts', 'add', 'bob', '-c', nodes[0].config], { input: 'bob-secret-1234\n' });
  assert.equal(code, 0, stderr);
  assert.equal(postgres.psql("SELECT count(*) FROM login.accounts WHERE name='bob'"), '1');
  const backup = await sallyport(['backup', path.join(nodes[0].folder, 'x'), '-c', nodes[0].config]);
  assert.equal(backup.code, 2);
  assert.match(backup.stderr, /pg_dump --format=custom --schema=login/);
});

test('what a lock holds back is a 503 within a moment, issues nothing, and leaves the neighbours alone', { skip }, async () => {
  const holder = spawn('psql', ['-qAt', postgres.url], { stdio: ['pipe', 'pipe', 'inherit'] });
  holder.stdin.write("BEGIN; LOCK TABLE login.tickets IN EXCLUSIVE MODE; SELECT 'held';\n");
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  const refused = await opaque(nodes[0].listen);
  assert.equal(refused.status, 503);
  assert.ok(refused.headers['retry-after']);
  assert.equal(refused.json.error, 'temporarily_unavailable');
  assert.equal(refused.json.access_token, undefined);
  assert.match((await nodes[0].lastLine('store.unavailable')).finding.fix, /What is needed: the end of whatever locks the tables/);
  assert.equal((await post(nodes[0].listen, '/token', { grant_type: 'client_credentials' }, 'machine')).status, 200); // a JWT needs nothing of the store
  holder.stdin.end('ROLLBACK;\n');
  await new Promise((resolve) => holder.once('close', resolve));
  assert.equal((await opaque(nodes[0].listen)).status, 200);
});

test('a connection that the server ended while idle is replaced unnoticed', { skip }, async () => {
  assert.ok(Number(postgres.psql("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name='sallyport'")) >= 2);
  for (const { listen } of nodes) assert.equal((await opaque(listen)).status, 200);
});

for (const way of ['kill', 'stop']) {
  test(`${way} under load: clean 503s meanwhile, service afterwards, and every token that was handed out is good`, { skip }, async () => {
    const issued = [];
    const seen = { good: 0, refused: 0 };
    let goes = true;
    const workers = Array.from({ length: 16 }, async (_, i) => {
      while (goes) {
        const answer = await opaque(nodes[i % 2].listen);
        if (answer.status === 200) {
          issued.push(answer.json.access_token);
          seen.good++;
        } else {
          assert.equal(answer.status, 503, answer.text);
          assert.equal(answer.json.error, 'temporarily_unavailable');
          assert.equal(answer.json.access_token, undefined);
          seen.refused++;
        }
      }
    });
    await until(() => seen.good > 50, 'tokens');
    await postgres.tell(way);
    await until(() => seen.refused > 10, 'refusals');
    const refusal = await until(async () => [await nodes[0].lastLine('store.unavailable')].find(({ finding }) => /PostgreSQL server/.test(finding.expected)), 'a refusal for want of the server');
    assert.match(refusal.finding.fix, /What is needed: a PostgreSQL server that (answers at the address of authority\.store\.postgres|runs)/); // and not: room on a disk
    assert.equal((await post(nodes[0].listen, '/token', { grant_type: 'client_credentials' }, 'machine')).status, 200);
    await postgres.tell('start');
    const before = seen.good;
    await until(() => seen.good > before + 50, 'tokens again');
    goes = false;
    await Promise.all(workers);
    // One node may have found the database again while the other still looks for it.
    const stillActive = async (token) => (await patiently(() => post(issuer, '/introspect', { token }))).json.active;
    for (let i = 0; i < issued.length; i += Math.ceil(issued.length / 100)) assert.equal(await stillActive(issued[i]), true, `token ${i} of ${issued.length}`);
    assert.equal(await stillActive(issued.at(-1)), true);
  });
}

test('a database that cannot be reached, or is not ours to write, is said at the start', { skip }, async () => {
  const file = path.join(temporaryFolder(), 'sallyport.yaml');
  const start = async (store) => {
    fs.writeFileSync(file, JSON.stringify({ authority: { issuer, keys: { master_key: 'one key for all of the nodes, 0123456789' }, store } }));
    return sallyport(['authority', '-c', file, '--state', path.join(path.dirname(file), 'state'), '--listen', '127.0.0.1:0']);
  };
  const nobody = await start({ postgres: `postgresql://u:secret-word@127.0.0.1:${await freePort()}/d` });
  assert.equal(nobody.code, 3);
  assert.match(nobody.stderr, /PostgreSQL: .*refused/);
  assert.ok(!nobody.stderr.includes('secret-word'));
  const broken = await start({ postgres: 'host=x password=secret word' });
  assert.equal(broken.code, 3);
  assert.match(broken.stderr, /authority\.store\.postgres/);
  assert.ok(!broken.stderr.includes('word'));
  postgres.psql('CREATE ROLE guest LOGIN');
  const denied = await start({ postgres: postgres.url.replace('user=sallyport', 'user=guest') });
  assert.equal(denied.code, 3);
  assert.match(denied.stderr, /permission denied/);
});
