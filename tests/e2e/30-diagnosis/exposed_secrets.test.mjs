// SPDX-License-Identifier: Apache-2.0
// Files with secrets and private keys that every user of the machine may read: warned of with path, mode and what to do, and nothing is refused.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { freePort } from '../lib/ports.mjs';

const folder = temporaryFolder();
fs.chmodSync(folder, 0o755);
const secret = path.join(folder, 'token'), issued = makeAuthority(folder).issue('gateway', { names: ['localhost'] });
fs.writeFileSync(secret, '0123456789abcdef0123456789abcdef\n');
fs.writeFileSync(path.join(folder, 'client.pem'), fs.readFileSync(issued.certFile));
const configFile = path.join(folder, 'sallyport.yaml');
const write = async () => {
  const config = {
    listen: [{ address: `127.0.0.1:${await freePort()}`, tls: { certificate: issued.certFile, key: issued.keyFile } }],
    admin: { address: `127.0.0.1:${await freePort()}`, token: '${file:token}' },
    apis: { open: { match: { path: '/' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { anonymous: true } } },
  };
  fs.writeFileSync(configFile, JSON.stringify(config));
  return config;
};
const mode = (ofSecret, ofKey) => {
  fs.chmodSync(secret, ofSecret);
  fs.chmodSync(issued.keyFile, ofKey);
};
const exposed = async () => {
  const { json } = await sallyport(['check', '-c', configFile, '--json']);
  return json.problems.filter(({ cause }) => cause.id === 'config.secret_exposed').map(({ cause }) => `${path.basename(cause.received)} ${cause.detail}`).sort();
};

test('check names each file with its mode, and is silent about those that are closed', async () => {
  await write();
  mode(0o644, 0o604);
  const key = path.basename(issued.keyFile);
  assert.deepEqual(await exposed(), [`${key} mode 0604: every user of this machine may read it`, 'token mode 0644: every user of this machine may read it'].sort());
  mode(0o660, 0o602);
  assert.deepEqual(await exposed(), [`${key} mode 0602: every user of this machine may replace what is in it`, 'token mode 0660: its group may replace what is in it'].sort());
  mode(0o440, 0o640); // systemd's credentials, Kubernetes' fsGroup
  assert.deepEqual(await exposed(), []);
  mode(0o644, 0o644);
  fs.chmodSync(folder, 0o750); // nobody else comes to them
  assert.deepEqual(await exposed(), []);
  fs.chmodSync(folder, 0o755);
  const { stdout } = await sallyport(['check', '-c', configFile]);
  assert.match(stdout, new RegExp(`chmod 600 ${secret}`));
});

test('serve tells it and serves', async () => {
  mode(0o644, 0o600);
  const gateway = await startGateway({ config: JSON.stringify({ ...(await write()), listen: [{ address: '127.0.0.1:{port}' }], admin: { address: '127.0.0.1:{admin_port}', token: `\${file:${secret}}` } }) });
  assert.match(gateway.output, new RegExp(`warn.*config\\.secret_exposed: ${secret} has mode 0644: every user of this machine may read it. Fix: .*chmod 600 ${secret}`));
});
