/* SPDX-License-Identifier: Apache-2.0 */
/* What the lab's issuer remembers between two requests: codes, refresh tokens, device codes, pushed
 * requests. A ring: the oldest is forgotten when it is full. */
#ifndef SP_LAB_GRANT_H
#define SP_LAB_GRANT_H

#include <stdint.h>
#include "core/base/status.h"
#include "core/base/str.h"

#define SP_LAB_GRANTS 512u
#define SP_LAB_CODE_LIFETIME_S 60

enum sp_lab_grant_kind {
    SP_LAB_GRANT_NONE,
    SP_LAB_GRANT_CODE,
    SP_LAB_GRANT_REFRESH,
    SP_LAB_GRANT_DEVICE,
    SP_LAB_GRANT_PUSHED,
};

struct sp_lab_grant {
    enum sp_lab_grant_kind kind;
    char handle[44];
    int64_t issued_at;
    unsigned polls;
    char redirect_uri[1024], scope[512], audience[512], nonce[512], challenge[128];
    char pushed[8192]; /* the form as it came */
    bool has_nonce, has_challenge;
};

struct sp_lab_grants {
    struct sp_lab_grant *at; /* SP_LAB_GRANTS of them */
    size_t next;
};

SP_MUST_CHECK enum sp_status sp_lab_grants_init(struct sp_lab_grants *grants);
void sp_lab_grants_fini(struct sp_lab_grants *grants);
/* A new one with a random handle, otherwise empty. SP_CRYPTO. */
SP_MUST_CHECK enum sp_status sp_lab_grant_add(struct sp_lab_grants *grants, enum sp_lab_grant_kind kind, int64_t now,
                                              struct sp_lab_grant **grant);
/* NULL when there is none. */
struct sp_lab_grant *sp_lab_grant_find(struct sp_lab_grants *grants, enum sp_lab_grant_kind kind, struct sp_str handle);
void sp_lab_grant_forget(struct sp_lab_grant *grant);
/* Copies a parameter into a field of a grant; false when it does not fit. An absent text is an empty one. */
bool sp_lab_keep(char *field, size_t size, struct sp_str text);

#endif
