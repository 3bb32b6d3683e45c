/* SPDX-License-Identifier: Apache-2.0 */
/* capture: recordings from outside into core/flow, and recordings of our own. It opens files, unpacks gzip, runs
 * tshark, listens and forwards; what the bytes mean is core's. A file is read once, front to back, in pieces: its size
 * is no ceiling, and what it says of its own size is not believed. */
#ifndef SP_CAPTURE_SOURCE_H
#define SP_CAPTURE_SOURCE_H

#include <sys/stat.h>

#include "core/base/status.h"
#include "core/base/str.h"

/* Bytes that gzip may unpack to; a HAR of a day's work is below 1 GB, and a bomb ends here. */
#define SP_MAX_UNPACKED_BYTES (8ull * 1024 * 1024 * 1024)
/* Beyond this ratio nothing but a bomb is packed (text packs 20 to 1). */
#define SP_MAX_UNPACKED_RATIO 400u

enum sp_source_kind { SP_SOURCE_TEXT, SP_SOURCE_JSON, SP_SOURCE_PCAP };

struct sp_source;

struct sp_source_fault {
    const char *what; /* a whole sentence; NULL: none */
};

/* path "-": standard input. SP_NOT_FOUND, SP_IO (errno), SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_source_open(const char *path, struct sp_source **source);
void sp_source_close(struct sp_source **source);
/* Of the open file, whatever its name leads to by now. SP_IO. */
SP_MUST_CHECK enum sp_status sp_source_stat(const struct sp_source *source, struct stat *status);
/* By its first bytes, unpacked. */
enum sp_source_kind sp_source_kind(const struct sp_source *source);
/* The next piece, borrowed until the next call; empty at the end. SP_IO (errno), SP_MALFORMED: the packing is broken
 * or a bomb; *fault says it. What was read before counts. */
SP_MUST_CHECK enum sp_status sp_source_read(struct sp_source *source, struct sp_str *piece, const char **fault);

#endif
