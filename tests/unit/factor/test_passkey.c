/* SPDX-License-Identifier: Apache-2.0 */
/* The ceremonies on the test vectors of Web Authentication Level 3, 16 (tests/data/webauthn/level3.json), read by
 * jansson; then each part of one altered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include "core/factor/passkey.h"
#include "core/jose/base64url.h"

#define ARENA_BYTES (1u << 20)
static struct sp_arena *arena;
static json_t *vectors;

static int set_up(void **state)
{
    (void)state;
    json_error_t error;
    arena = sp_arena_create(ARENA_BYTES);
    vectors = json_load_file(SP_SOURCE_ROOT "/tests/data/webauthn/level3.json", 0, &error);
    return arena == NULL || vectors == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(vectors);
    sp_arena_destroy(&arena);
    return 0;
}

static struct sp_str text_of(const json_t *object, const char *name)
{
    return sp_str_from_cstr(json_string_value(json_object_get(object, name)));
}

static struct sp_str bytes_of(const json_t *object, const char *name)
{
    struct sp_str bytes;
    assert_int_equal(sp_base64url_decode(arena, text_of(object, name), &bytes), SP_OK);
    return bytes;
}

static struct sp_passkey_expectation expectation_of(const json_t *ceremony)
{
    return (struct sp_passkey_expectation){.origin = SP_STR("https://example.org"),
                                           .rp_id = SP_STR("example.org"),
                                           .challenge = text_of(ceremony, "challenge")};
}

static struct sp_new_passkey registered(size_t index)
{
    const json_t *row = json_array_get(vectors, index), *ceremony = json_object_get(row, "registration");
    struct sp_passkey_expectation expectation = expectation_of(ceremony);
    struct sp_new_passkey made = {0};
    struct sp_passkey_result result;
    assert_int_equal(sp_passkey_register(arena, bytes_of(ceremony, "clientDataJSON"),
                                         bytes_of(ceremony, "attestationObject"), &expectation, &made, &result),
                     SP_OK);
    if (result.fault != SP_PASSKEY_OK)
        fail_msg("%s: %.*s: %.*s", json_string_value(json_object_get(row, "name")), SP_STR_ARG(result.part),
                 SP_STR_ARG(result.received));
    return made;
}

static struct sp_passkey_assertion assertion_of(size_t index, struct sp_passkey_expectation *expectation)
{
    const json_t *ceremony = json_object_get(json_array_get(vectors, index), "authentication");
    *expectation = expectation_of(ceremony);
    return (struct sp_passkey_assertion){.client_data = bytes_of(ceremony, "clientDataJSON"),
                                         .authenticator_data = bytes_of(ceremony, "authenticatorData"),
                                         .signature = bytes_of(ceremony, "signature"),
                                         .jwk = registered(index).jwk};
}

static enum sp_passkey_fault use(const struct sp_passkey_assertion *assertion,
                                 const struct sp_passkey_expectation *expectation)
{
    struct sp_passkey_use used;
    struct sp_passkey_result result;
    assert_int_equal(sp_passkey_use(arena, assertion, expectation, &used, &result), SP_OK);
    if (result.fault != SP_PASSKEY_OK) {
        assert_true(result.part.len > 0);
        assert_non_null(result.expected.at);
        assert_non_null(result.received.at);
    }
    return result.fault;
}

static void test_published_credentials_register(void **state)
{
    (void)state;
    assert_int_equal(json_array_size(vectors), 4);
    for (size_t i = 0; i < json_array_size(vectors); i++)
        assert_true(sp_str_equal(registered(i).credential_id, bytes_of(json_array_get(vectors, i), "credential_id")));
    struct sp_new_passkey made = registered(0);
    assert_true(made.is_backup_eligible && made.is_backed_up && !made.is_verified);
}

static void test_published_signatures_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        struct sp_passkey_expectation expectation;
        struct sp_passkey_assertion assertion = assertion_of(i, &expectation);
        assert_int_equal(use(&assertion, &expectation), SP_PASSKEY_OK);
    }
}

static void test_another_credentials_key_does_not_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct sp_passkey_expectation expectation;
        struct sp_passkey_assertion assertion = assertion_of(i, &expectation);
        assertion.jwk = registered((i + 1) % 4).jwk;
        assert_int_equal(use(&assertion, &expectation), SP_PASSKEY_SIGNATURE);
    }
}

/* ---- every part of it counts ---- */
static void test_what_is_expected_decides(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct sp_passkey_expectation expectation; /* absent: as published */
        enum sp_passkey_fault fault;
    } rows[] = {
        {"another site", {.origin = {"https://example.com", 19}}, SP_PASSKEY_ORIGIN},
        {"another port", {.origin = {"https://example.org:8443", 24}}, SP_PASSKEY_ORIGIN},
        {"plain http", {.origin = {"http://example.org", 18}}, SP_PASSKEY_ORIGIN},
        {"another name", {.rp_id = {"login.example.org", 17}}, SP_PASSKEY_RELYING_PARTY},
        {"another challenge", {.challenge = {"AAAA", 4}}, SP_PASSKEY_CHALLENGE},
        {"a challenge that was used", {.challenge = {"", 0}}, SP_PASSKEY_CHALLENGE},
        {"a touch where the person must be verified", {.needs_verification = true}, SP_PASSKEY_NOT_PRESENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_passkey_expectation expectation;
        struct sp_passkey_assertion assertion = assertion_of(0, &expectation);
        if (rows[i].expectation.origin.at != NULL)
            expectation.origin = rows[i].expectation.origin;
        if (rows[i].expectation.rp_id.at != NULL)
            expectation.rp_id = rows[i].expectation.rp_id;
        if (rows[i].expectation.challenge.at != NULL)
            expectation.challenge = rows[i].expectation.challenge;
        expectation.needs_verification = rows[i].expectation.needs_verification;
        if (use(&assertion, &expectation) != rows[i].fault)
            fail_msg("%s", rows[i].name);
    }
}

static struct sp_str flip(struct sp_str bytes, size_t at)
{
    struct sp_str copy;
    assert_int_equal(sp_arena_copy(arena, bytes, &copy), SP_OK);
    ((char *)(uintptr_t)copy.at)[at] ^= 1;
    return copy;
}

static void test_no_byte_may_differ(void **state)
{
    (void)state;
    struct sp_passkey_expectation expectation;
    struct sp_passkey_assertion good = assertion_of(0, &expectation);
    for (size_t i = 0; i < good.authenticator_data.len; i++) {
        struct sp_passkey_assertion altered = good;
        altered.authenticator_data = flip(good.authenticator_data, i);
        assert_int_not_equal(use(&altered, &expectation), SP_PASSKEY_OK);
    }
    for (size_t i = 0; i < good.client_data.len; i++) {
        struct sp_passkey_assertion altered = good;
        altered.client_data = flip(good.client_data, i);
        assert_int_not_equal(use(&altered, &expectation), SP_PASSKEY_OK);
    }
    for (size_t i = 0; i < good.signature.len; i++) {
        struct sp_passkey_assertion altered = good;
        altered.signature = flip(good.signature, i);
        assert_int_not_equal(use(&altered, &expectation), SP_PASSKEY_OK);
    }
    assert_int_equal(use(&good, &expectation), SP_PASSKEY_OK);
}

static void test_a_counter_has_to_grow(void **state)
{
    (void)state;
    struct sp_passkey_expectation expectation;
    struct sp_passkey_assertion assertion = assertion_of(0, &expectation); /* counts 0 */
    assertion.sign_count = 1;
    assert_int_equal(use(&assertion, &expectation), SP_PASSKEY_COUNTER);
}

static void test_ceremonies_are_told_apart(void **state)
{
    (void)state;
    struct sp_passkey_expectation expectation;
    struct sp_passkey_assertion assertion = assertion_of(0, &expectation);
    const json_t *registration = json_object_get(json_array_get(vectors, 0), "registration");
    assertion.client_data = bytes_of(registration, "clientDataJSON");
    expectation.challenge = text_of(registration, "challenge");
    assert_int_equal(use(&assertion, &expectation), SP_PASSKEY_FORM);
}

/* ---- registration ---- */
static enum sp_passkey_fault try_registration(struct sp_str client_data, struct sp_str object, struct sp_str challenge)
{
    struct sp_passkey_expectation expectation = {
        .origin = SP_STR("https://example.org"), .rp_id = SP_STR("example.org"), .challenge = challenge};
    struct sp_new_passkey made;
    struct sp_passkey_result result;
    assert_int_equal(sp_passkey_register(arena, client_data, object, &expectation, &made, &result), SP_OK);
    return result.fault;
}

static void test_a_cut_attestation_object_is_malformed(void **state)
{
    (void)state;
    const json_t *ceremony = json_object_get(json_array_get(vectors, 0), "registration");
    struct sp_str object = bytes_of(ceremony, "attestationObject"), client = bytes_of(ceremony, "clientDataJSON"),
                  challenge = text_of(ceremony, "challenge");
    for (size_t len = 0; len < object.len; len++)
        assert_int_equal(try_registration(client, sp_str_slice(object, 0, len), challenge), SP_PASSKEY_FORM);
    char *text = sp_arena_alloc(arena, object.len + 1);
    memcpy(text, object.at, object.len);
    text[object.len] = 0;
    assert_int_equal(try_registration(client, sp_str(text, object.len + 1), challenge), SP_PASSKEY_FORM);
}

static void test_self_attestation_is_verified(void **state)
{
    (void)state;
    const json_t *ceremony = json_object_get(json_array_get(vectors, 1), "registration");
    struct sp_str object = bytes_of(ceremony, "attestationObject"), client = bytes_of(ceremony, "clientDataJSON");
    const char *sig = memmem(object.at, object.len, "csig", 4);
    assert_non_null(sig);
    struct sp_str altered = flip(object, (size_t)(sig - object.at) + 20);
    assert_int_equal(try_registration(client, altered, text_of(ceremony, "challenge")), SP_PASSKEY_SIGNATURE);
}

static void test_a_frame_of_another_site_is_refused(void **state)
{
    (void)state;
    const json_t *ceremony = json_object_get(json_array_get(vectors, 0), "registration");
    struct sp_str object = bytes_of(ceremony, "attestationObject");
    assert_int_equal(try_registration(SP_STR("{\"type\":\"webauthn.create\",\"challenge\":\"AAAA\",\"origin\":"
                                             "\"https://example.org\",\"crossOrigin\":true}"),
                                      object, SP_STR("AAAA")),
                     SP_PASSKEY_ORIGIN);
    assert_int_equal(try_registration(SP_STR("{\"type\":\"webauthn.create\",\"type\":\"webauthn.create\","
                                             "\"challenge\":\"AAAA\",\"origin\":\"https://example.org\"}"),
                                      object, SP_STR("AAAA")),
                     SP_PASSKEY_FORM);
    assert_int_equal(
        try_registration(
            SP_STR("{\"type\":\"webauthn.create\",\"challenge\":\"AAAA\",\"origin\":\"https://example.org\"}"), object,
            SP_STR("AAAA")),
        SP_PASSKEY_OK);
}

/* Short of memory nothing is ever accepted. */
static void test_short_memory_accepts_nothing(void **state)
{
    (void)state;
    struct sp_passkey_expectation expectation;
    struct sp_passkey_assertion assertion = assertion_of(0, &expectation);
    size_t refused = 0;
    for (size_t bytes = 0; bytes < 8192; bytes += 16) {
        struct sp_arena *small = sp_arena_create(bytes);
        struct sp_passkey_use used;
        struct sp_passkey_result result;
        enum sp_status status = sp_passkey_use(small, &assertion, &expectation, &used, &result);
        assert_true(status == SP_NO_MEMORY || status == SP_OK);
        if (status == SP_OK)
            assert_int_equal(result.fault, SP_PASSKEY_OK);
        refused += status != SP_OK;
        sp_arena_destroy(&small);
    }
    assert_true(refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_credentials_register),
        cmocka_unit_test(test_published_signatures_hold),
        cmocka_unit_test(test_another_credentials_key_does_not_verify),
        cmocka_unit_test(test_what_is_expected_decides),
        cmocka_unit_test(test_no_byte_may_differ),
        cmocka_unit_test(test_a_counter_has_to_grow),
        cmocka_unit_test(test_ceremonies_are_told_apart),
        cmocka_unit_test(test_a_cut_attestation_object_is_malformed),
        cmocka_unit_test(test_self_attestation_is_verified),
        cmocka_unit_test(test_a_frame_of_another_site_is_refused),
        cmocka_unit_test(test_short_memory_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
