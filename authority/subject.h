/* SPDX-License-Identifier: Apache-2.0 */
/* What a client calls a person: the account's id or, where it is registered with subject_type pairwise, a name that no
 * client of another sector sees (OIDC Core 8.1), so that two applications cannot find out that they have one person in
 * common. It is made of sector and account under a secret of the master key: the same on every node and after every
 * restart, and nothing of the account can be read from it. What was told is kept as a record that the account owns, so
 * that a token or a hint that comes back finds its person. Inside, everything knows people by their account; names are
 * turned where something leaves or comes back. */
#ifndef SP_AUTHORITY_SUBJECT_H
#define SP_AUTHORITY_SUBJECT_H

#include "authority/authority.h"

/* "sppw_" and 43 characters. */
#define SP_PAIRWISE_BYTES 48u

/* Pure. secret: the authority's process_secret. The result is in room, or is the account. */
struct sp_str sp_subject_of(const unsigned char secret[32], const struct sp_client *client, struct sp_str account,
                            char room[SP_PAIRWISE_BYTES]);
/* The same, and kept. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_subject_tell(struct sp_call *call, const struct sp_client *client,
                                             struct sp_str account, struct sp_str *told);
/* Whom a name means that some client was told; itself where it is no pairwise one. */
SP_MUST_CHECK enum sp_status sp_subject_account(struct sp_call *call, struct sp_str told, struct sp_str *account);

#endif
