/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks in a list; the first is kept by a reset, the others are freed. Under ASan every allocation is a block of its
 * own, so that a read beyond it is seen. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define BLOCK_BYTES ((size_t)0)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_BYTES ((size_t)0)
#endif
#endif
#ifndef BLOCK_BYTES
#define BLOCK_BYTES ((size_t)16 * 1024)
#endif
#define LARGEST_BLOCK_BYTES ((size_t)1024 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t capacity, used;
    _Alignas(max_align_t) char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *what);
    void *what;
};

struct sp_arena {
    size_t max_bytes, used, grown; /* grown: bytes of all blocks, to double with need */
    struct block *blocks;          /* newest first */
    struct block *first;           /* kept by a reset; NULL under ASan */
    struct deferred *deferred;
};

struct sp_arena *sp_arena_create(size_t max_bytes)
{
    struct sp_arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL) {
        arena->max_bytes = max_bytes;
    }
    return arena;
}

static void run_deferred(struct sp_arena *arena)
{
    /* The list lives in the arena's blocks: they are freed afterwards. */
    for (struct deferred *call = arena->deferred; call != NULL; call = call->next) {
        call->release(call->what);
    }
    arena->deferred = NULL;
}

void sp_arena_reset(struct sp_arena *arena)
{
    run_deferred(arena);
    for (struct block *block = arena->blocks, *next; block != NULL; block = next) {
        next = block->next;
        if (block != arena->first) {
            free(block);
        }
    }
    arena->blocks = arena->first;
    arena->grown = 0;
    if (arena->first != NULL) {
        arena->first->next = NULL;
        arena->first->used = 0;
        arena->grown = arena->first->capacity;
    }
    arena->used = 0;
}

void sp_arena_destroy(struct sp_arena **arena)
{
    if (*arena == NULL) {
        return;
    }
    sp_arena_reset(*arena);
    free((*arena)->first);
    free(*arena);
    *arena = NULL;
}

static struct block *add_block(struct sp_arena *arena, size_t bytes)
{
    size_t capacity = BLOCK_BYTES;
    if (BLOCK_BYTES > 0 && arena->grown > capacity) {
        capacity = arena->grown < LARGEST_BLOCK_BYTES ? arena->grown : LARGEST_BLOCK_BYTES;
    }
    if (capacity < bytes) {
        capacity = bytes;
    }
    struct block *block = capacity <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + capacity) : NULL;
    if (block == NULL) {
        return NULL;
    }
    block->capacity = capacity;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->grown += capacity;
    if (BLOCK_BYTES > 0 && arena->first == NULL) {
        arena->first = block;
    }
    return block;
}

/* Where the newest block has no room, or there is none. */
static __attribute__((noinline)) void *alloc_in_new_block(struct sp_arena *arena, size_t bytes, size_t taken)
{
    struct block *block = add_block(arena, taken);
    if (block == NULL) {
        return NULL;
    }
    block->used = taken;
    arena->used += bytes;
    return block->bytes;
}

void *sp_arena_alloc(struct sp_arena *arena, size_t bytes)
{
    if (bytes > arena->max_bytes - arena->used) {
        return NULL;
    }
    const size_t rounded = (bytes + (ALIGNMENT - 1)) & ~(ALIGNMENT - 1);
    if (rounded < bytes) {
        return NULL;
    }
    /* Under ASan a block is exactly as large as asked, so that the byte behind it is poisoned. */
    const size_t taken = BLOCK_BYTES > 0 ? rounded : bytes;
    struct block *block = arena->blocks;
    if (BLOCK_BYTES == 0 || block == NULL || taken > block->capacity - block->used) {
        return alloc_in_new_block(arena, bytes, taken);
    }
    void *at = block->bytes + block->used;
    block->used += taken;
    arena->used += bytes;
    return at;
}

void *sp_arena_calloc(struct sp_arena *arena, size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return NULL;
    }
    void *at = sp_arena_alloc(arena, total);
    return at != NULL ? memset(at, 0, total) : NULL;
}

enum sp_status sp_arena_copy(struct sp_arena *arena, struct sp_str s, struct sp_str *copy)
{
    if (s.at == NULL) {
        *copy = SP_STR_NONE;
        return SP_OK;
    }
    char *at = s.len < SIZE_MAX ? sp_arena_alloc(arena, s.len + 1) : NULL;
    if (at == NULL) {
        return SP_NO_MEMORY;
    }
    memcpy(at, s.at, s.len);
    at[s.len] = '\0';
    *copy = sp_str(at, s.len);
    return SP_OK;
}

struct sp_str sp_arena_printf(struct sp_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    struct sp_str text = SP_STR_NONE;
    /* Most texts are short: one pass, as the C library counts what it does not write byte by byte. */
    char brief[512];
    int len = vsnprintf(brief, sizeof brief, format, arguments);
    char *at = len >= 0 ? sp_arena_alloc(arena, (size_t)len + 1) : NULL;
    if (at != NULL) {
        if ((size_t)len < sizeof brief)
            memcpy(at, brief, (size_t)len + 1);
        else
            vsnprintf(at, (size_t)len + 1, format, again);
        text = sp_str(at, (size_t)len);
    }
    va_end(again);
    va_end(arguments);
    return text;
}

enum sp_status sp_arena_defer(struct sp_arena *arena, void (*release)(void *what), void *what)
{
    struct deferred *call = SP_ARENA_NEW(arena, struct deferred);
    if (call == NULL) {
        return SP_NO_MEMORY;
    }
    *call = (struct deferred){.next = arena->deferred, .release = release, .what = what};
    arena->deferred = call;
    return SP_OK;
}

size_t sp_arena_used(const struct sp_arena *arena)
{
    return arena->used;
}
