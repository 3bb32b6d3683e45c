/* SPDX-License-Identifier: Apache-2.0 */
/* A store of either back end, opened twice as two processes have it, empty and gone with the test. */
#ifndef SP_TESTS_STORE_FIXTURE_H
#define SP_TESTS_STORE_FIXTURE_H

#include "authority/store.h"

enum store_back_end { STORE_SQLITE, STORE_POSTGRES };

struct store_fixture {
    enum store_back_end back_end;
    char path[64];                  /* SQLite's file */
    char schema[32];                /* PostgreSQL's, one a test */
    struct sp_store *store, *other; /* other: a second process's view */
    struct sp_arena *arena;
};

/* Rows of a table of tests: on one back end, on every one. */
#define STORE_ON(test, title, back_end)                                                                                \
    {                                                                                                                  \
        title ": " #test, test, store_fixture_open, store_fixture_close, &(enum store_back_end)                        \
        {                                                                                                              \
            back_end                                                                                                   \
        }                                                                                                              \
    }
#define STORE_SQLITE_ROW(test) STORE_ON(test, "SQLite", STORE_SQLITE)
#define STORE_POSTGRES_ROW(test) STORE_ON(test, "PostgreSQL", STORE_POSTGRES)
#define STORE_ROW(test) STORE_SQLITE_ROW(test), STORE_POSTGRES_ROW(test)

/* Before and after a group of tests: the server of its PostgreSQL rows. */
int store_postgres_start(void **state);
int store_postgres_stop(void **state);
/* Before and after a test; *state is the back end before it. */
int store_fixture_open(void **state);
int store_fixture_close(void **state);
/* The test's fixture; skips the test where there is no PostgreSQL. */
struct store_fixture *store_fixture_of(void **state);

/* Once more what the fixture opened; fails the test, or ends the child, when it cannot. */
struct sp_store *store_open_one(const struct store_fixture *f);
struct sp_store *store_open_in_child(const struct store_fixture *f);

/* Of app for ann, from 100 to 200; the hash is 32 times `id`. */
struct sp_ticket store_ticket_of(enum sp_ticket_kind kind, unsigned char id);
/* In a call and a turn of its own. */
void store_put_kept(struct sp_store *store, const struct sp_ticket *ticket);
enum sp_status store_find(struct store_fixture *f, struct sp_store *store, const struct sp_ticket *like,
                          struct sp_ticket *out);

#endif
