/* SPDX-License-Identifier: Apache-2.0 */
#include "control/child.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void forget(struct sp_child *child)
{
    if (child->pid != 0) {
        sp_loop_unwatch(child->loop, child->pidfd);
        close(child->pidfd);
        waitpid(child->pid, NULL, WNOHANG); /* fails for an adopted one, which is another's child */
        child->pid = 0;
    }
}

static void process_ended(void *data, int fd, uint32_t events)
{
    struct sp_child *child = data;
    (void)fd, (void)events;
    forget(child);
    child->ended(child->data);
}

static enum sp_status watch(struct sp_child *child, pid_t pid)
{
    child->pidfd = pidfd_open(pid, 0);
    if (child->pidfd < 0) {
        return errno == ESRCH ? SP_NOT_FOUND : SP_IO;
    }
    enum sp_status status = sp_loop_watch(child->loop, child->pidfd, EPOLLIN, process_ended, child);
    if (status != SP_OK) {
        close(child->pidfd);
        return status;
    }
    child->pid = pid;
    return SP_OK;
}

/* Between fork and exec: only what is safe there. */
static void become(const struct sp_child_terms *terms, pid_t parent)
{
    char *const *argv = terms->argv;
    const char *output = terms->output;
    /* A reload, or logs opened anew, may be asked for before it can do either: the signal would kill it then, so it
     * waits until it is let in. nginx's master and the authority's server both do that. */
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGUSR1);
    sigprocmask(SIG_SETMASK, &held, NULL);
    setpgid(0, 0);
    if (terms->dies_with_us) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) {
            _exit(127); /* it died before we asked */
        }
    }
    int fd = output != NULL ? open(output, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : -1;
    if (output != NULL && (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)) {
        _exit(127);
    }
    if (terms->descriptor > 0) {
        fcntl(terms->descriptor, F_SETFD, 0);
    }
    execvp(argv[0], argv);
    /* Debian keeps nginx in /usr/sbin, which is not in a common user's PATH. */
    if (errno == ENOENT && strcmp(argv[0], "nginx") == 0) {
        execv("/usr/sbin/nginx", argv);
    }
    _exit(127);
}

enum sp_status sp_child_start(struct sp_child *child, struct sp_loop *loop, const struct sp_child_terms *terms)
{
    *child = (struct sp_child){.loop = loop, .ended = terms->ended, .data = terms->data};
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        return SP_IO;
    }
    if (pid == 0) {
        become(terms, parent);
    }
    enum sp_status status = watch(child, pid);
    if (status != SP_OK) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return status;
}

static bool runs_program(pid_t pid, const char *program)
{
    char path[64], name[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, name, sizeof name - 1);
    close(fd);
    if (len <= 0) {
        return false;
    }
    name[len] = '\0';
    name[strcspn(name, "\n")] = '\0';
    return strcmp(name, program) == 0;
}

enum sp_status sp_child_adopt(struct sp_child *child, struct sp_loop *loop, pid_t pid, const char *program,
                              void (*ended)(void *data), void *data)
{
    *child = (struct sp_child){.loop = loop, .ended = ended, .data = data};
    if (pid <= 1) {
        return SP_NOT_FOUND;
    }
    enum sp_status status = watch(child, pid);
    /* Looked at after the pidfd is held: the number cannot be given to another process between. */
    if (status == SP_OK && !runs_program(pid, program)) {
        forget(child);
        status = SP_NOT_FOUND;
    }
    return status;
}

bool sp_child_is_running(const struct sp_child *child)
{
    return child->pid != 0;
}

void sp_child_signal(const struct sp_child *child, int signal)
{
    if (child->pid != 0) {
        pidfd_send_signal(child->pidfd, signal, NULL, 0);
    }
}

void sp_child_release(struct sp_child *child)
{
    forget(child);
}

void sp_child_wait(struct sp_child *child, int timeout_ms)
{
    if (child->pid == 0) {
        return;
    }
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
    if (poll(&ended, 1, timeout_ms) == 0) {
        sp_child_signal(child, SIGKILL);
        poll(&ended, 1, 1000);
    }
    forget(child);
}
