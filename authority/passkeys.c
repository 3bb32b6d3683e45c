/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/passkeys.h"

#include "authority/handle.h"
#include "authority/page.h"
#include "core/base/url.h"

/* Web Authentication 5.4.3: 64 bytes are recommended. */
#define HANDLE_BYTES 64u

/* ---- the relying party ---- */
struct sp_str sp_passkeys_relying_party(const struct sp_authority_settings *settings)
{
    struct sp_url url;
    if (!settings->passkeys || sp_url_split(settings->issuer, &url) != SP_OK)
        return SP_STR_NONE;
    bool is_address = true;
    for (size_t i = 0; i < url.host.len; i++) {
        char c = url.host.at[i];
        is_address = is_address && ((c >= '0' && c <= '9') || c == '.');
    }
    return is_address || url.host.at[0] == '[' ? SP_STR_NONE : url.host;
}

struct sp_passkey_expectation sp_passkeys_expectation(struct sp_call *call, struct sp_str challenge, bool verified)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    return (struct sp_passkey_expectation){.origin = sp_page_origin(call->arena, settings->issuer),
                                           .rp_id = sp_passkeys_relying_party(settings),
                                           .challenge = challenge,
                                           .needs_verification = verified};
}

/* ---- records ---- */
enum sp_status sp_passkeys_put(struct sp_call *call, const struct sp_passkey *passkey, bool *fresh)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "jwk", passkey->jwk);
    sp_json_string_member(&json, "name", passkey->name);
    sp_json_int_member(&json, "sign_count", passkey->sign_count);
    sp_json_bool_member(&json, "synced", passkey->is_synced);
    sp_json_int_member(&json, "used_at", passkey->used_at);
    sp_json_end_object(&json);
    const struct sp_record record = {.kind = SP_RECORD_PASSKEY,
                                     .id = passkey->id,
                                     .owner = passkey->owner,
                                     .data = sp_buffer_str(&data),
                                     .created_at = passkey->created_at};
    enum sp_status status = sp_buffer_status(&data);
    return status == SP_OK ? store->methods->put_record(store, &record, fresh) : status;
}

static enum sp_status read_passkey(struct sp_arena *arena, const struct sp_record *record, struct sp_passkey *passkey)
{
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    int64_t sign_count = 0;
    enum sp_status status = sp_json_parse(arena, record->data, &sp_json_limits_token, &data, &error);
    struct sp_passkey read = {.id = record->id, .owner = record->owner, .created_at = record->created_at};
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("sign_count")), &sign_count);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("used_at")), &read.used_at);
    read.sign_count = (uint32_t)sign_count;
    read.jwk = sp_json_string(sp_json_member(data, SP_STR("jwk")));
    read.name = sp_json_string(sp_json_member(data, SP_STR("name")));
    read.is_synced = sp_json_is(sp_json_member(data, SP_STR("synced")), SP_JSON_TRUE);
    if (status == SP_OK)
        *passkey = read;
    return status;
}

enum sp_status sp_passkeys_find(struct sp_call *call, struct sp_str id, struct sp_passkey *passkey)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_PASSKEY, id, call->arena, &record);
    return status == SP_OK ? read_passkey(call->arena, &record, passkey) : status;
}

enum sp_status sp_passkeys_list(struct sp_store *store, struct sp_arena *arena, struct sp_str account,
                                struct sp_passkey **passkeys, size_t *count)
{
    struct sp_record *records = NULL;
    size_t found = 0;
    enum sp_status status = store->methods->list_records(store, SP_RECORD_PASSKEY, account, SP_STR(""), SP_MAX_PASSKEYS,
                                                         arena, &records, &found);
    struct sp_passkey *list = sp_arena_calloc(arena, found + 1, sizeof *list);
    if (status == SP_OK && list == NULL)
        status = SP_NO_MEMORY;
    for (size_t i = 0; status == SP_OK && i < found; i++)
        status = read_passkey(arena, &records[i], &list[i]);
    if (status == SP_OK) {
        *passkeys = list;
        *count = found;
    }
    return status;
}

/* ---- handles ---- */
enum sp_status sp_passkeys_handle(struct sp_call *call, struct sp_str account, struct sp_str *handle)
{
    struct sp_store *store = call->authority->store;
    struct sp_record *records = NULL;
    size_t count = 0;
    enum sp_status status = store->methods->list_records(store, SP_RECORD_USER_HANDLE, account, SP_STR(""), 1,
                                                         call->arena, &records, &count);
    if (status != SP_OK || count > 0) {
        if (status == SP_OK)
            *handle = records[0].id;
        return status;
    }
    struct sp_record record = {.kind = SP_RECORD_USER_HANDLE,
                               .id = sp_handle_make(call->arena, "", HANDLE_BYTES),
                               .owner = account,
                               .data = SP_STR("{}"),
                               .created_at = call->now};
    if (record.id.at == NULL)
        return SP_NO_MEMORY;
    status = store->methods->put_record(store, &record, NULL);
    if (status == SP_OK)
        *handle = record.id;
    return status;
}

enum sp_status sp_passkeys_owner(struct sp_call *call, struct sp_str handle, struct sp_str *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_USER_HANDLE, handle, call->arena, &record);
    if (status == SP_OK)
        *account = record.owner;
    return status;
}

/* ---- refusals ---- */
static const enum sp_cause causes[] = {
    [SP_PASSKEY_OK] = SP_CAUSE_NONE,
    [SP_PASSKEY_FORM] = SP_CAUSE_LOGIN_PASSKEY_MALFORMED,
    [SP_PASSKEY_CHALLENGE] = SP_CAUSE_LOGIN_PASSKEY_CHALLENGE,
    [SP_PASSKEY_ORIGIN] = SP_CAUSE_LOGIN_PASSKEY_ORIGIN,
    [SP_PASSKEY_RELYING_PARTY] = SP_CAUSE_LOGIN_PASSKEY_RELYING_PARTY,
    [SP_PASSKEY_NOT_PRESENT] = SP_CAUSE_LOGIN_PASSKEY_NOT_VERIFIED,
    [SP_PASSKEY_KEY] = SP_CAUSE_LOGIN_PASSKEY_KEY,
    [SP_PASSKEY_SIGNATURE] = SP_CAUSE_LOGIN_PASSKEY_SIGNATURE,
    [SP_PASSKEY_COUNTER] = SP_CAUSE_LOGIN_PASSKEY_COUNTER,
};

void sp_passkeys_refuse(struct sp_call *call, const struct sp_passkey_result *result)
{
    call->finding = (struct sp_finding){.cause = causes[result->fault],
                                        .expected = result->expected,
                                        .received = result->received,
                                        .detail = result->part,
                                        .verified = true};
}
