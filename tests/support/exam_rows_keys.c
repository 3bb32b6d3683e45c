/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the examination: the keys that it is verified with, and what is known of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/exam_rows.h"

#include "core/base/limits.h"

static const struct sp_str earlier_kids[] = {{"gone", 4}};
static void know_earlier_kids(struct exam_bench *b)
{
    b->issuers[0].known.previous_kids = (struct sp_str_list){earlier_kids, 1};
    b->issuers[0].known.refetched = true;
}

static void rotate(struct exam_bench *b)
{
    b->later = b->issuers[0];
    b->later.known.refetched = true;
    b->has_later = true;
    b->issuers[0].known.keys = exam_partner_set;
    b->world.issuer_count = 1;
}

static void rotate_unhealed(struct exam_bench *b)
{
    b->terms[0].heals = false;
    b->issuers[0].known.unadopted_keys = exam_corp_set;
    b->issuers[0].known.keys = exam_partner_set;
    b->world.issuer_count = 1;
}

static void replace_keys(struct exam_bench *b)
{
    b->issuers[0].known.old_keys = exam_corp_set;
    b->issuers[0].known.keys = exam_partner_set;
    b->issuers[0].known.refetched = true;
    b->world.issuer_count = 1;
}

/* Names such as "1" and "default" are given by many. */
static void replace_keys_of_a_common_name(struct exam_bench *b)
{
    replace_keys(b);
    b->world.issuer_count = 2;
    b->issuers[1].known.keys = exam_corp_set;
}

static void be_okta_org(struct exam_bench *b)
{
    b->terms[0].issuer = SP_STR("https://acme.okta.com");
}

static void duplicate_kid(struct exam_bench *b)
{
    struct sp_str one = exam_bench_jwk(b->arena, EXAM_E1, "e1", "sig", "ES256"),
                  two = exam_bench_jwk(b->arena, EXAM_E2, "e1", "sig", "ES256");
    exam_bench_use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%.*s,%.*s]}", SP_STR_ARG(two), SP_STR_ARG(one)).at);
}

static void publish_for_encryption(struct exam_bench *b)
{
    struct sp_str one = exam_bench_jwk(b->arena, EXAM_E1, "e1", "enc", "ES256"),
                  two = exam_bench_jwk(b->arena, EXAM_E2, "e2", "sig", "ES256");
    exam_bench_use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%.*s,%.*s]}", SP_STR_ARG(one), SP_STR_ARG(two)).at);
}

static void publish_weak(struct exam_bench *b)
{
    struct sp_str two = exam_bench_jwk(b->arena, EXAM_E2, "e2", "sig", "ES256");
    exam_bench_use_set(
        b, sp_arena_printf(b->arena, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"e1\",\"n\":\"wAAB\",\"e\":\"AQAB\"},%.*s]}",
                           SP_STR_ARG(two))
               .at);
}

static void publish_weak_alone(struct exam_bench *b)
{
    exam_bench_use_set(b, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"e1\",\"n\":\"wAAB\",\"e\":\"AQAB\"}]}");
}

static void publish_weak_nameless(struct exam_bench *b)
{
    exam_bench_use_set(b, "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"wAAB\",\"e\":\"AQAB\"}]}");
}

static void publish_encryption_alone(struct exam_bench *b)
{
    struct sp_str one = exam_bench_jwk(b->arena, EXAM_E1, "e1", "enc", "ES256");
    exam_bench_use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%.*s]}", SP_STR_ARG(one)).at);
}

static void duplicate_kid_and_alter(struct exam_bench *b)
{
    duplicate_kid(b), exam_bench_alter(b);
}

static void publish_malformed(struct exam_bench *b)
{
    struct sp_str two = exam_bench_jwk(b->arena, EXAM_E2, "e2", "sig", "ES256");
    exam_bench_use_set(
        b, sp_arena_printf(b->arena, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e1\",\"x\":\"=\"},%.*s]}",
                           SP_STR_ARG(two))
               .at);
}

static void publish_unsupported(struct exam_bench *b)
{
    struct sp_str two = exam_bench_jwk(b->arena, EXAM_E2, "e2", "sig", "ES256");
    exam_bench_use_set(
        b, sp_arena_printf(b->arena, "{\"keys\":[{\"kty\":\"AKP\",\"kid\":\"e1\"},%.*s]}", SP_STR_ARG(two)).at);
}

static void publish_beside(struct exam_bench *b, const char *member)
{
    struct sp_str one = exam_bench_jwk(b->arena, EXAM_E1, "e1", "sig", "ES256");
    exam_bench_use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%s,%.*s]}", member, SP_STR_ARG(one)).at);
    b->input.explain = true;
}

static void publish_beside_weak(struct exam_bench *b)
{
    publish_beside(b, "{\"kty\":\"RSA\",\"kid\":\"w\",\"n\":\"wAAB\",\"e\":\"AQAB\"}");
}

static void publish_beside_malformed(struct exam_bench *b)
{
    publish_beside(b, "{\"kty\":\"RSA\",\"kid\":\"m\"}");
}

static void publish_beside_unsupported(struct exam_bench *b)
{
    publish_beside(b, "{\"kty\":\"AKP\",\"kid\":\"u\"}");
}

static void publish_nothing(struct exam_bench *b)
{
    exam_bench_use_set(b, "{\"keys\":[]}");
}

static void publish_placeholder(struct exam_bench *b)
{
    exam_bench_use_set(
        b, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"x\",\"n\":\"RXJyb3ItRmFpbGVkVG9GZXRjaEp3a3NVcmk\",\"e\":\"AQAB\"}]}");
}

static void publish_private(struct exam_bench *b)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, b->arena, 1 << 16);
    sp_json_writer_init(&writer, &buffer, false);
    assert_int_equal(sp_jwk_write(&writer, exam_keys[EXAM_E1], SP_STR("e1"), SP_STR_NONE, SP_STR_NONE, true), SP_OK);
    sp_buffer_append_char(&buffer, '\0');
    exam_bench_use_set(b, sp_buffer_str(&buffer).at);
    b->input.explain = true;
}

static void know_no_keys(struct exam_bench *b)
{
    b->issuers[0].known = (struct sp_issuer_knowledge){.failure = SP_CAUSE_KEYS_UNREACHABLE,
                                                       .failure_reason = SP_CAUSE_NETWORK_TCP_REFUSED,
                                                       .failure_detail = SP_STR("https://idp.example.com/keys"),
                                                       .refetched = true};
}

static void know_stale_keys(struct exam_bench *b)
{
    b->issuers[0].known.stale_since = NOW - 100;
    b->issuers[0].known.stale_until = NOW + 100;
    b->issuers[0].known.failure = SP_CAUSE_KEYS_UNREACHABLE;
}

static void advertise_rsa(struct exam_bench *b)
{
    b->issuers[0].known.advertised_algorithms = sp_algorithm_bit(SP_ALGORITHM_RS256);
}

const struct exam_row exam_key_rows[] = {
    {"a new key where tokens have no kid", SP_CAUSE_NONE, EXAM_E1, "{\"alg\":\"ES256\"}", CLAIMS(""), rotate,
     SP_CAUSE_NONE},
    {"an unknown kid", SP_CAUSE_KEYS_UNKNOWN_KID, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"new\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"a key that is new, healed", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), rotate, SP_CAUSE_KEYS_ROTATED},
    {"a key that is new, not healed", SP_CAUSE_KEYS_ROTATED, EXAM_E1, HEADER, CLAIMS(""), rotate_unhealed,
     SP_CAUSE_NONE},
    {"a key that is gone", SP_CAUSE_KEYS_RETIRED_EARLY, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"gone\"}", CLAIMS(""),
     know_earlier_kids, SP_CAUSE_NONE},
    {"all keys replaced", SP_CAUSE_KEYS_REPLACED, EXAM_E1, HEADER, CLAIMS(""), replace_keys, SP_CAUSE_NONE},
    {"all keys replaced, and another issuer has one of the same name", SP_CAUSE_KEYS_REPLACED, EXAM_E1, HEADER,
     CLAIMS(""), replace_keys_of_a_common_name, SP_CAUSE_NONE},
    {"the other issuer's kid", SP_CAUSE_KEYS_OTHER_ISSUER, EXAM_E3, "{\"alg\":\"ES256\",\"kid\":\"p1\"}", CLAIMS(""),
     NULL, SP_CAUSE_NONE},
    {"an Okta org server", SP_CAUSE_KEYS_UNPUBLISHED, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"org\"}",
     WITH_ISSUER("https://acme.okta.com"), be_okta_org, SP_CAUSE_NONE},
    {"no kid and none of the keys", SP_CAUSE_KEYS_KID_MISSING_AMBIGUOUS, EXAM_E1, "{\"alg\":\"ES256\"}",
     CLAIMS(",\"name\":\"AAAAAAAAAAAAAAAA\""), exam_bench_alter, SP_CAUSE_NONE},
    {"two keys of one kid", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), duplicate_kid, SP_CAUSE_KEYS_DUPLICATE_KID},
    {"a key for encryption", SP_CAUSE_KEYS_USE_MISMATCH, EXAM_E1, HEADER, CLAIMS(""), publish_for_encryption,
     SP_CAUSE_NONE},
    {"the only key is for encryption", SP_CAUSE_KEYS_USE_MISMATCH, EXAM_E1, HEADER, CLAIMS(""),
     publish_encryption_alone, SP_CAUSE_NONE},
    {"no kid and only a key for encryption", SP_CAUSE_KEYS_EMPTY, EXAM_E1, "{\"alg\":\"ES256\"}", CLAIMS(""),
     publish_encryption_alone, SP_CAUSE_NONE},
    {"two keys of one kid and neither's signature", SP_CAUSE_SIGNATURE_INVALID, EXAM_E1, HEADER,
     CLAIMS(",\"name\":\"AAAAAAAAAAAAAAAA\""), duplicate_kid_and_alter, SP_CAUSE_KEYS_DUPLICATE_KID},
    {"the only key is weak", SP_CAUSE_KEYS_WEAK, EXAM_E1, HEADER, CLAIMS(""), publish_weak_alone, SP_CAUSE_NONE},
    {"the only key is weak and has no kid", SP_CAUSE_KEYS_WEAK, EXAM_E1, HEADER, CLAIMS(""), publish_weak_nameless,
     SP_CAUSE_NONE},
    {"a kid that the only, weak key has not", SP_CAUSE_KEYS_EMPTY, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"e9\"}",
     CLAIMS(""), publish_weak_alone, SP_CAUSE_NONE},
    {"a weak key", SP_CAUSE_KEYS_WEAK, EXAM_E1, HEADER, CLAIMS(""), publish_weak, SP_CAUSE_NONE},
    {"a member that cannot be read", SP_CAUSE_KEYS_MALFORMED_MEMBER, EXAM_E1, HEADER, CLAIMS(""), publish_malformed,
     SP_CAUSE_NONE},
    {"a member of another type", SP_CAUSE_KEYS_UNSUPPORTED_TYPE, EXAM_E1, HEADER, CLAIMS(""), publish_unsupported,
     SP_CAUSE_NONE},
    {"another key is weak", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), publish_beside_weak, SP_CAUSE_KEYS_WEAK},
    {"another key is malformed", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), publish_beside_malformed,
     SP_CAUSE_KEYS_MALFORMED_MEMBER},
    {"another key is of another type", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), publish_beside_unsupported,
     SP_CAUSE_KEYS_UNSUPPORTED_TYPE},
    {"an empty set", SP_CAUSE_KEYS_EMPTY, EXAM_E1, HEADER, CLAIMS(""), publish_nothing, SP_CAUSE_NONE},
    {"a placeholder", SP_CAUSE_KEYS_PLACEHOLDER, EXAM_E1, HEADER, CLAIMS(""), publish_placeholder, SP_CAUSE_NONE},
    {"a published private key", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), publish_private,
     SP_CAUSE_KEYS_PRIVATE_MATERIAL},
    {"no keys at all", SP_CAUSE_KEYS_UNREACHABLE, EXAM_E1, HEADER, CLAIMS(""), know_no_keys, SP_CAUSE_NONE},
    {"stale keys", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), know_stale_keys, SP_CAUSE_KEYS_STALE_IN_USE},
    {"an algorithm that is not advertised", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), advertise_rsa,
     SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED},
};
const size_t exam_key_row_count = sizeof exam_key_rows / sizeof exam_key_rows[0];
