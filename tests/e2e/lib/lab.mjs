// SPDX-License-Identifier: Apache-2.0
// `sallyport lab serve` as a process, and walks through it that leave a HAR behind.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { program, sallyport } from './cli.mjs';
import { defer, guard, release, reportOnFailure } from './cleanup.mjs';
import { request } from './http.mjs';
import { makeKey, makeProof } from './tokens.mjs';
import { until } from './wait.mjs';

/**
 * startLab({ fault, args, listen, env }) → { …what `lab serve --json` printed…, ca (PEM), lines (all that it printed), set(id) → the same for another fault, output(), stop(signal) → exit code }
 */
export async function startLab({ fault, args = [], listen = '127.0.0.1:0', env = {} } = {}) {
  const words = ['lab', 'serve', '--json', '--listen', listen, ...(fault ? ['--fault', fault] : []), ...args];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  let errors = '';
  guard(child.pid);
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (errors += chunk));
  const exited = new Promise((resolve) => child.on('close', (code) => {
    release(child.pid);
    resolve(code);
  }));
  await until(() => {
    if (child.exitCode !== null) throw new Error(`the lab ended: ${errors}`);
    return output.includes('\n');
  }, 'the lab');
  const first = JSON.parse(output.split('\n')[0]);
  const self = {
    ...first,
    pid: child.pid,
    ca: fs.readFileSync(first.ca_file, 'utf8'),
    output: () => output,
    errors: () => errors,
    lines: () => output.split('\n').filter(Boolean).map((line) => JSON.parse(line)),
  };
  self.set = async (id) => {
    const { status, json, text } = await post(self.control, { id });
    if (status !== 200) throw new Error(`the lab did not take ${id}: ${status} ${text}`);
    return Object.assign(self, json);
  };
  self.stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return exited;
  };
  defer(self.stop);
  reportOnFailure(() => errors);
  return self;
}

const post = (url, form, options = {}) => request(url, {
  method: 'POST', body: new URLSearchParams(form).toString(), ...options,
  headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...options.headers },
});

export const basic = (lab) => `Basic ${Buffer.from(`${lab.client_id}:${lab.client_secret}`).toString('base64')}`;

/** A client's walk: every exchange is kept as a HAR entry, whether an answer came or not. */
export class Walk {
  entries = [];

  constructor(lab) {
    this.lab = lab;
  }

  /** → the response, or { failure } when none came. */
  async step(method, url, { headers = {}, form, timeout = 2_000 } = {}) {
    const started = new Date();
    const body = form ? new URLSearchParams(form).toString() : undefined;
    const sent = { ...(form ? { 'Content-Type': 'application/x-www-form-urlencoded' } : {}), ...headers };
    let response;
    try {
      response = await request(url, { method, headers: sent, body, ca: this.lab.ca, timeout });
    } catch (failure) {
      response = failure.partial ?? { failure };
    }
    this.add(started, method, url, sent, body, response);
    return response;
  }

  /** The browser's callback: nobody is there, so that the client's own answer is a plain page. */
  callback(location) {
    this.add(new Date(), 'GET', location, {}, undefined, { status: 200, headers: { 'content-type': 'text/html' }, text: '<h1>ok</h1>' });
    return new URL(location).searchParams;
  }

  add(started, method, url, headers, body, response) {
    const pairs = (object) => Object.entries(object).flatMap(([name, value]) => [value].flat().map((one) => ({ name, value: String(one) })));
    const type = response.headers?.['content-type'] ?? '';
    this.entries.push({
      startedDateTime: started.toISOString(), time: 1, cache: {}, timings: { send: 0, wait: 1, receive: 0 },
      request: {
        method, url, httpVersion: 'HTTP/1.1', cookies: [], headers: pairs(headers), headersSize: -1, bodySize: body?.length ?? 0,
        queryString: [...new URL(url).searchParams].map(([name, value]) => ({ name, value })),
        ...(body === undefined ? {} : { postData: { mimeType: headers['Content-Type'], text: body } }),
      },
      response: {
        status: response.status ?? 0, statusText: '', httpVersion: 'HTTP/1.1', cookies: [], headers: pairs(response.headers ?? {}), headersSize: -1,
        bodySize: response.body?.length ?? 0, redirectURL: response.headers?.location ?? '',
        content: content(type, response),
        ...(response.failure ? { _error: response.failure.message } : {}),
      },
    });
  }

  save(folder) {
    const file = path.join(folder, `${crypto.randomUUID()}.har`);
    fs.writeFileSync(file, JSON.stringify({ log: { version: '1.2', creator: { name: 'walk', version: '1' }, entries: this.entries } }));
    return file;
  }

  /** What `sallyport inspect` finds in it: every id, with its severity. */
  async inspect(folder, ...words) {
    const { json, stderr } = await sallyport(['inspect', this.save(folder), '--json', ...words]);
    if (json === undefined) throw new Error(stderr);
    return json;
  }
}

/* A body that is not UTF-8 goes into a HAR as base64. */
function content(mimeType, response) {
  const bytes = response.body ?? Buffer.from(response.text ?? '');
  const text = bytes.toString('utf8');
  const plain = Buffer.from(text, 'utf8').equals(bytes);
  return plain ? { size: bytes.length, mimeType, text } : { size: bytes.length, mimeType, text: bytes.toString('base64'), encoding: 'base64' };
}

const random = () => crypto.randomBytes(32).toString('base64url');
export const redirectUri = 'http://127.0.0.1:3999/callback';

/** From discovery to the API; stops where a client has to. `scope` may be left out for a plain OAuth client. */
export async function walk(lab, { scope = 'openid offline_access read', pkce = true, refresh = false, device = false, dpop = false } = {}) {
  const self = new Walk(lab);
  self.metadata = (await self.step('GET', lab.metadata_url)).json ?? {};
  await self.step('GET', self.metadata.jwks_uri ?? `${lab.issuer}/jwks`);
  if (device) return walkDevice(self, lab);
  const verifier = random();
  const parameters = {
    response_type: 'code', client_id: lab.client_id, redirect_uri: redirectUri, state: random(), nonce: random(), scope,
    ...(pkce ? { code_challenge: crypto.createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' } : {}),
  };
  const authorized = await self.step('GET', `${lab.authorization_endpoint}?${new URLSearchParams(parameters)}`);
  self.authorized = authorized;
  if (!authorized.headers?.location) return self;
  const back = self.callback(authorized.headers.location);
  if (!back.get('code')) return self;
  const headers = { Authorization: basic(lab) };
  const form = { grant_type: 'authorization_code', code: back.get('code'), redirect_uri: redirectUri, ...(pkce ? { code_verifier: verifier } : {}) };
  const userinfo = self.metadata.userinfo_endpoint ?? `${lab.issuer}/userinfo`;
  const key = dpop ? await makeKey('ES256') : undefined;
  const proof = async (method, url, options) => (key ? { DPoP: await makeProof(key, method, url, options) } : {});
  const tokens = await self.step('POST', lab.token_endpoint, { headers: { ...headers, ...(await proof('POST', lab.token_endpoint)) }, form });
  self.tokens = tokens.json ?? {};
  const token = self.tokens.access_token;
  await self.step('GET', userinfo, { headers: { Authorization: `${self.tokens.token_type ?? 'Bearer'} ${token}`, ...(await proof('GET', userinfo, { token })) } });
  if (refresh && self.tokens.refresh_token) {
    await self.step('POST', lab.token_endpoint, { headers, form: { grant_type: 'refresh_token', refresh_token: self.tokens.refresh_token } });
  }
  return self;
}

async function walkDevice(self, lab) {
  const started = await self.step('POST', self.metadata.device_authorization_endpoint, { form: { client_id: lab.client_id, scope: 'openid' } });
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: started.json.device_code };
  self.polls = [];
  for (let i = 0; i < 4; i++) {
    const answer = await self.step('POST', lab.token_endpoint, { headers: { Authorization: basic(lab) }, form });
    self.polls.push(answer.json);
    if (answer.status === 200) break;
  }
  return self;
}
