/* SPDX-License-Identifier: Apache-2.0 */
/* Debian's tshark as a confined child: it parses what strangers sent, so it gets the capture as its standard input, one
 * pipe to answer, no identity of root, no other descriptor, an end to its memory and time, and neither network nor
 * files (confinement.h). What it says is not believed either (core/flow/dissection.h). */
#ifndef SP_CAPTURE_TSHARK_H
#define SP_CAPTURE_TSHARK_H

#include <stdbool.h>
#include "core/base/status.h"
#include "core/base/str.h"

/* A capture of a gigabyte takes tshark minutes; one that says nothing for this long says nothing more. */
#define SP_TSHARK_IDLE_S 120
#define SP_TSHARK_CPU_S 3600u
#define SP_TSHARK_MEMORY_BYTES (6ull * 1024 * 1024 * 1024)

typedef void sp_tshark_sink(void *context, struct sp_str bytes);

struct sp_tshark_end {
    int exit_status; /* -1: ended by a signal */
    bool timed_out;
    char complaint[400]; /* the last that it said on stderr */
};

/* path: the capture. keylog: TLS secrets, or NULL. SP_UNSUPPORTED: there is no tshark; SP_NOT_FOUND, SP_IO (errno). */
SP_MUST_CHECK enum sp_status sp_tshark_run(const char *path, const char *keylog, sp_tshark_sink *sink, void *context,
                                           struct sp_tshark_end *end);

#endif
