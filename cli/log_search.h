/* SPDX-License-Identifier: Apache-2.0 */
/* The line of one request in a call log: read backwards from the end, because people ask about what has just happened;
 * then in the rotated files beside it, newest first. Memory is bounded by the longest line. */
#ifndef SP_CLI_LOG_SEARCH_H
#define SP_CLI_LOG_SEARCH_H

#include "core/base/arena.h"
#include "core/base/json.h"

struct sp_log_found {
    const struct sp_json *line; /* in the arena */
    struct sp_str file;
    unsigned unreadable; /* rotated files that could not be read (compressed, or no permission) */
};

/* path: NUL-terminated. SP_NOT_FOUND: in none of the files; SP_IO: the log itself cannot be opened (errno);
 * SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_log_find(struct sp_arena *arena, const char *path, struct sp_str request_id,
                                         struct sp_log_found *found);

#endif
