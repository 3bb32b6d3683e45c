// SPDX-License-Identifier: Apache-2.0
// A page of another site has the application in a frame: what a real Chromium does to the login there, and what inspect says of the HAR. At the lab everybody is
// signed in, so that the login comes back; at oidc-provider its own page fails before.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { launchWhole, withoutWholeChromium as skip } from '../lib/chromium.mjs';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { startLab } from '../lib/lab.mjs';
import { listen } from '../lib/ports.mjs';
import { record, startRelyingParty } from '../lib/relying_party.mjs';

const app = await startRelyingParty({ clientId: 'web', secret: 'web-secret' });
const issuer = await startIssuer({
  clients: [{ client_id: 'web', redirect_uris: [app.callback, `${app.origin}/spa`], grant_types: ['authorization_code'], response_types: ['code'] }],
  provider: { features: { devInteractions: { enabled: true }, resourceIndicators: { enabled: false } }, cookies: { keys: ['k'] }, findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }) },
});
const lab = await startLab({ args: ['--redirect-uri', app.callback] });
const atIssuer = { endpoints: { authorize: issuer.url('/auth'), token: issuer.url('/token') } };
const atLab = { endpoints: { authorize: lab.authorization_endpoint, token: lab.token_endpoint }, clientId: lab.client_id, secret: lab.client_secret };
// Each name below .localhost is a site of its own, and as trustworthy as https.
const portal = http.createServer((request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html><title>portal</title><iframe src="${app.origin}${request.url}"></iframe>`));
const at = `http://portal.localhost:${await listen(portal)}`;
defer(() => { portal.closeAllConnections(); portal.close(); });

async function judged(name, visit) {
  const file = await record(name, async (page, context) => {
    await visit(page);
    await context.storageState();
  }, launchWhole());
  const { json, stderr } = await sallyport(['inspect', file, '--json']);
  assert.equal(stderr, '');
  const login = json.flows.find((flow) => flow.subject === 'Login');
  return { cause: login.cause, text: JSON.stringify(json.flows, null, 1) };
}

// This Chromium's fresh profiles keep no cookie of another site at all, whatever its SameSite.
for (const [what, { shows = 'The login could not be completed', says, ...settings }] of Object.entries({
  'whose state is in a Lax cookie': { ...atLab, says: /frame of another site.*login_state; SameSite=Lax/ },
  'whose state is in a cookie for frames, in a browser that keeps none there': { ...atLab, cookie: 'Path=/; SameSite=None; Secure', says: /frame of another site.*login_state; SameSite=None; Secure/ },
  'at an issuer whose own cookies are Lax': { ...atIssuer, shows: 'something went wrong', says: /_interaction; SameSite=Lax, a cookie of the authorization server/ },
}))
  test(`a login in a frame of another site, ${what}`, { skip }, async () => {
    app.reset(settings);
    const { cause, text } = await judged(`frame_${what.replaceAll(/\W+/g, '_')}`, async (page) => {
      await page.goto(`${at}/login`);
      await page.frameLocator('iframe').getByText(shows).first().waitFor();
    });
    assert.equal(cause?.id, 'state.third_party', text);
    assert.match(cause.explanation, says);
  });

test('a page that renews in silence, by a hidden frame at the issuer (prompt=none), is told why there is no session', { skip }, async () => {
  app.reset(atIssuer);
  const query = new URLSearchParams({ client_id: 'web', response_type: 'code', scope: 'openid', redirect_uri: `${app.origin}/spa`, state: 'a-state-of-thirty-two-characters', prompt: 'none', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' });
  const { cause, text } = await judged('frame_silent', async (page) => {
    await page.goto(`${app.origin}/`);
    const back = page.waitForResponse((response) => response.url().includes('/spa?error'));
    await page.evaluate((src) => document.body.append(Object.assign(document.createElement('iframe'), { src })), `${atIssuer.endpoints.authorize}?${query}`);
    await back;
  });
  assert.equal(cause?.id, 'callback.error', text);
  assert.match(cause.detail, /login_required.*frame of another site and brought no cookie/);
});
