// SPDX-License-Identifier: Apache-2.0
// What modules of the OpenID Foundation's Basic, Form Post and Dynamic plans compare between one answer and the next, and look at in each; the
// names in brackets are theirs. The modules send no code challenge, so neither do these clients.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { jose, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://suite.example/test/a/x/callback', withQuery = `${redirect}?dummy1=lorem&dummy2=ipsum`;
const common = { require_pkce: false, redirect_uris: [redirect, withQuery], scopes: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'], skip_consent: true };
const authority = await startAuthority({ authority: { clients: { web: { ...common, secret: 's' }, other: { ...common, secret: 's' }, asking: { ...common, secret: 's', skip_consent: false } }, registration: { open: true, require_pkce: false } } });
const told = {
  profile: { name: 'Jane Doe', given_name: 'Jane', family_name: 'Doe', middle_name: 'Q', nickname: 'jd', preferred_username: 'jane', profile: 'https://x.example/jane', picture: 'https://x.example/jane.png', website: 'https://jane.example', gender: 'female', birthdate: '2000-02-03', zoneinfo: 'Europe/Berlin', locale: 'en-US', updated_at: 1700000000 },
  email: { email: 'jane@example.com', email_verified: true },
  address: { address: { formatted: 'Road 1', street_address: 'Road 1', locality: 'Town', region: 'R', postal_code: '1', country: 'DE' } },
  phone: { phone_number: '+1 425 555 1212', phone_number_verified: false },
};
const everything = Object.assign({}, ...Object.values(told));
assert.equal((await sallyport(['accounts', 'add', 'jane', '--state', authority.state, '--claims', JSON.stringify(everything)], { input: 'jane-secret\n' })).code, 0);
const keys = jose.createRemoteJWKSet(new URL(`${authority.issuer}/jwks`));
const text = (value) => value.replaceAll('&#39;', "'").replaceAll('&amp;', '&');

/** The answer that the page or the redirect carries: { to, values }, where to is the redirect URI that it goes to; undefined: none. */
function answerOf(page) {
  if (page.location) {
    const to = new URL(page.location);
    assert.equal(to.hash, '');
    return { to: page.location.href, values: Object.fromEntries(to.searchParams) };
  }
  const form = page.text.match(/<form method="post" action="(https:\/\/suite\.example[^"]*)">(.*?)<\/form>/s);
  if (!form) return undefined;
  assert.match(page.headers['cache-control'], /no-store/);
  return { to: text(form[1]), values: Object.fromEntries([...form[2].matchAll(/<input[^>]* name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, text(value)])) };
}

/** Asks, signs in where that is asked for; resolves to { first (the page that came at once), answer, asked }. */
async function ask(more = {}, { browser = startBrowser(), answers = true } = {}) {
  const asked = Object.fromEntries(Object.entries({ client_id: 'web', redirect_uri: redirect, scope: 'openid', response_type: 'code', state: crypto.randomUUID(), nonce: crypto.randomUUID(), ...more }).filter(([, value]) => value !== undefined));
  const first = await browser.open(`${authority.issuer}/authorize?${new URLSearchParams(asked)}`);
  let page = first;
  if (answers && /name="password"/.test(page.text)) page = await browser.signIn('jane', 'jane-secret');
  if (answers && /value="allow"/.test(page.text)) page = await browser.allow();
  return { first, asked, browser, answer: answerOf(page) };
}

const basic = async (form, id) => authority.post('/token', form, { basic: [id, 's'] });

/** A whole sign-in with what each module looks at: state, iss, the code, the token's answer, the id_token, userinfo. */
async function signIn(more, options = {}) {
  const went = await ask(more, options);
  const { asked, answer } = went;
  assert.ok(answer, went.first.text);
  const { code, ...rest } = answer.values;
  assert.ok(code.length >= 32 && answer.to.startsWith(asked.redirect_uri));
  assert.deepEqual(rest, { state: asked.state, iss: authority.issuer, ...(asked.redirect_uri === withQuery && !asked.response_mode ? { dummy1: 'lorem', dummy2: 'ipsum' } : {}) });
  const form = { grant_type: 'authorization_code', code, redirect_uri: asked.redirect_uri };
  const { status, json: tokens, text: body } = await (options.post ?? basic)(form, asked.client_id);
  assert.equal(status, 200, body);
  assert.deepEqual([tokens.token_type, Number.isInteger(tokens.expires_in)], ['Bearer', true]);
  const { payload: claims, protectedHeader } = await jose.jwtVerify(tokens.id_token, keys, { issuer: authority.issuer, audience: asked.client_id });
  assert.ok(protectedHeader.kid && claims.sub.length <= 255 && Number.isInteger(claims.auth_time) && claims.iat <= now() + 1);
  assert.deepEqual([claims.nonce, claims.aud, claims.name], [asked.nonce, asked.client_id, undefined]);
  const info = await authority.get('/userinfo', { token: tokens.access_token });
  assert.deepEqual([info.status, info.headers['content-type'], info.json.sub], [200, 'application/json', claims.sub]);
  return { ...went, form, tokens, claims, info: info.json };
}

for (const mode of [undefined, 'form_post']) {
  const way = mode ?? 'query';
  test(`${way}: who is asked for the password again signed in later, who is not did not [prompt-login, prompt-none-logged-in, max-age-1, max-age-10000, id-token-hint]`, async () => {
    const first = await signIn({ response_mode: mode, max_age: '10000' });
    const { browser } = first;
    await until(() => now() > first.claims.auth_time + 1, 'the clock to go on by more than a second');
    for (const more of [{ prompt: 'none' }, { prompt: 'none', id_token_hint: first.tokens.id_token }, { max_age: '10000' }]) {
      const again = await signIn({ response_mode: mode, ...more }, { browser, answers: false });
      assert.deepEqual([again.claims.sub, again.claims.auth_time], [first.claims.sub, first.claims.auth_time], JSON.stringify(more));
    }
    let last = first.claims;
    for (const more of [{ prompt: 'login' }, { max_age: '1' }]) {
      await until(() => now() > last.auth_time + 1, 'the last sign-in to be older than a second');
      const again = await signIn({ response_mode: mode, ...more }, { browser });
      assert.match(again.first.text, /name="password"/, JSON.stringify(more));
      assert.ok(again.claims.sub === last.sub && again.claims.auth_time > last.auth_time, `${again.claims.auth_time} after ${last.auth_time}`);
      last = again.claims;
    }
  });

  test(`${way}: a refusal comes back with the state, the issuer and the redirect URI's own query, and nothing else [response-type-missing, prompt-none-not-logged-in; user-rejects-authentication]`, async () => {
    const own = mode ? {} : { dummy1: 'lorem', dummy2: 'ipsum' };
    const refusal = ({ answer, asked }, error) => {
      assert.ok(answer?.to.startsWith(withQuery), answer?.to);
      const { error_description: description, ...rest } = answer.values;
      assert.match(description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      assert.deepEqual(rest, { error, state: asked.state, iss: authority.issuer, ...own });
    };
    const state = 's'.repeat(128);
    refusal(await ask({ response_mode: mode, redirect_uri: withQuery, state, response_type: undefined }), 'invalid_request');
    refusal(await ask({ response_mode: mode, redirect_uri: withQuery, state, prompt: 'none' }), 'login_required');
    const asked = await ask({ client_id: 'asking', response_mode: mode, redirect_uri: withQuery, state }, { answers: false });
    await asked.browser.signIn('jane', 'jane-secret');
    refusal({ ...asked, answer: answerOf(await asked.browser.submit({ step: 'cancel' })) }, 'access_denied');
    await signIn({ response_mode: mode, redirect_uri: withQuery });
  });
}

test('each scope tells all of its claims, of the type that they have [scope-profile, -email, -address, -phone, -all]', async () => {
  for (const [scope, claims] of [...Object.entries(told), [Object.keys(told).join(' '), everything]]) {
    const { info, claims: { sub } } = await signIn({ scope: `openid ${scope}` });
    assert.deepEqual(info, { sub, ...claims }, scope);
  }
});

test('claims asked for in places that nobody knows are passed over, the others told where they were asked for [claims-essential; test-claims-parameter-identity-claims]', async () => {
  const names = [...Object.keys(everything), 'sub'];
  const forms = [null, { essential: true }, { essential: false }, {}];
  const wanted = Object.fromEntries(names.map((name, i) => [name, forms[i % forms.length]]));
  const { asked, answer } = await ask({ claims: JSON.stringify({ id_token: wanted, userinfo: wanted, nowhere: { nothing: null } }) });
  const { json } = await basic({ grant_type: 'authorization_code', code: answer.values.code, redirect_uri: redirect }, asked.client_id);
  const { payload } = await jose.jwtVerify(json.id_token, keys);
  const { json: info } = await authority.get('/userinfo', { token: json.access_token });
  for (const [name, value] of Object.entries(everything)) assert.deepEqual([payload[name], info[name]], [value, value], name);
  const essential = await signIn({ claims: JSON.stringify({ userinfo: { name: { essential: true } } }) });
  assert.equal(essential.info.name, 'Jane Doe');
});

test('a code that comes twice is invalid_grant and takes its access token back; a refresh token is its client\'s [codereuse, codereuse-30seconds, refresh-token]', async () => {
  const { form, tokens } = await signIn();
  const again = await basic(form, 'web');
  assert.deepEqual([again.status, again.json.error], [400, 'invalid_grant']);
  const refused = await authority.get('/userinfo', { token: tokens.access_token });
  assert.equal(refused.status, 401);
  assert.match(refused.headers['www-authenticate'], /^Bearer .*error="invalid_token"/);
  for (const scope of ['openid', 'openid offline_access']) {
    const theirs = await signIn({ scope, client_id: 'other', prompt: 'consent' });
    const refresh = { grant_type: 'refresh_token', refresh_token: theirs.tokens.refresh_token, scope };
    const stolen = await basic(refresh, 'web');
    assert.deepEqual([stolen.status, stolen.json.error], [400, 'invalid_grant']);
    assert.equal((await basic(refresh, 'other')).status, 200);
  }
});

test('a client that registers by the plan\'s request signs people in by a key without a kid, and takes itself away [registration, refresh-token, ensure-client-assertion-with-iss-aud-succeeds]', async () => {
  const key = await makeKey('RS256');
  const { kid, use, ...bare } = key.publicJwk;
  const metadata = { client_name: 'suite', grant_types: ['authorization_code', 'refresh_token'], jwks: { keys: [bare] }, token_endpoint_auth_method: 'private_key_jwt', response_types: ['code'], redirect_uris: [redirect], contacts: ['certification@suite.example'] };
  const answer = await authority.post('/register', JSON.stringify(metadata), { headers: { 'Content-Type': 'application/json' } });
  assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers['cache-control']], [201, 'application/json', 'no-store']);
  const { json: client } = answer;
  for (const [name, value] of Object.entries(metadata)) assert.deepEqual(client[name], value, name);
  assert.deepEqual([client.client_secret, client.application_type, client.subject_type, client.id_token_signed_response_alg, client.scope], [undefined, 'web', 'public', 'RS256', 'openid profile email address phone offline_access']);
  const post = (aud) => async (form, id) => authority.post('/token', { ...form, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: await makeToken(key, { iss: id, sub: id, aud, exp: now() + 60 }, { typ: undefined, kid: undefined }) });
  for (const aud of [authority.issuer, `${authority.issuer}/token`]) {
    const { tokens, claims, browser } = await signIn({ client_id: client.client_id, scope: 'openid offline_access', prompt: 'consent' }, { post: post(aud) });
    const next = await post(aud)({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope: 'openid offline_access' }, client.client_id);
    assert.equal(next.status, 200, next.text);
    // It is asked for consent once: prompt=none goes on from there.
    const silent = await signIn({ client_id: client.client_id, prompt: 'none' }, { browser, post: post(aud), answers: false });
    assert.equal(silent.claims.auth_time, claims.auth_time);
  }
  const manage = (method) => authority.get(client.registration_client_uri.slice(authority.issuer.length), { method, headers: { Authorization: `Bearer ${client.registration_access_token}` } });
  assert.equal((await manage('DELETE')).status, 204);
  assert.equal((await manage('GET')).status, 401);
});
