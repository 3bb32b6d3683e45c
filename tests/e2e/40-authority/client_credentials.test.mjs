// SPDX-License-Identifier: Apache-2.0
// Peers nobody here wrote ask the authority for tokens: openid-client, oauth4webapi, jose.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { jose } from '../lib/tokens.mjs';

const authority = await startAuthority({
  authority: {
    clients: {
      app: { secret: 'a secret: with +, % and :', scopes: ['read', 'write'], audiences: ['https://api.example', 'https://other.example'] },
      reference: { secret: 's', token_format: 'opaque', audiences: ['https://api.example'], scopes: ['read'] },
      gateway: { secret: 'g', scopes: [] },
      rsa: { secret: 's' },
    },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const discover = (id, auth) => openid.discovery(new URL(authority.issuer), id, undefined, auth, insecure);

for (const [name, method] of [['client_secret_basic', openid.ClientSecretBasic], ['client_secret_post', openid.ClientSecretPost]]) {
  test(`openid-client gets a token by ${name}, and jose verifies it with the published keys`, async () => {
    const config = await discover('app', method('a secret: with +, % and :'));
    const tokens = await openid.clientCredentialsGrant(config, { scope: 'read', resource: 'https://api.example' });
    assert.equal(tokens.token_type, 'bearer');
    assert.equal(tokens.scope, 'read');
    const keys = jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
    const { payload, protectedHeader } = await jose.jwtVerify(tokens.access_token, keys, { issuer: authority.issuer, audience: 'https://api.example', typ: 'at+jwt' });
    assert.equal(protectedHeader.alg, 'RS256');
    assert.equal(payload.client_id, 'app');
    assert.equal(payload.sub, 'app');
    assert.ok(payload.jti && payload.exp - payload.iat === 600);
  });
}

test('oauth4webapi discovers by RFC 8414, gets an opaque token, introspects and revokes it', async () => {
  const options = { [oauth.allowInsecureRequests]: true };
  const issuer = new URL(authority.issuer);
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options });
  const as = await oauth.processDiscoveryResponse(issuer, response);
  const reference = { client_id: 'reference' };
  const auth = oauth.ClientSecretBasic('s');
  const tokens = await oauth.processClientCredentialsResponse(as, reference, await oauth.clientCredentialsGrantRequest(as, reference, auth, { scope: 'read' }, options));
  assert.ok(!tokens.access_token.includes('.'));
  const gateway = { client_id: 'gateway' };
  const introspect = async () => oauth.processIntrospectionResponse(as, gateway, await oauth.introspectionRequest(as, gateway, oauth.ClientSecretPost('g'), tokens.access_token, options));
  const live = await introspect();
  assert.equal(live.active, true);
  assert.equal(live.client_id, 'reference');
  assert.equal(live.aud, 'https://api.example');
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, reference, auth, tokens.access_token, options));
  assert.deepEqual(await introspect(), { active: false });
});

test('a refusal is within RFC 6749 for the client and whole in the log', async () => {
  const config = await discover('app', openid.ClientSecretPost('a secret: with +, % and : '));
  await assert.rejects(openid.clientCredentialsGrant(config, {}), (error) => {
    assert.deepEqual([error.status, error.error], [400, 'invalid_client']);
    assert.match(error.error_description, /\(client\.secret_whitespace\)$/);
    return error instanceof openid.ResponseBodyError;
  });
  const line = await authority.lastLine('client.secret_whitespace');
  assert.equal(line.client_id, 'app');
  assert.equal(line.endpoint, 'TOKEN');
  assert.ok(line.finding.fix.length > 10);
  assert.ok(!JSON.stringify(authority.log()).includes('with +'));
});

test('a client that came by the header is told in a challenge, and libraries throw that', async () => {
  const config = await discover('app', openid.ClientSecretBasic('wrong'));
  await assert.rejects(openid.clientCredentialsGrant(config, {}), (error) => {
    const [{ scheme, parameters }] = error.cause;
    assert.deepEqual([error.status, scheme, parameters.realm, parameters.error], [401, 'basic', 'authority', 'invalid_client']);
    assert.match(parameters.error_description, /\(client\.secret_wrong\)$/);
    return error instanceof openid.WWWAuthenticateChallengeError;
  });
});

test('a raw secret in Basic is told to be unencoded', async () => {
  const { status, json, headers } = await authority.post('/token', { grant_type: 'client_credentials' }, { headers: { Authorization: `Basic ${btoa('app:a secret: with +, % and :')}` } });
  assert.equal(status, 401);
  assert.equal(json.error, 'invalid_client');
  assert.match(json.error_description, /client\.secret_not_encoded/);
  assert.match(headers['www-authenticate'], /^Basic /);
  assert.equal(headers['cache-control'], 'no-store');
});

test('an API that asks by its secret in the body hears 401, as RFC 7662 says, with its challenge', async () => {
  const { status, json, headers } = await authority.post('/introspect', { token: 'x', client_id: 'app', client_secret: 'wrong' });
  assert.deepEqual([status, json.error], [401, 'invalid_client']);
  assert.match(headers['www-authenticate'], /^Basic realm="authority", .*error="invalid_client", error_description="[^"]*\(client\.secret_wrong\)"$/);
});

test('both well-known forms answer the same document', async () => {
  const one = await authority.get('/.well-known/openid-configuration');
  const two = await authority.get('/.well-known/oauth-authorization-server');
  assert.equal(one.status, 200);
  assert.deepEqual(one.json, two.json);
  assert.equal(one.json.issuer, authority.issuer);
});
