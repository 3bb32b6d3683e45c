/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log_files.h"

#include <stdlib.h>

#include "capture/source.h"
#include "core/base/limits.h"

struct sp_log_lines {
    struct sp_source *source;
    struct sp_str rest; /* of the piece, not handed on yet */
    char *carried;      /* the head of a line that goes on in the next piece */
    size_t carried_len;
    bool is_passing; /* the line is too long: all up to its end is passed over */
    bool at_end;
    uint64_t bytes, too_long;
    const char *fault;
};

enum sp_status sp_log_lines_open(const char *path, struct sp_log_lines **out)
{
    struct sp_log_lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        return SP_NO_MEMORY;
    lines->carried = malloc(SP_MAX_CALL_LINE_BYTES);
    enum sp_status status = lines->carried != NULL ? sp_source_open(path, &lines->source) : SP_NO_MEMORY;
    if (status == SP_OK)
        *out = lines;
    else
        sp_log_lines_close(&lines);
    return status;
}

void sp_log_lines_close(struct sp_log_lines **lines)
{
    if (*lines == NULL)
        return;
    if ((*lines)->source != NULL)
        sp_source_close(&(*lines)->source);
    free((*lines)->carried);
    free(*lines);
    *lines = NULL;
}

static void carry(struct sp_log_lines *lines, struct sp_str part)
{
    if (lines->is_passing)
        return;
    if (part.len > SP_MAX_CALL_LINE_BYTES - lines->carried_len) {
        lines->is_passing = true;
        lines->carried_len = 0;
        lines->too_long++;
        return;
    }
    if (part.len > 0)
        memcpy(lines->carried + lines->carried_len, part.at, part.len);
    lines->carried_len += part.len;
}

static enum sp_status refill(struct sp_log_lines *lines)
{
    enum sp_status status = sp_source_read(lines->source, &lines->rest, &lines->fault);
    if (status != SP_OK && status != SP_MALFORMED)
        return status;
    lines->at_end = status == SP_MALFORMED || lines->rest.len == 0;
    lines->bytes += lines->rest.len;
    return SP_OK;
}

/* Up to the end of a line in what is at hand; false: it has none. */
static bool take_line(struct sp_log_lines *lines, struct sp_str *line)
{
    size_t end = sp_str_index_of(lines->rest, '\n', 0);
    struct sp_str part = sp_str_slice(lines->rest, 0, end);
    bool is_whole = end < lines->rest.len;
    lines->rest = sp_str_slice(lines->rest, is_whole ? end + 1 : end, lines->rest.len);
    if (!is_whole) {
        carry(lines, part);
        return false;
    }
    *line = part;
    if (lines->carried_len > 0) {
        carry(lines, part);
        *line = sp_str(lines->carried, lines->carried_len);
    }
    bool was_passing = lines->is_passing;
    lines->carried_len = 0;
    lines->is_passing = false;
    return !was_passing;
}

enum sp_status sp_log_lines_next(struct sp_log_lines *lines, struct sp_str *line)
{
    for (;;) {
        while (lines->rest.len > 0)
            if (take_line(lines, line))
                return SP_OK;
        if (lines->at_end)
            break;
        enum sp_status status = refill(lines);
        if (status != SP_OK)
            return status;
    }
    /* The last line may lack its end. */
    if (lines->carried_len == 0)
        return SP_NOT_FOUND;
    *line = sp_str(lines->carried, lines->carried_len);
    lines->carried_len = 0;
    return SP_OK;
}

uint64_t sp_log_lines_bytes(const struct sp_log_lines *lines)
{
    return lines->bytes;
}

uint64_t sp_log_lines_too_long(const struct sp_log_lines *lines)
{
    return lines->too_long;
}

const char *sp_log_lines_fault(const struct sp_log_lines *lines)
{
    return lines->fault;
}

bool sp_log_lines_are_of(const struct sp_log_lines *lines, const struct sp_log_file *file)
{
    struct stat status;
    return sp_source_stat(lines->source, &status) == SP_OK && status.st_dev == file->device &&
           status.st_ino == file->inode;
}
