// SPDX-License-Identifier: Apache-2.0
// Each tool at each issuer that nobody here wrote, and at our own: npm's oidc-provider, Debian's glewlwyd, `sallyport authority`. The doctor finds nothing
// wrong with a client that is right and names what is wrong with one that is not; `token get` brings a token that our gateway takes; a login that Chromium
// recorded is explained.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { withoutChromium } from '../lib/chromium.mjs';
import { sallyport } from '../lib/cli.mjs';
import { doctor } from '../lib/doctor.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { startGlewlwyd, withoutGlewlwyd } from '../lib/glewlwyd.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { record, startRelyingParty } from '../lib/relying_party.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const audience = 'https://api.example';
const app = await startRelyingParty({ clientId: 'app', secret: 's' });

async function startProvider() {
  const issuer = await startIssuer({
    clients: [{ client_id: 'web', client_secret: 's', redirect_uris: [app.callback], grant_types: ['authorization_code', 'client_credentials'], response_types: ['code'] }],
    features: { devInteractions: { enabled: true } },
    provider: { cookies: { keys: ['k'] }, findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }) },
  });
  return {
    issuer: issuer.issuer, client: ['web', 's'], resource: audience, audience,
    async signIn(page) {
      await page.locator('input[name=login]').fill('ann');
      await page.locator('input[name=password]').fill('x');
      await page.locator('button[type=submit]').click();
      await page.locator('button[type=submit]').click(); // consent
    },
  };
}

async function startOurs() {
  const { issuer } = await startAuthority({
    authority: { clients: { app: { secret: 's', redirect_uris: [app.callback], scopes: ['openid', 'read'], audiences: [audience], grants: ['authorization_code', 'client_credentials'], skip_consent: true } } },
  });
  return {
    issuer, client: ['app', 's'], audience,
    async signIn(page) {
      await page.getByLabel('Username').fill('ann');
      await page.getByLabel('Password').fill('ann-secret');
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    },
  };
}

/* glewlwyd writes the scope into aud. */
const matrix = [
  ['oidc-provider', false, startProvider],
  ['glewlwyd', withoutGlewlwyd, async () => ({ ...await startGlewlwyd({ callback: app.callback }), audience: 'read', scope: 'openid read' })],
  ['our authority', false, startOurs],
];

for (const [name, missing, start] of matrix) {
  const server = missing ? undefined : await start();
  const [id, secret] = server?.client ?? [];
  const credentials = ['--client-id', id, '--client-secret', secret];
  const asked = ['--scope', 'read', ...(server?.resource ? ['--resource', server.resource] : [])];
  const ids = (verdict) => verdict.ids.filter((cause) => cause !== 'clock.unsynchronised'); // the machine's own

  test(`doctor at ${name}: nothing is wrong with a client that is right`, { skip: missing }, async () => {
    const verdict = await doctor(server.issuer, ...credentials, ...asked.slice(0, 2), ...(server.resource ? ['--audience', server.resource] : []), '--redirect-uri', app.callback);
    assert.deepEqual(ids(verdict), [], JSON.stringify(verdict.json.checks));
    for (const check of ['discovery', 'keys', 'client', 'redirect_uri', 'token']) assert.equal(verdict.check(check).outcome, 'pass', check);
  });

  test(`doctor at ${name}: a wrong secret, and a redirect URI with a slash too many, are named`, { skip: missing }, async () => {
    const wrong = await doctor(server.issuer, '--client-id', id, '--client-secret', 'another', '--redirect-uri', `${app.callback}/`);
    assert.equal(wrong.check('client').outcome, 'fail', JSON.stringify(wrong.json.checks));
    assert.ok(wrong.ids.includes('redirect_uri.trailing_slash'), wrong.ids.join());
  });

  test(`token get at ${name}, and our gateway takes it`, { skip: missing }, async () => {
    const { code, stdout, stderr } = await sallyport(['token', 'get', server.issuer, ...credentials, ...asked, '--cache', 'off', '--timeout', '50']);
    assert.equal(code, 0, stderr);
    const upstream = await startUpstream();
    const gateway = await startGateway({
      config: {
        issuers: { peer: { issuer: server.issuer, audience: server.audience } },
        apis: { photos: { match: { path: '/photos' }, upstream: { url: upstream.url }, auth: { issuers: ['peer'], scopes: ['read'] } } },
      },
    });
    const answer = await gateway.get('/photos/1', { token: stdout.trim() });
    assert.equal(answer.status, 200, answer.text);
    const refused = await gateway.get('/photos/1', { token: stdout.trim().slice(0, -8) });
    assert.equal(refused.cause, 'token.malformed.truncated');
  });

  test(`a login at ${name} that Chromium recorded is fine; one whose cookie is Strict is broken by it`, { skip: missing || withoutChromium }, async () => {
    const metadata = await (await fetch(`${server.issuer}/.well-known/openid-configuration`)).json();
    const parameters = { nonce: 'n-0S6_WzA2Mj-1234', ...(server.scope ? { scope: server.scope } : {}) };
    app.set({ clientId: id, secret, endpoints: { authorize: metadata.authorization_endpoint, token: metadata.token_endpoint }, parameters, token: {}, cookie: 'Path=/; HttpOnly; SameSite=Lax' });
    const walk = (title) => async (page) => {
      await page.goto(`${app.origin}/login`);
      await server.signIn(page);
      await page.waitForFunction((wanted) => document.title === wanted, title);
    };
    const good = await sallyport(['inspect', await record(`${name}-good`, walk('Signed in')), '--json']);
    assert.equal(good.code, 0, good.stdout);
    const login = good.json.flows.find((flow) => flow.subject === 'Login');
    assert.equal(login.client_id, id);
    assert.deepEqual(['authorization_request', 'callback'].filter((kind) => !login.messages.some((message) => message.kind === kind)), []);
    app.set({ cookie: 'Path=/; HttpOnly; SameSite=Strict' });
    const bad = await sallyport(['inspect', await record(`${name}-bad`, walk('The login could not be completed')), '--json']);
    assert.deepEqual(bad.json.flows.map((flow) => flow.cause?.id).filter(Boolean), ['state.cookie_strict'], bad.stdout);
  });
}

test('doctor at a glewlwyd that names itself as its example has it: the issuer is another one', { skip: withoutGlewlwyd }, async () => {
  const { misnamed } = await startGlewlwyd({ callback: app.callback });
  const verdict = await doctor(misnamed);
  assert.equal(verdict.cause, 'discovery.issuer_mismatch');
  assert.equal(verdict.json.cause.reason, 'issuer.path');
});
