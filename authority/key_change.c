/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/key_change.h"

#include <stdio.h>
#include "authority/id_token.h"
#include "authority/token_lifetime.h"
#include "core/base/secret.h"
#include "core/jose/crypto_seal.h"

/* Clocks of verifiers differ; a key stays this much longer than its last token. */
#define FORGET_MARGIN_S 120

void sp_key_change_collect(const struct sp_key_ring *ring, struct sp_key_times times[SP_MAX_RING_KEYS])
{
    for (size_t i = 0; i < ring->count; i++)
        times[i] = ring->keys[i].times;
}

enum sp_status sp_key_change_explain(const struct sp_key_ring *ring, enum sp_status status, char trouble[256])
{
    if (status == SP_IO)
        snprintf(trouble, 256, "the store: %.230s", ring->store->trouble);
    else if (status == SP_NOT_FOUND)
        snprintf(
            trouble, 256,
            "the signing keys in the store are sealed under another master key: give that one back (keys.master_key or "
            "STATE/authority.master_key)");
    else if (status != SP_OK)
        snprintf(trouble, 256, "signing keys: %s", sp_status_text(status));
    return status;
}

static enum sp_status store_key(struct sp_key_ring *ring, struct sp_arena *arena, const struct sp_ring_key *key)
{
    struct sp_str der, kid = sp_signer_kid(key->signer);
    enum sp_status status = sp_signer_export(key->signer, arena, &der);
    if (status != SP_OK)
        return status;
    struct sp_stored_key stored = {.kid = kid,
                                   .algorithm = sp_signer_algorithm(key->signer),
                                   .created_at = key->times.created_at,
                                   .active_from = key->times.active_from,
                                   .active_until = key->times.active_until,
                                   .forget_at = key->times.forget_at};
    status = sp_seal(ring->master_key, kid, der, arena, &stored.sealed);
    sp_wipe((char *)(uintptr_t)der.at, der.len);
    return status == SP_OK ? ring->store->methods->put_key(ring->store, &stored) : status;
}

static void retire(const struct sp_key_ring *ring, struct sp_key_times *times, int64_t at)
{
    int64_t longest = ring->longest_s;
    if (longest < SP_ID_TOKEN_LIFETIME_S)
        longest = SP_ID_TOKEN_LIFETIME_S;
    times->active_until = at;
    times->forget_at = at + longest + FORGET_MARGIN_S;
}

static enum sp_status prolong(struct sp_key_ring *ring, struct sp_arena *arena, struct sp_ring_key *key, int64_t until)
{
    key->times.active_until = key->times.forget_at = 0;
    if (until != 0)
        retire(ring, &key->times, until);
    return store_key(ring, arena, key);
}

/* Tokens may live longer from now on: so do the keys whose end is set but that sign yet. */
static enum sp_status lengthen(struct sp_key_ring *ring, struct sp_arena *arena, int64_t longest_s, int64_t now)
{
    enum sp_status status = sp_token_lifetime_put(ring->store, arena, longest_s, now);
    if (status != SP_OK)
        return status;
    ring->longest_s = longest_s;
    for (size_t i = 0; i < ring->count && status == SP_OK; i++) {
        struct sp_ring_key *key = &ring->keys[i];
        if (key->times.active_until <= now)
            continue; /* signs no more, or has no end */
        retire(ring, &key->times, key->times.active_until);
        status = store_key(ring, arena, key);
    }
    return status;
}

/* A key that waited for a later moment is brought forward in place of making another: verifiers know it already. */
static enum sp_status bring_forward(struct sp_key_ring *ring, struct sp_arena *arena, const struct sp_key_plan *plan,
                                    bool *done)
{
    for (size_t i = 0; i < ring->count; i++) {
        struct sp_ring_key *key = &ring->keys[i];
        if (key->times.algorithm != plan->algorithm || key->times.active_from <= plan->at)
            continue;
        key->times.active_from = plan->at;
        *done = true;
        return store_key(ring, arena, key);
    }
    return SP_OK;
}

/* Adds a key that signs from plan->at; whoever would sign by its algorithm then ends there. */
static enum sp_status add_key(struct sp_key_ring *ring, struct sp_arena *arena, const struct sp_key_plan *plan,
                              int64_t now)
{
    struct sp_ring_key fresh = {.times = {.created_at = now, .active_from = plan->at, .algorithm = plan->algorithm}};
    bool brought_forward = false;
    enum sp_status status = bring_forward(ring, arena, plan, &brought_forward);
    for (size_t i = 0; i < ring->count && status == SP_OK; i++) {
        struct sp_ring_key *key = &ring->keys[i];
        bool ends = key->times.algorithm == plan->algorithm && key->times.active_from < plan->at &&
                    (key->times.active_until == 0 || key->times.active_until > plan->at);
        if (ends) {
            retire(ring, &key->times, plan->at);
            status = store_key(ring, arena, key);
        }
    }
    if (status != SP_OK || brought_forward)
        return status;
    if (ring->count == SP_MAX_RING_KEYS)
        return SP_TOO_LARGE;
    status = sp_signer_generate(sp_algorithm_get(plan->algorithm)->name, &fresh.signer);
    if (status == SP_OK)
        status = store_key(ring, arena, &fresh);
    if (status == SP_OK)
        ring->keys[ring->count++] = fresh;
    else
        sp_signer_destroy(&fresh.signer);
    return status;
}

static enum sp_status forget_key(struct sp_key_ring *ring, size_t index)
{
    struct sp_ring_key *key = &ring->keys[index];
    enum sp_status status = ring->store->methods->drop_key(ring->store, sp_signer_kid(key->signer));
    if (status != SP_OK)
        return status;
    sp_signer_destroy(&key->signer);
    memmove(key, key + 1, (ring->count - index - 1) * sizeof *key);
    ring->count--;
    return SP_OK;
}

static enum sp_status do_deed(struct sp_key_ring *ring, struct sp_arena *arena, const struct sp_key_plan *plan,
                              int64_t now)
{
    switch (plan->deed) {
    case SP_KEYS_GENERATE:
        return add_key(ring, arena, plan, now);
    case SP_KEYS_RETIRE:
        retire(ring, &ring->keys[plan->index].times, plan->at);
        return store_key(ring, arena, &ring->keys[plan->index]);
    case SP_KEYS_PROLONG:
        return prolong(ring, arena, &ring->keys[plan->index], plan->at);
    case SP_KEYS_FORGET:
        return forget_key(ring, plan->index);
    case SP_KEYS_FINE:
        break;
    }
    return SP_OK;
}

struct sp_key_plan sp_key_change_due(const struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                     int64_t now)
{
    struct sp_key_times times[SP_MAX_RING_KEYS];
    const struct sp_key_policy policy = {settings->algorithm, settings->algorithms, settings->rotation_s,
                                         settings->overlap_s, ring->forget_until};
    sp_key_change_collect(ring, times);
    return sp_key_plan(times, ring->count, &policy, now);
}

/* Runs deeds inside one write of the store, on its newest state: another process may rotate at the same moment. */
enum sp_status sp_key_change_run(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                 const struct sp_key_plan *first, size_t first_count, int64_t now, char trouble[256])
{
    struct sp_store *store = ring->store;
    struct sp_arena *arena = sp_arena_create(SP_RING_ARENA_BYTES);
    if (arena == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK) {
        sp_arena_destroy(&arena);
        return sp_key_change_explain(ring, status, trouble);
    }
    status = sp_key_ring_reload(ring, trouble);
    if (status == SP_OK && settings->max_token_lifetime_s > ring->longest_s)
        status = lengthen(ring, arena, settings->max_token_lifetime_s, now);
    for (size_t i = 0; status == SP_OK && i < first_count; i++)
        status = do_deed(ring, arena, &first[i], now);
    for (struct sp_key_plan plan;
         status == SP_OK && (plan = sp_key_change_due(ring, settings, now)).deed != SP_KEYS_FINE;)
        status = do_deed(ring, arena, &plan, now);
    status = sp_store_commit(store, status);
    if (status != SP_OK) {
        char ignored[256];
        sp_key_change_explain(ring, status, trouble);
        if (sp_key_ring_reload(ring, ignored) != SP_OK)
            status = SP_IO; /* what is in memory stays in use; the next tending tries again */
    }
    sp_arena_destroy(&arena);
    return status;
}
