/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/key_change.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "authority/id_token.h"
#include "authority/patience.h"
#include "authority/token_lifetime.h"
#include "authority/token_seal.h"
#include "core/base/secret.h"
#include "core/jose/crypto_seal.h"

/* Rotations by hand leave room for those of the plan, of all algorithms. */
#define MAX_KEYS_BY_HAND (SP_MAX_RING_KEYS - SP_ALGORITHM_COUNT)
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

bool sp_key_change_has(const struct sp_key_ring *ring, enum sp_algorithm algorithm)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].times.algorithm == algorithm)
            return true;
    return false;
}

/* One try of a change. */
struct turn {
    struct sp_key_ring *ring;
    struct sp_arena *arena;
    const struct sp_authority_settings *settings;
    int64_t now;
    size_t fresh;            /* keys that it added */
    enum sp_algorithm lacks; /* it cannot go on without a spare key of this one */
    struct sp_xaes *seal;    /* that access tokens are sealed by from the commit on; NULL: as before */
    bool holds;              /* nobody else changes the keys now */
    bool is_by_hand;
    char *trouble; /* 256 bytes */
};

static enum sp_status store_key(struct turn *turn, const struct sp_ring_key *key)
{
    struct sp_key_ring *ring = turn->ring;
    struct sp_str der, kid = sp_signer_kid(key->signer);
    enum sp_status status = sp_signer_export(key->signer, turn->arena, &der);
    if (status != SP_OK)
        return status;
    struct sp_stored_key stored = {.kid = kid,
                                   .algorithm = sp_signer_algorithm(key->signer),
                                   .created_at = key->times.created_at,
                                   .active_from = key->times.active_from,
                                   .active_until = key->times.active_until,
                                   .forget_at = key->times.forget_at};
    status = sp_seal(ring->master_key, kid, der, turn->arena, &stored.sealed);
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

static enum sp_status prolong(struct turn *turn, struct sp_ring_key *key, int64_t until)
{
    key->times.active_until = key->times.forget_at = 0;
    if (until != 0)
        retire(turn->ring, &key->times, until);
    return store_key(turn, key);
}

/* Tokens may live longer from now on: so do the keys whose end is set but that sign yet. */
static enum sp_status lengthen(struct turn *turn, int64_t longest_s)
{
    struct sp_key_ring *ring = turn->ring;
    enum sp_status status = sp_token_lifetime_put(ring->store, turn->arena, longest_s, turn->now);
    if (status != SP_OK)
        return status;
    ring->longest_s = longest_s;
    for (size_t i = 0; i < ring->count && status == SP_OK; i++) {
        struct sp_ring_key *key = &ring->keys[i];
        if (key->times.active_until <= turn->now)
            continue; /* signs no more, or has no end */
        retire(ring, &key->times, key->times.active_until);
        status = store_key(turn, key);
    }
    return status;
}

/* A key that waits for a later moment is brought forward in place of making another: verifiers know it already. */
static struct sp_ring_key *find_waiting(struct sp_key_ring *ring, const struct sp_key_plan *plan)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].times.algorithm == plan->algorithm && ring->keys[i].times.active_from > plan->at)
            return &ring->keys[i];
    return NULL;
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* None may be dropped for it: each is needed by tokens, or by verifiers that are to know it. */
static enum sp_status complain_of_full(struct turn *turn, size_t room)
{
    const struct sp_key_ring *ring = turn->ring;
    int64_t ends[SP_MAX_RING_KEYS];
    size_t count = 0, excess = ring->count - room;
    char when[40] = "the oldest is gone";
    for (size_t i = 0; i < ring->count; i++)
        if (ring->keys[i].times.forget_at != 0)
            ends[count++] = ring->keys[i].times.forget_at;
    qsort(ends, count, sizeof ends[0], compare_times);
    if (excess < count) {
        struct tm broken;
        const time_t seconds = (time_t)ends[excess];
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &broken));
    }
    snprintf(turn->trouble, 256,
             "there are %zu signing keys, the most there may be%s: each stays until the last token that it signed is "
             "dead. The next can be made when it is %s; after a leak --leaked drops them all",
             ring->count, turn->is_by_hand ? " by hand" : "", when);
    return SP_TOO_LARGE;
}

/* A key takes long to make, an RSA one up to seconds: too long while others wait. So none is made within a write; where
 * one is missing, the write is undone, and done again once it is there. */
static enum sp_status take_spare(struct turn *turn, enum sp_algorithm algorithm, struct sp_signer **signer)
{
    struct sp_key_ring *ring = turn->ring;
    for (size_t i = 0; i < ring->spare_count; i++) {
        if (!sp_str_equal(sp_signer_algorithm(ring->spares[i]), sp_algorithm_get(algorithm)->name))
            continue;
        *signer = ring->spares[i];
        ring->spares[i] = ring->spares[--ring->spare_count];
        return SP_OK;
    }
    turn->lacks = algorithm;
    return SP_NOT_FOUND;
}

static enum sp_status make_spare(struct sp_key_ring *ring, enum sp_algorithm algorithm)
{
    assert(ring->spare_count < SP_MAX_RING_KEYS);
    enum sp_status status = sp_signer_generate(sp_algorithm_get(algorithm)->name, &ring->spares[ring->spare_count]);
    if (status == SP_OK)
        ring->spare_count++;
    return status;
}

void sp_key_change_drop_spares(struct sp_key_ring *ring)
{
    while (ring->spare_count > 0)
        sp_signer_destroy(&ring->spares[--ring->spare_count]);
}

/* Whoever would sign by the algorithm of the key when it begins ends there. */
static enum sp_status end_others(struct turn *turn, const struct sp_ring_key *successor)
{
    enum sp_status status = SP_OK;
    int64_t at = successor->times.active_from;
    for (size_t i = 0; i < turn->ring->count && status == SP_OK; i++) {
        struct sp_ring_key *key = &turn->ring->keys[i];
        bool signs_then =
            key->times.active_from <= at && (key->times.active_until == 0 || key->times.active_until > at);
        if (key == successor || key->times.algorithm != successor->times.algorithm || !signs_then)
            continue;
        retire(turn->ring, &key->times, at);
        status = store_key(turn, key);
    }
    return status;
}

/* Adds a key that signs from plan->at. */
static enum sp_status add_key(struct turn *turn, const struct sp_key_plan *plan)
{
    struct sp_key_ring *ring = turn->ring;
    struct sp_ring_key *key = find_waiting(ring, plan);
    size_t room = turn->is_by_hand ? MAX_KEYS_BY_HAND : SP_MAX_RING_KEYS;
    if (key != NULL) {
        key->times.active_from = plan->at;
    } else if (ring->count >= room) {
        return complain_of_full(turn, room);
    } else {
        struct sp_ring_key fresh = {
            .times = {.created_at = turn->now, .active_from = plan->at, .algorithm = plan->algorithm}};
        enum sp_status status = take_spare(turn, plan->algorithm, &fresh.signer);
        if (status != SP_OK)
            return status;
        key = &ring->keys[ring->count++];
        *key = fresh;
        turn->fresh++;
    }
    enum sp_status status = store_key(turn, key);
    return status == SP_OK ? end_others(turn, key) : status;
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

static enum sp_status renew_seal(struct turn *turn)
{
    struct sp_key_ring *ring = turn->ring;
    sp_xaes_destroy(&turn->seal);
    return sp_token_seal_renew(ring->store, ring->master_key, turn->arena, turn->now, &turn->seal);
}

/* Of whichever algorithm: who read a key of the store could read the salt as well. */
static enum sp_status withdraw(struct turn *turn, enum sp_algorithm algorithm)
{
    struct sp_key_ring *ring = turn->ring;
    enum sp_status status = renew_seal(turn);
    for (size_t i = ring->count; i > 0 && status == SP_OK; i--) {
        if (algorithm != SP_ALGORITHM_UNKNOWN && ring->keys[i - 1].times.algorithm != algorithm)
            continue;
        status = forget_key(ring, i - 1);
        ring->withdrawn++;
    }
    return status;
}

static enum sp_status do_deed(struct turn *turn, const struct sp_key_plan *plan)
{
    struct sp_key_ring *ring = turn->ring;
    switch (plan->deed) {
    case SP_KEYS_GENERATE:
        return add_key(turn, plan);
    case SP_KEYS_RETIRE:
        retire(ring, &ring->keys[plan->index].times, plan->at);
        return store_key(turn, &ring->keys[plan->index]);
    case SP_KEYS_PROLONG:
        return prolong(turn, &ring->keys[plan->index], plan->at);
    case SP_KEYS_FORGET:
        return forget_key(ring, plan->index);
    case SP_KEYS_WITHDRAW:
        return withdraw(turn, plan->algorithm);
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

static enum sp_status do_all(struct turn *turn, const struct sp_key_change *change)
{
    struct sp_key_ring *ring = turn->ring;
    struct sp_key_plan plan;
    int64_t longest_s = turn->settings->max_token_lifetime_s;
    enum sp_status status = longest_s > ring->longest_s ? lengthen(turn, longest_s) : SP_OK;
    /* First makes room. */
    while (status == SP_OK && (plan = sp_key_change_due(ring, turn->settings, turn->now)).deed == SP_KEYS_FORGET)
        status = do_deed(turn, &plan);
    if (status == SP_OK && ring->token_seal == NULL)
        status = renew_seal(turn);
    turn->is_by_hand = true;
    for (size_t i = 0; status == SP_OK && i < change->count; i++)
        status = do_deed(turn, &change->first[i]);
    turn->is_by_hand = false;
    while (status == SP_OK && (plan = sp_key_change_due(ring, turn->settings, turn->now)).deed != SP_KEYS_FINE)
        status = do_deed(turn, &plan);
    return status;
}

/* What was made for a write that came to nothing is of use for the next; it stands behind all others. */
static void take_back(struct turn *turn)
{
    struct sp_key_ring *ring = turn->ring;
    for (; turn->fresh > 0; turn->fresh--)
        ring->spares[ring->spare_count++] = ring->keys[--ring->count].signer;
}

static void use_seal(struct turn *turn)
{
    if (turn->seal == NULL)
        return;
    sp_xaes_destroy(&turn->ring->token_seal);
    turn->ring->token_seal = turn->seal;
}

/* One write of the store, on its newest state. */
static enum sp_status try_once(struct turn *turn, const struct sp_key_change *change)
{
    struct sp_key_ring *ring = turn->ring;
    char *trouble = turn->trouble;
    char ignored[256];
    enum sp_status status = ring->store->methods->begin(ring->store);
    if (status != SP_OK)
        return sp_key_change_explain(ring, status, trouble);
    status = sp_key_ring_reload(ring, trouble);
    turn->holds = status == SP_OK;
    if (status == SP_OK)
        status = do_all(turn, change);
    status = sp_store_commit(ring->store, status);
    if (status == SP_OK) {
        use_seal(turn);
        return status;
    }
    sp_xaes_destroy(&turn->seal);
    if (turn->lacks == SP_ALGORITHM_UNKNOWN && status != SP_TOO_LARGE) /* that was told */
        sp_key_change_explain(ring, status, trouble);
    take_back(turn);
    /* Where that fails, what is in memory stays in use; the next tending tries again. */
    return sp_key_ring_reload(ring, ignored) == SP_OK ? status : SP_IO;
}

enum sp_status sp_key_change_run(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                 const struct sp_key_change *change, char trouble[256])
{
    const struct sp_patience patience = sp_patience_begin(change->is_patient ? SP_PATIENCE_MS : 0);
    for (;;) {
        struct turn turn = {.ring = ring,
                            .arena = sp_arena_create(SP_RING_ARENA_BYTES),
                            .settings = settings,
                            .now = change->now,
                            .lacks = SP_ALGORITHM_UNKNOWN,
                            .trouble = trouble};
        ring->withdrawn = 0;
        enum sp_status status = turn.arena != NULL ? try_once(&turn, change) : SP_NO_MEMORY;
        sp_arena_destroy(&turn.arena);
        /* The first of an algorithm is asked for already, and cannot wait. */
        if (turn.lacks != SP_ALGORITHM_UNKNOWN && ring->makes_elsewhere && sp_key_change_has(ring, turn.lacks)) {
            ring->wanted = turn.lacks;
            return SP_OK;
        }
        if (turn.lacks != SP_ALGORITHM_UNKNOWN) {
            status = make_spare(ring, turn.lacks);
            if (status == SP_OK)
                continue;
            return sp_key_change_explain(ring, status, trouble);
        }
        if (status == SP_OK)
            sp_key_change_drop_spares(ring); /* another process was first */
        if (status != SP_IO || turn.holds || !sp_patience_lasts(&patience))
            return status;
    }
}
