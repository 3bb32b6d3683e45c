/* SPDX-License-Identifier: Apache-2.0 */
/* The keys an issuer published when it was looked at before, against those of now: how it rotates shows only over time.
 * Pure; where it is kept is the shell's matter. */
#ifndef SP_DIAGNOSIS_KEY_HISTORY_H
#define SP_DIAGNOSIS_KEY_HISTORY_H

#include "core/base/json.h"
#include "core/diagnosis/document.h"

#define SP_MAX_SEEN_KEYS 64u

struct sp_seen_key {
    struct sp_str kid;             /* absent: it had none */
    struct sp_str thumbprint;      /* RFC 7638, hexadecimal */
    int64_t first_seen, last_seen; /* epoch seconds */
    int64_t signs_until;           /* exp of the longest-lived token seen that it signed; 0: none was seen */
};

struct sp_key_history {
    struct sp_seen_key keys[SP_MAX_SEEN_KEYS];
    size_t count;
    int64_t seen_at; /* when the set was last looked at; 0: never */
};

/* keys.replaced, keys.retired_early; and what changed, in words (absent: nothing, or never seen before). */
struct sp_str sp_key_history_judge(struct sp_arena *arena, const struct sp_key_history *history,
                                   const struct sp_jwk_set *set, int64_t now, struct sp_document_findings *findings);
/* Takes the set in: new keys are added, gone ones stay (with their last_seen) while there is room. */
SP_MUST_CHECK enum sp_status sp_key_history_update(struct sp_arena *arena, struct sp_key_history *history,
                                                   const struct sp_jwk_set *set, int64_t now);
/* A token that this key signed lives until then. */
void sp_key_history_note_token(struct sp_key_history *history, struct sp_str kid, int64_t exp);

void sp_key_history_write(struct sp_json_writer *writer, const struct sp_key_history *history);
/* Whatever is not as it was written is left out. */
void sp_key_history_read(const struct sp_json *json, struct sp_key_history *history);

#endif
