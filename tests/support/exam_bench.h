/* SPDX-License-Identifier: Apache-2.0 */
/* A bench for the examination: two issuers with their keys, one API, the call of one token. Set up, everything fits and
 * the token is accepted; what is tried changes one thing of it, then runs it. */
#ifndef SP_TESTS_EXAM_BENCH_H
#define SP_TESTS_EXAM_BENCH_H

#include "core/diagnosis/exam.h"
#include "core/jose/jwk_set.h"

#define NOW 1700000000
#define ISSUER "https://idp.example.com/realms/a"
#define API "https://api.example.com/v1"
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"at+jwt\"}"
#define CLAIMS(rest)                                                                                                   \
    "{\"iss\":\"" ISSUER "\",\"sub\":\"u\",\"aud\":\"" API "\",\"exp\":1700000600,\"iat\":1699999940" rest "}"
#define TOKEN(b) ((b)->input.token)

/* The first issuer's are E1, E2, RSA and ED, by the kids e1, e2, r1 and d1; the other's is E3, by p1. */
enum { EXAM_E1, EXAM_E2, EXAM_E3, EXAM_RSA, EXAM_ED, EXAM_SECRET, EXAM_KEY_COUNT };
extern struct sp_key *exam_keys[EXAM_KEY_COUNT];
extern struct sp_jwk_set *exam_corp_set, *exam_partner_set, *exam_secret_set, *exam_short_secret_set,
    *exam_encodings_set;
extern const uint16_t exam_first_issuer, exam_both_issuers[2];

struct exam_bench {
    struct sp_arena *arena;
    struct sp_issuer_terms terms[2];
    struct sp_known_issuer issuers[2], later; /* later: what is known of the first once keys were asked for */
    bool has_later, is_replay;
    struct sp_api_audience audiences[1];
    struct sp_world world;
    struct sp_requirements requirements;
    struct sp_possession possession;
    struct sp_exam_input input;
    const char *answer, *second_answer; /* of introspection at either issuer */
    enum sp_cause answer_failure, second_failure;
    unsigned needs[4]; /* how often each was said */
};

/* Set-up and end of a group of tests: keys are made once. */
int exam_bench_make_keys(void **state);
int exam_bench_drop_keys(void **state);

void exam_bench_set_up(struct exam_bench *bench, struct sp_arena *arena);
struct sp_str exam_bench_sign(struct exam_bench *bench, int key, const char *header, const char *claims);
/* Never NULL: without memory it is that verdict. */
const struct sp_verdict *exam_bench_run(struct exam_bench *bench);

/* A set that is the caller's. */
struct sp_jwk_set *exam_bench_set_of(const char *json);
/* The first issuer's set from now on, as long as the bench's arena lives. */
void exam_bench_use_set(struct exam_bench *bench, const char *json);
/* kid, use and alg may be NULL. */
struct sp_str exam_bench_jwk(struct sp_arena *arena, int key, const char *kid, const char *use, const char *alg);

/* ---- changes that more than one part of the examination is tried with ---- */
void exam_bench_alter(struct exam_bench *bench); /* one byte of the claims, after signing */
void exam_bench_be_opaque(struct exam_bench *bench);
void exam_bench_know_skew(struct exam_bench *bench);
void exam_bench_need_scopes(struct exam_bench *bench); /* read, write */

#endif
