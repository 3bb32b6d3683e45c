/* SPDX-License-Identifier: Apache-2.0 */
/* Free text of others – an error's description, the beginning of a page – as evidence: what looks like a token, a code
 * or a secret in it is cut. */
#ifndef SP_DIAGNOSIS_SCRUB_H
#define SP_DIAGNOSIS_SCRUB_H

#include "core/base/arena.h"

/* The text itself when there was nothing to cut. */
struct sp_str sp_scrub(struct sp_arena *arena, struct sp_str text);

#endif
