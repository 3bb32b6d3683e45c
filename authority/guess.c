/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/guess.h"

#include "authority/handle.h"
#include "authority/known_browser.h"
#include "authority/password.h"
#include "authority/throttle.h"

#define WINDOW_S 86400
/* More than one network can reach; beyond these password.h's curve begins. */
#define FREE_ANYWHERE 120

/* The store ignores the case of ASCII letters, and accounts have no longer names. */
static struct sp_str fold(struct sp_arena *arena, struct sp_str name)
{
    struct sp_str folded;
    if (sp_arena_copy(arena, sp_str_slice(name, 0, 256), &folded) != SP_OK)
        return SP_STR_NONE;
    char *at = (char *)(uintptr_t)folded.at; /* ours: just copied */
    for (size_t i = 0; i < folded.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (char)(at[i] | 0x20);
    return folded;
}

static enum sp_status read_slot(struct sp_call *call, struct sp_guess *guess)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_GUESSES, guess->slot, call->arena, &ticket);
    guess->ends_at = call->now + WINDOW_S;
    guess->has_slot = status == SP_OK;
    /* That far ahead it never was: the clock was wrong then. */
    if (status == SP_NOT_FOUND ||
        (status == SP_OK && (ticket.expires_at <= call->now || ticket.expires_at - call->now > 2 * WINDOW_S)))
        return SP_OK;
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("failures")), &guess->failures);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("failed_at")), &guess->failed_at);
    guess->ends_at = ticket.expires_at;
    return status;
}

static enum sp_status make_slot(struct sp_call *call, struct sp_str folded, unsigned char slot[32])
{
    struct sp_str text = sp_arena_printf(call->arena, "guesses %.*s", SP_STR_ARG(folded));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    sp_mac(call->authority->process_secret, text, slot);
    slot[2] &= 0xF0;
    memset(slot + 3, 0, 29);
    return SP_OK;
}

/* The password was set anew since. */
static bool is_past(const struct sp_account *account, int64_t failed_at)
{
    return account != NULL && account->failures == 0 && account->failed_at != 0 && failed_at <= account->failed_at;
}

static enum sp_status forget_past(struct sp_call *call, const struct sp_account *account, struct sp_guess *guess)
{
    struct sp_store *store = call->authority->store;
    int64_t failures = 0, failed_at = 0;
    sp_throttle_guess_find(call, guess->counted, &failures, &failed_at);
    if (failures > 0 && is_past(account, failed_at))
        sp_throttle_guess_forget(call, guess->counted);
    if (guess->failures == 0 || !is_past(account, guess->failed_at))
        return SP_OK;
    guess->has_slot = false;
    guess->failures = 0;
    guess->ends_at = call->now + WINDOW_S;
    return store->methods->drop_ticket(store, SP_TICKET_GUESSES, guess->slot);
}

static void decide(struct sp_call *call, struct sp_guess *guess, struct sp_str where)
{
    int64_t failures = 0, failed_at = 0;
    sp_throttle_guess_find(call, guess->counted, &failures, &failed_at);
    guess->wait_s = sp_password_wait(failures, failed_at, call->now);
    int64_t over = guess->failures - (FREE_ANYWHERE - SP_FREE_FAILURES);
    int64_t anywhere_s =
        guess->browser.at == NULL && over > 0 ? sp_password_wait(over, guess->failed_at, call->now) : 0;
    if (anywhere_s > guess->wait_s) {
        guess->wait_s = anywhere_s;
        failures = guess->failures;
        where = SP_STR("any browser it was never signed in with");
    }
    guess->why = sp_arena_printf(call->arena, "%lld wrong passwords from %.*s: the next try in %lld s",
                                 (long long)failures, SP_STR_ARG(where), (long long)guess->wait_s);
}

enum sp_status sp_guess_find(struct sp_call *call, struct sp_str name, const struct sp_account *account,
                             struct sp_guess *out)
{
    struct sp_guess guess = {0};
    struct sp_str folded = fold(call->arena, name);
    struct sp_str network = sp_throttle_network(call->arena, call->asked.client_address);
    /* As much work for a name that is none; a cookie is nobody's then. */
    guess.browser = sp_known_browser_find(call, account != NULL ? account->id : SP_STR(""));
    guess.counted = guess.browser.at != NULL
                        ? sp_arena_printf(call->arena, "browser %.*s", SP_STR_ARG(guess.browser))
                        : sp_arena_printf(call->arena, "name %.*s from %.*s", SP_STR_ARG(folded), SP_STR_ARG(network));
    if (folded.at == NULL || guess.counted.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = make_slot(call, folded, guess.slot);
    if (status == SP_OK)
        status = read_slot(call, &guess);
    if (status == SP_OK)
        status = forget_past(call, account, &guess);
    if (status != SP_OK)
        return status;
    decide(call, &guess, guess.browser.at != NULL ? SP_STR("a browser that the account knows") : network);
    *out = guess;
    return SP_OK;
}

enum sp_status sp_guess_fail(struct sp_call *call, const struct sp_guess *guess)
{
    struct sp_store *store = call->authority->store;
    bool fresh = false;
    sp_throttle_guess_fail(call, guess->counted);
    if (guess->browser.at != NULL)
        return SP_OK;
    struct sp_ticket ticket = {.kind = SP_TICKET_GUESSES,
                               .issued_at = call->now,
                               .expires_at = guess->ends_at,
                               .data = sp_arena_printf(call->arena, "{\"failures\":%lld,\"failed_at\":%lld}",
                                                       (long long)guess->failures + 1, (long long)call->now)};
    if (ticket.data.at == NULL)
        return SP_NO_MEMORY;
    memcpy(ticket.hash, guess->slot, sizeof ticket.hash);
    if (!guess->has_slot) /* one that another node put meanwhile counts for both */
        return store->methods->put_ticket(store, &ticket, &fresh);
    return store->methods->change_ticket(store, ticket.kind, ticket.hash, ticket.expires_at, SP_STR_NONE, ticket.data);
}

void sp_guess_succeed(struct sp_call *call, const struct sp_guess *guess)
{
    sp_throttle_guess_forget(call, guess->counted);
}
