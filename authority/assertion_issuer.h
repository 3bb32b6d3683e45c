/* SPDX-License-Identifier: Apache-2.0 */
/* Whose assertions are as good as a person's or a workload's own word (RFC 7523 2.1): another identity provider, a
 * cluster that gives its workloads tokens, a build service. Each is trusted for what is written here and no more. */
#ifndef SP_AUTHORITY_ASSERTION_ISSUER_H
#define SP_AUTHORITY_ASSERTION_ISSUER_H

#include "authority/client.h"

struct sp_settings_reader;
struct sp_authority_settings;
struct sp_json;

/* Whom its subjects are here. */
enum sp_subject_rule {
    SP_SUBJECT_ACCOUNT_NAME, /* an account, by what the person types to sign in */
    SP_SUBJECT_ACCOUNT_ID,   /* an account, by its sub */
    SP_SUBJECT_AS_IS,        /* nobody of ours: "NAME:subject", so that it can never be taken for an account */
};

struct sp_assertion_issuer {
    struct sp_str name;   /* of the section */
    struct sp_str issuer; /* `iss`, byte for byte */
    const struct sp_jwk_set *keys;
    struct sp_str jwks_uri;      /* or where they are; absent: nowhere */
    struct sp_str subject_claim; /* which claim names the subject */
    enum sp_subject_rule rule;
    struct sp_str_list scopes; /* what its assertions may get at most, within the client's */
    int64_t max_lifetime_s;    /* of an assertion, from now */
    bool single_use;           /* each jti once */
};

/* Reads `authority.assertion_issuers`. SP_MALFORMED with the reader's error. */
SP_MUST_CHECK enum sp_status sp_assertion_issuers_read(struct sp_settings_reader *reader, const struct sp_json *section,
                                                       struct sp_authority_settings *settings);
/* By `iss`; NULL: it is not trusted. */
const struct sp_assertion_issuer *sp_assertion_issuer_find(const struct sp_authority_settings *settings,
                                                           struct sp_str issuer);

#endif
