/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees at an address of the authority while it is away: the one page of the gateway's own. Programs get
 * the problem; a browser that was sent to /authorize would show its bytes. */
#ifndef SP_GATEWAY_AWAY_PAGE_H
#define SP_GATEWAY_AWAY_PAGE_H

#include "gateway/call.h"

/* The request's Accept names text/html, as that of a browser that goes to a page; a script's own does not. */
bool sp_away_page_is_wanted(const ngx_http_request_t *request);

/* Status 503 and Retry-After are the caller's; headers of the page (CSP …) are set here. NGX_ERROR without memory. */
ngx_int_t sp_away_page_make(struct sp_call *call, struct sp_arena *arena, struct sp_str *html);

#endif
