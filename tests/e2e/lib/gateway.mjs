// SPDX-License-Identifier: Apache-2.0
// `sallyport serve` under test: its own state folder, kernel-chosen ports, stopped and cleaned up when the file ends.
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build, module, program, root, sallyport, sanitizing } from './cli.mjs';
import { defer, guard, release, reportOnFailure } from './cleanup.mjs';
import { request } from './http.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

/** A folder below the system's temporary one, removed at the end. nginx's workers may run as another user: it can be entered by all. */
export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-e2e-'));
  fs.chmodSync(folder, 0o755);
  if (!process.env.SALLYPORT_KEEP) defer(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function sanitizerEnvironment(folder) {
  if (!sanitizing) return {};
  const reports = path.join(folder, 'sanitizer');
  fs.mkdirSync(reports, { recursive: true });
  fs.chmodSync(reports, 0o777);
  // nginx is the distribution's: the runtime must be there before the module that needs it. Leaks are looked for in the
  // programs that end by themselves (CLI and unit tests); nginx frees nothing on exit.
  const library = (name) => fs.realpathSync(execFileSync('gcc', [`-print-file-name=${name}`]).toString().trim());
  const common = `log_path=${path.join(reports, 'report')}:log_exe_name=1:halt_on_error=1`;
  return {
    LD_PRELOAD: `${library('libasan.so')}:${library('libubsan.so')}`,
    ASAN_OPTIONS: `${common}:detect_leaks=0:handle_abort=1:detect_odr_violation=0`, // two builds of the module may be loaded at once
    UBSAN_OPTIONS: `${common}:print_stacktrace=1`,
  };
}

/**
 * Starts `sallyport serve` and waits until it is ready.
 *
 * startGateway({ config, files, env, state, args, ready })
 *   config  object (written as JSON, a subset of YAML) or text. `listen` and `admin` on free ports are added when the object has
 *           none; in text, {port} and {admin_port} are replaced.
 *   files   { name: content } written next to the configuration before the start (secrets, key sets)
 *   env     added to the environment;  state: folder of an earlier gateway, to start on what it left
 *   ready   false: do not wait, the caller does
 *
 * Resolves to a Gateway.
 */
export async function startGateway(options = {}) {
  const gateway = new Gateway(options);
  await gateway.prepare();
  gateway.spawn();
  if (options.ready !== false) await gateway.ready();
  return gateway;
}

export class Gateway {
  constructor(options) {
    this.options = options;
    this.folder = options.folder ?? temporaryFolder();
    this.state = options.state ?? path.join(this.folder, 'state');
    this.configFile = path.join(this.folder, 'sallyport.yaml');
    this.output = '';
    this.stopped = true;
    reportOnFailure(() => this.logs());
    defer(() => this.stop());
  }

  async prepare() {
    this.port = this.options.port ?? (await freePort());
    this.adminPort = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.adminUrl = `http://127.0.0.1:${this.adminPort}`;
    for (const [name, content] of Object.entries(this.options.files ?? {})) fs.writeFileSync(path.join(this.folder, name), content);
    this.write(this.options.config);
  }

  /** Writes the configuration without telling the gateway. */
  write(config) {
    let text = config;
    if (typeof config === 'object') {
      const listen = config.listen ?? [{ address: `127.0.0.1:${this.port}` }];
      const admin = config.admin ?? { address: `127.0.0.1:${this.adminPort}` };
      text = JSON.stringify({ workers: 1, ...config, listen, admin }, null, 2);
    }
    text = text.replaceAll('{port}', String(this.port)).replaceAll('{admin_port}', String(this.adminPort));
    fs.writeFileSync(this.configFile, text);
  }

  spawn() {
    assert.ok(fs.existsSync(program), `${program} is not built: run make`);
    const environment = {
      ...process.env,
      SALLYPORT_MODULE: module,
      ...sanitizerEnvironment(this.folder),
      ...this.options.env,
    };
    const args = ['serve', '-c', this.configFile, '--state', this.state, ...(this.options.args ?? [])];
    const child = spawn(program, args, { cwd: this.folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.child = child;
    this.pid = child.pid;
    this.stopped = false;
    this.exit = new Promise((resolve) => {
      // Not 'close': nginx keeps the pipes open when it outlives a killed serve.
      child.on('exit', (code, signal) => {
        this.stopped = true;
        resolve({ code, signal });
      });
    });
    const collect = (chunk) => {
      this.output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => collect(String(error)));
    if (child.pid !== undefined) guard(child.pid);
  }

  /** Ready is what /readyz says; a process that ended before is a failure that shows its output. */
  async ready(timeout = 60_000) {
    await until(async () => {
      if (this.stopped) return true;
      return (await request(`${this.adminUrl}/readyz`, { timeout: 10_000 })).status === 200;
    }, `the gateway to be ready\n${this.logs()}`, timeout).catch((error) => {
      throw new Error(`${error.message}\n${this.logs()}`);
    });
    if (this.stopped) throw new Error(`sallyport serve ended before it was ready\n${this.logs()}`);
  }

  /** Calls the gateway; options as in lib/http.mjs. */
  get(pathAndQuery, options = {}) {
    return request(this.url + pathAndQuery, options);
  }

  /** Writes a new configuration and sends SIGHUP; see `waitForOutput` for what happens then. */
  reload(config) {
    this.write(config);
    process.kill(this.pid, 'SIGHUP');
  }

  /** Waits for text (string or RegExp) in what serve prints, from `from` (an earlier `output.length`) on. */
  waitForOutput(pattern, { from = 0, timeout = 60_000 } = {}) {
    const matches = (text) => (typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text));
    return until(() => matches(this.output.slice(from)), `${pattern} in the output of serve`, timeout);
  }

  /** The call log as objects. */
  calls() {
    const file = path.join(this.state, 'calls.jsonl');
    if (!fs.existsSync(file)) return [];
    return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  /** The call log line of a request, once nginx has written it. */
  call(requestId, timeout = 60_000) {
    return until(() => this.calls().find((call) => call.request_id === requestId), `request ${requestId} in the call log`, timeout);
  }

  /** `sallyport explain ID --json` of a request, once its line is written: { code, stdout, stderr, json }. */
  async explain(requestId, args = ['--json']) {
    await this.call(requestId);
    return sallyport(['explain', requestId, '--state', this.state, ...args], { cwd: this.folder });
  }

  /** Prometheus text as { 'name{labels}': value }. */
  async metrics() {
    const { text } = await request(`${this.adminUrl}/metrics`);
    const values = {};
    for (const line of text.split('\n')) {
      const match = /^([a-zA-Z_:][^ ]*(?:\{.*\})?) ([-+0-9.eEinfNa]+)$/.exec(line);
      if (match) values[match[1]] = Number(match[2]);
    }
    return values;
  }

  nginxPid() {
    return Number(fs.readFileSync(path.join(this.state, 'nginx.pid'), 'utf8'));
  }

  workerPids() {
    const children = fs.readFileSync(`/proc/${this.nginxPid()}/task/${this.nginxPid()}/children`, 'utf8');
    return children.trim().split(/\s+/).filter(Boolean).map(Number);
  }

  /** Ends serve by `signal`, waits for it, and fails on a sanitizer's report. After SIGKILL nginx lives on: see killNginx. */
  async stop(signal = 'SIGTERM', timeout = 15_000) {
    this.logs(); // remembers the tails: the folder goes before they are shown
    if (!this.stopped) {
      process.kill(this.pid, signal);
      const timer = setTimeout(() => process.kill(-this.pid, 'SIGKILL'), timeout);
      // Calls that a test left open are not waited for.
      const again = setTimeout(() => signal === 'SIGTERM' && process.kill(this.pid, signal), 2_000);
      const { code, signal: by } = await this.exit;
      clearTimeout(timer);
      clearTimeout(again);
      if (signal === 'SIGTERM') assert.ok(code === 0 || by === null, `serve ended with status ${code}, signal ${by}\n${this.logs()}`);
    }
    if (signal === 'SIGTERM') {
      this.killNginx();
      release(this.pid);
      this.failOnSanitizerReport();
    }
  }

  /** Control plane gone without a word; nginx and its workers stay. */
  async kill() {
    await this.stop('SIGKILL');
  }

  /** Starts serve again on the same configuration and state. */
  async restart() {
    this.spawn();
    await this.ready();
  }

  killNginx() {
    try {
      process.kill(this.nginxPid(), 'SIGTERM');
    } catch {
      // it ended with serve, as it should
    }
  }

  failOnSanitizerReport() {
    const reports = path.join(this.folder, 'sanitizer');
    const found = fs.existsSync(reports) ? fs.readdirSync(reports) : [];
    const texts = found.map((name) => fs.readFileSync(path.join(reports, name), 'utf8'));
    if (/AddressSanitizer|runtime error:/.test(this.output)) texts.push(this.output);
    assert.equal(texts.join('\n'), '', 'a sanitizer reported');
  }

  logs() {
    const parts = [`--- sallyport serve (${this.configFile}), status ${this.child?.exitCode}\n${this.output.slice(-6_000)}`];
    for (const name of ['nginx.error.log', 'calls.jsonl']) {
      const file = path.join(this.state, name);
      if (fs.existsSync(file)) {
        this.tails ??= {};
        this.tails[name] = fs.readFileSync(file, 'utf8').slice(-6_000);
      }
      if (this.tails?.[name]) parts.push(`--- ${name}\n${this.tails[name]}`);
    }
    return `${parts.join('\n')}\n`;
  }
}

export { build, root };
