/* SPDX-License-Identifier: Apache-2.0 */
/* A file of any kind that is known, read into a capture. */
#ifndef SP_CAPTURE_RECORDING_H
#define SP_CAPTURE_RECORDING_H

#include "core/flow/report.h"

#define SP_RECORDING_REMARKS 32u

struct sp_recording {
    const char *kind; /* "har", "pcap", "log" */
    uint64_t bytes, exchanges;
    bool is_unread; /* broken from its beginning: that nothing was found in it means nothing */
    bool is_empty;  /* whole, and without anything that could be an exchange: no byte, or a HAR without entries */
    struct sp_str remarks[SP_RECORDING_REMARKS]; /* in the capture's arena */
    size_t remark_count;
};

struct sp_recording_terms {
    const char *path;   /* "-": standard input */
    const char *keylog; /* for tshark; NULL: none */
};

/* SP_NOT_FOUND, SP_IO (errno), SP_NO_MEMORY; SP_UNSUPPORTED: *why says what is missing (tshark), a whole sentence. What
 * is broken inside is a remark, not a failure. */
SP_MUST_CHECK enum sp_status sp_recording_read(const struct sp_recording_terms *terms, struct sp_flow_capture *capture,
                                               struct sp_recording *recording, const char **why);

#endif
