// SPDX-License-Identifier: Apache-2.0
// `sallyport keys`: what it makes and says is what npm's jose and openssl read and compute.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { stat, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { calculateJwkThumbprint, CompactSign, compactVerify, importJWK, importPKCS8, importSPKI } from 'jose';
import { program, run, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const folder = await temporaryFolder();
const algorithms = ['RS256', 'PS384', 'ES256', 'ES384', 'ES512', 'EdDSA', 'HS256', 'HS512'];

for (const alg of algorithms) {
  test(`${alg}: a generated key signs in jose, and token verify agrees`, async () => {
    const file = path.join(folder, `${alg}.jwk`);
    const made = await sallyport(['keys', 'generate', '--alg', alg, '--kid', 'k1', '--output', file]);
    assert.equal(made.code, 0, made.stderr);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const secret = JSON.parse(await readFile(file, 'utf8'));
    assert.equal(secret.alg, alg);
    if (!alg.startsWith('HS')) {
      assert.equal(made.json.d, undefined);
      assert.equal(made.json.kid, 'k1');
      await importJWK(made.json, alg);
    } else {
      assert.equal(made.stdout, '');
    }
    const token = await new CompactSign(Buffer.from('any payload')).setProtectedHeader({ alg, kid: 'k1' }).sign(await importJWK(secret, alg));
    const verified = await sallyport(['token', 'verify', token, '--jwks', file, '--json']);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const parts = token.split('.');
    const altered = `${parts[0]}.${Buffer.from('another payload').toString('base64url')}.${parts[2]}`;
    assert.equal((await sallyport(['token', 'verify', altered, '--jwks', file])).code, 1);
    await compactVerify(token, await importJWK(secret.k ? secret : made.json, alg));

    const thumbprint = await calculateJwkThumbprint(secret);
    assert.equal((await sallyport(['keys', 'thumbprint', file])).stdout.trim(), thumbprint);
    const shown = await sallyport(['keys', 'show', file, '--json']);
    assert.equal(shown.code, 0, shown.stdout);
    assert.equal(shown.json.keys[0].thumbprint, thumbprint);
    assert.equal(shown.json.keys[0].alg, alg);
  });
}

test('PEM out is what openssl and jose read', async () => {
  const file = path.join(folder, 'key.pem');
  const made = await sallyport(['keys', 'generate', '--alg', 'ES256', '--format', 'pem', '--output', file]);
  assert.equal(made.code, 0, made.stderr);
  await importPKCS8(await readFile(file, 'utf8'), 'ES256');
  await importSPKI(made.stdout, 'ES256');
  const theirs = await run('openssl', ['pkey', '-in', file, '-pubout']);
  assert.equal(theirs.stdout, made.stdout);
});

test('PEM in: PKCS#1, PKCS#8, SPKI and certificates have one thumbprint', async () => {
  const at = (name) => path.join(folder, name);
  const openssl = async (...args) => assert.equal((await run('openssl', args)).code, 0);
  await openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', at('8.pem'));
  await openssl('rsa', '-in', at('8.pem'), '-traditional', '-out', at('1.pem'));
  await openssl('rsa', '-in', at('8.pem'), '-RSAPublicKey_out', '-out', at('1.pub'));
  await openssl('rsa', '-in', at('8.pem'), '-pubout', '-out', at('8.pub'));
  await openssl('req', '-x509', '-key', at('8.pem'), '-subj', '/CN=x', '-out', at('x.crt'));
  const prints = await Promise.all(
    ['8.pem', '1.pem', '1.pub', '8.pub', 'x.crt'].map(async (name) => (await sallyport(['keys', 'thumbprint', at(name)])).stdout));
  assert.match(prints[0], /^[\w-]{43}\n$/);
  assert.deepEqual(new Set(prints).size, 1, prints.join(''));
});

test('an existing key file is never overwritten', async () => {
  const file = path.join(folder, 'kept.jwk');
  await writeFile(file, 'precious');
  const { code, stdout } = await sallyport(['keys', 'generate', '--output', file]);
  assert.equal(code, 3);
  assert.equal(stdout, '');
  assert.equal(await readFile(file, 'utf8'), 'precious');
});

test('a terminal gets no private key unless it asks', async () => {
  const onTerminal = (args) => run('script', ['-qec', `${program} keys generate ${args}`, '/dev/null']);
  const refused = await onTerminal('');
  assert.equal(refused.code, 2);
  assert.doesNotMatch(refused.stdout, /"d":/);
  assert.match((await onTerminal('--private')).stdout, /"d":/);
  assert.doesNotMatch((await onTerminal('--public')).stdout, /"d":/);
});

test('show names what is wrong with each member, and goes on', async () => {
  const good = (await sallyport(['keys', 'generate', '--public', '--kid', 'good'])).json;
  const owned = (await sallyport(['keys', 'generate', '--kid', 'leaked'])).json;
  const keys = [
    { kty: 'RSA', kid: 'weak', n: 'AQAB', e: 'AQAB' },
    good,
    { kty: 'OKP', crv: 'X25519', kid: 'ecdh', x: 'AAAA' },
    owned,
    { ...good },
    { kty: 'EC', crv: 'P-256', kid: 'cut', x: good.x },
  ];
  const { code, json } = await sallyport(['keys', 'show', '-', '--json'], { input: JSON.stringify({ keys }) });
  assert.equal(code, 1);
  assert.equal(json.accepted, false);
  assert.deepEqual(json.keys.map((key) => key.cause), ['keys.weak', undefined, 'keys.unsupported_type', undefined, undefined, 'keys.malformed_member']);
  const ids = [json.cause, ...json.also].map((finding) => finding.id).sort();
  assert.deepEqual(ids, ['keys.duplicate_kid', 'keys.malformed_member', 'keys.private_material', 'keys.unsupported_type', 'keys.weak']);
});

test('a secret shorter than its hash is weak', async () => {
  const show = (key) => sallyport(['keys', 'show', '-', '--json'], { input: JSON.stringify(key) });
  const secret = (bytes) => ({ kty: 'oct', k: Buffer.alloc(bytes, 7).toString('base64url') });
  const short = await show(secret(31));
  assert.equal(short.code, 1);
  assert.equal(short.json.cause.id, 'keys.weak');
  assert.equal((await show(secret(32))).code, 0);
  assert.equal((await show({ ...secret(32), alg: 'HS512' })).json.cause.id, 'keys.weak');
});

test('a kid stays in its line and its terminal unharmed', async () => {
  const key = (await sallyport(['keys', 'generate', '--public', '--kid', 'a\u001b[31m\nb'])).json;
  const { stdout } = await sallyport(['keys', 'show', '-'], { input: JSON.stringify(key) });
  assert.doesNotMatch(stdout, /\u001b/);
  assert.match(stdout, /^ {2}0 {2}a\\x1b\[31m\\x0ab /m);
  const long = await sallyport(['keys', 'show', '-'], { input: JSON.stringify({ ...key, kid: 'ü'.repeat(5000) }) });
  assert.match(long.stdout, /^ {2}0 {2}ü{32}… /m);
});

test('more keys than are read are told', async () => {
  const key = (await sallyport(['keys', 'generate', '--public'])).json;
  const keys = Array.from({ length: 300 }, (_, i) => ({ ...key, kid: `k${i}` }));
  const { code, json } = await sallyport(['keys', 'show', '-', '--json'], { input: JSON.stringify({ keys }) });
  assert.equal(code, 1);
  assert.equal(json.keys.length, 256);
  assert.equal(json.cause.id, 'keys.too_large');
  assert.equal(json.cause.severity, 'warn');
});

test('members of unsupported types alone are no fault; an empty set is', async () => {
  const good = (await sallyport(['keys', 'generate', '--public'])).json;
  const unknown = { kty: 'AKP', kid: 'new', alg: 'ML-DSA-44', pub: 'AAAA' };
  const show = (keys) => sallyport(['keys', 'show', '-', '--json'], { input: JSON.stringify({ keys }) });
  assert.equal((await show([good, unknown])).code, 0);
  const empty = await show([]);
  assert.equal(empty.code, 1);
  assert.equal(empty.json.cause.id, 'keys.empty');
  assert.equal((await show([unknown])).json.cause.id, 'keys.empty');
  const { json } = await show([{ ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'weak' }]);
  assert.deepEqual([json.cause.id, json.also.map(({ id }) => id)], ['keys.weak', ['keys.empty']], 'what is wrong with the key says more than that none is left');
});

test('what is wrong comes with what to do', async () => {
  const { stdout } = await sallyport(['keys', 'show', '-'], { input: '{"keys":[]}' });
  const { json } = await sallyport(['keys', 'show', '-', '--json'], { input: '{"keys":[]}' });
  assert.ok(json.cause.fix.length > 0);
  assert.ok(stdout.replaceAll(/\s+/g, ' ').includes(`fix ${json.cause.fix}`), stdout);
});

test('a reader that has enough is no error', async () => {
  for (const command of ['cause --json', 'cause', 'keys generate --json']) {
    const { stdout, stderr } = await run('bash', ['-c', `"${program}" ${command} | head -c 10 > /dev/null; echo "${'$'}{PIPESTATUS[0]}"`]);
    assert.deepEqual([stdout.trim(), stderr], ['0', ''], command);
  }
});

test('exit status: 2 for wrong use, 3 for what cannot be read', async () => {
  for (const args of [['--alg', 'none'], ['--alg', 'RS256', '--bits', '1024'], ['--bits', '2048'], ['--alg', 'HS256', '--public'],
    ['--alg', 'HS256', '--bits', '128'], ['--format', 'der']])
    assert.equal((await sallyport(['keys', 'generate', ...args])).code, 2, args.join(' '));
  assert.equal((await sallyport(['keys', 'show', '/nonexistent'])).code, 3);
  const unreachable = await sallyport(['keys', 'show', 'http://127.0.0.1:1/jwks', '--json']);
  assert.equal(unreachable.code, 3);
  assert.equal(unreachable.json.cause.id, 'keys.unreachable');
});

test('an RSA key with a small exponent is used and told, alone and in a set', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'small' };
  const file = path.join(folder, 'small.json');
  for (const text of [publicKey.export({ type: 'spki', format: 'pem' }), JSON.stringify(jwk), JSON.stringify({ keys: [jwk] })]) {
    await writeFile(file, text);
    const { code, json } = await sallyport(['keys', 'show', file, '--json']);
    assert.deepEqual([code, json.keys[0].verifies, json.cause.id, json.cause.severity, json.cause.received], [1, true, 'keys.weak', 'warn', 'RSA with the exponent 3']);
  }
  const token = await new CompactSign(Buffer.from('x')).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
  assert.equal((await sallyport(['token', 'verify', token, '--jwks', file])).code, 0);
});

test('what is no key is told with what it is and what to give', async () => {
  const page = path.join(folder, 'page.html');
  await writeFile(page, '<!doctype html><p>Log in');
  await writeFile(path.join(folder, 'empty'), '');
  await writeFile(path.join(folder, 'none.json'), '{"keys":[]}');
  for (const [file, id, fix] of [['/etc/passwd', 'keys.not_json', /a JWK, a key set .* or PEM/], [path.join(folder, 'empty'), 'keys.not_json', /PEM/],
    [page, 'keys.html', /PEM/], [path.join(folder, 'none.json'), 'keys.empty', /fix \w/]]) {
    const { code, stdout, stderr } = await sallyport(['keys', 'thumbprint', file]);
    assert.deepEqual([code, stdout], [1, ''], file);
    assert.match(stderr, new RegExp(`${file}: ${id}: [A-Z]`));
    assert.match(stderr.replaceAll(/\s+/g, ' '), fix);
    if (id !== 'keys.empty') assert.doesNotMatch(stderr, /jwks_uri/);
    const { json } = await sallyport(['keys', 'thumbprint', file, '--json']);
    assert.deepEqual([json.keys, json.cause.id], [[], id]);
    assert.match((await sallyport(['keys', 'show', file])).stdout.replaceAll(/\s+/g, ' '), fix);
  }
  const unreachable = await sallyport(['keys', 'thumbprint', 'http://127.0.0.1:1/jwks', '--json']);
  assert.deepEqual([unreachable.code, unreachable.json.cause.id], [3, 'keys.unreachable']);
});
