/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the examination: whom the token is bound to: a DPoP key, a certificate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/exam_rows.h"

#include "core/jose/base64url.h"
#include "core/jose/jws.h"

static void need_certificate(struct exam_bench *b)
{
    b->requirements.mtls = SP_BINDING_REQUIRED;
}

static const unsigned char some_certificate[32] = {1, 2, 3};
static void show_certificate(struct exam_bench *b)
{
    need_certificate(b), b->possession.certificate_sha256 = some_certificate;
}

/* A proof by ED; `claims` without ath, which is put in. */
static void prove(struct exam_bench *b, const char *claims)
{
    struct sp_str jwk = exam_bench_jwk(b->arena, EXAM_ED, NULL, NULL, NULL), proof;
    unsigned char digest[32], thumbprint[32];
    char ath[43], jkt[43];
    assert_int_equal(sp_jwk_thumbprint(exam_keys[EXAM_ED], thumbprint), SP_OK);
    sp_base64url_encode_into(sp_str((const char *)thumbprint, 32), jkt);
    struct sp_str body = sp_arena_printf(b->arena, CLAIMS(",\"cnf\":{\"jkt\":\"%.43s\"}"), jkt);
    TOKEN(b) = exam_bench_sign(b, EXAM_E1, HEADER, body.at);
    sp_sha256(TOKEN(b), digest);
    sp_base64url_encode_into(sp_str((const char *)digest, 32), ath);
    struct sp_str header =
        sp_arena_printf(b->arena, "{\"typ\":\"dpop+jwt\",\"alg\":\"EdDSA\",\"jwk\":%.*s}", SP_STR_ARG(jwk));
    struct sp_str payload = sp_arena_printf(b->arena, "{\"ath\":\"%.43s\",%s}", ath, claims);
    assert_int_equal(sp_jws_sign(b->arena, exam_keys[EXAM_ED], SP_ALGORITHM_EDDSA, header, payload, &proof), SP_OK);
    b->possession.dpop_proof = proof;
    b->possession.scheme_is_dpop = true;
}
#define PROOF(htm, htu, iat) "\"jti\":\"j1\",\"htm\":\"" htm "\",\"htu\":\"" htu "\",\"iat\":" iat
#define URL "https://api.example.com/v1/photos"
static void prove_well(struct exam_bench *b)
{
    prove(b, PROOF("GET", URL, "1700000000"));
}

static void prove_and_send_as_bearer(struct exam_bench *b)
{
    prove_well(b), b->possession.scheme_is_dpop = false;
}

static void prove_other_method(struct exam_bench *b)
{
    prove(b, PROOF("POST", URL, "1700000000"));
}

static void prove_other_path(struct exam_bench *b)
{
    prove(b, PROOF("GET", URL "/1", "1700000000"));
}

static void prove_behind_proxy(struct exam_bench *b)
{
    prove(b, PROOF("GET", "http://10.0.0.1:8080/v1/photos", "1700000000"));
}

static void prove_late(struct exam_bench *b)
{
    prove(b, PROOF("GET", URL, "1699990000"));
}

static void know_good_clock(struct exam_bench *b)
{
    b->issuers[0].known.clock_skew_known = true;
    b->issuers[0].known.clock_skew_s = 1;
}

static void prove_by_fast_clock(struct exam_bench *b)
{
    know_good_clock(b), prove(b, PROOF("GET", URL, "1700000600"));
}

/* The token is of 1699999940: its proof cannot be older. */
static void prove_by_slow_clock(struct exam_bench *b)
{
    know_good_clock(b), prove(b, PROOF("GET", URL, "1699999100"));
}

/* Old, and of a time when the token was not there, but nobody vouches for our clock. */
static void prove_by_some_clock(struct exam_bench *b)
{
    exam_bench_know_skew(b), prove(b, PROOF("GET", URL, "1699999100"));
}

static void prove_of_long_ago(struct exam_bench *b)
{
    know_good_clock(b), prove(b, PROOF("GET", URL, "1"));
}

static void prove_again(struct exam_bench *b)
{
    prove_well(b), b->is_replay = true;
}

static void prove_without_nonce(struct exam_bench *b)
{
    prove_well(b), b->possession.expected_nonce = SP_STR("n");
}

static void prove_unbound(struct exam_bench *b)
{
    prove_well(b), TOKEN(b) = exam_bench_sign(b, EXAM_E1, HEADER, CLAIMS(""));
}

static void prove_bound_to_number(struct exam_bench *b)
{
    prove_well(b), TOKEN(b) = exam_bench_sign(b, EXAM_E1, HEADER, CLAIMS(",\"cnf\":7"));
}

static void look_at_certificates(struct exam_bench *b)
{
    b->requirements.dpop = SP_BINDING_OFF;
}

static void look_at_no_binding(struct exam_bench *b)
{
    b->requirements.dpop = b->requirements.mtls = SP_BINDING_OFF;
}

static void have_it_alone(struct exam_bench *b)
{
    b->input.possession_unknown = true;
}

static void paste_as_bearer(struct exam_bench *b)
{
    have_it_alone(b), b->input.scheme_is_bearer = true;
}

const struct exam_row exam_binding_rows[] = {
    {"a bound token with its proof", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(""), prove_well, SP_CAUSE_NONE},
    {"a bound token as bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER, CLAIMS(",\"cnf\":{\"jkt\":\"x\"}"),
     NULL, SP_CAUSE_NONE},
    {"a token bound to a key that is no text, as bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":{\"jkt\":7}"), NULL, SP_CAUSE_NONE},
    {"a token whose cnf is a text, as bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER, CLAIMS(",\"cnf\":\"x\""),
     NULL, SP_CAUSE_NONE},
    {"a token whose cnf is a list, as bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":[{\"jkt\":\"x\"}]"), NULL, SP_CAUSE_NONE},
    {"a token whose cnf is a number, with a proof", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""),
     prove_bound_to_number, SP_CAUSE_NONE},
    {"a token whose cnf is false, pasted with the scheme Bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":false"), paste_as_bearer, SP_CAUSE_NONE},
    {"a token whose cnf is null, as bearer", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(",\"cnf\":null"), NULL,
     SP_CAUSE_NONE},
    {"a token whose cnf names neither key nor certificate", SP_CAUSE_NONE, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":{\"kid\":\"x\"}"), NULL, SP_CAUSE_NONE},
    {"a token whose cnf is a text, where certificates alone are looked at", SP_CAUSE_BINDING_MTLS_MISSING, EXAM_E1,
     HEADER, CLAIMS(",\"cnf\":\"x\""), look_at_certificates, SP_CAUSE_NONE},
    {"a token whose cnf is a text, where bindings are not looked at", SP_CAUSE_NONE, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":\"x\""), look_at_no_binding, SP_CAUSE_NONE},
    {"a bound token pasted with the scheme Bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":{\"jkt\":\"x\"}"), paste_as_bearer, SP_CAUSE_NONE},
    {"a bound token by itself", SP_CAUSE_NONE, EXAM_E1, HEADER, CLAIMS(",\"cnf\":{\"jkt\":\"x\"}"), have_it_alone,
     SP_CAUSE_NONE},
    {"a proof with the scheme Bearer", SP_CAUSE_BINDING_DPOP_MISSING, EXAM_E1, HEADER, CLAIMS(""),
     prove_and_send_as_bearer, SP_CAUSE_NONE},
    {"a proof for another method", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""), prove_other_method,
     SP_CAUSE_NONE},
    {"a proof for another path", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""), prove_other_path,
     SP_CAUSE_NONE},
    {"a proof by a clock that is fast", SP_CAUSE_CLOCK_CLIENT_DEVICE, EXAM_E1, HEADER, CLAIMS(""), prove_by_fast_clock,
     SP_CAUSE_NONE},
    {"a proof by a clock that is slow", SP_CAUSE_CLOCK_CLIENT_DEVICE, EXAM_E1, HEADER, CLAIMS(""), prove_by_slow_clock,
     SP_CAUSE_NONE},
    {"a proof of another time, our clock being in doubt", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""),
     prove_by_some_clock, SP_CAUSE_NONE},
    {"a proof of long ago", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""), prove_of_long_ago,
     SP_CAUSE_NONE},
    {"a proof that is old", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""), prove_late, SP_CAUSE_NONE},
    {"a proof with a token that is not bound", SP_CAUSE_BINDING_DPOP_INVALID, EXAM_E1, HEADER, CLAIMS(""),
     prove_unbound, SP_CAUSE_NONE},
    {"a proof for what a proxy hides", SP_CAUSE_BINDING_DPOP_HTU_PROXY, EXAM_E1, HEADER, CLAIMS(""), prove_behind_proxy,
     SP_CAUSE_NONE},
    {"a proof seen before", SP_CAUSE_BINDING_DPOP_REPLAYED, EXAM_E1, HEADER, CLAIMS(""), prove_again, SP_CAUSE_NONE},
    {"a proof without the nonce", SP_CAUSE_BINDING_DPOP_NONCE, EXAM_E1, HEADER, CLAIMS(""), prove_without_nonce,
     SP_CAUSE_NONE},
    {"no certificate", SP_CAUSE_BINDING_MTLS_MISSING, EXAM_E1, HEADER, CLAIMS(""), need_certificate, SP_CAUSE_NONE},
    {"another certificate", SP_CAUSE_BINDING_MTLS_MISMATCH, EXAM_E1, HEADER, CLAIMS(",\"cnf\":{\"x5t#S256\":\"A\"}"),
     show_certificate, SP_CAUSE_NONE},
    {"a certificate where the bound one is no text", SP_CAUSE_BINDING_MTLS_MISMATCH, EXAM_E1, HEADER,
     CLAIMS(",\"cnf\":{\"x5t#S256\":{}}"), show_certificate, SP_CAUSE_NONE},
};
const size_t exam_binding_row_count = sizeof exam_binding_rows / sizeof exam_binding_rows[0];
