/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/replay.h"

#include "authority/denial.h"

struct sp_replay {
    struct sp_replay *next;
    unsigned char hash[32];
    uint64_t lost_turns; /* when it was spent: a turn that was lost since may have held it */
};

static bool is_own(const struct sp_call *call, const unsigned char hash[32])
{
    for (const struct sp_replay *spent = call->spent; spent != NULL; spent = spent->next)
        if (spent->lost_turns == call->authority->lost_turns && memcmp(spent->hash, hash, 32) == 0)
            return true;
    return false;
}

enum sp_step sp_replay_spend(struct sp_call *call, const unsigned char hash[32], struct sp_str client_id,
                             int64_t expires_at, bool *fresh)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {
        .kind = SP_TICKET_REPLAY, .client_id = client_id, .issued_at = call->now, .expires_at = expires_at};
    if (is_own(call, hash)) {
        *fresh = true;
        return SP_GOES_ON;
    }
    /* Before anything is written: what is spent is remembered, or not spent. */
    struct sp_replay *spent = SP_ARENA_NEW(call->arena, struct sp_replay);
    if (spent == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    memcpy(ticket.hash, hash, sizeof ticket.hash);
    bool first = false;
    enum sp_status status = store->methods->begin(store);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    status = store->methods->put_ticket(store, &ticket, &first);
    status = sp_store_settle(store, status);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (first) {
        *spent = (struct sp_replay){.next = call->spent, .lost_turns = call->authority->lost_turns};
        memcpy(spent->hash, hash, sizeof spent->hash);
        call->spent = spent;
    }
    *fresh = first;
    return SP_GOES_ON;
}
