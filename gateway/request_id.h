/* SPDX-License-Identifier: Apache-2.0 */
/* A call's id: what `sallyport explain` asks for. Taken from the client when it is safe to write anywhere, else made.
 */
#ifndef SP_GATEWAY_REQUEST_ID_H
#define SP_GATEWAY_REQUEST_ID_H

#include "gateway/gateway.h"

struct sp_call;

#define SP_REQUEST_ID_BYTES 32u

struct sp_request_ids {
    uint64_t count, seed; /* both random at the start of a worker */
};

ngx_int_t sp_request_ids_init(struct sp_request_ids *ids);
void sp_request_id_make(struct sp_request_ids *ids, u_char text[SP_REQUEST_ID_BYTES]);

/* 1 to 128 bytes of letters, digits and -_.=+/:@~ : nothing that a header, a log or a shell takes for more than text.
 */
bool sp_request_id_is_valid(struct sp_str id);
/* The trace id of a `traceparent` (W3C Trace Context); none when it is not one. */
struct sp_str sp_request_id_of_traceparent(struct sp_str traceparent);

/* Gives the call its id (once): the client's if valid, else made. The request's headers must have been read. */
ngx_int_t sp_call_identify(struct sp_call *call);

#endif
