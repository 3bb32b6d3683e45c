/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 7523 2.1: a client brings the word of an issuer that is trusted here, and gets an access token for the subject it
 * names. No refresh token: the next assertion does it (RFC 7521 4.1). Nothing of the assertion but the subject comes
 * into the token; scopes stay within the client's and the issuer's. */
#include "authority/access_token.h"
#include "authority/assertion_issuer.h"
#include "authority/denial.h"
#include "authority/grant.h"
#include "authority/remote_keys.h"
#include "authority/replay.h"
#include "authority/scope.h"
#include "authority/signed_jwt.h"
#include "core/base/limits.h"
#include "core/jose/crypto.h"

/* Clocks differ. */
#define LEEWAY_S 30

struct bearer {
    struct sp_signed_jwt jwt;
    const struct sp_assertion_issuer *issuer;
    int64_t expires_at;
    struct sp_str subject; /* ours */
};

static enum sp_step refuse_form(struct sp_call *call, const char *fault)
{
    return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_MALFORMED, .received = sp_str_from_cstr(fault),
                   .expected = SP_STR("a JWT that a trusted issuer signed (RFC 7523 3)"),
                   .tell = sp_arena_printf(call->arena, "It is the assertion: %s.", fault));
}

/* RFC 8725 3.11: no access token, proof, logout token or request object passes for an assertion. */
static bool is_of_type(struct sp_str type)
{
    return type.at == NULL || sp_str_equal_ignoring_case(type, SP_STR("JWT")) ||
           sp_str_equal_ignoring_case(type, SP_STR("authorization-grant+jwt"));
}

static enum sp_step read_assertion(struct sp_call *call, struct bearer *b)
{
    struct sp_str text = sp_call_parameter(call, "assertion");
    const char *fault = NULL;
    if (text.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("assertion"),
                       .tell = SP_STR("It is 'assertion'."));
    enum sp_status status = sp_signed_jwt_read(call->arena, text, &b->jwt, &fault);
    if (status == SP_MALFORMED)
        return refuse_form(call, fault);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if ((sp_algorithm_bit(b->jwt.algorithm) & sp_algorithms_asymmetric()) == 0)
        return refuse_form(call, "its alg is none, a MAC or not known");
    return is_of_type(b->jwt.type) ? SP_GOES_ON : refuse_form(call, "its typ is of another kind of JWT");
}

static struct sp_str trusted_in_words(struct sp_call *call)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_buffer words;
    sp_buffer_init(&words, call->arena, 4096);
    for (size_t i = 0; i < settings->assertion_issuer_count && i < 20; i++)
        sp_buffer_printf(&words, "%s%.*s", i > 0 ? ", " : "", SP_STR_ARG(settings->assertion_issuers[i].issuer));
    return words.len > 0 ? sp_buffer_str(&words) : SP_STR("none");
}

static enum sp_step find_issuer(struct sp_call *call, const struct sp_client *client, struct bearer *b)
{
    struct sp_str iss = sp_signed_jwt_text(&b->jwt, "iss");
    b->issuer = sp_assertion_issuer_find(call->authority->settings, iss);
    if (b->issuer == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_ISSUER_UNKNOWN, .expected = trusted_in_words(call),
                       .received = iss.at != NULL ? sp_str_slice(iss, 0, 200) : SP_STR("no iss"));
    if (client->assertion_issuers.count == 0 || sp_list_has(client->assertion_issuers, b->issuer->name))
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_ISSUER_UNKNOWN, .received = iss, .detail = client->id,
                   .expected = sp_list_in_words(call->arena, client->assertion_issuers, "none"));
}

static enum sp_step check_signature(struct sp_call *call, const struct bearer *b)
{
    const struct sp_jwk_set *keys = b->issuer->keys;
    enum sp_step step = SP_GOES_ON;
    const struct sp_keys_place place = {.url = b->issuer->jwks_uri};
    if (place.url.len > 0)
        step = sp_remote_keys_get(call, &place, b->jwt.kid, &keys);
    if (step != SP_GOES_ON || sp_signed_jwt_verifies(&b->jwt, keys))
        return step;
    return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_SIGNATURE, .expected = b->issuer->issuer,
                   .received = sp_arena_printf(call->arena, "%.*s, kid %.*s", SP_STR_ARG(b->jwt.algorithm_name),
                                               SP_STR_ARG(sp_str_slice(b->jwt.kid, 0, 120))),
                   .detail = sp_signed_jwt_keys_in_words(call->arena, keys));
}

static enum sp_step check_audience(struct sp_call *call, const struct bearer *b)
{
    const struct sp_json *aud = sp_json_member(b->jwt.claims, SP_STR("aud"));
    struct sp_str issuer = call->authority->settings->issuer;
    if (sp_signed_jwt_is_for(&b->jwt, issuer) || sp_signed_jwt_is_for(&b->jwt, sp_authority_url(call, "/token")))
        return SP_GOES_ON;
    return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_AUDIENCE, .expected = issuer,
                   .received = aud != NULL ? sp_str_slice(aud->text, 0, 200) : SP_STR("none"));
}

static enum sp_step check_times(struct sp_call *call, struct bearer *b)
{
    const struct sp_json *nbf = sp_json_member(b->jwt.claims, SP_STR("nbf")),
                         *iat = sp_json_member(b->jwt.claims, SP_STR("iat"));
    int64_t not_before = 0, issued_at = 0;
    if (sp_json_int64(sp_json_member(b->jwt.claims, SP_STR("exp")), &b->expires_at) != SP_OK)
        return refuse_form(call, "it has no exp");
    if ((nbf != NULL && sp_json_int64(nbf, &not_before) != SP_OK) ||
        (iat != NULL && sp_json_int64(iat, &issued_at) != SP_OK))
        return refuse_form(call, "its nbf or iat is no number");
    if (b->expires_at <= call->now - LEEWAY_S)
        return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_EXPIRED,
                       .detail = sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - b->expires_at)));
    if (not_before > call->now + LEEWAY_S || issued_at > call->now + LEEWAY_S)
        return refuse_form(call, "its nbf or iat lies ahead");
    if (b->expires_at > call->now + b->issuer->max_lifetime_s)
        return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_TOO_LONG,
                       .expected = sp_arena_printf(call->arena, "%lld s", (long long)b->issuer->max_lifetime_s),
                       .received = sp_arena_printf(call->arena, "%lld s", (long long)(b->expires_at - call->now)));
    return SP_GOES_ON;
}

/* Its own write, kept before the token: an assertion is spent by the attempt. */
static enum sp_step check_replay(struct sp_call *call, const struct bearer *b)
{
    struct sp_str jti = sp_signed_jwt_text(&b->jwt, "jti");
    unsigned char hash[32];
    bool fresh = false;
    if (!b->issuer->single_use)
        return SP_GOES_ON;
    if (jti.len == 0)
        return refuse_form(call, "it has no jti");
    struct sp_str whole =
        sp_arena_printf(call->arena, "grant %.*s %.*s", SP_STR_ARG(b->issuer->issuer), SP_STR_ARG(jti));
    if (whole.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    sp_sha256(whole, hash);
    enum sp_step step = sp_replay_spend(call, hash, SP_STR_NONE, b->expires_at + LEEWAY_S, &fresh);
    if (step != SP_GOES_ON || fresh)
        return step;
    return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_REPLAYED, .received = sp_str_slice(jti, 0, 200));
}

static enum sp_step find_subject(struct sp_call *call, struct bearer *b)
{
    struct sp_store *store = call->authority->store;
    struct sp_str theirs = sp_json_string(sp_json_member(b->jwt.claims, b->issuer->subject_claim));
    struct sp_account account;
    enum sp_status status = SP_NOT_FOUND;
    if (theirs.len == 0 || theirs.len > SP_MAX_SUBJECT_BYTES || sp_str_index_of(theirs, '\0', 0) < theirs.len)
        return refuse_form(call, "it names no subject, or one that is too long");
    if (b->issuer->rule == SP_SUBJECT_AS_IS) {
        b->subject = sp_arena_printf(call->arena, "%.*s:%.*s", SP_STR_ARG(b->issuer->name), SP_STR_ARG(theirs));
        return b->subject.at != NULL ? SP_GOES_ON : sp_deny_failure(call, SP_NO_MEMORY);
    }
    if (b->issuer->rule == SP_SUBJECT_ACCOUNT_NAME)
        status = store->methods->find_account(store, theirs, call->arena, &account);
    else
        status = store->methods->get_account(store, theirs, call->arena, &account);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    if (status == SP_NOT_FOUND || account.disabled)
        return SP_DENY(call, .cause = SP_CAUSE_ASSERTION_SUBJECT_UNKNOWN, .received = theirs,
                       .expected = status == SP_OK ? SP_STR("an account that is not disabled")
                                                   : SP_STR("an account of that name or id"));
    b->subject = account.id;
    return SP_GOES_ON;
}

/* Not asked for: whatever both allow. */
static enum sp_step decide_scope(struct sp_call *call, const struct sp_client *client, const struct bearer *b,
                                 struct sp_str *scope)
{
    bool asked = sp_call_parameter(call, "scope").at != NULL;
    struct sp_str all = SP_STR_NONE, rest, word;
    struct sp_buffer both;
    if (sp_scope_decide(call, client, SP_SCOPE_ALL_BY_DEFAULT, &all) != SP_GOES_ON)
        return SP_DENIED;
    sp_answer_buffer(call, &both);
    for (rest = all; sp_str_next_word(&rest, SP_STR(" "), &word);) {
        if (sp_list_has(b->issuer->scopes, word))
            sp_buffer_printf(&both, "%s%.*s", both.len > 0 ? " " : "", SP_STR_ARG(word));
        else if (asked)
            return SP_DENY(call, .cause = SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED, .received = word,
                           .expected = sp_list_in_words(call->arena, b->issuer->scopes, "no scope at all"),
                           .tell = sp_arena_printf(call->arena, "It is '%.*s', by the issuer of the assertion.",
                                                   SP_STR_ARG(word)));
    }
    if (sp_buffer_status(&both) != SP_OK)
        return sp_deny_failure(call, sp_buffer_status(&both));
    *scope = sp_buffer_str(&both);
    return SP_GOES_ON;
}

static enum sp_step judge(struct sp_call *call, const struct sp_client *client, struct sp_token_order *order)
{
    struct bearer b = {0};
    enum sp_step step = read_assertion(call, &b);
    if (step == SP_GOES_ON)
        step = find_issuer(call, client, &b);
    if (step == SP_GOES_ON)
        step = check_signature(call, &b);
    if (step == SP_GOES_ON)
        step = check_audience(call, &b);
    if (step == SP_GOES_ON)
        step = check_times(call, &b);
    if (step == SP_GOES_ON)
        step = find_subject(call, &b);
    if (step == SP_GOES_ON)
        step = decide_scope(call, client, &b, &order->scope);
    if (step == SP_GOES_ON)
        step = sp_audience_decide(call, client, &order->audiences);
    if (step == SP_GOES_ON)
        step = check_replay(call, &b);
    if (b.issuer != NULL && b.issuer->rule != SP_SUBJECT_AS_IS)
        order->account = b.subject;
    else
        order->subject = b.subject;
    call->subject = b.subject;
    return step;
}

enum sp_step sp_grant_jwt_bearer(struct sp_call *call, const struct sp_client *client)
{
    struct sp_token_order order = {.client = client, .jkt = call->jkt};
    enum sp_step step = judge(call, client, &order);
    return step == SP_GOES_ON ? sp_grant_access_token(call, &order, SP_STR_NONE) : step;
}
