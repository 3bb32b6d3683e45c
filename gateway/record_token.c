/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/record_token.h"

#include "core/jose/base64url.h"
#include "gateway/cors.h"
#include "gateway/snapshot.h"

/* ---- the facts ---- */
static void put_words(struct sp_json_writer *json, const char *name, struct sp_str words)
{
    struct sp_str word;
    if (words.len == 0) {
        return;
    }
    sp_json_name(json, sp_str_from_cstr(name));
    sp_json_begin_array(json);
    while (sp_str_next_word(&words, SP_STR(" "), &word)) {
        sp_json_put_string(json, word);
    }
    sp_json_end_array(json);
}

static void put_number(struct sp_json_writer *json, const char *name, int64_t value)
{
    if (value != 0) {
        sp_json_int_member(json, name, value);
    }
}

static void put_text(struct sp_json_writer *json, const char *name, struct sp_str value)
{
    if (value.len > 0) {
        sp_json_string_member(json, name, value);
    }
}

/* An API that takes the token only when bound, and took it, saw the proof; one that does not look says nothing. */
static void put_binding(struct sp_json_writer *json, const struct sp_call *call)
{
    const struct sp_facts *facts = &call->facts;
    const struct sp_requirements *requirements = call->match.requirements;
    if (!facts->bound_to_key && !facts->bound_to_certificate) {
        return;
    }
    sp_json_string_member(json, "bound",
                          !facts->bound_to_key           ? SP_STR("certificate")
                          : !facts->bound_to_certificate ? SP_STR("key")
                                                         : SP_STR("both"));
    sp_json_bool_member(json, "proven",
                        (!facts->bound_to_key || requirements->dpop != SP_BINDING_OFF) &&
                            (!facts->bound_to_certificate || requirements->mtls != SP_BINDING_OFF));
}

static void put_header(struct sp_json_writer *json, const struct sp_facts *facts)
{
    static const struct sp_str types[] = {[SP_TYPE_ABSENT] = {"", 0},
                                          [SP_TYPE_ACCESS_TOKEN] = {"at+jwt", 6},
                                          [SP_TYPE_JWT] = {"JWT", 3},
                                          [SP_TYPE_OTHER] = {"another", 7}};
    sp_json_name(json, SP_STR("header"));
    sp_json_begin_object(json);
    sp_json_string_member(json, "alg", sp_algorithm_get(facts->algorithm)->name);
    put_text(json, "typ", types[facts->type]);
    sp_json_end_object(json);
}

/* An accepted JWT has the issuer's name byte for byte; an answer about an opaque token need not repeat it. */
static void put_claims(struct sp_json_writer *json, const struct sp_facts *facts, struct sp_str issuer)
{
    if (facts->kind != SP_TOKEN_JWT) {
        sp_json_string_member(json, "issuer", issuer);
    }
    sp_json_name(json, SP_STR("claims"));
    sp_json_begin_object(json);
    if (facts->kind == SP_TOKEN_JWT) {
        sp_json_string_member(json, "iss", issuer);
    }
    put_words(json, "aud", facts->audiences);
    put_number(json, "exp", facts->expires_at);
    put_number(json, "nbf", facts->not_before);
    put_number(json, "iat", facts->issued_at);
    put_number(json, "auth_time", facts->auth_time);
    put_text(json, "scope", facts->scope);
    put_text(json, "acr", facts->acr);
    if (facts->email_verified) {
        sp_json_bool_member(json, "email_verified", true);
    }
    sp_json_end_object(json);
    if (facts->claims.len > 0) {
        sp_json_name(json, SP_STR("kept"));
        sp_json_put_raw(json, facts->claims);
    }
}

/* ---- the whole ---- */
/* A segment of a token that was parsed when it was examined. Between its values JSON may have line ends, which would
 * end the line of the log: they are written as spaces. */
static bool put_segment(struct sp_json_writer *json, struct sp_arena *arena, const char *name, struct sp_str segment)
{
    struct sp_str text;
    if (sp_base64url_decode(arena, segment, &text) != SP_OK) {
        return false;
    }
    char *bytes = (char *)(uintptr_t)text.at;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)bytes[i] < 0x20) {
            bytes[i] = ' ';
        }
    }
    sp_json_name(json, sp_str_from_cstr(name));
    sp_json_put_raw(json, text);
    return true;
}

static bool put_whole(struct sp_json_writer *json, const struct sp_call *call)
{
    const struct sp_str token = call->credential.value;
    const size_t first = sp_str_index_of(token, '.', 0), second = sp_str_index_of(token, '.', first + 1);
    if (call->facts.kind != SP_TOKEN_JWT || call->arena == NULL || second >= token.len) {
        return false;
    }
    const bool is_put = put_segment(json, call->arena, "header", sp_str_slice(token, 0, first)) &&
                        put_segment(json, call->arena, "claims", sp_str_slice(token, first + 1, second));
    if (is_put) {
        sp_json_bool_member(json, "whole", true);
    }
    return is_put;
}

static void put_token(struct sp_json_writer *json, const struct sp_call *call)
{
    const struct sp_policy *policy = call->snapshot->policy;
    const struct sp_facts *facts = &call->facts;
    sp_json_name(json, SP_STR("token"));
    sp_json_begin_object(json);
    if (policy->serving.logged_token != SP_LOGGED_WHOLE || !put_whole(json, call)) {
        if (facts->kind == SP_TOKEN_JWT) {
            put_header(json, facts);
        } else {
            sp_json_string_member(json, "kind", sp_str_from_cstr(sp_token_kind_name(facts->kind)));
        }
        put_claims(json, facts, policy->issuers[facts->issuer].issuer);
    }
    sp_json_int_member(json, "bytes", (int64_t)call->credential.value.len);
    put_binding(json, call);
    if (facts->introspected) {
        sp_json_bool_member(json, "introspected", true);
    }
    sp_json_end_object(json);
}

/* Which issuer's keys or answer spoke against a token is not always in its verdict. */
static void put_issuer_of_refused(struct sp_json_writer *json, const struct sp_call *call)
{
    const struct sp_policy *policy = call->snapshot->policy;
    if (call->exam != NULL && call->match.requirements->issuer_count > 0 &&
        sp_exam_issuer(call->exam) < policy->issuer_count) {
        sp_json_string_member(json, "judged_as_of", policy->issuers[sp_exam_issuer(call->exam)].issuer);
    }
}

void sp_record_credential(struct sp_json_writer *json, const struct sp_call *call)
{
    static const struct sp_str kinds[] = {[SP_CREDENTIAL_NONE] = {"none", 4},
                                          [SP_CREDENTIAL_BEARER] = {"query", 5},
                                          [SP_CREDENTIAL_DPOP] = {"dpop", 4},
                                          [SP_CREDENTIAL_API_KEY] = {"api_key", 7}};
    const struct sp_credential *credential = &call->credential;
    const bool is_bearer = credential->kind == SP_CREDENTIAL_BEARER && !credential->from_query;
    const bool is_unseen = credential->kind == SP_CREDENTIAL_NONE && call->stage != SP_STAGE_PASSED;
    if (sp_cors_is_preflight(call)) {
        sp_json_string_member(json, "preflight", call->headers.preflight_method);
    } else if (!is_bearer && !is_unseen) {
        sp_json_string_member(json, "presented", kinds[credential->kind]);
    }
    if (!call->has_facts) {
        put_issuer_of_refused(json, call);
    } else if (call->snapshot->policy->serving.logged_token != SP_LOGGED_NOTHING) {
        put_token(json, call);
    }
}
