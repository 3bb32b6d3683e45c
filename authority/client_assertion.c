/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_assertion.h"

#include "authority/denial.h"
#include "core/base/limits.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

/* Clocks of clients differ; beyond an hour an assertion is a password in disguise. */
#define LEEWAY_S 30
#define MAX_LIFETIME_S 3600

static enum sp_step refuse_form(struct sp_call *call, const char *what)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR("a signed JWT (RFC 7523 2.2)"),
                   .received = sp_str_from_cstr(what), .error = "invalid_client", .status = 401,
                   .tell = sp_arena_printf(call->arena, "It is the client assertion: %s.", what));
}

static enum sp_status read_part(struct sp_call *call, struct sp_str encoded, const struct sp_json **json)
{
    struct sp_str text;
    struct sp_json_error error;
    enum sp_status status = sp_base64url_decode(call->arena, encoded, &text);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, text, &sp_json_limits_token, json, &error);
    return status == SP_OK && !sp_json_is(*json, SP_JSON_OBJECT) ? SP_MALFORMED : status;
}

enum sp_step sp_client_assertion_read(struct sp_call *call, struct sp_client_assertion *assertion)
{
    struct sp_str text = sp_call_parameter(call, "client_assertion"),
                  type = sp_call_parameter(call, "client_assertion_type");
    const struct sp_json *header = NULL;
    struct sp_client_assertion read = {0};
    if (!sp_str_equal(type, SP_STR(SP_CLIENT_ASSERTION_TYPE)))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID,
                       .expected = SP_STR("client_assertion_type=" SP_CLIENT_ASSERTION_TYPE), .received = type,
                       .error = "invalid_client", .status = 401, .tell = SP_STR("It is 'client_assertion_type'."));
    size_t first = sp_str_index_of(text, '.', 0), second = sp_str_index_of(text, '.', first + 1);
    if (text.len > SP_MAX_TOKEN_BYTES || second >= text.len)
        return refuse_form(call, "it is no compact JWS");
    enum sp_status status = read_part(call, sp_str_slice(text, 0, first), &header);
    if (status == SP_OK)
        status = read_part(call, sp_str_slice(text, first + 1, second), &read.claims);
    if (status == SP_OK)
        status = sp_base64url_decode(call->arena, sp_str_slice(text, second + 1, text.len), &read.signature);
    if (status == SP_MALFORMED)
        return refuse_form(call, "its header, claims or signature cannot be decoded");
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (sp_json_member(header, SP_STR("crit")) != NULL)
        return refuse_form(call, "it has a critical header");
    read.algorithm = sp_algorithm_find(sp_json_string(sp_json_member(header, SP_STR("alg"))));
    read.kid = sp_json_string(sp_json_member(header, SP_STR("kid")));
    read.signed_text = sp_str_slice(text, 0, second);
    read.subject = sp_json_string(sp_json_member(read.claims, SP_STR("sub")));
    if (read.algorithm == SP_ALGORITHM_UNKNOWN)
        return refuse_form(call, "its alg is none or not known");
    *assertion = read;
    return SP_GOES_ON;
}

static bool verifies_by_secret(const struct sp_client *client, const struct sp_client_assertion *a, int64_t now)
{
    bool holds = false;
    for (size_t i = 0; i < client->secret_count && !holds; i++) {
        const struct sp_client_secret *secret = &client->secrets[i];
        struct sp_key_parts parts = {.type = SP_KEY_TYPE_OCT, .k = secret->text};
        struct sp_key *key = NULL;
        bool usable = secret->kind == SP_CLIENT_SECRET_PLAIN && (secret->expires_at == 0 || now < secret->expires_at);
        if (usable && sp_key_import(&parts, &key) == SP_OK)
            holds = sp_key_verify(key, a->algorithm, a->signed_text, a->signature) == SP_VERIFICATION_HOLDS;
        sp_key_destroy(&key);
    }
    return holds;
}

static bool verifies_by_key(const struct sp_client *client, const struct sp_client_assertion *a)
{
    for (size_t i = 0; client->keys != NULL && i < client->keys->count; i++) {
        const struct sp_jwk *jwk = &client->keys->keys[i];
        bool named = a->kid.at == NULL || jwk->kid.at == NULL || sp_str_equal(a->kid, jwk->kid);
        if (named && sp_jwk_fits(jwk, a->algorithm) &&
            sp_key_verify(jwk->key, a->algorithm, a->signed_text, a->signature) == SP_VERIFICATION_HOLDS)
            return true;
    }
    return false;
}

static enum sp_step check_signature(struct sp_call *call, const struct sp_client *client,
                                    const struct sp_client_assertion *a)
{
    bool symmetric = (sp_algorithm_bit(a->algorithm) & sp_algorithms_symmetric()) != 0;
    if (symmetric ? verifies_by_secret(client, a, call->now) : verifies_by_key(client, a))
        return SP_GOES_ON;
    struct sp_str algorithm = sp_algorithm_get(a->algorithm)->name;
    return SP_DENY(
        call, .cause = SP_CAUSE_CLIENT_ASSERTION_SIGNATURE, .expected = client->id,
        .received = sp_arena_printf(call->arena, "%.*s, kid %.*s", SP_STR_ARG(algorithm), SP_STR_ARG(a->kid)),
        .detail =
            sp_arena_printf(call->arena, "Registered are %zu keys.", client->keys != NULL ? client->keys->count : 0));
}

/* RFC 7523 3: this server, by its issuer or the endpoint that is asked. */
static bool names_us(const struct sp_call *call, struct sp_str audience)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_str below = SP_STR_NONE;
    if (sp_str_has_prefix(audience, settings->base))
        below = sp_str_slice(audience, settings->base.len, audience.len);
    return sp_str_equal(audience, settings->issuer) || sp_str_equal(below, SP_STR("/token")) ||
           (below.at != NULL && sp_str_has_suffix(call->asked.path, below) && below.len > 1);
}

static enum sp_step check_audience(struct sp_call *call, const struct sp_client_assertion *a)
{
    const struct sp_json *audience = sp_json_member(a->claims, SP_STR("aud"));
    struct sp_str received = sp_json_string(audience);
    bool ours = received.at != NULL && names_us(call, received);
    for (const struct sp_json *item = sp_json_is(audience, SP_JSON_ARRAY) ? audience->first : NULL;
         item != NULL && !ours; item = item->next) {
        received = sp_json_string(item);
        ours = received.at != NULL && names_us(call, received);
    }
    if (ours)
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_AUDIENCE, .expected = call->authority->settings->issuer,
                   .received = received.at != NULL ? received : SP_STR("none"));
}

static enum sp_step check_times(struct sp_call *call, const struct sp_client_assertion *a, int64_t *expires_at)
{
    int64_t not_before = 0;
    if (sp_json_int64(sp_json_member(a->claims, SP_STR("exp")), expires_at) != SP_OK)
        return refuse_form(call, "it has no exp");
    if (*expires_at + LEEWAY_S <= call->now)
        return SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_EXPIRED,
                       .detail = sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - *expires_at)));
    if (*expires_at > call->now + MAX_LIFETIME_S)
        return refuse_form(call, "it lives longer than an hour");
    const struct sp_json *nbf = sp_json_member(a->claims, SP_STR("nbf"));
    if (nbf != NULL && (sp_json_int64(nbf, &not_before) != SP_OK || not_before > call->now + LEEWAY_S))
        return refuse_form(call, "its nbf lies ahead");
    return SP_GOES_ON;
}

static enum sp_step check_replay(struct sp_call *call, const struct sp_client *client,
                                 const struct sp_client_assertion *a, int64_t expires_at)
{
    struct sp_store *store = call->authority->store;
    struct sp_str jti = sp_json_string(sp_json_member(a->claims, SP_STR("jti")));
    if (jti.len == 0)
        return refuse_form(call, "it has no jti");
    struct sp_ticket ticket = {
        .kind = SP_TICKET_REPLAY, .client_id = client->id, .issued_at = call->now, .expires_at = expires_at + LEEWAY_S};
    struct sp_str whole = sp_arena_printf(call->arena, "assertion %.*s %.*s", SP_STR_ARG(client->id), SP_STR_ARG(jti));
    bool fresh = false;
    if (whole.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    sp_sha256(whole, ticket.hash);
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    status = store->methods->put_ticket(store, &ticket, &fresh);
    if (status == SP_OK)
        status = store->methods->keep(store);
    else
        store->methods->undo(store);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return fresh ? SP_GOES_ON : SP_DENY(call, .cause = SP_CAUSE_CLIENT_ASSERTION_REPLAYED, .received = jti);
}

enum sp_step sp_client_assertion_judge(struct sp_call *call, const struct sp_client *client,
                                       const struct sp_client_assertion *a)
{
    int64_t expires_at = 0;
    struct sp_str issuer = sp_json_string(sp_json_member(a->claims, SP_STR("iss")));
    if (check_signature(call, client, a) == SP_DENIED)
        return SP_DENIED;
    if (!sp_str_equal(issuer, client->id) || !sp_str_equal(a->subject, client->id))
        return refuse_form(call, "its iss and sub are not both the client_id");
    if (check_audience(call, a) == SP_DENIED || check_times(call, a, &expires_at) == SP_DENIED)
        return SP_DENIED;
    return check_replay(call, client, a, expires_at);
}
