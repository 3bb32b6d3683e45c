// SPDX-License-Identifier: Apache-2.0
// The harness itself: its peers do what the suites rely on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { request } from '../lib/http.mjs';
import { faults, startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { breakSignature, decodePart, jose, jwks, makeKey, makeProof, makeToken, thumbprint } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';

test('the program says its version', async () => {
  const { code, stdout } = await sallyport(['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^sallyport \d+\.\d+\.\d+\n$/);
});

test('the upstream says what it received', async () => {
  const upstream = await startUpstream({ name: 'photos' });
  const { status, json } = await request(`${upstream.url}/photos/7?x=1`, { method: 'POST', body: 'hello', headers: { 'X-One': 'two' } });
  assert.equal(status, 200);
  assert.equal(json.server, 'photos');
  assert.equal(json.url, '/photos/7?x=1');
  assert.equal(json.headers['x-one'], 'two');
  assert.equal(json.body_bytes, 5);
  assert.equal((await request(`${upstream.url}/bytes/100000`)).body.length, 100_000);
  assert.equal((await request(`${upstream.url}/status/418`)).status, 418);
});

test('the upstream listens on its port again after a stop', async () => {
  const upstream = await startUpstream();
  await upstream.stop();
  await assert.rejects(rawRequest(upstream.port, 'GET / HTTP/1.0\r\n\r\n'), { code: 'ECONNREFUSED' });
  await upstream.start();
  assert.equal((await rawRequest(upstream.port, 'GET / HTTP/1.0\r\n\r\n')).status, 200);
});

test('oidc-provider issues JWT and opaque tokens, and rotates its key', async () => {
  const issuer = await startIssuer({ resources: { 'https://opaque.example': { accessTokenFormat: 'opaque' } } });
  const verify = async (token) => {
    const { jwks_uri: uri } = (await request(issuer.url('/.well-known/openid-configuration'))).json;
    return jose.jwtVerify(token, jose.createLocalJWKSet((await request(uri)).json));
  };
  const token = await issuer.token({ resource: 'https://api.example', scope: 'read' });
  const { payload } = await verify(token);
  assert.equal(payload.iss, issuer.issuer);
  assert.equal(payload.aud, 'https://api.example');
  assert.equal(payload.scope, 'read');
  assert.ok(!(await issuer.token({ resource: 'https://opaque.example' })).includes('.'));
  await issuer.rotate();
  await assert.rejects(verify(token));
  await verify(await issuer.token({ resource: 'https://api.example' }));
});

test('the plain issuer serves what its tokens are verified with, until it is told to misbehave', async () => {
  const issuer = await startPlainIssuer({ path: '/realms/one' });
  const { json } = await request(`${issuer.issuer}/.well-known/openid-configuration`);
  assert.equal(json.issuer, issuer.issuer);
  await jose.jwtVerify(await issuer.token({ aud: 'x' }), jose.createLocalJWKSet((await request(json.jwks_uri)).json));
  issuer.fault = faults.html;
  assert.match((await request(json.jwks_uri)).text, /html/);
});

for (const alg of ['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA', 'HS256']) {
  test(`a ${alg} token of ours is one for jose, and a broken one is not`, async () => {
    const key = await makeKey(alg);
    const token = await makeToken(key, { iss: 'https://issuer.example', sub: undefined });
    const verifier = key.secret ?? jose.createLocalJWKSet(jwks(key));
    await jose.jwtVerify(token, verifier);
    assert.ok(!('sub' in decodePart(token, 1)));
    await assert.rejects(jose.jwtVerify(breakSignature(token), verifier), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
  });
}

test('a DPoP proof of ours carries the key it is signed with', async () => {
  const key = await makeKey('ES256');
  const proof = await makeProof(key, 'GET', 'https://api.example/x?y', { token: 'abc' });
  const { payload, protectedHeader } = await jose.jwtVerify(proof, jose.EmbeddedJWK);
  assert.equal(await jose.calculateJwkThumbprint(protectedHeader.jwk), await thumbprint(key));
  assert.equal(payload.htu, 'https://api.example/x');
});
