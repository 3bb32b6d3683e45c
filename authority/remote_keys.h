/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets of others by their URL – a client's jwks_uri, a trusted issuer's – kept in memory with the manners of the
 * key keeper: fresh for as long as Cache-Control says within [60 s, 24 h]; looked at again for an unknown kid, at most
 * once in 10 s however many ask; one fetch at a time, on which all calls that need it wait; when it fails the old set
 * serves on for a day. Sets of the configuration and
 * those of clients that registered themselves each have room of their own, and such a client has one at a time: nobody
 * pushes the sets of others out by registering, or by naming one URL after the other. The loop's thread only. */
#ifndef SP_AUTHORITY_REMOTE_KEYS_H
#define SP_AUTHORITY_REMOTE_KEYS_H

#include "authority/authority.h"
#include "core/jose/jwk_set.h"

struct sp_remote_keys;

void sp_remote_keys_destroy(struct sp_remote_keys **keys);

/* public_only: whoever wrote the URL is not trusted with our networks. A host that is public by its name may resolve to
 * an address inside, or redirect there; only the address that is connected to tells. */
struct sp_keys_place {
    struct sp_str url;
    bool public_only;
    struct sp_str owner; /* the client that wrote the URL itself; absent: the configuration did */
};

/* The set behind the URL, with the kid in it when it has one by that name (absent: any). *keys lives as long as the
 * call. SP_WAITS: it is being fetched. SP_DENIED: there is none, answered 503 with the keys.* cause: whoever cannot be
 * judged is not refused. Not within a write. */
SP_MUST_CHECK enum sp_step sp_remote_keys_get(struct sp_call *call, const struct sp_keys_place *place,
                                              struct sp_str kid, const struct sp_jwk_set **keys);

#endif
