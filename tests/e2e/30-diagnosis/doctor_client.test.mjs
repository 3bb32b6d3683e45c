// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor` as a client: authentication by each method, the redirect URI without a browser, a token, the API – at npm's oidc-provider, at our own
// authority, and at servers that misbehave.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { sallyport } from '../lib/cli.mjs';
import { doctor } from '../lib/doctor.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { freePort } from '../lib/ports.mjs';
import { jose, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const audience = 'https://api.example';
const web = {
  client_id: 'web', client_secret: 'web-secret', grant_types: ['authorization_code'], response_types: ['code'],
  redirect_uris: ['https://app.example/callback', 'https://app.example/other/'],
};
const special = { client_id: 'special', client_secret: 'p+%/~&q' };
const issuer = await startIssuer({ clients: [web, special] });
const app = ['--client-id', 'app', '--client-secret', 'app-secret'];

test('a client that is known: each method is tried, a token is issued and examined', async () => {
  const verdict = await doctor(issuer.issuer, ...app, '--audience', audience, '--scope', 'read');
  assert.equal(verdict.cause, null, JSON.stringify(verdict.json.cause));
  assert.match(verdict.check('client').detail, /client_secret_basic: accepted/);
  assert.match(verdict.check('client').detail, /not tried/);
  assert.match(verdict.check('token').detail, /JWT \(RS256\), signature verified/);
  assert.equal(verdict.json.token.kind, 'jwt');
  assert.equal(verdict.json.token.signature_verified, true);
  assert.equal(verdict.json.token.claims.aud, audience);
  assert.match(verdict.check('redirect_uri').detail, /--redirect-uri/);
  assert.ok(!JSON.stringify(verdict.json).includes('app-secret'), 'the secret is not shown');
});

test('no token is issued but the one that is asked for', async () => {
  const before = issuer.hits['/token'];
  let issued = 0;
  issuer.provider.on('grant.success', () => issued++);
  await doctor(issuer.issuer, ...app, '--audience', audience);
  assert.equal(issued, 1);
  assert.ok(issuer.hits['/token'] - before >= 2);
});

test('an opaque token is told as what it is', async () => {
  const verdict = await doctor(issuer.issuer, ...app);
  assert.equal(verdict.cause, null);
  assert.match(verdict.check('token').detail, /opaque/);
  assert.ok(verdict.json.hints.some((hint) => hint.includes('--audience')));
});

test('a secret that is wrong, a client that is not there: the server\'s own word, and what it may mean', async () => {
  for (const words of [['--client-id', 'app', '--client-secret', 'wrong'], ['--client-id', 'nobody', '--client-secret', 'x']]) {
    const verdict = await doctor(issuer.issuer, ...words);
    assert.equal(verdict.cause, 'response.error');
    assert.equal(verdict.json.cause.received, 'invalid_client');
    assert.ok(verdict.json.hints.some((hint) => hint.includes('invalid_client')));
    assert.match(verdict.check('token').detail, /could not authenticate/);
  }
});

test('a line end at the end of a secret file is an editor\'s; other white space is proven by trimming it', async () => {
  const file = path.join(temporaryFolder(), 'secret');
  fs.writeFileSync(file, 'app-secret\r\n');
  assert.match((await doctor(issuer.issuer, '--client-id', 'app', '--client-secret-file', file)).check('client').detail, /accepted/);
  fs.writeFileSync(file, 'app-secret\n\n');
  const verdict = await doctor(issuer.issuer, '--client-id', 'app', '--client-secret-file', file);
  assert.equal(verdict.cause, 'client.secret_whitespace');
  assert.equal(verdict.json.cause.expected, 'app');
});

test('a secret that needs form-encoding is encoded', async () => {
  const verdict = await doctor(issuer.issuer, '--client-id', special.client_id, '--client-secret', special.client_secret, '--audience', audience);
  assert.equal(verdict.cause, null, JSON.stringify(verdict.json.cause));
  assert.match(verdict.check('client').detail, /client_secret_basic: accepted/);
});

test('a client of client_secret_post alone: the token is asked for in that way', async () => {
  const authority = await startAuthority({ authority: { clients: { posting: { secret: 'posting-secret', method: 'client_secret_post', audiences: [audience] } } } });
  const verdict = await doctor(authority.issuer, '--client-id', 'posting', '--client-secret', 'posting-secret', '--audience', audience);
  assert.equal(verdict.cause, null, JSON.stringify(verdict.json.cause));
  assert.match(verdict.check('client').detail, /client_secret_basic: refused/);
  assert.match(verdict.check('token').detail, /by client_secret_post/);
});

test('client_secret_jwt, where the issuer names it', async () => {
  const secret = 'a-secret-of-more-than-thirty-two-bytes!';
  const jwt = { client_id: 'jwt', client_secret: secret, token_endpoint_auth_method: 'client_secret_jwt' };
  const other = await startIssuer({ clients: [jwt], provider: { clientAuthMethods: ['client_secret_jwt', 'client_secret_basic'] } });
  const verdict = await doctor(other.issuer, '--client-id', 'jwt', '--client-secret', secret, '--audience', audience);
  assert.match(verdict.check('client').detail, /client_secret_jwt: accepted/);
  assert.match(verdict.check('token').detail, /by client_secret_jwt: a JWT/);
});

test('private_key_jwt at oidc-provider and at our authority: PEM and JWK, the right key and another', async () => {
  const folder = temporaryFolder();
  const [key, other] = [await makeKey('ES256'), await makeKey('ES256')];
  const file = (name, text) => {
    fs.writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const pem = async (made) => jose.exportPKCS8(await jose.importJWK(made.privateJwk, 'ES256', { extractable: true }));
  const own = file('own.pem', await pem(key));
  const jwk = file('own.jwk', JSON.stringify(key.privateJwk));
  const wrong = file('wrong.pem', await pem(other));
  const signer = { client_id: 'signer', client_secret: undefined, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } };
  const npm = await startIssuer({ clients: [signer], provider: { clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'none'] } });
  const authority = await startAuthority({ authority: { clients: { signer: { method: 'private_key_jwt', jwks: signer.jwks, audiences: [audience] } } } });
  for (const at of [npm.issuer, authority.issuer]) {
    for (const words of [['--assertion-key', own, '--assertion-kid', key.publicJwk.kid], ['--assertion-key', jwk]]) {
      const verdict = await doctor(at, '--client-id', 'signer', ...words, '--audience', audience);
      assert.equal(verdict.cause, null, verdict.check('client').detail);
      assert.match(verdict.check('client').detail, /private_key_jwt: accepted/);
      assert.match(verdict.check('token').detail, /by private_key_jwt: a JWT/);
    }
    const refused = await doctor(at, '--client-id', 'signer', '--assertion-key', wrong);
    assert.equal(refused.code, 1);
    assert.match(refused.check('client').detail, /private_key_jwt: refused/);
    assert.match(refused.cause, /^(response\.error|client\.assertion_signature)$/);
  }
  const without = await doctor(npm.issuer, '--client-id', 'signer', '--client-secret', 's');
  assert.match(without.check('client').detail, /not tried, for want of what they need: [^;]*private_key_jwt/);
  for (const bad of [file('none.pem', 'no key'), file('public.jwk', JSON.stringify(key.publicJwk))])
    assert.equal((await sallyport(['doctor', npm.issuer, '--client-id', 'signer', '--assertion-key', bad])).code, 3);
  assert.equal((await sallyport(['doctor', npm.issuer, '--assertion-key', own])).code, 2);
});

/* ---- redirect URI ---- */
const asWeb = ['--client-id', 'web', '--client-secret', 'web-secret', '--redirect-uri'];

test('a redirect URI that is registered', async () => {
  const verdict = await doctor(issuer.issuer, ...asWeb, 'https://app.example/callback');
  assert.equal(verdict.check('redirect_uri').outcome, 'pass', verdict.check('redirect_uri').detail);
  assert.match(verdict.check('redirect_uri').detail, /accepted: 303 to https:\/\/app\.example\/callback/);
});

for (const [sent, cause, registered] of [
  ['https://app.example/callback/', 'redirect_uri.trailing_slash', 'https://app.example/callback'],
  ['https://app.example/other', 'redirect_uri.trailing_slash', 'https://app.example/other/'],
  ['http://app.example/callback', 'redirect_uri.scheme', 'https://app.example/callback'],
  ['https://www.app.example/callback', 'redirect_uri.www', 'https://app.example/callback'],
  ['https://app.example:8443/callback', 'redirect_uri.port', 'https://app.example/callback'],
  ['https://app.example/callback?x=1', 'redirect_uri.query', 'https://app.example/callback'],
  ['https://app.example/elsewhere', 'redirect_uri.mismatch', undefined],
]) {
  test(`the redirect URI ${sent}: ${cause}`, async () => {
    const verdict = await doctor(issuer.issuer, ...asWeb, sent);
    assert.equal(verdict.cause, cause, JSON.stringify(verdict.json.cause));
    assert.equal(verdict.json.cause.received, sent);
    if (registered) assert.equal(verdict.json.cause.expected, registered);
    assert.match(verdict.json.cause.detail, /redirect_uri/, 'the server\'s own words');
  });
}

test('the authorization endpoint knows the client is unknown', async () => {
  const verdict = await doctor(issuer.issuer, '--client-id', 'nobody', '--client-secret', 'x', '--redirect-uri', 'https://app.example/callback');
  assert.equal(verdict.finding('client.unknown').received, 'nobody');
});

test('our own authority: methods, redirect URI, token', async () => {
  const authority = await startAuthority();
  const demo = await doctor(authority.issuer, '--client-id', 'demo', '--client-secret', 'demo-secret', '--scope', 'read:demo');
  assert.equal(demo.cause, null, JSON.stringify(demo.json.cause));
  assert.match(demo.check('token').detail, /signature verified/);
  const page = await doctor(authority.issuer, '--client-id', 'demo-web', '--redirect-uri', 'http://127.0.0.1:8123/callback/');
  assert.equal(page.cause, 'redirect_uri.trailing_slash');
  const good = await doctor(authority.issuer, '--client-id', 'demo-web', '--redirect-uri', 'http://127.0.0.1:8123/callback');
  assert.equal(good.cause, null, JSON.stringify(good.json.cause));
});

/* ---- tokens that are wrong ---- */
const other = await makeKey('ES256');

/** A plain issuer with a token endpoint that answers `answer()`. */
async function issuing(answer) {
  const thing = await startPlainIssuer();
  thing.fault = (incoming, outgoing) => {
    if (!incoming.url.startsWith('/token')) return false;
    let body = '';
    incoming.on('data', (chunk) => (body += chunk));
    incoming.on('end', async () => {
      const { status = 200, type = 'application/json', text } = body.includes('authorization_code') ? { status: 400, text: '{"error":"invalid_grant"}' } : await answer(thing);
      outgoing.writeHead(status, { 'Content-Type': type });
      outgoing.end(text);
    });
    return true;
  };
  return thing;
}
const respond = (token, more = {}) => ({ text: JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 300, ...more }) });
const claims = (more) => ({ aud: audience, sub: 'app', iat: now(), exp: now() + 300, ...more });

for (const [what, answer, cause] of [
  ['for another audience', async (thing) => respond(await thing.token(claims({ aud: 'https://other.example' }))), 'audience.mismatch'],
  ['that has expired', async (thing) => respond(await thing.token(claims({ exp: now() - 600, iat: now() - 900 }))), 'time.expired'],
  ['of a key that is not published', async (thing) => respond(await makeToken(other, { iss: thing.issuer, ...claims() })), 'keys.unknown_kid'],
  ['whose issuer has a slash more', async (thing) => respond(await thing.token(claims({ iss: `${thing.issuer}/` }))), 'issuer.trailing_slash'],
  ['that does not exist', async () => ({ text: '{"token_type":"Bearer"}' }), 'response.access_token_missing'],
  ['without its type', async (thing) => ({ text: JSON.stringify({ access_token: await thing.token(claims()) }) }), 'response.token_type_missing'],
  ['with a lifetime in quotes', async (thing) => respond(await thing.token(claims()), { expires_in: '300' }), 'response.expires_in_type'],
  ['in a page', async () => ({ type: 'text/html', text: '<html><body>Sign in</body></html>' }), 'response.html'],
  ['in no JSON', async () => ({ text: 'access_token=x' }), 'response.not_json'],
  ['refused with an error', async () => ({ status: 400, text: '{"error":"invalid_scope","error_description":"no such scope"}' }), 'response.error'],
]) {
  test(`a token ${what}: ${cause}`, async () => {
    const thing = await issuing(answer);
    const verdict = await doctor(thing.issuer, ...app, '--audience', audience);
    assert.equal(verdict.cause, cause, JSON.stringify(verdict.json));
    assert.equal(verdict.check('token').outcome, 'fail');
  });
}

test('keys that rotate between the set and the token: looked for once more, as the gateway does', async () => {
  const thing = await issuing(async (self) => {
    await self.rotate({ keep: true });
    return respond(await self.token(claims()));
  });
  const verdict = await doctor(thing.issuer, ...app, '--audience', audience);
  assert.equal(verdict.cause, null, JSON.stringify(verdict.json.cause));
  assert.equal(verdict.finding('keys.rotated').severity, 'warn');
});

test('a key that is withdrawn while a token of it lives: proven by what was kept', async () => {
  const cache = path.join(temporaryFolder(), 'seen');
  const thing = await issuing(async (self) => respond(await self.token(claims())));
  const first = await doctor(thing.issuer, ...app, '--audience', audience, '--cache', cache);
  assert.equal(first.cause, null, JSON.stringify(first.json.cause));
  const kid = thing.key.kid;
  await thing.rotate();
  const second = await doctor(thing.issuer, '--cache', cache);
  assert.equal(second.cause, 'keys.retired_early');
  assert.equal(second.json.cause.received, kid);
  assert.ok(!fs.readFileSync(path.join(cache, fs.readdirSync(cache)[0]), 'utf8').includes('eyJ'), 'no token is kept');
});

/* ---- the API ---- */
test('the API gets the token; 401 and 403 are told with the API\'s own words', async () => {
  let status = 200;
  const api = await startUpstream({
    handler: (incoming, outgoing) => {
      outgoing.writeHead(incoming.headers.authorization?.startsWith('Bearer eyJ') ? status : 400, status === 401 ? { 'WWW-Authenticate': 'Bearer error="invalid_token"' } : {});
      outgoing.end();
      return true;
    },
  });
  const words = [...app, '--audience', audience, '--api', api.url];
  const fine = await doctor(issuer.issuer, ...words);
  assert.equal(fine.cause, null, JSON.stringify(fine.json.cause));
  assert.match(fine.check('api').detail, /answers 200/);
  for (status of [401, 403]) {
    const verdict = await doctor(issuer.issuer, ...words);
    assert.equal(verdict.cause, 'upstream.rejected_token');
    assert.equal(verdict.json.cause.received, String(status));
    assert.match(verdict.json.cause.detail, status === 401 ? /invalid_token/ : /no WWW-Authenticate/);
  }
});

test('an API that is not there, and one to which no token is sent', async () => {
  const gone = await doctor(issuer.issuer, ...app, '--audience', audience, '--api', `http://127.0.0.1:${await freePort()}/`);
  assert.equal(gone.cause, 'upstream.refused');
  assert.equal(gone.json.cause.reason, 'network.tcp.refused');
  const plain = await doctor(issuer.issuer, ...app, '--audience', audience, '--api', 'http://api.example.com/');
  assert.match(plain.check('api').detail, /plain http/);
  assert.equal(plain.check('api').outcome, 'skip');
});

test('secrets are never printed, whatever goes wrong', async () => {
  for (const words of [['--client-secret', 'hush-hush'], ['--client-secret', 'hush-hush', '--redirect-uri', 'https://app.example/x']]) {
    const { stdout, stderr } = await sallyport(['doctor', issuer.issuer, '--cache', 'off', '--client-id', 'app', ...words]);
    assert.ok(!`${stdout}${stderr}`.includes('hush'), stdout);
  }
});
