/* SPDX-License-Identifier: Apache-2.0 */
#include "client/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "core/base/secret.h"
#include "core/oauth/loopback_request.h"

/* A browser opens a few connections ahead of need and sends nothing on them. */
#define MAX_GUESTS 16u
#define GUEST_MS 10000
#define MAX_START_URL_BYTES (32u * 1024)
#define SEND_BYTES (4 * (int)MAX_START_URL_BYTES)

struct guest {
    int socket; /* -1: free */
    int64_t since_ms;
    size_t len;
    char bytes[SP_MAX_LOOPBACK_REQUEST_BYTES];
};

struct sp_loopback {
    int socket;
    struct sp_str start_path, start_url; /* absent: none was offered */
    bool has_started;
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

bool sp_loopback_offer(struct sp_loopback *loopback, struct sp_str path, struct sp_str url)
{
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.at[i] <= 0x20 || (unsigned char)url.at[i] >= 0x7f)
            return false;
    if (url.len == 0 || url.len > MAX_START_URL_BYTES)
        return false;
    loopback->start_path = path;
    loopback->start_url = url;
    return true;
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

/* Behind the outcomes and the callback's pages. */
enum { PAGE_START = SP_LOOPBACK_CALLBACK + SP_LOOPBACK_PAGE_REFUSED + 1, PAGE_STARTED };

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
    [PAGE_START] = {"302 Found", "To the login", "The browser is sent to the login."},
    [PAGE_STARTED] =
        {"410 Gone", "Opened before",
         "This login has been opened already. If not by you, then by somebody else on this machine: end the "
         "command with Ctrl-C and begin again."},
};

/* Where: of the login that the page sends to, else absent. */
static void answer(struct guest *guest, size_t page, struct sp_str where)
{
    char body[1024], head[1024];
    const int room = SEND_BYTES;
    int body_len = snprintf(body, sizeof body,
                            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>%s</title>"
                            "<body style=\"font:18px/1.5 sans-serif;margin:3em auto;max-width:30em\"><h1>%s</h1>"
                            "<p>%s</p></body></html>\n",
                            pages[page].title, pages[page].title, pages[page].text);
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n"
                            "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
                            "frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n"
                            "Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\nConnection: close\r\n%s",
                            pages[page].status, body_len, where.len > 0 ? "Location: " : "\r\n");
    struct iovec pieces[] = {{head, (size_t)head_len},
                             {(char *)(uintptr_t)where.at, where.len},
                             {(char *)(uintptr_t) "\r\n\r\n", where.len > 0 ? 4 : 0},
                             {body, (size_t)body_len}};
    const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = sizeof pieces / sizeof pieces[0]};
    /* Into an empty socket buffer that has the room: it fits, or the other end is gone. */
    setsockopt(guest->socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    (void)!sendmsg(guest->socket, &message, MSG_NOSIGNAL);
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

/* The page for who asks for the start path; 0: that is not what is asked for. */
static size_t start_page(struct sp_loopback *loopback, struct sp_str bytes, struct sp_str authority)
{
    struct sp_str query;
    if (loopback->start_path.len == 0 ||
        sp_loopback_request_read(bytes, loopback->start_path, authority, &query) != SP_LOOPBACK_CALLBACK)
        return 0;
    bool again = loopback->has_started;
    loopback->has_started = true;
    return again ? PAGE_STARTED : PAGE_START;
}

/* True once a request was taken. */
static bool hear(struct sp_loopback *loopback, struct guest *guest, const struct wait *wait)
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
    struct sp_str bytes = sp_str(guest->bytes, guest->len);
    enum sp_loopback_outcome outcome = sp_loopback_request_read(bytes, wait->path, wait->authority, &query);
    if (outcome == SP_LOOPBACK_INCOMPLETE)
        return false;
    enum sp_loopback_page page =
        outcome == SP_LOOPBACK_CALLBACK ? wait->taker(wait->context, query) : SP_LOOPBACK_PAGE_FOREIGN;
    size_t start = outcome == SP_LOOPBACK_OTHER_PATH ? start_page(loopback, bytes, wait->authority) : 0;
    answer(guest, start > 0 ? start : (size_t)outcome + (size_t)page,
           start == PAGE_START ? loopback->start_url : SP_STR_NONE);
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
            if (watched[i].revents != 0 && hear(loopback, guests[i], &wait))
                return SP_OK;
            if (guests[i]->socket >= 0 && now - guests[i]->since_ms > GUEST_MS)
                dismiss(guests[i]);
        }
        if (watched[0].revents != 0)
            admit(loopback, now);
    }
    return SP_NOT_FOUND;
}
