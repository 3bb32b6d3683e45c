/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/claims_request.h"

#include "authority/claims.h"
#include "authority/scope.h"
#include "core/base/limits.h"

static bool is_bool_or_absent(const struct sp_json *json)
{
    return json == NULL || sp_json_is(json, SP_JSON_TRUE) || sp_json_is(json, SP_JSON_FALSE);
}

static const char *fault_of_side(const struct sp_json *side)
{
    if (side != NULL && !sp_json_is(side, SP_JSON_OBJECT) && !sp_json_is(side, SP_JSON_NULL))
        return "userinfo and id_token are objects";
    for
        SP_JSON_EACH(member, side)
        {
            if (sp_json_is(member, SP_JSON_NULL))
                continue;
            if (!sp_json_is(member, SP_JSON_OBJECT))
                return "each claim is null or an object";
            if (!is_bool_or_absent(sp_json_member(member, SP_STR("essential"))))
                return "essential is true or false";
            const struct sp_json *values = sp_json_member(member, SP_STR("values"));
            if (values != NULL && !sp_json_is(values, SP_JSON_ARRAY))
                return "values is a list";
        }
    return NULL;
}

enum sp_status sp_claims_request_parse(struct sp_arena *arena, struct sp_str text, struct sp_claims_request *request,
                                       const char **fault)
{
    const struct sp_json *json = NULL;
    struct sp_json_error error;
    *fault = "it is longer than a token may be";
    if (text.len > SP_MAX_TOKEN_BYTES)
        return SP_MALFORMED;
    enum sp_status status = sp_json_parse(arena, text, &sp_json_limits_token, &json, &error);
    *fault = "it is no JSON object";
    if (status != SP_OK)
        return status;
    if (!sp_json_is(json, SP_JSON_OBJECT))
        return SP_MALFORMED;
    struct sp_claims_request read = {sp_json_member(json, SP_STR("userinfo")),
                                     sp_json_member(json, SP_STR("id_token"))};
    const char *found = fault_of_side(read.userinfo);
    if (found == NULL)
        found = fault_of_side(read.id_token);
    *fault = found;
    if (found != NULL)
        return SP_MALFORMED;
    *request = read;
    return SP_OK;
}

/* As JSON says it: the same type and the same text; objects and lists byte by byte. */
static bool is_same(const struct sp_json *a, const struct sp_json *b)
{
    return a != NULL && b != NULL && a->type == b->type && sp_str_equal(a->text, b->text);
}

/* Does a value satisfy what one member asks (5.5.1)? NULL and members without value and values: anything does. */
static bool accepts(const struct sp_json *member, const struct sp_json *value)
{
    const struct sp_json *one = sp_json_member(member, SP_STR("value")),
                         *several = sp_json_member(member, SP_STR("values"));
    if (one == NULL && several == NULL)
        return true;
    if (is_same(one, value))
        return true;
    for
        SP_JSON_EACH(wanted, several)
    if (is_same(wanted, value))
        return true;
    return false;
}

bool sp_claims_request_is_for(const struct sp_claims_request *request, struct sp_str subject)
{
    const struct sp_json value = {.type = SP_JSON_STRING, .text = subject};
    return accepts(sp_json_member(request->id_token, SP_STR("sub")), &value) &&
           accepts(sp_json_member(request->userinfo, SP_STR("sub")), &value);
}

static void add_scopes_of(struct sp_buffer *all, const struct sp_json *side,
                          const struct sp_authority_settings *settings, const struct sp_client *client)
{
    for
        SP_JSON_EACH(member, side)
        {
            struct sp_str scope = sp_claim_scope(settings, client->scopes, sp_buffer_str(all), member->name);
            if (scope.at != NULL && !sp_scope_has(sp_buffer_str(all), scope))
                sp_buffer_printf(all, "%s%.*s", all->len > 0 ? " " : "", SP_STR_ARG(scope));
        }
}

enum sp_status sp_claims_request_add_scopes(struct sp_arena *arena, const struct sp_claims_request *request,
                                            const struct sp_authority_settings *settings,
                                            const struct sp_client *client, struct sp_str *scope)
{
    struct sp_buffer all;
    sp_buffer_init(&all, arena, SP_MAX_CONSENT_BYTES);
    sp_buffer_append(&all, *scope);
    add_scopes_of(&all, request->userinfo, settings, client);
    add_scopes_of(&all, request->id_token, settings, client);
    if (sp_buffer_status(&all) == SP_OK)
        *scope = sp_buffer_str(&all);
    return sp_buffer_status(&all);
}

/* A language of "name#" may be anything; in a list of words it would be several. */
static bool has_space(struct sp_str name)
{
    return sp_str_index_of(name, ' ', 0) < name.len;
}

enum sp_status sp_claims_request_names(struct sp_arena *arena, const struct sp_json *asked,
                                       const struct sp_authority_settings *settings, const struct sp_client *client,
                                       const struct sp_json *claims, struct sp_str *names)
{
    struct sp_buffer all;
    sp_buffer_init(&all, arena, SP_MAX_TOKEN_BYTES);
    /* From the account's side: what it lacks cannot be given, and the list stays as short as the account. */
    for
        SP_JSON_EACH(claim, claims)
        {
            const struct sp_json *member = sp_json_member(asked, claim->name);
            bool may_have = member != NULL && !has_space(claim->name) &&
                            sp_claim_scope(settings, client->scopes, SP_STR(""), claim->name).at != NULL;
            if (may_have && accepts(member, claim))
                sp_buffer_printf(&all, "%s%.*s", all.len > 0 ? " " : "", SP_STR_ARG(claim->name));
        }
    if (sp_buffer_status(&all) == SP_OK)
        *names = sp_buffer_str(&all);
    return sp_buffer_status(&all);
}
