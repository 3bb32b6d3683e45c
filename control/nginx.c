/* SPDX-License-Identifier: Apache-2.0 */
#include "control/nginx.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "control/child.h"
#include "control/log.h"
#include "control/nginx_conf.h"
#include "control/state_file.h"
#include "core/jose/crypto.h"

#define MAX_CONF_BYTES ((size_t)4 * 1024 * 1024)
#define MAX_LISTENERS 64u
#define ASK_EVERY_MS 20
#define RESTART_FIRST_MS 200
#define RESTART_MOST_MS 5000
#define STOP_MS 5000

struct sp_nginx {
    struct sp_loop *loop;
    struct sp_nginx_terms terms;
    void (*serving)(void *data);
    void (*failed)(void *data);
    void *data;
    struct sp_child child;
    pid_t group; /* the master's number, which its workers share as their process group */
    struct sp_timer timer;
    bool is_serving, was_serving, stopping;
    int64_t restart_ms;
    uint64_t restarts;
    unsigned char conf_sha256[32];
    unsigned ports[MAX_LISTENERS + 1];
    size_t port_count;
};

static void path_in(const struct sp_nginx *nginx, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", nginx->terms.state, name);
}

/* ---- files ---- */

static bool make_folder(const char *path, unsigned mode, const char *user)
{
    struct passwd *account = user != NULL ? getpwnam(user) : NULL;
    if (mkdir(path, mode) != 0 && errno != EEXIST) {
        return false;
    }
    return account == NULL || chown(path, account->pw_uid, account->pw_gid) == 0;
}

static bool make_folders(const struct sp_nginx *nginx)
{
    static const char *const names[] = {"tmp", "tmp/body", "tmp/proxy", "tmp/fastcgi", "tmp/uwsgi", "tmp/scgi"};
    char path[4096];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_in(nginx, names[i], path);
        if (!make_folder(path, 0700, nginx->terms.user)) {
            sp_log(SP_LOG_ERROR, "%s cannot be made: %s", path, strerror(errno));
            return false;
        }
    }
    return true;
}

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
static void choose_ports(struct sp_nginx *nginx, const struct sp_serving *serving)
{
    size_t count = serving->listener_count < MAX_LISTENERS ? serving->listener_count : MAX_LISTENERS;
    for (size_t i = 0; i <= count; i++) {
        struct sp_str address = i < count ? serving->listeners[i].address : serving->admin_address;
        bool is_free_choice = sp_str_has_suffix(address, SP_STR(":0"));
        if (!is_free_choice || i >= nginx->port_count) {
            nginx->ports[i] = is_free_choice ? choose_port() : 0;
        }
    }
    nginx->port_count = count + 1;
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

static enum sp_status write_conf(struct sp_nginx *nginx, const struct sp_policy *policy, bool *changed)
{
    struct sp_nginx_conf conf = {.state = nginx->terms.state,
                                 .module = nginx->terms.module,
                                 .user = nginx->terms.user,
                                 .proxy_secret = nginx->terms.proxy_secret,
                                 .has_ipv6 = access("/proc/net/if_inet6", F_OK) == 0,
                                 .max_files = descriptor_limit(),
                                 .policy = policy,
                                 .ports = nginx->ports};
    unsigned char parts[SP_NGINX_FILES][32], sha256[32];
    enum sp_status status = SP_OK;
    for (enum sp_nginx_file file = SP_NGINX_MAIN; file < SP_NGINX_FILES && status == SP_OK; file++) {
        char path[4096];
        struct sp_str bad = SP_STR_NONE;
        struct sp_buffer text;
        sp_buffer_init(&text, NULL, MAX_CONF_BYTES);
        status = sp_nginx_conf_write(&conf, file, &text, &bad);
        path_in(nginx, sp_nginx_file_name(file), path);
        if (status == SP_MALFORMED) {
            sp_log(SP_LOG_ERROR,
                   "config.type: \"%.*s\" cannot stand in nginx's configuration; choose a value without quotes, `$`, "
                   "backslashes and spaces",
                   SP_STR_ARG(bad));
        } else if (status == SP_OK) {
            sp_sha256(sp_buffer_str(&text), parts[file]);
            status = sp_state_file_replace(path, sp_buffer_str(&text), sp_nginx_file_mode(file), -1);
            if (status != SP_OK) {
                sp_log(SP_LOG_ERROR, "%s cannot be written: %s", path, strerror(errno));
            }
        }
        sp_buffer_fini(&text);
    }
    if (status == SP_OK) {
        sp_sha256(sp_str((const char *)parts, sizeof parts), sha256);
        *changed = memcmp(sha256, nginx->conf_sha256, sizeof sha256) != 0;
        memcpy(nginx->conf_sha256, sha256, sizeof sha256);
    }
    return status;
}

/* What nginx said last, for whoever wonders why it did not start. */
static void tell_last_error(const struct sp_nginx *nginx)
{
    char path[4096], tail[2048];
    path_in(nginx, "nginx.error.log", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    off_t size = lseek(fd, 0, SEEK_END), from = size > (off_t)sizeof tail - 1 ? size - (off_t)sizeof tail + 1 : 0;
    ssize_t len = pread(fd, tail, sizeof tail - 1, from);
    close(fd);
    if (len <= 0) {
        return;
    }
    tail[len] = '\0';
    const char *first = NULL;
    for (char *line = tail, *next; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        const char *message = strstr(line, "[emerg] ");
        const char *text = message != NULL ? strchr(message, ':') : NULL; /* behind the process's numbers */
        if (text != NULL && first != NULL && strcmp(text, first) == 0) {
            break; /* nginx tries five times to bind, and says so each time */
        }
        if (text != NULL) {
            sp_log(SP_LOG_ERROR, "nginx%s", text);
            first = first != NULL ? first : text;
        }
    }
}

/* ---- the process ---- */

static void start(void *data);

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
        nginx->serving(nginx->data);
    } else {
        sp_log(SP_LOG_INFO, "nginx serves again");
    }
}

static void ended(void *data)
{
    struct sp_nginx *nginx = data;
    sp_timer_clear(&nginx->timer);
    nginx->is_serving = false;
    if (nginx->stopping) {
        return;
    }
    /* A master that was killed leaves workers behind, which hold its ports. */
    if (nginx->group > 1) {
        kill(-nginx->group, SIGQUIT);
    }
    tell_last_error(nginx);
    if (!nginx->was_serving) {
        sp_log(SP_LOG_ERROR, "nginx did not start; its error log is %s/nginx.error.log", nginx->terms.state);
        nginx->failed(nginx->data);
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
    char program[] = "nginx", p[] = "-p", c[] = "-c", e[] = "-e";
    char *const argv[] = {program, p, prefix, c, conf, e, log, NULL};
    if (sp_child_start(&nginx->child, nginx->loop, argv, false, "/dev/null", ended, nginx) != SP_OK) {
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

struct sp_nginx *sp_nginx_create(struct sp_loop *loop, const struct sp_nginx_terms *terms, void (*serving)(void *data),
                                 void (*failed)(void *data), void *data)
{
    struct sp_nginx *nginx = calloc(1, sizeof *nginx);
    if (nginx != NULL) {
        nginx->loop = loop;
        nginx->terms = *terms;
        nginx->serving = serving;
        nginx->failed = failed;
        nginx->data = data;
        nginx->restart_ms = RESTART_FIRST_MS;
    }
    return nginx;
}

void sp_nginx_destroy(struct sp_nginx **nginx)
{
    if (*nginx == NULL) {
        return;
    }
    (*nginx)->stopping = true;
    sp_timer_clear(&(*nginx)->timer);
    sp_child_signal(&(*nginx)->child, SIGQUIT);
    sp_child_wait(&(*nginx)->child, STOP_MS);
    free(*nginx);
    *nginx = NULL;
}

enum sp_status sp_nginx_apply(struct sp_nginx *nginx, const struct sp_policy *policy)
{
    bool changed = false;
    if (policy->serving.listener_count > MAX_LISTENERS) {
        sp_log(SP_LOG_ERROR, "config.type: %zu listeners; at most %u are served", policy->serving.listener_count,
               MAX_LISTENERS);
        return SP_MALFORMED;
    }
    if (!make_folders(nginx)) {
        return SP_IO;
    }
    choose_ports(nginx, &policy->serving);
    enum sp_status status = write_conf(nginx, policy, &changed);
    if (status != SP_OK) {
        return status;
    }
    if (sp_child_is_running(&nginx->child)) {
        if (changed) {
            sp_log(SP_LOG_INFO, "nginx takes over its new configuration");
            sp_child_signal(&nginx->child, SIGHUP);
        }
    } else if (adopt(nginx)) {
        sp_child_signal(&nginx->child, SIGHUP); /* the configuration may have changed while nobody watched */
        sp_timer_set(nginx->loop, &nginx->timer, 0, ask_whether_serving, nginx);
    } else {
        start(nginx);
    }
    return SP_OK;
}

bool sp_nginx_is_serving(const struct sp_nginx *nginx)
{
    return nginx->is_serving;
}

unsigned sp_nginx_port(const struct sp_nginx *nginx, size_t listener)
{
    return listener < nginx->port_count ? nginx->ports[listener] : 0;
}

uint64_t sp_nginx_restarts(const struct sp_nginx *nginx)
{
    return nginx->restarts;
}
