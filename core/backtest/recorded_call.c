/* SPDX-License-Identifier: Apache-2.0 */
#include "core/backtest/recorded_call.h"

#include "core/base/limits.h"
#include "core/diagnosis/facts.h"

/* A gateway keeps a handful; a log that says more is none of ours. */
#define MAX_KEPT_CLAIMS 1024u

static const struct sp_json *member(const struct sp_json *object, const char *name)
{
    return sp_json_member(object, sp_str_from_cstr(name));
}

static struct sp_str text_of(const struct sp_json *object, const char *name)
{
    return sp_json_string(member(object, name));
}

static bool is_true(const struct sp_json *object, const char *name)
{
    return sp_json_is(member(object, name), SP_JSON_TRUE);
}

static int64_t number_of(const struct sp_json *object, const char *name)
{
    int64_t value;
    return sp_json_int64(member(object, name), &value) == SP_OK && value > 0 ? value : 0;
}

static const struct sp_json *object_of(const struct sp_json *parent, const char *name)
{
    const struct sp_json *object = member(parent, name);
    return sp_json_is(object, SP_JSON_OBJECT) ? object : NULL;
}

/* ---- time ---- */

static bool digits(struct sp_str text, size_t at, size_t count, int64_t *number)
{
    *number = 0;
    if (at + count > text.len)
        return false;
    for (size_t i = at; i < at + count; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *number = *number * 10 + (text.at[i] - '0');
    }
    return true;
}

/* Days since 1970 of the proleptic Gregorian calendar, counted in years that begin in March. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * m + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "T13:41", "T13:41:03", "T13:41:03.123": milliseconds of the day; whether that is all there is. */
static bool time_of_day(struct sp_str text, int64_t *ms)
{
    int64_t hour, minute, second = 0, digit;
    size_t at = 6;
    *ms = 0;
    if (text.len == 0)
        return true;
    if ((text.at[0] != 'T' && text.at[0] != ' ') || !digits(text, 1, 2, &hour) || text.len < 6 || text.at[3] != ':' ||
        !digits(text, 4, 2, &minute))
        return false;
    if (at < text.len && text.at[at] == ':') {
        if (!digits(text, at + 1, 2, &second))
            return false;
        at += 3;
    }
    int64_t fraction = 0, scale = 100;
    if (at < text.len && text.at[at] == '.')
        for (at++; digits(text, at, 1, &digit); at++, scale /= 10)
            fraction += digit * scale;
    if (at < text.len && text.at[at] == 'Z')
        at++;
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return at == text.len && hour < 24 && minute < 60 && second <= 60;
}

enum sp_status sp_recorded_time(struct sp_str text, int64_t *ms)
{
    int64_t year, month, day, of_day;
    if (!digits(text, 0, 4, &year) || !digits(text, 5, 2, &month) || !digits(text, 8, 2, &day) || text.at[4] != '-' ||
        text.at[7] != '-' || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 ||
        !time_of_day(sp_str_slice(text, 10, text.len), &of_day))
        return SP_MALFORMED;
    *ms = days_since_1970(year, month, day) * 86400000 + of_day;
    return SP_OK;
}

/* The line is written when the answer ends; the token was judged when the call came, after the control plane was asked.
 */
static int64_t judged_at(const struct sp_json *line, int64_t ended_ms)
{
    const struct sp_json *timings = member(line, "timings");
    int64_t total = number_of(timings, "total_ms"), asked = number_of(timings, "control_ms");
    int64_t after_ms = total > asked ? total - asked : 0;
    return (ended_ms - (after_ms < ended_ms ? after_ms : 0)) / 1000;
}

/* ---- what was found ---- */

static void read_finding(const struct sp_json *object, struct sp_finding *finding)
{
    struct sp_str severity = text_of(object, "severity");
    enum sp_cause cause = sp_cause_find(text_of(object, "id"));
    *finding = (struct sp_finding){
        .cause = cause,
        .check = sp_recorded_check(cause),
        .verified = is_true(object, "verified"),
        .expected = text_of(object, "expected"),
        .received = text_of(object, "received"),
        .detail = text_of(object, "detail"),
        .fatal = sp_str_equal(severity, SP_STR("reject")),
        .tolerated = sp_str_equal(severity, SP_STR("warn")),
        .reason = sp_cause_find(text_of(object, "reason")),
    };
}

static enum sp_status read_findings(struct sp_arena *arena, const struct sp_json *verdict,
                                    struct sp_recorded_token *token)
{
    const struct sp_json *cause = object_of(verdict, "cause"), *also = member(verdict, "also");
    size_t most = 1 + (sp_json_is(also, SP_JSON_ARRAY) ? also->count : 0), count = 0;
    if (most > SP_MAX_FINDINGS)
        most = SP_MAX_FINDINGS;
    struct sp_finding *findings = sp_arena_calloc(arena, most, sizeof *findings);
    if (findings == NULL)
        return SP_NO_MEMORY;
    if (cause != NULL)
        read_finding(cause, &findings[count++]);
    if (sp_json_is(also, SP_JSON_ARRAY))
        for
            SP_JSON_EACH(element, also)
    if (count < most)
        read_finding(element, &findings[count++]);
    token->findings = findings;
    token->finding_count = count;
    return SP_OK;
}

/* The row of a check by its name; NULL: the verdict has none. */
static const struct sp_json *check_row(const struct sp_json *verdict, enum sp_check check)
{
    const struct sp_json *checks = member(verdict, "checks");
    if (sp_json_is(checks, SP_JSON_ARRAY))
        for
            SP_JSON_EACH(row, checks)
    if (sp_str_equal(text_of(row, "name"), sp_str_from_cstr(sp_check_name(check))))
        return row;
    return NULL;
}

static bool has_passed(const struct sp_json *verdict, enum sp_check check)
{
    return sp_str_equal(text_of(check_row(verdict, check), "outcome"), SP_STR("pass"));
}

/* ---- the token ---- */

static enum sp_token_kind kind_of(const struct sp_json *token, enum sp_token_kind when_absent)
{
    struct sp_str name = text_of(token, "kind");
    for (enum sp_token_kind kind = SP_TOKEN_NONE; kind <= SP_TOKEN_API_KEY; kind++)
        if (sp_str_equal(name, sp_str_from_cstr(sp_token_kind_name(kind))))
            return kind;
    return name.at == NULL ? when_absent : SP_TOKEN_NONE;
}

static bool is_filled(const struct sp_json *object)
{
    return object != NULL && object->count > 0;
}

/* Of a verdict: the token was refused, and told whole. */
static enum sp_status read_refused_token(struct sp_arena *arena, const struct sp_json *line,
                                         const struct sp_json *verdict, struct sp_recorded_call *call)
{
    const struct sp_json *told = object_of(verdict, "token");
    struct sp_recorded_token *token = &call->token;
    *token = (struct sp_recorded_token){
        .kind = kind_of(told, SP_TOKEN_NONE),
        .header = object_of(told, "header"),
        .body = object_of(told, "claims"),
        .whole = true,
        .issuer = text_of(line, "judged_as_of"),
        .signature_verified = is_true(told, "signature_verified"),
        .introspected = has_passed(verdict, SP_CHECK_REVOCATION),
        .binding_proven = has_passed(verdict, SP_CHECK_BINDING),
    };
    if (token->issuer.at == NULL)
        token->issuer = text_of(check_row(verdict, SP_CHECK_ISSUER), "expected");
    token->header = is_filled(token->header) ? token->header : NULL;
    token->body = is_filled(token->body) ? token->body : NULL;
    const struct sp_json *cnf = member(token->body, "cnf");
    token->bound_to_key = sp_confirmation_binds(cnf, SP_STR("jkt"));
    token->bound_to_certificate = sp_confirmation_binds(cnf, SP_STR("x5t#S256"));
    call->has_token = true;
    if (call->client_id.at == NULL)
        call->client_id = text_of(token->body, member(token->body, "client_id") != NULL ? "client_id" : "azp");
    return read_findings(arena, verdict, token);
}

/* Several objects as one: a name that stands in an earlier one hides it in the later ones. */
static const struct sp_json *join(struct sp_arena *arena, const struct sp_json *const *objects, size_t count)
{
    struct sp_json *whole = SP_ARENA_NEW(arena, struct sp_json), *last = NULL;
    if (whole == NULL)
        return NULL;
    whole->type = SP_JSON_OBJECT;
    whole->text = SP_STR("{}");
    for (size_t i = 0; i < count; i++)
        for
            SP_JSON_EACH(child, objects[i])
            {
                struct sp_json *copy = NULL;
                if (i > 0 && sp_json_member(whole, child->name) != NULL)
                    continue;
                copy = SP_ARENA_NEW(arena, struct sp_json);
                if (copy == NULL)
                    return NULL;
                *copy = *child;
                copy->next = NULL;
                if (last != NULL)
                    last->next = copy;
                else
                    whole->first = copy;
                last = copy;
                whole->count++;
            }
    return whole;
}

/* A member of the line under the name of a claim, as an object of its own; NULL: absent. */
static const struct sp_json *as_claim(struct sp_arena *arena, const struct sp_json *line, const char *from,
                                      const char *name)
{
    struct sp_json *object = SP_ARENA_NEW(arena, struct sp_json), *child = SP_ARENA_NEW(arena, struct sp_json);
    const struct sp_json *value = member(line, from);
    if (object == NULL || child == NULL || !sp_json_is(value, SP_JSON_STRING))
        return NULL;
    *child = *value;
    child->name = sp_str_from_cstr(name);
    child->next = NULL;
    *object = (struct sp_json){.type = SP_JSON_OBJECT, .text = SP_STR("{}"), .count = 1, .first = child};
    return object;
}

static enum sp_status read_accepted_token(struct sp_arena *arena, const struct sp_json *line,
                                          const struct sp_json *told, struct sp_recorded_call *call)
{
    struct sp_recorded_token *token = &call->token;
    struct sp_str bound = text_of(told, "bound");
    *token = (struct sp_recorded_token){
        .kind = kind_of(told, SP_TOKEN_JWT),
        .header = object_of(told, "header"),
        .body = object_of(told, "claims"),
        .whole = is_true(told, "whole"),
        .bytes = (size_t)number_of(told, "bytes"),
        .introspected = is_true(told, "introspected"),
        .bound_to_key = sp_str_equal(bound, SP_STR("key")) || sp_str_equal(bound, SP_STR("both")),
        .bound_to_certificate = sp_str_equal(bound, SP_STR("certificate")) || sp_str_equal(bound, SP_STR("both")),
        .binding_proven = is_true(told, "proven"),
    };
    token->signature_verified = token->kind == SP_TOKEN_JWT;
    /* It was accepted: the configured one was the same. */
    token->issuer =
        text_of(token->kind == SP_TOKEN_JWT ? token->body : told, token->kind == SP_TOKEN_JWT ? "iss" : "issuer");
    call->has_token = token->body != NULL;
    if (!call->has_token || token->whole)
        return SP_OK;
    const struct sp_json *kept = object_of(told, "kept");
    const struct sp_json *parts[] = {kept, token->body, as_claim(arena, line, "subject", "sub")};
    if (token->body->count > MAX_KEPT_CLAIMS || (kept != NULL && kept->count > MAX_KEPT_CLAIMS))
        return SP_UNSUPPORTED;
    token->body = join(arena, parts, sizeof parts / sizeof parts[0]);
    return token->body != NULL ? SP_OK : SP_NO_MEMORY;
}

/* ---- the call ---- */

static enum sp_recorded_credential credential_of(const struct sp_json *line, const struct sp_recorded_call *call)
{
    static const struct {
        struct sp_str word;
        enum sp_recorded_credential credential;
    } words[] = {{{"none", 4}, SP_RECORDED_NONE},
                 {{"query", 5}, SP_RECORDED_QUERY},
                 {{"dpop", 4}, SP_RECORDED_DPOP},
                 {{"api_key", 7}, SP_RECORDED_API_KEY}};
    struct sp_str presented = text_of(line, "presented");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sp_str_equal(words[i].word, presented))
            return words[i].credential;
    if (call->cause == SP_CAUSE_TOKEN_MISSING)
        return SP_RECORDED_NONE;
    /* Only calls with a bearer token ask the cache. */
    return member(line, "cache") != NULL ? SP_RECORDED_BEARER : SP_RECORDED_UNSEEN;
}

enum sp_status sp_recorded_call_read(struct sp_arena *arena, const struct sp_json *line, struct sp_recorded_call *out)
{
    const struct sp_json *accepted = member(line, "accepted"), *token = object_of(line, "token");
    const struct sp_json *verdict = object_of(line, "verdict");
    int64_t ended_ms;
    struct sp_recorded_call call = {
        .request_id = text_of(line, "request_id"),
        .time = text_of(line, "time"),
        .api = text_of(line, "api"),
        .method = text_of(line, "method"),
        .host = text_of(line, "host"),
        .path = text_of(line, "path"),
        .client_address = text_of(line, "client_address"),
        .consumer = text_of(line, "consumer"),
        .client_id = text_of(line, "client_id"),
        .is_preflight = member(line, "preflight") != NULL,
        .accepted = sp_json_is(accepted, SP_JSON_TRUE),
    };
    if ((!call.accepted && !sp_json_is(accepted, SP_JSON_FALSE)) || call.request_id.len == 0 || call.method.len == 0 ||
        call.path.len == 0 || sp_recorded_time(call.time, &ended_ms) != SP_OK)
        return SP_UNSUPPORTED;
    call.judged_at = judged_at(line, ended_ms);
    call.cause = call.accepted ? SP_CAUSE_NONE : sp_cause_find(text_of(line, "cause"));
    call.credential = credential_of(line, &call);
    enum sp_status status = SP_OK;
    if (token != NULL)
        status = read_accepted_token(arena, line, token, &call);
    else if (!call.accepted && verdict != NULL)
        status = read_refused_token(arena, line, verdict, &call);
    call.token.shown_by_dpop = call.credential == SP_RECORDED_DPOP;
    if (status == SP_OK)
        *out = call;
    return status;
}
