// SPDX-License-Identifier: Apache-2.0
// `sallyport doctor -c`: every issuer and every upstream of a configuration; and --watch, which tells what changes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { describe, test } from 'node:test';
import { makeChain } from '../lib/chain.mjs';
import { defer } from '../lib/cleanup.mjs';
import { program, sallyport } from '../lib/cli.mjs';
import { startTlsIssuer } from '../lib/doctor.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { startIssuer, startPlainIssuer } from '../lib/issuer.mjs';
import { startLab } from '../lib/lab.mjs';
import { canUnshare, inNamespace } from '../lib/namespace.mjs';
import { freePort } from '../lib/ports.mjs';
import { makeKey } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const folder = temporaryFolder();
const chain = makeChain(folder);
let files = 0;
function write(config) {
  const file = path.join(folder, `${files++}.yaml`);
  fs.writeFileSync(file, JSON.stringify(config));
  return file;
}
const audience = 'https://api.example';
const api = (url, more = {}) => ({ match: { path: `/${files}-${Math.random()}` }, upstream: { url, ...more }, auth: { issuers: ['corp'] } });
const examine = (config, ...words) => sallyport(['doctor', '-c', write(config), '--json', '--cache', 'off', ...words]);

test('every issuer and every upstream has its verdict; the first failure is the cause of all', async () => {
  const corp = await startPlainIssuer();
  const leaf = chain.issue('localhost');
  const tls = await startTlsIssuer({ key: leaf.key, cert: leaf.chain });
  const upstream = await startUpstream();
  const gone = `http://127.0.0.1:${await freePort()}`;
  const { code, json } = await examine({
    issuers: {
      corp: { issuer: corp.issuer, audience },
      tls: { issuer: tls.issuer, audience, ca_file: chain.rootFile },
      hand: { issuer: 'https://hand.example', jwks_uri: corp.jwksUri, audience },
      local: { issuer: 'https://local.example', jwks_file: write(corp.keySet), audience },
    },
    apis: { good: api(upstream.url), again: api(upstream.url), gone: api(gone) },
  });
  assert.equal(code, 1);
  const by = Object.fromEntries(json.targets.map((target) => [target.target.name, target]));
  assert.deepEqual(json.targets.map((target) => target.target.name), ['corp', 'tls', 'hand', 'good', 'gone'], 'each once, keys of a file not at all');
  for (const name of ['corp', 'tls', 'hand', 'good']) assert.equal(by[name].accepted, true, JSON.stringify(by[name].cause));
  assert.match(by.tls.checks.find((check) => check.name === 'tls').detail, /root\.pem/);
  assert.match(by.hand.checks.find((check) => check.name === 'discovery').detail, /by hand/);
  assert.equal(by.gone.cause.id, 'upstream.refused');
  assert.equal(by.gone.cause.reason, 'network.tcp.refused');
  assert.equal(json.cause.id, 'upstream.refused');
  assert.equal(json.accepted, false);
  assert.ok(upstream.requests.every((request) => request.method === 'HEAD'), 'nothing that could have an effect');
});

test('the gateway\'s own credentials for introspection, by each method', async () => {
  const key = await makeKey('ES256');
  const file = (text) => {
    const name = path.join(folder, `key-${files++}`);
    fs.writeFileSync(name, text);
    return name;
  };
  const own = file(JSON.stringify(key.privateJwk));
  const npm = await startIssuer({
    clients: [
      { client_id: 'post', client_secret: 'post-secret', token_endpoint_auth_method: 'client_secret_post' },
      { client_id: 'signer', client_secret: undefined, token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } },
    ],
    provider: { clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] },
  });
  const silent = await startPlainIssuer();
  const generous = await startPlainIssuer();
  const serve = generous.handle;
  generous.handle = (incoming, outgoing) => (incoming.url === '/introspect'
    ? outgoing.writeHead(200, { 'Content-Type': 'application/json' }).end('{"active":true}')
    : serve(incoming, outgoing));
  const at = (introspection, issuer = npm.issuer) => ({ issuer, audience, introspection });
  const { json } = await examine({
    issuers: {
      corp: at({ client_id: 'gateway', client_secret: 'gateway-secret' }),
      post: at({ client_id: 'post', client_secret: 'post-secret', method: 'client_secret_post' }),
      signer: at({ client_id: 'signer', method: 'private_key_jwt', private_key_file: own }),
      wrong: at({ client_id: 'gateway', client_secret: 'of-somebody-else' }),
      keyless: at({ client_id: 'signer', method: 'private_key_jwt', private_key_file: file('no key') }),
      silent: at({ client_id: 'gateway', client_secret: 'x' }, silent.issuer),
      gone: at({ client_id: 'gateway', client_secret: 'x', endpoint: `http://127.0.0.1:${await freePort()}/introspect` }, silent.issuer),
      generous: at({ client_id: 'gateway', client_secret: 'x' }, generous.issuer),
      without: { issuer: npm.issuer, audience },
    },
    apis: {},
  });
  assert.ok(!JSON.stringify(json).includes('of-somebody-else'));
  const by = Object.fromEntries(json.targets.map((target) => [target.target.name, target]));
  const step = (name) => by[name].checks.find((check) => check.name === 'introspect');
  for (const [name, method] of [['corp', 'client_secret_basic'], ['post', 'client_secret_post'], ['signer', 'private_key_jwt']]) {
    assert.equal(by[name].accepted, true, JSON.stringify(by[name].cause));
    assert.deepEqual([step(name).outcome, step(name).detail], ['pass', `by ${method}: a token that nobody issued is not active`]);
  }
  assert.deepEqual([by.wrong.cause.id, step('wrong').outcome], ['introspection.unauthorized', 'fail']);
  assert.equal(by.silent.cause.id, 'introspection.http_status');
  assert.deepEqual([by.gone.cause.id, by.gone.cause.reason], ['introspection.unreachable', 'network.tcp.refused']);
  assert.deepEqual([by.generous.cause.id, by.generous.cause.received], ['introspection.malformed', 'active: true']);
  assert.deepEqual([step('keyless').outcome, step('without').outcome], ['skip', 'skip']);
  assert.match(step('keyless').detail, /private_key_file/);
});

test('an upstream whose name does not resolve', { skip: canUnshare ? false : 'unshare --net --mount is not allowed here' }, async () => {
  const config = write({ apis: { api: { match: { path: '/' }, upstream: { url: 'http://api.internal.example' }, auth: { anonymous: true } } } });
  const { json, stderr } = await inNamespace({}, ['doctor', '-c', config, '--json', '--cache', 'off']);
  assert.equal(json?.targets[0].cause.id, 'upstream.dns', stderr);
  assert.equal(json.targets[0].cause.reason, 'network.dns.not_found');
});

test('a configuration with errors, or without anything to ask, is not examined', async () => {
  assert.equal((await examine({ issuers: { corp: { isuer: 'x' } } })).code, 3);
  const { code, stderr } = await examine({ listen: [{ address: ':8080' }] });
  assert.equal(code, 3);
  assert.ok(stderr.length > 0);
});

test('issuers are witnesses of the time for one another', async () => {
  const late = await startPlainIssuer();
  late.date = new Date(Date.now() - 300_000);
  const other = http.createServer((incoming, outgoing) => outgoing.end('{}'));
  await new Promise((resolve) => other.listen(0, '127.0.0.2', resolve));
  defer(() => other.close());
  const { json } = await examine({
    issuers: { late: { issuer: late.issuer, audience }, other: { issuer: `http://127.0.0.2:${other.address().port}`, audience } },
    apis: { api: { ...api('http://127.0.0.1:9'), auth: { issuers: ['late'] } } },
  });
  assert.equal(json.targets[0].cause.id, 'clock.issuer_wrong');
  assert.ok(![json.targets[1].cause, ...json.targets[1].also].some((row) => row?.id === 'clock.issuer_wrong'), 'it is not told of the one that is right');
});

/** `doctor --watch` after its first round, a round a second: { output, ended (→ status), kill(signal) }. */
async function startWatcher(issuer) {
  const child = spawn(program, ['doctor', issuer.issuer, '--cache', 'off', '--watch', '--interval', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const watcher = { output: '', ended: new Promise((resolve) => child.on('close', resolve)), kill: (signal) => child.kill(signal) };
  child.stdout.on('data', (chunk) => (watcher.output += chunk));
  defer(() => child.kill('SIGKILL'));
  await until(() => watcher.output.includes('Watching'), 'the first round', 60_000);
  return watcher;
}

// Not beside others: an issuer in a process that is busy has a clock that lags.
test('--watch: a clock that runs away is told before it is a fault, as what it is; one that stands off is not told again', async () => {
  const issuer = await startPlainIssuer();
  let ahead_ms = 1_500; // measured as a second or none, by turns; from two on it would be a fault
  issuer.fault = (incoming, outgoing) => {
    outgoing.sendDate = false;
    outgoing.setHeader('Date', new Date(Date.now() + ahead_ms).toUTCString());
    return false;
  };
  const watcher = await startWatcher(issuer);
  const rounds = async (count) => {
    const hits = () => Object.values(issuer.hits).reduce((a, b) => a + b, 0);
    const before = hits();
    await until(() => hits() >= before + count * 4, 'more rounds', 60_000);
  };
  await rounds(4);
  assert.doesNotMatch(watcher.output, /clock changed/);
  for (const [ahead, words] of [[7_000, 'grows'], [20_000, 'grows'], [9_000, 'shrinks']]) {
    const from = watcher.output.length;
    ahead_ms = ahead;
    await until(() => new RegExp(`clock changed[^]*the skew ${words}, by`).test(watcher.output.slice(from)), `${ahead} ms to be told`, 60_000);
  }
  watcher.kill('SIGINT');
  await watcher.ended;
});

// What takes its time by itself, a server that keeps silent and rounds a second apart, does so at once.
describe('at once', { concurrency: true }, () => {
  test('an upstream over TLS that nobody trusts, and one that never answers', async () => {
    const leaf = chain.issue('localhost');
    const tls = await startTlsIssuer({ key: leaf.key, cert: leaf.chain });
    const server = http.createServer(() => {});
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    defer(() => {
      server.close();
      server.closeAllConnections();
    });
    const corp = await startPlainIssuer();
    const config = { issuers: { corp: { issuer: corp.issuer, audience } }, apis: { tls: api(tls.issuer), slow: api(`http://127.0.0.1:${server.address().port}`) } };
    const { json } = await examine(config, '--timeout', '10');
    const [, one, two] = json.targets;
    assert.equal(one.cause.id, 'upstream.tls');
    assert.equal(one.cause.reason, 'network.tls.unknown_ca');
    assert.equal(two.cause.id, 'upstream.timeout');
    assert.equal(two.cause.reason, 'network.http.timeout');
  });

  test('--watch tells what changes, once, and ends when told to', async () => {
    const issuer = await startPlainIssuer();
    const watcher = await startWatcher(issuer);
    const key = await issuer.rotate({ keep: true });
    await until(() => watcher.output.includes('keys changed'), 'the new key to be told', 60_000);
    assert.match(watcher.output, new RegExp(`is +pass: 2: .*${key.kid}`, 's'));
    issuer.fault = (incoming, outgoing) => {
      outgoing.writeHead(503);
      outgoing.end();
      return true;
    };
    await until(() => watcher.output.includes('network.http.server_error'), 'the failure to be told', 60_000);
    const hits = () => Object.values(issuer.hits).reduce((a, b) => a + b, 0);
    const length = watcher.output.length;
    const before = hits();
    await until(() => hits() >= before + 8, 'two more rounds', 60_000);
    assert.equal(watcher.output.length, length, 'what stays as it is, is not told again');
    watcher.kill('SIGINT');
    assert.equal(await watcher.ended, 1, 'the last round\'s exit status');
  });

  test('--watch --json: a line a change', async () => {
    const issuer = await startPlainIssuer();
    const child = spawn(program, ['doctor', issuer.issuer, '--cache', 'off', '--watch', '--interval', '1', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    defer(() => child.kill('SIGKILL'));
    await until(() => output.includes('\n'), 'the first verdict', 60_000);
    assert.equal(JSON.parse(output.split('\n')[0]).accepted, true);
    issuer.metadata.issuer = `${issuer.issuer}/other`;
    await until(() => output.split('\n').length > 2, 'the change', 60_000);
    const { changes, verdict } = JSON.parse(output.split('\n')[1]);
    assert.ok(changes.some((change) => change.check === 'discovery' && change.after.includes('discovery.issuer_mismatch')));
    assert.equal(verdict.cause.id, 'discovery.issuer_mismatch');
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGTERM');
    await ended;
  });

  test('--watch of the lab: a certificate that nears its end, then a clock that goes wrong', async () => {
    const lab = await startLab({ args: ['--tls'] });
    const child = spawn(program, ['doctor', lab.issuer, '--ca', lab.ca_file, '--cache', 'off', '--watch', '--interval', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    const ended = new Promise((resolve) => child.on('close', resolve));
    defer(() => child.kill('SIGKILL'));
    await until(() => output.includes('Watching'), 'the first round', 60_000);
    for (const [id, step] of [['network.tls.expiring', 'tls'], ['clock.issuer_wrong', 'clock']]) {
      const from = output.length;
      await lab.set(id);
      const told = step === 'clock' ? /clock changed[^]*min( \d+ s)? ahead of ours/ : new RegExp(`${step} changed[^]*${id.replaceAll('.', '\\.')}`);
      await until(() => told.test(output.slice(from)), `${id} to be told`, 60_000);
    }
    child.kill('SIGINT');
    await ended;
  });

  test('--watch beside the lab\'s --sequence: each step is told in its turn', async () => {
    const lab = await startLab({ args: ['--tls', '--sequence', 'healthy 40 requests, keys.rotated 40 requests, network.tls.expiring 40 requests, clock.issuer_wrong'] });
    const child = spawn(program, ['doctor', lab.issuer, '--ca', lab.ca_file, '--cache', 'off', '--watch', '--interval', '1'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    const ended = new Promise((resolve) => child.on('close', resolve));
    defer(() => child.kill('SIGKILL'));
    await until(() => /clock changed[^]*min( \d+ s)? ahead of ours; [^]*the skew grows, by/.test(output), 'the last step to be told', 100_000);
    assert.match(output, /keys changed[^]*tls changed[^]*network\.tls\.expiring[^]*clock changed/);
    child.kill('SIGINT');
    await ended;
  });
});
