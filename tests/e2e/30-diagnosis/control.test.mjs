// SPDX-License-Identifier: Apache-2.0
// Life of the control plane: killed, restarted, reloaded, refused; what is served meanwhile; health and metrics.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run } from '../lib/cli.mjs';
import { canSetClock, makeClock } from '../lib/clock.mjs';
import { audience, makeCorp } from '../lib/corp.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startIssuer } from '../lib/issuer.mjs';
import { rawRequest } from '../lib/raw.mjs';
import { now } from '../lib/tokens.mjs';
import { startUpstream } from '../lib/upstream.mjs';
import { until } from '../lib/wait.mjs';

const upstream = await startUpstream();
const corp = await makeCorp();
const api = (path = '/api', auth = {}) => ({ match: { path }, upstream: { url: upstream.url }, auth: { issuers: ['corp'], ...auth } });
const config = (apis = { api: api() }) => ({ issuers: corp.issuers, apis });
const start = (more = {}) => startGateway({ config: config(), files: corp.files, ...more });

test('killed with -9 the gateway serves on; restarted it goes on with the same nginx', async () => {
  const issuer = await startIssuer();
  const gateway = await startGateway({
    config: { issuers: { corp: { issuer: issuer.issuer, audience } }, apis: { api: api() } },
  });
  const token = await issuer.token({ resource: audience });
  assert.equal((await gateway.get('/api/1', { token })).status, 200);
  const nginx = gateway.nginxPid();
  await gateway.kill();
  const fresh = await issuer.token({ resource: audience });
  for (let i = 0; i < 20; i++) assert.equal((await gateway.get(`/api/${i}`, { token: i % 2 ? token : fresh })).status, 200);
  await issuer.rotate();
  const unknown = await issuer.token({ resource: audience });
  const undecided = await gateway.get('/api/1', { token: unknown });
  assert.equal(undecided.status, 503, undecided.text);
  const away = await request(`${gateway.adminUrl}/readyz`);
  assert.deepEqual([away.status, away.headers['content-type'], away.headers['retry-after']], [503, 'application/problem+json', '5'], away.text);
  assert.match(away.json.title, /^The control plane does not answer$/);
  assert.equal(away.json.request_id, away.requestId);
  await gateway.restart();
  assert.equal(gateway.nginxPid(), nginx);
  assert.equal((await request(`${gateway.adminUrl}/readyz`)).headers['retry-after'], undefined);
  await until(async () => (await gateway.get('/api/1', { token: unknown })).status === 200, 'the new key to be found');
  await gateway.stop();
  await assert.rejects(() => gateway.get('/api/1', { token }), 'nginx ends with its control plane');
});

test('what nginx refuses at the admin address is no page of nginx\'s', async () => {
  const gateway = await start();
  const port = new URL(gateway.adminUrl).port, host = 'Host: 127.0.0.1\r\nConnection: close\r\n';
  for (const [bytes, status] of [
    [`TRACE /readyz HTTP/1.1\r\n${host}\r\n`, 405],
    ['GET /readyz HTTP/1.1\r\n\r\n', 400],
    ['hello\r\n\r\n', 400],
    [`GET / HTTP/9.9\r\n${host}\r\n`, 505],
    [`GET /${'a'.repeat(200_000)} HTTP/1.1\r\n${host}\r\n`, 414],
    [`GET / HTTP/1.1\r\n${host}Cookie: ${'a'.repeat(200_000)}\r\n\r\n`, 431],
  ]) {
    const answer = await rawRequest(port, bytes);
    const [head, body] = answer.text.split('\r\n\r\n');
    assert.equal(answer.status, status, answer.text);
    assert.match(head, /^Content-Type: application\/problem\+json\r$/m);
    assert.deepEqual([JSON.parse(body).status, JSON.parse(body).request_id], [status, /^X-Request-Id: (\S+)/m.exec(head)[1]]);
  }
});

test('a worker that is killed is replaced, nginx that is killed is started again', async () => {
  const gateway = await start();
  const token = await corp.token();
  process.kill(gateway.workerPids()[0], 'SIGKILL');
  await until(async () => (await gateway.get('/api/1', { token })).status === 200, 'another worker');
  const nginx = gateway.nginxPid();
  process.kill(nginx, 'SIGKILL'); // its workers live on and hold the ports
  await until(async () => gateway.nginxPid() !== nginx && (await gateway.get('/api/1', { token })).status === 200, 'nginx to serve again', 15_000);
  assert.equal((await gateway.metrics())['sallyport_nginx_restarts_total'], 1);
});

test('SIGHUP swaps the policy under load without a failed call', async () => {
  const gateway = await start();
  const token = await corp.token();
  let calls = 0;
  let stop = false;
  const failures = [];
  const load = Array.from({ length: 8 }, async () => {
    while (!stop) {
      const answer = await gateway.get(`/api/${calls++}`, { token }).catch((error) => ({ status: String(error) }));
      if (answer.status !== 200) failures.push(answer.status);
    }
  });
  for (let i = 1; i <= 5; i++) {
    gateway.reload(config({ api: api(), more: api(`/more${i}`) }));
    await until(async () => (await gateway.get(`/more${i}/x`, { token })).status === 200, `/more${i} to be served`);
  }
  stop = true;
  await Promise.all(load);
  assert.deepEqual(failures, []);
  assert.ok(calls > 100, `${calls} calls`);
  assert.equal((await gateway.get('/more1/x', { token })).cause, 'route.none');
});

test('a broken configuration is refused with its cause and place; the old one serves on', async () => {
  const gateway = await start();
  const token = await corp.token();
  for (const [text, cause] of [
    ['apis: {api: {upstrem: {url: "http://127.0.0.1:1"}}}\n', 'config.unknown_member'],
    ['apis: [nonsense\n', 'config.type'],
    ['issuers: {corp: {issuer: "${NOT_SET_ANYWHERE}"}}\napis: {}\n', 'config.environment_missing'],
  ]) {
    const from = gateway.output.length;
    gateway.reload(text);
    await gateway.waitForOutput('the old one stays in force', { from });
    assert.ok(gateway.output.slice(from).includes(cause), gateway.output.slice(from));
    assert.match(gateway.output.slice(from), /sallyport\.yaml:\d+:\d+/);
    assert.equal((await gateway.get('/api/1', { token })).status, 200);
    const { refused_configuration: refused } = (await request(`${gateway.adminUrl}/readyz`)).json;
    assert.equal(refused.cause, cause);
    assert.match(refused.detail, /sallyport\.yaml:\d+:\d+: config\..* Fix: /);
    assert.equal((await gateway.metrics())[`sallyport_configuration_refused{cause="${cause}"}`], 1);
  }
  const metrics = await gateway.metrics();
  assert.equal(metrics['sallyport_configuration_reloads_total{result="refused"}'], 3);
});

test('a second serve on the same state says so and leaves the first alone', async () => {
  const gateway = await start();
  const second = await run(gateway.child.spawnfile, ['serve', '-c', gateway.configFile, '--state', gateway.state]);
  assert.equal(second.code, 3);
  assert.match(second.stderr, /another sallyport serves/);
  assert.equal((await gateway.get('/api/1', { token: await corp.token() })).status, 200);
});

test('a listener whose port is taken: serve ends and names the port', async () => {
  const gateway = await start();
  const second = await startGateway({ config: { ...config(), listen: [{ address: `127.0.0.1:${gateway.port}` }] }, files: corp.files, ready: false });
  const { code } = await second.exit;
  assert.equal(code, 3);
  assert.match(second.output, new RegExp(`${gateway.port}.*Address already in use`));
  assert.match(second.output, new RegExp(`sallyport\\.yaml:\\d+:\\d+: config\\.address: listen\\.address: 127\\.0\\.0\\.1:${gateway.port}: process \\d+ \\(nginx of another sallyport\\) listens there\\. Fix: `));
});

test('a listener by name: the control plane looks no name up while others wait, says so, and who does', async () => {
  const gateway = await start();
  const token = await corp.token();
  let from = gateway.output.length;
  gateway.reload({ ...config(), listen: [{ address: `127.0.0.1:${gateway.port}` }, { address: 'gateway.invalid:8080' }] });
  await gateway.waitForOutput('the old one stays in force', { from });
  assert.match(gateway.output.slice(from), /listen\.address: whether gateway\.invalid:8080 can be listened on here was not looked at, for it is a name, .* `sallyport check --here` does/);
  assert.doesNotMatch(gateway.output.slice(from), /config\.address/);
  assert.match((await request(`${gateway.adminUrl}/readyz`)).json.refused_configuration.detail, /^nginx: host not found in "gateway\.invalid:8080"/);
  assert.equal((await gateway.get('/api/1', { token })).status, 200);
  const holder = await start();
  from = gateway.output.length;
  gateway.reload({ ...config(), listen: [{ address: `127.0.0.1:${gateway.port}` }, { address: `localhost:${holder.port}` }] });
  await gateway.waitForOutput('the old one stays in force', { from });
  assert.match(gateway.output.slice(from), new RegExp(`config\\.address: listen\\.address: localhost:${holder.port}: process \\d+ \\(nginx of another sallyport\\) listens there`));
});

test('a call log that cannot be written is named at the start and at a reload', async () => {
  const lost = { ...config(), call_log: { file: '/nonexistent/calls.jsonl' } };
  const words = /config\.file: call_log\.file: \/nonexistent\/calls\.jsonl: there is no folder \/nonexistent, and nothing makes it\. Fix: /;
  const first = await startGateway({ config: lost, files: corp.files, ready: false });
  assert.equal((await first.exit).code, 3);
  assert.match(first.output, words);
  const gateway = await start();
  const from = gateway.output.length;
  gateway.reload(lost);
  await gateway.waitForOutput('the old one stays in force', { from });
  assert.match(gateway.output.slice(from), words);
  assert.doesNotMatch(gateway.output.slice(from), /config\.address/, 'its own listeners are its own');
  assert.equal((await gateway.get('/api/1', { token: await corp.token() })).status, 200);
});

test('check --here takes the ports that this very gateway serves on for free', async () => {
  const gateway = await start();
  const elsewhere = path.join(gateway.folder, 'elsewhere');
  fs.mkdirSync(elsewhere);
  const taken = async (...more) => {
    const { stdout } = await run(gateway.child.spawnfile, ['check', '--here', '--json', '-c', gateway.configFile, ...more], { cwd: elsewhere });
    return JSON.parse(stdout).problems.filter(({ cause }) => /^config\.(address|file)$/.test(cause.id)).map(({ message }) => message);
  };
  assert.deepEqual(await taken('--state', gateway.state), []);
  assert.deepEqual(await taken(), [], 'whose state directory is not named');
  const other = await taken('--state', path.join(gateway.folder, 'other'));
  assert.equal(other.length, 2, other.join());
  for (const message of other) assert.match(message, /\(nginx of another sallyport\) listens there/);
});

test('--watch applies a changed file by itself', async () => {
  const gateway = await start({ args: ['--watch'] });
  gateway.write(config({ api: api(), watched: api('/watched') }));
  await until(async () => (await gateway.get('/watched/1', { token: await corp.token() })).status === 200, 'the change to be seen');
});

test('metrics are well-formed and count what happened', async () => {
  const gateway = await start();
  await gateway.get('/api/1', { token: await corp.token() });
  await gateway.get('/api/1', { token: await corp.token({ exp: 1 }) });
  await gateway.get('/api/1');
  const { text } = await (async () => ({ text: await (await fetch(`${gateway.adminUrl}/metrics`)).text() }))();
  const described = new Set([...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram)$/gm)].map((match) => match[1]));
  for (const line of text.split('\n').filter((line) => line && !line.startsWith('#'))) {
    const match = /^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.e+]+$/.exec(line);
    assert.ok(match, line);
    assert.ok(described.has(match[1]) || described.has(match[1].replace(/_(bucket|sum|count)$/, '')), `${match[1]} has no TYPE`);
  }
  const metrics = await gateway.metrics();
  assert.equal(metrics['sallyport_requests_total{route="api",outcome="accepted"}'], 1);
  assert.equal(metrics['sallyport_requests_total{route="api",outcome="refused"}'], 2);
  assert.equal(metrics['sallyport_refusals_total{cause="time.expired"}'], 1);
  assert.equal(metrics['sallyport_keys{issuer="corp"}'], 1);
  assert.equal((await fetch(`${gateway.adminUrl}/healthz`)).status, 200);
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const asked = async (method) => fetch(`${gateway.adminUrl}${path}`, { method });
    const head = await asked('HEAD');
    assert.deepEqual([head.status, await head.text()], [200, ''], path);
    const post = await asked('POST');
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD'], path);
  }
  for (const path of ['/internal/keys', '/internal/introspect', '/internal/', '/%69nternal/keys', '//internal/keys', '/internal', '/unknown', '/favicon.ico', '/']) {
    const answer = await fetch(`${gateway.adminUrl}${path}`, { method: 'POST', body: '{}' });
    const said = [answer.status, answer.headers.get('content-type'), await answer.text()];
    assert.deepEqual(said, [404, 'text/plain; charset=utf-8', 'Here are /healthz, /readyz, /metrics and /admin/accounts.\n'], path);
  }
});

test('a name server that hangs holds serve up for seconds, whatever the wall clock does meanwhile', { skip: !canSetClock }, async () => {
  const clock = makeClock(3_600);
  const apis = { api: api(), lost: { ...api('/lost'), upstream: { url: 'http://api.hangs' } } };
  const gateway = await start({ config: config(apis), env: clock.env });
  const dns = await gateway.get('/lost/1', { token: await corp.token({ exp: now() + 7_200 }) });
  clock.answerNames();
  assert.equal(dns.cause, 'upstream.dns', dns.text);
});
