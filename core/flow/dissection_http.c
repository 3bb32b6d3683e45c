/* SPDX-License-Identifier: Apache-2.0 */
/* Requests wait for their answers in the order in which they came, a few dozen at a time; who waits longest gives way.
 */
#include "core/flow/dissection_parts.h"

#include <stdlib.h>
#include "core/base/limits.h"

#define WAITING 64u
#define HEADERS 200u
#define ROOM_BYTES (2u * 1024 * 1024)

struct waiting {
    struct sp_arena *arena;
    struct sp_flow_exchange exchange;
    struct sp_flow_header request[HEADERS], response[HEADERS];
    int64_t stream, h2_stream; /* h2_stream -1: HTTP/1 */
    bool complete;
};

struct sp_http_dissection {
    struct sp_flow_capture *capture;
    struct sp_dissection_report *report;
    struct waiting ring[WAITING];
    uint64_t first, next; /* number of the oldest that waits, and of the one to come */
};

struct sp_http_dissection *sp_http_dissection_create(struct sp_flow_capture *capture,
                                                     struct sp_dissection_report *report)
{
    struct sp_http_dissection *http = calloc(1, sizeof *http);
    if (http == NULL)
        return NULL;
    http->capture = capture;
    http->report = report;
    for (size_t i = 0; i < WAITING; i++)
        if ((http->ring[i].arena = sp_arena_create(ROOM_BYTES)) == NULL) {
            sp_http_dissection_destroy(&http);
            return NULL;
        }
    return http;
}

void sp_http_dissection_destroy(struct sp_http_dissection **http)
{
    if (*http == NULL)
        return;
    for (size_t i = 0; i < WAITING; i++)
        sp_arena_destroy(&(*http)->ring[i].arena);
    free(*http);
    *http = NULL;
}

static struct waiting *at(struct sp_http_dissection *http, uint64_t number)
{
    return &http->ring[number % WAITING];
}

static void deliver_first(struct sp_http_dissection *http)
{
    struct waiting *waiting = at(http, http->first++);
    http->report->exchanges++;
    http->report->unanswered += waiting->exchange.status == 0;
    sp_flow_capture_add(http->capture, &waiting->exchange);
}

static void deliver_complete(struct sp_http_dissection *http)
{
    while (http->first < http->next && at(http, http->first)->complete)
        deliver_first(http);
}

static struct waiting *begin(struct sp_http_dissection *http, const struct sp_packet *packet, int64_t h2_stream)
{
    if (http->next - http->first == WAITING)
        deliver_first(http);
    struct waiting *waiting = at(http, http->next++);
    struct sp_arena *arena = waiting->arena;
    sp_arena_reset(arena);
    memset(waiting, 0, sizeof *waiting);
    waiting->arena = arena;
    waiting->stream = packet->stream;
    waiting->h2_stream = h2_stream;
    waiting->exchange = (struct sp_flow_exchange){.number = packet->frame,
                                                  .started_ms = packet->ms,
                                                  .method = SP_STR(""),
                                                  .url = SP_STR(""),
                                                  .server_address = sp_packet_destination(arena, packet),
                                                  .client_address = sp_packet_source(arena, packet),
                                                  .request_headers = {waiting->request, 0},
                                                  .response_headers = {waiting->response, 0}};
    return waiting;
}

/* In the waiting one's arena; absent past its ceiling. */
static struct sp_str kept(struct waiting *waiting, struct sp_str text, size_t max_bytes)
{
    struct sp_str copy;
    if (text.at == NULL || sp_arena_copy(waiting->arena, sp_str_slice(text, 0, max_bytes), &copy) != SP_OK)
        return SP_STR_NONE;
    return copy;
}

static void add_header(struct waiting *waiting, bool of_answer, struct sp_str name, struct sp_str value)
{
    struct sp_flow_headers *headers =
        of_answer ? &waiting->exchange.response_headers : &waiting->exchange.request_headers;
    struct sp_flow_header *rows = of_answer ? waiting->response : waiting->request;
    if (headers->count < HEADERS)
        rows[headers->count++] =
            (struct sp_flow_header){kept(waiting, name, 256), kept(waiting, value, SP_MAX_CAPTURED_HEADER_BYTES)};
}

/* ---- HTTP/1 ---- */

/* "Host: 127.0.0.1:8123\r\n" */
static void add_lines(struct waiting *waiting, bool of_answer, const struct sp_json *lines)
{
    for
        SP_JSON_EACH(item, lines)
        {
            struct sp_str line = sp_json_string(item);
            size_t colon = sp_str_index_of(line, ':', 0);
            add_header(waiting, of_answer, sp_str_trim(sp_str_slice(line, 0, colon)),
                       sp_str_trim(sp_str_slice(line, colon + 1, line.len)));
        }
}

static struct waiting *find_request(struct sp_http_dissection *http, const struct sp_packet *packet)
{
    int64_t frame = sp_packet_number(packet, SP_FIELD_REQUEST_IN, 0, -1);
    for (uint64_t i = http->first; i < http->next; i++) {
        struct waiting *waiting = at(http, i);
        bool same = frame >= 0 ? waiting->exchange.number == (uint32_t)frame : waiting->stream == packet->stream;
        if (same && waiting->h2_stream < 0 && !waiting->complete)
            return waiting;
    }
    return NULL;
}

static void take_response(struct sp_http_dissection *http, const struct sp_packet *packet)
{
    int64_t status = sp_packet_number(packet, SP_FIELD_STATUS, 0, 0);
    if (status < 200 || status > 999)
        return; /* 100 Continue and its kind come before the answer */
    struct waiting *waiting = find_request(http, packet);
    if (waiting == NULL) {
        http->report->without_request++;
        return;
    }
    waiting->exchange.status = (int)status;
    waiting->exchange.took_ms = packet->ms - waiting->exchange.started_ms;
    add_lines(waiting, true, packet->fields[SP_FIELD_RESPONSE_LINE]);
    struct sp_str body = sp_packet_text(packet, SP_FIELD_BODY, 0);
    waiting->exchange.response_body = kept(waiting, body, SP_MAX_CAPTURED_BODY_BYTES);
    waiting->exchange.response_cut = body.len > SP_MAX_CAPTURED_BODY_BYTES;
    waiting->exchange.response_bytes = body.len;
    waiting->complete = true;
}

static void take_request(struct sp_http_dissection *http, const struct sp_packet *packet)
{
    struct waiting *waiting = begin(http, packet, -1);
    waiting->exchange.method = kept(waiting, sp_packet_text(packet, SP_FIELD_METHOD, 0), 64);
    waiting->exchange.url = kept(waiting, sp_packet_text(packet, SP_FIELD_URI, 0), SP_MAX_CAPTURED_HEADER_BYTES);
    add_lines(waiting, false, packet->fields[SP_FIELD_REQUEST_LINE]);
    waiting->exchange.request_body =
        kept(waiting, sp_packet_text(packet, SP_FIELD_BODY, 0), SP_MAX_CAPTURED_BODY_BYTES);
}

/* ---- HTTP/2 ---- */

#define H2_DATA 0
#define H2_HEADERS 1

static struct waiting *find_h2(struct sp_http_dissection *http, const struct sp_packet *packet, int64_t stream)
{
    for (uint64_t i = http->next; i > http->first; i--) {
        struct waiting *waiting = at(http, i - 1);
        if (waiting->stream == packet->stream && waiting->h2_stream == stream && !waiting->complete)
            return waiting;
    }
    return NULL;
}

/* A block of fields: from *index up to where the next one begins, which is at a pseudo field after a plain one, or at
 * one that the block has already. */
static size_t block_end(const struct sp_packet *packet, size_t from)
{
    bool plain = false;
    for (size_t i = from;; i++) {
        struct sp_str name = sp_packet_text(packet, SP_FIELD_H2_NAME, i);
        if (name.at == NULL)
            return i;
        bool pseudo = name.len > 0 && name.at[0] == ':';
        if (pseudo && plain)
            return i;
        for (size_t earlier = from; pseudo && earlier < i; earlier++)
            if (sp_str_equal(sp_packet_text(packet, SP_FIELD_H2_NAME, earlier), name))
                return i;
        plain = plain || !pseudo;
    }
}

struct pseudo {
    struct sp_str method, scheme, authority, path, status;
};

static bool take_pseudo(struct pseudo *pseudo, struct sp_str name, struct sp_str value)
{
    struct sp_str *const places[] = {&pseudo->method, &pseudo->scheme, &pseudo->authority, &pseudo->path,
                                     &pseudo->status};
    static const char *const names[] = {":method", ":scheme", ":authority", ":path", ":status"};
    for (size_t i = 0; i < 5; i++)
        if (sp_str_equal(name, sp_str_from_cstr(names[i])))
            *places[i] = value;
    return name.len > 0 && name.at[0] == ':';
}

static void take_block(struct sp_http_dissection *http, const struct sp_packet *packet, int64_t stream, size_t from,
                       size_t to)
{
    struct pseudo pseudo = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    for (size_t i = from; i < to; i++)
        take_pseudo(&pseudo, sp_packet_text(packet, SP_FIELD_H2_NAME, i), sp_packet_text(packet, SP_FIELD_H2_VALUE, i));
    bool is_request = pseudo.method.at != NULL;
    struct waiting *waiting = is_request ? begin(http, packet, stream) : find_h2(http, packet, stream);
    if (waiting == NULL)
        return;
    if (is_request) {
        waiting->exchange.method = kept(waiting, pseudo.method, 64);
        waiting->exchange.url =
            sp_arena_printf(waiting->arena, "%.*s://%.*s%.*s", SP_STR_ARG(sp_str_slice(pseudo.scheme, 0, 16)),
                            SP_STR_ARG(sp_str_slice(pseudo.authority, 0, 512)),
                            SP_STR_ARG(sp_str_slice(pseudo.path, 0, SP_MAX_CAPTURED_HEADER_BYTES)));
    } else if (pseudo.status.len == 3) {
        waiting->exchange.status =
            (pseudo.status.at[0] - '0') * 100 + (pseudo.status.at[1] - '0') * 10 + (pseudo.status.at[2] - '0');
        waiting->exchange.took_ms = packet->ms - waiting->exchange.started_ms;
    }
    for (size_t i = from; i < to; i++) {
        struct sp_str name = sp_packet_text(packet, SP_FIELD_H2_NAME, i);
        if (name.len > 0 && name.at[0] != ':')
            add_header(waiting, !is_request, name, sp_packet_text(packet, SP_FIELD_H2_VALUE, i));
    }
}

/* Data as it comes; the whole, where the dissector has it, in its place. */
static void take_data(struct sp_http_dissection *http, const struct sp_packet *packet, int64_t stream, size_t index)
{
    struct waiting *waiting = find_h2(http, packet, stream);
    struct sp_str whole = sp_packet_text(packet, SP_FIELD_H2_BODY, index);
    struct sp_str piece = whole.at != NULL ? whole : sp_packet_text(packet, SP_FIELD_H2_DATA, index);
    if (waiting == NULL || piece.len == 0)
        return;
    struct sp_str *body =
        waiting->exchange.status != 0 ? &waiting->exchange.response_body : &waiting->exchange.request_body;
    struct sp_str bytes = sp_packet_bytes(waiting->arena, piece, SP_MAX_CAPTURED_BODY_BYTES);
    if (whole.at == NULL && body->len > 0 && body->len + bytes.len <= SP_MAX_CAPTURED_BODY_BYTES)
        bytes = sp_arena_printf(waiting->arena, "%.*s%.*s", SP_STR_ARG(*body), SP_STR_ARG(bytes));
    if (bytes.at != NULL)
        *body = bytes;
}

static void take_h2(struct sp_http_dissection *http, const struct sp_packet *packet)
{
    size_t frames = sp_packet_count(packet, SP_FIELD_H2_TYPE), fields = 0, data = 0, ends = 0;
    for (size_t i = 0; i < frames; i++) {
        int64_t type = sp_packet_number(packet, SP_FIELD_H2_TYPE, i, -1);
        int64_t stream = sp_packet_number(packet, SP_FIELD_H2_STREAM, i, -1);
        if (type == H2_HEADERS) {
            size_t end = block_end(packet, fields);
            take_block(http, packet, stream, fields, end);
            fields = end;
        } else if (type == H2_DATA) {
            take_data(http, packet, stream, data++);
        }
        if (type != H2_HEADERS && type != H2_DATA)
            continue;
        struct waiting *waiting = find_h2(http, packet, stream);
        if (sp_packet_number(packet, SP_FIELD_H2_END, ends++, 0) == 1 && waiting != NULL &&
            waiting->exchange.status != 0)
            waiting->complete = true;
    }
}

void sp_http_dissection_take(struct sp_http_dissection *http, const struct sp_packet *packet)
{
    if (packet->fields[SP_FIELD_METHOD] != NULL)
        take_request(http, packet);
    else if (packet->fields[SP_FIELD_STATUS] != NULL)
        take_response(http, packet);
    if (packet->fields[SP_FIELD_H2_TYPE] != NULL)
        take_h2(http, packet);
    deliver_complete(http);
}

void sp_http_dissection_end(struct sp_http_dissection *http)
{
    while (http->first < http->next)
        deliver_first(http);
}
