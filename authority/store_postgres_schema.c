/* SPDX-License-Identifier: Apache-2.0 */
/* The tables in PostgreSQL, in a schema of their own: whoever may write to `public` cannot put a table in their way.
 * Texts are compared byte by byte (COLLATE "C"), as SQLite does. */
#include "authority/store_postgres_link.h"

#include <stdio.h>
#include <stdlib.h>

/* Another node may be at it, or an index be built over many tickets. */
#define MIGRATION_MS 60000
#define OLDEST_SERVER 120000

#define TEXT " TEXT COLLATE \"C\""

/* Row n brings a schema from version n to n + 1. Rows are appended, never changed. */
static const char *const migrations[][12] = {
    {
        "CREATE TABLE tickets(kind BIGINT NOT NULL, hash BYTEA NOT NULL, family" TEXT ", client_id" TEXT
        ", subject" TEXT
        ", issued_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT NOT NULL DEFAULT 0, data" TEXT
        ", PRIMARY KEY(kind,hash))",
        "CREATE INDEX tickets_by_end ON tickets(expires_at)",
        "CREATE INDEX tickets_by_family ON tickets(family) WHERE family IS NOT NULL",
        "CREATE INDEX tickets_by_subject ON tickets(subject,kind) WHERE kind IN (4,8)",
        "CREATE TABLE signing_keys(kid" TEXT " PRIMARY KEY, algorithm" TEXT " NOT NULL, created_at BIGINT NOT NULL,"
        " active_from BIGINT NOT NULL, active_until BIGINT NOT NULL, forget_at BIGINT NOT NULL, sealed BYTEA NOT NULL)",
        "CREATE TABLE accounts(id" TEXT " PRIMARY KEY, name" TEXT " NOT NULL, password_hash" TEXT
        " NOT NULL, claims" TEXT
        " NOT NULL, created_at BIGINT NOT NULL, failed_at BIGINT NOT NULL, failures BIGINT NOT NULL,"
        " disabled BIGINT NOT NULL)",
        "CREATE UNIQUE INDEX accounts_by_name ON accounts(lower(name COLLATE \"C\"))",
        "CREATE TABLE consents(subject" TEXT ", client_id" TEXT ", scopes" TEXT
        " NOT NULL, granted_at BIGINT NOT NULL, PRIMARY KEY(subject,client_id))",
        "CREATE TABLE records(kind BIGINT NOT NULL, id" TEXT " NOT NULL, owner" TEXT ", data" TEXT
        ", created_at BIGINT NOT NULL, due_at BIGINT NOT NULL DEFAULT 0, PRIMARY KEY(kind,id))",
        "CREATE INDEX records_by_owner ON records(kind,owner,id) WHERE owner IS NOT NULL",
        "CREATE INDEX records_by_time ON records(kind,due_at) WHERE due_at>0",
    },
    {
        /* How often registered clients changed: other nodes keep them in memory. */
        "CREATE TABLE client_changes(count BIGINT NOT NULL)",
        "INSERT INTO client_changes VALUES(0)",
    },
    {
        /* Whatever gives access to what is a person's can be taken back: it has to be found. */
        "DROP INDEX tickets_by_subject",
        "CREATE INDEX tickets_by_subject ON tickets(subject,kind) WHERE kind IN (3,4,5,8,13,18)",
    },
};
#define NEWEST_VERSION ((int)(sizeof migrations / sizeof migrations[0]))

/* The first column of the only row as a number; -1 when there is none. */
static enum sp_status ask_number(struct sp_postgres_link *link, const char *sql, int *number)
{
    PGresult *result = NULL;
    enum sp_status status = sp_postgres_link_ask(link, sql, &result);
    if (status == SP_OK)
        *number = PQntuples(result) == 1 ? atoi(PQgetvalue(result, 0, 0)) : -1;
    PQclear(result);
    return status;
}

static enum sp_status check_server(struct sp_postgres_link *link)
{
    const char *encoding = PQparameterStatus(link->conn, "server_encoding");
    if (PQserverVersion(link->conn) < OLDEST_SERVER)
        snprintf(link->trouble, 256, "PostgreSQL %d is too old: 12 or newer is needed",
                 PQserverVersion(link->conn) / 10000);
    else if (encoding != NULL && strcmp(encoding, "UTF8") != 0)
        snprintf(link->trouble, 256, "the database's encoding is %.40s: create it with ENCODING 'UTF8'", encoding);
    else
        return SP_OK;
    return SP_UNSUPPORTED;
}

/* Inside a transaction that holds the lock of all who migrate this schema. */
static enum sp_status bring_up_to_date(struct sp_postgres_link *link)
{
    char sql[160];
    int found = -1;
    snprintf(sql, sizeof sql, "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname='%s'", link->schema);
    enum sp_status status = ask_number(link, sql, &found);
    if (status == SP_OK && found < 0) {
        snprintf(sql, sizeof sql, "CREATE SCHEMA %s", link->schema);
        status = sp_postgres_link_ask(link, sql, NULL);
    }
    if (status == SP_OK)
        status = sp_postgres_link_ask(link, "CREATE TABLE IF NOT EXISTS schema_version(version BIGINT NOT NULL)", NULL);
    if (status == SP_OK)
        status = ask_number(link, "SELECT version FROM schema_version", &found);
    if (status != SP_OK)
        return status;
    if (found > NEWEST_VERSION) {
        snprintf(link->trouble, 256,
                 "the database has schema %d, this program knows up to %d: it was written by a newer version", found,
                 NEWEST_VERSION);
        return SP_UNSUPPORTED;
    }
    bool is_new = found < 0;
    for (int at = is_new ? 0 : found; status == SP_OK && at < NEWEST_VERSION; at++)
        for (size_t i = 0; status == SP_OK && i < 12 && migrations[at][i] != NULL; i++)
            status = sp_postgres_link_ask(link, migrations[at][i], NULL);
    snprintf(sql, sizeof sql, is_new ? "INSERT INTO schema_version VALUES(%d)" : "UPDATE schema_version SET version=%d",
             NEWEST_VERSION);
    return status == SP_OK && found != NEWEST_VERSION ? sp_postgres_link_ask(link, sql, NULL) : status;
}

enum sp_status sp_postgres_migrate(struct sp_postgres_link *link)
{
    char lock[160], why[256];
    int64_t usual_ms = link->answer_ms;
    enum sp_status status = check_server(link);
    if (status != SP_OK)
        return status;
    snprintf(lock, sizeof lock, "SELECT pg_advisory_xact_lock(1396788297,hashtext('%s'))", link->schema);
    const char *const opening[] = {"BEGIN", "SET LOCAL lock_timeout=0", "SET LOCAL statement_timeout=0", lock};
    link->answer_ms = MIGRATION_MS;
    for (size_t i = 0; status == SP_OK && i < sizeof opening / sizeof opening[0]; i++)
        status = sp_postgres_link_ask(link, opening[i], NULL);
    if (status == SP_OK)
        status = bring_up_to_date(link);
    snprintf(why, sizeof why, "%.250s", link->trouble);
    if (link->conn != NULL) {
        enum sp_status ended = sp_postgres_link_ask(link, status == SP_OK ? "COMMIT" : "ROLLBACK", NULL);
        if (status == SP_OK)
            status = ended;
        else
            snprintf(link->trouble, 256, "%.250s", why); /* the first trouble is the reason */
    }
    link->answer_ms = usual_ms;
    return status;
}
