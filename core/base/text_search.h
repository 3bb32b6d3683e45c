/* SPDX-License-Identifier: Apache-2.0 */
/* Many texts sought in one pass over any bytes (Aho and Corasick, 1975): one table look-up a byte whatever their
 * number. Immutable once made; lives in its arena. */
#ifndef SP_BASE_TEXT_SEARCH_H
#define SP_BASE_TEXT_SEARCH_H

#include <stdbool.h>
#include "core/base/arena.h"
#include "core/base/str.h"

struct sp_text_search;

#define SP_TEXT_SEARCH_TEXTS 1024u

/* The texts are compared byte by byte; empty ones are never found. SP_TOO_LARGE: more than SP_TEXT_SEARCH_TEXTS, more
 * than 60,000 bytes of them, or of every byte there is; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_text_search_create(struct sp_arena *arena, const struct sp_str *texts, size_t count,
                                                   struct sp_text_search **search);
/* How far a search is; starts as all zero. */
struct sp_text_search_place {
    size_t position; /* just behind what was found */
    uint32_t state;
};
/* The next place where a text ends, and which it is; of several that end there the longest. False when there is none.
 */
bool sp_text_search_next(const struct sp_text_search *search, struct sp_str text, struct sp_text_search_place *place,
                         size_t *which);

#endif
