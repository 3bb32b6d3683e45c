/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that an issuer publishes: what a fetch of its key set or of its metadata brought, judged. Used by the key
 * keeper, by `check
 * --online`, by the doctor and by `keys show`, so that the same words are said everywhere. One finding refuses the
 * document (it comes first); the others say what is odd about one that is used. */
#ifndef SP_DIAGNOSIS_DOCUMENT_H
#define SP_DIAGNOSIS_DOCUMENT_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/diagnosis/fetch_report.h"
#include "core/diagnosis/finding.h"
#include "core/jose/jwk_set.h"

struct sp_document_findings {
    struct sp_finding rows[SP_MAX_FINDINGS];
    size_t count;
    bool refused; /* rows[0] says why */
};

/* The first bytes of a body, as evidence: one line, printable. */
struct sp_str sp_document_first_bytes(struct sp_arena *arena, struct sp_str body);

/* ---- key sets: keys.* ---- */
/* *set: the keys, to be unref'd; NULL when the document is refused. Texts of findings live in the arena. SP_NO_MEMORY:
 * *set is NULL and nothing is known. */
SP_MUST_CHECK enum sp_status sp_keys_document_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                                      struct sp_jwk_set **set, struct sp_document_findings *findings);

/* The cause that names why a member could not be used; SP_CAUSE_NONE for SP_JWK_OK. */
enum sp_cause sp_jwk_fault_cause(enum sp_jwk_fault fault);

/* ---- metadata (OIDC Discovery 3, RFC 8414 2): discovery.* ---- */
struct sp_metadata {
    struct sp_str issuer, jwks_uri, introspection_endpoint, authorization_endpoint, token_endpoint;
    uint32_t algorithms; /* that it lists for ID tokens; 0: it lists none */
    const struct sp_json *json;
};

/* Where metadata may be found, in the order to ask. */
enum sp_metadata_place {
    SP_METADATA_OPENID_APPENDED, /* ISSUER/.well-known/openid-configuration */
    SP_METADATA_OAUTH_INSERTED,  /* HOST/.well-known/oauth-authorization-server/PATH, RFC 8414 3.1 */
    SP_METADATA_OPENID_INSERTED, /* HOST/.well-known/openid-configuration/PATH, RFC 8414 5 */
    SP_METADATA_PLACES,
};

/* Absent without memory, or when issuer is no URL. */
struct sp_str sp_metadata_url(struct sp_arena *arena, struct sp_str issuer, enum sp_metadata_place place);

/* issuer: as configured, byte for byte. What is borrowed lives in the arena. */
SP_MUST_CHECK enum sp_status sp_metadata_examine(struct sp_arena *arena, const struct sp_fetch_report *report,
                                                 struct sp_str issuer, struct sp_metadata *metadata,
                                                 struct sp_document_findings *findings);

/* Evidence, reason and detail of discovery.issuer_mismatch: a document for `expected` that names `received`. */
void sp_metadata_tell_issuer(struct sp_arena *arena, struct sp_str expected, struct sp_str received,
                             struct sp_finding *finding);

/* Members that the standard requires and the gateway can do without: discovery.missing_member, as warnings. */
void sp_metadata_examine_members(const struct sp_metadata *metadata, enum sp_metadata_place place,
                                 struct sp_document_findings *findings);

/* Found elsewhere than at the first place: discovery.path_form, a warning; its texts live in the arena. SP_CAUSE_NONE
 * for the first. */
enum sp_cause sp_metadata_examine_place(struct sp_arena *arena, struct sp_str issuer, enum sp_metadata_place place,
                                        struct sp_finding *finding);
/* The issuer that the document named under its own host, and that under another Host header: discovery.host_reflected
 * when they differ. */
enum sp_cause sp_metadata_compare_hosts(struct sp_str issuer, struct sp_str under_other_host,
                                        struct sp_finding *finding);

/* An endpoint that the document names, and what came of asking it without effect (OPTIONS): discovery.foreign_endpoint,
 * discovery.insecure_endpoint, or the network's cause. report: NULL when it was not asked. */
struct sp_endpoint_evidence {
    struct sp_str name, url; /* "token_endpoint" */
    const struct sp_fetch_report *report;
};
void sp_endpoints_judge(struct sp_arena *arena, const struct sp_endpoint_evidence *endpoints, size_t count,
                        struct sp_document_findings *findings);

#endif
