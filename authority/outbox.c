/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include "authority/authority.h"
#include "authority/handle.h"
#include "authority/outgoing.h"
#include "authority/settings_generation.h"
#include "core/base/limits.h"
#include "core/jose/crypto.h"

/* Longer than the longest attempt: another node on the store would make it a second time. */
#define LEASE_S 30
#define MAX_UNDER_WAY 16u
#define MAX_LISTED 64u
#define RESTING 64u

/* One attempt; everything of it lives in its arena. */
struct delivery {
    struct delivery *next;
    struct sp_outbox *outbox;
    struct sp_arena *arena;
    struct sp_settings_generation *generation; /* that it was prepared under */
    struct sp_record record;
    struct sp_outgoing message;
};

/* A destination that failed a moment ago; by place, a collision only lets one be asked too early. */
struct resting {
    unsigned char hash[32];
    int64_t until;
};

struct sp_outbox {
    struct sp_authority *authority;
    struct sp_errand_pool *pool;
    struct sp_call_log *log;
    struct delivery *under_way;
    size_t count;
    int64_t now, wall; /* when it was tended last: sp_outgoing_time; what the clock said */
    bool mail_waits;   /* and the operator was told */
    struct resting resting[RESTING];
};

struct sp_outbox *sp_outbox_create(struct sp_authority *authority, struct sp_errand_pool *pool, struct sp_call_log *log)
{
    struct sp_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox != NULL)
        *outbox = (struct sp_outbox){.authority = authority, .pool = pool, .log = log};
    return outbox;
}

static void forget(struct delivery *delivery)
{
    struct sp_outbox *outbox = delivery->outbox;
    for (struct delivery **at = &outbox->under_way; *at != NULL; at = &(*at)->next)
        if (*at == delivery) {
            *at = delivery->next;
            outbox->count--;
            break;
        }
    sp_arena_destroy(&delivery->arena);
    sp_settings_generation_unref(&delivery->generation);
    free(delivery);
}

void sp_outbox_destroy(struct sp_outbox **outbox)
{
    if (*outbox == NULL)
        return;
    while ((*outbox)->under_way != NULL)
        forget((*outbox)->under_way);
    free(*outbox);
    *outbox = NULL;
}

static struct resting *place_of(struct sp_outbox *outbox, struct sp_str to, unsigned char hash[32])
{
    sp_sha256(to, hash);
    return &outbox->resting[hash[0] % RESTING];
}

static void rest(struct sp_outbox *outbox, struct sp_str to, int64_t until)
{
    unsigned char hash[32];
    struct resting *place = place_of(outbox, to, hash);
    memcpy(place->hash, hash, sizeof hash);
    place->until = until;
}

/* Until when the destination rests; 0: it does not. */
static int64_t rests_until(struct sp_outbox *outbox, struct sp_str to, int64_t now)
{
    unsigned char hash[32];
    const struct resting *place = place_of(outbox, to, hash);
    return place->until > now && memcmp(place->hash, hash, sizeof hash) == 0 ? place->until : 0;
}

/* ---- what came of an attempt ---- */
static void log_outcome(struct delivery *delivery, int status, enum sp_cause cause, struct sp_str what)
{
    struct sp_call call = {.authority = delivery->outbox->authority,
                           .arena = delivery->arena,
                           .now = delivery->outbox->wall,
                           .asked = {.method = SP_STR("DELIVER"), .path = delivery->message.to},
                           .endpoint = sp_outgoing_row(delivery->message.kind)->name,
                           .client_id = delivery->message.owner};
    call.answer.status = status;
    if (cause != SP_CAUSE_NONE)
        call.finding =
            (struct sp_finding){.cause = cause,
                                .received = what,
                                .detail = sp_arena_printf(delivery->arena, "after %u %s", delivery->message.attempts,
                                                          delivery->message.attempts == 1 ? "attempt" : "attempts")};
    sp_call_log_add(delivery->outbox->log, &call);
}

/* All mail goes to one server, which is the operator's: whoever sets it up reads why nothing comes now, and not in an
 * hour, when the first message is lost. Told once, until it takes something. */
static void tell_of_mail(struct delivery *delivery, enum sp_outgoing_outcome outcome, struct sp_str what)
{
    struct sp_outbox *outbox = delivery->outbox;
    const bool waits = outcome == SP_OUTGOING_LATER;
    if (sp_outgoing_row(delivery->message.kind)->lost != SP_CAUSE_MAIL_NOT_DELIVERED || waits == outbox->mail_waits)
        return;
    outbox->mail_waits = waits;
    if (waits)
        fprintf(
            stderr,
            "authority: the mail server of authority.mail did not take a message: %.*s; it waits and is tried again\n",
            SP_STR_ARG(what));
    else
        fprintf(stderr, "authority: the mail server answers again\n");
}

static enum sp_status drop(struct sp_store *store, const struct sp_record *record)
{
    enum sp_status status = store->methods->drop_record(store, SP_RECORD_OUTGOING, record->id);
    return status == SP_NOT_FOUND ? SP_OK : status;
}

static enum sp_status write_record(struct sp_store *store, struct sp_arena *arena, const struct sp_outgoing *message,
                                   struct sp_record *record, int64_t due_at)
{
    enum sp_status status = sp_outgoing_write(arena, message, record, due_at);
    return status == SP_OK ? store->methods->put_record(store, record, NULL) : status;
}

/* What follows from an attempt, within a write. */
static enum sp_status conclude(struct delivery *delivery, enum sp_outgoing_outcome outcome, int http_status,
                               struct sp_str what, int64_t now)
{
    struct sp_outbox *outbox = delivery->outbox;
    struct sp_outgoing *message = &delivery->message;
    const struct sp_outgoing_row *row = sp_outgoing_row(message->kind);
    bool abandoned = outbox->authority->abandon != NULL && atomic_load(outbox->authority->abandon);
    uint32_t jitter;
    if (!abandoned)
        tell_of_mail(delivery, outcome, what);
    sp_random_bytes(&jitter, sizeof jitter);
    int64_t due_at = now + sp_outgoing_wait(message->attempts, jitter);
    if (outcome == SP_OUTGOING_LATER && abandoned) {
        message->attempts--; /* we end; it is no fault of theirs */
        due_at = now;
    } else if (outcome == SP_OUTGOING_LATER &&
               (message->attempts >= row->max_attempts || due_at >= message->expires_at)) {
        outcome = SP_OUTGOING_NEVER;
    }
    if (outcome == SP_OUTGOING_LATER) {
        if (!abandoned)
            rest(outbox, message->to, due_at);
        return write_record(outbox->authority->store, delivery->arena, message, &delivery->record, due_at);
    }
    log_outcome(delivery, http_status, outcome == SP_OUTGOING_NEVER ? row->lost : SP_CAUSE_NONE, what);
    return drop(outbox->authority->store, &delivery->record);
}

/* When the write fails, the lease ends and it is tried again: at least once, never lost. */
static void finished(void *context, struct sp_errand *errand)
{
    struct delivery *delivery = context;
    struct sp_store *store = delivery->outbox->authority->store;
    struct sp_str what = SP_STR_NONE;
    int http_status = 0;
    enum sp_outgoing_outcome outcome =
        sp_outgoing_row(delivery->message.kind)->judge(delivery->arena, errand, &http_status, &what);
    if (store->methods->begin(store) == SP_OK)
        (void)sp_store_settle(store, conclude(delivery, outcome, http_status, what, delivery->outbox->now));
    forget(delivery);
}

/* ---- starting ---- */
static enum sp_status submit(struct delivery *delivery, struct sp_errand *errand, int64_t now)
{
    struct sp_outbox *outbox = delivery->outbox;
    struct sp_str what = SP_STR_NONE;
    int http_status = 0;
    if (errand->done) { /* refused before it was asked */
        enum sp_outgoing_outcome outcome =
            sp_outgoing_row(delivery->message.kind)->judge(delivery->arena, errand, &http_status, &what);
        return conclude(delivery, outcome, http_status, what, now);
    }
    errand->lane = SP_LANE_DELIVERY;
    errand->finished = finished;
    errand->context = delivery;
    if (!sp_errand_pool_take(outbox->pool, errand)) {
        delivery->message.attempts--;
        return write_record(outbox->authority->store, delivery->arena, &delivery->message, &delivery->record, now + 1);
    }
    delivery->next = outbox->under_way;
    outbox->under_way = delivery;
    outbox->count++;
    return SP_OK;
}

static enum sp_status start(struct delivery *delivery, int64_t now)
{
    struct sp_outbox *outbox = delivery->outbox;
    struct sp_store *store = outbox->authority->store;
    struct sp_outgoing *message = &delivery->message;
    const struct sp_outgoing_row *row = sp_outgoing_row(message->kind);
    struct sp_errand *errand = NULL;
    /* Nobody lives longer than from now: a command wrote it whose clock was ahead. */
    if (message->expires_at > now + row->lifetime_s)
        message->expires_at = now + row->lifetime_s;
    if (now >= message->expires_at)
        return conclude(delivery, SP_OUTGOING_NEVER, 0, SP_STR("too old"), now);
    enum sp_status status = row->prepare(outbox->authority, delivery->arena, message, outbox->wall, &errand);
    if (status == SP_NOT_FOUND)
        return drop(store, &delivery->record);
    int64_t rests = rests_until(outbox, message->to, now);
    if (rests != 0)
        return write_record(store, delivery->arena, message, &delivery->record, rests);
    message->attempts++;
    if (status != SP_OK)
        return conclude(delivery, SP_OUTGOING_LATER, 0, sp_str_from_cstr(sp_status_text(status)), now);
    status = write_record(store, delivery->arena, message, &delivery->record, now + LEASE_S);
    return status == SP_OK ? submit(delivery, errand, now) : status;
}

static bool is_under_way(const struct sp_outbox *outbox, struct sp_str id)
{
    for (const struct delivery *delivery = outbox->under_way; delivery != NULL; delivery = delivery->next)
        if (sp_str_equal(delivery->record.id, id))
            return true;
    return false;
}

/* Its own arena: an attempt outlives the list that it was found in. */
static enum sp_status take_up(struct sp_outbox *outbox, const struct sp_record *listed, int64_t now)
{
    struct sp_store *store = outbox->authority->store;
    struct delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery == NULL)
        return SP_NO_MEMORY;
    delivery->outbox = outbox;
    delivery->generation = sp_settings_generation_ref(outbox->authority->generation);
    delivery->arena = sp_arena_create(SP_MAX_OUTGOING_ARENA_BYTES);
    enum sp_status status = delivery->arena != NULL ? SP_OK : SP_NO_MEMORY;
    if (status == SP_OK)
        status = store->methods->find_record(store, SP_RECORD_OUTGOING, listed->id, delivery->arena, &delivery->record);
    if (status == SP_OK)
        status = sp_outgoing_read(delivery->arena, &delivery->record, &delivery->message);
    size_t before = outbox->count;
    if (status == SP_OK)
        status = start(delivery, now);
    if (status == SP_MALFORMED) /* nothing that could be delivered, by this program at least */
        status = drop(store, listed);
    if (status == SP_NOT_FOUND)
        status = SP_OK;
    if (outbox->count == before)
        forget(delivery);
    return status;
}

enum sp_status sp_outbox_tend(struct sp_outbox *outbox, int64_t wall)
{
    struct sp_store *store = outbox->authority->store;
    const int64_t now = sp_outgoing_time(outbox->authority, wall);
    struct sp_record *records = NULL;
    size_t count = 0;
    outbox->authority->has_outgoing = false;
    outbox->now = now;
    outbox->wall = wall;
    if (outbox->count >= MAX_UNDER_WAY)
        return SP_OK;
    struct sp_arena *arena = sp_arena_create(SP_MAX_OUTGOING_ARENA_BYTES);
    if (arena == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = store->methods->list_due(store, SP_RECORD_OUTGOING, now > wall ? now : wall, MAX_LISTED,
                                                     arena, &records, &count);
    if (status == SP_OK && count > 0)
        status = store->methods->begin(store);
    if (status == SP_OK && count > 0) {
        for (size_t i = 0; status == SP_OK && i < count && outbox->count < MAX_UNDER_WAY; i++)
            if (sp_outgoing_is_due(records[i].due_at, now) && !is_under_way(outbox, records[i].id))
                status = take_up(outbox, &records[i], now);
        status = sp_store_commit(store, status);
    }
    sp_arena_destroy(&arena);
    return status;
}
