/* SPDX-License-Identifier: Apache-2.0 */
/* What an authenticator signs about itself (Web Authentication 6.1):
 *   rpIdHash 32 · flags 1 · signCount 4 · [ aaguid 16 · length 2 · credential id · COSE key ] · [ CBOR map ]
 *                                           with AT: attested credential data                  with ED: extensions */
#ifndef SP_FACTOR_AUTHENTICATOR_DATA_H
#define SP_FACTOR_AUTHENTICATOR_DATA_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/jose/algorithm.h"

enum sp_authenticator_flag {
    SP_AUTHENTICATOR_PRESENT = 0x01,         /* UP: somebody touched it */
    SP_AUTHENTICATOR_VERIFIED = 0x04,        /* UV: by PIN, finger, face */
    SP_AUTHENTICATOR_BACKUP_ELIGIBLE = 0x08, /* BE: may be copied to other devices */
    SP_AUTHENTICATOR_BACKED_UP = 0x10,       /* BS: is */
    SP_AUTHENTICATOR_CREDENTIAL = 0x40,      /* AT */
    SP_AUTHENTICATOR_EXTENSIONS = 0x80,      /* ED */
};

struct sp_authenticator_data {
    struct sp_str rp_id_hash; /* 32 bytes */
    unsigned flags;
    uint32_t sign_count;
    /* with SP_AUTHENTICATOR_CREDENTIAL */
    struct sp_str aaguid; /* 16 bytes */
    struct sp_str credential_id;
    enum sp_algorithm algorithm;
    struct sp_str jwk; /* in the arena */
};

/* All of it or SP_MALFORMED: nothing may stand behind. SP_UNSUPPORTED: a key of another algorithm; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_authenticator_data_read(struct sp_arena *arena, struct sp_str bytes,
                                                        struct sp_authenticator_data *data);

#endif
