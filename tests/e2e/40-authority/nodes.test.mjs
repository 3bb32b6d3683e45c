// SPDX-License-Identifier: Apache-2.0
// What a person or a client begins at one node goes on, counts and ends at the other at once: two authorities on one PostgreSQL behind a balancer that sends
// each request where the test says, and each way round.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { request } from '../lib/http.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { postgresMissing as skip, startPostgres } from '../lib/postgres.mjs';
import { decodePart, jose, jwks, makeKey, makeProof, makeToken, now } from '../lib/tokens.mjs';
import { startApp } from '../lib/totp.mjs';
import { until } from '../lib/wait.mjs';

const redirect = 'https://app.example/callback';
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' };
const web = { secret: 's', redirect_uris: [redirect], scopes: ['openid', 'profile', 'offline_access'] };
const key = await makeKey('ES256');
let postgres, nodes, issuer, receiver;

/** Takes logout tokens; the answer to one waits for `held`. */
async function startReceiver() {
  const self = { tokens: [], held: Promise.resolve() };
  const server = http.createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk) => (body += chunk));
    incoming.on('end', async () => {
      self.tokens.push(new URLSearchParams(body).get('logout_token'));
      await self.held;
      outgoing.end();
    });
  });
  self.url = `http://127.0.0.1:${await listen(server)}/backchannel`;
  defer(() => server.close());
  return self;
}

/** The way to one node: whatever is asked of the issuer is asked there. */
function agentOf({ listen: url }) {
  const agent = new http.Agent();
  agent.createConnection = () => net.connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  return agent;
}

if (!skip) {
  postgres = await startPostgres();
  receiver = await startReceiver();
  issuer = `http://127.0.0.1:${await freePort()}`; // the balancer's
  const section = {
    issuer,
    store: { postgres: postgres.url },
    keys: { master_key: 'one key for all of the nodes, 0123456789' },
    tokens: { algorithm: 'ES256', refresh_grace: '0s' },
    registration: { open: true, grants: ['authorization_code', 'client_credentials'] },
    clients: {
      web,
      told: { ...web, skip_consent: true, backchannel_logout_uri: receiver.url },
      tv: { method: 'none', grants: [deviceGrant], scopes: ['openid'] },
      machine: { secret: 's' },
      signer: { jwks: jwks(key) },
    },
  };
  nodes = [await startAuthority({ authority: section }), await startAuthority({ authority: section })];
  for (const node of nodes) node.agent = agentOf(node);
}

/** A sentence that holds whichever node is first. */
function bothWays(name, check) {
  for (const [first, second] of [[0, 1], [1, 0]]) test(`${name} (${first ? 'B, A' : 'A, B'})`, { skip }, () => check(nodes[first], nodes[second]));
}

const ask = (node, where, options) => request(issuer + where, { agent: node.agent, ...options });
const post = (node, where, form, id = 'web', headers = {}) => ask(node, where, {
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...(id ? { Authorization: `Basic ${btoa(`${id}:s`)}` } : {}), ...headers },
  body: new URLSearchParams(form).toString(),
});
/** What a client does when two nodes want one row: it comes again. */
const patiently = (attempt) => until(async () => [await attempt()].find(({ status }) => status !== 503), 'an answer other than 503');
/** The same of both nodes, again and again at once. */
const race = (attempt, count = 10) => Promise.all(Array.from({ length: count }, (_, i) => patiently(() => attempt(nodes[i % 2]))));
const isActive = async (node, token) => (await post(node, '/introspect', { token }, 'machine')).json.active;

/** A browser whose requests go to the node of `at`. */
function startRoamer() {
  const transport = {};
  const browser = startBrowser({}, transport);
  browser.at = (node) => {
    transport.agent = node.agent;
    return browser;
  };
  return browser;
}

const authorize = (client, more = {}) => `${issuer}/authorize?${new URLSearchParams({ client_id: client, response_type: 'code', redirect_uri: redirect, scope: 'openid', ...challenge, ...more })}`;
const redeem = (node, { location }, client) => post(node, '/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri: redirect, code_verifier: verifier }, client);

let people = 0;
/** A new account; its password is NAME-secret. */
async function addPerson() {
  const name = `person${people++}`;
  const { code, stderr } = await sallyport(['accounts', 'add', name, '-c', nodes[0].config], { input: `${name}-secret\n` });
  assert.equal(code, 0, stderr);
  return name;
}
const signIn = async (node, browser, name, url = authorize('told')) => {
  await browser.at(node).open(url);
  return browser.signIn(name, `${name}-secret`);
};

bothWays('a page of one node is sent to the other, consent goes back, and the session ends on both at once', async (a, b) => {
  const browser = startRoamer();
  await browser.at(a).open(authorize('web', { prompt: 'consent' }));
  await browser.at(b).signIn();
  const { json: tokens } = await redeem(b, await browser.at(a).allow());
  assert.ok(tokens.id_token && tokens.refresh_token, JSON.stringify(tokens));
  for (const node of [a, b]) assert.match((await browser.at(node).open(`${issuer}/account`)).text, /id="sessions"/);
  const stolen = browser.cookies.get('sp_session');
  await browser.at(b).open(`${issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token })}`);
  assert.equal(browser.cookies.has('sp_session'), false);
  browser.cookies.set('sp_session', stolen);
  assert.equal((await browser.at(a).open(authorize('web', { prompt: 'none' }))).location.searchParams.get('error'), 'login_required');
  assert.match((await browser.open(`${issuer}/account`)).text, /name="password"/);
  assert.match((await post(a, '/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })).json.error_description, /refresh\.session_ended/);
});

test('of sessions that end on both nodes each application hears once, however long one attempt takes', { skip }, async () => {
  const sids = [];
  const sessions = async (count) => {
    for (let i = 0; i < count; i++) {
      const browser = startRoamer();
      const { json } = await redeem(nodes[i % 2], await signIn(nodes[i % 2], browser, 'ann'), 'told');
      sids.push(decodePart(json.id_token, 1).sid);
      await browser.at(nodes[(i + 1) % 2]).open(`${issuer}/logout?${new URLSearchParams({ id_token_hint: json.id_token })}`);
    }
    await until(() => receiver.tokens.length >= sids.length, 'the logout tokens');
  };
  let release;
  receiver.held = new Promise((resolve) => (release = resolve));
  await sessions(6);
  receiver.held = Promise.resolve();
  await sessions(4); // both nodes look for what is to be sent, while the first six are under way
  release();
  await until(() => postgres.psql('SELECT count(*) FROM sallyport.records WHERE kind=7') === '0', 'all to be delivered');
  assert.deepEqual(receiver.tokens.map((token) => decodePart(token, 1).sid).sort(), sids.sort());
});

bothWays('a client that registers at one node is known, changed and gone at the other at once', async (a, b) => {
  const json = (node, method, where, body, token) => ask(node, where, { method, headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: body && JSON.stringify(body) });
  const { json: made } = await json(a, 'POST', '/register', { redirect_uris: ['https://one.example/cb'], grant_types: ['client_credentials', 'authorization_code'] });
  assert.ok(made.client_id, JSON.stringify(made));
  const own = made.registration_client_uri.slice(issuer.length);
  const token = made.registration_access_token;
  const redirects = async (node, uri) => (await ask(node, authorize(made.client_id, { redirect_uri: uri }).slice(issuer.length))).status === 303;
  const issue = (node) => request(`${issuer}/token`, { agent: node.agent, method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${btoa(`${made.client_id}:${made.client_secret}`)}` }, body: 'grant_type=client_credentials' });
  for (const node of [b, a]) {
    assert.equal((await json(node, 'GET', own, undefined, token)).json.client_id, made.client_id);
    assert.equal((await issue(node)).status, 200); // and has it in memory
    assert.equal(await redirects(node, 'https://one.example/cb'), true);
  }
  const changed = await json(b, 'PUT', own, { client_id: made.client_id, redirect_uris: ['https://two.example/cb'], grant_types: ['client_credentials', 'authorization_code'] }, token);
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual((await json(a, 'GET', own, undefined, token)).json.redirect_uris, ['https://two.example/cb']);
  assert.equal(await redirects(a, 'https://one.example/cb'), false, 'the old address is good for nothing');
  assert.equal((await json(a, 'DELETE', own, undefined, token)).status, 204);
  assert.equal((await json(b, 'GET', own, undefined, token)).status, 401);
  assert.equal((await issue(b)).status, 401);
});

bothWays('an account that is disabled at one node is out of the other at once', async (a, b) => {
  const name = await addPerson();
  const browser = startRoamer();
  const { json: tokens } = await redeem(b, await signIn(b, browser, name), 'told');
  assert.equal((await a.cli(['accounts', 'disable', name])).code, 0);
  assert.ok(!(await browser.at(b).open(authorize('told'))).location?.searchParams.get('code'));
  assert.equal((await post(b, '/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, 'told')).status, 400);
  assert.equal((await ask(b, '/userinfo', { token: tokens.access_token })).status, 401);
  assert.ok(!(await signIn(b, startRoamer(), name)).location);
});

bothWays('a device asks at one node, its person allows at the other, and of many polls one gets tokens', async (a, b) => {
  const { json: device } = await post(a, '/device_authorization', { client_id: 'tv', scope: 'openid' }, null);
  const poll = (node) => post(node, '/token', { grant_type: deviceGrant, device_code: device.device_code, client_id: 'tv' }, null);
  assert.equal((await poll(b)).json.error, 'authorization_pending');
  assert.equal((await poll(a)).json.error, 'slow_down'); // they count together
  const browser = startRoamer();
  await browser.at(b).open(device.verification_uri_complete);
  await browser.at(a).signIn();
  await browser.at(b).allow();
  const answers = await race(poll);
  assert.equal(answers.filter(({ json }) => json.id_token).length, 1);
  for (const { status, json } of answers) assert.ok(status === 200 || /code\.reused/.test(json.error_description), JSON.stringify(json));
});

bothWays('a request that is pushed to one node is authorized at the other, once', async (a, b) => {
  const { json: pushed } = await post(a, '/par', { client_id: 'told', response_type: 'code', redirect_uri: redirect, scope: 'openid', ...challenge }, 'told');
  const url = `${issuer}/authorize?${new URLSearchParams({ client_id: 'told', request_uri: pushed.request_uri })}`;
  const browser = startRoamer();
  await browser.at(b).open(url);
  const { json } = await redeem(b, await browser.at(a).signIn(), 'told');
  assert.ok(json.id_token, JSON.stringify(json));
  for (const node of [a, b]) assert.equal((await startRoamer().at(node).open(url)).status, 400);
});

for (const [what, cause, attempt] of [
  ['DPoP proof', /binding\.dpop_replayed/, async () => {
    const proof = await makeProof(key, 'POST', `${issuer}/token`);
    return (node) => post(node, '/token', { grant_type: 'client_credentials' }, 'machine', { DPoP: proof });
  }],
  ['client assertion', /client\.assertion_replayed/, async () => {
    const assertion = await makeToken(key, { iss: 'signer', sub: 'signer', aud: issuer, exp: now() + 60, jti: crypto.randomUUID() }, { typ: 'JWT' });
    return (node) => post(node, '/token', { grant_type: 'client_credentials', client_assertion: assertion, client_assertion_type: assertionType }, null);
  }],
]) {
  bothWays(`a ${what} that was used at one node is a replay at the other`, async (a, b) => {
    const use = await attempt();
    assert.equal((await use(a)).status, 200);
    assert.match((await use(b)).json.error_description, cause);
  });
  test(`of many uses of one ${what} at both nodes at once one is the first`, { skip }, async () => {
    const answers = await race(await attempt());
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    for (const { status, json } of answers) assert.ok(status === 200 || cause.test(json.error_description), JSON.stringify(json));
  });
}

test("an authenticator app's code lets in once, at whichever node, though both are asked at once", { skip }, async () => {
  const name = await addPerson();
  const settings = startRoamer();
  await signIn(nodes[0], settings, name, `${issuer}/account`);
  const inSection = (node, step, more = {}) => settings.at(node).open(`${issuer}/account`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token: settings.page.text.match(/name="form_token" value="([^"]*)"/)[1], section: 'second_factor', step, ...more }).toString() });
  const app = startApp((await inSection(nodes[0], 'app_begin')).text.match(/id="key">([A-Z2-7 ]+)</)[1]);
  await inSection(nodes[1], 'app_confirm', { code: await app.next() }); // the key was shown by the other
  const browsers = await Promise.all(nodes.map(async (node) => {
    const browser = startRoamer();
    assert.match((await signIn(node, browser, name)).text, /authenticator app shows/);
    return browser;
  }));
  const code = await app.next();
  const pages = await Promise.all(browsers.map((browser) => browser.submit({ code, step: 'code' })));
  assert.equal(pages.filter(({ location }) => location?.searchParams.get('code')).length, 1, pages.map(({ text }) => text).join('\n'));
  const again = startRoamer();
  await signIn(nodes[1], again, name);
  assert.match((await again.submit({ code, step: 'code' })).text, /used already/);
});

test('wrong passwords are counted over both nodes', { skip }, async () => {
  const name = await addPerson();
  let page;
  for (let i = 0; i < 14 && !/Try again in/.test(page?.text); i++) {
    const browser = startRoamer();
    await browser.at(nodes[i % 2]).open(authorize('told'));
    page = await browser.signIn(name, `wrong-${i}`);
  }
  for (const node of nodes) assert.match((await signIn(node, startRoamer(), name)).text, /Try again in/);
});

test('an address is counted over both nodes: when it was wrong often enough, each refuses it', { skip }, async () => {
  const guess = async (node, i) => {
    const browser = startRoamer();
    await browser.at(node).open(authorize('told'));
    return browser.signIn(`nobody-${i}`, 'wrong');
  };
  const before = Number(postgres.psql('SELECT count(*) FROM sallyport.tickets WHERE kind=21')); // of the tests above
  for (let i = before; i < 50; i++) assert.equal((await guess(nodes[i % 2], i)).status, 200, `try ${i}`);
  for (const node of nodes) {
    const page = await guess(node, 'refused');
    assert.equal(page.location?.searchParams.get('error'), 'temporarily_unavailable', page.text);
    assert.ok(Number(page.headers['retry-after']) > 0);
    assert.equal((await node.lastLine('login.throttled')).finding.received, '50 from 127.0.0.1');
  }
  postgres.psql('DELETE FROM sallyport.tickets WHERE kind=21');
  for (const node of nodes) assert.equal((await guess(node, 'again')).status, 200); // each node's own count is below
});

bothWays('a key that signs at once at one node signs at the other, and each verifies what the other signed', async (a, b) => {
  const newest = () => postgres.psql('SELECT max(active_from) FROM sallyport.signing_keys');
  await until(() => Number(newest()) < now(), 'a second in which no key began to sign');
  const { code, stderr } = await a.cli(['keys', 'rotate', '--now']);
  assert.equal(code, 0, stderr);
  const kid = postgres.psql(`SELECT kid FROM sallyport.signing_keys WHERE active_from=${newest()}`);
  for (const [signer, verifier] of [[a, b], [b, a]]) {
    const token = await until(async () => {
      const { json } = await post(signer, '/token', { grant_type: 'client_credentials' }, 'machine');
      return decodePart(json.access_token, 0).kid === kid && json.access_token;
    }, 'the new key to sign');
    await until(async () => (await ask(verifier, '/jwks')).json.keys.some((one) => one.kid === kid), 'the new key to be published');
    assert.equal(await isActive(verifier, token), true);
    await jose.jwtVerify(token, jose.createLocalJWKSet((await ask(verifier, '/jwks')).json), { issuer });
  }
});
