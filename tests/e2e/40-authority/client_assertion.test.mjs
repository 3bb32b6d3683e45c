// SPDX-License-Identifier: Apache-2.0
// Clients that prove themselves by a JWT: openid-client's own, and wrong ones made by hand.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { jwks, makeKey, makeToken as makeTyped, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const makeToken = (key, claims, header) => makeTyped(key, claims, { typ: 'JWT', ...header });
const key = await makeKey('ES256');
const stranger = await makeKey('ES256');
const second = await makeKey('RS256');
const rsa = await crypto.subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, true, ['sign', 'verify']);
const pem = `-----BEGIN PUBLIC KEY-----\n${Buffer.from(await crypto.subtle.exportKey('spki', rsa.publicKey)).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END PUBLIC KEY-----\n`;
const secret = 'a secret of thirty-two bytes or more', long = secret.repeat(2);
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: {
      signer: { jwks: jwks(key) },
      pem: { public_key: pem, method: 'private_key_jwt' },
      mac: { secret, method: 'client_secret_jwt' },
      long: { secret: long, method: 'client_secret_jwt' },
      picky: { jwks: jwks(key, second), token_endpoint_auth_signing_alg: 'RS256' },
    },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const discover = (id, auth) => openid.discovery(new URL(authority.issuer), id, undefined, auth, insecure);

test('openid-client by private_key_jwt and client_secret_jwt', async () => {
  for (const [id, auth] of [['pem', openid.PrivateKeyJwt(rsa.privateKey)], ['mac', openid.ClientSecretJwt(secret)]]) {
    const config = await discover(id, auth);
    for (let i = 0; i < 2; i++) assert.ok((await openid.clientCredentialsGrant(config)).access_token);
  }
});

test('the metadata name every algorithm that is taken, and a MAC key is as long as its hash', async () => {
  const { json } = await authority.get('/.well-known/openid-configuration');
  const listed = json.token_endpoint_auth_signing_alg_values_supported;
  const sign = (alg, of) => {
    const signed = [{ alg, typ: 'JWT' }, claims({ iss: of, sub: of })].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${signed}.${createHmac(`sha${alg.slice(2)}`, of === 'long' ? long : secret).update(signed).digest('base64url')}`;
  };
  for (const alg of ['HS256', 'HS384', 'HS512']) {
    assert.ok(listed.includes(alg), alg);
    assert.equal((await ask(sign(alg, 'long'))).status, 200, alg);
  }
  assert.equal((await ask(sign('HS256', 'mac'))).status, 200);
  for (const alg of ['HS384', 'HS512']) {
    const refused = await ask(sign(alg, 'mac'));
    assert.deepEqual([refused.status, refused.json.error], [400, 'invalid_client']);
    assert.doesNotMatch(refused.text, /bytes|hash|long|short/, 'whoever names a client learns nothing of its secret');
    const { cause, finding } = await until(() => authority.log().find((line) => line.request_id === refused.requestId), 'the line');
    assert.equal(cause, 'client.assertion_signature');
    assert.match(finding.detail, /secret is shorter than the hash/);
  }
  for (const alg of ['RS384', 'ES384', 'PS512', 'EdDSA']) {
    assert.ok(listed.includes(alg), alg);
    assert.deepEqual(json.introspection_endpoint_auth_signing_alg_values_supported, listed);
  }
});

const claims = (more = {}) => ({ iss: 'signer', sub: 'signer', aud: authority.issuer, exp: now() + 60, jti: crypto.randomUUID(), ...more });
const ask = async (assertion, more = {}) => authority.post('/token', {
  grant_type: 'client_credentials', client_assertion: assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', ...more,
});

test('the token endpoint as audience is good too', async () => {
  assert.equal((await ask(await makeToken(key, claims({ aud: [`${authority.issuer}/token`] })))).status, 200);
});

test('each wrong assertion is named', async () => {
  const replayed = await makeToken(key, claims());
  assert.equal((await ask(replayed)).status, 200);
  const rows = [
    [replayed, 'client.assertion_replayed'],
    [await makeToken(key, claims({ aud: 'https://other.example' })), 'client.assertion_audience'],
    [await makeToken(key, claims({ aud: `${authority.issuer}oken` })), 'client.assertion_audience'],
    [await makeToken(key, claims({ exp: now() - 60 })), 'client.assertion_expired'],
    [await makeToken(stranger, claims()), 'client.assertion_signature'],
    [await makeToken(key, claims({ iss: 'mac' })), 'request.parameter_invalid'],
    [await makeToken(key, claims({ jti: undefined })), 'request.parameter_invalid'],
    [await makeToken(key, claims({ exp: now() + 86400 })), 'request.parameter_invalid'],
    [await makeToken(key, claims({ iss: 'nobody', sub: 'nobody' })), 'client.unknown'],
    [await makeToken(key, claims({ iss: 'mac', sub: 'mac' })), 'client.method_mismatch'],
    [await makeToken(key, claims(), { typ: 'at+jwt' }), 'request.parameter_invalid'],
    ['x.y.z', 'request.parameter_invalid'],
    [`${btoa('{"alg":"none"}').replace(/=+$/, '')}.${btoa(JSON.stringify(claims())).replace(/=+$/, '')}.`, 'request.parameter_invalid'],
  ];
  for (const [assertion, cause] of rows) {
    const { status, json } = await ask(assertion);
    assert.equal(status, 400, cause);
    assert.equal(json.error, 'invalid_client');
    assert.ok(json.error_description.includes(cause), `${cause}: ${json.error_description}`);
  }
  assert.match((await ask(await makeToken(key, claims()), { client_secret: 'x' })).json.error_description, /client\.multiple_methods/);
});

test('an algorithm that is registered is the only one, whatever keys there are', async () => {
  const by = async (which) => ask(await makeToken(which, claims({ iss: 'picky', sub: 'picky' })));
  assert.equal((await by(second)).status, 200);
  const { status, json } = await by(key);
  assert.deepEqual([status, json.error], [400, 'invalid_client']);
  await authority.lastLine('request.parameter_invalid');
});
