/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/unread_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "authority/denial.h"
#include "authority/handle.h"

#define ARENA_BYTES (64u * 1024)
#define MAX_LINE_BYTES 512u
#define REQUEST_ID_BYTES 12u
/* libmicrohttpd's (0.9.75, transmit_error_response_len); behind it stands the page that it sent. */
#define LINE_START "Error processing request (HTTP response code is "

/* The page's sentence, without tags. */
static struct sp_str read_page(struct sp_arena *arena, const char *line)
{
    const char *body = strstr(line, "<body>");
    struct sp_buffer text;
    sp_buffer_init(&text, arena, MAX_LINE_BYTES);
    for (bool is_tag = false; body != NULL && *body != '\0' && *body != '\''; body++) {
        is_tag |= *body == '<';
        if (!is_tag)
            sp_buffer_append_char(&text, *body);
        is_tag &= *body != '>';
    }
    return sp_buffer_str(&text);
}

/* 0: it is of no request. */
static int read_status(const char *line)
{
    const size_t len = strlen(LINE_START);
    return strncmp(line, LINE_START, len) == 0 ? (int)strtol(line + len, NULL, 10) : 0;
}

static void deny(struct sp_call *call, int status, const char *line)
{
    const bool is_too_large = status == 413 || status == 414 || status == 431;
    if (is_too_large)
        (void)SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE, .status = status,
                      .expected = sp_arena_printf(call->arena, "a URL and headers that have room in %u bytes",
                                                  SP_CONNECTION_MEMORY_BYTES),
                      .received = status == 414 ? SP_STR("a longer URL") : SP_STR("longer headers"));
    else
        (void)SP_DENY(call, .cause = SP_CAUSE_REQUEST_MALFORMED, .status = status,
                      .detail = read_page(call->arena, line));
}

void sp_unread_request_log(void *exchanges, const char *format, va_list arguments)
{
    struct sp_exchanges *all = exchanges;
    char line[MAX_LINE_BYTES];
    vsnprintf(line, sizeof line, format, arguments);
    const int status = read_status(line);
    if (status == 0) {
        const size_t len = strcspn(line, "\r\n");
        fprintf(stderr, "authority: libmicrohttpd: %.*s\n", (int)len, line);
        return;
    }
    struct sp_arena *arena = sp_arena_create(ARENA_BYTES);
    if (arena == NULL)
        return;
    struct sp_call call = {.authority = all->authority, .arena = arena, .now = all->now};
    call.asked.request_id = sp_handle_make(arena, "r", REQUEST_ID_BYTES);
    deny(&call, status, line);
    sp_call_log_add(&all->log, &call);
    sp_arena_destroy(&arena);
}
