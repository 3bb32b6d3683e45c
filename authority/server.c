/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_directory.h"
#include "authority/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "authority/admin.h"
#include "authority/call_log.h"
#include "authority/credible_time.h"
#include "authority/denial.h"
#include "authority/errand_pool.h"
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/outbox.h"
#include "authority/settings_generation.h"
#include "core/base/limits.h"
#include "probe/network.h"

#define CALL_ARENA_BYTES (4u * 1024 * 1024)
/* Of a connection, for a request's headers and its answer's. libmicrohttpd clears it, and the half of it once more, for
 * each request. Room for an authorization request in the URL with `claims` or `request` beyond their own limits: it is
 * answered by name and not by libmicrohttpd's 431. */
#define CONNECTION_MEMORY_BYTES (32u * 1024)
#define MAX_CONNECTIONS 4096u
#define MAX_ADMIN_CONNECTIONS 64u
/* Also how long a client keeps its slot that closes its half together with its request, once that is answered: to
 * libmicrohttpd (0.9.75) both are one event of epoll, and it reads no further. It keeps no more than who stays silently
 * connected; one that closes after its answer goes at once. */
#define IDLE_SECONDS 60u
#define MAX_WAIT_MS 1000u
#define KEPT_EXCHANGES 256u
#define REQUEST_ID_BYTES 12u
#define PURGED_A_SECOND 2000
/* A commit is not delayed for more answers than so many, nor by more looks at what has come. */
#define FULL_COMMIT 64u
#define MOST_RUNS 4u

/* One request from its first byte to the last of its answer. Kept for reuse: a call then costs no malloc for its arena.
 */
struct exchange {
    struct exchange *next; /* waiting, or free */
    struct sp_arena *arena;
    struct sp_buffer body;
    struct sp_str uri;
    bool began, answered, body_too_large, wrote, is_admin;
    bool incomplete;                   /* memory ran out while the request was read */
    bool awaits_flush;                 /* in the list of those whose answer may leave when the turn is flushed */
    bool is_suspended;                 /* an errand was waited for: libmicrohttpd has to be told to look again */
    struct MHD_Connection *connection; /* NULL: gone while it waited for the flush */
    struct server *server;
    uint64_t kept;                             /* the store's count before its last run */
    struct sp_settings_generation *generation; /* of when it was first run */
    struct sp_call call;
};

/* What a connection came in by. */
struct door {
    struct server *server;
    struct MHD_Daemon *daemon; /* NULL: it is not there */
    bool is_admin;
};

struct server {
    const struct sp_server_terms *terms;
    struct sp_authority *authority;
    struct door public_door, admin_door;
    struct sp_errand_pool *errands;
    struct sp_outbox *outbox;
    atomic_bool abandons;
    bool behind_proxy; /* our nginx, on the private socket: it says who asks */
    struct sp_call_log log;
    struct exchange *waiting; /* answered, but held until the turn's flush */
    size_t waiting_count;     /* how many these are */
    struct exchange *free;
    size_t free_count;
    int64_t now, tended_at, seen_version;
    struct sp_credible_time credible;
    bool stops;
};

/* ---- exchanges ---- */
static struct exchange *take_exchange(struct server *server, bool is_admin)
{
    struct exchange *exchange = is_admin ? NULL : server->free;
    if (exchange != NULL) {
        server->free = exchange->next;
        server->free_count--;
    } else {
        exchange = calloc(1, sizeof *exchange);
        if (exchange != NULL &&
            (exchange->arena = sp_arena_create(is_admin ? SP_MAX_ADMIN_ARENA_BYTES : CALL_ARENA_BYTES)) == NULL) {
            free(exchange);
            exchange = NULL;
        }
    }
    return exchange;
}

static void give_back(struct server *server, struct exchange *exchange)
{
    sp_arena_reset(exchange->arena);
    sp_settings_generation_unref(&exchange->generation);
    if (server->free_count >= KEPT_EXCHANGES || exchange->is_admin) {
        sp_arena_destroy(&exchange->arena);
        free(exchange);
        return;
    }
    *exchange = (struct exchange){.arena = exchange->arena, .next = server->free};
    server->free = exchange;
    server->free_count++;
}

/* ---- reading the request ---- */
static unsigned most_of_body(const struct exchange *exchange)
{
    return exchange->is_admin ? SP_MAX_ADMIN_BODY_BYTES : SP_MAX_FORM_BYTES;
}

/* Called before anything is parsed: the only place where the target is seen as it was sent. */
static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    const struct door *door = context;
    struct server *server = door->server;
    struct exchange *exchange = take_exchange(server, door->is_admin);
    if (exchange == NULL)
        return NULL;
    exchange->connection = connection;
    exchange->server = server;
    exchange->is_admin = door->is_admin;
    sp_buffer_init(&exchange->body, exchange->arena, most_of_body(exchange) + 1);
    if (sp_arena_copy(exchange->arena, sp_str_from_cstr(uri), &exchange->uri) != SP_OK) {
        give_back(server, exchange);
        return NULL;
    }
    return exchange;
}

/* count: how often it came, where more than once is a fault. */
static const struct {
    struct sp_str name;
    size_t value, count;
} header_rows[] = {
#define HEADER(name, value)                                                                                            \
    {                                                                                                                  \
        {name, sizeof name - 1}, offsetof(struct sp_asked, value), NOT_COUNTED                                         \
    }
#define COUNTED_HEADER(name, value)                                                                                    \
    {                                                                                                                  \
        {name, sizeof name - 1}, offsetof(struct sp_asked, value), offsetof(struct sp_asked, value##_count)            \
    }
#define NOT_COUNTED SIZE_MAX
    COUNTED_HEADER("Authorization", authorization),
    HEADER("Content-Type", content_type),
    COUNTED_HEADER("DPoP", dpop),
    HEADER("Cookie", cookie),
    HEADER("Origin", origin),
    HEADER("Sec-Fetch-Site", fetch_site),
    HEADER("Accept", accept),
    HEADER("Accept-Language", accept_language),
    HEADER("User-Agent", user_agent),
    HEADER("X-Forwarded-Proto", forwarded_proto),
    HEADER("X-Real-IP", client_address),
    HEADER("X-Request-Id", request_id),
    COUNTED_HEADER("X-Sallyport-Client-Certificate", client_certificate),
    COUNTED_HEADER("X-Sallyport-Proxy-Secret", proxy_secret),
};

/* A copy: libmicrohttpd's own lives as long as the connection, whose client may go away before the turn is flushed and
 * the call told in the log. */
static struct sp_str keep(struct exchange *exchange, const char *text)
{
    struct sp_str copy = SP_STR_NONE;
    exchange->incomplete |= sp_arena_copy(exchange->arena, sp_str_from_cstr(text), &copy) != SP_OK;
    return copy;
}

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *key, const char *text)
{
    (void)kind;
    struct exchange *exchange = context;
    struct sp_asked *asked = &exchange->call.asked;
    struct sp_str name = sp_str_from_cstr(key);
    for (size_t i = 0; i < sizeof header_rows / sizeof header_rows[0]; i++) {
        if (name.len != header_rows[i].name.len || !sp_str_equal_ignoring_case(name, header_rows[i].name))
            continue;
        *(struct sp_str *)((char *)asked + header_rows[i].value) = keep(exchange, text);
        if (header_rows[i].count != NOT_COUNTED)
            ++*(unsigned *)((char *)asked + header_rows[i].count);
        break;
    }
    return MHD_YES;
}

/* On a TCP listener anybody may write X-Real-IP: there the connection tells. Who may open the admin socket is the
 * control plane, which tells for whom it asks. */
static struct sp_str address_of(const struct exchange *exchange)
{
    char text[64] = "";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct sp_str copy = SP_STR_NONE;
    if (info != NULL && info->client_addr != NULL)
        sp_network_print(info->client_addr, text, sizeof text);
    return sp_arena_copy(exchange->arena, sp_str_from_cstr(text), &copy) == SP_OK ? copy : SP_STR_NONE;
}

static bool is_unix_socket(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_UNIX;
}

static void read_asked(struct exchange *exchange, const char *method)
{
    struct sp_asked *asked = &exchange->call.asked;
    size_t mark = sp_str_index_of(exchange->uri, '?', 0);
    *asked = (struct sp_asked){.method = keep(exchange, method),
                               .path = sp_str_slice(exchange->uri, 0, mark),
                               .query = sp_str_slice(exchange->uri, mark + 1, exchange->uri.len),
                               .body = sp_buffer_str(&exchange->body)};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, on_header, exchange);
    if (exchange->server->behind_proxy && !exchange->is_admin)
        return; /* nginx tells */
    if (!exchange->is_admin)
        asked->client_address = address_of(exchange);
    /* Never a leading `-`: it is an argument of `sallyport explain`. */
    asked->request_id = sp_handle_make(exchange->arena, "r", REQUEST_ID_BYTES);
}

/* ---- answering ---- */
static enum MHD_Result queue_answer(const struct exchange *exchange)
{
    const struct sp_answer *answer = &exchange->call.answer;
    /* The body lives in the exchange's arena until the answer has been sent. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, (void *)(uintptr_t)(answer->body.at != NULL ? answer->body.at : ""), MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->content_type != NULL)
        MHD_add_response_header(response, "Content-Type", answer->content_type);
    /* nginx adds its own. */
    if (!exchange->server->behind_proxy && exchange->call.asked.request_id.at != NULL)
        MHD_add_response_header(response, "X-Request-Id", exchange->call.asked.request_id.at);
    for (size_t i = 0; i < answer->header_count; i++) {
        struct sp_str value;
        if (sp_arena_copy(exchange->arena, answer->headers[i].value, &value) == SP_OK && value.at != NULL)
            MHD_add_response_header(response, answer->headers[i].name, value.at);
    }
    enum MHD_Result queued = MHD_queue_response(exchange->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum sp_step run_call(struct server *server, struct exchange *exchange)
{
    struct sp_call *call = &exchange->call;
    call->now = server->now;
    exchange->kept = server->authority->store->kept;
    if (exchange->incomplete)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (exchange->body_too_large)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE,
                       .expected = sp_arena_printf(call->arena, "at most %u bytes", most_of_body(exchange)),
                       .received = SP_STR("a longer body"));
    return exchange->is_admin ? sp_admin_answer(call) : sp_authority_answer(call);
}

static void on_errand(void *context, struct sp_errand *errand);

static bool submit(struct server *server, struct exchange *exchange, struct sp_errand *errand)
{
    errand->finished = on_errand;
    errand->context = exchange;
    if (errand->kind != SP_ERRAND_FOLLOW)
        return sp_errand_pool_take(server->errands, errand);
    errand->next_follower = errand->leader->followers;
    errand->leader->followers = errand;
    return true;
}

/* Runs the call as far as it comes; whether it has to wait for a thread now. */
static bool call_waits(struct server *server, struct exchange *exchange)
{
    struct sp_call *call = &exchange->call;
    if (run_call(server, exchange) == SP_WAITS) {
        if (submit(server, exchange, call->waits_for))
            return true;
        (void)sp_deny_busy(call);
    }
    exchange->answered = true;
    exchange->wrote = server->authority->store->kept != exchange->kept;
    return false;
}

static void await_flush(struct server *server, struct exchange *exchange)
{
    exchange->awaits_flush = true;
    exchange->next = server->waiting;
    server->waiting = exchange;
    server->waiting_count++;
}

/* Its errand is done: goes on where it is, still suspended. What it answers leaves with the turn. */
static void on_errand(void *context, struct sp_errand *errand)
{
    struct exchange *exchange = context;
    struct sp_errand *follower = errand->followers;
    errand->done = true; /* a follower's too */
    if (!call_waits(exchange->server, exchange))
        await_flush(exchange->server, exchange);
    while (follower != NULL) {
        struct sp_errand *next = follower->next_follower;
        on_errand(follower->context, follower);
        follower = next;
    }
}

/* The socket's mode says the same; this holds when somebody changes that. */
static bool is_of_our_user(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer;
    socklen_t len = sizeof peer;
    return info != NULL && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           len == sizeof peer && (peer.uid == geteuid() || peer.uid == 0);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_size, void **state)
{
    (void)url;
    (void)version;
    const struct door *door = context;
    struct server *server = door->server;
    struct exchange *exchange = *state;
    if (exchange == NULL || (door->is_admin && !is_of_our_user(connection)))
        return MHD_NO;
    if (!exchange->began) {
        exchange->began = true;
        return MHD_YES;
    }
    if (*data_size > 0) {
        sp_buffer_append(&exchange->body, sp_str(data, *data_size));
        exchange->body_too_large = sp_buffer_status(&exchange->body) != SP_OK;
        *data_size = 0;
        return MHD_YES;
    }
    /* Nothing queued, nothing suspended: libmicrohttpd asks again in its next run, which is the one after the flush. To
     * suspend and resume would cost two epoll_ctl and a vain recv an answer. */
    if (exchange->awaits_flush)
        return MHD_YES;
    if (exchange->answered)
        return queue_answer(exchange);
    exchange->generation = sp_settings_generation_ref(server->authority->generation);
    exchange->call = (struct sp_call){.authority = server->authority, .arena = exchange->arena};
    read_asked(exchange, method);
    if (call_waits(server, exchange)) {
        exchange->is_suspended = true;
        MHD_suspend_connection(exchange->connection);
        return MHD_YES;
    }
    if (exchange->wrote) {
        await_flush(server, exchange);
        return MHD_YES;
    }
    sp_call_log_add(&server->log, &exchange->call);
    return queue_answer(exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    const struct door *door = context;
    struct exchange *exchange = *state;
    if (exchange != NULL && exchange->awaits_flush)
        exchange->connection = NULL; /* what it wrote is the turn's all the same */
    else if (exchange != NULL)
        give_back(door->server, exchange);
    *state = NULL;
}

/* ---- turns ---- */
static void end_turn(struct server *server)
{
    enum sp_status status = server->authority->store->methods->flush(server->authority->store);
    if (status != SP_OK)
        server->authority->lost_turns++;
    while (server->waiting != NULL) {
        struct exchange *exchange = server->waiting;
        server->waiting = exchange->next;
        exchange->next = NULL;
        exchange->awaits_flush = false;
        if (status != SP_OK && exchange->wrote) {
            exchange->call.answer = (struct sp_answer){0};
            (void)sp_deny_failure(&exchange->call, status);
        }
        server->waiting_count--;
        sp_call_log_add(&server->log, &exchange->call);
        if (exchange->connection == NULL)
            give_back(server, exchange);
        else if (exchange->is_suspended)
            MHD_resume_connection(exchange->connection);
    }
    sp_call_log_flush(&server->log);
}

static void deliver(struct server *server)
{
    if (!server->stops && sp_outbox_tend(server->outbox, server->now) == SP_IO)
        fprintf(stderr, "authority: %s\n", server->authority->store->trouble);
}

static bool has_housekeeping(const struct server *server)
{
    return server->now != server->tended_at || server->authority->has_outgoing;
}

/* What ended before *until may go for good. */
static enum sp_status look_at_clock(struct server *server, int64_t *until)
{
    char text[512];
    bool turns = false;
    enum sp_status status = sp_credible_time_tend(&server->credible, server->authority->store, server->now, &turns);
    if (turns) {
        sp_credible_time_tell(&server->credible, server->now, text);
        fprintf(stderr, "authority: %s\n", text);
    }
    *until = sp_credible_time_until(&server->credible, server->now);
    sp_key_ring_believe(server->authority->keys, *until);
    return status;
}

/* Housekeeping between turns: messages, keys that are due, keys that another process changed, tickets that are dead.
 * Flushes by itself: no call may wait for the turn's. */
static void tend(struct server *server)
{
    deliver(server);
    if (server->now == server->tended_at)
        return;
    server->tended_at = server->now;
    struct sp_authority *authority = server->authority;
    struct sp_store *store = authority->store;
    char trouble[256] = "";
    int64_t version = 0, until = 0;
    enum sp_status status = look_at_clock(server, &until);
    if (status == SP_OK)
        status = store->methods->version(store, &version);
    if (status == SP_OK && version != server->seen_version) {
        server->seen_version = version;
        status = sp_key_ring_reload(authority->keys, trouble);
    }
    if (status == SP_OK)
        status = sp_key_ring_tend(authority->keys, authority->settings, server->now, trouble);
    /* A day longer than they live: a late replay is still told as what it is. */
    if (status == SP_OK)
        status = store->methods->purge_tickets(store, until - SP_CLOCK_GAP_S, PURGED_A_SECOND);
    if (status == SP_OK && authority->settings->registration.enabled)
        status = sp_client_directory_purge(authority, until - SP_CLOCK_GAP_S);
    if (status != SP_OK)
        fprintf(stderr, "authority: %s\n", trouble[0] != '\0' ? trouble : store->trouble);
}

static void reopen_log(struct server *server)
{
    const char *path = server->terms->log_path;
    if (path == NULL || server->log.fd < 0)
        return;
    if (sp_call_log_reopen(&server->log, path) == SP_OK)
        fprintf(stderr, "authority: %s was opened anew\n", path);
    else
        fprintf(stderr,
                "authority: %s: %s; the file that was open goes on to be written. Make room for it there and send "
                "SIGUSR1 again\n",
                path, strerror(errno));
}

static void on_signal(struct server *server, int signal_fd)
{
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            reopen_log(server);
        else if (info.ssi_signo != SIGHUP)
            server->stops = true;
        else if (server->terms->reload != NULL)
            server->terms->reload(server->terms->reload_context, server->authority);
    }
}

static int64_t epoch_now(void)
{
    return (int64_t)time(NULL);
}

static bool add_to(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool watch_door(int epoll_fd, const struct door *door)
{
    const union MHD_DaemonInfo *info =
        door->daemon != NULL ? MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    return door->daemon == NULL || (info != NULL && add_to(epoll_fd, info->epoll_fd));
}

static void list_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR1);
}

void sp_server_hold_reload(void)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGUSR1);
    sigprocmask(SIG_BLOCK, &held, NULL);
}

enum sp_status sp_server_hold_signals(void)
{
    sigset_t signals;
    list_signals(&signals);
    return sigprocmask(SIG_BLOCK, &signals, NULL) == 0 ? SP_OK : SP_IO;
}

/* Readiness of the one loop: libmicrohttpd's own epoll descriptors, our signals and the errands that are done. */
static enum sp_status watch(struct server *server, int *epoll_fd, int *signal_fd)
{
    sigset_t signals;
    list_signals(&signals);
    /* A file that may not grow is a full disk: its write fails and the call is answered 503. */
    if (sp_server_hold_signals() != SP_OK || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return SP_IO;
    *signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    *epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool ready = *epoll_fd >= 0 && watch_door(*epoll_fd, &server->public_door) &&
                 watch_door(*epoll_fd, &server->admin_door) &&
                 add_to(*epoll_fd, sp_errand_pool_descriptor(server->errands)) && add_to(*epoll_fd, *signal_fd);
    return ready ? SP_OK : SP_IO;
}

static void run_doors(const struct server *server)
{
    struct sp_store *store = server->authority->store;
    server->authority->runs++;
    if (store->methods->share_reads != NULL)
        store->methods->share_reads(store);
    MHD_run(server->public_door.daemon);
    if (server->admin_door.daemon != NULL)
        MHD_run(server->admin_door.daemon);
}

/* What is asked while others are judged shares their commit, as long as more of it comes that writes. */
static void gather(struct server *server)
{
    size_t before = 0;
    run_doors(server);
    for (unsigned run = 1; run < MOST_RUNS && server->waiting_count > before && server->waiting_count < FULL_COMMIT;
         run++) {
        before = server->waiting_count;
        run_doors(server);
    }
}

/* Until some connection has to be looked at though no descriptor tells. */
static int wait_ms(const struct server *server)
{
    const struct door *doors[] = {&server->public_door, &server->admin_door};
    MHD_UNSIGNED_LONG_LONG least_ms = MAX_WAIT_MS;
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        MHD_UNSIGNED_LONG_LONG own_ms;
        if (doors[i]->daemon != NULL && MHD_get_timeout(doors[i]->daemon, &own_ms) == MHD_YES && own_ms < least_ms)
            least_ms = own_ms;
    }
    return (int)least_ms;
}

static void turn(struct server *server, int epoll_fd, int signal_fd)
{
    struct epoll_event events[4];
    int count = epoll_wait(epoll_fd, events, 4, server->waiting != NULL ? 0 : wait_ms(server));
    server->now = epoch_now();
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == signal_fd)
            on_signal(server, signal_fd);
    gather(server);
    server->authority->runs++; /* what waited is as new as what comes */
    sp_errand_pool_collect(server->errands);
    bool held = server->waiting != NULL;
    end_turn(server);
    /* The held ones send their answers now, not after another wait. What is asked meanwhile is the next turn's, which
     * follows at once: a commit of its own would be one for few. */
    if (held)
        run_doors(server);
    if (held && server->waiting == NULL)
        end_turn(server); /* what was read now is not the next turn's */
    sp_call_log_flush(&server->log);
    if (has_housekeeping(server)) {
        end_turn(server);
        tend(server);
    }
}

/* What waits for a thread is answered before the end: hashes are finished, requests to the outside given up. */
static void drain(struct server *server, int epoll_fd, int signal_fd)
{
    atomic_store(&server->abandons, true);
    sp_errand_pool_stop(server->errands);
    while (!sp_errand_pool_is_idle(server->errands))
        turn(server, epoll_fd, signal_fd);
    end_turn(server);
    run_doors(server); /* takes back what was suspended */
    run_doors(server); /* and sends it */
}

static bool open_door(struct door *door, int listen_fd, unsigned connections)
{
    door->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, door,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, door, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, door, MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_END);
    return door->daemon != NULL;
}

static void close_door(struct door *door)
{
    if (door->daemon != NULL)
        MHD_stop_daemon(door->daemon);
    door->daemon = NULL;
}

enum sp_status sp_server_run(const struct sp_server_terms *terms)
{
    struct server server = {.terms = terms, .authority = terms->authority, .now = epoch_now()};
    int epoll_fd = -1, signal_fd = -1;
    server.public_door = (struct door){.server = &server};
    server.admin_door = (struct door){.server = &server, .is_admin = true};
    sp_call_log_init(&server.log, terms->log_fd, terms->tells_refusals);
    server.authority->abandon = &server.abandons;
    server.behind_proxy = is_unix_socket(terms->listen_fd);
    server.authority->has_outgoing = true; /* what an earlier process left */
    enum sp_status status = sp_errand_pool_create(&server.errands);
    if (status != SP_OK)
        goto done;
    server.outbox = sp_outbox_create(server.authority, server.errands, &server.log);
    status = SP_NO_MEMORY;
    if (server.outbox == NULL)
        goto done;
    status = SP_IO;
    if (!open_door(&server.public_door, terms->listen_fd, MAX_CONNECTIONS) ||
        (terms->admin_fd >= 0 && !open_door(&server.admin_door, terms->admin_fd, MAX_ADMIN_CONNECTIONS)))
        goto done;
    status = watch(&server, &epoll_fd, &signal_fd);
    while (status == SP_OK && !server.stops)
        turn(&server, epoll_fd, signal_fd);
    if (status == SP_OK)
        drain(&server, epoll_fd, signal_fd);
done:
    sp_errand_pool_destroy(&server.errands);
    sp_outbox_destroy(&server.outbox);
    close_door(&server.public_door);
    close_door(&server.admin_door);
    end_turn(&server); /* of those whose connection ended before their answer could leave */
    server.authority->abandon = NULL;
    sp_call_log_fini(&server.log);
    if (epoll_fd >= 0)
        close(epoll_fd);
    if (signal_fd >= 0)
        close(signal_fd);
    while (server.free != NULL) {
        struct exchange *exchange = server.free;
        server.free = exchange->next;
        sp_arena_destroy(&exchange->arena);
        free(exchange);
    }
    return status;
}
