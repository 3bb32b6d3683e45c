/* SPDX-License-Identifier: Apache-2.0 */
/* What the text of a member must look like, by its kind: URLs, addresses, hosts, paths, networks, methods, hashes.
 * Inside core/policy only. */
#ifndef SP_POLICY_FORM_H
#define SP_POLICY_FORM_H

#include "core/policy/settings.h"

/* kind: one whose values are texts (or lists of them). */
bool sp_has_form(enum sp_kind kind, struct sp_str text);
/* Whether a list of such texts may stand there too. */
bool sp_form_is_list(enum sp_kind kind);
/* RFC 9110 5.6.2: a method or header name. */
bool sp_is_token(struct sp_str text);

#endif
