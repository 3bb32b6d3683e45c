/* SPDX-License-Identifier: Apache-2.0 */
/* The signing keys: one signs, the next is published before it does, the last ones stay published until the last token
 * they signed is dead – so that no verifier ever meets a kid it could not have known (keys.rotated) or one that left
 * too early (keys.retired_early).
 *
 *   created ── overlap ──► active_from ── rotation ──► active_until ── longest token lifetime ──► forget_at
 *   published from here      signs from here              the next one signs                        gone
 *
 * At rest a key is sealed under the master key in the store. The plan is pure; tending asks it and does what it says.
 */
#ifndef SP_AUTHORITY_KEY_RING_H
#define SP_AUTHORITY_KEY_RING_H

#include "authority/settings.h"
#include "authority/store.h"

struct sp_key_times {
    int64_t created_at, active_from, active_until, forget_at; /* 0: not decided */
};

enum sp_key_deed { SP_KEYS_FINE, SP_KEYS_GENERATE, SP_KEYS_FORGET };

struct sp_key_plan {
    enum sp_key_deed deed;
    size_t index;        /* FORGET: which */
    int64_t active_from; /* GENERATE: when it signs first */
};

/* What is due now; ask again after doing it. rotation_s 0: never by schedule. algorithm_changed: the newest key is of
 * another algorithm than configured. */
struct sp_key_plan sp_key_plan(const struct sp_key_times *keys, size_t count, int64_t rotation_s, int64_t overlap_s,
                               bool algorithm_changed, int64_t now);
/* The index of the key that signs now; count when there is none. */
size_t sp_key_plan_active(const struct sp_key_times *keys, size_t count, int64_t now);

struct sp_key_ring;

/* Reads the keys of the store, makes the first one. SP_NOT_FOUND: sealed under another master key. trouble says what
 * failed. */
SP_MUST_CHECK enum sp_status sp_key_ring_create(struct sp_store *store, const struct sp_authority_settings *settings,
                                                const unsigned char master_key[32], int64_t now,
                                                struct sp_key_ring **ring, char trouble[256]);
void sp_key_ring_destroy(struct sp_key_ring **ring);
/* Does what the plan says is due; reloads when another process changed the keys. Call once a second or so. */
SP_MUST_CHECK enum sp_status sp_key_ring_tend(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                              int64_t now, char trouble[256]);
/* A new key by hand: after the overlap, or at once. */
SP_MUST_CHECK enum sp_status sp_key_ring_rotate(struct sp_key_ring *ring, const struct sp_authority_settings *settings,
                                                bool at_once, int64_t now, char trouble[256]);
/* Reads the store's keys anew. */
SP_MUST_CHECK enum sp_status sp_key_ring_reload(struct sp_key_ring *ring, char trouble[256]);

SP_MUST_CHECK enum sp_status sp_key_ring_sign(struct sp_key_ring *ring, struct sp_arena *arena, const char *type,
                                              struct sp_str payload, int64_t now, struct sp_str *jws);
SP_MUST_CHECK enum sp_status sp_key_ring_verify(struct sp_key_ring *ring, struct sp_arena *arena, const char *type,
                                                struct sp_str jws, struct sp_str *payload);
/* The algorithm of the key that signs now. */
struct sp_str sp_key_ring_algorithm(const struct sp_key_ring *ring, int64_t now);
/* {"keys":[…]} of every published key. */
void sp_key_ring_write_set(const struct sp_key_ring *ring, int64_t now, struct sp_json_writer *writer);
/* For people: [{"kid","algorithm","state","created_at","active_from","active_until","forget_at"}] */
void sp_key_ring_write_states(const struct sp_key_ring *ring, int64_t now, struct sp_json_writer *writer);

#endif
