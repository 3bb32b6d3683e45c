/* SPDX-License-Identifier: Apache-2.0 */
/* Asks issuers about tokens (RFC 7662) on behalf of the workers. The gateway's client credentials stay here. One
 * question in flight per token, however many calls carry it; answers are kept up to the token's exp and the configured
 * limit, inactive ones and failures briefly. Keyed by SHA-256 of issuer and token: no token is kept. */
#ifndef SP_CONTROL_INTROSPECTION_H
#define SP_CONTROL_INTROSPECTION_H

#include "control/fetcher.h"
#include "core/base/json.h"

/* What the configuration says of one issuer's introspection; texts are copied. */
struct sp_introspection_setup {
    struct sp_str name, issuer; /* in the configuration; its URL, which is the assertion's audience */
    struct sp_str client_id, client_secret;
    struct sp_str method;      /* of client authentication, as the configuration names it; static */
    struct sp_str private_key; /* PEM or JWK, for private_key_jwt; else absent */
    struct sp_str ca_file;
    int64_t cache_s; /* longest time a positive answer is kept */
};

struct sp_introspector;

struct sp_introspector *sp_introspector_create(struct sp_loop *loop,
                                               struct sp_fetcher *fetcher); /* NULL without memory */
void sp_introspector_destroy(struct sp_introspector **introspector);
/* Replaces the setups and forgets all answers. SP_MALFORMED: a private key that is none (logged). */
SP_MUST_CHECK enum sp_status sp_introspector_configure(struct sp_introspector *introspector,
                                                       const struct sp_introspection_setup *setups, size_t count,
                                                       struct sp_str_list blocked_networks);

/* endpoint: as configured or discovered; absent: not known, which is an answer too. done gets the answer for the
 * worker: one JSON object,
 * {"outcome":"answered","status":200,"answer":{…}} or {"outcome":CAUSE,"cause":CAUSE,"reason":…,"detail":…}; borrowed
 * until it returns. May be called before this returns. SP_NOT_FOUND: the issuer has no introspection. */
SP_MUST_CHECK enum sp_status sp_introspector_ask(struct sp_introspector *introspector, struct sp_str issuer,
                                                 struct sp_str endpoint, struct sp_str token,
                                                 void (*done)(void *data, struct sp_str answer), void *data);
/* Takes a waiter back, whose connection is gone. */
void sp_introspector_forget(struct sp_introspector *introspector, const void *data);

struct sp_introspector_counts {
    uint64_t asked, from_cache, joined, failed;
};
void sp_introspector_counts(const struct sp_introspector *introspector, struct sp_introspector_counts *counts);

#endif
