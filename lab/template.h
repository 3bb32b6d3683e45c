/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of faults.def: "$issuer/realms/other", "$now-3600". A word that is not known stays as it is written, which
 * the unit test of the table finds. Pure. */
#ifndef SP_LAB_TEMPLATE_H
#define SP_LAB_TEMPLATE_H

#include "core/base/arena.h"
#include "core/base/buffer.h"

struct sp_lab_word {
    const char *name; /* without the dollar */
    struct sp_str value;
};

/* Words are looked for in `at`, then in `outer`. */
struct sp_lab_words {
    const struct sp_lab_word *at;
    size_t count;
    const struct sp_lab_words *outer; /* NULL: none */
    int64_t now;                      /* $now, $now±seconds, $now_ms, $soon_ms (five minutes on) */
};

/* Absent without memory. */
struct sp_str sp_lab_expand(struct sp_arena *arena, const char *text, const struct sp_lab_words *words);

#endif
