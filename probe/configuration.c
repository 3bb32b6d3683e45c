/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/configuration.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/base/limits.h"
#include "probe/file.h"
#include "probe/secret_file.h"

/* A secret file holds one secret, not a disk. */
#define MAX_SECRET_FILE_BYTES ((size_t)64 * 1024)
#define MAX_CONFIGURATION_FILES 64u

static enum sp_expanded expand_variable(void *context, struct sp_arena *arena, struct sp_str name, struct sp_str *value)
{
    struct sp_str terminated;
    (void)context;
    if (sp_arena_copy(arena, name, &terminated) != SP_OK) {
        return SP_EXPANSION_TOO_LARGE;
    }
    const char *found = getenv(terminated.at);
    *value = sp_str_from_cstr(found);
    return found != NULL ? SP_EXPANDED : SP_EXPANSION_MISSING;
}

static enum sp_expanded expand_file(void *context, struct sp_arena *arena, struct sp_str path, struct sp_str *value)
{
    struct sp_str terminated;
    (void)context;
    if (sp_arena_copy(arena, path, &terminated) != SP_OK) {
        return SP_EXPANSION_TOO_LARGE;
    }
    switch (sp_file_read(arena, terminated.at, MAX_SECRET_FILE_BYTES, value)) {
    case SP_OK:
        /* Editors and `echo` end files with a newline that is no part of the secret. */
        while (value->len > 0 && (value->at[value->len - 1] == '\n' || value->at[value->len - 1] == '\r')) {
            value->len--;
        }
        return SP_EXPANDED;
    case SP_NOT_FOUND:
        return SP_EXPANSION_MISSING;
    case SP_TOO_LARGE:
    case SP_NO_MEMORY:
        return SP_EXPANSION_TOO_LARGE;
    default:
        return SP_EXPANSION_UNREADABLE;
    }
}

/* The directory that relative paths in the file start from, absolute. */
static struct sp_str directory_of(struct sp_arena *arena, const char *path)
{
    char whole[PATH_MAX];
    struct sp_str copy;
    if (realpath(path, whole) == NULL) {
        return SP_STR_NONE;
    }
    char *slash = strrchr(whole, '/');
    struct sp_str directory = sp_str(whole, slash == whole ? 1 : (size_t)(slash - whole));
    return sp_arena_copy(arena, directory, &copy) == SP_OK ? copy : SP_STR_NONE;
}

enum sp_status sp_configuration_read(const struct sp_str *paths, size_t count, struct sp_policy **policy,
                                     struct sp_policy_report *report, char trouble[512])
{
    const struct sp_configuration_terms terms = {.paths = paths, .count = count};
    return sp_configuration_read_as(&terms, policy, report, trouble);
}

enum sp_status sp_configuration_read_as(const struct sp_configuration_terms *terms, struct sp_policy **policy,
                                        struct sp_policy_report *report, char trouble[512])
{
    struct sp_policy_text texts[MAX_CONFIGURATION_FILES + 1];
    struct sp_expansion expansion = {.variable = expand_variable, .file = expand_file, .exposure = sp_secret_file_look};
    const struct sp_str *paths = terms->paths;
    const size_t count = terms->count;
    struct sp_policy_input input = {.texts = texts,
                                    .text_count = count,
                                    .expansion = terms->is_snapshot ? NULL : &expansion,
                                    .names_file = terms->names_file,
                                    .names_data = terms->names_data};
    struct sp_arena *arena = sp_arena_create(2 * (size_t)SP_MAX_POLICY_BYTES);
    enum sp_status status = arena != NULL ? SP_OK : SP_NO_MEMORY;
    trouble[0] = '\0';
    if (count > MAX_CONFIGURATION_FILES) {
        snprintf(trouble, 512, "more than %u configuration files", MAX_CONFIGURATION_FILES);
        status = SP_IO;
    }
    for (size_t i = 0; i < count && status == SP_OK; i++) {
        texts[i] = (struct sp_policy_text){.name = paths[i]};
        if (!terms->is_snapshot) {
            texts[i].directory = directory_of(arena, paths[i].at);
        }
        status = sp_file_read(arena, paths[i].at, SP_MAX_POLICY_BYTES, &texts[i].text);
        if (status == SP_TOO_LARGE) {
            snprintf(trouble, 512, "%.400s is larger than %u MB", paths[i].at, SP_MAX_POLICY_BYTES >> 20);
        } else if (status == SP_NOT_FOUND || status == SP_IO) {
            snprintf(trouble, 512, "%.400s cannot be read: %s", paths[i].at, strerror(errno));
            status = SP_IO;
        }
    }
    if (status == SP_OK && terms->overlay.at != NULL) {
        texts[input.text_count++] = (struct sp_policy_text){.name = terms->overlay_name, .text = terms->overlay};
    }
    if (status == SP_OK) {
        status = sp_policy_parse_input(&input, policy, report);
    }
    sp_arena_destroy(&arena);
    return status;
}

struct sp_str sp_configuration_default(void)
{
    static const char *const places[] = SP_CONFIGURATION_DEFAULTS;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], F_OK) == 0) {
            return sp_str_from_cstr(places[i]);
        }
    }
    return sp_str_from_cstr(places[0]);
}
