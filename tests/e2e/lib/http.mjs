// SPDX-License-Identifier: Apache-2.0
// An HTTP client that sends exactly the headers it is given (fetch adds and forbids some), one connection a request.
import http from 'node:http';
import https from 'node:https';

/**
 * request('http://…/photos', { method, headers, body, token, timeout, agent, ca, cert, key, servername, rejectUnauthorized })
 * `headers` may be an object or a flat array ['Name', 'value', …] for repeated names. `token` is short for a Bearer header.
 * An answer that is cut rejects with an error whose `partial` is what came.
 * Resolves to { status, headers, rawHeaders, body (Buffer), text, json (undefined when it is none), cause, requestId }.
 */
export function request(url, options = {}) {
  const { body, token, timeout = 20_000, ...rest } = options;
  const target = new URL(url);
  let headers = rest.headers ?? {};
  if (token !== undefined) {
    headers = Array.isArray(headers) ? [...headers, 'Authorization', `Bearer ${token}`] : { Authorization: `Bearer ${token}`, ...headers };
  }
  // An array of headers is sent as it is: Host is ours to add.
  if (Array.isArray(headers) && !headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')) headers = ['Host', target.host, ...headers];
  return new Promise((resolve, reject) => {
    const client = target.protocol === 'https:' ? https : http;
    const outgoing = client.request(target, { agent: false, ...rest, headers }, (incoming) => {
      const chunks = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('error', (error) => reject(Object.assign(error, { partial: toResponse(incoming, Buffer.concat(chunks)) })));
      incoming.on('end', () => resolve(toResponse(incoming, Buffer.concat(chunks))));
    });
    outgoing.setTimeout(timeout, () => outgoing.destroy(new Error(`no answer from ${url} within ${timeout} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function toResponse(incoming, body) {
  const text = body.toString('utf8');
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return {
    status: incoming.statusCode,
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body,
    text,
    json,
    cause: json?.cause,
    requestId: incoming.headers['x-request-id'],
  };
}
