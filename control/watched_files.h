/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a configuration is made of, looked at in turn: its own and all that it names (certificates, keys,
 * authorities, secrets, key sets). What is looked at is the file at the end of a path, so that one put in its place by
 * rename, or behind a symbolic link that was turned, is another. A look costs a stat a file, which no watch on folders
 * would spare: a link may be turned in any folder on the way. */
#ifndef SP_CONTROL_WATCHED_FILES_H
#define SP_CONTROL_WATCHED_FILES_H

#include <stdbool.h>
#include "core/base/str.h"

#define SP_MAX_WATCHED_FILES 1024u

struct sp_watched_file;

struct sp_watched_files {
    struct sp_watched_file *at;
    size_t count, capacity;
    size_t left_out; /* since the beginning: no room, or no memory, for them */
};

/* A configuration is about to be read. Zero it before first use. */
void sp_watched_files_begin(struct sp_watched_files *files);
/* One that it is about to be read from, so that what is written meanwhile is seen as a change. */
void sp_watched_files_add(struct sp_watched_files *files, struct sp_str path);
/* It was read: what it does not name any more is forgotten – unless it was refused, for then it may not have come to
 * all that it names. */
void sp_watched_files_end(struct sp_watched_files *files, bool was_refused);
void sp_watched_files_fini(struct sp_watched_files *files);

/* One of them differs from the last look. One that is gone does not: it is being replaced, and differs when it is back.
 */
bool sp_watched_files_changed(struct sp_watched_files *files);

#endif
