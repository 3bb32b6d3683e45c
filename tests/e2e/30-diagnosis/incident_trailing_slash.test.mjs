// SPDX-License-Identifier: Apache-2.0
// docs/incident-trailing-slash.md: the issuer's name differs by its last character, with oidc-provider as the issuer and with our own
// authority.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const AUDIENCE = 'https://photos.example.com';
const upstream = await startUpstream();
const api = (diagnostics) => ({ match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] }, diagnostics });

async function expectSlash(gateway, token, expected, received) {
  const refused = await gateway.get('/photos', { token });
  assert.equal(refused.status, 401);
  assert.equal(refused.cause, 'issuer.trailing_slash');
  assert.match(refused.headers['www-authenticate'], /error="invalid_token"/);
  assert.ok(!refused.text.includes(expected), 'the client is not told what is configured');
  const { code, json } = await gateway.explain(refused.requestId);
  assert.equal(code, 0);
  const verdict = json.verdict ?? json;
  assert.equal(verdict.cause.id, 'issuer.trailing_slash');
  assert.equal(verdict.cause.expected, expected);
  assert.equal(verdict.cause.received, received);
  assert.equal(verdict.token.signature_verified, true);
}

test('oidc-provider: configured with a slash too many, refused by it, put right by a reload', async () => {
  const issuer = await startIssuer();
  const config = (name) => ({ issuers: { corp: { issuer: name, audience: AUDIENCE } }, apis: { photos: api('cause') } });
  const gateway = await startGateway({ config: config(`${issuer.issuer}/`) });
  const token = await issuer.token({ resource: AUDIENCE });
  await expectSlash(gateway, token, `${issuer.issuer}/`, issuer.issuer);

  const online = await sallyport(['check', '-c', gateway.configFile, '--online', '--json']);
  assert.equal(online.code, 1);
  assert.match(online.stdout, /discovery\.issuer_mismatch/);
  assert.match(online.stdout, /trailing_slash/);

  gateway.reload(config(issuer.issuer));
  await until(async () => (await gateway.get('/photos', { token })).status === 200, 'the reload to be in force');
});

test('our authority: the same words', async () => {
  const port = await freePort();
  const name = `http://127.0.0.1:${port}/oauth2`;
  const gateway = await startGateway({
    port,
    config: {
      authority: { issuer: name, clients: { demo: { secret: 'demo-secret', grants: ['client_credentials'], audiences: [AUDIENCE] } } },
      issuers: { corp: { issuer: `${name}/`, audience: AUDIENCE } },
      apis: { photos: api('cause') },
    },
  });
  const answer = await request(`${name}/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from('demo:demo-secret').toString('base64')}` },
    body: 'grant_type=client_credentials',
  });
  assert.equal(answer.status, 200, answer.text);
  await expectSlash(gateway, answer.json.access_token, `${name}/`, name);
});

test('at a desk: token examine gives the same verdict', async () => {
  const issuer = await startIssuer();
  const token = await issuer.token({ resource: AUDIENCE });
  const keys = path.join(temporaryFolder(), 'keys.json');
  fs.writeFileSync(keys, (await request(issuer.url('/jwks'))).text);
  const { code, json } = await sallyport(['token', 'examine', token, '--issuer', `${issuer.issuer}/`, '--jwks', keys, '--audience', AUDIENCE, '--json']);
  assert.equal(code, 1);
  assert.equal(json.cause.id, 'issuer.trailing_slash');
});
