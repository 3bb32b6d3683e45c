/* SPDX-License-Identifier: Apache-2.0 */
/* The store in one SQLite file: WAL, synchronous=FULL (a kept token survives power loss), one fsync a turn of the
 * server's loop. A call's writes are a savepoint inside the turn's transaction, so one call can be undone without its
 * neighbours. Statements are prepared once. */
#include "authority/store_sql.h"
#include "authority/store_sqlite_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* How long a call may wait for another process's write (the CLI's, a backup's) before it answers 503. */
#define BUSY_TIMEOUT_MS 250

/* A turn of many calls writes its pages once, at its commit, when all of them fit; the log is copied into the file when
 * it has this many pages, of which most are then versions of the same ones. */
#define SETTINGS                                                                                                       \
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-32768;"           \
    " PRAGMA wal_autocheckpoint=4000"

/* Behind those of store_statements.def; appended, since faulty_store.c of the tests counts them. */
#define CONTROL(ROW)                                                                                                   \
    ROW(BEGIN, "BEGIN IMMEDIATE")                                                                                      \
    ROW(COMMIT, "COMMIT")                                                                                              \
    ROW(ROLLBACK, "ROLLBACK")                                                                                          \
    ROW(SAVEPOINT, "SAVEPOINT one_call")                                                                               \
    ROW(RELEASE, "RELEASE one_call")                                                                                   \
    ROW(ROLLBACK_TO, "ROLLBACK TO one_call")                                                                           \
    ROW(VERSION, "PRAGMA data_version")                                                                                \
    ROW(BEGIN_READS, "BEGIN DEFERRED")

enum control {
    BEFORE_CONTROL = SP_SQL_COUNT - 1,
#define ROW(name, sql) name,
    CONTROL(ROW)
#undef ROW
        STATEMENT_COUNT
};

#define FOLDED(text) text " COLLATE NOCASE"
static const char *const statement_texts[STATEMENT_COUNT] = {
#define STATEMENT(name, how, text) [SP_SQL_##name] = text,
#include "authority/store_statements.def"
#undef STATEMENT
#define ROW(name, sql) [name] = sql,
    CONTROL(ROW)
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
    /* By their hashes, rows lay scattered: each write changed a page of its own. Now what was written together lies
     * together, and only the hashes are scattered, a hundred a page. */
    "DROP INDEX tickets_by_end; DROP INDEX tickets_by_family; DROP INDEX tickets_by_subject;"
    "ALTER TABLE tickets RENAME TO scattered_tickets;"
    "CREATE TABLE tickets(number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, hash BLOB NOT NULL, family TEXT,"
    " client_id TEXT, subject TEXT, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,"
    " used_at INTEGER NOT NULL DEFAULT 0, data TEXT, UNIQUE(kind,hash));"
    "INSERT INTO tickets(kind,hash,family,client_id,subject,issued_at,expires_at,used_at,data)"
    " SELECT kind,hash,family,client_id,subject,issued_at,expires_at,used_at,data FROM scattered_tickets"
    " ORDER BY issued_at;"
    "DROP TABLE scattered_tickets;"
    "CREATE INDEX tickets_by_end ON tickets(expires_at);"
    "CREATE INDEX tickets_by_family ON tickets(family) WHERE family IS NOT NULL;"
    "CREATE INDEX tickets_by_subject ON tickets(subject,kind) WHERE kind IN (4,8);",
    /* Whatever gives access to what is a person's can be taken back: it has to be found. */
    "DROP INDEX tickets_by_subject;"
    "CREATE INDEX tickets_by_subject ON tickets(subject,kind) WHERE kind IN (3,4,5,8,13,18);",
    /* Of more than two values, SQLite looks IN up in a table that it makes anew for each row that is written: a third
     * of what an opaque token cost. */
    "DROP INDEX tickets_by_subject;"
    "CREATE INDEX tickets_by_subject ON tickets(subject,kind)"
    " WHERE (kind=3 OR kind=4 OR kind=5 OR kind=8 OR kind=13 OR kind=18);",
};
#define NEWEST_VERSION ((int)(sizeof migrations / sizeof migrations[0]))

struct sqlite_store {
    struct sp_sql_store sql; /* first: a struct sp_store * is one of these */
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    bool is_full;        /* the disk was, and the log has not been copied into the file since */
    bool was_refused;    /* so was the last flush */
    time_t made_room_at; /* the last try, by the monotonic clock */
    char *path;
    bool is_elsewhere; /* at the last look the path led to no file, or to another one */
    bool shares_reads; /* the server's turn is on */
    bool in_reads;     /* a transaction that only reads: SQLite locks and looks for news once for all of them */
};

static struct sqlite_store *self_of(struct sp_store *store)
{
    return (struct sqlite_store *)store;
}

static const char *needs_for(int code)
{
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return "room on the file system of the store's file";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "the end of whatever holds the store's file locked (`fuser -v FILE` names the process)";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "a store's file, and a directory around it, that this user may write";
    case SQLITE_IOERR:
        return "a file system that takes what is written to the store's file (see the kernel's log)";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "a whole store: restore a backup";
    default:
        return "a store's file that can be written";
    }
}

static enum sp_status fail(struct sqlite_store *self, int code)
{
    self->sql.store.needs = needs_for(code);
    snprintf(self->sql.store.trouble, sizeof self->sql.store.trouble, "%s (%s)", sqlite3_errmsg(self->db),
             sqlite3_errstr(code));
    self->is_full |= (code & 0xFF) == SQLITE_FULL;
    return code == SQLITE_NOMEM ? SP_NO_MEMORY : SP_IO;
}

/* What was committed is in a log that nobody finds after a restart; it is copied into the file while we still have it.
 */
static bool has_lost_log(struct sqlite_store *self)
{
    sqlite3_file *log = NULL;
    int has_moved = 0;
    if (sqlite3_file_control(self->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK || log == NULL ||
        log->pMethods == NULL || log->pMethods->xFileControl == NULL || /* a store in memory has no file */
        log->pMethods->xFileControl(log, SQLITE_FCNTL_HAS_MOVED, &has_moved) != SQLITE_OK || has_moved == 0)
        return false;
    (void)sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    self->sql.store.needs = "a restart, or the store's -wal file in its place";
    snprintf(self->sql.store.trouble, sizeof self->sql.store.trouble,
             "%.140s-wal is gone or another file: restart the authority, or put the first back", self->path);
    return true;
}

/* Whoever deletes, moves or replaces the file leaves us one that nobody finds after a restart: what is written there is
 * lost, and SQLite would not say so. One stat; a file that came back is good again. */
static enum sp_status look_for_file(struct sqlite_store *self)
{
    int has_moved = 0;
    int code = sqlite3_file_control(self->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    self->is_elsewhere = code == SQLITE_OK && has_moved != 0;
    if (!self->is_elsewhere) {
        self->is_elsewhere = has_lost_log(self);
        return self->is_elsewhere ? SP_IO : SP_OK;
    }
    bool is_gone = access(self->path, F_OK) != 0;
    self->sql.store.needs = is_gone ? "the store's file in its place, or a backup there and a restart"
                                    : "a restart, or the store's first file in its place";
    snprintf(self->sql.store.trouble, sizeof self->sql.store.trouble,
             is_gone
                 ? "%.140s is gone: put it back, or restore a backup there and restart the authority"
                 : "%.140s is another file than the one in use: restart the authority to use it, or put the first back",
             self->path);
    return SP_IO;
}

static enum sp_status expect_file(struct sqlite_store *self)
{
    return self->is_elsewhere ? look_for_file(self) : SP_OK;
}

/* ---- one statement ---- */
/* Bound texts are borrowed: the statement is reset before its caller returns. */
static void bind(sqlite3_stmt *statement, const struct sp_sql_value *values)
{
    int count = sqlite3_bind_parameter_count(statement);
    for (int i = 0; i < count; i++) {
        const struct sp_sql_value *value = &values[i];
        if (value->kind == SP_SQL_NUMBER)
            sqlite3_bind_int64(statement, i + 1, value->number);
        else if (value->kind == SP_SQL_TEXT)
            sqlite3_bind_text64(statement, i + 1, value->text.at, value->text.len, SQLITE_STATIC, SQLITE_UTF8);
        else if (value->kind == SP_SQL_BYTES)
            sqlite3_bind_blob64(statement, i + 1, value->text.at, value->text.len, SQLITE_STATIC);
        else
            sqlite3_bind_null(statement, i + 1);
    }
}

static void read_columns(sqlite3_stmt *statement, struct sp_sql_value columns[SP_SQL_MAX_VALUES])
{
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count; i++) {
        int type = sqlite3_column_type(statement, i);
        if (type == SQLITE_INTEGER) {
            columns[i] = sp_sql_number(sqlite3_column_int64(statement, i));
        } else {
            const char *at = sqlite3_column_blob(statement, i);
            columns[i].kind = type == SQLITE_NULL ? SP_SQL_NONE : type == SQLITE_TEXT ? SP_SQL_TEXT : SP_SQL_BYTES;
            columns[i].text = at != NULL            ? sp_str(at, (size_t)sqlite3_column_bytes(statement, i))
                              : type != SQLITE_NULL ? SP_STR("")
                                                    : SP_STR_NONE;
        }
    }
}

static enum sp_status control(struct sqlite_store *self, enum control which)
{
    int code = sqlite3_step(self->statements[which]);
    enum sp_status status = code == SQLITE_DONE ? SP_OK : fail(self, code);
    sqlite3_reset(self->statements[which]);
    return status;
}

/* ---- reads of one turn ---- */
static void share_reads(struct sp_store *store)
{
    self_of(store)->shares_reads = true;
}

static void end_reads(struct sqlite_store *self)
{
    if (self->in_reads && control(self, COMMIT) != SP_OK && !sqlite3_get_autocommit(self->db))
        (void)control(self, ROLLBACK);
    self->in_reads = false;
}

/* Whoever writes must see the newest, and SQLite lets nobody write who read something older: a write ends the reads. */
static void prepare_reads(struct sqlite_store *self, sqlite3_stmt *statement)
{
    if (self->sql.in_turn)
        return;
    if (!sqlite3_stmt_readonly(statement))
        end_reads(self);
    else if (self->shares_reads && !self->in_reads)
        self->in_reads = control(self, BEGIN_READS) == SP_OK;
}

static enum sp_status run(struct sp_sql_store *store, const struct sp_sql_query *query)
{
    struct sqlite_store *self = self_of(&store->store);
    sqlite3_stmt *statement = self->statements[query->statement];
    struct sp_sql_value columns[SP_SQL_MAX_VALUES];
    enum sp_status status = expect_file(self);
    int code;
    if (status != SP_OK)
        return status;
    prepare_reads(self, statement);
    bind(statement, query->values);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && status == SP_OK)
        if (query->read != NULL) {
            read_columns(statement, columns);
            status = query->read(columns, query->into);
        }
    if (status == SP_OK && code != SQLITE_DONE)
        status = fail(self, code);
    if (status == SP_OK && query->changed != NULL)
        *query->changed = (size_t)sqlite3_changes(self->db);
    sqlite3_reset(statement);
    return status;
}

/* ---- turns and calls ---- */
static enum sp_status begin(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    assert(!self->sql.in_call);
    enum sp_status status = expect_file(self);
    end_reads(self);
    if (status != SP_OK)
        return status;
    if (!self->sql.in_turn) {
        status = control(self, BEGIN);
        if (status != SP_OK)
            return status;
        self->sql.in_turn = true;
    }
    status = control(self, SAVEPOINT);
    self->sql.in_call = status == SP_OK;
    return status;
}

static void undo_turn(struct sqlite_store *self)
{
    /* A full disk makes SQLite roll back by itself. */
    if (!sqlite3_get_autocommit(self->db))
        (void)control(self, ROLLBACK);
    self->sql.in_turn = false;
    self->sql.in_call = false;
}

static void undo(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    if (!self->sql.in_call)
        return;
    self->sql.in_call = false;
    if (sqlite3_get_autocommit(self->db))
        return; /* rolled back as a whole: flush will say so */
    if (control(self, ROLLBACK_TO) == SP_OK)
        (void)control(self, RELEASE);
}

static enum sp_status release(struct sp_sql_store *sql)
{
    return control(self_of(&sql->store), RELEASE);
}

/* The disk was full. Most pages of the log are versions of the same ones: copied into the file, as soon as that has
 * room, the log begins anew in the space that it has. By itself SQLite would let it grow into what room there is first,
 * and be where it was. Each try may write megabytes: one a second, and one when the first commit succeeds again. */
static void make_room(struct sqlite_store *self, bool refused)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    bool is_due = self->made_room_at != now.tv_sec || (self->was_refused && !refused);
    self->was_refused = refused;
    if (!is_due)
        return;
    self->made_room_at = now.tv_sec;
    if (sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) == SQLITE_OK)
        self->is_full = refused;
}

static enum sp_status end_turn(struct sqlite_store *self)
{
    if (sqlite3_get_autocommit(self->db)) {
        char *trouble = self->sql.store.trouble;
        snprintf(trouble, sizeof self->sql.store.trouble,
                 "the transaction was rolled back: the store is full or failed");
        return SP_IO;
    }
    enum sp_status status = look_for_file(self);
    if (status == SP_OK)
        status = control(self, COMMIT);
    if (status != SP_OK)
        undo_turn(self);
    return status;
}

static enum sp_status flush(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    end_reads(self);
    self->shares_reads = false;
    if (!self->sql.in_turn)
        return SP_OK;
    enum sp_status status = end_turn(self);
    self->sql.in_turn = false;
    if (self->is_full)
        make_room(self, status != SP_OK);
    return status;
}

static void give_up(struct sp_store *store)
{
    struct sqlite_store *self = self_of(store);
    end_reads(self);
    self->shares_reads = false;
    if (self->sql.in_turn)
        undo_turn(self);
}

static enum sp_status version(struct sp_store *store, int64_t *out)
{
    struct sqlite_store *self = self_of(store);
    if (look_for_file(self) != SP_OK)
        return SP_IO;
    int code = sqlite3_step(self->statements[VERSION]);
    enum sp_status status = code == SQLITE_ROW ? SP_OK : fail(self, code);
    if (status == SP_OK)
        *out = sqlite3_column_int64(self->statements[VERSION], 0);
    sqlite3_reset(self->statements[VERSION]);
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
    free(self->path);
    free(self);
    *store = NULL;
}

static const struct sp_store_methods methods = {
    .destroy = destroy,
    .share_reads = share_reads,
    .begin = begin,
    .keep = sp_sql_keep,
    .undo = undo,
    .flush = flush,
    .give_up = give_up,
    SP_SQL_METHODS(SP_SQL_METHOD).version = version,
};

static int pragma(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int found = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        found = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return found;
}

static int schema_version(sqlite3 *db)
{
    return pragma(db, "PRAGMA user_version");
}

/* Each step in its own transaction; the version is read inside it, so that two processes that start together do not
 * both apply it. */
static enum sp_status migrate(struct sqlite_store *self)
{
    /* The usual case needs no lock, and so does not wait for a busy writer. */
    if (schema_version(self->db) == NEWEST_VERSION)
        return SP_OK;
    for (;;) {
        int code = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        if (code != SQLITE_OK)
            return fail(self, code);
        int found = schema_version(self->db);
        enum sp_status status = found < 0 ? fail(self, sqlite3_errcode(self->db)) : SP_OK;
        if (found > NEWEST_VERSION) {
            snprintf(self->sql.store.trouble, sizeof self->sql.store.trouble,
                     "the file has schema %d, this program knows up to %d: it was written by a newer version", found,
                     NEWEST_VERSION);
            status = SP_UNSUPPORTED;
        }
        if (found == 0 && pragma(self->db, "PRAGMA page_count") > 1) {
            snprintf(self->sql.store.trouble, sizeof self->sql.store.trouble,
                     "the file is no store of ours: no schema, and not empty (an interrupted copy?)");
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
        /* Values are bound by place: $1 must be the first, $2 the second. */
        for (int place = 1; place <= sqlite3_bind_parameter_count(self->statements[i]); place++)
            assert(atoi(sqlite3_bind_parameter_name(self->statements[i], place) + 1) == place);
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
    /* Nobody asks how much memory SQLite uses, and counting it locks twice for each allocation. Too late for a second
     * store of the process, and done. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    self->path = strdup(path);
    if (self->path == NULL) {
        free(self);
        return SP_NO_MEMORY;
    }
    self->sql.store.methods = &methods;
    self->sql.run = run;
    self->sql.release = release;
    int code = sqlite3_open_v2(path, &self->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                               sp_store_sqlite_log_vfs());
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(self->db, BUSY_TIMEOUT_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(self->db, SETTINGS, NULL, NULL, NULL);
    status = code == SQLITE_OK ? migrate(self) : fail(self, code);
    if (status == SP_OK)
        status = prepare(self);
    struct sp_store *opened = &self->sql.store;
    if (status != SP_OK) {
        snprintf(trouble, 256, "%s: %.190s", path, opened->trouble);
        destroy(&opened);
        return status;
    }
    *store = opened;
    return SP_OK;
}
