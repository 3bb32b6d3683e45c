// SPDX-License-Identifier: Apache-2.0
// docs/internals/nginx-conf.md shows the configuration that is written: every directive of one is in the other.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { root } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { freePort } from '../lib/ports.mjs';

const certificate = makeAuthority(temporaryFolder()).issue('gateway');
const gateway = await startGateway({
  config: {
    listen: [{ address: '127.0.0.1:{port}' }, { address: `127.0.0.1:${await freePort()}`, tls: { certificate: certificate.certFile, key: certificate.keyFile } }],
    workers: 'auto',
    trusted_proxies: ['10.0.0.0/8'],
    apis: { photos: { match: { path: '/photos' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { anonymous: true } } },
    authority: { issuer: 'http://127.0.0.1:{port}/oauth2', tokens: { algorithm: 'ES256' } },
  },
});

/** Of these only the name is compared: their values are this machine's or this test's. */
const own = ['load_module', 'user', 'worker_rlimit_nofile', 'ssl_certificate', 'ssl_certificate_key', 'proxy_set_header X-Sallyport-Proxy-Secret', 'return 200'];

/** Directives and the heads of blocks, in words separated by one blank, with values of their own taken out. */
function directives(text) {
  return text
    .replaceAll(/(^|\s)#[^\n]*/g, '$1')
    .replaceAll(gateway.state, 'STATE')
    .replaceAll(/"([^" ]+)"/g, '$1')
    .split(/[;{}]/)
    .map((directive) => directive.trim().replaceAll(/\s+/g, ' '))
    .filter(Boolean)
    .map((directive) => own.find((name) => directive.startsWith(`${name} `)) ?? directive.replace(/^(listen) [\d.]+:\d+/, '$1 ADDRESS'));
}

const without = (all, these) => [...new Set(all)].filter((directive) => !these.includes(directive));

test('the page shows what is written, and nothing else', () => {
  const page = fs.readFileSync(path.join(root, 'docs/internals/nginx-conf.md'), 'utf8');
  const shown = directives([...page.slice(0, page.indexOf('## Directives')).matchAll(/```nginx\n([^]*?)```/g)].map(([, block]) => block).join('\n'));
  const written = directives(fs.readdirSync(gateway.state).filter((name) => /^nginx\..*conf$/.test(name)).map((name) => fs.readFileSync(path.join(gateway.state, name), 'utf8')).join('\n'));
  written.push('user'); // for root alone, where the machine has one for nginx
  assert.ok(written.length > 100, `${written.length} directives`);
  assert.deepEqual(without(written, shown), [], 'written, and not on the page');
  assert.deepEqual(without(shown, written), [], 'on the page, and not written');
});
