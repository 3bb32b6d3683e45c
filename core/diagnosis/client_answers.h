/* SPDX-License-Identifier: Apache-2.0 */
/* What a client – here the authority itself, where an upstream provider signs people in – gets in a login, judged: the
 * token response (RFC 6749 5), the ID token (OIDC Core 3.1.3.7), userinfo (5.3). Each function finds the first thing
 * that forbids to go on; a finding without a cause means that nothing does. */
#ifndef SP_DIAGNOSIS_CLIENT_ANSWERS_H
#define SP_DIAGNOSIS_CLIENT_ANSWERS_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/diagnosis/fetch_report.h"
#include "core/diagnosis/finding.h"
#include "core/jose/jwk_set.h"

struct sp_token_response {
    struct sp_str access_token, id_token;
};

/* response.*, or network.* where no answer came. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_token_response_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                                       struct sp_token_response *response, struct sp_finding *finding);

struct sp_id_token_terms {
    struct sp_str issuer, client_id, nonce;
    bool without_nonce;               /* none was sent, because no browser carried a request: device, refresh */
    struct sp_str code, access_token; /* that came with it: c_hash, at_hash */
    uint32_t algorithms;
    const struct sp_jwk_set *keys;
    int64_t now, leeway_s;
};

/* The examination of any token (exam.h), then what only an ID token has: nonce, azp, audiences, hashes, sub. *claims:
 * to be used when the finding is none. */
SP_MUST_CHECK enum sp_status sp_id_token_examine(struct sp_arena *arena, struct sp_str id_token,
                                                 const struct sp_id_token_terms *terms, const struct sp_json **claims,
                                                 struct sp_finding *finding);

/* response.*, userinfo.*; subject: the ID token's. */
SP_MUST_CHECK enum sp_status sp_userinfo_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                                 struct sp_str subject, const struct sp_json **claims,
                                                 struct sp_finding *finding);

#endif
