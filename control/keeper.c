/* SPDX-License-Identifier: Apache-2.0 */
/* Issuers come and go with the configuration; workers ask to look again; others ask how it stands. */
#include "control/keeper.h"
#include <stdlib.h>
#include "control/kept_issuer.h"
#include "probe/schedule.h"

static void destroy_issuer(struct sp_kept_issuer *issuer)
{
    sp_fetcher_cancel(issuer->keeper->fetcher, issuer);
    sp_timer_clear(&issuer->timer);
    sp_key_fetch_tell_waiters(issuer, "failed");
    sp_jwk_set_unref(&issuer->keys);
    char **texts[] = {&issuer->keys_text,        &issuer->old_text,       &issuer->unadopted_text,
                      &issuer->jwks_uri,         &issuer->failure_detail, &issuer->introspection_endpoint,
                      &issuer->published_issuer, &issuer->unusable_text};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(*texts[i]);
    }
    while (issuer->previous_kid_count > 0) {
        free(issuer->previous_kids[--issuer->previous_kid_count]);
    }
    sp_arena_destroy(&issuer->arena);
    free(issuer);
}

struct sp_keeper *sp_keeper_create(struct sp_loop *loop, struct sp_fetcher *fetcher, const char *keys_path)
{
    struct sp_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        return NULL;
    }
    keeper->loop = loop;
    keeper->fetcher = fetcher;
    keeper->path = strdup(keys_path);
    if (keeper->path == NULL) {
        free(keeper);
        return NULL;
    }
    sp_keys_file_open(keeper);
    return keeper;
}

void sp_keeper_warn(struct sp_keeper *keeper, struct sp_warnings *warnings)
{
    keeper->warnings = warnings;
}

void sp_keeper_destroy(struct sp_keeper **keeper)
{
    if (*keeper == NULL) {
        return;
    }
    while ((*keeper)->issuers != NULL) {
        struct sp_kept_issuer *issuer = (*keeper)->issuers;
        (*keeper)->issuers = issuer->next;
        destroy_issuer(issuer);
    }
    sp_arena_destroy(&(*keeper)->restored_arena);
    free((*keeper)->path);
    free(*keeper);
    *keeper = NULL;
}

static enum sp_status copy_setup(struct sp_arena *arena, const struct sp_keeper_issuer *from,
                                 struct sp_keeper_issuer *to)
{
    struct sp_keeper_issuer made = *from;
    struct sp_str *texts[] = {&made.name, &made.issuer, &made.jwks_uri, &made.jwks_file, &made.ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (sp_arena_copy(arena, *texts[i], texts[i]) != SP_OK) {
            return SP_NO_MEMORY;
        }
    }
    *to = made;
    return SP_OK;
}

static struct sp_kept_issuer *create_issuer(struct sp_keeper *keeper, const struct sp_keeper_issuer *setup)
{
    struct sp_kept_issuer *issuer = calloc(1, sizeof *issuer);
    if (issuer == NULL) {
        return NULL;
    }
    issuer->keeper = keeper;
    issuer->arena = sp_arena_create(64 * 1024);
    if (issuer->arena == NULL || copy_setup(issuer->arena, setup, &issuer->setup) != SP_OK) {
        destroy_issuer(issuer);
        return NULL;
    }
    const struct sp_json *known = sp_json_member(sp_json_member(keeper->restored, SP_STR("issuers")), setup->name);
    sp_keys_file_restore(issuer, known);
    return issuer;
}

/* Takes the issuer of this name and URL out of the list; NULL: there is none. */
static struct sp_kept_issuer *take_out(struct sp_kept_issuer **list, const struct sp_keeper_issuer *setup)
{
    for (struct sp_kept_issuer **at = list; *at != NULL; at = &(*at)->next) {
        const struct sp_keeper_issuer *known = &(*at)->setup;
        if (sp_str_equal(known->name, setup->name) && sp_str_equal(known->issuer, setup->issuer) &&
            sp_str_equal(known->jwks_uri, setup->jwks_uri) && sp_str_equal(known->jwks_file, setup->jwks_file) &&
            sp_str_equal(known->ca_file, setup->ca_file)) {
            struct sp_kept_issuer *found = *at;
            *at = found->next;
            return found;
        }
    }
    return NULL;
}

enum sp_status sp_keeper_configure(struct sp_keeper *keeper, const struct sp_keeper_issuer *issuers, size_t count,
                                   struct sp_str_list blocked_networks)
{
    struct sp_kept_issuer *before = keeper->issuers, **end = &keeper->issuers;
    enum sp_status status = SP_OK;
    keeper->issuers = NULL;
    keeper->blocked_networks = blocked_networks;
    for (size_t i = 0; i < count; i++) {
        struct sp_kept_issuer *issuer = take_out(&before, &issuers[i]);
        if (issuer == NULL) {
            issuer = create_issuer(keeper, &issuers[i]);
        }
        if (issuer == NULL) {
            status = SP_NO_MEMORY;
            break;
        }
        issuer->setup.heals = issuers[i].heals;
        issuer->setup.refresh_s = issuers[i].refresh_s;
        issuer->setup.needs_keys = issuers[i].needs_keys;
        issuer->next = NULL;
        *end = issuer;
        end = &issuer->next;
    }
    while (before != NULL) {
        struct sp_kept_issuer *gone = before;
        before = gone->next;
        sp_kept_warnings_forget(gone);
        destroy_issuer(gone);
    }
    sp_keys_file_publish(keeper);
    for (struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        bool has_source = issuer->setup.issuer.at != NULL || issuer->setup.jwks_uri.at != NULL;
        if (!issuer->setup.needs_keys) {
            continue;
        }
        if (issuer->setup.jwks_file.at != NULL) {
            /* A file is part of what is read again, whatever is known of it: whoever took a key out of it counts on
             * that. */
            sp_key_fetch_start(issuer);
        } else if (has_source && !issuer->is_fetching && issuer->timer.previous == NULL) {
            /* Not at once: fetches that fail right here would tell of an issuer whose neighbours are not there yet. */
            sp_timer_set(keeper->loop, &issuer->timer, 0, sp_key_fetch_due, issuer);
        }
    }
    return status;
}

static struct sp_kept_issuer *find(const struct sp_keeper *keeper, struct sp_str name)
{
    for (struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        if (sp_str_equal(issuer->setup.name, name)) {
            return issuer;
        }
    }
    return NULL;
}

static bool knows(const struct sp_kept_issuer *issuer, struct sp_str kid)
{
    /* Of another issuer's document it is not the key that is asked for, but whether that is mended. */
    return issuer->keys != NULL && issuer->published_issuer == NULL && kid.len > 0 &&
           sp_jwk_set_find(issuer->keys, kid, 0) != NULL;
}

enum sp_status sp_keeper_look_again(struct sp_keeper *keeper, struct sp_str name, struct sp_str kid,
                                    void (*done)(void *data, const char *outcome, int64_t generation), void *data)
{
    struct sp_kept_issuer *issuer = find(keeper, name);
    if (issuer == NULL || !issuer->setup.needs_keys) {
        return SP_NOT_FOUND;
    }
    issuer->look_agains++;
    if (!issuer->is_fetching && knows(issuer, kid)) {
        /* Fetched meanwhile; the worker has not seen keys.json yet. */
        done(data, "fresh", keeper->generation);
        return SP_OK;
    }
    if (!issuer->is_fetching && !sp_schedule_may_look_again(sp_loop_now_ms(), issuer->last_look_ms)) {
        issuer->throttled++;
        done(data, "throttled", keeper->generation);
        return SP_OK;
    }
    struct sp_waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) {
        return SP_NO_MEMORY;
    }
    *waiter = (struct sp_waiter){.next = issuer->waiters, .done = done, .data = data};
    issuer->waiters = waiter;
    if (!issuer->is_fetching) {
        issuer->is_looking_again = true;
        sp_key_fetch_start(issuer);
    }
    return SP_OK;
}

void sp_keeper_forget(struct sp_keeper *keeper, const void *data)
{
    for (struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        for (struct sp_waiter **at = &issuer->waiters; *at != NULL;) {
            struct sp_waiter *waiter = *at;
            if (waiter->data == data) {
                *at = waiter->next;
                free(waiter);
            } else {
                at = &waiter->next;
            }
        }
    }
}

/* ---- what others ask ---- */

struct sp_str sp_keeper_introspection_endpoint(const struct sp_keeper *keeper, struct sp_str name)
{
    const struct sp_kept_issuer *issuer = find(keeper, name);
    return issuer != NULL ? sp_str_from_cstr(issuer->introspection_endpoint) : SP_STR_NONE;
}

size_t sp_keeper_issuer_count(const struct sp_keeper *keeper)
{
    size_t count = 0;
    for (const struct sp_kept_issuer *issuer = keeper->issuers; issuer != NULL; issuer = issuer->next) {
        count++;
    }
    return count;
}

void sp_keeper_status(const struct sp_keeper *keeper, size_t index, struct sp_keeper_status *status)
{
    const struct sp_kept_issuer *issuer = keeper->issuers;
    for (size_t i = 0; i < index; i++) {
        issuer = issuer->next;
    }
    *status = (struct sp_keeper_status){
        .name = issuer->setup.name,
        .has_keys = issuer->keys != NULL,
        .needs_keys = issuer->setup.needs_keys,
        .key_count = issuer->keys != NULL ? issuer->keys->count : 0,
        .fetched_at = issuer->fetched_at,
        .stale_since = issuer->stale_since,
        .stale_until = issuer->stale_since != 0 ? sp_schedule_stale_until(issuer->fetched_at) : 0,
        .published_issuer = sp_str_from_cstr(issuer->published_issuer),
        .failure = issuer->failure,
        .failure_detail = sp_str_from_cstr(issuer->failure_detail),
        .fetches = issuer->fetches,
        .failures = issuer->failures,
        .look_agains = issuer->look_agains,
        .throttled = issuer->throttled,
        .clock_skew_s = issuer->clock_skew_s,
        .clock_skew_known = issuer->clock_skew_known,
    };
}
