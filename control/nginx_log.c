/* SPDX-License-Identifier: Apache-2.0 */
#include "control/nginx_log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/log.h"

#define TAIL_BYTES 4096u

static int open_log(const struct sp_nginx_log *log)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/nginx.error.log", log->state);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void sp_nginx_log_init(struct sp_nginx_log *log, const char *state)
{
    *log = (struct sp_nginx_log){.state = state, .fd = -1};
}

void sp_nginx_log_fini(struct sp_nginx_log *log)
{
    if (log->fd >= 0) {
        close(log->fd);
    }
    log->fd = -1;
    log->from = 0;
}

void sp_nginx_log_mark(struct sp_nginx_log *log)
{
    struct stat info;
    sp_nginx_log_fini(log);
    log->fd = open_log(log);
    log->from = log->fd >= 0 && fstat(log->fd, &info) == 0 ? info.st_size : 0;
}

/* The last of what stands behind `from`, as text; tail: TAIL_BYTES. */
static void read_tail(int fd, off_t from, char *tail)
{
    off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    from = from <= size ? from : 0; /* it was cut short */
    from = size - from > (off_t)TAIL_BYTES - 1 ? size - (off_t)TAIL_BYTES + 1 : from;
    ssize_t len = fd >= 0 ? pread(fd, tail, TAIL_BYTES - 1, from) : -1;
    tail[len > 0 ? len : 0] = '\0';
}

static bool is_same_file(int a, int b)
{
    struct stat of_a, of_b;
    return a >= 0 && b >= 0 && fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

static void read_log(const struct sp_nginx_log *log, char tail[2 * TAIL_BYTES])
{
    int now = open_log(log);
    read_tail(log->fd, log->from, tail);
    if (!is_same_file(log->fd, now)) {
        read_tail(now, 0, tail + strlen(tail));
    }
    if (now >= 0) {
        close(now);
    }
}

void sp_nginx_log_tell(const struct sp_nginx_log *log)
{
    static const char *const levels[] = {"[emerg] ", "[alert] ", "[crit] "};
    char tail[2 * TAIL_BYTES];
    const char *first = NULL;
    read_log(log, tail);
    for (char *line = tail, *next; line != NULL && *line != '\0'; line = next) {
        const char *message = NULL;
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        for (size_t i = 0; i < sizeof levels / sizeof levels[0] && message == NULL; i++) {
            message = strstr(line, levels[i]);
        }
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

bool sp_nginx_log_gave_up(const struct sp_nginx_log *log)
{
    char tail[2 * TAIL_BYTES];
    read_log(log, tail);
    for (const char *found = strstr(tail, "[emerg] "); found != NULL; found = strstr(found + 1, "[emerg] ")) {
        const char *text = strstr(found, ": "), *end = strchr(found, '\n');
        if (end != NULL && text != NULL && text < end && strncmp(text, ": bind() to ", 12) != 0) {
            return true;
        }
    }
    return false;
}
