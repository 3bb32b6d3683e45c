/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/throttle.h"

#include <stdlib.h>
#include "authority/denial.h"
#include "authority/handle.h"
#include "authority/node_clock.h"
#include "core/base/failure_count.h"
#include "core/base/limits.h"

static const struct {
    const char *name, *counted;
    enum sp_cause cause;
    uint32_t failures;
    int64_t window_s;
    bool is_of_all; /* addresses together */
    bool is_shared; /* by all nodes: what a guess can win, and asks the store anyway */
} classes[SP_THROTTLE_CLASSES] = {
    /* An office behind one address mistypes now and then; a guesser gets 300 tries an hour, over all accounts. */
    [SP_THROTTLE_LOGIN] = {"login", "failures of a login", SP_CAUSE_LOGIN_THROTTLED, 50, 600, false, true},
    /* 20^8 codes of ten minutes: hopeless with this (RFC 8628 5.1). */
    [SP_THROTTLE_USER_CODE] = {"user code", "failures of a user code", SP_CAUSE_LOGIN_THROTTLED, 20, 600, false, true},
    [SP_THROTTLE_CLIENT_SECRET] = {"client secret", "failures of a client secret", SP_CAUSE_LOGIN_THROTTLED, 300, 60,
                                   false, false},
    /* Somebody who tries out a library is far below; who fills the store needs a day from one address. */
    [SP_THROTTLE_REGISTRATION] = {"registration", "registrations", SP_CAUSE_REGISTRATION_THROTTLED, 40, 3600, false,
                                  false},
    /* Of 64 kB and half an hour each: 6 MB from one address, 100 MB from all. Whoever has such requests pushes them. */
    [SP_THROTTLE_LARGE_REQUEST] = {"large request", "authorization requests of more than 4 kB",
                                   SP_CAUSE_REQUEST_THROTTLED, 30, 600, false, false},
    [SP_THROTTLE_LARGE_REQUESTS] = {"large requests", "authorization requests of more than 4 kB",
                                    SP_CAUSE_REQUEST_THROTTLED, 500, 600, true, false},
    /* An office of some hundred people who sign in at nine, and again. */
    [SP_THROTTLE_UPSTREAM] = {"upstream", "sign-ins begun at another provider", SP_CAUSE_REQUEST_THROTTLED, 600, 600,
                              false, false},
    /* They live 90 s: of one address 30 MB at the worst, 1 MB as requests are. */
    [SP_THROTTLE_PUSHED] = {"pushed", "pushed requests of public clients", SP_CAUSE_REQUEST_THROTTLED, 300, 60, false,
                            false},
    /* Two small rows each, for authority.device's ten minutes. */
    [SP_THROTTLE_DEVICE] = {"device", "device codes of public clients", SP_CAUSE_REQUEST_THROTTLED, 200, 600, false,
                            false},
    /* A small row for 150 s. Fifty devices that wait at once ask as often. */
    [SP_THROTTLE_PROOF] = {"proof", "refused token requests of public clients with a DPoP proof",
                           SP_CAUSE_REQUEST_THROTTLED, 600, 60, false, false},
};

struct sp_throttle {
    struct sp_table *table;
    int64_t failed_at[SP_THROTTLE_CLASSES]; /* from any address; 0: never */
    unsigned char node[16];                 /* names the rows that this process tells the others by, and no other's */
    uint32_t next_row;
    uint64_t block[];
};

void sp_throttle_destroy(struct sp_throttle **throttle)
{
    free(*throttle);
    *throttle = NULL;
}

/* NULL without memory: then nothing is throttled by address, but by account still. */
static struct sp_table *table_of(struct sp_authority *authority)
{
    struct sp_throttle *throttle = authority->throttle;
    if (throttle != NULL)
        return throttle->table;
    throttle = calloc(1, sizeof *throttle + SP_MAX_THROTTLE_BYTES);
    if (throttle == NULL)
        return NULL;
    throttle->table = sp_failure_count_table(throttle->block, SP_MAX_THROTTLE_BYTES);
    sp_random_bytes(throttle->node, sizeof throttle->node);
    authority->throttle = throttle;
    return throttle->table;
}

struct sp_str sp_throttle_network(struct sp_arena *arena, struct sp_str address)
{
    char text[SP_NETWORK_TEXT_BYTES];
    struct sp_str copy = SP_STR_NONE;
    return sp_arena_copy(arena, sp_failure_network(address, text), &copy) == SP_OK ? copy : SP_STR_NONE;
}

/* Keyed, so that nobody outside chooses what falls together. */
static bool make_key(struct sp_call *call, const char *kind, struct sp_str what, unsigned char key[32])
{
    struct sp_str text = sp_arena_printf(call->arena, "throttle %s %.*s", kind, SP_STR_ARG(what));
    if (text.at != NULL)
        sp_mac(call->authority->process_secret, text, key);
    return text.at != NULL;
}

static bool key_of_address(struct sp_call *call, enum sp_throttle_class class, unsigned char key[32])
{
    if (classes[class].is_of_all)
        return make_key(call, classes[class].name, SP_STR("all"), key);
    return call->asked.client_address.len > 0 &&
           make_key(call, classes[class].name, sp_throttle_network(call->arena, call->asked.client_address), key);
}

static struct sp_str in_words(struct sp_call *call, enum sp_throttle_class class)
{
    return classes[class].is_of_all ? SP_STR("all addresses together")
                                    : sp_throttle_network(call->arena, call->asked.client_address);
}

/* No counter of the class can hold anything: then the address, whose key costs an HMAC, need not be looked for. */
static bool is_quiet(const struct sp_call *call, enum sp_throttle_class class)
{
    const struct sp_throttle *throttle = call->authority->throttle;
    return throttle == NULL || throttle->failed_at[class] == 0 ||
           call->now - throttle->failed_at[class] >= classes[class].window_s;
}

/* ---- what nodes tell each other ---- */
static struct sp_str family_of(struct sp_call *call, const unsigned char key[32])
{
    struct sp_str name = sp_base64url_of(call->arena, key, 15);
    return name.at != NULL ? sp_arena_printf(call->arena, "failures %.*s", SP_STR_ARG(name)) : SP_STR_NONE;
}

/* A row a failure, since a counter that several nodes write would have them wait for each other. The rows of a node are
 * a ring, so that it never has more; a store that cannot take one fails the call's own writes as well. */
static void tell_others(struct sp_call *call, enum sp_throttle_class class, const unsigned char key[32])
{
    struct sp_throttle *throttle = call->authority->throttle;
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_FAILURE,
                               .family = family_of(call, key),
                               .issued_at = call->now,
                               .expires_at = call->now + classes[class].window_s,
                               .data = SP_STR("{}")};
    if (throttle == NULL || ticket.family.at == NULL)
        return;
    memcpy(ticket.hash, throttle->node, sizeof throttle->node);
    memcpy(ticket.hash + sizeof throttle->node, &throttle->next_row, sizeof throttle->next_row);
    throttle->next_row = (throttle->next_row + 1) % SP_MAX_SHARED_FAILURES;
    (void)store->methods->replace_ticket(store, &ticket);
}

/* Ours among them. What is further ahead than it can be was told by a wrong clock. A store that does not answer leaves
 * what this node counted itself. */
static struct sp_failure_count ask_others(struct sp_call *call, enum sp_throttle_class class,
                                          const unsigned char key[32])
{
    struct sp_store *store = call->authority->store;
    struct sp_failure_count counter = {.started_at = call->now};
    int64_t window_s = classes[class].window_s, first_end = 0;
    struct sp_str family = family_of(call, key);
    if (family.at != NULL && store->methods->count_family(store, family, SP_TICKET_FAILURE, call->now,
                                                          call->now + window_s + SP_NODE_CLOCK_SLACK_S,
                                                          &counter.failures, &first_end) == SP_OK)
        counter.started_at = first_end - window_s;
    return counter;
}

/* ---- for the endpoints ---- */
static enum sp_step refuse(struct sp_call *call, enum sp_throttle_class class, const struct sp_failure_count *counter)
{
    int64_t wait_s = counter->started_at + classes[class].window_s - call->now;
    sp_answer_header(call, "Retry-After", sp_arena_printf(call->arena, "%lld", (long long)wait_s));
    return SP_DENY(call, .cause = classes[class].cause, .error = "temporarily_unavailable",
                   .expected = sp_arena_printf(call->arena, "at most %u %s in %lld s", classes[class].failures,
                                               classes[class].counted, (long long)classes[class].window_s),
                   .received = sp_arena_printf(call->arena, "%lld from %.*s", (long long)counter->failures,
                                               SP_STR_ARG(in_words(call, class))));
}

enum sp_step sp_throttle_check(struct sp_call *call, enum sp_throttle_class class)
{
    unsigned char key[32];
    bool is_shared = classes[class].is_shared;
    if ((!is_shared && is_quiet(call, class)) || !key_of_address(call, class, key))
        return SP_GOES_ON;
    struct sp_failure_count counter =
        sp_failure_count_find(table_of(call->authority), key, classes[class].window_s, call->now);
    if (counter.failures < classes[class].failures && is_shared)
        counter = ask_others(call, class, key);
    return counter.failures < classes[class].failures ? SP_GOES_ON : refuse(call, class, &counter);
}

void sp_throttle_fail(struct sp_call *call, enum sp_throttle_class class)
{
    unsigned char key[32];
    if (!key_of_address(call, class, key))
        return;
    sp_failure_count_add(table_of(call->authority), key, classes[class].window_s, call->now);
    struct sp_throttle *throttle = call->authority->throttle;
    if (throttle != NULL)
        throttle->failed_at[class] = call->now;
    if (classes[class].is_shared)
        tell_others(call, class, key);
}
