/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/claims.h"

#include "authority/scope.h"

const char *const sp_standard_claims[] = {
#define STANDARD_CLAIM(claim, scope, type) claim,
#include "authority/claims.def"
#undef STANDARD_CLAIM
};
const size_t sp_standard_claim_count = sizeof sp_standard_claims / sizeof sp_standard_claims[0];

enum value_type { STRING, BOOL, NUMBER, OBJECT };

static const struct {
    const char *scope;
    enum value_type type;
} rows[] = {
#define STANDARD_CLAIM(claim, scope, type) {scope, type},
#include "authority/claims.def"
#undef STANDARD_CLAIM
};

/* sp_standard_claim_count: it is none of ours. */
static size_t row_of(struct sp_str claim)
{
    struct sp_str plain = sp_str_slice(claim, 0, sp_str_index_of(claim, '#', 0));
    size_t at = 0;
    while (at < sp_standard_claim_count && !sp_str_equal(plain, sp_str_from_cstr(sp_standard_claims[at])))
        at++;
    return at;
}

struct sp_str sp_claim_scope(struct sp_str claim)
{
    size_t row = row_of(claim);
    return row < sp_standard_claim_count ? sp_str_from_cstr(rows[row].scope) : SP_STR_NONE;
}

static bool has_type(const struct sp_json *claim, enum value_type type)
{
    switch (type) {
    case STRING:
        return sp_json_is(claim, SP_JSON_STRING);
    case BOOL:
        return sp_json_is(claim, SP_JSON_TRUE) || sp_json_is(claim, SP_JSON_FALSE);
    case NUMBER:
        return sp_json_is(claim, SP_JSON_NUMBER);
    case OBJECT:
        return sp_json_is(claim, SP_JSON_OBJECT);
    }
    return false;
}

const char *sp_claim_type_wanted(const struct sp_json *claim)
{
    static const char *const wanted[] = {
        [STRING] = "a text", [BOOL] = "true or false", [NUMBER] = "a number", [OBJECT] = "an object"};
    size_t row = row_of(claim->name);
    return row == sp_standard_claim_count || has_type(claim, rows[row].type) ? NULL : wanted[rows[row].type];
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
            bool is_asked = by.at != NULL && (sp_scope_has(scope, by) || sp_scope_has(names, claim->name));
            /* OIDC Core 5.3.2: neither null nor empty; and no store of old makes "false" of false. */
            if (!is_asked || sp_claim_type_wanted(claim) != NULL ||
                (sp_json_is(claim, SP_JSON_STRING) && claim->text.len == 0))
                continue;
            sp_json_name(json, claim->name);
            sp_json_put_value(json, claim);
        }
}
