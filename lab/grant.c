/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/grant.h"

#include <stdlib.h>
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

enum sp_status sp_lab_grants_init(struct sp_lab_grants *grants)
{
    grants->next = 0;
    grants->at = calloc(SP_LAB_GRANTS, sizeof *grants->at);
    return grants->at != NULL ? SP_OK : SP_NO_MEMORY;
}

void sp_lab_grants_fini(struct sp_lab_grants *grants)
{
    free(grants->at);
    grants->at = NULL;
}

enum sp_status sp_lab_grant_add(struct sp_lab_grants *grants, enum sp_lab_grant_kind kind, int64_t now,
                                struct sp_lab_grant **out)
{
    unsigned char bytes[32];
    if (sp_random(bytes, sizeof bytes) != SP_OK)
        return SP_CRYPTO;
    struct sp_lab_grant *grant = &grants->at[grants->next];
    grants->next = (grants->next + 1) % SP_LAB_GRANTS;
    *grant = (struct sp_lab_grant){.kind = kind, .issued_at = now};
    sp_base64url_encode_into(sp_str((const char *)bytes, sizeof bytes), grant->handle);
    *out = grant;
    return SP_OK;
}

struct sp_lab_grant *sp_lab_grant_find(struct sp_lab_grants *grants, enum sp_lab_grant_kind kind, struct sp_str handle)
{
    for (size_t i = 0; i < SP_LAB_GRANTS && handle.len > 0; i++)
        if (grants->at[i].kind == kind && sp_secret_equal(sp_str_from_cstr(grants->at[i].handle), handle))
            return &grants->at[i];
    return NULL;
}

void sp_lab_grant_forget(struct sp_lab_grant *grant)
{
    *grant = (struct sp_lab_grant){.kind = SP_LAB_GRANT_NONE};
}

bool sp_lab_keep(char *field, size_t size, struct sp_str text)
{
    if (text.len >= size)
        return false;
    if (text.len > 0)
        memcpy(field, text.at, text.len);
    field[text.len] = '\0';
    return true;
}
