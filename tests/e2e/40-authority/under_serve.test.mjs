// SPDX-License-Identifier: Apache-2.0
// The authority as a child of `sallyport serve`: one configuration for both, or none.
import assert from 'node:assert/strict';
import fs from 'node:fs';
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

/** The pids of serve's children whose command line has the word. */
const childrenOf = (of, word) => fs.readdirSync(`/proc/${of.pid}/task`).flatMap((thread) => fs.readFileSync(`/proc/${of.pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean))
  .filter((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').some((part) => part === word)).map(Number);

test('a reload that comes while the parts start ends none of them', async () => {
  const early = new Gateway({ config: configuration(), files });
  await early.prepare();
  early.spawn();
  const [authority] = await until(() => [childrenOf(early, 'authority')].find(({ length }) => length > 0), 'the authority to start');
  let answers = false;
  const whole = (async () => {
    while (!answers) {
      process.kill(authority, 'SIGHUP');
      await new Promise(setImmediate);
    }
  })();
  await early.ready().finally(() => { answers = true; });
  await whole;
  await answersTokens(early);
  assert.deepEqual(childrenOf(early, 'authority'), [authority]);
  assert.doesNotMatch(early.output, /the authority ended/);
});
