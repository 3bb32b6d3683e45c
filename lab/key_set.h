/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's signing keys, made when they are needed first and forgotten with the lab, and the key set that is published
 * under each fault. Of one thread at a time. */
#ifndef SP_LAB_KEY_SET_H
#define SP_LAB_KEY_SET_H

#include "core/jose/jwk.h"
#include "lab/fault.h"

enum sp_lab_key {
    SP_LAB_KEY_MAIN,  /* RSA: signs while nothing is wrong */
    SP_LAB_KEY_SPARE, /* RSA: published, signs nothing */
    SP_LAB_KEY_EC,    /* P-256: published */
    SP_LAB_KEY_NEXT,  /* RSA: what comes after a rotation */
    SP_LAB_KEY_OTHER, /* RSA: of the other issuer */
    SP_LAB_KEY_GONE,  /* RSA: never published */
    SP_LAB_KEY_WEAK,  /* RSA of 1024 bit */
    SP_LAB_KEY_COUNT
};

struct sp_lab_keys {
    struct sp_key *at[SP_LAB_KEY_COUNT];
};

/* Makes those that a healthy lab needs. */
SP_MUST_CHECK enum sp_status sp_lab_keys_init(struct sp_lab_keys *keys);
void sp_lab_keys_fini(struct sp_lab_keys *keys);
/* NULL when it cannot be made. */
const struct sp_key *sp_lab_key_get(struct sp_lab_keys *keys, enum sp_lab_key which);

/* The key set that is published; *committed becomes true when the fault changed it. Absent without memory. */
struct sp_str sp_lab_key_set_text(struct sp_lab_keys *keys, struct sp_arena *arena, enum sp_cause fault,
                                  bool *committed);
/* That of the other issuer. */
struct sp_str sp_lab_other_key_set_text(struct sp_lab_keys *keys, struct sp_arena *arena);

#endif
