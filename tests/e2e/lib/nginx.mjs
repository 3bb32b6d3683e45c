// SPDX-License-Identifier: Apache-2.0
// The module in an nginx of its own, without a control plane: as a guest brings it, or with the locations that `sallyport serve` writes
// (docs/internals/nginx-conf.md). Keys come from jwks_file.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { guard, defer, release, reportOnFailure } from './cleanup.mjs';
import { module, sanitizing } from './cli.mjs';
import { temporaryFolder } from './gateway.mjs';
import { request } from './http.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** The environment that nginx needs to load the module: under --sanitize the runtimes come first, reports go below `folder`. */
export function nginxEnvironment(folder) {
  if (!sanitizing) return process.env;
  const library = (name) => fs.realpathSync(execFileSync('gcc', [`-print-file-name=${name}`]).toString().trim());
  fs.mkdirSync(path.join(folder, 'sanitizer'), { recursive: true });
  fs.chmodSync(path.join(folder, 'sanitizer'), 0o777);
  const common = `log_path=${folder}/sanitizer/report:halt_on_error=1`;
  return {
    ...process.env,
    LD_PRELOAD: `${library('libasan.so')}:${library('libubsan.so')}`,
    ASAN_OPTIONS: `${common}:detect_leaks=0:detect_odr_violation=0`, // two builds of the module may be loaded at once
    UBSAN_OPTIONS: `${common}:print_stacktrace=1`,
  };
}

/** The locations of a standalone gateway. */
export function locations() {
  const proxy = `proxy_http_version 1.1; proxy_set_header Host $sallyport_upstream_host; proxy_request_buffering off; proxy_max_temp_file_size 0;
    proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k;
    proxy_next_upstream error timeout http_502 http_503 http_504; proxy_hide_header X-Request-Id; proxy_ignore_headers X-Accel-Redirect X-Accel-Expires;`;
  const tls = `proxy_ssl_verify on; proxy_ssl_verify_depth 4; proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
    proxy_ssl_server_name on; proxy_ssl_name $sallyport_upstream_name;`;
  const upgrade = 'proxy_set_header Connection upgrade; proxy_set_header Upgrade $http_upgrade;';
  return `
    error_page 400 404 408 411 412 413 414 415 416 421 495 496 497 500 501 502 503 504 505 507 /_sallyport/error;
    error_page 494 =431 /_sallyport/error;
    location = /_sallyport/error { internal; sallyport_error; }
    location / { sallyport on; sallyport_proxy http; proxy_pass http://sallyport; ${proxy} proxy_set_header Connection ""; }
    location @sallyport_https { sallyport on; sallyport_proxy https; proxy_pass https://sallyport; ${proxy} ${tls} proxy_set_header Connection ""; }
    location @sallyport_upgrade { sallyport on; sallyport_proxy upgrade; proxy_pass http://sallyport; ${proxy} ${upgrade} }
    location @sallyport_https_upgrade { sallyport on; sallyport_proxy https_upgrade; proxy_pass https://sallyport; ${proxy} ${tls} ${upgrade} }
    location @sallyport_grpc { sallyport on; sallyport_proxy grpc; grpc_pass grpc://sallyport; grpc_set_header Host $sallyport_upstream_host; }`;
}

/**
 * startNginx({ policy, files, server, http, main, workers, tls }) → Nginx
 *   policy  object or text of sallyport_policy (listen and admin are not needed);  files { name: content } beside it
 *   server  text inside the server block (default: the locations of a standalone gateway);  http, main: more text in those blocks
 *   tls     { certFile, keyFile }: listen with TLS and HTTP/2
 */
export async function startNginx(options = {}) {
  const nginx = new Nginx(options);
  await nginx.start();
  return nginx;
}

export class Nginx {
  constructor(options) {
    this.options = options;
    this.folder = temporaryFolder();
    this.output = '';
    fs.chmodSync(this.folder, 0o777);
    for (const name of temporary) fs.mkdirSync(path.join(this.folder, name));
    defer(() => this.stop());
    reportOnFailure(() => `--- nginx in ${this.folder}\n${this.errors().slice(-6_000)}\n${this.tail ?? ''}\n`);
  }

  write(policy) {
    const text = typeof policy === 'string' ? policy : JSON.stringify(policy, null, 2);
    const next = path.join(this.folder, 'policy.next');
    fs.writeFileSync(next, text);
    fs.renameSync(next, path.join(this.folder, 'policy.json'));
  }

  async start() {
    const { options, folder } = this;
    this.port = await freePort();
    this.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
    for (const [name, content] of Object.entries(options.files ?? {})) fs.writeFileSync(path.join(folder, name), content);
    this.write(options.policy);
    this.configure();
    this.spawn();
    await until(() => {
      if (this.ended) throw new Error(`nginx ended\n${this.output}\n${this.errors()}`);
      return request(`${this.url}/_sallyport/none`, { rejectUnauthorized: false });
    }, 'nginx to answer').catch((error) => {
      throw new Error(`${error.message}\n${this.output}\n${this.errors()}`);
    });
  }

  /** Writes nginx.conf: the options of the start, and what is given here instead of one or the other. */
  configure(more = {}) {
    const { folder } = this;
    const options = { ...this.options, ...more };
    const tls = options.tls
      ? `ssl_certificate ${options.tls.certFile}; ssl_certificate_key ${options.tls.keyFile}; ssl_verify_client optional_no_ca; ssl_verify_depth 4;`
      : '';
    fs.writeFileSync(path.join(folder, 'nginx.conf'), `
load_module ${module};
worker_processes ${options.workers ?? 1};
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log ${options.logLevel ?? 'notice'};
${process.getuid() === 0 ? 'user nobody nogroup;' : ''}
${options.main ?? ''}
events { worker_connections 4096; }
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  large_client_header_buffers 4 128k;
  client_max_body_size 0;
  sallyport_policy ${folder}/policy.json;
  log_format sallyport escape=none '$sallyport_record';
  access_log ${folder}/calls.jsonl sallyport buffer=64k flush=100ms;
  upstream sallyport { sallyport_balancer; keepalive 64; }
  ${options.http ?? ''}
  server {
    listen 127.0.0.1:${this.port} ${options.tls ? 'ssl http2' : ''};
    ${tls}
    ${options.server ?? locations()}
  }
  server { listen unix:${folder}/status.sock; access_log off; location = /_sallyport/status { sallyport_status; } }
}
`);
  }

  /** As `nginx -s reload` does it, with options as for `configure`; what became of it is for the caller to find out. */
  reload(more) {
    this.configure(more);
    process.kill(this.child.pid, 'SIGHUP');
  }

  spawn() {
    const environment = nginxEnvironment(this.folder);
    const child = spawn('/usr/sbin/nginx', ['-c', path.join(this.folder, 'nginx.conf'), '-e', path.join(this.folder, 'error.log')], {
      env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.child = child;
    this.ended = false;
    child.stderr.on('data', (chunk) => (this.output += chunk));
    this.exit = new Promise((resolve) => child.on('close', (code, signal) => {
      this.ended = true;
      resolve({ code, signal });
    }));
    guard(child.pid);
  }

  get(pathAndQuery, options = {}) {
    return request(this.url + pathAndQuery, { rejectUnauthorized: false, ...options });
  }

  errors() {
    const file = path.join(this.folder, 'error.log');
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  /** Waits for text in the error log beyond its first `from` characters. */
  waitForError(pattern, { from = 0, timeout = 10_000 } = {}) {
    return until(() => {
      const text = this.errors().slice(from);
      return typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
    }, `${pattern} in nginx's error log`, timeout);
  }

  calls() {
    const file = path.join(this.folder, 'calls.jsonl');
    if (!fs.existsSync(file)) return [];
    return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  call(requestId, timeout = 5_000) {
    return until(() => this.calls().find((call) => call.request_id === requestId), `request ${requestId} in the call log`, timeout);
  }

  async status() {
    const text = await new Promise((resolve, reject) => {
      import('node:http').then(({ default: http }) => {
        http.get({ socketPath: path.join(this.folder, 'status.sock'), path: '/_sallyport/status' }, (incoming) => {
          let body = '';
          incoming.on('data', (chunk) => (body += chunk));
          incoming.on('end', () => resolve(body));
        }).on('error', reject);
      });
    });
    return JSON.parse(text);
  }

  workerPids() {
    const pid = this.child.pid;
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  }

  async stop() {
    this.tail = this.errors().slice(-3_000);
    if (!this.ended) {
      process.kill(this.child.pid, 'SIGTERM');
      const { code, signal } = await this.exit;
      release(this.child.pid);
      assert.ok(code === 0, `nginx ended with ${code ?? signal}\n${this.tail}`);
    }
    assert.doesNotMatch(this.tail, /exited on signal (?!9)/, 'a worker crashed');
    const reports = path.join(this.folder, 'sanitizer');
    const found = fs.existsSync(reports) ? fs.readdirSync(reports).map((name) => fs.readFileSync(path.join(reports, name), 'utf8')) : [];
    assert.equal(found.join('\n'), '', 'a sanitizer reported');
  }
}
