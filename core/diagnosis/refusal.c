/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/refusal.h"

#include "core/jose/algorithm.h"
#include "core/oauth/dpop_proof.h"

#define MAX_BODY_BYTES (256u * 1024)
#define MAX_CHALLENGE_BYTES (16u * 1024)

/* RFC 6750 3: error_description and scope are of %x20-21 / %x23-5B / %x5D-7E; the same keeps a header on its line. */
static void append_quoted(struct sp_buffer *out, struct sp_str text)
{
    sp_buffer_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.at[i];
        if (c == '"') {
            sp_buffer_append_char(out, '\'');
        } else {
            sp_buffer_append_char(out, c < 0x20 || c > 0x7e || c == '\\' ? '?' : c);
        }
    }
    sp_buffer_append_char(out, '"');
}

static void append_parameter(struct sp_buffer *out, const char *name, struct sp_str value)
{
    if (sp_str_is_empty(value)) {
        return;
    }
    if (out->len > 0 && out->at[out->len - 1] != ' ') {
        sp_buffer_append(out, SP_STR(", "));
    }
    sp_buffer_append(out, sp_str_from_cstr(name));
    sp_buffer_append_char(out, '=');
    append_quoted(out, value);
}

static struct sp_str joined(struct sp_arena *arena, struct sp_str_list words)
{
    struct sp_buffer text;
    sp_buffer_init(&text, arena, MAX_CHALLENGE_BYTES);
    for (size_t i = 0; i < words.count; i++) {
        if (i > 0) {
            sp_buffer_append_char(&text, ' ');
        }
        sp_buffer_append(&text, words.at[i]);
    }
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static bool is_step_up(enum sp_cause cause)
{
    return cause == SP_CAUSE_AUTHENTICATION_TOO_WEAK || cause == SP_CAUSE_AUTHENTICATION_TOO_OLD;
}

/* RFC 6750 3: no error, and no other words about it, where no credential was presented or none of a scheme that is
 * taken here. What is wrong with a proof (RFC 9449 7.1) is no error of Bearer's. */
static bool names_error(const char *scheme, const struct sp_cause_info *info, enum sp_cause cause)
{
    bool is_of_proof = sp_str_equal(info->oauth_error, SP_STR("invalid_dpop_proof")) ||
                       sp_str_equal(info->oauth_error, SP_STR("use_dpop_nonce"));
    bool is_about_none = cause == SP_CAUSE_TOKEN_MISSING || cause == SP_CAUSE_TOKEN_MISSING_HEADER_STRIPPED ||
                         cause == SP_CAUSE_TOKEN_SCHEME_UNSUPPORTED;
    return !is_about_none && (!is_of_proof || strcmp(scheme, "DPoP") == 0);
}

static struct sp_str challenge(struct sp_arena *arena, const char *scheme, const struct sp_cause_info *info,
                               enum sp_cause cause, const struct sp_refusal_terms *terms)
{
    struct sp_buffer out;
    sp_buffer_init(&out, arena, MAX_CHALLENGE_BYTES);
    sp_buffer_append(&out, sp_str_from_cstr(scheme));
    sp_buffer_append_char(&out, ' ');
    append_parameter(&out, "realm", terms->realm);
    if (names_error(scheme, info, cause)) {
        append_parameter(&out, "error", info->oauth_error);
        if (terms->diagnostics != SP_DIAGNOSTICS_NONE && info->oauth_error.len > 0) {
            append_parameter(&out, "error_description", info->client_text);
        }
    }
    if (info->http_status == 403 || cause == SP_CAUSE_TOKEN_MISSING) {
        append_parameter(&out, "scope", joined(arena, terms->scopes));
    }
    if (is_step_up(cause)) {
        append_parameter(&out, "acr_values", joined(arena, terms->acr_values));
        if (terms->max_age_s > 0) {
            append_parameter(&out, "max_age", sp_arena_printf(arena, "%lld", (long long)terms->max_age_s));
        }
    }
    if (strcmp(scheme, "DPoP") == 0) {
        append_parameter(&out, "algs", sp_algorithms_spaced(arena, sp_dpop_algorithms()));
    }
    append_parameter(&out, "resource_metadata", terms->resource_metadata);
    return sp_buffer_status(&out) == SP_OK ? sp_str_trim(sp_buffer_str(&out)) : SP_STR_NONE;
}

static void add_challenges(struct sp_arena *arena, const struct sp_cause_info *info, enum sp_cause cause,
                           const struct sp_refusal_terms *terms, struct sp_refusal *refusal)
{
    const struct {
        const char *scheme;
        bool offered;
    } schemes[] = {{"Bearer", terms->offers_bearer}, {"DPoP", terms->offers_dpop}, {"ApiKey", terms->offers_api_key}};
    if (info->http_status != 401 && info->http_status != 403 && info->http_status != 400) {
        return;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (schemes[i].offered) {
            refusal->challenges[refusal->challenge_count++] = challenge(arena, schemes[i].scheme, info, cause, terms);
        }
    }
}

static void write_body(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_finding *finding,
                       const struct sp_cause_info *info, const struct sp_refusal_terms *terms, int status)
{
    sp_json_begin_object(json);
    if (terms->diagnostics == SP_DIAGNOSTICS_NONE) {
        sp_json_string_member(json, "type", SP_STR("about:blank"));
        sp_json_string_member(json, "title", SP_STR("The call was refused"));
        sp_json_int_member(json, "status", status);
    } else {
        sp_json_string_member(json, "type", sp_arena_printf(arena, "urn:sallyport:cause:%.*s", SP_STR_ARG(info->id)));
        sp_json_string_member(json, "title", info->title);
        sp_json_int_member(json, "status", status);
        sp_json_string_member(json, "detail", info->client_text);
        sp_json_string_member(json, "cause", info->id);
    }
    if (terms->diagnostics == SP_DIAGNOSTICS_FULL) {
        if (finding->expected.at != NULL) {
            sp_json_string_member(json, "expected", finding->expected);
        }
        if (finding->received.at != NULL) {
            sp_json_string_member(json, "received", finding->received);
        }
        sp_json_string_member(json, "fix", sp_finding_fix(arena, finding));
    }
    sp_json_string_member(json, "request_id", terms->request_id);
    sp_json_end_object(json);
}

enum sp_status sp_refusal_build(struct sp_arena *arena, const struct sp_verdict *verdict,
                                const struct sp_refusal_terms *terms, struct sp_refusal *out)
{
    const struct sp_finding *finding = verdict->cause;
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    struct sp_refusal refusal = {.status = terms->status != 0 ? terms->status : sp_verdict_http_status(verdict)};
    struct sp_buffer body;
    struct sp_json_writer json;
    sp_buffer_init(&body, arena, MAX_BODY_BYTES);
    sp_json_writer_init(&json, &body, false);
    write_body(&json, arena, finding, info, terms, refusal.status);
    add_challenges(arena, info, finding->cause, terms, &refusal);
    if (sp_buffer_status(&body) != SP_OK) {
        return SP_NO_MEMORY;
    }
    for (size_t i = 0; i < refusal.challenge_count; i++) {
        if (refusal.challenges[i].at == NULL) {
            return SP_NO_MEMORY;
        }
    }
    refusal.body = sp_buffer_str(&body);
    *out = refusal;
    return SP_OK;
}
