/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of one reading of the configuration and all that they borrow from: a reload makes a new one, and the old
 * dies with the last call or delivery that may point into it. Such a call goes on under the settings of the day
 * whenever it is run again, so it may point into every later reading too: each keeps alive the one that followed it. */
#ifndef SP_AUTHORITY_SETTINGS_GENERATION_H
#define SP_AUTHORITY_SETTINGS_GENERATION_H

#include "authority/authority.h"

struct sp_settings_generation {
    struct sp_authority_settings settings;
    struct sp_arena *arena; /* for what settings borrow */
    struct sp_settings_generation *next;
    size_t holders;
};

/* Held by the caller. NULL without memory. */
struct sp_settings_generation *sp_settings_generation_create(void);
/* NULL: settings that live as long as the authority. */
struct sp_settings_generation *sp_settings_generation_ref(struct sp_settings_generation *generation);
void sp_settings_generation_unref(struct sp_settings_generation **generation);
/* From here on these are the authority's settings. Takes the caller's hold. */
void sp_settings_generation_publish(struct sp_authority *authority, struct sp_settings_generation *takes);

#endif
