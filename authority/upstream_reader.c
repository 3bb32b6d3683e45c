/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/upstream_reader.h"

#include "authority/upstream.h"
#include "core/base/url.h"

#define MAX_UPSTREAMS 100u
#define UPSTREAM(member) offsetof(struct sp_upstream_provider, member)

static enum sp_status read_newcomers(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    static const struct sp_str words[] = {
        [SP_NEWCOMER_CREATE] = {"create", 6}, [SP_NEWCOMER_LINK] = {"link", 4}, [SP_NEWCOMER_REFUSE] = {"refuse", 6}};
    (void)reader;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sp_str_equal(sp_json_string(value), words[i])) {
            *(enum sp_upstream_newcomer *)at = (enum sp_upstream_newcomer)i;
            return SP_OK;
        }
    return SP_MALFORMED;
}

#define MAX_WORDS 100u

static enum sp_status read_words(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_upstream_words *words = at;
    if (!sp_json_is(value, SP_JSON_OBJECT) || value->count > MAX_WORDS)
        return SP_MALFORMED;
    struct sp_str *texts = sp_arena_calloc(reader->arena, 2 * ((size_t)value->count + 1), sizeof *texts);
    size_t count = 0;
    if (texts == NULL)
        return SP_NO_MEMORY;
    for (const struct sp_json *member = value->first; member != NULL; member = member->next, count++) {
        texts[count] = member->name;
        texts[value->count + count] = sp_json_string(member);
        if (member->name.len == 0 || sp_json_string(member).len == 0)
            return SP_MALFORMED;
    }
    *words = (struct sp_upstream_words){texts, texts + value->count, count};
    return SP_OK;
}

static const struct sp_member_row rows[] = {
    SP_MEMBER("name", TEXT, UPSTREAM(name)),
    SP_MEMBER("issuer", TEXT, UPSTREAM(issuer)),
    SP_MEMBER("client_id", TEXT, UPSTREAM(client_id)),
    SP_MEMBER("client_secret", TEXT, UPSTREAM(client_secret)),
    SP_MEMBER("scopes", TEXTS, UPSTREAM(scopes)),
    SP_MEMBER("claims", TEXTS, UPSTREAM(claims)),
    SP_MEMBER("acr_values", TEXTS, UPSTREAM(acr_values)),
    SP_MEMBER_BY("map_acr", UPSTREAM(map_acr), read_words, "Write each acr of theirs with ours."),
    SP_MEMBER_BY("map_amr", UPSTREAM(map_amr), read_words, "Write each word of their amr with ours."),
    SP_MEMBER_BY("newcomers", UPSTREAM(newcomers), read_newcomers, "Write create, link or refuse."),
    SP_MEMBER("trust_email", BOOL, UPSTREAM(trust_email)),
    SP_MEMBER("userinfo", BOOL, UPSTREAM(userinfo)),
    SP_MEMBER("sign_out", BOOL, UPSTREAM(sign_out)),
    SP_MEMBERS_END,
};

static const struct sp_str default_scopes[] = {{"openid", 6}, {"profile", 7}, {"email", 5}};
static const struct sp_str default_claims[] = {{"name", 4},    {"given_name", 10}, {"family_name", 11}, {"email", 5},
                                               {"picture", 7}, {"locale", 6},      {"zoneinfo", 8}};

/* It becomes a part of URLs and of the names of records. */
static bool is_id(struct sp_str id)
{
    bool fits = id.len > 0 && id.len <= 64;
    for (size_t i = 0; fits && i < id.len; i++) {
        char c = id.at[i];
        fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    return fits;
}

static enum sp_status check(struct sp_settings_reader *reader, struct sp_str where,
                            const struct sp_upstream_provider *upstream)
{
    struct sp_url url;
    if (!is_id(upstream->id))
        return sp_settings_complain(reader, where, NULL,
                                    SP_STR("The name of an upstream has letters, digits, - and _ only."));
    if (upstream->issuer.len == 0 || sp_url_split(upstream->issuer, &url) != SP_OK || !sp_url_is_secure(&url))
        return sp_settings_complain(
            reader, where, "issuer",
            SP_STR("Write the provider's issuer exactly as its discovery document does: an https URL."));
    if (upstream->client_id.len == 0)
        return sp_settings_complain(reader, where, "client_id",
                                    SP_STR("Write the client_id under which this authority is registered there."));
    return SP_OK;
}

enum sp_status sp_upstreams_read(struct sp_settings_reader *reader, const struct sp_json *section,
                                 struct sp_authority_settings *settings)
{
    if (section == NULL)
        return SP_OK;
    if (section->count > MAX_UPSTREAMS)
        return sp_settings_complain(reader, SP_STR("authority.upstreams"), NULL,
                                    SP_STR("There are more than a sign-in page can offer."));
    struct sp_upstream_provider *upstreams = sp_arena_calloc(reader->arena, section->count + 1u, sizeof *upstreams);
    size_t count = 0;
    if (upstreams == NULL)
        return SP_NO_MEMORY;
    for (const struct sp_json *member = section->first; member != NULL; member = member->next) {
        struct sp_upstream_provider *upstream = &upstreams[count++];
        *upstream =
            (struct sp_upstream_provider){.id = member->name,
                                          .name = member->name,
                                          .scopes = {default_scopes, sizeof default_scopes / sizeof default_scopes[0]},
                                          .claims = {default_claims, sizeof default_claims / sizeof default_claims[0]},
                                          .userinfo = true,
                                          .sign_out = true};
        struct sp_str where = sp_arena_printf(reader->arena, "authority.upstreams.%.*s", SP_STR_ARG(member->name));
        enum sp_status status = sp_settings_read_members(reader, where, member, rows, upstream);
        if (status == SP_OK)
            status = check(reader, where, upstream);
        if (status != SP_OK)
            return status;
    }
    settings->upstreams = upstreams;
    settings->upstream_count = count;
    return SP_OK;
}

struct sp_str sp_upstream_word(const struct sp_upstream_words *words, struct sp_str word)
{
    for (size_t i = 0; i < words->count; i++)
        if (sp_str_equal(words->theirs[i], word))
            return words->ours[i];
    return SP_STR_NONE;
}

const struct sp_upstream_provider *sp_upstream_find(const struct sp_authority_settings *settings, struct sp_str id)
{
    for (size_t i = 0; i < settings->upstream_count; i++)
        if (sp_str_equal(settings->upstreams[i].id, id))
            return &settings->upstreams[i];
    return NULL;
}
