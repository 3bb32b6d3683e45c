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
      opaque: { secret: 's', scopes: ['read', 'write'], audiences: ['https://front.example'], token_format: 'opaque' },
      front: { secret: 's', grants: [grant, 'client_credentials'], scopes: ['read', 'admin'], audiences: ['https://back.example'], exchange_from: ['https://front.example'] },
      back: { secret: 's', grants: [grant, 'client_credentials'], scopes: ['read'], audiences: ['https://store.example', 'https://back.example'], exchange_from: ['https://back.example'], token_format: 'opaque' },
      plain: { secret: 's' },
    },
  },
});
const get = async (id, headers) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: [id, 's'], headers })).json.access_token;
const exchange = (form, id = 'front', headers) => authority.post('/token', { grant_type: grant, subject_token_type: type, ...form }, { basic: [id, 's'], headers });
const isActive = async (token) => (await authority.post('/introspect', { token }, { basic: ['plain', 's'] })).json.active;
/** A DPoP key: prove() makes the headers of one call. */
const makeDpop = async () => {
  const { privateKey, publicKey } = await jose.generateKeyPair('ES256', { extractable: true });
  const jwk = await jose.exportJWK(publicKey);
  const prove = async () => ({ DPoP: await new jose.SignJWT({ htm: 'POST', htu: `${authority.issuer}/token`, jti: crypto.randomUUID() }).setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk }).setIssuedAt().sign(privateKey) });
  return { prove, jkt: await jose.calculateJwkThumbprint(jwk) };
};

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
  const twice = (await exchange({ subject_token: once, actor_token: await get('back'), actor_token_type: type }, 'back')).json.access_token;
  const { json } = await authority.post('/introspect', { token: twice }, { basic: ['plain', 's'] });
  assert.deepEqual(json.act, { sub: 'back', act: { sub: 'front' } });
});

test('nobody is named as the actor by a token that another client got', async () => {
  const { status, json } = await exchange({ subject_token: await get('caller'), actor_token: await get('caller'), actor_token_type: type });
  assert.equal(status, 400);
  assert.match(json.error_description, /'actor_token': it was issued to another client.*request\.parameter_invalid/);
});

test('a token for one API is not traded by whoever else has it', async () => {
  const subject = await get('caller');
  const { status, json } = await exchange({ subject_token: subject }, 'back');
  assert.deepEqual([status, json.error], [400, 'invalid_request']);
  assert.match(json.error_description, /audience\.mismatch/);
  const line = await authority.lastLine('audience.mismatch');
  assert.match(JSON.stringify(line), /exchange_from \(https:\/\/back\.example\).*https:\/\/front\.example/);
  const once = (await exchange({ subject_token: subject })).json.access_token;
  assert.equal((await exchange({ subject_token: once }, 'back')).status, 200, 'that is for it');
  assert.equal((await exchange({ subject_token: once, audience: 'https://back.example' }, 'front')).status, 200, 'that is its own');
});

test('a bound token does not come out as a bearer token', async () => {
  const [caller, front] = [await makeDpop(), await makeDpop()];
  const subject = await get('caller', await caller.prove());
  assert.equal(decodePart(subject, 1).cnf.jkt, caller.jkt);
  const { status, json } = await exchange({ subject_token: subject });
  assert.equal(status, 400);
  assert.match(json.error_description, /binding\.dpop_missing/);
  const traded = await exchange({ subject_token: subject }, 'front', await front.prove());
  assert.equal(traded.json.token_type, 'DPoP');
  assert.equal(decodePart(traded.json.access_token, 1).cnf.jkt, front.jkt);
  const own = { subject_token: traded.json.access_token };
  assert.match((await exchange(own, 'front', await caller.prove())).json.error_description, /binding\.dpop_missing/, 'its own token wants its own key');
  assert.equal((await exchange(own, 'front', await front.prove())).status, 200);
});

test('what comes out dies with any token that it comes from', async () => {
  for (const id of ['caller', 'opaque'])
    for (const revoked of [0, 1]) {
      const first = await get(id);
      const second = (await exchange({ subject_token: first })).json.access_token;
      const third = (await exchange({ subject_token: second }, 'back')).json.access_token;
      assert.deepEqual([await isActive(first), await isActive(second), await isActive(third)], [true, true, true]);
      await authority.post('/revoke', { token: [first, second][revoked] }, { basic: [[id, 'front'][revoked], 's'] });
      assert.deepEqual([await isActive(first), await isActive(second), await isActive(third)], [revoked === 1, false, false], `${id} ${revoked}`);
    }
});

test('a token is exchanged eight times at most', async () => {
  let token = (await exchange({ subject_token: await get('caller') })).json.access_token;
  for (let i = 1; i < 8; i++) token = (await exchange({ subject_token: token })).json.access_token;
  const { status, json } = await exchange({ subject_token: token });
  assert.equal(status, 400);
  assert.match(json.error_description, /request\.too_large/);
});

test('the type that was asked for is the type that is told, or the exchange is refused', async () => {
  const urn = (name) => `urn:ietf:params:oauth:token-type:${name}`;
  const subject = await get('caller'); // for front; and what front makes of it, for back
  for (const name of ['access_token', 'jwt']) {
    const { json } = await exchange({ subject_token: subject, requested_token_type: urn(name) });
    assert.equal(json.issued_token_type, urn(name));
    assert.equal(decodePart(json.access_token, 0).typ, 'at+jwt');
  }
  const received = (await exchange({ subject_token: subject })).json.access_token;
  const { json: opaque } = await exchange({ subject_token: received, requested_token_type: urn('access_token') }, 'back');
  assert.equal(opaque.issued_token_type, urn('access_token'));
  assert.equal(opaque.access_token.split('.').length, 1);
  const refused = async (name, id, token) => {
    const { status, json } = await exchange({ subject_token: token, requested_token_type: urn(name) }, id);
    assert.equal(status, 400);
    assert.equal(json.error, 'invalid_request');
    return json.error_description;
  };
  assert.match(await refused('jwt', 'back', received), /this client gets opaque access tokens.*request\.parameter_invalid/);
  for (const name of ['id_token', 'refresh_token', 'saml1', 'saml2']) assert.match(await refused(name, 'front', subject), /'requested_token_type'.*request\.parameter_invalid/);
});

test('each wrong exchange is named', async () => {
  const subject = await get('caller');
  const rows = [
    [{}, 'request.parameter_missing'], [{ subject_token: 'x.y.z' }, 'token.malformed.json'], [{ subject_token: subject, subject_token_type: 'saml' }, 'request.parameter_invalid'],
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
