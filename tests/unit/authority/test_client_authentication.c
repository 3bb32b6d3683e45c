/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <argon2.h>
#include <cmocka.h>
#include <stdio.h>
#include "tests/support/authority_fixture.h"

static const char section[] =
    "{'tokens':{'algorithm':'ES256'},'clients':{"
    "'app':{'secret':'a+b c%','scopes':['read']},"
    "'basic-only':{'secret':'s3cret','method':'client_secret_basic'},"
    "'post-only':{'secret':'s3cret','method':'client_secret_post'},"
    "'https://app.example/':{'secret':'s3cret'},"
    "'replaced':{'secret':['new','old']},"
    "'hashed':{'secret_hash':'sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'}"
    "}}";

static int start(void **state)
{
    *state = fixture_create(section);
    return 0;
}

/* Expects the cause, or a token for "". Raw is what stands behind "Basic " before base64. */
static void every_way_of_proof_is_judged_and_named(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *name, *id, *secret, *body, *cause;
        int status;
    } rows[] = {
        {"basic, form-encoded", "app", "a%2Bb+c%25", "", "", 200},
        {"basic, read raw", "app", "a+b c%", "", "client.secret_not_encoded", 401},
        {"basic, encoded twice", "app", "a%252Bb%2Bc%2525", "", "client.secret_double_encoded", 401},
        {"basic with a line end", "post-only", "s3cret", "", "client.method_mismatch", 401},
        {"basic, white space", "basic-only", "s3cret%0A", "", "client.secret_whitespace", 401},
        {"basic, wrong", "basic-only", "secret", "", "client.secret_wrong", 401},
        {"basic, empty secret", "basic-only", "", "", "client.secret_wrong", 401},
        {"basic, id that is a URL", "https%3A%2F%2Fapp.example%2F", "s3cret", "", "", 200},
        {"basic, no escape", "basic-only", "50%off", "", "client.basic_malformed", 401},
        {"post", NULL, NULL, "&client_id=app&client_secret=a%2Bb+c%25", "", 200},
        {"post, encoded twice", NULL, NULL, "&client_id=app&client_secret=a%252Bb%2Bc%2525",
         "client.secret_double_encoded", 400},
        {"post, registered for basic", NULL, NULL, "&client_id=basic-only&client_secret=s3cret",
         "client.method_mismatch", 400},
        {"post, white space", NULL, NULL, "&client_id=post-only&client_secret=s3cret%20", "client.secret_whitespace",
         400},
        {"the old secret while it is replaced", NULL, NULL, "&client_id=replaced&client_secret=old", "", 200},
        {"hashed", NULL, NULL, "&client_id=hashed&client_secret=secret", "", 200},
        {"hashed, wrong", NULL, NULL, "&client_id=hashed&client_secret=secre", "client.secret_wrong", 400},
        {"hashed, white space", NULL, NULL, "&client_id=hashed&client_secret=+secret", "client.secret_whitespace", 400},
        {"unknown", NULL, NULL, "&client_id=nobody&client_secret=x", "client.unknown", 400},
        {"unknown by letter case", NULL, NULL, "&client_id=APP&client_secret=x", "client.unknown", 400},
        {"id alone", NULL, NULL, "&client_id=app", "client.authentication_missing", 400},
        {"nothing", NULL, NULL, "", "client.authentication_missing", 401},
        {"both", "app", "a%2Bb+c%25", "&client_secret=x", "client.multiple_methods", 400},
        {"both, the id alone in the body", "app", "a%2Bb+c%25", "&client_id=app", "", 200},
        {"two ids", "app", "a%2Bb+c%25", "&client_id=post-only", "client.multiple_methods", 400},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call = CALL(
            fixture, .authorization = rows[i].id != NULL ? fixture_basic(fixture, rows[i].id, rows[i].secret) : NULL,
            .body = sp_arena_printf(fixture->arena, "grant_type=client_credentials%s", rows[i].body).at);
        if (strcmp(fixture_cause(call), rows[i].cause) != 0 || call->answer.status != rows[i].status)
            fail_msg("%s: %s with %d", rows[i].name, fixture_cause(call), call->answer.status);
        assert_int_equal(fixture_member(call, "access_token") != NULL, rows[i].cause[0] == '\0');
        /* What is registered never reaches the client. */
        assert_false(sp_str_contains(call->answer.body, SP_STR("s3cret")));
    }
}

static void headers_that_cannot_be_read_are_named(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *header, *cause;
    } rows[] = {
        {"Basic ???", "client.basic_malformed"},      {"Basic YWJj", "client.basic_malformed"},
        {"Basic", "client.basic_malformed"},          {"Bearer abc", "client.basic_malformed"},
        {"Basic gP86gP8=", "client.basic_malformed"}, {"basic YXBwOng=", "client.secret_wrong"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_call *call = CALL(fixture, .authorization = rows[i].header, .body = "grant_type=client_credentials");
        assert_string_equal(fixture_cause(call), rows[i].cause);
        assert_int_equal(call->answer.status, 401);
    }
    struct sp_call *twice = CALL(fixture, .authorization = "Basic YXBwOng=", .authorization_count = 2,
                                 .body = "grant_type=client_credentials");
    assert_string_equal(fixture_cause(twice), "client.multiple_methods");
}

static void the_log_learns_the_nearest_client_and_both_methods(void **state)
{
    struct fixture *fixture = *state;
    struct sp_call *call = CALL(fixture, .body = "grant_type=client_credentials&client_id=basic-onyl&client_secret=x");
    assert_string_equal(fixture_cause(call), "client.unknown");
    call = CALL(fixture, .body = "grant_type=client_credentials&client_id=basic-onl&client_secret=x");
    assert_true(sp_str_equal(call->finding.expected, SP_STR("basic-only")));
    call = CALL(fixture, .body = "grant_type=client_credentials&client_id=basic-only&client_secret=s3cret");
    assert_true(sp_str_equal(call->finding.expected, SP_STR("client_secret_basic")));
    assert_true(sp_str_equal(call->finding.received, SP_STR("client_secret_post")));
}

static void argon2id_hashes_are_accepted_as_argon2_writes_them(void **state)
{
    (void)state;
    char encoded[256], text[512];
    assert_int_equal(
        argon2id_hash_encoded(1, 64, 1, "correct horse", 13, "saltsaltsalt", 12, 32, encoded, sizeof encoded),
        ARGON2_OK);
    snprintf(text, sizeof text, "{'tokens':{'algorithm':'ES256'},'clients':{'app':{'secret_hash':'%s'}}}", encoded);
    struct fixture *fixture = fixture_create(text);
    for (int i = 0; i < 2; i++) { /* the second time it is remembered */
        assert_int_equal(
            CALL(fixture, .body = "grant_type=client_credentials&client_id=app&client_secret=correct+horse")
                ->answer.status,
            200);
        struct sp_call *wrong =
            CALL(fixture, .body = "grant_type=client_credentials&client_id=app&client_secret=correct+horsf");
        assert_string_equal(fixture_cause(wrong), "client.secret_wrong");
    }
    fixture_destroy(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_way_of_proof_is_judged_and_named, start, fixture_stop),
        cmocka_unit_test_setup_teardown(headers_that_cannot_be_read_are_named, start, fixture_stop),
        cmocka_unit_test_setup_teardown(the_log_learns_the_nearest_client_and_both_methods, start, fixture_stop),
        cmocka_unit_test(argon2id_hashes_are_accepted_as_argon2_writes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
