/* SPDX-License-Identifier: Apache-2.0 */
#include "capture/tshark.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "capture/confinement.h"
#include "core/flow/dissection.h"

#define PIECE_BYTES (256u * 1024)
#define MAX_KEYLOG_BYTES (64u * 1024 * 1024)
#define NOBODY 65534
#define MAX_WORDS 128

static const char *const places[] = {"/usr/bin/tshark", "/usr/local/bin/tshark"};

static const char *find_tshark(void)
{
    const char *given = getenv("SALLYPORT_TSHARK");
    if (given != NULL)
        return access(given, X_OK) == 0 ? given : NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* ---- the secrets: in memory, so that the child needs no right to read their file ---- */

static int open_keylog(const char *path)
{
    char piece[65536];
    size_t total = 0;
    int from = open(path, O_RDONLY | O_CLOEXEC), to = from < 0 ? -1 : memfd_create("keylog", 0);
    ssize_t got = 0;
    while (to >= 0 && (got = read(from, piece, sizeof piece)) > 0 && total < MAX_KEYLOG_BYTES) {
        total += (size_t)got;
        if (write(to, piece, (size_t)got) != got)
            got = -1;
        if (got < 0)
            break;
    }
    int kept = errno;
    if (from >= 0)
        close(from);
    if (to >= 0 && (got < 0 || fchmod(to, 0444) != 0)) {
        close(to);
        to = -1;
    }
    errno = kept;
    return to;
}

/* ---- the child ---- */

struct child {
    const char *program;
    int input, output, complaints, keylog; /* keylog -1: none */
    char keylog_option[64];
    const char *words[MAX_WORDS];
};

static void set_limit(int what, rlim_t most)
{
    const struct rlimit limit = {most, most};
    setrlimit((__rlimit_resource_t)what, &limit);
}

static void confine(const char *program)
{
    set_limit(RLIMIT_AS, SP_TSHARK_MEMORY_BYTES);
    set_limit(RLIMIT_CPU, SP_TSHARK_CPU_S);
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_FSIZE, 0); /* it writes to its pipe and to nothing else */
    set_limit(RLIMIT_NPROC, 512);
    /* Where it is allowed: a network name space of its own, with nothing in it. */
    (void)!unshare(CLONE_NEWNET);
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!chdir("/");
    if (!sp_confine_to(program))
        _exit(126);
}

static void build_words(struct child *child)
{
    size_t fields, used = 0;
    const char *const *names = sp_dissection_fields(&fields);
    static const char *const fixed[] = {"tshark", "-r", "-", "-n", "-T", "ek", "-l"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        child->words[used++] = fixed[i];
    child->words[used++] = "-Y";
    child->words[used++] = sp_dissection_filter();
    if (child->keylog >= 0) {
        child->words[used++] = "-o";
        child->words[used++] = child->keylog_option;
    }
    for (size_t i = 0; i < fields && used + 3 < MAX_WORDS; i++) {
        child->words[used++] = "-e";
        child->words[used++] = names[i];
    }
    child->words[used] = NULL;
}

static _Noreturn void become_tshark(struct child *child)
{
    static char *const environment[] = {"PATH=/usr/bin:/bin",
                                        "HOME=/nonexistent",
                                        "LANG=C.UTF-8",
                                        "WIRESHARK_CONFIG_DIR=/nonexistent",
                                        "WIRESHARK_QUIT_AFTER_CAPTURE=",
                                        NULL};
    int fds[] = {child->input, child->output, child->complaints};
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            _exit(126);
    int kept = child->keylog >= 0 ? dup2(child->keylog, 3) : 2;
    close_range((unsigned)kept + 1, ~0u, 0);
    signal(SIGPIPE, SIG_DFL);
    confine(child->program);
    execve(child->program, (char *const *)(uintptr_t)child->words, environment);
    _exit(127);
}

/* ---- reading what it says ---- */

static int64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void take_complaint(int fd, struct sp_tshark_end *end, bool *open)
{
    char unheard[256];
    size_t used = strlen(end->complaint), room = sizeof end->complaint - 1 - used;
    ssize_t got = read(fd, room > 0 ? end->complaint + used : unheard, room > 0 ? room : sizeof unheard);
    if (got <= 0) {
        *open = got < 0 && errno == EINTR;
        return;
    }
    if (room > 0)
        end->complaint[used + (size_t)got] = '\0';
}

/* Without the line that greets root, and without line ends. */
static void tidy_complaint(struct sp_tshark_end *end)
{
    char *greeting = strstr(end->complaint, "Running as user"),
         *behind = greeting != NULL ? strchr(greeting, '\n') : NULL;
    if (behind != NULL)
        memmove(greeting, behind + 1, strlen(behind + 1) + 1);
    for (char *at = end->complaint; *at != '\0'; at++)
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    for (size_t len = strlen(end->complaint); len > 0 && end->complaint[len - 1] == ' ';)
        end->complaint[--len] = '\0';
}

static enum sp_status listen_to(int output, int complaints, sp_tshark_sink *sink, void *context,
                                struct sp_tshark_end *end)
{
    char *piece = malloc(PIECE_BYTES);
    bool talks = piece != NULL, complains = true;
    int64_t heard = seconds_now();
    while (talks || complains) {
        struct pollfd fds[] = {{talks ? output : -1, POLLIN, 0}, {complains ? complaints : -1, POLLIN, 0}};
        int ready = poll(fds, 2, 1000);
        if (ready < 0 && errno != EINTR)
            break;
        if (ready > 0)
            heard = seconds_now();
        if (seconds_now() - heard > SP_TSHARK_IDLE_S) {
            end->timed_out = true;
            break;
        }
        if (ready > 0 && fds[0].revents != 0) {
            ssize_t got = read(output, piece, PIECE_BYTES);
            if (got > 0)
                sink(context, sp_str(piece, (size_t)got));
            talks = got > 0 || (got < 0 && errno == EINTR);
        }
        if (ready > 0 && fds[1].revents != 0)
            take_complaint(complaints, end, &complains);
    }
    tidy_complaint(end);
    free(piece);
    return piece != NULL ? SP_OK : SP_NO_MEMORY;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum sp_status sp_tshark_run(const char *path, const char *keylog, sp_tshark_sink *sink, void *context,
                             struct sp_tshark_end *end)
{
    struct child child = {.program = find_tshark(), .input = -1, .keylog = -1};
    int output[2] = {-1, -1}, complaints[2] = {-1, -1}, wait_status = 0;
    enum sp_status status = SP_IO;
    pid_t pid = -1;
    *end = (struct sp_tshark_end){0};
    if (child.program == NULL)
        return SP_UNSUPPORTED;
    child.input = open(path, O_RDONLY | O_CLOEXEC);
    if (child.input < 0) {
        status = errno == ENOENT ? SP_NOT_FOUND : SP_IO;
        goto done;
    }
    if (keylog != NULL && (child.keylog = open_keylog(keylog)) < 0) {
        status = errno == ENOENT ? SP_NOT_FOUND : SP_IO;
        goto done;
    }
    snprintf(child.keylog_option, sizeof child.keylog_option, "tls.keylog_file:/proc/self/fd/3");
    build_words(&child);
    if (pipe2(output, O_CLOEXEC) != 0 || pipe2(complaints, O_CLOEXEC) != 0)
        goto done;
    child.output = output[1];
    child.complaints = complaints[1];
    pid = fork();
    if (pid == 0)
        become_tshark(&child);
    if (pid < 0)
        goto done;
    close(output[1]);
    close(complaints[1]);
    output[1] = complaints[1] = -1;
    status = listen_to(output[0], complaints[0], sink, context, end);
    if (status != SP_OK || end->timed_out)
        kill(pid, SIGKILL);
    while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    end->exit_status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
done:;
    int kept = errno;
    const int all[] = {child.input, child.keylog, output[0], output[1], complaints[0], complaints[1]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        close_if_open(all[i]);
    errno = kept;
    return status;
}
