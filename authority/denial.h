/* SPDX-License-Identifier: Apache-2.0 */
/* How an endpoint says no: the cause with both sides of the comparison goes to the log, the client gets what RFC
 * 6749 5.2 allows – the error code of the cause and a sentence that helps without telling what is registered here. */
#ifndef SP_AUTHORITY_DENIAL_H
#define SP_AUTHORITY_DENIAL_H

#include "authority/call.h"

struct sp_denial {
    enum sp_cause cause;
    struct sp_str expected, received, detail; /* for the log; never a secret */
    const char *error;  /* error code where the specification wants another than the cause's own; or NULL */
    int status;         /* likewise; 0: the cause's own */
    struct sp_str tell; /* one more sentence for the client, about what it sent itself; may be absent */
};

/* Writes the JSON error into call->answer and the finding for the log; returns SP_DENIED. */
enum sp_step sp_deny(struct sp_call *call, const struct sp_denial *denial);
#define SP_DENY(call, ...) sp_deny((call), &(const struct sp_denial){__VA_ARGS__})

/* Our own failure: the store is locked, full or gone, memory is short. 503 with Retry-After, or 500; nothing was
 * issued. */
enum sp_step sp_deny_failure(struct sp_call *call, enum sp_status status);

/* Too much waits already: 503 with Retry-After, and what the call waited for is dropped. */
enum sp_step sp_deny_busy(struct sp_call *call);

/* The error code that the client will see, and its sentence: characters outside RFC 6749 5.2's set are replaced. */
struct sp_str sp_denial_description(struct sp_call *call, const struct sp_denial *denial);
const char *sp_denial_error(const struct sp_denial *denial);

#endif
