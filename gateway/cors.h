/* SPDX-License-Identifier: Apache-2.0 */
/* CORS where the route says `answer`: the gateway answers preflights and puts the headers on responses, refusals
 * included, so that a browser's script can read why. With `pass` preflights go to the API without a credential (a
 * browser sends none). */
#ifndef SP_GATEWAY_CORS_H
#define SP_GATEWAY_CORS_H

#include "gateway/call.h"

/* OPTIONS with Origin and Access-Control-Request-Method (Fetch 4.8). */
bool sp_cors_is_preflight(const struct sp_call *call);
/* Answers a preflight, with 204 also where the browser will make no call of it: cors.preflight_rejected is then the
 * call's cause. What the phase handler returns. */
ngx_int_t sp_cors_answer(struct sp_call *call);
/* Answers a preflight for what is for anybody to read. What the phase handler returns. */
ngx_int_t sp_cors_answer_for_anybody(struct sp_call *call);
/* Puts Access-Control-Allow-Origin etc. on a response of a route that answers for itself, and on what is for anybody.
 */
ngx_int_t sp_cors_add_headers(struct sp_call *call);

#endif
