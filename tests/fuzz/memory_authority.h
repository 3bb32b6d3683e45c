/* SPDX-License-Identifier: Apache-2.0 */
/* An authority whose store is in memory, as long as the process, and requests that are written as lines of text. */
#ifndef SP_FUZZ_MEMORY_AUTHORITY_H
#define SP_FUZZ_MEMORY_AUTHORITY_H

#include "authority/authority.h"
#include "authority/key_ring.h"
#include "tests/fuzz/known.h"

/* Of this `authority:` section, the same at each call; *is_new: it was made by this one. */
static inline struct sp_authority *memory_authority(struct sp_str section, bool *is_new)
{
    static struct sp_authority one;
    static struct sp_authority_settings settings;
    static struct sp_arena *arena; /* as long as the process, and seen by the leak sanitizer */
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    struct sp_settings_error wrong;
    char trouble[256];
    unsigned char master_key[32] = {1};
    *is_new = one.settings == NULL;
    if (one.settings != NULL)
        return &one;
    arena = sp_arena_create(1 << 20);
    ALWAYS(sp_json_parse(arena, section, &sp_json_limits_document, &json, &error) == SP_OK);
    ALWAYS(sp_authority_settings_read(arena, json, SP_STR_NONE, &settings, &wrong) == SP_OK);
    ALWAYS(sp_store_open_sqlite(":memory:", &one.store, trouble) == SP_OK);
    ALWAYS(sp_key_ring_create(one.store, &settings, master_key, 1800000000, &one.keys, trouble) == SP_OK);
    one.settings = &settings;
    return &one;
}

/* Takes the text up to `end` off the rest, and `end` with it. */
static inline struct sp_str cut(struct sp_str *rest, char end)
{
    size_t at = sp_str_index_of(*rest, end, 0);
    struct sp_str piece = sp_str_slice(*rest, 0, at);
    *rest = sp_str_slice(*rest, at + 1, rest->len);
    return piece;
}

#endif
