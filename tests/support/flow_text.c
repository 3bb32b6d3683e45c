/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/flow_text.h"

#include <stdlib.h>
#include "tests/fuzz/known.h"

#define MAX_HEADERS 40

struct reader {
    struct sp_arena *arena;
    struct sp_flow_capture *capture;
    struct sp_flow_terms terms;
    struct sp_str registered[8];
    struct sp_flow_exchange exchange;
    struct sp_flow_header request[MAX_HEADERS], response[MAX_HEADERS];
    bool open;
    int64_t seconds;
    struct sp_str server;
    uint32_t number;
    struct {
        struct sp_str of, token;
    } tokens[64]; /* ECDSA signs anew each time: the same text is to be the same token */
    size_t token_count;
};

static struct sp_str expand_jwt(struct reader *reader, struct sp_str arguments)
{
    struct sp_arena *arena = reader->arena;
    for (size_t i = 0; i < reader->token_count; i++)
        if (sp_str_equal(reader->tokens[i].of, arguments))
            return reader->tokens[i].token;
    size_t space = sp_str_index_of(arguments, ' ', 0);
    struct sp_str joined = sp_arena_printf(arena, "%.*s\n%.*s", SP_STR_ARG(sp_str_slice(arguments, 0, space)),
                                           SP_STR_ARG(sp_str_slice(arguments, space + 1, arguments.len)));
    struct sp_str token = signed_if_wanted(arena, joined);
    if (reader->token_count < 64) {
        reader->tokens[reader->token_count].of = arguments;
        reader->tokens[reader->token_count++].token = token;
    }
    return token;
}

static void expand_repeat(struct sp_buffer *out, struct sp_str arguments)
{
    size_t star = sp_str_index_of(arguments, '*', 0);
    struct sp_str count = sp_str_slice(arguments, star + 1, arguments.len);
    char number[16] = "";
    memcpy(number, count.at, count.len < 15 ? count.len : 15);
    for (long i = 0; i < atol(number); i++)
        sp_buffer_append(out, sp_str_slice(arguments, 0, star));
}

/* The end of ${…}: braces of JSON inside are in pairs. */
static size_t end_of(struct sp_str line, size_t from)
{
    int depth = 0;
    for (size_t i = from; i < line.len; i++) {
        depth += line.at[i] == '{';
        depth -= line.at[i] == '}';
        if (depth == 0)
            return i;
    }
    return line.len;
}

static struct sp_str expand(struct reader *reader, struct sp_str line)
{
    struct sp_buffer out;
    sp_buffer_init(&out, reader->arena, 4 << 20);
    for (size_t i = 0; i < line.len; i++) {
        if (line.at[i] != '$' || i + 1 >= line.len || line.at[i + 1] != '{') {
            sp_buffer_append_char(&out, line.at[i]);
            continue;
        }
        size_t end = end_of(line, i + 1);
        struct sp_str inner = sp_str_slice(line, i + 2, end);
        if (sp_str_has_prefix(inner, SP_STR("jwt ")))
            sp_buffer_append(&out, expand_jwt(reader, sp_str_slice(inner, 4, inner.len)));
        else if (sp_str_equal(inner, SP_STR("keys")))
            sp_buffer_append(&out, SP_STR(KNOWN_KEY_SET));
        else
            expand_repeat(&out, inner);
        i = end;
    }
    return sp_buffer_str(&out);
}

static void finish(struct reader *reader)
{
    if (reader->open)
        sp_flow_capture_add(reader->capture, &reader->exchange);
    reader->open = false;
}

static void begin(struct reader *reader, struct sp_str line)
{
    size_t space = sp_str_index_of(line, ' ', 0);
    finish(reader);
    reader->open = true;
    reader->exchange = (struct sp_flow_exchange){.number = ++reader->number,
                                                 .started_ms = (FLOW_TEXT_START + reader->seconds) * 1000,
                                                 .method = sp_str_slice(line, 0, space),
                                                 .url = sp_str_slice(line, space + 1, line.len),
                                                 .server_address = reader->server};
    reader->exchange.request_headers.at = reader->request;
    reader->exchange.response_headers.at = reader->response;
}

static void add_header(struct sp_flow_headers *headers, struct sp_flow_header *rows, struct sp_str line)
{
    size_t colon = sp_str_index_of(line, ':', 0);
    if (headers->count < MAX_HEADERS)
        rows[headers->count++] =
            (struct sp_flow_header){sp_str_slice(line, 0, colon), sp_str_trim(sp_str_slice(line, colon + 1, line.len))};
}

static void answer(struct reader *reader, struct sp_str line)
{
    if (reader->exchange.status != 0) {
        add_header(&reader->exchange.response_headers, reader->response, line);
    } else if (line.at[0] >= '1' && line.at[0] <= '5') {
        reader->exchange.status = (line.at[0] - '0') * 100 + (line.at[1] - '0') * 10 + (line.at[2] - '0');
    } else {
        reader->exchange.failure = line;
    }
}

static void read_line(struct reader *reader, struct sp_str line)
{
    struct sp_str rest = sp_str_slice(line, 2, line.len);
    bool has_request = reader->open && reader->exchange.status == 0 && reader->exchange.failure.at == NULL;
    if (sp_str_has_prefix(line, SP_STR(">> ")))
        reader->exchange.request_body = sp_str_slice(line, 3, line.len);
    else if (sp_str_has_prefix(line, SP_STR("<< ")))
        reader->exchange.response_body = sp_str_slice(line, 3, line.len);
    else if (sp_str_has_prefix(line, SP_STR("> ")) && has_request)
        add_header(&reader->exchange.request_headers, reader->request, rest);
    else if (sp_str_has_prefix(line, SP_STR("> ")))
        begin(reader, rest);
    else if (sp_str_has_prefix(line, SP_STR("< ")) && reader->open)
        answer(reader, rest);
    else if (sp_str_has_prefix(line, SP_STR("@"))) {
        char number[16] = "";
        memcpy(number, line.at + 1, line.len - 1 < 15 ? line.len - 1 : 15);
        reader->seconds = atoll(number);
        finish(reader);
    } else if (sp_str_has_prefix(line, SP_STR("from "))) {
        finish(reader);
        reader->server = sp_str_slice(line, 5, line.len);
    }
}

struct sp_flow_capture *flow_text_judged(struct sp_arena *arena, struct sp_str text)
{
    struct reader *reader = SP_ARENA_NEW(arena, struct reader);
    struct sp_str rest = text, line;
    reader->arena = arena;
    reader->terms = (struct sp_flow_terms){.leeway_s = 30};
    for (struct sp_str all = text; sp_str_next_word(&all, SP_STR("\n"), &line);)
        if (sp_str_has_prefix(line, SP_STR("registered ")) && reader->terms.redirect_uris.count < 8)
            reader->registered[reader->terms.redirect_uris.count++] = sp_str_slice(line, 11, line.len);
    reader->terms.redirect_uris.at = reader->registered;
    reader->capture = sp_flow_capture_create(&reader->terms);
    while (reader->capture != NULL && sp_str_next_word(&rest, SP_STR("\n"), &line))
        read_line(reader, expand(reader, line));
    if (reader->capture == NULL)
        return NULL;
    finish(reader);
    sp_flow_judge(reader->capture);
    return reader->capture;
}
