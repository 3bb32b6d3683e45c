// SPDX-License-Identifier: Apache-2.0
// Which peers a fault concerns: whoever reads the part that is wrong. Only faults that a strict reader refuses are asked, so that "accepted" is a fault of
// the peer that says it.
import { toolFor } from './sallyport.mjs';

export const peers = ['mod_oauth2', 'HAProxy', 'jsonwebtoken', 'jose', 'openid-client'];

const gateways = ['mod_oauth2', 'HAProxy'];
const libraries = ['jsonwebtoken', 'jose'];
const fetchers = ['mod_oauth2', ...libraries, 'openid-client'];

/** Row: [faults (prefix; the longest that fits counts), those who read it, heading of the group]. */
const concerned = [
  ['token.', [...gateways, ...libraries], 'The token: its text and kind'],
  ['token.too_large', gateways, 'The token: its text and kind'],
  ['algorithm.', [...gateways, ...libraries], 'Algorithm and signature'],
  ['signature.', [...gateways, ...libraries], 'Algorithm and signature'],
  ['keys.', fetchers, 'Keys and key sets'],
  /* The plain lab's client has to be told that http is allowed, so that it cannot object to it. */
  ['keys.insecure_url', ['mod_oauth2', ...libraries], 'Keys and key sets'],
  ['discovery.insecure_endpoint', [], 'Discovery'],
  ['issuer.', [...gateways, ...libraries], 'Issuer'],
  ['issuer.template', ['mod_oauth2', 'openid-client'], 'Discovery'],
  ['audience.', [...gateways, ...libraries], 'Audience'],
  ['time.', [...gateways, ...libraries], 'Time'],
  ['scope.', gateways, 'Scope and claims'],
  ['claim.missing', gateways, 'Scope and claims'],
  ['claim.mismatch', gateways, 'Scope and claims'],
  ['discovery.', ['mod_oauth2', 'openid-client'], 'Discovery'],
  ['network.tls.', fetchers, 'TLS'],
  ['network.proxy.', fetchers, 'TLS'],
  ['network.', fetchers, 'Network'],
  ...['response.', 'client.', 'code.', 'pkce.verifier', 'request.', 'binding.dpop_nonce', 'binding.dpop_invalid'].map((prefix) => [prefix, ['openid-client'], 'Token endpoint']),
  ...['nonce.', 'id_token.', 'userinfo.'].map((prefix) => [prefix, ['openid-client'], 'ID token and userinfo']),
  ...['state.', 'callback.', 'request.denied_by_user', 'request.response_type'].map((prefix) => [prefix, ['openid-client'], 'Authorization response']),
];

const order = [...new Set(concerned.map(([, , group]) => group))];

/** `list`: what `lab list --json` says. → [{ id, what, tls, group, peers }], by group. */
export function questionsFor(list) {
  return list.filter((row) => row.must === 'refuse' && toolFor(row.id)).flatMap((row) => {
    const fitting = concerned.filter(([prefix]) => row.id.startsWith(prefix)).sort((a, b) => b[0].length - a[0].length)[0];
    if (!fitting || fitting[1].length === 0) return [];
    const [prefix, readers, group] = fitting;
    /* What a verifier meets stands in the ID token as well, which openid-client reads. */
    const more = row.who !== 'api' && !readers.includes('openid-client') && prefix !== 'keys.insecure_url' ? ['openid-client'] : [];
    return [{ id: row.id, what: row.what, tls: row.tls, group, peers: peers.filter((name) => [...readers, ...more].includes(name)) }];
  }).sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
}
