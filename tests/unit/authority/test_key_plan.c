/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "authority/key_plan.h"

#define ROTATION 1000
#define OVERLAP 100
#define ES SP_ALGORITHM_ES256
#define RS SP_ALGORITHM_RS256
#define PS SP_ALGORITHM_PS256

#define ONE(algorithm, rotation)                                                                                       \
    {                                                                                                                  \
        (algorithm), UINT32_C(1) << (algorithm), (rotation), OVERLAP, INT64_MAX                                        \
    }
#define TWO                                                                                                            \
    {                                                                                                                  \
        ES, UINT32_C(1) << ES | UINT32_C(1) << RS, ROTATION, OVERLAP, INT64_MAX                                        \
    }

static const struct {
    const char *name;
    struct sp_key_times keys[3];
    size_t count;
    struct sp_key_policy policy;
    int64_t now;
    struct sp_key_plan plan;
} due_rows[] = {
    {"the first key signs at once", {{0}}, 0, ONE(ES, ROTATION), 5000, {SP_KEYS_GENERATE, 0, ES, 5000}},
    {"a young key is fine", {{1, 4500, 0, 0, ES}}, 1, ONE(ES, ROTATION), 5000, {.deed = SP_KEYS_FINE}},
    {"just before the overlap", {{1, 4500, 0, 0, ES}}, 1, ONE(ES, ROTATION), 5399, {.deed = SP_KEYS_FINE}},
    {"the overlap begins", {{1, 4500, 0, 0, ES}}, 1, ONE(ES, ROTATION), 5400, {SP_KEYS_GENERATE, 0, ES, 5500}},
    {"after a long sleep it is still published before it signs",
     {{1, 100, 0, 0, ES}},
     1,
     ONE(ES, ROTATION),
     9000,
     {SP_KEYS_GENERATE, 0, ES, 9100}},
    {"the next one waits",
     {{1, 4500, 5500, 6000, ES}, {2, 5500, 0, 0, ES}},
     2,
     ONE(ES, ROTATION),
     5450,
     {.deed = SP_KEYS_FINE}},
    {"by hand only", {{1, 100, 0, 0, ES}}, 1, ONE(ES, 0), 900000, {.deed = SP_KEYS_FINE}},
    {"the last token is dead",
     {{1, 100, 4500, 5000, ES}, {2, 4500, 0, 0, ES}},
     2,
     ONE(ES, ROTATION),
     5000,
     {.deed = SP_KEYS_FORGET, .index = 0}},
    {"a clock that is not believed forgets nothing",
     {{1, 100, 4500, 5000, ES}, {2, 4500, 0, 0, ES}},
     2,
     {ES, UINT32_C(1) << ES, ROTATION, OVERLAP, 4999},
     5000,
     {.deed = SP_KEYS_FINE}},
    {"not a second earlier",
     {{1, 100, 4500, 5001, ES}, {2, 4500, 0, 0, ES}},
     2,
     ONE(ES, ROTATION),
     5000,
     {.deed = SP_KEYS_FINE}},
    {"only a future key: one that signs now is missing",
     {{1, 6000, 0, 0, ES}},
     1,
     ONE(ES, ROTATION),
     5000,
     {SP_KEYS_GENERATE, 0, ES, 5000}},
    {"another algorithm is configured: its key is published first",
     {{1, 4500, 0, 0, RS}},
     1,
     ONE(ES, 0),
     5000,
     {SP_KEYS_GENERATE, 0, ES, 5100}},
    {"then the old one signs until it does",
     {{1, 4500, 0, 0, RS}, {5000, 5100, 0, 0, ES}},
     2,
     ONE(ES, 0),
     5001,
     {.deed = SP_KEYS_RETIRE, .index = 0, .at = 5201}},
    {"and not again", {{1, 4500, 5100, 9000, RS}, {5000, 5100, 0, 0, ES}}, 2, ONE(ES, 0), 5002, {.deed = SP_KEYS_FINE}},
    {"an algorithm that is wanted no more ends in two overlaps: others may want it",
     {{1, 4500, 0, 0, ES}, {1, 4500, 0, 0, RS}},
     2,
     ONE(ES, 0),
     5000,
     {.deed = SP_KEYS_RETIRE, .index = 1, .at = 5200}},
    {"a key of it that waits is left to it",
     {{1, 4500, 0, 0, ES}, {1, 6000, 0, 0, RS}},
     2,
     ONE(ES, 0),
     5000,
     {.deed = SP_KEYS_FINE}},
    {"one that has an end and is wanted again, with an overlap left: it goes on",
     {{1, 4500, 5101, 9000, ES}},
     1,
     ONE(ES, ROTATION),
     5001,
     {.deed = SP_KEYS_PROLONG, .index = 0}},
    {"not with more left: who does not want it would end it again at once",
     {{1, 4500, 5102, 9000, ES}},
     1,
     ONE(ES, ROTATION),
     5001,
     {.deed = SP_KEYS_FINE}},
    {"it goes on until the next one when that comes too late",
     {{1, 4500, 5050, 9000, ES}, {4990, 5090, 0, 0, ES}},
     2,
     ONE(ES, ROTATION),
     5001,
     {.deed = SP_KEYS_PROLONG, .index = 0, .at = 5090}},
    {"so does a key that stands in for the standard one",
     {{1, 4500, 5050, 9000, RS}, {4990, 5090, 0, 0, ES}},
     2,
     ONE(ES, ROTATION),
     5001,
     {.deed = SP_KEYS_PROLONG, .index = 0, .at = 5090}},
    {"but not one that stands in for nobody",
     {{1, 4500, 5050, 9000, RS}, {1, 4500, 0, 0, ES}},
     2,
     ONE(ES, ROTATION),
     5001,
     {.deed = SP_KEYS_FINE}},
    {"two algorithms from the first moment: the standard one", {{0}}, 0, TWO, 5000, {SP_KEYS_GENERATE, 0, ES, 5000}},
    {"and the other in the same moment", {{5000, 5000, 0, 0, ES}}, 1, TWO, 5000, {SP_KEYS_GENERATE, 0, RS, 5000}},
    {"one that comes later is published first",
     {{4000, 4500, 0, 0, ES}},
     1,
     TWO,
     5000,
     {SP_KEYS_GENERATE, 0, RS, 5100}},
    {"and waits", {{4000, 4500, 0, 0, ES}, {5000, 5100, 0, 0, RS}}, 2, TWO, 5050, {.deed = SP_KEYS_FINE}},
    {"each rotates on its own",
     {{4000, 4500, 0, 0, ES}, {3000, 4300, 0, 0, RS}},
     2,
     TWO,
     5250,
     {SP_KEYS_GENERATE, 0, RS, 5350}},
    {"one that comes back gets a new key",
     {{1, 4500, 0, 0, ES}, {1, 4500, 4900, 9000, RS}},
     2,
     TWO,
     5000,
     {SP_KEYS_GENERATE, 0, RS, 5100}},
};

static void says_what_is_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof due_rows / sizeof due_rows[0]; i++) {
        struct sp_key_plan plan =
            sp_key_plan(due_rows[i].keys, due_rows[i].count, &due_rows[i].policy, due_rows[i].now);
        if (plan.deed != due_rows[i].plan.deed || plan.at != due_rows[i].plan.at ||
            plan.index != due_rows[i].plan.index || plan.algorithm != due_rows[i].plan.algorithm)
            fail_msg("%s: deed %d of %d at %lld", due_rows[i].name, (int)plan.deed, (int)plan.algorithm,
                     (long long)plan.at);
    }
}

/* Keys as the ring has them. */
struct line {
    struct sp_key_times keys[64];
    size_t count;
};

#define LIVES 50

static void end(struct sp_key_times *key, int64_t at)
{
    key->active_until = at;
    key->forget_at = at != 0 ? at + LIVES : 0;
}

/* As the ring does it. */
static void do_deed(struct line *line, const struct sp_key_plan *plan, int64_t now)
{
    struct sp_key_times *keys = line->keys;
    if (plan->deed == SP_KEYS_RETIRE || plan->deed == SP_KEYS_PROLONG)
        end(&keys[plan->index], plan->at);
    if (plan->deed == SP_KEYS_FORGET) {
        for (size_t i = plan->index; i + 1 < line->count; i++)
            keys[i] = keys[i + 1];
        line->count--;
    }
    if (plan->deed != SP_KEYS_GENERATE)
        return;
    for (size_t i = 0; i < line->count; i++)
        if (keys[i].algorithm == plan->algorithm && keys[i].active_from <= plan->at &&
            (keys[i].active_until == 0 || keys[i].active_until > plan->at))
            end(&keys[i], plan->at);
    assert_true(line->count < 64);
    keys[line->count++] =
        (struct sp_key_times){.created_at = now, .active_from = plan->at, .algorithm = plan->algorithm};
}

/* What is due for one process; returns how much that was. */
static unsigned tend(struct line *line, const struct sp_key_policy *policy, int64_t now)
{
    unsigned deeds = 0;
    for (struct sp_key_plan plan; (plan = sp_key_plan(line->keys, line->count, policy, now)).deed != SP_KEYS_FINE;
         deeds++) {
        assert_true(deeds < 8);
        do_deed(line, &plan, now);
    }
    return deeds;
}

/* Something signs for the process, and who verifies knows it for an overlap unless it is the very first. */
static void assert_a_known_key_signs(const struct line *line, const struct sp_key_policy *policy, int64_t now)
{
    size_t signer = sp_key_plan_active(line->keys, line->count, policy->standard, now);
    if (signer == line->count)
        signer = sp_key_plan_active(line->keys, line->count, SP_ALGORITHM_UNKNOWN, now);
    assert_true(signer < line->count);
    assert_true(line->keys[signer].created_at == 10000 || now - line->keys[signer].created_at >= OVERLAP);
}

/* Ten rotations, second by second, RS256 joining in the third and ES256 leaving in the sixth: something signs at every
 * moment, and every kid was published OVERLAP before it signed. */
static void never_leaves_a_moment_without_a_known_key(void **state)
{
    (void)state;
    struct line line = {.count = 0};
    for (int64_t now = 10000; now < 10000 + 10 * ROTATION; now++) {
        struct sp_key_policy policy = ONE(ES, ROTATION);
        if (now >= 10000 + 3 * ROTATION)
            policy = (struct sp_key_policy)TWO;
        if (now >= 10000 + 6 * ROTATION)
            policy = (struct sp_key_policy)ONE(RS, ROTATION);
        (void)tend(&line, &policy, now);
        assert_a_known_key_signs(&line, &policy, now);
        if (now >= 10000 + 3 * ROTATION + OVERLAP)
            assert_true(sp_key_plan_active(line.keys, line.count, RS, now) < line.count);
    }
}

static const struct sp_key_policy wishes[] = {ONE(ES, ROTATION), ONE(RS, ROTATION), TWO, ONE(PS, ROTATION), ONE(ES, 0)};

/* A small generator: the same course each time. */
static uint32_t roll(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Two processes whose configurations change at any moment, there and back, far within an overlap too. */
static void any_change_of_mind_leaves_both_with_a_known_key(void **state)
{
    (void)state;
    for (uint32_t course = 0; course < 200; course++) {
        uint32_t seed = course;
        struct line line = {.count = 0};
        struct sp_key_policy wanted[2] = {wishes[roll(&seed, 5)], wishes[roll(&seed, 5)]};
        for (int64_t now = 10000; now < 13000; now++) {
            for (unsigned node = 0; node < 2; node++) {
                if (roll(&seed, OVERLAP) == 0)
                    wanted[node] = wishes[roll(&seed, 5)];
                (void)tend(&line, &wanted[node], now);
            }
            for (unsigned node = 0; node < 2; node++)
                assert_a_known_key_signs(&line, &wanted[node], now);
        }
    }
}

/* A deployment that rolls and stops half way: each signs by its own algorithm and nothing goes back and forth. */
static void processes_that_want_other_algorithms_live_together(void **state)
{
    (void)state;
    const struct sp_key_policy old = ONE(ES, 0), new = ONE(RS, 0);
    struct line line = {.count = 0};
    unsigned deeds = 0;
    (void)tend(&line, &old, 10000);
    for (int64_t now = 10001; now < 10000 + 20 * OVERLAP; now++) {
        deeds += tend(&line, &new, now) + tend(&line, &old, now);
        assert_int_equal(line.count, 2);
        assert_int_equal(line.keys[sp_key_plan_active(line.keys, 2, ES, now)].algorithm, ES);
        if (now > 10001 + OVERLAP)
            assert_int_equal(line.keys[sp_key_plan_active(line.keys, 2, RS, now)].algorithm, RS);
    }
    assert_true(deeds <= 20 * 4);
    /* It goes on: the old algorithm lasts an overlap, two at most, and its tokens. */
    int64_t now = 10000 + 20 * OVERLAP, left_at = now;
    for (; line.count == 2; now++)
        (void)tend(&line, &new, now);
    assert_in_range(now - left_at, OVERLAP + LIVES, 2 * OVERLAP + LIVES + 2);
    assert_int_equal(line.keys[0].algorithm, RS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_due),
        cmocka_unit_test(never_leaves_a_moment_without_a_known_key),
        cmocka_unit_test(any_change_of_mind_leaves_both_with_a_known_key),
        cmocka_unit_test(processes_that_want_other_algorithms_live_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
