/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/passkey_login.h"

#include "core/jose/base64url.h"

static void refuse(struct sp_call *call, enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    call->finding = (struct sp_finding){.cause = cause,
                                        .expected = expected,
                                        .received = sp_str_slice(received, 0, 300),
                                        .detail = SP_STR("form"),
                                        .verified = true};
}

static enum sp_status read_fields(struct sp_call *call, const struct sp_form *form,
                                  struct sp_passkey_assertion *assertion)
{
    const struct {
        const char *name;
        struct sp_str *bytes;
    } fields[] = {{"client_data", &assertion->client_data},
                  {"authenticator_data", &assertion->authenticator_data},
                  {"signature", &assertion->signature}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        enum sp_status status =
            sp_base64url_decode(call->arena, sp_form_value(form, sp_str_from_cstr(fields[i].name)), fields[i].bytes);
        if (status != SP_OK)
            return status;
    }
    return SP_OK;
}

/* Who it must be of: the person who passed the first step, or whoever the authenticator's handle names. absent: none.
 */
static enum sp_status expected_owner(struct sp_call *call, const struct sp_visit *visit, const struct sp_form *form,
                                     struct sp_str *owner)
{
    struct sp_str handle = sp_form_value(form, SP_STR("user_handle")), of_handle = SP_STR_NONE;
    enum sp_status status = handle.len > 0 ? sp_passkeys_owner(call, handle, &of_handle) : SP_NOT_FOUND;
    if (status != SP_OK && status != SP_NOT_FOUND)
        return status;
    *owner = of_handle;
    if (visit->passed.at != NULL)
        *owner = handle.len == 0 || sp_str_equal(of_handle, visit->passed) ? visit->passed : SP_STR_NONE;
    return SP_OK;
}

static enum sp_status judge(struct sp_call *call, const struct sp_form *form,
                            const struct sp_passkey_expectation *expectation, struct sp_passkey *passkey,
                            bool *accepted)
{
    struct sp_passkey_assertion assertion = {.jwk = passkey->jwk, .sign_count = passkey->sign_count};
    struct sp_passkey_result result = {0};
    struct sp_passkey_use use = {0};
    enum sp_status status = read_fields(call, form, &assertion);
    if (status == SP_MALFORMED) {
        refuse(call, SP_CAUSE_LOGIN_PASSKEY_MALFORMED, SP_STR("base64url"), SP_STR("something else"));
        return SP_OK;
    }
    if (status == SP_OK)
        status = sp_passkey_use(call->arena, &assertion, expectation, &use, &result);
    if (status != SP_OK)
        return status;
    if (result.fault != SP_PASSKEY_OK) {
        sp_passkeys_refuse(call, &result);
        return SP_OK;
    }
    passkey->sign_count = use.sign_count;
    passkey->is_synced = use.is_backed_up;
    passkey->used_at = call->now;
    *accepted = true;
    return sp_passkeys_put(call, passkey, NULL);
}

enum sp_status sp_passkey_login(struct sp_call *call, struct sp_visit *visit, const struct sp_form *form,
                                struct sp_str *account)
{
    struct sp_store *store = call->authority->store;
    struct sp_str id = sp_form_value(form, SP_STR("credential")), owner = SP_STR_NONE;
    struct sp_passkey_expectation expectation =
        sp_passkeys_expectation(call, visit->challenge, visit->passed.at == NULL);
    struct sp_passkey passkey;
    struct sp_account found;
    bool accepted = false;
    *account = SP_STR_NONE;
    enum sp_status status = expected_owner(call, visit, form, &owner);
    if (status == SP_OK)
        status = sp_passkeys_find(call, id, &passkey);
    bool is_known = status == SP_OK && owner.at != NULL && sp_str_equal(passkey.owner, owner);
    if (status == SP_OK && is_known) {
        status = store->methods->get_account(store, owner, call->arena, &found);
        is_known = status == SP_OK && !found.disabled;
    }
    bool is_made_up = status == SP_NOT_FOUND || (status == SP_OK && !is_known);
    if (status != SP_OK && !is_made_up)
        return status;
    /* What a stranger makes up has nothing stored. */
    status = is_known || visit->is_stored ? sp_visit_new_challenge(call, visit) : SP_OK;
    if (status != SP_OK)
        return status;
    if (is_made_up) {
        refuse(call, SP_CAUSE_LOGIN_PASSKEY_UNKNOWN, owner.at != NULL ? owner : SP_STR("the handle that was sent"), id);
        return SP_OK;
    }
    status = judge(call, form, &expectation, &passkey, &accepted);
    if (status == SP_OK && accepted)
        *account = owner;
    return status;
}
