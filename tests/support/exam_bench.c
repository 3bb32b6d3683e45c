/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/exam_bench.h"

#include "core/jose/jws.h"

/* ---- keys: made once ---- */

struct sp_key *exam_keys[EXAM_KEY_COUNT];
struct sp_jwk_set *exam_corp_set, *exam_partner_set, *exam_secret_set, *exam_short_secret_set, *exam_encodings_set;

const uint16_t exam_first_issuer = 0, exam_both_issuers[2] = {0, 1};
static const struct sp_str api_audience[] = {{API, sizeof API - 1}};

void exam_bench_set_up(struct exam_bench *bench, struct sp_arena *arena)
{
    *bench = (struct exam_bench){.arena = arena};
    bench->terms[0] = (struct sp_issuer_terms){.name = SP_STR("corp"),
                                               .issuer = SP_STR(ISSUER),
                                               .algorithms = sp_algorithms_asymmetric(),
                                               .leeway_s = 30,
                                               .heals = true};
    bench->terms[1] = (struct sp_issuer_terms){.name = SP_STR("partner"),
                                               .issuer = SP_STR("https://staging.example.com/realms/a"),
                                               .algorithms = sp_algorithms_asymmetric(),
                                               .environment = SP_STR("staging")};
    bench->issuers[0] = (struct sp_known_issuer){&bench->terms[0], {.keys = exam_corp_set}};
    bench->issuers[1] = (struct sp_known_issuer){&bench->terms[1], {.keys = exam_partner_set}};
    bench->audiences[0] = (struct sp_api_audience){SP_STR("videos"), SP_STR("https://videos.example.com")};
    bench->world = (struct sp_world){bench->issuers, 2, bench->audiences, 1};
    bench->requirements = (struct sp_requirements){
        .api = SP_STR("photos"), .issuers = &exam_first_issuer, .issuer_count = 1, .audiences = {api_audience, 1}};
    bench->possession =
        (struct sp_possession){.method = SP_STR("GET"), .url = SP_STR("https://api.example.com/v1/photos")};
    bench->input = (struct sp_exam_input){
        .requirements = &bench->requirements, .world = &bench->world, .possession = &bench->possession, .now = NOW};
}

struct sp_str exam_bench_sign(struct exam_bench *bench, int key, const char *header, const char *claims)
{
    static const enum sp_algorithm algorithms[] = {SP_ALGORITHM_ES256, SP_ALGORITHM_ES256, SP_ALGORITHM_ES256,
                                                   SP_ALGORITHM_RS256, SP_ALGORITHM_EDDSA, SP_ALGORITHM_HS256};
    struct sp_str token;
    assert_int_equal(sp_jws_sign(bench->arena, exam_keys[key], algorithms[key], sp_str_from_cstr(header),
                                 sp_str_from_cstr(claims), &token),
                     SP_OK);
    return token;
}

const struct sp_verdict *exam_bench_run(struct exam_bench *bench)
{
    struct sp_exam *exam = sp_exam_start(bench->arena, &bench->input);
    if (exam == NULL)
        return sp_verdict_without_memory();
    for (unsigned steps = 0; steps < 20; steps++) {
        enum sp_need need = sp_exam_step(exam);
        bench->needs[need]++;
        if (need == SP_EXAM_DONE)
            return sp_exam_verdict(exam);
        if (need == SP_NEED_KEYS) {
            if (bench->has_later)
                bench->issuers[0] = bench->later;
            sp_exam_give_world(exam, &bench->world);
        } else if (need == SP_NEED_INTROSPECTION) {
            bool second = sp_exam_issuer(exam) == 1;
            enum sp_cause failure = second ? bench->second_failure : bench->answer_failure;
            sp_exam_give_introspection(exam, sp_str_from_cstr(second ? bench->second_answer : bench->answer), failure,
                                       failure != SP_CAUSE_NONE ? SP_CAUSE_NETWORK_TCP_REFUSED : SP_CAUSE_NONE,
                                       SP_STR("https://idp.example.com/introspect"));
        } else {
            sp_exam_give_replay(exam, bench->is_replay);
        }
    }
    fail_msg("the machine does not end");
    return NULL;
}

struct sp_jwk_set *exam_bench_set_of(const char *json)
{
    struct sp_jwk_set *set = NULL;
    assert_int_equal(sp_jwk_set_parse(sp_str_from_cstr(json), &set, NULL), SP_OK);
    return set;
}

static void release_set(void *set)
{
    struct sp_jwk_set *held = set;
    sp_jwk_set_unref(&held);
}

void exam_bench_use_set(struct exam_bench *bench, const char *json)
{
    struct sp_jwk_set *set = exam_bench_set_of(json);
    bench->issuers[0].known.keys = set;
    bench->issuers[0].known.refetched = true;
    assert_int_equal(sp_arena_defer(bench->arena, release_set, set), SP_OK);
}

struct sp_str exam_bench_jwk(struct sp_arena *arena, int key, const char *kid, const char *use, const char *alg)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, arena, 1 << 16);
    sp_json_writer_init(&writer, &buffer, false);
    assert_int_equal(sp_jwk_write(&writer, exam_keys[key], sp_str_from_cstr(kid), sp_str_from_cstr(use),
                                  sp_str_from_cstr(alg), key == EXAM_SECRET),
                     SP_OK);
    return sp_buffer_str(&buffer);
}

int exam_bench_make_keys(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (int i = EXAM_E1; i <= EXAM_E3; i++)
        assert_int_equal(sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &exam_keys[i]), SP_OK);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, &exam_keys[EXAM_RSA]), SP_OK);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_OKP, SP_CURVE_ED25519, 0, &exam_keys[EXAM_ED]), SP_OK);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_OCT, SP_CURVE_NONE, 32, &exam_keys[EXAM_SECRET]), SP_OK);
    struct sp_str e1 = exam_bench_jwk(arena, EXAM_E1, "e1", "sig", "ES256"),
                  e2 = exam_bench_jwk(arena, EXAM_E2, "e2", "sig", "ES256");
    struct sp_str e3 = exam_bench_jwk(arena, EXAM_E3, "p1", "sig", "ES256"),
                  rsa = exam_bench_jwk(arena, EXAM_RSA, "r1", "sig", NULL);
    struct sp_str ed = exam_bench_jwk(arena, EXAM_ED, "d1", NULL, NULL),
                  secret = exam_bench_jwk(arena, EXAM_SECRET, NULL, NULL, NULL);
    struct sp_str other = exam_bench_jwk(arena, EXAM_SECRET, "base64", NULL, NULL);
    exam_corp_set = exam_bench_set_of(sp_arena_printf(arena, "{\"keys\":[%.*s,%.*s,%.*s,%.*s]}", SP_STR_ARG(e1),
                                                      SP_STR_ARG(e2), SP_STR_ARG(rsa), SP_STR_ARG(ed))
                                          .at);
    exam_partner_set = exam_bench_set_of(sp_arena_printf(arena, "{\"keys\":[%.*s]}", SP_STR_ARG(e3)).at);
    exam_secret_set = exam_bench_set_of(sp_arena_printf(arena, "{\"keys\":[%.*s]}", SP_STR_ARG(secret)).at);
    exam_encodings_set = exam_bench_set_of(sp_arena_printf(arena, "{\"keys\":[%.*s]}", SP_STR_ARG(other)).at);
    exam_short_secret_set = exam_bench_set_of("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAECAwQF\"}]}");
    sp_arena_destroy(&arena);
    return 0;
}

int exam_bench_drop_keys(void **state)
{
    (void)state;
    struct sp_jwk_set **const sets[] = {&exam_corp_set, &exam_partner_set, &exam_secret_set, &exam_encodings_set,
                                        &exam_short_secret_set};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        sp_jwk_set_unref(sets[i]);
    for (size_t i = 0; i < EXAM_KEY_COUNT; i++)
        sp_key_destroy(&exam_keys[i]);
    return 0;
}

void exam_bench_alter(struct exam_bench *b)
{
    char *at = (char *)(uintptr_t)TOKEN(b).at + sp_str_index_of(TOKEN(b), '.', 70) + 8;
    *at = *at == 'A' ? 'B' : 'A';
}

void exam_bench_know_skew(struct exam_bench *b)
{
    b->issuers[0].known.clock_skew_known = true;
    b->issuers[0].known.clock_skew_s = -120;
}
static const struct sp_str two_scopes[] = {{"read", 4}, {"write", 5}};

void exam_bench_need_scopes(struct exam_bench *b)
{
    b->requirements.scopes = (struct sp_str_list){two_scopes, 2};
}

void exam_bench_be_opaque(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("8xLOxBtZp8");
}
