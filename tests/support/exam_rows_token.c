/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the examination: what is presented, and how it is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/support/exam_rows.h"

#include "core/base/limits.h"
#include "core/jose/base64url.h"
#include "core/jose/jws.h"

static void wrap(struct exam_bench *b, const char *before, const char *after)
{
    TOKEN(b) = sp_arena_printf(b->arena, "%s%.*s%s", before, SP_STR_ARG(TOKEN(b)), after);
}

static void empty(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("");
}

static void repeat_scheme(struct exam_bench *b)
{
    wrap(b, "Bearer ", "");
}

static void quote(struct exam_bench *b)
{
    wrap(b, "\"", "\"");
}

static void bracket(struct exam_bench *b)
{
    wrap(b, "<", ">");
}

static void break_line(struct exam_bench *b)
{
    wrap(b, "", "\n");
}

static void put_no_break(struct exam_bench *b)
{
    struct sp_str t = TOKEN(b);
    TOKEN(b) = sp_arena_printf(b->arena, "%.40s\xc2\xa0%s", t.at, t.at + 40);
}

static void put_mark(struct exam_bench *b)
{
    TOKEN(b) = sp_arena_printf(b->arena, "\xef\xbb\xbf%.*s", SP_STR_ARG(TOKEN(b)));
}

static void put_nul(struct exam_bench *b)
{
    *(char *)(uintptr_t)(TOKEN(b).at + 9) = '\0';
}

static void url_encode(struct exam_bench *b)
{
    struct sp_str t = TOKEN(b);
    size_t dot = sp_str_index_of(t, '.', 0);
    TOKEN(b) = sp_arena_printf(b->arena, "%.*s%%2E%.*s", (int)dot, t.at, (int)(t.len - dot - 1), t.at + dot + 1);
}

static void pad(struct exam_bench *b)
{
    wrap(b, "", "=");
}

static void cut_signature(struct exam_bench *b)
{
    TOKEN(b).len -= 20;
}

static void cut_payload(struct exam_bench *b)
{
    TOKEN(b).len = sp_str_index_of(TOKEN(b), '.', 80) - 10;
}

static void cut_header(struct exam_bench *b)
{
    TOKEN(b).len = 20;
}

static void add_segment(struct exam_bench *b)
{
    wrap(b, "", ".x");
}

static void be_garbage(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("????");
}

static void be_array(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("W10.W10.AAAA");
}

static void be_dots(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("..");
}

static void be_response(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("{\"access_token\":\"x\",\"token_type\":\"Bearer\"}");
}

static void be_jwe(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..a.b.c");
}

static void be_google_refresh(struct exam_bench *b)
{
    TOKEN(b) = SP_STR("1//0gabcdef");
}

static void be_huge(struct exam_bench *b)
{
    char *at = sp_arena_alloc(b->arena, 100000);
    memset(at, 'a', 100000);
    TOKEN(b) = sp_str(at, 100000);
}

static void need_type(struct exam_bench *b)
{
    b->terms[0].require_type = true;
}

static void be_unsigned(struct exam_bench *b)
{
    TOKEN(b).len = sp_str_index_of(TOKEN(b), '.', sp_str_index_of(TOKEN(b), '.', 0) + 1) + 1;
}

static void allow_rsa_only(struct exam_bench *b)
{
    b->terms[0].algorithms = sp_algorithm_bit(SP_ALGORITHM_RS256);
}

static void allow_hmac(struct exam_bench *b)
{
    b->terms[0].algorithms = sp_algorithms_symmetric();
    b->issuers[0].known.keys = exam_secret_set;
}

static void shorten_secret(struct exam_bench *b)
{
    struct sp_str token;
    allow_hmac(b);
    b->issuers[0].known.keys = exam_short_secret_set;
    assert_int_equal(sp_jws_sign(b->arena, exam_short_secret_set->keys[0].key, SP_ALGORITHM_HS256,
                                 SP_STR("{\"alg\":\"HS256\"}"), SP_STR(CLAIMS("")), &token),
                     SP_OK);
    TOKEN(b) = token;
}

/* HMAC with the EXAM_RSA key's bytes, as the attack has it. */
static void confuse_with(struct exam_bench *b, enum sp_public_form form)
{
    struct sp_str bytes, token;
    struct sp_key *mac = NULL;
    assert_int_equal(sp_key_export_public(exam_keys[EXAM_RSA], form, b->arena, &bytes), SP_OK);
    assert_int_equal(sp_key_import(&(struct sp_key_parts){.type = SP_KEY_TYPE_OCT, .k = bytes}, &mac), SP_OK);
    assert_int_equal(sp_jws_sign(b->arena, mac, SP_ALGORITHM_HS256, SP_STR("{\"alg\":\"HS256\",\"kid\":\"r1\"}"),
                                 SP_STR(CLAIMS("")), &token),
                     SP_OK);
    sp_key_destroy(&mac);
    TOKEN(b) = token;
}

static void confuse(struct exam_bench *b)
{
    confuse_with(b, SP_PUBLIC_PEM);
}

static void confuse_pkcs1_pem(struct exam_bench *b)
{
    confuse_with(b, SP_PUBLIC_RSA_PEM);
}

static void confuse_pkcs1_der(struct exam_bench *b)
{
    confuse_with(b, SP_PUBLIC_RSA_DER);
}

/* HS256 is on the list, and the issuer publishes public keys all the same. */
static void list_hmac(struct exam_bench *b)
{
    b->terms[0].algorithms |= sp_algorithm_bit(SP_ALGORITHM_HS256);
}

static void use_other_encoding(struct exam_bench *b)
{
    allow_hmac(b);
    b->issuers[0].known.keys = exam_short_secret_set;
    b->issuers[0].known.secret_encodings = exam_encodings_set;
}

/* DER of the good signature. */
static void encode_der(struct exam_bench *b)
{
    struct sp_str t = TOKEN(b), raw, text;
    size_t dot = sp_str_index_of(t, '.', sp_str_index_of(t, '.', 0) + 1);
    unsigned char der[80];
    size_t at = 2;
    assert_int_equal(sp_base64url_decode(b->arena, sp_str_slice(t, dot + 1, t.len), &raw), SP_OK);
    for (size_t part = 0; part < 2; part++) {
        const unsigned char *n = (const unsigned char *)raw.at + 32 * part;
        size_t len = 32;
        for (; len > 1 && *n == 0; n++)
            len--;
        der[at++] = 2;
        der[at++] = (unsigned char)(len + (*n >> 7));
        if (*n >> 7)
            der[at++] = 0;
        memcpy(der + at, n, len);
        at += len;
    }
    der[0] = 0x30;
    der[1] = (unsigned char)(at - 2);
    assert_int_equal(sp_base64url_encode(b->arena, sp_str((const char *)der, at), &text), SP_OK);
    TOKEN(b) = sp_arena_printf(b->arena, "%.*s.%.*s", (int)dot, t.at, SP_STR_ARG(text));
}

/* Entra: signed over the hashed nonce, sent with the plain one. */
static void be_graph(struct exam_bench *b)
{
    unsigned char digest[32];
    char hashed[43], header[200];
    struct sp_str plain;
    sp_sha256(SP_STR("n0nce"), digest);
    sp_base64url_encode_into(sp_str((const char *)digest, 32), hashed);
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"e1\",\"nonce\":\"%.43s\"}", hashed);
    struct sp_str t = exam_bench_sign(b, EXAM_E1, header, CLAIMS(""));
    assert_int_equal(
        sp_base64url_encode(b->arena, SP_STR("{\"alg\":\"ES256\",\"kid\":\"e1\",\"nonce\":\"n0nce\"}"), &plain), SP_OK);
    size_t dot = sp_str_index_of(t, '.', 0);
    TOKEN(b) = sp_arena_printf(b->arena, "%.*s%.*s", SP_STR_ARG(plain), (int)(t.len - dot), t.at + dot);
}

static void know_client(struct exam_bench *b)
{
    b->requirements.client_id = SP_STR("app");
}

const struct exam_row exam_token_rows[] = {
    {"a good token", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a good RSA token", SP_CAUSE_NONE, EXAM_RSA, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"a good Ed25519 token", SP_CAUSE_NONE, EXAM_ED, "{\"alg\":\"EdDSA\",\"kid\":\"d1\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"a good token without kid", SP_CAUSE_NONE, EXAM_E2, "{\"alg\":\"ES256\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"nothing", SP_CAUSE_TOKEN_MISSING, EXAM_E1, HEADER, CLAIMS(""), empty, SP_CAUSE_NONE},
    {"Bearer twice", SP_CAUSE_TOKEN_MALFORMED_SCHEME_REPEATED, EXAM_E1, HEADER, CLAIMS(""), repeat_scheme,
     SP_CAUSE_NONE},
    {"in quotes", SP_CAUSE_TOKEN_MALFORMED_QUOTED, EXAM_E1, HEADER, CLAIMS(""), quote, SP_CAUSE_NONE},
    {"in brackets", SP_CAUSE_TOKEN_MALFORMED_QUOTED, EXAM_E1, HEADER, CLAIMS(""), bracket, SP_CAUSE_NONE},
    {"with a line end", SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, EXAM_E1, HEADER, CLAIMS(""), break_line, SP_CAUSE_NONE},
    {"with a no-break space", SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, EXAM_E1, HEADER, CLAIMS(""), put_no_break,
     SP_CAUSE_NONE},
    {"behind a byte order mark", SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, EXAM_E1, HEADER, CLAIMS(""), put_mark,
     SP_CAUSE_NONE},
    {"with a NUL", SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, EXAM_E1, HEADER, CLAIMS(""), put_nul, SP_CAUSE_NONE},
    {"URL-encoded", SP_CAUSE_TOKEN_MALFORMED_URL_ENCODED, EXAM_E1, HEADER, CLAIMS(""), url_encode, SP_CAUSE_NONE},
    {"padded", SP_CAUSE_TOKEN_MALFORMED_PADDING, EXAM_E1, HEADER, CLAIMS(""), pad, SP_CAUSE_NONE},
    {"cut in its signature", SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, EXAM_E1, HEADER, CLAIMS(""), cut_signature,
     SP_CAUSE_NONE},
    {"cut in its payload", SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, EXAM_E1, HEADER, CLAIMS(""), cut_payload, SP_CAUSE_NONE},
    {"cut in its header", SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, EXAM_E1, HEADER, CLAIMS(""), cut_header, SP_CAUSE_NONE},
    {"four segments", SP_CAUSE_TOKEN_MALFORMED_SEGMENTS, EXAM_E1, HEADER, CLAIMS(""), add_segment, SP_CAUSE_NONE},
    {"garbage", SP_CAUSE_TOKEN_MALFORMED_SEGMENTS, EXAM_E1, HEADER, CLAIMS(""), be_garbage, SP_CAUSE_NONE},
    {"an array as header", SP_CAUSE_TOKEN_MALFORMED_JSON, EXAM_E1, HEADER, CLAIMS(""), be_array, SP_CAUSE_NONE},
    {"two dots", SP_CAUSE_TOKEN_MALFORMED_JSON, EXAM_E1, HEADER, CLAIMS(""), be_dots, SP_CAUSE_NONE},
    {"claims with bytes that are no UTF-8", SP_CAUSE_TOKEN_MALFORMED_JSON, EXAM_E1, HEADER, CLAIMS(",\"x\":\"\xff\""),
     NULL, SP_CAUSE_NONE},
    {"an issuer twice", SP_CAUSE_TOKEN_MALFORMED_DUPLICATE_MEMBER, EXAM_E1, HEADER, CLAIMS(",\"iss\":\"x\""), NULL,
     SP_CAUSE_NONE},
    {"an alg twice", SP_CAUSE_TOKEN_MALFORMED_DUPLICATE_MEMBER, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"alg\":\"none\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a token response", SP_CAUSE_TOKEN_MALFORMED_RESPONSE_BODY, EXAM_E1, HEADER, CLAIMS(""), be_response,
     SP_CAUSE_NONE},
    {"an opaque token", SP_CAUSE_TOKEN_OPAQUE, EXAM_E1, HEADER, CLAIMS(""), exam_bench_be_opaque, SP_CAUSE_NONE},
    {"an encrypted token", SP_CAUSE_TOKEN_ENCRYPTED, EXAM_E1, HEADER, CLAIMS(""), be_jwe, SP_CAUSE_NONE},
    {"an ID token by its nonce", SP_CAUSE_TOKEN_KIND_ID_TOKEN, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     CLAIMS(",\"nonce\":\"n\""), NULL, SP_CAUSE_NONE},
    {"an ID token by its nonce, whatever it grants", SP_CAUSE_TOKEN_KIND_ID_TOKEN, EXAM_E1, HEADER,
     CLAIMS(",\"nonce\":\"n\",\"scope\":\"x\""), NULL, SP_CAUSE_NONE},
    {"Keycloak's access token with the login's nonce", SP_CAUSE_NONE, EXAM_E1, HEADER,
     CLAIMS(",\"nonce\":\"n\",\"typ\":\"Bearer\",\"scope\":\"x\""), NULL, SP_CAUSE_NONE},
    {"Microsoft's access token with the login's nonce", SP_CAUSE_NONE, EXAM_E1, HEADER,
     CLAIMS(",\"nonce\":\"n\",\"scp\":\"x\""), NULL, SP_CAUSE_NONE},
    {"ForgeRock's access token with the login's nonce", SP_CAUSE_NONE, EXAM_E1, HEADER,
     CLAIMS(",\"nonce\":\"n\",\"tokenName\":\"access_token\",\"token_type\":\"Bearer\",\"scope\":[\"x\"]"), NULL,
     SP_CAUSE_NONE},
    {"an ID token by at_hash", SP_CAUSE_TOKEN_KIND_ID_TOKEN, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     WITH_AUDIENCE("\"app\"", ",\"at_hash\":\"x\",\"azp\":\"app\""), NULL, SP_CAUSE_NONE},
    {"an ID token by its audience", SP_CAUSE_TOKEN_KIND_ID_TOKEN, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     "{\"iss\":\"" ISSUER "\",\"aud\":\"app\",\"exp\":1700000600}", know_client, SP_CAUSE_NONE},
    {"Keycloak's refresh token", SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, EXAM_E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     CLAIMS(",\"typ\":\"Refresh\""), NULL, SP_CAUSE_NONE},
    {"a refresh token by token_type", SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, EXAM_E1, HEADER,
     CLAIMS(",\"token_type\":\"refresh\""), NULL, SP_CAUSE_NONE},
    {"a refresh token by type", SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, EXAM_E1, HEADER, CLAIMS(",\"type\":\"refresh\""),
     NULL, SP_CAUSE_NONE},
    {"a credential", SP_CAUSE_TOKEN_KIND_TYPE_HEADER, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"vc+sd-jwt\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"Google's refresh token", SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, EXAM_E1, HEADER, CLAIMS(""), be_google_refresh,
     SP_CAUSE_NONE},
    {"a logout token", SP_CAUSE_TOKEN_KIND_TYPE_HEADER, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"logout+jwt\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"no at+jwt where needed", SP_CAUSE_TOKEN_KIND_TYPE_HEADER, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"JWT\"}", CLAIMS(""), need_type, SP_CAUSE_NONE},
    {"an ID token where at+jwt is needed", SP_CAUSE_TOKEN_KIND_ID_TOKEN, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"JWT\"}", CLAIMS(",\"at_hash\":\"x\""), need_type, SP_CAUSE_NONE},
    {"a critical extension", SP_CAUSE_TOKEN_CRITICAL_HEADER, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"100 kB", SP_CAUSE_TOKEN_TOO_LARGE, EXAM_E1, HEADER, CLAIMS(""), be_huge, SP_CAUSE_NONE},
    {"alg none", SP_CAUSE_ALGORITHM_NONE, EXAM_E1, "{\"alg\":\"none\"}", CLAIMS(""), be_unsigned, SP_CAUSE_NONE},
    {"alg NoNe with a signature", SP_CAUSE_ALGORITHM_NONE, EXAM_E1, "{\"alg\":\"NoNe\",\"kid\":\"e1\"}", CLAIMS(""),
     NULL, SP_CAUSE_NONE},
    {"an algorithm that is not allowed", SP_CAUSE_ALGORITHM_NOT_ALLOWED, EXAM_E1, HEADER, CLAIMS(""), allow_rsa_only,
     SP_CAUSE_NONE},
    {"no alg", SP_CAUSE_ALGORITHM_NOT_ALLOWED, EXAM_E1, "{\"kid\":\"e1\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"alg that is no text", SP_CAUSE_ALGORITHM_NOT_ALLOWED, EXAM_E1, "{\"alg\":[\"ES256\"],\"kid\":\"e1\"}", CLAIMS(""),
     NULL, SP_CAUSE_NONE},
    {"HS256 of an unknown secret", SP_CAUSE_ALGORITHM_SYMMETRIC, EXAM_SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"HS256 allowed beside public keys", SP_CAUSE_ALGORITHM_SYMMETRIC, EXAM_SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""),
     list_hmac, SP_CAUSE_NONE},
    {"the public key as a secret", SP_CAUSE_ALGORITHM_KEY_CONFUSION, EXAM_E1, HEADER, CLAIMS(""), confuse,
     SP_CAUSE_NONE},
    {"the public key's PKCS #1 text as a secret", SP_CAUSE_ALGORITHM_KEY_CONFUSION, EXAM_E1, HEADER, CLAIMS(""),
     confuse_pkcs1_pem, SP_CAUSE_NONE},
    {"the public key's PKCS #1 bytes as a secret", SP_CAUSE_ALGORITHM_KEY_CONFUSION, EXAM_E1, HEADER, CLAIMS(""),
     confuse_pkcs1_der, SP_CAUSE_NONE},
    {"the kid of a key of another type", SP_CAUSE_ALGORITHM_KEY_TYPE_MISMATCH, EXAM_E1,
     "{\"alg\":\"ES256\",\"kid\":\"r1\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"altered claims", SP_CAUSE_SIGNATURE_INVALID, EXAM_E1, HEADER, CLAIMS(",\"name\":\"AAAAAAAAAAAAAAAAAAAAAAAA\""),
     exam_bench_alter, SP_CAUSE_NONE},
    {"the kid of another key", SP_CAUSE_SIGNATURE_OTHER_KEY, EXAM_E2, HEADER, CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"signed by the other issuer", SP_CAUSE_SIGNATURE_OTHER_ISSUER_KEY, EXAM_E3, HEADER, CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"a DER signature", SP_CAUSE_SIGNATURE_DER_ENCODED, EXAM_E1, HEADER, CLAIMS(""), encode_der, SP_CAUSE_NONE},
    {"the secret decoded otherwise", SP_CAUSE_SIGNATURE_SECRET_ENCODING, EXAM_SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""),
     use_other_encoding, SP_CAUSE_NONE},
    {"Microsoft Graph's nonce", SP_CAUSE_SIGNATURE_GRAPH_NONCE, EXAM_E1, HEADER, CLAIMS(""), be_graph, SP_CAUSE_NONE},
    {"a good HS256 token", SP_CAUSE_NONE, EXAM_SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""), allow_hmac, SP_CAUSE_NONE},
    {"a short secret", SP_CAUSE_KEYS_WEAK, EXAM_E1, HEADER, CLAIMS(""), shorten_secret, SP_CAUSE_NONE},
};
const size_t exam_token_row_count = sizeof exam_token_rows / sizeof exam_token_rows[0];
