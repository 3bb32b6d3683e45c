/* SPDX-License-Identifier: Apache-2.0 */
/* A file, whole, into an arena, up to a ceiling. */
#ifndef SP_PROBE_FILE_H
#define SP_PROBE_FILE_H

#include "core/base/arena.h"

/* *content of an empty file has at != NULL. SP_NOT_FOUND; SP_IO with errno (EISDIR for what is no file to read);
 * SP_TOO_LARGE; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_file_read(struct sp_arena *arena, const char *path, size_t max_bytes,
                                          struct sp_str *content);

#endif
