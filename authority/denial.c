/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/denial.h"

#include <stdio.h>
#include "authority/authority.h"
#include "authority/errand.h"
#include "core/diagnosis/cause.h"

const char *sp_denial_error(const struct sp_denial *denial)
{
    struct sp_str by_cause = sp_cause_get(denial->cause)->oauth_error;
    return denial->error != NULL ? denial->error : by_cause.len > 0 ? by_cause.at : "invalid_request";
}

/* RFC 6749 5.2: %x20-21 / %x23-5B / %x5D-7E. */
static struct sp_str to_allowed_characters(struct sp_arena *arena, struct sp_str text)
{
    struct sp_str copy;
    if (sp_arena_copy(arena, text, &copy) != SP_OK)
        return SP_STR("");
    char *at = (char *)(uintptr_t)copy.at; /* ours: just copied */
    size_t len = 0;
    for (size_t i = 0; i < copy.len; i++) {
        unsigned char c = (unsigned char)copy.at[i];
        if (c >= 0x80 && c < 0xC0)
            continue; /* the rest of a character that is one '?' already */
        at[len++] = (char)(c == '"' ? '\'' : c == '\\' ? '/' : c >= 0x20 && c <= 0x7E ? c : '?');
    }
    return sp_str(at, len);
}

struct sp_str sp_denial_description(struct sp_call *call, const struct sp_denial *denial)
{
    struct sp_str text = sp_cause_get(denial->cause)->client_text;
    if (denial->tell.len > 0)
        text = sp_arena_printf(call->arena, "%.*s %.*s", SP_STR_ARG(text), SP_STR_ARG(denial->tell));
    struct sp_str with_id =
        sp_arena_printf(call->arena, "%.*s (%.*s)", SP_STR_ARG(text), SP_STR_ARG(sp_cause_get(denial->cause)->id));
    return to_allowed_characters(call->arena, with_id);
}

static int status_of(const struct sp_denial *denial)
{
    int by_cause = sp_cause_get(denial->cause)->http_status;
    return denial->status != 0 ? denial->status : by_cause != 0 ? by_cause : 400;
}

/* RFC 6749 5.2 demands 401 of whoever came by the Authorization header and leaves the choice of 400 for the others.
 * They get it: libraries look no further than a challenge, and throw it without the error that the body names. Nor has
 * a browser that is challenged reason to ask its person for a password, where any site may have led it. Who tried
 * nothing yet hears how: some HTTP clients send what they have only then. */
static bool is_told_by_400(const struct sp_call *call)
{
    bool tried = sp_call_parameter(call, "client_id").at != NULL ||
                 sp_call_parameter(call, "client_assertion").at != NULL ||
                 sp_call_parameter(call, "client_secret").at != NULL;
    return call->asked.authorization_count == 0 && (call->asked.fetch_site.len > 0 || (tried && !call->refuses_by_401));
}

/* RFC 9110 15.5.2: no 401 without a challenge; for those who look no further it says what the body says. */
static struct sp_str challenge_of(struct sp_call *call, const struct sp_denial *denial)
{
    return sp_arena_printf(call->arena,
                           "Basic realm=\"authority\", charset=\"UTF-8\", error=\"%s\", error_description=\"%.*s\"",
                           sp_denial_error(denial), SP_STR_ARG(sp_denial_description(call, denial)));
}

enum sp_step sp_deny(struct sp_call *call, const struct sp_denial *denial)
{
    if (call->waits_for != NULL)
        return SP_WAITS; /* nothing is decided yet */
    call->finish = NULL;
    call->finding = (struct sp_finding){.cause = denial->cause,
                                        .expected = denial->expected,
                                        .received = denial->received,
                                        .detail = denial->detail,
                                        .verified = true};
    if (call->deny != NULL)
        return call->deny(call, denial);
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "error", sp_str_from_cstr(sp_denial_error(denial)));
    sp_json_string_member(&json, "error_description", sp_denial_description(call, denial));
    sp_json_end_object(&json);
    int status = status_of(denial);
    if (status == 401 && is_told_by_400(call))
        status = 400;
    sp_answer_json(call, status, &buffer);
    if (status == 401)
        sp_answer_header(call, "WWW-Authenticate", challenge_of(call, denial));
    if (status == 503)
        sp_answer_header(call, "Retry-After", SP_STR("2"));
    return SP_DENIED;
}

/* A session's cookie, a redirect with a code: what was prepared is not in the store. */
static void take_back(struct sp_answer *answer)
{
    size_t kept = 0;
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcmp(answer->headers[i].name, "Set-Cookie") != 0 && strcmp(answer->headers[i].name, "Location") != 0)
            answer->headers[kept++] = answer->headers[i];
    answer->header_count = kept;
}

static void note_refusal(struct sp_authority *authority)
{
    struct sp_store_refusals *refusals = &authority->refusals;
    refusals->count++;
    refusals->kept = authority->store->kept;
    refusals->needs = authority->store->needs != NULL ? authority->store->needs : "a store that can be written";
    snprintf(refusals->trouble, sizeof refusals->trouble, "%s", authority->store->trouble);
}

enum sp_step sp_deny_failure(struct sp_call *call, enum sp_status status)
{
    if (call->waits_for == NULL)
        take_back(&call->answer);
    bool store = status == SP_IO;
    if (store)
        note_refusal(call->authority);
    struct sp_str reason = sp_str_from_cstr(store ? call->authority->store->trouble : sp_status_text(status));
    struct sp_str detail = SP_STR_NONE;
    if (sp_arena_copy(call->arena, reason, &detail) != SP_OK)
        detail = SP_STR("out of memory");
    return SP_DENY(call, .cause = SP_CAUSE_STORE_UNAVAILABLE, .detail = detail,
                   .expected = store ? sp_str_from_cstr(call->authority->refusals.needs)
                               : status == SP_CRYPTO
                                   ? SP_STR("a signing key that can be used (sallyport keys rotate makes one)")
                                   : SP_STR("more memory, or a call that asks for less"),
                   .error = store ? "temporarily_unavailable" : "server_error", .status = store ? 503 : 500);
}

enum sp_step sp_deny_busy(struct sp_call *call)
{
    if (call->waits_for != NULL)
        sp_errand_settle(call->waits_for, call->now);
    call->waits_for = NULL;
    return SP_DENY(call, .cause = SP_CAUSE_AUTHORITY_BUSY, .error = "temporarily_unavailable");
}
