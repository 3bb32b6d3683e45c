/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include "core/base/table.h"

struct key {
    uint32_t place, mark;
    uint64_t rest;
};

/* A table of eight entries: they push each other out. */
#define ONE_SET_BYTES(value_bytes) (128 + SP_TABLE_WAYS * (sizeof(struct key) + 8 + (value_bytes)))

static void put(struct sp_table *table, struct key key, uint64_t number)
{
    uint64_t *value = sp_table_claim(table, &key);
    assert_non_null(value);
    *value = number;
    sp_table_commit(table, &key, value);
}

static void finds_what_was_committed_and_nothing_else(void **state)
{
    (void)state;
    char *block = malloc(4096);
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
    assert_non_null(table);
    const struct key a = {1, 2, 3}, b = {1, 2, 4}, zero_mark = {7, 0, 0};
    assert_null(sp_table_find(table, &a));
    put(table, a, 11);
    put(table, zero_mark, 12);
    assert_int_equal(*(uint64_t *)sp_table_find(table, &a), 11);
    assert_int_equal(*(uint64_t *)sp_table_find(table, &zero_mark), 12);
    assert_null(sp_table_find(table, &b));
    put(table, a, 13);
    assert_int_equal(*(uint64_t *)sp_table_find(table, &a), 13);
    free(block);
}

static uint64_t peeked(struct sp_table *table, const struct key *key, void *expected)
{
    uint32_t version = 0;
    const uint64_t *value = sp_table_peek(table, key, expected, &version);
    assert_non_null(value);
    const uint64_t number = *value;
    assert_true(sp_table_is_unchanged(value, version));
    return number;
}

static void an_expected_entry_is_found_and_a_stranger_with_its_tag_is_not(void **state)
{
    (void)state;
    char *block = malloc(4096);
    uint32_t version;
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
    const struct key a = {1, 2, 3}, same_tag = {1, 2, 4}, other = {1, 3, 3};
    assert_null(sp_table_expect(table, &a, sizeof(uint64_t)));
    assert_null(sp_table_peek(table, &a, NULL, &version));
    put(table, a, 11);
    void *expected = sp_table_expect(table, &a, 1000);
    assert_non_null(expected);
    assert_int_equal(peeked(table, &a, expected), 11);
    assert_int_equal(peeked(table, &a, NULL), 11);
    assert_null(sp_table_expect(table, &other, 1000));
    assert_null(sp_table_peek(table, &same_tag, sp_table_expect(table, &same_tag, 1000), &version));
    put(table, same_tag, 12); /* now two of the set have the tag, and the first of them is expected */
    assert_int_equal(peeked(table, &same_tag, sp_table_expect(table, &same_tag, 8)), 12);
    assert_int_equal(peeked(table, &a, sp_table_expect(table, &a, 8)), 11);
    free(block);
}

static void what_was_read_does_not_count_once_the_entry_is_written_to(void **state)
{
    (void)state;
    char *block = malloc(4096);
    uint32_t version, later;
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
    const struct key a = {1, 2, 3};
    put(table, a, 11);
    void *expected = sp_table_expect(table, &a, 8);
    const void *value = sp_table_peek(table, &a, expected, &version);
    assert_true(sp_table_is_unchanged(value, version));
    void *claimed = sp_table_claim(table, &a);
    assert_false(sp_table_is_unchanged(value, version));
    assert_null(sp_table_peek(table, &a, NULL, &later));
    assert_null(sp_table_peek(table, &a, expected, &later));
    sp_table_commit(table, &a, claimed);
    assert_false(sp_table_is_unchanged(value, version));
    assert_non_null(sp_table_peek(table, &a, expected, &later));
    /* A writer that died in the middle. */
    assert_non_null(sp_table_claim(table, &a));
    put(table, a, 12);
    assert_int_equal(peeked(table, &a, NULL), 12);
    free(block);
}

#define RACED_KEYS 40u
#define RACED_WORDS 30u

struct race {
    struct sp_table *table;
    bool is_over;
};

/* Every value is its key's number, over and over: whoever sees two numbers in one value saw half of a writing. */
static void *read_without_lock(void *data)
{
    struct race *race = data;
    size_t seen = 0;
    uint32_t seed = 7;
    while (!__atomic_load_n(&race->is_over, __ATOMIC_RELAXED)) {
        seed = seed * 1664525u + 1013904223u;
        const struct key key = {5, (seed >> 8) % RACED_KEYS + 1, 0};
        uint64_t words[RACED_WORDS];
        uint32_t version;
        const void *value =
            sp_table_peek(race->table, &key, sp_table_expect(race->table, &key, sizeof words), &version);
        if (value == NULL) {
            continue;
        }
        memcpy(words, value, sizeof words);
        if (!sp_table_is_unchanged(value, version)) {
            continue;
        }
        for (size_t i = 0; i < RACED_WORDS; i++) {
            if (words[i] != key.mark) {
                return NULL;
            }
        }
        seen++;
    }
    return seen > 0 ? race : NULL;
}

static void a_reader_without_a_lock_sees_whole_values_only(void **state)
{
    (void)state;
    const size_t bytes = ONE_SET_BYTES(RACED_WORDS * sizeof(uint64_t));
    char *block = malloc(bytes);
    struct race race = {.table = sp_table_init(block, bytes, sizeof(struct key), RACED_WORDS * sizeof(uint64_t))};
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_without_lock, &race), 0);
    /* Five times as many as there is room for: entries go from key to key all the time. */
    for (uint32_t i = 0; i < 2000000; i++) {
        const struct key key = {5, i * 2654435761u % RACED_KEYS + 1, 0};
        uint64_t *value = sp_table_claim(race.table, &key);
        for (size_t word = 0; word < RACED_WORDS; word++)
            value[word] = key.mark;
        sp_table_commit(race.table, &key, value);
    }
    void *result = NULL;
    __atomic_store_n(&race.is_over, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(reader, &result), 0);
    assert_ptr_equal(result, &race);
    free(block);
}

static void a_claim_without_commit_leaves_a_hole(void **state)
{
    (void)state;
    char *block = malloc(4096);
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
    const struct key a = {1, 2, 3};
    put(table, a, 1);
    assert_non_null(sp_table_claim(table, &a));
    assert_null(sp_table_find(table, &a));
    free(block);
}

static void the_entry_unused_for_longest_gives_way(void **state)
{
    (void)state;
    char *block = malloc(ONE_SET_BYTES(sizeof(uint64_t)));
    struct sp_table *table =
        sp_table_init(block, ONE_SET_BYTES(sizeof(uint64_t)), sizeof(struct key), sizeof(uint64_t));
    for (uint32_t i = 0; i < SP_TABLE_WAYS; i++) {
        put(table, (struct key){5, i + 1, 0}, i);
    }
    const struct key first = {5, 1, 0}, second = {5, 2, 0};
    assert_non_null(sp_table_find(table, &first));
    put(table, (struct key){5, 100, 0}, 100);
    assert_non_null(sp_table_find(table, &first));
    assert_null(sp_table_find(table, &second));
    free(block);
}

/* So often that the ways' ages have to begin again. */
static void ages_hold_however_often_a_set_is_used(void **state)
{
    (void)state;
    char *block = malloc(ONE_SET_BYTES(sizeof(uint64_t)));
    struct sp_table *table =
        sp_table_init(block, ONE_SET_BYTES(sizeof(uint64_t)), sizeof(struct key), sizeof(uint64_t));
    const struct key first = {5, 1, 0}, second = {5, 2, 0}, last = {5, SP_TABLE_WAYS, 0};
    for (uint32_t i = 0; i < SP_TABLE_WAYS; i++) {
        put(table, (struct key){5, i + 1, 0}, i);
    }
    for (uint32_t i = 0; i < 150000; i++) {
        assert_non_null(sp_table_find(table, &((const struct key){5, i % SP_TABLE_WAYS + 1, 0})));
    }
    for (uint32_t i = 0; i < SP_TABLE_WAYS; i++) { /* the eighth and the first last */
        assert_non_null(sp_table_find(table, &((const struct key){5, (i + 1) % SP_TABLE_WAYS + 1, 0})));
    }
    put(table, (struct key){5, 100, 0}, 100);
    assert_null(sp_table_find(table, &second));
    for (uint32_t i = 3; i < SP_TABLE_WAYS; i++) {
        put(table, (struct key){5, 100 + i, 0}, i);
        assert_null(sp_table_find(table, &((const struct key){5, i, 0})));
    }
    assert_non_null(sp_table_find(table, &first));
    assert_non_null(sp_table_find(table, &last));
    free(block);
}

#define PATTERN 0xa5

static size_t touched_lines(const unsigned char *block, size_t bytes)
{
    size_t lines = 0;
    for (size_t at = 0; at + 64 <= bytes; at += 64) {
        size_t same = 0;
        while (same < 64 && block[at + same] == PATTERN)
            same++;
        lines += same < 64;
    }
    return lines;
}

/* What the gateway keeps of a token. */
static void takes_the_memory_of_what_is_in_it(void **state)
{
    (void)state;
    const size_t bytes = 12u << 20;
    unsigned char *block = aligned_alloc(64, bytes);
    memset(block, PATTERN, bytes);
    struct sp_table *table = sp_table_init(block, bytes, sizeof(uint64_t), 240);
    size_t kept = 0;
    uint64_t key = 0;
    for (const size_t *step = (const size_t[]){200, 2000, 20000, 0}; *step != 0; step++) {
        for (; kept < *step; kept++) {
            key = key * 6364136223846793005ull + 1442695040888963407ull;
            const uint64_t spread = key ^ key >> 32;
            unsigned char *value = sp_table_claim(table, &spread);
            memset(value, 0, 240);
            sp_table_commit(table, &spread, value);
        }
        assert_in_range(touched_lines(block, bytes) * 64, kept * 256, kept * 284 + 1024);
    }
    free(block);
}

static struct key key_number(uint32_t i)
{
    uint64_t hash = (i + 1) * 0x9e3779b97f4a7c15ull;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ull;
    return (struct key){(uint32_t)(hash >> 32), (uint32_t)hash, i};
}

static const uint64_t *number_of(struct sp_table *table, uint32_t i)
{
    const struct key key = key_number(i);
    return sp_table_find(table, &key);
}

static void grows_without_losing_anything(void **state)
{
    (void)state;
    const size_t bytes = 1u << 20;
    char *block = malloc(bytes);
    struct sp_table *table = sp_table_init(block, bytes, sizeof(struct key), sizeof(uint64_t));
    const uint32_t count = (uint32_t)sp_table_capacity(table) / 3;
    size_t lost = 0;
    for (uint32_t i = 1; i <= count; i++) {
        put(table, key_number(i), i);
    }
    for (uint32_t i = 1; i <= count; i++) {
        const uint64_t *value = number_of(table, i);
        lost += value == NULL;
        assert_true(value == NULL || *value == i);
    }
    assert_in_range(lost, 0, count / 1000); /* both of its sets are full */
    /* And to the brim: every entry has one owner. */
    for (uint32_t i = count; i <= 10 * count; i++) {
        put(table, key_number(i), i);
    }
    size_t found = 0;
    for (uint32_t i = count; i <= 10 * count; i++) {
        const uint64_t *value = number_of(table, i);
        found += value != NULL;
        assert_true(value == NULL || *value == i);
    }
    assert_in_range(found, sp_table_capacity(table) * 9 / 10, sp_table_capacity(table));
    free(block);
}

static void refuses_shapes_that_do_not_fit(void **state)
{
    (void)state;
    uint64_t block[64];
    assert_null(sp_table_init(block, sizeof block, 32, 512));
    assert_null(sp_table_init(block, sizeof block, 7, 8));
    assert_null(sp_table_init(block, sizeof block, 12, 8));
    assert_null(sp_table_init(block, 16, 16, 8));
}

static void stays_inside_its_block(void **state)
{
    (void)state;
    /* malloc of the exact size: ASan sees one byte too far. */
    const size_t bytes = 8 * 1024 + 24;
    char *block = malloc(bytes);
    struct sp_table *table = sp_table_init(block, bytes, sizeof(struct key), 40);
    assert_true(sp_table_capacity(table) * (sizeof(struct key) + 8 + 40 + 8) <= bytes);
    uint32_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        const struct key key = {seed, seed >> 16, seed};
        unsigned char *value = sp_table_find(table, &key);
        if (value == NULL) {
            value = sp_table_claim(table, &key);
            memset(value, i, 40);
            sp_table_commit(table, &key, value);
        }
        assert_non_null(sp_table_find(table, &key));
    }
    free(block);
}

static void a_block_of_another_shape_or_layout_is_not_taken_for_a_table(void **state)
{
    (void)state;
    const size_t bytes = 8 * 1024;
    uint64_t *block = malloc(bytes);
    struct sp_table *table = sp_table_init(block, bytes, 16, 40); /* before it is looked for */
    assert_ptr_equal(table, sp_table_of(block, 16, 40));
    assert_null(sp_table_of(block, 32, 40));
    assert_null(sp_table_of(block, 16, 48));
    block[0]++;
    assert_null(sp_table_of(block, 16, 40));
    free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_committed_and_nothing_else),
        cmocka_unit_test(an_expected_entry_is_found_and_a_stranger_with_its_tag_is_not),
        cmocka_unit_test(what_was_read_does_not_count_once_the_entry_is_written_to),
        cmocka_unit_test(a_reader_without_a_lock_sees_whole_values_only),
        cmocka_unit_test(a_claim_without_commit_leaves_a_hole),
        cmocka_unit_test(the_entry_unused_for_longest_gives_way),
        cmocka_unit_test(ages_hold_however_often_a_set_is_used),
        cmocka_unit_test(takes_the_memory_of_what_is_in_it),
        cmocka_unit_test(grows_without_losing_anything),
        cmocka_unit_test(refuses_shapes_that_do_not_fit),
        cmocka_unit_test(stays_inside_its_block),
        cmocka_unit_test(a_block_of_another_shape_or_layout_is_not_taken_for_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
