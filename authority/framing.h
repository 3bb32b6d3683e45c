/* SPDX-License-Identifier: Apache-2.0 */
/* Where does a request end? libmicrohttpd (0.9.75) takes the first of two lengths, passes over codings that it does not
 * know, takes `Transfer-Encoding :` for another header and reads a folded length as none; whoever stands in front may
 * read the same bytes otherwise (RFC 9112 11.2). What is not beyond doubt is refused here before any of its body is
 * read, and the connection ends. Pure. */
#ifndef SP_AUTHORITY_FRAMING_H
#define SP_AUTHORITY_FRAMING_H

#include <stdbool.h>
#include "core/base/str.h"

struct sp_framing {
    unsigned lengths, codings; /* how many headers */
    struct sp_str coding;
    bool has_bad_header; /* white space before its colon, a folded line, a CR in its value */
};

struct sp_framing_fault {
    int status; /* 0: there is none */
    struct sp_str expected, received;
};

/* One header of the request. Keeps value. */
void sp_framing_add(struct sp_framing *framing, struct sp_str name, struct sp_str value);
/* What is wrong, of a request for this target by this version ("HTTP/1.1"). Texts are constant or the header's. */
struct sp_framing_fault sp_framing_judge(const struct sp_framing *framing, struct sp_str target, struct sp_str version);

#endif
