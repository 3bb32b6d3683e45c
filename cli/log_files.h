/* SPDX-License-Identifier: Apache-2.0 */
/* Where call logs are: in the state directory, with the rotated ones beside them (calls.jsonl.1, calls.jsonl-20261123,
 * calls.jsonl.2.gz), and their lines, front to back, in bounded memory. */
#ifndef SP_CLI_LOG_FILES_H
#define SP_CLI_LOG_FILES_H

#include <sys/stat.h>
#include <time.h>

#include "cli/cli.h"

#define SP_MAX_ROTATED_LOGS 256u

struct sp_log_file {
    char path[1024];
    struct timespec changed;
    dev_t device;
    ino_t inode;
    bool is_packed; /* .gz: read front to back only */
};

/* The path of --log, else NAME in the state directory (--state, systemd's, ./state, /var/lib/sallyport).
 * NUL-terminated; NULL without memory. */
const char *sp_log_path(const struct sp_cli *cli, const char *name);

/* NAME in the state directory. */
const char *sp_state_path(const struct sp_cli *cli, const char *name);

/* The rotated files beside path, newest first; *unreadable counts those that cannot be read (packed otherwise than by
 * gzip). list has room for SP_MAX_ROTATED_LOGS. */
size_t sp_log_files_rotated(const char *path, struct sp_log_file *list, unsigned *unreadable);

/* ---- lines (log_lines.c) ---- */
struct sp_log_lines;

/* gzip is unpacked. SP_NOT_FOUND, SP_IO (errno), SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_log_lines_open(const char *path, struct sp_log_lines **lines);
void sp_log_lines_close(struct sp_log_lines **lines);
/* The next line without its end, borrowed until the next call. SP_NOT_FOUND: there is none; SP_IO (errno). Lines beyond
 * SP_MAX_CALL_LINE_BYTES are passed over and counted. */
SP_MUST_CHECK enum sp_status sp_log_lines_next(struct sp_log_lines *lines, struct sp_str *line);
/* True when this file is the one that is being read: a log that was rotated since it was opened is among the rotated.
 */
bool sp_log_lines_are_of(const struct sp_log_lines *lines, const struct sp_log_file *file);
uint64_t sp_log_lines_bytes(const struct sp_log_lines *lines);    /* read so far, unpacked */
uint64_t sp_log_lines_too_long(const struct sp_log_lines *lines); /* passed over */
const char *sp_log_lines_fault(const struct sp_log_lines *lines); /* what is wrong with the packing; NULL: nothing */

#endif
