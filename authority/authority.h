/* SPDX-License-Identifier: Apache-2.0 */
/* The authority: an OAuth 2.0 authorization server and OpenID Provider.
 *
 * Room rules. An endpoint is a function from a call (call.h) to its answer; it reads the settings, asks the store
 * through its interface, signs through the key ring, and is told the time and randomness. It opens nothing and logs
 * nothing: the server (server.c) moves the bytes, flushes the store once a turn and writes one log line a call. What
 * takes long – an argon2 hash, an HTTP request – is an errand (errand.h): the endpoint hands up SP_WAITS, threads of
 * the pool (errand_pool.c) run it, and the endpoint is called again from its top. endpoints.def is the one list of
 * endpoints: the router and the discovery document are made from it; grants.def and client_methods.def likewise. A
 * refusal is a value with a cause from the catalogue (denial.h), never a bare error string.
 *
 * May include core/, probe/, libmicrohttpd (server.c), SQLite (store_sqlite.c), libargon2 (password.c). Private signing
 * keys live in this process only. */
#ifndef SP_AUTHORITY_AUTHORITY_H
#define SP_AUTHORITY_AUTHORITY_H

#include <stdatomic.h>
#include "authority/call.h"
#include "authority/client.h"
#include "authority/settings.h"
#include "authority/store.h"

struct sp_key;
struct sp_key_ring;
struct sp_client_directory;
struct sp_remote_keys;
struct sp_settings_generation;
struct sp_throttle;

/* Calls that the store refused, and why the last one was. */
struct sp_store_refusals {
    uint64_t count;
    uint64_t kept; /* writes that the store had taken by then */
    char trouble[256];
    const char *needs;
};

struct sp_authority {
    const struct sp_authority_settings *settings;
    struct sp_settings_generation *generation; /* of the settings; NULL: they live as long as the authority */
    struct sp_store *store;
    struct sp_key_ring *keys;
    struct sp_client_directory *directory; /* of registered clients; made when first needed */
    struct sp_str proxy_secret;            /* of our own nginx, see client_certificate.h; absent: none */
    struct sp_remote_keys *remote_keys;    /* made when first needed */
    struct sp_throttle *throttle;          /* likewise */
    struct sp_key *follow_key;             /* of the refresh token behind a refresh token; likewise */
    unsigned char process_secret[32];      /* of the master key: keys what is in memory, nonces, pairwise subjects */
    const atomic_bool *abandon;            /* set when the process ends: errands outside are given up; may be NULL */
    int64_t credible_at, credible_seen;    /* credible_time.h's, and what the clock said then; 0: that is believed */
    bool has_outgoing;                     /* a message was put since the outbox looked last */
    struct sp_store_refusals refusals;     /* of calls, by the store */
    uint64_t lost_turns;                   /* turns whose writes could not be flushed */
    uint64_t runs;                         /* of the server's loop: what an earlier one read may be old */
};

/* Finds the endpoint by path, reads the parameters and runs it; fills call->answer, unless it hands up SP_WAITS: then
 * call->waits_for is to be run (sp_errand_run) and the call answered again. */
enum sp_step sp_authority_answer(struct sp_call *call);

/* issuer base + path, in the call's arena. */
struct sp_str sp_authority_url(const struct sp_call *call, const char *path);
/* The same at the host that asks for client certificates (RFC 8705 5); absent: there is no such host. */
struct sp_str sp_authority_alias_url(const struct sp_call *call, const char *path);

#endif
