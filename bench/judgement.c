/* SPDX-License-Identifier: Apache-2.0 */
/* What the judgement of a token costs, step by step and whole, without a gateway around it: CPU time per call, the
 * median of several rounds. The budget is a token never seen before = one signature verification + 3 µs; the column
 * "over" is what the examination adds to the bare verification of that algorithm in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/limits.h"
#include "core/diagnosis/facts.h"
#include "core/jose/base64url.h"
#include "core/jose/jws.h"
#include "core/oauth/dpop_proof.h"

#define ROUNDS 7
#define NOW INT64_C(1700000000)

struct work {
    struct sp_arena *arena;
    struct sp_key *key;
    struct sp_jwk_set *keys;
    enum sp_algorithm algorithm;
    struct sp_str token, signed_text, signature, claims, proof;
    unsigned char sink[64];
};

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(void (*step)(struct work *), struct work *work, unsigned calls)
{
    double took[ROUNDS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        double before = cpu_us();
        for (unsigned i = 0; i < calls; i++)
            step(work);
        took[round] = (cpu_us() - before) / calls;
    }
    qsort(took, ROUNDS, sizeof took[0], compare);
    return took[ROUNDS / 2];
}

static void need(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "judgement: %s\n", what);
        exit(1);
    }
}

/* ---- steps ---- */

static void hash(struct work *work)
{
    sp_sha256(work->token, work->sink);
}

static void parse(struct work *work)
{
    const struct sp_json *json;
    struct sp_json_error error;
    sp_arena_reset(work->arena);
    need(sp_json_parse(work->arena, work->claims, &sp_json_limits_token, &json, &error) == SP_OK, "claims");
}

static void decode(struct work *work)
{
    struct sp_str bytes;
    sp_arena_reset(work->arena);
    need(sp_base64url_decode(
             work->arena,
             sp_str_slice(work->signed_text, work->signed_text.len / 2 / 4 * 4, work->signed_text.len / 4 * 4),
             &bytes) != SP_NO_MEMORY,
         "memory");
}

static void verify(struct work *work)
{
    need(sp_key_verify(work->key, work->algorithm, work->signed_text, work->signature) == SP_VERIFICATION_HOLDS,
         "signature");
}

static void examine(struct work *work)
{
    static const uint16_t first = 0;
    static const struct sp_str audience = {"https://api.example.com/v1", 26}, scope = {"read:photos", 11};
    static const struct sp_requirements requirements = {
        .api = {"photos", 6}, .issuers = &first, .issuer_count = 1, .audiences = {&audience, 1}, .scopes = {&scope, 1}};
    const struct sp_issuer_terms terms = {
        .name = SP_STR("corp"), .issuer = SP_STR("https://idp.example.com"), .algorithms = UINT32_MAX, .leeway_s = 30};
    const struct sp_known_issuer issuer = {.terms = &terms, .known = {.keys = work->keys, .fetched_at = NOW}};
    const struct sp_world world = {.issuers = &issuer, .issuer_count = 1};
    const struct sp_exam_input input = {
        .token = work->token, .requirements = &requirements, .world = &world, .now = NOW};
    struct sp_facts facts;
    sp_arena_reset(work->arena);
    struct sp_exam *exam = sp_exam_start(work->arena, &input);
    need(exam != NULL && sp_exam_step(exam) == SP_EXAM_DONE && sp_exam_verdict(exam)->accepted, "not accepted");
    need(sp_facts_from_exam(exam, &(struct sp_kept_claims){0}, work->arena, &facts) == SP_OK, "facts");
}

static void prove(struct work *work)
{
    const struct sp_dpop_expectation expectation = {
        .method = SP_STR("GET"), .url = SP_STR("https://api.example.com/photos"), .now = NOW};
    struct sp_dpop_result result;
    sp_arena_reset(work->arena);
    need(sp_dpop_check(work->arena, work->proof, &expectation, &result) == SP_OK && result.fault == SP_DPOP_OK,
         "proof");
}

/* ---- the token ---- */

static struct sp_str jwk_of(struct sp_arena *arena, const struct sp_key *key, bool in_set)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, arena, 1 << 16);
    sp_json_writer_init(&writer, &buffer, false);
    need(sp_jwk_write(&writer, key, in_set ? SP_STR("k1") : SP_STR_NONE, SP_STR_NONE, SP_STR_NONE,
                      sp_key_type(key) == SP_KEY_TYPE_OCT) == SP_OK,
         "key out");
    return sp_buffer_str(&buffer);
}

static void prepare(struct work *work, struct sp_arena *keep, enum sp_algorithm algorithm)
{
    const struct sp_algorithm_info *info = sp_algorithm_get(algorithm);
    work->algorithm = algorithm;
    need(sp_key_generate(info->key_type, info->curve, info->key_type == SP_KEY_TYPE_RSA ? 2048 : 64, &work->key) ==
             SP_OK,
         "key");
    struct sp_str jwk = jwk_of(keep, work->key, true);
    need(sp_jwk_set_parse(jwk, &work->keys, NULL) == SP_OK, "key set");
    work->claims =
        SP_STR("{\"iss\":\"https://idp.example.com\",\"sub\":\"248289761001\",\"aud\":\"https://api.example.com/v1\","
               "\"exp\":1700003600,\"iat\":1700000000,\"nbf\":1700000000,\"jti\":\"c2b6a1f0-8a0e-4c53-9a7b-"
               "2f6f3f1f8f11\",\"client_id\":\"s6BhdRkqt3\",\"scope\":\"openid profile read:photos write:photos\","
               "\"roles\":[\"user\",\"editor\"],\"name\":\"Jane Doe\",\"email\":\"jane@example.com\"}");
    struct sp_str header =
        sp_arena_printf(keep, "{\"alg\":\"%.*s\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}", SP_STR_ARG(info->name));
    need(sp_jws_sign(keep, work->key, algorithm, header, work->claims, &work->token) == SP_OK, "token");
    size_t dot = work->token.len;
    while (work->token.at[dot - 1] != '.')
        dot--;
    work->signed_text = sp_str_slice(work->token, 0, dot - 1);
    need(sp_base64url_decode(keep, sp_str_slice(work->token, dot, work->token.len), &work->signature) == SP_OK,
         "signature");
    if (info->key_type == SP_KEY_TYPE_OCT)
        return;
    header = sp_arena_printf(keep, "{\"typ\":\"dpop+jwt\",\"alg\":\"%.*s\",\"jwk\":%.*s}", SP_STR_ARG(info->name),
                             SP_STR_ARG(jwk_of(keep, work->key, false)));
    struct sp_str body =
        SP_STR("{\"jti\":\"e1j3V_bKic8-LAEB\",\"htm\":\"GET\",\"htu\":\"https://api.example.com/photos\","
               "\"iat\":1700000000}");
    need(sp_jws_sign(keep, work->key, algorithm, header, body, &work->proof) == SP_OK, "proof");
}

int main(void)
{
    static const enum sp_algorithm algorithms[] = {SP_ALGORITHM_RS256, SP_ALGORITHM_PS256, SP_ALGORITHM_ES256,
                                                   SP_ALGORITHM_ED25519, SP_ALGORITHM_HS256};
    puts("µs per call (CPU)   verify  examine     over  DPoP proof");
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        struct sp_arena *keep = sp_arena_create(1 << 20);
        struct work work = {.arena = sp_arena_create(SP_MAX_EXAM_ARENA_BYTES)};
        need(keep != NULL && work.arena != NULL, "memory");
        prepare(&work, keep, algorithms[i]);
        if (i == 0) {
            printf("(token of %zu bytes: SHA-256 %.2f, parse claims %.2f, decode half %.2f)\n", work.token.len,
                   measure(hash, &work, 20000), measure(parse, &work, 20000), measure(decode, &work, 20000));
        }
        double verified = measure(verify, &work, 2000), examined = measure(examine, &work, 2000);
        printf("%-16.*s %9.2f %8.2f %8.2f", SP_STR_ARG(sp_algorithm_get(algorithms[i])->name), verified, examined,
               examined - verified);
        if (work.proof.at != NULL)
            printf(" %11.2f", measure(prove, &work, 1000));
        putchar('\n');
        sp_key_destroy(&work.key);
        sp_jwk_set_unref(&work.keys);
        sp_arena_destroy(&work.arena);
        sp_arena_destroy(&keep);
    }
    return 0;
}
