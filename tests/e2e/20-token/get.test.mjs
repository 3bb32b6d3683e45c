// SPDX-License-Identifier: Apache-2.0
// `sallyport token get`: every grant without a person and every client authentication, at npm's oidc-provider and at our authority; the cache; and what is
// said when it fails.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { program, run, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { jose, makeKey } from '../lib/tokens.mjs';

const folder = temporaryFolder();
const audience = 'https://api.example';
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const long = 'a-secret-of-more-than-thirty-two-bytes-for-hs256';
let files = 0;
const file = (text) => {
  const name = path.join(folder, `file-${++files}`);
  fs.writeFileSync(name, text);
  return name;
};
const keyFile = async (algorithm) => {
  const { privateKey, publicKey } = await jose.generateKeyPair(algorithm, { extractable: true });
  return { file: file(await jose.exportPKCS8(privateKey)), jwk: { ...await jose.exportJWK(publicKey), alg: algorithm, use: 'sig', kid: algorithm } };
};
const [es, rs] = [await keyFile('ES256'), await keyFile('RS256')];
const proofKey = await keyFile('ES256');
const methods = {
  basic: { token_endpoint_auth_method: 'client_secret_basic', client_secret: 'p+%/~&q :x' },
  post: { token_endpoint_auth_method: 'client_secret_post', client_secret: 'post-secret' },
  hmac: { token_endpoint_auth_method: 'client_secret_jwt', client_secret: long },
  signer: { token_endpoint_auth_method: 'private_key_jwt', client_secret: undefined, jwks: { keys: [es.jwk, rs.jwk] } },
};
const npm = await startIssuer({
  clients: Object.entries(methods).map(([client_id, more]) => ({ client_id, ...more })),
  provider: { clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'] },
});
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256', dpop_nonce: true },
    clients: {
      basic: { secret: methods.basic.client_secret, audiences: [audience], scopes: ['read', 'write'] },
      post: { secret: 'post-secret', method: 'client_secret_post', audiences: [audience], scopes: ['read'] },
      hmac: { secret: long, method: 'client_secret_jwt', audiences: [audience], scopes: ['read'] },
      signer: { method: 'private_key_jwt', jwks: { keys: [es.jwk, rs.jwk] }, audiences: [audience], scopes: ['read'] },
      broker: { secret: 'b', grants: ['client_credentials', exchange], audiences: [audience], scopes: ['read'] },
    },
  },
});
const get = (issuer, words, options = {}) =>
  sallyport(['token', 'get', issuer, ...(words.includes('--cache') ? [] : ['--cache', 'off']), ...words], options);
const token = async (issuer, words, options) => {
  const { code, stdout, stderr } = await get(issuer, words, options);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^[^\s]+\n$/, 'the token alone');
  return stdout.trim();
};
const refused = async (issuer, words, options) => {
  const { code, json, stdout, stderr } = await get(issuer, [...words, '--json'], options);
  assert.equal(code, 1, stdout + stderr);
  assert.equal(json.accepted, false);
  return json.cause;
};
const secret = (text) => ['--client-secret-file', file(text)];

for (const [name, words] of Object.entries({
  basic: secret(`${methods.basic.client_secret}\n`),
  post: [...secret('post-secret'), '--client-auth', 'client_secret_post'],
  hmac: [...secret(long), '--client-auth', 'client_secret_jwt'],
  signer: ['--assertion-key', es.file, '--assertion-kid', 'ES256'],
}))
  for (const [whose, { issuer }] of Object.entries({ 'oidc-provider': npm, 'our authority': authority }))
    test(`${name}: a token from ${whose}; with another credential there is none`, async () => {
      const asked = ['--resource', audience, '--scope', 'read'];
      const claims = jose.decodeJwt(await token(issuer, ['--client-id', name, ...words, ...asked]));
      assert.deepEqual([claims.aud, claims.client_id, claims.scope], [audience, name, 'read']);
      const other = words.map((word) => (word === es.file ? proofKey.file : fs.existsSync(word) ? file('of-another-client-and-long-enough-for-hs256') : word));
      assert.match((await refused(issuer, ['--client-id', name, ...other, ...asked])).id, /^(client\.|response\.error$)/);
    });

test('an RSA key signs as its --assertion-alg says', async () => {
  await token(npm.issuer, ['--client-id', 'signer', '--assertion-key', rs.file, '--assertion-kid', 'RS256', '--assertion-alg', 'RS256', '--resource', audience]);
});

test('the secret by the environment; the methods that need none of these are in get_certificate and login', async () => {
  await token(authority.issuer, ['--client-id', 'basic', '--audience', audience], { env: { SALLYPORT_CLIENT_SECRET: methods.basic.client_secret } });
});

test('a secret on the command line works and is warned of; none at all is a matter of usage', async () => {
  const given = await get(authority.issuer, ['--client-id', 'broker', '--client-secret', 'b', '--audience', audience]);
  assert.equal(given.code, 0);
  assert.match(given.stderr, /can see a secret/);
  const none = await get(authority.issuer, ['--client-id', 'broker']);
  assert.ok([2, 3].includes(none.code) && none.stdout === '', none.stderr);
  assert.equal((await get(authority.issuer, ['--client-id', 'broker', ...secret('b'), '--client-auth', 'magic'])).code, 2);
  assert.equal((await get(authority.issuer, [])).code, 2);
  assert.equal((await get(authority.issuer, ['--client-id', 'broker', ...secret('b'), '--param', 'grant_type=password'])).code, 2);
  assert.equal((await get(authority.issuer, ['--client-id', 'broker', '--client-secret-file', '/nowhere'])).code, 3);
});

// A terminal of its own; standard output is a file, as in $(…). Prints what the terminal showed and the exit status.
const atTerminal = `import json, os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o600), 1)
    os.execv(sys.argv[3], sys.argv[3:])
shown, typed = b"", False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if not typed and b"Client secret: " in shown:
        typed = True
        os.write(terminal, sys.argv[2].encode())
print(json.dumps({"shown": shown.decode(), "code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}))`;

test('a secret typed at a terminal is not shown there, and the token alone is on standard output', async () => {
  const typing = async (typed) => {
    const out = path.join(folder, `typed-${++files}`);
    const { json, stderr } = await run('python3', ['-c', atTerminal, out, typed, program, 'token', 'get', npm.issuer, '--client-id', 'basic', '--resource', audience, '--cache', 'off']);
    assert.ok(json, stderr);
    return { ...json, stdout: fs.readFileSync(out, 'utf8') };
  };
  const right = await typing(`${methods.basic.client_secret}\n`);
  assert.equal(right.code, 0, right.shown);
  assert.match(right.stdout, /^eyJ[\w.-]+\n$/);
  assert.ok(!right.shown.includes(methods.basic.client_secret) && !right.shown.includes('eyJ'), right.shown);
  const none = await typing('\n');
  assert.deepEqual([none.code, none.stdout], [3, '']);
  assert.match(none.shown, /no secret was given/);
});

// The terminal's output is held (as by Ctrl-S), so that the command stands between the prompt's first byte and the read for as long as the signal takes to come.
// Echo gone says that signals are caught by now. Prints the status and whether the terminal shows again what is typed.
const interrupted = `import json, os, pty, signal, sys, termios, time
told, tell = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.write(1, b"!")
    os.read(told, 1)
    os.execv(sys.argv[2], sys.argv[2:])
os.read(terminal, 1)
slave = os.open(os.readlink(f"/proc/{pid}/fd/0"), os.O_RDWR | os.O_NOCTTY)
echoes = lambda: bool(termios.tcgetattr(slave)[3] & termios.ECHO)
termios.tcflow(slave, termios.TCOOFF)
os.write(tell, b"!")
while echoes():
    time.sleep(0.01)
os.kill(pid, getattr(signal, sys.argv[1]))
termios.tcflow(slave, termios.TCOON)
ended = os.waitpid(pid, 0)[1]
print(json.dumps({"status": os.waitstatus_to_exitcode(ended), "echoes": echoes(), "shown": os.read(terminal, 4096).decode()}))`;

test('a signal between the prompt and the read ends it, and the terminal shows again what is typed', async () => {
  for (const [name, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
    const { json, stderr } = await run('python3', ['-c', interrupted, name, program, 'token', 'get', npm.issuer, '--client-id', 'basic', '--cache', 'off'], { timeout: 60_000 });
    assert.ok(json, `${name}: ${stderr}`);
    assert.deepEqual([json.status, json.echoes], [-number, true], json.shown);
  }
});

test('DPoP: bound to the key, with the nonce that the authority wants', async () => {
  const jkt = await jose.calculateJwkThumbprint(proofKey.jwk);
  for (const issuer of [authority.issuer, npm.issuer]) {
    const { code, json, stderr } = await get(issuer, ['--client-id', 'basic', ...secret(methods.basic.client_secret), '--resource', audience, '--dpop', proofKey.file, '--json']);
    assert.equal(code, 0, stderr);
    assert.equal(json.response.token_type, 'DPoP');
    assert.equal(json.claims.cnf.jkt, jkt);
  }
});

test('token exchange', async () => {
  const subject = await token(authority.issuer, ['--client-id', 'basic', ...secret(methods.basic.client_secret), '--audience', audience, '--scope', 'read']);
  const { code, json, stderr } = await get(authority.issuer, ['--client-id', 'broker', ...secret('b'), '--subject-token-file', '-', '--audience', audience, '--json'], { input: subject });
  assert.equal(code, 0, stderr);
  assert.equal(json.response.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token');
});

test('the cache: private, keyed by what was asked, renewed when due', async () => {
  const cache = path.join(folder, 'deep', 'tokens.json');
  const words = ['--client-id', 'basic', ...secret(methods.basic.client_secret), '--resource', audience, '--cache', cache];
  const before = npm.hits['/token'];
  const first = await token(npm.issuer, words);
  assert.equal(await token(npm.issuer, words), first);
  assert.equal(npm.hits['/token'], before + 1);
  assert.equal(fs.statSync(cache).mode & 0o777, 0o600);
  assert.ok(!fs.readFileSync(cache, 'utf8').includes(methods.basic.client_secret));
  assert.notEqual(await token(npm.issuer, [...words, '--scope', 'read']), first);
  assert.notEqual(await token(npm.issuer, [...words, '--fresh']), first);
  const kept = JSON.parse(fs.readFileSync(cache, 'utf8'));
  for (const entry of kept.tokens) entry.expires_at = Math.floor(Date.now() / 1000) + 5;
  fs.writeFileSync(cache, JSON.stringify(kept));
  assert.notEqual(await token(npm.issuer, words), kept.tokens[0].response.access_token);
  fs.writeFileSync(cache, '{"tokens":[{"key":17},"x"'); // torn: begun anew
  await token(npm.issuer, words);
  fs.chmodSync(cache, 0o644);
  const open = await get(npm.issuer, words);
  assert.equal(open.code, 3);
  assert.match(open.stderr, /others can read/);
});

test('sixteen commands at once ask the issuer once', async () => {
  const words = ['--client-id', 'basic', ...secret(methods.basic.client_secret), '--resource', audience, '--cache', path.join(folder, 'race.json')];
  const before = npm.hits['/token'];
  const tokens = await Promise.all(Array.from({ length: 16 }, () => token(npm.issuer, words)));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(npm.hits['/token'], before + 1);
});

test('a wrong secret, at both issuers', async () => {
  for (const issuer of [npm.issuer, authority.issuer]) {
    const cause = await refused(issuer, ['--client-id', 'basic', ...secret('wrong')]);
    assert.match(cause.id, /^(client\.|response\.error)/);
    assert.ok(!JSON.stringify(cause).includes('wrong-secret'));
  }
  const people = await get(authority.issuer, ['--client-id', 'basic', ...secret('wrong')]);
  assert.equal(people.code, 1);
  assert.equal(people.stdout, '', 'a shell finds no token where there is none');
  assert.match(people.stderr, /client\.|response\.error/);
});

test('answers that are none', async () => {
  const plain = await startPlainIssuer();
  const serve = plain.handle;
  let answer;
  plain.handle = (incoming, outgoing) => {
    if (incoming.url !== '/token') return serve(incoming, outgoing);
    outgoing.writeHead(answer.status ?? 200, { 'Content-Type': answer.type ?? 'application/json', 'Cache-Control': 'no-store', ...answer.headers });
    outgoing.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
  };
  const good = { access_token: 'abc', token_type: 'Bearer', expires_in: 60 };
  for (const [cause, given, words = []] of [
    ['response.html', { type: 'text/html', body: '<!doctype html><title>Sign in</title>' }],
    ['response.not_json', { body: 'access_token=abc&token_type=bearer', type: 'application/x-www-form-urlencoded' }],
    ['response.token_type_missing', { body: { access_token: 'abc' } }],
    ['response.access_token_missing', { body: { token_type: 'Bearer' } }],
    ['response.token_characters', { body: { ...good, access_token: 'abc\r\nX-Admin: 1' } }],
    ['response.token_type_unexpected', { body: good }, ['--dpop', proofKey.file]],
    ['request.grant_not_allowed', { status: 400, body: { error: 'unauthorized_client' } }],
    ['network.http.server_error', { status: 503, body: 'no', type: 'text/plain' }],
    ['binding.dpop_nonce', { status: 400, headers: { 'DPoP-Nonce': 'again' }, body: { error: 'use_dpop_nonce' } }, ['--dpop', proofKey.file]],
  ]) {
    answer = given;
    const found = await refused(plain.issuer, ['--client-id', 'app', ...secret('s'), ...words]);
    assert.ok(found.id === cause || (cause === 'binding.dpop_nonce' && found.id === 'response.error'), `${cause}: ${JSON.stringify(found)}`);
  }
  answer = { body: { ...good, id_token: await plain.token({ aud: 'somebody-else' }, { typ: 'JWT' }) } };
  assert.match((await refused(plain.issuer, ['--client-id', 'app', ...secret('s')])).id, /^audience\./);
  answer = { body: good };
  assert.equal(await token(plain.issuer, ['--client-id', 'app', ...secret('s')]), 'abc');
});

test('an issuer that is not what it says, or not there', async () => {
  const plain = await startPlainIssuer();
  assert.match((await refused(`${plain.issuer}/`, ['--client-id', 'app', ...secret('s')])).id, /^discovery\./);
  plain.metadata = { ...plain.metadata, token_endpoint: undefined };
  assert.equal((await refused(plain.issuer, ['--client-id', 'app', ...secret('s')])).id, 'discovery.missing_member');
  plain.metadata = { ...plain.metadata, token_endpoint: 'http://idp.example/token' };
  assert.equal((await refused(plain.issuer, ['--client-id', 'app', ...secret('s')])).id, 'discovery.insecure_endpoint');
  await plain.stop();
  assert.match((await refused(plain.issuer, ['--client-id', 'app', ...secret('s')])).id, /^network\./);
});
