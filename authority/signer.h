/* SPDX-License-Identifier: Apache-2.0 */
/* One signing key with its algorithm and kid (its RFC 7638 thumbprint). */
#ifndef SP_AUTHORITY_SIGNER_H
#define SP_AUTHORITY_SIGNER_H

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/status.h"
#include "core/base/str.h"

struct sp_signer;

/* algorithm: a name of algorithms.def that signs with a key pair. SP_UNSUPPORTED for others. */
SP_MUST_CHECK enum sp_status sp_signer_generate(struct sp_str algorithm, struct sp_signer **signer);
/* The private key as PEM, in arena; the caller wipes it. */
SP_MUST_CHECK enum sp_status sp_signer_export(const struct sp_signer *signer, struct sp_arena *arena,
                                              struct sp_str *pem);
SP_MUST_CHECK enum sp_status sp_signer_import(struct sp_str algorithm, struct sp_str pem, struct sp_signer **signer);
void sp_signer_destroy(struct sp_signer **signer);
struct sp_str sp_signer_kid(const struct sp_signer *signer);
struct sp_str sp_signer_algorithm(const struct sp_signer *signer);
/* The public half as a JWK with use, alg and kid. */
void sp_signer_write_public(const struct sp_signer *signer, struct sp_json_writer *writer);
/* The compact JWS of payload with the header {"typ":…,"alg":…,"kid":…}, in arena. */
SP_MUST_CHECK enum sp_status sp_signer_sign(const struct sp_signer *signer, struct sp_arena *arena, const char *type,
                                            struct sp_str payload, struct sp_str *jws);
/* SP_NOT_FOUND: kid, algorithm, type or signature is not what this key makes; SP_MALFORMED: no compact JWS. payload is
 * decoded, in arena. */
SP_MUST_CHECK enum sp_status sp_signer_verify(const struct sp_signer *signer, struct sp_arena *arena, const char *type,
                                              struct sp_str jws, struct sp_str *payload);

#endif
