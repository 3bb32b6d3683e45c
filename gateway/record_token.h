/* SPDX-License-Identifier: Apache-2.0 */
/* What a call's line tells of its credential, so that the call can be judged again under another policy (`explain
 * --what-if`, `backtest`; read by core/backtest/recorded_call.c): how it was presented, and of an accepted token what
 * call_log.claims wants. A refused token is told by its verdict already. Never the token, its signature or a key.
 *
 *   "presented":"dpop"|"query"|"api_key"|"none"     absent: a bearer header, or it was not looked at
 *   "preflight":METHOD
 *   "judged_as_of":ISSUER                            of a refused token
 *   "token":{…}                                      of an accepted one: core/backtest/recorded_token.h */
#ifndef SP_GATEWAY_RECORD_TOKEN_H
#define SP_GATEWAY_RECORD_TOKEN_H

#include "gateway/call.h"

void sp_record_credential(struct sp_json_writer *json, const struct sp_call *call);

#endif
