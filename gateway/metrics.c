/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/metrics.h"

#include "gateway/shared_zone.h"

const char *const sp_call_outcome_names[SP_CALL_OUTCOMES] = {
    [SP_CALL_ACCEPTED] = "accepted",
    [SP_CALL_REFUSED] = "refused",
    [SP_CALL_UNDECIDED] = "undecided",
    [SP_CALL_UPSTREAM_FAILED] = "upstream_failed",
};

const char *const sp_histogram_names[SP_HISTOGRAMS] = {
    [SP_TIME_TOTAL] = "total",
    [SP_TIME_UPSTREAM] = "upstream",
    [SP_TIME_JUDGEMENT] = "judgement",
};

const uint32_t sp_histogram_bounds_us[SP_HISTOGRAM_BUCKETS] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 250000, 1000000, 2500000, 10000000,
};

/* A row more in a table of ours makes it another layout. */
static const uint32_t layout_mark[4] = {SP_COUNTERS, SP_CAUSE_COUNT, sizeof(struct sp_metrics),
                                        sizeof(struct sp_route_counters)};

static void *lay_out(void *block, size_t bytes, const void *shape)
{
    struct sp_metrics *metrics = block;
    (void)shape;
    if (bytes < sizeof *metrics) {
        return NULL;
    }
    memset(block, 0, bytes);
    memcpy(metrics->layout, layout_mark, sizeof layout_mark);
    metrics->route_slots = (uint32_t)((bytes - sizeof *metrics) / sizeof metrics->routes[0]);
    return metrics;
}

static bool is_laid_out(void *block, const void *shape)
{
    const struct sp_metrics *metrics = block;
    (void)shape;
    return memcmp(metrics->layout, layout_mark, sizeof layout_mark) == 0;
}

ngx_shm_zone_t *sp_metrics_add(ngx_conf_t *cf, size_t bytes)
{
    static const struct sp_shared_zone_layout layout = {lay_out, is_laid_out};
    const ngx_str_t name = ngx_string("sallyport_metrics");
    return sp_shared_zone_add(cf, name, bytes, &layout, NULL);
}

struct sp_metrics *sp_metrics_of(const struct sp_main_conf *conf)
{
    return conf->metrics_zone != NULL ? ((ngx_slab_pool_t *)conf->metrics_zone->shm.addr)->data : NULL;
}

static void add(uint64_t *counter, uint64_t amount)
{
    __atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
}

void sp_metrics_count(struct sp_metrics *metrics, enum sp_counter counter)
{
    if (metrics != NULL) {
        add(&metrics->counters[counter], 1);
    }
}

void sp_metrics_add_to(struct sp_metrics *metrics, enum sp_counter counter, uint64_t amount)
{
    if (metrics != NULL && amount > 0) {
        add(&metrics->counters[counter], amount);
    }
}

void sp_metrics_log_fails(struct sp_metrics *metrics, ngx_err_t error)
{
    if (metrics != NULL) {
        __atomic_store_n(&metrics->call_log_error, (uint32_t)error, __ATOMIC_RELAXED);
        __atomic_store_n(&metrics->call_log_fails, 1, __ATOMIC_RELAXED);
    }
}

/* Read first: the line of memory is every worker's. */
void sp_metrics_log_writes(struct sp_metrics *metrics)
{
    if (metrics != NULL && __atomic_load_n(&metrics->call_log_fails, __ATOMIC_RELAXED) != 0) {
        __atomic_store_n(&metrics->call_log_fails, 0, __ATOMIC_RELAXED);
    }
}

bool sp_metrics_swap_cut(struct sp_metrics *metrics, bool is_cut)
{
    if (metrics == NULL || (!is_cut && __atomic_load_n(&metrics->call_log_is_cut, __ATOMIC_RELAXED) == 0)) {
        return false;
    }
    return __atomic_exchange_n(&metrics->call_log_is_cut, is_cut ? 1u : 0u, __ATOMIC_RELAXED) != 0;
}

void sp_metrics_cause(struct sp_metrics *metrics, enum sp_cause cause)
{
    if (metrics != NULL && (size_t)cause < SP_CAUSE_COUNT) {
        add(&metrics->causes[cause], 1);
    }
}

void sp_metrics_time(struct sp_metrics *metrics, enum sp_histogram histogram, uint64_t us)
{
    if (metrics == NULL) {
        return;
    }
    struct sp_histogram_state *state = &metrics->histograms[histogram];
    unsigned bucket = 0;
    while (bucket < SP_HISTOGRAM_BUCKETS && us > sp_histogram_bounds_us[bucket]) {
        bucket++;
    }
    add(&state->buckets[bucket], 1);
    if (us > 0) {
        add(&state->sum_us, us);
    }
}

/* A slot is claimed by its hash, then named; a reader that comes between sees an empty name for a moment. Two APIs with
 * the same hash share a slot (one in four thousand million). */
struct sp_route_counters *sp_metrics_route(struct sp_metrics *metrics, struct sp_str name)
{
    if (metrics == NULL) {
        return NULL;
    }
    if (metrics->route_slots == 0 || name.len == 0) {
        return &metrics->other;
    }
    uint32_t hash = ngx_crc32_short((u_char *)(uintptr_t)name.at, name.len);
    hash = hash != 0 ? hash : 1;
    for (uint32_t probe = 0; probe < 64; probe++) {
        struct sp_route_counters *slot = &metrics->routes[(hash + probe) % metrics->route_slots];
        uint32_t expected = 0;
        if (__atomic_compare_exchange_n(&slot->hash, &expected, hash, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            const size_t len = name.len < SP_ROUTE_NAME_BYTES ? name.len : SP_ROUTE_NAME_BYTES;
            memcpy(slot->name, name.at, len);
            __atomic_store_n(&slot->name_len, (uint16_t)len, __ATOMIC_RELEASE);
            return slot;
        }
        if (expected == hash) {
            return slot;
        }
    }
    return &metrics->other;
}

void sp_metrics_call(struct sp_route_counters *route, enum sp_call_outcome outcome)
{
    if (route != NULL) {
        add(&route->calls[outcome], 1);
    }
}
