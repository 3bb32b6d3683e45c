/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in a recording, examined as the gateway examines them (core/diagnosis/exam.h), with the keys that the
 * recording or --jwks has and the clock of the moment; then what only the flow can tell of an ID token (OIDC
 * Core 3.1.3.7). */
#include "core/flow/judge.h"

#include "core/diagnosis/exam.h"
#include "core/diagnosis/issuer_form.h"
#include "core/diagnosis/words.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

/* ---- examination ---- */

static bool has_key(const struct sp_flow_issuer *issuer, struct sp_str kid)
{
    return issuer->keys != NULL && kid.at != NULL && sp_jwk_set_find(issuer->keys, kid, 0) != NULL;
}

/* The issuer that the token names; else the one whose keys have its kid; else whose endpoint it came from. */
static const struct sp_flow_issuer *issuer_of_token(const struct sp_flow_capture *capture,
                                                    const struct sp_flow_message *message, struct sp_str iss,
                                                    struct sp_str kid)
{
    const struct sp_flow_issuer *named = sp_flow_issuer_named(capture, iss), *with_key = NULL;
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        if (has_key(at, kid))
            with_key = at;
    if (named != NULL && (named->keys != NULL || with_key == NULL))
        return named;
    if (message->kind != SP_FLOW_API_CALL && sp_flow_issuer_of(capture, message) != NULL)
        return sp_flow_issuer_of(capture, message);
    return with_key;
}

static const struct sp_jwk_set *keys_for(const struct sp_flow_capture *capture, const struct sp_flow_issuer *issuer,
                                         struct sp_str kid)
{
    if (issuer != NULL && issuer->keys != NULL)
        return issuer->keys;
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        if (has_key(at, kid) || (at->issuer.at == NULL && at->keys != NULL && kid.at == NULL))
            return at->keys;
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        if (at->given)
            return at->keys;
    return NULL;
}

struct wanted {
    bool id_token; /* its form, signature and times here; its other claims elsewhere */
    bool signature_only;
    struct sp_str challenge; /* scope that the API asks for; absent: none */
};

/* The issuer's clock minus the recorder's by the answer's Date, which has whole seconds; false: there is none. */
static bool skew_of(const struct sp_flow_message *message, int64_t *skew_s)
{
    int64_t date = sp_flow_time_http(sp_flow_header(&message->exchange.response_headers, "Date"));
    int64_t ended = message->exchange.started_ms + message->exchange.took_ms;
    *skew_s = date / 1000 - ended / 1000;
    return date != 0 && message->exchange.started_ms != 0;
}

/* Of an ID token only what is not judged beside its flow. Without keys nothing is proven signed, and what is wrong with
 * it anyway still is. */
static bool is_told(const struct sp_finding *finding, const struct wanted *wanted, bool has_keys)
{
    bool about_key = finding->check == SP_CHECK_KEY || finding->check == SP_CHECK_SIGNATURE;
    bool about_other_claims = finding->check != SP_CHECK_FORM && finding->check != SP_CHECK_TYPE &&
                              finding->check != SP_CHECK_ALGORITHM && finding->check != SP_CHECK_EXPIRY &&
                              finding->check != SP_CHECK_NOT_BEFORE && finding->check != SP_CHECK_ISSUED_AT &&
                              !about_key;
    return finding->cause != SP_CAUSE_NONE && (has_keys || !about_key) && !(wanted->id_token && about_other_claims);
}

static void tell_verdict(struct sp_flow_capture *capture, struct sp_flow_message *message,
                         const struct sp_verdict *verdict, const struct wanted *wanted, bool has_keys)
{
    if (verdict->cause != NULL && is_told(verdict->cause, wanted, has_keys))
        sp_flow_tell_finding(capture, message, verdict->cause);
    for (size_t i = 0; i < verdict->also_count; i++)
        if ((verdict->also[i].verified || wanted->id_token) && is_told(&verdict->also[i], wanted, has_keys))
            sp_flow_tell_finding(capture, message, &verdict->also[i]);
}

/* Tells what the examination found; true when it could examine. */
static bool examine(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str token,
                    const struct wanted *wanted)
{
    const struct sp_json *header = sp_flow_jwt_part(capture->scratch, token, 0);
    const struct sp_json *claims = sp_flow_jwt_part(capture->scratch, token, 1);
    struct sp_str kid = sp_json_string(sp_json_member(header, SP_STR("kid")));
    struct sp_str iss = sp_json_string(sp_json_member(claims, SP_STR("iss"))), scopes[64], rest = wanted->challenge;
    const struct sp_flow_issuer *issuer = issuer_of_token(capture, message, iss, kid);
    const struct sp_jwk_set *keys = keys_for(capture, issuer, kid);
    size_t scope_count = 0;
    while (scope_count < 64 && sp_str_next_word(&rest, SP_STR(" "), &scopes[scope_count]))
        scope_count++;
    struct sp_issuer_terms terms = {.name = SP_STR("the issuer"),
                                    .issuer = issuer != NULL ? issuer->issuer : SP_STR_NONE,
                                    .algorithms = sp_algorithms_asymmetric(),
                                    .leeway_s = capture->terms.leeway_s,
                                    .allow_missing_exp = !wanted->id_token};
    struct sp_known_issuer known = {.terms = &terms, .known = {.keys = keys, .refetched = true}};
    struct sp_known_issuer before = known;
    if (issuer != NULL && issuer->keys == keys)
        known.known.old_keys = issuer->old_keys;
    if (issuer != NULL && wanted->id_token)
        known.known.advertised_algorithms = issuer->advertised_algorithms;
    known.known.clock_skew_known = skew_of(message, &known.known.clock_skew_s);
    /* A kid that the set before did not have: it was asked for again, and then it was there (keys.rotated). */
    before.known = known.known;
    if (known.known.old_keys != NULL && kid.at != NULL && sp_jwk_set_find(known.known.old_keys, kid, 0) == NULL) {
        before.known.keys = known.known.old_keys;
        before.known.refetched = false;
    }
    const struct sp_world world = {.issuers = &known, .issuer_count = 1};
    const struct sp_world world_before = {.issuers = &before, .issuer_count = 1};
    const uint16_t first = 0;
    const struct sp_requirements requirements = {.api = SP_STR("this API"),
                                                 .issuers = &first,
                                                 .issuer_count = 1,
                                                 .max_token_bytes = SP_MAX_EXAMINED_BYTES,
                                                 .scopes = {scopes, scope_count}};
    const struct sp_exam_input input = {.token = token,
                                        .requirements = &requirements,
                                        .world = &world_before,
                                        .now = sp_flow_now_s(message),
                                        .signature_only = wanted->signature_only,
                                        .wants_id_token = wanted->id_token,
                                        .possession_unknown = true};
    if (header == NULL || (keys == NULL && !wanted->id_token) || message->exchange.started_ms == 0)
        return false;
    struct sp_exam *exam = sp_exam_start(capture->scratch, &input);
    for (enum sp_need need; exam != NULL && (need = sp_exam_step(exam)) != SP_EXAM_DONE;) {
        if (need == SP_NEED_KEYS)
            sp_exam_give_world(exam, &world);
        else if (need == SP_NEED_INTROSPECTION)
            sp_exam_give_introspection(exam, SP_STR_NONE, SP_CAUSE_INTROSPECTION_UNREACHABLE, SP_CAUSE_NONE,
                                       SP_STR_NONE);
        else
            sp_exam_give_replay(exam, false);
    }
    if (exam == NULL)
        return false;
    tell_verdict(capture, message, sp_exam_verdict(exam), wanted, keys != NULL);
    return true;
}

/* A token's text lies in the capture; what is read of it in between does not stay. */
static void clear_scratch(struct sp_flow_capture *capture)
{
    sp_arena_reset(capture->scratch);
}

/* ---- ID tokens ---- */

/* Left half of the hash of the algorithm that signed (OIDC Core 3.1.3.6). */
static struct sp_str half_hash(struct sp_flow_capture *capture, const struct sp_json *header, struct sp_str text)
{
    unsigned char digest[64];
    struct sp_str alg = sp_json_string(sp_json_member(header, SP_STR("alg"))), encoded;
    enum sp_hash hash = sp_algorithm_get(sp_algorithm_find(alg))->hash;
    if (sp_str_equal(alg, SP_STR("EdDSA")))
        hash = SP_HASH_SHA512;
    if (hash == SP_HASH_NONE)
        return SP_STR_NONE;
    size_t len = sp_hash_bytes(hash, text, digest);
    return sp_base64url_encode(capture->arena, sp_str((const char *)digest, len / 2), &encoded) == SP_OK ? encoded
                                                                                                         : SP_STR_NONE;
}

struct id_token {
    const struct sp_json *header, *claims;
    struct sp_str access_token, code; /* that came with it, absent: none */
};

static struct sp_str claim(const struct id_token *id, const char *name)
{
    return sp_json_string(sp_json_member(id->claims, sp_str_from_cstr(name)));
}

static void judge_hash(struct sp_flow_capture *capture, struct sp_flow_message *message, const struct id_token *id,
                       const char *name, struct sp_str of, enum sp_cause cause)
{
    struct sp_str given = claim(id, name);
    struct sp_str computed = given.at != NULL && of.at != NULL ? half_hash(capture, id->header, of) : SP_STR_NONE;
    if (computed.at != NULL && !sp_str_equal(computed, given))
        sp_flow_tell(capture, message, cause, computed, given);
}

static void judge_audience(struct sp_flow_capture *capture, struct sp_flow_message *message, const struct id_token *id)
{
    const struct sp_json *aud = sp_json_member(id->claims, SP_STR("aud"));
    struct sp_str client = message->flow->client_id, azp = claim(id, "azp");
    struct sp_str words =
        aud != NULL && aud->type == SP_JSON_STRING ? aud->text : sp_flow_list_in_words(capture->arena, aud);
    bool for_client = sp_str_equal(sp_json_string(aud), client) || sp_flow_list_has(aud, client, false);
    if (client.at == NULL)
        return;
    if (aud == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_AUDIENCE_MISSING, client, SP_STR("none"));
    else if (!for_client)
        sp_flow_tell(capture, message, SP_CAUSE_AUDIENCE_MISMATCH, client, words);
    else if (sp_json_is(aud, SP_JSON_ARRAY) && aud->count > 1)
        sp_flow_tell(capture, message, SP_CAUSE_ID_TOKEN_MULTIPLE_AUDIENCES, client, words)->tolerated =
            sp_str_equal(azp, client);
    if (azp.at != NULL && !sp_str_equal(azp, client))
        sp_flow_tell(capture, message, SP_CAUSE_ID_TOKEN_AZP, client, azp);
}

/* The same nonce redeemed in another flow before. */
static bool nonce_was_used(const struct sp_flow_capture *capture, const struct sp_flow_message *message,
                           struct sp_str nonce)
{
    for (const struct sp_flow *flow = capture->flows; flow != NULL && flow != message->flow; flow = flow->next)
        if (flow->tokens != NULL && sp_str_equal(sp_flow_asked(flow, "nonce"), nonce))
            return true;
    return false;
}

static void judge_nonce(struct sp_flow_capture *capture, struct sp_flow_message *message, const struct id_token *id)
{
    struct sp_str sent = sp_flow_asked(message->flow, "nonce"), got = claim(id, "nonce");
    if (sp_str_equal(sp_flow_parameter(message, "grant_type"), SP_STR("refresh_token")))
        return;
    if (sent.at != NULL && got.at == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_NONCE_MISSING, sp_flow_masked(capture, sent), SP_STR("none"));
    else if (sent.at != NULL && !sp_str_equal(sent, got))
        sp_flow_tell(capture, message, SP_CAUSE_NONCE_MISMATCH, sp_flow_masked(capture, sent),
                     sp_flow_masked(capture, got));
    else if (sent.at != NULL && nonce_was_used(capture, message, got))
        sp_flow_tell(capture, message, SP_CAUSE_NONCE_REPLAYED, SP_STR("a new nonce for every login"),
                     sp_flow_masked(capture, got));
}

/* What the request asked of the login itself (OIDC Core 3.1.2.1): max_age is a demand, acr_values a wish. */
static void judge_login(struct sp_flow_capture *capture, struct sp_flow_message *message, const struct id_token *id)
{
    struct sp_str max_age = sp_flow_asked(message->flow, "max_age"), missing;
    struct sp_str wished = sp_flow_asked(message->flow, "acr_values"), acr = claim(id, "acr");
    int64_t auth_time = 0, most = 0, now = sp_flow_now_s(message), leeway = capture->terms.leeway_s;
    for (size_t i = 0; i < max_age.len && i < 10 && max_age.at[i] >= '0' && max_age.at[i] <= '9'; i++)
        most = most * 10 + (max_age.at[i] - '0');
    bool known = sp_json_int64(sp_json_member(id->claims, SP_STR("auth_time")), &auth_time) == SP_OK;
    if (max_age.len > 0 && known && now != 0 && auth_time < now - most - leeway)
        sp_flow_tell(capture, message, SP_CAUSE_AUTHENTICATION_TOO_OLD, sp_words_duration(capture->arena, most),
                     sp_words_instant_from(capture->arena, auth_time, now));
    if (wished.len > 0 && acr.len > 0 && !sp_flow_words_within(acr, wished, &missing))
        sp_flow_tell(capture, message, SP_CAUSE_AUTHENTICATION_TOO_WEAK, wished, acr)->tolerated = true;
}

static void judge_issuer(struct sp_flow_capture *capture, struct sp_flow_message *message, const struct id_token *id)
{
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    if (issuer == NULL && message->flow->request != NULL)
        issuer = sp_flow_issuer_of(capture, message->flow->request);
    struct sp_str iss = claim(id, "iss");
    enum sp_cause cause = issuer != NULL ? sp_issuer_difference(issuer->issuer, iss) : SP_CAUSE_NONE;
    if (iss.at == NULL && issuer != NULL)
        sp_flow_tell(capture, message, SP_CAUSE_ISSUER_MISSING, issuer->issuer, SP_STR("none"));
    else if (cause != SP_CAUSE_NONE && !sp_str_contains(issuer->issuer, SP_STR("{tenantid}")))
        sp_flow_tell(capture, message, cause, issuer->issuer, iss);
}

static void judge_id_token(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str token,
                           struct sp_str access_token, struct sp_str code)
{
    const struct id_token id = {.header = sp_flow_jwt_part(capture->arena, token, 0),
                                .claims = sp_flow_jwt_part(capture->arena, token, 1),
                                .access_token = access_token,
                                .code = code};
    const struct wanted wanted = {.id_token = true};
    if (token.at == NULL || id.header == NULL)
        return; /* absent, or no JWT */
    examine(capture, message, token, &wanted);
    clear_scratch(capture);
    if (id.claims == NULL)
        return; /* encrypted, or told already */
    judge_issuer(capture, message, &id);
    judge_audience(capture, message, &id);
    judge_nonce(capture, message, &id);
    judge_login(capture, message, &id);
    judge_hash(capture, message, &id, "at_hash", access_token, SP_CAUSE_ID_TOKEN_AT_HASH);
    judge_hash(capture, message, &id, "c_hash", code, SP_CAUSE_ID_TOKEN_C_HASH);
}

void sp_flow_judge_tokens(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str access = sp_flow_answered(message, "access_token");
    const struct wanted wanted = {0};
    if (message->exchange.status != 200)
        return;
    judge_id_token(capture, message, sp_flow_answered(message, "id_token"), access, SP_STR_NONE);
    if (access.at != NULL) {
        examine(capture, message, access, &wanted);
        clear_scratch(capture);
    }
}

void sp_flow_judge_front_tokens(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    judge_id_token(capture, message, sp_flow_parameter(message, "id_token"), sp_flow_parameter(message, "access_token"),
                   sp_flow_parameter(message, "code"));
}

/* ---- userinfo (OIDC Core 5.3) ---- */

static const struct sp_json *id_claims_of(struct sp_flow_capture *capture, const struct sp_flow *flow)
{
    struct sp_str token = flow->tokens != NULL ? sp_flow_answered(flow->tokens, "id_token") : SP_STR_NONE;
    if (token.at == NULL && flow->callback != NULL)
        token = sp_flow_parameter(flow->callback, "id_token");
    return sp_flow_jwt_part(capture->arena, token, 1);
}

void sp_flow_judge_userinfo(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str type = sp_flow_media_type(sp_flow_header(&message->exchange.response_headers, "Content-Type"));
    struct sp_flow_credentials who = {.client_id = message->flow->client_id};
    const struct sp_flow_client *client = sp_flow_client_find(capture, who.client_id);
    bool registered =
        client != NULL && sp_json_member(client->registered, SP_STR("userinfo_signed_response_alg")) != NULL;
    if (message->exchange.status != 200)
        return;
    if (sp_str_equal_ignoring_case(type, SP_STR("application/jwt"))) {
        if (!registered)
            sp_flow_tell(capture, message, SP_CAUSE_USERINFO_SIGNED_UNEXPECTEDLY, SP_STR("application/json"), type)
                ->tolerated = true;
        return;
    }
    sp_flow_judge_json_answer(capture, message);
    struct sp_str expected = sp_json_string(sp_json_member(id_claims_of(capture, message->flow), SP_STR("sub")));
    struct sp_str sub = sp_json_string(sp_json_member(message->json, SP_STR("sub")));
    if (expected.at != NULL && message->json != NULL && !sp_str_equal(expected, sub))
        sp_flow_tell(capture, message, SP_CAUSE_USERINFO_SUBJECT_MISMATCH, expected,
                     sub.at != NULL ? sub : SP_STR("none"));
}

/* ---- the token that an API was called with ---- */

static struct sp_str challenged_scope(const struct sp_flow_message *message)
{
    struct sp_str challenge = sp_flow_header(&message->exchange.response_headers, "WWW-Authenticate");
    const char *at = NULL;
    for (size_t i = 0; i + 7 < challenge.len && at == NULL; i++)
        if (memcmp(challenge.at + i, "scope=\"", 7) == 0)
            at = challenge.at + i + 7;
    if (at == NULL)
        return SP_STR_NONE;
    struct sp_str rest = sp_str(at, (size_t)(challenge.at + challenge.len - at));
    return sp_str_slice(rest, 0, sp_str_index_of(rest, '"', 0));
}

/* Only where the API said no: a token that an API takes is its business. */
void sp_flow_judge_presented(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct wanted wanted = {.challenge =
                                      message->exchange.status == 403 ? challenged_scope(message) : SP_STR_NONE};
    int status = message->exchange.status;
    if (message->bearer.at == NULL || (status != 401 && status != 403))
        return;
    examine(capture, message, message->bearer, &wanted);
    clear_scratch(capture);
    const struct sp_json *id = id_claims_of(capture, message->flow);
    struct sp_str id_token =
        message->flow->tokens != NULL ? sp_flow_answered(message->flow->tokens, "id_token") : SP_STR_NONE;
    struct sp_str refresh =
        message->flow->tokens != NULL ? sp_flow_answered(message->flow->tokens, "refresh_token") : SP_STR_NONE;
    if (id != NULL && sp_str_equal(id_token, message->bearer))
        sp_flow_tell(capture, message, SP_CAUSE_TOKEN_KIND_ID_TOKEN, SP_STR("the access token of the token response"),
                     SP_STR("its ID token"));
    else if (refresh.at != NULL && sp_str_equal(refresh, message->bearer))
        sp_flow_tell(capture, message, SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN,
                     SP_STR("the access token of the token response"), SP_STR("its refresh token"));
}

/* A log is no place for a token; what it says is examined where keys are known, and told as seen then. */
void sp_flow_judge_log_token(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct wanted wanted = {.signature_only = false};
    int64_t exp = 0, now = sp_flow_now_s(message), leeway = capture->terms.leeway_s;
    const struct sp_json *claims = sp_flow_jwt_part(capture->arena, message->bearer, 1);
    if (capture->terms.jwks.at != NULL) {
        examine(capture, message, message->bearer, &wanted);
        clear_scratch(capture);
    } else if (sp_json_int64(sp_json_member(claims, SP_STR("exp")), &exp) == SP_OK && now > exp + leeway) {
        sp_flow_tell(capture, message, SP_CAUSE_TIME_EXPIRED, sp_words_instant(capture->arena, now),
                     sp_words_instant(capture->arena, exp))
            ->tolerated = true;
    }
}
