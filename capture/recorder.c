/* SPDX-License-Identifier: Apache-2.0 */
/* One thread a connection (libmicrohttpd's) and one blocking transfer a request (libcurl's): a debugging tool for one
 * client, not a gateway. What is shared – number, HAR, judge – is behind one lock. The HAR is whole after every entry:
 * its tail is written each time and overwritten by the next. */
#include "capture/recorder.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "capture/forwarding.h"
#include "core/base/buffer.h"
#include "core/base/limits.h"
#include "core/flow/detour.h"
#include "core/flow/har_writer.h"

#define CONNECTIONS 64u
#define IDLE_S 120u
#define CALL_ARENA_BYTES (64u * 1024 * 1024)

struct sp_recorder {
    struct sp_recorder_terms terms;
    struct MHD_Daemon *daemon;
    struct sp_arena *arena;
    struct sp_detour detour;
    struct sp_str ca_file; /* ends with NUL; absent: the system's */
    pthread_mutex_t lock;
    FILE *har;
    long tail; /* where the HAR's tail begins */
    uint32_t count;
};

struct call {
    struct sp_recorder *recorder;
    struct sp_str uri; /* as sent, with its query */
    bool began;
    struct sp_forwarding on; /* towards the issuer */
};

struct sp_str sp_recorder_url(const struct sp_recorder *recorder)
{
    return recorder->detour.to;
}

/* ---- a call begins and ends ---- */

static void *begin_call(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct call *call = calloc(1, sizeof *call);
    (void)connection;
    if (call == NULL || (call->on.arena = sp_arena_create(CALL_ARENA_BYTES)) == NULL ||
        sp_arena_copy(call->on.arena, sp_str_from_cstr(uri), &call->uri) != SP_OK) {
        if (call != NULL)
            sp_arena_destroy(&call->on.arena);
        free(call);
        return NULL;
    }
    call->recorder = context;
    sp_buffer_init(&call->on.body, call->on.arena, SP_MAX_RECORDED_BODY_BYTES);
    sp_buffer_init(&call->on.answer, call->on.arena, SP_MAX_RECORDED_BODY_BYTES);
    return call;
}

static void end_call(void *context, struct MHD_Connection *connection, void **state,
                     enum MHD_RequestTerminationCode how)
{
    struct call *call = *state;
    (void)context;
    (void)connection;
    (void)how;
    if (call == NULL)
        return;
    sp_arena_destroy(&call->on.arena);
    free(call);
    *state = NULL;
}

/* ---- keeping it ---- */

static void write_har(struct sp_recorder *recorder, struct call *call)
{
    struct sp_buffer entry;
    struct sp_json_writer writer;
    if (recorder->har == NULL)
        return;
    sp_buffer_init(&entry, call->on.arena, CALL_ARENA_BYTES);
    sp_json_writer_init(&writer, &entry, false);
    sp_har_write_entry(&writer, call->on.arena, &call->on.exchange);
    if (sp_buffer_status(&entry) != SP_OK || fseek(recorder->har, recorder->tail, SEEK_SET) != 0)
        return;
    if (recorder->count > 1)
        fputs(",\n", recorder->har);
    fwrite(entry.at, 1, entry.len, recorder->har);
    recorder->tail = ftell(recorder->har);
    fputs(SP_HAR_TAIL, recorder->har);
    fflush(recorder->har);
}

static void keep(struct call *call)
{
    struct sp_recorder *recorder = call->recorder;
    pthread_mutex_lock(&recorder->lock);
    call->on.exchange.number = ++recorder->count;
    write_har(recorder, call);
    recorder->terms.take(recorder->terms.context, &call->on.exchange);
    pthread_mutex_unlock(&recorder->lock);
}

/* ---- towards the client ---- */

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct call *call = context;
    struct sp_flow_headers *headers = &call->on.exchange.request_headers;
    (void)kind;
    if (headers->count == SP_FORWARDED_HEADERS || value == NULL)
        return MHD_YES;
    struct sp_flow_header *row = &call->on.request[headers->count];
    if (sp_arena_copy(call->on.arena, sp_str_from_cstr(name), &row->name) == SP_OK &&
        sp_arena_copy(call->on.arena, sp_str_from_cstr(value), &row->value) == SP_OK)
        headers->count++;
    return MHD_YES;
}

static enum MHD_Result answer_failure(const struct call *call, struct MHD_Connection *connection)
{
    struct sp_str text = sp_arena_printf(call->on.arena, "sallyport record: the issuer did not answer: %.*s\n",
                                         SP_STR_ARG(call->on.exchange.failure));
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text.len, (void *)(uintptr_t)(text.at != NULL ? text.at : ""), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_BAD_GATEWAY, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer(struct call *call, struct MHD_Connection *connection)
{
    const struct sp_detour *detour = &call->recorder->detour;
    const struct sp_flow_headers *headers = &call->on.exchange.response_headers;
    if (call->on.exchange.status == 0)
        return answer_failure(call, connection);
    struct sp_str body = sp_detour_body(call->on.arena, detour, sp_flow_header(headers, "Content-Type"),
                                        sp_buffer_str(&call->on.answer));
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)(body.at != NULL ? body.at : ""), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; i < headers->count; i++) {
        struct sp_str value = sp_detour_header(call->on.arena, detour, headers->at[i].name, headers->at[i].value);
        /* The arena's copies end with NUL. HSTS of the issuer is no promise of ours. */
        if (value.at != NULL && !sp_is_hop_header(headers->at[i].name) &&
            !sp_str_equal_ignoring_case(headers->at[i].name, SP_STR("Strict-Transport-Security")))
            MHD_add_response_header(response, headers->at[i].name.at,
                                    sp_arena_printf(call->on.arena, "%.*s", SP_STR_ARG(value)).at);
    }
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)call->on.exchange.status, response);
    MHD_destroy_response(response);
    return queued;
}

static void perform(struct call *call, struct MHD_Connection *connection, const char *method)
{
    struct sp_flow_exchange *exchange = &call->on.exchange;
    struct sp_recorder *recorder = call->recorder;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    call->on.fd = info != NULL ? info->connect_fd : -1;
    exchange->started_ms = sp_forwarding_now_ms();
    exchange->method = sp_arena_printf(call->on.arena, "%.32s", method);
    exchange->url =
        sp_arena_printf(call->on.arena, "%.*s%.*s", SP_STR_ARG(recorder->detour.from), SP_STR_ARG(call->uri));
    exchange->request_headers = (struct sp_flow_headers){call->on.request, 0};
    exchange->response_headers = (struct sp_flow_headers){call->on.response, 0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, call);
    exchange->request_body = sp_buffer_str(&call->on.body);
    if (exchange->url.at == NULL || exchange->method.at == NULL)
        exchange->failure = SP_STR("out of memory");
    else
        sp_forward(&call->on, recorder->ca_file);
    exchange->took_ms = sp_forwarding_now_ms() - exchange->started_ms;
    exchange->response_bytes = call->on.answer.len;
    exchange->response_body = sp_str_slice(sp_buffer_str(&call->on.answer), 0, SP_MAX_CAPTURED_BODY_BYTES);
    exchange->response_cut = call->on.answer.len > SP_MAX_CAPTURED_BODY_BYTES;
    keep(call);
}

static enum MHD_Result serve(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                             const char *version, const char *piece, size_t *piece_len, void **state)
{
    struct call *call = *state;
    (void)context;
    (void)path;
    (void)version;
    if (call == NULL)
        return MHD_NO;
    if (!call->began) {
        call->began = true;
        return MHD_YES;
    }
    if (*piece_len > 0) {
        sp_buffer_append(&call->on.body, sp_str(piece, *piece_len));
        *piece_len = 0;
        return sp_buffer_status(&call->on.body) == SP_OK ? MHD_YES : MHD_NO;
    }
    /* "http://host/" as a proxy is asked is not what this is. */
    if (call->uri.len == 0 || call->uri.at[0] != '/')
        return MHD_NO;
    perform(call, connection, method);
    return answer(call, connection);
}

/* ---- start and stop ---- */

/* It will hold codes and tokens: nobody else's file, by no link of theirs, and nobody else reads it though it was there
 * before. */
static int open_private(const char *path)
{
    struct stat state;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return -1;
    bool is_ours = fstat(fd, &state) == 0 && S_ISREG(state.st_mode) && state.st_uid == geteuid();
    if (is_ours && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0)
        return fd;
    int error = is_ours ? errno : EPERM;
    close(fd);
    errno = error;
    return -1;
}

static enum sp_status open_har(struct sp_recorder *recorder)
{
    if (recorder->terms.har == NULL)
        return SP_OK;
    int fd = open_private(recorder->terms.har);
    recorder->har = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (recorder->har == NULL) {
        if (fd >= 0)
            close(fd);
        return SP_IO;
    }
    fputs(SP_HAR_HEAD, recorder->har);
    recorder->tail = ftell(recorder->har);
    fputs(SP_HAR_TAIL, recorder->har);
    return fflush(recorder->har) == 0 ? SP_OK : SP_IO;
}

static enum sp_status listen_at(struct sp_recorder *recorder)
{
    struct sockaddr_in address4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)recorder->terms.port)};
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)recorder->terms.port)};
    bool is4 = inet_pton(AF_INET, recorder->terms.address, &address4.sin_addr) == 1;
    bool is6 = !is4 && inet_pton(AF_INET6, recorder->terms.address, &address6.sin6_addr) == 1;
    unsigned flags =
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | (is6 ? MHD_USE_IPv6 : 0u);
    if (!is4 && !is6) {
        errno = EINVAL;
        return SP_IO;
    }
    errno = 0;
    recorder->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, serve, recorder, MHD_OPTION_SOCK_ADDR,
        is4 ? (struct sockaddr *)(void *)&address4 : (struct sockaddr *)(void *)&address6, MHD_OPTION_URI_LOG_CALLBACK,
        begin_call, recorder, MHD_OPTION_NOTIFY_COMPLETED, end_call, NULL, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
    if (recorder->daemon == NULL)
        return SP_IO;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(recorder->daemon, MHD_DAEMON_INFO_BIND_PORT);
    recorder->detour.to = sp_arena_printf(recorder->arena, is6 ? "http://[%s]:%u" : "http://%s:%u",
                                          recorder->terms.address, info != NULL ? info->port : 0u);
    return recorder->detour.to.at != NULL ? SP_OK : SP_NO_MEMORY;
}

enum sp_status sp_recorder_start(const struct sp_recorder_terms *terms, struct sp_recorder **out)
{
    struct sp_recorder *recorder = calloc(1, sizeof *recorder);
    enum sp_status status = SP_NO_MEMORY;
    if (recorder == NULL)
        return SP_NO_MEMORY;
    recorder->terms = *terms;
    pthread_mutex_init(&recorder->lock, NULL);
    recorder->arena = sp_arena_create(1024 * 1024);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (recorder->arena == NULL ||
        (terms->ca_file.at != NULL && sp_arena_copy(recorder->arena, terms->ca_file, &recorder->ca_file) != SP_OK))
        goto done;
    recorder->detour.from = sp_flow_origin(terms->issuer);
    status = open_har(recorder);
    if (status == SP_OK)
        status = listen_at(recorder);
done:
    if (status != SP_OK) {
        int kept = errno;
        sp_recorder_stop(&recorder);
        errno = kept;
        return status;
    }
    *out = recorder;
    return SP_OK;
}

void sp_recorder_stop(struct sp_recorder **recorder)
{
    if (*recorder == NULL)
        return;
    if ((*recorder)->daemon != NULL)
        MHD_stop_daemon((*recorder)->daemon);
    if ((*recorder)->har != NULL)
        fclose((*recorder)->har);
    sp_arena_destroy(&(*recorder)->arena);
    pthread_mutex_destroy(&(*recorder)->lock);
    free(*recorder);
    *recorder = NULL;
}
