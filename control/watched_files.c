/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watched_files.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Content of the same length and age at the same place still has another ctime. */
struct stamp {
    bool exists;
    dev_t device;
    ino_t number;
    off_t size;
    struct timespec modified, changed;
};

struct sp_watched_file {
    char *path;
    struct stamp stamp;
    bool is_named; /* by the configuration that was read last */
};

static struct stamp look(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return (struct stamp){.exists = false};
    }
    return (struct stamp){.exists = true,
                          .device = info.st_dev,
                          .number = info.st_ino,
                          .size = info.st_size,
                          .modified = info.st_mtim,
                          .changed = info.st_ctim};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->exists == b->exists && a->device == b->device && a->number == b->number && a->size == b->size &&
           is_same_time(a->modified, b->modified) && is_same_time(a->changed, b->changed);
}

void sp_watched_files_begin(struct sp_watched_files *files)
{
    files->left_out = 0;
    for (size_t i = 0; i < files->count; i++) {
        files->at[i].is_named = false;
    }
}

static struct sp_watched_file *find(struct sp_watched_files *files, struct sp_str path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (sp_str_equal(sp_str_from_cstr(files->at[i].path), path)) {
            return &files->at[i];
        }
    }
    return NULL;
}

/* NULL: there is no room, or no memory. */
static struct sp_watched_file *append(struct sp_watched_files *files, struct sp_str path)
{
    if (files->count == SP_MAX_WATCHED_FILES) {
        return NULL;
    }
    if (files->count == files->capacity) {
        const size_t capacity = files->capacity == 0 ? 16 : files->capacity * 2;
        struct sp_watched_file *longer = realloc(files->at, capacity * sizeof *longer);
        if (longer == NULL) {
            return NULL;
        }
        files->at = longer;
        files->capacity = capacity;
    }
    char *copy = strndup(path.at, path.len);
    if (copy == NULL) {
        return NULL;
    }
    struct sp_watched_file *file = &files->at[files->count++];
    *file = (struct sp_watched_file){.path = copy};
    return file;
}

void sp_watched_files_add(struct sp_watched_files *files, struct sp_str path)
{
    struct sp_watched_file *file = find(files, path);
    if (file != NULL && file->is_named) {
        return; /* another member names it too; it may have been read since */
    }
    file = file != NULL ? file : append(files, path);
    if (file == NULL) {
        files->left_out++;
        return;
    }
    file->is_named = true;
    file->stamp = look(file->path);
}

void sp_watched_files_end(struct sp_watched_files *files, bool was_refused)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (files->at[i].is_named || was_refused) {
            files->at[kept++] = files->at[i];
        } else {
            free(files->at[i].path);
        }
    }
    files->count = kept;
}

void sp_watched_files_fini(struct sp_watched_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->at[i].path);
    }
    free(files->at);
    *files = (struct sp_watched_files){.at = NULL};
}

bool sp_watched_files_changed(struct sp_watched_files *files)
{
    bool changed = false;
    for (size_t i = 0; i < files->count; i++) {
        const struct stamp now = look(files->at[i].path);
        if (now.exists && !is_same(&now, &files->at[i].stamp)) {
            files->at[i].stamp = now;
            changed = true;
        }
    }
    return changed;
}
