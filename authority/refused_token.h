/* SPDX-License-Identifier: Apache-2.0 */
/* Why a presented access token is none of ours that is alive, by the same examination that the gateway makes. */
#ifndef SP_AUTHORITY_REFUSED_TOKEN_H
#define SP_AUTHORITY_REFUSED_TOKEN_H

#include "authority/access_token.h"

/* What sp_access_token_find said of value: token (all zero where nothing is known of it) and cause. Texts are in the
 * call's arena. */
struct sp_finding sp_refused_token_judge(struct sp_call *call, struct sp_str value, const struct sp_live_token *token,
                                         enum sp_cause cause);

#endif
