/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration that one process of ours hands to another, complete: merged, with its secrets in it, as it was
 * accepted. It goes through memory alone – a sealed memfd, sent over a pair of sockets that the two share from birth –
 * so no file has a secret that it had not before, and what stands on the disk meanwhile does not matter: a file that a
 * reload refused must not keep the other process from starting again. Each is sent whole, so whoever reads one never
 * sees half of the next. */
#ifndef SP_PROBE_HANDED_CONFIGURATION_H
#define SP_PROBE_HANDED_CONFIGURATION_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/base/str.h"

/* The two ends, both closed at exec. SP_IO with errno. */
SP_MUST_CHECK enum sp_status sp_handed_configuration_pair(int *giver, int *taker);
/* Does not wait: SP_IO with errno when the other end is gone or has taken nothing for too long. */
SP_MUST_CHECK enum sp_status sp_handed_configuration_give(int giver, struct sp_str text);
/* The newest that was given, the same again when nothing came since: *held (-1 at first) is what it is kept in, the
 * caller's to close. SP_NOT_FOUND: none came yet; SP_TOO_LARGE: beyond SP_MAX_POLICY_BYTES; SP_IO with errno. */
SP_MUST_CHECK enum sp_status sp_handed_configuration_take(int taker, int *held, struct sp_arena *arena,
                                                          struct sp_str *text);

#endif
