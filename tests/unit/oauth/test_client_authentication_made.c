/* SPDX-License-Identifier: Apache-2.0 */
/* What a client makes is what a server's reading takes: DPoP proofs by sp_dpop_check, forms as RFC 6749 writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/jose/jwk.h"
#include "core/oauth/client_authentication.h"
#include "core/oauth/dpop_proof.h"

#define NOW INT64_C(1700000000)

static const struct {
    const char *method, *secret;
    bool raw, certificate;
    enum sp_status status;
    const char *form, *authorization;
} rows[] = {
    {"none", NULL, false, false, SP_OK, "client_id=a%20b", NULL},
    {"none", "s", false, false, SP_UNSUPPORTED, NULL, NULL},
    {"client_secret_basic", "s:%", false, false, SP_OK, "", "Basic YSUyMGI6cyUzQSUyNQ=="},
    {"client_secret_basic", "s:%", true, false, SP_OK, "", "Basic YSBiOnM6JQ=="},
    {"client_secret_basic", NULL, false, false, SP_UNSUPPORTED, NULL, NULL},
    {"client_secret_post", "s&", false, false, SP_OK, "client_id=a%20b&client_secret=s%26", NULL},
    {"client_secret_jwt", "too short", false, false, SP_UNSUPPORTED, NULL, NULL},
    {"private_key_jwt", NULL, false, false, SP_UNSUPPORTED, NULL, NULL},
    {"tls_client_auth", NULL, false, true, SP_OK, "client_id=a%20b", NULL},
    {"self_signed_tls_client_auth", NULL, false, true, SP_OK, "client_id=a%20b", NULL},
    {"tls_client_auth", NULL, false, false, SP_UNSUPPORTED, NULL, NULL},
    {"magic", "s", false, true, SP_UNSUPPORTED, NULL, NULL},
};

static void each_method_is_written_as_its_rfc_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_buffer form;
        struct sp_str authorization;
        const struct sp_client_proof proof = {.method = sp_str_from_cstr(rows[i].method),
                                              .client_id = SP_STR("a b"),
                                              .secret = sp_str_from_cstr(rows[i].secret),
                                              .secret_is_raw = rows[i].raw,
                                              .has_certificate = rows[i].certificate,
                                              .jti = SP_STR("j"),
                                              .now = NOW};
        sp_buffer_init(&form, arena, SP_MAX_CLIENT_FORM_BYTES);
        enum sp_status status = sp_client_prove(arena, &proof, &form, &authorization);
        if (status != rows[i].status ||
            (status == SP_OK && (!sp_str_equal(sp_buffer_str(&form), sp_str_from_cstr(rows[i].form)) ||
                                 !sp_str_equal(authorization, sp_str_from_cstr(rows[i].authorization)))))
            fail_msg("row %zu, %s: %.*s %.*s", i, rows[i].method, SP_STR_ARG(sp_buffer_str(&form)),
                     SP_STR_ARG(authorization));
        sp_arena_destroy(&arena);
    }
}

static void a_proof_is_one_for_every_kind_of_key(void **state)
{
    static const struct {
        enum sp_key_type type;
        enum sp_curve curve;
        unsigned size;
    } keys[] = {{SP_KEY_TYPE_EC, SP_CURVE_P256, 0},
                {SP_KEY_TYPE_EC, SP_CURVE_P384, 0},
                {SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048},
                {SP_KEY_TYPE_OKP, SP_CURVE_ED25519, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_key *key = NULL;
        struct sp_str proof;
        struct sp_dpop_result result;
        const struct sp_dpop_request request = {.method = SP_STR("POST"),
                                                .url = SP_STR("https://idp.example/token?tenant=1#x"),
                                                .nonce = SP_STR("n"),
                                                .access_token = SP_STR("token"),
                                                .jti = SP_STR("jti-of-a-proof"),
                                                .now = NOW};
        const struct sp_dpop_expectation expectation = {.method = SP_STR("POST"),
                                                        .url = SP_STR("https://idp.example/token"),
                                                        .nonce = SP_STR("n"),
                                                        .access_token = SP_STR("token"),
                                                        .now = NOW};
        assert_int_equal(sp_key_generate(keys[i].type, keys[i].curve, keys[i].size, &key), SP_OK);
        assert_int_equal(sp_dpop_sign(arena, key, &request, &proof), SP_OK);
        assert_int_equal(sp_dpop_check(arena, proof, &expectation, &result), SP_OK);
        assert_int_equal(result.fault, SP_DPOP_OK);
        sp_key_destroy(&key);
        sp_arena_destroy(&arena);
    }
}

static void a_private_key_is_read_as_pem_or_jwk_and_nothing_else_is(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_key *made = NULL, *read = NULL;
    struct sp_buffer text;
    struct sp_json_writer writer;
    struct sp_str kid;
    (void)state;
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &made), SP_OK);
    for (int is_private = 0; is_private < 2; is_private++) {
        sp_buffer_init(&text, arena, 4096);
        sp_json_writer_init(&writer, &text, false);
        assert_int_equal(sp_jwk_write(&writer, made, SP_STR("k1"), SP_STR_NONE, SP_STR_NONE, is_private != 0), SP_OK);
        kid = SP_STR("untouched");
        enum sp_status status = sp_client_key_read(arena, sp_buffer_str(&text), &read, &kid);
        assert_int_equal(status, is_private ? SP_OK : SP_MALFORMED);
        /* A key's text is wiped as soon as it is read: nothing may point into it. */
        memset(text.at, '#', text.len);
        assert_true(sp_str_equal(kid, is_private ? SP_STR("k1") : SP_STR("untouched")));
    }
    assert_true(sp_key_is_private(read));
    sp_key_destroy(&read);
    sp_key_destroy(&made);
    static const char *const others[] = {"",
                                         " ",
                                         "{",
                                         "{}",
                                         "{\"kty\":\"oct\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}",
                                         "no key",
                                         "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(sp_client_key_read(arena, sp_str_from_cstr(others[i]), &read, &kid), SP_MALFORMED);
        assert_null(read);
    }
    sp_arena_destroy(&arena);
}

static void without_memory_nothing_is_half_made(void **state)
{
    struct sp_key *key = NULL;
    bool made = false;
    (void)state;
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &key), SP_OK);
    for (size_t bytes = 64; bytes < 32768 && !made; bytes += 64) {
        struct sp_arena *arena = sp_arena_create(bytes);
        struct sp_str proof = SP_STR_NONE;
        const struct sp_dpop_request request = {
            .method = SP_STR("POST"), .url = SP_STR("https://a.example/"), .jti = SP_STR("j"), .now = NOW};
        made = arena != NULL && sp_dpop_sign(arena, key, &request, &proof) == SP_OK;
        assert_true(made == (proof.at != NULL));
        sp_arena_destroy(&arena);
    }
    assert_true(made);
    sp_key_destroy(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method_is_written_as_its_rfc_says),
        cmocka_unit_test(a_proof_is_one_for_every_kind_of_key),
        cmocka_unit_test(a_private_key_is_read_as_pem_or_jwk_and_nothing_else_is),
        cmocka_unit_test(without_memory_nothing_is_half_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
