/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/base/limits.h"
#include "core/policy/policy.h"
#include "tests/support/policy_fixture.h"

/* ---- scalars: what a plain text means ---- */
static const struct {
    const char *text;
    enum sp_json_type type;
    const char *as;
} scalars[] = {
    {"abc", SP_JSON_STRING, "abc"},
    {"'30'", SP_JSON_STRING, "30"},
    {"\"true\"", SP_JSON_STRING, "true"},
    {"30", SP_JSON_NUMBER, "30"},
    {"-1.5", SP_JSON_NUMBER, "-1.5"},
    {"007", SP_JSON_STRING, "007"},
    {"0x1f", SP_JSON_STRING, "0x1f"},
    {"1_000", SP_JSON_STRING, "1_000"},
    {"True", SP_JSON_TRUE, "true"},
    {"off", SP_JSON_STRING, "off"},
    {"no", SP_JSON_STRING, "no"},
    {"!!str 30", SP_JSON_STRING, "30"},
    {"30s", SP_JSON_STRING, "30s"},
    {"a # comment", SP_JSON_STRING, "a"},
    {"${NAME}", SP_JSON_STRING, "${NAME}"},
    {"'a ${NAME} b'", SP_JSON_STRING, "a ${NAME} b"},
    {"$\xEE\x80\x80x", SP_JSON_STRING, "${x"},
    {"\xEE\x80\x80\xEE\x80\x81", SP_JSON_STRING, "\xEE\x80\x80\xEE\x80\x81"},
};

/* resource_metadata takes an object of anything. */
static const struct sp_json *metadata_of(const struct sp_policy *policy)
{
    const struct sp_json *apis = sp_json_member(policy->source, SP_STR("apis"));
    return sp_json_member(sp_json_member(apis, SP_STR("a")), SP_STR("resource_metadata"));
}

static struct sp_parsed parsed_metadata(const char *text)
{
    char whole[4096];
    snprintf(whole, sizeof whole,
             "apis: {a: {upstream: {url: http://x}, auth: {anonymous: true}, resource_metadata: {v: %s\n}}}\n", text);
    return sp_parsed_text(whole);
}

static void plain_texts_have_their_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        struct sp_parsed parsed = parsed_metadata(scalars[i].text);
        print_message("%s\n", scalars[i].text);
        assert_int_equal(parsed.status, SP_OK);
        const struct sp_json *value = sp_json_member(metadata_of(parsed.policy), SP_STR("v"));
        assert_int_equal(value->type, scalars[i].type);
        assert_int_equal(value->text.len, strlen(scalars[i].as));
        assert_memory_equal(value->text.at, scalars[i].as, value->text.len);
        sp_parsed_fini(&parsed);
    }
}

/* ---- what is refused, and where ---- */
static const struct {
    const char *sentence, *text;
    uint32_t line;
    const char *in_message;
} refused[] = {
    {"a tab for indentation", "issuers:\n\tcorp: 1\n", 2,
     "indented with a tab, which YAML forbids; it must be indented with spaces"},
    {"a tab before a list", "listen:\n\t- x\n", 2, "indented with a tab"},
    {"a tab after spaces", "issuers:\n  a: 1\n  \tb: 2\n", 3, "tab"},
    {"no tab but another mistake", "issuers: @x\n", 1, "no YAML (found character"},
    {"an open bracket", "listen: [\n", 2, "it must be YAML: every bracket and quote closed"},
    {"a member twice", "workers: 1\nlisten: []\nworkers: 2\n", 3, "workers stands twice"},
    {"a member twice in JSON", "{\"workers\": 1,\n \"workers\": 2}", 2, "workers stands twice"},
    {"two documents", "workers: 1\n---\nworkers: 2\n", 2, "second document"},
    {"a tag", "workers: !!int 3\n", 1, "tag"},
    {"a foreign tag", "workers: !python/object 3\n", 1, "tag"},
    {"a list as a name", "? [a]\n: b\n", 1, "as a name"},
    {"an alias of nothing", "issuers: *corp\n", 1, "corp"},
    {"an alias of itself", "issuers: &a {x: *a}\n", 1, "it must be the name of an anchor"},
    {"a list", "- a\n", 1, "must be an object"},
    {"a text", "hello\n", 1, "must be an object"},
    {"bytes that are no text", "a: \xff\xfe\n", 1, "it must be YAML, a text in UTF-8"},
    {"a NUL", "a: \"\\0\"\n", 1, "no member a"},
};

static void what_is_no_configuration_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct sp_parsed parsed = sp_parsed_text(refused[i].text);
        print_message("%s\n", refused[i].sentence);
        sp_parsed_print(&parsed);
        assert_int_equal(parsed.status, SP_MALFORMED);
        assert_int_equal(parsed.report->problems[0].line, refused[i].line);
        assert_true(sp_str_contains(parsed.report->problems[0].message, sp_str_from_cstr(refused[i].in_message)));
        sp_parsed_fini(&parsed);
    }
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    static char text[20100];
    static const struct {
        const char *piece;
        size_t times;
    } rows[] = {{"[", 10000}, {"{a: ", 5000}, {"- ", 5000}, {"{\"a\":", 4000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text[0] = '\0';
        size_t len = 0;
        for (size_t j = 0; j < rows[i].times; j++) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", rows[i].piece);
        }
        struct sp_parsed parsed = sp_parsed_text(text);
        assert_int_equal(parsed.status, SP_MALFORMED);
        sp_parsed_fini(&parsed);
    }
}

/* Ten lines that would be 10^9 values: the ceiling ends it, in bounded time and memory. */
static void aliases_do_not_multiply_without_end(void **state)
{
    (void)state;
    static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                               "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
                               "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]\n";
    struct sp_parsed parsed = sp_parsed_text(bomb);
    assert_int_equal(parsed.status, SP_MALFORMED);
    assert_true(sp_str_contains(parsed.report->problems[0].message, SP_STR("too many values")));
    sp_parsed_fini(&parsed);
}

static void an_alias_is_a_copy(void **state)
{
    (void)state;
    struct sp_parsed parsed =
        sp_parsed_text("issuers:\n  a: &a {issuer: https://a.example.com, audience: x}\n  b: *a\n");
    assert_int_equal(parsed.status, SP_OK);
    assert_int_equal(parsed.policy->issuer_count, 2);
    assert_true(sp_str_equal(parsed.policy->issuers[1].name, SP_STR("b")));
    assert_true(sp_str_equal(parsed.policy->issuers[1].issuer, parsed.policy->issuers[0].issuer));
    sp_parsed_fini(&parsed);
}

/* ---- ${…} ---- */
static const struct {
    const char *text, *as;
} references[] = {
    {"${A}", "one"},
    {"x-${A}-${B}", "x-one-two words"},
    {"'${file:/run/key}'", "secret"},
    {"${file:/run/key}", "secret"}, /* the file's final newline is no part of it */
    {"${file:rel}", "beside"},      /* relative to the file that names it */
    {"$${A}", "${A}"},
    {"$A", "$A"},
    {"\"${C}\"", "${A}"}, /* what a variable brings is not expanded again */
};

static void references_are_replaced(void **state)
{
    (void)state;
    static const char *const environment[] = {
        "A=one", "B=two words", "C=${A}", "/run/key=secret\n", "/etc/sallyport/rel=beside", NULL};
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        char whole[512];
        snprintf(whole, sizeof whole, "issuers: {i: {issuer: https://idp.example.com, audience: x, environment: %s}}\n",
                 references[i].text);
        const char *const texts[] = {whole};
        struct sp_parsed parsed = sp_parsed_files(texts, 1, environment);
        print_message("%s\n", references[i].text);
        sp_parsed_print(&parsed);
        assert_int_equal(parsed.status, SP_OK);
        assert_true(sp_str_equal(parsed.policy->issuers[0].environment, sp_str_from_cstr(references[i].as)));
        sp_parsed_fini(&parsed);
    }
}

static void a_variable_may_be_a_number_or_a_bool_but_no_structure(void **state)
{
    (void)state;
    static const char *const environment[] = {"N=7", "T=true", "L=[a, b]", NULL};
    const char *good[] = {
        "workers: ${N}\nissuers: {i: {issuer: https://idp.example.com, audience: '${L}', heal: ${T}}}\n"};
    struct sp_parsed parsed = sp_parsed_files(good, 1, environment);
    sp_parsed_print(&parsed);
    assert_int_equal(parsed.status, SP_OK);
    assert_int_equal(parsed.policy->serving.workers, 7);
    assert_int_equal(parsed.policy->issuers[0].audiences.count, 1);
    assert_true(sp_str_equal(parsed.policy->issuers[0].audiences.at[0], SP_STR("[a, b]")));
    sp_parsed_fini(&parsed);
    const char *bad[] = {"workers: ${}\n"};
    parsed = sp_parsed_files(bad, 1, environment);
    assert_non_null(sp_parsed_problem(&parsed, SP_CAUSE_CONFIG_ENVIRONMENT_MISSING));
    assert_null(sp_parsed_problem(&parsed, SP_CAUSE_CONFIG_TYPE)); /* one mistake, told once */
    sp_parsed_fini(&parsed);
}

/* A snapshot has no references; a text that looks like one stays. */
static void a_snapshot_is_not_expanded(void **state)
{
    (void)state;
    struct sp_parsed parsed =
        sp_parsed_text("{\"issuers\":{\"i\":{\"issuer\":\"https://idp.example.com\",\"audience\":\"${A}\"}}}");
    assert_int_equal(parsed.status, SP_OK);
    assert_true(sp_str_equal(parsed.policy->issuers[0].audiences.at[0], SP_STR("${A}")));
    sp_parsed_fini(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_have_their_type),
        cmocka_unit_test(what_is_no_configuration_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(aliases_do_not_multiply_without_end),
        cmocka_unit_test(an_alias_is_a_copy),
        cmocka_unit_test(references_are_replaced),
        cmocka_unit_test(a_variable_may_be_a_number_or_a_bool_but_no_structure),
        cmocka_unit_test(a_snapshot_is_not_expanded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
