/* SPDX-License-Identifier: Apache-2.0 */
/* Failures of somebody who may be guessing, counted within a window that begins with the first: by a keyed hash of who
 * it is, in a table of fixed size (table.h), so whoever fills it pushes out the oldest and makes nothing grow. */
#ifndef SP_BASE_FAILURE_COUNT_H
#define SP_BASE_FAILURE_COUNT_H

#include "core/base/str.h"
#include "core/base/table.h"

#define SP_FAILURE_KEY_BYTES 32u

struct sp_failure_count {
    int64_t started_at, failed_at;
    int64_t failures;
};

/* NULL when not one fits. */
struct sp_table *sp_failure_count_table(void *block, size_t bytes);
/* As it stands within its window; of no failure yet, or in no table (NULL), a window that begins now. */
struct sp_failure_count sp_failure_count_find(struct sp_table *table, const unsigned char key[SP_FAILURE_KEY_BYTES],
                                              int64_t window_s, int64_t now);
void sp_failure_count_add(struct sp_table *table, const unsigned char key[SP_FAILURE_KEY_BYTES], int64_t window_s,
                          int64_t now);

/* What an address is counted under: IPv4 whole, IPv6 its /64, which is what one subscriber has, anything else as it is,
 * cut to 64 bytes. Borrowed from address or from text. */
#define SP_NETWORK_TEXT_BYTES 64u
struct sp_str sp_failure_network(struct sp_str address, char text[SP_NETWORK_TEXT_BYTES]);

#endif
