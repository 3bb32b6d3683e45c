/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/diagnosis/clock.h"
#include "core/diagnosis/verdict.h"

#define NOW_MS 1700000000000
#define SAMPLE(name, place, date)                                                                                      \
    {                                                                                                                  \
        .who = {name, sizeof(name) - 1}, .address = {place, sizeof(place) - 1}, .date_s = (date), .sent_ms = NOW_MS,   \
        .received_ms = NOW_MS + 40                                                                                     \
    }
#define NOW_S 1700000000

static const struct sp_kernel_clock good = {.is_known = true, .is_synchronised = true};
static const struct sp_kernel_clock bad = {.is_known = true, .is_synchronised = false};
static const struct sp_kernel_clock unknown = {.is_known = false};

static void a_skew_is_what_the_interval_proves(void **state)
{
    (void)state;
    static const struct {
        int64_t date_s, sent_ms, received_ms, skew_ms;
    } rows[] = {
        {NOW_S, NOW_MS, NOW_MS + 40, 0},            /* the second is the same */
        {NOW_S, NOW_MS + 900, NOW_MS + 990, 0},     /* Date is cut, not rounded */
        {NOW_S - 1, NOW_MS, NOW_MS + 40, -1},       /* a millisecond before ours at least */
        {NOW_S + 10, NOW_MS, NOW_MS + 40, 9960},    /* it may have been made at the end of the way */
        {NOW_S - 10, NOW_MS, NOW_MS + 5000, -9001}, /* or at its beginning */
        {NOW_S, NOW_MS - 60000, NOW_MS + 60000, 0}, /* an answer that took long proves little */
        {0, NOW_MS, NOW_MS, 0},
        {-5, NOW_MS, NOW_MS, 0},
        {INT64_MAX, NOW_MS, NOW_MS, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct sp_clock_sample sample = {
            .date_s = rows[i].date_s, .sent_ms = rows[i].sent_ms, .received_ms = rows[i].received_ms};
        assert_int_equal(sp_clock_skew_ms(&sample), rows[i].skew_ms);
    }
}

#define HERE SAMPLE("https://a", "10.0.0.1", NOW_S)
#define HERE_TOO SAMPLE("https://b", "10.0.0.2", NOW_S)
#define LATE SAMPLE("https://c", "10.0.0.3", NOW_S - 300)
#define LATE_TOO SAMPLE("https://d", "10.0.0.4", NOW_S - 301)
#define LATE_SAME_MACHINE SAMPLE("https://e", "10.0.0.3", NOW_S - 300)
#define EARLY SAMPLE("https://f", "10.0.0.5", NOW_S + 900)
#define A_LITTLE_LATE SAMPLE("https://g", "10.0.0.6", NOW_S - 10)
#define WITHOUT SAMPLE("https://h", "10.0.0.7", 0)

static const struct {
    const char *what;
    struct sp_clock_sample samples[3];
    size_t count;
    const struct sp_kernel_clock *kernel;
    enum sp_cause causes[2];
    bool rejects; /* the first */
} rows[] = {
    {"all agree", {HERE, HERE_TOO}, 2, &good, {SP_CAUSE_NONE}, false},
    {"nobody was asked", {WITHOUT}, 1, &good, {SP_CAUSE_NONE}, false},
    {"nobody was asked, and the kernel knows no time", {WITHOUT}, 1, &bad, {SP_CAUSE_CLOCK_UNSYNCHRONISED}, false},
    {"one is late, another agrees with us", {LATE, HERE}, 2, &good, {SP_CAUSE_CLOCK_ISSUER_WRONG}, true},
    {"the same without a kernel's word", {LATE, HERE}, 2, &unknown, {SP_CAUSE_CLOCK_ISSUER_WRONG}, true},
    {"the same, and ours is not synchronised",
     {LATE, HERE},
     2,
     &bad,
     {SP_CAUSE_CLOCK_ISSUER_WRONG, SP_CAUSE_CLOCK_UNSYNCHRONISED},
     true},
    {"several are late by the same", {LATE, LATE_TOO}, 2, &unknown, {SP_CAUSE_CLOCK_LOCAL_WRONG}, true},
    {"several are late by the same, whatever the kernel believes",
     {LATE, LATE_TOO},
     2,
     &good,
     {SP_CAUSE_CLOCK_LOCAL_WRONG},
     true},
    {"two names of one machine are one witness",
     {LATE, LATE_SAME_MACHINE},
     2,
     &good,
     {SP_CAUSE_CLOCK_ISSUER_WRONG},
     true},
    {"two that are wrong in their own ways",
     {LATE, EARLY},
     2,
     &good,
     {SP_CAUSE_CLOCK_ISSUER_WRONG, SP_CAUSE_CLOCK_ISSUER_WRONG},
     true},
    {"one alone, and the kernel vouches for ours", {LATE}, 1, &good, {SP_CAUSE_CLOCK_ISSUER_WRONG}, true},
    {"one alone, and nobody vouches for ours", {LATE}, 1, &bad, {SP_CAUSE_CLOCK_UNSYNCHRONISED}, true},
    {"a little late is a warning", {A_LITTLE_LATE, HERE}, 2, &good, {SP_CAUSE_CLOCK_ISSUER_WRONG}, false},
    {"a little late alone is one too", {A_LITTLE_LATE}, 1, &bad, {SP_CAUSE_CLOCK_UNSYNCHRONISED}, false},
};

static void who_is_wrong_is_said_by_the_witnesses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sp_arena *arena = sp_arena_create(1 << 16);
        struct sp_document_findings findings = {.count = 0};
        print_message("%s\n", rows[i].what);
        sp_clocks_judge(arena, rows[i].samples, rows[i].count, rows[i].kernel, &findings);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(j < findings.count ? findings.rows[j].cause : SP_CAUSE_NONE, rows[i].causes[j]);
        }
        assert_true(findings.count <= 2);
        if (findings.count > 0) {
            assert_int_equal(sp_finding_severity(&findings.rows[0]) == SP_SEVERITY_REJECT, rows[i].rejects);
        }
        sp_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_skew_is_what_the_interval_proves),
        cmocka_unit_test(who_is_wrong_is_said_by_the_witnesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
