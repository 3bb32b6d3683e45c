// SPDX-License-Identifier: Apache-2.0
// A fetch for openid-client and oauth4webapi ([customFetch]) that trusts a test's authority and shows a client certificate.
import { request } from './http.mjs';

/** fetchOver({ ca, cert, key }) → (url, init) → Response */
export function fetchOver(tls) {
  return async (url, { method = 'GET', headers = {}, body } = {}) => {
    const { status, rawHeaders, body: bytes } = await request(String(url), {
      ...tls, method, headers: Object.fromEntries(new Headers(headers)), body: body === undefined || body === null ? undefined : Buffer.from(await new Response(body).arrayBuffer()) });
    const answered = new Headers();
    for (let i = 0; i < rawHeaders.length; i += 2) answered.append(rawHeaders[i], rawHeaders[i + 1]);
    return new Response([204, 304].includes(status) ? null : bytes, { status, headers: answered });
  };
}
