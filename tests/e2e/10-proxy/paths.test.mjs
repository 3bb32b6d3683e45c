// SPDX-License-Identifier: Apache-2.0
// The API reads the path by its own rules. However it does, a call must not end at another API's place than the one it was judged for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNginx } from '../lib/nginx.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const upstream = await startUpstream();
const api = (path, auth) => ({ match: { path }, upstream: { url: upstream.url }, auth });
const gateway = await startNginx({
  policy: { apis: { root: api('/', { anonymous: true, api_keys: true }), photos: api('/photos', { anonymous: true, api_keys: true }), admin: api('/photos/admin', { api_keys: true }), closed: api('/closed', { api_keys: true }) } },
});
// No client library sends such paths as they are.
const ask = (path) => rawRequest(gateway.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, { timeout: 60_000 });

const elsewhere = {
  'dots resolved, %2F kept (Apache with AllowEncodedSlashes NoDecode)': '/photos/x/../admin/..%2f..%2fphotos',
  'the same with backslashes': '/photos/x/../admin/..%5c..%5cphotos',
  'dots with parameters (servlet containers)': '/photos/..;/photos/admin/x',
  'one dot with parameters': '/photos/.;x=1/admin',
  'slashes that are not merged (WHATWG URL)': '/photos/z/../admin//../x',
  'escaped dots that are not resolved': '/photos/z/../admin/q/%2e%2e/../x',
  'parameters of nothing beside dots': '/photos/;x/../closed',
  'parameters that are dropped': '/closed;x=1/1',
  'parameters of nothing': '/;x/closed',
  'an escaped semicolon': '/closed%3bx/1',
  'a backslash that is a slash': '/closed\\1',
  'an escaped one': '/photos/admin%5c1',
  'dots between backslashes': '/photos/..\\closed',
};
for (const [name, path] of Object.entries(elsewhere)) {
  test(`${name}: ${path} is no route`, async () => {
    const { text, status } = await ask(path);
    assert.equal(status, 404, text);
    assert.match(text, /route\.none/);
    assert.deepEqual(upstream.requests.filter(({ url }) => url === path), []);
  });
}

test('what leads to one API however it is read passes, and as it was sent', async () => {
  for (const path of ['/photos/a%2Fb', '/photos/a%5Cb;v=1', '/photos/1;v=1/2', '/photos/./1', '/photos/x/../1', '/photos//1', '/photos/a..b', '/.well-known/x', '/photos/..%20', '/photos/%2Ea']) {
    assert.equal((await ask(path)).status, 200, path);
    assert.equal(upstream.requests.at(-1).url, path);
  }
});
