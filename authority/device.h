/* SPDX-License-Identifier: Apache-2.0 */
/* The device authorization grant (RFC 8628): a device shows a short code, the person types it here in a browser, the
 * device polls.
 *
 *   pending ── the person allows ──► allowed ── the device polls ──► used
 *      └────── the person denies ──► denied */
#ifndef SP_AUTHORITY_DEVICE_H
#define SP_AUTHORITY_DEVICE_H

#include "authority/grant_record.h"

enum sp_device_state { SP_DEVICE_PENDING, SP_DEVICE_ALLOWED, SP_DEVICE_DENIED };

struct sp_device {
    struct sp_ticket ticket;
    enum sp_device_state state;
    struct sp_grant_record record; /* of the person only once allowed */
    int64_t interval_s, polled_at;
};

/* By the SHA-256 of the device code. SP_NOT_FOUND. */
SP_MUST_CHECK enum sp_status sp_device_find(struct sp_call *call, const unsigned char hash[32],
                                            struct sp_device *device);
/* By what the person typed, in any case and with any separators. SP_NOT_FOUND: unknown or expired. */
SP_MUST_CHECK enum sp_status sp_device_find_by_user_code(struct sp_call *call, struct sp_str typed,
                                                         struct sp_device *device);
/* Such a code as the device shows it, XXXX-XXXX; as typed where it has not that many letters. */
struct sp_str sp_device_user_code_shown(struct sp_call *call, struct sp_str typed);
/* Writes the state back. The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_device_change(struct sp_call *call, const struct sp_device *device);
/* What the person allowed and no device has fetched yet is not given any more, but for what was allowed in the session
 * `spared` (absent: none). The caller has begun a write. */
SP_MUST_CHECK enum sp_status sp_device_drop_allowed(struct sp_call *call, struct sp_str subject, struct sp_str spared);
/* A new one with its two codes. The caller has begun a write. user_code as shown: XXXX-XXXX. */
SP_MUST_CHECK enum sp_status sp_device_start(struct sp_call *call, const struct sp_client *client, struct sp_str scope,
                                             struct sp_str_list audiences, struct sp_str *device_code,
                                             struct sp_str *user_code);

#define SP_DEVICE_INTERVAL_S 5

#endif
