// SPDX-License-Identifier: Apache-2.0
// The MCP SDK's own OAuth client, as agents have it, over https: from a 401 of the gateway it finds everything by itself (RFC 9728, RFC 8414), registers,
// signs a person in for this API alone (RFC 8707), and refreshes.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import * as jose from 'jose';
import { exchangeAuthorization, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { startBrowser } from '../lib/browser.mjs';
import { makeAuthority } from '../lib/certificates.mjs';
import { defer } from '../lib/cleanup.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { until } from '../lib/wait.mjs';

const tools = http.createServer(async (incoming, outgoing) => {
  if (incoming.method !== 'POST') return outgoing.writeHead(405).end();
  const server = new McpServer({ name: 'tools', version: '1' });
  server.registerTool('who', {}, () => ({ content: [{ type: 'text', text: `${incoming.headers['x-subject']}` }] }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
  await server.connect(transport);
  return transport.handleRequest(incoming, outgoing);
}).listen(0, '127.0.0.1');
await new Promise((resolve) => tools.once('listening', resolve));
defer(() => tools.close());

const folder = temporaryFolder();
const certificates = makeAuthority(folder);
const { certFile, keyFile } = certificates.issue('gateway');
const scopes = ['read', 'write'];
const gateway = await startGateway({
  config: {
    listen: [{ address: '127.0.0.1:{port}', tls: { certificate: certFile, key: keyFile } }],
    issuers: { own: { issuer: 'https://localhost:{port}/oauth2', ca_file: certificates.caFile, audience: 'https://localhost:{port}/mcp' } },
    apis: { mcp: { match: { path: '/mcp' }, upstream: { url: `http://127.0.0.1:${tools.address().port}` }, auth: { issuers: ['own'], scopes: ['read'] }, identity_headers: { 'X-Subject': 'sub' }, resource_metadata: true } },
    authority: { issuer: 'https://localhost:{port}/oauth2', registration: { open: true, scopes, audiences: ['https://localhost:{port}/mcp'] } },
  },
});
const here = `https://localhost:${gateway.port}`;
assert.equal((await sallyport(['accounts', 'add', 'ann', '-c', gateway.configFile, '--state', gateway.state], { input: 'ann-secret' })).code, 0);

/** fetch with an authority of one's own: the one thing that is not the SDK's default. */
async function trusting(url, { method, headers, body } = {}) {
  const answer = await request(String(url), { ca: certificates.ca, method, headers: Object.fromEntries(new Headers(headers)), body: body && String(body) });
  return new Response([204, 205].includes(answer.status) ? null : answer.text, { status: answer.status, headers: Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((each) => [name, each])) });
}

/** What an agent keeps, and where it would open a browser. */
function makeAgent(metadata = {}) {
  const kept = {};
  return {
    kept,
    redirectUrl: 'http://localhost:6274/oauth/callback',
    clientMetadata: { client_name: 'Agent', redirect_uris: ['http://localhost:6274/oauth/callback'], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none', ...metadata },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => (kept.tokens = tokens),
    redirectToAuthorization: (url) => (kept.url = url),
    saveCodeVerifier: (verifier) => (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
  };
}

const transportOf = (authProvider) => new StreamableHTTPClientTransport(new URL(`${here}/mcp`), { authProvider, fetch: trusting });
async function ask(agent) {
  const client = new Client({ name: 'agent', version: '1' });
  await client.connect(transportOf(agent));
  return (await client.callTool({ name: 'who' })).content[0].text;
}

for (const token_endpoint_auth_method of ['none', 'client_secret_basic'])
  test(`an agent (${token_endpoint_auth_method}) finds, registers, signs in and refreshes by itself`, async () => {
    const agent = makeAgent({ token_endpoint_auth_method });
    await until(() => request(`${here}/oauth2/jwks`, { ca: certificates.ca }).then(({ status }) => status === 200, () => false), 'the authority');
    const transport = transportOf(agent);
    await assert.rejects(new Client({ name: 'agent', version: '1' }).connect(transport), UnauthorizedError);
    const asked = agent.kept.url.searchParams;
    assert.deepEqual([asked.get('resource'), asked.get('scope'), asked.get('code_challenge_method')], [`${here}/mcp`, 'read', 'S256']);
    const browser = startBrowser({}, { ca: certificates.ca });
    await browser.open(agent.kept.url);
    const page = await browser.signIn();
    const { location } = page.location ? page : await browser.allow();
    await transport.finishAuth(location.searchParams.get('code'));
    const { aud, scope, sub } = jose.decodeJwt(agent.kept.tokens.access_token);
    assert.deepEqual([aud, scope], [`${here}/mcp`, 'read']);
    assert.equal(await ask(agent), sub);
    // A token that is good no more is replaced without anybody being asked.
    agent.kept.tokens.access_token = 'ended';
    agent.kept.url = undefined;
    assert.equal(await ask(agent), sub);
    assert.equal(agent.kept.url, undefined);
  });

test('what it throws at a refusal has our cause', async () => {
  const client = { client_id: 'nobody', client_secret: 's', redirect_uris: [] };
  const exchange = (clientInformation) => exchangeAuthorization(`${here}/oauth2`, { clientInformation, authorizationCode: 'x', codeVerifier: 'v'.repeat(43), redirectUri: 'http://localhost:6274/oauth/callback', fetchFn: trusting, metadata: { issuer: `${here}/oauth2`, token_endpoint: `${here}/oauth2/token`, authorization_endpoint: `${here}/oauth2/authorize`, response_types_supported: ['code'] } });
  await assert.rejects(exchange(client), { name: 'InvalidClientError', message: /\(client\.unknown\)$/ });
  const agent = makeAgent();
  await assert.rejects(new Client({ name: 'agent', version: '1' }).connect(transportOf(agent)), UnauthorizedError);
  await assert.rejects(exchange(agent.kept.client), { name: 'InvalidGrantError', message: /\(code\.unknown\)$/ });
  await assert.rejects(new Client({ name: 'agent', version: '1' }).connect(transportOf(makeAgent({ redirect_uris: ['http://app.example/callback'] }))), /\(registration\.redirect_uri\)/);
});
