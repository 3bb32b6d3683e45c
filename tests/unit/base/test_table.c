/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/base/table.h"

struct key {
    uint32_t place, mark;
    uint64_t rest;
};

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

static void an_expected_entry_is_found_and_a_stranger_with_its_tag_is_not(void **state)
{
    (void)state;
    char *block = malloc(4096);
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
    const struct key a = {1, 2, 3}, same_tag = {1, 2, 4}, other = {1, 3, 3};
    assert_null(sp_table_expect(table, &a, sizeof(uint64_t)));
    assert_null(sp_table_find_expected(table, &a, NULL));
    put(table, a, 11);
    void *expected = sp_table_expect(table, &a, 1000);
    assert_non_null(expected);
    assert_int_equal(*(uint64_t *)sp_table_find_expected(table, &a, expected), 11);
    assert_int_equal(*(uint64_t *)sp_table_find_expected(table, &a, NULL), 11);
    assert_null(sp_table_expect(table, &other, 1000));
    assert_null(sp_table_find_expected(table, &same_tag, sp_table_expect(table, &same_tag, 1000)));
    put(table, same_tag, 12); /* now two of the set have the tag, and the first of them is expected */
    assert_int_equal(*(uint64_t *)sp_table_find_expected(table, &same_tag, sp_table_expect(table, &same_tag, 8)), 12);
    assert_int_equal(*(uint64_t *)sp_table_find_expected(table, &a, sp_table_expect(table, &a, 8)), 11);
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
    char *block = malloc(4096);
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
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

/* So often that the ways' ages have to begin again, twice. */
static void ages_hold_however_often_a_set_is_used(void **state)
{
    (void)state;
    char *block = malloc(4096);
    struct sp_table *table = sp_table_init(block, 4096, sizeof(struct key), sizeof(uint64_t));
    const struct key first = {5, 1, 0}, second = {5, 2, 0}, last = {5, SP_TABLE_WAYS, 0};
    for (uint32_t i = 0; i < SP_TABLE_WAYS; i++) {
        put(table, (struct key){5, i + 1, 0}, i);
    }
    for (uint32_t i = 0; i < 150000; i++) {
        assert_non_null(sp_table_find(table, i % 2 == 0 ? &first : &last));
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

static void takes_the_memory_of_what_is_in_it(void **state)
{
    (void)state;
    const size_t bytes = 1024 * 1024;
    char *block = malloc(bytes);
    struct sp_table *table = sp_table_init(block, bytes, sizeof(struct key), 40);
    const size_t entry = sp_table_entry_bytes(sizeof(struct key), 40) - 8;
    char *before = NULL;
    for (uint32_t i = 0; i < 1000; i++) {
        const struct key key = {i * 2654435761u, i, i};
        char *value = sp_table_claim(table, &key);
        sp_table_commit(table, &key, value);
        assert_true(before == NULL || value == before + entry);
        before = value;
    }
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
    assert_true(sp_table_capacity(table) * sp_table_entry_bytes(sizeof(struct key), 40) <= bytes);
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
        cmocka_unit_test(a_claim_without_commit_leaves_a_hole),
        cmocka_unit_test(the_entry_unused_for_longest_gives_way),
        cmocka_unit_test(ages_hold_however_often_a_set_is_used),
        cmocka_unit_test(takes_the_memory_of_what_is_in_it),
        cmocka_unit_test(refuses_shapes_that_do_not_fit),
        cmocka_unit_test(stays_inside_its_block),
        cmocka_unit_test(a_block_of_another_shape_or_layout_is_not_taken_for_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
