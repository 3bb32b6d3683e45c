/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALL_ARENA_BYTES (32u * 1024 * 1024)
#define BODY_BYTES SP_MAX_FORM_BYTES
#define CONNECTIONS 256u
#define IDLE_S 120u
/* A token of 20 kB in a header is one of the faults. */
#define CONNECTION_BYTES ((size_t)128 * 1024)

struct door {
    struct sp_lab_server *server;
    enum sp_lab_place place;
    struct MHD_Daemon *daemon;
};

struct sp_lab_server {
    struct sp_lab *lab;
    struct door doors[SP_LAB_PLACE_COUNT];
};

struct exchange {
    struct sp_arena *arena;
    struct sp_str uri; /* as sent */
    struct sp_buffer body;
    bool began;
};

static void *begin_exchange(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    (void)context;
    (void)connection;
    if (exchange == NULL || (exchange->arena = sp_arena_create(CALL_ARENA_BYTES)) == NULL ||
        sp_arena_copy(exchange->arena, sp_str_from_cstr(uri), &exchange->uri) != SP_OK) {
        if (exchange != NULL)
            sp_arena_destroy(&exchange->arena);
        free(exchange);
        return NULL;
    }
    sp_buffer_init(&exchange->body, exchange->arena, BODY_BYTES);
    return exchange;
}

static void end_exchange(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct exchange *exchange = *state;
    (void)context;
    (void)connection;
    (void)how;
    if (exchange == NULL)
        return;
    sp_arena_destroy(&exchange->arena);
    free(exchange);
    *state = NULL;
}

/* ---- the request ---- */

static struct sp_str header_of(struct MHD_Connection *connection, const char *name)
{
    return sp_str_from_cstr(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static bool is_form(struct sp_str media_type)
{
    struct sp_str wanted = SP_STR("application/x-www-form-urlencoded");
    return sp_str_equal_ignoring_case(sp_str_slice(media_type, 0, wanted.len), wanted);
}

static void read_call(struct sp_lab_call *call, struct exchange *exchange, struct MHD_Connection *connection)
{
    size_t question = sp_str_index_of(exchange->uri, '?', 0), offset;
    call->path = sp_str_slice(exchange->uri, 0, question);
    call->query_text = sp_str_slice(exchange->uri, question + 1, exchange->uri.len);
    call->body = sp_buffer_str(&exchange->body);
    call->authorization = header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    call->origin = header_of(connection, MHD_HTTP_HEADER_ORIGIN);
    call->host = header_of(connection, MHD_HTTP_HEADER_HOST);
    call->dpop = header_of(connection, "DPoP");
    call->preflight_method = header_of(connection, "Access-Control-Request-Method");
    if (sp_form_parse(call->arena, call->query_text, &call->query, &offset) != SP_OK)
        call->query = (struct sp_form){NULL, 0};
    if (!is_form(header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE)) ||
        sp_form_parse(call->arena, call->body, &call->form, &offset) != SP_OK)
        call->form = (struct sp_form){NULL, 0};
}

/* ---- the answer ---- */

static void add_date(struct MHD_Response *response, const struct sp_lab_call *call)
{
    time_t shown =
        (time_t)(call->now + sp_lab_clock_skew(call->place == SP_LAB_AT_ISSUER ? call->fault : SP_CAUSE_NONE));
    struct tm parts;
    char text[64];
    if (gmtime_r(&shown, &parts) != NULL && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0)
        MHD_add_response_header(response, MHD_HTTP_HEADER_DATE, text);
    if (shown != (time_t)call->now)
        sp_lab_committed(call->lab);
}

static void add_header(struct MHD_Response *response, struct sp_arena *arena, struct sp_str name, struct sp_str value)
{
    const char *key = sp_arena_printf(arena, "%.*s", SP_STR_ARG(name)).at;
    const char *text = sp_arena_printf(arena, "%.*s", SP_STR_ARG(value)).at;
    if (key != NULL && text != NULL)
        MHD_add_response_header(response, key, text);
}

static enum MHD_Result send_answer(const struct sp_lab_call *call, struct MHD_Connection *connection)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        call->answer.len, (void *)(uintptr_t)(call->answer.at != NULL ? call->answer.at : ""), MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    add_date(response, call);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (call->media_type.len > 0)
        add_header(response, call->arena, SP_STR(MHD_HTTP_HEADER_CONTENT_TYPE), call->media_type);
    for (size_t i = 0; i < call->header_count; i++)
        add_header(response, call->arena, call->headers[i].name, call->headers[i].value);
    if (call->act != SP_LAB_ACT_NONE)
        add_header(response, call->arena, SP_STR(SP_LAB_ACT_HEADER),
                   sp_arena_printf(call->arena, "%d", (int)call->act));
    enum MHD_Result queued = MHD_queue_response(connection, call->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- threads: libmicrohttpd's end with the lab, which need not be the end of the process ---- */

static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;

static void end_thread(void *nothing)
{
    (void)nothing;
    sp_hash_thread_end();
}

static void make_thread_end(void)
{
    if (pthread_key_create(&thread_end, end_thread) != 0)
        abort();
}

/* ---- calls ---- */

static void tell(const struct sp_lab_call *call)
{
    static const char *const places[] = {"issuer", "api", "control"};
    const struct sp_lab_terms *terms = &call->lab->terms;
    struct sp_str line = sp_arena_printf(call->arena, "%s %.*s %.*s: %u", places[call->place], SP_STR_ARG(call->method),
                                         SP_STR_ARG(sp_str_slice(call->path, 0, 200)), call->status);
    if (terms->told != NULL && line.at != NULL)
        terms->told(terms->context, line.at);
}

static enum MHD_Result perform(const struct door *door, struct exchange *exchange, struct MHD_Connection *connection,
                               const char *method)
{
    struct sp_lab *lab = door->server->lab;
    struct sp_lab_call call = {.lab = lab,
                               .arena = exchange->arena,
                               .place = door->place,
                               .now = (int64_t)time(NULL),
                               .method = sp_arena_printf(exchange->arena, "%.32s", method)};
    call.words = (struct sp_lab_words){.outer = &lab->words, .now = call.now};
    pthread_once(&thread_end_once, make_thread_end);
    (void)pthread_setspecific(thread_end, lab); /* anything but NULL: the destructor is called */
    read_call(&call, exchange, connection);
    pthread_mutex_lock(&lab->lock);
    call.fault = sp_lab_fault(lab);
    sp_lab_serve(&call);
    pthread_mutex_unlock(&lab->lock);
    atomic_fetch_add(&lab->requests, call.place != SP_LAB_AT_CONTROL);
    tell(&call);
    return send_answer(&call, connection);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *piece, size_t *piece_len, void **state)
{
    struct exchange *exchange = *state;
    (void)url;
    (void)version;
    if (exchange == NULL)
        return MHD_NO;
    if (!exchange->began) {
        exchange->began = true;
        return MHD_YES;
    }
    if (*piece_len > 0) {
        sp_buffer_append(&exchange->body, sp_str(piece, *piece_len));
        *piece_len = 0;
        return sp_buffer_status(&exchange->body) == SP_OK ? MHD_YES : MHD_NO;
    }
    return perform(context, exchange, connection, method);
}

enum sp_status sp_lab_server_lead(struct sp_lab_server *server, enum sp_lab_place place, int fd)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    /* On failure libmicrohttpd closes it. */
    return MHD_add_connection(server->doors[place].daemon, fd, &nobody, sizeof nobody) == MHD_YES ? SP_OK : SP_IO;
}

enum sp_status sp_lab_server_start(struct sp_lab *lab, struct sp_lab_server **out)
{
    struct sp_lab_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return SP_NO_MEMORY;
    server->lab = lab;
    for (enum sp_lab_place place = SP_LAB_AT_ISSUER; place < SP_LAB_PLACE_COUNT; place++) {
        struct door *door = &server->doors[place];
        *door = (struct door){.server = server, .place = place};
        door->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_NO_LISTEN_SOCKET |
                                            MHD_USE_ITC | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
                                        0, NULL, NULL, on_request, door, MHD_OPTION_URI_LOG_CALLBACK, begin_exchange,
                                        door, MHD_OPTION_NOTIFY_COMPLETED, end_exchange, door,
                                        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                                        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
        if (door->daemon == NULL) {
            sp_lab_server_stop(&server);
            return SP_IO;
        }
    }
    *out = server;
    return SP_OK;
}

void sp_lab_server_stop(struct sp_lab_server **server)
{
    if (*server == NULL)
        return;
    for (size_t i = 0; i < SP_LAB_PLACE_COUNT; i++)
        if ((*server)->doors[i].daemon != NULL)
            MHD_stop_daemon((*server)->doors[i].daemon);
    free(*server);
    *server = NULL;
}
