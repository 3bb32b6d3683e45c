/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/limits.h"

#include "core/base/window.h"
#include "core/jose/crypto.h"

#define KEY_BYTES 16u
#define KEYED_TEXT_BYTES 512u

const struct sp_shared_table_shape sp_limits_shape = {KEY_BYTES, sizeof(struct sp_window)};

static struct sp_str address_of(const struct sp_call *call)
{
    return sp_str_of(call->request->connection->addr_text);
}

/* Whom the rule counts; never empty but for a whole route. */
static struct sp_str counted(const struct sp_call *call, enum sp_limit_per per)
{
    struct sp_str whom = SP_STR_NONE;
    switch (per) {
    case SP_LIMIT_PER_SUBJECT:
        whom = call->has_facts ? call->facts.subject : SP_STR_NONE;
        break;
    case SP_LIMIT_PER_CLIENT:
        whom = call->has_facts ? call->facts.client_id : SP_STR_NONE;
        break;
    case SP_LIMIT_PER_CONSUMER:
        whom = call->consumer != NULL ? call->consumer->name : SP_STR_NONE;
        break;
    case SP_LIMIT_PER_ROUTE:
        return SP_STR_NONE;
    case SP_LIMIT_PER_IP:
        break;
    }
    /* An API key's call has no subject, an anonymous one no consumer: they are counted by the nearest that is known. */
    if (sp_str_is_empty(whom) && per != SP_LIMIT_PER_IP && call->consumer != NULL) {
        whom = call->consumer->name;
    }
    return sp_str_is_empty(whom) ? address_of(call) : whom;
}

/* The key: API, rule and whom, hashed, so that no client can choose its neighbours. */
static void make_key(const struct sp_call *call, size_t rule, struct sp_str whom, unsigned char digest[32])
{
    char text[KEYED_TEXT_BYTES];
    unsigned char whom_sha256[32];
    sp_sha256(whom, whom_sha256);
    const struct sp_str api = sp_str_slice(call->match.api->name, 0, sizeof text - 64);
    memcpy(text, whom_sha256, 32);
    text[32] = (char)rule;
    memcpy(text + 33, api.at, api.len);
    sp_sha256(sp_str(text, 33 + api.len), digest);
}

static struct sp_window_answer take(const struct sp_call *call, const struct sp_limit *limit, const unsigned char *key)
{
    struct sp_table *table = sp_shared_table_lock(call->conf->limits_zone);
    if (table == NULL) {
        return (struct sp_window_answer){.retry_after_ms = 1000};
    }
    const int64_t now_ms = (int64_t)ngx_timeofday()->sec * 1000 + (int64_t)ngx_timeofday()->msec;
    struct sp_window *kept = sp_table_find(table, key);
    struct sp_window window = kept != NULL ? *kept : (struct sp_window){0};
    const struct sp_window_answer answer = sp_window_take(&window, limit->requests, limit->window_ms, now_ms);
    if (kept == NULL) {
        kept = sp_table_claim(table, key);
        *kept = window;
        sp_table_commit(table, key, kept);
    } else {
        *kept = window;
    }
    sp_shared_table_unlock(call->conf->limits_zone);
    return answer;
}

bool sp_limits_take(struct sp_call *call, unsigned kinds, struct sp_finding *finding)
{
    const struct sp_api *api = call->match.api;
    for (size_t i = 0; i < api->limit_count; i++) {
        const struct sp_limit *limit = &api->limits[i];
        if ((kinds >> limit->per & 1) == 0) {
            continue;
        }
        unsigned char key[32];
        make_key(call, i, counted(call, limit->per), key);
        const struct sp_window_answer answer = take(call, limit, key);
        if (!answer.allowed) {
            call->retry_after_s = (answer.retry_after_ms + 999) / 1000;
            *finding = (struct sp_finding){.cause = sp_limit_cause(limit), .check = SP_CHECK_COUNT, .verified = true};
            struct sp_arena *arena = sp_call_arena(call);
            if (arena != NULL) {
                finding->expected = sp_arena_printf(arena, "at most %u calls in %lld s", limit->requests,
                                                    (long long)((limit->window_ms + 999) / 1000));
                finding->received = SP_STR("one more");
                finding->detail = sp_arena_printf(arena, "rule %zu of the API; opens in %lld s", i + 1,
                                                  (long long)call->retry_after_s);
            }
            return false;
        }
    }
    return true;
}
