// SPDX-License-Identifier: Apache-2.0
// A Node relying party (npm's openid-client, in an application of its own) in the lab.
import { testParty, words } from '../lib/lab_parties.mjs';
import { startNodeParty } from '../lib/parties.mjs';

const table = {
  refuses: words(`
    token.malformed.json token.malformed.duplicate_member token.critical_header algorithm.none algorithm.not_allowed algorithm.symmetric
    algorithm.key_confusion algorithm.key_type_mismatch signature.invalid signature.other_key signature.other_issuer_key signature.der_encoded
    signature.graph_nonce keys.unknown_kid keys.rotated keys.retired_early keys.replaced keys.other_issuer keys.kid_missing_ambiguous
    keys.duplicate_kid keys.use_mismatch keys.weak keys.empty keys.private_material keys.unreachable keys.http_status keys.not_json keys.html
    keys.too_large keys.insecure_url keys.placeholder issuer.missing issuer.mismatch issuer.trailing_slash issuer.scheme issuer.no_scheme
    issuer.case issuer.whitespace issuer.port issuer.host_alias issuer.path issuer.template issuer.other_environment issuer.adfs_services_trust
    audience.missing audience.mismatch time.expired time.expired_by_skew time.not_yet_valid time.not_yet_valid_by_skew time.exp_missing
    time.not_a_number authentication.too_old discovery.not_found discovery.path_form discovery.issuer_mismatch discovery.html discovery.not_json
    discovery.http_status discovery.missing_member discovery.insecure_endpoint discovery.foreign_endpoint discovery.algorithm_unadvertised
    network.dns.not_found network.tcp.refused network.tcp.timeout network.http.timeout network.http.server_error network.http.rate_limited
    network.http.redirect network.tls.expired network.tls.not_yet_valid network.tls.self_signed network.tls.unknown_ca
    network.tls.missing_intermediate network.tls.hostname network.tls.protocol network.tls.handshake network.tls.client_certificate_required
    network.tls.plaintext_port network.proxy.intercepts response.not_json response.html response.truncated response.charset response.error
    response.token_type_missing response.access_token_missing response.id_token_missing response.token_characters     nonce.missing nonce.mismatch id_token.multiple_audiences userinfo.subject_mismatch userinfo.signed_unexpectedly client.unknown
    client.secret_wrong client.secret_expired client.method_mismatch client.authentication_missing client.assertion_expired
    client.assertion_signature client.assertion_audience code.expired code.reused code.encoding code.redirect_uri_differs pkce.verifier_mismatch
    pkce.verifier_missing refresh.unknown refresh.expired refresh.reused refresh.revoked refresh.other_client refresh.session_ended
    refresh.issuer_changed request.grant_unknown request.resource_invalid request.scope_unknown request.interaction_required binding.dpop_nonce
    binding.dpop_invalid state.missing state.mismatch callback.error request.denied_by_user pkce.required request.response_type
    callback.issuer_missing callback.issuer_mismatch redirect_uri.mismatch redirect_uri.trailing_slash redirect_uri.scheme
    redirect_uri.host_alias redirect_uri.port redirect_uri.path redirect_uri.query logout.uri_unregistered logout.no_hint device.expired
    device.denied response.member_missing`),
  passes: words(`
    keys.malformed_member keys.unsupported_type keys.stale_in_use time.issued_in_future time.milliseconds claim.email_unverified
    authentication.too_weak network.http.too_large network.tls.expiring clock.issuer_wrong response.expires_in_type response.cacheable
    refresh.not_issued id_token.at_hash id_token.azp response.token_type_unexpected device.pending device.slow_down`),
  recordedAs: { 'keys.rotated': 'keys.unknown_kid' }, // it does not look again within a minute of its last look
};

await testParty((lab, recorder) => startNodeParty(lab, { detour: recorder.origin }), table);
