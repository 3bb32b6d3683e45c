/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/log.h"

#include <stdlib.h>
#include "core/base/limits.h"
#include "core/base/text_search.h"
#include "core/diagnosis/issuer_form.h"

#define MAX_TOKENS 64u
#define MAX_ERRORS 64u
#define SAMPLE_BYTES 400u

static const struct {
    const char *product, *text;
    enum sp_cause cause;
    const char *meaning;
} texts[] = {
#define LOG_TEXT(product, text, cause, meaning) {product, text, SP_CAUSE_##cause, meaning},
#include "core/flow/log_texts.def"
#undef LOG_TEXT
};
#define TEXT_COUNT (sizeof texts / sizeof texts[0])

/* OAuth's own words (RFC 6749 4.1.2.1 and 5.2, RFC 6750 3.1, RFC 8628 3.5, RFC 8707 2, RFC 9449 5, OIDC Core 3.1.2.6).
 */
static const char *const errors[] = {
    "invalid_request",        "invalid_client",          "invalid_grant",         "unauthorized_client",
    "unsupported_grant_type", "invalid_scope",           "access_denied",         "unsupported_response_type",
    "server_error",           "temporarily_unavailable", "login_required",        "consent_required",
    "interaction_required",   "invalid_target",          "invalid_dpop_proof",    "use_dpop_nonce",
    "insufficient_scope",     "invalid_token",           "redirect_uri_mismatch", "expired_token",
};
#define ERROR_COUNT (sizeof errors / sizeof errors[0])

/* In front of requests that are worth taking apart. */
static const char *const requests[] = {"?code=", "&code=", "response_type=", "?error=", "id_token_hint="};
#define REQUEST_COUNT (sizeof requests / sizeof requests[0])

#define FIRST_ERROR TEXT_COUNT
#define FIRST_REQUEST (FIRST_ERROR + ERROR_COUNT)
#define TOKEN (FIRST_REQUEST + REQUEST_COUNT)
#define PATTERN_COUNT (TOKEN + 1)

struct sighting {
    uint64_t count, first_line, last_line;
    struct sp_str sample;
};

struct token {
    struct sp_str text;
    uint64_t count, line;
    int64_t at_ms;
};

struct sp_log {
    struct sp_flow_capture *capture;
    struct sp_arena *scratch;
    struct sp_text_search *search;
    struct sp_log_report report;
    struct sighting seen[TEXT_COUNT + ERROR_COUNT];
    struct token tokens[MAX_TOKENS];
    size_t token_count;
    char *rest; /* the beginning of a line whose end is not here yet */
    size_t rest_len;
    uint32_t exchanges;
};

struct sp_log *sp_log_create(struct sp_flow_capture *capture)
{
    struct sp_log *log = calloc(1, sizeof *log);
    struct sp_str patterns[PATTERN_COUNT];
    if (log == NULL)
        return NULL;
    log->capture = capture;
    for (size_t i = 0; i < TEXT_COUNT; i++)
        patterns[i] = sp_str_from_cstr(texts[i].text);
    for (size_t i = 0; i < ERROR_COUNT; i++)
        patterns[FIRST_ERROR + i] = sp_str_from_cstr(errors[i]);
    for (size_t i = 0; i < REQUEST_COUNT; i++)
        patterns[FIRST_REQUEST + i] = sp_str_from_cstr(requests[i]);
    patterns[TOKEN] = SP_STR("eyJ");
    log->rest = malloc(SP_MAX_LOG_LINE_BYTES);
    log->scratch = sp_arena_create(16u * 1024 * 1024);
    if (log->rest == NULL || log->scratch == NULL ||
        sp_text_search_create(capture->arena, patterns, PATTERN_COUNT, &log->search) != SP_OK)
        sp_log_destroy(&log);
    return log;
}

void sp_log_destroy(struct sp_log **log)
{
    if (*log == NULL)
        return;
    sp_arena_destroy(&(*log)->scratch);
    free((*log)->rest);
    free(*log);
    *log = NULL;
}

const struct sp_log_report *sp_log_report(const struct sp_log *log)
{
    return &log->report;
}

/* ---- one line ---- */

/* [26/Nov/2026:03:05:23 +0000], or an ISO time near the beginning. */
static int64_t time_of(struct sp_arena *arena, struct sp_str line)
{
    size_t open = sp_str_index_of(line, '[', 0), close = sp_str_index_of(line, ']', open);
    struct sp_str inner = sp_str_slice(line, open + 1, close);
    if (inner.len > 20 && inner.len < 40 && inner.at[2] == '/' && inner.at[6] == '/') {
        struct sp_str text = sp_arena_printf(arena, "%.*s %.*s %.*s %.*s", 2, inner.at, 3, inner.at + 3, 4,
                                             inner.at + 7, 8, inner.at + 12);
        return sp_flow_time_http(text);
    }
    for (size_t i = 0; i + 19 <= line.len && i < 40; i++) {
        int64_t at = line.at[i] == '2' ? sp_flow_time_iso(sp_str_slice(line, i, i + 30)) : 0;
        if (at != 0)
            return at;
    }
    return 0;
}

/* An error's word counts where it is said to be one: error=…, "error":"…", error: …, code: '…'. */
static bool is_said_to_be_error(struct sp_str line, size_t from)
{
    struct sp_str before = sp_str_slice(line, from > 24 ? from - 24 : 0, from);
    return sp_text_has(before, "error") || sp_text_has(before, "oauth2:") || sp_text_has(before, "[");
}

static struct sp_str sample_of(struct sp_log *log, struct sp_str line, size_t around)
{
    size_t from = around > SAMPLE_BYTES / 2 && line.len > SAMPLE_BYTES ? around - SAMPLE_BYTES / 2 : 0;
    struct sp_str piece = sp_str_slice(line, from, from + SAMPLE_BYTES), copy;
    if (!sp_str_is_utf8(piece))
        log->report.not_utf8++;
    if (sp_arena_copy(log->capture->arena, sp_str_trim(piece), &copy) != SP_OK)
        return SP_STR("…");
    return sp_flow_scrubbed(log->capture, copy);
}

static void see(struct sp_log *log, size_t which, struct sp_str line, size_t at)
{
    struct sighting *seen = &log->seen[which];
    if (seen->last_line == log->report.lines && seen->count > 0)
        return;
    if (seen->count++ == 0) {
        seen->first_line = log->report.lines;
        seen->sample = sample_of(log, line, at);
    }
    seen->last_line = log->report.lines;
}

static bool is_token_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

static void see_token(struct sp_log *log, struct sp_str line, size_t from)
{
    size_t end = from;
    unsigned dots = 0;
    while (end < line.len && is_token_byte(line.at[end]))
        dots += line.at[end++] == '.';
    struct sp_str text = sp_str_slice(line, from, end), copy;
    if (dots != 2 || text.len < 40 || text.len > SP_MAX_TOKEN_BYTES)
        return;
    for (size_t i = 0; i < log->token_count; i++)
        if (sp_str_equal(log->tokens[i].text, text)) {
            log->tokens[i].count++;
            return;
        }
    if (log->token_count == MAX_TOKENS || sp_arena_copy(log->capture->arena, text, &copy) != SP_OK) {
        log->report.more_tokens++;
        return;
    }
    log->tokens[log->token_count++] =
        (struct token){.text = copy, .count = 1, .line = log->report.lines, .at_ms = time_of(log->scratch, line)};
}

/* "GET /callback?code=…&state=… HTTP/1.1" 302 – the combined form, and everything that quotes a request line. */
static void see_request(struct sp_log *log, struct sp_str line, size_t at)
{
    size_t quote = at, end, protocol;
    while (quote > 0 && line.at[quote - 1] != '"')
        quote--;
    struct sp_str request = sp_str_slice(line, quote, line.len);
    size_t space = sp_str_index_of(request, ' ', 0);
    end = sp_str_index_of(request, '"', 0);
    protocol = sp_str_index_of(request, ' ', space + 1);
    struct sp_str method = sp_str_slice(request, 0, space), target = sp_str_slice(request, space + 1, protocol);
    bool known = sp_str_equal(method, SP_STR("GET")) || sp_str_equal(method, SP_STR("POST"));
    if (quote == 0 || !known || end == request.len || protocol > end || target.len == 0)
        return;
    struct sp_str status = sp_str_slice(request, end + 2, end + 5);
    bool numeric = status.len == 3 && status.at[0] >= '1' && status.at[0] <= '5' && status.at[1] >= '0' &&
                   status.at[1] <= '9' && status.at[2] >= '0' && status.at[2] <= '9';
    if (!numeric)
        return;
    struct sp_flow_exchange exchange = {
        .number = (uint32_t)log->report.lines,
        .started_ms = time_of(log->scratch, line),
        .method = method,
        .url = target.at[0] == '/' ? sp_arena_printf(log->scratch, "http://host.of.the.log%.*s", SP_STR_ARG(target))
                                   : target,
        .status = (status.at[0] - '0') * 100 + (status.at[1] - '0') * 10 + (status.at[2] - '0')};
    log->report.requests++;
    sp_flow_capture_add(log->capture, &exchange);
}

static void read_line(struct sp_log *log, struct sp_str line, struct sp_text_search_place place, size_t which)
{
    bool requested = false;
    sp_arena_reset(log->scratch);
    do {
        if (which < TEXT_COUNT)
            see(log, which, line, place.position);
        else if (which < FIRST_REQUEST &&
                 is_said_to_be_error(line, place.position - strlen(errors[which - FIRST_ERROR])))
            see(log, which, line, place.position);
        else if (which == TOKEN)
            see_token(log, line, place.position - 3);
        else if (which >= FIRST_REQUEST && !requested) {
            see_request(log, line, place.position);
            requested = true;
        }
    } while (sp_text_search_next(log->search, line, &place, &which));
}

/* ---- lines ---- */

static uint64_t count_lines(struct sp_str bytes)
{
    uint64_t count = 0;
    const char *at = bytes.at, *end = bytes.at + bytes.len;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        count++;
        at++;
    }
    return count;
}

/* Whole lines at once; only those in which something was found are looked at as lines. report.lines is the number of
 * the line that the search is in. */
static void read_lines(struct sp_log *log, struct sp_str bytes)
{
    struct sp_text_search_place place = {0};
    size_t which = 0, counted = 0;
    while (sp_text_search_next(log->search, bytes, &place, &which)) {
        size_t from = place.position, end = sp_str_index_of(bytes, '\n', place.position);
        while (from > 0 && bytes.at[from - 1] != '\n')
            from--;
        log->report.lines += count_lines(sp_str_slice(bytes, counted, from));
        counted = from;
        struct sp_text_search_place in_line = {.position = place.position - from, .state = place.state};
        read_line(log, sp_str_slice(bytes, from, end), in_line, which);
        place = (struct sp_text_search_place){.position = end};
    }
    log->report.lines += count_lines(sp_str_slice(bytes, counted, bytes.len));
}

static struct sp_str take_rest(struct sp_log *log, struct sp_str bytes)
{
    size_t end = sp_str_index_of(bytes, '\n', 0), room = SP_MAX_LOG_LINE_BYTES - log->rest_len;
    size_t take = end < bytes.len ? end + 1 : end;
    bool too_long = take > room;
    take = too_long ? room : take;
    memcpy(log->rest + log->rest_len, bytes.at, take);
    log->rest_len += take;
    if (too_long)
        log->report.long_lines++;
    if (too_long || end < bytes.len) {
        read_lines(log, sp_str(log->rest, log->rest_len));
        log->rest_len = 0;
    }
    return sp_str_slice(bytes, take, bytes.len);
}

static void tell_all(struct sp_log *log);

void sp_log_read(struct sp_log *log, struct sp_str bytes, bool last)
{
    if (log->report.bytes == 0)
        log->report.lines = 1;
    log->report.bytes += bytes.len;
    while (log->rest_len > 0 && bytes.len > 0)
        bytes = take_rest(log, bytes);
    size_t whole = bytes.len;
    while (whole > 0 && bytes.at[whole - 1] != '\n')
        whole--;
    if (whole > 0)
        read_lines(log, sp_str_slice(bytes, 0, whole));
    bytes = sp_str_slice(bytes, whole, bytes.len);
    while (bytes.len > 0)
        bytes = take_rest(log, bytes);
    if (!last)
        return;
    if (log->rest_len > 0)
        read_lines(log, sp_str(log->rest, log->rest_len));
    else if (log->report.lines > 0)
        log->report.lines--;
    log->rest_len = 0;
    tell_all(log);
}

/* ---- the end ---- */

/* The text in quotes behind `word`; *line becomes what stands behind it. */
static struct sp_str quoted_behind(struct sp_str *line, struct sp_str word)
{
    size_t at = 0;
    while (at + word.len <= line->len && memcmp(line->at + at, word.at, word.len) != 0)
        at++;
    size_t open = sp_str_index_of(*line, '"', at), close = sp_str_index_of(*line, '"', open + 1);
    if (at + word.len > line->len || close >= line->len)
        return SP_STR_NONE;
    struct sp_str value = sp_str_slice(*line, open + 1, close);
    *line = sp_str_slice(*line, close + 1, line->len);
    return value;
}

/* Both sides where the line has them, as go-oidc writes: … expected "a" got "b", or got ["b" "c"]. */
struct sides {
    struct sp_str expected, received;
};

static struct sides sides_of(struct sp_str line)
{
    struct sides sides = {.expected = quoted_behind(&line, SP_STR(" expected "))};
    if (sides.expected.len > 0)
        sides.received = quoted_behind(&line, SP_STR(" got "));
    return sides.received.len > 0 ? sides : (struct sides){0};
}

static void tell_sighting(struct sp_log *log, const struct sighting *seen, const char *product, enum sp_cause cause,
                          const char *text, const char *meaning)
{
    struct sp_flow_capture *capture = log->capture;
    struct sp_flow_message *message = sp_flow_capture_note(capture, SP_SUBJECT_LOG, sp_str_from_cstr(product),
                                                           SP_FLOW_LOG_TEXT, (uint32_t)seen->first_line);
    if (message == NULL)
        return;
    message->note = seen->sample;
    message->times = seen->count;
    struct sides sides = sides_of(seen->sample);
    if (sides.received.len == 0)
        sides.received = sp_str_from_cstr(text);
    else if (cause == SP_CAUSE_ISSUER_MISMATCH && !sp_str_equal(sides.expected, sides.received))
        cause = sp_issuer_difference(sides.expected, sides.received);
    sp_flow_tell(capture, message, cause, sides.expected, sides.received)->detail = sp_arena_printf(
        capture->arena, "%s (%llu time%s, line %llu%s)", meaning, (unsigned long long)seen->count,
        seen->count == 1 ? "" : "s", (unsigned long long)seen->first_line,
        seen->count == 1 ? "" : sp_arena_printf(capture->arena, " to %llu", (unsigned long long)seen->last_line).at);
}

static enum sp_cause cause_of_error(const char *error)
{
    static const struct {
        const char *error;
        enum sp_cause cause;
    } rows[] = {
        {"access_denied", SP_CAUSE_REQUEST_DENIED_BY_USER},
        {"redirect_uri_mismatch", SP_CAUSE_REDIRECT_URI_MISMATCH},
        {"login_required", SP_CAUSE_REQUEST_INTERACTION_REQUIRED},
        {"consent_required", SP_CAUSE_REQUEST_INTERACTION_REQUIRED},
        {"interaction_required", SP_CAUSE_REQUEST_INTERACTION_REQUIRED},
        {"unsupported_grant_type", SP_CAUSE_REQUEST_GRANT_UNKNOWN},
        {"unsupported_response_type", SP_CAUSE_REQUEST_RESPONSE_TYPE},
        {"invalid_target", SP_CAUSE_REQUEST_RESOURCE_INVALID},
        {"invalid_dpop_proof", SP_CAUSE_BINDING_DPOP_INVALID},
        {"use_dpop_nonce", SP_CAUSE_BINDING_DPOP_NONCE},
        {"insufficient_scope", SP_CAUSE_SCOPE_MISSING},
        {"expired_token", SP_CAUSE_DEVICE_EXPIRED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].error, error) == 0)
            return rows[i].cause;
    return SP_CAUSE_RESPONSE_ERROR;
}

static void tell_token(struct sp_log *log, const struct token *token)
{
    struct sp_flow_message *message = sp_flow_capture_note(log->capture, SP_SUBJECT_LOG, SP_STR("tokens in it"),
                                                           SP_FLOW_LOG_TOKEN, (uint32_t)token->line);
    if (message == NULL)
        return;
    message->bearer = token->text;
    message->times = token->count;
    message->exchange.started_ms = token->at_ms != 0 ? token->at_ms : log->capture->terms.now_s * 1000;
    const struct sp_json *claims = sp_flow_jwt_part(log->capture->arena, token->text, 1);
    struct sp_str iss = sp_json_string(sp_json_member(claims, SP_STR("iss")));
    message->note = sp_arena_printf(log->capture->arena, "%s of %.*s: %.*s", claims != NULL ? "JWT" : "no JWT",
                                    SP_STR_ARG(iss.len > 0 ? sp_str_slice(iss, 0, 200) : SP_STR("no issuer")),
                                    SP_STR_ARG(sp_flow_masked(log->capture, token->text)));
}

/* A part of another text of the same lines, as older versions write it. */
static bool is_told_better(const struct sp_log *log, size_t which)
{
    for (size_t i = 0; i < which; i++)
        if (texts[i].cause == texts[which].cause && strcmp(texts[i].product, texts[which].product) == 0 &&
            log->seen[i].first_line == log->seen[which].first_line && log->seen[i].count == log->seen[which].count)
            return true;
    return false;
}

static void tell_all(struct sp_log *log)
{
    for (size_t i = 0; i < TEXT_COUNT; i++)
        if (log->seen[i].count > 0 && !is_told_better(log, i))
            tell_sighting(log, &log->seen[i], texts[i].product, texts[i].cause, texts[i].text, texts[i].meaning);
    for (size_t i = 0; i < ERROR_COUNT; i++)
        if (log->seen[FIRST_ERROR + i].count > 0)
            tell_sighting(log, &log->seen[FIRST_ERROR + i], "OAuth errors", cause_of_error(errors[i]), errors[i],
                          "An OAuth error was answered; the line has what the server says beside it.");
    for (size_t i = 0; i < log->token_count; i++)
        tell_token(log, &log->tokens[i]);
}
