// SPDX-License-Identifier: Apache-2.0
// HARs that a real Chromium recorded, of logins at npm's oidc-provider and at our authority, good ones and broken ones.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { withoutChromium as skip } from '../lib/chromium.mjs';
import { startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { record, startRelyingParty } from '../lib/relying_party.mjs';

const app = await startRelyingParty({ clientId: 'web', secret: 'web-secret' });
const issuer = await startIssuer({
  clients: [
    { client_id: 'web', redirect_uris: [app.callback], grant_types: ['authorization_code'], response_types: ['code'] },
    { client_id: 'spa', redirect_uris: [`${app.origin}/spa`], grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'none', client_secret: undefined },
  ],
  provider: {
    features: { devInteractions: { enabled: true }, resourceIndicators: { enabled: false } },
    clientBasedCORS: () => true,
    cookies: { keys: ['k'] },
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  },
});
const atProvider = { endpoints: { authorize: issuer.url('/auth'), token: issuer.url('/token') } };
const authority = await startAuthority({
  authority: {
    clients: {
      web: { secret: 'web-secret', redirect_uris: [app.callback], scopes: ['openid', 'profile'] },
    },
  },
});

async function signInAtProvider(page) {
  await page.locator('input[name=login]').fill('ann');
  await page.locator('input[name=password]').fill('x');
  await page.locator('button[type=submit]').click();
  await page.locator('button[type=submit]').click(); // consent
}

const settled = (page) => page.waitForFunction(() => ['Signed in', 'No tokens', 'Error', 'The login could not be completed'].includes(document.title) || document.title.startsWith('Failed'));

/** `inspect FILE --json`; every secret of the recording must be missing from all that is printed. */
async function inspect(file, ...args) {
  const { json, code, stderr } = await sallyport(['inspect', file, '--json', ...args]);
  assert.equal(stderr, '');
  const text = await sallyport(['inspect', file, ...args]);
  assert.equal(text.code, code);
  const secrets = fs.readFileSync(file, 'utf8').matchAll(/(?:[?&"]code=|"access_token\\":\\"|"id_token\\":\\"|code_verifier=)([A-Za-z0-9_.-]{20,})/g);
  for (const [, secret] of secrets) {
    assert.ok(!text.stdout.includes(secret), `${secret} is printed`);
    assert.ok(!JSON.stringify(json).includes(secret), `${secret} is in the JSON`);
  }
  return { json, code, text: text.stdout };
}

const login = ({ json }) => json.flows.find((flow) => flow.subject === 'Login');
const causes = ({ json }) => json.flows.map((flow) => flow.cause?.id).filter(Boolean);

test('a good login in a page is fine', { skip }, async () => {
  app.set({ ...atProvider, clientId: 'spa', parameters: {}, token: {} });
  const file = await record('good-spa', async (page) => {
    await page.goto(`${app.origin}/spa`);
    await signInAtProvider(page);
    await settled(page);
    assert.equal(await page.title(), 'Signed in');
  });
  const found = await inspect(file);
  assert.equal(found.code, 0, found.text);
  assert.deepEqual(login(found).messages.map(({ kind }) => kind).filter((kind) => kind !== 'preflight'), ['authorization_request', 'authorization_response', 'callback', 'token_request']);
  assert.equal(login(found).client_id, 'spa');
  // Packed, it reads the same.
  const packed = `${file}.gz`;
  fs.writeFileSync(packed, zlib.gzipSync(fs.readFileSync(file)));
  const again = await inspect(packed).catch(() => sallyport(['inspect', packed, '--json']));
  assert.deepEqual(again.json.summary, found.json.summary);
});

test('a good login of a server-side application is fine', { skip }, async () => {
  app.set({ ...atProvider, clientId: 'web', cookie: 'Path=/; HttpOnly; SameSite=Lax' });
  const found = await inspect(await record('good-web', async (page) => {
    await page.goto(`${app.origin}/login`);
    await signInAtProvider(page);
    await settled(page);
    assert.equal(await page.title(), 'Signed in');
  }));
  assert.equal(found.code, 0, found.text);
  assert.ok(login(found).messages.some(({ kind }) => kind === 'login_start'));
});

for (const [what, settings, cause] of [
  ['a Strict cookie', { cookie: 'Path=/; HttpOnly; SameSite=Strict' }, 'state.cookie_strict'],
  ['form_post with a Lax cookie', { cookie: 'Path=/; HttpOnly; SameSite=Lax', parameters: { response_mode: 'form_post' } }, 'state.cookie_form_post'],
]) {
  test(`${what}: ${cause}`, { skip }, async () => {
    app.set({ ...atProvider, clientId: 'web', parameters: {}, ...settings });
    const found = await inspect(await record(cause, async (page) => {
      await page.goto(`${app.origin}/login`);
      await signInAtProvider(page);
      await settled(page);
      assert.equal(await page.title(), 'The login could not be completed');
    }));
    assert.equal(found.code, 1);
    assert.deepEqual(causes(found), [cause], found.text);
    assert.match(found.text, new RegExp(`broken at exchange \\d+ by .*${cause}`));
  });
}

test('two tabs: state.multi_tab', { skip }, async () => {
  app.set({ ...atProvider, clientId: 'web', parameters: {}, cookie: 'Path=/; HttpOnly; SameSite=Lax' });
  const found = await inspect(await record('multi_tab', async (page, context) => {
    await page.goto(`${app.origin}/login`);
    const other = await context.newPage();
    await other.goto(`${app.origin}/login`);
    await signInAtProvider(page);
    await settled(page);
  }));
  assert.deepEqual(causes(found), ['state.multi_tab'], found.text);
});

test('the redirect URI compared with what is registered', { skip }, async () => {
  app.set({ ...atProvider, clientId: 'web', parameters: { redirect_uri: `${app.callback}/` } });
  const file = await record('redirect_uri', async (page) => {
    await page.goto(`${app.origin}/login`);
    await page.getByText('redirect_uri').first().waitFor();
  });
  assert.deepEqual(causes(await inspect(file)), ['redirect_uri.mismatch']);
  const found = await inspect(file, '--redirect-uri', app.callback);
  assert.deepEqual(causes(found), ['redirect_uri.trailing_slash'], found.text);
  assert.match(found.text, /Register http:\/\/app\.localhost:\d+\/callback\/ at the authorization server/);
});

test('a verifier of another login: pkce.verifier_mismatch', { skip }, async () => {
  app.set({ ...atProvider, clientId: 'spa', parameters: {}, token: { code_verifier: 'x'.repeat(43) } });
  const found = await inspect(await record('pkce', async (page) => {
    await page.goto(`${app.origin}/spa`);
    await signInAtProvider(page);
    await settled(page);
    assert.equal(await page.title(), 'No tokens');
  }));
  assert.deepEqual(causes(found), ['pkce.verifier_mismatch'], found.text);
});

test('a code that is redeemed twice: code.reused', { skip }, async () => {
  app.set({ ...atProvider, clientId: 'spa', parameters: {}, token: {} });
  const found = await inspect(await record('reused', async (page) => {
    await page.goto(`${app.origin}/spa`);
    await signInAtProvider(page);
    await settled(page);
    assert.equal(await page.evaluate(() => window.redeem()), 'No tokens');
  }));
  assert.deepEqual(causes(found), ['code.reused'], found.text);
});

test('an issuer that does not allow the origin: cors.origin_not_allowed', { skip }, async () => {
  const closed = await startIssuer({
    clients: [{ client_id: 'spa', redirect_uris: [`${app.origin}/spa`], grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'none', client_secret: undefined }],
    provider: { features: { devInteractions: { enabled: true }, resourceIndicators: { enabled: false } }, clientBasedCORS: () => false, cookies: { keys: ['k'] }, findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }) },
  });
  app.set({ endpoints: { authorize: closed.url('/auth'), token: closed.url('/token') }, clientId: 'spa', parameters: {}, token: {} });
  const found = await inspect(await record('cors', async (page) => {
    await page.goto(`${app.origin}/spa`);
    await signInAtProvider(page);
    await settled(page);
    assert.match(await page.title(), /^Failed/);
  }));
  assert.deepEqual(causes(found), ['cors.origin_not_allowed'], found.text);
});

test('an issuer that nobody answers for: network.tcp.refused', { skip }, async () => {
  const closedPort = await freePort();
  app.set({ endpoints: { authorize: `http://127.0.0.1:${closedPort}/auth`, token: `http://127.0.0.1:${closedPort}/token` }, clientId: 'web', parameters: {} });
  const found = await inspect(await record('refused', (page) => page.goto(`${app.origin}/login`).catch(() => {})));
  assert.ok(['network.tcp.refused'].includes(causes(found)[0]), found.text);
});

test('our authority says itself why, and the comparison shows both sides', { skip }, async () => {
  app.set({ endpoints: { authorize: `${authority.issuer}/authorize`, token: `${authority.issuer}/token` }, clientId: 'web', parameters: { redirect_uri: `${app.callback}/` } });
  const found = await inspect(await record('authority', async (page) => {
    await page.goto(`${app.origin}/login`);
    await page.getByRole('alert').waitFor();
  }));
  assert.deepEqual(causes(found), ['redirect_uri.trailing_slash'], found.text);
});
