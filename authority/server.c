/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "authority/client_directory.h"
#include "authority/credible_time.h"
#include "authority/exchange.h"
#include "authority/key_ring.h"
#include "authority/node_clock.h"
#include "authority/outbox.h"
#include "authority/server_notice.h"
#include "authority/settings_generation.h"
#include "authority/store_notice.h"
#include "authority/unread_request.h"

#define MAX_CONNECTIONS 4096u
#define MAX_ADMIN_CONNECTIONS 64u
/* Also how long a client keeps its slot that closes its half together with its request, once that is answered: to
 * libmicrohttpd (0.9.75) both are one event of epoll, and it reads no further. It keeps no more than who stays silently
 * connected; one that closes after its answer goes at once. */
#define IDLE_SECONDS 60u
#define MAX_WAIT_MS 1000u
#define PURGED_A_SECOND 2000
/* A commit is not delayed for more answers than so many, nor by more looks at what has come. */
#define FULL_COMMIT 64u
#define MOST_RUNS 4u

struct server {
    const struct sp_server_terms *terms;
    struct sp_authority *authority;
    struct sp_door public_door, admin_door;
    struct sp_exchanges exchanges;
    struct sp_outbox *outbox;
    atomic_bool abandons;
    int64_t tended_at, seen_version;
    struct sp_store_notice store_notice;
    uint64_t seen_refusals;
    struct sp_credible_time credible;
    struct sp_node_clock node_clock;
    struct sp_server_notice notice;
    struct sp_errand key; /* that is being made */
    bool makes_key, stops;
};

/* ---- turns ---- */
static int64_t epoch_now(void)
{
    return (int64_t)time(NULL);
}

static void end_turn(struct server *server)
{
    struct sp_store *store = server->authority->store;
    enum sp_status status = sp_exchanges_finish(&server->exchanges);
    if (status == SP_OK)
        status = store->methods->flush(store);
    else
        store->methods->give_up(store);
    if (status != SP_OK)
        server->authority->lost_turns++;
    sp_exchanges_release(&server->exchanges, status);
    sp_call_log_flush(&server->exchanges.log);
}

/* reason: what is told once a minute, however its words change with the statement. */
static void complain(struct server *server, const char *trouble, const char *reason, bool refused)
{
    const char *key = reason != NULL ? reason : trouble;
    if (!sp_store_notice_fails(&server->store_notice, server->exchanges.now, key, server->authority->refusals.kept,
                               refused))
        return;
    fprintf(stderr, "authority: %s%s%s%s\n", refused ? "store.unavailable: " : "", trouble,
            reason != NULL ? ". What is needed: " : "", reason != NULL ? reason : "");
}

/* Of calls since the last look. */
static void look_at_refusals(struct server *server)
{
    const struct sp_store_refusals *refusals = &server->authority->refusals;
    if (refusals->count != server->seen_refusals)
        complain(server, refusals->trouble, refusals->needs, true);
    server->seen_refusals = refusals->count;
}

static void tell_relief(struct server *server)
{
    if (sp_store_notice_works(&server->store_notice, server->exchanges.now, server->authority->store->kept))
        fprintf(stderr, "authority: the store is in order again\n");
}

static void deliver(struct server *server)
{
    if (!server->stops && sp_outbox_tend(server->outbox, server->exchanges.now) == SP_IO)
        complain(server, server->authority->store->trouble, server->authority->store->needs, false);
}

static bool has_housekeeping(const struct server *server)
{
    return server->exchanges.now != server->tended_at || server->authority->has_outgoing;
}

/* What ended before *until may go for good. */
static enum sp_status look_at_clock(struct server *server, int64_t *until)
{
    char text[512];
    bool turns = false;
    enum sp_status status =
        sp_credible_time_tend(&server->credible, server->authority->store, server->exchanges.now, &turns);
    if (turns) {
        sp_credible_time_tell(&server->credible, server->exchanges.now, text);
        fprintf(stderr, "authority: %s\n", text);
    }
    *until = sp_credible_time_until(&server->credible, server->exchanges.now);
    server->authority->credible_at = server->credible.at;
    server->authority->credible_seen = server->exchanges.now;
    sp_key_ring_believe(server->authority->keys, *until);
    return status;
}

/* The version is as new as the time that it came with. */
static void look_at_node_clock(struct server *server)
{
    char text[512];
    int64_t ours = epoch_now(), theirs = server->authority->store->clock;
    if (!sp_node_clock_step(&server->node_clock, ours, theirs))
        return;
    sp_node_clock_tell(&server->node_clock, ours, theirs, text);
    fprintf(stderr, "authority: %s\n", text);
}

static void take_key(void *context, struct sp_errand *errand)
{
    struct server *server = context;
    if (errand->status != SP_OK)
        fprintf(stderr, "authority: no key of %.*s could be made: %s\n", SP_STR_ARG(errand->algorithm),
                sp_status_text(errand->status));
    sp_key_ring_give(server->authority->keys, &errand->signer);
    server->makes_key = false;
    server->tended_at = 0; /* at once */
}

/* Off the loop, as hashes are. Where there is no room for it now, the next second asks again. */
static void make_key(struct server *server)
{
    enum sp_algorithm wanted = sp_key_ring_wanted(server->authority->keys);
    if (wanted == SP_ALGORITHM_UNKNOWN || server->makes_key)
        return;
    sp_errand_init_key(&server->key, sp_algorithm_get(wanted)->name);
    server->key.finished = take_key;
    server->key.context = server;
    server->makes_key = sp_errand_pool_take(server->exchanges.errands, &server->key);
}

/* Housekeeping between turns: messages, keys that are due, keys that another process changed, tickets that are dead.
 * Flushes by itself: no call may wait for the turn's. */
static void tend(struct server *server)
{
    int64_t version = 0, until = 0;
    enum sp_status status = SP_OK;
    bool is_due = server->exchanges.now != server->tended_at;
    /* Before what waits is judged by it. */
    if (is_due)
        status = look_at_clock(server, &until);
    deliver(server);
    if (!is_due)
        return;
    server->tended_at = server->exchanges.now;
    struct sp_authority *authority = server->authority;
    struct sp_store *store = authority->store;
    char trouble[256] = "";
    if (status == SP_OK)
        status = store->methods->version(store, &version);
    if (status == SP_OK)
        look_at_node_clock(server);
    if (status == SP_OK && version != server->seen_version) {
        server->seen_version = version;
        status = sp_key_ring_reload(authority->keys, trouble);
    }
    if (status == SP_OK)
        status = sp_key_ring_tend(authority->keys, authority->settings, server->exchanges.now, trouble);
    make_key(server);
    /* A day longer than they live: a late replay is still told as what it is. */
    if (status == SP_OK)
        status = store->methods->purge_tickets(store, until - SP_CLOCK_GAP_S, PURGED_A_SECOND);
    if (status == SP_OK && authority->settings->registration.enabled)
        status = sp_client_directory_purge(authority, until - SP_CLOCK_GAP_S);
    look_at_refusals(server);
    if (status != SP_OK)
        complain(server, trouble[0] != '\0' ? trouble : store->trouble, status == SP_IO ? store->needs : NULL, false);
    else
        tell_relief(server);
}

static bool is_unix_socket(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_UNIX;
}

static void reopen_log(struct server *server)
{
    const char *path = server->terms->log_path;
    if (path == NULL || server->exchanges.log.fd < 0)
        return;
    if (sp_call_log_reopen(&server->exchanges.log, path) == SP_OK)
        fprintf(stderr, "authority: %s was opened anew\n", path);
    else
        fprintf(stderr,
                "authority: %s: %s; the file that was open goes on to be written. Make room for it there and send "
                "SIGUSR1 again\n",
                path, strerror(errno));
}

static void reload(struct server *server)
{
    if (server->terms->reload == NULL)
        return;
    sp_server_notice_reload(&server->notice);
    const char *refusal = server->terms->reload(server->terms->reload_context, server->authority);
    sp_server_notice_ready(&server->notice, server->authority->settings, refusal, epoch_now());
}

static void on_signal(struct server *server, int signal_fd)
{
    struct signalfd_siginfo info;
    while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            reopen_log(server);
        else if (info.ssi_signo != SIGHUP)
            server->stops = true;
        else if (!server->stops)
            reload(server);
    }
}

static bool add_to(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool watch_door(int epoll_fd, const struct sp_door *door)
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
    bool ready =
        *epoll_fd >= 0 && watch_door(*epoll_fd, &server->public_door) && watch_door(*epoll_fd, &server->admin_door) &&
        add_to(*epoll_fd, sp_errand_pool_descriptor(server->exchanges.errands)) && add_to(*epoll_fd, *signal_fd);
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
    for (unsigned run = 1;
         run < MOST_RUNS && server->exchanges.waiting_count > before && server->exchanges.waiting_count < FULL_COMMIT;
         run++) {
        before = server->exchanges.waiting_count;
        run_doors(server);
    }
}

/* Until some connection has to be looked at though no descriptor tells. */
static int wait_ms(const struct server *server)
{
    const struct sp_door *doors[] = {&server->public_door, &server->admin_door};
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
    const int alive_ms = sp_server_notice_live(&server->notice, MAX_WAIT_MS);
    int most_ms = server->exchanges.waiting != NULL ? 0 : wait_ms(server);
    int count = epoll_wait(epoll_fd, events, 4, alive_ms < most_ms ? alive_ms : most_ms);
    server->exchanges.now = epoch_now();
    for (int i = 0; i < count; i++)
        if (events[i].data.fd == signal_fd)
            on_signal(server, signal_fd);
    gather(server);
    server->authority->runs++; /* what waited is as new as what comes */
    sp_errand_pool_collect(server->exchanges.errands);
    bool held = server->exchanges.waiting != NULL;
    end_turn(server);
    /* The held ones send their answers now, not after another wait. What is asked meanwhile is the next turn's, which
     * follows at once: a commit of its own would be one for few. */
    if (held)
        run_doors(server);
    if (held && server->exchanges.waiting == NULL)
        end_turn(server); /* what was read now is not the next turn's */
    sp_call_log_flush(&server->exchanges.log);
    if (has_housekeeping(server)) {
        end_turn(server);
        tend(server);
    }
}

/* What waits for a thread is answered before the end: hashes are finished, requests to the outside given up. */
static void drain(struct server *server, int epoll_fd, int signal_fd)
{
    atomic_store(&server->abandons, true);
    sp_errand_pool_stop(server->exchanges.errands);
    while (!sp_errand_pool_is_idle(server->exchanges.errands))
        turn(server, epoll_fd, signal_fd);
    end_turn(server);
    run_doors(server); /* takes back what was suspended */
    run_doors(server); /* and sends it */
}

static bool open_door(struct sp_door *door, int listen_fd, unsigned connections)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)sp_unread_request_log, door->all}, /* the first, or it misses some */
        {MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)sp_exchange_begin, door},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)sp_exchange_end, door},
        {MHD_OPTION_CONNECTION_LIMIT, connections, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, SP_CONNECTION_MEMORY_BYTES, NULL},
        {MHD_OPTION_END, 0, NULL}};
    door->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                                    sp_exchange_go_on, door, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    return door->daemon != NULL;
}

static void close_door(struct sp_door *door)
{
    if (door->daemon != NULL)
        MHD_stop_daemon(door->daemon);
    door->daemon = NULL;
}

enum sp_status sp_server_run(const struct sp_server_terms *terms)
{
    struct server server = {.terms = terms,
                            .authority = terms->authority,
                            .notice = {.manager = terms->manager},
                            .exchanges = {.authority = terms->authority, .now = epoch_now()}};
    int epoll_fd = -1, signal_fd = -1;
    server.public_door = (struct sp_door){.all = &server.exchanges};
    server.admin_door = (struct sp_door){.all = &server.exchanges, .is_admin = true};
    sp_call_log_init(&server.exchanges.log, terms->log_fd, terms->tells_refusals);
    server.exchanges.log.path = terms->log_path;
    server.authority->abandon = &server.abandons;
    server.exchanges.behind_proxy = is_unix_socket(terms->listen_fd);
    sp_key_ring_make_elsewhere(server.authority->keys);
    server.authority->has_outgoing = true; /* what an earlier process left */
    enum sp_status status = sp_errand_pool_create(&server.exchanges.errands);
    if (status != SP_OK)
        goto done;
    server.outbox = sp_outbox_create(server.authority, server.exchanges.errands, &server.exchanges.log);
    status = SP_NO_MEMORY;
    if (server.outbox == NULL)
        goto done;
    status = SP_IO;
    if (!open_door(&server.public_door, terms->listen_fd, MAX_CONNECTIONS) ||
        (terms->admin_fd >= 0 && !open_door(&server.admin_door, terms->admin_fd, MAX_ADMIN_CONNECTIONS)))
        goto done;
    status = watch(&server, &epoll_fd, &signal_fd);
    if (status == SP_OK)
        sp_server_notice_ready(&server.notice, server.authority->settings, NULL, epoch_now());
    while (status == SP_OK && !server.stops)
        turn(&server, epoll_fd, signal_fd);
    if (status == SP_OK) {
        sp_server_notice_end(&server.notice);
        drain(&server, epoll_fd, signal_fd);
    }
done:
    sp_errand_pool_destroy(&server.exchanges.errands);
    sp_outbox_destroy(&server.outbox);
    close_door(&server.public_door);
    close_door(&server.admin_door);
    end_turn(&server); /* of those whose connection ended before their answer could leave */
    server.authority->abandon = NULL;
    sp_exchanges_fini(&server.exchanges);
    if (epoll_fd >= 0)
        close(epoll_fd);
    if (signal_fd >= 0)
        close(signal_fd);
    return status;
}
