/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/grants_given.h"

#include "authority/grant_record.h"

#define MAX_CONSENTS 100u
/* At once; what is more comes in a next portion. */
#define MAX_TOKENS 1000u

static enum sp_status list_tokens(struct sp_call *call, struct sp_str subject, struct sp_ticket **tokens, size_t *count)
{
    struct sp_store *store = call->authority->store;
    return store->methods->list_tickets(store, SP_TICKET_REFRESH, subject, call->now, MAX_TOKENS, call->arena, tokens,
                                        count);
}

static struct sp_grant_given *find(struct sp_grant_given *grants, size_t count, struct sp_str client_id)
{
    for (size_t i = 0; i < count; i++)
        if (sp_str_equal(grants[i].client_id, client_id))
            return &grants[i];
    return NULL;
}

enum sp_status sp_grants_given_list(struct sp_call *call, struct sp_str subject, struct sp_grant_given **grants,
                                    size_t *count)
{
    struct sp_store *store = call->authority->store;
    struct sp_consent *consents = NULL;
    struct sp_ticket *tokens = NULL;
    size_t consent_count = 0, token_count = 0, n = 0;
    enum sp_status status =
        store->methods->list_consents(store, subject, MAX_CONSENTS, call->arena, &consents, &consent_count);
    if (status == SP_OK)
        status = list_tokens(call, subject, &tokens, &token_count);
    if (status != SP_OK)
        return status;
    struct sp_grant_given *list = sp_arena_calloc(call->arena, consent_count + token_count + 1, sizeof *list);
    if (list == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < consent_count; i++)
        list[n++] = (struct sp_grant_given){consents[i].client_id, consents[i].scopes, consents[i].granted_at};
    for (size_t i = 0; i < token_count; i++) {
        struct sp_grant_given *known = find(list, n, tokens[i].client_id);
        if (known == NULL)
            list[n++] = (struct sp_grant_given){tokens[i].client_id, SP_STR(""), tokens[i].issued_at};
        else if (known->scopes.len == 0)
            known->since = tokens[i].issued_at; /* they come newest first */
    }
    *grants = list;
    *count = n;
    return SP_OK;
}

static enum sp_status revoke_portion(struct sp_call *call, struct sp_str subject, struct sp_str client_id,
                                     size_t *found)
{
    struct sp_ticket *tokens = NULL;
    size_t count = 0;
    enum sp_status status = list_tokens(call, subject, &tokens, &count);
    *found = 0;
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        if (client_id.at != NULL && !sp_str_equal(tokens[i].client_id, client_id))
            continue;
        (*found)++;
        status = sp_grant_family_revoke(call, tokens[i].family, 0);
    }
    return status;
}

enum sp_status sp_grants_given_revoke(struct sp_call *call, struct sp_str subject, struct sp_str client_id)
{
    struct sp_store *store = call->authority->store;
    size_t found = 1;
    enum sp_status status = SP_OK;
    while (status == SP_OK && found > 0)
        status = revoke_portion(call, subject, client_id, &found);
    if (status != SP_OK || client_id.at == NULL)
        return status;
    status = store->methods->drop_consent(store, subject, client_id);
    return status == SP_NOT_FOUND ? SP_OK : status;
}
