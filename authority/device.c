/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/device.h"

#include "authority/handle.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

/* RFC 8628 6.1: no vowels, so that no words appear; 20^8 of them against ten minutes. */
static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";
#define LETTER_COUNT 20u
#define USER_CODE_LETTERS 8u
/* At once; what is more comes in a next portion. */
#define PORTION 100u

static const struct sp_str state_names[] = {
    [SP_DEVICE_PENDING] = {"pending", 7}, [SP_DEVICE_ALLOWED] = {"allowed", 7}, [SP_DEVICE_DENIED] = {"denied", 6}};

static struct sp_str write_data(struct sp_call *call, const struct sp_device *device)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "state", state_names[device->state]);
    sp_json_int_member(&json, "interval", device->interval_s);
    sp_json_int_member(&json, "polled_at", device->polled_at);
    sp_grant_record_write(&json, &device->record);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

enum sp_status sp_device_find(struct sp_call *call, const unsigned char hash[32], struct sp_device *device)
{
    struct sp_store *store = call->authority->store;
    struct sp_device found = {0};
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_DEVICE, hash, call->arena, &found.ticket);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, found.ticket.data, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        status = sp_grant_record_read(call->arena, &found.ticket, data, &found.record);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("interval")), &found.interval_s);
    if (status == SP_OK)
        status = sp_json_int64(sp_json_member(data, SP_STR("polled_at")), &found.polled_at);
    if (status != SP_OK)
        return status;
    struct sp_str state = sp_json_string(sp_json_member(data, SP_STR("state")));
    found.state = SP_DEVICE_DENIED;
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++)
        if (sp_str_equal(state, state_names[i]))
            found.state = (enum sp_device_state)i;
    *device = found;
    return SP_OK;
}

/* "bcdf ghjk" and "BCDF-GHJK" are one code: how many letters, one too many at most. */
static size_t read_letters(struct sp_str typed, char plain[USER_CODE_LETTERS + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < typed.len && len <= USER_CODE_LETTERS; i++) {
        char c = typed.at[i] >= 'a' && typed.at[i] <= 'z' ? (char)(typed.at[i] - 32) : typed.at[i];
        if (c >= 'A' && c <= 'Z')
            plain[len++] = c;
    }
    return len;
}

static void hash_user_code(struct sp_str typed, unsigned char hash[32])
{
    char plain[USER_CODE_LETTERS + 1];
    size_t len = read_letters(typed, plain);
    sp_sha256(sp_str(plain, len), hash);
}

struct sp_str sp_device_user_code_shown(struct sp_call *call, struct sp_str typed)
{
    char plain[USER_CODE_LETTERS + 1];
    if (read_letters(typed, plain) != USER_CODE_LETTERS)
        return typed;
    return sp_arena_printf(call->arena, "%.4s-%.4s", plain, plain + USER_CODE_LETTERS / 2);
}

enum sp_status sp_device_find_by_user_code(struct sp_call *call, struct sp_str typed, struct sp_device *device)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    struct sp_str hash = SP_STR_NONE;
    unsigned char key[32];
    hash_user_code(typed, key);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_USER_CODE, key, call->arena, &ticket);
    if (status == SP_OK && ticket.expires_at <= call->now)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = sp_base64url_decode(call->arena, ticket.data, &hash);
    if (status == SP_OK)
        status = hash.len == 32 ? sp_device_find(call, (const unsigned char *)hash.at, device) : SP_NOT_FOUND;
    return status == SP_OK && device->state != SP_DEVICE_PENDING ? SP_NOT_FOUND : status;
}

enum sp_status sp_device_change(struct sp_call *call, const struct sp_device *device)
{
    struct sp_store *store = call->authority->store;
    struct sp_str data = write_data(call, device);
    if (data.at == NULL)
        return SP_NO_MEMORY;
    return store->methods->change_ticket(store, SP_TICKET_DEVICE, device->ticket.hash, device->ticket.expires_at,
                                         device->record.subject, data);
}

enum sp_status sp_device_drop_allowed(struct sp_call *call, struct sp_str subject, struct sp_str spared)
{
    struct sp_store *store = call->authority->store;
    size_t dropped = 1;
    enum sp_status status = SP_OK;
    while (status == SP_OK && dropped > 0) {
        struct sp_ticket *tickets = NULL;
        size_t count = 0;
        dropped = 0;
        status = store->methods->list_tickets(store, SP_TICKET_DEVICE, subject, call->now, PORTION, call->arena,
                                              &tickets, &count);
        for (size_t i = 0; status == SP_OK && i < count; i++) {
            struct sp_device device;
            status = sp_device_find(call, tickets[i].hash, &device);
            if (status != SP_OK || (spared.at != NULL && sp_str_equal(device.record.sid, spared)))
                continue;
            status = store->methods->drop_ticket(store, SP_TICKET_DEVICE, tickets[i].hash);
            dropped++;
        }
    }
    return status;
}

static struct sp_str make_user_code(struct sp_call *call)
{
    char code[USER_CODE_LETTERS];
    for (size_t i = 0; i < sizeof code;) {
        unsigned char byte;
        sp_random_bytes(&byte, 1);
        if (byte < 240) /* a multiple of 20: no letter is likelier than another */
            code[i++] = letters[byte % LETTER_COUNT];
    }
    return sp_arena_printf(call->arena, "%.4s-%.4s", code, code + 4);
}

enum sp_status sp_device_start(struct sp_call *call, const struct sp_client *client, struct sp_str scope,
                               struct sp_str_list audiences, struct sp_str *device_code, struct sp_str *user_code)
{
    struct sp_store *store = call->authority->store;
    struct sp_device device = {.interval_s = SP_DEVICE_INTERVAL_S, .record = {.scope = scope, .audiences = audiences}};
    struct sp_str code = sp_handle_make(call->arena, "spdc_", SP_HANDLE_BYTES), shown = make_user_code(call);
    struct sp_ticket ticket = {.kind = SP_TICKET_DEVICE,
                               .family = sp_family_make(call->arena, call->now),
                               .client_id = client->id,
                               .issued_at = call->now,
                               .expires_at = call->now + call->authority->settings->device_lifetime_s,
                               .data = write_data(call, &device)};
    if (code.at == NULL || shown.at == NULL || ticket.family.at == NULL || ticket.data.at == NULL)
        return SP_NO_MEMORY;
    sp_sha256(code, ticket.hash);
    struct sp_ticket typed = {.kind = SP_TICKET_USER_CODE,
                              .issued_at = call->now,
                              .expires_at = ticket.expires_at,
                              .data = sp_base64url_of(call->arena, ticket.hash, sizeof ticket.hash)};
    hash_user_code(shown, typed.hash);
    bool fresh = false;
    enum sp_status status = store->methods->put_ticket(store, &ticket, NULL);
    if (status == SP_OK)
        status = store->methods->put_ticket(store, &typed, &fresh);
    if (status == SP_OK && !fresh)
        status = SP_IO; /* somebody holds this code: as likely as a lottery won twice; the device asks again */
    if (status != SP_OK)
        return status;
    *device_code = code;
    *user_code = shown;
    return SP_OK;
}
