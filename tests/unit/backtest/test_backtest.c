/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a call log, judged again: what they tell decides, what they do not tell is said, never guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/backtest/tally.h"
#include "core/backtest/what_if.h"
#include "tests/support/policy_fixture.h"

#define ISS "https://idp.example.com"
#define POLICY                                                                                                         \
    "issuers: {corp: {issuer: '" ISS "', audience: [a], algorithms: [ES256]}}\n"                                       \
    "apis:\n"                                                                                                          \
    "  photos: {match: {path: /photos}, upstream: {url: 'http://127.0.0.1:9'}, auth: {scopes: [read]}}\n"              \
    "  claims: {match: {path: /claims}, upstream: {url: 'http://127.0.0.1:9'}, auth: {claims: {dept: [x]}}}\n"         \
    "  dpop: {match: {path: /dpop}, upstream: {url: 'http://127.0.0.1:9'}, auth: {dpop: required}}\n"                  \
    "  mtls: {match: {path: /mtls}, upstream: {url: 'http://127.0.0.1:9'}, auth: {mtls: required}}\n"                  \
    "  small: {match: {path: /small}, upstream: {url: 'http://127.0.0.1:9'}, auth: {max_token_size: 1024}}\n"          \
    "  keys: {match: {path: /keys}, upstream: {url: 'http://127.0.0.1:9'}, auth: {api_keys: true}}\n"                  \
    "  open: {match: {path: /open}, upstream: {url: 'http://127.0.0.1:9'}, auth: {anonymous: true}}\n"                 \
    "consumers: {acme: {client_ids: [app-a]}, late: {client_ids: [app-l], state: pending}}\n"
/* 2026-11-23T13:41:03Z */
#define NOW 1795441263
#define LINE(path, accepted, more)                                                                                     \
    "{\"time\":\"2026-11-23T13:41:03.900Z\",\"request_id\":\"r\",\"method\":\"GET\",\"host\":\"h\",\"path\":\"" path   \
    "\",\"accepted\":" accepted ",\"timings\":{\"total_ms\":0}" more "}"
#define CLAIMS "\"iss\":\"" ISS "\",\"aud\":[\"a\"],\"exp\":1795441300,\"iat\":1795441200,\"scope\":\"read write\""
#define HEADER "\"header\":{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"
#define ACCEPTED(path, claims, more)                                                                                   \
    LINE(path, "true", ",\"cache\":\"miss\",\"token\":{" HEADER ",\"claims\":{" claims "}" more "}")
#define VERDICT(path, cause, verified, claims, more)                                                                   \
    LINE(path, "false",                                                                                                \
         ",\"cache\":\"miss\",\"cause\":\"" cause "\",\"judged_as_of\":\"" ISS                                         \
         "\",\"verdict\":{\"cause\":{\"id\":\"" cause                                                                  \
         "\",\"verified\":true,\"severity\":\"reject\"},\"also\":[],\"checks\":[],\"token\":{\"kind\":\"jwt\"," HEADER \
         ",\"claims\":{" claims "},\"signature_verified\":" verified "}}" more)

static const struct {
    const char *what, *line;
    enum sp_change change;
    const char *cause, *lacking; /* NULL: none */
} rows[] = {
    {"an accepted token that meets everything", ACCEPTED("/photos/1", CLAIMS, ""), SP_CHANGE_NONE, NULL, NULL},
    {"another audience", ACCEPTED("/photos/1", "\"iss\":\"" ISS "\",\"aud\":[\"b\"],\"exp\":1795441300", ""),
     SP_CHANGE_REFUSED, "audience.mismatch", NULL},
    {"another issuer", ACCEPTED("/photos/1", "\"iss\":\"" ISS "/\",\"aud\":[\"a\"],\"exp\":1795441300", ""),
     SP_CHANGE_REFUSED, "issuer.trailing_slash", NULL},
    {"expired by the time of the call",
     ACCEPTED("/photos/1", "\"iss\":\"" ISS "\",\"aud\":[\"a\"],\"exp\":1795441232", ""), SP_CHANGE_REFUSED,
     "time.expired", NULL},
    {"too little scope",
     ACCEPTED("/photos/1", "\"iss\":\"" ISS "\",\"aud\":[\"a\"],\"exp\":1795441300,\"scope\":\"write\"", ""),
     SP_CHANGE_REFUSED, "scope.missing", NULL},
    {"a claim that was not kept", ACCEPTED("/claims", CLAIMS, ""), SP_CHANGE_UNKNOWN, NULL, "claim dept"},
    {"a claim that was kept", ACCEPTED("/claims", CLAIMS, ",\"kept\":{\"dept\":\"x\"}"), SP_CHANGE_NONE, NULL, NULL},
    {"a claim that was kept as absent", ACCEPTED("/claims", CLAIMS, ",\"kept\":{\"dept\":null}"), SP_CHANGE_REFUSED,
     "claim.missing", NULL},
    {"whole claims without it", ACCEPTED("/claims", CLAIMS, ",\"whole\":true"), SP_CHANGE_REFUSED, "claim.missing",
     NULL},
    {"what is proven outranks what is lacking", ACCEPTED("/claims", "\"iss\":\"" ISS "\",\"exp\":1795441300", ""),
     SP_CHANGE_REFUSED, "audience.missing", NULL},
    {"no proof of possession", ACCEPTED("/dpop", CLAIMS, ""), SP_CHANGE_REFUSED, "binding.dpop_missing", NULL},
    {"a proof that was seen",
     ACCEPTED("/dpop", CLAIMS, ",\"bound\":\"key\",\"proven\":true},\"presented\":\"dpop\",\"x\":{"), SP_CHANGE_NONE,
     NULL, NULL},
    {"a proof that nobody looked at",
     ACCEPTED("/dpop", CLAIMS, ",\"bound\":\"key\",\"proven\":false},\"presented\":\"dpop\",\"x\":{"),
     SP_CHANGE_UNKNOWN, NULL, "whether the caller held the token's key (DPoP)"},
    {"a token bound to no certificate", ACCEPTED("/mtls", CLAIMS, ""), SP_CHANGE_REFUSED, "binding.mtls_mismatch",
     NULL},
    {"a certificate that nobody looked at", ACCEPTED("/mtls", CLAIMS, ",\"bound\":\"certificate\",\"proven\":false"),
     SP_CHANGE_UNKNOWN, NULL, "whether the caller held the token's certificate (mTLS)"},
    {"a large token", ACCEPTED("/small", CLAIMS, ",\"bytes\":1025"), SP_CHANGE_REFUSED, "token.too_large", NULL},
    {"the claims are not in the line", LINE("/photos/1", "true", ",\"cache\":\"miss\",\"issuer\":\"corp\""),
     SP_CHANGE_UNKNOWN, NULL, "the token's claims (call_log.claims: none, or a line of an older version)"},
    {"an opaque token where nobody can be asked",
     LINE("/photos/1", "true",
          ",\"cache\":\"miss\",\"token\":{\"kind\":\"opaque\",\"issuer\":\"" ISS "\",\"claims\":{\"aud\":[\"a\"]},"
          "\"introspected\":true}"),
     SP_CHANGE_REFUSED, "token.opaque", NULL},
    {"a pending consumer", ACCEPTED("/photos/1", CLAIMS, "},\"client_id\":\"app-l\",\"x\":{"), SP_CHANGE_REFUSED,
     "consumer.pending", NULL},
    {"an API key of an unknown consumer", LINE("/keys", "true", ",\"presented\":\"api_key\",\"consumer\":\"gone\""),
     SP_CHANGE_REFUSED, "consumer.unknown_key", NULL},
    {"an API key of a known one", LINE("/keys", "true", ",\"presented\":\"api_key\",\"consumer\":\"acme\""),
     SP_CHANGE_NONE, NULL, NULL},
    {"an API key where tokens are asked for",
     LINE("/photos", "true", ",\"presented\":\"api_key\",\"consumer\":\"acme\""), SP_CHANGE_REFUSED, "token.missing",
     NULL},
    {"nothing, where nothing is needed", LINE("/open", "true", ",\"presented\":\"none\""), SP_CHANGE_NONE, NULL, NULL},
    {"nothing, where a token is needed", LINE("/photos", "true", ",\"presented\":\"none\""), SP_CHANGE_REFUSED,
     "token.missing", NULL},
    {"no token, but open now", LINE("/open", "false", ",\"cause\":\"token.missing\""), SP_CHANGE_ACCEPTED, NULL, NULL},
    {"no API any more", ACCEPTED("/gone", CLAIMS, ""), SP_CHANGE_REFUSED, "route.none", NULL},
    {"no route then, one now", LINE("/photos", "false", ",\"cause\":\"route.none\""), SP_CHANGE_UNKNOWN, NULL,
     "the credential: the call found no route"},
    {"a preflight", LINE("/photos", "true", ",\"preflight\":\"GET\""), SP_CHANGE_OUTSIDE, NULL, NULL},
    {"refused by nginx", LINE("/photos", "false", ",\"cause\":\"request.malformed\""), SP_CHANGE_OUTSIDE, NULL, NULL},
    {"a scope that was too little and is enough now", VERDICT("/photos/1", "scope.missing", "true", CLAIMS, ""),
     SP_CHANGE_ACCEPTED, NULL, NULL},
    {"a signature that was wrong stays wrong", VERDICT("/photos/1", "signature.invalid", "false", CLAIMS, ""),
     SP_CHANGE_NONE, "signature.invalid", NULL},
    {"a signature that nobody checked", VERDICT("/photos/1", "algorithm.not_allowed", "false", CLAIMS, ""),
     SP_CHANGE_UNKNOWN, NULL, "a check of its signature"},
    {"a limit that is gone", VERDICT("/photos/1", "rate.limited", "true", CLAIMS, ""), SP_CHANGE_ACCEPTED, NULL, NULL},
    {"damaged then, damaged now", VERDICT("/photos/1", "token.malformed.truncated", "false", "", ""), SP_CHANGE_NONE,
     "token.malformed.truncated", NULL},
};

static struct sp_parsed parsed;
static struct sp_bench *bench;

static int set_up(void **state)
{
    (void)state;
    parsed = sp_parsed_text(POLICY);
    if (parsed.policy == NULL)
        sp_parsed_print(&parsed);
    return parsed.policy != NULL && sp_bench_create(parsed.policy, &bench) == SP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sp_bench_destroy(&bench);
    sp_parsed_fini(&parsed);
    return 0;
}

static enum sp_status read_line(struct sp_arena *arena, const char *text, struct sp_recorded_call *call)
{
    const struct sp_json *json;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(arena, sp_str_from_cstr(text), &sp_json_limits_document, &json, &error);
    return status == SP_OK ? sp_recorded_call_read(arena, json, call) : status;
}

static void judges_as_the_gateway_would(void **state)
{
    static const struct sp_rejudge_terms as_then = {0};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_recorded_call call;
        struct sp_rejudgement judged;
        print_message("%s\n", rows[i].what);
        assert_int_equal(read_line(arena, rows[i].line, &call), SP_OK);
        assert_int_equal(call.judged_at, NOW);
        sp_rejudge(arena, bench, &call, &as_then, &judged);
        struct sp_str cause = sp_cause_get(judged.cause)->id, wanted = sp_str_from_cstr(rows[i].cause);
        if (judged.change != rows[i].change || !sp_str_equal(cause, wanted))
            print_message("  %s %.*s, lacking %.*s\n", sp_change_name(judged.change), SP_STR_ARG(cause),
                          SP_STR_ARG(judged.lacking));
        assert_int_equal(judged.change, rows[i].change);
        assert_true(sp_str_equal(cause, wanted));
        assert_true(sp_str_equal(judged.lacking, sp_str_from_cstr(rows[i].lacking)));
        sp_arena_destroy(&arena);
    }
}

/* Out of memory at any place it is unknown, or what it is with enough: never accepted by mistake. */
static void memory_that_ends_accepts_nothing(void **state)
{
    static const struct sp_rejudge_terms as_then = {0};
    static const char refused[] = ACCEPTED("/photos/1", "\"iss\":\"" ISS "\",\"aud\":[\"b\"],\"exp\":1795441300", "");
    (void)state;
    for (size_t bytes = 0; bytes < 40000; bytes += 64) {
        struct sp_arena *arena = sp_arena_create(bytes);
        struct sp_recorded_call call;
        struct sp_rejudgement judged;
        if (arena != NULL && read_line(arena, refused, &call) == SP_OK) {
            sp_rejudge(arena, bench, &call, &as_then, &judged);
            assert_true(judged.change == SP_CHANGE_REFUSED || judged.change == SP_CHANGE_UNKNOWN);
        }
        sp_arena_destroy(&arena);
    }
}

static void lines_of_no_call_are_none(void **state)
{
    static const char *const lines[] = {
        "{}",
        "[]",
        "7",
        "\"x\"",
        "{\"time\":1}",
        "{\"time\":\"2026-11-23T13:41:03Z\",\"accepted\":true}",
        LINE("/x", "null", ""),
        LINE("", "true", ""),
        "{\"time\":\"soon\",\"request_id\":\"r\",\"method\":\"GET\",\"path\":\"/\",\"accepted\":true}"};
    struct sp_recorded_call call;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        assert_int_equal(read_line(arena, lines[i], &call), SP_UNSUPPORTED);
        sp_arena_destroy(&arena);
    }
}

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } times[] = {{"2026-11-23T13:41:03.123Z", INT64_C(1795441263123)},
                 {"2026-11-23T13:41:03Z", INT64_C(1795441263000)},
                 {"2026-11-23 13:41", INT64_C(1795441260000)},
                 {"2026-11-23", INT64_C(1795392000000)},
                 {"1970-01-01", 0},
                 {"2000-02-29T23:59:59.9Z", INT64_C(951868799900)},
                 {"2026-13-01", -1},
                 {"2026-11-23T24:00", -1},
                 {"2026-11-23T13:41:03+01:00", -1},
                 {"2026-11-23T13", -1},
                 {"24h", -1},
                 {"", -1}};
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        int64_t ms = -1;
        print_message("%s\n", times[i].text);
        assert_int_equal(sp_recorded_time(sp_str_from_cstr(times[i].text), &ms) == SP_OK, times[i].ms >= 0);
        assert_int_equal(ms, times[i].ms);
    }
}

/* ---- the tally ---- */

static void rows_gather_and_are_bounded(void **state)
{
    struct sp_tally *tally = sp_tally_create();
    const struct sp_tally_row *const *sorted;
    (void)state;
    assert_non_null(tally);
    for (size_t i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof name, "client-%zu", i % 2 == 0 ? i : 1);
        struct sp_recorded_call call = {
            .request_id = SP_STR("r"), .time = SP_STR("2026-11-23"), .client_id = sp_str_from_cstr(name)};
        struct sp_rejudgement judged = {.change = SP_CHANGE_REFUSED, .cause = SP_CAUSE_SCOPE_MISSING};
        assert_int_equal(sp_tally_add(tally, &call, &judged), SP_OK);
    }
    assert_int_equal(sp_tally_rows(tally, &sorted), 10001);
    assert_int_equal(sorted[0]->count, 10000);
    assert_true(sp_str_equal(sorted[0]->caller, SP_STR("client-1")));
    for (size_t i = 0; i < 20000; i++) {
        char name[32];
        snprintf(name, sizeof name, "more-%zu", i);
        struct sp_recorded_call call = {
            .request_id = SP_STR("r"), .time = SP_STR("2026-11-23"), .client_id = sp_str_from_cstr(name)};
        struct sp_rejudgement judged = {.change = SP_CHANGE_UNKNOWN, .lacking = SP_STR("claim x")};
        assert_int_equal(sp_tally_add(tally, &call, &judged), SP_OK);
    }
    size_t count = sp_tally_rows(tally, &sorted);
    assert_int_equal(count + sp_tally_without_row(tally), 10001 + 20000);
    assert_int_equal(sp_tally_total(tally, SP_CHANGE_UNKNOWN), 20000);
    sp_tally_destroy(&tally);
    assert_null(tally);
}

/* ---- what if ---- */

static void settings_become_a_configuration(void **state)
{
    static const struct {
        const char *text, *overlay; /* NULL: refused */
    } settings[] = {
        {"issuer=" ISS "/", "{\"issuers\":{\"corp\":{\"issuer\":\"" ISS "/\"}},\"apis\":{\"photos\":{\"auth\":{}}}}"},
        {"audience=x,y,leeway=60s",
         "{\"issuers\":{\"corp\":{\"leeway\":\"60s\"}},\"apis\":{\"photos\":{\"auth\":{\"audience\":[\"x\",\"y\"]}}}}"},
        {"audience=", "{\"issuers\":{\"corp\":{\"audience\":[]}},\"apis\":{\"photos\":{\"auth\":{\"audience\":[]}}}}"},
        {"audience=https://a/?b=c,https://d/?e=f",
         "{\"issuers\":{\"corp\":{}},\"apis\":{\"photos\":{\"auth\":{\"audience\":[\"https://a/?b=c\",\"https://"
         "d/?e=f\"]}}}}"},
        {"claim=dept:x,claim=dept:y,claim=tenant", "{\"issuers\":{\"corp\":{}},\"apis\":{\"photos\":{\"auth\":{"
                                                   "\"claims\":{\"dept\":[\"x\",\"y\"],\"tenant\":true}}}"
                                                   "}}"},
        {"require_type=true", "{\"issuers\":{\"corp\":{\"require_type\":true}},\"apis\":{\"photos\":{\"auth\":{}}}}"},
        {"scopes=a", "{\"issuers\":{\"corp\":{}},\"apis\":{\"photos\":{\"auth\":{\"scopes\":[\"a\"]}}}}"},
        {"nothing=1", NULL},
        {"leeway", NULL},
        {"leeway=", NULL},
        {"leeway=1,leeway=2", NULL},
        {"now=later", NULL},
    };
    static const struct sp_what_if what = {.api = {"photos", 6}, .issuer = {"corp", 4}};
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_str text = sp_str_from_cstr(settings[i].text);
        struct sp_what_if_result result;
        print_message("%s\n", settings[i].text);
        enum sp_status status = sp_what_if_write(arena, &what, &text, 1, &result);
        assert_int_equal(status, settings[i].overlay != NULL ? SP_OK : SP_MALFORMED);
        assert_true(sp_str_equal(result.overlay, sp_str_from_cstr(settings[i].overlay)));
        assert_true(status == SP_OK || result.refused.len > 0);
        sp_arena_destroy(&arena);
    }
}

static void now_is_a_time(void **state)
{
    static const struct sp_what_if what = {0};
    struct sp_str texts[] = {SP_STR("now=1795441263"), SP_STR("now=2026-11-23T13:41:03Z")};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_what_if_result result;
        assert_int_equal(sp_what_if_write(arena, &what, &texts[i], 1, &result), SP_OK);
        assert_int_equal(result.now, NOW);
        assert_null(result.overlay.at);
        sp_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges_as_the_gateway_would),
        cmocka_unit_test(memory_that_ends_accepts_nothing),
        cmocka_unit_test(lines_of_no_call_are_none),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(rows_gather_and_are_bounded),
        cmocka_unit_test(settings_become_a_configuration),
        cmocka_unit_test(now_is_a_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
