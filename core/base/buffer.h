/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a ceiling. Failure is sticky: after one append failed all later ones do nothing, so a
 * writer checks once, at the end (sp_buffer_status). */
#ifndef SP_BASE_BUFFER_H
#define SP_BASE_BUFFER_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"

struct sp_buffer {
    char *at;
    size_t len, capacity, max_bytes;
    struct sp_arena *arena; /* NULL: heap, freed by sp_buffer_fini */
    enum sp_status status;
};

void sp_buffer_init(struct sp_buffer *buffer, struct sp_arena *arena, size_t max_bytes);
void sp_buffer_fini(struct sp_buffer *buffer);
void sp_buffer_append(struct sp_buffer *buffer, struct sp_str s);
void sp_buffer_append_char_slowly(struct sp_buffer *buffer, char c); /* when it has to grow */
static inline void sp_buffer_append_char(struct sp_buffer *buffer, char c)
{
    if (buffer->status == SP_OK && buffer->len < buffer->capacity) {
        buffer->at[buffer->len++] = c;
    } else {
        sp_buffer_append_char_slowly(buffer, c);
    }
}
char *sp_buffer_room_slowly(struct sp_buffer *buffer, size_t bytes);
/* Where `bytes` (at least one) can be written, or NULL with the status set; who writes them adds them to len. */
static inline char *sp_buffer_room(struct sp_buffer *buffer, size_t bytes)
{
    return buffer->status == SP_OK && bytes <= buffer->capacity - buffer->len ? buffer->at + buffer->len
                                                                              : sp_buffer_room_slowly(buffer, bytes);
}
void sp_buffer_printf(struct sp_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sp_buffer_clear(struct sp_buffer *buffer); /* keeps the memory, clears the status */

static inline struct sp_str sp_buffer_str(const struct sp_buffer *buffer)
{
    return (struct sp_str){buffer->at, buffer->len};
}

static inline enum sp_status sp_buffer_status(const struct sp_buffer *buffer)
{
    return buffer->status;
}

#endif
