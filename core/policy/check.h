/* SPDX-License-Identifier: Apache-2.0 */
/* The part of `sallyport check` that needs files: certificates. Whoever calls brings the eyes (probe/), the judgement
 * is here. Everything that the text alone shows is checked by parsing already. */
#ifndef SP_POLICY_CHECK_H
#define SP_POLICY_CHECK_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

struct sp_certificate_look {
    struct sp_str fault; /* why a file cannot be read or understood; none: it can */
    bool key_fits;       /* or no key was asked about */
    bool chain_complete; /* each certificate is issued by the next one, up to a self-signed one, a known root, or one
                            below which nothing says that more is missing */
    struct sp_str subject, issuer_of_last;
    int64_t not_before, not_after; /* of the whole chain: the latest and the earliest */
};

struct sp_certificate_eyes {
    void *context;
    /* key_file may be empty (a file of authorities): then chain and key are not looked at. Texts in arena. */
    void (*look)(void *context, struct sp_arena *arena, struct sp_str certificate_file, struct sp_str key_file,
                 struct sp_certificate_look *look);
    /* Who may read a private key's file that should not, in words; absent: nobody. NULL: it is not looked at. */
    struct sp_str (*exposure)(void *context, struct sp_arena *arena, struct sp_str key_file);
};

/* Certificates within this time of their end are warned of: who checks plans ahead; serve warns later (tls.h). */
#define SP_CERTIFICATE_PLANNING_S (30 * INT64_C(86400))

/* tolerates_dates: one that has expired, or is not valid yet, is a warning and no error. */
SP_MUST_CHECK enum sp_status sp_policy_check_certificates(const struct sp_policy *policy,
                                                          const struct sp_certificate_eyes *eyes, int64_t now,
                                                          bool tolerates_dates, struct sp_policy_report *report);

/* A problem whose place is that of a value of policy->source: file, line and column are filled. For who finds more. */
struct sp_policy_problem sp_policy_place(const struct sp_policy *policy, const struct sp_json *value);

#endif
