/* SPDX-License-Identifier: Apache-2.0 */
/* When two paths of URLs are one (RFC 3986 6.2.2, 6.2.3): escaped letters, digits, "-", ".", "_" and "~" are what they
 * stand for, the digits of other escapes compare without case, dot segments are resolved, no path is "/". The gateway
 * routes by nginx's reading, which goes further (it decodes "%2f", merges "//"), and the API reads in its own way: what
 * any of them might take apart stays apart. Dot segments are resolved only where all readers agree on what they take
 * away, and one that holds an escape is a segment like any other; a path with a '%' that begins no escape is left. */
#ifndef SP_BASE_URL_PATH_H
#define SP_BASE_URL_PATH_H

#include "core/base/str.h"

/* Writes the normal form of a path, without query, and returns its length. out: room for path.len bytes, one at least.
 */
size_t sp_url_path_normalise(struct sp_str path, char *out);

#endif
