/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery codes are shown once, and whoever clicks twice, goes back or reloads is shown the second answer only. So for
 * some minutes the codes that a form was answered with rest sealed under the master key, and
 *
 *   the same form once more, byte for byte  – is answered with the same codes, as long as all of them hold
 *   any other form                          – learns nothing of them
 *
 * Its token and, when signing in, the one-time code in it prove again what they proved. */
#ifndef SP_AUTHORITY_SHOWN_CODES_H
#define SP_AUTHORITY_SHOWN_CODES_H

#include "authority/recovery_codes.h"

struct sp_shown_codes {
    struct sp_str codes[SP_RECOVERY_CODES];
    unsigned char session[32]; /* hash of the one that began with the form; zeros where none did */
};

/* For this call's form. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_shown_codes_keep(struct sp_call *call, struct sp_str account,
                                                 const struct sp_shown_codes *shown);
/* By this call's form, in the call's arena. SP_NOT_FOUND: it was not answered with any, or they hold no more. */
SP_MUST_CHECK enum sp_status sp_shown_codes_find(struct sp_call *call, struct sp_str account,
                                                 struct sp_shown_codes *shown);

#endif
