/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/store_postgres_link.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* An attempt to connect may take this long; the next one follows after a pause. */
#define CONNECT_MS 5000
#define RETRY_MS 200
/* The server gives a statement up after 2 s (statement_timeout): later than this, nobody is there. */
#define ANSWER_MS 2500
/* How long a call may wait for another process's row before it answers 503, as with SQLite. */
#define LOCK_MS 250
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

static int64_t now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* ---- terms ---- */
static const struct {
    const char *word, *value;
} defaults[] = {
    {"application_name", "sallyport"}, {"target_session_attrs", "read-write"},
    {"keepalives_idle", "30"},         {"keepalives_interval", "5"},
    {"keepalives_count", "3"},         {"tcp_user_timeout", "5000"},
};

static const char *find_word(const struct sp_postgres_link *link, const char *word)
{
    for (size_t i = 0; link->words[i] != NULL; i++)
        if (strcmp(link->words[i], word) == 0)
            return link->values[i];
    return NULL;
}

static void set_word(struct sp_postgres_link *link, const char *word, const char *value)
{
    size_t i = 0;
    while (link->words[i] != NULL && strcmp(link->words[i], word) != 0)
        i++;
    if (i + 1 == SP_POSTGRES_MAX_WORDS)
        return;
    link->words[i] = word;
    link->values[i] = value;
}

/* A socket's path or abstract name, localhost, or a loopback address: not a name that only begins like one. */
static bool is_local_host(struct sp_str host)
{
    char text[64];
    struct in_addr address;
    if (sp_str_has_prefix(host, SP_STR("/")) || sp_str_has_prefix(host, SP_STR("@")))
        return true;
    if (sp_str_equal(host, SP_STR("localhost")) || sp_str_equal(host, SP_STR("::1")))
        return true;
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static bool is_local(const char *hosts)
{
    for (struct sp_str rest = sp_str_from_cstr(hosts), host; sp_str_next_word(&rest, SP_STR(","), &host);)
        if (!is_local_host(host))
            return false;
    return true;
}

/* libpq's own default lets anybody in between read along; ours over a network is the certificate and the name. */
static void set_tls(struct sp_postgres_link *link)
{
    const char *host = find_word(link, "hostaddr");
    if (host == NULL)
        host = find_word(link, "host");
    if (host == NULL)
        host = getenv("PGHOST");
    const char *mode = find_word(link, "sslmode");
    if (mode == NULL && getenv("PGSSLMODE") == NULL && host != NULL && !is_local(host))
        set_word(link, "sslmode", mode = "verify-full");
    if (mode != NULL && sp_str_has_prefix(sp_str_from_cstr(mode), SP_STR("verify-")) &&
        find_word(link, "sslrootcert") == NULL && getenv("PGSSLROOTCERT") == NULL && access(SYSTEM_ROOTS, R_OK) == 0)
        set_word(link, "sslrootcert", SYSTEM_ROOTS);
}

static bool is_identifier(struct sp_str name)
{
    if (name.len == 0 || name.len > 63 || isdigit((unsigned char)name.at[0]))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!islower((unsigned char)name.at[i]) && !isdigit((unsigned char)name.at[i]) && name.at[i] != '_')
            return false;
    return true;
}

enum sp_status sp_postgres_link_init(struct sp_postgres_link *link, const struct sp_postgres_terms *terms,
                                     char trouble[256])
{
    *link = (struct sp_postgres_link){.answer_ms = ANSWER_MS};
    struct sp_str schema = terms->schema.len > 0 ? terms->schema : SP_STR(SP_POSTGRES_SCHEMA);
    if (!is_identifier(schema)) {
        snprintf(trouble, 256, "authority.store.schema: '%.63s' is not a name of small letters, digits and _",
                 schema.at);
        return SP_MALFORMED;
    }
    memcpy(link->schema, schema.at, schema.len);
    char *ignored = NULL;
    link->options = PQconninfoParse(terms->url.at, &ignored);
    PQfreemem(ignored); /* it may quote a piece of a password */
    if (link->options == NULL) {
        snprintf(trouble, 256,
                 "authority.store.postgres: libpq cannot read it. Write postgresql://USER@HOST/DATABASE or "
                 "host=… user=… dbname=…, and percent-encode what is special in a URL");
        return SP_MALFORMED;
    }
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        set_word(link, defaults[i].word, defaults[i].value);
    for (const PQconninfoOption *option = link->options; option->keyword != NULL; option++)
        if (option->val != NULL)
            set_word(link, option->keyword, option->val);
    if (terms->password.len > 0)
        set_word(link, "password", terms->password.at);
    set_word(link, "client_encoding", "UTF8");
    set_tls(link);
    return SP_OK;
}

bool sp_postgres_is_exposed(const struct sp_postgres_terms *terms)
{
    struct sp_postgres_link link;
    char ignored[256];
    if (terms->url.len == 0)
        return false;
    if (sp_postgres_link_init(&link, terms, ignored) != SP_OK)
        return false;
    const char *host = find_word(&link, "hostaddr"), *mode = find_word(&link, "sslmode");
    if (host == NULL)
        host = find_word(&link, "host");
    bool exposed = host != NULL && !is_local(host) && mode != NULL && strcmp(mode, "verify-full") != 0;
    sp_postgres_link_fini(&link);
    return exposed;
}

void sp_postgres_link_fini(struct sp_postgres_link *link)
{
    PQfinish(link->conn);
    for (PQconninfoOption *option = link->options; option != NULL && option->keyword != NULL; option++)
        if (option->val != NULL && strcmp(option->keyword, "password") == 0)
            explicit_bzero(option->val, strlen(option->val));
    PQconninfoFree(link->options);
    *link = (struct sp_postgres_link){.conn = NULL};
}

/* ---- trouble ---- */
/* Leaves room for the state behind it in the store's 256 bytes. */
#define LONGEST_SENTENCE 230u

/* One line of libpq's text, without its line ends. */
static void say(struct sp_postgres_link *link, const char *text)
{
    size_t len = strnlen(text, LONGEST_SENTENCE);
    for (size_t i = 0; i < len; i++)
        link->trouble[i] = text[i] == '\n' || text[i] == '\t' ? ' ' : text[i];
    while (len > 0 && link->trouble[len - 1] == ' ')
        len--;
    link->trouble[len] = '\0';
}

/* By the beginning of the SQLSTATE, the first that fits. */
static const struct {
    const char *state, *needs;
} remedies[] = {
    {"53100", "room on the disk of the PostgreSQL server"},
    {"53300", "a free connection on the PostgreSQL server (max_connections)"},
    {"53", "memory or whatever else the PostgreSQL server is short of"},
    {"55P03", "the end of whatever locks the tables (pg_locks, pg_stat_activity)"},
    {"57014", "the end of whatever keeps the statement from ending in time (pg_locks, pg_stat_activity)"},
    {"40", "an end to transactions that are in each other's way (pg_stat_activity)"},
    {"25006", "a PostgreSQL server that takes writes: this one is read-only (a standby, or set so)"},
    {"58", "a disk that the PostgreSQL server can read and write (see its log)"},
    {"57P", "a PostgreSQL server that runs: this one is starting, stopping or was stopped"},
    {"08", "a PostgreSQL server that can be reached"},
    {"28", "a user that may sign in to PostgreSQL (authority.store.postgres, pg_hba.conf)"},
    {"42501", "the right to write the tables for the user of authority.store.postgres"},
    {"42", "the tables as they were made here: restore them, or restart the authority"},
    {"", "a database that takes the statement (see the PostgreSQL server's log)"},
};

static const char *needs_for(const char *state)
{
    size_t i = 0;
    while (strncmp(state, remedies[i].state, strlen(remedies[i].state)) != 0)
        i++;
    return remedies[i].needs;
}

void sp_postgres_link_note(struct sp_postgres_link *link, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(link->sqlstate, sizeof link->sqlstate, "%s", state != NULL ? state : "");
    say(link, text != NULL ? text : PQresultErrorMessage(result));
    *link->needs = needs_for(link->sqlstate);
    size_t len = strlen(link->trouble);
    if (state != NULL)
        snprintf(link->trouble + len, 256 - len, " (%s)", state);
}

void sp_postgres_link_lose(struct sp_postgres_link *link, const char *why)
{
    if (why != NULL)
        say(link, why);
    else if (link->conn != NULL && PQerrorMessage(link->conn)[0] != '\0')
        say(link, PQerrorMessage(link->conn));
    else
        say(link, "the connection to PostgreSQL is lost");
    *link->needs = "a PostgreSQL server that answers at the address of authority.store.postgres and lets its user in";
    PQfinish(link->conn);
    link->conn = NULL;
    link->is_ready = false;
    link->retry_at_ms = now_ms();
}

/* ---- waiting ---- */
static bool wait_for(struct sp_postgres_link *link, short events, int64_t until_ms, short *came)
{
    struct pollfd one = {.fd = PQsocket(link->conn), .events = events};
    int64_t left = until_ms - now_ms();
    int count = poll(&one, 1, left > 0 ? (int)left : 0);
    *came = one.revents;
    return count > 0;
}

enum sp_status sp_postgres_link_next(struct sp_postgres_link *link, PGresult **result)
{
    int64_t until_ms = now_ms() + link->answer_ms;
    for (;;) {
        int unsent = PQflush(link->conn);
        if (unsent < 0)
            break;
        if (!PQisBusy(link->conn)) {
            *result = PQgetResult(link->conn);
            if (PQstatus(link->conn) == CONNECTION_OK)
                return SP_OK;
            if (*result != NULL && PQresultStatus(*result) == PGRES_FATAL_ERROR)
                sp_postgres_link_note(link, *result);
            PQclear(*result);
            break;
        }
        short came;
        if (!wait_for(link, (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)), until_ms, &came)) {
            sp_postgres_link_lose(link, "PostgreSQL does not answer");
            return SP_IO;
        }
        if ((came & ~POLLOUT) != 0 && PQconsumeInput(link->conn) == 0)
            break;
    }
    sp_postgres_link_lose(link, NULL);
    return SP_IO;
}

enum sp_status sp_postgres_link_ask(struct sp_postgres_link *link, const char *sql, PGresult **out)
{
    PGresult *result = NULL, *end = NULL;
    if (PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 0 || PQpipelineSync(link->conn) == 0) {
        sp_postgres_link_lose(link, NULL);
        return SP_IO;
    }
    enum sp_status status = sp_postgres_link_next(link, &result);
    /* Behind it the end of the statement, then the synchronisation. */
    for (int i = 0; status == SP_OK && i < 2; i++) {
        status = sp_postgres_link_next(link, &end);
        if (status == SP_OK)
            PQclear(end);
    }
    if (status != SP_OK) {
        PQclear(result);
        return status;
    }
    ExecStatusType outcome = PQresultStatus(result);
    if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK) {
        sp_postgres_link_note(link, result);
        status = SP_IO;
    }
    if (status == SP_OK && out != NULL)
        *out = result;
    else
        PQclear(result);
    return status;
}

/* ---- connecting ---- */
static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static enum sp_status start(struct sp_postgres_link *link)
{
    int64_t now = now_ms();
    if (now < link->retry_at_ms)
        return SP_IO; /* trouble still says why */
    link->conn = PQconnectStartParams(link->words, link->values, 0);
    link->poll = PGRES_POLLING_WRITING;
    link->started_at_ms = now;
    link->give_up_at_ms = now + CONNECT_MS;
    if (link->conn == NULL)
        return SP_NO_MEMORY;
    PQsetNoticeReceiver(link->conn, ignore_notice, NULL);
    if (PQstatus(link->conn) != CONNECTION_BAD)
        return SP_OK;
    sp_postgres_link_lose(link, NULL);
    link->retry_at_ms = now + RETRY_MS;
    return SP_IO;
}

static enum sp_status step(struct sp_postgres_link *link, int64_t until_ms)
{
    while (link->poll != PGRES_POLLING_OK) {
        short came, wanted = link->poll == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (link->poll != PGRES_POLLING_FAILED && !wait_for(link, wanted, until_ms, &came)) {
            if (now_ms() < link->give_up_at_ms) {
                say(link, "the connection to PostgreSQL is being made");
                return SP_IO;
            }
            sp_postgres_link_lose(link, "PostgreSQL cannot be reached: no answer");
            return SP_IO;
        }
        if (link->poll != PGRES_POLLING_FAILED)
            link->poll = PQconnectPoll(link->conn);
        if (link->poll == PGRES_POLLING_FAILED) {
            sp_postgres_link_lose(link, NULL);
            link->retry_at_ms = now_ms() + RETRY_MS;
            return SP_IO;
        }
    }
    return SP_OK;
}

/* The same session whatever the role's and the database's defaults are. Durability is what `synchronous_commit` says
 * unless that is `off`. */
static enum sp_status set_up(struct sp_postgres_link *link)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "SELECT pg_catalog.set_config('search_path','%s,pg_temp',false),"
             "pg_catalog.set_config('lock_timeout','%d',false),"
             "pg_catalog.set_config('statement_timeout','2000',false),"
             "pg_catalog.set_config('idle_in_transaction_session_timeout','10000',false),"
             "pg_catalog.set_config('default_transaction_isolation','read committed',false),"
             "pg_catalog.set_config('synchronous_commit',CASE pg_catalog.current_setting('synchronous_commit')"
             " WHEN 'off' THEN 'local' ELSE pg_catalog.current_setting('synchronous_commit') END,false)",
             link->schema, LOCK_MS);
    if (PQsetnonblocking(link->conn, 1) != 0 || PQenterPipelineMode(link->conn) == 0)
        return SP_IO;
    enum sp_status status = sp_postgres_link_ask(link, sql, NULL);
    return status == SP_OK && link->prepare != NULL ? link->prepare(link->context) : status;
}

/* Something to read while nothing was asked: the server says good-bye, or a notice. */
static void look_at_idle(struct sp_postgres_link *link)
{
    short came;
    if (!wait_for(link, POLLIN, 0, &came))
        return;
    if (PQconsumeInput(link->conn) == 0 || PQstatus(link->conn) == CONNECTION_BAD || (came & (POLLHUP | POLLERR)) != 0)
        sp_postgres_link_lose(link, NULL);
}

enum sp_status sp_postgres_link_ready(struct sp_postgres_link *link, int64_t wait_ms)
{
    if (link->is_ready)
        look_at_idle(link);
    if (link->is_ready)
        return SP_OK;
    enum sp_status status = link->conn == NULL ? start(link) : SP_OK;
    if (status == SP_OK)
        status = step(link, link->started_at_ms + wait_ms);
    if (status != SP_OK)
        return status;
    status = set_up(link);
    if (status == SP_OK) {
        link->is_ready = true;
    } else if (link->conn != NULL) {
        char why[256];
        const char *needs = *link->needs; /* of the statement that failed */
        snprintf(why, sizeof why, "%.250s", link->trouble);
        sp_postgres_link_lose(link, why);
        *link->needs = needs;
        link->retry_at_ms = now_ms() + RETRY_MS;
    }
    return status;
}
