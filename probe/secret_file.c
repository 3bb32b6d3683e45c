/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/secret_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Through every directory above; path is absolute and has no links in it. */
static bool is_reached(char *path, mode_t any_of)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        struct stat found;
        *slash = '\0';
        const bool is_closed = stat(path, &found) == 0 && (found.st_mode & any_of) == 0;
        *slash = '/';
        if (is_closed) {
            return false;
        }
    }
    return true;
}

static struct sp_str exposure_of(struct sp_arena *arena, const char *path)
{
    static const struct {
        mode_t bit, reached_by;
        const char *words;
    } rows[] = {{S_IWOTH, S_IXOTH, "every user of this machine may replace what is in it"},
                {S_IROTH, S_IXOTH, "every user of this machine may read it"},
                {S_IWGRP, S_IXGRP | S_IXOTH, "its group may replace what is in it"}};
    char whole[PATH_MAX];
    struct stat found;
    if (realpath(path, whole) == NULL || stat(whole, &found) != 0 || !S_ISREG(found.st_mode)) {
        return SP_STR_NONE;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((found.st_mode & rows[i].bit) != 0 && is_reached(whole, rows[i].reached_by)) {
            return sp_arena_printf(arena, "mode %04o: %s", (unsigned)found.st_mode & 07777, rows[i].words);
        }
    }
    return SP_STR_NONE;
}

struct sp_str sp_secret_file_look(void *context, struct sp_arena *arena, struct sp_str path)
{
    struct sp_str terminated;
    (void)context;
    return sp_arena_copy(arena, path, &terminated) == SP_OK ? exposure_of(arena, terminated.at) : SP_STR_NONE;
}
