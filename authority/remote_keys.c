/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/remote_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include "authority/denial.h"
#include "authority/errand.h"
#include "authority/handle.h"
#include "core/base/limits.h"
#include "core/diagnosis/document.h"
#include "probe/schedule.h"

#define MAX_REDIRECTS 3u
#define JUDGING_ARENA_BYTES (16u * 1024 * 1024)
#define EVIDENCE_BYTES 512

struct kept {
    struct kept *next; /* by last use, youngest first */
    char *url, *owner; /* owner: NULL for the configuration */
    bool public_only;
    struct sp_jwk_set *set; /* NULL: none came yet */
    int64_t fetched_at, fresh_until, attempted_at, retry_at;
    unsigned failures; /* in a row */
    enum sp_cause failure;
    char evidence[EVIDENCE_BYTES]; /* what was received instead of a key set */
    struct sp_errand *fetching;    /* of the call that fetches it for all */
};

/* Of the configuration, and of clients that registered themselves. */
enum room { CONFIGURED, REGISTERED, ROOMS };

struct sp_remote_keys {
    struct kept *first;
    size_t count[ROOMS];
};

static enum room room_of(const struct kept *kept)
{
    return kept->owner != NULL ? REGISTERED : CONFIGURED;
}

static void destroy_kept(struct kept *kept)
{
    sp_jwk_set_unref(&kept->set);
    free(kept->url);
    free(kept->owner);
    free(kept);
}

void sp_remote_keys_destroy(struct sp_remote_keys **keys)
{
    if (*keys == NULL)
        return;
    while ((*keys)->first != NULL) {
        struct kept *dying = (*keys)->first;
        (*keys)->first = dying->next;
        destroy_kept(dying);
    }
    free(*keys);
    *keys = NULL;
}

/* ---- what is kept ---- */
static void put_first(struct sp_remote_keys *keys, struct kept *kept)
{
    kept->next = keys->first;
    keys->first = kept;
}

static void take_out(struct sp_remote_keys *keys, struct kept **at)
{
    struct kept *dying = *at;
    *at = dying->next;
    keys->count[room_of(dying)]--;
    destroy_kept(dying);
}

static bool is_owned_by(const struct kept *kept, struct sp_str owner)
{
    return kept->owner != NULL ? owner.at != NULL && sp_str_equal(sp_str_from_cstr(kept->owner), owner)
                               : owner.at == NULL;
}

/* What a registered client named before gives way, and where there is no room the one of its kind that was unused for
 * longest; none that is being fetched. */
static void make_room(struct sp_remote_keys *keys, const struct sp_keys_place *place)
{
    enum room room = place->owner.at != NULL ? REGISTERED : CONFIGURED;
    struct kept **oldest = NULL;
    for (struct kept **at = &keys->first; *at != NULL;) {
        bool is_busy = (*at)->fetching != NULL;
        if (room == REGISTERED && !is_busy && is_owned_by(*at, place->owner)) {
            take_out(keys, at);
            continue;
        }
        if (!is_busy && room_of(*at) == room)
            oldest = at;
        at = &(*at)->next;
    }
    if (oldest != NULL && keys->count[room] >= SP_MAX_REMOTE_KEY_SETS)
        take_out(keys, oldest);
}

static char *copy_text(struct sp_str text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return copy;
}

static struct kept *add(struct sp_remote_keys *keys, const struct sp_keys_place *place)
{
    make_room(keys, place);
    struct kept *kept = calloc(1, sizeof *kept);
    if (kept == NULL)
        return NULL;
    kept->url = copy_text(place->url);
    kept->owner = place->owner.at != NULL ? copy_text(place->owner) : NULL;
    kept->public_only = place->public_only;
    if (kept->url == NULL || (place->owner.at != NULL && kept->owner == NULL)) {
        destroy_kept(kept);
        return NULL;
    }
    put_first(keys, kept);
    keys->count[room_of(kept)]++;
    return kept;
}

static struct kept *find_or_add(struct sp_authority *authority, const struct sp_keys_place *place)
{
    if (authority->remote_keys == NULL && (authority->remote_keys = calloc(1, sizeof *authority->remote_keys)) == NULL)
        return NULL;
    struct sp_remote_keys *keys = authority->remote_keys;
    for (struct kept **at = &keys->first; *at != NULL; at = &(*at)->next) {
        struct kept *found = *at;
        if (found->public_only != place->public_only || !is_owned_by(found, place->owner) ||
            !sp_str_equal(sp_str_from_cstr(found->url), place->url))
            continue;
        *at = found->next;
        put_first(keys, found);
        return found;
    }
    return add(keys, place);
}

/* ---- a fetch has ended ---- */
static void note_failure(struct kept *kept, const struct sp_finding *finding)
{
    uint32_t jitter;
    sp_random_bytes(&jitter, sizeof jitter);
    kept->failures++;
    kept->failure = finding->cause;
    snprintf(kept->evidence, sizeof kept->evidence, "%.*s %.*s", SP_STR_ARG(finding->received),
             SP_STR_ARG(finding->detail));
    kept->retry_at = kept->attempted_at + sp_schedule_retry(kept->failures, kept->set != NULL, jitter);
}

static void adopt(struct kept *kept, struct sp_jwk_set *set, int64_t max_age_s)
{
    sp_jwk_set_unref(&kept->set);
    kept->set = set;
    kept->failures = 0;
    kept->failure = SP_CAUSE_NONE;
    kept->fetched_at = kept->attempted_at;
    kept->fresh_until = kept->fetched_at + sp_schedule_refresh(max_age_s, 0);
    kept->retry_at = 0;
}

static void judge(struct kept *kept, const struct sp_fetch_report *report)
{
    struct sp_arena *arena = sp_arena_create(JUDGING_ARENA_BYTES);
    struct sp_document_findings *findings = arena != NULL ? SP_ARENA_NEW(arena, struct sp_document_findings) : NULL;
    struct sp_jwk_set *set = NULL;
    struct sp_finding trouble = {.cause = SP_CAUSE_KEYS_TOO_LARGE, .received = SP_STR("more than fits into memory")};
    if (findings == NULL || sp_keys_document_examine(arena, report, &set, findings) != SP_OK)
        note_failure(kept, &trouble);
    else if (findings->refused)
        note_failure(kept, &findings->rows[0]);
    else
        adopt(kept, set, report->max_age_s);
    sp_arena_destroy(&arena);
}

/* On the loop's thread, whether it ran or was turned away. */
static void settle(struct sp_errand *errand, int64_t now)
{
    struct kept *kept = errand->settles;
    kept->fetching = NULL;
    kept->attempted_at = now;
    if (errand->done && errand->report != NULL)
        judge(kept, errand->report);
    else
        kept->attempted_at = 0; /* it was not asked at all */
}

/* ---- asking ---- */
static enum sp_step fetch(struct sp_call *call, struct kept *kept)
{
    const struct sp_http_request request = {.url = sp_str_from_cstr(kept->url),
                                            .public_only = kept->public_only,
                                            .max_bytes = SP_MAX_CLIENT_JWKS_BYTES,
                                            .max_redirects = MAX_REDIRECTS};
    if (kept->fetching != NULL)
        return sp_errand_follow(call, kept->fetching);
    struct sp_errand *errand = NULL;
    enum sp_status status = sp_errand_make_http(call->arena, call->authority, &request, &errand);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    kept->attempted_at = call->now;
    errand->settle = settle;
    errand->settles = kept;
    if (errand->done) { /* no such URL is asked */
        settle(errand, call->now);
        return SP_GOES_ON;
    }
    kept->fetching = errand;
    enum sp_step step = sp_errand_wait(call, errand);
    if (call->waits_for != errand)
        settle(errand, call->now);
    return step;
}

static bool needs_fetch(const struct kept *kept, struct sp_str kid, int64_t now)
{
    if (now < kept->retry_at)
        return false;
    if (kept->set == NULL || now >= kept->fresh_until)
        return true;
    return kid.at != NULL && sp_jwk_set_find(kept->set, kid, 0) == NULL &&
           sp_schedule_may_look_again(now * 1000, kept->attempted_at * 1000);
}

static void release_set(void *what)
{
    struct sp_jwk_set *set = what;
    sp_jwk_set_unref(&set);
}

static enum sp_step hand_out(struct sp_call *call, const struct kept *kept, const struct sp_jwk_set **keys)
{
    if (kept->set == NULL || (kept->failures > 0 && call->now >= sp_schedule_stale_until(kept->fetched_at)))
        return SP_DENY(call, .cause = kept->failure != SP_CAUSE_NONE ? kept->failure : SP_CAUSE_KEYS_UNREACHABLE,
                       .expected = sp_arena_printf(call->arena, "a key set at %s", kept->url),
                       .received = sp_arena_printf(call->arena, "%s", kept->evidence),
                       .error = "temporarily_unavailable", .status = 503);
    struct sp_jwk_set *set = sp_jwk_set_ref(kept->set);
    enum sp_status status = sp_arena_defer(call->arena, release_set, set);
    if (status != SP_OK) {
        sp_jwk_set_unref(&set);
        return sp_deny_failure(call, status);
    }
    *keys = set;
    return SP_GOES_ON;
}

enum sp_step sp_remote_keys_get(struct sp_call *call, const struct sp_keys_place *place, struct sp_str kid,
                                const struct sp_jwk_set **keys)
{
    struct kept *kept = find_or_add(call->authority, place);
    if (kept == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    enum sp_step step = SP_GOES_ON;
    if (kept->fetching != NULL || needs_fetch(kept, kid, call->now))
        step = fetch(call, kept);
    return step == SP_GOES_ON ? hand_out(call, kept, keys) : step;
}
