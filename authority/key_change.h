/* SPDX-License-Identifier: Apache-2.0 */
/* How the keys of a ring change: deeds of the plan (key_plan.h) and those by hand, inside one write of the store and on
 * its newest state, since another process may change them at the same moment. The ring's inside, for key_ring.c and
 * key_change.c alone. */
#ifndef SP_AUTHORITY_KEY_CHANGE_H
#define SP_AUTHORITY_KEY_CHANGE_H

#include "authority/key_ring.h"
#include "authority/signer.h"
#include "core/jose/crypto_xaes.h"

#define SP_MAX_RING_KEYS 64u
#define SP_RING_ARENA_BYTES (1024u * 1024)

struct sp_ring_key {
    struct sp_signer *signer;
    struct sp_key_times times;
};

struct sp_key_ring {
    struct sp_store *store;
    unsigned char master_key[32];
    struct sp_ring_key keys[SP_MAX_RING_KEYS];
    size_t count;
    enum sp_algorithm standard;
    int64_t longest_s;                              /* as the store has it */
    int64_t forget_until;                           /* see sp_key_ring_believe */
    struct sp_signer *spares[2 * SP_MAX_RING_KEYS]; /* made, and of no use yet */
    size_t spare_count;
    size_t withdrawn;           /* by the last change */
    struct sp_xaes *token_seal; /* as the store has it; NULL: it has none yet */
    bool makes_elsewhere;       /* see sp_key_ring_make_elsewhere */
    enum sp_algorithm wanted;   /* likewise: a key of it is being made */
};

struct sp_key_change {
    const struct sp_key_plan *first; /* deeds by hand */
    size_t count;
    int64_t now;
    bool is_patient; /* waits for another process that changes the keys, for SP_PATIENCE_MS */
};

void sp_key_change_collect(const struct sp_key_ring *ring, struct sp_key_times times[SP_MAX_RING_KEYS]);
/* Says in trouble what the status means, and returns it. */
enum sp_status sp_key_change_explain(const struct sp_key_ring *ring, enum sp_status status, char trouble[256]);
/* The next deed of the plan. */
struct sp_key_plan sp_key_change_due(const struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                     int64_t now);
/* Does `first`, and whatever is due. On failure the ring is as the store has it. SP_OK with ring->wanted set: nothing
 * was done, for want of a key that is made elsewhere. */
SP_MUST_CHECK enum sp_status sp_key_change_run(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                               const struct sp_key_change *change, char trouble[256]);
bool sp_key_change_has(const struct sp_key_ring *ring, enum sp_algorithm algorithm);
void sp_key_change_drop_spares(struct sp_key_ring *ring);

#endif
