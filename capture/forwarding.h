/* SPDX-License-Identifier: Apache-2.0 */
/* A client's request, led on to the issuer as it came, and the answer as it was given: one blocking transfer. */
#ifndef SP_CAPTURE_FORWARDING_H
#define SP_CAPTURE_FORWARDING_H

#include "core/base/buffer.h"
#include "core/flow/exchange.h"

#define SP_FORWARDED_HEADERS 200u

struct sp_forwarding {
    struct sp_arena *arena;
    struct sp_buffer body, answer;
    struct sp_flow_header request[SP_FORWARDED_HEADERS], response[SP_FORWARDED_HEADERS];
    struct sp_flow_exchange exchange; /* its headers are the rows above */
    bool answer_too_large;
    int fd; /* to the client; -1: not known */
};

/* Method, URL (ending with NUL), headers and started_ms of the exchange are set; fills status, response headers,
 * server's address or failure, and the answer. ca_file ends with NUL; absent: the system's. Ends early once fd is
 * closed. */
void sp_forward(struct sp_forwarding *forwarding, struct sp_str ca_file);
/* Of one hop (RFC 9110 7.6.1), or curl's to make. */
bool sp_is_hop_header(struct sp_str name);
/* The clock that exchanges are dated by. */
int64_t sp_forwarding_now_ms(void);

#endif
