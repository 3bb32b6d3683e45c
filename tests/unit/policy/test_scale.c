/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/base/limits.h"
#include "core/policy/policy.h"
#include "core/policy/report.h"
#include "core/policy/snapshot.h"

/* 10,000 routes and 100,000 consumers cost no more per request than 10 do. Prints times, asserts only results: a slow
 * machine is no fault. */

/* Hashes spread evenly, as SHA-256 does. */
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

static double now_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static struct sp_str made(size_t apis, size_t consumers, struct sp_buffer *out)
{
    sp_buffer_init(out, NULL, SP_MAX_POLICY_BYTES);
    sp_buffer_append(
        out, SP_STR("{\"issuers\":{\"i\":{\"issuer\":\"https://idp.example.com\",\"audience\":\"x\"}},\"apis\":{"));
    for (size_t i = 0; i < apis; i++) {
        sp_buffer_printf(
            out,
            "%s\"api-%zu\":{\"match\":{\"host\":\"%s.example.com\",\"path\":\"/v1/service-%zu\"},\"upstream\":{\"url\":"
            "\"http://"
            "10.0.0.1:80\"},\"auth\":{\"issuers\":[\"i\"],\"scopes\":{\"GET\":[\"read\"],\"POST\":[\"write\"]}}}",
            i > 0 ? "," : "", i, i % 2 == 0 ? "api" : "*", i);
    }
    sp_buffer_append(out, SP_STR("},\"consumers\":{"));
    for (size_t i = 0; i < consumers; i++) {
        sp_buffer_printf(
            out,
            "%s\"c-%zu\":{\"api_keys\":\"sha256:%016llx%048d\",\"client_ids\":\"client-%zu\",\"apis\":[\"api-%zu\"]}",
            i > 0 ? "," : "", i, (unsigned long long)(i * SPREAD), 0, i, i % apis);
    }
    sp_buffer_append(out, SP_STR("}}"));
    return sp_buffer_str(out);
}

static struct sp_policy *parsed(size_t apis, size_t consumers)
{
    struct sp_buffer text;
    struct sp_str whole = made(apis, consumers, &text);
    struct sp_policy_report *report = sp_policy_report_create();
    struct sp_policy *policy = NULL;
    double before = now_us();
    enum sp_status status = sp_policy_parse(whole, SP_STR("policy.json"), &policy, report);
    print_message("%zu routes, %zu consumers, %.1f MB: parsed in %.0f ms\n", apis, consumers, (double)whole.len / 1e6,
                  (now_us() - before) / 1e3);
    assert_int_equal(status, SP_OK);
    assert_int_equal(report->count, 0);
    sp_policy_report_destroy(&report);
    sp_buffer_fini(&text);
    return policy;
}

static void time_calls(const struct sp_policy *policy, size_t apis, size_t consumers)
{
    enum { CALLS = 100000 };
    static struct {
        char path[64];
        size_t len;
    } paths[1024];
    struct sp_route_match match;
    for (size_t i = 0; i < 1024; i++) {
        paths[i].len = (size_t)snprintf(paths[i].path, sizeof paths[i].path, "/v1/service-%zu/items/%zu/details",
                                        (i * 7919 % apis) & ~(size_t)1, i);
    }
    size_t found = 0;
    double before = now_us();
    for (size_t i = 0; i < CALLS; i++) {
        struct sp_str path = sp_str(paths[i % 1024].path, paths[i % 1024].len);
        found += sp_policy_match(policy, SP_STR("api.example.com"), path, SP_STR("GET"), &match) == SP_MATCH_FOUND;
    }
    double each = (now_us() - before) / CALLS;
    assert_int_equal(found, CALLS);
    unsigned char sha256[32] = {0};
    size_t known = 0;
    before = now_us();
    for (size_t i = 0; i < CALLS; i++) {
        uint64_t hash = (i * 31 % consumers) * SPREAD;
        for (size_t j = 0; j < 8; j++) {
            sha256[7 - j] = (unsigned char)(hash >> (8 * j));
        }
        known += sp_policy_consumer_of_key(policy, sha256) != NULL;
    }
    double each_key = (now_us() - before) / CALLS;
    assert_int_equal(known, CALLS);
    print_message("%zu routes: %.3f µs a match; %zu consumers: %.3f µs a key\n", apis, each, consumers, each_key);
}

static void many_cost_what_few_cost(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{10, 10}, {10000, 100000}};
    for (size_t i = 0; i < 2; i++) {
        struct sp_policy *policy = parsed(sizes[i][0], sizes[i][1]);
        time_calls(policy, sizes[i][0], sizes[i][1]);
        sp_policy_unref(&policy);
    }
}

static void each_route_is_itself(void **state)
{
    (void)state;
    struct sp_policy *policy = parsed(10000, 1);
    for (size_t i = 0; i < 10000; i++) {
        char path[64], name[32];
        struct sp_route_match match = {0};
        int len = snprintf(path, sizeof path, "/v1/service-%zu/x", i);
        int name_len = snprintf(name, sizeof name, "api-%zu", i);
        struct sp_str host = i % 2 == 0 ? SP_STR("api.example.com") : SP_STR("other.example.com");
        assert_int_equal(sp_policy_match(policy, host, sp_str(path, (size_t)len), SP_STR("POST"), &match),
                         SP_MATCH_FOUND);
        assert_true(sp_str_equal(match.api->name, sp_str(name, (size_t)name_len)));
        assert_ptr_equal(sp_policy_api(policy, sp_str(name, (size_t)name_len)), match.api);
        path[len - 2] = 'Y'; /* service-1Yx: another segment */
        assert_int_equal(sp_policy_match(policy, host, sp_str(path, (size_t)len), SP_STR("POST"), &match),
                         SP_MATCH_NO_ROUTE);
    }
    assert_null(sp_policy_api(policy, SP_STR("api-10000")));
    sp_policy_unref(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_cost_what_few_cost),
        cmocka_unit_test(each_route_is_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
