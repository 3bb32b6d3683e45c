/* SPDX-License-Identifier: Apache-2.0 */
/* What a call's line tells of an accepted token, so that the call can be judged again under another policy; read by
 * recorded_call.h. Never the token, its signature or a key.
 *
 *   "token":{"kind":"opaque","issuer":…,"header":{"alg":…,"typ":…},"claims":{…},"kept":{…},"bound":"key"|"certificate"|"both",
 *            "proven":true,"introspected":true,"whole":true,"bytes":840}
 *
 * A whole token stands there as its issuer wrote it. That it is one value of the line rests on the examination: only
 * JSON that was parsed is accepted. */
#ifndef SP_BACKTEST_RECORDED_TOKEN_H
#define SP_BACKTEST_RECORDED_TOKEN_H

#include "core/base/json.h"
#include "core/diagnosis/facts.h"

struct sp_token_told {
    const struct sp_facts *facts;
    struct sp_str token;                     /* as it was presented */
    struct sp_str issuer;                    /* as it is configured */
    bool whole;                              /* all of header and claims of a JWT, in place of what the policy keeps */
    bool looks_at_key, looks_at_certificate; /* the API takes it only with proof when it is bound, and took it */
};

/* The value of the member "token". arena: for the decoded segments; NULL: what is kept is told, whatever was wanted. */
void sp_recorded_token_write(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_token_told *told);

#endif
