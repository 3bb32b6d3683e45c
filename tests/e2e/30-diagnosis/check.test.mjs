// SPDX-License-Identifier: Apache-2.0
// `sallyport check`: what would fail, before it does, at its line; with --online the issuers are asked. `sallyport cause`: the catalogue.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { makeChain } from '../lib/chain.mjs';
import { defer } from '../lib/cleanup.mjs';
import { program, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { faults, startPlainIssuer } from '../lib/issuer.mjs';
import { freePort, listen } from '../lib/ports.mjs';
import { jwks, makeKey } from '../lib/tokens.mjs';

const folder = temporaryFolder();
let files = 0;
const lowPorts = fs.readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').trim() !== '0';
const mayBecomeNobody = lowPorts && process.getuid() === 0 && spawnSync(program, ['--version'], { uid: 65534, gid: 65534, cwd: '/' }).status === 0;

function write(text) {
  const file = path.join(folder, `${files++}.yaml`);
  fs.writeFileSync(file, typeof text === 'string' ? text : JSON.stringify(text));
  return file;
}

/** Runs check with --json: { code, ids, problems, json }. */
async function check(text, ...more) {
  const { code, json, stdout, stderr } = await sallyport(['check', '--json', '-c', write(text), ...more]);
  assert.ok(json, `JSON: ${stdout}${stderr}`);
  return { code, json, problems: json.problems, ids: json.problems.map((problem) => problem.cause.id) };
}

const good = `issuers:
  corp:
    issuer: https://idp.example.com
    audience: https://api.example.com
apis:
  photos:
    match: {path: /photos}
    upstream: {url: http://127.0.0.1:9000}
    auth: {issuers: [corp]}
`;

test('a good configuration is fine', async () => {
  const { code, stdout } = await sallyport(['check', '-c', write(good)]);
  assert.equal(code, 0);
  assert.match(stdout, /fine/);
  const { code: machine, json } = await check(good);
  assert.equal(machine, 0);
  assert.deepEqual({ ...json }, { accepted: true, errors: 0, warnings: 0, cause: null, also: [], problems: [] });
});

test('a mistake is shown as a compiler shows it: place, line, caret, fix', async () => {
  const file = write(good.replace('audience:', 'audiense:'));
  const { code, stdout } = await sallyport(['check', '-c', file]);
  assert.equal(code, 1);
  const lines = stdout.split('\n');
  assert.equal(lines[0], `${file}:4:5: error: issuers.corp has no member audiense. Did you mean audience? [config.unknown_member]`);
  assert.equal(lines[1], '    4 |     audiense: https://api.example.com');
  assert.equal(lines[2].indexOf('^'), lines[1].indexOf('audiense'));
  assert.match(stdout, /1 error, 0 warnings/);
});

test('the same in JSON, the primary cause first as in every verdict', async () => {
  const { code, json, problems } = await check(good.replace('https://idp', 'http://idp').replace('issuer:', 'leeway: 1h\n    issuer:'));
  assert.equal(code, 1);
  assert.equal(json.accepted, false);
  assert.equal(json.cause.id, 'config.insecure_issuer');
  assert.equal(json.cause.severity, 'reject');
  assert.equal(json.cause.component, 'gateway');
  assert.equal(json.cause.received, 'http://idp.example.com');
  assert.deepEqual(json.also.map((cause) => cause.id), ['config.leeway_large']);
  assert.deepEqual(problems.map(({ line, path: where }) => [line, where]), [[3, 'issuers.corp.leeway'], [4, 'issuers.corp.issuer']]);
});

test('files merge in order; variables come from the environment, secrets from files beside the configuration', async () => {
  const base = write(`${good}public_url: \${PUBLIC_URL}\n`);
  const over = write('issuers: {corp: {secret: ${file:secret}, algorithms: [HS256], issuer: corp}}\n');
  fs.writeFileSync(path.join(folder, 'secret'), '0123456789012345678901234567890123456789\n', { mode: 0o600 });
  const fine = await sallyport(['check', '-c', base, '-c', over], { env: { PUBLIC_URL: 'https://api.example.com' } });
  assert.equal(fine.code, 0, fine.stdout);
  const missing = await sallyport(['check', '--json', '-c', base, '-c', over], { env: { PUBLIC_URL: undefined } });
  assert.equal(missing.code, 1);
  assert.equal(missing.json.cause.id, 'config.environment_missing');
  assert.equal(missing.json.problems[0].file, base);
});

test('an admin address that faces every network is warned of, one that names whom it serves is not', async () => {
  for (const address of [':8081', '0.0.0.0:8081', '[::]:8081']) {
    const { code, json, ids, problems } = await check(`${good}admin: {address: "${address}"}\n`);
    assert.deepEqual([code, json.accepted, json.errors, ids], [1, true, 0, ['config.admin_exposed']], address);
    assert.deepEqual([problems[0].line, problems[0].path, problems[0].cause.received], [10, 'admin.address', address]);
  }
  for (const admin of ['false', '{address: "127.0.0.1:8081"}', '{address: "[::1]:8081"}', '{address: "10.0.0.5:8081"}']) assert.equal((await check(`${good}admin: ${admin}\n`)).code, 0, admin);
});

test('a secret is never shown, wherever it stands', async () => {
  const { stdout } = await sallyport(['check', '-c', write(`${good}authority: {issuer: "https://as.example.com", clients: {a: {secret: hunter2hunter2}}}\n`)]);
  assert.match(stdout, /config\.inline_secret/);
  assert.doesNotMatch(stdout, /hunter2/);
});

test('a key or secret in clear where its hash belongs is not shown either', async () => {
  const rows = [['config.type', 'consumers: {acme: {api_keys:\n  [hunter2hunter2]}}\n'],
    ['config.authority', 'authority: {issuer: "https://as.example.com", clients: {a: {secret_hash: hunter2hunter2}}}\n']];
  for (const [cause, text] of rows) {
    const file = write(`${good}${text}`);
    for (const words of [[], ['--json']]) {
      const { code, stdout } = await sallyport(['check', '-c', file, ...words]);
      assert.equal(code, 1);
      assert.ok(stdout.includes(cause), stdout);
      assert.doesNotMatch(stdout, /hunter2/);
    }
    assert.doesNotMatch((await sallyport(['serve', '-c', file, '--state', path.join(folder, 'state-of-nothing')])).stderr, /hunter2/);
  }
});

test('a configuration of nothing is a finding, and nothing is served by it', async () => {
  for (const text of ['', '# to be written\n', '{}\n', '---\n', 'apis:\n']) {
    const { code, ids, json } = await check(text);
    assert.deepEqual([code, ids, json.accepted], [1, ['config.type'], false], JSON.stringify(text));
    const served = await sallyport(['serve', '-c', write(text), '--state', path.join(folder, 'state-of-nothing')]);
    assert.equal(served.code, 1, served.stderr);
    assert.match(served.stderr, /config\.type: the configuration is (empty|null)/);
  }
  assert.equal((await sallyport(['check', '-c', write(''), '-c', write(good)])).code, 0, 'one of several files may be empty');
});

test('what cannot be read is exit status 3, wrong usage 2', async () => {
  assert.equal((await sallyport(['check', '-c', path.join(folder, 'nothing.yaml')])).code, 3);
  assert.equal((await sallyport(['check', '-c', folder])).code, 3);
  assert.equal((await sallyport(['check', '--onlin'])).code, 2);
});

test('certificates: missing, of another key, expiring, incomplete', async () => {
  const authority = makeAuthority(folder);
  const server = authority.issue('server', { days: 20 });
  const other = authority.issue('other');
  const tls = (certificate, key) => `${good}listen: {address: ":8443", tls: {certificate: "${certificate}", key: "${key}"}}\n`;
  const expect = async (text, code, words) => {
    const found = await check(text);
    assert.equal(found.code, code, JSON.stringify(found.problems));
    if (code === 0) return;
    assert.ok(found.ids.every((id) => id === 'config.certificate'), found.ids.join());
    assert.match(found.problems.map((problem) => problem.message).join('\n'), words);
  };
  const chain = path.join(folder, 'chain.pem');
  fs.writeFileSync(chain, Buffer.concat([authority.issue('long', { days: 365 }).cert, authority.ca]));
  const forever = path.join(folder, 'forever');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365', '-subj', '/CN=x', '-keyout', `${forever}.key`, '-out', `${forever}.pem`], { stdio: 'ignore' });
  await expect(tls(`${forever}.pem`, `${forever}.key`), 0);
  await expect(tls('forever.pem', 'forever.key'), 0); // relative to the file that names them
  await expect(tls('none.pem', server.keyFile), 1, /none\.pem cannot be opened/);
  await expect(tls(`${forever}.pem`, other.keyFile), 1, /public key is not that of/);
  await expect(tls(`${forever}.key`, `${forever}.key`), 1, /no PEM certificate/);
  await expect(tls(`${forever}.pem`, `${forever}.pem`), 1, /no PEM private key/);
  await expect(tls(server.certFile, server.keyFile), 1, /^(?![^]*chain is incomplete)[^]*expires in (19|20) days/); // below a root of one's own, which belongs into no file (RFC 8446 4.4.2)
  const own = authority.issue('own', { days: 365 });
  await expect(tls(own.certFile, own.keyFile), 0);
  const published = makeChain(folder, { name: 'public' });
  const end = new Date(Date.now() + 365 * 86_400_000);
  const leaf = published.issue('leaf', { by: 'intermediate', names: ['api.example.com'], until: end, aia: 'http://ca.example.com/intermediate.crt' });
  await expect(tls(leaf.certFile, leaf.keyFile), 1, /chain is incomplete: the certificate of .*public Intermediate is missing/);
  await expect(tls(chain, path.join(folder, 'long.key')), 1, /expires in (29|30) days/); // its authority does
});

test('what the authority would not start with is found, at its line', async () => {
  const found = await sallyport(['check', '--json', '-c', write('authority:\n  issuer: https://as.example.com\n  clients:\n    web.app:\n      secret: ${SECRET}\n      method: none\n')], { env: { SECRET: 'x'.repeat(40) } });
  assert.equal(found.code, 1, found.stdout);
  assert.match(found.json.problems[0].path, /^authority\.clients\.web\.app/);
  assert.ok(found.json.problems[0].line >= 4, found.stdout);
});

test('what the authority would not start with says once what to write', async () => {
  const client = (members) => `authority:\n  issuer: https://as.example.com\n  clients:\n    web: {secret: "\${SECRET}", ${members}}\n`;
  for (const [text, where, sentence] of [
    [client('redirect_uris: "http://app.example.com/cb"'), 'redirect_uris', /https/],
    [client('logo_uri: "http://app.example.com/logo"'), 'logo_uri', /^Write an https URL; plain http is for loopback only\.$/],
    [client('grants: ["urn:ietf:params:oauth:grant-type:jwt-bearer"]'), 'grants', /^The jwt-bearer grant needs an issuer: add authority\.assertion_issuers\.$/],
  ]) {
    const file = write(text);
    const { json, code } = await sallyport(['check', '--json', '-c', file], { env: { SECRET: 'x'.repeat(40) } });
    const { cause, message, path: member } = json.problems[0];
    assert.deepEqual([code, cause.id, member], [1, 'config.authority', `authority.clients.web.${where}`], message);
    assert.equal(cause.received, member);
    assert.match(message.slice(`${member}: `.length), sentence);
    assert.equal(cause.fix, `Correct ${member} at this line. ${message.slice(`${member}: `.length)}`);
    assert.doesNotMatch((await sallyport(['check', '-c', file], { env: { SECRET: 'x'.repeat(40) } })).stdout, /Write Write|Write The|\.\./);
  }
});

test('a key set in a file is read, and what is wrong with it told at its line', async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'keys.json');
  const config = { issuers: { corp: { issuer: 'https://idp.example', jwks_file: file, audience: 'a' } }, apis: { all: { match: { path: '/' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { issuers: ['corp'] } } } };
  const missing = await check(config);
  assert.equal(missing.code, 1);
  const found = missing.problems.find((problem) => problem.path === 'issuers.corp.jwks_file' && problem.cause.id === 'keys.unreachable');
  assert.match(found.message, /keys\.json: No such file or directory/);
  assert.match(found.cause.fix, /the file of a jwks_file readable/);
  assert.ok(found.line > 0);
  for (const [content, id] of [['<html>', 'keys.html'], ['{"keys":[]}', 'keys.empty'], [JSON.stringify(jwks(await makeKey('ES256'))), undefined]]) {
    fs.writeFileSync(file, content);
    assert.equal((await check(config)).ids.find((name) => name.startsWith('keys.')), id);
  }
});

test('--online asks the issuers', async () => {
  const issuer = await startPlainIssuer();
  const config = (name, more = {}) => ({
    issuers: { corp: { issuer: name, audience: 'a', ...more } },
    apis: { photos: { match: { path: '/photos' }, upstream: { url: 'http://127.0.0.1:9' }, auth: { issuers: ['corp'] } } },
  });
  const online = (name, more) => check(config(name, more), '--online');
  assert.equal((await online(issuer.issuer)).code, 0);
  const slash = await online(`${issuer.issuer}/`);
  assert.ok(slash.ids.includes('discovery.issuer_mismatch'), slash.ids.join());
  assert.equal(slash.problems[0].path, 'issuers.corp.issuer');
  const algorithms = await online(issuer.issuer, { algorithms: ['PS512'] });
  assert.deepEqual(algorithms.ids, ['discovery.algorithm_unadvertised']);
  for (const [fault, id] of [['notFound', 'discovery.not_found'], ['html', 'discovery.html'], ['garbage', 'discovery.not_json'], ['error', 'discovery.http_status']]) {
    issuer.fault = faults[fault];
    const found = await online(issuer.issuer);
    assert.equal(found.code, 1);
    assert.ok(found.ids.includes(id), `${fault}: ${found.ids.join()}`);
  }
  issuer.fault = null;
  await issuer.stop();
  const gone = await online(issuer.issuer);
  assert.equal(gone.code, 1);
  assert.equal(gone.json.cause.id, 'keys.unreachable');
});

test('--online asks for the names of upstreams, each once, at its line', async () => {
  const upstream = (text) => `apis:\n  a: {match: {path: /a}, upstream: ${text}, auth: {anonymous: true}}\n  b: {match: {path: /b}, upstream: {url: "http://api.invalid"}, auth: {anonymous: true}}\n`;
  const found = await check(upstream('{servers: [{url: "http://127.0.0.1:1"}, {url: "http://api.invalid:81"}]}'), '--online');
  assert.deepEqual([found.code, found.ids], [1, ['upstream.dns']]);
  const [{ line, column, path: member, cause }] = found.problems;
  assert.deepEqual([line, column, member, cause.received], [2, 82, 'apis.a.upstream', 'api.invalid']);
  assert.equal((await check(upstream('{url: "http://api.invalid"}'))).code, 0, 'a plain check asks nobody');
});

// ---- --here ----
const state = path.join(folder, 'state');
fs.mkdirSync(state);
const here = (text, ...more) => check(text, '--here', '--state', state, ...more);
const served = (address, more = '') => `listen:\n  - address: "${address}"\nadmin: false\n${more}`;

test('--here finds an address that this machine does not have, and a plain check does not ask', async () => {
  const port = await freePort();
  for (const [address, words] of [[`203.0.113.9:${port}`, /no address of this machine/], [`[2001:db8::9]:${port}`, /no address of this machine|not supported/], [`nowhere.invalid:${port}`, /the name has no address here/]]) {
    const { code, ids, problems } = await here(served(address));
    assert.deepEqual([code, ids, problems[0].line, problems[0].column, problems[0].path, problems[0].cause.received], [1, ['config.address'], 2, 14, 'listen.address', address]);
    assert.match(problems[0].message, words);
    assert.equal((await check(served(address))).code, 0, address);
  }
  for (const address of [`127.0.0.1:${port}`, `:${port}`, `localhost:${port}`, ':0']) assert.equal((await here(served(address))).code, 0, address);
});

test('--here names the process that has the port, on each way to write it', async () => {
  const server = http.createServer();
  const port = await listen(server);
  defer(() => server.close());
  for (const address of [`127.0.0.1:${port}`, `:${port}`, `0.0.0.0:${port}`, `localhost:${port}`]) {
    const { ids, problems } = await here(served(address));
    assert.deepEqual(ids, ['config.address'], address);
    assert.match(problems[0].message, new RegExp(`process ${process.pid} \\(\\S+\\) listens there`));
    assert.match(problems[0].cause.detail ?? problems[0].message, new RegExp(String(process.pid)));
  }
  const admin = await here(`listen: {address: ":0"}\nadmin: {address: "127.0.0.1:${port}"}\n`);
  assert.deepEqual([admin.ids, admin.problems[0].path, admin.problems[0].line], [['config.address'], 'admin.address', 2]);
});

test('--here as somebody who may not: a low port, a process of another user', { skip: !mayBecomeNobody }, async () => {
  const server = http.createServer();
  const port = await listen(server);
  defer(() => server.close());
  fs.chmodSync(folder, 0o755);
  for (const [address, words] of [['127.0.0.1:81', /user 65534 may not take port 81/], [`127.0.0.1:${port}`, /a process of user 0 that user 65534 is not shown/]]) {
    const { stdout } = spawnSync(program, ['check', '--here', '--json', '-c', write(served(address))], { uid: 65534, gid: 65534, cwd: '/', encoding: 'utf8' });
    const [{ cause, message }] = JSON.parse(stdout).problems;
    assert.equal(cause.id, 'config.address');
    assert.match(message, words);
  }
});

test('--here finds what cannot be written: the folder of the call log, the state directory', async () => {
  const port = await freePort();
  const log = (file) => served(`127.0.0.1:${port}`, `call_log: {file: "${file}"}\n`);
  for (const [file, words] of [[`${folder}/none/calls.jsonl`, /there is no folder .*none, and nothing makes it/], ['logs/calls.jsonl', /there is no folder .*state\/logs/], [folder, /it is a folder/], [`${state}/../0.yaml/calls.jsonl`, /no folder|Not a directory/]]) {
    const { code, ids, problems } = await here(log(file));
    assert.deepEqual([code, ids, problems[0]?.line, problems[0]?.path], [1, ['config.file'], 4, 'call_log.file'], file);
    assert.match(problems[0].message, words);
    assert.equal((await check(log(file))).code, 0, file);
  }
  for (const file of ['calls.jsonl', `${folder}/calls.jsonl`, '/dev/null']) assert.equal((await here(log(file))).code, 0, file);
  const { ids, problems } = await check(log('calls.jsonl'), '--here', '--state', path.join(folder, 'none', 'state'));
  assert.ok(ids.length > 0 && ids.every((id) => id === 'config.file'), ids.join());
  assert.ok(problems.some(({ path: member, file }) => member === '--state' && file === path.join(folder, 'none', 'state')), JSON.stringify(problems));
  assert.equal((await check(log('calls.jsonl'), '--here', '--state', path.join(folder, 'new'))).code, 0, 'serve makes it');
  assert.equal(fs.existsSync(path.join(folder, 'new')), false, 'check makes nothing');
});

test('the schema is JSON and closed', async () => {
  const { code, json } = await sallyport(['check', '--schema']);
  assert.equal(code, 0);
  assert.equal(json.additionalProperties, false);
  assert.ok(json.properties.issuers.additionalProperties.properties.leeway);
});

test('cause: the catalogue, a group, one, a typing error', async () => {
  const all = await sallyport(['cause', '--json']);
  assert.equal(all.code, 0);
  assert.ok(all.json.length > 250);
  assert.ok(all.json.every(({ id, title, explanation, fix, references }) => id && title && explanation && fix && references.length > 0));
  const group = await sallyport(['cause', 'audience', '--json']);
  assert.ok(group.json.length >= 9 && group.json.every(({ id }) => id.startsWith('audience.')));
  const one = await sallyport(['cause', 'issuer.trailing_slash']);
  assert.equal(one.code, 0);
  assert.match(one.stdout, /RFC 8414/);
  const urn = await sallyport(['cause', 'urn:sallyport:cause:issuer.trailing_slash', '--json']);
  assert.equal(urn.json.id, 'issuer.trailing_slash');
  const typo = await sallyport(['cause', 'issuer.trailing_slahs']);
  assert.equal(typo.code, 2);
  assert.match(typo.stderr, /Did you mean 'issuer\.trailing_slash'/);
});
