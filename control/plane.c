/* SPDX-License-Identifier: Apache-2.0 */
#include "control/plane.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "control/admin.h"
#include "control/log.h"
#include "control/nginx_conf.h"
#include "control/nginx_files.h"
#include "control/plane_state.h"
#include "core/base/secret.h"
#include "core/jose/crypto.h"

#define KEEPING_POLL_MS 20
#define KEEPING_WAIT_MS 5000 /* for the authority; after that the keeper starts without it */
#define WATCH_MS 1000
#define MAX_RESTLESS_LOOKS 10
#define END_MS 65000 /* nginx cuts its calls after 60 s; systemd waits for 90 */

/* ---- starting ---- */

static void tell_ready(const struct sp_plane *plane)
{
    const struct sp_serving *serving = &plane->policy->serving;
    printf("sallyport serves");
    for (size_t i = 0; i <= serving->listener_count; i++) {
        bool is_admin = i == serving->listener_count;
        struct sp_str address = is_admin ? serving->admin_address : serving->listeners[i].address;
        unsigned port = sp_nginx_port(plane->nginx, i);
        if (is_admin && !serving->has_admin) {
            continue;
        }
        if (port != 0) {
            address.len -= 1; /* the 0 */
        }
        bool has_host = address.len > 0 && address.at[0] != ':',
             has_tls = !is_admin && serving->listeners[i].certificate.len > 0;
        printf("%s%s%s%.*s",
               is_admin ? ", admin on "
               : i == 0 ? " "
                        : ", ",
               has_tls ? "https://" : "http://", has_host ? "" : "0.0.0.0", SP_STR_ARG(address));
        if (port != 0) {
            printf("%u", port);
        }
    }
    printf("; state in %s\n", plane->terms->state);
    fflush(stdout);
}

/* The keeper asks its first questions once they can be answered: our own authority is behind nginx. */
static void start_keeping_when_possible(void *data)
{
    struct sp_plane *plane = data;
    bool waits = sp_authority_path(plane->policy).at != NULL && !sp_plane_authority_answers(plane) &&
                 sp_loop_now_ms() - plane->started_ms < KEEPING_WAIT_MS;
    if (waits) {
        sp_timer_set(plane->loop, &plane->keeping_timer, KEEPING_POLL_MS, start_keeping_when_possible, plane);
        return;
    }
    sp_plane_start_keeping(plane);
}

static void nginx_serves(void *data)
{
    struct sp_plane *plane = data;
    tell_ready(plane);
    plane->has_served = true;
    sp_plane_notice_ready(plane);
    sp_plane_watch_disk(plane);
    start_keeping_when_possible(plane);
}

static void nginx_failed(void *data, const char *why)
{
    struct sp_plane *plane = data;
    plane->failed = true;
    sp_plane_tell_machine(plane, why);
    sp_plane_notice_failure(plane, plane->attempt.why);
    sp_loop_stop(plane->loop);
}

/* ---- reloading ---- */

static void end_attempt(struct sp_plane *plane, bool taken)
{
    plane->refusal = (struct sp_plane_refusal){0};
    if (!taken) {
        plane->refusal = plane->attempt;
        plane->refusal.at = (int64_t)time(NULL);
    }
}

static void reload(struct sp_plane *plane)
{
    if (plane->is_reloading) {
        plane->reloads_again = true;
        return;
    }
    sp_log(SP_LOG_INFO, "reading the configuration again");
    sp_plane_notice_reload(plane);
    if (sp_plane_configure(plane) == SP_OK) {
        plane->is_reloading = true;
        return;
    }
    plane->refused_reloads++;
    end_attempt(plane, false);
    sp_log(SP_LOG_ERROR, "the new configuration is refused; the old one stays in force");
    sp_plane_notice_ready(plane);
}

static void end_reload(struct sp_plane *plane, bool taken)
{
    plane->is_reloading = false;
    if (taken) {
        sp_plane_apply_authority(plane);
        plane->reloads++;
        sp_log(SP_LOG_INFO, "the configuration is in force");
    } else {
        plane->refused_reloads++;
        struct sp_str cause = sp_cause_get(plane->refusal.cause)->id;
        sp_log(SP_LOG_ERROR, "nginx refused the new configuration%s%.*s%s; the old one stays in force",
               cause.len > 0 ? " (" : "", SP_STR_ARG(cause), cause.len > 0 ? ", above)" : "");
    }
    sp_plane_notice_ready(plane);
    if (plane->reloads_again) {
        plane->reloads_again = false;
        reload(plane);
    }
}

static void nginx_settled(void *data, bool taken, const char *why)
{
    struct sp_plane *plane = data;
    plane->has_settled = true;
    if (!taken) {
        sp_plane_tell_machine(plane, why);
    }
    /* A start that is taken says nothing of a reload that was refused meanwhile. */
    if (plane->is_reloading || !taken) {
        end_attempt(plane, taken);
    }
    if (taken) {
        sp_plane_keep(plane);
    } else {
        sp_plane_go_back(plane);
    }
    sp_plane_watch_certificates(plane);
    if (plane->is_reloading) {
        end_reload(plane, taken);
        return;
    }
    if (!taken) {
        sp_log(SP_LOG_ERROR, "nginx goes on with the configuration it had: its listeners, certificates and log are not "
                             "those of the files. Mend what it says above, and send SIGHUP");
    }
    sp_plane_notice_ready(plane);
}

/* What is renewed is often more than one file, and none is written in no time: they are read once they have come to
 * rest, or when they never do. */
static void look_at_files(void *data)
{
    struct sp_plane *plane = data;
    const bool changed = sp_watched_files_changed(&plane->watched);
    plane->restless_looks += changed ? 1 : 0;
    if (plane->restless_looks >= MAX_RESTLESS_LOOKS || (plane->restless_looks > 0 && !changed)) {
        plane->restless_looks = 0;
        reload(plane);
    }
    sp_timer_set(plane->loop, &plane->watch_timer, WATCH_MS, look_at_files, plane);
}

static void addresses_changed(void *data)
{
    struct sp_plane *plane = data;
    if (plane->policy != NULL && sp_plane_publish(plane) == SP_OK) {
        sp_log(SP_LOG_INFO, "the address of an upstream changed");
    }
}

/* ---- ending ---- */

static void stop_loop(void *data)
{
    struct sp_plane *plane = data;
    sp_loop_stop(plane->loop);
}

/* Calls in progress end first, and may ask us until then; whoever does not want to wait asks twice. */
static void begin_end(struct sp_plane *plane)
{
    const bool is_second = plane->stopping;
    plane->stopping = true;
    sp_timer_clear(&plane->watch_timer);
    if (!is_second) {
        char status[128];
        snprintf(status, sizeof status, "ending once the calls in progress have ended, in %d s at most", END_MS / 1000);
        sp_plane_notice_end(plane, status);
    }
    if (is_second || !sp_nginx_finish(plane->nginx)) {
        stop_loop(plane);
        return;
    }
    sp_timer_set(plane->loop, &plane->end_timer, END_MS, stop_loop, plane);
    sp_log(SP_LOG_INFO, "ending once the calls in progress have ended, in %d s at most; a second signal ends at once",
           END_MS / 1000);
}

/* Whatever the logs are called that are written now: while a reload is under way nginx may have either's. */
static void reopen_logs(struct sp_plane *plane)
{
    if (plane->policy_before != NULL) {
        sp_nginx_logs_make(plane->terms->state, &plane->policy_before->serving);
    }
    sp_nginx_logs_make(plane->terms->state, &plane->policy->serving);
    sp_nginx_reopen_logs(plane->nginx);
    sp_child_signal(&plane->authority, SIGUSR1);
    sp_log(SP_LOG_INFO, "the logs are opened anew");
}

static void signal_came(void *data, int fd, uint32_t events)
{
    struct sp_plane *plane = data;
    struct signalfd_siginfo info;
    (void)events;
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    if (info.ssi_signo == SIGUSR1) {
        reopen_logs(plane);
    } else if (info.ssi_signo != SIGHUP) {
        begin_end(plane);
    } else if (!plane->stopping) {
        reload(plane);
    }
}

/* ---- life ---- */

/* Workers give up root; they must be able to read what we write for them. */
static void choose_user(struct sp_plane *plane)
{
    static const char *const users[] = {"www-data", "nginx", "nobody"};
    plane->group = -1;
    for (size_t i = 0; geteuid() == 0 && plane->user == NULL && i < sizeof users / sizeof users[0]; i++) {
        struct passwd *account = getpwnam(users[i]);
        struct group *group = account != NULL ? getgrgid(account->pw_gid) : NULL;
        /* nginx takes the group of the user's name. */
        if (group != NULL && strcmp(group->gr_name, users[i]) == 0) {
            plane->user = users[i];
            plane->group = (int)account->pw_gid;
        }
    }
}

/* Into a directory that was made for us; whom another one lets in is its owner's to decide. Calls of people and their
 * claims are in it, and sockets on which nginx is believed: nobody else has to enter. */
static bool let_workers_in(const struct sp_plane *plane)
{
    const char *state = plane->terms->state;
    struct stat found;
    if (plane->terms->state_is_new && plane->group >= 0 &&
        (chown(state, (uid_t)-1, (gid_t)plane->group) != 0 || chmod(state, 0750) != 0)) {
        sp_log(SP_LOG_ERROR, "%s cannot be given to the group of nginx's workers: %s", state, strerror(errno));
        return false;
    }
    if (stat(state, &found) == 0 && (found.st_mode & S_IXOTH) != 0) {
        sp_log(SP_LOG_WARN,
               "every user of this machine may enter the state directory %s (mode %04o). Nobody has to but nginx's "
               "workers: chgrp %s '%s' && chmod 0750 '%s'",
               state, (unsigned)found.st_mode & 07777, plane->user != NULL ? plane->user : "GROUP", state, state);
    }
    return true;
}

/* A state directory below /root, say: everything starts, and every question of a worker ends in "permission denied". */
static bool workers_can_enter(const struct sp_plane *plane)
{
    const struct passwd *account = plane->user != NULL ? getpwnam(plane->user) : NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/", plane->terms->state);
    for (char *slash = account != NULL ? strchr(path + 1, '/') : NULL; slash != NULL; slash = strchr(slash + 1, '/')) {
        struct stat found;
        *slash = '\0';
        if (stat(path, &found) == 0) {
            mode_t needed = found.st_uid == account->pw_uid   ? S_IXUSR
                            : found.st_gid == account->pw_gid ? S_IXGRP
                                                              : S_IXOTH;
            if ((found.st_mode & needed) == 0) {
                sp_log(
                    SP_LOG_ERROR,
                    "nginx's workers run as %s and cannot enter %s (mode %04o), where the state directory is. Choose "
                    "another one with --state, such as /var/lib/sallyport.",
                    plane->user, path, (unsigned)found.st_mode & 07777);
                return false;
            }
        }
        *slash = '/';
    }
    return true;
}

static int lock_state(const char *state)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", state);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        sp_log(SP_LOG_ERROR, "another sallyport serves with the state directory %s; choose another one with --state",
               state);
        close(fd);
        return -1;
    }
    if (fd < 0) {
        sp_log(SP_LOG_ERROR, "%s: %s", path, strerror(errno));
    } else if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        sp_log(SP_LOG_WARN, "%s does not have our process number: %s", path, strerror(errno));
    }
    return fd;
}

/* In the environment, which only root and we can read, before any thread may look into it. The group is that of nginx's
 * workers, to whom the authority's socket is. */
static bool make_proxy_secret(struct sp_plane *plane)
{
    unsigned char bytes[32];
    if (sp_random(bytes, sizeof bytes) != SP_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(plane->proxy_secret + 2 * i, 3, "%02x", bytes[i]);
    }
    sp_wipe(bytes, sizeof bytes);
    char group[16];
    snprintf(group, sizeof group, "%d", plane->group);
    return setenv("SALLYPORT_PROXY_SECRET", plane->proxy_secret, 1) == 0 &&
           setenv("SALLYPORT_PROXY_GROUP", group, 1) == 0;
}

static bool create_parts(struct sp_plane *plane)
{
    char path[4096];
    const struct sp_nginx_terms nginx = {.state = plane->terms->state,
                                         .module = plane->terms->module,
                                         .user = plane->user,
                                         .proxy_secret = plane->proxy_secret};
    const struct sp_nginx_events events = {nginx_serves, nginx_failed, nginx_settled, stop_loop, plane};
    snprintf(path, sizeof path, "%s/keys.json", plane->terms->state);
    plane->loop = sp_loop_create();
    if (plane->loop == NULL) {
        return false;
    }
    plane->fetcher = sp_fetcher_create(plane->loop);
    plane->introspector = sp_introspector_create(plane->loop, plane->fetcher);
    plane->resolver = sp_resolver_create(plane->loop, addresses_changed, plane);
    plane->nginx = plane->fetcher != NULL ? sp_nginx_create(plane->loop, plane->fetcher, &nginx, &events) : NULL;
    if (plane->fetcher == NULL || plane->introspector == NULL || plane->resolver == NULL || plane->nginx == NULL) {
        return false;
    }
    plane->warnings = sp_warnings_create(plane->loop, plane->fetcher);
    plane->keeper = sp_keeper_create(plane->loop, plane->fetcher, path);
    if (plane->keeper != NULL) {
        sp_keeper_warn(plane->keeper, plane->warnings);
    }
    snprintf(path, sizeof path, "%s/control.sock", plane->terms->state);
    const struct sp_http_terms http = {.socket_path = path,
                                       .group = plane->group,
                                       .limit = sp_admin_body_limit,
                                       .handle = sp_plane_answer,
                                       .ended = sp_plane_exchange_ended,
                                       .data = plane};
    plane->admin_guard = sp_admin_guard_create();
    plane->http = sp_http_create(plane->loop, &http);
    if (plane->http == NULL) {
        sp_log(SP_LOG_ERROR, "%s: %s", path, strerror(errno));
    }
    return plane->warnings != NULL && plane->keeper != NULL && plane->http != NULL && plane->admin_guard != NULL;
}

static void destroy_parts(struct sp_plane *plane)
{
    if (plane->loop == NULL) {
        return;
    }
    plane->stopping = true;
    sp_timer_clear(&plane->keeping_timer);
    sp_timer_clear(&plane->watch_timer);
    sp_timer_clear(&plane->certificate_timer);
    sp_timer_clear(&plane->disk_timer);
    sp_timer_clear(&plane->end_timer);
    sp_timer_clear(&plane->alive_timer);
    sp_nginx_destroy(&plane->nginx); /* first: what it still does may ask the authority */
    sp_plane_end_authority(plane);
    sp_http_destroy(&plane->http);
    sp_admin_guard_destroy(&plane->admin_guard);
    sp_introspector_destroy(&plane->introspector);
    sp_keeper_destroy(&plane->keeper);
    sp_warnings_destroy(&plane->warnings);
    sp_resolver_destroy(&plane->resolver);
    sp_fetcher_destroy(&plane->fetcher);
    sp_policy_unref(&plane->policy_before);
    sp_policy_unref(&plane->policy);
    sp_watched_files_fini(&plane->watched);
    sp_loop_destroy(&plane->loop);
}

/* Blocked before any thread starts, so that threads inherit the mask and signals come to the loop alone. */
static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

enum sp_status sp_plane_run(const struct sp_plane_terms *terms)
{
    struct sp_plane plane = {.terms = terms, .authority_giver = -1, .started_ms = sp_loop_now_ms()};
    enum sp_status status = SP_IO;
    sp_service_manager_find(&plane.manager);
    sp_log_keep_first_error(plane.attempt.why, sizeof plane.attempt.why);
    int lock_fd = lock_state(terms->state), signal_fd = lock_fd >= 0 ? block_signals() : -1;
    choose_user(&plane);
    const bool is_prepared = signal_fd >= 0 && let_workers_in(&plane) && workers_can_enter(&plane) &&
                             make_proxy_secret(&plane) && create_parts(&plane) &&
                             sp_loop_watch(plane.loop, signal_fd, EPOLLIN, signal_came, &plane) == SP_OK;
    sp_log_keep_first_error(NULL, 0);
    if (is_prepared) {
        status = sp_plane_configure(&plane);
    }
    if (status != SP_OK) {
        sp_plane_notice_failure(&plane, plane.attempt.why);
    } else {
        sp_plane_apply_authority(&plane);
        sp_plane_begin_signs_of_life(&plane);
        if (terms->watches) {
            look_at_files(&plane);
        }
        status = sp_loop_run(plane.loop);
        if (plane.failed) {
            status = SP_IO;
        }
    }
    destroy_parts(&plane);
    if (signal_fd >= 0) {
        close(signal_fd);
    }
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    return status;
}
