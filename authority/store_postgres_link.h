/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to PostgreSQL: made without blocking the server for longer than a moment, set up the same way each
 * time, given up when an answer does not come, made anew when it is lost. It is always in libpq's pipeline mode:
 * statements go out when an answer is needed, not one by one.
 *
 *   down ── ready() ──► connecting ── ready() … ──► ready ── an error of the socket, or silence ──► down */
#ifndef SP_AUTHORITY_STORE_POSTGRES_LINK_H
#define SP_AUTHORITY_STORE_POSTGRES_LINK_H

#include <libpq-fe.h>
#include "authority/store.h"

#define SP_POSTGRES_SCHEMA "sallyport"
#define SP_POSTGRES_MAX_WORDS 64u

struct sp_postgres_link {
    PGconn *conn;                                      /* NULL: down */
    bool is_ready;                                     /* connected and set up */
    PostgresPollingStatusType poll;                    /* while connecting */
    int64_t retry_at_ms, started_at_ms, give_up_at_ms; /* of the monotonic clock; the latter two of an attempt */
    int64_t answer_ms;                                 /* how long an answer may take */
    char schema[64];                                   /* an identifier that needs no quotes */
    PQconninfoOption *options;                         /* as configured, and our defaults */
    const char *words[SP_POSTGRES_MAX_WORDS], *values[SP_POSTGRES_MAX_WORDS];
    /* Called on each new connection, once it is set up: prepares the statements. */
    enum sp_status (*prepare)(void *context);
    void *context;
    char *trouble;      /* 256 bytes of the store's */
    const char **needs; /* the store's */
    char sqlstate[6];   /* of the last error of a statement, "" when there was none */
};

/* Reads the terms; connects nowhere. SP_MALFORMED with trouble. */
SP_MUST_CHECK enum sp_status sp_postgres_link_init(struct sp_postgres_link *link, const struct sp_postgres_terms *terms,
                                                   char trouble[256]);
void sp_postgres_link_fini(struct sp_postgres_link *link);

/* Connects if need be; notices that an idle connection was closed. An attempt is waited for until wait_ms after it
 * began, by whoever asks: with a server that hangs, calls do not wait one after the other. SP_IO with trouble: not now.
 */
SP_MUST_CHECK enum sp_status sp_postgres_link_ready(struct sp_postgres_link *link, int64_t wait_ms);

/* The next result of the pipeline (NULL ends those of a statement); the caller clears it. SP_IO: the connection is lost
 * and the link is down. */
SP_MUST_CHECK enum sp_status sp_postgres_link_next(struct sp_postgres_link *link, PGresult **result);
/* Sends one statement without parameters, waits, and answers its result; SP_IO with trouble. Nothing else may be under
 * way. result may be NULL. */
SP_MUST_CHECK enum sp_status sp_postgres_link_ask(struct sp_postgres_link *link, const char *sql, PGresult **result);
/* Ends the connection with what libpq says, or `why`. */
void sp_postgres_link_lose(struct sp_postgres_link *link, const char *why);
/* Notes what a statement's result complains of. */
void sp_postgres_link_note(struct sp_postgres_link *link, const PGresult *result);

/* store_postgres_schema.c: creates the tables or brings them up to date, one process at a time. SP_IO; SP_UNSUPPORTED:
 * written by a newer version, or a database that cannot hold it. */
SP_MUST_CHECK enum sp_status sp_postgres_migrate(struct sp_postgres_link *link);

#endif
