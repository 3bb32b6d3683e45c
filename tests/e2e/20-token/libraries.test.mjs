// SPDX-License-Identifier: Apache-2.0
// A command that asks nobody does not wait for the libraries that ask.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { program, sallyport } from '../lib/cli.mjs';

const late = /lib(?:curl|pq|microhttpd|sqlite3|argon2|crypt|qrencode|gnutls|ldap|krb5|nghttp2)[-.]/;

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
