// SPDX-License-Identifier: Apache-2.0
// Which of Sallyport's own tools names each fault of the lab when it meets it: that is the proof that the fault is real. lab.test.mjs holds this to
// `lab list`; the other lab_*.test.mjs run it.
//   cause: it is the verdict's cause (or the reason attached to it) · also: it stands among the other findings, where something else is named first
//   or the fault is a warning.
const words = (text) => text.trim().split(/\s+/);

export const proofs = {
  /** `sallyport token examine` of the lab's token, under a policy that asks for everything that its healthy tokens have. */
  examine: {
    cause: words(`
      token.malformed.scheme_repeated token.malformed.quoted token.malformed.whitespace token.malformed.url_encoded token.malformed.padding
      token.malformed.truncated token.malformed.segments token.malformed.json token.malformed.duplicate_member token.malformed.response_body token.opaque
      token.encrypted token.kind.id_token token.kind.refresh_token token.kind.type_header token.critical_header token.too_large
      algorithm.none algorithm.not_allowed algorithm.symmetric algorithm.key_confusion algorithm.key_type_mismatch
      signature.invalid signature.other_key signature.other_issuer_key signature.der_encoded signature.graph_nonce
      keys.unknown_kid keys.other_issuer keys.kid_missing_ambiguous keys.use_mismatch keys.empty keys.unreachable keys.http_status keys.not_json keys.html
      keys.too_large keys.placeholder
      issuer.missing issuer.mismatch issuer.trailing_slash issuer.scheme issuer.no_scheme issuer.case issuer.whitespace issuer.port issuer.host_alias issuer.path
      issuer.adfs_services_trust
      audience.missing audience.mismatch audience.trailing_slash audience.case audience.scheme audience.is_client_id audience.other_api audience.keycloak_account
      time.expired time.expired_by_skew time.not_yet_valid time.not_yet_valid_by_skew time.issued_in_future time.milliseconds time.exp_missing time.not_a_number
      time.lifetime_too_long
      scope.missing scope.claim_absent claim.missing claim.mismatch claim.email_unverified claim.groups_overage authentication.too_weak authentication.too_old`),
    also: words('keys.duplicate_kid keys.malformed_member keys.unsupported_type keys.private_material issuer.other_environment discovery.algorithm_unadvertised'),
    /** The same with a shared secret instead of a key set. */
    secret: words('signature.secret_encoding'),
  },
  /** `sallyport doctor` with a client, an audience, a scope, a redirect URI and the API. */
  doctor: {
    cause: words(`
      keys.weak discovery.not_found discovery.html discovery.not_json discovery.http_status discovery.missing_member discovery.insecure_endpoint
      network.tcp.refused network.tcp.timeout network.http.timeout network.http.server_error network.http.rate_limited network.http.redirect
      network.http.too_large
      network.tls.expired network.tls.not_yet_valid network.tls.self_signed network.tls.unknown_ca network.tls.missing_intermediate network.tls.hostname
      network.tls.protocol network.tls.handshake network.tls.client_certificate_required network.tls.plaintext_port network.proxy.intercepts
      upstream.refused upstream.timeout upstream.tls upstream.rejected_token clock.issuer_wrong`),
    also: words(`keys.insecure_url issuer.template discovery.path_form discovery.issuer_mismatch discovery.foreign_endpoint discovery.host_reflected
      network.dns.not_found network.tls.expiring`),
  },
  /** `sallyport inspect` of the HAR of a client that walked through the lab. */
  inspect: {
    login: words(`
      response.not_json response.html response.truncated response.charset response.error response.token_type_missing response.access_token_missing
      response.id_token_missing response.expires_in_type response.cacheable refresh.not_issued
      nonce.missing nonce.mismatch id_token.at_hash id_token.azp id_token.multiple_audiences userinfo.subject_mismatch userinfo.signed_unexpectedly
      client.unknown client.secret_wrong client.secret_expired client.method_mismatch client.authentication_missing client.assertion_expired
      client.assertion_signature client.assertion_audience code.expired code.reused code.encoding code.redirect_uri_differs
      pkce.verifier_mismatch pkce.verifier_missing request.grant_unknown request.resource_invalid request.scope_unknown request.interaction_required
      binding.dpop_nonce binding.dpop_invalid
      state.missing state.mismatch callback.error request.denied_by_user request.response_type callback.issuer_missing callback.issuer_mismatch`),
    login_without_pkce: words('pkce.required'),
    login_with_dpop: words('response.token_type_unexpected'),
    refresh: words(`refresh.unknown refresh.expired refresh.reused refresh.revoked refresh.other_client refresh.session_ended refresh.issuer_changed`),
    device: words('device.pending device.slow_down device.expired device.denied'),
    redirect: words(`redirect_uri.mismatch redirect_uri.trailing_slash redirect_uri.scheme redirect_uri.host_alias redirect_uri.port redirect_uri.path
      redirect_uri.query`),
    logout: words('logout.uri_unregistered logout.no_hint'),
    api: words(`mcp.no_challenge mcp.metadata_missing mcp.resource_mismatch mcp.no_authorization_server cors.preflight_rejected cors.origin_not_allowed
      header.request_too_large`),
  },
  /** `sallyport token get` and `token login --device`. */
  client: {
    get: words('response.token_characters'),
    device: words('response.member_missing'),
  },
  /** The gateway in front of the lab's API. */
  gateway: {
    keys: words('keys.rotated keys.retired_early keys.replaced keys.stale_in_use'),
    token: words('binding.dpop_missing binding.mtls_missing token.revoked'),
    introspection: words('introspection.inactive introspection.unauthorized introspection.unreachable introspection.http_status introspection.malformed'),
    upstream: words('upstream.dns'),
  },
};

/** Every id that some proof names, once for each. */
export const proven = Object.values(proofs).flatMap((tool) => Object.values(tool).flat());
