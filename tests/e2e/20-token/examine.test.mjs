// SPDX-License-Identifier: Apache-2.0
// `sallyport token`: offline, on tokens and key sets that npm's jose made.
import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { faults, startPlainIssuer } from '../lib/issuer.mjs';
import { base64url, breakSignature, jwks, makeKey, makeToken, now, signRaw } from '../lib/tokens.mjs';

const issuer = 'https://idp.example.com/realms/a';
const audience = 'https://api.example.com/v1';
const folder = await temporaryFolder();
const file = (name, content) => {
  const at = path.join(folder, name);
  writeFileSync(at, typeof content === 'string' ? content : JSON.stringify(content));
  return at;
};
const keys = Object.fromEntries(await Promise.all(['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA'].map(async (alg) => [alg, await makeKey(alg, { kid: alg })])));
const second = await makeKey('ES256', { kid: 'second' });
const keyFile = file('keys.json', jwks(...Object.values(keys), second));
const flags = ['--jwks', keyFile, '--issuer', issuer, '--audience', audience];
const token = (claims = {}, header = {}, key = keys.ES256) => makeToken(key, { iss: issuer, aud: audience, ...claims }, header);
const examine = (text, more = [], options = {}) => sallyport(['token', 'examine', text, '--json', ...flags, ...more], options);
const checks = ['form', 'type', 'algorithm', 'key', 'signature', 'issuer', 'audience', 'expiry', 'not_before', 'issued_at', 'scope', 'claims', 'binding', 'revocation'];

for (const [alg, key] of Object.entries(keys))
  test(`accepts ${alg}`, async () => {
    const { code, json } = await examine(await token({}, {}, key));
    assert.equal(code, 0);
    assert.equal(json.accepted, true);
    assert.equal(json.cause, null);
    assert.deepEqual(json.checks.map((check) => check.name), checks);
    assert.equal(json.token.kind, 'jwt');
    assert.equal(json.token.signature_verified, true);
    assert.equal(json.token.header.alg, alg);
    assert.equal(json.token.claims.iss, issuer);
  });

const refusals = {
  'issuer.trailing_slash': () => token({ iss: `${issuer}/` }),
  'audience.is_client_id': () => token({ aud: 'app', client_id: 'app' }),
  'time.expired': () => token({ exp: now() - 192 }),
  'time.milliseconds': () => token({ exp: (now() + 60) * 1000 }),
  'time.not_a_number': () => signRaw(keys.ES256, JSON.stringify({ alg: 'ES256', kid: 'ES256' }), `{"iss":"${issuer}","aud":"${audience}","exp":${'9'.repeat(400)}}`),
  'signature.invalid': async () => breakSignature(await token()),
  'signature.other_key': () => token({}, { kid: 'ES256' }, second),
  'keys.unknown_kid': () => token({}, { kid: 'new' }),
  'algorithm.none': () => `${base64url({ alg: 'nOnE' })}.${base64url({ iss: issuer })}.`,
  'token.malformed.duplicate_member': () => signRaw(keys.ES256, '{"alg":"ES256","kid":"ES256"}', `{"iss":"${issuer}","iss":"x","exp":${now() + 60}}`),
  'token.malformed.json': () => signRaw(keys.ES256, '{"alg":"ES256","kid":"ES256"}', '['.repeat(10000)),
  'token.critical_header': () => token({}, { crit: ['exp'] }),
  'token.kind.id_token': () => token({ nonce: 'n', at_hash: 'x' }, { typ: undefined }),
  'scope.missing': () => token({ scope: 'read' }),
};
for (const [id, make] of Object.entries(refusals))
  test(`names ${id}`, async () => {
    const { code, json } = await examine(await make(), id.startsWith('scope') ? ['--scope', 'read write'] : []);
    assert.equal(json.cause.id, id);
    assert.equal(code, 1);
    assert.equal(json.accepted, false);
    assert.equal(json.cause.severity, 'reject');
    for (const member of ['component', 'title', 'explanation', 'fix', 'references', 'http_status', 'oauth_error']) assert.ok(json.cause[member], member);
  });

test('the signature is never shown', async () => {
  const text = await token({ iss: 'https://else.example.org' });
  for (const args of [['token', 'examine', text, ...flags], ['token', 'examine', text, '--json', ...flags], ['token', 'decode', text], ['token', 'decode', text, '--json']]) {
    const { stdout, stderr } = await sallyport(args);
    assert.ok(!(stdout + stderr).includes(text.split('.')[2].slice(0, 30)));
  }
});

test('what unverified claims say is a rumour', async () => {
  const { json } = await examine(breakSignature(await token({ exp: 1, iss: 'https://x.example' })));
  assert.equal(json.cause.id, 'signature.invalid');
  assert.ok(json.also.length >= 2);
  assert.ok(json.also.every((finding) => finding.verified === false));
});

test('a token is taken however it was pasted', async () => {
  const text = await token();
  for (const input of [text, `${text}\n`, `${text}\r\n`, `Authorization: Bearer ${text}\n`, `> authorization: bearer ${text}\r\n> accept: */*\r\n`, `curl -s -H 'Authorization: Bearer ${text}' https://api.example.com`, `-H "Authorization: Bearer ${text}" \\\n`]) {
    const { code, stdout } = await examine('-', [], { input });
    assert.equal(code, 0, `${JSON.stringify(input.replace(text, 'TOKEN'))}: ${stdout}`);
  }
});

test('what is wrong with the way it was pasted is named', async () => {
  const text = await token();
  const rows = {
    'token.malformed.scheme_repeated': [`Bearer ${text}`, `Authorization: Bearer Bearer ${text}`],
    'token.missing': ['Bearer', 'bearer ', 'DPoP', 'Bearer \n', 'Authorization: Bearer', "curl -H 'Authorization: Bearer ' https://api.example/"],
    'token.malformed.quoted': [`"${text}"`, `<${text}>`],
    'token.malformed.whitespace': [`${text.slice(0, 50)}\n${text.slice(50)}`, ` ${text}`],
    'token.malformed.url_encoded': [text.replaceAll('.', '%2E')],
    'token.malformed.padding': [`${text}=`],
    'token.malformed.truncated': [text.slice(0, -30), text.slice(0, 200)],
    'token.malformed.segments': [`${text}.${text}`],
    'token.malformed.response_body': [JSON.stringify({ access_token: text, token_type: 'Bearer' })],
    'token.scheme_unsupported': ['Authorization: Basic dTpw'],
    'token.opaque': ['8xLOxBtZp8', 'gho_16C7e42F292c6912E7710c838347Ae178B4a'],
  };
  for (const [id, inputs] of Object.entries(rows))
    for (const input of inputs) assert.equal((await examine('-', [], { input })).json?.cause.id, id, input.slice(0, 60));
});

test('PEM files: a public key and a certificate', async () => {
  const pem = file('key.pem', await keys.RS256.pem());
  assert.equal((await sallyport(['token', 'examine', await token({}, {}, keys.RS256), '--key', pem, '--issuer', issuer])).code, 0);
  assert.equal((await sallyport(['token', 'examine', await token(), '--key', pem, '--json'])).json.accepted, false);
  assert.equal((await sallyport(['token', 'examine', await token(), '--key', file('no.pem', 'hello')])).code, 3);
});

test('shared secrets, in each way of writing, and the one that was meant', async () => {
  const bytes = Buffer.from('0123456789abcdef0123456789abcdef0123456789abcdef').subarray(0, 33);
  const text = signRaw({ alg: 'HS256', secret: bytes }, '{"alg":"HS256"}', JSON.stringify({ exp: now() + 60 }));
  for (const encoding of ['base64', 'base64url']) {
    const secret = bytes.toString(encoding);
    assert.equal((await sallyport(['token', 'examine', text, '--secret', secret, '--secret-encoding', encoding])).code, 0);
    const { json, code } = await sallyport(['token', 'examine', text, '--json', '--secret', secret]);
    assert.equal(code, 1);
    assert.equal(json.cause.id, 'signature.secret_encoding');
  }
  assert.equal((await sallyport(['token', 'examine', text, '--secret', bytes.toString()])).code, 0);
  const short = signRaw({ alg: 'HS256', secret: 'secret' }, '{"alg":"HS256"}', JSON.stringify({ exp: now() + 60 }));
  assert.equal((await sallyport(['token', 'examine', short, '--json', '--secret', 'secret'])).json.cause.id, 'keys.weak');
});

test('the public key as an HMAC secret is an attack', async () => {
  const input = `${base64url({ alg: 'HS256', kid: 'RS256' })}.${base64url({ iss: issuer, aud: audience, exp: now() + 60 })}`;
  const forged = `${input}.${createHmac('sha256', await keys.RS256.pem()).update(input).digest('base64url')}`;
  assert.equal((await examine(forged)).json.cause.id, 'algorithm.key_confusion');
  const guess = `${input}.${createHmac('sha256', 'guess').update(input).digest('base64url')}`;
  assert.equal((await examine(guess)).json.cause.id, 'algorithm.symmetric');
});

test('a DER signature is recognised', async () => {
  const input = `${base64url({ alg: 'ES256', kid: 'ES256' })}.${base64url({ iss: issuer, aud: audience, exp: now() + 60 })}`;
  const key = createPrivateKey({ key: keys.ES256.privateJwk, format: 'jwk' });
  const { json } = await examine(`${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`);
  assert.equal(json.cause.id, 'signature.der_encoded');
});

test('tokens of another environment are recognised', async () => {
  const staging = await makeKey('ES256', { kid: 'staging' });
  const more = ['--other-issuer', `https://staging.example.com=${file('staging.json', jwks(staging))}`];
  const of = async (header) => (await examine(await makeToken(staging, { iss: 'https://staging.example.com', aud: audience }, header), more)).json;
  assert.equal((await of({})).cause.id, 'keys.other_issuer');
  assert.equal((await of({ kid: 'ES256' })).cause.id, 'signature.other_issuer_key');
  assert.equal((await examine(await token({ iss: 'https://staging.example.com' }), more)).json.cause.id, 'issuer.other_environment');
});

test('key sets that are none are named', async () => {
  const rows = { 'keys.html': '<!doctype html><p>Log in', 'keys.not_json': 'hello', 'keys.empty': '{"keys":[]}' };
  for (const [id, content] of Object.entries(rows)) {
    const { code, json } = await sallyport(['token', 'examine', await token(), '--json', '--jwks', file('bad.json', content)]);
    assert.equal(json.cause.id, id);
    assert.equal(json.cause.http_status, 503);
    assert.equal(code, 1);
  }
  assert.equal((await sallyport(['token', 'examine', await token(), '--jwks', path.join(folder, 'absent.json')])).code, 3);
  const plain = await sallyport(['token', 'examine', await token(), '--json', '--jwks', 'http://idp.example.com/keys']);
  assert.equal(plain.json.cause.id, 'keys.insecure_url');
});

test('a PEM file is taken as the key that it holds', async () => {
  const signed = await token();
  const pem = (key) => createPublicKey({ key: jwks(key).keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  const key = file('key.pem', pem(keys.ES256));
  for (const words of [['token', 'verify', signed, '--jwks', key], ['token', 'examine', signed, '--issuer', issuer, '--audience', audience, '--jwks', key]]) {
    const { code, stdout, stderr } = await sallyport(words);
    assert.equal(code, 0, stdout + stderr);
  }
  const other = file('other.pem', pem(second));
  assert.equal((await sallyport(['token', 'verify', signed, '--jwks', other, '--json'])).code, 1);
  const broken = await sallyport(['token', 'verify', signed, '--jwks', file('broken.pem', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')]);
  assert.equal(broken.code, 3);
  assert.match(broken.stderr, /broken\.pem: a PEM block that is no key/);
});

test('a file that is no key set is told in one sentence', async () => {
  const { json, stdout } = await sallyport(['token', 'examine', await token(), '--json', '--jwks', file('bad.json', 'hello')]);
  assert.equal(json.cause.id, 'keys.not_json');
  assert.equal(json.cause.explanation.match(/not a JSON Web Key Set/g).length, 1, stdout);
});

test('a set whose only key is of no use says what is wrong with that key', async () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
  const good = jwks(keys.ES256).keys[0];
  for (const [member, id] of [
    [{ ...small, kid: 'ES256' }, 'keys.weak'],
    [small, 'keys.weak'],
    [{ ...good, use: 'enc', key_ops: undefined }, 'keys.use_mismatch'],
    [{ ...good, use: undefined, key_ops: ['sign'] }, 'keys.use_mismatch'],
    [{ ...good, x: '!' }, 'keys.malformed_member'],
    [{ kty: 'LATTICE', kid: 'ES256' }, 'keys.unsupported_type'],
    [{ kty: 'LATTICE', kid: 'else' }, 'keys.empty'],
  ]) {
    const { code, json } = await sallyport(['token', 'examine', await token(), '--json', '--issuer', issuer, '--jwks', file('one.json', { keys: [member] })]);
    assert.equal(json.cause.id, id, JSON.stringify(member));
    assert.equal(code, 1);
  }
});

test('what is beyond a limit is a finding', async () => {
  const large = await sallyport(['token', 'examine', '-', '--json', ...flags], { input: 'a'.repeat(3_000_000) });
  assert.equal(large.json.cause.id, 'token.too_large');
  assert.equal(large.code, 1);
  const set = file('large.json', { keys: [], padding: 'x'.repeat(2_000_000) });
  const { code, json } = await sallyport(['token', 'examine', await token(), '--json', '--issuer', issuer, '--jwks', set]);
  assert.equal(json.cause.id, 'keys.too_large');
  assert.equal(code, 1);
  assert.equal((await sallyport(['keys', 'show', set, '--json'])).json.cause.id, 'keys.too_large');
});

test('a bound token that was sent as Bearer', async () => {
  const bound = await token({ cnf: { jkt: 'x'.repeat(43) } });
  assert.equal((await examine(`Authorization: Bearer ${bound}`)).json.cause.id, 'binding.dpop_missing');
  assert.equal((await examine(`Authorization: DPoP ${bound}`)).json.accepted, true);
  assert.equal((await examine(bound)).json.accepted, true);
});

test('time can be told, and leeway', async () => {
  const text = await token({ iat: 1700000000, exp: 1700000600 });
  assert.equal((await examine(text, ['--now', '1700000300'])).code, 0);
  assert.equal((await examine(text, ['--now', '1700000700'])).json.cause.id, 'time.expired');
  assert.equal((await examine(text, ['--now', '1700000700', '--leeway', '120'])).code, 0);
  const { stdout } = await sallyport(['token', 'examine', text, ...flags, '--now', '1700000792']);
  assert.match(stdout, /expired 3 min 12 s ago/);
});

test('an API of a configuration says what it needs', async () => {
  const config = file('sallyport.yaml', JSON.stringify({
    issuers: { corp: { issuer, jwks_file: 'keys.json', audience: [audience] } },
    apis: { photos: { match: { path: '/photos' }, upstream: { url: 'http://127.0.0.1:1' }, auth: { issuers: ['corp'], scopes: { GET: ['read'], POST: ['write'] } } } },
  }));
  const run = async (...more) => sallyport(['token', 'examine', await token({ scope: 'read' }), '--json', '-c', config, ...more]);
  assert.equal((await run('--api', 'photos')).code, 0);
  assert.equal((await run('--api', 'photos', '--method', 'POST')).json.cause.id, 'scope.missing');
  const typo = await run('--api', 'photo');
  assert.equal(typo.code, 2);
  assert.match(typo.stderr, /Did you mean 'photos'/);
});

test('without a key the signature is not judged, the rest is, and nothing is accepted', async () => {
  const run = async (claims, more = [], header = {}) => sallyport(['token', 'examine', await token(claims, header), '--json', '--audience', audience, ...more]);
  const good = await run();
  assert.deepEqual([good.code, good.json.accepted, good.json.cause], [3, false, null]);
  assert.deepEqual(['key', 'signature', 'audience', 'expiry'].map((name) => good.json.checks.find((check) => check.name === name).outcome), ['skip', 'skip', 'pass', 'pass']);
  assert.equal(good.json.token.signature_verified, false);
  assert.match(good.json.hints[0], /--issuer[^]*--jwks/);
  for (const [claims, id] of [[{ aud: 'other' }, 'audience.mismatch'], [{ exp: now() - 192 }, 'time.expired']]) {
    const { code, json } = await run(claims);
    assert.deepEqual([code, json.accepted, json.cause.id, json.cause.verified], [1, false, id, false]);
    assert.match(json.hints[0], /--issuer[^]*--jwks/);
  }
  assert.equal((await run({}, [], { alg: 'HS256' })).code, 3, 'which algorithm was not said either');
  assert.equal((await run({}, [], { alg: 'none' })).json.cause.id, 'algorithm.none');
  const { stdout } = await sallyport(['token', 'examine', await token(), '--audience', audience]);
  assert.match(stdout, /^\? UNDECIDED {2}nothing that was looked at speaks against it[^]*Hints[^]*--issuer/);
  assert.doesNotMatch(stdout, /\bvalid\b|ACCEPTED/);
});

test('verify looks at the signature alone, of any payload', async () => {
  const text = signRaw(keys.ES256, '{"alg":"ES256","kid":"ES256","typ":"dpop+jwt"}', 'It is a plain text.');
  assert.equal((await sallyport(['token', 'verify', text, '--jwks', keyFile])).code, 0);
  assert.equal((await sallyport(['token', 'verify', '-', '--jwks', keyFile], { input: `${await token({ exp: 1 })}\n` })).code, 0);
  const broken = await sallyport(['token', 'verify', breakSignature(text), '--jwks', keyFile, '--json']);
  assert.equal(broken.code, 1);
  assert.equal(broken.json.cause.id, 'signature.invalid');
  assert.equal((await sallyport(['token', 'verify', text])).code, 2);
});

test('decode shows and never says valid', async () => {
  const text = await token({ exp: 1700000600, iat: 1700000000 });
  const { code, stdout } = await sallyport(['token', 'decode', text, '--now', '1700000792']);
  assert.equal(code, 0);
  assert.match(stdout, /2023-11-14 22:23:20 UTC, 3 min 12 s ago/);
  assert.doesNotMatch(stdout, /\bvalid\b/i);
  const { json } = await sallyport(['token', 'decode', text, '--json']);
  assert.equal(json.claims.iss, issuer);
  assert.equal(json.header.kid, 'ES256');
  assert.equal((await sallyport(['token', 'decode', 'hello'])).code, 1);
});

test('an issuer alone is asked for its keys', async () => {
  const idp = await startPlainIssuer();
  const text = await idp.token({ aud: audience });
  const run = async (url = idp.issuer) => sallyport(['token', 'examine', text, '--json', '--issuer', url, '--audience', audience]);
  assert.equal((await run()).code, 0);
  const slash = await run(`${idp.issuer}/`);
  assert.equal(slash.json.cause.id, 'issuer.trailing_slash');
  assert.equal(slash.json.token.signature_verified, true);
  for (const [fault, id] of [[faults.html, 'discovery.html'], [faults.garbage, 'discovery.not_json'], [faults.notFound, 'discovery.not_found'], [faults.error, 'discovery.http_status']]) {
    idp.fault = fault;
    const { code, json } = await run();
    assert.equal(json.cause.id, id);
    assert.equal(code, 1);
  }
  await idp.stop();
  const { code, json } = await run();
  assert.equal(json.cause.id, 'keys.unreachable');
  assert.equal(json.cause.reason, 'network.tcp.refused');
  assert.equal(code, 3);
  assert.match((await sallyport(['token', 'examine', text, '--issuer', idp.issuer, '--audience', audience])).stdout, /^\? UNDECIDED {2}keys\.unreachable: /);
});

test('usage errors end with 2 and point to help', async () => {
  for (const args of [['token'], ['token', 'examin'], ['token', 'examine', 'x', '--isuer', 'y'], ['token', 'examine', 'x', '--alg', 'RS255'], ['token', 'examine', 'x', 'y'], ['token', 'examine', 'x', '--api', 'a'], ['nonsense']]) {
    const { code, stdout, stderr } = await sallyport(args);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /help|Usage/);
  }
  const help = await sallyport(['help', 'token', 'examine']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--other-issuer URL=FILE/);
  assert.match((await sallyport(['token', 'examine', 'x', '--isuer', 'y'])).stderr, /Did you mean '--issuer'/);
});
