/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/shown_codes.h"

#include "authority/handle.h"
#include "authority/key_ring.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

/* Whoever reloads the page does so while it is read. */
#define SHOWN_S 300

static struct sp_str label_of(struct sp_call *call, struct sp_str account)
{
    return sp_arena_printf(call->arena, "recovery codes %.*s", SP_STR_ARG(account));
}

static enum sp_status hash_of_form(struct sp_call *call, struct sp_str account, unsigned char hash[32])
{
    struct sp_str text =
        sp_arena_printf(call->arena, "shown codes %.*s %.*s", SP_STR_ARG(account), SP_STR_ARG(call->asked.body));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    sp_sha256(text, hash);
    return SP_OK;
}

/* ---- kept as: {"session":…,"sealed":…}, sealed: the codes with spaces between them ---- */
static struct sp_str data_of(struct sp_call *call, struct sp_str account, const struct sp_shown_codes *shown)
{
    struct sp_buffer plain, data;
    struct sp_json_writer json;
    struct sp_str sealed, label = label_of(call, account);
    sp_answer_buffer(call, &plain);
    for (size_t i = 0; i < SP_RECOVERY_CODES; i++)
        sp_buffer_printf(&plain, "%s%.*s", i > 0 ? " " : "", SP_STR_ARG(shown->codes[i]));
    if (label.at == NULL || sp_buffer_status(&plain) != SP_OK ||
        sp_key_ring_seal(call->authority->keys, label, sp_buffer_str(&plain), call->arena, &sealed) != SP_OK)
        return SP_STR_NONE;
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "session", sp_base64url_of(call->arena, shown->session, sizeof shown->session));
    sp_json_string_member(&json, "sealed", sp_base64url_of(call->arena, sealed.at, sealed.len));
    sp_json_end_object(&json);
    return sp_buffer_status(&data) == SP_OK ? sp_buffer_str(&data) : SP_STR_NONE;
}

static enum sp_status read_data(struct sp_call *call, struct sp_str account, struct sp_str kept,
                                struct sp_shown_codes *shown)
{
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    struct sp_str session, sealed, plain, label = label_of(call, account);
    size_t count = 0;
    enum sp_status status =
        label.at != NULL ? sp_json_parse(call->arena, kept, &sp_json_limits_token, &data, &error) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = sp_base64url_decode(call->arena, sp_json_string(sp_json_member(data, SP_STR("session"))), &session);
    if (status == SP_OK)
        status = sp_base64url_decode(call->arena, sp_json_string(sp_json_member(data, SP_STR("sealed"))), &sealed);
    if (status == SP_OK)
        status = sp_key_ring_unseal(call->authority->keys, label, sealed, call->arena, &plain);
    if (status != SP_OK)
        return status;
    while (count < SP_RECOVERY_CODES && sp_str_next_word(&plain, SP_STR(" "), &shown->codes[count]))
        count++;
    if (count < SP_RECOVERY_CODES || session.len != sizeof shown->session)
        return SP_NOT_FOUND;
    memcpy(shown->session, session.at, sizeof shown->session);
    return SP_OK;
}

enum sp_status sp_shown_codes_keep(struct sp_call *call, struct sp_str account, const struct sp_shown_codes *shown)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_SHOWN_CODES,
                               .subject = account,
                               .issued_at = call->now,
                               .expires_at = call->now + SHOWN_S,
                               .data = data_of(call, account, shown)};
    enum sp_status status = ticket.data.at != NULL ? hash_of_form(call, account, ticket.hash) : SP_NO_MEMORY;
    if (status == SP_OK)
        status = store->methods->drop_ticket(store, ticket.kind, ticket.hash);
    return status == SP_OK || status == SP_NOT_FOUND ? store->methods->put_ticket(store, &ticket, NULL) : status;
}

enum sp_status sp_shown_codes_find(struct sp_call *call, struct sp_str account, struct sp_shown_codes *shown)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    struct sp_shown_codes found;
    unsigned char hash[32];
    bool hold = false;
    enum sp_status status = hash_of_form(call, account, hash);
    if (status == SP_OK)
        status = store->methods->find_ticket(store, SP_TICKET_SHOWN_CODES, hash, call->arena, &ticket);
    if (status == SP_OK && ticket.expires_at <= call->now)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = read_data(call, account, ticket.data, &found);
    if (status == SP_OK)
        status = sp_recovery_codes_hold(call, account, found.codes, &hold);
    if (status == SP_OK && !hold)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        *shown = found;
    return status;
}
