// SPDX-License-Identifier: Apache-2.0
// Clients that walk through the lab – a login, a refresh, a device, a logout, calls to the API – and leave a HAR: `sallyport inspect` names exactly
// the fault.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { redirectUri, startLab, Walk, walk } from '../lib/lab.mjs';
import { proofs } from '../lib/lab_proofs.mjs';

const lab = await startLab();
const folder = temporaryFolder();

/** Every cause that is named somewhere in the report. */
const named = (report) => [...JSON.stringify(report).matchAll(/"id":"([a-z_.0-9]+)"/g)].map((match) => match[1]);

async function callApi() {
  const self = new Walk(lab);
  const metadata = `${lab.api}/.well-known/oauth-protected-resource/mcp`;
  await self.step('POST', `${lab.api}/mcp`, { headers: { 'Content-Type': 'application/json', 'MCP-Protocol-Version': '2025-06-18' } });
  await self.step('GET', metadata);
  const page = { Origin: 'https://spa.example', 'Sec-Fetch-Mode': 'cors' };
  await self.step('OPTIONS', `${lab.api}/photos`, { headers: { ...page, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization' } });
  await self.step('GET', `${lab.api}/photos`, { headers: { ...page, Authorization: `Bearer ${lab.token}` } });
  return self;
}

async function signOut() {
  const self = await walk(lab);
  await self.step('GET', `${lab.issuer}/logout?${new URLSearchParams({ post_logout_redirect_uri: redirectUri })}`);
  return self;
}

const ways = {
  login: () => walk(lab),
  login_without_pkce: () => walk(lab, { pkce: false }),
  login_with_dpop: () => walk(lab, { dpop: true }),
  refresh: () => walk(lab, { refresh: true }),
  device: () => walk(lab, { device: true }),
  redirect: () => walk(lab),
  logout: signOut,
  api: callApi,
};

for (const [way, make] of Object.entries(ways)) {
  test(`a healthy lab, ${way}: nothing is broken`, async () => {
    await lab.set('healthy');
    const report = await (await make()).inspect(folder);
    /* A first call without a token, and a sign-out that names nobody, are told as what they are. */
    const expected = { api: ['token.missing'], logout: ['logout.no_hint'] }[way] ?? [];
    assert.deepEqual([...new Set(named(report))].filter((id) => !expected.includes(id)), []);
  });
  for (const id of proofs.inspect[way]) {
    test(`${id} is named`, async () => {
      await lab.set(id);
      const self = await make();
      const registered = self.authorized?.headers?.['sallyport-lab-registered'];
      const report = await self.inspect(folder, ...(registered ? ['--redirect-uri', registered] : []));
      assert.ok(named(report).includes(id), named(report).join());
    });
  }
}

test('a device that is told to wait, or to slow down, is answered in the end', async () => {
  for (const id of ['device.pending', 'device.slow_down']) {
    await lab.set(id);
    const { polls } = await walk(lab, { device: true });
    assert.equal(polls.length, 3);
    assert.ok(polls[2].access_token);
  }
});

for (const [way, command] of [['get', ['get']], ['device', ['login', '--device']]]) {
  const run = () => sallyport(['token', ...command, lab.issuer, '--client-id', lab.client_id, '--client-secret', lab.client_secret, '--cache', 'off', '--json']);
  test(`a healthy lab, sallyport token ${command.join(' ')}: a token`, async () => {
    await lab.set('healthy');
    const { code, stderr } = await run();
    assert.equal(code, 0, stderr);
  });
  for (const id of proofs.client[way]) {
    test(`${id} is named by sallyport token ${command.join(' ')}`, async () => {
      await lab.set(id);
      const { code, stdout, stderr } = await run();
      assert.notEqual(code, 0);
      assert.ok((stdout + stderr).includes(id), stdout + stderr);
    });
  }
}
