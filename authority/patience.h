/* SPDX-License-Identifier: Apache-2.0 */
/* Tries again for a bounded time what another process is in the way of. For starts and commands, which several may give
 * at one moment; never within a server's turn, where whoever waits keeps others waiting. */
#ifndef SP_AUTHORITY_PATIENCE_H
#define SP_AUTHORITY_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#define SP_PATIENCE_MS 5000

struct sp_patience {
    int64_t until_ms; /* of the monotonic clock */
};

/* ms 0: none at all. */
struct sp_patience sp_patience_begin(int64_t ms);
/* After a failure. True: it may be tried again, a moment has passed; the moments are of unequal length, so that those
 * who met once do not meet each time. */
bool sp_patience_lasts(const struct sp_patience *patience);

#endif
