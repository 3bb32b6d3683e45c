// SPDX-License-Identifier: Apache-2.0
// The authority as a child of `sallyport serve`: one configuration for both, or none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gateway, startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { until } from '../lib/wait.mjs';

const configuration = ({ grants = ['client_credentials'], anonymous = true, section = {} } = {}) => ({
  issuers: { corp: { issuer: 'https://idp.example', jwks_file: 'keys.json', audience: 'https://api.example' } },
  apis: { nothing: { match: { path: '/api' }, upstream: { url: 'http://127.0.0.1:9' }, auth: anonymous ? { anonymous: true } : { issuers: ['corp'] } } },
  authority: { issuer: 'http://127.0.0.1:{port}/oauth2', clients: { robot: { secret: 's', grants, scopes: ['read'] } }, ...section },
});
const files = { 'keys.json': '{"keys":[]}' };

const askToken = (gateway) => request(`${gateway.url}/oauth2/token`, {
  method: 'POST',
  timeout: 20_000,
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa('robot:s')}` },
  body: 'grant_type=client_credentials&scope=read',
});
const answersTokens = (gateway) => until(async () => (await askToken(gateway)).status === 200, 'a token');

const gateway = await startGateway({ config: configuration(), files });
await answersTokens(gateway);

test('what the authority would not run with is refused for the gateway too', async () => {
  const from = gateway.output.length;
  gateway.reload(configuration({ grants: ['nonsense'], anonymous: false }));
  await gateway.waitForOutput('the new configuration is refused; the old one stays in force', { from });
  assert.match(gateway.output.slice(from), /config\.type: authority\.clients\.robot\.grants: /);
  assert.equal((await gateway.get('/api')).cause, 'upstream.refused', 'the API is not under the refused configuration');
  assert.equal((await gateway.metrics())['sallyport_configuration_reloads_total{result="refused"}'], 1);
  await answersTokens(gateway);
});

test('nor does serve start with it', async () => {
  const refused = new Gateway({ config: configuration({ grants: ['nonsense'] }), files });
  await refused.prepare();
  refused.spawn();
  assert.deepEqual(await refused.exit, { code: 1, signal: null }, refused.output);
  assert.match(refused.output, /config\.type: authority\.clients\.robot\.grants: /);
});
