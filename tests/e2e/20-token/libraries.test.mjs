// SPDX-License-Identifier: Apache-2.0
// A command that asks nobody does not wait for the libraries that ask.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { program, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const late = /lib(?:curl|pq|microhttpd|sqlite3|argon2|crypt|qrencode|sodium|gnutls|ldap|krb5|nghttp2)[-.]/;

test('the program needs none of the libraries that bring thirty others', () => {
  const needed = execFileSync('ldd', [program], { encoding: 'utf8' });
  assert.match(needed, /libcrypto\./);
  assert.doesNotMatch(needed, late);
});

test('token examine loads none of them; a key set that has to be fetched loads libcurl', async () => {
  const env = { LD_DEBUG: 'files' };
  const token = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.AAAA`;
  const offline = await sallyport(['token', 'examine', token, '--secret', 'not-the-one'], { env });
  assert.match(offline.stderr, /libcrypto\./);
  assert.doesNotMatch(offline.stderr, late);
  const online = await sallyport(['token', 'examine', token, '--jwks', 'http://127.0.0.1:1/keys'], { env });
  assert.match(online.stderr, /libcurl\.so\.4/);
});

test('only a token of Ed25519 loads libsodium, which verifies it', async () => {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA');
  const keys = path.join(temporaryFolder(), 'keys.json');
  fs.writeFileSync(keys, JSON.stringify({ keys: [await exportJWK(publicKey)] }));
  const token = await new SignJWT({ iss: 'https://idp.example.com' }).setProtectedHeader({ alg: 'EdDSA' }).setExpirationTime('5m').sign(privateKey);
  const verified = await sallyport(['token', 'verify', token, '--jwks', keys], { env: { LD_DEBUG: 'files' } });
  assert.equal(verified.code, 0, verified.stdout);
  assert.match(verified.stderr, /libsodium\.so\.23/);
});
