/* SPDX-License-Identifier: Apache-2.0 */
/* The store in PostgreSQL, shared by several authorities. As with SQLite a turn of the server's loop is one transaction
 * and a call a savepoint in it, so durability costs one wait a turn; what needs no answer (BEGIN, savepoints, new
 * tickets) travels with the next statement that does, so a turn that only issues tokens is one round trip.
 *
 * READ COMMITTED, and rows that a call read are held (FOR UPDATE) until its turn ends: a conditional UPDATE is won by
 * one of many, and read-decide-write loses nothing. Whoever waits longer than lock_timeout for another's row fails as a
 * call (rolled back to its savepoint, 503) and lets go what it held, so two turns that wait for each other part by
 * themselves.
 *
 * When a statement fails in a call, the call fails; when it was an earlier call's, or the connection is lost, the turn
 * is doomed: everything answers SP_IO until flush, and flush answers SP_IO. A COMMIT whose answer never came counts as
 * failed: what it wrote may be there, but nobody was told of it. */
#include "authority/patience.h"
#include "authority/store_postgres_link.h"
#include "authority/store_sql.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

/* At the start the server may be starting as well. */
#define OPEN_WAIT_MS 5000
/* How long one call waits for a connection that is being made; the next call waits on. */
#define CALL_WAIT_MS 250
/* Results that pile up unread fill sockets. */
#define MAX_UNANSWERED 512

/* lock_not_available: lock_timeout is over. */
#define LOCKED "55P03"

#define INT8_OID 20
#define INT4_OID 23

enum how { READS, HOLDS, WRITES, LATER };

#define FOLDED(text) "lower(" text " COLLATE \"C\")"
static const struct {
    const char *text;
    enum how how;
} statements[SP_SQL_COUNT] = {
#define STATEMENT(name, how, text) [SP_SQL_##name] = {text, how},
#include "authority/store_statements.def"
#undef STATEMENT
};

/* Each writer takes rows of its own; a key ring is changed by one process at a time, even while it is empty. */
#define CONTROL(ROW)                                                                                                   \
    ROW(BEGIN, "BEGIN")                                                                                                \
    ROW(COMMIT, "COMMIT")                                                                                              \
    ROW(ROLLBACK, "ROLLBACK")                                                                                          \
    ROW(SAVEPOINT, "SAVEPOINT one_call")                                                                               \
    ROW(RELEASE, "RELEASE one_call")                                                                                   \
    ROW(ROLLBACK_TO, "ROLLBACK TO one_call")                                                                           \
    ROW(HOLD_KEYS, "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")                                              \
    ROW(NOTE_CLIENTS, "UPDATE client_changes SET count=count+1")                                                       \
    ROW(VERSION, "SELECT hashtextextended(coalesce(string_agg(kid||':'||xmin::text,',' ORDER BY kid),'')||"            \
                 "(SELECT ' '||count FROM client_changes),0),floor(extract(epoch FROM clock_timestamp()))::int8"       \
                 " FROM signing_keys")

enum control {
#define ROW(name, text) name,
    CONTROL(ROW)
#undef ROW
        CONTROL_COUNT
};

static const char *const control_texts[CONTROL_COUNT] = {
#define ROW(name, text) [name] = text,
    CONTROL(ROW) /* NOLINT(bugprone-suspicious-missing-comma): one text is written in two pieces */
#undef ROW
};

struct postgres_store {
    struct sp_sql_store sql; /* first: a struct sp_store * is one of these */
    struct sp_postgres_link link;
    int counts[SP_SQL_COUNT]; /* parameters of each statement */
    int unanswered;           /* statements that were sent and not awaited */
    int savepoint;            /* which of them is the call's savepoint; -1: it stands */
    bool call_failed, doomed;
};

static struct postgres_store *self_of(struct sp_store *store)
{
    return (struct postgres_store *)store;
}

/* ---- the pipeline ---- */
static enum sp_status lost(struct postgres_store *self)
{
    if (self->link.conn != NULL)
        sp_postgres_link_lose(&self->link, NULL);
    self->unanswered = 0;
    self->savepoint = -1;
    self->doomed = self->sql.in_turn;
    return SP_IO;
}

static enum sp_status fail(struct postgres_store *self, int failed_at)
{
    if (self->sql.in_call && failed_at > self->savepoint)
        self->call_failed = true;
    else if (self->sql.in_turn)
        self->doomed = true;
    return SP_IO;
}

/* One statement's result and the NULL behind it. */
static enum sp_status next_result(struct postgres_store *self, PGresult **result)
{
    PGresult *end = NULL;
    enum sp_status status = sp_postgres_link_next(&self->link, result);
    if (status != SP_OK || *result == NULL)
        return SP_IO;
    status = sp_postgres_link_next(&self->link, &end);
    PQclear(status == SP_OK ? end : *result);
    return status;
}

/* Sends what waits and reads every result; *last (when not NULL) is that of the last statement. */
static enum sp_status settle(struct postgres_store *self, PGresult **last)
{
    int failed_at = -1;
    PGresult *result = NULL;
    if (PQpipelineSync(self->link.conn) == 0)
        return lost(self);
    for (int i = 0; i < self->unanswered; i++) {
        PQclear(result);
        result = NULL;
        if (next_result(self, &result) != SP_OK)
            return lost(self);
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && failed_at < 0) {
            failed_at = i;
            sp_postgres_link_note(&self->link, result);
        }
    }
    PGresult *sync = NULL;
    if (sp_postgres_link_next(&self->link, &sync) != SP_OK) {
        PQclear(result);
        return lost(self);
    }
    PQclear(sync);
    enum sp_status status = failed_at < 0 ? SP_OK : fail(self, failed_at);
    self->unanswered = 0;
    self->savepoint = -1;
    if (status == SP_OK && last != NULL)
        *last = result;
    else
        PQclear(result);
    return status;
}

/* Sends a prepared statement; its result is read by the next settle. */
static enum sp_status send_prepared(struct postgres_store *self, const char *name, int count,
                                    const struct sp_sql_value *sql_values)
{
    const char *values[SP_SQL_MAX_VALUES] = {NULL};
    int lengths[SP_SQL_MAX_VALUES] = {0}, formats[SP_SQL_MAX_VALUES] = {0};
    uint64_t numbers[SP_SQL_MAX_VALUES];
    for (int i = 0; i < count; i++) {
        const struct sp_sql_value *value = &sql_values[i];
        formats[i] = 1;
        numbers[i] = htobe64((uint64_t)value->number);
        values[i] = value->kind == SP_SQL_NUMBER ? (const char *)&numbers[i] : value->text.at;
        lengths[i] = value->kind == SP_SQL_NUMBER ? (int)sizeof numbers[i] : (int)value->text.len;
    }
    if (self->link.conn == NULL || PQsendQueryPrepared(self->link.conn, name, count, values, lengths, formats, 1) == 0)
        return lost(self);
    self->unanswered++;
    return SP_OK;
}

static enum sp_status control(struct postgres_store *self, enum control which)
{
    char name[16];
    snprintf(name, sizeof name, "c%d", (int)which);
    return send_prepared(self, name, 0, NULL);
}

/* ---- turns and calls ---- */
static enum sp_status begin(struct sp_store *store)
{
    struct postgres_store *self = self_of(store);
    assert(!self->sql.in_call);
    enum sp_status status = SP_OK;
    if (self->doomed)
        return SP_IO;
    if (!self->sql.in_turn) {
        status = sp_postgres_link_ready(&self->link, CALL_WAIT_MS);
        if (status == SP_OK)
            status = control(self, BEGIN);
        if (status != SP_OK)
            return status;
        self->sql.in_turn = true;
    }
    if (self->unanswered >= MAX_UNANSWERED)
        status = settle(self, NULL);
    self->savepoint = self->unanswered;
    if (status == SP_OK)
        status = control(self, SAVEPOINT);
    self->sql.in_call = status == SP_OK;
    self->call_failed = false;
    return status;
}

static void undo(struct sp_store *store)
{
    struct postgres_store *self = self_of(store);
    if (!self->sql.in_call)
        return;
    self->sql.in_call = false;
    self->call_failed = false;
    if (!self->doomed && control(self, ROLLBACK_TO) == SP_OK)
        (void)control(self, RELEASE);
}

static enum sp_status release(struct sp_sql_store *sql)
{
    struct postgres_store *self = self_of(&sql->store);
    return self->call_failed || self->doomed ? SP_IO : control(self, RELEASE);
}

/* Where no transaction is left, or the server is gone, there is nothing to undo. */
static void roll_back(struct postgres_store *self)
{
    if (self->link.conn == NULL || PQtransactionStatus(self->link.conn) == PQTRANS_IDLE)
        return;
    char why[sizeof self->sql.store.trouble];
    memcpy(why, self->sql.store.trouble, sizeof why);
    if (control(self, ROLLBACK) == SP_OK)
        (void)settle(self, NULL);
    memcpy(self->sql.store.trouble, why, sizeof why);
}

static void give_up(struct sp_store *store)
{
    struct postgres_store *self = self_of(store);
    if (!self->sql.in_turn)
        return;
    self->sql.in_turn = self->sql.in_call = self->doomed = false;
    roll_back(self);
}

static enum sp_status flush(struct sp_store *store)
{
    struct postgres_store *self = self_of(store);
    if (!self->sql.in_turn)
        return SP_OK;
    PGresult *result = NULL;
    enum sp_status status = self->doomed ? SP_IO : control(self, COMMIT);
    if (status == SP_OK)
        status = settle(self, &result);
    /* A transaction that failed answers its COMMIT with ROLLBACK. */
    if (status == SP_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        snprintf(store->trouble, sizeof store->trouble, "the transaction was rolled back");
        status = SP_IO;
    }
    PQclear(result);
    self->sql.in_turn = self->sql.in_call = self->doomed = false;
    if (status != SP_OK)
        roll_back(self);
    return status;
}

/* ---- one statement ---- */
/* PostgreSQL keeps no NUL and nothing but UTF-8 in a text. */
static bool can_be_kept(const struct sp_sql_query *query, int count)
{
    for (int i = 0; i < count; i++) {
        struct sp_str text = query->values[i].text;
        if (query->values[i].kind == SP_SQL_TEXT && (memchr(text.at, 0, text.len) != NULL || !sp_str_is_utf8(text)))
            return false;
    }
    return true;
}

static enum sp_status read_rows(const PGresult *result, const struct sp_sql_query *query)
{
    struct sp_sql_value columns[SP_SQL_MAX_VALUES] = {0};
    int rows = PQntuples(result), width = PQnfields(result);
    enum sp_status status = width <= (int)SP_SQL_MAX_VALUES ? SP_OK : SP_IO;
    for (int row = 0; status == SP_OK && row < rows; row++) {
        for (int i = 0; i < width; i++) {
            const char *at = PQgetvalue(result, row, i);
            uint64_t number;
            if (PQgetisnull(result, row, i)) {
                columns[i] = sp_sql_text(SP_STR_NONE);
            } else if (PQftype(result, i) == INT8_OID) {
                memcpy(&number, at, sizeof number);
                columns[i] = sp_sql_number((int64_t)be64toh(number));
            } else {
                columns[i] = sp_sql_bytes(at, (size_t)PQgetlength(result, row, i));
            }
        }
        status = query->read(columns, query->into);
    }
    return status;
}

static enum sp_status run_once(struct postgres_store *self, const struct sp_sql_query *query, PGresult **result)
{
    char name[16];
    enum how how = statements[query->statement].how;
    bool holds = how == HOLDS && self->sql.in_call;
    if (self->doomed || (self->sql.in_call && self->call_failed))
        return SP_IO; /* trouble still says why */
    enum sp_status status = self->sql.in_turn ? SP_OK : sp_postgres_link_ready(&self->link, CALL_WAIT_MS);
    if (status == SP_OK && holds && query->statement == SP_SQL_LIST_KEYS) {
        status = control(self, HOLD_KEYS);
        holds = false;
    }
    snprintf(name, sizeof name, "%c%d", holds ? 'h' : 's', (int)query->statement);
    if (status == SP_OK)
        status = send_prepared(self, name, self->counts[query->statement], query->values);
    if (status != SP_OK || (how == LATER && self->sql.in_call))
        return status;
    return settle(self, result);
}

/* Other nodes look at the version to know that the clients they keep are old. */
static bool changes_clients(const struct sp_sql_query *query)
{
    bool writes = query->statement == SP_SQL_PUT_RECORD || query->statement == SP_SQL_ADD_RECORD ||
                  query->statement == SP_SQL_DROP_RECORD;
    return writes && query->values[0].number == SP_RECORD_CLIENT;
}

static enum sp_status note_clients(struct postgres_store *self)
{
    enum sp_status status = control(self, NOTE_CLIENTS);
    return status == SP_OK && !self->sql.in_call ? settle(self, NULL) : status;
}

static enum sp_status run(struct sp_sql_store *sql, const struct sp_sql_query *query)
{
    struct postgres_store *self = self_of(&sql->store);
    enum how how = statements[query->statement].how;
    if (!can_be_kept(query, self->counts[query->statement])) {
        if (how != LATER && strncmp(statements[query->statement].text, "INSERT", 6) != 0)
            return SP_OK; /* what cannot be kept is not there */
        snprintf(sql->store.trouble, sizeof sql->store.trouble, "a text with a NUL byte, or not UTF-8");
        return SP_IO;
    }
    PGresult *result = NULL;
    enum sp_status status = run_once(self, query, &result);
    /* The connection died unnoticed, and nothing was to be changed: once more. */
    if (status == SP_IO && !self->sql.in_turn && self->link.conn == NULL && (how == READS || how == HOLDS))
        status = run_once(self, query, &result);
    if (status == SP_OK && changes_clients(query))
        status = note_clients(self);
    if (status == SP_OK && query->changed != NULL)
        *query->changed = (size_t)strtoul(PQcmdTuples(result), NULL, 10);
    if (status == SP_OK && query->read != NULL)
        status = read_rows(result, query);
    PQclear(result);
    return status;
}

static enum sp_status read_version(const struct sp_sql_value *columns, void *into)
{
    int64_t *version_and_clock = into;
    version_and_clock[0] = columns[0].number;
    version_and_clock[1] = columns[1].number;
    return SP_OK;
}

static enum sp_status version(struct sp_store *store, int64_t *out)
{
    struct postgres_store *self = self_of(store);
    PGresult *result = NULL;
    int64_t version_and_clock[2] = {0};
    const struct sp_sql_query query = {.read = read_version, .into = version_and_clock};
    enum sp_status status = self->sql.in_turn ? SP_OK : sp_postgres_link_ready(&self->link, CALL_WAIT_MS);
    if (status == SP_OK)
        status = control(self, VERSION);
    if (status == SP_OK)
        status = settle(self, &result);
    if (status == SP_OK)
        status = read_rows(result, &query);
    PQclear(result);
    if (status == SP_OK) {
        *out = version_and_clock[0];
        store->clock = version_and_clock[1];
    }
    return status;
}

/* ---- opening ---- */
static enum sp_status prepare_one(struct postgres_store *self, char kind, int number, const char *text,
                                  const char *suffix)
{
    char name[16], whole[512];
    snprintf(name, sizeof name, "%c%d", kind, number);
    int len = snprintf(whole, sizeof whole, "%s%s", text, suffix);
    assert(len > 0 && (size_t)len < sizeof whole);
    if (PQsendPrepare(self->link.conn, name, whole, 0, NULL) == 0)
        return lost(self);
    self->unanswered++;
    return SP_OK;
}

/* All statements of a new connection, in one round trip. */
static enum sp_status prepare(void *context)
{
    struct postgres_store *self = context;
    enum sp_status status = SP_OK;
    self->unanswered = 0;
    for (int i = 0; status == SP_OK && i < SP_SQL_COUNT; i++) {
        status = prepare_one(self, 's', i, statements[i].text, "");
        if (status == SP_OK && statements[i].how == HOLDS && i != SP_SQL_LIST_KEYS)
            status = prepare_one(self, 'h', i, statements[i].text, " FOR UPDATE");
    }
    for (int i = 0; status == SP_OK && i < CONTROL_COUNT; i++)
        status = prepare_one(self, 'c', i, control_texts[i], "");
    return status == SP_OK ? settle(self, NULL) : status;
}

/* Who holds a table, as all do who change the keys, is in the way of preparing too: the connection is then made anew.
 */
static enum sp_status prepare_at_start(struct postgres_store *self)
{
    const struct sp_patience patience = sp_patience_begin(SP_PATIENCE_MS);
    enum sp_status status = prepare(self);
    self->link.prepare = prepare;
    self->link.context = self;
    while (status == SP_IO && strcmp(self->link.sqlstate, LOCKED) == 0 && sp_patience_lasts(&patience)) {
        if (self->link.conn != NULL) {
            char why[256];
            snprintf(why, sizeof why, "%.250s", self->link.trouble);
            sp_postgres_link_lose(&self->link, why);
        }
        status = sp_postgres_link_ready(&self->link, OPEN_WAIT_MS);
    }
    return status;
}

static void destroy(struct sp_store **store)
{
    if (*store == NULL)
        return;
    struct postgres_store *self = self_of(*store);
    sp_postgres_link_fini(&self->link);
    free(self);
    *store = NULL;
}

static const struct sp_store_methods methods = {
    .destroy = destroy,
    .begin = begin,
    .keep = sp_sql_keep,
    .undo = undo,
    .flush = flush,
    .give_up = give_up,
    SP_SQL_METHODS(SP_SQL_METHOD).version = version,
};

static int parameters_of(const char *text)
{
    int most = 0;
    for (const char *at = text; *at != '\0'; at++)
        if (*at == '$' && at[1] - '0' > most)
            most = at[1] - '0';
    return most;
}

enum sp_status sp_store_open_postgres(const struct sp_postgres_terms *terms, struct sp_store **store, char trouble[256])
{
    struct postgres_store *self = calloc(1, sizeof *self);
    if (self == NULL)
        return SP_NO_MEMORY;
    struct sp_store *opened = &self->sql.store;
    opened->methods = &methods;
    self->sql.run = run;
    self->sql.release = release;
    self->savepoint = -1;
    for (size_t i = 0; i < SP_SQL_COUNT; i++)
        self->counts[i] = parameters_of(statements[i].text);
    enum sp_status status = sp_postgres_link_init(&self->link, terms, trouble);
    self->link.trouble = opened->trouble;
    self->link.needs = &opened->needs;
    if (status == SP_MALFORMED)
        goto done;
    status = sp_postgres_link_ready(&self->link, OPEN_WAIT_MS);
    if (status == SP_OK)
        status = sp_postgres_migrate(&self->link);
    if (status == SP_OK)
        status = prepare_at_start(self);
    if (status != SP_OK)
        snprintf(trouble, 256, "PostgreSQL: %.240s", opened->trouble);
done:
    if (status != SP_OK)
        destroy(&opened);
    else
        *store = opened;
    return status;
}
