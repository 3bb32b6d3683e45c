/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/told_scope.h"

#include "authority/claims.h"
#include "authority/scope.h"
#include "authority/settings_reader.h"
#include "core/base/limits.h"

#define SCOPE(member) offsetof(struct sp_told_scope, member)

static enum sp_status read_language(struct sp_told_scope *scope, const struct sp_json *text)
{
    for (unsigned i = 0; i < SP_LANGUAGE_COUNT; i++)
        if (sp_str_equal(sp_language_tag((enum sp_language)i), text->name)) {
            scope->descriptions[i] = sp_json_string(text);
            return scope->descriptions[i].len > 0 ? SP_OK : SP_MALFORMED;
        }
    return SP_MALFORMED;
}

/* Who reads a language without a text of its own gets that of the first language that has one. */
static enum sp_status read_description(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_told_scope *scope = (struct sp_told_scope *)((char *)at - SCOPE(descriptions));
    struct sp_str any = sp_json_string(value);
    (void)reader;
    if (any.at == NULL && !sp_json_is(value, SP_JSON_OBJECT))
        return SP_MALFORMED;
    for
        SP_JSON_EACH(text, value)
    if (read_language(scope, text) != SP_OK)
        return SP_MALFORMED;
    for (unsigned i = 0; any.at == NULL && i < SP_LANGUAGE_COUNT; i++)
        any = scope->descriptions[i];
    for (unsigned i = 0; i < SP_LANGUAGE_COUNT; i++)
        if (scope->descriptions[i].at == NULL)
            scope->descriptions[i] = any;
    return any.len > 0 ? SP_OK : SP_MALFORMED;
}

static enum sp_status read_places(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    static const struct {
        struct sp_str name;
        enum sp_told_in in;
    } places[] = {{{"id_token", 8}, SP_TOLD_IN_ID_TOKEN},
                  {{"userinfo", 8}, SP_TOLD_IN_USERINFO},
                  {{"access_token", 12}, SP_TOLD_IN_ACCESS_TOKEN}};
    struct sp_str_list names;
    unsigned in = 0;
    enum sp_status status = sp_settings_texts(reader, value, &names);
    for (size_t i = 0; status == SP_OK && i < names.count; i++) {
        size_t p = 0;
        while (p < sizeof places / sizeof places[0] && !sp_str_equal(places[p].name, names.at[i]))
            p++;
        if (p == sizeof places / sizeof places[0])
            return SP_MALFORMED;
        in |= (unsigned)places[p].in;
    }
    if (status == SP_OK)
        *(unsigned *)at = in;
    return status == SP_OK && in == 0 ? SP_MALFORMED : status;
}

static const struct sp_member_row rows[] = {
    SP_MEMBER_BY("description", SCOPE(descriptions), read_description,
                 "Write what people read of it, or one text for each language of the pages, as {en: …, de: …}."),
    SP_MEMBER("claims", TEXTS, SCOPE(claims)),
    SP_MEMBER_BY("tell_in", SCOPE(in), read_places, "Write one or several of id_token, userinfo and access_token."),
    SP_MEMBERS_END,
};

/* RFC 6749 3.3. Claims' names are held to the same, so that lists of them are words. */
static bool is_word(struct sp_str text)
{
    bool fits = text.len > 0 && text.len <= SP_MAX_CLAIM_NAME_BYTES;
    for (size_t i = 0; fits && i < text.len; i++)
        fits = text.at[i] > 0x20 && text.at[i] < 0x7F && text.at[i] != '"' && text.at[i] != '\\';
    return fits;
}

static enum sp_status check_claim(struct sp_settings_reader *reader, struct sp_str where, struct sp_str claim)
{
    struct sp_str shown = sp_str_slice(claim, 0, 120);
    if (sp_claim_is_reserved(claim))
        return sp_settings_complain(
            reader, where, "claims",
            sp_arena_printf(reader->arena,
                            "'%.*s' is reserved: by it the issuer speaks of the token itself, and no scope tells it. "
                            "Give the claim another name.",
                            SP_STR_ARG(shown)));
    if (is_word(claim) && !sp_str_contains(claim, SP_STR("#")))
        return SP_OK;
    return sp_settings_complain(reader, where, "claims",
                                sp_arena_printf(reader->arena,
                                                "'%.*s' is no name of a claim that a scope can tell: 1 to %u ASCII "
                                                "characters without space, quotation mark, backslash and #.",
                                                SP_STR_ARG(shown), SP_MAX_CLAIM_NAME_BYTES));
}

static enum sp_status check(struct sp_settings_reader *reader, struct sp_str where, const struct sp_told_scope *scope)
{
    if (sp_scope_is_openid(scope->name))
        return sp_settings_complain(
            reader, where, NULL,
            SP_STR("What this scope means is said by OpenID Connect; give claims of your own a scope of your own."));
    if (!is_word(scope->name))
        return sp_settings_complain(
            reader, where, NULL,
            SP_STR("A scope is a word of ASCII characters without quotation mark and backslash (RFC 6749 3.3)."));
    if (scope->claims.count > SP_MAX_TOLD_CLAIMS)
        return sp_settings_complain(reader, where, "claims",
                                    sp_arena_printf(reader->arena, "It has %zu claims; a scope tells %u at most.",
                                                    scope->claims.count, SP_MAX_TOLD_CLAIMS));
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < scope->claims.count; i++)
        status = check_claim(reader, where, scope->claims.at[i]);
    return status;
}

enum sp_status sp_told_scopes_read(struct sp_settings_reader *reader, const struct sp_json *section,
                                   struct sp_authority_settings *settings)
{
    if (section == NULL)
        return SP_OK;
    if (section->count > SP_MAX_SCOPES)
        return sp_settings_complain(reader, SP_STR("authority.scopes"), NULL,
                                    sp_arena_printf(reader->arena,
                                                    "There are %u scopes; a request may name %u at most.",
                                                    section->count, SP_MAX_SCOPES));
    struct sp_told_scope *scopes = sp_arena_calloc(reader->arena, section->count + 1u, sizeof *scopes);
    size_t count = 0;
    if (scopes == NULL)
        return SP_NO_MEMORY;
    for
        SP_JSON_EACH(member, section)
        {
            struct sp_told_scope *scope = &scopes[count++];
            *scope = (struct sp_told_scope){.name = member->name, .in = SP_TOLD_TO_CLIENT};
            struct sp_str where = sp_arena_printf(reader->arena, "authority.scopes.%.*s", SP_STR_ARG(member->name));
            enum sp_status status = sp_settings_read_members(reader, where, member, rows, scope);
            if (status == SP_OK)
                status = check(reader, where, scope);
            if (status != SP_OK)
                return status;
        }
    settings->told_scopes = scopes;
    settings->told_scope_count = count;
    return SP_OK;
}

const struct sp_told_scope *sp_told_scope_find(const struct sp_authority_settings *settings, struct sp_str name)
{
    for (size_t i = 0; i < settings->told_scope_count; i++)
        if (sp_str_equal(settings->told_scopes[i].name, name))
            return &settings->told_scopes[i];
    return NULL;
}
