// SPDX-License-Identifier: Apache-2.0
// A device whose clock is wrong signs DPoP proofs of another time: it is named, once the issuer's Date headers agree with our clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../lib/gateway.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { makeKey, makeProof, thumbprint } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const audience = 'https://api.example';
const upstream = await startUpstream();
const key = await makeKey('ES256');

async function gatewayFor(issuer) {
  const gateway = await startGateway({
    config: {
      issuers: { corp: { issuer: issuer.issuer, audience } },
      apis: { any: { match: { path: '/any' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], dpop: 'optional' } } },
    },
  });
  const token = await issuer.token({ aud: audience, cnf: { jkt: await thumbprint(key) } });
  return async (offset, more = {}) => {
    const proof = await makeProof(key, 'GET', `${gateway.url}/any/1`, { token, claims: { iat: Math.floor(Date.now() / 1000) + offset }, ...more });
    return gateway.get('/any/1', { headers: { Authorization: `DPoP ${token}`, DPoP: proof } });
  };
}

test('fast or slow by minutes: 401 invalid_dpop_proof, and the device is the cause', async () => {
  const call = await gatewayFor(await startPlainIssuer());
  assert.equal((await call(0)).status, 200);
  for (const offset of [600, -3600]) {
    const { status, cause, headers } = await call(offset);
    assert.deepEqual([status, cause], [401, 'clock.client_device'], String(offset));
    assert.match(headers['www-authenticate'], /invalid_dpop_proof/);
  }
  const forged = await call(600, { token: 'another' });
  assert.equal(forged.cause, 'binding.dpop_invalid', 'a proof that is wrong otherwise proves no clock');
});

test('an issuer whose own clock differs from ours is no witness', async () => {
  const issuer = await startPlainIssuer();
  issuer.date = new Date(Date.now() - 300_000);
  const call = await gatewayFor(issuer);
  assert.equal((await call(600)).cause, 'binding.dpop_invalid');
});
