/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/scope.h"

#include "authority/denial.h"
#include "core/base/limits.h"

bool sp_scope_has(struct sp_str scope, struct sp_str word)
{
    return sp_str_has_word(scope, SP_STR(" "), word);
}

bool sp_scope_covers(struct sp_str outer, struct sp_str inner)
{
    struct sp_str item;
    while (sp_str_next_word(&inner, SP_STR(" "), &item))
        if (!sp_scope_has(outer, item))
            return false;
    return true;
}

struct sp_str sp_list_in_words(struct sp_arena *arena, struct sp_str_list list, const char *when_empty)
{
    struct sp_buffer words;
    sp_buffer_init(&words, arena, 4096);
    for (size_t i = 0; i < list.count && i < 20; i++)
        sp_buffer_printf(&words, "%s%.*s", i == 0 ? "" : ", ", SP_STR_ARG(list.at[i]));
    if (list.count > 20)
        sp_buffer_append(&words, SP_STR(", …"));
    return words.len > 0 ? sp_buffer_str(&words) : sp_str_from_cstr(when_empty);
}

static bool is_known(const struct sp_call *call, const struct sp_client *client, struct sp_str word)
{
    return sp_list_has(client->scopes, word) || sp_list_has(call->authority->settings->scopes, word);
}

static enum sp_step check_scope(struct sp_call *call, const struct sp_client *client, struct sp_str word)
{
    if (sp_list_has(client->scopes, word))
        return SP_GOES_ON;
    bool known = is_known(call, client, word);
    struct sp_str tell = sp_arena_printf(call->arena, "It is '%.*s'.", SP_STR_ARG(word));
    return SP_DENY(call, .cause = known ? SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED : SP_CAUSE_REQUEST_SCOPE_UNKNOWN,
                   .expected = sp_list_in_words(call->arena, client->scopes, "no scope at all"), .received = word,
                   .tell = tell);
}

bool sp_scope_is_openid(struct sp_str scope)
{
    static const struct sp_str personal[] = {{"openid", 6},  {"profile", 7}, {"email", 5},
                                             {"address", 7}, {"phone", 5},   {"offline_access", 14}};
    for (size_t i = 0; i < sizeof personal / sizeof personal[0]; i++)
        if (sp_str_equal(scope, personal[i]))
            return true;
    return false;
}

static void append_word(struct sp_buffer *words, struct sp_str word)
{
    if (words->len > 0)
        sp_buffer_append_char(words, ' ');
    sp_buffer_append(words, word);
}

struct sp_str sp_scope_union(struct sp_arena *arena, struct sp_str a, struct sp_str b)
{
    struct sp_str both[] = {a, b}, word;
    struct sp_buffer words;
    sp_buffer_init(&words, arena, a.len + b.len + 1);
    for (size_t i = 0; i < 2; i++)
        while (sp_str_next_word(&both[i], SP_STR(" "), &word))
            if (!sp_scope_has(sp_buffer_str(&words), word))
                append_word(&words, word);
    if (sp_buffer_status(&words) != SP_OK)
        return SP_STR_NONE;
    return words.len > 0 ? sp_buffer_str(&words) : SP_STR("");
}

/* For the operator: it did not stand in the way. */
static void note_ignored(struct sp_call *call, const struct sp_client *client, struct sp_str ignored)
{
    if (ignored.len > 0 && call->finding.cause == SP_CAUSE_NONE)
        call->finding =
            (struct sp_finding){.cause = SP_CAUSE_REQUEST_SCOPE_UNKNOWN,
                                .expected = sp_list_in_words(call->arena, client->scopes, "no scope at all"),
                                .received = ignored,
                                .detail = SP_STR("ignored, as OpenID Connect Core 3.1.2.1 wants it"),
                                .tolerated = true};
}

enum sp_step sp_scope_decide(struct sp_call *call, const struct sp_client *client, enum sp_scope_terms terms,
                             struct sp_str *scope)
{
    struct sp_str asked = sp_call_parameter(call, "scope"), word;
    const bool all_by_default = terms == SP_SCOPE_ALL_BY_DEFAULT,
               ignores_unknown = terms == SP_SCOPE_OF_AUTHORIZATION && sp_scope_has(asked, SP_STR("openid"));
    struct sp_buffer granted, ignored;
    sp_buffer_init(&granted, call->arena, SP_MAX_FORM_BYTES);
    sp_buffer_init(&ignored, call->arena, SP_MAX_FORM_BYTES);
    for (size_t i = 0; asked.at == NULL && all_by_default && i < client->scopes.count; i++)
        if (!sp_scope_is_openid(client->scopes.at[i])) /* a client that asks for itself is no person */
            append_word(&granted, client->scopes.at[i]);
    unsigned count = 0;
    while (sp_str_next_word(&asked, SP_STR(" "), &word)) {
        if (++count > SP_MAX_SCOPES)
            return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE, .received = SP_STR("too many scopes"),
                           .expected = sp_arena_printf(call->arena, "at most %u scopes", SP_MAX_SCOPES));
        if (ignores_unknown && !is_known(call, client, word)) {
            append_word(&ignored, word);
            continue;
        }
        if (check_scope(call, client, word) != SP_GOES_ON)
            return SP_DENIED;
        if (!sp_scope_has(sp_buffer_str(&granted), word))
            append_word(&granted, word);
    }
    if (sp_buffer_status(&granted) != SP_OK)
        return sp_deny_failure(call, sp_buffer_status(&granted));
    note_ignored(call, client, sp_buffer_str(&ignored));
    *scope = sp_buffer_str(&granted);
    return SP_GOES_ON;
}

/* Those that are asked for, each once and each of `allowed`. */
static enum sp_step read_audiences(struct sp_call *call, struct sp_str_list allowed, const char *none_allowed,
                                   struct sp_str_list *audiences)
{
    static const char *const names[] = {"resource", "audience"};
    struct sp_str *asked = sp_arena_calloc(call->arena, SP_MAX_AUDIENCES, sizeof *asked);
    if (asked == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        struct sp_str value;
        for (size_t position = 0; sp_form_next(&call->parameters, sp_str_from_cstr(names[i]), &position, &value);) {
            if (!sp_list_has(allowed, value) || count == SP_MAX_AUDIENCES)
                return SP_DENY(call, .cause = SP_CAUSE_REQUEST_RESOURCE_INVALID, .received = value,
                               .expected = sp_list_in_words(call->arena, allowed, none_allowed),
                               .tell = sp_arena_printf(call->arena, "It is '%.*s'.", SP_STR_ARG(value)));
            if (!sp_list_has((struct sp_str_list){asked, count}, value))
                asked[count++] = value;
        }
    }
    *audiences = (struct sp_str_list){asked, count};
    return SP_GOES_ON;
}

enum sp_step sp_audience_decide(struct sp_call *call, const struct sp_client *client, struct sp_str_list *audiences)
{
    struct sp_str_list asked = {NULL, 0};
    if (read_audiences(call, client->audiences, "none is registered for the client", &asked) != SP_GOES_ON)
        return SP_DENIED;
    if (asked.count == 0 && client->audiences.count > 0)
        asked = (struct sp_str_list){client->audiences.at, 1};
    *audiences = asked;
    return SP_GOES_ON;
}

enum sp_step sp_audience_narrow(struct sp_call *call, struct sp_str_list granted, struct sp_str_list *audiences)
{
    struct sp_str_list asked = {NULL, 0};
    if (read_audiences(call, granted, "none: the grant names no resource", &asked) != SP_GOES_ON)
        return SP_DENIED;
    *audiences = asked.count > 0 ? asked : granted;
    return SP_GOES_ON;
}
