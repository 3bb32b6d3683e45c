/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/guess.h"

#include "authority/handle.h"
#include "authority/known_browser.h"
#include "authority/password.h"
#include "authority/throttle.h"
#include "core/base/limits.h"

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

/* ---- the row ---- */
struct sp_guesser {
    struct sp_str key;
    int64_t failures, failed_at;
};

static enum sp_status read_guessers(struct sp_call *call, const struct sp_json *list, struct sp_guess *guess)
{
    guess->guessers = sp_arena_alloc(call->arena, SP_MAX_GUESSERS * sizeof *guess->guessers);
    if (guess->guessers == NULL)
        return SP_NO_MEMORY;
    for
        SP_JSON_EACH(one, list)
        {
            struct sp_guesser *guesser = &guess->guessers[guess->guesser_count];
            guesser->key = sp_json_string(sp_json_member(one, SP_STR("key")));
            if (guess->guesser_count == SP_MAX_GUESSERS || guesser->key.at == NULL)
                return SP_MALFORMED;
            enum sp_status status = sp_json_int64(sp_json_member(one, SP_STR("failures")), &guesser->failures);
            if (status == SP_OK)
                status = sp_json_int64(sp_json_member(one, SP_STR("failed_at")), &guesser->failed_at);
            if (status != SP_OK)
                return status;
            guess->guesser_count++;
        }
    return SP_OK;
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
        return read_guessers(call, NULL, guess);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("failures")), &guess->failures);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("failed_at")), &guess->failed_at);
    if (status == SP_OK)
        status = read_guessers(call, sp_json_member(data, SP_STR("guessers")), guess);
    guess->ends_at = ticket.expires_at;
    return status;
}

static const struct sp_guesser *guesser_of(const struct sp_guess *guess)
{
    for (size_t i = 0; i < guess->guesser_count; i++)
        if (sp_str_equal(guess->guessers[i].key, guess->key))
            return &guess->guessers[i];
    return NULL;
}

static void put_guesser(struct sp_json_writer *json, const struct sp_guesser *guesser)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "key", guesser->key);
    sp_json_int_member(json, "failures", guesser->failures);
    sp_json_int_member(json, "failed_at", guesser->failed_at);
    sp_json_end_object(json);
}

/* Without the one of `key`, and without the longest ago when there is no room for `fresh` (failures 0: none). */
static enum sp_status write_slot(struct sp_call *call, const struct sp_guess *guess, int64_t failures,
                                 int64_t failed_at, const struct sp_guesser *fresh)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer buffer;
    struct sp_json_writer json;
    bool is_fresh = false;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_int_member(&json, "failures", failures);
    sp_json_int_member(&json, "failed_at", failed_at);
    sp_json_name(&json, SP_STR("guessers"));
    sp_json_begin_array(&json);
    size_t skipped = guess->guesser_count == SP_MAX_GUESSERS && guesser_of(guess) == NULL ? 1 : 0;
    for (size_t i = fresh->failures > 0 ? skipped : 0; i < guess->guesser_count; i++)
        if (!sp_str_equal(guess->guessers[i].key, guess->key))
            put_guesser(&json, &guess->guessers[i]);
    if (fresh->failures > 0)
        put_guesser(&json, fresh);
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    if (sp_buffer_status(&buffer) != SP_OK)
        return sp_buffer_status(&buffer);
    struct sp_ticket ticket = {.kind = SP_TICKET_GUESSES,
                               .issued_at = call->now,
                               .expires_at = guess->ends_at,
                               .data = sp_buffer_str(&buffer)};
    memcpy(ticket.hash, guess->slot, sizeof ticket.hash);
    if (!guess->has_slot) /* one that another node put meanwhile counts for both */
        return store->methods->put_ticket(store, &ticket, &is_fresh);
    return store->methods->change_ticket(store, ticket.kind, ticket.hash, ticket.expires_at, SP_STR_NONE, ticket.data);
}

static enum sp_status make_names(struct sp_call *call, struct sp_str folded, struct sp_str network,
                                 struct sp_guess *guess)
{
    unsigned char mac[32];
    struct sp_str slot = sp_arena_printf(call->arena, "guesses %.*s", SP_STR_ARG(folded));
    struct sp_str guesser =
        guess->browser.at != NULL
            ? sp_arena_printf(call->arena, "guesses of browser %.*s", SP_STR_ARG(guess->browser))
            : sp_arena_printf(call->arena, "guesses at %.*s from %.*s", SP_STR_ARG(folded), SP_STR_ARG(network));
    if (slot.at == NULL || guesser.at == NULL)
        return SP_NO_MEMORY;
    sp_mac(call->authority->process_secret, slot, guess->slot);
    guess->slot[2] &= 0xF0;
    memset(guess->slot + 3, 0, 29);
    sp_mac(call->authority->process_secret, guesser, mac);
    guess->key = sp_base64url_of(call->arena, mac, 12);
    return guess->key.at != NULL ? SP_OK : SP_NO_MEMORY;
}

/* ---- what it says ---- */
/* The password was set anew since. */
static bool is_past(const struct sp_account *account, int64_t failed_at)
{
    return account != NULL && account->failures == 0 && account->failed_at != 0 && failed_at <= account->failed_at;
}

static void forget_past(struct sp_call *call, const struct sp_account *account, struct sp_guess *guess)
{
    size_t kept = 0;
    for (size_t i = 0; i < guess->guesser_count; i++)
        if (!is_past(account, guess->guessers[i].failed_at))
            guess->guessers[kept++] = guess->guessers[i];
    guess->guesser_count = kept;
    if (guess->failures == 0 || !is_past(account, guess->failed_at))
        return;
    guess->failures = 0;
    guess->ends_at = call->now + WINDOW_S;
}

static void decide(struct sp_call *call, struct sp_guess *guess, struct sp_str where)
{
    const struct sp_guesser *own = guesser_of(guess);
    int64_t failures = own != NULL ? own->failures : 0;
    guess->wait_s = own != NULL ? sp_password_wait(failures, own->failed_at, call->now) : 0;
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
    if (folded.at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = make_names(call, folded, network, &guess);
    if (status == SP_OK)
        status = read_slot(call, &guess);
    if (status != SP_OK)
        return status;
    forget_past(call, account, &guess);
    decide(call, &guess, guess.browser.at != NULL ? SP_STR("a browser that the account knows") : network);
    *out = guess;
    return SP_OK;
}

enum sp_status sp_guess_fail(struct sp_call *call, const struct sp_guess *guess)
{
    const struct sp_guesser *before = guesser_of(guess);
    const struct sp_guesser own = {guess->key, before != NULL ? before->failures + 1 : 1, call->now};
    if (guess->browser.at != NULL) /* which the others' count leaves alone */
        return write_slot(call, guess, guess->failures, guess->failed_at, &own);
    return write_slot(call, guess, guess->failures + 1, call->now, &own);
}

enum sp_status sp_guess_succeed(struct sp_call *call, const struct sp_guess *guess)
{
    if (guesser_of(guess) == NULL)
        return SP_OK;
    return write_slot(call, guess, guess->failures, guess->failed_at, &(const struct sp_guesser){0});
}
