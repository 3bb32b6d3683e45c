// SPDX-License-Identifier: Apache-2.0
// Ways to sign in at the healthy lab that need more of its issuer: pushed requests (RFC 9126), form_post, DPoP (RFC 9449). openid-client goes them,
// Chromium posts the form; what a client gets wrong there is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, withoutChromium } from '../lib/chromium.mjs';
import { request } from '../lib/http.mjs';
import { basic, redirectUri, startLab } from '../lib/lab.mjs';
import { startNodeParty } from '../lib/parties.mjs';
import { makeKey, makeProof } from '../lib/tokens.mjs';

const lab = await startLab();
const party = await startNodeParty(lab);
const post = (path, form, headers = {}) => request(`${lab.issuer}${path}`, {
  method: 'POST', body: new URLSearchParams(form).toString(), headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: basic(lab), ...headers },
});
const parameters = { response_type: 'code', client_id: lab.client_id, redirect_uri: redirectUri, scope: 'openid', state: 'a "state" & <more>' };

for (const [way, says] of [['plain', 'bearer'], ['pushed', 'bearer'], ['form_post', 'bearer'], ['dpop', 'dpop']]) {
  test(`openid-client signs in: ${way}`, async () => {
    const { passed, said } = await party.go(way);
    assert.ok(passed, said);
    assert.equal(said, `signed in: lab-user, ${says}`);
  });
}

test('a real browser posts the form back to the application, cookie and all', { skip: withoutChromium }, async () => {
  const page = await openPage();
  await page.goto(`${party.origin}/login?way=form_post`);
  await page.getByText('signed in: lab-user').waitFor();
});

test('a pushed request is good once, for a client that is known, and carries everything', async () => {
  assert.equal((await post('/par', parameters, { Authorization: 'Basic eDp5' })).status, 401);
  assert.equal((await post('/par', { ...parameters, request_uri: 'urn:x' })).json.error, 'invalid_request');
  assert.equal((await post('/par', { ...parameters, nonce: 'n'.repeat(9000) })).status, 413);
  assert.equal((await request(`${lab.issuer}/par`)).status, 405);
  const pushed = await post('/par', parameters);
  assert.equal(pushed.status, 201);
  assert.equal(pushed.headers['cache-control'], 'no-store');
  const url = `${lab.authorization_endpoint}?${new URLSearchParams({ client_id: lab.client_id, request_uri: pushed.json.request_uri })}`;
  const { status, headers } = await request(url);
  assert.equal(status, 302);
  assert.equal(new URL(headers.location).searchParams.get('state'), parameters.state);
  assert.equal((await request(url)).json.error, 'invalid_request_uri');
  const made = `${lab.authorization_endpoint}?${new URLSearchParams({ ...parameters, request_uri: 'urn:ietf:params:oauth:request_uri:guessed' })}`;
  assert.equal((await request(made)).json.error, 'invalid_request_uri', 'what stands beside it does not count');
});

test('the page of form_post holds what came as text, and another response_mode is refused', async () => {
  const ask = (mode) => request(`${lab.authorization_endpoint}?${new URLSearchParams({ ...parameters, response_mode: mode })}`);
  const page = await ask('form_post');
  assert.match(page.headers['content-type'], /^text\/html/);
  assert.match(page.text, /name="state" value="a &quot;state&quot; &amp; &lt;more&gt;"/);
  assert.equal(new URL((await ask('jwt')).headers.location).searchParams.get('error'), 'invalid_request');
});

test('a DPoP proof binds the token, and only who has the key may use it', async () => {
  const key = await makeKey('ES256');
  const form = { grant_type: 'client_credentials' };
  const wrong = await post('/token', form, { DPoP: await makeProof(key, 'GET', lab.token_endpoint) });
  assert.deepEqual([wrong.status, wrong.json.error], [400, 'invalid_dpop_proof']);
  assert.match(wrong.json.error_description, /htm/);
  assert.equal((await post('/token', form, { DPoP: 'nonsense' })).json.error, 'invalid_dpop_proof');
  const { json } = await post('/token', form, { DPoP: await makeProof(key, 'POST', lab.token_endpoint) });
  assert.equal(json.token_type, 'DPoP');
  const token = json.access_token;
  const userinfo = `${lab.issuer}/userinfo`;
  const use = (headers) => request(userinfo, { headers: { Authorization: `DPoP ${token}`, ...headers } });
  assert.equal((await use({ DPoP: await makeProof(key, 'GET', userinfo, { token }) })).status, 200);
  const stolen = await use({});
  assert.equal(stolen.status, 401);
  assert.match(stolen.headers['www-authenticate'], /^DPoP/);
  assert.equal((await use({ DPoP: await makeProof(await makeKey('ES256'), 'GET', userinfo, { token }) })).status, 401);
});
