/* SPDX-License-Identifier: Apache-2.0 */
/* Where we are in the document is a place; two tables say which members of a place open another and which are kept as a
 * field. Everything else is passed over by the stream. */
#include "core/flow/har.h"

#include <stdlib.h>
#include "core/base/buffer.h"
#include "core/base/json_stream.h"
#include "core/base/limits.h"
#include "core/jose/base64url.h"
#include "core/oauth/form.h"

enum place {
    PLACE_NONE,
    PLACE_ROOT,
    PLACE_LOG,
    PLACE_CREATOR,
    PLACE_ENTRIES,
    PLACE_ENTRY,
    PLACE_REQUEST,
    PLACE_RESPONSE,
    PLACE_REQUEST_HEADERS,
    PLACE_RESPONSE_HEADERS,
    PLACE_REQUEST_HEADER,
    PLACE_RESPONSE_HEADER,
    PLACE_POST_DATA,
    PLACE_PARAMS,
    PLACE_PARAM,
    PLACE_CONTENT,
};

enum field {
    FIELD_NONE,
    FIELD_CREATOR,
    FIELD_STARTED,
    FIELD_TIME,
    FIELD_ADDRESS,
    FIELD_METHOD,
    FIELD_URL,
    FIELD_STATUS,
    FIELD_FAILURE,
    FIELD_NAME,
    FIELD_VALUE,
    FIELD_POST_TYPE,
    FIELD_POST_TEXT,
    FIELD_SIZE,
    FIELD_TYPE,
    FIELD_TEXT,
    FIELD_ENCODING,
    FIELD_COUNT,
};

/* name NULL: the elements of an array. */
static const struct {
    enum place from;
    const char *name;
    enum place to;
    bool array;
} doors[] = {
    {PLACE_ROOT, "log", PLACE_LOG, false},
    {PLACE_LOG, "creator", PLACE_CREATOR, false},
    {PLACE_LOG, "entries", PLACE_ENTRIES, true},
    {PLACE_ENTRIES, NULL, PLACE_ENTRY, false},
    {PLACE_ENTRY, "request", PLACE_REQUEST, false},
    {PLACE_ENTRY, "response", PLACE_RESPONSE, false},
    {PLACE_REQUEST, "headers", PLACE_REQUEST_HEADERS, true},
    {PLACE_REQUEST_HEADERS, NULL, PLACE_REQUEST_HEADER, false},
    {PLACE_RESPONSE, "headers", PLACE_RESPONSE_HEADERS, true},
    {PLACE_RESPONSE_HEADERS, NULL, PLACE_RESPONSE_HEADER, false},
    {PLACE_REQUEST, "postData", PLACE_POST_DATA, false},
    {PLACE_POST_DATA, "params", PLACE_PARAMS, true},
    {PLACE_PARAMS, NULL, PLACE_PARAM, false},
    {PLACE_RESPONSE, "content", PLACE_CONTENT, false},
};

static const struct {
    enum place at;
    const char *name;
    enum field field;
    size_t max_bytes;
} fields[] = {
    {PLACE_CREATOR, "name", FIELD_CREATOR, 200},
    {PLACE_ENTRY, "startedDateTime", FIELD_STARTED, 64},
    {PLACE_ENTRY, "time", FIELD_TIME, 64},
    {PLACE_ENTRY, "serverIPAddress", FIELD_ADDRESS, 64},
    {PLACE_REQUEST, "method", FIELD_METHOD, 64},
    {PLACE_REQUEST, "url", FIELD_URL, SP_MAX_CAPTURED_HEADER_BYTES},
    {PLACE_REQUEST_HEADER, "name", FIELD_NAME, 256},
    {PLACE_REQUEST_HEADER, "value", FIELD_VALUE, SP_MAX_CAPTURED_HEADER_BYTES},
    {PLACE_RESPONSE_HEADER, "name", FIELD_NAME, 256},
    {PLACE_RESPONSE_HEADER, "value", FIELD_VALUE, SP_MAX_CAPTURED_HEADER_BYTES},
    {PLACE_POST_DATA, "mimeType", FIELD_POST_TYPE, 256},
    {PLACE_POST_DATA, "text", FIELD_POST_TEXT, SP_MAX_CAPTURED_BODY_BYTES},
    {PLACE_PARAM, "name", FIELD_NAME, 256},
    {PLACE_PARAM, "value", FIELD_VALUE, SP_MAX_CAPTURED_HEADER_BYTES},
    {PLACE_RESPONSE, "status", FIELD_STATUS, 16},
    {PLACE_RESPONSE, "_error", FIELD_FAILURE, 256},
    {PLACE_RESPONSE, "_failureText", FIELD_FAILURE, 256},
    {PLACE_CONTENT, "size", FIELD_SIZE, 32},
    {PLACE_CONTENT, "mimeType", FIELD_TYPE, 256},
    {PLACE_CONTENT, "text", FIELD_TEXT, SP_MAX_CAPTURED_BODY_BYTES},
    {PLACE_CONTENT, "encoding", FIELD_ENCODING, 32},
};

struct header_list {
    struct sp_flow_header *at;
    size_t count, room;
};

struct sp_har {
    sp_har_sink *sink;
    void *context;
    struct sp_json_stream stream;
    struct sp_har_report report;
    struct sp_arena *arena; /* of the entry */
    struct sp_buffer text;  /* of the field being read */
    enum place places[SP_JSON_STREAM_DEPTH + 2];
    uint32_t depth;
    enum place next; /* that the next container is */
    bool next_is_array;
    enum field field;
    size_t room; /* for the field's text */
    bool text_cut, no_room;
    char creator[200];
    /* the entry */
    struct sp_flow_exchange exchange;
    struct header_list request, response, params;
    struct sp_str name, value, post_type, type, encoding;
};

struct sp_har *sp_har_create(sp_har_sink *sink, void *context)
{
    struct sp_har *har = calloc(1, sizeof *har);
    if (har == NULL || (har->arena = sp_arena_create(SP_MAX_CAPTURED_EXCHANGE_BYTES)) == NULL) {
        free(har);
        return NULL;
    }
    har->sink = sink;
    har->context = context;
    har->next = PLACE_ROOT;
    sp_json_stream_init(&har->stream);
    sp_buffer_init(&har->text, NULL, SP_MAX_CAPTURED_BODY_BYTES);
    return har;
}

void sp_har_destroy(struct sp_har **har)
{
    if (*har == NULL)
        return;
    sp_arena_destroy(&(*har)->arena);
    sp_buffer_fini(&(*har)->text);
    free(*har);
    *har = NULL;
}

const struct sp_har_report *sp_har_report(const struct sp_har *har)
{
    return &har->report;
}

static void begin_entry(struct sp_har *har)
{
    sp_arena_reset(har->arena);
    har->exchange = (struct sp_flow_exchange){0};
    har->request = har->response = har->params = (struct header_list){0};
    har->post_type = har->type = har->encoding = SP_STR_NONE;
    har->no_room = false;
}

static void add_header(struct sp_har *har, struct header_list *list)
{
    if (har->name.at == NULL || har->no_room || list->count == SP_MAX_CAPTURED_HEADERS)
        return;
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 32 : list->room * 2;
        struct sp_flow_header *at = sp_arena_calloc(har->arena, room, sizeof *at);
        if (at == NULL) {
            har->no_room = true;
            return;
        }
        if (list->count > 0)
            memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
        list->room = room;
    }
    list->at[list->count++] = (struct sp_flow_header){har->name, har->value};
}

/* ---- the end of an entry ---- */

/* Some recorders keep the decoded parameters and no text. */
static struct sp_str form_of(struct sp_har *har)
{
    struct sp_buffer buffer;
    char separator = 0;
    sp_buffer_init(&buffer, har->arena, SP_MAX_CAPTURED_BODY_BYTES);
    for (size_t i = 0; i < har->params.count; i++) {
        if (separator != 0)
            sp_buffer_append_char(&buffer, separator);
        separator = '&';
        sp_form_encode(&buffer, har->params.at[i].name);
        sp_buffer_append_char(&buffer, '=');
        sp_form_encode(&buffer, har->params.at[i].value);
    }
    return sp_buffer_status(&buffer) == SP_OK ? sp_buffer_str(&buffer) : SP_STR_NONE;
}

static void decode_body(struct sp_har *har)
{
    struct sp_str decoded, body = har->exchange.response_body;
    if (!sp_str_equal_ignoring_case(har->encoding, SP_STR("base64")) || body.len == 0)
        return;
    if (har->exchange.response_cut)
        body.len -= body.len % 4;
    if (sp_base64_decode(har->arena, body, &decoded) == SP_OK)
        har->exchange.response_body = decoded;
    else
        har->report.undecoded++;
}

/* `record` keeps as much of a body as we read, and its whole size. */
static void note_cut(struct sp_flow_exchange *exchange)
{
    exchange->response_cut = exchange->response_cut || (exchange->response_body.len == SP_MAX_CAPTURED_BODY_BYTES &&
                                                        exchange->response_bytes > SP_MAX_CAPTURED_BODY_BYTES);
}

static void complete_headers(struct sp_har *har)
{
    struct sp_flow_exchange *exchange = &har->exchange;
    exchange->request_headers = (struct sp_flow_headers){har->request.at, har->request.count};
    exchange->response_headers = (struct sp_flow_headers){har->response.at, har->response.count};
    const struct {
        struct header_list *list;
        struct sp_flow_headers *headers;
        struct sp_str value;
    } types[] = {{&har->request, &exchange->request_headers, har->post_type},
                 {&har->response, &exchange->response_headers, har->type}};
    for (size_t i = 0; i < 2; i++) {
        if (types[i].value.len == 0 || sp_flow_header(types[i].headers, "Content-Type").at != NULL ||
            sp_str_equal(types[i].value, SP_STR("x-unknown")))
            continue;
        har->name = SP_STR("Content-Type");
        har->value = types[i].value;
        add_header(har, types[i].list);
        *types[i].headers = (struct sp_flow_headers){types[i].list->at, types[i].list->count};
    }
}

static void note_what_is_shown(struct sp_har *har)
{
    const struct sp_flow_exchange *exchange = &har->exchange;
    if (sp_flow_header(&exchange->request_headers, "Cookie").at != NULL ||
        sp_flow_header(&exchange->response_headers, "Set-Cookie").at != NULL)
        har->report.has_cookies = true;
    if (sp_flow_header(&exchange->request_headers, "Authorization").at != NULL)
        har->report.has_authorization = true;
    if (!sp_str_is_utf8(exchange->url) || !sp_str_is_utf8(exchange->request_body))
        har->report.not_utf8++;
}

static void end_entry(struct sp_har *har)
{
    struct sp_flow_exchange *exchange = &har->exchange;
    har->report.entries++;
    exchange->number = (uint32_t)har->report.entries;
    if (exchange->url.len == 0 || exchange->method.len == 0 || har->no_room) {
        har->report.broken_entries++;
        return;
    }
    if (exchange->request_body.at == NULL && har->params.count > 0)
        exchange->request_body = form_of(har);
    decode_body(har);
    note_cut(exchange);
    complete_headers(har);
    note_what_is_shown(har);
    har->sink(har->context, exchange);
}

/* ---- fields ---- */

static int64_t number_of(struct sp_str text)
{
    int64_t value = 0;
    bool negative = text.len > 0 && text.at[0] == '-';
    for (size_t i = negative; i < text.len && i < 15 && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        value = value * 10 + (text.at[i] - '0');
    return negative ? -value : value;
}

static void keep_number(struct sp_har *har, struct sp_str text)
{
    int64_t number = number_of(text);
    if (har->field == FIELD_TIME)
        har->exchange.took_ms = number;
    else if (har->field == FIELD_STATUS)
        har->exchange.status = number > 0 && number < 1000 ? (int)number : 0;
    else if (har->field == FIELD_SIZE)
        har->exchange.response_bytes = number > 0 ? (uint64_t)number : 0;
}

static void keep_text(struct sp_har *har)
{
    struct sp_flow_exchange *exchange = &har->exchange;
    struct sp_str *const places[FIELD_COUNT] = {
        [FIELD_ADDRESS] = &exchange->server_address,
        [FIELD_METHOD] = &exchange->method,
        [FIELD_URL] = &exchange->url,
        [FIELD_FAILURE] = &exchange->failure,
        [FIELD_NAME] = &har->name,
        [FIELD_VALUE] = &har->value,
        [FIELD_POST_TYPE] = &har->post_type,
        [FIELD_POST_TEXT] = &exchange->request_body,
        [FIELD_TYPE] = &har->type,
        [FIELD_TEXT] = &exchange->response_body,
        [FIELD_ENCODING] = &har->encoding,
    };
    struct sp_str text = sp_buffer_str(&har->text), *to = places[har->field];
    if (har->field == FIELD_STARTED) {
        exchange->started_ms = sp_flow_time_iso(text);
    } else if (har->field == FIELD_CREATOR) {
        memcpy(har->creator, text.at != NULL ? text.at : "", text.len);
        har->report.creator = sp_str(har->creator, text.len);
    } else if (to != NULL && sp_arena_copy(har->arena, text.at != NULL ? text : SP_STR(""), to) != SP_OK) {
        har->no_room = true;
    }
    exchange->request_cut = exchange->request_cut || (har->text_cut && har->field == FIELD_POST_TEXT);
    exchange->response_cut = exchange->response_cut || (har->text_cut && har->field == FIELD_TEXT);
    har->report.cut_texts += har->text_cut && har->field != FIELD_TEXT;
}

/* Scripts, styles and pictures speak no OAuth. */
static bool is_wanted_type(struct sp_str type)
{
    static const char *const wanted[] = {"json", "html", "xml", "text/plain", "jwt", "form", "unknown", "octet"};
    if (type.len == 0)
        return true;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (sp_str_contains(type, sp_str_from_cstr(wanted[i])))
            return true;
    return false;
}

static void begin_field(struct sp_har *har, size_t row)
{
    har->field = fields[row].field;
    har->room = fields[row].max_bytes;
    har->text_cut = false;
    sp_buffer_clear(&har->text);
    if (har->field == FIELD_TEXT && !is_wanted_type(har->type)) {
        har->field = FIELD_NONE;
        sp_json_stream_skip(&har->stream);
    }
}

/* ---- events ---- */

static void on_name(struct sp_har *har)
{
    enum place at = har->places[har->depth];
    struct sp_str name = har->stream.text;
    har->next = PLACE_NONE;
    har->field = FIELD_NONE;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].at == at && sp_str_equal(name, sp_str_from_cstr(fields[i].name))) {
            begin_field(har, i);
            return;
        }
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
        if (doors[i].from == at && doors[i].name != NULL && sp_str_equal(name, sp_str_from_cstr(doors[i].name))) {
            har->next = doors[i].to;
            har->next_is_array = doors[i].array;
            return;
        }
    sp_json_stream_skip(&har->stream);
}

static enum place element_of(enum place array)
{
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
        if (doors[i].from == array && doors[i].name == NULL)
            return doors[i].to;
    return PLACE_NONE;
}

static void on_begin(struct sp_har *har, bool is_array)
{
    enum place at = har->depth > 0 ? har->places[har->depth] : PLACE_NONE;
    enum place to = har->next;
    bool wants_array = har->next_is_array;
    if (to == PLACE_NONE && element_of(at) != PLACE_NONE) {
        to = element_of(at);
        wants_array = false;
    }
    har->next = PLACE_NONE;
    har->places[++har->depth] = to;
    if (to == PLACE_NONE || is_array != wants_array || har->field != FIELD_NONE) {
        har->places[har->depth] = PLACE_NONE;
        har->field = FIELD_NONE;
        sp_json_stream_skip(&har->stream);
        return;
    }
    if (to == PLACE_ENTRIES)
        har->report.is_har = true;
    if (to == PLACE_ENTRY)
        begin_entry(har);
    if (to == PLACE_REQUEST_HEADER || to == PLACE_RESPONSE_HEADER || to == PLACE_PARAM)
        har->name = har->value = SP_STR_NONE;
}

static void on_end(struct sp_har *har)
{
    enum place ended = har->places[har->depth--];
    har->field = FIELD_NONE;
    har->next = PLACE_NONE;
    if (ended == PLACE_REQUEST_HEADER)
        add_header(har, &har->request);
    else if (ended == PLACE_RESPONSE_HEADER)
        add_header(har, &har->response);
    else if (ended == PLACE_PARAM)
        add_header(har, &har->params);
    else if (ended == PLACE_ENTRY)
        end_entry(har);
}

static void on_piece(struct sp_har *har)
{
    struct sp_str piece = har->stream.text;
    size_t room = har->room - har->text.len;
    if (har->field == FIELD_NONE)
        return;
    sp_buffer_append(&har->text, sp_str_slice(piece, 0, piece.len < room ? piece.len : room));
    if (piece.len > room) {
        har->text_cut = true;
        sp_json_stream_skip(&har->stream);
    }
}

static void on_event(struct sp_har *har, enum sp_json_event event)
{
    switch (event) {
    case SP_JSON_EVENT_NAME:
        on_name(har);
        break;
    case SP_JSON_EVENT_BEGIN_OBJECT:
    case SP_JSON_EVENT_BEGIN_ARRAY:
        on_begin(har, event == SP_JSON_EVENT_BEGIN_ARRAY);
        break;
    case SP_JSON_EVENT_END_OBJECT:
    case SP_JSON_EVENT_END_ARRAY:
        on_end(har);
        break;
    case SP_JSON_EVENT_PIECE:
        on_piece(har);
        break;
    case SP_JSON_EVENT_TEXT_END:
        if (har->field != FIELD_NONE)
            keep_text(har);
        har->field = FIELD_NONE;
        har->next = PLACE_NONE;
        break;
    case SP_JSON_EVENT_SCALAR:
        keep_number(har, har->stream.text);
        har->field = FIELD_NONE;
        har->next = PLACE_NONE;
        break;
    default:
        break;
    }
}

void sp_har_read(struct sp_har *har, struct sp_str bytes, bool last)
{
    har->report.bytes += bytes.len;
    if (har->report.fault != NULL)
        return;
    /* A byte order mark, as some exporters write. */
    if (har->report.bytes == bytes.len && sp_str_has_prefix(bytes, SP_STR("\xef\xbb\xbf")))
        bytes = sp_str_slice(bytes, 3, bytes.len);
    sp_json_stream_give(&har->stream, bytes, last);
    for (;;) {
        enum sp_json_event event = sp_json_stream_next(&har->stream);
        if (event == SP_JSON_EVENT_MORE || event == SP_JSON_EVENT_END)
            return;
        if (event == SP_JSON_EVENT_BROKEN) {
            har->report.fault = har->stream.fault;
            har->report.fault_offset = sp_json_stream_offset(&har->stream);
            return;
        }
        on_event(har, event);
    }
}
