/* SPDX-License-Identifier: Apache-2.0 */
/* When a key set is asked for: pure arithmetic, times in seconds, so that every rule is a row of a test. */
#ifndef SP_PROBE_SCHEDULE_H
#define SP_PROBE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define SP_REFRESH_MIN_S 60          /* an issuer that says max-age=0 is not asked at each call */
#define SP_REFRESH_MAX_S (24 * 3600) /* an issuer that says a year rotates sooner */
#define SP_REFRESH_DEFAULT_S (15 * 60)
#define SP_LOOK_AGAIN_S 10 /* at most one fetch for unknown kids in this time, however many ask */
#define SP_STALE_MAX_S (24 * 3600)

/* Seconds until the set is fetched again: ahead of its expiry (a tenth of its life, at most 5 min before), within [60
 * s, 24 h]. max_age_s: of Cache-Control, -1 when there was none. fixed_s: key_refresh of the configuration, 0 when it
 * says nothing. */
int64_t sp_schedule_refresh(int64_t max_age_s, int64_t fixed_s);
/* Seconds until the next attempt after `failures` (≥ 1) in a row: 2, 4, 8 … 60 without keys, 15, 30 … 300 with keys
 * that still serve. jitter: any number; up to a quarter is taken off by it, so that many gateways do not ask at once.
 */
int64_t sp_schedule_retry(unsigned failures, bool has_keys, uint32_t jitter);
/* May an unknown kid make us look again now? */
bool sp_schedule_may_look_again(int64_t now_ms, int64_t last_attempt_ms);
/* Until when keys of fetched_at serve though they cannot be refreshed. */
int64_t sp_schedule_stale_until(int64_t fetched_at);

#endif
