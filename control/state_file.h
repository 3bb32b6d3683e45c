/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the state directory, replaced so that a reader sees the old one or the new one, never half
 * of one. */
#ifndef SP_CONTROL_STATE_FILE_H
#define SP_CONTROL_STATE_FILE_H

#include "core/base/arena.h"
#include "core/base/buffer.h"

/* Writes a sibling, syncs, renames. mode as for open(2); group -1: the process's own. SP_IO with errno. */
SP_MUST_CHECK enum sp_status sp_state_file_replace(const char *path, struct sp_str content, unsigned mode, int group);
#endif
