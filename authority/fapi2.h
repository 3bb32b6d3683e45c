/* SPDX-License-Identifier: Apache-2.0 */
/* The FAPI 2.0 Security Profile as a property of a client (`profile: fapi2`): what it makes necessary, and what its
 * configuration lacks. Where a rule is one of the request it is checked there. Pure. */
#ifndef SP_AUTHORITY_FAPI2_H
#define SP_AUTHORITY_FAPI2_H

#include "authority/settings_reader.h"

/* 5.4.1: PS256, ES256, EdDSA with Ed25519. */
#define SP_FAPI2_ALGORITHMS "PS256, ES256 or EdDSA with Ed25519"
uint32_t sp_fapi2_algorithms(void);
/* The same of what was verified: EdDSA alone says nothing of the curve, which is the key's. */
bool sp_fapi2_allows(enum sp_algorithm algorithm, enum sp_curve curve);
/* Switches on what the profile demands (pushed requests, PKCE by S256) and complains of what it forbids. Does nothing
 * for other clients. */
SP_MUST_CHECK enum sp_status sp_fapi2_check(struct sp_settings_reader *reader, struct sp_str where,
                                            const struct sp_authority_settings *settings, struct sp_client *client);

#endif
