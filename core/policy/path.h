/* SPDX-License-Identifier: Apache-2.0 */
/* How else a path may be read. The route is chosen by one reading of it, the decoded and normalised one; the API gets
 * the path as it was sent and reads it by its own rules. Where another reading leads to another API, that API's rules
 * would be gone round, so all readings must lead to one. Pure; asked only of paths that hold something doubtful. */
#ifndef SP_POLICY_PATH_H
#define SP_POLICY_PATH_H

#include "core/base/status.h"
#include "core/base/str.h"

/* True for a path, as it was sent, with a dot segment and beside it something that servers treat in different ways: an
 * escaped slash, a backslash, an escaped dot in a dot segment, an empty segment, parameters (";…") in a dot segment or
 * in an empty one. What the dots take away then depends on the server, and there are more readings than can be tried.
 */
bool sp_path_is_unreadable(struct sp_str sent);

/* Writes the reading of a server that takes '\' for '/', drops the parameters of segments (";…") and merges slashes.
 * path: decoded, without dot segments; out: room for path.len bytes. Returns how many were written. */
size_t sp_path_read_widely(struct sp_str path, char *out);

#endif
