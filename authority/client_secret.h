/* SPDX-License-Identifier: Apache-2.0 */
/* Compares a presented secret with a client's registered ones, in constant time for each. */
#ifndef SP_AUTHORITY_CLIENT_SECRET_H
#define SP_AUTHORITY_CLIENT_SECRET_H

#include "authority/authority.h"

enum sp_secret_match { SP_SECRET_DIFFERS, SP_SECRET_MATCHES, SP_SECRET_MATCHES_EXPIRED };

/* argon2id costs tens of milliseconds by design: a match is remembered in memory, keyed by the process secret. */
enum sp_secret_match sp_client_secret_match(struct sp_authority *authority, const struct sp_client *client,
                                            struct sp_str candidate, int64_t now);

#endif
