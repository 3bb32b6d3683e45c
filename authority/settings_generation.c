/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/settings_generation.h"

#include <assert.h>
#include <stdlib.h>

/* A policy of the largest size and the settings made of it. */
#define MAX_GENERATION_BYTES ((size_t)512 * 1024 * 1024)

struct sp_settings_generation *sp_settings_generation_create(void)
{
    struct sp_settings_generation *generation = calloc(1, sizeof *generation);
    if (generation == NULL)
        return NULL;
    generation->holders = 1;
    generation->arena = sp_arena_create(MAX_GENERATION_BYTES);
    if (generation->arena == NULL)
        sp_settings_generation_unref(&generation);
    return generation;
}

struct sp_settings_generation *sp_settings_generation_ref(struct sp_settings_generation *generation)
{
    if (generation != NULL)
        generation->holders++;
    return generation;
}

void sp_settings_generation_unref(struct sp_settings_generation **generation)
{
    struct sp_settings_generation *left = *generation;
    *generation = NULL;
    while (left != NULL) {
        assert(left->holders > 0);
        if (--left->holders > 0)
            return;
        struct sp_settings_generation *next = left->next;
        sp_arena_destroy(&left->arena);
        free(left);
        left = next;
    }
}

void sp_settings_generation_publish(struct sp_authority *authority, struct sp_settings_generation *takes)
{
    struct sp_settings_generation *before = authority->generation;
    if (before != NULL)
        before->next = sp_settings_generation_ref(takes);
    authority->generation = takes;
    authority->settings = &takes->settings;
    sp_settings_generation_unref(&before);
}
