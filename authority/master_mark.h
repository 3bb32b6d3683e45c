/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the master key is the one that this store was used with before. What is sealed under another tells by itself;
 * names that are made under it (subject.h) do not: they would silently be others, and every person a stranger to the
 * clients that know them by one. So the store keeps a mark of the key, from which nothing of it can be read. */
#ifndef SP_AUTHORITY_MASTER_MARK_H
#define SP_AUTHORITY_MASTER_MARK_H

#include "authority/store.h"

/* *lost_names: how many names were told under another master key; 0: under this one, or none. From then on the mark is
 * this key's. Begins a write and flushes. */
SP_MUST_CHECK enum sp_status sp_master_mark_check(struct sp_store *store, const unsigned char process_secret[32],
                                                  struct sp_arena *arena, int64_t now, int64_t *lost_names);

#endif
