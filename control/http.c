/* SPDX-License-Identifier: Apache-2.0 */
#include "control/http.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "core/base/buffer.h"
#include "core/base/secret.h"

#define MAX_CONNECTIONS 4096u
#define IDLE_TIMEOUT_S 120u

struct sp_http {
    struct sp_loop *loop;
    struct MHD_Daemon *daemon;
    int listen_fd, epoll_fd;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    sp_exchange_limit *limit;
    sp_exchange_handler *handle;
    sp_exchange_ended *ended;
    void *data;
    struct sp_exchange *first; /* all that are under way */
    bool must_run;             /* a connection was resumed */
};

struct sp_exchange {
    struct sp_exchange *next, *previous;
    struct sp_http *http;
    struct MHD_Connection *connection;
    const char *method, *path;
    char *target;
    struct sp_buffer body;
    struct MHD_Response *response;
    unsigned status;
    bool began, handed_over, suspended;
};

struct sp_str sp_exchange_method(const struct sp_exchange *exchange)
{
    return sp_str_from_cstr(exchange->method);
}

struct sp_str sp_exchange_path(const struct sp_exchange *exchange)
{
    return sp_str_from_cstr(exchange->path);
}

struct sp_str sp_exchange_target(const struct sp_exchange *exchange)
{
    return sp_str_from_cstr(exchange->target);
}

struct sp_str sp_exchange_header(const struct sp_exchange *exchange, const char *name)
{
    return sp_str_from_cstr(MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name));
}

struct sp_str sp_exchange_body(const struct sp_exchange *exchange)
{
    return sp_buffer_str(&exchange->body);
}

void *sp_exchange_data(const struct sp_exchange *exchange)
{
    return exchange->http->data;
}

static void add_header(struct MHD_Response *response, const struct sp_exchange_header *header)
{
    char *value = strndup(header->value.at, header->value.len);
    if (value != NULL) {
        MHD_add_response_header(response, header->name, value); /* refuses what would be two lines */
    }
    free(value);
}

void sp_exchange_respond(struct sp_exchange *exchange, unsigned status, const char *content_type, struct sp_str body)
{
    sp_exchange_respond_with(exchange, status, content_type, body, NULL, 0);
}

void sp_exchange_respond_with(struct sp_exchange *exchange, unsigned status, const char *content_type,
                              struct sp_str body, const struct sp_exchange_header *headers, size_t count)
{
    /* MHD takes a pointer to non-const and copies from it. */
    void *bytes = (void *)(uintptr_t)(body.at != NULL ? body.at : "");
    exchange->response = MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY);
    exchange->status = status;
    if (exchange->response != NULL) {
        MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        MHD_add_response_header(exchange->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        for (size_t i = 0; i < count; i++) {
            add_header(exchange->response, &headers[i]);
        }
    }
    if (exchange->suspended) {
        exchange->suspended = false;
        exchange->http->must_run = true;
        MHD_resume_connection(exchange->connection);
    }
}

static enum MHD_Result queue(struct sp_exchange *exchange)
{
    if (exchange->response == NULL) {
        return MHD_NO; /* no memory: the connection is closed */
    }
    enum MHD_Result queued = MHD_queue_response(exchange->connection, exchange->status, exchange->response);
    MHD_destroy_response(exchange->response);
    exchange->response = NULL;
    return queued;
}

/* The only place where the target is seen as it was sent. */
static void *begin_exchange(void *data, const char *target, struct MHD_Connection *connection)
{
    struct sp_exchange *exchange = calloc(1, sizeof *exchange);
    (void)connection;
    if (exchange == NULL) {
        return NULL;
    }
    exchange->http = data;
    exchange->target = strdup(target);
    sp_buffer_init(&exchange->body, NULL, 0);
    if (exchange->target == NULL) {
        free(exchange);
        return NULL;
    }
    exchange->next = exchange->http->first;
    if (exchange->next != NULL) {
        exchange->next->previous = exchange;
    }
    exchange->http->first = exchange;
    return exchange;
}

/* MHD calls it when the header is there, for each piece of the body, at its end (size 0), and again after a resume. */
static enum MHD_Result serve(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                             const char *version, const char *piece, size_t *piece_len, void **state)
{
    struct sp_exchange *exchange = *state;
    struct sp_http *http = data;
    (void)version;
    if (exchange == NULL) {
        return MHD_NO;
    }
    if (!exchange->began) {
        exchange->began = true;
        exchange->connection = connection;
        exchange->method = method;
        exchange->path = path;
        sp_buffer_init(&exchange->body, NULL, http->limit(http->data, exchange));
        return MHD_YES;
    }
    if (*piece_len > 0) {
        sp_buffer_append(&exchange->body, sp_str(piece, *piece_len));
        *piece_len = 0;
        return MHD_YES;
    }
    if (exchange->handed_over) {
        return queue(exchange); /* resumed */
    }
    exchange->handed_over = true;
    if (sp_buffer_status(&exchange->body) != SP_OK) {
        sp_exchange_respond(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "text/plain", SP_STR("The body is too large.\n"));
    } else {
        exchange->http->handle(exchange->http->data, exchange);
    }
    if (exchange->response != NULL) {
        return queue(exchange);
    }
    exchange->suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void completed(void *data, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    struct sp_http *http = data;
    struct sp_exchange *exchange = *state;
    (void)connection, (void)code;
    if (exchange == NULL) {
        return;
    }
    http->ended(http->data, exchange);
    *(exchange->previous != NULL ? &exchange->previous->next : &http->first) = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->previous = exchange->previous;
    }
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    sp_wipe(exchange->body.at, exchange->body.len); /* it held a token */
    sp_buffer_fini(&exchange->body);
    free(exchange->target);
    free(exchange);
    *state = NULL;
}

static void readable(void *data, int fd, uint32_t events)
{
    struct sp_http *http = data;
    (void)fd, (void)events;
    MHD_run(http->daemon);
}

/* MHD has work that no descriptor will tell of: a resumed connection, one with bytes it has not read yet, one past its
 * time. wait_ms: how long it can wait, -1 for ever. */
static bool has_work(struct sp_http *http, int64_t *wait_ms)
{
    MHD_UNSIGNED_LONG_LONG ms;
    *wait_ms = MHD_get_timeout(http->daemon, &ms) == MHD_YES ? (int64_t)(ms < 60000 ? ms : 60000) : -1;
    return http->must_run || *wait_ms == 0;
}

/* Before the loop waits. A connection that was resumed must be run until it has read to the end: only then does MHD
 * wait for its descriptor again, and the next request on it would not be seen otherwise. */
static int64_t prepare(void *data)
{
    struct sp_http *http = data;
    int64_t wait_ms;
    for (int rounds = 0; has_work(http, &wait_ms) && rounds < 16; rounds++) {
        http->must_run = false;
        MHD_run(http->daemon);
    }
    return wait_ms;
}

static int listen_at(const char *path, int group)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, group >= 0 ? 0660 : 0600) != 0 || (group >= 0 && chown(path, (uid_t)-1, (gid_t)group) != 0) ||
        listen(fd, 1024) != 0) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

struct sp_http *sp_http_create(struct sp_loop *loop, const struct sp_http_terms *terms)
{
    struct sp_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        return NULL;
    }
    *http = (struct sp_http){
        .loop = loop, .limit = terms->limit, .handle = terms->handle, .ended = terms->ended, .data = terms->data};
    http->listen_fd = listen_at(terms->socket_path, terms->group);
    if (http->listen_fd < 0) {
        free(http);
        return NULL;
    }
    memcpy(http->path, terms->socket_path, strlen(terms->socket_path) + 1);
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, serve, http, MHD_OPTION_LISTEN_SOCKET,
                         http->listen_fd, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                         IDLE_TIMEOUT_S, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, http, MHD_OPTION_NOTIFY_COMPLETED,
                         completed, http, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        http->daemon != NULL ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info == NULL || sp_loop_watch(loop, info->epoll_fd, EPOLLIN, readable, http) != SP_OK) {
        if (http->daemon != NULL) {
            MHD_stop_daemon(http->daemon);
        } else {
            close(http->listen_fd);
        }
        free(http);
        errno = ENOMEM;
        return NULL;
    }
    http->epoll_fd = info->epoll_fd;
    sp_loop_before_wait(loop, prepare, http);
    return http;
}

void sp_http_destroy(struct sp_http **http)
{
    if (*http == NULL) {
        return;
    }
    /* libmicrohttpd does not stop while a connection is suspended; whoever waits is told. */
    for (struct sp_exchange *exchange = (*http)->first; exchange != NULL; exchange = exchange->next) {
        if (exchange->suspended) {
            sp_exchange_respond(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain", SP_STR("This server ends.\n"));
        }
    }
    (void)prepare(*http);
    sp_loop_before_wait((*http)->loop, NULL, NULL);
    sp_loop_unwatch((*http)->loop, (*http)->epoll_fd);
    MHD_stop_daemon((*http)->daemon); /* closes the listening socket */
    unlink((*http)->path);
    free(*http);
    *http = NULL;
}
