// SPDX-License-Identifier: Apache-2.0
// What the API is told of the way a call came: the gateway's word, and that of a proxy which is trusted.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { startGateway } from '../lib/gateway.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const upstream = await startUpstream();
const gateway = await startGateway({
  config: { trusted_proxies: ['127.0.0.1/32', '10.0.0.0/8', '::1'], apis: { open: { match: { path: '/' }, upstream: { url: upstream.url }, auth: { anonymous: true, api_keys: true } } } },
});

/** What the API received of these headers (a flat list of names and values) from a peer of that address; chunked: nginx's proxy module writes the request. */
function received(localAddress, headers, { chunked = false } = {}) {
  return new Promise((resolve, reject) => {
    const list = ['Host', 'gateway.test', ...headers, ...(chunked ? ['Transfer-Encoding', 'chunked'] : [])];
    const outgoing = http.request({ port: gateway.port, host: '127.0.0.1', localAddress, method: chunked ? 'POST' : 'GET', path: '/x', headers: list, agent: false }, (incoming) => {
      let text = '';
      incoming.on('data', (data) => (text += data));
      incoming.on('end', () => resolve(JSON.parse(text).headers));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const proxy = '127.0.0.1';
const client = '127.0.0.2'; // nobody trusts it
const words = ['For', 'Proto', 'Host', 'Port', 'Prefix', 'Server', 'Ssl', 'Uri', 'Method', 'User', 'Client-Cert', 'Anything'].map((name) => `X-Forwarded-${name}`);
const never = ['Forwarded', 'X-Real-IP', 'X-Url-Scheme', 'X-Rewrite-URL', 'X-Original-URL', 'X-Original-URI', 'X-Original-Host', 'X-Original-Method', 'X-HTTP-Host-Override', 'Front-End-Https'];
const addresses = ['X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP', 'Fastly-Client-IP', 'X-Azure-ClientIP', 'X-Cluster-Client-IP'];
const forged = [...words, ...never, ...addresses].flatMap((name) => [name, '6.6.6.6']);
const others = ['X-Forward', 'yes', 'X-Forwarded', 'yes', 'X-Original', 'yes', 'CF-Ray', 'yes', 'TE', 'trailers', 'True', 'yes', 'From', 'a@b.example', 'X-', 'yes', 'X', 'yes'];

for (const chunked of [false, true]) {
  const written = chunked ? 'written by nginx' : 'written by the gateway';
  test(`a client forges no hop (${written})`, async () => {
    const seen = await received(client, [...forged, ...others], { chunked });
    assert.deepEqual([seen['x-forwarded-for'], seen['x-forwarded-proto'], seen['x-forwarded-host']], [client, 'http', 'gateway.test']);
    assert.ok(!JSON.stringify(seen).includes('6.6.6.6'), JSON.stringify(seen));
    for (const name of ['x-forward', 'x-forwarded', 'x-original', 'cf-ray', 'true', 'from', 'x-', 'x']) assert.ok(seen[name], name);
  });

  test(`a trusted proxy is believed (${written})`, async () => {
    const said = ['X-Forwarded-For', '6.6.6.6, 203.0.113.7,  10.1.2.3', 'X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'www.example', 'X-Forwarded-Port', '443', 'X-Forwarded-Prefix', '/shop'];
    const seen = await received(proxy, [...said, ...addresses.flatMap((name) => [name, '203.0.113.7'])], { chunked });
    // Who calls, and what is trusted between: the address in front of it is the client's own word.
    assert.equal(seen['x-forwarded-for'], '203.0.113.7,  10.1.2.3, 127.0.0.1');
    assert.deepEqual(['proto', 'host', 'port', 'prefix'].map((name) => seen[`x-forwarded-${name}`]), ['https', 'www.example', '443', '/shop']);
    for (const name of addresses) assert.equal(seen[name.toLowerCase()], '203.0.113.7', name);
  });

  test(`a trusted proxy that says nothing is the client (${written})`, async () => {
    const seen = await received(proxy, [], { chunked });
    assert.deepEqual([seen['x-forwarded-for'], seen['x-forwarded-proto'], seen['x-forwarded-host'], seen['x-forwarded-port']], [proxy, 'http', 'gateway.test', undefined]);
  });

  test(`a trusted proxy passes on no other URL and no identity (${written})`, async () => {
    const names = [...never, ...words.filter((word) => !/For|Proto|Host|Port|Prefix/.test(word.slice(12)))];
    const seen = await received(proxy, ['X-Forwarded-For', '203.0.113.7', ...names.flatMap((name) => [name, '6.6.6.6'])], { chunked });
    assert.equal(seen['x-forwarded-for'], '203.0.113.7, 127.0.0.1');
    assert.ok(!JSON.stringify(seen).includes('6.6.6.6'), JSON.stringify(seen));
  });
}

test('of two headers of one name the one that the proxy put last counts', async () => {
  const seen = await received(proxy, ['X-Forwarded-Proto', 'gopher', 'X-Forwarded-Proto', 'https', 'X-Forwarded-For', '203.0.113.9']);
  assert.equal(seen['x-forwarded-proto'], 'https');
});

test('all addresses trusted: the first of them calls', async () => {
  assert.equal((await received(proxy, ['X-Forwarded-For', '10.0.0.1, 10.0.0.2']))['x-forwarded-for'], '10.0.0.1, 10.0.0.2, 127.0.0.1');
});

test('the call log names the client, not the proxy', async () => {
  await received(proxy, ['X-Forwarded-For', '203.0.113.8', 'X-Request-Id', 'who-calls']);
  assert.equal((await gateway.call('who-calls')).client_address, '203.0.113.8');
});
