/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/accounts: list, add, show, change, remove. An account is named by its id, which never changes. */
#include <stdio.h>
#include "authority/account.h"
#include "authority/account_json.h"
#include "authority/admin.h"
#include "authority/denial.h"
#include "authority/errand.h"
#include "authority/notice.h"
#include "authority/password_foreign.h"
#include "authority/password_kinds.h"
#include "authority/person.h"

#define DEFAULT_LIMIT 100
#define MAX_LIMIT 1000
/* A page ends early rather than growing without bound: claims may be long. */
#define PAGE_BYTES (1024u * 1024)

static enum sp_step refuse_taken(struct sp_call *call, struct sp_str received, const char *trouble)
{
    return SP_DENY(call, .cause = SP_CAUSE_ACCOUNT_TAKEN, .received = received,
                   .detail = sp_arena_printf(call->arena, "%s", trouble),
                   .tell = sp_arena_printf(call->arena, "Namely: %s.", trouble));
}

/* ---- GET /admin/accounts ---- */
static enum sp_step read_limit(struct sp_call *call, size_t *limit)
{
    struct sp_str text = sp_call_parameter(call, "limit");
    *limit = DEFAULT_LIMIT;
    if (text.at == NULL)
        return SP_GOES_ON;
    *limit = 0;
    for (size_t i = 0; i < text.len && i < 5; i++)
        *limit = text.at[i] >= '0' && text.at[i] <= '9' ? *limit * 10 + (size_t)(text.at[i] - '0') : MAX_LIMIT + 1;
    if (text.len <= 4 && *limit >= 1 && *limit <= MAX_LIMIT)
        return SP_GOES_ON;
    return sp_admin_refuse_parameter(call, "limit", "a whole number from 1 to 1000", text);
}

static enum sp_status find_page(struct sp_call *call, size_t limit, struct sp_account **accounts, size_t *count)
{
    struct sp_store *store = call->authority->store;
    struct sp_str name = sp_call_parameter(call, "name"), after = sp_call_parameter(call, "after");
    if (name.at == NULL)
        return store->methods->list_accounts(store, after.at != NULL ? after : SP_STR(""), limit + 1, call->arena,
                                             accounts, count);
    struct sp_account *one = SP_ARENA_NEW(call->arena, struct sp_account);
    enum sp_status status = one != NULL ? store->methods->find_account(store, name, call->arena, one) : SP_NO_MEMORY;
    *accounts = one;
    *count = status == SP_OK;
    return status == SP_NOT_FOUND ? SP_OK : status;
}

enum sp_step sp_admin_accounts_list(struct sp_call *call, const struct sp_admin_path *path)
{
    struct sp_account *accounts = NULL;
    struct sp_buffer text;
    struct sp_json_writer json;
    size_t limit = 0, count = 0, i = 0;
    (void)path;
    if (read_limit(call, &limit) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = find_page(call, limit, &accounts, &count);
    sp_admin_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR("accounts"));
    sp_json_begin_array(&json);
    for (; status == SP_OK && i < count && i < limit && text.len < PAGE_BYTES; i++)
        status = sp_account_json(&json, call->arena, &accounts[i]);
    sp_json_end_array(&json);
    if (i > 0 && i < count)
        sp_json_string_member(&json, "next", accounts[i - 1].name);
    sp_json_end_object(&json);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_answer_json(call, 200, &text);
    return SP_GOES_ON;
}

/* ---- what a body may say ---- */
static const char *const members_of_new[] = {"name", "id", "password", "password_hash", "disabled", "claims", NULL};
static const char *const members_of_change[] = {"name", "password", "password_hash", "disabled", "claims", NULL};

struct body {
    struct sp_account_request request;
    const struct sp_json *claims; /* NULL: not given */
    bool has_disabled;
};

static enum sp_step read_text(struct sp_call *call, const struct sp_json *json, const char *name, struct sp_str *into)
{
    char trouble[96];
    const struct sp_json *member = sp_json_member(json, sp_str_from_cstr(name));
    *into = sp_json_string(member);
    if (member == NULL || into->at != NULL)
        return SP_GOES_ON;
    snprintf(trouble, sizeof trouble, "'%s' is no text but %s", name, sp_admin_kind(member));
    return sp_admin_refuse(call, sp_str_from_cstr(name), trouble);
}

static enum sp_step read_body(struct sp_call *call, const char *const known[], struct body *body)
{
    const struct sp_json *json = NULL, *disabled;
    struct sp_account_request *request = &body->request;
    char trouble[96];
    *body = (struct body){.claims = NULL};
    if (sp_admin_read_object(call, known, &json) != SP_GOES_ON ||
        read_text(call, json, "name", &request->name) != SP_GOES_ON ||
        read_text(call, json, "id", &request->id) != SP_GOES_ON ||
        read_text(call, json, "password", &request->password) != SP_GOES_ON ||
        read_text(call, json, "password_hash", &request->password_hash) != SP_GOES_ON)
        return SP_DENIED;
    disabled = sp_json_member(json, SP_STR("disabled"));
    body->claims = sp_json_member(json, SP_STR("claims"));
    body->has_disabled = disabled != NULL;
    request->disabled = sp_json_is(disabled, SP_JSON_TRUE);
    if (body->has_disabled && !request->disabled && !sp_json_is(disabled, SP_JSON_FALSE)) {
        snprintf(trouble, sizeof trouble, "'disabled' is neither true nor false but %s", sp_admin_kind(disabled));
        return sp_admin_refuse(call, SP_STR("disabled"), trouble);
    }
    if (body->claims != NULL && !sp_json_is(body->claims, SP_JSON_OBJECT)) {
        snprintf(trouble, sizeof trouble, "'claims' is no object but %s", sp_admin_kind(body->claims));
        return sp_admin_refuse(call, SP_STR("claims"), trouble);
    }
    if (request->password.at != NULL && request->password_hash.at != NULL)
        return sp_admin_refuse(call, SP_STR("password_hash"), "it has both a password and a hash of one");
    return SP_GOES_ON;
}

static struct sp_str merge_claims(struct sp_call *call, const struct sp_json *before, const struct sp_json *patch)
{
    const struct sp_claims_change change = {.patch = patch};
    return sp_account_claims_changed(call->arena, before, &change);
}

/* Name, password and claims are what accounts may have, and the password is a hash from here on. */
static enum sp_step check_and_hash(struct sp_call *call, struct sp_account_request *request)
{
    char trouble[256] = "";
    enum sp_status status = sp_account_check(call->arena, request, trouble);
    if (status == SP_MALFORMED)
        return sp_admin_refuse(call, sp_str_slice(request->name, 0, 254), trouble);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (request->password.at == NULL)
        return SP_GOES_ON;
    enum sp_step step = sp_errand_password_hash(call, request->password, &request->password_hash);
    request->password = SP_STR_NONE;
    return step;
}

static enum sp_step answer_account(struct sp_call *call, int status, const struct sp_account *account, bool whole)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_admin_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    enum sp_status written =
        whole ? sp_account_json_whole(&json, call, account) : sp_account_json(&json, call->arena, account);
    if (written != SP_OK)
        return sp_deny_failure(call, written);
    sp_answer_json(call, status, &text);
    return SP_GOES_ON;
}

/* ---- POST /admin/accounts ---- */
static enum sp_step add(struct sp_call *call, void *context)
{
    struct sp_account_request *request = context;
    struct sp_account account;
    struct sp_buffer location;
    char trouble[256] = "";
    request->settings = call->authority->settings;
    enum sp_status status =
        sp_account_write(call->authority->store, call->arena, request, SP_ACCOUNT_ADD, call->now, &account, trouble);
    if (status == SP_NOT_FOUND)
        return refuse_taken(call, request->name, trouble);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = account.id;
    sp_buffer_init(&location, call->arena, 4096);
    sp_buffer_append(&location, SP_STR("/admin/accounts/"));
    for (size_t i = 0; i < account.id.len; i++) { /* a space cannot be in an id: '+' never comes out of it */
        sp_form_encode(&location, sp_str_slice(account.id, i, i + 1));
    }
    if (sp_buffer_status(&location) != SP_OK)
        return sp_deny_failure(call, sp_buffer_status(&location));
    sp_answer_header(call, "Location", sp_buffer_str(&location));
    return answer_account(call, 201, &account, false);
}

enum sp_step sp_admin_accounts_add(struct sp_call *call, const struct sp_admin_path *path)
{
    struct body body;
    (void)path;
    if (read_body(call, members_of_new, &body) != SP_GOES_ON)
        return SP_DENIED;
    if (body.claims != NULL) {
        body.request.claims = merge_claims(call, NULL, body.claims);
        if (body.request.claims.at == NULL)
            return sp_deny_failure(call, SP_NO_MEMORY);
    }
    enum sp_step step = check_and_hash(call, &body.request);
    return step == SP_GOES_ON ? sp_call_in_write(call, add, &body.request) : step;
}

/* ---- /admin/accounts/ID ---- */
enum sp_step sp_admin_account_show(struct sp_call *call, const struct sp_admin_path *path)
{
    struct sp_account account;
    enum sp_step step = sp_admin_find_account(call, path->at[0], &account);
    return step == SP_GOES_ON ? answer_account(call, 200, &account, true) : step;
}

struct change {
    struct sp_str id;
    struct body *body;
};

static enum sp_step rename_account(struct sp_call *call, struct sp_account *account, struct sp_str name)
{
    struct sp_store *store = call->authority->store;
    struct sp_account other;
    enum sp_status status = store->methods->find_account(store, name, call->arena, &other);
    if (status == SP_OK && !sp_str_equal(other.id, account->id))
        return refuse_taken(call, name, "the name is another account's");
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    account->name = name;
    return SP_GOES_ON;
}

static enum sp_step change_claims(struct sp_call *call, struct sp_account *account, const struct sp_json *patch)
{
    const struct sp_json *before = NULL;
    struct sp_json_error error;
    char trouble[256] = "";
    enum sp_status status = sp_json_parse(call->arena, account->claims, &sp_json_limits_document, &before, &error);
    struct sp_account_request request = {.name = account->name, .has_known_name = true};
    if (status == SP_OK)
        request.claims = merge_claims(call, before, patch);
    if (status == SP_OK)
        status = request.claims.at != NULL ? sp_account_check(call->arena, &request, trouble) : SP_NO_MEMORY;
    if (status == SP_MALFORMED)
        return sp_admin_refuse(call, SP_STR("claims"), trouble);
    if (status == SP_OK)
        status = sp_account_set_claims(call->authority->store, call->arena, account, request.claims, call->now);
    if (status == SP_NOT_FOUND)
        return refuse_taken(call, account->name, "the e-mail address is another account's");
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

/* A new password, or being disabled, ends what was begun under the old one. */
static enum sp_step change(struct sp_call *call, void *context)
{
    const struct change *change = context;
    const struct body *body = change->body;
    struct sp_store *store = call->authority->store;
    struct sp_account account;
    struct sp_str before = SP_STR_NONE;
    if (sp_admin_find_account(call, change->id, &account) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = sp_account_verified_email(call->arena, account.claims, &before);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (body->request.name.at != NULL && rename_account(call, &account, body->request.name) != SP_GOES_ON)
        return SP_DENIED;
    if (body->claims != NULL && change_claims(call, &account, body->claims) != SP_GOES_ON)
        return SP_DENIED;
    bool is_new_password = body->request.password_hash.at != NULL,
         ends = is_new_password || (body->has_disabled && body->request.disabled && !account.disabled);
    if (is_new_password)
        account.password_hash = body->request.password_hash;
    if (is_new_password)
        sp_account_forget_failures(&account, call->now);
    else if (body->has_disabled)
        account.failures = 0;
    if (body->has_disabled)
        account.disabled = body->request.disabled;
    status = store->methods->put_account(store, &account);
    if (status == SP_OK && is_new_password)
        status = sp_password_kinds_note(store, call->arena, account.password_hash, call->now);
    if (status == SP_OK && ends)
        status = sp_person_end_all(call, account.id, NULL);
    if (status == SP_OK && is_new_password)
        status = sp_notice_send(call, &account, SP_NOTICE_PASSWORD_SET);
    if (status == SP_OK)
        status = sp_notice_send_moved(call, &account, before, SP_NOTICE_EMAIL_SET);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return answer_account(call, 200, &account, false);
}

enum sp_step sp_admin_account_change(struct sp_call *call, const struct sp_admin_path *path)
{
    struct body body;
    struct sp_account account;
    struct change context = {.id = path->at[0], .body = &body};
    if (read_body(call, members_of_change, &body) != SP_GOES_ON ||
        sp_admin_find_account(call, path->at[0], &account) != SP_GOES_ON)
        return SP_DENIED;
    struct sp_account_request checked = body.request;
    if (checked.name.at == NULL)
        checked.name = account.name;
    checked.has_known_name = sp_str_equal(checked.name, account.name);
    enum sp_step step = check_and_hash(call, &checked);
    body.request.password_hash = checked.password_hash;
    return step == SP_GOES_ON ? sp_call_in_write(call, change, &context) : step;
}

static enum sp_step remove_account(struct sp_call *call, void *context)
{
    const struct sp_str *id = context;
    struct sp_account account;
    if (sp_admin_find_account(call, *id, &account) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = sp_person_remove(call, account.id);
    return status == SP_OK ? sp_admin_answer_empty(call) : sp_deny_failure(call, status);
}

enum sp_step sp_admin_account_remove(struct sp_call *call, const struct sp_admin_path *path)
{
    struct sp_str id = path->at[0];
    return sp_call_in_write(call, remove_account, &id);
}
