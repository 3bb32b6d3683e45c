/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of one request id in a call log: read backwards from the end, because people ask about what has just
 * happened; then in the rotated files beside it, newest first. Memory is bounded by the longest line.
 *
 * An id may stand in the log more than once: clients choose it, and calls of one trace share it. The newest ends the
 * search, but for what stands a little further up. */
#ifndef SP_CLI_LOG_SEARCH_H
#define SP_CLI_LOG_SEARCH_H

#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/json.h"

#define SP_MAX_CALLS_OF_ID 32u

/* How far a log has been searched in vain, so that the next look reads what was written since. Zero: not at all. */
struct sp_log_mark {
    dev_t device;
    ino_t inode;
    off_t end;
    unsigned unreadable; /* rotated files, as below */
};

struct sp_log_found {
    const struct sp_json *line;                      /* the newest */
    const struct sp_json *lines[SP_MAX_CALLS_OF_ID]; /* newest first; in the arena */
    size_t count;
    struct sp_str file;
    unsigned unreadable; /* rotated files that could not be read (compressed, or no permission) */
};

/* path: NUL-terminated. SP_NOT_FOUND: in none of the files, and *mark is set; SP_IO: the log itself cannot be opened
 * (errno); SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_log_find(struct sp_arena *arena, const char *path, struct sp_str request_id,
                                         struct sp_log_mark *mark, struct sp_log_found *found);

#endif
