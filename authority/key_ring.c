/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/key_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include "authority/credible_time.h"
#include "authority/key_change.h"
#include "authority/token_lifetime.h"
#include "authority/token_seal.h"
#include "core/base/secret.h"
#include "core/jose/crypto_seal.h"

/* Who signs. A key that is only published does, when nothing else has the algorithm that a client insists on: better a
 * verifier that looks again than a token it cannot take. */
static const struct sp_ring_key *signing_key(const struct sp_key_ring *ring, enum sp_algorithm algorithm, int64_t now)
{
    struct sp_key_times times[SP_MAX_RING_KEYS];
    sp_key_change_collect(ring, times);
    enum sp_algorithm wanted = algorithm != SP_ALGORITHM_UNKNOWN ? algorithm : ring->standard;
    size_t found = sp_key_plan_active(times, ring->count, wanted, now);
    for (size_t i = 0; algorithm != SP_ALGORITHM_UNKNOWN && found == ring->count && i < ring->count; i++)
        if (times[i].algorithm == algorithm && times[i].active_from > now)
            return &ring->keys[i];
    if (found == ring->count && algorithm == SP_ALGORITHM_UNKNOWN)
        found = sp_key_plan_active(times, ring->count, SP_ALGORITHM_UNKNOWN, now);
    return found < ring->count ? &ring->keys[found] : NULL;
}

static void forget_all(struct sp_key_ring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        sp_signer_destroy(&ring->keys[i].signer);
    ring->count = 0;
    sp_xaes_destroy(&ring->token_seal);
}

static enum sp_status open_key(const struct sp_key_ring *ring, struct sp_arena *arena,
                               const struct sp_stored_key *stored, struct sp_ring_key *key)
{
    struct sp_str der;
    enum sp_status status = sp_unseal(ring->master_key, stored->kid, stored->sealed, arena, &der);
    if (status != SP_OK)
        return status;
    status = sp_signer_import(stored->algorithm, der, &key->signer);
    sp_wipe((char *)(uintptr_t)der.at, der.len);
    key->times = (struct sp_key_times){stored->created_at, stored->active_from, stored->active_until, stored->forget_at,
                                       sp_algorithm_find(stored->algorithm)};
    return status;
}

enum sp_status sp_key_ring_reload(struct sp_key_ring *ring, char trouble[256])
{
    struct sp_arena *arena = sp_arena_create(SP_RING_ARENA_BYTES);
    if (arena == NULL)
        return SP_NO_MEMORY;
    struct sp_ring_key keys[SP_MAX_RING_KEYS];
    struct sp_stored_key *stored = NULL;
    size_t count = 0, opened = 0;
    int64_t longest_s = 0;
    struct sp_xaes *seal = NULL;
    enum sp_status status = ring->store->methods->list_keys(ring->store, arena, &stored, &count);
    if (status == SP_OK && count > SP_MAX_RING_KEYS)
        status = SP_TOO_LARGE;
    if (status == SP_OK)
        status = sp_token_lifetime_find(ring->store, arena, &longest_s);
    for (; status == SP_OK && opened < count; opened++) {
        keys[opened] = (struct sp_ring_key){0};
        status = open_key(ring, arena, &stored[opened], &keys[opened]);
        if (status != SP_OK)
            break;
    }
    if (status == SP_OK)
        status = sp_token_seal_find(ring->store, ring->master_key, arena, &seal);
    if (status == SP_OK) {
        forget_all(ring);
        ring->token_seal = seal;
        memcpy(ring->keys, keys, opened * sizeof keys[0]);
        ring->count = opened;
        ring->longest_s = longest_s;
    } else {
        for (size_t i = 0; i < opened; i++)
            sp_signer_destroy(&keys[i].signer);
    }
    sp_arena_destroy(&arena);
    return sp_key_change_explain(ring, status, trouble);
}

void sp_key_ring_believe(struct sp_key_ring *ring, int64_t until)
{
    ring->forget_until = until;
}

static enum sp_status believe_store(struct sp_key_ring *ring, int64_t now, char trouble[256])
{
    struct sp_arena *arena = sp_arena_create(SP_RING_ARENA_BYTES);
    struct sp_credible_time time;
    int64_t kept = 0;
    enum sp_status status = arena != NULL ? sp_credible_time_find(ring->store, arena, &kept) : SP_NO_MEMORY;
    if (status == SP_OK) {
        sp_credible_time_begin(&time, kept, now, 0);
        sp_key_ring_believe(ring, sp_credible_time_until(&time, now));
    }
    sp_arena_destroy(&arena);
    return sp_key_change_explain(ring, status, trouble);
}

static enum sp_status tend(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                           const struct sp_key_change *change, char trouble[256])
{
    ring->standard = settings->algorithm;
    if (ring->wanted != SP_ALGORITHM_UNKNOWN)
        return SP_OK; /* it is being made */
    if (ring->token_seal != NULL && settings->max_token_lifetime_s <= ring->longest_s &&
        sp_key_change_due(ring, settings, change->now).deed == SP_KEYS_FINE) {
        sp_key_change_drop_spares(ring); /* another process was first */
        return SP_OK;
    }
    return sp_key_change_run(ring, settings, change, trouble);
}

enum sp_status sp_key_ring_tend(struct sp_key_ring *ring, const struct sp_authority_settings *settings, int64_t now,
                                char trouble[256])
{
    return tend(ring, settings, &(struct sp_key_change){.now = now}, trouble);
}

/* ---- keys that are made elsewhere ---- */
void sp_key_ring_make_elsewhere(struct sp_key_ring *ring)
{
    ring->makes_elsewhere = true;
}

enum sp_algorithm sp_key_ring_wanted(const struct sp_key_ring *ring)
{
    return ring->wanted;
}

void sp_key_ring_give(struct sp_key_ring *ring, struct sp_signer **takes)
{
    ring->wanted = SP_ALGORITHM_UNKNOWN;
    if (*takes != NULL)
        ring->spares[ring->spare_count++] = *takes;
    *takes = NULL;
}

/* ---- by hand ---- */
enum sp_status sp_key_ring_rotate(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                  enum sp_algorithm algorithm, enum sp_key_haste haste, int64_t now, char trouble[256])
{
    struct sp_key_plan plans[1 + SP_ALGORITHM_COUNT] = {{.deed = SP_KEYS_WITHDRAW, .algorithm = algorithm}};
    bool withdraws = haste == SP_KEYS_LEAKED;
    size_t count = withdraws ? 1 : 0;
    for (unsigned i = SP_ALGORITHM_UNKNOWN + 1; i < SP_ALGORITHM_COUNT; i++) {
        bool meant = algorithm == SP_ALGORITHM_UNKNOWN || algorithm == (enum sp_algorithm)i;
        if (meant && (settings->algorithms & sp_algorithm_bit((enum sp_algorithm)i)) != 0)
            plans[count++] =
                (struct sp_key_plan){.deed = SP_KEYS_GENERATE,
                                     .algorithm = (enum sp_algorithm)i,
                                     .at = haste == SP_KEYS_AFTER_OVERLAP ? now + settings->overlap_s : now};
    }
    /* Keys of an algorithm that was configured once can leak as well. */
    if (count == 0 || (withdraws && count == 1 && !sp_key_change_has(ring, algorithm))) {
        snprintf(trouble, 256, "no keys of that algorithm are configured: see tokens.algorithm and tokens.algorithms");
        return SP_UNSUPPORTED;
    }
    const struct sp_key_change change = {.first = plans, .count = count, .now = now, .is_patient = true};
    return sp_key_change_run(ring, settings, &change, trouble);
}

size_t sp_key_ring_withdrawn(const struct sp_key_ring *ring)
{
    return ring->withdrawn;
}

enum sp_status sp_key_ring_create(struct sp_store *store, const struct sp_authority_settings *settings,
                                  const unsigned char master_key[32], int64_t now, struct sp_key_ring **out,
                                  char trouble[256])
{
    struct sp_key_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return SP_NO_MEMORY;
    ring->store = store;
    memcpy(ring->master_key, master_key, sizeof ring->master_key);
    enum sp_status status = sp_key_ring_reload(ring, trouble);
    if (status == SP_OK)
        status = believe_store(ring, now, trouble);
    if (status == SP_OK)
        status = tend(ring, settings, &(struct sp_key_change){.now = now, .is_patient = true}, trouble);
    if (status != SP_OK)
        sp_key_ring_destroy(&ring);
    else
        *out = ring;
    return status;
}

void sp_key_ring_destroy(struct sp_key_ring **ring)
{
    if (*ring == NULL)
        return;
    forget_all(*ring);
    sp_key_change_drop_spares(*ring);
    sp_wipe((*ring)->master_key, sizeof(*ring)->master_key);
    free(*ring);
    *ring = NULL;
}

enum sp_status sp_key_ring_sign(struct sp_key_ring *ring, struct sp_arena *arena, enum sp_algorithm algorithm,
                                const char *type, struct sp_str payload, int64_t now, struct sp_str *jws)
{
    const struct sp_ring_key *key = signing_key(ring, algorithm, now);
    return key != NULL ? sp_signer_sign(key->signer, arena, type, payload, jws) : SP_CRYPTO;
}

enum sp_status sp_key_ring_verify(struct sp_key_ring *ring, struct sp_arena *arena, const char *type, struct sp_str jws,
                                  struct sp_str *payload)
{
    enum sp_status status = SP_NOT_FOUND;
    for (size_t i = 0; i < ring->count && status == SP_NOT_FOUND; i++)
        status = sp_signer_verify(ring->keys[i].signer, arena, type, jws, payload);
    return status;
}

struct sp_xaes *sp_key_ring_token_seal(struct sp_key_ring *ring)
{
    return ring->token_seal;
}

int64_t sp_key_ring_longest_s(const struct sp_key_ring *ring)
{
    return ring->longest_s;
}

enum sp_algorithm sp_key_ring_algorithm(const struct sp_key_ring *ring, enum sp_algorithm algorithm, int64_t now)
{
    const struct sp_ring_key *key = signing_key(ring, algorithm, now);
    return key != NULL ? key->times.algorithm : SP_ALGORITHM_UNKNOWN;
}

void sp_key_ring_write_set(const struct sp_key_ring *ring, int64_t now, struct sp_json_writer *writer)
{
    sp_json_begin_object(writer);
    sp_json_name(writer, SP_STR("keys"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].times.forget_at == 0 || now < ring->keys[i].times.forget_at)
            sp_signer_write_public(ring->keys[i].signer, writer);
    sp_json_end_array(writer);
    sp_json_end_object(writer);
}

void sp_key_ring_write_states(const struct sp_key_ring *ring, int64_t now, struct sp_json_writer *writer)
{
    sp_json_begin_array(writer);
    for (size_t i = 0; i < ring->count; i++) {
        const struct sp_ring_key *key = &ring->keys[i];
        bool signs = key->times.active_until == 0 || key->times.active_until > now;
        const char *state = key->times.active_from > now ? "published" : signs ? "signs" : "retired";
        sp_json_begin_object(writer);
        sp_json_string_member(writer, "kid", sp_signer_kid(key->signer));
        sp_json_string_member(writer, "algorithm", sp_signer_algorithm(key->signer));
        sp_json_string_member(writer, "state", sp_str_from_cstr(state));
        sp_json_int_member(writer, "created_at", key->times.created_at);
        sp_json_int_member(writer, "active_from", key->times.active_from);
        sp_json_int_member(writer, "active_until", key->times.active_until);
        sp_json_int_member(writer, "forget_at", key->times.forget_at);
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
}

enum sp_status sp_key_ring_seal(const struct sp_key_ring *ring, struct sp_str label, struct sp_str plain,
                                struct sp_arena *arena, struct sp_str *sealed)
{
    return sp_seal(ring->master_key, label, plain, arena, sealed);
}

enum sp_status sp_key_ring_unseal(const struct sp_key_ring *ring, struct sp_str label, struct sp_str sealed,
                                  struct sp_arena *arena, struct sp_str *plain)
{
    return sp_unseal(ring->master_key, label, sealed, arena, plain);
}
