/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of `make bench-authority`: what an answer costs over the libraries that our authority stands on when next
 * to nothing is left of an authority. Answers are constants as long as ours, made once; what is done for each of them
 * is only what cannot be left out:
 *
 *   /token       one signature
 *   /opaque      one row (a hash with a unique index, what it stands for), durable before the answer leaves
 *   /introspect  one row read by its index
 *   /code        two signatures; one row marked as used, one new row, durable before the answer leaves
 *   /refresh     the same
 *
 * Left out: client authentication and its throttle, every look at the request but its path, all JSON, base64url, hashes
 * and random values, the signatures' encoding, request ids, the log, the other indices and columns of a row, the reads
 * before a write, savepoints.
 *
 * As ours: libmicrohttpd with the same options and memory, in one loop with the same turns, whose writes share a
 * commit and whose signatures by a curve are made one after the other; SQLite with WAL, synchronous=FULL, the same
 * cache and the same gathered log; a prepared key and context of EVP. With --bare: a loop of its own on epoll instead
 * of libmicrohttpd, which finds a request's end and sends a text.
 *
 * Usage: bench-authority-floor FOLDER ES256|RS256 [--bare]     prints {"issuer":URL} when it listens; ends by SIGTERM
 */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "authority/store_sqlite_log.h"

/* authority/server.c and unread_request.h have them. */
#define CONNECTION_MEMORY_BYTES (32u * 1024)
#define MAX_CONNECTIONS 4096u
#define IDLE_SECONDS 60u
#define FULL_COMMIT 64u
#define MOST_RUNS 4u
/* authority/store_sqlite.c's. */
#define SETTINGS                                                                                                       \
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-32768;"           \
    " PRAGMA wal_autocheckpoint=4000"

#define FIRST_ROWS 4096 /* as if codes had been made; one more is made for each that is used */
#define ROW_BYTES 150   /* of an opaque token's claims; our refresh tokens stand for more */
#define MOST_ANSWER_BYTES 2048
#define HEAD_BYTES 256
#define MOST_REQUEST_BYTES 4096

static const struct kind {
    const char *path;
    unsigned signatures;
    bool reads, uses, adds;
    size_t bytes, rs256_bytes; /* of our own answer's body */
} kinds[] = {
    {"/token", 1, false, false, false, 498, 754},     {"/opaque", 0, false, false, true, 106, 106},
    {"/introspect", 0, true, false, false, 184, 184}, {"/code", 2, false, true, true, 1321, 1833},
    {"/refresh", 2, false, true, true, 1305, 1817},
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

enum statement { BEGIN_WRITES, BEGIN_READS, COMMIT, ADD, USE, FIND, STATEMENT_COUNT };
static const char *const statement_texts[STATEMENT_COUNT] = {
    [BEGIN_WRITES] = "BEGIN IMMEDIATE",
    [BEGIN_READS] = "BEGIN DEFERRED",
    [COMMIT] = "COMMIT",
    [ADD] = "INSERT INTO tickets(hash,data) VALUES($1,$2)",
    [USE] = "UPDATE tickets SET used_at=1 WHERE hash=$1 AND used_at=0",
    [FIND] = "SELECT data FROM tickets WHERE hash=$1",
};

/* All that both fronts share. */
struct floor {
    EVP_PKEY_CTX *signer;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    sqlite3_int64 added, used;
    bool in_writes, in_reads;
    bool is_rsa;
    size_t waiting;         /* answers that leave with the commit */
    unsigned unsigned_ones; /* signatures that they need */
    unsigned turn;
    char bodies[KIND_COUNT][MOST_ANSWER_BYTES];
    struct MHD_Response *responses[KIND_COUNT];
    struct {
        char at[HEAD_BYTES + MOST_ANSWER_BYTES];
        size_t len;
    } texts[KIND_COUNT]; /* of --bare: whole answers */
};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "bench-authority-floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the work ---- */
static void sign(const struct floor *floor)
{
    static unsigned char digest[32], signature[512];
    size_t len = sizeof signature;
    digest[0]++;
    must(EVP_PKEY_sign(floor->signer, signature, &len, digest, sizeof digest) == 1, "signing");
}

static void sign_all(struct floor *floor)
{
    for (; floor->unsigned_ones > 0; floor->unsigned_ones--)
        sign(floor);
}

static void run(const struct floor *floor, enum statement which)
{
    sqlite3_stmt *statement = floor->statements[which];
    int code = sqlite3_step(statement);
    must(code == SQLITE_DONE || code == SQLITE_ROW, sqlite3_errmsg(floor->db));
    sqlite3_reset(statement);
}

/* The hash of row `number`: as large as SHA-256's, and as ours beginning with the time. */
static void bind_hash(const struct floor *floor, enum statement which, sqlite3_int64 number)
{
    static unsigned char hash[32];
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = i < 8 ? (unsigned char)(number >> (8 * (7 - i))) : (unsigned char)(number * 31 + (sqlite3_int64)i);
    sqlite3_bind_blob(floor->statements[which], 1, hash, sizeof hash, SQLITE_STATIC);
}

static void add_row(struct floor *floor)
{
    static const char data[ROW_BYTES] = {0};
    bind_hash(floor, ADD, ++floor->added);
    sqlite3_bind_text(floor->statements[ADD], 2, data, sizeof data, SQLITE_STATIC);
    run(floor, ADD);
}

static void end_transaction(struct floor *floor)
{
    if (floor->in_writes || floor->in_reads)
        run(floor, COMMIT);
    floor->in_writes = floor->in_reads = false;
}

static void begin(struct floor *floor, bool writes)
{
    if (floor->in_writes || (floor->in_reads && !writes))
        return;
    end_transaction(floor);
    run(floor, writes ? BEGIN_WRITES : BEGIN_READS);
    floor->in_writes = writes;
    floor->in_reads = !writes;
}

/* Whether its answer has to wait for the turn's end. */
static bool work(struct floor *floor, const struct kind *kind)
{
    bool waits = kind->adds || (kind->signatures > 0 && !floor->is_rsa);
    floor->unsigned_ones += kind->signatures;
    if (floor->is_rsa)
        sign_all(floor);
    if (kind->reads || kind->adds)
        begin(floor, kind->adds);
    if (kind->reads) {
        bind_hash(floor, FIND, 1);
        run(floor, FIND);
    }
    if (kind->uses) {
        bind_hash(floor, USE, ++floor->used);
        run(floor, USE);
        must(sqlite3_changes(floor->db) == 1, "a row that was not there to be used");
    }
    if (kind->adds)
        add_row(floor);
    floor->waiting += waits;
    return waits;
}

static void end_turn(struct floor *floor)
{
    sign_all(floor);
    end_transaction(floor);
    floor->waiting = 0;
    floor->turn++;
}

/* `KIND_COUNT` when it is none of them. */
static size_t kind_at(const char *path, size_t len)
{
    size_t i = 0;
    while (i < KIND_COUNT && (strlen(kinds[i].path) != len || memcmp(kinds[i].path, path, len) != 0))
        i++;
    return i;
}

static void write_bodies(struct floor *floor, bool is_rsa)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        size_t bytes = is_rsa ? kinds[i].rs256_bytes : kinds[i].bytes;
        static const char head[] = "{\"access_token\":\"", tail[] = "\",\"refresh_token\":\"floor\"}";
        must(bytes > sizeof head + sizeof tail && bytes < MOST_ANSWER_BYTES, "an answer's length");
        memset(floor->bodies[i], 'A', bytes);
        memcpy(floor->bodies[i], head, sizeof head - 1);
        memcpy(floor->bodies[i] + bytes - (sizeof tail - 1), tail, sizeof tail);
    }
}

static void prepare_signer(struct floor *floor, bool is_rsa)
{
    EVP_PKEY *key = is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    floor->signer = key != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    EVP_PKEY_free(key); /* the context holds its own reference */
    must(floor->signer != NULL && EVP_PKEY_sign_init(floor->signer) == 1 &&
             EVP_PKEY_CTX_set_signature_md(floor->signer, EVP_sha256()) == 1,
         "a key");
}

static void open_store(struct floor *floor, const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/floor.sqlite", folder);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    must(sqlite3_open_v2(path, &floor->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                         sp_store_sqlite_log_vfs()) == SQLITE_OK &&
             sqlite3_exec(floor->db, SETTINGS, NULL, NULL, NULL) == SQLITE_OK &&
             sqlite3_exec(floor->db,
                          "CREATE TABLE tickets(number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE,"
                          " used_at INTEGER NOT NULL DEFAULT 0, data TEXT)",
                          NULL, NULL, NULL) == SQLITE_OK,
         path);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        must(sqlite3_prepare_v3(floor->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &floor->statements[i],
                                NULL) == SQLITE_OK,
             statement_texts[i]);
    begin(floor, true);
    while (floor->added < FIRST_ROWS)
        add_row(floor);
    end_turn(floor);
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1024) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &len) == 0,
         "listening");
    printf("{\"issuer\":\"http://127.0.0.1:%u\"}\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
}

/* ---- libmicrohttpd ---- */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **state)
{
    (void)method;
    (void)version;
    (void)data;
    /* A request's state: its head has come; it waits for the turn's commit, of which two are told apart. */
    static char began, held[2];
    struct floor *floor = context;
    size_t kind = kind_at(url, strlen(url));
    if (*state == NULL) {
        *state = &began;
        return MHD_YES;
    }
    if (*data_size > 0) {
        *data_size = 0;
        return MHD_YES;
    }
    if (kind == KIND_COUNT) {
        struct MHD_Response *none = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
        enum MHD_Result queued = MHD_queue_response(connection, 404, none);
        MHD_destroy_response(none);
        return queued;
    }
    char *mark = &held[floor->turn % 2];
    if (*state == mark)
        return MHD_YES;
    if (*state == &began && work(floor, &kinds[kind])) {
        *state = mark;
        return MHD_YES;
    }
    return MHD_queue_response(connection, 200, floor->responses[kind]);
}

static void prepare_responses(struct floor *floor)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        floor->responses[i] =
            MHD_create_response_from_buffer(strlen(floor->bodies[i]), floor->bodies[i], MHD_RESPMEM_PERSISTENT);
        must(floor->responses[i] != NULL &&
                 MHD_add_response_header(floor->responses[i], "Content-Type", "application/json") == MHD_YES &&
                 MHD_add_response_header(floor->responses[i], "Cache-Control", "no-store") == MHD_YES,
             "a response");
    }
}

static void serve(struct floor *floor)
{
    prepare_responses(floor);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, floor,
                         MHD_OPTION_LISTEN_SOCKET, listen_somewhere(), MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    must(daemon != NULL, "libmicrohttpd");
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll_fd, MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    for (;;) {
        struct epoll_event events[4];
        MHD_UNSIGNED_LONG_LONG wait_ms = 1000;
        MHD_get_timeout(daemon, &wait_ms);
        epoll_wait(epoll_fd, events, 4, floor->waiting > 0 ? 0 : wait_ms < 1000 ? (int)wait_ms : 1000);
        size_t before = 0;
        MHD_run(daemon);
        for (unsigned i = 1; i < MOST_RUNS && floor->waiting > before && floor->waiting < FULL_COMMIT; i++) {
            before = floor->waiting;
            MHD_run(daemon);
        }
        bool holds = floor->waiting > 0;
        end_turn(floor);
        if (holds)
            MHD_run(daemon); /* sends what was held; what else it finds belongs to the next turn */
    }
}

/* ---- a loop of its own ---- */
/* A request is a head and what its Content-Length says; nothing is checked, and nobody pipelines. */
struct peer {
    char text[MOST_REQUEST_BYTES];
    size_t len;
};

static bool is_whole(struct peer *peer)
{
    peer->text[peer->len] = '\0';
    const char *end = strstr(peer->text, "\r\n\r\n"), *length = strcasestr(peer->text, "\r\nContent-Length:");
    size_t body = length != NULL && end != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return end != NULL && peer->len >= (size_t)(end + 4 - peer->text) + body;
}

static size_t path_of(const struct peer *peer)
{
    const char *from = strchr(peer->text, ' '), *to = from != NULL ? strchr(from + 1, ' ') : NULL;
    return to != NULL ? kind_at(from + 1, (size_t)(to - from - 1)) : KIND_COUNT;
}

static void prepare_texts(struct floor *floor)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        size_t body = strlen(floor->bodies[i]);
        int head = snprintf(floor->texts[i].at, HEAD_BYTES,
                            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            body);
        memcpy(floor->texts[i].at + head, floor->bodies[i], body);
        floor->texts[i].len = (size_t)head + body;
    }
}

static void answer(const struct floor *floor, int fd, size_t kind)
{
    static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    const char *at = kind < KIND_COUNT ? floor->texts[kind].at : none;
    /* A peer that is gone is seen at its next read. */
    (void)send(fd, at, kind < KIND_COUNT ? floor->texts[kind].len : sizeof none - 1, MSG_NOSIGNAL);
}

/* One turn's requests, and whom it owes an answer when they are committed. */
struct turn {
    struct {
        int fd;
        size_t kind;
    } owed[FULL_COMMIT];
    size_t count;
};

static void finish(struct floor *floor, struct turn *turn)
{
    end_turn(floor);
    for (size_t i = 0; i < turn->count; i++)
        answer(floor, turn->owed[i].fd, turn->owed[i].kind);
    turn->count = 0;
}

static void read_peer(struct floor *floor, struct turn *turn, struct peer **peers, int fd)
{
    struct peer *peer = peers[fd];
    ssize_t got = recv(fd, peer->text + peer->len, sizeof peer->text - 1 - peer->len, 0);
    if (got <= 0 && (got == 0 || errno != EAGAIN)) {
        free(peer);
        peers[fd] = NULL;
        close(fd);
        return;
    }
    peer->len += got > 0 ? (size_t)got : 0;
    if (!is_whole(peer))
        return;
    size_t kind = path_of(peer);
    peer->len = 0;
    if (kind == KIND_COUNT || !work(floor, &kinds[kind])) {
        answer(floor, fd, kind);
        return;
    }
    turn->owed[turn->count].fd = fd;
    turn->owed[turn->count++].kind = kind;
    if (turn->count == FULL_COMMIT)
        finish(floor, turn);
}

static void accept_peers(int epoll_fd, int listen_fd, struct peer **peers)
{
    static const int yes = 1;
    for (int fd; (fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        must((size_t)fd < MAX_CONNECTIONS && (peers[fd] = calloc(1, sizeof *peers[fd])) != NULL, "a connection");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        watch(epoll_fd, fd);
    }
}

static void serve_bare(struct floor *floor)
{
    static struct peer *peers[MAX_CONNECTIONS];
    prepare_texts(floor);
    int listen_fd = listen_somewhere(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct turn turn = {.count = 0};
    watch(epoll_fd, listen_fd);
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(epoll_fd, events, 256, turn.count > 0 ? 0 : -1);
        size_t before = turn.count;
        for (int i = 0; i < count; i++)
            if (events[i].data.fd == listen_fd)
                accept_peers(epoll_fd, listen_fd, peers);
            else
                read_peer(floor, &turn, peers, events[i].data.fd);
        /* As ours, it looks again as long as more has come that writes. */
        if (turn.count <= before)
            finish(floor, &turn);
    }
}

int main(int argc, char **argv)
{
    static struct floor floor;
    bool is_rsa = argc > 2 && strcmp(argv[2], "RS256") == 0, is_bare = argc == 4 && strcmp(argv[3], "--bare") == 0;
    if (argc < 3 || argc > 4 || (argc == 4 && !is_bare) || (!is_rsa && strcmp(argv[2], "ES256") != 0)) {
        fprintf(stderr, "usage: bench-authority-floor FOLDER ES256|RS256 [--bare]\n");
        return 2;
    }
    write_bodies(&floor, is_rsa);
    floor.is_rsa = is_rsa;
    prepare_signer(&floor, is_rsa);
    open_store(&floor, argv[1]);
    if (is_bare)
        serve_bare(&floor);
    else
        serve(&floor);
    return 0;
}
