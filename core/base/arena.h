/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: everything of one examination is allocated from it and dies with it. It has a ceiling; past that an
 * allocation returns NULL and the caller gives up with SP_NO_MEMORY, which is never "accepted". A reset keeps the first
 * block, so that a worker's arena costs no malloc per request. Under ASan each allocation is one malloc. Not
 * thread-safe. */
#ifndef SP_BASE_ARENA_H
#define SP_BASE_ARENA_H

#include <stddef.h>
#include "core/base/status.h"
#include "core/base/str.h"

struct sp_arena;

/* max_bytes: ceiling on the sum of allocations. NULL without memory. */
struct sp_arena *sp_arena_create(size_t max_bytes);
void sp_arena_destroy(struct sp_arena **arena);
/* Runs deferred calls, newest first, and forgets all allocations. */
void sp_arena_reset(struct sp_arena *arena);

/* Aligned for any type, not cleared; NULL past the ceiling. */
void *sp_arena_alloc(struct sp_arena *arena, size_t bytes);
void *sp_arena_calloc(struct sp_arena *arena, size_t count, size_t bytes);
#define SP_ARENA_NEW(arena, type) ((type *)sp_arena_calloc((arena), 1, sizeof(type)))

/* Copies s (with a NUL behind it, not counted); *copy untouched on failure. */
SP_MUST_CHECK enum sp_status sp_arena_copy(struct sp_arena *arena, struct sp_str s, struct sp_str *copy);
/* printf into the arena; an absent text (at == NULL) past the ceiling. */
struct sp_str sp_arena_printf(struct sp_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Calls release(what) at reset or destroy. */
SP_MUST_CHECK enum sp_status sp_arena_defer(struct sp_arena *arena, void (*release)(void *what), void *what);

size_t sp_arena_used(const struct sp_arena *arena);

#endif
