// SPDX-License-Identifier: Apache-2.0
// An issuer that moved and redirects: whoever fetches says so with the status and the Location, and what to name instead, never in a library's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sallyport } from '../lib/cli.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { startPlainIssuer } from '../lib/issuer.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const audience = 'https://api.example';
const upstream = await startUpstream();
const config = (corp) => ({ issuers: { corp: { audience, ...corp } }, apis: { api: { match: { path: '/api' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } } } });

/** Every request below `part` is sent to another place, by plain http. */
async function startMovedIssuer(part) {
  const issuer = await startPlainIssuer();
  issuer.fault = (incoming, outgoing) => {
    if (!incoming.url.includes(part)) return false;
    outgoing.writeHead(302, { Location: `http://moved.example${incoming.url}` });
    outgoing.end();
    return true;
  };
  return issuer;
}

/** What a terminal wraps. */
const oneLine = (text) => text.replaceAll(/\s+/g, ' ');

for (const [what, part, cause] of [['keys', 'jwks', 'keys.http_status'], ['discovery', 'well-known', 'discovery.http_status']])
  test(`a redirected document (${what}): the gateway, explain, check --online and the CLI name the place`, async () => {
    const issuer = await startMovedIssuer(part);
    const gateway = await startGateway({ config: config({ issuer: issuer.issuer }) });
    await gateway.waitForOutput(new RegExp(`issuer corp: ${cause.replace('.', '\\.')} \\(network\\.http\\.redirect\\): .* answered with status 302\\. It redirects to http://moved\\.example/`));
    const { requestId, cause: told } = await gateway.get('/api/1', { token: await issuer.token({ aud: audience }) });
    assert.equal(told, cause);
    const stdout = oneLine((await gateway.explain(requestId, [])).stdout);
    assert.match(stdout, /answered with status 302\. It redirects to http:\/\/moved\.example\//);
    assert.equal((await gateway.explain(requestId)).json.cause.explanation.match(/answered with status/g).length, 1);
    const checked = await sallyport(['check', '--online', '-c', gateway.configFile]);
    const examined = await sallyport(['token', 'examine', await issuer.token({ aud: audience }), '--issuer', issuer.issuer]);
    for (const text of [gateway.output, stdout, oneLine(checked.stdout), oneLine(examined.stdout)]) {
      assert.match(text, /redirects to http:\/\/moved\.example\//);
      assert.doesNotMatch(text, /libcurl/);
    }
  });

test('an introspection endpoint that redirects', async () => {
  const issuer = await startPlainIssuer();
  issuer.metadata.introspection_endpoint = `${issuer.issuer}/introspect`;
  issuer.fault = (incoming, outgoing) => incoming.url.includes('introspect') && (outgoing.writeHead(307, { Location: 'http://moved.example/introspect' }), outgoing.end(), true);
  const gateway = await startGateway({ config: config({ issuer: issuer.issuer, introspection: { client_id: 'gw', client_secret: 'secret-of-the-gateway' } }) });
  const { requestId } = await gateway.get('/api/1', { token: 'opaque-token-of-somebody' });
  const { json } = await gateway.explain(requestId);
  assert.equal(json.cause.id, 'introspection.http_status');
  assert.equal(json.cause.reason, 'network.http.redirect');
  assert.match(json.cause.detail, /answered 307 and redirects to http:\/\/moved\.example\/introspect/);
});

test('keys out of reach are told in one sentence', async () => {
  const issuer = await startPlainIssuer();
  await issuer.stop();
  const gateway = await startGateway({ config: config({ issuer: issuer.issuer }) });
  const { requestId } = await gateway.get('/api/1', { token: await issuer.token({ aud: audience }) });
  const { json, stdout } = await gateway.explain(requestId);
  assert.match(json.cause.id, /^(keys|discovery)\./);
  assert.equal(json.cause.explanation.match(/cannot be fetched from/g)?.length ?? 0, 1, stdout);
});
