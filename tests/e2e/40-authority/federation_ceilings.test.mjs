// SPDX-License-Identifier: Apache-2.0
// A provider that hangs or never ends its answer keeps nobody else waiting, and its person is told within the limit; a sign-in that comes back too late is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { faults, startPlainIssuer } from '../lib/issuer.mjs';

const redirect = 'https://app.example/callback';
const issuer = await startPlainIssuer();
issuer.metadata = { issuer: issuer.issuer, authorization_endpoint: `${issuer.issuer}/authorize`, token_endpoint: `${issuer.issuer}/token`, jwks_uri: `${issuer.issuer}/jwks`, response_types_supported: ['code'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] };
const honest = issuer.fault;
const clock = canSetClock ? makeClock() : { env: {} };
const authority = await startAuthority({
  env: clock.env,
  authority: {
    tokens: { algorithm: 'ES256' },
    clients: { web: { secret: 's', redirect_uris: [redirect], scopes: ['openid'], skip_consent: true }, machine: { secret: 's' } },
    upstreams: { corp: { name: 'Corp', issuer: issuer.issuer, client_id: 'sallyport', client_secret: 's' } },
  },
});
const begin = `${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri: redirect, response_type: 'code', scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`;

/** To where the provider is asked for its person: the page that says why not, or the way there. */
async function leave(browser = startBrowser()) {
  const page = await browser.open(begin);
  return browser.open(page.text.match(/href="([^"]*\/upstream\/corp\?visit=[^"]*)"/)[1]);
}

for (const name of ['hang', 'huge', 'garbage', 'close'])
  test(`${name}: a page that names the cause, while others are served`, async () => {
    issuer.fault = faults[name];
    let over = false;
    const left = leave().finally(() => (over = true));
    const token = await authority.post('/token', { grant_type: 'client_credentials' }, { basic: ['machine', 's'] });
    assert.equal(token.status, 200);
    if (name === 'hang') assert.equal(over, false);
    const page = await left;
    assert.equal(page.status, 502, page.text);
    assert.match(page.text, /<code>(keys|discovery|response|network)\.[a-z_.]+<\/code>/);
    issuer.fault = honest;
    assert.ok((await leave()).location, 'it is well again at once');
  });

test('a sign-in that comes back too late, and one that comes back with junk, are refused by name', { skip: !canSetClock && 'the sanitizers are preloaded' }, async () => {
  const browser = startBrowser();
  const { location } = await leave(browser);
  clock.set(86_400);
  const back = `${authority.issuer}/callback/corp?${new URLSearchParams({ code: 'c', state: location.searchParams.get('state'), iss: issuer.issuer })}`;
  for (const url of [back, `${authority.issuer}/callback/corp?code=c&state=${'x'.repeat(5000)}`]) {
    const page = await browser.open(url);
    assert.ok(page.status >= 400 && page.status < 500, `${page.status}`);
    assert.match(page.text, /<code>state\.[a-z_]+<\/code>/);
  }
});
