/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/grant_allowed.h"

#include "authority/claims.h"
#include "authority/denial.h"
#include "authority/scope.h"

static const struct sp_str OFFLINE_ACCESS = {"offline_access", 14};

static bool may_have_scope(const struct sp_authority_settings *settings, const struct sp_client *client,
                           struct sp_str word)
{
    (void)settings;
    return sp_list_has(client->scopes, word);
}

static bool may_have_claim(const struct sp_authority_settings *settings, const struct sp_client *client,
                           struct sp_str word)
{
    return sp_claim_scope(settings, client->scopes, SP_STR(""), word).at != NULL;
}

/* The usual case, that nothing was taken away, costs no memory. */
static enum sp_status keep_words(struct sp_call *call, const struct sp_client *client,
                                 bool (*may_have)(const struct sp_authority_settings *settings,
                                                  const struct sp_client *client, struct sp_str word),
                                 struct sp_str *words)
{
    struct sp_str rest = *words, word;
    struct sp_buffer kept;
    bool all = true;
    while (all && sp_str_next_word(&rest, SP_STR(" "), &word))
        all = may_have(call->authority->settings, client, word);
    if (all)
        return SP_OK;
    rest = *words;
    sp_answer_buffer(call, &kept);
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        if (may_have(call->authority->settings, client, word))
            sp_buffer_printf(&kept, "%s%.*s", kept.len > 0 ? " " : "", SP_STR_ARG(word));
    if (sp_buffer_status(&kept) == SP_OK)
        *words = kept.len > 0 ? sp_buffer_str(&kept) : SP_STR("");
    return sp_buffer_status(&kept);
}

static enum sp_status keep_audiences(struct sp_call *call, const struct sp_client *client, struct sp_str_list *list)
{
    struct sp_str *kept = sp_arena_calloc(call->arena, list->count + 1, sizeof *kept);
    size_t count = 0;
    if (kept == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++)
        if (sp_list_has(client->audiences, list->at[i]))
            kept[count++] = list->at[i];
    *list = (struct sp_str_list){kept, count};
    return SP_OK;
}

static enum sp_step refuse_scope(struct sp_call *call, const struct sp_client *client, struct sp_str received)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED, .received = received, .error = "invalid_grant",
                   .expected = sp_list_in_words(call->arena, client->scopes, "no scope at all"),
                   .tell = SP_STR("It was granted when the client might have it."));
}

enum sp_step sp_grant_keep_allowed(struct sp_call *call, const struct sp_client *client, struct sp_grant_record *record,
                                   struct sp_str *scope)
{
    const struct sp_str had = *scope;
    const struct sp_str_list audiences = record->audiences;
    enum sp_status status = keep_words(call, client, may_have_scope, scope);
    if (status == SP_OK)
        status = keep_words(call, client, may_have_claim, &record->userinfo_claims);
    if (status == SP_OK)
        status = keep_words(call, client, may_have_claim, &record->id_token_claims);
    if (status == SP_OK)
        status = keep_audiences(call, client, &record->audiences);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (had.len > 0 && scope->len == 0)
        return refuse_scope(call, client, had);
    if (audiences.count > 0 && record->audiences.count == 0)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_RESOURCE_INVALID, .error = "invalid_grant",
                       .received = sp_list_in_words(call->arena, audiences, ""),
                       .expected =
                           sp_list_in_words(call->arena, client->audiences, "none is registered for the client"),
                       .detail = SP_STR("It was granted when the client might use it."));
    return SP_GOES_ON;
}

enum sp_step sp_grant_check_offline(struct sp_call *call, const struct sp_client *client,
                                    const struct sp_grant_record *record)
{
    if (record->session.at != NULL || !sp_scope_has(record->scope, OFFLINE_ACCESS) ||
        sp_list_has(client->scopes, OFFLINE_ACCESS))
        return SP_GOES_ON;
    return refuse_scope(call, client, OFFLINE_ACCESS);
}
