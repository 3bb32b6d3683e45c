/* SPDX-License-Identifier: Apache-2.0 */
/* Facts, packed and unpacked, judge as the examination they came from would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/diagnosis/facts.h"
#include "core/jose/jws.h"

#define NOW 1700000000
#define CLAIMS                                                                                                         \
    "{\"iss\":\"https://idp.example.com\",\"sub\":\"user-1\",\"aud\":[\"https://"                                      \
    "api.example.com\",\"b\"],\"exp\":1700000600,\"nbf\":1699999000,"                                                  \
    "\"iat\":1699999940,\"scope\":\"read "                                                                             \
    "write\",\"client_id\":\"app\",\"acr\":\"mfa\",\"auth_time\":1699999900,\"email_verified\":true,"                  \
    "\"realm_access\":{\"roles\":[\"user\",\"a\\\"b\",\"admin\"]},\"tenant\":\"t1\",\"level\":3,\"big\":{\"x\":[1,{"   \
    "\"y\":\"]}\"}]}}"

static struct sp_key *key;
static struct sp_jwk_set *set;
static const uint16_t first = 0, second[] = {1};
static const struct sp_str kept[] = {
    {"realm_access.roles", 18}, {"tenant", 6}, {"level", 5}, {"big", 3}, {"absent", 6}};
static const struct sp_kept_claims keep_these = {.names = {kept, 5}};
static struct sp_issuer_terms terms = {
    .name = {"corp", 4}, .issuer = {"https://idp.example.com", 23}, .leeway_s = 30, .introspects = true};
static struct sp_known_issuer issuers[2] = {{.terms = &terms}, {.terms = &terms}};
static struct sp_world world = {.issuers = issuers, .issuer_count = 2};

/* Examines, keeps, packs into memory of the exact size, unpacks from there. The block is the caller's to free. */
static void *keep(struct sp_arena *arena, struct sp_facts *facts)
{
    struct sp_requirements requirements = {.issuers = &first, .issuer_count = 1};
    struct sp_str token;
    struct sp_facts made;
    assert_int_equal(sp_jws_sign(arena, key, SP_ALGORITHM_ES256, SP_STR("{\"alg\":\"ES256\",\"kid\":\"k\"}"),
                                 SP_STR(CLAIMS), &token),
                     SP_OK);
    struct sp_exam_input input = {.token = token, .requirements = &requirements, .world = &world, .now = NOW};
    struct sp_exam *exam = sp_exam_start(arena, &input);
    assert_int_equal(sp_exam_step(exam), SP_EXAM_DONE);
    assert_true(sp_exam_verdict(exam)->accepted);
    assert_int_equal(sp_facts_from_exam(exam, &keep_these, arena, &made), SP_OK);
    size_t size = sp_facts_packed_size(&made);
    assert_true(size <= 300);
    void *block = malloc(size);
    sp_facts_pack(&made, block);
    assert_int_equal(sp_facts_unpack(block, size, facts), SP_OK);
    assert_int_equal(sp_facts_unpack(block, size - 1, facts), SP_MALFORMED);
    assert_int_equal(sp_facts_unpack(block, 3, facts), SP_MALFORMED);
    return block;
}

static void facts_survive_packing(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_facts facts;
    void *block = keep(arena, &facts);
    sp_arena_destroy(&arena);
    assert_int_equal(facts.expires_at, 1700000600);
    assert_int_equal(facts.not_before, 1699999000);
    assert_int_equal(facts.auth_time, 1699999900);
    assert_true(sp_str_equal(facts.subject, SP_STR("user-1")));
    assert_true(sp_str_equal(facts.client_id, SP_STR("app")));
    assert_true(sp_str_equal(facts.scope, SP_STR("read write")));
    assert_true(sp_str_equal(facts.audiences, SP_STR("https://api.example.com b")));
    assert_true(sp_str_equal(facts.acr, SP_STR("mfa")));
    assert_true(facts.email_verified);
    assert_true(sp_str_contains(facts.claims, SP_STR("\"tenant\":\"t1\"")));
    free(block);
}

static const struct sp_str api[] = {{"https://api.example.com", 23}}, other[] = {{"x", 1}},
                           read_write[] = {{"write", 5}, {"read", 4}}, writ[] = {{"writ", 4}}, mfa[] = {{"mfa", 3}},
                           admin[] = {{"admin", 5}}, quoted[] = {{"a\"b", 3}}, adm[] = {{"adm", 3}},
                           three[] = {{"3", 1}}, t1[] = {{"t2", 2}, {"t1", 2}}, braces[] = {{"]}", 2}};
static const struct sp_claim_rule is_admin[] = {{{"realm_access.roles", 18}, {admin, 1}}},
                                  is_adm[] = {{{"realm_access.roles", 18}, {adm, 1}}},
                                  is_quoted[] = {{{"realm_access.roles", 18}, {quoted, 1}}},
                                  level_3[] = {{{"level", 5}, {three, 1}}}, tenant_1[] = {{{"tenant", 6}, {t1, 2}}},
                                  has_big[] = {{{"big", 3}, {NULL, 0}}}, has_absent[] = {{{"absent", 6}, {NULL, 0}}},
                                  big_braces[] = {{{"big", 3}, {braces, 1}}};

static const struct {
    const char *what;
    struct sp_requirements requirements;
    int64_t now;
    enum sp_check fails;
} rows[] = {
    {"nothing more", {.issuers = &first, .issuer_count = 1}, NOW, SP_CHECK_COUNT},
    {"audience", {.issuers = &first, .issuer_count = 1, .audiences = {api, 1}}, NOW, SP_CHECK_COUNT},
    {"another audience", {.issuers = &first, .issuer_count = 1, .audiences = {other, 1}}, NOW, SP_CHECK_AUDIENCE},
    {"another issuer", {.issuers = second, .issuer_count = 1}, NOW, SP_CHECK_ISSUER},
    {"no issuer", {.issuer_count = 0}, NOW, SP_CHECK_ISSUER},
    {"within the leeway", {.issuers = &first, .issuer_count = 1}, 1700000630, SP_CHECK_COUNT},
    {"expired", {.issuers = &first, .issuer_count = 1}, 1700000631, SP_CHECK_EXPIRY},
    {"too early", {.issuers = &first, .issuer_count = 1}, 1699998969, SP_CHECK_NOT_BEFORE},
    {"scopes", {.issuers = &first, .issuer_count = 1, .scopes = {read_write, 2}}, NOW, SP_CHECK_COUNT},
    {"part of a scope", {.issuers = &first, .issuer_count = 1, .scopes = {writ, 1}}, NOW, SP_CHECK_SCOPE},
    {"acr", {.issuers = &first, .issuer_count = 1, .acr_values = {mfa, 1}}, NOW, SP_CHECK_COUNT},
    {"another acr", {.issuers = &first, .issuer_count = 1, .acr_values = {other, 1}}, NOW, SP_CHECK_CLAIMS},
    {"a recent login", {.issuers = &first, .issuer_count = 1, .max_age_s = 100}, NOW, SP_CHECK_COUNT},
    {"an old login", {.issuers = &first, .issuer_count = 1, .max_age_s = 60}, NOW, SP_CHECK_CLAIMS},
    {"a role", {.issuers = &first, .issuer_count = 1, .claims = is_admin, .claim_count = 1}, NOW, SP_CHECK_COUNT},
    {"part of a role",
     {.issuers = &first, .issuer_count = 1, .claims = is_adm, .claim_count = 1},
     NOW,
     SP_CHECK_CLAIMS},
    {"a role with a quote: left to the examination",
     {.issuers = &first, .issuer_count = 1, .claims = is_quoted, .claim_count = 1},
     NOW,
     SP_CHECK_CLAIMS},
    {"a number", {.issuers = &first, .issuer_count = 1, .claims = level_3, .claim_count = 1}, NOW, SP_CHECK_COUNT},
    {"one of two values",
     {.issuers = &first, .issuer_count = 1, .claims = tenant_1, .claim_count = 1},
     NOW,
     SP_CHECK_COUNT},
    {"an object that exists",
     {.issuers = &first, .issuer_count = 1, .claims = has_big, .claim_count = 1},
     NOW,
     SP_CHECK_COUNT},
    {"a text inside of an object",
     {.issuers = &first, .issuer_count = 1, .claims = big_braces, .claim_count = 1},
     NOW,
     SP_CHECK_CLAIMS},
    {"a claim that is absent",
     {.issuers = &first, .issuer_count = 1, .claims = has_absent, .claim_count = 1},
     NOW,
     SP_CHECK_CLAIMS},
    {"a proof", {.issuers = &first, .issuer_count = 1, .dpop = SP_BINDING_REQUIRED}, NOW, SP_CHECK_BINDING},
    {"a certificate", {.issuers = &first, .issuer_count = 1, .mtls = SP_BINDING_REQUIRED}, NOW, SP_CHECK_BINDING},
    {"to be asked for", {.issuers = &first, .issuer_count = 1, .introspect_jwt = true}, NOW, SP_CHECK_REVOCATION},
};

static void requirements_are_judged(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_facts facts;
    void *block = keep(arena, &facts);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum sp_check fails = sp_facts_judge(&facts, &rows[i].requirements, &world, rows[i].now);
        if (fails != rows[i].fails)
            print_error("%s: %d\n", rows[i].what, fails);
        assert_int_equal(fails, rows[i].fails);
    }
    facts.bound_to_key = true;
    assert_int_equal(sp_facts_judge(&facts, &rows[0].requirements, &world, NOW), SP_CHECK_BINDING);
    free(block);
    sp_arena_destroy(&arena);
}

/* Where the route does not look at bindings the token is accepted; where one does, the facts alone never suffice. */
static void a_binding_to_what_is_no_hash_is_kept(void **state)
{
    static const char *const bindings[] = {"{\"jkt\":7}",
                                           "{\"jkt\":null}",
                                           "{\"jkt\":\"short\"}",
                                           "{\"x5t#S256\":{}}",
                                           "{\"x5t#S256\":\"\"}",
                                           "\"x\"",
                                           "[]",
                                           "7",
                                           "true"};
    const struct sp_requirements blind = {
        .issuers = &first, .issuer_count = 1, .dpop = SP_BINDING_OFF, .mtls = SP_BINDING_OFF};
    const struct sp_requirements looking = {.issuers = &first, .issuer_count = 1};
    (void)state;
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_facts made, facts;
        struct sp_str token;
        struct sp_str body = sp_arena_printf(arena,
                                             "{\"iss\":\"https://idp.example.com\",\"sub\":\"u\",\"aud\":\"b\","
                                             "\"exp\":1700000600,\"cnf\":%s}",
                                             bindings[i]);
        assert_int_equal(
            sp_jws_sign(arena, key, SP_ALGORITHM_ES256, SP_STR("{\"alg\":\"ES256\",\"kid\":\"k\"}"), body, &token),
            SP_OK);
        struct sp_exam_input input = {.token = token, .requirements = &blind, .world = &world, .now = NOW};
        struct sp_exam *exam = sp_exam_start(arena, &input);
        assert_int_equal(sp_exam_step(exam), SP_EXAM_DONE);
        assert_true(sp_exam_verdict(exam)->accepted);
        assert_int_equal(sp_facts_from_exam(exam, &keep_these, arena, &made), SP_OK);
        void *block = malloc(sp_facts_packed_size(&made));
        sp_facts_pack(&made, block);
        assert_int_equal(sp_facts_unpack(block, sp_facts_packed_size(&made), &facts), SP_OK);
        assert_int_equal(sp_facts_judge(&facts, &blind, &world, NOW), SP_CHECK_COUNT);
        assert_int_equal(sp_facts_judge(&facts, &looking, &world, NOW), SP_CHECK_BINDING);
        free(block);
        sp_arena_destroy(&arena);
    }
}

static int make_key(void **state)
{
    (void)state;
    struct sp_key *copy = NULL;
    struct sp_str pem;
    struct sp_arena *arena = sp_arena_create(1 << 16);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &key), SP_OK);
    assert_int_equal(sp_key_export_public(key, SP_PUBLIC_PEM, arena, &pem), SP_OK);
    assert_int_equal(sp_key_import_pem(pem, &copy), SP_OK);
    assert_int_equal(sp_jwk_set_of_key(&copy, SP_STR("k"), &set), SP_OK);
    terms.algorithms = sp_algorithms_asymmetric();
    issuers[0].known.keys = set;
    sp_arena_destroy(&arena);
    return 0;
}

static int drop_key(void **state)
{
    (void)state;
    sp_jwk_set_unref(&set);
    sp_key_destroy(&key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_survive_packing),
        cmocka_unit_test(requirements_are_judged),
        cmocka_unit_test(a_binding_to_what_is_no_hash_is_kept),
    };
    return cmocka_run_group_tests(tests, make_key, drop_key);
}
