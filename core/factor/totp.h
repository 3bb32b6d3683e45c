/* SPDX-License-Identifier: Apache-2.0 */
/* Time-based one-time codes (RFC 6238): HMAC of the half minute. Six digits and SHA-1 are what every app can do; the
 * code's strength is the throttle, not the hash. */
#ifndef SP_FACTOR_TOTP_H
#define SP_FACTOR_TOTP_H

#include "core/base/str.h"
#include "core/jose/algorithm.h"

#define SP_TOTP_STEP_S 30
#define SP_TOTP_DIGITS 6u
#define SP_TOTP_SECRET_BYTES 20u /* RFC 4226 4 R6: 160 bits */

enum sp_totp_verdict {
    SP_TOTP_WRONG,    /* the default */
    SP_TOTP_RIGHT,    /* of this step, the one before or the one after */
    SP_TOTP_REPLAYED, /* right, but its step was used already (RFC 6238 5.2) */
};

/* RFC 4226 5.3 with any of RFC 6238's hashes; digits 6 to 8. */
uint32_t sp_hotp(enum sp_hash hash, struct sp_str secret, uint64_t counter, unsigned digits);
/* last_step: of the code that was accepted last, 0 for none; *step is set when the verdict is RIGHT. The time it takes
 * says nothing about the code. White space in the code is passed over. */
enum sp_totp_verdict sp_totp_check(struct sp_str secret, struct sp_str code, int64_t now, int64_t last_step,
                                   int64_t *step);

#endif
