/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/account.h"

#include <stdio.h>
#include "authority/handle.h"
#include "authority/password.h"
#include "core/base/json.h"

#define MAX_NAME_BYTES 254u

static enum sp_status check(struct sp_arena *arena, const struct sp_account_request *request, char trouble[256])
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    if (request->name.len == 0 || request->name.len > MAX_NAME_BYTES || !sp_str_is_utf8(request->name) ||
        !sp_str_equal(sp_str_trim(request->name), request->name)) {
        snprintf(trouble, 256, "a name has 1 to %u bytes of UTF-8, without white space around it", MAX_NAME_BYTES);
        return SP_MALFORMED;
    }
    if (request->password.len < SP_MIN_PASSWORD_CHARACTERS || request->password.len > SP_MAX_PASSWORD_BYTES) {
        snprintf(trouble, 256, "a password has %u characters at least (NIST SP 800-63B)", SP_MIN_PASSWORD_CHARACTERS);
        return SP_MALFORMED;
    }
    if (request->claims.at == NULL)
        return SP_OK;
    enum sp_status status = sp_json_parse(arena, request->claims, &sp_json_limits_document, &json, &error);
    if (status == SP_MALFORMED || !sp_json_is(json, SP_JSON_OBJECT)) {
        snprintf(trouble, 256, "the claims are no JSON object");
        return SP_MALFORMED;
    }
    return status;
}

static enum sp_status write_account(struct sp_store *store, struct sp_arena *arena,
                                    const struct sp_account_request *request, bool replaces, int64_t now,
                                    char trouble[256])
{
    struct sp_account account = {.name = request->name, .created_at = now, .claims = SP_STR("{}")};
    struct sp_account found;
    enum sp_status status = store->methods->find_account(store, request->name, arena, &found);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return status;
    if ((status == SP_OK) != replaces) {
        snprintf(trouble, 256, replaces ? "there is no account '%.*s'" : "there is an account '%.*s' already",
                 SP_STR_ARG(request->name));
        return SP_NOT_FOUND;
    }
    if (replaces)
        account = found;
    else
        account.id = sp_handle_make(arena, "", 16);
    account.failures = 0;
    if (request->claims.at != NULL)
        account.claims = request->claims;
    status = sp_password_hash(arena, request->password, &account.password_hash);
    return status == SP_OK ? store->methods->put_account(store, &account) : status;
}

enum sp_status sp_account_put(struct sp_store *store, struct sp_arena *arena, const struct sp_account_request *request,
                              bool replaces, int64_t now, char trouble[256])
{
    enum sp_status status = check(arena, request, trouble);
    if (status == SP_OK)
        status = store->methods->begin(store);
    else
        return status;
    if (status == SP_OK) {
        status = write_account(store, arena, request, replaces, now, trouble);
        if (status == SP_OK)
            status = store->methods->keep(store);
        else
            store->methods->undo(store);
        enum sp_status flushed = store->methods->flush(store);
        status = status == SP_OK ? flushed : status;
    }
    if (status == SP_IO)
        snprintf(trouble, 256, "%.250s", store->trouble);
    return status;
}
