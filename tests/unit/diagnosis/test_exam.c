/* SPDX-License-Identifier: Apache-2.0 */
/* One row a cause: a token that is really signed, what is configured and known, and what the examination must name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/base/limits.h"
#include "core/diagnosis/exam.h"
#include "core/jose/base64url.h"
#include "core/jose/jws.h"
#include "core/oauth/dpop_proof.h"

#define NOW 1700000000
#define ISSUER "https://idp.example.com/realms/a"
#define API "https://api.example.com/v1"
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"at+jwt\"}"
#define CLAIMS(rest)                                                                                                   \
    "{\"iss\":\"" ISSUER "\",\"sub\":\"u\",\"aud\":\"" API "\",\"exp\":1700000600,\"iat\":1699999940" rest "}"
#define WITH_ISSUER(iss) "{\"iss\":\"" iss "\",\"aud\":\"" API "\",\"exp\":1700000600,\"iat\":1699999940}"
#define WITH_AUDIENCE(aud, rest) "{\"iss\":\"" ISSUER "\",\"aud\":" aud ",\"exp\":1700000600,\"scope\":\"x\"" rest "}"
#define WITH_TIMES(times) "{\"iss\":\"" ISSUER "\",\"aud\":\"" API "\"" times "}"

/* ---- keys: made once ---- */

enum { E1, E2, E3, RSA, ED, SECRET, KEY_COUNT };
static struct sp_key *keys[KEY_COUNT];
static struct sp_jwk_set *corp_set, *partner_set, *secret_set, *short_secret_set, *encodings_set;

/* ---- what a row may change ---- */

struct bench {
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

static const uint16_t first_issuer = 0, both_issuers[] = {0, 1};
static const struct sp_str api_audience[] = {{API, sizeof API - 1}};

static void set_up(struct bench *bench, struct sp_arena *arena)
{
    *bench = (struct bench){.arena = arena};
    bench->terms[0] = (struct sp_issuer_terms){.name = SP_STR("corp"),
                                               .issuer = SP_STR(ISSUER),
                                               .algorithms = sp_algorithms_asymmetric(),
                                               .leeway_s = 30,
                                               .heals = true};
    bench->terms[1] = (struct sp_issuer_terms){.name = SP_STR("partner"),
                                               .issuer = SP_STR("https://staging.example.com/realms/a"),
                                               .algorithms = sp_algorithms_asymmetric(),
                                               .environment = SP_STR("staging")};
    bench->issuers[0] = (struct sp_known_issuer){&bench->terms[0], {.keys = corp_set}};
    bench->issuers[1] = (struct sp_known_issuer){&bench->terms[1], {.keys = partner_set}};
    bench->audiences[0] = (struct sp_api_audience){SP_STR("videos"), SP_STR("https://videos.example.com")};
    bench->world = (struct sp_world){bench->issuers, 2, bench->audiences, 1};
    bench->requirements = (struct sp_requirements){
        .api = SP_STR("photos"), .issuers = &first_issuer, .issuer_count = 1, .audiences = {api_audience, 1}};
    bench->possession =
        (struct sp_possession){.method = SP_STR("GET"), .url = SP_STR("https://api.example.com/v1/photos")};
    bench->input = (struct sp_exam_input){
        .requirements = &bench->requirements, .world = &bench->world, .possession = &bench->possession, .now = NOW};
}

static struct sp_str sign(struct bench *bench, int key, const char *header, const char *claims)
{
    static const enum sp_algorithm algorithms[] = {SP_ALGORITHM_ES256, SP_ALGORITHM_ES256, SP_ALGORITHM_ES256,
                                                   SP_ALGORITHM_RS256, SP_ALGORITHM_EDDSA, SP_ALGORITHM_HS256};
    struct sp_str token;
    assert_int_equal(sp_jws_sign(bench->arena, keys[key], algorithms[key], sp_str_from_cstr(header),
                                 sp_str_from_cstr(claims), &token),
                     SP_OK);
    return token;
}

static const struct sp_verdict *run(struct bench *bench)
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

/* ---- how rows change the bench ---- */

static struct sp_jwk_set *set_of(const char *json)
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

/* A set that lives as long as the bench's arena. */
static void use_set(struct bench *bench, const char *json)
{
    struct sp_jwk_set *set = set_of(json);
    bench->issuers[0].known.keys = set;
    bench->issuers[0].known.refetched = true;
    assert_int_equal(sp_arena_defer(bench->arena, release_set, set), SP_OK);
}

static struct sp_str jwk_of(struct sp_arena *arena, int key, const char *kid, const char *use, const char *alg)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, arena, 1 << 16);
    sp_json_writer_init(&writer, &buffer, false);
    assert_int_equal(sp_jwk_write(&writer, keys[key], sp_str_from_cstr(kid), sp_str_from_cstr(use),
                                  sp_str_from_cstr(alg), key == SECRET),
                     SP_OK);
    return sp_buffer_str(&buffer);
}

#define TOKEN(b) ((b)->input.token)
static void wrap(struct bench *b, const char *before, const char *after)
{
    TOKEN(b) = sp_arena_printf(b->arena, "%s%.*s%s", before, SP_STR_ARG(TOKEN(b)), after);
}
static void empty(struct bench *b)
{
    TOKEN(b) = SP_STR("");
}
static void repeat_scheme(struct bench *b)
{
    wrap(b, "Bearer ", "");
}
static void quote(struct bench *b)
{
    wrap(b, "\"", "\"");
}
static void bracket(struct bench *b)
{
    wrap(b, "<", ">");
}
static void break_line(struct bench *b)
{
    wrap(b, "", "\n");
}
static void put_nul(struct bench *b)
{
    *(char *)(uintptr_t)(TOKEN(b).at + 9) = '\0';
}
static void url_encode(struct bench *b)
{
    struct sp_str t = TOKEN(b);
    size_t dot = sp_str_index_of(t, '.', 0);
    TOKEN(b) = sp_arena_printf(b->arena, "%.*s%%2E%.*s", (int)dot, t.at, (int)(t.len - dot - 1), t.at + dot + 1);
}
static void pad(struct bench *b)
{
    wrap(b, "", "=");
}
static void cut_signature(struct bench *b)
{
    TOKEN(b).len -= 20;
}
static void cut_payload(struct bench *b)
{
    TOKEN(b).len = sp_str_index_of(TOKEN(b), '.', 80) - 10;
}
static void cut_header(struct bench *b)
{
    TOKEN(b).len = 20;
}
static void add_segment(struct bench *b)
{
    wrap(b, "", ".x");
}
static void be_garbage(struct bench *b)
{
    TOKEN(b) = SP_STR("????");
}
static void be_array(struct bench *b)
{
    TOKEN(b) = SP_STR("W10.W10.AAAA");
}
static void be_dots(struct bench *b)
{
    TOKEN(b) = SP_STR("..");
}
static void be_response(struct bench *b)
{
    TOKEN(b) = SP_STR("{\"access_token\":\"x\",\"token_type\":\"Bearer\"}");
}
static void be_opaque(struct bench *b)
{
    TOKEN(b) = SP_STR("8xLOxBtZp8");
}
static void be_jwe(struct bench *b)
{
    TOKEN(b) = SP_STR("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..a.b.c");
}
static void be_google_refresh(struct bench *b)
{
    TOKEN(b) = SP_STR("1//0gabcdef");
}
static void be_huge(struct bench *b)
{
    char *at = sp_arena_alloc(b->arena, 100000);
    memset(at, 'a', 100000);
    TOKEN(b) = sp_str(at, 100000);
}
static void need_type(struct bench *b)
{
    b->terms[0].require_type = true;
}
static void be_unsigned(struct bench *b)
{
    TOKEN(b).len = sp_str_index_of(TOKEN(b), '.', sp_str_index_of(TOKEN(b), '.', 0) + 1) + 1;
}
static void allow_rsa_only(struct bench *b)
{
    b->terms[0].algorithms = sp_algorithm_bit(SP_ALGORITHM_RS256);
}
static void allow_hmac(struct bench *b)
{
    b->terms[0].algorithms = sp_algorithms_symmetric();
    b->issuers[0].known.keys = secret_set;
}
static void shorten_secret(struct bench *b)
{
    struct sp_str token;
    allow_hmac(b);
    b->issuers[0].known.keys = short_secret_set;
    assert_int_equal(sp_jws_sign(b->arena, short_secret_set->keys[0].key, SP_ALGORITHM_HS256,
                                 SP_STR("{\"alg\":\"HS256\"}"), SP_STR(CLAIMS("")), &token),
                     SP_OK);
    TOKEN(b) = token;
}
/* HMAC with the RSA key's PEM, as the attack has it. */
static void confuse(struct bench *b)
{
    struct sp_str pem, token;
    struct sp_key *mac = NULL;
    assert_int_equal(sp_key_export_public(keys[RSA], true, b->arena, &pem), SP_OK);
    assert_int_equal(sp_key_import(&(struct sp_key_parts){.type = SP_KEY_TYPE_OCT, .k = pem}, &mac), SP_OK);
    assert_int_equal(sp_jws_sign(b->arena, mac, SP_ALGORITHM_HS256, SP_STR("{\"alg\":\"HS256\",\"kid\":\"r1\"}"),
                                 SP_STR(CLAIMS("")), &token),
                     SP_OK);
    sp_key_destroy(&mac);
    TOKEN(b) = token;
}
static void alter(struct bench *b)
{
    char *at = (char *)(uintptr_t)TOKEN(b).at + sp_str_index_of(TOKEN(b), '.', 70) + 8;
    *at = *at == 'A' ? 'B' : 'A';
}
static void use_other_encoding(struct bench *b)
{
    allow_hmac(b);
    b->issuers[0].known.keys = short_secret_set;
    b->issuers[0].known.secret_encodings = encodings_set;
}
/* DER of the good signature. */
static void encode_der(struct bench *b)
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
static void be_graph(struct bench *b)
{
    unsigned char digest[32];
    char hashed[43], header[200];
    struct sp_str plain;
    sp_sha256(SP_STR("n0nce"), digest);
    sp_base64url_encode_into(sp_str((const char *)digest, 32), hashed);
    snprintf(header, sizeof header, "{\"alg\":\"ES256\",\"kid\":\"e1\",\"nonce\":\"%.43s\"}", hashed);
    struct sp_str t = sign(b, E1, header, CLAIMS(""));
    assert_int_equal(
        sp_base64url_encode(b->arena, SP_STR("{\"alg\":\"ES256\",\"kid\":\"e1\",\"nonce\":\"n0nce\"}"), &plain), SP_OK);
    size_t dot = sp_str_index_of(t, '.', 0);
    TOKEN(b) = sp_arena_printf(b->arena, "%.*s%.*s", SP_STR_ARG(plain), (int)(t.len - dot), t.at + dot);
}
static const struct sp_str earlier_kids[] = {{"gone", 4}};
static void know_earlier_kids(struct bench *b)
{
    b->issuers[0].known.previous_kids = (struct sp_str_list){earlier_kids, 1};
    b->issuers[0].known.refetched = true;
}
static void rotate(struct bench *b)
{
    b->later = b->issuers[0];
    b->later.known.refetched = true;
    b->has_later = true;
    b->issuers[0].known.keys = partner_set;
    b->world.issuer_count = 1;
}
static void rotate_unhealed(struct bench *b)
{
    b->terms[0].heals = false;
    b->issuers[0].known.unadopted_keys = corp_set;
    b->issuers[0].known.keys = partner_set;
    b->world.issuer_count = 1;
}
static void replace_keys(struct bench *b)
{
    b->issuers[0].known.old_keys = corp_set;
    b->issuers[0].known.keys = partner_set;
    b->issuers[0].known.refetched = true;
    b->world.issuer_count = 1;
}
static void be_okta_org(struct bench *b)
{
    b->terms[0].issuer = SP_STR("https://acme.okta.com");
}
static void duplicate_kid(struct bench *b)
{
    struct sp_str one = jwk_of(b->arena, E1, "e1", "sig", "ES256"), two = jwk_of(b->arena, E2, "e1", "sig", "ES256");
    use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%.*s,%.*s]}", SP_STR_ARG(two), SP_STR_ARG(one)).at);
}
static void publish_for_encryption(struct bench *b)
{
    struct sp_str one = jwk_of(b->arena, E1, "e1", "enc", "ES256"), two = jwk_of(b->arena, E2, "e2", "sig", "ES256");
    use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%.*s,%.*s]}", SP_STR_ARG(one), SP_STR_ARG(two)).at);
}
static void publish_weak(struct bench *b)
{
    struct sp_str two = jwk_of(b->arena, E2, "e2", "sig", "ES256");
    use_set(b, sp_arena_printf(b->arena,
                               "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"e1\",\"n\":\"wAAB\",\"e\":\"AQAB\"},%.*s]}",
                               SP_STR_ARG(two))
                   .at);
}
static void publish_malformed(struct bench *b)
{
    struct sp_str two = jwk_of(b->arena, E2, "e2", "sig", "ES256");
    use_set(b,
            sp_arena_printf(b->arena, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e1\",\"x\":\"=\"},%.*s]}",
                            SP_STR_ARG(two))
                .at);
}
static void publish_unsupported(struct bench *b)
{
    struct sp_str two = jwk_of(b->arena, E2, "e2", "sig", "ES256");
    use_set(b, sp_arena_printf(b->arena, "{\"keys\":[{\"kty\":\"AKP\",\"kid\":\"e1\"},%.*s]}", SP_STR_ARG(two)).at);
}
static void publish_beside(struct bench *b, const char *member)
{
    struct sp_str one = jwk_of(b->arena, E1, "e1", "sig", "ES256");
    use_set(b, sp_arena_printf(b->arena, "{\"keys\":[%s,%.*s]}", member, SP_STR_ARG(one)).at);
    b->input.explain = true;
}
static void publish_beside_weak(struct bench *b)
{
    publish_beside(b, "{\"kty\":\"RSA\",\"kid\":\"w\",\"n\":\"wAAB\",\"e\":\"AQAB\"}");
}
static void publish_beside_malformed(struct bench *b)
{
    publish_beside(b, "{\"kty\":\"RSA\",\"kid\":\"m\"}");
}
static void publish_beside_unsupported(struct bench *b)
{
    publish_beside(b, "{\"kty\":\"AKP\",\"kid\":\"u\"}");
}
static void publish_nothing(struct bench *b)
{
    use_set(b, "{\"keys\":[]}");
}
static void publish_placeholder(struct bench *b)
{
    use_set(
        b, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"x\",\"n\":\"RXJyb3ItRmFpbGVkVG9GZXRjaEp3a3NVcmk\",\"e\":\"AQAB\"}]}");
}
static void publish_private(struct bench *b)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, b->arena, 1 << 16);
    sp_json_writer_init(&writer, &buffer, false);
    assert_int_equal(sp_jwk_write(&writer, keys[E1], SP_STR("e1"), SP_STR_NONE, SP_STR_NONE, true), SP_OK);
    sp_buffer_append_char(&buffer, '\0');
    use_set(b, sp_buffer_str(&buffer).at);
    b->input.explain = true;
}
static void know_no_keys(struct bench *b)
{
    b->issuers[0].known = (struct sp_issuer_knowledge){.failure = SP_CAUSE_KEYS_UNREACHABLE,
                                                       .failure_reason = SP_CAUSE_NETWORK_TCP_REFUSED,
                                                       .failure_detail = SP_STR("https://idp.example.com/keys"),
                                                       .refetched = true};
}
static void know_stale_keys(struct bench *b)
{
    b->issuers[0].known.stale_since = NOW - 100;
    b->issuers[0].known.stale_until = NOW + 100;
    b->issuers[0].known.failure = SP_CAUSE_KEYS_UNREACHABLE;
}
static void advertise_rsa(struct bench *b)
{
    b->issuers[0].known.advertised_algorithms = sp_algorithm_bit(SP_ALGORITHM_RS256);
}
#define EXPECT_ISSUER(name, text)                                                                                      \
    static void name(struct bench *b)                                                                                  \
    {                                                                                                                  \
        b->terms[0].issuer = SP_STR(text);                                                                             \
    }
EXPECT_ISSUER(expect_entra_v2, "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0")
EXPECT_ISSUER(expect_template, "https://login.microsoftonline.com/{tenantid}/v2.0")
EXPECT_ISSUER(expect_google, "https://accounts.google.com")
EXPECT_ISSUER(expect_adfs, "https://adfs.example.com/adfs")
EXPECT_ISSUER(expect_okta, "https://acme.okta.com/oauth2/default")
EXPECT_ISSUER(expect_cognito, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x")
static void know_skew(struct bench *b)
{
    b->issuers[0].known.clock_skew_known = true;
    b->issuers[0].known.clock_skew_s = -120;
}
static void know_skew_ahead(struct bench *b)
{
    b->issuers[0].known.clock_skew_known = true;
    b->issuers[0].known.clock_skew_s = 120;
}
static void limit_lifetime(struct bench *b)
{
    b->terms[0].max_lifetime_s = 300;
}
static const struct sp_str two_scopes[] = {{"read", 4}, {"write", 5}};
static void need_scopes(struct bench *b)
{
    b->requirements.scopes = (struct sp_str_list){two_scopes, 2};
}
static const struct sp_str admins[] = {{"admin", 5}};
static const struct sp_claim_rule role_rule[] = {{{"realm_access.role", 17}, {admins, 1}}};
static const struct sp_claim_rule group_rule[] = {{{"groups", 6}, {NULL, 0}}};
static void need_role(struct bench *b)
{
    b->requirements.claims = role_rule, b->requirements.claim_count = 1;
}
static void need_groups(struct bench *b)
{
    b->requirements.claims = group_rule, b->requirements.claim_count = 1;
}
static void need_email(struct bench *b)
{
    b->requirements.require_verified_email = true;
}
static void need_acr(struct bench *b)
{
    b->requirements.acr_values = (struct sp_str_list){admins, 1};
}
static void need_recent(struct bench *b)
{
    b->requirements.max_age_s = 60;
}
static void introspect(struct bench *b)
{
    b->terms[0].introspects = true;
    b->answer = "{\"active\":false}";
}
static void introspect_opaque(struct bench *b)
{
    introspect(b), be_opaque(b);
}
static void introspect_at_both(struct bench *b)
{
    introspect_opaque(b);
    b->terms[1].introspects = true;
    b->requirements.issuers = both_issuers;
    b->requirements.issuer_count = 2;
    b->second_answer = "{\"active\":false}";
}
static void introspect_active_at_second(struct bench *b)
{
    introspect_at_both(b), b->second_answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1700000600}";
}
static void introspect_active_behind_failure(struct bench *b)
{
    introspect_active_at_second(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
}
static void introspect_undecided_at_first(struct bench *b)
{
    introspect_at_both(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
}
static void introspect_malformed_at_second(struct bench *b)
{
    introspect_at_both(b), b->second_answer = "{}";
}
static void introspect_active_at_first(struct bench *b)
{
    introspect_at_both(b), b->answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1700000600}";
    b->second_failure = SP_CAUSE_INTROSPECTION_UNAUTHORIZED; /* not asked */
}
static void introspect_jwt(struct bench *b)
{
    introspect(b), b->requirements.introspect_jwt = true;
}
static void know_client(struct bench *b)
{
    b->requirements.client_id = SP_STR("app");
}
static void want_introspection(struct bench *b)
{
    b->requirements.introspect_jwt = true;
}
static void introspect_refused(struct bench *b)
{
    introspect_opaque(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNAUTHORIZED;
}
static void introspect_unreachable(struct bench *b)
{
    introspect_opaque(b), b->answer_failure = SP_CAUSE_INTROSPECTION_UNREACHABLE;
}
static void introspect_error(struct bench *b)
{
    introspect_opaque(b), b->answer_failure = SP_CAUSE_INTROSPECTION_HTTP_STATUS;
}
static void introspect_garbage(struct bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":\"true\"}";
}
static void be_dotted(struct bench *b)
{
    introspect(b);
    TOKEN(b) = SP_STR("v4.local.abc");
    b->answer = "{\"active\":true,\"aud\":\"" API "\"}";
}
static void introspect_active(struct bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1700000600}";
}
static void introspect_expired(struct bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":true,\"aud\":\"" API "\",\"exp\":1600000000}";
}
static void introspect_without_audience(struct bench *b)
{
    introspect_opaque(b), b->answer = "{\"active\":true}";
}
static void need_certificate(struct bench *b)
{
    b->requirements.mtls = SP_BINDING_REQUIRED;
}
static const unsigned char some_certificate[32] = {1, 2, 3};
static void show_certificate(struct bench *b)
{
    need_certificate(b), b->possession.certificate_sha256 = some_certificate;
}

/* A proof by ED; `claims` without ath, which is put in. */
static void prove(struct bench *b, const char *claims)
{
    struct sp_str jwk = jwk_of(b->arena, ED, NULL, NULL, NULL), proof;
    unsigned char digest[32], thumbprint[32];
    char ath[43], jkt[43];
    assert_int_equal(sp_jwk_thumbprint(keys[ED], thumbprint), SP_OK);
    sp_base64url_encode_into(sp_str((const char *)thumbprint, 32), jkt);
    struct sp_str body = sp_arena_printf(b->arena, CLAIMS(",\"cnf\":{\"jkt\":\"%.43s\"}"), jkt);
    TOKEN(b) = sign(b, E1, HEADER, body.at);
    sp_sha256(TOKEN(b), digest);
    sp_base64url_encode_into(sp_str((const char *)digest, 32), ath);
    struct sp_str header =
        sp_arena_printf(b->arena, "{\"typ\":\"dpop+jwt\",\"alg\":\"EdDSA\",\"jwk\":%.*s}", SP_STR_ARG(jwk));
    struct sp_str payload = sp_arena_printf(b->arena, "{\"ath\":\"%.43s\",%s}", ath, claims);
    assert_int_equal(sp_jws_sign(b->arena, keys[ED], SP_ALGORITHM_EDDSA, header, payload, &proof), SP_OK);
    b->possession.dpop_proof = proof;
    b->possession.scheme_is_dpop = true;
}
#define PROOF(htm, htu, iat) "\"jti\":\"j1\",\"htm\":\"" htm "\",\"htu\":\"" htu "\",\"iat\":" iat
#define URL "https://api.example.com/v1/photos"
static void prove_well(struct bench *b)
{
    prove(b, PROOF("GET", URL, "1700000000"));
}
static void prove_and_send_as_bearer(struct bench *b)
{
    prove_well(b), b->possession.scheme_is_dpop = false;
}
static void prove_other_method(struct bench *b)
{
    prove(b, PROOF("POST", URL, "1700000000"));
}
static void prove_other_path(struct bench *b)
{
    prove(b, PROOF("GET", URL "/1", "1700000000"));
}
static void prove_behind_proxy(struct bench *b)
{
    prove(b, PROOF("GET", "http://10.0.0.1:8080/v1/photos", "1700000000"));
}
static void prove_late(struct bench *b)
{
    prove(b, PROOF("GET", URL, "1699990000"));
}
static void know_good_clock(struct bench *b)
{
    b->issuers[0].known.clock_skew_known = true;
    b->issuers[0].known.clock_skew_s = 1;
}
static void prove_by_fast_clock(struct bench *b)
{
    know_good_clock(b), prove(b, PROOF("GET", URL, "1700000600"));
}
/* The token is of 1699999940: its proof cannot be older. */
static void prove_by_slow_clock(struct bench *b)
{
    know_good_clock(b), prove(b, PROOF("GET", URL, "1699999100"));
}
/* Old, and of a time when the token was not there, but nobody vouches for our clock. */
static void prove_by_some_clock(struct bench *b)
{
    know_skew(b), prove(b, PROOF("GET", URL, "1699999100"));
}
static void prove_of_long_ago(struct bench *b)
{
    know_good_clock(b), prove(b, PROOF("GET", URL, "1"));
}
static void prove_again(struct bench *b)
{
    prove_well(b), b->is_replay = true;
}
static void prove_without_nonce(struct bench *b)
{
    prove_well(b), b->possession.expected_nonce = SP_STR("n");
}
static void prove_unbound(struct bench *b)
{
    prove_well(b), TOKEN(b) = sign(b, E1, HEADER, CLAIMS(""));
}

/* ---- the rows ---- */

static const struct row {
    const char *what;
    enum sp_cause cause; /* SP_CAUSE_NONE: accepted */
    int key;
    const char *header, *claims;
    void (*prepare)(struct bench *bench); /* after signing */
    enum sp_cause warning;                /* accepted, with this under also */
} rows[] = {
    {"a good token", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a good RSA token", SP_CAUSE_NONE, RSA, "{\"alg\":\"RS256\",\"kid\":\"r1\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a good Ed25519 token", SP_CAUSE_NONE, ED, "{\"alg\":\"EdDSA\",\"kid\":\"d1\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a good token without kid", SP_CAUSE_NONE, E2, "{\"alg\":\"ES256\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"one audience of several", SP_CAUSE_NONE, E1, HEADER, WITH_AUDIENCE("[\"a\",7,\"" API "\"]", ""), NULL,
     SP_CAUSE_NONE},
    {"within the leeway", SP_CAUSE_NONE, E1, HEADER, WITH_TIMES(",\"exp\":1699999970,\"nbf\":1700000030"), NULL,
     SP_CAUSE_NONE},
    {"an opaque token that is active", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), introspect_active, SP_CAUSE_NONE},
    {"an opaque token of the first of two issuers", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), introspect_active_at_first,
     SP_CAUSE_NONE},
    {"an opaque token of the second issuer", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), introspect_active_at_second,
     SP_CAUSE_NONE},
    {"an opaque token of the second issuer while the first is out of reach", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""),
     introspect_active_behind_failure, SP_CAUSE_NONE},
    {"a bound token with its proof", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), prove_well, SP_CAUSE_NONE},

    {"an opaque token with dots", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), be_dotted, SP_CAUSE_NONE},
    {"a new key where tokens have no kid", SP_CAUSE_NONE, E1, "{\"alg\":\"ES256\"}", CLAIMS(""), rotate, SP_CAUSE_NONE},
    {"nothing", SP_CAUSE_TOKEN_MISSING, E1, HEADER, CLAIMS(""), empty, SP_CAUSE_NONE},
    {"Bearer twice", SP_CAUSE_TOKEN_MALFORMED_SCHEME_REPEATED, E1, HEADER, CLAIMS(""), repeat_scheme, SP_CAUSE_NONE},
    {"in quotes", SP_CAUSE_TOKEN_MALFORMED_QUOTED, E1, HEADER, CLAIMS(""), quote, SP_CAUSE_NONE},
    {"in brackets", SP_CAUSE_TOKEN_MALFORMED_QUOTED, E1, HEADER, CLAIMS(""), bracket, SP_CAUSE_NONE},
    {"with a line end", SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, E1, HEADER, CLAIMS(""), break_line, SP_CAUSE_NONE},
    {"with a NUL", SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, E1, HEADER, CLAIMS(""), put_nul, SP_CAUSE_NONE},
    {"URL-encoded", SP_CAUSE_TOKEN_MALFORMED_URL_ENCODED, E1, HEADER, CLAIMS(""), url_encode, SP_CAUSE_NONE},
    {"padded", SP_CAUSE_TOKEN_MALFORMED_PADDING, E1, HEADER, CLAIMS(""), pad, SP_CAUSE_NONE},
    {"cut in its signature", SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, E1, HEADER, CLAIMS(""), cut_signature, SP_CAUSE_NONE},
    {"cut in its payload", SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, E1, HEADER, CLAIMS(""), cut_payload, SP_CAUSE_NONE},
    {"cut in its header", SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, E1, HEADER, CLAIMS(""), cut_header, SP_CAUSE_NONE},
    {"four segments", SP_CAUSE_TOKEN_MALFORMED_SEGMENTS, E1, HEADER, CLAIMS(""), add_segment, SP_CAUSE_NONE},
    {"garbage", SP_CAUSE_TOKEN_MALFORMED_SEGMENTS, E1, HEADER, CLAIMS(""), be_garbage, SP_CAUSE_NONE},
    {"an array as header", SP_CAUSE_TOKEN_MALFORMED_JSON, E1, HEADER, CLAIMS(""), be_array, SP_CAUSE_NONE},
    {"two dots", SP_CAUSE_TOKEN_MALFORMED_JSON, E1, HEADER, CLAIMS(""), be_dots, SP_CAUSE_NONE},
    {"claims with bytes that are no UTF-8", SP_CAUSE_TOKEN_MALFORMED_JSON, E1, HEADER, CLAIMS(",\"x\":\"\xff\""), NULL,
     SP_CAUSE_NONE},
    {"an issuer twice", SP_CAUSE_TOKEN_MALFORMED_DUPLICATE_MEMBER, E1, HEADER, CLAIMS(",\"iss\":\"x\""), NULL,
     SP_CAUSE_NONE},
    {"an alg twice", SP_CAUSE_TOKEN_MALFORMED_DUPLICATE_MEMBER, E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"alg\":\"none\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a token response", SP_CAUSE_TOKEN_MALFORMED_RESPONSE_BODY, E1, HEADER, CLAIMS(""), be_response, SP_CAUSE_NONE},
    {"an opaque token", SP_CAUSE_TOKEN_OPAQUE, E1, HEADER, CLAIMS(""), be_opaque, SP_CAUSE_NONE},
    {"an encrypted token", SP_CAUSE_TOKEN_ENCRYPTED, E1, HEADER, CLAIMS(""), be_jwe, SP_CAUSE_NONE},
    {"an ID token by its nonce", SP_CAUSE_TOKEN_KIND_ID_TOKEN, E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     CLAIMS(",\"nonce\":\"n\""), NULL, SP_CAUSE_NONE},
    {"an ID token by at_hash", SP_CAUSE_TOKEN_KIND_ID_TOKEN, E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     WITH_AUDIENCE("\"app\"", ",\"at_hash\":\"x\",\"azp\":\"app\""), NULL, SP_CAUSE_NONE},
    {"an ID token by its audience", SP_CAUSE_TOKEN_KIND_ID_TOKEN, E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     "{\"iss\":\"" ISSUER "\",\"aud\":\"app\",\"exp\":1700000600}", know_client, SP_CAUSE_NONE},
    {"a forgotten audience without a scope", SP_CAUSE_AUDIENCE_IS_CLIENT_ID, E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     "{\"iss\":\"" ISSUER "\",\"aud\":\"app\",\"azp\":\"app\",\"exp\":1700000600}", NULL, SP_CAUSE_NONE},
    {"Keycloak's refresh token", SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, E1, "{\"alg\":\"ES256\",\"kid\":\"e1\"}",
     CLAIMS(",\"typ\":\"Refresh\""), NULL, SP_CAUSE_NONE},
    {"Google's refresh token", SP_CAUSE_TOKEN_KIND_REFRESH_TOKEN, E1, HEADER, CLAIMS(""), be_google_refresh,
     SP_CAUSE_NONE},
    {"a logout token", SP_CAUSE_TOKEN_KIND_TYPE_HEADER, E1, "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"logout+jwt\"}",
     CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"no at+jwt where needed", SP_CAUSE_TOKEN_KIND_TYPE_HEADER, E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"JWT\"}", CLAIMS(""), need_type, SP_CAUSE_NONE},
    {"a critical extension", SP_CAUSE_TOKEN_CRITICAL_HEADER, E1,
     "{\"alg\":\"ES256\",\"kid\":\"e1\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"100 kB", SP_CAUSE_TOKEN_TOO_LARGE, E1, HEADER, CLAIMS(""), be_huge, SP_CAUSE_NONE},

    {"alg none", SP_CAUSE_ALGORITHM_NONE, E1, "{\"alg\":\"none\"}", CLAIMS(""), be_unsigned, SP_CAUSE_NONE},
    {"alg NoNe with a signature", SP_CAUSE_ALGORITHM_NONE, E1, "{\"alg\":\"NoNe\",\"kid\":\"e1\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"an algorithm that is not allowed", SP_CAUSE_ALGORITHM_NOT_ALLOWED, E1, HEADER, CLAIMS(""), allow_rsa_only,
     SP_CAUSE_NONE},
    {"no alg", SP_CAUSE_ALGORITHM_NOT_ALLOWED, E1, "{\"kid\":\"e1\"}", CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"alg that is no text", SP_CAUSE_ALGORITHM_NOT_ALLOWED, E1, "{\"alg\":[\"ES256\"],\"kid\":\"e1\"}", CLAIMS(""),
     NULL, SP_CAUSE_NONE},
    {"HS256 of an unknown secret", SP_CAUSE_ALGORITHM_SYMMETRIC, SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"the public key as a secret", SP_CAUSE_ALGORITHM_KEY_CONFUSION, E1, HEADER, CLAIMS(""), confuse, SP_CAUSE_NONE},
    {"the kid of a key of another type", SP_CAUSE_ALGORITHM_KEY_TYPE_MISMATCH, E1, "{\"alg\":\"ES256\",\"kid\":\"r1\"}",
     CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"altered claims", SP_CAUSE_SIGNATURE_INVALID, E1, HEADER, CLAIMS(",\"name\":\"AAAAAAAAAAAAAAAAAAAAAAAA\""), alter,
     SP_CAUSE_NONE},
    {"the kid of another key", SP_CAUSE_SIGNATURE_OTHER_KEY, E2, HEADER, CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"signed by the other issuer", SP_CAUSE_SIGNATURE_OTHER_ISSUER_KEY, E3, HEADER, CLAIMS(""), NULL, SP_CAUSE_NONE},
    {"a DER signature", SP_CAUSE_SIGNATURE_DER_ENCODED, E1, HEADER, CLAIMS(""), encode_der, SP_CAUSE_NONE},
    {"the secret decoded otherwise", SP_CAUSE_SIGNATURE_SECRET_ENCODING, SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""),
     use_other_encoding, SP_CAUSE_NONE},
    {"Microsoft Graph's nonce", SP_CAUSE_SIGNATURE_GRAPH_NONCE, E1, HEADER, CLAIMS(""), be_graph, SP_CAUSE_NONE},
    {"a good HS256 token", SP_CAUSE_NONE, SECRET, "{\"alg\":\"HS256\"}", CLAIMS(""), allow_hmac, SP_CAUSE_NONE},

    {"an unknown kid", SP_CAUSE_KEYS_UNKNOWN_KID, E1, "{\"alg\":\"ES256\",\"kid\":\"new\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"a key that is new, healed", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), rotate, SP_CAUSE_KEYS_ROTATED},
    {"a key that is new, not healed", SP_CAUSE_KEYS_ROTATED, E1, HEADER, CLAIMS(""), rotate_unhealed, SP_CAUSE_NONE},
    {"a key that is gone", SP_CAUSE_KEYS_RETIRED_EARLY, E1, "{\"alg\":\"ES256\",\"kid\":\"gone\"}", CLAIMS(""),
     know_earlier_kids, SP_CAUSE_NONE},
    {"all keys replaced", SP_CAUSE_KEYS_REPLACED, E1, HEADER, CLAIMS(""), replace_keys, SP_CAUSE_NONE},
    {"the other issuer's kid", SP_CAUSE_KEYS_OTHER_ISSUER, E3, "{\"alg\":\"ES256\",\"kid\":\"p1\"}", CLAIMS(""), NULL,
     SP_CAUSE_NONE},
    {"an Okta org server", SP_CAUSE_KEYS_UNPUBLISHED, E1, "{\"alg\":\"ES256\",\"kid\":\"org\"}",
     WITH_ISSUER("https://acme.okta.com"), be_okta_org, SP_CAUSE_NONE},
    {"no kid and none of the keys", SP_CAUSE_KEYS_KID_MISSING_AMBIGUOUS, E1, "{\"alg\":\"ES256\"}",
     CLAIMS(",\"name\":\"AAAAAAAAAAAAAAAA\""), alter, SP_CAUSE_NONE},
    {"two keys of one kid", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), duplicate_kid, SP_CAUSE_KEYS_DUPLICATE_KID},
    {"a key for encryption", SP_CAUSE_KEYS_USE_MISMATCH, E1, HEADER, CLAIMS(""), publish_for_encryption, SP_CAUSE_NONE},
    {"a weak key", SP_CAUSE_KEYS_WEAK, E1, HEADER, CLAIMS(""), publish_weak, SP_CAUSE_NONE},
    {"a short secret", SP_CAUSE_KEYS_WEAK, E1, HEADER, CLAIMS(""), shorten_secret, SP_CAUSE_NONE},
    {"a member that cannot be read", SP_CAUSE_KEYS_MALFORMED_MEMBER, E1, HEADER, CLAIMS(""), publish_malformed,
     SP_CAUSE_NONE},
    {"a member of another type", SP_CAUSE_KEYS_UNSUPPORTED_TYPE, E1, HEADER, CLAIMS(""), publish_unsupported,
     SP_CAUSE_NONE},
    {"another key is weak", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), publish_beside_weak, SP_CAUSE_KEYS_WEAK},
    {"another key is malformed", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), publish_beside_malformed,
     SP_CAUSE_KEYS_MALFORMED_MEMBER},
    {"another key is of another type", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), publish_beside_unsupported,
     SP_CAUSE_KEYS_UNSUPPORTED_TYPE},
    {"an empty set", SP_CAUSE_KEYS_EMPTY, E1, HEADER, CLAIMS(""), publish_nothing, SP_CAUSE_NONE},
    {"a placeholder", SP_CAUSE_KEYS_PLACEHOLDER, E1, HEADER, CLAIMS(""), publish_placeholder, SP_CAUSE_NONE},
    {"a published private key", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), publish_private, SP_CAUSE_KEYS_PRIVATE_MATERIAL},
    {"no keys at all", SP_CAUSE_KEYS_UNREACHABLE, E1, HEADER, CLAIMS(""), know_no_keys, SP_CAUSE_NONE},
    {"stale keys", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), know_stale_keys, SP_CAUSE_KEYS_STALE_IN_USE},
    {"an algorithm that is not advertised", SP_CAUSE_NONE, E1, HEADER, CLAIMS(""), advertise_rsa,
     SP_CAUSE_DISCOVERY_ALGORITHM_UNADVERTISED},

    {"no issuer", SP_CAUSE_ISSUER_MISSING, E1, HEADER, "{\"aud\":\"" API "\",\"exp\":1700000600}", NULL, SP_CAUSE_NONE},
    {"another issuer", SP_CAUSE_ISSUER_MISMATCH, E1, HEADER, WITH_ISSUER("https://else.example.org"), NULL,
     SP_CAUSE_NONE},
    {"an issuer that is a number", SP_CAUSE_ISSUER_MISMATCH, E1, HEADER,
     "{\"iss\":7,\"aud\":\"" API "\",\"exp\":1700000600}", NULL, SP_CAUSE_NONE},
    {"a slash more", SP_CAUSE_ISSUER_TRAILING_SLASH, E1, HEADER, WITH_ISSUER(ISSUER "/"), NULL, SP_CAUSE_NONE},
    {"http", SP_CAUSE_ISSUER_SCHEME, E1, HEADER, WITH_ISSUER("http://idp.example.com/realms/a"), NULL, SP_CAUSE_NONE},
    {"Google's bare host", SP_CAUSE_ISSUER_NO_SCHEME, E1, HEADER, WITH_ISSUER("accounts.google.com"), expect_google,
     SP_CAUSE_NONE},
    {"another case", SP_CAUSE_ISSUER_CASE, E1, HEADER, WITH_ISSUER("https://IDP.example.com/realms/A"), NULL,
     SP_CAUSE_NONE},
    {"a space behind", SP_CAUSE_ISSUER_WHITESPACE, E1, HEADER, WITH_ISSUER(ISSUER " "), NULL, SP_CAUSE_NONE},
    {"the default port", SP_CAUSE_ISSUER_PORT, E1, HEADER, WITH_ISSUER("https://idp.example.com:443/realms/a"), NULL,
     SP_CAUSE_NONE},
    {"a container's name", SP_CAUSE_ISSUER_HOST_ALIAS, E1, HEADER, WITH_ISSUER("http://keycloak:8080/realms/a"), NULL,
     SP_CAUSE_NONE},
    {"another realm", SP_CAUSE_ISSUER_PATH, E1, HEADER, WITH_ISSUER("https://idp.example.com/realms/b"), NULL,
     SP_CAUSE_NONE},
    {"Entra v1", SP_CAUSE_ISSUER_VERSION, E1, HEADER,
     WITH_ISSUER("https://sts.windows.net/11111111-2222-3333-4444-555555555555/"), expect_entra_v2, SP_CAUSE_NONE},
    {"Entra's template", SP_CAUSE_ISSUER_TEMPLATE, E1, HEADER,
     WITH_ISSUER("https://login.microsoftonline.com/1111/v2.0"), expect_template, SP_CAUSE_NONE},
    {"the issuer of staging", SP_CAUSE_ISSUER_OTHER_ENVIRONMENT, E1, HEADER,
     WITH_ISSUER("https://staging.example.com/realms/a"), NULL, SP_CAUSE_NONE},
    {"AD FS", SP_CAUSE_ISSUER_ADFS_SERVICES_TRUST, E1, HEADER,
     WITH_ISSUER("http://adfs.example.com/adfs/services/trust"), expect_adfs, SP_CAUSE_NONE},
    {"Okta's console", SP_CAUSE_ISSUER_ADMIN_HOST, E1, HEADER,
     WITH_ISSUER("https://acme-admin.okta.com/oauth2/default"), expect_okta, SP_CAUSE_NONE},

    {"no audience", SP_CAUSE_AUDIENCE_MISSING, E1, HEADER, "{\"iss\":\"" ISSUER "\",\"exp\":1700000600}", NULL,
     SP_CAUSE_NONE},
    {"an empty audience", SP_CAUSE_AUDIENCE_MISSING, E1, HEADER, WITH_AUDIENCE("[]", ""), NULL, SP_CAUSE_NONE},
    {"an introspection answer without audience", SP_CAUSE_AUDIENCE_MISSING, E1, HEADER, CLAIMS(""),
     introspect_without_audience, SP_CAUSE_NONE},
    {"another audience", SP_CAUSE_AUDIENCE_MISMATCH, E1, HEADER, WITH_AUDIENCE("[\"x\",\"y\"]", ""), NULL,
     SP_CAUSE_NONE},
    {"an audience that is an object", SP_CAUSE_AUDIENCE_MISMATCH, E1, HEADER, WITH_AUDIENCE("{\"a\":\"" API "\"}", ""),
     NULL, SP_CAUSE_NONE},
    {"an audience with a slash", SP_CAUSE_AUDIENCE_TRAILING_SLASH, E1, HEADER, WITH_AUDIENCE("\"" API "/\"", ""), NULL,
     SP_CAUSE_NONE},
    {"an audience in another case", SP_CAUSE_AUDIENCE_CASE, E1, HEADER,
     WITH_AUDIENCE("\"https://API.example.com/v1\"", ""), NULL, SP_CAUSE_NONE},
    {"an audience of http", SP_CAUSE_AUDIENCE_SCHEME, E1, HEADER, WITH_AUDIENCE("\"http://api.example.com/v1\"", ""),
     NULL, SP_CAUSE_NONE},
    {"the client as audience", SP_CAUSE_AUDIENCE_IS_CLIENT_ID, E1, HEADER,
     WITH_AUDIENCE("\"app\"", ",\"client_id\":\"app\""), NULL, SP_CAUSE_NONE},
    {"another API's audience", SP_CAUSE_AUDIENCE_OTHER_API, E1, HEADER,
     WITH_AUDIENCE("\"https://videos.example.com\"", ""), NULL, SP_CAUSE_NONE},
    {"Keycloak's account", SP_CAUSE_AUDIENCE_KEYCLOAK_ACCOUNT, E1, HEADER,
     WITH_AUDIENCE("\"account\"", ",\"azp\":\"app\""), NULL, SP_CAUSE_NONE},
    {"Cognito", SP_CAUSE_AUDIENCE_COGNITO, E1, HEADER,
     "{\"iss\":\"https://cognito-idp.eu-west-1.amazonaws.com/"
     "eu-west-1_x\",\"client_id\":\"c\",\"token_use\":\"access\",\"exp\":1700000600}",
     expect_cognito, SP_CAUSE_NONE},

    {"expired", SP_CAUSE_TIME_EXPIRED, E1, HEADER, WITH_TIMES(",\"exp\":1699999969"), NULL, SP_CAUSE_NONE},
    {"expired long ago, as a negative number", SP_CAUSE_TIME_EXPIRED, E1, HEADER, WITH_TIMES(",\"exp\":-5"), NULL,
     SP_CAUSE_NONE},
    {"an opaque token that has expired", SP_CAUSE_TIME_EXPIRED, E1, HEADER, CLAIMS(""), introspect_expired,
     SP_CAUSE_NONE},
    {"expired by our clock only", SP_CAUSE_TIME_EXPIRED_BY_SKEW, E1, HEADER, WITH_TIMES(",\"exp\":1699999900"),
     know_skew, SP_CAUSE_NONE},
    {"not yet valid", SP_CAUSE_TIME_NOT_YET_VALID, E1, HEADER, WITH_TIMES(",\"exp\":1700000900,\"nbf\":1700000031"),
     NULL, SP_CAUSE_NONE},
    {"not yet valid by our clock only", SP_CAUSE_TIME_NOT_YET_VALID_BY_SKEW, E1, HEADER,
     WITH_TIMES(",\"exp\":1700000900,\"nbf\":1700000100"), know_skew_ahead, SP_CAUSE_NONE},
    {"issued in the future", SP_CAUSE_TIME_ISSUED_IN_FUTURE, E1, HEADER,
     WITH_TIMES(",\"exp\":1700000900,\"iat\":1700000031"), NULL, SP_CAUSE_NONE},
    {"milliseconds", SP_CAUSE_TIME_MILLISECONDS, E1, HEADER, WITH_TIMES(",\"exp\":1700000600000"), NULL, SP_CAUSE_NONE},
    {"no exp", SP_CAUSE_TIME_EXP_MISSING, E1, HEADER, WITH_TIMES(""), NULL, SP_CAUSE_NONE},
    {"exp as text", SP_CAUSE_TIME_NOT_A_NUMBER, E1, HEADER, WITH_TIMES(",\"exp\":\"1700000600\""), NULL, SP_CAUSE_NONE},
    {"exp as null", SP_CAUSE_TIME_NOT_A_NUMBER, E1, HEADER, WITH_TIMES(",\"exp\":null"), NULL, SP_CAUSE_NONE},
    {"exp of 1e999", SP_CAUSE_TIME_NOT_A_NUMBER, E1, HEADER, WITH_TIMES(",\"exp\":1e999"), NULL, SP_CAUSE_NONE},
    {"nbf of 1e999", SP_CAUSE_TIME_NOT_A_NUMBER, E1, HEADER, WITH_TIMES(",\"exp\":1700000600,\"nbf\":-1e999"), NULL,
     SP_CAUSE_NONE},
    {"too long a life", SP_CAUSE_TIME_LIFETIME_TOO_LONG, E1, HEADER, CLAIMS(""), limit_lifetime, SP_CAUSE_NONE},

    {"a scope that is missing", SP_CAUSE_SCOPE_MISSING, E1, HEADER, CLAIMS(",\"scope\":\"read writ\""), need_scopes,
     SP_CAUSE_NONE},
    {"scopes in an array", SP_CAUSE_NONE, E1, HEADER, CLAIMS(",\"scp\":[\"read\",\"write\"]"), need_scopes,
     SP_CAUSE_NONE},
    {"no scope claim", SP_CAUSE_SCOPE_CLAIM_ABSENT, E1, HEADER, CLAIMS(""), need_scopes, SP_CAUSE_NONE},
    {"a claim that is missing", SP_CAUSE_CLAIM_MISSING, E1, HEADER, CLAIMS(""), need_role, SP_CAUSE_NONE},
    {"a claim of another value", SP_CAUSE_CLAIM_MISMATCH, E1, HEADER, CLAIMS(",\"realm_access\":{\"role\":[\"user\"]}"),
     need_role, SP_CAUSE_NONE},
    {"a claim in depth", SP_CAUSE_NONE, E1, HEADER, CLAIMS(",\"realm_access\":{\"role\":[\"user\",\"admin\"]}"),
     need_role, SP_CAUSE_NONE},
    {"an email that is not verified", SP_CAUSE_CLAIM_EMAIL_UNVERIFIED, E1, HEADER, CLAIMS(",\"email_verified\":false"),
     need_email, SP_CAUSE_NONE},
    {"too many groups", SP_CAUSE_CLAIM_GROUPS_OVERAGE, E1, HEADER, CLAIMS(",\"_claim_names\":{\"groups\":\"src1\"}"),
     need_groups, SP_CAUSE_NONE},
    {"a token that was revoked", SP_CAUSE_TOKEN_REVOKED, E1, HEADER, CLAIMS(""), introspect_jwt, SP_CAUSE_NONE},
    {"a token of another host name that is not active", SP_CAUSE_INTROSPECTION_OTHER_HOSTNAME, E1, HEADER,
     WITH_ISSUER("http://keycloak:8080/realms/a"), introspect_jwt, SP_CAUSE_NONE},
    {"a token to be asked for where nobody can be asked", SP_CAUSE_INTROSPECTION_UNREACHABLE, E1, HEADER, CLAIMS(""),
     want_introspection, SP_CAUSE_NONE},
    {"an opaque token that is not active", SP_CAUSE_INTROSPECTION_INACTIVE, E1, HEADER, CLAIMS(""), introspect_opaque,
     SP_CAUSE_NONE},
    {"an opaque token that two issuers do not know", SP_CAUSE_INTROSPECTION_INACTIVE, E1, HEADER, CLAIMS(""),
     introspect_at_both, SP_CAUSE_NONE},
    {"an opaque token that one issuer does not know and the other cannot say", SP_CAUSE_INTROSPECTION_UNREACHABLE, E1,
     HEADER, CLAIMS(""), introspect_undecided_at_first, SP_CAUSE_NONE},
    {"an opaque token that one issuer does not know and the other answers nonsense about",
     SP_CAUSE_INTROSPECTION_MALFORMED, E1, HEADER, CLAIMS(""), introspect_malformed_at_second, SP_CAUSE_NONE},
    {"introspection refuses the gateway", SP_CAUSE_INTROSPECTION_UNAUTHORIZED, E1, HEADER, CLAIMS(""),
     introspect_refused, SP_CAUSE_NONE},
    {"introspection out of reach", SP_CAUSE_INTROSPECTION_UNREACHABLE, E1, HEADER, CLAIMS(""), introspect_unreachable,
     SP_CAUSE_NONE},
    {"introspection with an error", SP_CAUSE_INTROSPECTION_HTTP_STATUS, E1, HEADER, CLAIMS(""), introspect_error,
     SP_CAUSE_NONE},
    {"an answer whose active is text", SP_CAUSE_INTROSPECTION_MALFORMED, E1, HEADER, CLAIMS(""), introspect_garbage,
     SP_CAUSE_NONE},
    {"a bound token as bearer", SP_CAUSE_BINDING_DPOP_MISSING, E1, HEADER, CLAIMS(",\"cnf\":{\"jkt\":\"x\"}"), NULL,
     SP_CAUSE_NONE},
    {"a proof with the scheme Bearer", SP_CAUSE_BINDING_DPOP_MISSING, E1, HEADER, CLAIMS(""), prove_and_send_as_bearer,
     SP_CAUSE_NONE},
    {"a proof for another method", SP_CAUSE_BINDING_DPOP_INVALID, E1, HEADER, CLAIMS(""), prove_other_method,
     SP_CAUSE_NONE},
    {"a proof for another path", SP_CAUSE_BINDING_DPOP_INVALID, E1, HEADER, CLAIMS(""), prove_other_path,
     SP_CAUSE_NONE},
    {"a proof by a clock that is fast", SP_CAUSE_CLOCK_CLIENT_DEVICE, E1, HEADER, CLAIMS(""), prove_by_fast_clock,
     SP_CAUSE_NONE},
    {"a proof by a clock that is slow", SP_CAUSE_CLOCK_CLIENT_DEVICE, E1, HEADER, CLAIMS(""), prove_by_slow_clock,
     SP_CAUSE_NONE},
    {"a proof of another time, our clock being in doubt", SP_CAUSE_BINDING_DPOP_INVALID, E1, HEADER, CLAIMS(""),
     prove_by_some_clock, SP_CAUSE_NONE},
    {"a proof of long ago", SP_CAUSE_BINDING_DPOP_INVALID, E1, HEADER, CLAIMS(""), prove_of_long_ago, SP_CAUSE_NONE},
    {"a proof that is old", SP_CAUSE_BINDING_DPOP_INVALID, E1, HEADER, CLAIMS(""), prove_late, SP_CAUSE_NONE},
    {"a proof with a token that is not bound", SP_CAUSE_BINDING_DPOP_INVALID, E1, HEADER, CLAIMS(""), prove_unbound,
     SP_CAUSE_NONE},
    {"a proof for what a proxy hides", SP_CAUSE_BINDING_DPOP_HTU_PROXY, E1, HEADER, CLAIMS(""), prove_behind_proxy,
     SP_CAUSE_NONE},
    {"a proof seen before", SP_CAUSE_BINDING_DPOP_REPLAYED, E1, HEADER, CLAIMS(""), prove_again, SP_CAUSE_NONE},
    {"a proof without the nonce", SP_CAUSE_BINDING_DPOP_NONCE, E1, HEADER, CLAIMS(""), prove_without_nonce,
     SP_CAUSE_NONE},
    {"no certificate", SP_CAUSE_BINDING_MTLS_MISSING, E1, HEADER, CLAIMS(""), need_certificate, SP_CAUSE_NONE},
    {"another certificate", SP_CAUSE_BINDING_MTLS_MISMATCH, E1, HEADER, CLAIMS(",\"cnf\":{\"x5t#S256\":\"A\"}"),
     show_certificate, SP_CAUSE_NONE},
    {"a weak login", SP_CAUSE_AUTHENTICATION_TOO_WEAK, E1, HEADER, CLAIMS(",\"acr\":\"user\""), need_acr,
     SP_CAUSE_NONE},
    {"an old login", SP_CAUSE_AUTHENTICATION_TOO_OLD, E1, HEADER, CLAIMS(",\"auth_time\":1699990000"), need_recent,
     SP_CAUSE_NONE},
    {"a login in the future", SP_CAUSE_AUTHENTICATION_TOO_OLD, E1, HEADER, CLAIMS(",\"auth_time\":1700000000000"),
     need_recent, SP_CAUSE_NONE},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static void prepare(const struct row *row, struct bench *bench, struct sp_arena *arena)
{
    set_up(bench, arena);
    bench->input.token = sign(bench, row->key, row->header, row->claims);
    if (row->prepare != NULL)
        row->prepare(bench);
}

static const char *id_of(enum sp_cause cause)
{
    return cause == SP_CAUSE_NONE ? "none" : sp_cause_get(cause)->id.at;
}

static bool warns(const struct sp_verdict *verdict, enum sp_cause cause)
{
    for (size_t i = 0; i < verdict->also_count; i++)
        if (verdict->also[i].cause == cause && sp_finding_severity(&verdict->also[i]) != SP_SEVERITY_REJECT)
            return true;
    return false;
}

static void each_token_is_named(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct bench bench;
        prepare(&rows[i], &bench, arena);
        const struct sp_verdict *verdict = run(&bench);
        enum sp_cause found = verdict->cause != NULL ? verdict->cause->cause : SP_CAUSE_NONE;
        bool right = found == rows[i].cause && verdict->accepted == (rows[i].cause == SP_CAUSE_NONE);
        right = right && (rows[i].warning == SP_CAUSE_NONE || warns(verdict, rows[i].warning));
        right = right && (verdict->accepted || sp_finding_severity(verdict->cause) == SP_SEVERITY_REJECT);
        right = right && (verdict->accepted || sp_verdict_http_status(verdict) >= 400);
        if (!right) {
            print_error("%s: expected %s, found %s\n", rows[i].what, id_of(rows[i].cause), id_of(found));
            wrong++;
        }
        sp_arena_destroy(&arena);
    }
    assert_int_equal(wrong, 0);
}

static void a_cut_is_told_once_wherever_it_is(void **state)
{
    (void)state;
    unsigned cuts = 0;
    for (size_t lost = 1; lost < 150; lost++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct bench bench;
        set_up(&bench, arena);
        bench.input.token = sign(&bench, E1, HEADER, CLAIMS(""));
        bench.input.token.len -= lost;
        const struct sp_verdict *verdict = run(&bench);
        assert_false(verdict->accepted);
        bool is_cut = verdict->cause->cause == SP_CAUSE_TOKEN_MALFORMED_TRUNCATED;
        cuts += is_cut;
        for (size_t i = 0; i < verdict->also_count && is_cut; i++)
            assert_int_not_equal(verdict->also[i].cause, SP_CAUSE_TOKEN_MALFORMED_TRUNCATED);
        sp_arena_destroy(&arena);
    }
    assert_true(cuts > 100);
}

/* What claims say before the signature verified is a rumour, and never the cause. */
static void a_rumour_is_never_the_cause(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 24);
    struct bench bench;
    set_up(&bench, arena);
    bench.input.token = sign(&bench, E1, HEADER,
                             "{\"iss\":\"https://x\",\"aud\":\"y\",\"exp\":1,\"name\":\"AAAAAAAAAAAAAAAAAAAAAAAA\"}");
    alter(&bench);
    const struct sp_verdict *verdict = run(&bench);
    assert_int_equal(verdict->cause->cause, SP_CAUSE_SIGNATURE_INVALID);
    assert_true(verdict->also_count >= 3);
    for (size_t i = 0; i < verdict->also_count; i++)
        assert_false(verdict->also[i].verified);
    sp_arena_destroy(&arena);
}

static void everything_is_examined_then_ranked(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 24);
    struct bench bench;
    set_up(&bench, arena);
    need_scopes(&bench);
    bench.input.token = sign(&bench, E1, HEADER, "{\"iss\":\"" ISSUER "/\",\"aud\":\"y\",\"exp\":1}");
    const struct sp_verdict *verdict = run(&bench);
    static const enum sp_cause order[] = {SP_CAUSE_AUDIENCE_MISMATCH, SP_CAUSE_TIME_EXPIRED,
                                          SP_CAUSE_SCOPE_CLAIM_ABSENT};
    assert_int_equal(verdict->cause->cause, SP_CAUSE_ISSUER_TRAILING_SLASH);
    assert_int_equal(verdict->also_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(verdict->also[i].cause, order[i]);
        assert_true(verdict->also[i].verified);
    }
    sp_arena_destroy(&arena);
}

static void keys_are_asked_for_once_and_only_when_it_helps(void **state)
{
    (void)state;
    static const struct {
        const char *header, *claims;
        unsigned asked;
    } cases[] = {
        {HEADER, CLAIMS(""), 0},
        {"{\"alg\":\"ES256\",\"kid\":\"new\"}", CLAIMS(""), 1},
        {"{\"alg\":\"none\",\"kid\":\"new\"}", CLAIMS(""), 0},
        {"{\"alg\":\"HS256\",\"kid\":\"new\"}", CLAIMS(""), 0},
        {"{\"alg\":\"ES256\",\"kid\":\"new\",\"crit\":[\"x\"]}", CLAIMS(""), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct bench bench;
        set_up(&bench, arena);
        bench.input.token = sign(&bench, E1, cases[i].header, cases[i].claims);
        run(&bench);
        assert_int_equal(bench.needs[SP_NEED_KEYS], cases[i].asked);
        sp_arena_destroy(&arena);
    }
}

/* With ever more memory: refused until it suffices, never accepted by want of it, and the same cause in the end. */
static void want_of_memory_never_accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct sp_arena *outer = sp_arena_create(1 << 24);
        struct bench bench;
        if (rows[i].cause == SP_CAUSE_NONE || rows[i].prepare == publish_private) {
            sp_arena_destroy(&outer);
            continue;
        }
        for (size_t bytes = 0; bytes < 24000; bytes += 397) {
            struct sp_arena *arena = sp_arena_create(bytes);
            sp_arena_reset(outer);
            prepare(&rows[i], &bench, outer);
            bench.arena = arena;
            if (arena != NULL)
                assert_false(run(&bench)->accepted);
            sp_arena_destroy(&arena);
        }
        sp_arena_destroy(&outer);
    }
}

static void verdicts_are_json_of_the_contract(void **state)
{
    (void)state;
    static const char *const names[] = {"form",   "type",     "algorithm", "key",        "signature",
                                        "issuer", "audience", "expiry",    "not_before", "issued_at",
                                        "scope",  "claims",   "binding",   "revocation"};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 24);
        struct bench bench;
        struct sp_buffer buffer;
        struct sp_json_writer writer;
        struct sp_json_error error;
        const struct sp_json *json;
        prepare(&rows[i], &bench, arena);
        const struct sp_verdict *verdict = run(&bench);
        sp_buffer_init(&buffer, arena, 1 << 20);
        sp_json_writer_init(&writer, &buffer, false);
        sp_verdict_write(&writer, verdict, NOW);
        assert_int_equal(sp_json_parse(arena, sp_buffer_str(&buffer), &sp_json_limits_document, &json, &error), SP_OK);
        assert_int_equal(sp_json_is(sp_json_member(json, SP_STR("accepted")), SP_JSON_TRUE), verdict->accepted);
        const struct sp_json *cause = sp_json_member(json, SP_STR("cause")),
                             *check = sp_json_member(json, SP_STR("checks"))->first;
        assert_true(verdict->accepted ? cause->type == SP_JSON_NULL
                                      : sp_str_equal(sp_json_string(sp_json_member(cause, SP_STR("id"))),
                                                     sp_cause_get(rows[i].cause)->id));
        if (!verdict->accepted) {
            assert_true(sp_json_string(sp_json_member(cause, SP_STR("explanation"))).len > 0);
            assert_true(sp_json_string(sp_json_member(cause, SP_STR("fix"))).len > 0);
        }
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++, check = check->next)
            assert_true(
                sp_str_equal(sp_json_string(sp_json_member(check, SP_STR("name"))), sp_str_from_cstr(names[n])));
        assert_null(check);
        sp_arena_destroy(&arena);
    }
}

/* ---- the catalogue: no id without a reproduction ---- */

static bool has_row(enum sp_cause cause)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].cause == cause || rows[i].warning == cause)
            return true;
    return false;
}

static char *read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SP_SOURCE_ROOT, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

/* Lines of reproduced_elsewhere.txt: "ID FILE TEXT": the file must contain the text. */
static bool is_reproduced_elsewhere(const char *list, struct sp_str id)
{
    for (const char *line = list; line != NULL && *line != '\0';
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        char name[64], file[256], text[256];
        if (*line == '#' || sscanf(line, "%63s %255s %255[^\n]", name, file, text) != 3 ||
            !sp_str_equal(sp_str_from_cstr(name), id))
            continue;
        char *content = read_file(file);
        bool found = content != NULL && strstr(content, text) != NULL;
        if (!found)
            print_error("%s: \"%s\" is not in %s\n", name, text, file);
        free(content);
        return found;
    }
    return false;
}

static void every_cause_is_reproduced(void **state)
{
    (void)state;
    static const char *const groups[] = {"The presented token",
                                         "Algorithm and signature",
                                         "Keys and key sets",
                                         "Issuer",
                                         "Audience",
                                         "Time",
                                         "Authorization",
                                         "Discovery"};
    char *list = read_file("tests/unit/diagnosis/reproduced_elsewhere.txt");
    unsigned missing = 0;
    assert_non_null(list);
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        struct sp_str group = sp_cause_group(cause);
        bool wanted = false;
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
            wanted = wanted || sp_str_equal(group, sp_str_from_cstr(groups[i]));
        if (!wanted || has_row(cause) || is_reproduced_elsewhere(list, sp_cause_get(cause)->id))
            continue;
        print_error("no test reproduces %s\n", id_of(cause));
        missing++;
    }
    free(list);
    assert_int_equal(missing, 0);
}

/* ---- */

static int make_keys(void **state)
{
    (void)state;
    struct sp_arena *arena = sp_arena_create(1 << 20);
    for (int i = E1; i <= E3; i++)
        assert_int_equal(sp_key_generate(SP_KEY_TYPE_EC, SP_CURVE_P256, 0, &keys[i]), SP_OK);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_RSA, SP_CURVE_NONE, 2048, &keys[RSA]), SP_OK);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_OKP, SP_CURVE_ED25519, 0, &keys[ED]), SP_OK);
    assert_int_equal(sp_key_generate(SP_KEY_TYPE_OCT, SP_CURVE_NONE, 32, &keys[SECRET]), SP_OK);
    struct sp_str e1 = jwk_of(arena, E1, "e1", "sig", "ES256"), e2 = jwk_of(arena, E2, "e2", "sig", "ES256");
    struct sp_str e3 = jwk_of(arena, E3, "p1", "sig", "ES256"), rsa = jwk_of(arena, RSA, "r1", "sig", NULL);
    struct sp_str ed = jwk_of(arena, ED, "d1", NULL, NULL), secret = jwk_of(arena, SECRET, NULL, NULL, NULL);
    struct sp_str other = jwk_of(arena, SECRET, "base64", NULL, NULL);
    corp_set = set_of(sp_arena_printf(arena, "{\"keys\":[%.*s,%.*s,%.*s,%.*s]}", SP_STR_ARG(e1), SP_STR_ARG(e2),
                                      SP_STR_ARG(rsa), SP_STR_ARG(ed))
                          .at);
    partner_set = set_of(sp_arena_printf(arena, "{\"keys\":[%.*s]}", SP_STR_ARG(e3)).at);
    secret_set = set_of(sp_arena_printf(arena, "{\"keys\":[%.*s]}", SP_STR_ARG(secret)).at);
    encodings_set = set_of(sp_arena_printf(arena, "{\"keys\":[%.*s]}", SP_STR_ARG(other)).at);
    short_secret_set = set_of("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAECAwQF\"}]}");
    sp_arena_destroy(&arena);
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    struct sp_jwk_set **const sets[] = {&corp_set, &partner_set, &secret_set, &encodings_set, &short_secret_set};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        sp_jwk_set_unref(sets[i]);
    for (size_t i = 0; i < KEY_COUNT; i++)
        sp_key_destroy(&keys[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_token_is_named),
        cmocka_unit_test(a_cut_is_told_once_wherever_it_is),
        cmocka_unit_test(a_rumour_is_never_the_cause),
        cmocka_unit_test(everything_is_examined_then_ranked),
        cmocka_unit_test(keys_are_asked_for_once_and_only_when_it_helps),
        cmocka_unit_test(want_of_memory_never_accepts),
        cmocka_unit_test(verdicts_are_json_of_the_contract),
        cmocka_unit_test(every_cause_is_reproduced),
    };
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
