/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/jwk_set.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/limits.h"

/* What users see is the first member; the rest is ours. */
struct owned_set {
    struct sp_jwk_set set;
    struct sp_arena *arena;
    struct sp_jwk *keys;
    unsigned references;
};

#define SET_ARENA_BYTES (8u * 1024 * 1024)

static struct owned_set *owned(const struct sp_jwk_set *set)
{
    return (struct owned_set *)(uintptr_t)set;
}

static void destroy(struct owned_set *own)
{
    for (size_t i = 0; i < own->set.count; i++)
        sp_jwk_fini(&own->keys[i]);
    sp_arena_destroy(&own->arena);
    free(own);
}

struct sp_jwk_set *sp_jwk_set_ref(const struct sp_jwk_set *set)
{
    owned(set)->references++;
    return &owned(set)->set;
}

void sp_jwk_set_unref(struct sp_jwk_set **set)
{
    if (*set == NULL)
        return;
    struct owned_set *own = owned(*set);
    *set = NULL;
    assert(own->references > 0);
    if (--own->references == 0)
        destroy(own);
}

static struct owned_set *create(size_t room)
{
    struct owned_set *own = calloc(1, sizeof *own);
    if (own == NULL)
        return NULL;
    own->references = 1;
    own->arena = sp_arena_create(SET_ARENA_BYTES);
    own->keys = own->arena != NULL ? sp_arena_calloc(own->arena, room + 1, sizeof *own->keys) : NULL;
    own->set.keys = own->keys;
    if (own->keys != NULL)
        return own;
    destroy(own);
    return NULL;
}

static bool has_kid(const struct owned_set *own, struct sp_str kid)
{
    return kid.at != NULL && sp_jwk_set_find(&own->set, kid, 0) != NULL;
}

/* One member: a key more, or a skipped one more. */
static enum sp_status add(struct owned_set *own, struct sp_jwk_skipped *skipped, const struct sp_json *member,
                          uint32_t index)
{
    struct sp_str evidence = SP_STR_NONE;
    struct sp_jwk jwk = {.index = index};
    enum sp_jwk_fault fault = sp_jwk_parse(own->arena, member, &jwk, &evidence);
    bool is_oct = jwk.key != NULL && sp_key_type(jwk.key) == SP_KEY_TYPE_OCT;
    own->set.has_private = own->set.has_private || jwk.has_private || is_oct;
    if (fault != SP_JWK_OK) {
        skipped[own->set.skipped_count++] = (struct sp_jwk_skipped){index, fault, jwk.kid, evidence};
        return SP_OK;
    }
    if (jwk.key == NULL)
        return SP_NO_MEMORY;
    own->set.has_duplicate_kid = own->set.has_duplicate_kid || has_kid(own, jwk.kid);
    own->keys[own->set.count++] = jwk;
    return SP_OK;
}

enum sp_status sp_jwk_set_from_json(const struct sp_json *json, struct sp_jwk_set **out)
{
    const struct sp_json *keys = sp_json_member(json, SP_STR("keys")), *first = keys != NULL ? keys->first : json;
    uint32_t count = keys != NULL ? keys->count : 1;
    if (keys != NULL ? keys->type != SP_JSON_ARRAY : sp_json_member(json, SP_STR("kty")) == NULL)
        return SP_MALFORMED;
    bool cut = count > SP_MAX_JWKS_KEYS;
    if (cut)
        count = SP_MAX_JWKS_KEYS;
    struct owned_set *own = create(count);
    if (own == NULL)
        return SP_NO_MEMORY;
    own->set.was_cut = cut;
    struct sp_jwk_skipped *skipped = sp_arena_calloc(own->arena, count + 1u, sizeof *skipped);
    enum sp_status status = skipped != NULL ? SP_OK : SP_NO_MEMORY;
    own->set.skipped = skipped;
    const struct sp_json *member = first;
    for (uint32_t i = 0; status == SP_OK && i < count && member != NULL; i++, member = member->next)
        status = add(own, skipped, member, i);
    if (status != SP_OK) {
        destroy(own);
        return status;
    }
    *out = &own->set;
    return SP_OK;
}

enum sp_status sp_jwk_set_parse(struct sp_str text, struct sp_jwk_set **set, struct sp_json_error *error)
{
    const struct sp_json *json;
    if (text.len > SP_MAX_JWKS_BYTES)
        return SP_TOO_LARGE;
    struct sp_arena *arena = sp_arena_create(64u * 1024 * 1024);
    if (arena == NULL)
        return SP_NO_MEMORY;
    struct sp_json_error fault = {0};
    enum sp_status status = sp_json_parse(arena, text, &sp_json_limits_document, &json, &fault);
    if (status == SP_OK)
        status = sp_jwk_set_from_json(json, set);
    if (status != SP_OK && error != NULL) {
        *error = fault;
        /* The name is the arena's, which goes. */
        error->name = SP_STR_NONE;
        if (fault.fault == SP_JSON_OK)
            error->message = "not a key set: no member keys that is an array, and no kty";
    }
    sp_arena_destroy(&arena);
    return status;
}

enum sp_status sp_jwk_set_of_keys(struct sp_key **keys, const struct sp_str *kids, size_t count,
                                  struct sp_jwk_set **set)
{
    struct owned_set *own = create(count);
    enum sp_status status = own != NULL ? SP_OK : SP_NO_MEMORY;
    for (size_t i = 0; i < count && status == SP_OK; i++) {
        struct sp_jwk *jwk = &own->keys[i];
        *jwk = (struct sp_jwk){.may_verify = true, .index = (uint32_t)i};
        if (kids[i].at != NULL)
            status = sp_arena_copy(own->arena, kids[i], &jwk->kid);
        jwk->key = keys[i];
        keys[i] = NULL;
        own->set.count++;
    }
    for (size_t i = 0; i < count; i++)
        sp_key_destroy(&keys[i]);
    if (status != SP_OK && own != NULL)
        destroy(own);
    else if (status == SP_OK)
        *set = &own->set;
    return status;
}

enum sp_status sp_jwk_set_of_key(struct sp_key **key, struct sp_str kid, struct sp_jwk_set **set)
{
    return sp_jwk_set_of_keys(key, &kid, 1, set);
}

const struct sp_jwk *sp_jwk_set_find(const struct sp_jwk_set *set, struct sp_str kid, size_t from)
{
    for (size_t i = from; i < set->count; i++)
        if (set->keys[i].kid.at != NULL && sp_str_equal(set->keys[i].kid, kid))
            return &set->keys[i];
    return NULL;
}

const struct sp_jwk_skipped *sp_jwk_set_find_skipped(const struct sp_jwk_set *set, struct sp_str kid)
{
    for (size_t i = 0; i < set->skipped_count; i++)
        if (set->skipped[i].kid.at != NULL && sp_str_equal(set->skipped[i].kid, kid))
            return &set->skipped[i];
    return NULL;
}
