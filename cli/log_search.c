/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/log_files.h"
#include "core/base/limits.h"

#define BLOCK_BYTES (256u * 1024)
/* Once a line is found: how much further up others are looked for. */
#define FURTHER_BYTES ((off_t)64 * 1024 * 1024)

/* ---- one file ---- */

struct search {
    struct sp_arena *arena;
    struct sp_str id, needle; /* needle: the member as the gateway writes it */
    struct sp_log_found *found;
};

/* Full: the oldest goes. */
static void take(struct sp_log_found *found, const struct sp_json *line, bool is_newest)
{
    if (found->count < SP_MAX_CALLS_OF_ID)
        found->count++;
    else if (!is_newest)
        return;
    if (is_newest)
        memmove(&found->lines[1], &found->lines[0], (found->count - 1) * sizeof found->lines[0]);
    found->lines[is_newest ? 0 : found->count - 1] = line;
}

/* The needle is quick; the parsed member is what counts. */
static void look_at(struct search *search, struct sp_str text, bool is_newest)
{
    const struct sp_json *json;
    struct sp_json_error error;
    struct sp_str copy;
    if (memmem(text.at, text.len, search->needle.at, search->needle.len) == NULL ||
        sp_arena_copy(search->arena, text, &copy) != SP_OK ||
        sp_json_parse(search->arena, copy, &sp_json_limits_document, &json, &error) != SP_OK ||
        !sp_str_equal(sp_json_string(sp_json_member(json, SP_STR("request_id"))), search->id))
        return;
    take(search->found, json, is_newest);
}

/* Looks at the complete lines of text from the last on; returns how many bytes in front begin no line here. */
static size_t search_lines(struct search *search, struct sp_str text, bool is_beginning)
{
    size_t end = text.len;
    while (end > 0) {
        size_t from = end;
        while (from > 0 && text.at[from - 1] != '\n')
            from--;
        if (from == 0 && !is_beginning)
            return end;
        if (end > from)
            look_at(search, sp_str_slice(text, from, end), false);
        end = from > 0 ? from - 1 : 0;
    }
    return 0;
}

static bool read_at(int fd, char *into, size_t bytes, off_t offset)
{
    while (bytes > 0) {
        ssize_t got = pread(fd, into, bytes, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        into += got;
        offset += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* From the end down to `floor`. The buffer holds a block and, behind it, the head of the line that was cut by the block
 * after it. */
static enum sp_status search_file(struct search *search, int fd, off_t end, off_t floor)
{
    size_t carried = 0;
    char *buffer = malloc(BLOCK_BYTES + SP_MAX_CALL_LINE_BYTES);
    if (buffer == NULL)
        return SP_NO_MEMORY;
    enum sp_status result = SP_NOT_FOUND;
    for (off_t at = end; at > floor && search->found->count < SP_MAX_CALLS_OF_ID;) {
        size_t bytes = at - floor > (off_t)BLOCK_BYTES ? BLOCK_BYTES : (size_t)(at - floor);
        bool was_found = search->found->count > 0;
        /* A line beyond all limits is passed over. */
        if (carried > SP_MAX_CALL_LINE_BYTES)
            carried = 0;
        memmove(buffer + bytes, buffer, carried);
        at -= (off_t)bytes;
        if (!read_at(fd, buffer, bytes, at)) {
            result = SP_IO;
            break;
        }
        carried = search_lines(search, sp_str(buffer, bytes + carried), at == 0);
        if (search->found->count > 0 && !was_found && at - FURTHER_BYTES > floor)
            floor = at - FURTHER_BYTES;
    }
    free(buffer);
    return search->found->count > 0 ? SP_OK : result;
}

/* ---- the rotated ones ---- */

/* Packed files are read front to back: the last line with the id counts, as in the others. */
static enum sp_status search_packed(struct search *search, const char *path)
{
    struct sp_log_lines *lines = NULL;
    struct sp_str line;
    enum sp_status status = sp_log_lines_open(path, &lines);
    while (status == SP_OK && (status = sp_log_lines_next(lines, &line)) == SP_OK)
        look_at(search, line, true);
    sp_log_lines_close(&lines);
    return search->found->count > 0 ? SP_OK : status;
}

static bool is_marked(const struct sp_log_mark *mark, const struct stat *status)
{
    return mark->inode != 0 && mark->device == status->st_dev && mark->inode == status->st_ino &&
           mark->end <= status->st_size;
}

/* Behind the mark, where there is one; *is_rest tells that it was so. The line that was cut by the mark is read again.
 */
static enum sp_status search_plain(struct search *search, const char *path, struct sp_log_mark *mark, bool *is_rest)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SP_IO;
    enum sp_status result = SP_IO;
    if (fstat(fd, &status) == 0) {
        *is_rest = is_marked(mark, &status);
        off_t floor =
            *is_rest && mark->end > (off_t)SP_MAX_CALL_LINE_BYTES ? mark->end - (off_t)SP_MAX_CALL_LINE_BYTES : 0;
        result = search_file(search, fd, status.st_size, floor);
        *mark = (struct sp_log_mark){status.st_dev, status.st_ino, status.st_size, *is_rest ? mark->unreadable : 0};
    }
    close(fd);
    return result;
}

static enum sp_status search_rotated(struct search *search, const char *path, struct sp_log_found *found)
{
    struct sp_log_file *list = calloc(SP_MAX_ROTATED_LOGS, sizeof *list);
    if (list == NULL)
        return SP_NO_MEMORY;
    size_t count = sp_log_files_rotated(path, list, &found->unreadable);
    enum sp_status status = SP_NOT_FOUND;
    for (size_t i = 0; i < count && status == SP_NOT_FOUND; i++) {
        struct sp_log_mark mark = {0};
        bool is_rest;
        status = list[i].is_packed ? search_packed(search, list[i].path)
                                   : search_plain(search, list[i].path, &mark, &is_rest);
        if (status == SP_OK)
            status = sp_arena_copy(search->arena, sp_str_from_cstr(list[i].path), &found->file);
        else if (status == SP_IO) {
            found->unreadable++;
            status = SP_NOT_FOUND;
        }
    }
    free(list);
    return status;
}

enum sp_status sp_log_find(struct sp_arena *arena, const char *path, struct sp_str request_id, struct sp_log_mark *mark,
                           struct sp_log_found *out)
{
    struct sp_log_found found = {.file = sp_str_from_cstr(path)};
    struct search search = {.arena = arena, .id = request_id, .found = &found};
    bool is_rest = false;
    search.needle = sp_arena_printf(arena, "\"%.*s\"", SP_STR_ARG(request_id));
    if (search.needle.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = search_plain(&search, path, mark, &is_rest);
    if (status == SP_NOT_FOUND && !is_rest) {
        status = search_rotated(&search, path, &found);
        mark->unreadable = found.unreadable;
    }
    found.unreadable = mark->unreadable;
    found.line = found.lines[0];
    if (status == SP_OK || status == SP_NOT_FOUND)
        *out = found;
    return status;
}
