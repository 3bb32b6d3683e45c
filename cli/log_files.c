/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_files.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *sp_state_path(const struct sp_cli *cli, const char *name)
{
    struct sp_str state = sp_cli_text(cli, "state");
    if (state.at == NULL)
        state = sp_str_from_cstr(getenv("STATE_DIRECTORY")); /* systemd's, as serve has it */
    if (state.at == NULL)
        state = access("state", F_OK) == 0 ? SP_STR("state") : SP_STR("/var/lib/sallyport");
    return sp_arena_printf(cli->arena, "%.*s/%s", SP_STR_ARG(state), name).at;
}

const char *sp_log_path(const struct sp_cli *cli, const char *name)
{
    struct sp_str log = sp_cli_text(cli, "log");
    return log.at != NULL ? log.at : sp_state_path(cli, name);
}

static int newer_first(const void *a, const void *b)
{
    const struct sp_log_file *x = a, *y = b;
    if (x->changed.tv_sec != y->changed.tv_sec)
        return x->changed.tv_sec < y->changed.tv_sec ? 1 : -1;
    return (x->changed.tv_nsec < y->changed.tv_nsec) - (x->changed.tv_nsec > y->changed.tv_nsec);
}

/* calls.jsonl.1, calls.jsonl-20261123 */
static bool is_rotation_of(const char *name, const char *base)
{
    size_t len = strlen(base);
    return strncmp(name, base, len) == 0 && (name[len] == '.' || name[len] == '-');
}

static bool ends_with(const char *name, const char *ending)
{
    return sp_str_has_suffix(sp_str_from_cstr(name), sp_str_from_cstr(ending));
}

static bool is_packed_otherwise(const char *name)
{
    static const char *const endings[] = {".xz", ".zst", ".bz2", ".lz4"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (ends_with(name, endings[i]))
            return true;
    return false;
}

size_t sp_log_files_rotated(const char *path, struct sp_log_file *list, unsigned *unreadable)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    char folder[1024];
    size_t count = 0;
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) : 1, slash != NULL ? path : ".");
    DIR *directory = opendir(folder[0] != '\0' ? folder : "/");
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; count < SP_MAX_ROTATED_LOGS && (entry = readdir(directory)) != NULL;) {
        struct stat status;
        if (!is_rotation_of(entry->d_name, base))
            continue;
        if (is_packed_otherwise(entry->d_name)) {
            (*unreadable)++;
            continue;
        }
        int used = snprintf(list[count].path, sizeof list[count].path, "%s/%s", folder, entry->d_name);
        if (used < 0 || (size_t)used >= sizeof list[count].path || stat(list[count].path, &status) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        list[count].is_packed = ends_with(entry->d_name, ".gz");
        list[count].device = status.st_dev;
        list[count].inode = status.st_ino;
        list[count++].changed = status.st_mtim;
    }
    closedir(directory);
    qsort(list, count, sizeof *list, newer_first);
    return count;
}
