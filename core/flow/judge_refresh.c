/* SPDX-License-Identifier: Apache-2.0 */
/* Refresh tokens and device codes: each use beside the earlier ones, wherever in the recording they were. */
#include "core/flow/judge.h"

#include "core/diagnosis/words.h"

/* Two instances that refresh at once meet within this. */
#define RACE_MS 10000

struct history {
    const struct sp_flow_message *issued;  /* whose answer brought it */
    const struct sp_flow_message *used;    /* first earlier use that succeeded */
    const struct sp_flow_message *revoked; /* revocation that named it */
    const struct sp_flow_message *logout;
    bool any_issued; /* the recording shows some refresh token of this client */
};

static bool is_use(const struct sp_flow_message *at, struct sp_str token)
{
    return at->kind == SP_FLOW_TOKEN_REQUEST && sp_str_equal(sp_flow_parameter(at, "refresh_token"), token);
}

static void read_history(const struct sp_flow_message *message, struct sp_str token, struct history *history)
{
    *history = (struct history){0};
    for (const struct sp_flow_message *at = message->flow->first; at != NULL && at != message; at = at->next_in_flow) {
        struct sp_str issued = sp_flow_answered(at, "refresh_token");
        if (at->kind == SP_FLOW_TOKEN_REQUEST && issued.at != NULL) {
            history->any_issued = true;
            if (sp_str_equal(issued, token) && history->issued == NULL)
                history->issued = at;
        }
        if (is_use(at, token) && !sp_flow_has_failed(at) && history->used == NULL)
            history->used = at;
        if (at->kind == SP_FLOW_REVOCATION && sp_str_equal(sp_flow_parameter(at, "token"), token) &&
            !sp_flow_has_failed(at))
            history->revoked = at;
        if (at->kind == SP_FLOW_LOGOUT && at->exchange.status < 400)
            history->logout = at;
    }
}

static struct sp_str at_instant(struct sp_flow_capture *capture, const struct sp_flow_message *at)
{
    return sp_arena_printf(capture->arena, "at %.*s (exchange %u)",
                           SP_STR_ARG(sp_words_instant(capture->arena, sp_flow_now_s(at))), at->exchange.number);
}

static void judge_use(struct sp_flow_capture *capture, struct sp_flow_message *message, const struct history *history)
{
    struct sp_str rotated = history->used != NULL ? sp_flow_answered(history->used, "refresh_token") : SP_STR_NONE;
    bool was_rotated = rotated.at != NULL && !sp_str_equal(rotated, sp_flow_parameter(message, "refresh_token"));
    if (!was_rotated)
        return;
    int64_t apart = message->exchange.started_ms - history->used->exchange.started_ms;
    bool race = apart >= 0 && apart < RACE_MS && message->exchange.started_ms != 0;
    struct sp_finding *finding =
        race && !sp_flow_has_failed(message)
            ? sp_flow_tell(capture, message, SP_CAUSE_REFRESH_RACE, SP_STR("one use"), SP_STR("two uses"))
            : sp_flow_tell_of_request(capture, message, race ? SP_CAUSE_REFRESH_RACE : SP_CAUSE_REFRESH_REUSED,
                                      SP_STR("the new refresh token"), SP_STR("the old one"));
    finding->fatal = race && sp_flow_has_failed(message);
    finding->detail =
        sp_arena_printf(capture->arena, "%.*s, used again %.*s", SP_STR_ARG(at_instant(capture, history->used)),
                        SP_STR_ARG(sp_flow_later(capture, history->used, message)));
}

static void judge_lifetime(struct sp_flow_capture *capture, struct sp_flow_message *message,
                           const struct history *history)
{
    int64_t lifetime = 0, age = sp_flow_now_s(message) - sp_flow_now_s(history->issued);
    const struct sp_json *json = history->issued->json;
    const struct sp_json *member = sp_json_member(json, SP_STR("refresh_expires_in"));
    if (member == NULL)
        member = sp_json_member(json, SP_STR("refresh_token_expires_in"));
    bool over = sp_json_int64(member, &lifetime) == SP_OK && lifetime > 0 && age > lifetime;
    if (!over && !sp_flow_answer_says(message, "expired"))
        return;
    sp_flow_tell(capture, message, SP_CAUSE_REFRESH_EXPIRED,
                 over ? sp_words_duration(capture->arena, lifetime) : SP_STR("a refresh token that is still valid"),
                 sp_words_duration(capture->arena, age))
        ->detail = sp_arena_printf(capture->arena, "before this use: it was issued %.*s",
                                   SP_STR_ARG(at_instant(capture, history->issued)));
}

static void judge_refused_refresh(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                  const struct history *history)
{
    if (history->revoked != NULL)
        sp_flow_tell(capture, message, SP_CAUSE_REFRESH_REVOKED, SP_STR("a valid refresh token"),
                     SP_STR("a revoked one"))
            ->detail = at_instant(capture, history->revoked);
    if (history->logout != NULL && history->revoked == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_REFRESH_SESSION_ENDED, SP_STR("a session that lives"),
                     SP_STR("one that was ended"))
            ->detail = at_instant(capture, history->logout);
    if (history->issued != NULL)
        judge_lifetime(capture, message, history);
    else if (history->any_issued)
        sp_flow_tell(capture, message, SP_CAUSE_REFRESH_UNKNOWN, SP_STR("a refresh token that was issued"),
                     sp_flow_masked(capture, sp_flow_parameter(message, "refresh_token")))
            ->detail = SP_STR("None of the token responses in the recording contains it.");
}

static void judge_other_place(struct sp_flow_capture *capture, struct sp_flow_message *message,
                              const struct sp_flow_message *issued)
{
    struct sp_flow_credentials now, then;
    sp_flow_credentials_read(capture->arena, message, &now);
    sp_flow_credentials_read(capture->arena, issued, &then);
    if (now.client_id.len > 0 && then.client_id.len > 0 && !sp_str_equal(now.client_id, then.client_id))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REFRESH_OTHER_CLIENT, then.client_id, now.client_id);
    if (!sp_str_equal(issued->endpoint, message->endpoint))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REFRESH_ISSUER_CHANGED, issued->endpoint, message->endpoint);
}

void sp_flow_judge_refresh(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct history history;
    struct sp_str token = sp_flow_parameter(message, "refresh_token"), missing;
    if (!sp_str_equal(sp_flow_parameter(message, "grant_type"), SP_STR("refresh_token")))
        return;
    if (token.at == NULL) {
        bool none_issued = message->flow->tokens != NULL;
        sp_flow_tell(capture, message, none_issued ? SP_CAUSE_REFRESH_NOT_ISSUED : SP_CAUSE_REQUEST_PARAMETER_MISSING,
                     SP_STR("refresh_token"), SP_STR("none"))
            ->detail = SP_STR("the client asks to refresh without a token");
        return;
    }
    read_history(message, token, &history);
    judge_use(capture, message, &history);
    if (history.issued != NULL)
        judge_other_place(capture, message, history.issued);
    struct sp_str granted = history.issued != NULL ? sp_flow_answered(history.issued, "scope") : SP_STR_NONE;
    struct sp_str scope = sp_flow_parameter(message, "scope");
    if (granted.at != NULL && scope.at != NULL && !sp_flow_words_within(scope, granted, &missing))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REFRESH_SCOPE_GREW, granted, scope);
    if (sp_flow_error_is(message, "invalid_grant") && !sp_flow_has_told_specific(message))
        judge_refused_refresh(capture, message, &history);
}

/* ---- device codes (RFC 8628 3.5) ---- */

static const struct sp_flow_message *last_poll(const struct sp_flow_message *message)
{
    const struct sp_flow_message *found = NULL;
    for (const struct sp_flow_message *at = message->flow->first; at != NULL && at != message; at = at->next_in_flow)
        if (at->kind == SP_FLOW_TOKEN_REQUEST)
            found = at;
    return found;
}

static int64_t number_of(const struct sp_flow_message *message, const char *member, int64_t when_absent)
{
    int64_t number = when_absent;
    const struct sp_flow_message *first = message->flow->first;
    if (sp_json_int64(sp_json_member(first->json, sp_str_from_cstr(member)), &number) != SP_OK)
        return when_absent;
    return number;
}

void sp_flow_judge_device(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_flow_message *before = last_poll(message), *first = message->flow->first;
    if (sp_flow_parameter(message, "device_code").at == NULL)
        return;
    struct sp_str age = sp_words_duration(capture->arena, sp_flow_now_s(message) - sp_flow_now_s(first));
    if (sp_flow_error_is(message, "authorization_pending"))
        sp_flow_tell(capture, message, SP_CAUSE_DEVICE_PENDING, SP_STR("a decision of the user"), SP_STR("none yet"));
    else if (sp_flow_error_is(message, "slow_down"))
        sp_flow_tell(capture, message, SP_CAUSE_DEVICE_SLOW_DOWN,
                     sp_arena_printf(capture->arena, "%lld s", (long long)number_of(message, "interval", 5)),
                     before != NULL ? sp_flow_later(capture, before, message) : SP_STR("too short a time"));
    else if (sp_flow_error_is(message, "expired_token"))
        sp_flow_tell(capture, message, SP_CAUSE_DEVICE_EXPIRED,
                     sp_words_duration(capture->arena, number_of(message, "expires_in", 0)), age)
            ->detail =
            sp_arena_printf(capture->arena, "before the user decided: it was asked for %.*s earlier", SP_STR_ARG(age));
    else if (sp_flow_error_is(message, "access_denied"))
        sp_flow_tell(capture, message, SP_CAUSE_DEVICE_DENIED, SP_STR("consent"), SP_STR("access_denied"))->detail =
            sp_arena_printf(capture->arena, "%.*s after the code was asked for", SP_STR_ARG(age));
}
