/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: what is kept of a token that passed everything that does not depend on the route (form, key, signature,
 * issuer, time). Small enough for a cache entry (≤ 300 bytes with its share of the index); what the route requires is
 * judged on them on every request without parsing the token again. Packed form: one block of bytes, position
 * independent, for shared memory. */
#ifndef SP_DIAGNOSIS_FACTS_H
#define SP_DIAGNOSIS_FACTS_H

#include "core/diagnosis/exam.h"
#include "core/jose/algorithm.h"

/* What the header's typ said, as far as a rule can ask. */
enum sp_type_said { SP_TYPE_ABSENT, SP_TYPE_ACCESS_TOKEN, SP_TYPE_JWT, SP_TYPE_OTHER };

struct sp_facts {
    uint16_t issuer; /* index into the world's issuers */
    enum sp_token_kind kind;
    enum sp_algorithm algorithm; /* of a JWT */
    enum sp_type_said type;
    int64_t expires_at, not_before, issued_at, auth_time;    /* 0: absent */
    struct sp_str subject, client_id, scope, audiences, acr; /* scope and audiences: joined by one space */
    struct sp_str claims; /* JSON object of only those claims that the policy's rules and identity headers name, each
                           * under the name (or path) by which it is kept; may be empty */
    bool bound_to_key, bound_to_certificate, email_verified;
    bool introspected; /* its issuer was asked and said active */
    unsigned char jkt_sha256[32], x5t_sha256[32];
};

/* Names to project into `claims`. */
struct sp_kept_claims {
    struct sp_str_list names;
    struct sp_str_list told; /* of them, those whose absence is kept too, as null: a log says that the token had none */
};

/* Whether the confirmation (`cnf`) binds the token by this member. One that is no object (RFC 7800 3.1 wants one) binds
 * in every way, to what nobody can show; null is as if it were not there. */
bool sp_confirmation_binds(const struct sp_json *cnf, struct sp_str member);

/* From a done, accepted examination. Texts live in arena. */
SP_MUST_CHECK enum sp_status sp_facts_from_exam(const struct sp_exam *exam, const struct sp_kept_claims *kept,
                                                struct sp_arena *arena, struct sp_facts *facts);

size_t sp_facts_packed_size(const struct sp_facts *facts);
void sp_facts_pack(const struct sp_facts *facts, void *block);
/* Texts point into block. SP_MALFORMED if lengths do not add up. */
SP_MUST_CHECK enum sp_status sp_facts_unpack(const void *block, size_t bytes, struct sp_facts *facts);

/* The first check that the facts fail for these requirements, or SP_CHECK_COUNT when all hold. No allocation. A failure
 * is then explained by a full examination. Bindings are judged by the caller's possession through sp_exam only: facts
 * with a binding, or requirements that ask for one, answer SP_CHECK_BINDING. */
enum sp_check sp_facts_judge(const struct sp_facts *facts, const struct sp_requirements *requirements,
                             const struct sp_world *world, int64_t now);

#endif
