/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes that the operator describes (`authority.scopes`): in which words people read of them on the consent page,
 * which claims of the person they tell, and where. Those of OpenID Connect are not among them: their claims stand in
 * claims.def, their words in texts.def. */
#ifndef SP_AUTHORITY_TOLD_SCOPE_H
#define SP_AUTHORITY_TOLD_SCOPE_H

#include "authority/language.h"
#include "core/base/json.h"
#include "core/diagnosis/requirements.h"

struct sp_authority_settings;
struct sp_settings_reader;

enum sp_told_in {
    SP_TOLD_IN_ID_TOKEN = 1,
    SP_TOLD_IN_USERINFO = 2,
    SP_TOLD_IN_ACCESS_TOKEN = 4, /* JWT, or what introspection says of an opaque one */
};
/* The places where the client itself reads. */
#define SP_TOLD_TO_CLIENT ((unsigned)SP_TOLD_IN_ID_TOKEN | (unsigned)SP_TOLD_IN_USERINFO)

struct sp_told_scope {
    struct sp_str name;
    struct sp_str descriptions[SP_LANGUAGE_COUNT]; /* of people who read that language; absent: there is none */
    struct sp_str_list claims;                     /* names without a language; none is reserved */
    unsigned in;                                   /* of enum sp_told_in */
};

/* `authority.scopes`. SP_MALFORMED, with the reader's error filled. */
SP_MUST_CHECK enum sp_status sp_told_scopes_read(struct sp_settings_reader *reader, const struct sp_json *section,
                                                 struct sp_authority_settings *settings);

/* NULL: the configuration says nothing of it. */
const struct sp_told_scope *sp_told_scope_find(const struct sp_authority_settings *settings, struct sp_str name);

#endif
