// SPDX-License-Identifier: Apache-2.0
// `serve --watch`: not the configuration's files alone, but whatever they name, however it is replaced.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority, servedSerial } from '../lib/certificates.mjs';
import { startGateway, temporaryFolder } from '../lib/gateway.mjs';
import { freePort } from '../lib/ports.mjs';
import { jwks, makeKey, makeToken, now } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const folder = temporaryFolder();
const authority = makeAuthority(folder);
const upstream = await startUpstream();
const [port, tlsPort] = [await freePort(), await freePort()];
const [firstKey, secondKey] = [await makeKey('ES256'), await makeKey('ES256')];
const thirdKey = await makeKey('ES256', { kid: secondKey.kid });

// As certbot lays them out: live/ has links, each renewal is a new file behind them.
const live = path.join(folder, 'live');
fs.mkdirSync(live);
const turn = (name, target) => {
  fs.symlinkSync(target, path.join(live, `${name}.new`));
  fs.renameSync(path.join(live, `${name}.new`), path.join(live, name));
};
const first = authority.issue('first');
turn('cert.pem', first.certFile);
turn('key.pem', first.keyFile);

const config = (more = {}) => ({
  listen: [{ address: `127.0.0.1:${port}` }, { address: `127.0.0.1:${tlsPort}`, tls: { certificate: path.join(live, 'cert.pem'), key: path.join(live, 'key.pem') } }],
  issuers: { corp: { issuer: 'https://corp.example', jwks_file: 'keys.json', audience: 'https://api.example' } },
  apis: { all: { match: { path: '/' }, upstream: { url: upstream.url }, auth: { issuers: ['corp'] } }, open: { match: { path: '/open' }, upstream: { url: upstream.url }, auth: { anonymous: true } } },
  ...more,
});
const gateway = await startGateway({
  port,
  config: config({ public_url: '${file:public_url}' }),
  files: { 'keys.json': JSON.stringify(jwks(firstKey)), public_url: 'https://first.example\n' },
  args: ['--watch'],
});
const inFolder = (name) => path.join(gateway.folder, name);
const replace = (name, content) => {
  fs.writeFileSync(inFolder(`${name}.new`), content);
  fs.renameSync(inFolder(`${name}.new`), inFolder(name));
};
const inForce = (from) => gateway.waitForOutput('the configuration is in force', { from });
const reloads = (from) => gateway.output.slice(from).match(/reading the configuration again/g)?.length ?? 0;
const served = () => servedSerial(tlsPort);
const token = (key) => makeToken(key, { iss: 'https://corp.example', aud: 'https://api.example', sub: 'a', exp: now() + 600 });

test('a certificate and its key behind turned links are served, read once and together', async () => {
  const second = authority.issue('second');
  const from = gateway.output.length;
  turn('cert.pem', second.certFile);
  turn('key.pem', second.keyFile);
  await inForce(from);
  await until(async () => (await served()) === new X509Certificate(second.cert).serialNumber, 'the renewed certificate');
  assert.doesNotMatch(gateway.output.slice(from), /refused/);
  assert.equal(reloads(from), 1);
});

// No call is made with a key that is unknown: that would make the keeper look into the file.
test('a key that was withdrawn from its file accepts nothing any more, tokens that were known neither', async () => {
  const refused = (token, what) => until(async () => {
    const answer = await gateway.get('/x', { token });
    return answer.status === 401 && answer;
  }, what, 10_000);
  const change = async (content, act = () => {}) => {
    const from = gateway.output.length;
    replace('keys.json', JSON.stringify(content));
    act();
    await inForce(from);
  };
  const [first, second] = [await token(firstKey), await token(secondKey)];
  assert.equal((await gateway.get('/x', { token: first })).status, 200);
  await change(jwks(secondKey));
  assert.equal((await refused(first, 'the known token of the withdrawn key to be refused')).cause, 'keys.replaced');
  assert.equal((await gateway.get('/x', { token: await token(firstKey) })).status, 401);
  assert.equal((await gateway.get('/x', { token: second })).status, 200);

  await change(jwks(thirdKey)); // another key of the same kid
  await refused(second, 'the known token of the replaced key to be refused');
  assert.equal((await gateway.get('/x', { token: await token(secondKey) })).status, 401);
  assert.equal((await gateway.get('/x', { token: await token(thirdKey) })).status, 200);

  await change(jwks(firstKey), () => process.kill(gateway.pid, 'SIGHUP'));
  await refused(await token(thirdKey), 'the key that was withdrawn before SIGHUP to be refused');
});

test('a key set in a file that another took the place of by rename is judged by', async () => {
  assert.equal((await gateway.get('/x', { token: await token(secondKey) })).status, 401);
  const from = gateway.output.length;
  replace('keys.json', JSON.stringify(jwks(secondKey)));
  await inForce(from);
  await until(async () => (await gateway.get('/x', { token: await token(secondKey) })).status === 200, 'the new key to be taken');
});

test('a secret that was written over in place, with the age and the length it had, is read', async () => {
  const { atime, mtime } = fs.statSync(inFolder('public_url'));
  const from = gateway.output.length;
  fs.writeFileSync(inFolder('public_url'), 'https://other.example\n'); // as long as it was
  fs.utimesSync(inFolder('public_url'), atime, mtime);
  await inForce(from);
  assert.match(fs.readFileSync(path.join(gateway.state, 'policy.json'), 'utf8'), /https:\/\/other\.example/);
});

test('a secret that is missing is waited for', async () => {
  let from = gateway.output.length;
  gateway.write(config({ public_url: '${file:late}' }));
  await gateway.waitForOutput('the new configuration is refused', { from });
  assert.match(gateway.output.slice(from), /config\.environment_missing/);
  from = gateway.output.length;
  fs.writeFileSync(inFolder('late'), 'https://late.example');
  await inForce(from);
  assert.match(fs.readFileSync(path.join(gateway.state, 'policy.json'), 'utf8'), /https:\/\/late\.example/);
});
