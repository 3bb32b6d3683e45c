/* SPDX-License-Identifier: Apache-2.0 */
#include "control/nginx.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/child.h"
#include "control/log.h"
#include "control/nginx_files.h"
#include "control/nginx_log.h"
#include "control/nginx_module.h"

#define MAX_LISTENERS 64u
#define ASK_EVERY_MS 20
#define ASK_TIMEOUT_MS 3000
/* nginx tries for 2.5 s to bind a port that is taken, and reads a policy of 30 MB for some seconds more. */
#define SETTLE_MS 30000
#define MAX_MARK_ANSWER_BYTES 4096u
#define RESTART_FIRST_MS 200
#define RESTART_MOST_MS 5000
#define STOP_MS 5000
#define MAX_REASON_BYTES 512u

/* Chosen where the configuration says 0; the admin address's is the last. */
struct ports {
    unsigned at[MAX_LISTENERS + 1];
    size_t count;
};

struct sp_nginx {
    struct sp_loop *loop;
    struct sp_fetcher *fetcher;
    struct sp_nginx_terms terms;
    struct sp_nginx_events events;
    struct sp_child child;
    pid_t group; /* the master's number, which its workers share as their process group */
    struct sp_timer timer;
    bool is_serving, was_serving, stopping;
    struct sp_nginx_log since_start;
    int64_t restart_ms;
    uint64_t restarts;
    struct ports ports, ports_before;
    /* From sp_nginx_apply until it is settled. */
    struct sp_timer settle_timer;
    bool is_settling, was_signalled;
    int64_t settle_until_ms;
    struct sp_nginx_log since_apply;         /* what it says of this configuration */
    char mark[SP_NGINX_MARK_BYTES];          /* of what is written */
    char module[SP_NGINX_MODULE_PATH_BYTES]; /* what is written loads it */
    bool has_old_module;                     /* nginx may run another build of it */
};

static void path_in(const struct sp_nginx *nginx, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", nginx->terms.state, name);
}

/* ---- files ---- */

/* A port that is free now, of the kernel's choice. */
static unsigned choose_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unsigned port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        port = ntohs(address.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}

/* Ports stay what they are across reloads: clients know them. */
static void choose_ports(struct ports *ports, const struct sp_serving *serving)
{
    size_t count = serving->listener_count < MAX_LISTENERS ? serving->listener_count : MAX_LISTENERS;
    for (size_t i = 0; i <= count; i++) {
        struct sp_str address = i < count ? serving->listeners[i].address : serving->admin_address;
        bool is_free_choice = sp_str_has_suffix(address, SP_STR(":0"));
        if (!is_free_choice || i >= ports->count) {
            ports->at[i] = is_free_choice ? choose_port() : 0;
        }
    }
    ports->count = count + 1;
}

/* As many descriptors as we may have, up to what two for each of the workers' connections need. */
static unsigned long descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    return limit.rlim_max < 65536 ? (unsigned long)limit.rlim_max : 65536;
}

static enum sp_status write_files(struct sp_nginx *nginx, const struct sp_policy *policy)
{
    enum sp_status status =
        sp_nginx_module_link(nginx->terms.state, nginx->terms.module, nginx->module, &nginx->has_old_module);
    if (status != SP_OK) {
        return status;
    }
    const struct sp_nginx_conf conf = {.state = nginx->terms.state,
                                       .module = nginx->module,
                                       .user = nginx->terms.user,
                                       .proxy_secret = nginx->terms.proxy_secret,
                                       .has_ipv6 = access("/proc/net/if_inet6", F_OK) == 0,
                                       .max_files = descriptor_limit(),
                                       .policy = policy,
                                       .ports = nginx->ports.at};
    return sp_nginx_files_write(&conf, nginx->mark);
}

/* ---- the process ---- */

static void start(void *data);
static void settle(void *data);

/* The number in nginx's pid file; 0: there is none. */
static pid_t written_pid(const struct sp_nginx *nginx)
{
    char path[4096], text[32];
    path_in(nginx, "nginx.pid", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    return (pid_t)strtol(text, NULL, 10);
}

/* The status socket takes connections. That alone says little: nginx binds it before it finds that a port is taken. */
static bool takes_connections(const struct sp_nginx *nginx)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[4096];
    path_in(nginx, "gateway.sock", path);
    if (strlen(path) >= sizeof address.sun_path) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return connected;
}

static void ask_whether_serving(void *data)
{
    struct sp_nginx *nginx = data;
    if (!sp_child_is_running(&nginx->child)) {
        return;
    }
    /* The pid file is written once all listeners stand. */
    if (written_pid(nginx) != nginx->child.pid || !takes_connections(nginx)) {
        sp_timer_set(nginx->loop, &nginx->timer, ASK_EVERY_MS, ask_whether_serving, nginx);
        return;
    }
    nginx->is_serving = true;
    nginx->restart_ms = RESTART_FIRST_MS;
    if (!nginx->was_serving) {
        nginx->was_serving = true;
        nginx->events.serving(nginx->events.data);
    } else {
        sp_log(SP_LOG_INFO, "nginx serves again");
    }
}

/* ---- whether it took the configuration ---- */

static void end_settling(struct sp_nginx *nginx)
{
    nginx->is_settling = false;
    sp_timer_clear(&nginx->settle_timer);
}

static void take(struct sp_nginx *nginx)
{
    end_settling(nginx);
    sp_nginx_module_settle(nginx->terms.state, nginx->module);
    if (nginx->has_old_module && nginx->was_signalled) {
        sp_log(SP_LOG_INFO, "nginx loaded the module anew: %s is another build than the one before",
               nginx->terms.module);
    }
    nginx->has_old_module = false;
    nginx->events.settled(nginx->events.data, true, NULL);
}

static void give_up(struct sp_nginx *nginx, bool is_late)
{
    char why[MAX_REASON_BYTES];
    end_settling(nginx);
    sp_log_keep_first_error(why, sizeof why);
    if (is_late) {
        sp_log(SP_LOG_ERROR, "nginx did not take its new configuration over within %d s", SETTLE_MS / 1000);
    }
    sp_nginx_log_tell(&nginx->since_apply);
    if (nginx->has_old_module && sp_child_is_running(&nginx->child)) {
        sp_log(
            SP_LOG_ERROR,
            "nginx (process %d) goes on with the module that it loaded before; %s is another build by now. If what "
            "is said above is about the module, only a new nginx takes it: restart sallyport serve (systemctl restart "
            "sallyport), which ends calls in progress after 60 s. If not, mend that and send SIGHUP",
            (int)nginx->child.pid, nginx->terms.module);
    }
    sp_log_keep_first_error(NULL, 0);
    nginx->events.settled(nginx->events.data, false, why);
}

/* Answered by an old worker as long as one takes connections; an answer of a new one is what is waited for. */
static void mark_came(void *data, const struct sp_fetch_report *report)
{
    struct sp_nginx *nginx = data;
    const struct sp_str wanted = sp_str_from_cstr(nginx->mark);
    if (!nginx->is_settling) {
        return;
    }
    if (report->http_status == 200 && !report->too_large && sp_str_equal(report->body, wanted)) {
        take(nginx);
        return;
    }
    if (report->http_status != 0 && !nginx->was_signalled && nginx->is_serving) {
        sp_log(SP_LOG_INFO, "nginx takes over its new configuration");
        nginx->was_signalled = true;
        sp_nginx_log_mark(&nginx->since_apply);
        nginx->settle_until_ms = sp_loop_now_ms() + SETTLE_MS;
        sp_child_signal(&nginx->child, SIGHUP);
    }
    sp_timer_set(nginx->loop, &nginx->settle_timer, ASK_EVERY_MS, settle, nginx);
}

static void settle(void *data)
{
    struct sp_nginx *nginx = data;
    /* Before it ever served, its end tells more. */
    if ((nginx->was_signalled || nginx->was_serving) && sp_nginx_log_gave_up(&nginx->since_apply)) {
        give_up(nginx, false);
        return;
    }
    if (sp_loop_now_ms() >= nginx->settle_until_ms) {
        give_up(nginx, true);
        return;
    }
    char path[4096];
    path_in(nginx, "gateway.sock", path);
    const struct sp_http_request request = {
        .url = SP_STR("http://localhost" SP_NGINX_MARK_PATH),
        .accept = SP_STR("*/*"),
        .unix_socket = sp_str_from_cstr(path),
        .connect_timeout_ms = ASK_TIMEOUT_MS,
        .timeout_ms = ASK_TIMEOUT_MS,
        .max_bytes = MAX_MARK_ANSWER_BYTES,
    };
    struct sp_http_call *call;
    if (sp_http_call_create(&request, &call) != SP_OK ||
        sp_fetcher_start(nginx->fetcher, call, mark_came, nginx) != SP_OK) {
        sp_timer_set(nginx->loop, &nginx->settle_timer, ASK_EVERY_MS, settle, nginx);
    }
}

static void begin_settling(struct sp_nginx *nginx)
{
    sp_fetcher_cancel(nginx->fetcher, nginx);
    nginx->is_settling = true;
    nginx->was_signalled = false;
    sp_nginx_log_mark(&nginx->since_apply);
    nginx->settle_until_ms = sp_loop_now_ms() + SETTLE_MS;
    sp_timer_set(nginx->loop, &nginx->settle_timer, 0, settle, nginx);
}

/* ---- its life ---- */

static void ended(void *data)
{
    struct sp_nginx *nginx = data;
    sp_timer_clear(&nginx->timer);
    nginx->is_serving = false;
    if (nginx->stopping) {
        nginx->events.finished(nginx->events.data);
        return;
    }
    /* A master that was killed leaves workers behind, which hold its ports. */
    if (nginx->group > 1) {
        kill(-nginx->group, SIGQUIT);
    }
    char why[MAX_REASON_BYTES];
    sp_log_keep_first_error(why, sizeof why);
    sp_nginx_log_tell(&nginx->since_start);
    if (!nginx->was_serving) {
        sp_log(SP_LOG_ERROR, "nginx did not start; its error log is %s/nginx.error.log", nginx->terms.state);
    }
    sp_log_keep_first_error(NULL, 0);
    if (!nginx->was_serving) {
        nginx->events.failed(nginx->events.data, why);
        return;
    }
    sp_log(SP_LOG_ERROR, "nginx ended; it is started again in %lld ms", (long long)nginx->restart_ms);
    nginx->restarts++;
    sp_timer_set(nginx->loop, &nginx->timer, nginx->restart_ms, start, nginx);
    nginx->restart_ms = nginx->restart_ms * 2 < RESTART_MOST_MS ? nginx->restart_ms * 2 : RESTART_MOST_MS;
}

static void start(void *data)
{
    struct sp_nginx *nginx = data;
    char conf[4096], log[4096], prefix[4096], socket_path[4096], pid_path[4096];
    path_in(nginx, "nginx.conf", conf);
    path_in(nginx, "nginx.error.log", log);
    path_in(nginx, "", prefix);
    path_in(nginx, "gateway.sock", socket_path);
    path_in(nginx, "nginx.pid", pid_path);
    /* nginx leaves both behind when it is killed: the one it cannot bind then, the other would say that it serves
     * already. */
    unlink(socket_path);
    unlink(pid_path);
    sp_nginx_log_mark(&nginx->since_start);
    char program[] = "nginx", p[] = "-p", c[] = "-c", e[] = "-e";
    char *const argv[] = {program, p, prefix, c, conf, e, log, NULL};
    const struct sp_child_terms terms = {.argv = argv, .output = "/dev/null", .ended = ended, .data = nginx};
    if (sp_child_start(&nginx->child, nginx->loop, &terms) != SP_OK) {
        sp_log(SP_LOG_ERROR, "nginx cannot be started: %s", strerror(errno));
        sp_timer_set(nginx->loop, &nginx->timer, RESTART_MOST_MS, start, nginx);
        return;
    }
    nginx->group = nginx->child.pid;
    sp_timer_set(nginx->loop, &nginx->timer, ASK_EVERY_MS, ask_whether_serving, nginx);
}

static bool adopt(struct sp_nginx *nginx)
{
    pid_t pid = written_pid(nginx);
    if (!takes_connections(nginx) || sp_child_adopt(&nginx->child, nginx->loop, pid, "nginx", ended, nginx) != SP_OK) {
        return false;
    }
    nginx->group = getpgid(pid) == pid ? pid : 0;
    sp_log(SP_LOG_INFO, "nginx (process %d) runs already; going on with it", (int)pid);
    return true;
}

struct sp_nginx *sp_nginx_create(struct sp_loop *loop, struct sp_fetcher *fetcher, const struct sp_nginx_terms *terms,
                                 const struct sp_nginx_events *events)
{
    struct sp_nginx *nginx = calloc(1, sizeof *nginx);
    if (nginx != NULL) {
        nginx->loop = loop;
        nginx->fetcher = fetcher;
        nginx->terms = *terms;
        nginx->events = *events;
        nginx->restart_ms = RESTART_FIRST_MS;
        sp_nginx_log_init(&nginx->since_start, nginx->terms.state);
        sp_nginx_log_init(&nginx->since_apply, nginx->terms.state);
    }
    return nginx;
}

bool sp_nginx_finish(struct sp_nginx *nginx)
{
    nginx->stopping = true;
    sp_timer_clear(&nginx->timer);
    sp_timer_clear(&nginx->settle_timer);
    sp_fetcher_cancel(nginx->fetcher, nginx);
    sp_child_signal(&nginx->child, SIGQUIT);
    return sp_child_is_running(&nginx->child);
}

void sp_nginx_destroy(struct sp_nginx **nginx)
{
    if (*nginx == NULL) {
        return;
    }
    (void)sp_nginx_finish(*nginx);
    /* The master ends its workers before itself; one that has to be killed leaves them. */
    const bool was_running = sp_child_is_running(&(*nginx)->child);
    sp_child_signal(&(*nginx)->child, SIGTERM);
    sp_child_wait(&(*nginx)->child, STOP_MS);
    if (was_running && (*nginx)->group > 1) {
        kill(-(*nginx)->group, SIGKILL);
    }
    sp_nginx_log_fini(&(*nginx)->since_start);
    sp_nginx_log_fini(&(*nginx)->since_apply);
    free(*nginx);
    *nginx = NULL;
}

enum sp_status sp_nginx_apply(struct sp_nginx *nginx, const struct sp_policy *policy)
{
    if (policy->serving.listener_count > MAX_LISTENERS) {
        sp_log(SP_LOG_ERROR, "config.type: %zu listeners; at most %u are served", policy->serving.listener_count,
               MAX_LISTENERS);
        return SP_MALFORMED;
    }
    enum sp_status status = sp_nginx_folders_make(nginx->terms.state, nginx->terms.user);
    if (status != SP_OK) {
        return status;
    }
    sp_nginx_logs_make(nginx->terms.state, &policy->serving);
    nginx->ports_before = nginx->ports;
    choose_ports(&nginx->ports, &policy->serving);
    status = write_files(nginx, policy);
    if (status != SP_OK) {
        nginx->ports = nginx->ports_before;
        return status;
    }
    if (!sp_child_is_running(&nginx->child) && nginx->timer.previous == NULL) {
        if (adopt(nginx)) {
            sp_timer_set(nginx->loop, &nginx->timer, 0, ask_whether_serving, nginx);
        } else {
            start(nginx);
        }
    }
    begin_settling(nginx);
    return SP_OK;
}

enum sp_status sp_nginx_write_back(struct sp_nginx *nginx, const struct sp_policy *policy)
{
    nginx->ports = nginx->ports_before;
    return write_files(nginx, policy);
}

void sp_nginx_reopen_logs(const struct sp_nginx *nginx)
{
    sp_child_signal(&nginx->child, SIGUSR1);
}

bool sp_nginx_is_serving(const struct sp_nginx *nginx)
{
    return nginx->is_serving;
}

bool sp_nginx_has_old_module(const struct sp_nginx *nginx)
{
    return nginx->has_old_module && !nginx->is_settling && nginx->is_serving;
}

unsigned sp_nginx_port(const struct sp_nginx *nginx, size_t listener)
{
    return listener < nginx->ports.count ? nginx->ports.at[listener] : 0;
}

uint64_t sp_nginx_restarts(const struct sp_nginx *nginx)
{
    return nginx->restarts;
}
