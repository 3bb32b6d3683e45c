/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/grants_given.h"

#include "authority/grant_record.h"
#include "authority/claims.h"

#define MAX_CONSENTS 100u
/* At once; what is more comes in a next portion. */
#define MAX_TOKENS 1000u

/* Each with its family, in which are the access tokens: what an application holds of a person, and what it can turn
 * into that. */
static const enum sp_ticket_kind held[] = {SP_TICKET_REFRESH, SP_TICKET_GRANT, SP_TICKET_CODE, SP_TICKET_DEVICE};
#define HELD_KINDS (sizeof held / sizeof held[0])

static enum sp_status list_tokens(struct sp_call *call, enum sp_ticket_kind kind, struct sp_str subject,
                                  struct sp_ticket **tokens, size_t *count)
{
    struct sp_store *store = call->authority->store;
    return store->methods->list_tickets(store, kind, subject, call->now, MAX_TOKENS, call->arena, tokens, count);
}

static struct sp_grant_given *find(struct sp_grant_given *grants, size_t count, struct sp_str client_id)
{
    for (size_t i = 0; i < count; i++)
        if (sp_str_equal(grants[i].client_id, client_id))
            return &grants[i];
    return NULL;
}

static void add_tokens(struct sp_grant_given *list, size_t *n, const struct sp_ticket *tokens, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sp_grant_given *known = find(list, *n, tokens[i].client_id);
        if (known == NULL)
            list[(*n)++] = (struct sp_grant_given){tokens[i].client_id, SP_STR(""), tokens[i].issued_at};
        else if (known->scopes.len == 0 && tokens[i].issued_at < known->since)
            known->since = tokens[i].issued_at;
    }
}

enum sp_status sp_grants_given_list(struct sp_call *call, struct sp_str subject, struct sp_grant_given **grants,
                                    size_t *count)
{
    struct sp_store *store = call->authority->store;
    struct sp_consent *consents = NULL;
    struct sp_ticket *tokens[HELD_KINDS] = {NULL};
    size_t consent_count = 0, token_counts[HELD_KINDS] = {0}, most = 0, n = 0;
    enum sp_status status =
        store->methods->list_consents(store, subject, MAX_CONSENTS, call->arena, &consents, &consent_count);
    for (size_t k = 0; status == SP_OK && k < HELD_KINDS; k++) {
        status = list_tokens(call, held[k], subject, &tokens[k], &token_counts[k]);
        most += token_counts[k];
    }
    if (status != SP_OK)
        return status;
    struct sp_grant_given *list = sp_arena_calloc(call->arena, consent_count + most + 1, sizeof *list);
    if (list == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < consent_count; i++) {
        struct sp_str scope = sp_claims_consent_scope(call->arena, consents[i].scopes);
        if (scope.at == NULL)
            return SP_NO_MEMORY;
        list[n++] = (struct sp_grant_given){consents[i].client_id, scope, consents[i].granted_at};
    }
    for (size_t k = 0; k < HELD_KINDS; k++)
        add_tokens(list, &n, tokens[k], token_counts[k]);
    *grants = list;
    *count = n;
    return SP_OK;
}

static enum sp_status revoke_portion(struct sp_call *call, enum sp_ticket_kind kind, struct sp_str subject,
                                     struct sp_str client_id, size_t *found)
{
    struct sp_ticket *tokens = NULL;
    size_t count = 0;
    enum sp_status status = list_tokens(call, kind, subject, &tokens, &count);
    *found = 0;
    for (size_t i = 0; status == SP_OK && i < count; i++) {
        if (client_id.at != NULL && !sp_str_equal(tokens[i].client_id, client_id))
            continue;
        (*found)++;
        status = sp_grant_family_forget(call, tokens[i].family);
    }
    return status;
}

enum sp_status sp_grants_given_revoke(struct sp_call *call, struct sp_str subject, struct sp_str client_id)
{
    struct sp_store *store = call->authority->store;
    enum sp_status status = SP_OK;
    for (size_t k = 0; status == SP_OK && k < HELD_KINDS; k++) {
        size_t found = 1;
        while (status == SP_OK && found > 0)
            status = revoke_portion(call, held[k], subject, client_id, &found);
    }
    if (status != SP_OK || client_id.at == NULL)
        return status;
    status = store->methods->drop_consent(store, subject, client_id);
    return status == SP_NOT_FOUND ? SP_OK : status;
}
