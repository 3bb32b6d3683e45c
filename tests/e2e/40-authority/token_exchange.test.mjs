// SPDX-License-Identifier: Apache-2.0
// A service trades the token it received for one for the next service (RFC 8693); introspection as a signed JWT (RFC 9701).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { decodePart, jose } from '../lib/tokens.mjs';

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const type = 'urn:ietf:params:oauth:token-type:access_token';
const authority = await startAuthority({
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: {
      caller: { secret: 's', scopes: ['read', 'write'], audiences: ['https://front.example'], token_lifetime: '1m' },
      front: { secret: 's', grants: [grant, 'client_credentials'], scopes: ['read', 'admin'], audiences: ['https://back.example'] },
      plain: { secret: 's' },
    },
  },
});
const get = async (id) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: [id, 's'] })).json.access_token;
const exchange = (form, id = 'front') => authority.post('/token', { grant_type: grant, subject_token_type: type, ...form }, { basic: [id, 's'] });

test('openid-client exchanges; what comes out is not more than what went in', async () => {
  const config = await openid.discovery(new URL(authority.issuer), 'front', undefined, openid.ClientSecretBasic('s'), { execute: [openid.allowInsecureRequests] });
  const subject = await get('caller');
  const answer = await openid.genericGrantRequest(config, grant, { subject_token: subject, subject_token_type: type, resource: 'https://back.example' });
  assert.equal(answer.issued_token_type, type);
  const { payload } = await jose.jwtVerify(answer.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { audience: 'https://back.example' });
  assert.equal(payload.sub, 'caller');
  assert.equal(payload.client_id, 'front');
  assert.equal(payload.scope, 'read');
  assert.ok(payload.exp <= decodePart(subject, 1).exp);
});

test('an actor is named, the earlier one inside', async () => {
  const subject = await get('caller');
  const once = (await exchange({ subject_token: subject, actor_token: await get('front'), actor_token_type: type })).json.access_token;
  assert.deepEqual(decodePart(once, 1).act, { sub: 'front' });
  const twice = (await exchange({ subject_token: once, actor_token: await get('plain'), actor_token_type: type })).json.access_token;
  assert.deepEqual(decodePart(twice, 1).act, { sub: 'plain', act: { sub: 'front' } });
});

test('each wrong exchange is named', async () => {
  const subject = await get('caller');
  const rows = [
    [{}, 'request.parameter_missing'], [{ subject_token: 'x.y.z' }, 'signature.invalid'], [{ subject_token: subject, subject_token_type: 'saml' }, 'request.parameter_invalid'],
    [{ subject_token: subject, scope: 'admin' }, 'request.scope_not_allowed'], [{ subject_token: subject, audience: 'https://other.example' }, 'request.resource_invalid'],
    [{ subject_token: subject, requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' }, 'request.parameter_invalid'],
  ];
  for (const [form, cause] of rows) {
    const { status, json } = await exchange(form);
    assert.equal(status, 400);
    assert.ok(json.error_description.includes(cause), `${cause}: ${json.error_description}`);
  }
  assert.equal((await exchange({ subject_token: subject }, 'plain')).json.error, 'unauthorized_client');
  await authority.post('/revoke', { token: subject }, { basic: ['caller', 's'] });
  assert.match((await exchange({ subject_token: subject })).json.error_description, /token\.revoked/);
});

test('introspection signed for whoever asks', async () => {
  const token = await get('caller');
  const answer = await authority.post('/introspect', { token }, { basic: ['plain', 's'], headers: { Accept: 'application/token-introspection+jwt' } });
  assert.equal(answer.headers['content-type'], 'application/token-introspection+jwt');
  const { payload } = await jose.jwtVerify(answer.text, jose.createLocalJWKSet((await authority.get('/jwks')).json), { typ: 'token-introspection+jwt', audience: 'plain' });
  assert.equal(payload.token_introspection.active, true);
  assert.equal(payload.token_introspection.client_id, 'caller');
});
