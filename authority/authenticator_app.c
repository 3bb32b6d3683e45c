/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/authenticator_app.h"

#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/password.h"
#include "core/base/secret.h"
#include "core/base/url.h"
#include "core/factor/base32.h"
#include "core/factor/totp.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

/* So that one person's sealed secret cannot be put in another's place. */
static struct sp_str label_of(struct sp_arena *arena, struct sp_str account)
{
    return sp_arena_printf(arena, "totp %.*s", SP_STR_ARG(account));
}

static enum sp_status number_of(const struct sp_json *data, const char *name, int64_t *number)
{
    return sp_json_int64(sp_json_member(data, sp_str_from_cstr(name)), number);
}

static enum sp_status read_app(struct sp_call *call, struct sp_str account, struct sp_str kept,
                               struct sp_authenticator_app *app)
{
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    struct sp_authenticator_app read = {.account = account};
    struct sp_str sealed, label = label_of(call->arena, account);
    enum sp_status status = sp_json_parse(call->arena, kept, &sp_json_limits_token, &data, &error);
    if (status == SP_OK)
        status = number_of(data, "last_step", &read.last_step);
    if (status == SP_OK)
        status = number_of(data, "failures", &read.failures);
    if (status == SP_OK)
        status = number_of(data, "failed_at", &read.failed_at);
    if (status == SP_OK)
        status = sp_base64url_decode(call->arena, sp_json_string(sp_json_member(data, SP_STR("sealed"))), &sealed);
    if (status == SP_OK)
        status = sp_key_ring_unseal(call->authority->keys, label, sealed, call->arena, &read.secret);
    read.is_confirmed = sp_json_is(sp_json_member(data, SP_STR("confirmed")), SP_JSON_TRUE);
    if (status == SP_OK)
        *app = read;
    return status;
}

static struct sp_str app_data(struct sp_call *call, const struct sp_authenticator_app *app)
{
    struct sp_buffer data;
    struct sp_json_writer json;
    struct sp_str sealed;
    if (sp_key_ring_seal(call->authority->keys, label_of(call->arena, app->account), app->secret, call->arena,
                         &sealed) != SP_OK)
        return SP_STR_NONE;
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "sealed", sp_base64url_of(call->arena, sealed.at, sealed.len));
    sp_json_bool_member(&json, "confirmed", app->is_confirmed);
    sp_json_int_member(&json, "last_step", app->last_step);
    sp_json_int_member(&json, "failures", app->failures);
    sp_json_int_member(&json, "failed_at", app->failed_at);
    sp_json_end_object(&json);
    return sp_buffer_status(&data) == SP_OK ? sp_buffer_str(&data) : SP_STR_NONE;
}

/* ---- one that counts: a record of the account ---- */
enum sp_status sp_authenticator_app_find(struct sp_call *call, struct sp_str account, struct sp_authenticator_app *app)
{
    struct sp_store *store = call->authority->store;
    struct sp_record record;
    enum sp_status status = store->methods->find_record(store, SP_RECORD_TOTP, account, call->arena, &record);
    struct sp_authenticator_app found;
    if (status == SP_OK)
        status = read_app(call, account, record.data, &found);
    if (status != SP_OK)
        return status;
    found.created_at = record.created_at;
    if (!found.is_confirmed) { /* of a version that kept setups so */
        sp_authenticator_app_forget(&found);
        return SP_NOT_FOUND;
    }
    *app = found;
    return SP_OK;
}

static enum sp_status put_app(struct sp_call *call, const struct sp_authenticator_app *app)
{
    struct sp_store *store = call->authority->store;
    const struct sp_record record = {.kind = SP_RECORD_TOTP,
                                     .id = app->account,
                                     .owner = app->account,
                                     .data = app_data(call, app),
                                     .created_at = app->created_at};
    return record.data.at != NULL ? store->methods->put_record(store, &record, NULL) : SP_NO_MEMORY;
}

/* ---- one that is being set up: a ticket of the account and of the visit or session that was shown its secret ---- */
static enum sp_status hash_of_setup(struct sp_call *call, struct sp_str account, struct sp_str holder,
                                    unsigned char hash[32])
{
    struct sp_str text = sp_arena_printf(call->arena, "totp setup %.*s %.*s", SP_STR_ARG(account), SP_STR_ARG(holder));
    if (text.at == NULL)
        return SP_NO_MEMORY;
    sp_sha256(text, hash);
    return SP_OK;
}

enum sp_status sp_authenticator_app_find_setup(struct sp_call *call, struct sp_str account, struct sp_str holder,
                                               struct sp_authenticator_app *app)
{
    struct sp_store *store = call->authority->store;
    struct sp_authenticator_app found;
    struct sp_ticket ticket;
    unsigned char hash[32];
    enum sp_status status = sp_authenticator_app_find(call, account, app);
    if (status != SP_NOT_FOUND)
        return status;
    status = hash_of_setup(call, account, holder, hash);
    if (status == SP_OK)
        status = store->methods->find_ticket(store, SP_TICKET_APP_SETUP, hash, call->arena, &ticket);
    if (status == SP_OK && ticket.expires_at <= call->now)
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = read_app(call, account, ticket.data, &found);
    if (status != SP_OK)
        return status;
    found.created_at = ticket.issued_at;
    found.holder = holder;
    *app = found;
    return SP_OK;
}

/* In the place of the one that was there. */
static enum sp_status put_setup(struct sp_call *call, const struct sp_authenticator_app *app)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_APP_SETUP,
                               .subject = app->account,
                               .issued_at = app->created_at,
                               .expires_at = app->created_at + SP_AUTHENTICATOR_SETUP_S,
                               .data = app_data(call, app)};
    enum sp_status status = hash_of_setup(call, app->account, app->holder, ticket.hash);
    if (status == SP_OK && ticket.data.at == NULL)
        status = SP_NO_MEMORY;
    if (status == SP_OK)
        status = store->methods->drop_ticket(store, SP_TICKET_APP_SETUP, ticket.hash);
    return status == SP_OK || status == SP_NOT_FOUND ? store->methods->put_ticket(store, &ticket, NULL) : status;
}

enum sp_status sp_authenticator_app_begin(struct sp_call *call, struct sp_str account, struct sp_str holder,
                                          struct sp_authenticator_app *app)
{
    unsigned char secret[SP_TOTP_SECRET_BYTES];
    struct sp_authenticator_app fresh = {.account = account, .holder = holder, .created_at = call->now};
    enum sp_status status = sp_authenticator_app_find_setup(call, account, holder, app);
    if (status != SP_NOT_FOUND)
        return status;
    sp_random_bytes(secret, sizeof secret);
    status = sp_arena_copy(call->arena, sp_str((const char *)secret, sizeof secret), &fresh.secret);
    sp_wipe(secret, sizeof secret);
    if (status == SP_OK)
        status = put_setup(call, &fresh);
    if (status == SP_OK)
        *app = fresh;
    return status;
}

static enum sp_status confirm(struct sp_call *call, struct sp_authenticator_app *app)
{
    struct sp_store *store = call->authority->store;
    unsigned char hash[32];
    enum sp_status status = hash_of_setup(call, app->account, app->holder, hash);
    if (status == SP_OK)
        status = store->methods->drop_ticket(store, SP_TICKET_APP_SETUP, hash);
    app->is_confirmed = true;
    return status;
}

void sp_authenticator_app_forget(struct sp_authenticator_app *app)
{
    if (app->secret.at != NULL)
        sp_wipe((char *)(uintptr_t)app->secret.at, app->secret.len);
    app->secret = SP_STR_NONE;
}

enum sp_status sp_authenticator_app_try(struct sp_call *call, struct sp_authenticator_app *app, struct sp_str code,
                                        enum sp_code_verdict *verdict, int64_t *wait_s)
{
    enum sp_status status;
    *wait_s = sp_password_wait(app->failures, app->failed_at, call->now);
    *verdict = SP_CODE_TOO_OFTEN;
    if (*wait_s > 0)
        return SP_OK;
    switch (sp_totp_check(app->secret, code, call->now, app->last_step, &app->last_step)) {
    case SP_TOTP_RIGHT:
        *verdict = SP_CODE_RIGHT;
        app->failures = 0;
        status = app->is_confirmed ? SP_OK : confirm(call, app);
        return status == SP_OK ? put_app(call, app) : status;
    case SP_TOTP_REPLAYED:
        *verdict = SP_CODE_REPLAYED;
        break;
    case SP_TOTP_WRONG:
        *verdict = SP_CODE_WRONG;
        break;
    }
    app->failures++;
    app->failed_at = call->now;
    return app->is_confirmed ? put_app(call, app) : put_setup(call, app);
}

/* ---- for people ---- */
struct sp_str sp_authenticator_app_text(struct sp_arena *arena, const struct sp_authenticator_app *app)
{
    char letters[SP_BASE32_ENCODED(SP_TOTP_SECRET_BYTES)], spaced[sizeof letters + sizeof letters / 4];
    struct sp_str text = SP_STR_NONE;
    size_t len = 0;
    sp_base32_encode(app->secret, letters);
    for (size_t i = 0; i < sizeof letters; i++) {
        if (i > 0 && i % 4 == 0)
            spaced[len++] = ' ';
        spaced[len++] = letters[i];
    }
    if (sp_arena_copy(arena, sp_str(spaced, len), &text) != SP_OK)
        text = SP_STR_NONE;
    sp_wipe(letters, sizeof letters);
    sp_wipe(spaced, sizeof spaced);
    return text;
}

/* In a URI's path '+' is no space: %20. */
static void append_escaped(struct sp_buffer *uri, struct sp_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (!plain) {
            sp_buffer_append_char(uri, '%');
            sp_buffer_append_char(uri, digits[c >> 4]);
        }
        sp_buffer_append_char(uri, plain ? (char)c : digits[c & 15]);
    }
}

struct sp_str sp_authenticator_app_uri(struct sp_call *call, const struct sp_authenticator_app *app,
                                       struct sp_str account_name)
{
    char letters[SP_BASE32_ENCODED(SP_TOTP_SECRET_BYTES)];
    struct sp_buffer uri;
    struct sp_url url;
    if (sp_url_split(call->authority->settings->issuer, &url) != SP_OK)
        return SP_STR_NONE;
    sp_base32_encode(app->secret, letters);
    sp_answer_buffer(call, &uri);
    sp_buffer_append(&uri, SP_STR("otpauth://totp/"));
    append_escaped(&uri, url.host);
    sp_buffer_append_char(&uri, ':');
    append_escaped(&uri, account_name);
    sp_buffer_append(&uri, SP_STR("?secret="));
    sp_buffer_append(&uri, sp_str(letters, sizeof letters));
    sp_buffer_append(&uri, SP_STR("&issuer="));
    append_escaped(&uri, url.host);
    sp_buffer_append(&uri, SP_STR("&algorithm=SHA1&digits=6&period=30"));
    sp_wipe(letters, sizeof letters);
    return sp_buffer_status(&uri) == SP_OK ? sp_buffer_str(&uri) : SP_STR_NONE;
}
