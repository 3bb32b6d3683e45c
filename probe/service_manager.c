/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/service_manager.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_BYTES (SP_SERVICE_STATUS_BYTES + 128)
#define WAIT_S 1

static const char *const states[] = {
    [SP_SERVICE_STATUS] = "",
    [SP_SERVICE_READY] = "READY=1\n",
    [SP_SERVICE_RELOADING] = "RELOADING=1\n",
    [SP_SERVICE_STOPPING] = "STOPPING=1\n",
    [SP_SERVICE_ALIVE] = "WATCHDOG=1\n",
};

static void find_socket(struct sp_service_manager *manager)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const size_t len = path != NULL ? strlen(path) : 0;
    if (len < 2 || len >= sizeof manager->address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    manager->address.sun_family = AF_UNIX;
    memcpy(manager->address.sun_path, path, len);
    /* An abstract name is as long as the address says, one of a file ends with a NUL. */
    const bool is_abstract = path[0] == '@';
    manager->address.sun_path[0] = is_abstract ? '\0' : '/';
    manager->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
}

static int64_t find_watchdog(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    const bool is_ours = pid == NULL || strtol(pid, NULL, 10) == (long)getpid();
    const long long usec = interval != NULL && is_ours ? strtoll(interval, NULL, 10) : 0;
    return usec <= 0 ? 0 : usec < 1000 ? 1 : usec / 1000;
}

void sp_service_manager_find(struct sp_service_manager *manager)
{
    *manager = (struct sp_service_manager){.address_len = 0};
    find_socket(manager);
    manager->watchdog_ms = manager->address_len > 0 ? find_watchdog() : 0;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void write_time(char text[32], int64_t epoch)
{
    const time_t seconds = (time_t)epoch;
    struct tm utc;
    text[0] = '\0';
    if (gmtime_r(&seconds, &utc) != NULL) {
        strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &utc);
    }
}

void sp_service_status_write(char status[SP_SERVICE_STATUS_BYTES], const struct sp_service_standing *standing)
{
    char since[32], refused[32];
    int len = 0;
    write_time(since, standing->in_force_since);
    write_time(refused, standing->refused_at);
    if (standing->refused_at != 0) {
        const bool is_told = standing->why != NULL && standing->why[0] != '\0';
        /* What is in force has to have its place behind it. */
        len = snprintf(status, SP_SERVICE_STATUS_BYTES, "Refused at %s: %.768s | ", refused,
                       is_told ? standing->why : "see the log");
    }
    snprintf(status + len, (size_t)(SP_SERVICE_STATUS_BYTES - len), "In force since %s: %s", since, standing->what);
}

/* One line; not cut within a character, for which the whole of it would be thrown away. */
static void put_status(char *out, const char *status)
{
    size_t len = strnlen(status, SP_SERVICE_STATUS_BYTES);
    while (len == SP_SERVICE_STATUS_BYTES || (len > 0 && ((unsigned char)status[len] & 0xC0) == 0x80)) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (unsigned char)status[i] < 0x20 || status[i] == 0x7F ? ' ' : status[i];
    }
    memcpy(out + len, "\n", 2);
}

static size_t write_message(char message[MESSAGE_BYTES], enum sp_service_state state, const char *status)
{
    struct timespec now;
    int len = snprintf(message, MESSAGE_BYTES, "%s", states[state]);
    if (state == SP_SERVICE_RELOADING) {
        /* By which the manager knows that this reload is the one it asked for. */
        clock_gettime(CLOCK_MONOTONIC, &now);
        len += snprintf(message + len, (size_t)(MESSAGE_BYTES - len), "MONOTONIC_USEC=%lld\n",
                        (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    }
    if (status != NULL) {
        len += snprintf(message + len, (size_t)(MESSAGE_BYTES - len), "STATUS=");
        put_status(message + len, status);
    }
    return strlen(message);
}

enum sp_status sp_service_manager_tell(const struct sp_service_manager *manager, enum sp_service_state state,
                                       const char *status)
{
    char message[MESSAGE_BYTES];
    const struct timeval wait = {.tv_sec = WAIT_S};
    if (manager->address_len == 0) {
        return SP_OK;
    }
    const size_t len = write_message(message, state, status);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return SP_IO;
    }
    /* A manager that does not read is not to hold us up for good. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    const ssize_t sent =
        sendto(fd, message, len, MSG_NOSIGNAL, (const struct sockaddr *)&manager->address, manager->address_len);
    const int failure = errno;
    close(fd);
    errno = failure;
    return sent == (ssize_t)len ? SP_OK : SP_IO;
}
