/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and histograms in shared memory, kept by all workers with relaxed atomic additions, read by status.c. They
 * survive a reload of nginx and begin at zero when it starts. Counters that a person may want to see are rows of
 * counters.def. */
#ifndef SP_GATEWAY_METRICS_H
#define SP_GATEWAY_METRICS_H

#include "gateway/gateway.h"

enum sp_counter {
#define COUNTER(symbol, name, help) SP_COUNT_##symbol,
#include "gateway/counters.def"
#undef COUNTER
    SP_COUNTERS,
};

/* What became of a call, as a label. */
enum sp_call_outcome {
    SP_CALL_ACCEPTED,
    SP_CALL_REFUSED,
    SP_CALL_UNDECIDED,
    SP_CALL_UPSTREAM_FAILED,
    SP_CALL_OUTCOMES
};
extern const char *const sp_call_outcome_names[SP_CALL_OUTCOMES];

enum sp_histogram { SP_TIME_TOTAL, SP_TIME_UPSTREAM, SP_TIME_JUDGEMENT, SP_HISTOGRAMS };
#define SP_HISTOGRAM_BUCKETS 14u
extern const uint32_t sp_histogram_bounds_us[SP_HISTOGRAM_BUCKETS]; /* upper bounds; beyond the last: +Inf */
extern const char *const sp_histogram_names[SP_HISTOGRAMS];

struct sp_histogram_state {
    uint64_t buckets[SP_HISTOGRAM_BUCKETS + 1]; /* not cumulative; their sum is the count */
    uint64_t sum_us;
};

#define SP_ROUTE_NAME_BYTES 72u
struct sp_route_counters {
    uint32_t hash; /* of the name; 0: free */
    uint16_t name_len;
    char name[SP_ROUTE_NAME_BYTES]; /* of the API, cut */
    uint64_t calls[SP_CALL_OUTCOMES];
};

struct sp_metrics {
    uint32_t layout[4];       /* what laid it out: metrics.c */
    uint32_t call_log_error;  /* errno of the last write of the call log that failed; 0: none did */
    uint32_t call_log_fails;  /* 1: the last write did */
    uint32_t call_log_is_cut; /* 1: what the file ends with is half a line */
    uint64_t counters[SP_COUNTERS];
    uint64_t causes[SP_CAUSE_COUNT];
    struct sp_histogram_state histograms[SP_HISTOGRAMS];
    struct sp_route_counters other; /* no route, or no room for it */
    uint32_t route_slots;
    struct sp_route_counters routes[];
};

ngx_shm_zone_t *sp_metrics_add(ngx_conf_t *cf, size_t bytes);
/* NULL when the zone is not there: nothing is counted then. */
struct sp_metrics *sp_metrics_of(const struct sp_main_conf *conf);

void sp_metrics_count(struct sp_metrics *metrics, enum sp_counter counter);
void sp_metrics_add_to(struct sp_metrics *metrics, enum sp_counter counter, uint64_t amount);
void sp_metrics_cause(struct sp_metrics *metrics, enum sp_cause cause);
void sp_metrics_time(struct sp_metrics *metrics, enum sp_histogram histogram, uint64_t us);
/* The counters of an API, made at its first use. */
struct sp_route_counters *sp_metrics_route(struct sp_metrics *metrics, struct sp_str name);
void sp_metrics_call(struct sp_route_counters *route, enum sp_call_outcome outcome);

/* Of the call log, which all workers write. */
void sp_metrics_log_fails(struct sp_metrics *metrics, ngx_err_t error);
void sp_metrics_log_writes(struct sp_metrics *metrics);
/* What was known before. */
bool sp_metrics_swap_cut(struct sp_metrics *metrics, bool is_cut);

#endif
