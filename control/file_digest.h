/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file is still the one it was, told by its content. */
#ifndef SP_CONTROL_FILE_DIGEST_H
#define SP_CONTROL_FILE_DIGEST_H

#include <stddef.h>
#include "core/base/status.h"

#define SP_FILE_DIGEST_BYTES 32u

/* Of max_bytes at most. SP_IO (errno): it cannot be read; what was read of it, or zeros, is in digest all the same. */
enum sp_status sp_file_digest(const char *path, size_t max_bytes, unsigned char digest[SP_FILE_DIGEST_BYTES]);

#endif
