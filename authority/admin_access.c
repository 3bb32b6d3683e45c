/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/accounts/ID/factors, …/sessions, …/grants: what lets somebody in, seen and taken away. */
#include "authority/account_json.h"
#include "authority/admin.h"
#include "authority/denial.h"
#include "authority/factors.h"
#include "authority/grants_given.h"
#include "authority/person.h"
#include "authority/session.h"

struct target {
    const struct sp_admin_path *path;
    enum sp_status (*act)(struct sp_call *call, const struct sp_admin_path *path);
    const char *missing; /* what is not there when act answers SP_NOT_FOUND */
};

static enum sp_step act(struct sp_call *call, void *context)
{
    const struct target *target = context;
    struct sp_account account;
    if (sp_admin_find_account(call, target->path->at[0], &account) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = target->act(call, target->path);
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_ACCOUNT_UNKNOWN, .detail = sp_str_from_cstr(target->missing),
                       .received = sp_str_slice(target->path->at[target->path->count - 1], 0, 255),
                       .tell = sp_arena_printf(call->arena, "It has no such %s.", target->missing));
    return status == SP_OK ? sp_admin_answer_empty(call) : sp_deny_failure(call, status);
}

static enum sp_step run(struct sp_call *call, const struct sp_admin_path *path,
                        enum sp_status (*what)(struct sp_call *, const struct sp_admin_path *), const char *missing)
{
    struct target target = {path, what, missing};
    return sp_call_in_write(call, act, &target);
}

static enum sp_step list(struct sp_call *call, const struct sp_admin_path *path,
                         enum sp_status (*put)(struct sp_json_writer *, struct sp_call *, struct sp_str))
{
    struct sp_account account;
    struct sp_buffer text;
    struct sp_json_writer json;
    if (sp_admin_find_account(call, path->at[0], &account) != SP_GOES_ON)
        return SP_DENIED;
    sp_admin_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    enum sp_status status = put(&json, call, account.id);
    sp_json_end_object(&json);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_answer_json(call, 200, &text);
    return SP_GOES_ON;
}

/* ---- factors ---- */
/* For who lost the phone. The sessions end too: whoever has the phone may have one. */
static enum sp_status reset_factors(struct sp_call *call, const struct sp_admin_path *path)
{
    enum sp_status status = sp_factors_drop_all(call->authority->store, call->arena, path->at[0]);
    return status == SP_OK ? sp_person_end_sessions(call, path->at[0], NULL) : status;
}

enum sp_step sp_admin_factors_reset(struct sp_call *call, const struct sp_admin_path *path)
{
    return run(call, path, reset_factors, "factor");
}

/* ---- sessions ---- */
enum sp_step sp_admin_sessions_list(struct sp_call *call, const struct sp_admin_path *path)
{
    return list(call, path, sp_account_json_sessions);
}

static enum sp_status end_sessions(struct sp_call *call, const struct sp_admin_path *path)
{
    return sp_person_end_sessions(call, path->at[0], NULL);
}

enum sp_step sp_admin_sessions_end(struct sp_call *call, const struct sp_admin_path *path)
{
    return run(call, path, end_sessions, "session");
}

static enum sp_status end_session(struct sp_call *call, const struct sp_admin_path *path)
{
    return sp_person_end_session(call, path->at[0], path->at[1]);
}

enum sp_step sp_admin_session_end(struct sp_call *call, const struct sp_admin_path *path)
{
    return run(call, path, end_session, "session");
}

/* ---- grants ---- */
enum sp_step sp_admin_grants_list(struct sp_call *call, const struct sp_admin_path *path)
{
    return list(call, path, sp_account_json_grants);
}

static enum sp_status revoke_all(struct sp_call *call, const struct sp_admin_path *path)
{
    return sp_person_forget_grants(call, path->at[0]);
}

enum sp_step sp_admin_grants_revoke(struct sp_call *call, const struct sp_admin_path *path)
{
    return run(call, path, revoke_all, "grant");
}

static enum sp_status revoke(struct sp_call *call, const struct sp_admin_path *path)
{
    struct sp_grant_given *grants = NULL;
    size_t count = 0, i = 0;
    enum sp_status status = sp_grants_given_list(call, path->at[0], &grants, &count);
    while (status == SP_OK && i < count && !sp_str_equal(grants[i].client_id, path->at[1]))
        i++;
    if (status == SP_OK && i == count)
        return SP_NOT_FOUND;
    return status == SP_OK ? sp_grants_given_revoke(call, path->at[0], path->at[1]) : status;
}

enum sp_step sp_admin_grant_revoke(struct sp_call *call, const struct sp_admin_path *path)
{
    return run(call, path, revoke, "grant");
}
