/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/private_postgres.h"
#include "tests/support/store_fixture.h"

static bool has_postgres;

static enum sp_status try_open(const struct store_fixture *f, struct sp_store **store, char trouble[256])
{
    const struct sp_postgres_terms terms = {.url = sp_str_from_cstr(private_postgres_url()),
                                            .schema = sp_str_from_cstr(f->schema)};
    return f->back_end == STORE_SQLITE ? sp_store_open_sqlite(f->path, store, trouble)
                                       : sp_store_open_postgres(&terms, store, trouble);
}

struct sp_store *store_open_one(const struct store_fixture *f)
{
    char trouble[256] = "";
    struct sp_store *store = NULL;
    if (try_open(f, &store, trouble) != SP_OK)
        fail_msg("the store does not open: %s", trouble);
    return store;
}

struct sp_store *store_open_in_child(const struct store_fixture *f)
{
    char trouble[256] = "";
    struct sp_store *store = NULL;
    if (try_open(f, &store, trouble) == SP_OK)
        return store;
    fprintf(stderr, "the store does not open: %s\n", trouble);
    _exit(3);
}

int store_fixture_open(void **state)
{
    static int count;
    struct store_fixture *f = calloc(1, sizeof *f);
    f->back_end = *(const enum store_back_end *)*state;
    *state = NULL;
    if (f->back_end == STORE_POSTGRES && !has_postgres) {
        free(f);
        return 0;
    }
    char directory[] = "/tmp/sp-store-XXXXXX";
    if (f->back_end == STORE_SQLITE) {
        assert_non_null(mkdtemp(directory));
        snprintf(f->path, sizeof f->path, "%s/authority.sqlite", directory);
    }
    snprintf(f->schema, sizeof f->schema, "test_%d", ++count);
    f->store = store_open_one(f);
    f->other = store_open_one(f);
    f->arena = sp_arena_create(1 << 20);
    *state = f;
    return 0;
}

int store_fixture_close(void **state)
{
    struct store_fixture *f = *state;
    if (f == NULL)
        return 0;
    f->store->methods->destroy(&f->store);
    f->other->methods->destroy(&f->other);
    if (f->back_end == STORE_SQLITE) {
        unlink(f->path);
        *strrchr(f->path, '/') = '\0';
        assert_int_equal(rmdir(f->path), 0); /* nothing is left lying about */
    }
    sp_arena_destroy(&f->arena);
    free(f);
    return 0;
}

struct store_fixture *store_fixture_of(void **state)
{
    if (*state == NULL)
        skip();
    return *state;
}

struct sp_ticket store_ticket_of(enum sp_ticket_kind kind, unsigned char id)
{
    struct sp_ticket ticket = {.kind = kind,
                               .client_id = SP_STR("app"),
                               .subject = SP_STR("ann"),
                               .issued_at = 100,
                               .expires_at = 200,
                               .data = SP_STR("{\"scope\":\"a\"}")};
    memset(ticket.hash, id, sizeof ticket.hash);
    return ticket;
}

void store_put_kept(struct sp_store *store, const struct sp_ticket *ticket)
{
    assert_int_equal(store->methods->begin(store), SP_OK);
    assert_int_equal(store->methods->put_ticket(store, ticket, NULL), SP_OK);
    assert_int_equal(store->methods->keep(store), SP_OK);
    assert_int_equal(store->methods->flush(store), SP_OK);
}

enum sp_status store_find(struct store_fixture *f, struct sp_store *store, const struct sp_ticket *like,
                          struct sp_ticket *out)
{
    return store->methods->find_ticket(store, like->kind, like->hash, f->arena, out);
}

int store_postgres_start(void **state)
{
    (void)state;
    has_postgres = private_postgres_start();
    return 0;
}

int store_postgres_stop(void **state)
{
    (void)state;
    private_postgres_stop();
    return 0;
}
