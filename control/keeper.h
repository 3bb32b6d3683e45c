/* SPDX-License-Identifier: Apache-2.0 */
/* The key keeper: has the key sets of all issuers at hand, so that no call ever waits for one that is known.
 *
 * It refreshes in the background ahead of expiry, looks again when a worker meets a kid it does not know (once per
 * issuer per 10 s, however many ask), keeps serving the old set when an issuer is out of reach (bounded, warned as
 * keys.stale_in_use), and remembers earlier sets, which is what proves keys.rotated, keys.replaced and
 * keys.retired_early. What it knows it writes to keys.json (core/policy/knowledge.h reads it), and it starts from that
 * file again. It never follows a URL that a token names.
 *
 *   IDLE ─ refresh due, or look again ─► METADATA (place 1, 2, 3) ─► KEYS ─► IDLE, next refresh set
 *     ▲                                    └─────────── failure: IDLE, retry set, old keys stay ──┘ */
#ifndef SP_CONTROL_KEEPER_H
#define SP_CONTROL_KEEPER_H

#include "control/fetcher.h"
#include "core/jose/jwk_set.h"

/* What the configuration says of one issuer; texts are copied. */
struct sp_keeper_issuer {
    struct sp_str name, issuer;
    struct sp_str jwks_uri;  /* absent: discovery */
    struct sp_str jwks_file; /* a path; then nothing is fetched */
    struct sp_str ca_file;
    bool heals;
    bool needs_keys;   /* false: secret only; metadata is still of use for introspection */
    int64_t refresh_s; /* 0: by Cache-Control */
};

struct sp_keeper;

/* keys_path: of keys.json, read now when it exists. changed is told after each new keys.json. NULL without memory. */
struct sp_keeper *sp_keeper_create(struct sp_loop *loop, struct sp_fetcher *fetcher, const char *keys_path);
void sp_keeper_destroy(struct sp_keeper **keeper);

/* Whom warnings are told; borrowed. NULL: nobody. */
struct sp_warnings;
void sp_keeper_warn(struct sp_keeper *keeper, struct sp_warnings *warnings);

/* Replaces what is kept: an issuer of the same name and URL goes on with what is known of it. blocked_networks is
 * borrowed until the next call. Starts to fetch what is missing; a jwks_file is read anew, here and now. */
SP_MUST_CHECK enum sp_status sp_keeper_configure(struct sp_keeper *keeper, const struct sp_keeper_issuer *issuers,
                                                 size_t count, struct sp_str_list blocked_networks);

/* Looks again for a kid; done is called once keys.json is as new as it gets – at once when the throttle holds.
 * SP_NOT_FOUND: no such issuer. outcome: "fresh", "unchanged", "throttled", "failed". */
SP_MUST_CHECK enum sp_status sp_keeper_look_again(struct sp_keeper *keeper, struct sp_str issuer, struct sp_str kid,
                                                  void (*done)(void *data, const char *outcome, int64_t generation),
                                                  void *data);
/* Takes a waiter back, whose connection is gone. */
void sp_keeper_forget(struct sp_keeper *keeper, const void *data);

/* Absent when neither configured nor discovered (yet). Borrowed until the loop runs on. */
struct sp_str sp_keeper_introspection_endpoint(const struct sp_keeper *keeper, struct sp_str issuer);

/* For readiness and metrics. */
struct sp_keeper_status {
    struct sp_str name;
    bool has_keys, needs_keys;
    size_t key_count;
    int64_t fetched_at, stale_since, stale_until; /* epoch s, 0: not so */
    struct sp_str published_issuer;               /* absent: the keys may accept */
    enum sp_cause failure;                        /* of the last fetch */
    struct sp_str failure_detail;
    uint64_t fetches, failures, look_agains, throttled;
    int64_t clock_skew_s;
    bool clock_skew_known;
};
size_t sp_keeper_issuer_count(const struct sp_keeper *keeper);
void sp_keeper_status(const struct sp_keeper *keeper, size_t index, struct sp_keeper_status *status);

#endif
