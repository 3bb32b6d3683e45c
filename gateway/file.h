/* SPDX-License-Identifier: Apache-2.0 */
/* A watched file: whether it changed since it was last read, and its bytes. */
#ifndef SP_GATEWAY_FILE_H
#define SP_GATEWAY_FILE_H

#include <sys/types.h>
#include <time.h>

#include "core/base/status.h"
#include "core/base/str.h"

struct sp_file {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
    bool exists;
};

/* Fills *now; true when it differs from *seen. */
bool sp_file_differs(const char *path, const struct sp_file *seen, struct sp_file *now);

/* Whole content on the heap (free it), at most max_bytes. SP_NOT_FOUND, SP_TOO_LARGE, SP_IO with errno, SP_NO_MEMORY.
 */
SP_MUST_CHECK enum sp_status sp_file_read(const char *path, size_t max_bytes, struct sp_str *content);

#endif
