/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a ring in the store, while other processes change them, on every back end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "authority/key_ring.h"
#include "tests/support/store_fixture.h"

#define NOW 1800000000
#define OVERLAP 3600
#define LIFETIME 3600
#define BIT(algorithm) (UINT32_C(1) << (algorithm))
#define ES SP_ALGORITHM_ES256
#define ED SP_ALGORITHM_EDDSA

static const unsigned char master_key[32] = {7};

static struct sp_authority_settings settings_of(enum sp_algorithm standard, uint32_t others)
{
    return (struct sp_authority_settings){.algorithm = standard,
                                          .algorithms = BIT(standard) | others,
                                          .overlap_s = OVERLAP,
                                          .max_token_lifetime_s = LIFETIME};
}

static struct sp_key_ring *open_ring(struct sp_store *store, const struct sp_authority_settings *settings)
{
    struct sp_key_ring *ring = NULL;
    char trouble[256] = "";
    if (sp_key_ring_create(store, settings, master_key, NOW, &ring, trouble) != SP_OK)
        fail_msg("no ring: %s", trouble);
    return ring;
}

static size_t count_keys(const struct store_fixture *f)
{
    struct sp_stored_key *keys = NULL;
    size_t count = 0;
    assert_int_equal(f->store->methods->list_keys(f->store, f->arena, &keys, &count), SP_OK);
    return count;
}

/* Processes that open the ring at the same moment, and then each gives a new key. */
#define PROCESSES 4
static int rotate_once(const struct store_fixture *f, const struct sp_authority_settings *settings)
{
    struct sp_store *store = store_open_in_child(f);
    struct sp_key_ring *ring = NULL;
    char trouble[256] = "";
    enum sp_status status = sp_key_ring_create(store, settings, master_key, NOW, &ring, trouble);
    if (status == SP_OK)
        status = sp_key_ring_rotate(ring, settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_AFTER_OVERLAP, NOW + 1, trouble);
    if (status != SP_OK)
        fprintf(stderr, "%s\n", trouble);
    sp_key_ring_destroy(&ring);
    store->methods->destroy(&store);
    return status == SP_OK ? 0 : 1;
}

static void processes_that_start_together_make_one_key_and_all_of_them_start(void **state)
{
    const struct store_fixture *f = store_fixture_of(state);
    const struct sp_authority_settings settings = settings_of(SP_ALGORITHM_RS256, 0);
    pid_t children[PROCESSES];
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(rotate_once(f, &settings));
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(count_keys(f), 1 + PROCESSES);
}

static void while_another_process_changes_the_keys_a_server_goes_on_and_a_command_waits(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    const struct sp_authority_settings settings = settings_of(ES, 0), both = settings_of(ES, BIT(ED));
    char trouble[256] = "";
    struct sp_stored_key *keys = NULL;
    size_t count = 0;
    struct sp_key_ring *ring = open_ring(f->store, &settings);
    int go[2];
    char byte = 0;
    assert_int_equal(pipe(go), 0);
    pid_t child = fork(); /* now: a lock that SQLite holds at a fork is held in the child for ever */
    assert_true(child >= 0);
    if (child == 0)
        _exit(read(go[0], &byte, 1) == 1 ? rotate_once(f, &settings) : 2);
    assert_int_equal(f->other->methods->begin(f->other), SP_OK);
    assert_int_equal(f->other->methods->list_keys(f->other, f->arena, &keys, &count), SP_OK); /* held from here on */
    assert_int_equal(sp_key_ring_tend(ring, &both, NOW + 1, trouble), SP_IO);
    assert_true(strstr(trouble, "lock") != NULL);
    assert_int_equal(sp_key_ring_algorithm(ring, ES, NOW + 1), ES); /* what is in memory stays in use */
    assert_int_equal(write(go[1], &byte, 1), 1);
    sleep(1); /* longer than one try waits for a lock; a slow machine makes the test easier, not wrong */
    f->other->methods->undo(f->other);
    assert_int_equal(f->other->methods->flush(f->other), SP_OK);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(sp_key_ring_tend(ring, &both, NOW + 2, trouble), SP_OK);
    assert_int_equal(count_keys(f), 3);
    close(go[0]);
    close(go[1]);
    sp_key_ring_destroy(&ring);
}

static struct sp_str sign(const struct store_fixture *f, struct sp_key_ring *ring, enum sp_algorithm algorithm,
                          int64_t now)
{
    struct sp_str jws;
    assert_int_equal(sp_key_ring_sign(ring, f->arena, algorithm, "JWT", SP_STR("{}"), now, &jws), SP_OK);
    return jws;
}

static enum sp_status verify(const struct store_fixture *f, struct sp_key_ring *ring, struct sp_str jws)
{
    struct sp_str payload;
    return sp_key_ring_verify(ring, f->arena, "JWT", jws, &payload);
}

static void rotate(struct sp_key_ring *ring, const struct sp_authority_settings *settings, enum sp_algorithm algorithm,
                   enum sp_key_haste haste, int64_t now)
{
    char trouble[256] = "";
    if (sp_key_ring_rotate(ring, settings, algorithm, haste, now, trouble) != SP_OK)
        fail_msg("%s", trouble);
}

static void after_a_leak_a_fresh_key_signs_and_nothing_of_before_is_good(void **state)
{
    const struct store_fixture *f = store_fixture_of(state);
    const struct sp_authority_settings settings = settings_of(ES, BIT(ED));
    char trouble[256] = "";
    struct sp_key_ring *ring = open_ring(f->store, &settings), *node = open_ring(f->other, &settings);
    const struct sp_str es = sign(f, node, ES, NOW), ed = sign(f, node, ED, NOW);
    rotate(ring, &settings, ES, SP_KEYS_AFTER_OVERLAP, NOW + 1); /* waits, and was in the store that leaked */
    rotate(ring, &settings, ES, SP_KEYS_LEAKED, NOW + 2);
    assert_int_equal(sp_key_ring_withdrawn(ring), 2);
    assert_int_equal(count_keys(f), 2);
    assert_int_equal(sp_key_ring_reload(node, trouble), SP_OK); /* as a server does when the store's version changes */
    assert_int_equal(sp_key_ring_tend(node, &settings, NOW + 2, trouble), SP_OK);
    assert_int_equal(verify(f, node, es), SP_NOT_FOUND);
    assert_int_equal(verify(f, node, ed), SP_OK); /* of the other algorithm nothing was said */
    const struct sp_str next = sign(f, node, ES, NOW + 2);
    assert_int_equal(verify(f, ring, next), SP_OK);
    rotate(ring, &settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_LEAKED, NOW + 3);
    assert_int_equal(sp_key_ring_withdrawn(ring), 2);
    assert_int_equal(verify(f, ring, next), SP_NOT_FOUND);
    assert_int_equal(verify(f, ring, ed), SP_NOT_FOUND);
    assert_int_equal(verify(f, ring, sign(f, ring, ED, NOW + 3)), SP_OK);
    assert_int_equal(count_keys(f), 2);
    sp_key_ring_destroy(&ring);
    sp_key_ring_destroy(&node);
}

static void an_algorithm_of_before_can_leak_too(void **state)
{
    const struct store_fixture *f = store_fixture_of(state);
    const struct sp_authority_settings old = settings_of(ED, 0), settings = settings_of(ES, 0);
    char trouble[256] = "";
    struct sp_key_ring *ring = open_ring(f->store, &old);
    assert_int_equal(sp_key_ring_tend(ring, &settings, NOW + 1, trouble), SP_OK);
    const struct sp_str stands_in = sign(f, ring, SP_ALGORITHM_UNKNOWN, NOW + 1);
    assert_int_equal(sp_key_ring_algorithm(ring, SP_ALGORITHM_UNKNOWN, NOW + 1), ED);
    rotate(ring, &settings, ED, SP_KEYS_LEAKED, NOW + 2);
    assert_int_equal(verify(f, ring, stands_in), SP_NOT_FOUND);
    assert_int_equal(count_keys(f), 1);
    assert_int_equal(sp_key_ring_algorithm(ring, SP_ALGORITHM_UNKNOWN, NOW + 2), ES);
    assert_int_equal(sp_key_ring_rotate(ring, &settings, ED, SP_KEYS_LEAKED, NOW + 3, trouble), SP_UNSUPPORTED);
    sp_key_ring_destroy(&ring);
}

static void a_full_ring_says_until_when_and_has_room_for_what_is_due(void **state)
{
    const struct store_fixture *f = store_fixture_of(state);
    struct sp_authority_settings settings = settings_of(ES, 0);
    char trouble[256] = "";
    int64_t now = NOW;
    struct sp_key_ring *ring = open_ring(f->store, &settings);
    enum sp_status status = SP_OK;
    while (status == SP_OK && now < NOW + 100)
        status = sp_key_ring_rotate(ring, &settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_AT_ONCE, ++now, trouble);
    assert_int_equal(status, SP_TOO_LARGE);
    /* The first one signed until NOW + 1; its last token lives an hour, and clocks differ by two minutes. */
    assert_true(strstr(trouble, " 47 signing keys, ") != NULL);
    assert_true(strstr(trouble, "2027-01-15T09:02:01Z") != NULL);
    assert_int_equal(count_keys(f), 47);
    settings.rotation_s = OVERLAP; /* due at once */
    assert_int_equal(sp_key_ring_tend(ring, &settings, now, trouble), SP_OK);
    assert_int_equal(count_keys(f), 48);
    settings.rotation_s = 0;
    now = NOW + LIFETIME + 120 + 3; /* some are gone, enough for one more */
    sp_key_ring_believe(ring, now);
    rotate(ring, &settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_AT_ONCE, now);
    rotate(ring, &settings, SP_ALGORITHM_UNKNOWN, SP_KEYS_LEAKED, now);
    assert_int_equal(count_keys(f), 1);
    sp_key_ring_destroy(&ring);
}

static void of_two_rotations_in_one_second_one_key_is_left(void **state)
{
    const struct store_fixture *f = store_fixture_of(state);
    const struct sp_authority_settings settings = settings_of(ES, 0);
    struct sp_stored_key *keys = NULL;
    size_t count = 0, endless = 0;
    struct sp_key_ring *ring = open_ring(f->store, &settings);
    rotate(ring, &settings, ES, SP_KEYS_AT_ONCE, NOW);
    rotate(ring, &settings, ES, SP_KEYS_AT_ONCE, NOW);
    assert_int_equal(f->store->methods->list_keys(f->store, f->arena, &keys, &count), SP_OK);
    for (size_t i = 0; i < count; i++)
        endless += keys[i].active_until == 0;
    assert_int_equal(count, 3);
    assert_int_equal(endless, 1);
    sp_key_ring_destroy(&ring);
}

/* What the server's errand does. */
static void make_wanted(struct sp_key_ring *ring)
{
    struct sp_signer *made = NULL;
    enum sp_algorithm wanted = sp_key_ring_wanted(ring);
    assert_int_equal(sp_signer_generate(sp_algorithm_get(wanted)->name, &made), SP_OK);
    sp_key_ring_give(ring, &made);
    assert_null(made);
}

static void a_server_waits_for_a_key_that_is_made_elsewhere(void **state)
{
    const struct store_fixture *f = store_fixture_of(state);
    struct sp_authority_settings settings = settings_of(ES, 0);
    struct sp_signer *none = NULL;
    char trouble[256] = "";
    int64_t now = NOW + 10 * OVERLAP;
    struct sp_key_ring *ring = open_ring(f->store, &settings);
    settings.rotation_s = 2 * OVERLAP;
    sp_key_ring_make_elsewhere(ring);
    assert_int_equal(sp_key_ring_wanted(ring), SP_ALGORITHM_UNKNOWN);
    assert_int_equal(sp_key_ring_tend(ring, &settings, now, trouble), SP_OK);
    assert_int_equal(sp_key_ring_wanted(ring), ES);
    assert_int_equal(count_keys(f), 1);
    assert_int_equal(sp_key_ring_tend(ring, &settings, now + 1, trouble), SP_OK); /* not asked for twice */
    sp_key_ring_give(ring, &none);                                                /* it could not be made */
    assert_int_equal(sp_key_ring_wanted(ring), SP_ALGORITHM_UNKNOWN);
    assert_int_equal(sp_key_ring_tend(ring, &settings, now + 2, trouble), SP_OK);
    make_wanted(ring);
    assert_int_equal(count_keys(f), 1);
    assert_int_equal(sp_key_ring_tend(ring, &settings, now + 3, trouble), SP_OK);
    assert_int_equal(count_keys(f), 2);
    assert_int_equal(sp_key_ring_wanted(ring), SP_ALGORITHM_UNKNOWN);
    /* Clients ask for the first one of an algorithm already. */
    settings.algorithms |= BIT(ED);
    assert_int_equal(sp_key_ring_tend(ring, &settings, now + 4, trouble), SP_OK);
    assert_int_equal(sp_key_ring_algorithm(ring, ED, now + 4), ED);
    sp_key_ring_destroy(&ring);
}

static void of_two_servers_that_make_a_key_one_adds_it(void **state)
{
    struct store_fixture *f = store_fixture_of(state);
    struct sp_authority_settings settings = settings_of(ES, 0);
    char trouble[256] = "";
    int64_t now = NOW + 10 * OVERLAP;
    struct sp_key_ring *nodes[] = {open_ring(f->store, &settings), open_ring(f->other, &settings)};
    settings.rotation_s = 2 * OVERLAP;
    for (size_t i = 0; i < 2; i++) {
        sp_key_ring_make_elsewhere(nodes[i]);
        assert_int_equal(sp_key_ring_tend(nodes[i], &settings, now, trouble), SP_OK);
        assert_int_equal(sp_key_ring_wanted(nodes[i]), ES);
    }
    for (size_t i = 0; i < 2; i++) {
        make_wanted(nodes[i]);
        assert_int_equal(sp_key_ring_tend(nodes[i], &settings, now + 1, trouble), SP_OK);
        assert_int_equal(sp_key_ring_wanted(nodes[i]), SP_ALGORITHM_UNKNOWN);
    }
    assert_int_equal(count_keys(f), 2);
    assert_int_equal(verify(f, nodes[1], sign(f, nodes[0], ES, now + OVERLAP + 1)), SP_OK);
    for (size_t i = 0; i < 2; i++)
        sp_key_ring_destroy(&nodes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_ROW(processes_that_start_together_make_one_key_and_all_of_them_start),
        STORE_ROW(while_another_process_changes_the_keys_a_server_goes_on_and_a_command_waits),
        STORE_ROW(after_a_leak_a_fresh_key_signs_and_nothing_of_before_is_good),
        STORE_ROW(an_algorithm_of_before_can_leak_too),
        STORE_ROW(a_full_ring_says_until_when_and_has_room_for_what_is_due),
        STORE_ROW(of_two_rotations_in_one_second_one_key_is_left),
        STORE_ROW(a_server_waits_for_a_key_that_is_made_elsewhere),
        STORE_ROW(of_two_servers_that_make_a_key_one_adds_it),
    };
    return cmocka_run_group_tests(tests, store_postgres_start, store_postgres_stop);
}
