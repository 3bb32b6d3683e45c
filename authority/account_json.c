/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/account_json.h"

#include <time.h>
#include "authority/grants_given.h"

#define MAX_LISTED 100u

static void put_time(struct sp_json_writer *json, const char *name, int64_t at)
{
    char text[40];
    struct tm broken;
    time_t seconds = (time_t)at;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &broken));
    sp_json_string_member(json, name, sp_str_from_cstr(text));
}

static struct sp_str password_kind(struct sp_str hash)
{
    return hash.len == 0                                   ? SP_STR("none")
           : sp_str_has_prefix(hash, SP_STR("$argon2id$")) ? SP_STR("argon2id")
           : sp_str_has_prefix(hash, SP_STR("$2"))         ? SP_STR("bcrypt")
                                                           : SP_STR("sha-crypt");
}

static enum sp_status put_members(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_account *account)
{
    const struct sp_json *claims = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(arena, account->claims, &sp_json_limits_document, &claims, &error);
    sp_json_string_member(json, "id", account->id);
    sp_json_string_member(json, "name", account->name);
    sp_json_bool_member(json, "disabled", account->disabled);
    put_time(json, "created_at", account->created_at);
    sp_json_string_member(json, "password", password_kind(account->password_hash));
    sp_json_name(json, SP_STR("claims"));
    sp_json_put_value(json, claims);
    return status;
}

enum sp_status sp_account_json(struct sp_json_writer *json, struct sp_arena *arena, const struct sp_account *account)
{
    sp_json_begin_object(json);
    enum sp_status status = put_members(json, arena, account);
    sp_json_end_object(json);
    return status;
}

enum sp_status sp_account_json_sessions(struct sp_json_writer *json, struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket *tickets = NULL;
    size_t count = 0;
    enum sp_status status = store->methods->list_tickets(store, SP_TICKET_SESSION, subject, call->now, MAX_LISTED,
                                                         call->arena, &tickets, &count);
    sp_json_name(json, SP_STR("sessions"));
    sp_json_begin_array(json);
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        const struct sp_json *data = NULL;
        struct sp_json_error error;
        status = sp_json_parse(call->arena, tickets[i].data, &sp_json_limits_token, &data, &error);
        sp_json_begin_object(json);
        sp_json_string_member(json, "sid", tickets[i].family);
        if (sp_json_member(data, SP_STR("device")) != NULL)
            sp_json_string_member(json, "device", sp_json_string(sp_json_member(data, SP_STR("device"))));
        sp_json_string_member(json, "browser", sp_json_string(sp_json_member(data, SP_STR("browser"))));
        sp_json_string_member(json, "address", sp_json_string(sp_json_member(data, SP_STR("address"))));
        put_time(json, "since", tickets[i].issued_at);
        put_time(json, "until", tickets[i].expires_at);
        sp_json_end_object(json);
    }
    sp_json_end_array(json);
    return status;
}

enum sp_status sp_account_json_grants(struct sp_json_writer *json, struct sp_call *call, struct sp_str subject)
{
    struct sp_grant_given *grants = NULL;
    size_t count = 0;
    enum sp_status status = sp_grants_given_list(call, subject, &grants, &count);
    sp_json_name(json, SP_STR("grants"));
    sp_json_begin_array(json);
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        sp_json_begin_object(json);
        sp_json_string_member(json, "client_id", grants[i].client_id);
        sp_json_string_member(json, "scope", grants[i].scopes);
        put_time(json, "since", grants[i].since);
        sp_json_end_object(json);
    }
    sp_json_end_array(json);
    return status;
}

static const struct {
    enum sp_record_kind kind;
    const char *name;
} factors[] = {{SP_RECORD_PASSKEY, "passkeys"},
               {SP_RECORD_TOTP, "totp"},
               {SP_RECORD_RECOVERY_CODE, "recovery_codes"},
               {SP_RECORD_FEDERATED, "federated"}};

static enum sp_status put_factors(struct sp_json_writer *json, struct sp_call *call, struct sp_str subject)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = SP_OK;
    sp_json_name(json, SP_STR("factors"));
    sp_json_begin_object(json);
    for (size_t i = 0; status == SP_OK && i < sizeof factors / sizeof factors[0]; i++) {
        struct sp_record *records = NULL, one;
        size_t count = 0;
        if (factors[i].kind == SP_RECORD_TOTP) {
            status = store->methods->find_record(store, SP_RECORD_TOTP, subject, call->arena, &one);
            count = status == SP_OK;
            status = status == SP_NOT_FOUND ? SP_OK : status;
        } else {
            status = store->methods->list_records(store, factors[i].kind, subject, SP_STR(""), MAX_LISTED, call->arena,
                                                  &records, &count);
        }
        sp_json_int_member(json, factors[i].name, (int64_t)count);
    }
    sp_json_end_object(json);
    return status;
}

enum sp_status sp_account_json_whole(struct sp_json_writer *json, struct sp_call *call,
                                     const struct sp_account *account)
{
    sp_json_begin_object(json);
    enum sp_status status = put_members(json, call->arena, account);
    if (status == SP_OK)
        status = sp_account_json_sessions(json, call, account->id);
    if (status == SP_OK)
        status = sp_account_json_grants(json, call, account->id);
    if (status == SP_OK)
        status = put_factors(json, call, account->id);
    sp_json_end_object(json);
    return status;
}
