/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/faulty_store.h"

#include <stdio.h>
#include "authority/store_sql.h"

static struct {
    struct sp_sql_store *store;
    struct sp_sql_store real; /* its functions before */
    struct sp_store_methods methods;
    unsigned left; /* steps until it fails */
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

void faulty_store_fail_at(struct sp_store *store, unsigned step)
{
    struct sp_sql_store *sql = (struct sp_sql_store *)store;
    if (sql->run != run) {
        faults.store = sql;
        faults.real = *sql;
        faults.methods = *store->methods;
        faults.methods.begin = begin;
        store->methods = &faults.methods;
        sql->run = run;
        sql->release = release;
    }
    faults.left = step;
    faults.has_failed = false;
}

bool faulty_store_has_failed(void)
{
    return faults.has_failed;
}
