/* SPDX-License-Identifier: Apache-2.0 */
#include "client/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "core/base/secret.h"
#include "core/oauth/loopback_request.h"

/* A browser opens a few connections ahead of need and sends nothing on them. */
#define MAX_GUESTS 16u
#define GUEST_MS 10000

struct guest {
    int socket; /* -1: free */
    int64_t since_ms;
    size_t len;
    char bytes[SP_MAX_LOOPBACK_REQUEST_BYTES];
};

struct sp_loopback {
    int socket;
    struct guest guests[MAX_GUESTS];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum sp_status sp_loopback_open(uint16_t port, struct sp_loopback **loopback, uint16_t *bound)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct sp_loopback *made = calloc(1, sizeof *made);
    if (made == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < MAX_GUESTS; i++)
        made->guests[i].socket = -1;
    made->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made->socket < 0 || bind(made->socket, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(made->socket, MAX_GUESTS) != 0 || getsockname(made->socket, (struct sockaddr *)&address, &len) != 0) {
        int error = errno;
        sp_loopback_close(&made);
        errno = error;
        return SP_IO;
    }
    *bound = ntohs(address.sin_port);
    *loopback = made;
    return SP_OK;
}

static void dismiss(struct guest *guest)
{
    if (guest->socket >= 0)
        close(guest->socket);
    sp_wipe(guest->bytes, guest->len); /* a code */
    guest->socket = -1;
    guest->len = 0;
}

void sp_loopback_close(struct sp_loopback **loopback)
{
    struct sp_loopback *dying = *loopback;
    if (dying == NULL)
        return;
    for (size_t i = 0; i < MAX_GUESTS; i++)
        dismiss(&dying->guests[i]);
    if (dying->socket >= 0)
        close(dying->socket);
    free(dying);
    *loopback = NULL;
}

/* ---- answers ---- */

static const struct {
    const char *status, *title, *text;
} pages[] = {
    [SP_LOOPBACK_INCOMPLETE] = {"408 Request Timeout", "Nothing here", "The request did not end."},
    [SP_LOOPBACK_MALFORMED] = {"400 Bad Request", "Nothing here", "This is no request that is waited for."},
    [SP_LOOPBACK_METHOD] = {"405 Method Not Allowed", "Nothing here", "This is no request that is waited for."},
    [SP_LOOPBACK_HOST] = {"403 Forbidden", "Nothing here", "This is no request that is waited for."},
    [SP_LOOPBACK_OTHER_PATH] = {"404 Not Found", "Nothing here", "This is no request that is waited for."},
    [SP_LOOPBACK_CALLBACK + SP_LOOPBACK_PAGE_FOREIGN] = {"403 Forbidden", "Not this login",
                                                         "This answer belongs to no login that waits here."},
    [SP_LOOPBACK_CALLBACK + SP_LOOPBACK_PAGE_DONE] = {"200 OK", "Back to the terminal",
                                                      "The answer has arrived. You can close this window."},
    [SP_LOOPBACK_CALLBACK + SP_LOOPBACK_PAGE_REFUSED] = {"400 Bad Request", "The login failed",
                                                         "The terminal says why. You can close this window."},
};

static void answer(struct guest *guest, size_t page)
{
    char body[1024], head[1024];
    int body_len = snprintf(body, sizeof body,
                            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>%s</title>"
                            "<body style=\"font:18px/1.5 sans-serif;margin:3em auto;max-width:30em\"><h1>%s</h1>"
                            "<p>%s</p></body></html>\n",
                            pages[page].title, pages[page].title, pages[page].text);
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
                            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
                            "frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n"
                            "Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n",
                            pages[page].status, body_len);
    /* Two small writes into an empty socket buffer: they fit, or the other end is gone. */
    if (send(guest->socket, head, (size_t)head_len, MSG_NOSIGNAL) == head_len)
        (void)!send(guest->socket, body, (size_t)body_len, MSG_NOSIGNAL);
    shutdown(guest->socket, SHUT_WR);
}

/* ---- guests ---- */

static void admit(struct sp_loopback *loopback, int64_t now)
{
    int socket = accept4(loopback->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct guest *place = &loopback->guests[0];
    if (socket < 0)
        return;
    for (size_t i = 0; i < MAX_GUESTS; i++) {
        struct guest *guest = &loopback->guests[i];
        if (guest->socket < 0) {
            place = guest;
            break;
        }
        if (guest->since_ms < place->since_ms)
            place = guest;
    }
    dismiss(place);
    place->socket = socket;
    place->since_ms = now;
}

struct wait {
    struct sp_str path, authority;
    sp_loopback_taker *taker;
    void *context;
};

/* True once a request was taken. */
static bool hear(struct guest *guest, const struct wait *wait)
{
    struct sp_str query = SP_STR_NONE;
    ssize_t got = recv(guest->socket, guest->bytes + guest->len, sizeof guest->bytes - guest->len, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        dismiss(guest);
        return false;
    }
    guest->len += (size_t)got;
    enum sp_loopback_outcome outcome =
        sp_loopback_request_read(sp_str(guest->bytes, guest->len), wait->path, wait->authority, &query);
    if (outcome == SP_LOOPBACK_INCOMPLETE)
        return false;
    enum sp_loopback_page page =
        outcome == SP_LOOPBACK_CALLBACK ? wait->taker(wait->context, query) : SP_LOOPBACK_PAGE_FOREIGN;
    answer(guest, (size_t)outcome + (size_t)page);
    dismiss(guest);
    return page != SP_LOOPBACK_PAGE_FOREIGN;
}

static int wait_once(struct sp_loopback *loopback, struct pollfd *watched, struct guest **guests, int64_t left_ms)
{
    nfds_t count = 1;
    watched[0] = (struct pollfd){.fd = loopback->socket, .events = POLLIN};
    for (size_t i = 0; i < MAX_GUESTS; i++)
        if (loopback->guests[i].socket >= 0) {
            guests[count] = &loopback->guests[i];
            watched[count++] = (struct pollfd){.fd = loopback->guests[i].socket, .events = POLLIN};
        }
    int ready = poll(watched, count, (int)(left_ms < 1000 ? left_ms : 1000));
    return ready < 0 && errno != EINTR ? -1 : (int)count;
}

enum sp_status sp_loopback_wait(struct sp_loopback *loopback, struct sp_str path, struct sp_str authority,
                                int64_t timeout_ms, sp_loopback_taker *taker, void *context)
{
    const struct wait wait = {path, authority, taker, context};
    int64_t now = now_ms(), end = now + timeout_ms;
    while (now < end) {
        struct pollfd watched[MAX_GUESTS + 1] = {{.fd = -1}};
        struct guest *guests[MAX_GUESTS + 1];
        int count = wait_once(loopback, watched, guests, end - now);
        if (count < 0)
            return SP_IO;
        now = now_ms();
        for (int i = 1; i < count; i++) {
            if (watched[i].revents != 0 && hear(guests[i], &wait))
                return SP_OK;
            if (guests[i]->socket >= 0 && now - guests[i]->since_ms > GUEST_MS)
                dismiss(guests[i]);
        }
        if (watched[0].revents != 0)
            admit(loopback, now);
    }
    return SP_NOT_FOUND;
}
