/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/login.h"

#include "authority/denial.h"
#include "authority/errand.h"
#include "authority/password.h"
#include "authority/throttle.h"
#include "authority/password_foreign.h"

static enum sp_step refuse(struct sp_call *call, struct sp_str name, struct sp_str why, struct sp_str *trouble)
{
    call->finding = (struct sp_finding){.cause = SP_CAUSE_LOGIN_PASSWORD_WRONG, .received = name, .tolerated = true};
    *trouble = why;
    return SP_GOES_ON;
}

static enum sp_step record_failure(struct sp_call *call, struct sp_account *account)
{
    struct sp_store *store = call->authority->store;
    account->failures++;
    account->failed_at = call->now;
    enum sp_status status = store->methods->put_account(store, account);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_login_try(struct sp_call *call, struct sp_str name, struct sp_str password, struct sp_account *whose,
                          struct sp_str *trouble)
{
    struct sp_store *store = call->authority->store;
    struct sp_account account = {0};
    enum sp_step step = sp_throttle_check(call, SP_THROTTLE_LOGIN);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = store->methods->find_account(store, name, call->arena, &account);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    bool known = status == SP_OK;
    if (!known)
        sp_throttle_name_find(call, name, &account.failures, &account.failed_at);
    int64_t wait_s = sp_password_wait(account.failures, account.failed_at, call->now);
    if (wait_s > 0)
        return refuse(call, name, sp_arena_printf(call->arena, "%lld", (long long)wait_s), trouble);
    bool matches = false;
    step = sp_errand_password_verify(
        call, known && account.password_hash.len > 0 ? account.password_hash : sp_password_of_nobody(), password,
        &matches);
    if (step != SP_GOES_ON)
        return step;
    if (!known || !matches || account.disabled) {
        sp_throttle_fail(call, SP_THROTTLE_LOGIN);
        if (!known)
            sp_throttle_name_fail(call, name);
        if (known && record_failure(call, &account) != SP_GOES_ON)
            return SP_DENIED;
        return refuse(call, name, SP_STR(""), trouble);
    }
    /* An account from another system: its password is known now, so its hash becomes one of ours. */
    if (sp_password_hash_is_foreign(account.password_hash)) {
        step = sp_errand_password_hash(call, password, &account.password_hash);
        if (step != SP_GOES_ON)
            return step;
    }
    account.failures = 0;
    status = store->methods->put_account(store, &account);
    *whose = account;
    *trouble = SP_STR_NONE;
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}
