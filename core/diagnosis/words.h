/* SPDX-License-Identifier: Apache-2.0 */
/* Times and amounts in words, for people: "3 min 12 s", "2026-11-23 13:41:00 UTC, 3 min 12 s ago". Texts live in the
 * arena and are absent past its ceiling. */
#ifndef SP_DIAGNOSIS_WORDS_H
#define SP_DIAGNOSIS_WORDS_H

#include "core/base/arena.h"

/* The two largest units of |seconds|: "45 s", "3 min 12 s", "2 h 5 min", "3 days 4 h", "2 years 40 days". */
struct sp_str sp_words_duration(struct sp_arena *arena, int64_t seconds);
/* "2026-11-23 13:41:00 UTC"; the bare number where no calendar reaches. */
struct sp_str sp_words_instant(struct sp_arena *arena, int64_t epoch_s);
/* The instant and its distance: "…, 3 min 12 s ago", "…, in 5 min", "…, now". */
struct sp_str sp_words_instant_from(struct sp_arena *arena, int64_t epoch_s, int64_t now);
/* "a, b, c"; "none" for an empty list; at most 8 items, then "and N more". */
struct sp_str sp_words_list(struct sp_arena *arena, const struct sp_str *items, size_t count);

#endif
