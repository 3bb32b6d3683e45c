// SPDX-License-Identifier: Apache-2.0
// config.certificate from `serve` itself: files that cannot be used are refused with place and fix, at the start and at a reload; a date is a
// warning that stands.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { run, program } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { freePort } from '../lib/ports.mjs';
import { startUpstream } from '../lib/upstream.mjs';

const folder = temporaryFolder();
const authority = makeAuthority(folder);
const upstream = await startUpstream();
const good = authority.issue('good', { days: 60, selfSigned: true });
const other = authority.issue('other', { days: 60, selfSigned: true });
const near = authority.issue('near', { days: 5, selfSigned: true });
const expired = path.join(folder, 'expired.pem');
fs.mkdirSync(path.join(folder, 'ca'));
fs.writeFileSync(path.join(folder, 'ca', 'index.txt'), '');
fs.writeFileSync(path.join(folder, 'ca.cnf'), `[ca]\ndefault_ca=a\n[a]\nnew_certs_dir=${folder}/ca\ndatabase=${folder}/ca/index.txt\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`);
execFileSync('openssl', ['ca', '-batch', '-config', 'ca.cnf', '-selfsign', '-keyfile', 'good.key', '-in', 'good.csr', '-startdate', '20200101000000Z', '-enddate', '20210101000000Z', '-notext', '-out', 'expired.pem'], { cwd: folder, stdio: 'pipe' });

const port = await freePort();
const config = (certificate, key, ca_file) => ({
  listen: [{ address: `127.0.0.1:${port}` }, { address: '127.0.0.1:0', tls: { certificate, key } }],
  apis: { all: { match: { path: '/' }, upstream: { url: ca_file ? upstream.url.replace('http:', 'https:') : upstream.url, ...(ca_file ? { ca_file } : {}) }, auth: { anonymous: true } } },
});
const readyz = async (gateway) => (await fetch(`${gateway.adminUrl}/readyz`)).json();

test('a certificate that expired is served, told with its place, and is a warning until it is renewed', async () => {
  const gateway = await startGateway({ port, config: config(expired, good.keyFile) });
  assert.match(gateway.output, /sallyport\.yaml:\d+:\d+: config\.certificate: listen\.tls\.certificate: .*expired\.pem: it expired \d+ days ago\..* Fix: /);
  const standing = 'sallyport_warning{about="the configuration",cause="config.certificate"}';
  const left = 'sallyport_warning_seconds_left{about="the configuration",cause="config.certificate"}';
  let metrics = await gateway.metrics();
  assert.equal(metrics[standing], 1);
  assert.ok(metrics[left] <= 0, String(metrics[left]));

  const reload = async (...files) => {
    const from = gateway.output.length;
    gateway.reload(config(...files));
    await gateway.waitForOutput(/in force|stays in force/, { from });
    return gateway.output.slice(from);
  };
  assert.match(await reload(near.certFile, near.keyFile), /config\.certificate: .*near\.pem: it expires in [45] days/);
  metrics = await gateway.metrics();
  assert.ok(Math.abs(metrics[left] - 5 * 86_400) < 3600, String(metrics[left]));
  assert.doesNotMatch(await reload(good.certFile, good.keyFile), /days|refused/);
  assert.equal((await gateway.metrics())[standing], undefined);

  for (const [files, words] of [
    [[good.certFile, other.keyFile], 'listen\\.tls\\.certificate: .*good\\.pem: its public key is not that of .*other\\.key'],
    [[path.join(folder, 'none.pem'), good.keyFile], 'listen\\.tls\\.certificate: .*none\\.pem cannot be opened: No such file'],
    [[good.certFile, good.keyFile, '/nope.pem'], 'apis\\.all\\.upstream\\.ca_file: .*/nope\\.pem cannot be opened: No such file'],
  ]) {
    const said = await reload(...files);
    assert.match(said, new RegExp(`error +.*sallyport\\.yaml:\\d+:\\d+: config\\.certificate: ${words}.* Fix: `));
    assert.match(said, /the new configuration is refused; the old one stays in force/);
    assert.equal((await readyz(gateway)).refused_configuration.cause, 'config.certificate');
    assert.equal((await gateway.get('/x')).status, 200);
  }
});

test('a start with a key of another certificate ends with the same words', async () => {
  const file = path.join(folder, 'wrong.yaml');
  fs.writeFileSync(file, JSON.stringify(config(good.certFile, other.keyFile)));
  const { code, stderr } = await run(program, ['serve', '-c', file, '--state', path.join(folder, 'state')]);
  assert.notEqual(code, 0);
  assert.match(stderr, /wrong\.yaml:\d+:\d+: config\.certificate: listen\.tls\.certificate: .*its public key is not that of/);
  assert.doesNotMatch(stderr, /error:0/, 'OpenSSL is not heard');
});
