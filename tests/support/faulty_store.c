/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/faulty_store.h"

#include <stdio.h>
#include "authority/store_sql.h"

static struct {
    struct sp_sql_store *store;
    struct sp_sql_store real; /* its functions before */
    struct sp_store_methods methods;
    unsigned left;       /* steps until it fails */
    unsigned turns_left; /* flushes of something until one fails */
    uint64_t kept;       /* calls, before this turn */
    bool has_failed;
} faults;

static bool fails(void)
{
    if (faults.left == 0 || --faults.left > 0)
        return false;
    faults.has_failed = true;
    snprintf(faults.store->store.trouble, sizeof faults.store->store.trouble, "no more room");
    return true;
}

static enum sp_status begin(struct sp_store *store)
{
    return fails() ? SP_IO : faults.real.store.methods->begin(store);
}

static enum sp_status run(struct sp_sql_store *store, const struct sp_sql_query *query)
{
    return fails() ? SP_IO : faults.real.run(store, query);
}

static enum sp_status release(struct sp_sql_store *store)
{
    return fails() ? SP_IO : faults.real.release(store);
}

/* As on a full disk: SQLite rolls back by itself, and the store finds that out when it commits. ROLLBACK stands third
 * behind the statements of store_statements.def (store_sqlite.c). */
static enum sp_status flush(struct sp_store *store)
{
    const bool holds_something = faults.store->in_turn && store->kept != faults.kept;
    faults.kept = store->kept;
    if (holds_something && faults.turns_left > 0 && --faults.turns_left == 0) {
        const struct sp_sql_query rollback = {.statement = (enum sp_statement)(SP_SQL_COUNT + 2)};
        faults.has_failed = true;
        if (faults.real.run(faults.store, &rollback) != SP_OK)
            return SP_NO_MEMORY;
    }
    return faults.real.store.methods->flush(store);
}

static void take_over(struct sp_store *store)
{
    struct sp_sql_store *sql = (struct sp_sql_store *)store;
    if (sql->run != run) {
        faults.store = sql;
        faults.real = *sql;
        faults.methods = *store->methods;
        faults.methods.begin = begin;
        faults.methods.flush = flush;
        store->methods = &faults.methods;
        sql->run = run;
        sql->release = release;
    }
    faults.left = 0;
    faults.turns_left = 0;
    faults.kept = store->kept;
    faults.has_failed = false;
}

void faulty_store_fail_at(struct sp_store *store, unsigned step)
{
    take_over(store);
    faults.left = step;
}

void faulty_store_lose_turn(struct sp_store *store, unsigned turn)
{
    take_over(store);
    faults.turns_left = turn;
}

bool faulty_store_has_failed(void)
{
    return faults.has_failed;
}
