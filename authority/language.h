/* SPDX-License-Identifier: Apache-2.0 */
/* Which language a person reads: what the application asks for (`ui_locales`, OIDC Core 3.1.2.1) before what the
 * browser says (Accept-Language, RFC 9110 12.5.4), matched by lookup (RFC 4647 3.4): de-AT finds de. Pure. */
#ifndef SP_AUTHORITY_LANGUAGE_H
#define SP_AUTHORITY_LANGUAGE_H

#include "core/base/str.h"

enum sp_language {
#define LANGUAGE(NAME, tag) SP_LANGUAGE_##NAME,
#include "authority/languages.def"
#undef LANGUAGE
    SP_LANGUAGE_COUNT
};

/* Both may be absent, or anything at all: the first of languages.def is the answer when nothing fits. */
enum sp_language sp_language_choose(struct sp_str ui_locales, struct sp_str accept_language);
/* "en" */
struct sp_str sp_language_tag(enum sp_language language);

#endif
