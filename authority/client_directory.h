/* SPDX-License-Identifier: Apache-2.0 */
/* Every client: those of the configuration, and those that registered themselves and are records of the store. The
 * latter are kept in memory, a bounded number of them, from their first use until they or anything that another process
 * wrote changed, which is asked of the store once a run of the loop that needs one: what one node was told holds on all
 * from its answer on. Whoever looks one up holds it until his call ends. The loop's thread only. */
#ifndef SP_AUTHORITY_CLIENT_DIRECTORY_H
#define SP_AUTHORITY_CLIENT_DIRECTORY_H

#include "authority/authority.h"

/* Ids that we make; no client of the configuration should be called so, and one that is comes first. */
#define SP_REGISTERED_CLIENT_PREFIX "spdc_"

struct sp_client_directory;

/* *client NULL: there is none. SP_IO, SP_NO_MEMORY: it cannot be told. */
SP_MUST_CHECK enum sp_status sp_client_find_any(struct sp_call *call, struct sp_str id,
                                                const struct sp_client **client);
/* The same for an endpoint. SP_DENIED: the store cannot be read, answered. */
SP_MUST_CHECK enum sp_step sp_client_look_up(struct sp_call *call, struct sp_str id, const struct sp_client **client);
/* NULL also when the store cannot be read: for pages that do without. */
const struct sp_client *sp_client_look_up_or_none(struct sp_call *call, struct sp_str id);

/* A client that anybody registered, and that never got a token, is kept until its record's due_at. The client got one:
 * it is kept from now on; but with one that it got for itself, which anybody gets, only as long as a new one. Outside
 * of a write; when it fails, the next token does it. */
void sp_client_directory_keep(struct sp_call *call, const struct sp_client *client, bool for_itself);
/* Forgets those whose time is over, some at a time. Between turns: writes a turn of its own. */
SP_MUST_CHECK enum sp_status sp_client_directory_purge(struct sp_authority *authority, int64_t now);
/* Forgets the one that has been unused for longest, if that is an hour or more: whoever fills the directory with
 * clients that nobody uses keeps nobody out. *made is false when there is none. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_client_directory_make_room(struct sp_call *call, bool *made);

/* It was changed or removed; an absent id: all of them. */
void sp_client_directory_forget(struct sp_authority *authority, struct sp_str id);
void sp_client_directory_destroy(struct sp_client_directory **directory);

/* A record's data, as registration.c writes it. Texts in arena. */
struct sp_registered_client {
    const struct sp_json *metadata;
    struct sp_client_secret secret; /* kind SHA256 where has_secret */
    bool has_secret;
    struct sp_str token_hash; /* base64url of the registration access token's SHA-256 */
};
SP_MUST_CHECK enum sp_status sp_registered_client_read(struct sp_arena *arena, struct sp_str data,
                                                       struct sp_registered_client *registered);

#endif
