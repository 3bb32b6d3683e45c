/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store.h"

enum sp_status sp_store_settle(struct sp_store *store, enum sp_status status)
{
    if (status == SP_OK)
        return store->methods->keep(store);
    store->methods->undo(store);
    return status;
}

enum sp_status sp_store_commit(struct sp_store *store, enum sp_status status)
{
    enum sp_status settled = sp_store_settle(store, status), flushed = store->methods->flush(store);
    return settled == SP_OK ? flushed : settled;
}
