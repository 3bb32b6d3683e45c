/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/account.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include "authority/claims.h"
#include "authority/client_directory.h"
#include "authority/handle.h"
#include "authority/password.h"
#include "authority/password_foreign.h"
#include "authority/password_kinds.h"
#include "core/base/json.h"
#include "core/base/limits.h"
#include "core/base/visible.h"

#define MAX_NAME_BYTES 254u
/* OIDC Core 2: `sub` is at most 255 ASCII characters. */
#define MAX_ID_BYTES 255u
/* RFC 5321 4.5.3.1. */
#define MAX_EMAIL_BYTES 254u
#define MAX_CLAIMS_BYTES (32u * 1024)

/* ---- e-mail addresses ---- */
static bool is_address_character(char c)
{
    unsigned char u = (unsigned char)c;
    return u > 0x20 && u != 0x7F && strchr("\"(),:;<>[\\]", c) == NULL;
}

struct sp_str sp_email_normal(struct sp_arena *arena, struct sp_str address)
{
    size_t at = sp_str_index_of(address, '@', 0);
    bool fits = address.len <= MAX_EMAIL_BYTES && at > 0 && at + 1 < address.len && at <= 64 &&
                sp_str_index_of(address, '@', at + 1) >= address.len && address.at[at + 1] != '.' &&
                address.at[at + 1] != '-' && address.at[0] != '-' && sp_str_is_utf8(address);
    char *copy = fits ? sp_arena_alloc(arena, address.len) : NULL;
    if (copy == NULL)
        return SP_STR_NONE;
    for (size_t i = 0; i < address.len; i++) {
        if (!is_address_character(address.at[i]))
            return SP_STR_NONE;
        copy[i] = address.at[i] >= 'A' && address.at[i] <= 'Z' ? (char)(address.at[i] | 0x20) : address.at[i];
    }
    return sp_str(copy, address.len);
}

enum sp_status sp_account_verified_email(struct sp_arena *arena, struct sp_str claims, struct sp_str *email)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    *email = SP_STR_NONE;
    enum sp_status status = sp_json_parse(arena, claims, &sp_json_limits_document, &json, &error);
    if (status == SP_OK && sp_json_is(sp_json_member(json, SP_STR("email_verified")), SP_JSON_TRUE))
        *email = sp_email_normal(arena, sp_json_string(sp_json_member(json, SP_STR("email"))));
    return status;
}

enum sp_status sp_account_set_claims(struct sp_store *store, struct sp_arena *arena, struct sp_account *account,
                                     struct sp_str claims, int64_t now)
{
    struct sp_str before, after;
    struct sp_record found;
    enum sp_status status = sp_account_verified_email(arena, account->claims, &before);
    if (status == SP_OK)
        status = sp_account_verified_email(arena, claims, &after);
    if (status != SP_OK)
        return status;
    if (before.at != NULL && !sp_str_equal(before, after)) {
        status = store->methods->find_record(store, SP_RECORD_EMAIL, before, arena, &found);
        if (status == SP_OK && sp_str_equal(found.owner, account->id))
            status = store->methods->drop_record(store, SP_RECORD_EMAIL, before);
        if (status != SP_OK && status != SP_NOT_FOUND)
            return status;
    }
    if (after.at != NULL) {
        struct sp_record record = {
            .kind = SP_RECORD_EMAIL, .id = after, .owner = account->id, .data = SP_STR("{}"), .created_at = now};
        bool fresh = false;
        status = store->methods->put_record(store, &record, &fresh);
        if (status == SP_OK && !fresh)
            status = store->methods->find_record(store, SP_RECORD_EMAIL, after, arena, &found);
        if (status == SP_OK && !fresh && !sp_str_equal(found.owner, account->id))
            return SP_NOT_FOUND;
        if (status != SP_OK)
            return status;
    }
    account->claims = claims;
    return SP_OK;
}

static bool is_emptied(const struct sp_claims_change *change, struct sp_str name)
{
    for (size_t i = 0; i < change->emptied_count; i++)
        if (sp_str_equal(change->emptied[i], name))
            return true;
    return false;
}

struct sp_str sp_account_claims_changed(struct sp_arena *arena, const struct sp_json *before,
                                        const struct sp_claims_change *change)
{
    static const struct sp_str address = {"email", 5}, is_verified = {"email_verified", 14};
    struct sp_buffer text;
    struct sp_json_writer json;
    const struct sp_json *email = sp_json_member(change->patch, address);
    bool moves =
        is_emptied(change, address) ||
        (email != NULL && !sp_str_equal(sp_json_string(email), sp_json_string(sp_json_member(before, address))));
    sp_buffer_init(&text, arena, SP_MAX_ADMIN_ANSWER_BYTES);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    for
        SP_JSON_EACH(claim, before)
        {
            if (sp_json_member(change->patch, claim->name) != NULL || is_emptied(change, claim->name) ||
                (moves && sp_str_equal(claim->name, is_verified)))
                continue;
            sp_json_name(&json, claim->name);
            sp_json_put_value(&json, claim);
        }
    for
        SP_JSON_EACH(claim, change->patch)
        {
            if (sp_json_is(claim, SP_JSON_NULL))
                continue;
            sp_json_name(&json, claim->name);
            sp_json_put_value(&json, claim);
        }
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

/* ---- what an account may be ---- */
static bool is_id(struct sp_str id)
{
    bool fits = id.len > 0 && id.len <= MAX_ID_BYTES;
    for (size_t i = 0; fits && i < id.len; i++)
        fits = id.at[i] > 0x20 && id.at[i] < 0x7F;
    return fits;
}

static enum sp_status check_each(struct sp_arena *arena, const struct sp_json *claims, char trouble[256])
{
    struct sp_buffer text;
    struct sp_json_writer writer;
    sp_buffer_init(&text, arena, MAX_CLAIMS_BYTES + 1024);
    for
        SP_JSON_EACH(claim, claims)
        {
            const char *wanted = sp_claim_type_wanted(claim);
            if (sp_claim_is_reserved(claim->name)) {
                snprintf(trouble, 256,
                         "the claim '%.*s' is reserved: by it tokens speak of themselves, and no account has it",
                         SP_STR_ARG(sp_str_slice(claim->name, 0, 60)));
                return SP_MALFORMED;
            }
            if (wanted == NULL)
                continue;
            sp_json_writer_init(&writer, &text, false);
            sp_json_put_value(&writer, claim);
            snprintf(trouble, 256, "the claim '%.*s' has to be %s (OpenID Connect Core 5.1), and is %.*s",
                     SP_STR_ARG(sp_str_slice(claim->name, 0, 60)), wanted,
                     SP_STR_ARG(sp_str_slice(sp_buffer_str(&text), 0, 60)));
            return SP_MALFORMED;
        }
    return SP_OK;
}

static enum sp_status check_claims(struct sp_arena *arena, struct sp_str claims, char trouble[256])
{
    const struct sp_json *json = NULL;
    struct sp_json_error error = {.fault = SP_JSON_OK};
    enum sp_status status =
        claims.len <= MAX_CLAIMS_BYTES ? sp_json_parse(arena, claims, &sp_claims_limits, &json, &error) : SP_MALFORMED;
    if (status == SP_NO_MEMORY)
        return status;
    if (status != SP_OK && (error.fault == SP_JSON_TOO_DEEP || error.fault == SP_JSON_TOO_MANY)) {
        snprintf(trouble, 256, "the claims are nested more than %u deep, or have more than %u values",
                 SP_MAX_ACCOUNT_CLAIMS_DEPTH, SP_MAX_ACCOUNT_CLAIMS_VALUES);
        return SP_MALFORMED;
    }
    if (status != SP_OK || !sp_json_is(json, SP_JSON_OBJECT)) {
        snprintf(trouble, 256, "the claims are no JSON object of at most %u bytes", MAX_CLAIMS_BYTES);
        return SP_MALFORMED;
    }
    if (check_each(arena, json, trouble) != SP_OK)
        return SP_MALFORMED;
    const struct sp_json *email = sp_json_member(json, SP_STR("email"));
    if (email != NULL && sp_email_normal(arena, sp_json_string(email)).at == NULL) {
        snprintf(trouble, 256, "'%.*s' is no e-mail address", (int)(email->text.len < 100 ? email->text.len : 100),
                 email->text.at != NULL ? email->text.at : "");
        return SP_MALFORMED;
    }
    return SP_OK;
}

enum sp_status sp_account_check(struct sp_arena *arena, const struct sp_account_request *request, char trouble[256])
{
    if (request->name.len == 0 || request->name.len > MAX_NAME_BYTES || !sp_str_is_utf8(request->name) ||
        !sp_str_equal(sp_str_trim(request->name), request->name)) {
        snprintf(trouble, 256, "a name has 1 to %u bytes of UTF-8, without white space around it", MAX_NAME_BYTES);
        return SP_MALFORMED;
    }
    for (size_t i = 0; i < request->name.len; i++)
        if ((unsigned char)request->name.at[i] < 0x20 || request->name.at[i] == 0x7F) {
            snprintf(trouble, 256, "a name has no control characters");
            return SP_MALFORMED;
        }
    if (!request->has_known_name && !sp_str_is_visible(request->name)) {
        snprintf(trouble, 256, "a name is text " SP_VISIBLE_EXPECTATION ": it looks like another name");
        return SP_MALFORMED;
    }
    if (request->id.at != NULL && !is_id(request->id)) {
        snprintf(trouble, 256, "an id has 1 to %u printable ASCII characters without spaces", MAX_ID_BYTES);
        return SP_MALFORMED;
    }
    if (sp_str_has_prefix(request->id, SP_STR(SP_REGISTERED_CLIENT_PREFIX))) {
        snprintf(trouble, 256, "an id does not begin with %s: those of clients that register themselves do",
                 SP_REGISTERED_CLIENT_PREFIX);
        return SP_MALFORMED;
    }
    if (request->password.at != NULL &&
        (request->password.len < SP_MIN_PASSWORD_CHARACTERS || request->password.len > SP_MAX_PASSWORD_BYTES)) {
        snprintf(trouble, 256, "a password has %u characters at least (NIST SP 800-63B)", SP_MIN_PASSWORD_CHARACTERS);
        return SP_MALFORMED;
    }
    const char *wrong = request->password_hash.at != NULL ? sp_password_hash_trouble(request->password_hash) : NULL;
    if (wrong != NULL) {
        snprintf(trouble, 256, "the password's hash cannot be taken: %s", wrong);
        return SP_MALFORMED;
    }
    return request->claims.at != NULL ? check_claims(arena, request->claims, trouble) : SP_OK;
}

/* ---- writing ---- */
__attribute__((format(printf, 2, 3))) static enum sp_status refuse(char trouble[256], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(trouble, 256, format, arguments);
    va_end(arguments);
    return SP_NOT_FOUND;
}

void sp_account_forget_failures(struct sp_account *account, int64_t now)
{
    account->failures = 0;
    account->failed_at = now;
}

static enum sp_status begin_account(struct sp_store *store, struct sp_arena *arena,
                                    const struct sp_account_request *request, enum sp_account_mode mode, int64_t now,
                                    struct sp_account *account, char trouble[256])
{
    struct sp_account found;
    enum sp_status status = store->methods->find_account(store, request->name, arena, &found);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return status;
    if (mode == SP_ACCOUNT_CHANGE) {
        if (status == SP_NOT_FOUND)
            return refuse(trouble, "there is no account '%.*s'", SP_STR_ARG(request->name));
        *account = found;
        account->failures = 0;
        if (request->password.at != NULL || request->password_hash.at != NULL)
            sp_account_forget_failures(account, now);
        if (request->has_disabled)
            account->disabled = request->disabled;
        return SP_OK;
    }
    if (status == SP_OK)
        return refuse(trouble, "there is an account '%.*s' already", SP_STR_ARG(request->name));
    *account = (struct sp_account){.id = request->id,
                                   .name = request->name,
                                   .password_hash = SP_STR(""),
                                   .claims = SP_STR("{}"),
                                   .created_at = now,
                                   .disabled = request->disabled};
    if (request->id.at == NULL) {
        account->id = sp_handle_make(arena, "", 16);
        return account->id.at != NULL ? SP_OK : SP_NO_MEMORY;
    }
    if (request->settings != NULL && sp_client_find(request->settings, request->id) != NULL)
        return refuse(trouble, "the id '%.*s' is a client's: APIs would take its tokens for the person's",
                      SP_STR_ARG(request->id));
    status = store->methods->get_account(store, request->id, arena, &found);
    if (status == SP_OK)
        return refuse(trouble, "there is an account with the id '%.*s' already", SP_STR_ARG(request->id));
    return status == SP_NOT_FOUND ? SP_OK : status;
}

/* SP_NOT_FOUND with the reason: with what is there already it is too much. */
static enum sp_status change_claims(struct sp_arena *arena, const struct sp_account_request *request,
                                    const struct sp_account *account, struct sp_str *claims, char trouble[256])
{
    struct sp_claims_change change = {.emptied = request->emptied, .emptied_count = request->emptied_count};
    const struct sp_json *before = NULL, *after = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(arena, account->claims, &sp_json_limits_document, &before, &error);
    if (status == SP_OK)
        status = sp_json_parse(arena, request->claims, &sp_claims_limits, &change.patch, &error);
    if (status != SP_OK)
        return status;
    struct sp_str changed = sp_account_claims_changed(arena, before, &change);
    if (changed.at == NULL)
        return SP_NO_MEMORY;
    status = changed.len <= MAX_CLAIMS_BYTES ? sp_json_parse(arena, changed, &sp_claims_limits, &after, &error)
                                             : SP_TOO_LARGE;
    if (status == SP_OK)
        *claims = changed;
    return status == SP_OK || status == SP_NO_MEMORY
               ? status
               : refuse(trouble, "the claims of '%.*s' become too many with these", SP_STR_ARG(request->name));
}

enum sp_status sp_account_write(struct sp_store *store, struct sp_arena *arena,
                                const struct sp_account_request *request, enum sp_account_mode mode, int64_t now,
                                struct sp_account *written, char trouble[256])
{
    struct sp_account account;
    enum sp_status status = begin_account(store, arena, request, mode, now, &account, trouble);
    if (status == SP_OK && request->claims.at != NULL) {
        struct sp_str claims = request->claims;
        if (mode == SP_ACCOUNT_CHANGE)
            status = change_claims(arena, request, &account, &claims, trouble);
        if (status != SP_OK)
            return status;
        status = sp_account_set_claims(store, arena, &account, claims, now);
        if (status == SP_NOT_FOUND)
            return refuse(trouble, "the e-mail address of '%.*s' is another account's", SP_STR_ARG(request->name));
    }
    assert(request->password.at == NULL || request->password_hash.at != NULL);
    if (status == SP_OK && request->password_hash.at != NULL) {
        account.password_hash = request->password_hash;
        status = sp_password_kinds_note(store, arena, account.password_hash, now);
    }
    if (status == SP_OK)
        status = store->methods->put_account(store, &account);
    if (status == SP_OK && written != NULL)
        *written = account;
    return status;
}

bool sp_account_change_ends(const struct sp_account *before, const struct sp_account *after)
{
    return !sp_str_equal(before->password_hash, after->password_hash) || (after->disabled && !before->disabled);
}

enum sp_status sp_account_put(struct sp_store *store, struct sp_arena *arena, const struct sp_account_request *request,
                              bool replaces, int64_t now, char trouble[256])
{
    struct sp_account_request hashed = *request;
    hashed.has_known_name = replaces;
    enum sp_status status = sp_account_check(arena, &hashed, trouble);
    if (status == SP_OK && request->password.at != NULL && request->password_hash.at == NULL)
        status = sp_password_hash(arena, request->password, &hashed.password_hash);
    if (status != SP_OK)
        return status;
    status = store->methods->begin(store);
    if (status == SP_OK) {
        status =
            sp_account_write(store, arena, &hashed, replaces ? SP_ACCOUNT_CHANGE : SP_ACCOUNT_ADD, now, NULL, trouble);
        status = sp_store_commit(store, status);
    }
    if (status == SP_IO)
        snprintf(trouble, 256, "%.250s", store->trouble);
    return status;
}

enum sp_status sp_account_of_client(struct sp_store *store, struct sp_arena *arena,
                                    const struct sp_authority_settings *settings,
                                    const struct sp_authority_settings *before, struct sp_account *account)
{
    enum sp_status status = SP_NOT_FOUND;
    for (size_t i = 0; status == SP_NOT_FOUND && i < settings->client_count; i++)
        if (before == NULL || sp_client_find(before, settings->clients[i].id) == NULL)
            status = store->methods->get_account(store, settings->clients[i].id, arena, account);
    return status;
}
