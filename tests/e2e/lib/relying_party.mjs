// SPDX-License-Identifier: Apache-2.0
// An application behind a login, with a fault of one's choice; and a Chromium that records what it sees as HAR.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { launch } from './chromium.mjs';
import { defer } from './cleanup.mjs';
import { request } from './http.mjs';
import { listen } from './ports.mjs';

export const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-recordings-'));
defer(() => fs.rmSync(folder, { recursive: true, force: true }));

const random = () => crypto.randomBytes(24).toString('base64url');
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('base64url');

/**
 * startRelyingParty({ clientId, secret, cookie, parameters }) → { origin, callback, set(settings), arrived }
 * GET /login sends the browser away, /callback takes it back and redeems the code itself; /spa does all of it in the page.
 * Settings: endpoints { authorize, token }, cookie (attributes of the state cookie), parameters (of the authorization request),
 * token (parameters of the token request), basic (false: public client), padding (text behind the state in its cookie), ballast (more cookies of 3 kB).
 * It is at http://app.localhost:PORT, so that an issuer at 127.0.0.1 is another site; `host` names it otherwise: app.example is known to record()'s browser
 * and is no host of this machine to it.
 */
const usual = { cookie: 'Path=/; HttpOnly; SameSite=Lax', parameters: {}, token: {}, padding: '', ballast: 0 };

export async function startRelyingParty({ host = 'app.localhost', ...settings }) {
  const self = { settings: { ...usual, ...settings }, arrived: [] };
  const logins = new Map();
  const server = http.createServer(async (incoming, answer) => {
    const url = new URL(incoming.url, self.origin);
    const form = new URLSearchParams(incoming.method === 'POST' ? Buffer.concat(await incoming.toArray()).toString() : url.search);
    self.arrived.push({ method: incoming.method, path: url.pathname });
    const page = (status, text) => answer.writeHead(status, { 'Content-Type': 'text/html' }).end(`<!doctype html><title>${text}</title><h1>${text}</h1>`);
    if (url.pathname === '/login') {
      const login = { state: random(), verifier: random() + random() };
      logins.set(login.state, login);
      const parameters = { client_id: self.settings.clientId, response_type: 'code', scope: 'openid', redirect_uri: self.callback, state: login.state, code_challenge: sha256(login.verifier), code_challenge_method: 'S256', ...self.settings.parameters };
      const ballast = Array.from({ length: self.settings.ballast }, (_, i) => `ballast_${i}=${'b'.repeat(3000)}; Path=/`);
      answer.writeHead(302, { Location: `${self.settings.endpoints.authorize}?${new URLSearchParams(parameters)}`, 'Set-Cookie': [`login_state=${login.state}${self.settings.padding}; ${self.settings.cookie}`, ...ballast] }).end();
    } else if (url.pathname === '/callback') {
      const cookies = Object.fromEntries((incoming.headers.cookie ?? '').split('; ').map((pair) => pair.split('=')));
      const login = logins.get(form.get('state'));
      if (!login || cookies.login_state !== `${form.get('state')}${self.settings.padding}`) return page(400, 'The login could not be completed');
      const body = { grant_type: 'authorization_code', code: form.get('code'), redirect_uri: self.callback, code_verifier: login.verifier, ...self.settings.token };
      const tokens = await request(self.settings.endpoints.token, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Authorization: `Basic ${Buffer.from(`${self.settings.clientId}:${self.settings.secret}`).toString('base64')}` }, body: new URLSearchParams(body).toString() });
      self.tokens = tokens.json;
      page(tokens.status === 200 ? 200 : 500, tokens.status === 200 ? 'Signed in' : 'No tokens');
    } else if (url.pathname === '/spa') {
      answer.writeHead(200, { 'Content-Type': 'text/html' }).end(spa(self));
    } else {
      page(url.pathname === '/' ? 200 : 404, 'The application');
    }
  });
  self.port = await listen(server);
  defer(() => new Promise((resolve) => {
    server.closeAllConnections?.();
    server.close(resolve);
  }));
  self.origin = `http://${host}:${self.port}`;
  self.callback = `${self.origin}/callback`;
  self.set = (more) => Object.assign(self.settings, more);
  /** As it was, but for this. */
  self.reset = (more) => Object.assign(self.settings, usual, settings, more);
  return self;
}

// The page keeps its login in sessionStorage; `window.again` redeems once more.
function spa({ settings, origin }) {
  return `<!doctype html><title>spa</title><h1>spa</h1><script type="module">
    const settings = ${JSON.stringify({ ...settings, here: `${origin}/spa` })};
    const text = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const random = () => text(crypto.getRandomValues(new Uint8Array(40)));
    const query = new URLSearchParams(location.search);
    if (!query.has('code') && !query.has('error')) {
      const login = { state: random(), verifier: random(), nonce: random() };
      sessionStorage.setItem('login', JSON.stringify(login));
      const challenge = text(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(login.verifier))));
      location.href = settings.endpoints.authorize + '?' + new URLSearchParams({ client_id: settings.clientId, response_type: 'code', scope: 'openid', redirect_uri: settings.here, state: login.state, nonce: login.nonce, code_challenge: challenge, code_challenge_method: 'S256', ...settings.parameters });
    } else if (query.has('code')) {
      const login = JSON.parse(sessionStorage.getItem('login'));
      window.redeem = async () => {
        try {
          const answer = await fetch(settings.endpoints.token, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id: settings.clientId, code: query.get('code'), redirect_uri: settings.here, code_verifier: login.verifier, ...settings.token }) });
          return (await answer.json()).access_token ? 'Signed in' : 'No tokens';
        } catch (error) { return 'Failed: ' + error.message; }
      };
      document.title = await window.redeem();
    } else document.title = 'Error';
  </script>`;
}

/**
 * record(name, async (page, context) => …, launched) → the path of the HAR of all that happened in a Chromium that knows nothing from before.
 */
export async function record(name, visit, launched = launch()) {
  const file = path.join(folder, `${name}.har`);
  const context = await (await launched).newContext({ recordHar: { path: file, content: 'embed' } });
  context.setDefaultTimeout(60_000);
  try {
    await visit(await context.newPage(), context);
  } finally {
    await context.close();
  }
  if (process.env.KEEP_RECORDINGS) fs.copyFileSync(file, path.join(process.env.KEEP_RECORDINGS, `${name}.har`));
  return file;
}

/**
 * As record(), with what Playwright's HAR leaves out and the export of the browser's developer tools has: the OPTIONS requests that come before calls across
 * origins. Taken from the same protocol (CDP) that the developer tools read.
 */
export async function recordByDevTools(name, visit) {
  const file = path.join(folder, `${name}.devtools.har`);
  const context = await (await launch()).newContext();
  context.setDefaultTimeout(60_000);
  const entries = new Map();
  const list = (headers) => Object.entries(headers).map(([header, value]) => ({ name: header, value }));
  try {
    const page = await context.newPage();
    const tools = await context.newCDPSession(page);
    const at = (id) => entries.get(id) ?? entries.set(id, { cache: {}, timings: {}, time: 1, startedDateTime: new Date().toISOString(), response: { status: 0, headers: [], content: { size: 0, mimeType: 'x-unknown' } } }).get(id);
    tools.on('Network.requestWillBeSent', ({ requestId, request, type, wallTime }) => Object.assign(at(requestId), {
      startedDateTime: new Date(wallTime * 1000).toISOString(), _resourceType: type.toLowerCase(), request: { method: request.method, url: request.url, headers: list(request.headers) },
    }));
    tools.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) => { at(requestId).sent = headers; });
    tools.on('Network.responseReceived', ({ requestId, response }) => Object.assign(at(requestId).response, { status: response.status, headers: list(response.headers) }));
    tools.on('Network.responseReceivedExtraInfo', ({ requestId, headers, statusCode }) => Object.assign(at(requestId).response, { status: statusCode, headers: list(headers) }));
    tools.on('Network.loadingFailed', ({ requestId, errorText }) => { at(requestId).response._error = errorText; });
    await tools.send('Network.enable');
    await visit(page, context);
  } finally {
    await context.close();
  }
  const known = [...entries.values()].filter((entry) => entry.request);
  for (const { request, sent } of known) if (sent) request.headers = list(sent);
  fs.writeFileSync(file, JSON.stringify({ log: { version: '1.2', creator: { name: 'WebInspector', version: '537.36' }, entries: known } }));
  if (process.env.KEEP_RECORDINGS) fs.copyFileSync(file, path.join(process.env.KEEP_RECORDINGS, `${name}.devtools.har`));
  return file;
}
