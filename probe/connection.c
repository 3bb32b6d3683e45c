/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_AT_ONCE 32

int64_t sp_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static socklen_t address_of(struct sp_str text, unsigned port, struct sockaddr_storage *address)
{
    char name[INET6_ADDRSTRLEN];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (text.len >= sizeof name) {
        return 0;
    }
    memcpy(name, text.at, text.len);
    name[text.len] = '\0';
    if (inet_pton(AF_INET, name, &v4.sin_addr) == 1) {
        memcpy(address, &v4, sizeof v4);
        return sizeof v4;
    }
    if (inet_pton(AF_INET6, name, &v6.sin6_addr) == 1) {
        memcpy(address, &v6, sizeof v6);
        return sizeof v6;
    }
    return 0;
}

/* Begun, not finished: errno says what stands in the way, EINPROGRESS when nothing does yet. */
static int begin(struct sp_str text, unsigned port)
{
    struct sockaddr_storage address;
    socklen_t len = address_of(text, port, &address);
    if (len == 0) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int made = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return -1;
    }
    if (connect(made, (struct sockaddr *)&address, len) == 0) {
        errno = 0;
    } else if (errno != EINPROGRESS) {
        int error = errno;
        close(made);
        errno = error;
        return -1;
    }
    return made;
}

static enum sp_connection outcome_of(int error)
{
    switch (error) {
    case 0:
        return SP_CONNECTION_OPEN;
    case ECONNREFUSED:
        return SP_CONNECTION_REFUSED;
    case ETIMEDOUT:
    case EINPROGRESS:
        return SP_CONNECTION_TIMEOUT;
    default:
        return SP_CONNECTION_UNREACHABLE;
    }
}

void sp_connection_close(int *socket)
{
    if (*socket >= 0) {
        close(*socket);
    }
    *socket = -1;
}

static int error_of(int socket)
{
    int error = 0;
    socklen_t len = sizeof error;
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static struct sp_str shown(struct sp_arena *arena, struct sp_str address, unsigned port)
{
    bool is_v6 = sp_str_index_of(address, ':', 0) < address.len;
    return sp_arena_printf(arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u", SP_STR_ARG(address), port);
}

/* Waits for those that are still under way. errors: EINPROGRESS where they are. */
static void wait_for_all(int *sockets, int *errors, size_t count, int64_t *ended_ms, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd waiting[MAX_AT_ONCE];
        size_t index[MAX_AT_ONCE];
        nfds_t waits = 0;
        for (size_t i = 0; i < count; i++) {
            if (errors[i] == EINPROGRESS) {
                index[waits] = i;
                waiting[waits++] = (struct pollfd){.fd = sockets[i], .events = POLLOUT};
            }
        }
        int64_t left = deadline_ms - sp_monotonic_ms();
        if (waits == 0 || left <= 0) {
            return;
        }
        if (poll(waiting, waits, (int)left) < 0 && errno != EINTR) {
            return;
        }
        for (nfds_t i = 0; i < waits; i++) {
            if (waiting[i].revents != 0) {
                errors[index[i]] = error_of(waiting[i].fd);
                ended_ms[index[i]] = sp_monotonic_ms();
            }
        }
    }
}

enum sp_status sp_connections_try(struct sp_arena *arena, struct sp_str_list addresses, unsigned port,
                                  int64_t timeout_ms, struct sp_connection_evidence *rows, int *sockets)
{
    int errors[MAX_AT_ONCE];
    int64_t started = sp_monotonic_ms(), ended[MAX_AT_ONCE];
    size_t count = addresses.count < MAX_AT_ONCE ? addresses.count : MAX_AT_ONCE;
    for (size_t i = 0; i < count; i++) {
        sockets[i] = begin(addresses.at[i], port);
        errors[i] = errno;
        ended[i] = sp_monotonic_ms();
    }
    wait_for_all(sockets, errors, count, ended, started + timeout_ms);
    enum sp_status status = SP_OK;
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct sp_connection_evidence){
            .address = shown(arena, addresses.at[i], port),
            .outcome = outcome_of(errors[i]),
            .detail = errors[i] == EINPROGRESS
                          ? sp_arena_printf(arena, "no answer within %lld ms", (long long)timeout_ms)
                          : sp_arena_printf(arena, "%s", errors[i] == 0 ? "open" : strerror(errors[i])),
            .elapsed_ms = (errors[i] == EINPROGRESS ? sp_monotonic_ms() : ended[i]) - started,
        };
        if (errors[i] != 0) {
            sp_connection_close(&sockets[i]);
        }
        if (rows[i].address.at == NULL || rows[i].detail.at == NULL) {
            status = SP_NO_MEMORY;
        }
    }
    return status;
}

int sp_connection_open(struct sp_str address, unsigned port, int64_t timeout_ms)
{
    int made = begin(address, port), error = errno;
    int64_t ended;
    if (made >= 0) {
        wait_for_all(&made, &error, 1, &ended, sp_monotonic_ms() + timeout_ms);
    }
    if (error != 0) {
        sp_connection_close(&made);
    }
    return made;
}

bool sp_connection_wait(int socket, bool to_write, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd waiting = {.fd = socket, .events = to_write ? POLLOUT : POLLIN};
        int64_t left = deadline_ms - sp_monotonic_ms();
        int ready = left > 0 ? poll(&waiting, 1, (int)left) : 0;
        if (ready > 0) {
            return true;
        }
        if (ready == 0 || errno != EINTR) {
            return false;
        }
    }
}

bool sp_connection_send(int socket, struct sp_str bytes, int64_t deadline_ms)
{
    while (bytes.len > 0) {
        ssize_t sent = send(socket, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return false;
        }
        bytes = sp_str_slice(bytes, sent > 0 ? (size_t)sent : 0, bytes.len);
        if (bytes.len > 0 && !sp_connection_wait(socket, true, deadline_ms)) {
            return false;
        }
    }
    return true;
}

long sp_connection_receive(int socket, char *bytes, size_t room, int64_t deadline_ms)
{
    for (;;) {
        ssize_t got = recv(socket, bytes, room, 0);
        if (got >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return got;
        }
        if (!sp_connection_wait(socket, false, deadline_ms)) {
            return -1;
        }
    }
}

bool sp_connection_speaks_http(struct sp_str address, unsigned port, struct sp_str host, int64_t timeout_ms,
                               char *first_line, size_t room)
{
    char request[512], answer[256];
    int64_t deadline = sp_monotonic_ms() + timeout_ms;
    int socket = sp_connection_open(address, port, timeout_ms);
    int len = snprintf(request, sizeof request, "HEAD / HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n\r\n",
                       SP_STR_ARG(host));
    long got = -1;
    if (socket >= 0 && len > 0 && (size_t)len < sizeof request &&
        sp_connection_send(socket, sp_str(request, (size_t)len), deadline)) {
        got = sp_connection_receive(socket, answer, sizeof answer, deadline);
    }
    sp_connection_close(&socket);
    struct sp_str line = got > 0 ? sp_str(answer, (size_t)got) : SP_STR_NONE;
    line = sp_str_trim(sp_str_slice(line, 0, sp_str_index_of(line, '\n', 0)));
    snprintf(first_line, room, "%.*s", SP_STR_ARG(line));
    return sp_str_has_prefix(line, SP_STR("HTTP/"));
}
