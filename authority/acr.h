/* SPDX-License-Identifier: Apache-2.0 */
/* What a request wants its login to be worth: `acr_values`, and `acr` in the claims parameter (OIDC Core 3.1.2.1,
 * 5.5.1.1; RFC 9470). The classes and their order are assurance.c's. Pure. */
#ifndef SP_AUTHORITY_ACR_H
#define SP_AUTHORITY_ACR_H

#include <stdbool.h>
#include "core/base/str.h"
#include "core/diagnosis/requirements.h"

/* Any of `values`, the first it likes best. */
struct sp_acr_wish {
    struct sp_str_list values; /* none: nothing is wished */
    bool essential;            /* or nothing at all (OIDC Core 5.5.1.1) */
};

/* Which of the wishes a login of class `acr` satisfies: the first; absent: none of them. */
struct sp_str sp_acr_granted(const struct sp_acr_wish *wish, struct sp_str acr);
/* Could any login here satisfy the wish? */
bool sp_acr_is_possible(const struct sp_acr_wish *wish);

#endif
