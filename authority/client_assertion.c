/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_assertion.h"

#include "authority/client_keys.h"
#include "authority/denial.h"
#include "authority/fapi2.h"
#include "authority/replay.h"

/* Clocks of clients differ; beyond an hour an assertion is a password in disguise. */
#define LEEWAY_S 30
#define MAX_LIFETIME_S 3600

static enum sp_step refuse_form(struct sp_call *call, const char *what)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR("a signed JWT (RFC 7523 2.2)"),
                   .received = sp_str_from_cstr(what), .error = "invalid_client", .status = 401,
                   .tell = sp_arena_printf(call->arena, "It is the client assertion: %s.", what));
}

/* RFC 8725 3.11: no JWT of another purpose passes for a proof. */
static bool is_of_type(struct sp_str type)
{
    return type.at == NULL || sp_str_equal_ignoring_case(type, SP_STR("JWT")) ||
           sp_str_equal_ignoring_case(type, SP_STR("client-authentication+jwt"));
}

enum sp_step sp_client_assertion_read(struct sp_call *call, struct sp_client_assertion *assertion)
{
    struct sp_str text = sp_call_parameter(call, "client_assertion"),
                  type = sp_call_parameter(call, "client_assertion_type");
    struct sp_client_assertion read = {0};
    if (!sp_str_equal(type, SP_STR(SP_CLIENT_ASSERTION_TYPE)))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
                       .expected = SP_STR("client_assertion_type=" SP_CLIENT_ASSERTION_TYPE), .received = type,
                       .error = "invalid_client", .status = 401, .tell = SP_STR("It is 'client_assertion_type'."));
    const char *fault = NULL;
    enum sp_status status = sp_signed_jwt_read(call->arena, text, &read.jwt, &fault);
    if (status == SP_MALFORMED)
        return refuse_form(call, fault);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (read.jwt.algorithm == SP_ALGORITHM_UNKNOWN)
        return refuse_form(call, "its alg is none or not known");
    if (!is_of_type(read.jwt.type))
        return refuse_form(call, "its typ is of another kind of JWT");
    read.subject = sp_signed_jwt_text(&read.jwt, "sub");
    if (read.subject.len == 0)
        return refuse_form(call, "it has no sub, which names the client");
    *assertion = read;
    return SP_GOES_ON;
}

static bool is_secret_too_short(const struct sp_client *client, enum sp_algorithm algorithm)
{
    bool is_long_enough = client->secret_count == 0;
    for (size_t i = 0; i < client->secret_count; i++)
        is_long_enough |= client->secrets[i].text.len >= sp_hash_size(sp_algorithm_get(algorithm)->hash);
    return !is_long_enough;
}

static enum sp_step check_signature(struct sp_call *call, const struct sp_client *client,
                                    const struct sp_client_assertion *a)
{
    const struct sp_jwk_set *keys = NULL;
    bool symmetric = (sp_algorithm_bit(a->jwt.algorithm) & sp_algorithms_symmetric()) != 0;
    if (client->is_fapi2 && !sp_fapi2_allows(a->jwt.algorithm, SP_CURVE_NONE))
        return refuse_form(call, "its alg is not " SP_FAPI2_ALGORITHMS);
    /* OIDC Registration 2: and no other, whatever keys it has. */
    if (client->assertion_algorithm != SP_ALGORITHM_UNKNOWN && a->jwt.algorithm != client->assertion_algorithm)
        return refuse_form(call, "its alg is not the client's token_endpoint_auth_signing_alg");
    enum sp_step step = symmetric ? SP_GOES_ON : sp_client_keys_for(call, client, a->jwt.kid, &keys);
    if (step != SP_GOES_ON)
        return step;
    const struct sp_key *verifier = symmetric ? NULL : sp_signed_jwt_verifier(&a->jwt, keys);
    if (verifier != NULL && client->is_fapi2 && !sp_fapi2_allows(a->jwt.algorithm, sp_key_curve(verifier)))
        return refuse_form(call, "its key is of Ed448, and not for " SP_FAPI2_ALGORITHMS);
    if (verifier != NULL || (symmetric && sp_signed_jwt_verifies_by_secret(&a->jwt, client, call->now)))
        return SP_GOES_ON;
    struct sp_str detail = sp_signed_jwt_keys_in_words(call->arena, keys);
    /* For the log alone: whoever names a client learns nothing of its secret. */
    if (symmetric && is_secret_too_short(client, a->jwt.algorithm))
        detail = SP_STR("The client's secret is shorter than the hash of that algorithm: 48 bytes for HS384, 64 for "
                        "HS512 (RFC 7518 3.2).");
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_SIGNATURE, .expected = client->id,
                   .received = sp_arena_printf(call->arena, "%.*s, kid %.*s", SP_STR_ARG(a->jwt.algorithm_name),
                                               SP_STR_ARG(a->jwt.kid)),
                   .detail = detail);
}

/* RFC 7523 3: this server, by its issuer or the endpoint that is asked. */
static bool names_us(const struct sp_call *call, struct sp_str audience)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_str below = SP_STR_NONE, alias = sp_authority_alias_url(call, "");
    if (sp_str_has_prefix(audience, settings->base))
        below = sp_str_slice(audience, settings->base.len, audience.len);
    else if (alias.at != NULL && sp_str_has_prefix(audience, alias))
        below = sp_str_slice(audience, alias.len, audience.len);
    return sp_str_equal(audience, settings->issuer) || sp_str_equal(below, SP_STR("/token")) ||
           (sp_str_has_prefix(below, SP_STR("/")) && below.len > 1 && sp_str_has_suffix(call->asked.path, below));
}

static enum sp_step check_audience(struct sp_call *call, const struct sp_client *client,
                                   const struct sp_client_assertion *a)
{
    const struct sp_json *audience = sp_json_member(a->jwt.claims, SP_STR("aud"));
    struct sp_str received = sp_json_string(audience);
    bool ours = received.at != NULL && names_us(call, received);
    for (const struct sp_json *item = sp_json_is(audience, SP_JSON_ARRAY) ? audience->first : NULL;
         item != NULL && !ours; item = item->next) {
        received = sp_json_string(item);
        ours = received.at != NULL && names_us(call, received);
    }
    /* FAPI 2.0 5.3.2.1: the issuer as a text and nothing else. */
    if (client->is_fapi2)
        ours = sp_str_equal(sp_json_string(audience), call->authority->settings->issuer);
    if (ours)
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_AUDIENCE, .expected = call->authority->settings->issuer,
                   .received = received.at != NULL ? received : SP_STR("none"));
}

static enum sp_step check_times(struct sp_call *call, const struct sp_client_assertion *a, int64_t *expires_at)
{
    int64_t not_before = 0, issued_at = 0;
    if (sp_json_int64(sp_json_member(a->jwt.claims, SP_STR("exp")), expires_at) != SP_OK)
        return refuse_form(call, "it has no exp");
    if (*expires_at + LEEWAY_S <= call->now)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_EXPIRED,
                       .detail = sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - *expires_at)));
    if (*expires_at > call->now + MAX_LIFETIME_S)
        return refuse_form(call, "it lives longer than an hour");
    const struct sp_json *nbf = sp_json_member(a->jwt.claims, SP_STR("nbf"));
    const struct sp_json *iat = sp_json_member(a->jwt.claims, SP_STR("iat"));
    if (nbf != NULL && (sp_json_int64(nbf, &not_before) != SP_OK || not_before > call->now + LEEWAY_S))
        return refuse_form(call, "its nbf lies ahead");
    if (iat != NULL && (sp_json_int64(iat, &issued_at) != SP_OK || issued_at > call->now + LEEWAY_S))
        return refuse_form(call, "its iat lies ahead");
    return SP_GOES_ON;
}

static enum sp_step check_replay(struct sp_call *call, const struct sp_client *client,
                                 const struct sp_client_assertion *a, int64_t expires_at)
{
    struct sp_str jti = sp_json_string(sp_json_member(a->jwt.claims, SP_STR("jti")));
    if (jti.len == 0)
        return refuse_form(call, "it has no jti");
    unsigned char hash[32];
    struct sp_str whole = sp_arena_printf(call->arena, "assertion %.*s %.*s", SP_STR_ARG(client->id), SP_STR_ARG(jti));
    bool fresh = false;
    if (whole.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    sp_sha256(whole, hash);
    enum sp_step step = sp_replay_spend(call, hash, client->id, expires_at + LEEWAY_S, &fresh);
    if (step != SP_GOES_ON)
        return step;
    return fresh ? SP_GOES_ON : SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_REPLAYED, .received = jti);
}

enum sp_step sp_client_assertion_judge(struct sp_call *call, const struct sp_client *client,
                                       const struct sp_client_assertion *a)
{
    int64_t expires_at = 0;
    struct sp_str issuer = sp_json_string(sp_json_member(a->jwt.claims, SP_STR("iss")));
    if (check_signature(call, client, a) != SP_GOES_ON)
        return SP_DENIED;
    if (!sp_str_equal(issuer, client->id) || !sp_str_equal(a->subject, client->id))
        return refuse_form(call, "its iss and sub are not both the client_id");
    if (check_audience(call, client, a) != SP_GOES_ON || check_times(call, a, &expires_at) != SP_GOES_ON)
        return SP_DENIED;
    return check_replay(call, client, a, expires_at);
}
