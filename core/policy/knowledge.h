/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the issuers at this moment: keys.json as the key keeper writes it, joined with what the policy
 * itself says of keys (a secret for HS*). Immutable once handed out and counted; swapped independently of the policy,
 * but made for one: its issuers are in the policy's order.
 *
 *   {"generation":N,"issuers":{NAME:{"jwks":{…},"unusable_jwks":{…},"old_jwks":{…},"unadopted_jwks":{…},"published_issuer":"…",
 *    "previous_kids":[…],"fetched_at":…,"stale_since":…,"stale_until":…,"failure":ID,"failure_reason":ID,"failure_detail":"…","clock_skew_s":N,"advertised_algorithms":["RS256",…]}}}
 *
 * unusable_jwks has no key that may verify, and stands where there is no jwks: it says what is wrong with the key that
 * a token names. Members that are absent are not known; an issuer that is not in the policy is skipped; a jwks that
 * cannot be read leaves its issuer without keys and never spoils the others. */
#ifndef SP_POLICY_KNOWLEDGE_H
#define SP_POLICY_KNOWLEDGE_H

#include "core/policy/policy.h"

struct sp_knowledge {
    int64_t generation;            /* of keys.json; 0: there was none */
    unsigned char keys_sha256[32]; /* of what can verify, and whether it may: not of the time of a fetch */
    struct sp_world world;
};

/* text: keys.json, or empty when there is none yet. Takes a reference on the policy. SP_MALFORMED with *error when text
 * is no JSON object; *out untouched on failure. */
SP_MUST_CHECK enum sp_status sp_knowledge_parse(struct sp_str text, struct sp_policy *policy, struct sp_knowledge **out,
                                                struct sp_json_error *error);

/* Before it is handed out: keys that the shell read from the issuer's jwks_file, used while keys.json brought none.
 * Takes a reference. */
void sp_knowledge_offer_keys(struct sp_knowledge *knowledge, size_t issuer, const struct sp_jwk_set *keys);

void sp_knowledge_destroy(struct sp_knowledge **knowledge);

#endif
