/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/buffer.h"

#define FIRST_BYTES ((size_t)256)

void sp_buffer_init(struct sp_buffer *buffer, struct sp_arena *arena, size_t max_bytes)
{
    *buffer = (struct sp_buffer){.arena = arena, .max_bytes = max_bytes};
}

void sp_buffer_fini(struct sp_buffer *buffer)
{
    if (buffer->arena == NULL) {
        free(buffer->at);
    }
    *buffer = (struct sp_buffer){.max_bytes = buffer->max_bytes, .arena = buffer->arena};
}

void sp_buffer_clear(struct sp_buffer *buffer)
{
    buffer->len = 0;
    buffer->status = SP_OK;
}

/* Room for `more` bytes behind len; false (and the status set) when there is none. */
static __attribute__((noinline)) bool reserve(struct sp_buffer *buffer, size_t more)
{
    if (buffer->status != SP_OK) {
        return false;
    }
    if (more <= buffer->capacity - buffer->len) {
        return true;
    }
    if (more > buffer->max_bytes - buffer->len) {
        buffer->status = SP_TOO_LARGE;
        return false;
    }
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_BYTES;
    while (capacity < buffer->len + more && capacity <= SIZE_MAX / 2) {
        capacity *= 2;
    }
    if (capacity > buffer->max_bytes) {
        capacity = buffer->max_bytes;
    }
    char *at;
    if (buffer->arena != NULL) {
        at = sp_arena_alloc(buffer->arena, capacity);
        if (at != NULL && buffer->len > 0) {
            memcpy(at, buffer->at, buffer->len);
        }
    } else {
        at = realloc(buffer->at, capacity);
    }
    if (at == NULL) {
        buffer->status = SP_NO_MEMORY;
        return false;
    }
    buffer->at = at;
    buffer->capacity = capacity;
    return true;
}

char *sp_buffer_room_slowly(struct sp_buffer *buffer, size_t bytes)
{
    return reserve(buffer, bytes) ? buffer->at + buffer->len : NULL;
}

void sp_buffer_append(struct sp_buffer *buffer, struct sp_str s)
{
    char *to = s.len > 0 ? sp_buffer_room(buffer, s.len) : NULL;
    if (to != NULL) {
        memcpy(to, s.at, s.len);
        buffer->len += s.len;
    }
}

void sp_buffer_append_char_slowly(struct sp_buffer *buffer, char c)
{
    if (reserve(buffer, 1)) {
        buffer->at[buffer->len++] = c;
    }
}

void sp_buffer_printf(struct sp_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    /* Most texts are short: one pass. One more for vsnprintf's NUL, which is not counted. */
    char brief[256];
    int len = vsnprintf(brief, sizeof brief, format, arguments);
    char *to = len >= 0 ? sp_buffer_room(buffer, (size_t)len + 1) : NULL;
    if (to != NULL) {
        if ((size_t)len < sizeof brief)
            memcpy(to, brief, (size_t)len + 1);
        else
            vsnprintf(to, (size_t)len + 1, format, again);
        buffer->len += (size_t)len;
    }
    va_end(again);
    va_end(arguments);
}
