// SPDX-License-Identifier: Apache-2.0
// The JWT bearer grant (RFC 7523 2.1): assertions that jose makes for issuers that are trusted, and for ones that are not.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { defer } from '../lib/cleanup.mjs';
import { listen } from '../lib/ports.mjs';
import { base64url, breakSignature, jose, jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const partner = await makeKey('ES256');
const cluster = await makeKey('RS256');
const rotated = await makeKey('ES256');
const stranger = await makeKey('ES256', { kid: partner.kid });
const folder = fs.mkdtempSync('/tmp/sallyport-jwt-bearer-');
defer(() => fs.rmSync(folder, { recursive: true, force: true }));
fs.writeFileSync(`${folder}/cluster.json`, JSON.stringify(jwks(cluster)));
fs.writeFileSync(`${folder}/partner.pem`, await partner.pem());
const published = [partner];
const keyServer = http.createServer((incoming, answer) => answer.setHeader('Content-Type', 'application/json').end(JSON.stringify(jwks(...published))));
const keysAt = `http://127.0.0.1:${await listen(keyServer)}/jwks`;
defer(() => new Promise((resolve) => keyServer.close(resolve)));

const authority = await startAuthority({
  authority: {
    assertion_issuers: {
      partner: { issuer: 'https://partner.example', jwks: jwks(partner), subject_claim: 'email', scopes: ['read', 'write', 'openid'] },
      cluster: { issuer: 'https://kubernetes.default.svc', jwks: `\${file:${folder}/cluster.json}`, subject: 'as_is', scopes: ['read'], single_use: false, max_lifetime: '2h' },
      ids: { issuer: 'https://ids.example', public_key: `\${file:${folder}/partner.pem}`, subject: 'id', scopes: ['read'] },
      remote: { issuer: 'https://remote.example', jwks_uri: keysAt, subject: 'as_is', scopes: ['read'] },
    },
    clients: {
      bridge: { secret: 's', grants: [GRANT], scopes: ['read', 'write', 'admin', 'openid'], audiences: ['https://api.example', 'https://b.example'] },
      workload: { method: 'none', grants: [GRANT], scopes: ['read'], assertion_issuers: ['cluster'], token_format: 'opaque' },
      other: { secret: 's', scopes: ['read'] },
    },
  },
});
const insecure = { execute: [openid.allowInsecureRequests] };
const claims = (more = {}) => ({ iss: 'https://partner.example', sub: 'their number 7', email: 'ann', aud: authority.issuer, exp: now() + 60, jti: crypto.randomUUID(), ...more });
const make = (more = {}, key = partner, header = {}) => makeToken(key, claims(more), { typ: 'JWT', ...header });
const workload = (more = {}) => make({ iss: 'https://kubernetes.default.svc', sub: 'system:serviceaccount:shop:cart', email: undefined, exp: now() + 3600, jti: undefined, ...more }, cluster);
const ask = (assertion, more = {}, basic = ['bridge', 's']) => authority.post('/token', { grant_type: GRANT, ...(assertion ? { assertion } : {}), ...more }, basic ? { basic } : {});

test('openid-client trades a partner\'s assertion for a token of the person it names', async () => {
  const config = await openid.discovery(new URL(authority.issuer), 'bridge', undefined, openid.ClientSecretBasic('s'), insecure);
  assert.ok(config.serverMetadata().grant_types_supported.includes(GRANT));
  const assertion = await new jose.SignJWT({ email: 'Ann' }).setProtectedHeader({ alg: 'ES256', kid: partner.kid }).setIssuer('https://partner.example').setAudience(`${authority.issuer}/token`)
    .setSubject('7').setJti('once').setIssuedAt().setExpirationTime('1m').sign(partner.privateKey);
  const tokens = await openid.genericGrantRequest(config, GRANT, { assertion, scope: 'read', resource: 'https://b.example' });
  assert.equal(tokens.refresh_token, undefined);
  assert.equal(tokens.id_token, undefined);
  const { payload } = await jose.jwtVerify(tokens.access_token, jose.createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri)), { audience: 'https://b.example' });
  const shown = await sallyport(['accounts', 'show', 'ann', '--json', '--state', authority.state]);
  assert.equal(payload.sub, JSON.parse(shown.stdout).id);
  assert.equal(payload.scope, 'read');
  assert.equal(payload.client_id, 'bridge');
  assert.equal(payload.email, undefined);
  // The id of the account does where it is configured.
  const byId = await ask(await make({ iss: 'https://ids.example', sub: payload.sub }, partner, { kid: undefined }));
  assert.equal(byId.status, 200, byId.text);
  assert.equal(JSON.parse(Buffer.from(byId.json.access_token.split('.')[1], 'base64url')).sub, payload.sub);
});

test('oauth4webapi as a workload of a cluster, without a secret, again and again', async () => {
  const as = await oauth.processDiscoveryResponse(new URL(authority.issuer), await oauth.discoveryRequest(new URL(authority.issuer), { [oauth.allowInsecureRequests]: true }));
  const client = { client_id: 'workload' };
  const assertion = await workload();
  for (let i = 0; i < 2; i++) {
    const response = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), GRANT, { assertion }, { [oauth.allowInsecureRequests]: true });
    const { access_token: token } = await oauth.processGenericTokenEndpointResponse(as, client, response);
    const { json } = await authority.post('/introspect', { token }, { basic: ['bridge', 's'] });
    assert.equal(json.sub, 'cluster:system:serviceaccount:shop:cart'); // never taken for an account
    assert.equal(json.scope, 'read');
  }
});

test('scopes stay within the client\'s and the issuer\'s', async () => {
  assert.equal((await ask(await make())).json.scope, 'read write'); // openid is for people who sign in, admin not the partner's
  const more = await ask(await make(), { scope: 'read admin' });
  assert.equal(more.json.error, 'invalid_scope');
  assert.match(more.json.error_description, /request\.scope_not_allowed/);
  assert.equal((await ask(await make(), { scope: 'nope' })).json.error, 'invalid_scope');
  assert.equal((await ask(await make(), { resource: 'https://c.example' })).json.error, 'invalid_target');
});

test('keys behind a jwks_uri are fetched, and nobody else signs', async () => {
  const by = (key) => make({ iss: 'https://remote.example' }, key);
  assert.equal((await ask(await by(partner))).status, 200);
  assert.match((await ask(await by(rotated))).json.error_description, /assertion\.signature/);
});

test('of twenty requests with one assertion one wins', async () => {
  const assertion = await make();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(assertion)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.ok(answers.every(({ status, json }) => status === 200 || /assertion\.replayed/.test(json.error_description)));
});

test('each wrong assertion is named', async () => {
  const none = `${base64url({ alg: 'none' })}.${base64url(claims())}.`;
  await sallyport(['accounts', 'add', 'gone', '--state', authority.state], { input: 'a password of gone\n' });
  const disabled = await sallyport(['accounts', 'disable', 'gone', '--state', authority.state]);
  assert.equal(disabled.code, 0, disabled.stderr);
  const rows = [
    [undefined, 'request.parameter_missing', 'invalid_request'],
    ['x.y.z', 'assertion.malformed'],
    [none, 'assertion.malformed'],
    [await make({}, await makeKey('HS256')), 'assertion.malformed'],
    [await make({}, partner, { typ: 'at+jwt' }), 'assertion.malformed'],
    [await make({}, partner, { typ: 'dpop+jwt' }), 'assertion.malformed'],
    [await make({}, partner, { crit: ['b64'], b64: true }), 'assertion.malformed'],
    [await make({ exp: undefined }), 'assertion.malformed'],
    [await make({ exp: 'soon' }), 'assertion.malformed'],
    [await make({ nbf: now() + 600 }), 'assertion.malformed'],
    [await make({ iat: now() + 600 }), 'assertion.malformed'],
    [await make({ jti: undefined }), 'assertion.malformed'],
    [await make({ email: undefined }), 'assertion.malformed'],
    [await make({ email: 'x'.repeat(2000) }), 'assertion.malformed'],
    [await make({ iss: undefined }), 'assertion.issuer_unknown'],
    [await make({ iss: 'https://partner.example/' }), 'assertion.issuer_unknown'],
    [await make({ iss: authority.issuer }), 'assertion.issuer_unknown'],
    [await make({}, stranger), 'assertion.signature'],
    [breakSignature(await make()), 'assertion.signature'],
    [await make({ aud: 'https://elsewhere.example' }), 'assertion.audience'],
    [await make({ aud: undefined }), 'assertion.audience'],
    [await make({ exp: now() - 60 }), 'assertion.expired'],
    [await make({ exp: now() + 86400 }), 'assertion.too_long'],
    [await make({ email: 'nobody' }), 'assertion.subject_unknown'],
    [await make({ email: 'gone' }), 'assertion.subject_unknown'],
  ];
  for (const [assertion, cause, error = 'invalid_grant'] of rows) {
    const { status, json } = await ask(assertion);
    assert.equal(status, 400, cause);
    assert.equal(json.error, error, `${cause}: ${json.error_description}`);
    assert.ok(json.error_description.includes(cause), `${cause}: ${json.error_description}`);
    assert.equal(json.access_token, undefined);
  }
});

test('a client uses what it is registered for', async () => {
  const other = await ask(await make(), {}, ['other', 's']);
  assert.equal(other.json.error, 'unauthorized_client');
  const foreign = await ask(await make(), { client_id: 'workload' }, null);
  assert.match(foreign.json.error_description, /assertion\.issuer_unknown/); // trusted, but not for this client
  assert.equal((await ask(await make(), {}, ['bridge', 'wrong'])).json.error, 'invalid_client');
});
