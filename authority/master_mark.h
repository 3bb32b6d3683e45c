/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the master key is the one that this store was used with before. What is sealed under another tells by itself;
 * names that are made under it (subject.h) do not: they would silently be others, and every person a stranger to the
 * clients that know them by one. So the store keeps a mark of the key, from which nothing of it can be read, and of
 * each earlier one from when until when it was in use: where an old key is given back, the names that were first told
 * in its times are right again and only the others are lost. */
#ifndef SP_AUTHORITY_MASTER_MARK_H
#define SP_AUTHORITY_MASTER_MARK_H

#include "authority/store.h"

struct sp_master_change {
    int64_t lost_names;  /* told under another master key; 0: under this one, or none, or the key is no other */
    bool is_known_again; /* this one was in use before, and another since */
};

/* From then on the mark is this key's. Begins a write and flushes. */
SP_MUST_CHECK enum sp_status sp_master_mark_check(struct sp_store *store, const unsigned char process_secret[32],
                                                  struct sp_arena *arena, int64_t now, struct sp_master_change *change);

#endif
