/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/login.h"

#include "authority/denial.h"
#include "authority/errand.h"
#include "authority/guess.h"
#include "authority/password.h"
#include "authority/password_foreign.h"
#include "authority/password_kinds.h"
#include "authority/throttle.h"

/* What is no account's name may be a password, typed into the wrong field: none of it is written. */
static struct sp_str tell_name(struct sp_call *call, struct sp_str typed, const struct sp_account *account)
{
    return account != NULL ? account->name
                           : sp_arena_printf(call->arena, "a name of %zu bytes that no account has", typed.len);
}

static enum sp_step refuse(struct sp_call *call, struct sp_str name, struct sp_str detail, struct sp_str why,
                           struct sp_str *trouble)
{
    call->finding = (struct sp_finding){.cause = SP_CAUSE_LOGIN_PASSWORD_WRONG,
                                        .expected = SP_STR("the password of an account"),
                                        .received = name,
                                        .detail = detail};
    *trouble = why;
    return SP_GOES_ON;
}

/* The same is counted and written for a name that is no account. */
static enum sp_step fail(struct sp_call *call, struct sp_str name, const struct sp_guess *guess, struct sp_str *trouble)
{
    /* A browser that the account knows has a count of its own, and does not use up its neighbours' tries. */
    if (guess->browser.at == NULL)
        sp_throttle_fail(call, SP_THROTTLE_LOGIN);
    enum sp_status status = sp_guess_fail(call, guess);
    return status == SP_OK ? refuse(call, name, SP_STR_NONE, SP_STR(""), trouble) : sp_deny_failure(call, status);
}

/* An account from another system: its password is known now, so its hash becomes one of ours. */
static enum sp_step renew_hash(struct sp_call *call, struct sp_account *account, struct sp_str password)
{
    struct sp_store *store = call->authority->store;
    if (!sp_password_hash_is_foreign(account->password_hash))
        return SP_GOES_ON;
    enum sp_step step = sp_errand_password_hash(call, password, &account->password_hash);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = store->methods->put_account(store, account);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_login_try(struct sp_call *call, struct sp_str name, struct sp_str password, struct sp_account *whose,
                          struct sp_str *trouble)
{
    struct sp_store *store = call->authority->store;
    struct sp_account account = {0};
    struct sp_guess guess;
    enum sp_status status = store->methods->find_account(store, name, call->arena, &account);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    bool known = status == SP_OK;
    status = sp_guess_find(call, name, known ? &account : NULL, &guess);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    enum sp_step step = guess.browser.at == NULL ? sp_throttle_check(call, SP_THROTTLE_LOGIN) : SP_GOES_ON;
    if (step != SP_GOES_ON)
        return step;
    struct sp_str tried = tell_name(call, name, known ? &account : NULL);
    if (guess.wait_s > 0)
        return refuse(call, tried, guess.why, sp_arena_printf(call->arena, "%lld", (long long)guess.wait_s), trouble);
    bool matches = false, has_password = known && account.password_hash.len > 0;
    step = sp_errand_password_judge(call, has_password ? account.password_hash : sp_password_of_nobody(), password,
                                    &matches);
    if (step != SP_GOES_ON)
        return step;
    status = has_password ? sp_password_kinds_note(store, call->arena, account.password_hash, call->now) : SP_OK;
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    matches = has_password && matches;
    if (!matches || account.disabled) {
        step = fail(call, tried, &guess, trouble);
        /* Told to the operator alone, and only after the right password. */
        if (step == SP_GOES_ON && matches)
            call->finding = (struct sp_finding){.cause = SP_CAUSE_LOGIN_ACCOUNT_DISABLED, .received = tried};
        return step;
    }
    step = renew_hash(call, &account, password);
    if (step != SP_GOES_ON)
        return step;
    status = sp_guess_succeed(call, &guess);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    *whose = account;
    *trouble = SP_STR_NONE;
    return SP_GOES_ON;
}
