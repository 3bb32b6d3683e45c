/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict as the JSON of the contract: every member always stands there, null where there is nothing to say. */
#include "core/diagnosis/verdict.h"

#include "core/diagnosis/words.h"

/* In the order of enum sp_check; the names are a contract. */
static const char *const check_names[SP_CHECK_COUNT] = {
    [SP_CHECK_FORM] = "form",
    [SP_CHECK_TYPE] = "type",
    [SP_CHECK_ALGORITHM] = "algorithm",
    [SP_CHECK_KEY] = "key",
    [SP_CHECK_SIGNATURE] = "signature",
    [SP_CHECK_ISSUER] = "issuer",
    [SP_CHECK_AUDIENCE] = "audience",
    [SP_CHECK_EXPIRY] = "expiry",
    [SP_CHECK_NOT_BEFORE] = "not_before",
    [SP_CHECK_ISSUED_AT] = "issued_at",
    [SP_CHECK_SCOPE] = "scope",
    [SP_CHECK_CLAIMS] = "claims",
    [SP_CHECK_BINDING] = "binding",
    [SP_CHECK_REVOCATION] = "revocation",
};

const char *sp_check_name(enum sp_check check)
{
    return check_names[check];
}

const char *sp_outcome_name(enum sp_outcome outcome)
{
    static const char *const names[] = {"skip", "pass", "warn", "fail"};
    return names[outcome];
}

const char *sp_token_kind_name(enum sp_token_kind kind)
{
    static const char *const names[] = {"none", "jwt", "jwe", "opaque", "api_key"};
    return names[kind];
}

static void text_member(struct sp_json_writer *writer, const char *name, struct sp_str value)
{
    sp_json_name(writer, sp_str_from_cstr(name));
    if (value.at != NULL)
        sp_json_put_string(writer, value);
    else
        sp_json_put_null(writer);
}

static void write_references(struct sp_json_writer *writer, struct sp_str rest)
{
    struct sp_str reference;
    sp_json_name(writer, SP_STR("references"));
    sp_json_begin_array(writer);
    while (sp_str_next_word(&rest, SP_STR(";"), &reference)) {
        reference = sp_str_trim(reference);
        if (reference.len > 0)
            sp_json_put_string(writer, reference);
    }
    sp_json_end_array(writer);
}

/* Texts that need filling are made in a small arena of their own: writing is the shell's moment, not the examination's.
 */
static void write_filled(struct sp_json_writer *writer, const char *name, struct sp_str text,
                         const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_arena_create(64 * 1024);
    struct sp_str filled = arena != NULL ? sp_finding_fill(arena, text, finding) : SP_STR_NONE;
    text_member(writer, name, filled.at != NULL ? filled : text);
    sp_arena_destroy(&arena);
}

void sp_finding_write(struct sp_json_writer *writer, const struct sp_finding *finding)
{
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    sp_json_begin_object(writer);
    text_member(writer, "id", info->id);
    sp_json_bool_member(writer, "verified", finding->verified);
    text_member(writer, "severity", sp_severity_name(sp_finding_severity(finding)));
    text_member(writer, "component", sp_component_name(info->component));
    text_member(writer, "title", info->title);
    write_filled(writer, "explanation", finding->is_told ? SP_STR("{detail}") : info->explanation, finding);
    text_member(writer, "expected", finding->expected);
    text_member(writer, "received", finding->received);
    text_member(writer, "detail", finding->detail);
    write_filled(writer, "fix", info->fix, finding);
    if (finding->reason != SP_CAUSE_NONE)
        text_member(writer, "reason", sp_cause_get(finding->reason)->id);
    write_references(writer, info->references);
    sp_json_int_member(writer, "http_status", info->http_status);
    text_member(writer, "oauth_error", info->oauth_error);
    sp_json_end_object(writer);
}

static void write_checks(struct sp_json_writer *writer, const struct sp_verdict *verdict)
{
    sp_json_name(writer, SP_STR("checks"));
    sp_json_begin_array(writer);
    for (int check = 0; check < SP_CHECK_COUNT; check++) {
        const struct sp_check_result *row = &verdict->checks[check];
        sp_json_begin_object(writer);
        text_member(writer, "name", sp_str_from_cstr(check_names[check]));
        text_member(writer, "outcome", sp_str_from_cstr(sp_outcome_name(row->outcome)));
        text_member(writer, "expected", row->expected);
        text_member(writer, "received", row->received);
        text_member(writer, "detail", row->detail);
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
}

static void write_object(struct sp_json_writer *writer, const char *name, const struct sp_json *object)
{
    sp_json_name(writer, sp_str_from_cstr(name));
    if (object != NULL) {
        sp_json_put_value(writer, object);
        return;
    }
    sp_json_begin_object(writer);
    sp_json_end_object(writer);
}

void sp_verdict_write(struct sp_json_writer *writer, const struct sp_verdict *verdict, int64_t now)
{
    sp_json_begin_object(writer);
    sp_json_bool_member(writer, "accepted", verdict->accepted);
    sp_json_int_member(writer, "examined_at", now);
    sp_json_name(writer, SP_STR("cause"));
    if (verdict->cause != NULL)
        sp_finding_write(writer, verdict->cause);
    else
        sp_json_put_null(writer);
    sp_json_name(writer, SP_STR("also"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < verdict->also_count; i++)
        sp_finding_write(writer, &verdict->also[i]);
    sp_json_end_array(writer);
    sp_json_name(writer, SP_STR("hints"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < verdict->hints.count; i++)
        sp_json_put_string(writer, verdict->hints.at[i]);
    sp_json_end_array(writer);
    write_checks(writer, verdict);
    sp_json_name(writer, SP_STR("token"));
    sp_json_begin_object(writer);
    text_member(writer, "kind",
                verdict->kind != SP_TOKEN_NONE ? sp_str_from_cstr(sp_token_kind_name(verdict->kind)) : SP_STR_NONE);
    write_object(writer, "header", verdict->header);
    write_object(writer, "claims", verdict->claims);
    sp_json_bool_member(writer, "signature_verified", verdict->signature_verified);
    sp_json_end_object(writer);
    sp_json_end_object(writer);
}
