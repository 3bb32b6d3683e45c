// SPDX-License-Identifier: Apache-2.0
// When is a cause named? One table for everybody, Sallyport included. A message names the cause when it names the PART that is wrong and says WHAT is
// wrong with it; with one of the two it is half a cause. Texts are all that was said: message, code, the causes' messages, log lines, challenge.
//
// RULE = [faults (a prefix of their ids; the longest that fits counts), part, what]. In `what` the words RECEIVED and EXPECTED stand for the values
// themselves: of a comparison either of them says it. 'part' and 'what' are regular expressions, case ignored.
export const verdicts = ['yes', 'partly', 'no', 'accepted'];

export const rules = [
  ['token.malformed.scheme_repeated', 'token|jwt|jws|authorization', 'bearer.*(twice|repeat|scheme)|scheme'],
  ['token.malformed.quoted', 'token|jwt|jws', 'quot'],
  ['token.malformed.whitespace', 'token|jwt|jws', 'space'],
  ['token.malformed.url_encoded', 'token|jwt|jws', 'url.?encod|percent|%2e'],
  ['token.malformed.padding', 'token|jwt|jws|segment|base64', 'padd|`?=`'],
  ['token.malformed.truncated', 'token|jwt|jws|signature', 'truncat|cut|too short|length'],
  ['token.malformed.segments', 'token|jwt|jws', 'segment|parts|invalid compact|malformed'],
  ['token.malformed.json', 'token|jwt|jws|payload|claims', 'json|parse'],
  ['token.malformed.duplicate_member', 'token|jwt|jws|payload|claim|sub', 'duplicate|twice|repeat'],
  ['token.malformed.response_body', 'token|jwt|jws', 'token response|response|json'],
  ['token.opaque', 'token|jwt|jws', 'opaque|reference|not a (jwt|signed)|invalid compact|malformed|segment'],
  ['token.encrypted', 'token|jwt|jws|jwe', 'encrypt|jwe'],
  ['token.kind.id_token', '\\btyp\\b|id.?token', 'id.?token|at\\+jwt'],
  ['token.kind.refresh_token', '\\btyp\\b|token', 'refresh'],
  ['token.kind.type_header', '\\btyp\\b', 'at\\+jwt|logout\\+jwt|unexpected'],
  ['token.critical_header', '\\bcrit\\b|critical|extension', 'lab\\.example/policy|not (recogni[sz]ed|supported|understood)|unknown|unsupported'],
  ['token.too_large', 'token|header|field', 'large|too long|exceed|limit'],
  ['algorithm.none', '\\balg|signature', '\\bnone\\b|unsigned|required|unsecured|missing|not allowed|invalid alg|unexpected'],
  ['algorithm.not_allowed', '\\balg|\\b[HP]S\\d{3}', 'PS512|not allowed|not supported|unsupported|invalid alg|unexpected'],
  ['algorithm.symmetric', '\\balg|\\b[HP]S\\d{3}', 'HS256|hmac|symmetric|not allowed|unsupported|invalid alg|unexpected'],
  ['algorithm.key_confusion', '\\balg|\\b[HP]S\\d{3}', 'HS256|hmac|symmetric|not allowed|unsupported|invalid alg|unexpected'],
  ['algorithm.key_type_mismatch', '\\balg|key type|kty', 'ES256|\\bRSA\\b|\\bEC\\b|key type|kty'],
  ['signature.invalid', 'signature|jws_verify', 'invalid|fail|does not|not verif|mismatch'],
  ['signature.other_key', 'signature|jws_verify', '(another|other|different) key|signed (by|with) (the )?key'],
  ['signature.other_issuer_key', 'signature|jws_verify', '(another|other)( configured)? issuer'],
  ['signature.der_encoded', 'signature|jws_verify', '\\bDER\\b|ASN\\.?1|must be \"?64\"? bytes'],
  ['signature.graph_nonce', 'signature|jws_verify|nonce', 'graph|nonce'],
  ['keys.unknown_kid', '\\bkid\\b|key', 'no (applicable|matching)|unable to find|not (found|in|published)|unknown|no key|lab-gone'],
  ['keys.other_issuer', '\\bkid\\b|key', '(another|other)( configured)? issuer'],
  ['keys.kid_missing_ambiguous', '\\bkid\\b|key', 'no kid|missing|without|multiple|ambiguous|several'],
  ['keys.use_mismatch', '\\buse\\b|key', '\\benc\\b|encryption|not .*for signatures'],
  ['keys.weak', '\\bkey|modulus|rsa', '1024|2048|weak|too small|unsupported .*modulus'],
  ['keys.empty', 'key|jwks', 'no keys|empty|not contain any|0 keys|no usable'],
  ['keys.unreachable', 'key|jwks|ADDRESS', 'refused|could(n.t| not) connect'],
  ['keys.http_status', 'key|jwks', '403|forbidden|200 OK'],
  ['keys.not_json', 'key|jwks', 'json'],
  ['keys.html', 'key|jwks', 'html|sign.?in|(content|media).?type'],
  ['keys.too_large', 'key|jwks', 'large|limit|exceed'],
  ['keys.insecure_url', 'key|jwks', 'http:|https|insecure|plain'],
  ['keys.placeholder', 'key|jwks', 'placeholder|could not fetch|`?"?error"?`?'],
  ['issuer.missing', '\\biss(uer)?\\b', 'missing|required|\\bno\\b|none|absent|not found|EXPECTED'],
  ['issuer.', '\\biss(uer)?\\b', 'RECEIVED|EXPECTED'],
  ['audience.missing', '\\baud(ience)?\\b', 'missing|required|\\bno\\b|none|absent|not found|EXPECTED'],
  ['audience.', '\\baud(ience)?\\b', 'RECEIVED|EXPECTED'],
  ['time.expired_by_skew', '\\bexp|clock', 'clock|skew'],
  ['time.expired', '\\bexp', 'expired|ago|past'],
  ['time.not_yet_valid_by_skew', '\\bnbf\\b|not (yet )?(valid|active|before)|clock', 'clock|skew'],
  ['time.not_yet_valid', '\\bnbf\\b|not before|jwt', 'not (yet )?(valid|active)|future|ahead|too early'],
  ['time.issued_in_future', '\\biat\\b|issued', 'future|ahead'],
  ['time.milliseconds', '\\b(exp|iat)\\b|issued|expir', 'millisecond|in the past|future|too (far|large)|ahead'],
  ['time.exp_missing', '\\bexp\\b|expir', 'missing|required|\\bno\\b|none|absent|not (found|contain)'],
  ['time.not_a_number', '\\bexp\\b', 'number|integer|text|string|invalid .*value|claim type'],
  ['scope.', 'scope', 'read|missing|insufficient|required'],
  ['claim.', 'tenant', '\\blab\\b|missing|required|absent'],
  ['discovery.not_found', 'discovery|metadata|well-known|configuration', '404|not found'],
  ['discovery.issuer_mismatch', '\\bissuer\\b', 'RECEIVED|EXPECTED'],
  ['issuer.template', '\\bissuer\\b', 'tenantid|placeholder|EXPECTED'],
  ['discovery.html', 'discovery|metadata|well-known|configuration', 'html|sign.?in'],
  ['discovery.not_json', 'discovery|metadata|well-known|configuration|response', 'json'],
  ['discovery.http_status', 'discovery|metadata|well-known|configuration', '403'],
  ['discovery.missing_member', 'jwks_uri', 'missing|no |not |must|lacks'],
  ['discovery.insecure_endpoint', 'token.?endpoint|http://idp', 'https|insecure|plain|protocol'],
  ['network.dns.not_found', 'lab\\.invalid|\\bdns\\b|host', 'ENOTFOUND|EAI_AGAIN|resolve|does not exist|not found'],
  ['network.tcp.refused', 'ADDRESS|connect', 'refused|could(n.t| not) connect'],
  ['network.tcp.timeout', 'connect|tcp|key|jwks', 'time.?out|timed out|no answer'],
  ['network.http.timeout', 'http|response|request|answer|operation', 'time.?out|timed out|no answer|aborted'],
  ['network.http.server_error', 'http|status|gateway', '502|bad gateway|200 OK'],
  ['network.http.rate_limited', 'http|status|rate|requests', '429|too many|200 OK'],
  ['network.http.redirect', 'http|status|redirect', '\\b302\\b|redirect|200 OK'],
  ['network.tls.expired', 'cert', 'expired'],
  ['network.tls.not_yet_valid', 'cert', 'not (yet )?valid|NOT_YET_VALID|in the future'],
  ['network.tls.self_signed', 'cert', 'self.?signed'],
  ['network.tls.unknown_ca', 'cert', 'unknown|not trusted|untrusted|no(t a)? trusted|unable to (get|verify)|local issuer'],
  ['network.tls.missing_intermediate', 'cert|chain', 'intermediate|incomplete'],
  ['network.tls.hostname', 'cert|altname', 'host|altname|other\\.lab\\.example'],
  ['network.tls.protocol', 'tls|ssl', 'protocol|version'],
  ['network.tls.handshake', 'tls|ssl', 'handshake|cipher'],
  ['network.tls.client_certificate_required', 'cert', 'client cert|certificate.required'],
  ['network.tls.plaintext_port', 'tls|ssl|https', 'plain|speaks http|http answer|http response|not tls'],
  ['network.proxy.intercepts', 'cert|tls', 'proxy|intercept'],
  ['response.not_json', 'response|answer|content.?type', 'json|urlencoded'],
  ['response.html', 'response|answer|content.?type', 'html'],
  ['response.truncated', 'response|answer|body|json', 'truncat|cut|unexpected end|terminated|incomplete|aborted'],
  ['response.error', 'response|token endpoint|server', 'invalid_request'],
  ['response.token_type_missing', 'token_type', 'missing|must|no |none|not '],
  ['response.access_token_missing', 'access_token', 'missing|must|no |none|not '],
  ['response.id_token_missing', 'id.?token', 'missing|must|no |none|not |no$'],
  ['nonce.missing', 'nonce', 'missing|no nonce|none'],
  ['nonce.', 'nonce', 'RECEIVED|unexpected|differ|mismatch|another|not the'],
  ['id_token.at_hash', 'at_hash', 'differ|mismatch|does not|not match|another'],
  ['id_token.azp', '\\bazp\\b', 'another-client|unexpected|mismatch'],
  ['id_token.multiple_audiences', 'aud(ience)?s?\\b|\\bazp\\b', 'multiple|several|azp.*missing|missing.*azp|no azp|additional|untrusted'],
  ['userinfo.subject_mismatch', '\\bsub(ject)?\\b', 'somebody-else|unexpected|differ|mismatch|another|other'],
  ['client.unknown', 'client|application', 'not found|unknown|not know'],
  ['client.secret_wrong', 'secret', 'invalid|wrong|not the'],
  ['client.secret_expired', 'secret', 'expired'],
  ['client.method_mismatch', 'client_(secret|assertion)|method', 'public|neither|another|differ|registered'],
  ['client.authentication_missing', 'client_(secret|assertion)|credential', 'must contain|missing|without|no '],
  ['client.assertion_expired', 'assertion', 'time range|expired|too old'],
  ['client.assertion_signature', 'assertion', 'signature'],
  ['client.assertion_audience', 'assertion', 'match|audience|somebody else'],
  ['code.expired', 'code', 'expired|too old'],
  ['code.reused', 'code', 'already|reused|before|twice'],
  ['code.encoding', 'code', 'malformed|damaged|encod'],
  ['code.redirect_uri_differs', 'redirect_uri', 'incorrect|differ|mismatch|other'],
  ['pkce.verifier_mismatch', 'verifier|pkce', 'mismatch|does not|fail'],
  ['pkce.verifier_missing', 'verifier', 'not specified|missing|no '],
  ['request.grant_unknown', 'grant', 'unsupported|unknown|not know'],
  ['request.resource_invalid', 'resource', 'invalid|unknown|not know'],
  ['request.scope_unknown', 'scope', 'not valid|invalid|unknown|not know'],
  ['request.interaction_required', 'interaction|user|consent|sign in', 'interaction.required|not consented|consent'],
  ['request.denied_by_user', 'access_denied|user|owner|person', 'denied|said no|refused'],
  ['request.response_type', 'response_type', 'unsupported|not do|does not'],
  ['binding.dpop_nonce', 'dpop', 'nonce'],
  ['binding.dpop_invalid', 'dpop', 'invalid|not accept'],
  ['state.missing', 'state', 'missing|no state|none|dropped'],
  ['state.', 'state', 'unexpected|differ|mismatch|another|not the'],
  ['callback.error', 'authorization|callback|server|error', 'server_error|unexpected condition'],
  ['callback.issuer_missing', '\\biss(uer)?\\b', 'missing|no iss|none|leaves'],
  ['callback.issuer_mismatch', '\\biss(uer)?\\b', 'RECEIVED|EXPECTED|login\\.other\\.example'],
];

/** The rule for a fault; every fault that is asked has one. */
export function ruleFor(id) {
  const fitting = rules.filter(([prefix]) => id.startsWith(prefix)).sort((a, b) => b[0].length - a[0].length);
  if (fitting.length === 0) throw new Error(`there is no rule for ${id} in tests/e2e/compare/rules.mjs`);
  return fitting[0];
}

const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** `facts`: { RECEIVED, EXPECTED, ADDRESS }, each a text or undefined (then it is nowhere). → one of `verdicts` */
export function judge(id, { accepted, said }, facts = {}) {
  if (accepted) return 'accepted';
  const [, ...patterns] = ruleFor(id);
  const text = said.join('\n');
  const holds = patterns.filter((pattern) => {
    const filled = pattern.replace(/\b(RECEIVED|EXPECTED|ADDRESS)\b/g, (name) => (facts[name] ? literal(facts[name]) : '(?!)'));
    return new RegExp(filled, 'i').test(text);
  });
  return ['no', 'partly', 'yes'][holds.length];
}
