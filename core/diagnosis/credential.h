/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the one credential of a request (RFC 6750 2, RFC 9449 7.1, API keys): from exactly one place. Pure: the shell
 * hands over the header values and the query string. */
#ifndef SP_DIAGNOSIS_CREDENTIAL_H
#define SP_DIAGNOSIS_CREDENTIAL_H

#include "core/diagnosis/finding.h"
#include "core/diagnosis/requirements.h"

enum sp_credential_kind { SP_CREDENTIAL_NONE, SP_CREDENTIAL_BEARER, SP_CREDENTIAL_DPOP, SP_CREDENTIAL_API_KEY };

struct sp_presented {
    struct sp_str_list authorization; /* every Authorization header's value */
    struct sp_str_list api_key;       /* every X-API-Key header's value */
    struct sp_str query;              /* raw query string */
    struct sp_str
        seen_at; /* the hop in front whose log or capture shows an Authorization header of this request; or none */
    bool accepts_bearer, accepts_dpop, accepts_api_key, accepts_query;
};

struct sp_credential {
    enum sp_credential_kind kind;
    struct sp_str value;
    bool from_query;
};

/* Returns SP_CAUSE_NONE with *credential filled, or token.missing, token.missing.header_stripped, token.duplicated,
 * token.in_query, token.scheme_unsupported with *finding's evidence filled. No allocation. */
enum sp_cause sp_credential_find(const struct sp_presented *presented, struct sp_credential *credential,
                                 struct sp_finding *finding);

/* Does a form (application/x-www-form-urlencoded) carry one besides, as RFC 6750 2.2 has it? */
bool sp_credential_is_in_form(struct sp_str form);

#endif
