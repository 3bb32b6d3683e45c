/* SPDX-License-Identifier: Apache-2.0 */
/* OAuth 2.0 Protected Resource Metadata (RFC 9728): answered by the gateway for every API that has it on, at
 * /.well-known/oauth-protected-resource followed by the API's path; named in the challenge of a 401. Every page may
 * read it. */
#ifndef SP_GATEWAY_RESOURCE_METADATA_H
#define SP_GATEWAY_RESOURCE_METADATA_H

#include "gateway/call.h"

/* NGX_DECLINED: the request is not for metadata. */
ngx_int_t sp_resource_metadata_serve(struct sp_call *call);
/* The document's URL for the call's API, in the call's arena; none without memory, or where it is not known which
 * host the API has. */
struct sp_str sp_resource_metadata_url(struct sp_call *call);

#endif
