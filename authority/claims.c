/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/claims.h"

#include "authority/scope.h"

const char *const sp_standard_claims[] = {
#define STANDARD_CLAIM(claim, scope) claim,
#include "authority/claims.def"
#undef STANDARD_CLAIM
};
const size_t sp_standard_claim_count = sizeof sp_standard_claims / sizeof sp_standard_claims[0];

static const char *const scopes[] = {
#define STANDARD_CLAIM(claim, scope) scope,
#include "authority/claims.def"
#undef STANDARD_CLAIM
};

struct sp_str sp_claim_scope(struct sp_str claim)
{
    struct sp_str plain = sp_str_slice(claim, 0, sp_str_index_of(claim, '#', 0));
    for (size_t i = 0; i < sp_standard_claim_count; i++)
        if (sp_str_equal(plain, sp_str_from_cstr(sp_standard_claims[i])))
            return sp_str_from_cstr(scopes[i]);
    return SP_STR_NONE;
}

enum sp_status sp_claims_of_account(struct sp_call *call, const struct sp_account *account,
                                    const struct sp_json **claims)
{
    const struct sp_json *own = NULL;
    struct sp_json_error error;
    enum sp_status status = sp_json_parse(call->arena, account->claims, &sp_json_limits_document, &own, &error);
    if (status != SP_OK)
        return status;
    if (sp_json_member(own, SP_STR("preferred_username")) != NULL) {
        *claims = own;
        return SP_OK;
    }
    struct sp_json *name = SP_ARENA_NEW(call->arena, struct sp_json), *all = SP_ARENA_NEW(call->arena, struct sp_json);
    if (name == NULL || all == NULL)
        return SP_NO_MEMORY;
    *all = *own;
    *name = (struct sp_json){
        .type = SP_JSON_STRING, .name = SP_STR("preferred_username"), .text = account->name, .next = own->first};
    all->first = name;
    all->count++;
    *claims = all;
    return SP_OK;
}

void sp_claims_write(struct sp_json_writer *json, const struct sp_json *claims, struct sp_str scope,
                     struct sp_str names)
{
    for
        SP_JSON_EACH(claim, claims)
        {
            struct sp_str by = sp_claim_scope(claim->name);
            if (by.at == NULL || (!sp_scope_has(scope, by) && !sp_scope_has(names, claim->name)))
                continue;
            sp_json_name(json, claim->name);
            sp_json_put_value(json, claim);
        }
}
