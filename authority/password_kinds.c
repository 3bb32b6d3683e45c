/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/password_kinds.h"

#include "authority/password.h"
#include "core/base/limits.h"

#define DAY_S 86400
/* Since a sign-in met it last. */
#define LIFETIME_S (90 * DAY_S)
/* Of the lengths of their hashes, all of which are one that no password has. */
#define DOTS_43 "..........................................."
#define DOTS_53 DOTS_43 ".........."
#define DOTS_86 DOTS_43 DOTS_43

struct family {
    struct sp_str prefix;
    size_t fields;      /* how many `$` end the kind */
    struct sp_str kind; /* of all with the prefix: they cost the same */
    const char *salt_and_hash;
};

static const struct family families[] = {
    {{"$2a$", 4}, 3, {"$2b$", 4}, DOTS_53},
    {{"$2b$", 4}, 3, {"$2b$", 4}, DOTS_53},
    {{"$2y$", 4}, 3, {"$2b$", 4}, DOTS_53},
    {{"$5$rounds=", 10}, 3, {"$5$rounds=", 10}, "nobodysownsalt$" DOTS_43},
    {{"$5$", 3}, 2, {"$5$", 3}, "nobodysownsalt$" DOTS_43},
    {{"$6$rounds=", 10}, 3, {"$6$rounds=", 10}, "nobodysownsalt$" DOTS_86},
    {{"$6$", 3}, 2, {"$6$", 3}, "nobodysownsalt$" DOTS_86},
    {{"$argon2id$", 10}, 4, {"$argon2id$", 10}, "bm9ib2R5J3Mgb3duIHNhbA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
};

static const struct family *family_of(struct sp_str encoded)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (sp_str_has_prefix(encoded, families[i].prefix))
            return &families[i];
    return NULL;
}

struct sp_str sp_password_kind(struct sp_arena *arena, struct sp_str encoded)
{
    const struct family *family = family_of(encoded);
    size_t end = 0;
    if (family == NULL)
        return SP_STR_NONE;
    for (size_t i = 0; i < family->fields; i++)
        end = sp_str_index_of(encoded, '$', end) + 1;
    struct sp_str rest = sp_str_slice(encoded, family->prefix.len, end);
    return sp_arena_printf(arena, "%.*s%.*s", SP_STR_ARG(family->kind), SP_STR_ARG(rest));
}

static struct sp_str decoy_of(struct sp_arena *arena, struct sp_str kind)
{
    const struct family *family = family_of(kind);
    return family != NULL ? sp_arena_printf(arena, "%.*s%s", SP_STR_ARG(kind), family->salt_and_hash) : SP_STR_NONE;
}

static enum sp_status list(struct sp_store *store, struct sp_arena *arena, struct sp_record **kinds, size_t *count)
{
    return store->methods->list_records(store, SP_RECORD_PASSWORD_KIND, SP_STR_NONE, SP_STR(""), SP_MAX_PASSWORD_KINDS,
                                        arena, kinds, count);
}

static bool is_of_the_past(const struct sp_record *kind, int64_t now)
{
    return now - kind->created_at > LIFETIME_S;
}

enum sp_status sp_password_kinds_note(struct sp_store *store, struct sp_arena *arena, struct sp_str encoded,
                                      int64_t now)
{
    struct sp_record *kinds = NULL, fresh = {.kind = SP_RECORD_PASSWORD_KIND, .data = SP_STR("{}"), .created_at = now};
    size_t count = 0, left = 0;
    if (family_of(encoded) == NULL)
        return SP_OK;
    fresh.id = sp_password_kind(arena, encoded);
    struct sp_str own = sp_password_kind(arena, sp_password_of_nobody());
    if (fresh.id.at == NULL || own.at == NULL)
        return SP_NO_MEMORY;
    if (sp_str_equal(fresh.id, own))
        return SP_OK;
    enum sp_status status = list(store, arena, &kinds, &count);
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        int64_t age_s = now - kinds[i].created_at;
        if (sp_str_equal(kinds[i].id, fresh.id) && age_s >= -DAY_S && age_s <= DAY_S)
            return SP_OK;
        if (sp_str_equal(kinds[i].id, fresh.id))
            continue;
        if (is_of_the_past(&kinds[i], now))
            status = store->methods->drop_record(store, SP_RECORD_PASSWORD_KIND, kinds[i].id);
        else
            left++;
        status = status == SP_NOT_FOUND ? SP_OK : status; /* another node was faster */
    }
    if (status != SP_OK || left == SP_MAX_PASSWORD_KINDS)
        return status;
    return store->methods->put_record(store, &fresh, NULL);
}

enum sp_status sp_password_kinds_besides(struct sp_store *store, struct sp_arena *arena, struct sp_str encoded,
                                         int64_t now, struct sp_str **besides, size_t *count)
{
    struct sp_record *kinds = NULL;
    size_t kind_count = 0, found = 0;
    struct sp_str own = sp_password_kind(arena, encoded), ours = sp_password_kind(arena, sp_password_of_nobody());
    enum sp_status status = list(store, arena, &kinds, &kind_count);
    struct sp_str *decoys = sp_arena_calloc(arena, kind_count + 1, sizeof *decoys);
    if (status != SP_OK || decoys == NULL || ours.at == NULL)
        return status != SP_OK ? status : SP_NO_MEMORY;
    if (!sp_str_equal(own, ours))
        decoys[found++] = sp_password_of_nobody();
    for (size_t i = 0; i < kind_count; i++) {
        if (is_of_the_past(&kinds[i], now) || sp_str_equal(kinds[i].id, own))
            continue;
        decoys[found] = decoy_of(arena, kinds[i].id);
        if (decoys[found].at == NULL)
            return SP_NO_MEMORY;
        found++;
    }
    *besides = decoys;
    *count = found;
    return SP_OK;
}
