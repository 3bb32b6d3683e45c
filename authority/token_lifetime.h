/* SPDX-License-Identifier: Apache-2.0 */
/* The longest lifetime that an access token was ever given, kept in the store: it grows and never shrinks. What has to
 * outlive every token – the mark of a grant that was revoked, a key that signs no more – is kept as long as this says
 * and not as long as today's settings do: where a lifetime is shortened and lengthened again, a token of the first time
 * would else outlive its mark and come alive. No token is issued that lives longer (key_ring.h). */
#ifndef SP_AUTHORITY_TOKEN_LIFETIME_H
#define SP_AUTHORITY_TOKEN_LIFETIME_H

#include "authority/store.h"

/* 0: none was issued yet. Holds nothing: it is read by those who wait for nobody. */
SP_MUST_CHECK enum sp_status sp_token_lifetime_find(struct sp_store *store, struct sp_arena *arena, int64_t *longest_s);
/* Within a write that holds the keys (list_keys), so that of two processes the longer wins. */
SP_MUST_CHECK enum sp_status sp_token_lifetime_put(struct sp_store *store, struct sp_arena *arena, int64_t longest_s,
                                                   int64_t now);

#endif
