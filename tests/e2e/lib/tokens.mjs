// SPDX-License-Identifier: Apache-2.0
// Tokens, key sets and DPoP proofs made with npm's `jose`: an independent peer of our own JOSE.
import { createHash, createHmac, createPrivateKey, randomUUID, sign as signBytes } from 'node:crypto';
import * as jose from 'jose';

export { jose };

export const now = () => Math.floor(Date.now() / 1000);
export const base64url = (value) => Buffer.from(typeof value === 'object' && !Buffer.isBuffer(value) ? JSON.stringify(value) : value).toString('base64url');

/**
 * A key pair: { alg, kid, privateKey, publicJwk, privateJwk }. `alg` RS256 … ES512, ES256K, EdDSA; options: kid, crv (Ed448), modulusLength.
 * For HS256/384/512: { alg, kid, secret, publicJwk (oct) }.
 */
export async function makeKey(alg = 'ES256', options = {}) {
  const kid = options.kid ?? randomUUID();
  if (alg.startsWith('HS')) {
    const secret = options.secret ?? Buffer.from(randomUUID() + randomUUID());
    return { alg, kid, secret, publicJwk: { kty: 'oct', k: Buffer.from(secret).toString('base64url'), alg, kid } };
  }
  const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true, ...options });
  const publicJwk = { ...(await jose.exportJWK(publicKey)), alg, kid, use: 'sig' };
  const privateJwk = { ...(await jose.exportJWK(privateKey)), alg, kid, use: 'sig' };
  return { alg, kid, privateKey, publicJwk, privateJwk, pem: () => jose.exportSPKI(publicKey) };
}

export const jwks = (...keys) => ({ keys: keys.map((key) => key.publicJwk ?? key) });

/**
 * A signed access token. `claims` over the defaults { iat: now, exp: now + 300, jti, sub: 'alice' }; a claim set to undefined is left
 * out. `header` over { alg, kid, typ: 'at+jwt' }.
 */
export async function makeToken(key, claims = {}, header = {}) {
  const payload = { iat: now(), exp: now() + 300, jti: randomUUID(), sub: 'alice', ...claims };
  const protectedHeader = { alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header };
  for (const object of [payload, protectedHeader]) for (const name of Object.keys(object)) if (object[name] === undefined) delete object[name];
  return signRaw(key, JSON.stringify(protectedHeader), JSON.stringify(payload));
}

const digests = { 256: 'sha256', 384: 'sha384', 512: 'sha512' };

/** Signs header and payload texts exactly as given, whatever they are: for tokens that no library would make. */
export function signRaw(key, headerText, payloadText) {
  const input = `${base64url(headerText)}.${base64url(payloadText)}`;
  const digest = digests[key.alg.slice(2, 5)];
  if (key.secret) return `${input}.${createHmac(digest, key.secret).update(input).digest('base64url')}`;
  const options = { key: createPrivateKey({ key: key.privateJwk, format: 'jwk' }) };
  if (key.alg.startsWith('ES')) options.dsaEncoding = 'ieee-p1363';
  if (key.alg.startsWith('PS')) Object.assign(options, { padding: 6, saltLength: Number(key.alg.slice(2)) / 8 });
  return `${input}.${signBytes(key.alg === 'EdDSA' ? null : digest, Buffer.from(input), options).toString('base64url')}`;
}

/** The header or payload of a token as an object. */
export const decodePart = (token, part) => JSON.parse(Buffer.from(token.split('.')[part], 'base64url').toString('utf8'));

/** Same token with other bytes in the middle of its signature. */
export function breakSignature(token) {
  const [header, payload, signature] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  bytes[bytes.length >> 1] ^= 0x55;
  return `${header}.${payload}.${bytes.toString('base64url')}`;
}

/**
 * A DPoP proof (RFC 9449) for `method` and `url`; `token` adds ath. `claims`, `header` over the defaults. The thumbprint for cnf.jkt is
 * `await thumbprint(key)`.
 */
export async function makeProof(key, method, url, { token, nonce, claims = {}, header = {} } = {}) {
  const { alg, kid, use, ...jwk } = key.publicJwk;
  const payload = { jti: randomUUID(), htm: method, htu: url.split(/[?#]/)[0], iat: now(), ...claims };
  if (token !== undefined) payload.ath = createHash('sha256').update(token).digest('base64url');
  if (nonce !== undefined) payload.nonce = nonce;
  Object.assign(payload, claims);
  return signRaw(key, JSON.stringify({ typ: 'dpop+jwt', alg, jwk, ...header }), JSON.stringify(payload));
}

export const thumbprint = (key) => jose.calculateJwkThumbprint(key.publicJwk);
