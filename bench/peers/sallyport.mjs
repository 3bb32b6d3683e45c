// SPDX-License-Identifier: Apache-2.0
// Our authority with a client that may everything and one with opaque tokens; what asks it in the benchmarks.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { startBrowser } from '../../tests/e2e/lib/browser.mjs';

export const redirect = 'https://app.example/callback';
export const resource = 'https://api.example';
export const verifier = crypto.randomBytes(32).toString('base64url');
export const challenge = crypto.createHash('sha256').update(verifier).digest('base64url');
export const codeOf = (location) => new URL(location).searchParams.get('code');
export const formHeaders = (basic) => ({ 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from(basic).toString('base64')}` });

export const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
export function ask(base, where, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(base + where, { method, headers, agent }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

export async function inParallel(list, width, work) {
  const out = new Array(list.length);
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    for (let i = next++; i < list.length; i = next++) out[i] = await work(list[i]);
  }));
  return out;
}

/** Starts a program that prints one line of JSON when it is ready; prefix: the command in front of it. */
export function startProgram(prefix, command, args) {
  return new Promise((resolve, reject) => {
    const [first, ...rest] = [...prefix, command, ...args];
    const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      const hadLine = text.includes('\n');
      text += chunk;
      if (!hadLine && text.includes('\n')) resolve({ child, pid: child.pid, stop: () => child.kill('SIGTERM'), ...JSON.parse(text.split('\n')[0]) });
    });
    child.on('close', () => reject(new Error(`${command} ended: ${text}`)));
  });
}

/** codes(count): authorization codes of a signed-in person, made by requests. */
export async function startSallyport({ program, prefix, folder, algorithm }) {
  const config = path.join(folder, `${algorithm}.yaml`);
  const clients = {
    app: { secret: 's', audiences: [resource], scopes: ['read', 'openid', 'offline_access'], redirect_uris: [redirect], grants: ['client_credentials', 'authorization_code', 'refresh_token'], skip_consent: true },
    opaque: { secret: 's', token_format: 'opaque' },
  };
  fs.writeFileSync(config, JSON.stringify({ authority: { tokens: { algorithm }, clients } }));
  const server = await startProgram(prefix, program, ['authority', '--dev', '--json', '-c', config, '--state', path.join(folder, `state-${algorithm}`)]);
  const browser = startBrowser();
  const query = new URLSearchParams({ client_id: 'app', response_type: 'code', redirect_uri: redirect, scope: 'openid offline_access read', resource, state: 'x', nonce: 'n', code_challenge: challenge, code_challenge_method: 'S256' });
  await browser.open(`${server.issuer}/authorize?${query}`);
  await browser.signIn();
  const headers = { Cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  return {
    ...server, name: 'sallyport', token: '/token', introspect: '/introspect', opaqueClient: 'opaque:s', scope: `scope=read&resource=${resource}`, most: { ES256: 1200, RS256: 400 },
    codes: (count) => inParallel(Array.from({ length: count }), 16, async () => codeOf((await ask(server.issuer, `/authorize?${query}`, { headers })).headers.location)),
  };
}
