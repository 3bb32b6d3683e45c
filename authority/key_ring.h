/* SPDX-License-Identifier: Apache-2.0 */
/* The signing keys: of each algorithm one signs, the next is published before it does, the last ones stay published
 * until the last token they signed is dead – so that no verifier ever meets a kid it could not have known
 * (keys.rotated) or one that left too early (keys.retired_early). When what happens is key_plan.h's; at rest a key is
 * sealed under the master key in the store. */
#ifndef SP_AUTHORITY_KEY_RING_H
#define SP_AUTHORITY_KEY_RING_H

#include "authority/key_plan.h"
#include "authority/settings.h"
#include "authority/signer.h"
#include "authority/store.h"

struct sp_key_ring;
struct sp_xaes;

/* Reads the keys of the store, makes the first one. Waits some seconds for another process that changes them, as rotate
 * does. SP_NOT_FOUND: sealed under another master key. trouble says what
 * failed. */
SP_MUST_CHECK enum sp_status sp_key_ring_create(struct sp_store *store, const struct sp_authority_settings *settings,
                                                const unsigned char master_key[32], int64_t now,
                                                struct sp_key_ring **ring, char trouble[256]);
void sp_key_ring_destroy(struct sp_key_ring **ring);
/* Does what the plan says is due, or fails when another process changes the keys at the moment. Call once a second or
 * so. */
SP_MUST_CHECK enum sp_status sp_key_ring_tend(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                              int64_t now, char trouble[256]);
/* Until when keys that ended may be forgotten: told each time before it is tended. Until it is told, as far as the
 * store knows (credible_time.h). */
void sp_key_ring_believe(struct sp_key_ring *ring, int64_t until);
/* From here on tending makes no key but the first of an algorithm: an RSA key takes up to a second. Where one is due it
 * does nothing and wants it; whoever makes it, on any thread (sp_signer_generate), gives it (NULL: it could not be
 * made), and the next tending goes on with it – or drops it, where another process on the store was first. */
void sp_key_ring_make_elsewhere(struct sp_key_ring *ring);
/* SP_ALGORITHM_UNKNOWN: none. */
enum sp_algorithm sp_key_ring_wanted(const struct sp_key_ring *ring);
void sp_key_ring_give(struct sp_key_ring *ring, struct sp_signer **takes);

enum sp_key_haste {
    SP_KEYS_AFTER_OVERLAP, /* published now, signs after keys.overlap */
    SP_KEYS_AT_ONCE,       /* signs now; one that waits already does, in place of another */
    SP_KEYS_LEAKED, /* a fresh one signs now and whatever there was is gone, with all that it signed, and sealed */
};

/* A new key by hand. SP_ALGORITHM_UNKNOWN: one of each algorithm. SP_TOO_LARGE: there are as many as there may be. */
SP_MUST_CHECK enum sp_status sp_key_ring_rotate(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                                enum sp_algorithm algorithm, enum sp_key_haste haste, int64_t now,
                                                char trouble[256]);
/* How many keys the last rotation withdrew as leaked. */
size_t sp_key_ring_withdrawn(const struct sp_key_ring *ring);
/* Reads the store's keys anew. */
SP_MUST_CHECK enum sp_status sp_key_ring_reload(struct sp_key_ring *ring, char trouble[256]);

/* algorithm: of the settings' list; SP_ALGORITHM_UNKNOWN: the standard one, or while its first key is only published
 * whichever signed before. */
SP_MUST_CHECK enum sp_status sp_key_ring_sign(struct sp_key_ring *ring, struct sp_arena *arena,
                                              enum sp_algorithm algorithm, const char *type, struct sp_str payload,
                                              int64_t now, struct sp_str *jws);
SP_MUST_CHECK enum sp_status sp_key_ring_verify(struct sp_key_ring *ring, struct sp_arena *arena, const char *type,
                                                struct sp_str jws, struct sp_str *payload);
/* Other secrets that rest under the same master key, each under its own label. SP_NOT_FOUND: sealed under another key
 * or label. The caller wipes plain. */
SP_MUST_CHECK enum sp_status sp_key_ring_seal(const struct sp_key_ring *ring, struct sp_str label, struct sp_str plain,
                                              struct sp_arena *arena, struct sp_str *sealed);
SP_MUST_CHECK enum sp_status sp_key_ring_unseal(const struct sp_key_ring *ring, struct sp_str label,
                                                struct sp_str sealed, struct sp_arena *arena, struct sp_str *plain);
/* No access token may live longer: so long are retired keys published and marks of revocation kept (token_lifetime.h).
 */
int64_t sp_key_ring_longest_s(const struct sp_key_ring *ring);
/* Seals and opens access tokens (token_seal.h). Until the ring changes. */
struct sp_xaes *sp_key_ring_token_seal(struct sp_key_ring *ring);
/* The algorithm by which sign() would sign. */
enum sp_algorithm sp_key_ring_algorithm(const struct sp_key_ring *ring, enum sp_algorithm algorithm, int64_t now);
/* {"keys":[…]} of every published key. */
void sp_key_ring_write_set(const struct sp_key_ring *ring, int64_t now, struct sp_json_writer *writer);
/* For people: [{"kid","algorithm","state","created_at","active_from","active_until","forget_at"}] */
void sp_key_ring_write_states(const struct sp_key_ring *ring, int64_t now, struct sp_json_writer *writer);

#endif
