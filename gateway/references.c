/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/references.h"

#include <stdlib.h>

#include "gateway/file.h"

#define MAX_SECRET_BYTES (64u * 1024)

static enum sp_expanded read_variable(void *context, struct sp_arena *arena, struct sp_str name, struct sp_str *value)
{
    struct sp_str terminated;
    (void)context;
    if (sp_arena_copy(arena, name, &terminated) != SP_OK) {
        return SP_EXPANSION_TOO_LARGE;
    }
    *value = sp_str_from_cstr(getenv(terminated.at));
    return value->at != NULL ? SP_EXPANDED : SP_EXPANSION_MISSING;
}

static enum sp_expanded read_secret(void *context, struct sp_arena *arena, struct sp_str path, struct sp_str *value)
{
    struct sp_str terminated, text;
    (void)context;
    if (sp_arena_copy(arena, path, &terminated) != SP_OK) {
        return SP_EXPANSION_TOO_LARGE;
    }
    enum sp_status status = sp_file_read(terminated.at, MAX_SECRET_BYTES, &text);
    if (status == SP_NOT_FOUND) {
        return SP_EXPANSION_MISSING;
    }
    if (status != SP_OK) {
        return status == SP_IO ? SP_EXPANSION_UNREADABLE : SP_EXPANSION_TOO_LARGE;
    }
    status = sp_arena_copy(arena, text, value);
    free((void *)(uintptr_t)text.at);
    return status == SP_OK ? SP_EXPANDED : SP_EXPANSION_TOO_LARGE;
}

const struct sp_expansion sp_gateway_references = {.variable = read_variable, .file = read_secret};
