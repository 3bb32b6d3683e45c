/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9449's own examples, then a good proof and each way to spoil it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/jose/base64url.h"
#include "core/jose/jws.h"
#include "core/oauth/dpop_proof.h"

#define PUBLISHED_HEADER                                                                                               \
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo" \
    "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
#define PUBLISHED_JKT "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
#define NOW INT64_C(1700000000)

static const struct {
    const char *name, *proof, *method, *url, *access_token;
    int64_t now;
} published[] = {
    {"4.1, for a token request",
     PUBLISHED_HEADER
     "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3"
     "Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7"
     "NVY-FNyJK70nfbV37xRZT3Lg",
     "POST", "https://server.example.com/token", NULL, 1562262616},
    {"7.1, for a protected resource",
     PUBLISHED_HEADER
     "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy"
     "9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9h"
     "Tnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd"
     "-jfxSYoMxhAJpLjA",
     "GET", "https://resource.example.org/protectedresource", "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
     1562262618},
};

static void published_proofs_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_dpop_expectation expectation = {.method = sp_str_from_cstr(published[i].method),
                                                  .url = sp_str_from_cstr(published[i].url),
                                                  .access_token = sp_str_from_cstr(published[i].access_token),
                                                  .jkt = PUBLISHED_JKT,
                                                  .now = published[i].now};
        struct sp_dpop_result result;
        assert_int_equal(sp_dpop_check(arena, sp_str_from_cstr(published[i].proof), &expectation, &result), SP_OK);
        if (result.fault != SP_DPOP_OK)
            fail_msg("%s: %.*s", published[i].name, SP_STR_ARG(result.part));
        assert_memory_equal(result.jkt, PUBLISHED_JKT, sizeof result.jkt);
        sp_arena_destroy(&arena);
    }
}

/* ---- a good proof, and what may be wrong with one ---- */

struct row {
    const char *what;
    enum sp_dpop_fault fault;
    const char *header, *claims; /* NULL: the good ones; in the header @ stands for the JWK */
    const char *method, *url;
    const char *nonce;
    const char *access_token;
};

#define JTI "\"jti\":\"j1\","
#define HTM "\"htm\":\"GET\","
#define HTU "\"htu\":\"https://api.example.com/photos\","
#define IAT "\"iat\":1700000000"
#define GOOD_HEADER "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":@}"
#define GOOD_CLAIMS "{" JTI HTM HTU IAT "}"
#define AT(url) "{" JTI HTM "\"htu\":\"" url "\"," IAT "}"
#define ISSUED(iat) "{" JTI HTM HTU "\"iat\":" iat "}"

static const struct row rows[] = {
    {.what = "a good proof"},
    {.what = "typ as a whole media type", .header = "{\"typ\":\"application/DPoP+jwt\",\"alg\":\"ES256\",\"jwk\":@}"},
    {.what = "no typ", SP_DPOP_TYP, .header = "{\"alg\":\"ES256\",\"jwk\":@}"},
    {.what = "typ JWT", SP_DPOP_TYP, .header = "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"jwk\":@}"},
    {.what = "alg none", SP_DPOP_ALGORITHM, .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"none\",\"jwk\":@}"},
    {.what = "alg HS256", SP_DPOP_ALGORITHM, .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"HS256\",\"jwk\":@}"},
    {.what = "alg of another curve", SP_DPOP_JWK, .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES384\",\"jwk\":@}"},
    {.what = "no jwk", SP_DPOP_JWK, .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\"}"},
    {.what = "a jwk that is none", SP_DPOP_JWK, .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":7}"},
    {.what = "a shared secret as jwk",
     SP_DPOP_PRIVATE,
     .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"oct\",\"k\":"
               "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}"},
    {.what = "an extension",
     SP_DPOP_FORM,
     .header = "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"crit\":[\"x\"],\"x\":1,\"jwk\":@}"},
    {.what = "no jti", SP_DPOP_FORM, .claims = "{" HTM HTU IAT "}"},
    {.what = "an empty jti", SP_DPOP_FORM, .claims = "{\"jti\":\"\"," HTM HTU IAT "}"},
    {.what = "a jti that is a number", SP_DPOP_FORM, .claims = "{\"jti\":1," HTM HTU IAT "}"},
    {.what = "another method", SP_DPOP_HTM, .method = "POST"},
    {.what = "the method in other letters", SP_DPOP_HTM, .claims = "{" JTI "\"htm\":\"get\"," HTU IAT "}"},
    {.what = "no htm", SP_DPOP_HTM, .claims = "{" JTI HTU IAT "}"},
    {.what = "no htu", SP_DPOP_HTU, .claims = "{" JTI HTM IAT "}"},
    {.what = "another path", SP_DPOP_HTU, .claims = AT("https://api.example.com/photos/1")},
    {.what = "a path in other letters", SP_DPOP_HTU, .claims = AT("https://api.example.com/Photos")},
    {.what = "no URL", SP_DPOP_HTU, .claims = AT("/photos")},
    {.what = "http instead of https", SP_DPOP_HTU_PROXY, .claims = AT("http://api.example.com/photos")},
    {.what = "another port", SP_DPOP_HTU_PROXY, .claims = AT("https://api.example.com:8443/photos")},
    {.what = "another host", SP_DPOP_HTU_PROXY, .claims = AT("https://10.0.0.1/photos")},
    {.what = "the default port spelled out", .claims = AT("https://api.example.com:443/photos")},
    {.what = "host and scheme in other letters", .claims = AT("HTTPS://API.example.com/photos")},
    {.what = "what is escaped without need", .claims = AT("https://api.example.com/%70hoto%73")},
    {.what = "the request escaped without need", .url = "https://api.example.com/%70hotos"},
    {.what = "other letters of an escape",
     .claims = AT("https://api.example.com/%c3%bc/~"),
     .url = "https://api.example.com/%C3%BC/%7e"},
    {.what = "dot segments", .claims = AT("https://api.example.com/a/.././photos")},
    {.what = "no path", .claims = AT("https://api.example.com"), .url = "https://api.example.com/"},
    {.what = "a slash escaped",
     SP_DPOP_HTU,
     .claims = AT("https://api.example.com/a%2Fb"),
     .url = "https://api.example.com/a/b"},
    {.what = "dots escaped",
     SP_DPOP_HTU,
     .claims = AT("https://api.example.com/photos"),
     .url = "https://api.example.com/a/%2e%2e/photos"},
    {.what = "an escape escaped", SP_DPOP_HTU, .claims = AT("https://api.example.com/%2570hotos")},
    {.what = "slashes merged", SP_DPOP_HTU, .claims = AT("https://api.example.com//photos")},
    {.what = "a slash more", SP_DPOP_HTU, .claims = AT("https://api.example.com/photos/")},
    {.what = "somebody's name before the host", SP_DPOP_HTU, .claims = AT("https://me@api.example.com/photos")},
    {.what = "a query in the request", .url = "https://api.example.com/photos?page=2"},
    {.what = "a query in htu", .claims = AT("https://api.example.com/photos?page=3")},
    {.what = "a fragment in htu", .claims = AT("https://api.example.com/photos#top")},
    {.what = "the oldest that is good", .claims = ISSUED("1699999880")},
    {.what = "too old", SP_DPOP_IAT, .claims = ISSUED("1699999879")},
    {.what = "the newest that is good", .claims = ISSUED("1700000030")},
    {.what = "from the future", SP_DPOP_IAT, .claims = ISSUED("1700000031")},
    {.what = "iat as text", SP_DPOP_IAT, .claims = ISSUED("\"1700000000\"")},
    {.what = "iat beyond all numbers", SP_DPOP_IAT, .claims = ISSUED("1e400")},
    {.what = "iat at the other end of time", SP_DPOP_IAT, .claims = ISSUED("-9223372036854775808")},
    {.what = "no iat", SP_DPOP_IAT, .claims = "{" JTI HTM "\"htu\":\"https://api.example.com/photos\"}"},
    {.what = "a nonce is wanted", SP_DPOP_NONCE, .nonce = "n1"},
    {.what = "the nonce that is wanted", .claims = "{\"nonce\":\"n1\"," JTI HTM HTU IAT "}", .nonce = "n1"},
    {.what = "an older nonce", SP_DPOP_NONCE, .claims = "{\"nonce\":\"n0\"," JTI HTM HTU IAT "}", .nonce = "n1"},
    {.what = "a nonce that nobody asked for", .claims = "{\"nonce\":\"n0\"," JTI HTM HTU IAT "}"},
    {.what = "no ath", SP_DPOP_ATH, .access_token = "abc"},
    {.what = "ath of another token",
     SP_DPOP_ATH,
     .claims = "{\"ath\":\"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0\"," JTI HTM HTU IAT "}",
     .access_token = "abd"},
    {.what = "ath of the token",
     .claims = "{\"ath\":\"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0\"," JTI HTM HTU IAT "}",
     .access_token = "abc"},
    {.what = "a claim twice", SP_DPOP_FORM, .claims = "{" JTI JTI HTM HTU IAT "}"},
    {.what = "claims that are no object", SP_DPOP_FORM, .claims = "[]"},
};

static struct sp_key *key, *other_key;

static int make_keys(void **state)
{
    (void)state;
    return sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &key) == SP_OK &&
                   sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &other_key) == SP_OK
               ? 0
               : -1;
}

static int drop_keys(void **state)
{
    (void)state;
    sp_key_destroy(&key);
    sp_key_destroy(&other_key);
    return 0;
}

static struct sp_str jwk_of(struct sp_arena *arena, const struct sp_key *of, bool with_private)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, arena, 1 << 14);
    sp_json_writer_init(&writer, &buffer, false);
    assert_int_equal(sp_jwk_write(&writer, of, SP_STR_NONE, SP_STR_NONE, SP_STR_NONE, with_private), SP_OK);
    return sp_buffer_str(&buffer);
}

static struct sp_str make(struct sp_arena *arena, const char *header, const char *claims, struct sp_str jwk)
{
    struct sp_str text = sp_str_from_cstr(header != NULL ? header : GOOD_HEADER), proof;
    size_t at = sp_str_index_of(text, '@', 0);
    if (at < text.len)
        text = sp_arena_printf(arena, "%.*s%.*s%.*s", (int)at, text.at, SP_STR_ARG(jwk),
                               SP_STR_ARG(sp_str_slice(text, at + 1, text.len)));
    assert_int_equal(sp_jws_sign(arena, key, SP_ALGORITHM_ES256, text,
                                 sp_str_from_cstr(claims != NULL ? claims : GOOD_CLAIMS), &proof),
                     SP_OK);
    return proof;
}

static struct sp_dpop_expectation expectation_of(const struct row *row)
{
    return (struct sp_dpop_expectation){
        .method = sp_str_from_cstr(row->method != NULL ? row->method : "GET"),
        .url = sp_str_from_cstr(row->url != NULL ? row->url : "https://api.example.com/photos"),
        .nonce = sp_str_from_cstr(row->nonce),
        .access_token = sp_str_from_cstr(row->access_token),
        .now = NOW,
    };
}

static void each_fault_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 20);
        struct sp_str proof = make(arena, rows[i].header, rows[i].claims, jwk_of(arena, key, false));
        struct sp_dpop_expectation expectation = expectation_of(&rows[i]);
        struct sp_dpop_result result;
        assert_int_equal(sp_dpop_check(arena, proof, &expectation, &result), SP_OK);
        if (result.fault != rows[i].fault)
            fail_msg("%s: fault %d (%.*s), not %d", rows[i].what, result.fault, SP_STR_ARG(result.part), rows[i].fault);
        if (result.fault != SP_DPOP_OK)
            assert_true(result.part.len > 0 && result.expected.len > 0 && result.received.len > 0);
        sp_arena_destroy(&arena);
    }
}

static enum sp_dpop_fault check(struct sp_arena *arena, struct sp_str proof, const char *jkt)
{
    struct sp_dpop_expectation expectation = expectation_of(&rows[0]);
    struct sp_dpop_result result;
    expectation.jkt = jkt;
    assert_int_equal(sp_dpop_check(arena, proof, &expectation, &result), SP_OK);
    return result.fault;
}

/* A replay cache remembers a proof for so long and no longer, whatever leeway an issuer's tokens are given. */
static void a_leeway_of_years_makes_no_proof_last(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    (void)state;
    struct sp_str proof = make(arena, NULL, NULL, jwk_of(arena, key, false));
    static const struct {
        int64_t age, leeway;
        enum sp_dpop_fault fault;
    } ages[] = {{360, 240, SP_DPOP_OK},    {361, 240, SP_DPOP_IAT},   {360, 86400, SP_DPOP_OK},
                {361, 86400, SP_DPOP_IAT}, {-270, 86400, SP_DPOP_OK}, {-271, 86400, SP_DPOP_IAT},
                {121, 0, SP_DPOP_IAT}};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        struct sp_dpop_expectation expectation = expectation_of(&rows[0]);
        struct sp_dpop_result result;
        expectation.now = NOW + ages[i].age;
        expectation.leeway_s = ages[i].leeway;
        assert_int_equal(sp_dpop_check(arena, proof, &expectation, &result), SP_OK);
        assert_int_equal(result.fault, ages[i].fault);
    }
    sp_arena_destroy(&arena);
}

static void the_key_must_have_signed_it_and_be_public(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    (void)state;
    assert_int_equal(check(arena, make(arena, NULL, NULL, jwk_of(arena, other_key, false)), NULL), SP_DPOP_SIGNATURE);
    assert_int_equal(check(arena, make(arena, NULL, NULL, jwk_of(arena, key, true)), NULL), SP_DPOP_PRIVATE);
    /* An unusable private part is one all the same. */
    struct sp_str jwk = jwk_of(arena, key, false);
    struct sp_str spoiled = sp_arena_printf(arena, "%.*s,\"d\":\"AA\"}", (int)jwk.len - 1, jwk.at);
    assert_int_equal(check(arena, make(arena, NULL, NULL, spoiled), NULL), SP_DPOP_PRIVATE);
    sp_arena_destroy(&arena);
}

static void the_key_must_be_the_tokens(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    unsigned char digest[32];
    char jkt[43];
    struct sp_str proof = make(arena, NULL, NULL, jwk_of(arena, key, false));
    (void)state;
    assert_int_equal(sp_jwk_thumbprint(key, digest), SP_OK);
    sp_base64url_encode_into(sp_str((const char *)digest, sizeof digest), jkt);
    assert_int_equal(check(arena, proof, jkt), SP_DPOP_OK);
    assert_int_equal(check(arena, proof, PUBLISHED_JKT), SP_DPOP_JKT);
    sp_arena_destroy(&arena);
}

static void what_is_no_jwt_is_no_proof(void **state)
{
    static const char *const texts[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b",
                                        "a.b.c",
                                        "a.b.c.d",
                                        "e30.e30.",
                                        "W10.e30.AA",
                                        "e30=.e30.AA",
                                        "e30.e30.AA,e30.e30.AA"};
    struct sp_arena *arena = sp_arena_create(1 << 20);
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_not_equal(check(arena, sp_str_from_cstr(texts[i]), NULL), SP_DPOP_OK);
    char *large = sp_arena_calloc(arena, 1, 100000);
    memset(large, 'A', 100000);
    assert_int_equal(check(arena, sp_str(large, 100000), NULL), SP_DPOP_FORM);
    struct sp_str proof = make(arena, NULL, NULL, jwk_of(arena, key, false));
    for (size_t len = 0; len < proof.len; len++)
        assert_int_not_equal(check(arena, sp_str_slice(proof, 0, len), NULL), SP_DPOP_OK);
    sp_arena_destroy(&arena);
}

static void an_id_is_of_one_key_and_one_url(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_dpop_expectation expectation = expectation_of(&rows[0]);
    struct sp_dpop_result one, same, other;
    struct sp_str jwk = jwk_of(arena, key, false);
    (void)state;
    assert_int_equal(sp_dpop_check(arena, make(arena, NULL, NULL, jwk), &expectation, &one), SP_OK);
    assert_int_equal(sp_dpop_check(arena, make(arena, NULL, ISSUED("1700000001"), jwk), &expectation, &same), SP_OK);
    assert_int_equal(
        sp_dpop_check(arena, make(arena, NULL, "{\"jti\":\"j2\"," HTM HTU IAT "}", jwk), &expectation, &other), SP_OK);
    assert_int_equal(one.fault, SP_DPOP_OK);
    assert_int_equal(other.fault, SP_DPOP_OK);
    assert_memory_equal(one.proof_id, same.proof_id, sizeof one.proof_id);
    assert_memory_not_equal(one.proof_id, other.proof_id, sizeof one.proof_id);
    sp_arena_destroy(&arena);
}

static void without_memory_nothing_is_decided(void **state)
{
    struct sp_arena *arena = sp_arena_create(1 << 20);
    struct sp_str proof = make(arena, NULL, NULL, jwk_of(arena, key, false));
    struct sp_dpop_expectation expectation = expectation_of(&rows[0]);
    unsigned failed = 0;
    (void)state;
    for (size_t bytes = 0;; bytes += 16) {
        struct sp_arena *small = sp_arena_create(bytes);
        struct sp_dpop_result result = {.fault = SP_DPOP_JKT};
        enum sp_status status = sp_dpop_check(small, proof, &expectation, &result);
        sp_arena_destroy(&small);
        if (status == SP_OK) {
            assert_int_equal(result.fault, SP_DPOP_OK);
            break;
        }
        assert_int_equal(status, SP_NO_MEMORY);
        assert_int_equal(result.fault, SP_DPOP_JKT);
        failed++;
    }
    assert_true(failed > 10);
    sp_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_proofs_hold),
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(a_leeway_of_years_makes_no_proof_last),
        cmocka_unit_test(the_key_must_have_signed_it_and_be_public),
        cmocka_unit_test(the_key_must_be_the_tokens),
        cmocka_unit_test(what_is_no_jwt_is_no_proof),
        cmocka_unit_test(an_id_is_of_one_key_and_one_url),
        cmocka_unit_test(without_memory_nothing_is_decided),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
