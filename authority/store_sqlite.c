/* SPDX-License-Identifier: Apache-2.0 */
/* The store in one SQLite file: WAL, synchronous=FULL (a kept token survives power loss), one fsync a turn of the
 * server's loop. A call's writes are a savepoint inside the turn's transaction, so one call can be undone without its
 * neighbours. The statements are rows of one table and are prepared once. */
#include "authority/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How long a call may wait for another process's write (the CLI's, a backup's) before it answers 503. */
#define BUSY_TIMEOUT_MS 250

#define TICKET_COLUMNS "family,client_id,subject,issued_at,expires_at,used_at,data"
#define RECORD_COLUMNS "id,owner,data,created_at,due_at"
#define ACCOUNT_COLUMNS "id,name,password_hash,claims,created_at,failed_at,failures,disabled"

#define STATEMENTS(ROW)                                                                                                \
    ROW(BEGIN, "BEGIN IMMEDIATE")                                                                                      \
    ROW(COMMIT, "COMMIT")                                                                                              \
    ROW(ROLLBACK, "ROLLBACK")                                                                                          \
    ROW(SAVEPOINT, "SAVEPOINT one_call")                                                                               \
    ROW(RELEASE, "RELEASE one_call")                                                                                   \
    ROW(ROLLBACK_TO, "ROLLBACK TO one_call")                                                                           \
    ROW(PUT_TICKET, "INSERT INTO tickets(kind,hash," TICKET_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"             \
                    " ON CONFLICT DO NOTHING")                                                                         \
    ROW(FIND_TICKET, "SELECT " TICKET_COLUMNS " FROM tickets WHERE kind=?1 AND hash=?2")                               \
    ROW(USE_TICKET, "UPDATE tickets SET used_at=?3 WHERE kind=?1 AND hash=?2 AND used_at=0")                           \
    ROW(HAS_TICKET, "SELECT 1 FROM tickets WHERE kind=?1 AND hash=?2")                                                 \
    ROW(CHANGE_TICKET, "UPDATE tickets SET expires_at=?3,subject=?4,data=?5 WHERE kind=?1 AND hash=?2")                \
    ROW(DROP_TICKET, "DELETE FROM tickets WHERE kind=?1 AND hash=?2")                                                  \
    ROW(DROP_FAMILY, "DELETE FROM tickets WHERE family=?1 AND kind<>?2")                                               \
    /* The last term is that of the index. */                                                                          \
    ROW(LIST_TICKETS, "SELECT hash," TICKET_COLUMNS " FROM tickets WHERE subject=?1 AND kind=?2 AND expires_at>?3"     \
                      " AND kind IN (4,8) ORDER BY issued_at DESC LIMIT ?4")                                           \
    ROW(PURGE_TICKETS, "DELETE FROM tickets WHERE (kind,hash) IN"                                                      \
                       " (SELECT kind,hash FROM tickets WHERE expires_at<?1 LIMIT ?2)")                                \
    ROW(PUT_KEY, "INSERT OR REPLACE INTO signing_keys VALUES(?1,?2,?3,?4,?5,?6,?7)")                                   \
    ROW(DROP_KEY, "DELETE FROM signing_keys WHERE kid=?1")                                                             \
    ROW(LIST_KEYS, "SELECT * FROM signing_keys ORDER BY created_at,kid")                                               \
    ROW(PUT_ACCOUNT, "INSERT OR REPLACE INTO accounts(" ACCOUNT_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8)")           \
    ROW(FIND_ACCOUNT, "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE name=?1 COLLATE NOCASE")                         \
    ROW(GET_ACCOUNT, "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE id=?1")                                           \
    ROW(LIST_ACCOUNTS, "SELECT " ACCOUNT_COLUMNS " FROM accounts WHERE name>?1 COLLATE NOCASE"                         \
                       " ORDER BY name COLLATE NOCASE LIMIT ?2")                                                       \
    ROW(DROP_ACCOUNT, "DELETE FROM accounts WHERE id=?1")                                                              \
    ROW(PUT_CONSENT, "INSERT OR REPLACE INTO consents VALUES(?1,?2,?3,?4)")                                            \
    ROW(FIND_CONSENT, "SELECT scopes FROM consents WHERE subject=?1 AND client_id=?2")                                 \
    ROW(LIST_CONSENTS, "SELECT client_id,scopes,granted_at FROM consents WHERE subject=?1"                             \
                       " ORDER BY granted_at DESC LIMIT ?2")                                                           \
    ROW(DROP_CONSENT, "DELETE FROM consents WHERE subject=?1 AND client_id=?2")                                        \
    ROW(PUT_RECORD, "INSERT OR REPLACE INTO records(kind," RECORD_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6)")               \
    ROW(ADD_RECORD, "INSERT INTO records(kind," RECORD_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING")   \
    ROW(FIND_RECORD, "SELECT " RECORD_COLUMNS " FROM records WHERE kind=?1 AND id=?2")                                 \
    ROW(DROP_RECORD, "DELETE FROM records WHERE kind=?1 AND id=?2")                                                    \
    ROW(LIST_RECORDS, "SELECT " RECORD_COLUMNS " FROM records WHERE kind=?1 AND id>?2 ORDER BY id LIMIT ?3")           \
    ROW(LIST_OWNED,                                                                                                    \
        "SELECT " RECORD_COLUMNS " FROM records WHERE kind=?1 AND id>?2 AND owner=?4 ORDER BY id LIMIT ?3")            \
    ROW(LIST_DUE, "SELECT " RECORD_COLUMNS " FROM records WHERE kind=?1 AND due_at>0 AND due_at<=?2"                   \
                  " ORDER BY due_at LIMIT ?3")                                                                         \
    ROW(VERSION, "PRAGMA data_version")

enum statement {
#define ROW(name, sql) name,
    STATEMENTS(ROW)
#undef ROW
        STATEMENT_COUNT
};

static const char *const statement_texts[STATEMENT_COUNT] = {
#define ROW(name, sql) [name] = sql,
    STATEMENTS(ROW)
#undef ROW
};

/* Row n brings a file from version n to n + 1. Rows are appended, never changed. */
static const char *const migrations[] = {
    "CREATE TABLE tickets(kind INTEGER NOT NULL, hash BLOB NOT NULL, family TEXT, client_id TEXT, subject TEXT,"
    " issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL DEFAULT 0, data TEXT,"
    " PRIMARY KEY(kind,hash)) WITHOUT ROWID;"
    "CREATE INDEX tickets_by_end ON tickets(expires_at);"
    "CREATE INDEX tickets_by_family ON tickets(family) WHERE family IS NOT NULL;"
    "CREATE TABLE signing_keys(kid TEXT PRIMARY KEY, algorithm TEXT NOT NULL, created_at INTEGER NOT NULL,"
    " active_from INTEGER NOT NULL, active_until INTEGER NOT NULL, forget_at INTEGER NOT NULL, sealed BLOB NOT NULL);"
    "CREATE TABLE accounts(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, password_hash TEXT NOT NULL,"
    " claims TEXT NOT NULL, created_at INTEGER NOT NULL, failed_at INTEGER NOT NULL, failures INTEGER NOT NULL,"
    " disabled INTEGER NOT NULL);"
    "CREATE TABLE consents(subject TEXT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,"
    " granted_at INTEGER NOT NULL, PRIMARY KEY(subject,client_id)) WITHOUT ROWID;",
    "CREATE TABLE records(kind INTEGER NOT NULL, id TEXT NOT NULL, owner TEXT, data TEXT, created_at INTEGER NOT NULL,"
    " due_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(kind,id)) WITHOUT ROWID;"
    "CREATE INDEX records_by_owner ON records(kind,owner,id) WHERE owner IS NOT NULL;"
    "CREATE INDEX records_by_time ON records(kind,due_at) WHERE due_at>0;"
    "CREATE INDEX tickets_by_subject ON tickets(subject,kind) WHERE kind IN (4,8);",
};
#define NEWEST_VERSION ((int)(sizeof migrations / sizeof migrations[0]))

struct sqlite_store {
    struct sp_store store; /* first: a struct sp_store * is one of these */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    bool in_turn, in_call;
};

static struct sqlite_store *self_of(struct sp_store *store)
{
    return (struct sqlite_store *)store;
}

static enum sp_status fail(struct sqlite_store *self, int code)
{
    snprintf(self->store.trouble, sizeof self->store.trouble, "%s (%s)", sqlite3_errmsg(self->db),
             sqlite3_errstr(code));
    return code == SQLITE_NOMEM ? SP_NO_MEMORY : SP_IO;
}

/* ---- one statement ---- */
static sqlite3_stmt *take(struct sqlite_store *self, enum statement which)
{
    sqlite3_stmt *statement = self->statements[which];
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

/* Bound texts are borrowed: the statement is stepped and reset before its caller returns. */
static void bind_text(sqlite3_stmt *statement, int index, struct sp_str text)
{
    if (text.at != NULL)
        sqlite3_bind_text64(statement, index, text.at, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static void bind_blob(sqlite3_stmt *statement, int index, const void *at, size_t len)
{
    sqlite3_bind_blob64(statement, index, at, len, SQLITE_STATIC);
}

static void bind_ticket(sqlite3_stmt *statement, enum sp_ticket_kind kind, const unsigned char hash[32])
{
    sqlite3_bind_int(statement, 1, (int)kind);
    bind_blob(statement, 2, hash, 32);
}

/* Runs a statement that returns no row. */
static enum sp_status run(struct sqlite_store *self, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    enum sp_status status = code == SQLITE_DONE || code == SQLITE_ROW ? SP_OK : fail(self, code);
    sqlite3_reset(statement);
    return status;
}

/* The first row or SP_NOT_FOUND; the caller resets the statement when it has read it. */
static enum sp_status first_row(struct sqlite_store *self, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return SP_OK;
    enum sp_status status = code == SQLITE_DONE ? SP_NOT_FOUND : fail(self, code);
    sqlite3_reset(statement);
    return status;
}

static enum sp_status read_text(sqlite3_stmt *statement, int column, struct sp_arena *arena, struct sp_str *text)
{
    const char *at = sqlite3_column_blob(statement, column);
    if (at == NULL && sqlite3_column_type(statement, column) != SQLITE_NULL)
        at = "";
    return sp_arena_copy(arena, sp_str(at, (size_t)sqlite3_column_bytes(statement, column)), text);
}

/* Reads one row into an element of a list. */
typedef enum sp_status read_row(sqlite3_stmt *statement, struct sp_arena *arena, void *into);

/* All rows of a statement that ends with a LIMIT of `most`. */
static enum sp_status read_list(struct sqlite_store *self, sqlite3_stmt *statement, read_row *read, size_t size,
                                size_t most, struct sp_arena *arena, void *list_out, size_t *count)
{
    char *list = sp_arena_calloc(arena, most, size);
    if (list == NULL)
        return SP_NO_MEMORY;
    size_t found = 0;
    enum sp_status status = SP_OK;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && status == SP_OK && found < most)
        status = read(statement, arena, list + size * found++);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        status = fail(self, code);
    sqlite3_reset(statement);
    if (status == SP_OK) {
        memcpy(list_out, &list, sizeof list);
        *count = found;
    }
    return status;
}

/* ---- turns and calls ---- */
static enum sp_status begin(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    assert(!self->in_call);
    enum sp_status status = SP_OK;
    if (!self->in_turn) {
        status = run(self, take(self, BEGIN));
        if (status != SP_OK)
            return status;
        self->in_turn = true;
    }
    status = run(self, take(self, SAVEPOINT));
    self->in_call = status == SP_OK;
    return status;
}

static void undo_turn(struct sqlite_store *self)
{
    /* A full disk makes SQLite roll back by itself. */
    if (!sqlite3_get_autocommit(self->db))
        (void)run(self, take(self, ROLLBACK));
    self->in_turn = false;
    self->in_call = false;
}

static void undo(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    if (!self->in_call)
        return;
    self->in_call = false;
    if (sqlite3_get_autocommit(self->db))
        return; /* rolled back as a whole: flush will say so */
    if (run(self, take(self, ROLLBACK_TO)) == SP_OK)
        (void)run(self, take(self, RELEASE));
}

static enum sp_status keep(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    assert(self->in_call);
    enum sp_status status = run(self, take(self, RELEASE));
    if (status != SP_OK)
        undo(store);
    else
        store->kept++;
    self->in_call = false;
    return status;
}

static enum sp_status flush(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    if (!self->in_turn)
        return SP_OK;
    if (sqlite3_get_autocommit(self->db)) {
        self->in_turn = false;
        snprintf(store->trouble, sizeof store->trouble, "the transaction was rolled back: the store is full or failed");
        return SP_IO;
    }
    enum sp_status status = run(self, take(self, COMMIT));
    if (status != SP_OK)
        undo_turn(self);
    self->in_turn = false;
    return status;
}

/* ---- tickets ---- */
static enum sp_status put_ticket(struct sp_store *store, const struct sp_ticket *ticket, bool *fresh)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, PUT_TICKET);
    bind_ticket(statement, ticket->kind, ticket->hash);
    bind_text(statement, 3, ticket->family);
    bind_text(statement, 4, ticket->client_id);
    bind_text(statement, 5, ticket->subject);
    sqlite3_bind_int64(statement, 6, ticket->issued_at);
    sqlite3_bind_int64(statement, 7, ticket->expires_at);
    sqlite3_bind_int64(statement, 8, ticket->used_at);
    bind_text(statement, 9, ticket->data);
    enum sp_status status = run(self, statement);
    bool inserted = status == SP_OK && sqlite3_changes(self->db) == 1;
    assert(status != SP_OK || inserted || fresh != NULL);
    if (status == SP_OK && fresh != NULL)
        *fresh = inserted;
    return status;
}

/* TICKET_COLUMNS, the first of them in column `from`. */
static enum sp_status read_ticket(sqlite3_stmt *statement, int from, struct sp_arena *arena, struct sp_ticket *ticket)
{
    ticket->issued_at = sqlite3_column_int64(statement, from + 3);
    ticket->expires_at = sqlite3_column_int64(statement, from + 4);
    ticket->used_at = sqlite3_column_int64(statement, from + 5);
    if (read_text(statement, from, arena, &ticket->family) != SP_OK ||
        read_text(statement, from + 1, arena, &ticket->client_id) != SP_OK ||
        read_text(statement, from + 2, arena, &ticket->subject) != SP_OK ||
        read_text(statement, from + 6, arena, &ticket->data) != SP_OK)
        return SP_NO_MEMORY;
    return SP_OK;
}

static enum sp_status find_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                  struct sp_arena *arena, struct sp_ticket *ticket)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, FIND_TICKET);
    bind_ticket(statement, kind, hash);
    enum sp_status status = first_row(self, statement);
    if (status != SP_OK)
        return status;
    struct sp_ticket found = {.kind = kind};
    memcpy(found.hash, hash, sizeof found.hash);
    status = read_ticket(statement, 0, arena, &found);
    sqlite3_reset(statement);
    if (status == SP_OK)
        *ticket = found;
    return status;
}

static enum sp_status has_ticket(struct sqlite_store *self, enum sp_ticket_kind kind, const unsigned char hash[32])
{
    sqlite3_stmt *statement = take(self, HAS_TICKET);
    bind_ticket(statement, kind, hash);
    enum sp_status status = first_row(self, statement);
    sqlite3_reset(statement);
    return status;
}

static enum sp_status use_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                 int64_t now, bool *first)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, USE_TICKET);
    bind_ticket(statement, kind, hash);
    sqlite3_bind_int64(statement, 3, now);
    enum sp_status status = run(self, statement);
    if (status != SP_OK)
        return status;
    bool was_first = sqlite3_changes(self->db) == 1;
    status = was_first ? SP_OK : has_ticket(self, kind, hash);
    if (status == SP_OK)
        *first = was_first;
    return status;
}

static enum sp_status change_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32],
                                    int64_t expires_at, struct sp_str subject, struct sp_str data)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, CHANGE_TICKET);
    bind_ticket(statement, kind, hash);
    sqlite3_bind_int64(statement, 3, expires_at);
    bind_text(statement, 4, subject);
    bind_text(statement, 5, data);
    enum sp_status status = run(self, statement);
    return status == SP_OK && sqlite3_changes(self->db) == 0 ? SP_NOT_FOUND : status;
}

static enum sp_status drop_ticket(struct sp_store *store, enum sp_ticket_kind kind, const unsigned char hash[32])
{
    sqlite3_stmt *statement = take(self_of(store), DROP_TICKET);
    bind_ticket(statement, kind, hash);
    return run(self_of(store), statement);
}

static enum sp_status drop_family(struct sp_store *store, struct sp_str family, enum sp_ticket_kind spared)
{
    sqlite3_stmt *statement = take(self_of(store), DROP_FAMILY);
    bind_text(statement, 1, family);
    sqlite3_bind_int(statement, 2, (int)spared);
    return run(self_of(store), statement);
}

static enum sp_status read_listed_ticket(sqlite3_stmt *statement, struct sp_arena *arena, void *into)
{
    struct sp_ticket *ticket = into;
    if (sqlite3_column_bytes(statement, 0) != (int)sizeof ticket->hash)
        return SP_IO;
    memcpy(ticket->hash, sqlite3_column_blob(statement, 0), sizeof ticket->hash);
    return read_ticket(statement, 1, arena, ticket);
}

static enum sp_status list_tickets(struct sp_store *store, enum sp_ticket_kind kind, struct sp_str subject, int64_t now,
                                   size_t most, struct sp_arena *arena, struct sp_ticket **tickets, size_t *count)
{
    struct sp_ticket *list;
    sqlite3_stmt *statement = take(self_of(store), LIST_TICKETS);
    bind_text(statement, 1, subject);
    sqlite3_bind_int(statement, 2, (int)kind);
    sqlite3_bind_int64(statement, 3, now);
    sqlite3_bind_int64(statement, 4, (int64_t)most);
    enum sp_status status =
        read_list(self_of(store), statement, read_listed_ticket, sizeof *list, most, arena, &list, count);
    for (size_t i = 0; status == SP_OK && i < *count; i++)
        list[i].kind = kind;
    if (status == SP_OK)
        *tickets = list;
    return status;
}

static enum sp_status purge_tickets(struct sp_store *store, int64_t before, int64_t most)
{
    sqlite3_stmt *statement = take(self_of(store), PURGE_TICKETS);
    sqlite3_bind_int64(statement, 1, before);
    sqlite3_bind_int64(statement, 2, most);
    return run(self_of(store), statement);
}

/* ---- keys ---- */
static enum sp_status put_key(struct sp_store *store, const struct sp_stored_key *key)
{
    sqlite3_stmt *statement = take(self_of(store), PUT_KEY);
    bind_text(statement, 1, key->kid);
    bind_text(statement, 2, key->algorithm);
    sqlite3_bind_int64(statement, 3, key->created_at);
    sqlite3_bind_int64(statement, 4, key->active_from);
    sqlite3_bind_int64(statement, 5, key->active_until);
    sqlite3_bind_int64(statement, 6, key->forget_at);
    bind_blob(statement, 7, key->sealed.at, key->sealed.len);
    return run(self_of(store), statement);
}

static enum sp_status drop_key(struct sp_store *store, struct sp_str kid)
{
    sqlite3_stmt *statement = take(self_of(store), DROP_KEY);
    bind_text(statement, 1, kid);
    return run(self_of(store), statement);
}

/* More signing keys than this are not a rotation but a fault. */
#define MAX_STORED_KEYS 64u

static enum sp_status read_key(sqlite3_stmt *statement, struct sp_arena *arena, void *into)
{
    struct sp_stored_key *key = into;
    key->created_at = sqlite3_column_int64(statement, 2);
    key->active_from = sqlite3_column_int64(statement, 3);
    key->active_until = sqlite3_column_int64(statement, 4);
    key->forget_at = sqlite3_column_int64(statement, 5);
    if (read_text(statement, 0, arena, &key->kid) != SP_OK ||
        read_text(statement, 1, arena, &key->algorithm) != SP_OK ||
        read_text(statement, 6, arena, &key->sealed) != SP_OK)
        return SP_NO_MEMORY;
    return SP_OK;
}

static enum sp_status list_keys(struct sp_store *store, struct sp_arena *arena, struct sp_stored_key **keys,
                                size_t *count)
{
    struct sqlite_store *self = self_of(store);
    return read_list(self, take(self, LIST_KEYS), read_key, sizeof **keys, MAX_STORED_KEYS, arena, keys, count);
}

/* ---- accounts and consents ---- */
static enum sp_status put_account(struct sp_store *store, const struct sp_account *account)
{
    sqlite3_stmt *statement = take(self_of(store), PUT_ACCOUNT);
    bind_text(statement, 1, account->id);
    bind_text(statement, 2, account->name);
    bind_text(statement, 3, account->password_hash);
    bind_text(statement, 4, account->claims);
    sqlite3_bind_int64(statement, 5, account->created_at);
    sqlite3_bind_int64(statement, 6, account->failed_at);
    sqlite3_bind_int64(statement, 7, account->failures);
    sqlite3_bind_int(statement, 8, account->disabled);
    return run(self_of(store), statement);
}

static enum sp_status read_account(sqlite3_stmt *statement, struct sp_arena *arena, void *into)
{
    struct sp_account *account = into;
    account->created_at = sqlite3_column_int64(statement, 4);
    account->failed_at = sqlite3_column_int64(statement, 5);
    account->failures = sqlite3_column_int64(statement, 6);
    account->disabled = sqlite3_column_int(statement, 7) != 0;
    if (read_text(statement, 0, arena, &account->id) != SP_OK ||
        read_text(statement, 1, arena, &account->name) != SP_OK ||
        read_text(statement, 2, arena, &account->password_hash) != SP_OK ||
        read_text(statement, 3, arena, &account->claims) != SP_OK)
        return SP_NO_MEMORY;
    return SP_OK;
}

static enum sp_status one_account(struct sqlite_store *self, sqlite3_stmt *statement, struct sp_arena *arena,
                                  struct sp_account *account)
{
    struct sp_account found = {0};
    enum sp_status status = first_row(self, statement);
    if (status != SP_OK)
        return status;
    status = read_account(statement, arena, &found);
    sqlite3_reset(statement);
    if (status == SP_OK)
        *account = found;
    return status;
}

static enum sp_status find_account(struct sp_store *store, struct sp_str name, struct sp_arena *arena,
                                   struct sp_account *account)
{
    sqlite3_stmt *statement = take(self_of(store), FIND_ACCOUNT);
    bind_text(statement, 1, name);
    return one_account(self_of(store), statement, arena, account);
}

static enum sp_status get_account(struct sp_store *store, struct sp_str id, struct sp_arena *arena,
                                  struct sp_account *account)
{
    sqlite3_stmt *statement = take(self_of(store), GET_ACCOUNT);
    bind_text(statement, 1, id);
    return one_account(self_of(store), statement, arena, account);
}

static enum sp_status list_accounts(struct sp_store *store, struct sp_str after, size_t most, struct sp_arena *arena,
                                    struct sp_account **accounts, size_t *count)
{
    sqlite3_stmt *statement = take(self_of(store), LIST_ACCOUNTS);
    bind_text(statement, 1, after);
    sqlite3_bind_int64(statement, 2, (int64_t)most);
    return read_list(self_of(store), statement, read_account, sizeof **accounts, most, arena, accounts, count);
}

/* Deletes; SP_NOT_FOUND when there was nothing to delete. */
static enum sp_status run_drop(struct sqlite_store *self, sqlite3_stmt *statement)
{
    enum sp_status status = run(self, statement);
    return status == SP_OK && sqlite3_changes(self->db) == 0 ? SP_NOT_FOUND : status;
}

static enum sp_status drop_account(struct sp_store *store, struct sp_str id)
{
    sqlite3_stmt *statement = take(self_of(store), DROP_ACCOUNT);
    bind_text(statement, 1, id);
    return run_drop(self_of(store), statement);
}

static enum sp_status put_consent(struct sp_store *store, struct sp_str subject, struct sp_str client_id,
                                  struct sp_str scopes, int64_t now)
{
    sqlite3_stmt *statement = take(self_of(store), PUT_CONSENT);
    bind_text(statement, 1, subject);
    bind_text(statement, 2, client_id);
    bind_text(statement, 3, scopes);
    sqlite3_bind_int64(statement, 4, now);
    return run(self_of(store), statement);
}

static enum sp_status find_consent(struct sp_store *store, struct sp_str subject, struct sp_str client_id,
                                   struct sp_arena *arena, struct sp_str *scopes)
{
    sqlite3_stmt *statement = take(self_of(store), FIND_CONSENT);
    bind_text(statement, 1, subject);
    bind_text(statement, 2, client_id);
    enum sp_status status = first_row(self_of(store), statement);
    if (status != SP_OK)
        return status;
    status = read_text(statement, 0, arena, scopes);
    sqlite3_reset(statement);
    return status;
}

static enum sp_status read_consent(sqlite3_stmt *statement, struct sp_arena *arena, void *into)
{
    struct sp_consent *consent = into;
    consent->granted_at = sqlite3_column_int64(statement, 2);
    if (read_text(statement, 0, arena, &consent->client_id) != SP_OK ||
        read_text(statement, 1, arena, &consent->scopes) != SP_OK)
        return SP_NO_MEMORY;
    return SP_OK;
}

static enum sp_status list_consents(struct sp_store *store, struct sp_str subject, size_t most, struct sp_arena *arena,
                                    struct sp_consent **consents, size_t *count)
{
    sqlite3_stmt *statement = take(self_of(store), LIST_CONSENTS);
    bind_text(statement, 1, subject);
    sqlite3_bind_int64(statement, 2, (int64_t)most);
    return read_list(self_of(store), statement, read_consent, sizeof **consents, most, arena, consents, count);
}

static enum sp_status drop_consent(struct sp_store *store, struct sp_str subject, struct sp_str client_id)
{
    sqlite3_stmt *statement = take(self_of(store), DROP_CONSENT);
    bind_text(statement, 1, subject);
    bind_text(statement, 2, client_id);
    return run_drop(self_of(store), statement);
}

/* ---- records ---- */
static enum sp_status put_record(struct sp_store *store, const struct sp_record *record, bool *fresh)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, fresh != NULL ? ADD_RECORD : PUT_RECORD);
    sqlite3_bind_int(statement, 1, (int)record->kind);
    bind_text(statement, 2, record->id);
    bind_text(statement, 3, record->owner);
    bind_text(statement, 4, record->data);
    sqlite3_bind_int64(statement, 5, record->created_at);
    sqlite3_bind_int64(statement, 6, record->due_at);
    enum sp_status status = run(self, statement);
    if (status == SP_OK && fresh != NULL)
        *fresh = sqlite3_changes(self->db) == 1;
    return status;
}

static enum sp_status read_record(sqlite3_stmt *statement, struct sp_arena *arena, void *into)
{
    struct sp_record *record = into;
    record->created_at = sqlite3_column_int64(statement, 3);
    record->due_at = sqlite3_column_int64(statement, 4);
    if (read_text(statement, 0, arena, &record->id) != SP_OK ||
        read_text(statement, 1, arena, &record->owner) != SP_OK ||
        read_text(statement, 2, arena, &record->data) != SP_OK)
        return SP_NO_MEMORY;
    return SP_OK;
}

static enum sp_status find_record(struct sp_store *store, enum sp_record_kind kind, struct sp_str id,
                                  struct sp_arena *arena, struct sp_record *record)
{
    struct sqlite_store *self = self_of(store);
    struct sp_record found = {.kind = kind};
    sqlite3_stmt *statement = take(self, FIND_RECORD);
    sqlite3_bind_int(statement, 1, (int)kind);
    bind_text(statement, 2, id);
    enum sp_status status = first_row(self, statement);
    if (status != SP_OK)
        return status;
    status = read_record(statement, arena, &found);
    sqlite3_reset(statement);
    if (status == SP_OK)
        *record = found;
    return status;
}

static enum sp_status drop_record(struct sp_store *store, enum sp_record_kind kind, struct sp_str id)
{
    sqlite3_stmt *statement = take(self_of(store), DROP_RECORD);
    sqlite3_bind_int(statement, 1, (int)kind);
    bind_text(statement, 2, id);
    return run_drop(self_of(store), statement);
}

static enum sp_status read_records(struct sqlite_store *self, sqlite3_stmt *statement, enum sp_record_kind kind,
                                   size_t most, struct sp_arena *arena, struct sp_record **records, size_t *count)
{
    struct sp_record *list;
    enum sp_status status = read_list(self, statement, read_record, sizeof *list, most, arena, &list, count);
    for (size_t i = 0; status == SP_OK && i < *count; i++)
        list[i].kind = kind;
    if (status == SP_OK)
        *records = list;
    return status;
}

static enum sp_status list_records(struct sp_store *store, enum sp_record_kind kind, struct sp_str owner,
                                   struct sp_str after, size_t most, struct sp_arena *arena, struct sp_record **records,
                                   size_t *count)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, owner.at != NULL ? LIST_OWNED : LIST_RECORDS);
    sqlite3_bind_int(statement, 1, (int)kind);
    bind_text(statement, 2, after.at != NULL ? after : SP_STR(""));
    sqlite3_bind_int64(statement, 3, (int64_t)most);
    if (owner.at != NULL)
        bind_text(statement, 4, owner);
    return read_records(self, statement, kind, most, arena, records, count);
}

static enum sp_status list_due(struct sp_store *store, enum sp_record_kind kind, int64_t now, size_t most,
                               struct sp_arena *arena, struct sp_record **records, size_t *count)
{
    struct sqlite_store *self = self_of(store);
    sqlite3_stmt *statement = take(self, LIST_DUE);
    sqlite3_bind_int(statement, 1, (int)kind);
    sqlite3_bind_int64(statement, 2, now);
    sqlite3_bind_int64(statement, 3, (int64_t)most);
    return read_records(self, statement, kind, most, arena, records, count);
}

static enum sp_status version(struct sp_store *store, int64_t *out)
{
    sqlite3_stmt *statement = take(self_of(store), VERSION);
    enum sp_status status = first_row(self_of(store), statement);
    if (status == SP_OK)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return status;
}

/* ---- opening ---- */
static void destroy(struct sp_store **store)
{
    if (*store == NULL)
        return;
    struct sqlite_store *self = self_of(*store);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(self->statements[i]);
    sqlite3_close(self->db);
    free(self);
    *store = NULL;
}

static const struct sp_store_methods methods = {
    .destroy = destroy,
    .begin = begin,
    .keep = keep,
    .undo = undo,
    .flush = flush,
    .put_ticket = put_ticket,
    .find_ticket = find_ticket,
    .use_ticket = use_ticket,
    .change_ticket = change_ticket,
    .drop_ticket = drop_ticket,
    .drop_family = drop_family,
    .list_tickets = list_tickets,
    .purge_tickets = purge_tickets,
    .put_key = put_key,
    .drop_key = drop_key,
    .list_keys = list_keys,
    .put_account = put_account,
    .find_account = find_account,
    .get_account = get_account,
    .list_accounts = list_accounts,
    .drop_account = drop_account,
    .put_consent = put_consent,
    .find_consent = find_consent,
    .list_consents = list_consents,
    .drop_consent = drop_consent,
    .put_record = put_record,
    .find_record = find_record,
    .drop_record = drop_record,
    .list_records = list_records,
    .list_due = list_due,
    .version = version,
};

static int schema_version(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int found = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        found = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return found;
}

/* Each step in its own transaction; the version is read inside it, so that two processes that start together do not
 * both apply it. */
static enum sp_status migrate(struct sqlite_store *self)
{
    for (;;) {
        int code = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (code != SQLITE_OK)
            return fail(self, code);
        int found = schema_version(self->db);
        enum sp_status status = found < 0 ? fail(self, sqlite3_errcode(self->db)) : SP_OK;
        if (found > NEWEST_VERSION) {
            snprintf(self->store.trouble, sizeof self->store.trouble,
                     "the file has schema %d, this program knows up to %d: it was written by a newer version", found,
                     NEWEST_VERSION);
            status = SP_UNSUPPORTED;
        }
        if (status != SP_OK || found == NEWEST_VERSION) {
            sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
            return status;
        }
        char mark[64];
        snprintf(mark, sizeof mark, "PRAGMA user_version=%d", found + 1);
        code = sqlite3_exec(self->db, migrations[found], NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(self->db, mark, NULL, NULL, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            status = fail(self, code);
            sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
            return status;
        }
    }
}

static enum sp_status prepare(struct sqlite_store *self)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        int code =
            sqlite3_prepare_v3(self->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &self->statements[i], NULL);
        if (code != SQLITE_OK)
            return fail(self, code);
    }
    return SP_OK;
}

/* SQLite would create the file, and its -wal and -shm after it, by the umask. */
static enum sp_status create_private_file(const char *path, char trouble[256])
{
    if (strcmp(path, ":memory:") == 0)
        return SP_OK;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(trouble, 256, "%s: %s", path, strerror(errno));
        return SP_IO;
    }
    close(fd);
    return SP_OK;
}

enum sp_status sp_store_open_sqlite(const char *path, struct sp_store **store, char trouble[256])
{
    enum sp_status status = create_private_file(path, trouble);
    if (status != SP_OK)
        return status;
    struct sqlite_store *self = calloc(1, sizeof *self);
    if (self == NULL)
        return SP_NO_MEMORY;
    self->store.methods = &methods;
    int code = sqlite3_open_v2(path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(self->db, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(self->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF",
                            NULL, NULL, NULL);
    status = code == SQLITE_OK ? migrate(self) : fail(self, code);
    if (status == SP_OK)
        status = prepare(self);
    struct sp_store *opened = &self->store;
    if (status != SP_OK) {
        snprintf(trouble, 256, "%s: %.190s", path, opened->trouble);
        destroy(&opened);
        return status;
    }
    *store = opened;
    return SP_OK;
}
