/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor: walks the whole chain from a name to a token, live, and fills a report (core/diagnosis/doctor_report.h).
 * It looks and never judges: what it saw goes to the pure functions of core/diagnosis. Nothing it does has an effect at
 * the other end but one token, where a client is given. Independent questions are asked at once. */
#ifndef SP_PROBE_DOCTOR_H
#define SP_PROBE_DOCTOR_H

#include "core/diagnosis/doctor_report.h"
#include "core/diagnosis/requirements.h"
#include "core/jose/crypto.h"

/* The gateway's own credentials for asking about opaque tokens. */
struct sp_doctor_introspection {
    struct sp_str endpoint; /* absent: discovery */
    struct sp_str method, client_id, client_secret;
    const struct sp_key *key; /* NULL: none */
    struct sp_str kid;
    const char *trouble; /* why they cannot be used; NULL: they can */
};

struct sp_doctor_question {
    struct sp_str name;     /* in the configuration; absent: none */
    struct sp_str issuer;   /* URL, byte for byte; of an upstream its URL; absent where only keys are configured */
    struct sp_str jwks_uri; /* configured by hand; absent: discovery */
    struct sp_str ca_file, certificate_file, key_file; /* absent: the system's trust store, no client certificate */
    struct sp_str client_id, client_secret;
    const struct sp_key *key; /* of the client, for private_key_jwt; NULL: none */
    struct sp_str kid;
    const struct sp_doctor_introspection *introspection; /* NULL: not tried */
    struct sp_str redirect_uri, scope, audience, api;    /* what to try with the client; absent: not tried */
    uint32_t algorithms;                                 /* that tokens may have; 0: any asymmetric one */
    struct sp_str_list blocked_networks;
    struct sp_str_list references; /* URLs of other servers, for their Date headers */
    int64_t timeout_ms;            /* of each question */
    const char *memory_folder;     /* what was seen before is kept here; NULL: nothing is */
    /* Told when a step begins and when it ended, for a line of progress. NULL: nobody is. */
    void (*told)(void *context, const struct sp_doctor_report *report, enum sp_step step, bool begins);
    void *context;
};

struct sp_trust;

/* trust: of ca_file. Everything in the report lives in the arena. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_doctor_examine_issuer(struct sp_arena *arena, const struct sp_doctor_question *question,
                                                      struct sp_trust *trust, struct sp_doctor_report *report);
/* An API behind the gateway: its way and its answer to a look without effect. */
SP_MUST_CHECK enum sp_status sp_doctor_examine_upstream(struct sp_arena *arena,
                                                        const struct sp_doctor_question *question,
                                                        struct sp_trust *trust, struct sp_doctor_report *report);

#endif
