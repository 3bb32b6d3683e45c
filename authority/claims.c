/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/claims.h"

#include <stdio.h>
#include "authority/denial.h"
#include "authority/scope.h"
#include "core/base/limits.h"

const char *const sp_standard_claims[] = {
#define STANDARD_CLAIM(claim, scope, type) claim,
#include "authority/claims.def"
#undef STANDARD_CLAIM
};
const size_t sp_standard_claim_count = sizeof sp_standard_claims / sizeof sp_standard_claims[0];

const struct sp_json_limits sp_claims_limits = {.max_depth = SP_MAX_ACCOUNT_CLAIMS_DEPTH,
                                                .max_values = SP_MAX_ACCOUNT_CLAIMS_VALUES};

enum value_type { STRING, BOOL, NUMBER, OBJECT };

static const struct {
    const char *scope;
    enum value_type type;
} rows[] = {
#define STANDARD_CLAIM(claim, scope, type) {scope, type},
#include "authority/claims.def"
#undef STANDARD_CLAIM
};

static struct sp_str without_language(struct sp_str claim)
{
    return sp_str_slice(claim, 0, sp_str_index_of(claim, '#', 0));
}

/* sp_standard_claim_count: it is none of these. */
static size_t row_of(struct sp_str claim)
{
    struct sp_str plain = without_language(claim);
    size_t at = 0;
    while (at < sp_standard_claim_count && !sp_str_equal(plain, sp_str_from_cstr(sp_standard_claims[at])))
        at++;
    return at;
}

bool sp_claim_is_reserved(struct sp_str claim)
{
    static const struct sp_str names[] = {
#define RESERVED(name) {name, sizeof name - 1},
#include "authority/reserved_claims.def"
#undef RESERVED
    };
    struct sp_str plain = without_language(claim);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sp_str_equal(names[i], plain))
            return true;
    return false;
}

bool sp_scope_tells(const struct sp_authority_settings *settings, struct sp_str scope, struct sp_str claim, unsigned in)
{
    const struct sp_told_scope *told = sp_told_scope_find(settings, scope);
    if (told != NULL)
        return (told->in & in) != 0 && sp_list_has(told->claims, without_language(claim));
    size_t row = row_of(claim);
    return (in & SP_TOLD_IN_USERINFO) != 0 && row < sp_standard_claim_count &&
           sp_str_equal(scope, sp_str_from_cstr(rows[row].scope));
}

struct sp_str sp_claim_scope(const struct sp_authority_settings *settings, struct sp_str_list scopes,
                             struct sp_str preferred, struct sp_str claim)
{
    struct sp_str found = SP_STR_NONE;
    for (size_t i = 0; i < scopes.count; i++) {
        if (!sp_scope_tells(settings, scopes.at[i], claim, SP_TOLD_TO_CLIENT))
            continue;
        if (sp_scope_has(preferred, scopes.at[i]))
            return scopes.at[i];
        /* The one that it belongs to, rather than one that tells more. */
        if (found.at == NULL || sp_scope_is_openid(scopes.at[i]))
            found = scopes.at[i];
    }
    return found;
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

static bool is_told(const struct sp_authority_settings *settings, struct sp_str claim,
                    const struct sp_claims_wish *wish)
{
    struct sp_str rest = wish->scope, scope;
    while (sp_str_next_word(&rest, SP_STR(" "), &scope))
        if (sp_scope_tells(settings, scope, claim, wish->in))
            return true;
    return sp_scope_has(wish->names, claim) && sp_claim_scope(settings, settings->scopes, SP_STR(""), claim).at != NULL;
}

/* OIDC Core 5.3.2: neither null nor empty; and no store of old makes "false" of false. */
static bool says_something(const struct sp_json *claim)
{
    return !sp_json_is(claim, SP_JSON_NULL) && sp_claim_type_wanted(claim) == NULL &&
           (!sp_json_is(claim, SP_JSON_STRING) || claim->text.len > 0);
}

void sp_claims_write(struct sp_json_writer *json, const struct sp_authority_settings *settings,
                     const struct sp_json *claims, const struct sp_claims_wish *wish)
{
    for
        SP_JSON_EACH(claim, claims)
        {
            if (sp_claim_is_reserved(claim->name) || !says_something(claim) || !is_told(settings, claim->name, wish))
                continue;
            sp_json_name(json, claim->name);
            sp_json_put_value(json, claim);
        }
}

/* ---- tokens ---- */
/* Whether there can be anything to tell: most tokens need no account. */
static bool asks_for_any(const struct sp_authority_settings *settings, const struct sp_claims_wish *wish)
{
    struct sp_str rest = wish->scope, scope;
    if ((wish->in & (unsigned)SP_TOLD_IN_USERINFO) != 0)
        return true; /* the scopes of OpenID Connect tell there */
    while (sp_str_next_word(&rest, SP_STR(" "), &scope)) {
        const struct sp_told_scope *told = sp_told_scope_find(settings, scope);
        if (told != NULL && (told->in & wish->in) != 0 && told->claims.count > 0)
            return true;
    }
    return wish->names.len > 0;
}

/* As an object of their own first: what is too much, or too deep for whoever reads the token, is never signed. */
static enum sp_step write_bounded(struct sp_call *call, struct sp_json_writer *json, struct sp_str account,
                                  const struct sp_json *claims, const struct sp_claims_wish *wish)
{
    struct sp_buffer text;
    struct sp_json_writer writer;
    const struct sp_json *told = NULL;
    struct sp_json_error error = {.fault = SP_JSON_OK};
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&writer, &text, false);
    sp_json_begin_object(&writer);
    sp_claims_write(&writer, call->authority->settings, claims, wish);
    sp_json_end_object(&writer);
    enum sp_status status = sp_buffer_status(&text);
    if (status == SP_OK && text.len <= SP_MAX_TOLD_BYTES)
        status = sp_json_parse(call->arena, sp_buffer_str(&text), &sp_claims_limits, &told, &error);
    if (status == SP_OK && told == NULL)
        status = SP_TOO_LARGE;
    if (status == SP_TOO_LARGE || status == SP_MALFORMED)
        return SP_DENY(call, .cause = SP_CAUSE_ACCOUNT_CLAIMS_TOO_LARGE, .received = account,
                       .expected = sp_arena_printf(call->arena, "%u bytes of claims in a token, %u deep",
                                                   SP_MAX_TOLD_BYTES, SP_MAX_ACCOUNT_CLAIMS_DEPTH),
                       .detail = sp_arena_printf(call->arena, "%zu bytes", text.len));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    for
        SP_JSON_EACH(claim, told)
        {
            sp_json_name(json, claim->name);
            sp_json_put_value(json, claim);
        }
    return SP_GOES_ON;
}

enum sp_step sp_claims_tell(struct sp_call *call, struct sp_json_writer *json, struct sp_str account,
                            const struct sp_claims_wish *wish)
{
    struct sp_store *store = call->authority->store;
    struct sp_account found;
    const struct sp_json *claims = NULL;
    if (account.at == NULL || !asks_for_any(call->authority->settings, wish))
        return SP_GOES_ON;
    enum sp_status status = store->methods->get_account(store, account, call->arena, &found);
    if (status == SP_NOT_FOUND)
        return SP_GOES_ON;
    if (status == SP_OK)
        status = sp_claims_of_account(call, &found, &claims);
    return status == SP_OK ? write_bounded(call, json, account, claims, wish) : sp_deny_failure(call, status);
}

/* ---- consent ---- */
struct sp_str sp_claims_consent(struct sp_arena *arena, const struct sp_authority_settings *settings,
                                struct sp_str scope)
{
    struct sp_str rest = scope, word;
    struct sp_buffer consent;
    sp_buffer_init(&consent, arena, SP_MAX_CONSENT_BYTES);
    sp_buffer_append(&consent, scope);
    while (sp_str_next_word(&rest, SP_STR(" "), &word)) {
        const struct sp_told_scope *told = sp_told_scope_find(settings, word);
        for (size_t i = 0; told != NULL && i < told->claims.count; i++) {
            char room[SP_MAX_CLAIM_NAME_BYTES + 2];
            int len = snprintf(room, sizeof room, "\"%.*s", SP_STR_ARG(told->claims.at[i]));
            if (!sp_scope_has(sp_buffer_str(&consent), sp_str(room, (size_t)len)))
                sp_buffer_printf(&consent, "%s%s", consent.len > 0 ? " " : "", room);
        }
    }
    if (sp_buffer_status(&consent) != SP_OK)
        return SP_STR_NONE;
    return consent.len > 0 ? sp_buffer_str(&consent) : SP_STR("");
}

struct sp_str sp_claims_consent_scope(struct sp_arena *arena, struct sp_str consent)
{
    struct sp_str word, rest = consent;
    struct sp_buffer words;
    sp_buffer_init(&words, arena, consent.len + 1);
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        if (word.at[0] != '"')
            sp_buffer_printf(&words, "%s%.*s", words.len > 0 ? " " : "", SP_STR_ARG(word));
    if (sp_buffer_status(&words) != SP_OK)
        return SP_STR_NONE;
    return words.len > 0 ? sp_buffer_str(&words) : SP_STR("");
}
