/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/client_probe.h"

#include "core/base/host.h"
#include "core/base/url.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/http_answer.h"
#include "core/diagnosis/redirect_uri.h"
#include "core/diagnosis/token_answer.h"

/* ---- client authentication ---- */
static bool is_among(struct sp_str text, const struct sp_str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sp_str_equal(text, list[i])) {
            return true;
        }
    }
    return false;
}

/* Errors that a server gives once it knows the client; the others may come first. invalid_code is glewlwyd's. */
static enum sp_client_answer answer_of(const struct sp_token_answer *answer, int http_status)
{
    static const struct sp_str known[] = {{"invalid_grant", 13},
                                          {"unauthorized_client", 19},
                                          {"invalid_scope", 13},
                                          {"invalid_target", 14},
                                          {"invalid_code", 12}};
    if (answer->access_token.len > 0 || is_among(answer->error, known, sizeof known / sizeof known[0])) {
        return SP_CLIENT_ACCEPTED;
    }
    return sp_str_equal(answer->error, SP_STR("invalid_client")) || (http_status == 401 && answer->is_json)
               ? SP_CLIENT_REFUSED
               : SP_CLIENT_UNCLEAR;
}

/* What the same with a wrong secret is answered. */
static enum sp_client_answer control_answer(struct sp_arena *arena, const struct sp_fetch_report *report,
                                            struct sp_str *error)
{
    struct sp_token_answer answer = {.is_json = false};
    struct sp_document_findings ignored = {.count = 0};
    *error = SP_STR_NONE;
    if (report == NULL || sp_token_answer_examine(arena, report, &answer, &ignored) != SP_OK)
        return SP_CLIENT_NOT_TRIED;
    *error = answer.error;
    return answer_of(&answer, report->http_status);
}

bool sp_client_attempt_needs_control(const struct sp_client_attempt *attempt)
{
    return (attempt->answer == SP_CLIENT_UNCLEAR && attempt->error.len > 0) ||
           sp_str_equal(attempt->error, SP_STR("unauthorized_client"));
}

static void compare_with_control(struct sp_arena *arena, struct sp_client_attempt *attempt)
{
    struct sp_str error;
    enum sp_client_answer control = control_answer(arena, attempt->control, &error);
    if (!sp_client_attempt_needs_control(attempt))
        return;
    if (attempt->answer == SP_CLIENT_UNCLEAR && control == SP_CLIENT_REFUSED)
        attempt->answer = SP_CLIENT_ACCEPTED;
    else if (attempt->answer == SP_CLIENT_ACCEPTED && sp_str_equal(error, attempt->error))
        attempt->answer = SP_CLIENT_REFUSED; /* whatever the secret: these are its words for a wrong one */
}

/* It means that the client is known and may not use this grant (RFC 6749 5.2). Where another method shows that it may,
 * the server says it of the method, as glewlwyd does. */
static void doubt_unauthorized(struct sp_client_attempt *attempts, size_t count)
{
    const struct sp_str doubtful = SP_STR("unauthorized_client");
    bool may_use_grant = false;
    for (size_t i = 0; i < count; i++)
        may_use_grant =
            may_use_grant || (attempts[i].answer == SP_CLIENT_ACCEPTED && !sp_str_equal(attempts[i].error, doubtful));
    for (size_t i = 0; i < count && may_use_grant; i++)
        if (attempts[i].answer == SP_CLIENT_ACCEPTED && sp_str_equal(attempts[i].error, doubtful))
            attempts[i].answer = SP_CLIENT_REFUSED;
}

enum sp_status sp_client_attempts_read(struct sp_arena *arena, struct sp_client_attempt *attempts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sp_token_answer answer;
        struct sp_document_findings ignored = {.count = 0};
        if (attempts[i].report == NULL) {
            continue;
        }
        enum sp_status status = sp_token_answer_examine(arena, attempts[i].report, &answer, &ignored);
        if (status != SP_OK) {
            return status;
        }
        attempts[i].answer = answer_of(&answer, attempts[i].report->http_status);
        attempts[i].error = answer.error;
        attempts[i].description = answer.error_description;
        compare_with_control(arena, &attempts[i]);
    }
    doubt_unauthorized(attempts, count);
    return SP_OK;
}

const struct sp_client_attempt *sp_client_attempts_accepted(const struct sp_client_attempt *attempts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (attempts[i].answer == SP_CLIENT_ACCEPTED) {
            return &attempts[i];
        }
    }
    return NULL;
}

static const struct sp_client_attempt *first_of(const struct sp_client_attempt *attempts, size_t count,
                                                enum sp_client_answer answer)
{
    for (size_t i = 0; i < count; i++) {
        if (attempts[i].answer == answer) {
            return &attempts[i];
        }
    }
    return NULL;
}

/* "It is not registered for this method" says little where each method was tried. */
static bool is_of_method(enum sp_cause cause)
{
    return cause == SP_CAUSE_CLIENT_METHOD_MISMATCH || cause == SP_CAUSE_CLIENT_AUTHENTICATION_MISSING ||
           cause == SP_CAUSE_CLIENT_CERTIFICATE_MISSING;
}

/* Each text of the catalogue speaks of its own two sides. */
static void name_sides(struct sp_finding *told, struct sp_str method, struct sp_str client_id)
{
    told->expected = SP_STR("the client is known and its secret or key right");
    if (told->cause == SP_CAUSE_CLIENT_UNKNOWN) {
        told->received = client_id;
    } else if (sp_str_has_prefix(sp_cause_get(told->cause)->id, SP_STR("client.secret"))) {
        told->expected = client_id;
    } else if (is_of_method(told->cause)) {
        told->expected = SP_STR("another method");
        told->received = method;
    }
}

/* The refusal that says most: the first that is about the client and not about the method, else the first of all. */
static enum sp_status tell_refusal(struct sp_arena *arena, const struct sp_client_attempt *attempts, size_t count,
                                   const struct sp_client_attempt *first, struct sp_str client_id,
                                   struct sp_document_findings *findings)
{
    struct sp_finding told = {.cause = SP_CAUSE_NONE};
    const struct sp_client_attempt *at = first, *end = attempts + count;
    for (; at < end && (told.cause == SP_CAUSE_NONE || is_of_method(told.cause)); at++) {
        struct sp_token_answer answer;
        struct sp_document_findings own = {.count = 0};
        if (at->answer != SP_CLIENT_REFUSED)
            continue;
        enum sp_status status = sp_token_answer_examine(arena, at->report, &answer, &own);
        if (status != SP_OK)
            return status;
        if (own.count == 0 || (told.cause != SP_CAUSE_NONE && is_of_method(own.rows[0].cause)))
            continue;
        told = own.rows[0];
        if (told.cause == SP_CAUSE_REQUEST_GRANT_NOT_ALLOWED)
            told.cause = SP_CAUSE_RESPONSE_ERROR; /* it was refused whatever the grant */
        name_sides(&told, at->method, client_id);
        told.detail = sp_arena_printf(arena, "Asked by %.*s. %.*s", SP_STR_ARG(at->method), SP_STR_ARG(told.detail));
    }
    if (told.cause != SP_CAUSE_NONE)
        *sp_document_saw(findings, told.cause) = told;
    return SP_OK;
}

enum sp_status sp_client_attempts_judge(struct sp_arena *arena, struct sp_client_attempt *attempts, size_t count,
                                        struct sp_str client_id, struct sp_document_findings *findings)
{
    enum sp_status status = sp_client_attempts_read(arena, attempts, count);
    const struct sp_client_attempt *accepted = sp_client_attempts_accepted(attempts, count),
                                   *refused = first_of(attempts, count, SP_CLIENT_REFUSED),
                                   *unclear = first_of(attempts, count, SP_CLIENT_UNCLEAR);
    struct sp_finding *finding;
    if (status != SP_OK || (accepted != NULL && !accepted->is_trimmed)) {
        return status;
    }
    if (accepted != NULL) {
        finding = sp_document_saw(findings, SP_CAUSE_CLIENT_SECRET_WHITESPACE);
        finding->expected = client_id;
        finding->received = SP_STR("a secret with white space around it");
    } else if (refused != NULL) {
        status = tell_refusal(arena, attempts, count, refused, client_id, findings);
    } else if (unclear != NULL && unclear->report != NULL) {
        struct sp_token_answer answer;
        status = sp_token_answer_examine(arena, unclear->report, &answer, findings);
    }
    return status;
}

/* ---- redirect URI ---- */
static bool contains_ignoring_case(struct sp_str text, const char *part)
{
    struct sp_str wanted = sp_str_from_cstr(part);
    for (size_t i = 0; i + wanted.len <= text.len; i++) {
        if (sp_str_equal_ignoring_case(sp_str_slice(text, i, i + wanted.len), wanted)) {
            return true;
        }
    }
    return false;
}

/* A page of HTML has a whole application in it: only its first part is read for words. */
#define MAX_WORDS_BYTES ((size_t)64 * 1024)

static enum sp_redirect_answer answer_of_text(struct sp_str text)
{
    text = sp_str_slice(text, 0, MAX_WORDS_BYTES);
    if (contains_ignoring_case(text, "invalid_redirect_uri") || contains_ignoring_case(text, "redirect_uri") ||
        contains_ignoring_case(text, "redirect uri") || contains_ignoring_case(text, "callback url") ||
        contains_ignoring_case(text, "redirecturi")) {
        return SP_REDIRECT_REFUSED;
    }
    return contains_ignoring_case(text, "invalid_client") || contains_ignoring_case(text, "unknown client") ||
                   contains_ignoring_case(text, "client not found") ||
                   contains_ignoring_case(text, "client is not registered") ||
                   contains_ignoring_case(text, "client is invalid")
               ? SP_REDIRECT_CLIENT_UNKNOWN
               : SP_REDIRECT_UNCLEAR;
}

static bool leads_to(struct sp_str location, struct sp_str redirect_uri)
{
    if (!sp_str_has_prefix(location, redirect_uri)) {
        return false;
    }
    return location.len == redirect_uri.len || strchr("?#&", location.at[redirect_uri.len]) != NULL ||
           sp_str_contains(redirect_uri, SP_STR("?"));
}

/* What a person would read of a page, on one line. */
static struct sp_str visible_text(struct sp_arena *arena, struct sp_str page)
{
    struct sp_buffer text;
    bool in_tag = false;
    size_t body = 0;
    for (size_t i = 0; i + 5 < page.len; i++) {
        if (sp_str_equal_ignoring_case(sp_str_slice(page, i, i + 5), SP_STR("<body"))) {
            body = i;
            break;
        }
    }
    sp_buffer_init(&text, arena, MAX_WORDS_BYTES);
    for (size_t i = body; i < page.len && text.len < MAX_WORDS_BYTES / 2; i++) {
        char c = page.at[i];
        if (c == '<' || c == '>') {
            in_tag = c == '<';
            c = ' ';
        } else if ((unsigned char)c < 0x20) {
            c = ' ';
        }
        if (!in_tag && (c != ' ' || (text.len > 0 && text.at[text.len - 1] != ' '))) {
            sp_buffer_append_char(&text, c);
        }
    }
    return sp_buffer_status(&text) == SP_OK ? sp_str_trim(sp_buffer_str(&text)) : SP_STR_NONE;
}

/* The part of an error page that says what is wrong: from the first word of interest on. */
static struct sp_str said(struct sp_arena *arena, const struct sp_fetch_report *report)
{
    enum { SHOWN = 160 };
    struct sp_str text = visible_text(arena, sp_str_slice(report->body, 0, MAX_WORDS_BYTES));
    size_t from = 0;
    for (size_t i = 0; i + 8 < text.len; i++) {
        if (sp_str_equal_ignoring_case(sp_str_slice(text, i, i + 8), SP_STR("redirect")) ||
            sp_str_equal_ignoring_case(sp_str_slice(text, i, i + 7), SP_STR("invalid"))) {
            from = i;
            break;
        }
    }
    /* Back to where its sentence begins. */
    while (from > 0 && from + SHOWN > text.len - (text.len > 0) && text.at[from - 1] != '.') {
        from--;
    }
    return sp_str_is_utf8(sp_str_slice(text, from, from + SHOWN)) ? sp_str_slice(text, from, from + SHOWN)
                                                                  : sp_document_first_bytes(arena, report->body);
}

/* Where a redirect leads, with the values of its parameters only where they say why: an issuer that needs no person has
 * put a code there. */
static struct sp_str shown_location(struct sp_arena *arena, struct sp_str location)
{
    enum { SHOWN = 300 };
    static const char *const told[] = {"error", "error_description", "error_uri", "iss"};
    struct sp_buffer text;
    size_t mark = sp_str_index_of(location, '?', 0), hash = sp_str_index_of(location, '#', 0);
    size_t from = mark < hash ? mark : hash;
    struct sp_str rest = sp_str_slice(location, from, location.len), part;
    sp_buffer_init(&text, arena, MAX_WORDS_BYTES);
    sp_buffer_append(&text, sp_str_slice(location, 0, from < SHOWN ? from : SHOWN));
    for (char joint = '?'; text.len < SHOWN && sp_str_next_word(&rest, SP_STR("?&#"), &part); joint = '&') {
        size_t equals = sp_str_index_of(part, '=', 0);
        struct sp_str name = sp_str_slice(part, 0, equals < SHOWN / 4 ? equals : SHOWN / 4), value = SP_STR("=…");
        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
            if (sp_str_equal(name, sp_str_from_cstr(told[i]))) {
                value = sp_str_slice(part, equals, equals + SHOWN / 2);
            }
        }
        sp_buffer_printf(&text, "%c%.*s%.*s", joint, SP_STR_ARG(name), SP_STR_ARG(value));
    }
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

enum sp_redirect_answer sp_redirect_answer_of(struct sp_arena *arena, const struct sp_fetch_report *report,
                                              struct sp_str redirect_uri, struct sp_str *words)
{
    int status = report->http_status;
    if (status >= 300 && status < 400 && report->location.at != NULL) {
        /* Elsewhere: a sign-in page, reached only once the request was good – or an error page. */
        bool is_error = contains_ignoring_case(report->location, "error");
        enum sp_redirect_answer answer = leads_to(report->location, redirect_uri) || !is_error
                                             ? SP_REDIRECT_ACCEPTED
                                             : answer_of_text(report->location);
        struct sp_str shown = answer == SP_REDIRECT_ACCEPTED ? shown_location(arena, report->location)
                                                             : sp_str_slice(report->location, 0, 200);
        *words = sp_arena_printf(arena, "%d to %.*s", status, SP_STR_ARG(shown));
        return answer;
    }
    *words = sp_arena_printf(arena, "%d: \"%.*s\"", status, SP_STR_ARG(said(arena, report)));
    return status >= 400 && status < 500 ? answer_of_text(report->body) : SP_REDIRECT_UNCLEAR;
}

static bool add_variant(struct sp_str *variants, size_t *count, size_t room, struct sp_str sent, struct sp_str variant)
{
    if (variant.len > 0 && *count < room && !sp_str_equal(sent, variant)) {
        variants[(*count)++] = variant;
    }
    return *count < room;
}

/* The same URI with another host. */
static struct sp_str with_host(struct sp_arena *arena, struct sp_str uri, const struct sp_url *url, struct sp_str host)
{
    size_t from = (size_t)(url->host.at - uri.at);
    return sp_arena_printf(arena, "%.*s%.*s%.*s", (int)from, uri.at, SP_STR_ARG(host),
                           SP_STR_ARG(sp_str_slice(uri, from + url->host.len, uri.len)));
}

size_t sp_redirect_uri_variants(struct sp_arena *arena, struct sp_str uri, struct sp_str *variants, size_t room)
{
    static const struct sp_str loopbacks[] = {{"localhost", 9}, {"127.0.0.1", 9}, {"[::1]", 5}};
    struct sp_url url;
    size_t count = 0;
    if (sp_url_split(uri, &url) != SP_OK) {
        return 0;
    }
    bool has_slash = sp_str_has_suffix(uri, SP_STR("/"));
    bool is_https = sp_str_equal_ignoring_case(url.scheme, SP_STR("https"));
    add_variant(variants, &count, room, uri,
                has_slash ? sp_str_slice(uri, 0, uri.len - 1) : sp_arena_printf(arena, "%.*s/", SP_STR_ARG(uri)));
    add_variant(variants, &count, room, uri,
                sp_arena_printf(arena, "%s%.*s", is_https ? "http" : "https",
                                SP_STR_ARG(sp_str_slice(uri, url.scheme.len, uri.len))));
    for (size_t i = 0; i < 3 && sp_host_is_loopback(url.host); i++) {
        add_variant(variants, &count, room, uri, with_host(arena, uri, &url, loopbacks[i]));
    }
    if (!sp_host_is_loopback(url.host) && !sp_host_is_address(url.host)) {
        bool has_www = sp_str_has_prefix(url.host, SP_STR("www."));
        add_variant(variants, &count, room, uri,
                    with_host(arena, uri, &url,
                              has_www ? sp_str_slice(url.host, 4, url.host.len)
                                      : sp_arena_printf(arena, "www.%.*s", SP_STR_ARG(url.host))));
    }
    if (url.port.at != NULL) {
        size_t host_end = (size_t)(url.host.at - uri.at) + url.host.len;
        add_variant(variants, &count, room, uri,
                    sp_arena_printf(arena, "%.*s%.*s", (int)host_end, uri.at,
                                    SP_STR_ARG(sp_str_slice(uri, host_end + 1 + url.port.len, uri.len))));
    }
    if (url.query.at != NULL) {
        add_variant(variants, &count, room, uri, sp_str_slice(uri, 0, sp_str_index_of(uri, '?', 0)));
    }
    return count;
}

void sp_redirect_probe_judge(struct sp_arena *arena, enum sp_redirect_answer answer, struct sp_str sent,
                             struct sp_str accepted, struct sp_str client_id, struct sp_str words,
                             struct sp_document_findings *findings)
{
    struct sp_finding *finding;
    if (answer == SP_REDIRECT_CLIENT_UNKNOWN) {
        finding = sp_document_saw(findings, SP_CAUSE_CLIENT_UNKNOWN);
        finding->received = client_id;
        finding->detail = sp_arena_printf(arena, "The authorization endpoint answers %.*s.", SP_STR_ARG(words));
    } else if (answer == SP_REDIRECT_REFUSED) {
        struct sp_redirect_uri_finding explained = {.cause = SP_CAUSE_REDIRECT_URI_MISMATCH};
        if (accepted.len > 0) {
            struct sp_str_list registered = {&accepted, 1};
            explained = sp_redirect_uri_explain(arena, registered, sent, false);
        }
        finding = sp_document_saw(findings, explained.cause);
        finding->expected = accepted.len > 0 ? accepted : SP_STR("one that the issuer does not name");
        finding->received = sent;
        finding->detail = sp_arena_printf(arena, "The authorization endpoint answers %.*s.", SP_STR_ARG(words));
    }
}
