/* SPDX-License-Identifier: Apache-2.0 */
/* How sure we are who it is: from the methods of a sign-in (amr, RFC 8176) to its class (acr, OIDC Core 2), by one
 * table whose rows are ordered from the weakest to the strongest. Pure. */
#ifndef SP_AUTHORITY_ASSURANCE_H
#define SP_AUTHORITY_ASSURANCE_H

#include <stdbool.h>
#include "core/base/str.h"

struct sp_assurance {
    struct sp_str acr;
    struct sp_str method; /* the word of amr that makes it this class */
};

extern const struct sp_assurance sp_assurances[];
extern const size_t sp_assurance_count;

/* amr: words separated by spaces. The strongest class that holds for them; the weakest when none of its words is known.
 */
struct sp_str sp_assurance_of(struct sp_str amr);
/* Is `acr` at least as strong as `wanted`: the same, or a later row. Values that are no rows cover themselves only. */
bool sp_assurance_covers(struct sp_str acr, struct sp_str wanted);

#endif
