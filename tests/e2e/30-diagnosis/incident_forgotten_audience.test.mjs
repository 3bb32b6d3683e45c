// SPDX-License-Identifier: Apache-2.0
// docs/incident-forgotten-audience.md: a token is asked for without saying what for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const AUDIENCE = 'https://photos.example.com';
const upstream = await startUpstream();
const photos = { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], audience: [AUDIENCE] } };
const films = { match: { path: '/films' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], audience: ['https://films.example.com'] } };

async function expectCause(gateway, token, cause) {
  const refused = await gateway.get('/photos', { token });
  assert.equal(refused.status, 401);
  assert.equal(refused.cause, cause);
  const { json } = await gateway.explain(refused.requestId);
  const verdict = json.verdict ?? json;
  assert.equal(verdict.cause.id, cause);
  assert.equal(verdict.cause.expected, AUDIENCE);
  return verdict;
}

test('oidc-provider: no resource asked for, the token is for the client itself; with one, the call passes', async () => {
  // What many issuers do for a request without a resource: they put the client's own id into aud.
  const issuer = await startIssuer({
    resources: { app: { audience: 'app' } },
    provider: {
      features: {
        clientCredentials: { enabled: true },
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => 'urn:default',
          getResourceServerInfo: (context, indicator, client) => ({
            scope: 'read',
            audience: indicator === 'urn:default' ? client.clientId : indicator,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    },
  });
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer } }, apis: { photos, films } } });
  const verdict = await expectCause(gateway, await issuer.token(), 'audience.is_client_id');
  assert.equal(verdict.cause.received, 'app');
  assert.equal(verdict.cause.component, 'client');
  assert.equal(verdict.token.signature_verified, true);

  await expectCause(gateway, await issuer.token({ resource: 'https://films.example.com' }), 'audience.other_api');
  assert.equal((await gateway.get('/photos', { token: await issuer.token({ resource: AUDIENCE }) })).status, 200);
});

test('oidc-provider: no resource asked for, the token is opaque', async () => {
  const issuer = await startIssuer();
  const gateway = await startGateway({ config: { issuers: { corp: { issuer: issuer.issuer } }, apis: { photos } } });
  const refused = await gateway.get('/photos', { token: await issuer.token() });
  assert.equal(refused.status, 401);
  assert.equal(refused.cause, 'token.opaque');
});

test('our authority: an audience of another API is named', async () => {
  const port = await freePort();
  const name = `http://127.0.0.1:${port}/oauth2`;
  const gateway = await startGateway({
    port,
    config: {
      authority: { issuer: name, clients: { demo: { secret: 'demo-secret', grants: ['client_credentials'], audiences: ['https://films.example.com', AUDIENCE] } } },
      issuers: { corp: { issuer: name } },
      apis: { photos, films },
    },
  });
  const token = async (body) => (await request(`${name}/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from('demo:demo-secret').toString('base64')}` },
    body,
  })).json.access_token;
  await expectCause(gateway, await token('grant_type=client_credentials'), 'audience.other_api');
  const asked = await token(`grant_type=client_credentials&resource=${encodeURIComponent(AUDIENCE)}`);
  assert.equal((await gateway.get('/photos', { token: asked })).status, 200);
});
