/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/jose/jwk_set.h"
#include "core/policy/knowledge.h"
#include "core/policy/report.h"

#define KEY_A                                                                                                          \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define KEY_B                                                                                                          \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"b\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define SET(key) "{\"keys\":[" key "]}"

static const char policy_text[] =
    "issuers:\n"
    "  corp: {issuer: \"https://idp.example\", audience: \"https://api.example\", algorithms: [EdDSA]}\n"
    "  other: {issuer: \"https://other.example\", audience: \"https://api.example\", algorithms: [EdDSA]}\n"
    "apis:\n"
    "  all: {match: {path: /}, upstream: {url: \"http://127.0.0.1:9\"}, auth: {issuers: [corp, other]}}\n";

static struct sp_policy *make_policy(void)
{
    struct sp_policy *policy = NULL;
    struct sp_policy_report *report = sp_policy_report_create();
    assert_int_equal(sp_policy_parse(sp_str_from_cstr(policy_text), SP_STR("test.yaml"), &policy, report), SP_OK);
    sp_policy_report_destroy(&report);
    return policy;
}

static struct sp_knowledge *parse(struct sp_policy *policy, const char *text)
{
    struct sp_knowledge *knowledge = NULL;
    struct sp_json_error error;
    assert_int_equal(sp_knowledge_parse(sp_str_from_cstr(text), policy, &knowledge, &error), SP_OK);
    return knowledge;
}

static const struct sp_issuer_knowledge *of(const struct sp_knowledge *knowledge, const char *name)
{
    for (size_t i = 0; i < knowledge->world.issuer_count; i++) {
        if (sp_str_equal(knowledge->world.issuers[i].terms->name, sp_str_from_cstr(name))) {
            return &knowledge->world.issuers[i].known;
        }
    }
    fail();
    return NULL;
}

static void without_a_file_the_issuers_are_there_and_their_keys_are_not(void **state)
{
    (void)state;
    struct sp_policy *policy = make_policy();
    struct sp_knowledge *knowledge = parse(policy, "");
    assert_int_equal(knowledge->world.issuer_count, 2);
    assert_null(of(knowledge, "corp")->keys);
    assert_int_equal(knowledge->generation, 0);
    sp_policy_unref(&policy); /* the knowledge holds its own reference */
    assert_true(sp_str_equal(knowledge->world.issuers[0].terms->name, SP_STR("corp")) ||
                sp_str_equal(knowledge->world.issuers[0].terms->name, SP_STR("other")));
    sp_knowledge_destroy(&knowledge);
}

static void what_the_keeper_wrote_is_known_of_its_issuer_only(void **state)
{
    (void)state;
    struct sp_policy *policy = make_policy();
    struct sp_knowledge *knowledge = parse(
        policy, "{\"generation\":7,\"issuers\":{\"corp\":{\"jwks\":" SET(KEY_A) ",\"old_jwks\":" SET(
                    KEY_B) ",\"previous_kids\":[\"x\",\"y\"],\"fetched_at\":5,\"stale_since\":6,\"failure\":\"keys."
                           "unreachable\","
                           "\"failure_reason\":\"network.tcp.refused\",\"clock_skew_s\":-3,\"advertised_algorithms\":"
                           "[\"EdDSA\",\"none\"]},\"stranger\":{\"jwks\":" SET(KEY_A) "}}}");
    const struct sp_issuer_knowledge *corp = of(knowledge, "corp");
    assert_int_equal(knowledge->generation, 7);
    assert_int_equal(corp->keys->count, 1);
    assert_non_null(sp_jwk_set_find(corp->old_keys, SP_STR("b"), 0));
    assert_int_equal(corp->previous_kids.count, 2);
    assert_int_equal(corp->failure, SP_CAUSE_KEYS_UNREACHABLE);
    assert_int_equal(corp->failure_reason, SP_CAUSE_NETWORK_TCP_REFUSED);
    assert_true(corp->clock_skew_known);
    assert_int_equal(corp->clock_skew_s, -3);
    assert_int_equal(corp->advertised_algorithms, sp_algorithm_bit(sp_algorithm_find(SP_STR("EdDSA"))));
    assert_null(of(knowledge, "other")->keys);
    sp_knowledge_destroy(&knowledge);
    sp_policy_unref(&policy);
}

static void one_unreadable_set_leaves_its_issuer_without_keys_and_no_other(void **state)
{
    (void)state;
    struct sp_policy *policy = make_policy();
    struct sp_knowledge *knowledge =
        parse(policy, "{\"issuers\":{\"corp\":{\"jwks\":\"oops\"},\"other\":{\"jwks\":" SET(KEY_A) "}}}");
    assert_null(of(knowledge, "corp")->keys);
    assert_int_equal(of(knowledge, "other")->keys->count, 1);
    sp_knowledge_destroy(&knowledge);
    sp_policy_unref(&policy);
}

static void the_digest_changes_with_a_key_and_not_with_a_fetch(void **state)
{
    (void)state;
    struct sp_policy *policy = make_policy();
    struct sp_knowledge *first = parse(policy, "{\"issuers\":{\"corp\":{\"jwks\":" SET(KEY_A) ",\"fetched_at\":1}}}");
    struct sp_knowledge *again =
        parse(policy, "{\"generation\":2,\"issuers\":{\"corp\":{\"fetched_at\":99,\"jwks\":" SET(KEY_A) "}}}");
    struct sp_knowledge *rotated = parse(policy, "{\"issuers\":{\"corp\":{\"jwks\":" SET(KEY_B) "}}}");
    struct sp_knowledge *moved = parse(policy, "{\"issuers\":{\"other\":{\"jwks\":" SET(KEY_A) "}}}");
    assert_memory_equal(first->keys_sha256, again->keys_sha256, 32);
    assert_memory_not_equal(first->keys_sha256, rotated->keys_sha256, 32);
    assert_memory_not_equal(first->keys_sha256, moved->keys_sha256, 32);
    sp_knowledge_destroy(&first);
    sp_knowledge_destroy(&again);
    sp_knowledge_destroy(&rotated);
    sp_knowledge_destroy(&moved);
    sp_policy_unref(&policy);
}

static void what_is_no_object_is_refused(void **state)
{
    (void)state;
    struct sp_policy *policy = make_policy();
    static const char *const texts[] = {"[]", "{", "null", "{\"generation\":1,\"generation\":2}", "\xFF"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sp_knowledge *knowledge = NULL;
        struct sp_json_error error = {0};
        assert_int_equal(sp_knowledge_parse(sp_str_from_cstr(texts[i]), policy, &knowledge, &error), SP_MALFORMED);
        assert_null(knowledge);
    }
    sp_policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_the_issuers_are_there_and_their_keys_are_not),
        cmocka_unit_test(what_the_keeper_wrote_is_known_of_its_issuer_only),
        cmocka_unit_test(one_unreadable_set_leaves_its_issuer_without_keys_and_no_other),
        cmocka_unit_test(the_digest_changes_with_a_key_and_not_with_a_fetch),
        cmocka_unit_test(what_is_no_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
