/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/person.h"

#include "authority/account.h"
#include "authority/device.h"
#include "authority/grants_given.h"
#include "authority/handle.h"
#include "authority/session.h"
#include "core/jose/crypto.h"

/* At once; what is more comes in a next portion. */
#define PORTION 100u

static bool is_spared(const struct sp_ticket *ticket, const unsigned char *spared)
{
    return spared != NULL && memcmp(ticket->hash, spared, sizeof ticket->hash) == 0;
}

enum sp_status sp_person_end_session(struct sp_call *call, struct sp_str subject, struct sp_str sid)
{
    struct sp_session session;
    enum sp_status status = sp_session_find_by_sid(call, subject, sid, &session);
    return status == SP_OK ? sp_session_end(call, &session) : status;
}

/* One that was allowed a moment ago would sign in after the others were signed out. */
static enum sp_status drop_devices(struct sp_call *call, struct sp_str subject, const unsigned char spared[32])
{
    struct sp_session session = {0};
    enum sp_status status = spared != NULL ? sp_session_find_by_hash(call, spared, &session) : SP_OK;
    return status == SP_OK || status == SP_NOT_FOUND ? sp_device_drop_allowed(call, subject, session.sid) : status;
}

enum sp_status sp_person_end_sessions(struct sp_call *call, struct sp_str subject, const unsigned char spared[32])
{
    struct sp_store *store = call->authority->store;
    size_t ended = 1;
    enum sp_status status = SP_OK;
    while (status == SP_OK && ended > 0) {
        struct sp_ticket *tickets = NULL;
        size_t count = 0;
        ended = 0;
        status = store->methods->list_tickets(store, SP_TICKET_SESSION, subject, call->now, PORTION, call->arena,
                                              &tickets, &count);
        for (size_t i = 0; status == SP_OK && i < count; i++) {
            struct sp_session session;
            if (is_spared(&tickets[i], spared))
                continue;
            status = sp_session_find_by_hash(call, tickets[i].hash, &session);
            if (status == SP_OK)
                status = sp_session_end(call, &session);
            ended++;
        }
    }
    return status == SP_OK ? drop_devices(call, subject, spared) : status;
}

static enum sp_status drop_links(struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    size_t count = 1;
    enum sp_status status = SP_OK;
    while (status == SP_OK && count > 0) {
        struct sp_ticket *links = NULL;
        status = store->methods->list_tickets(store, SP_TICKET_MAIL, subject, call->now, PORTION, call->arena, &links,
                                              &count);
        for (size_t i = 0; status == SP_OK && i < count; i++)
            status = store->methods->drop_ticket(store, SP_TICKET_MAIL, links[i].hash);
    }
    return status;
}

enum sp_status sp_person_end_all(struct sp_call *call, struct sp_str subject, const unsigned char spared[32])
{
    enum sp_status status = sp_person_end_sessions(call, subject, spared);
    if (status == SP_OK)
        status = drop_links(call, subject);
    return status == SP_OK ? sp_grants_given_revoke(call, subject, SP_STR_NONE) : status;
}

/* By owner; TOTP's id is the account itself. */
static const enum sp_record_kind owned[] = {SP_RECORD_PASSKEY,   SP_RECORD_TOTP,  SP_RECORD_RECOVERY_CODE,
                                            SP_RECORD_FEDERATED, SP_RECORD_EMAIL, SP_RECORD_USER_HANDLE,
                                            SP_RECORD_PAIRWISE};

static enum sp_status drop_records(struct sp_call *call, enum sp_record_kind kind, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    size_t count = 1;
    enum sp_status status = SP_OK;
    while (status == SP_OK && count > 0) {
        struct sp_record *records = NULL;
        status = store->methods->list_records(store, kind, subject, SP_STR(""), PORTION, call->arena, &records, &count);
        for (size_t i = 0; status == SP_OK && i < count; i++)
            status = store->methods->drop_record(store, kind, records[i].id);
    }
    return status;
}

static enum sp_status drop_consents(struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    size_t count = 1;
    enum sp_status status = SP_OK;
    while (status == SP_OK && count > 0) {
        struct sp_consent *consents = NULL;
        status = store->methods->list_consents(store, subject, PORTION, call->arena, &consents, &count);
        for (size_t i = 0; status == SP_OK && i < count; i++)
            status = store->methods->drop_consent(store, subject, consents[i].client_id);
    }
    return status;
}

enum sp_status sp_person_forget_grants(struct sp_call *call, struct sp_str subject)
{
    enum sp_status status = sp_grants_given_revoke(call, subject, SP_STR_NONE);
    return status == SP_OK ? drop_consents(call, subject) : status;
}

enum sp_status sp_person_remove(struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = store->methods->drop_account(store, subject);
    if (status == SP_OK)
        status = sp_person_end_sessions(call, subject, NULL);
    if (status == SP_OK)
        status = sp_person_forget_grants(call, subject);
    for (size_t i = 0; status == SP_OK && i < sizeof owned / sizeof owned[0]; i++)
        status = drop_records(call, owned[i], subject);
    if (status == SP_OK) {
        status = store->methods->drop_record(store, SP_RECORD_TOTP, subject);
        status = status == SP_NOT_FOUND ? SP_OK : status;
    }
    return status;
}

static struct sp_str mark_of(struct sp_call *call, struct sp_str text)
{
    unsigned char mac[32];
    if (text.at == NULL)
        return SP_STR_NONE;
    sp_mac(call->authority->process_secret, text, mac);
    return sp_base64url_of(call->arena, mac, sizeof mac);
}

struct sp_str sp_person_password_mark(struct sp_call *call, const struct sp_account *account)
{
    return mark_of(call, sp_arena_printf(call->arena, "password of %.*s %.*s", SP_STR_ARG(account->id),
                                         SP_STR_ARG(account->password_hash)));
}

enum sp_status sp_person_address_mark(struct sp_call *call, const struct sp_account *account, struct sp_str *mark)
{
    struct sp_str email = SP_STR_NONE;
    enum sp_status status = sp_account_verified_email(call->arena, account->claims, &email);
    if (status != SP_OK)
        return status;
    *mark = mark_of(call, sp_arena_printf(call->arena, "address of %.*s %.*s %.*s", SP_STR_ARG(account->id),
                                          SP_STR_ARG(account->password_hash), SP_STR_ARG(email)));
    return mark->at != NULL ? SP_OK : SP_NO_MEMORY;
}
