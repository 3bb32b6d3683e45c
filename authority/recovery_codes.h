/* SPDX-License-Identifier: Apache-2.0 */
/* Ten codes for the day the phone is lost: shown once (to whoever clicks twice: twice, shown_codes.h), kept as hashes,
 * each good once. 80 random bits, so neither a salt nor a slow hash is needed, and nobody guesses one. */
#ifndef SP_AUTHORITY_RECOVERY_CODES_H
#define SP_AUTHORITY_RECOVERY_CODES_H

#include "authority/authority.h"

#define SP_RECOVERY_CODES 10u

/* Forgets the ones before and makes new ones: "abcd-efgh-…", in arena. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_recovery_codes_make(struct sp_call *call, struct sp_str account,
                                                    struct sp_str codes[SP_RECOVERY_CODES]);
/* Uses one up: *used is false when it is none, or was used before. Letter case, spaces and hyphens do not matter. */
SP_MUST_CHECK enum sp_status sp_recovery_codes_use(struct sp_call *call, struct sp_str account, struct sp_str code,
                                                   bool *used);
/* *hold: every one of them would let in now. */
SP_MUST_CHECK enum sp_status sp_recovery_codes_hold(struct sp_call *call, struct sp_str account,
                                                    const struct sp_str codes[SP_RECOVERY_CODES], bool *hold);
SP_MUST_CHECK enum sp_status sp_recovery_codes_count(struct sp_store *store, struct sp_arena *arena,
                                                     struct sp_str account, size_t *count);
SP_MUST_CHECK enum sp_status sp_recovery_codes_drop(struct sp_store *store, struct sp_arena *arena,
                                                    struct sp_str account);

#endif
