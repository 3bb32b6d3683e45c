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

/* Gives the call its id (once): the client's if valid, else made. The request's headers must have been read. */
ngx_int_t sp_call_identify(struct sp_call *call);

#endif
