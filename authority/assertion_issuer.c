/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/assertion_issuer.h"

#include "authority/key_set_reader.h"
#include "authority/settings_reader.h"
#include "core/base/limits.h"

#define DEFAULT_LIFETIME_S 3600

static enum sp_status read_rule(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    static const struct {
        struct sp_str text;
        enum sp_subject_rule rule;
    } rules[] = {
        {{"name", 4}, SP_SUBJECT_ACCOUNT_NAME}, {{"id", 2}, SP_SUBJECT_ACCOUNT_ID}, {{"as_is", 5}, SP_SUBJECT_AS_IS}};
    (void)reader;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (sp_str_equal(sp_json_string(value), rules[i].text)) {
            *(enum sp_subject_rule *)at = rules[i].rule;
            return SP_OK;
        }
    return SP_MALFORMED;
}

#define ISSUER(member) offsetof(struct sp_assertion_issuer, member)

static const struct sp_member_row rows[] = {
    SP_MEMBER("issuer", TEXT, ISSUER(issuer)),
    SP_MEMBER_BY("jwks", ISSUER(keys), sp_read_key_set, SP_KEY_SET_EXPECTATION),
    SP_MEMBER_BY("jwks_uri", ISSUER(jwks_uri), sp_read_secure_url, SP_JWKS_URI_EXPECTATION),
    SP_MEMBER_BY("public_key", ISSUER(keys), sp_read_public_key, SP_PUBLIC_KEY_EXPECTATION),
    SP_MEMBER("subject_claim", TEXT, ISSUER(subject_claim)),
    SP_MEMBER_BY("subject", ISSUER(rule), read_rule,
                 "Write name or id for accounts found by it, or as_is for workloads that are no accounts."),
    SP_MEMBER("scopes", TEXTS, ISSUER(scopes)),
    SP_MEMBER("max_lifetime", DURATION, ISSUER(max_lifetime_s)),
    SP_MEMBER("single_use", BOOL, ISSUER(single_use)),
    SP_MEMBERS_END,
};

static enum sp_status check(struct sp_settings_reader *reader, struct sp_str where,
                            const struct sp_authority_settings *settings, const struct sp_assertion_issuer *issuer)
{
    if (issuer->issuer.len == 0)
        return sp_settings_complain(reader, where, "issuer", SP_STR("Write the iss of its assertions."));
    if (sp_str_equal(issuer->issuer, settings->issuer))
        return sp_settings_complain(reader, where, "issuer",
                                    SP_STR("That is this authority itself: its tokens are exchanged (RFC 8693)."));
    if ((issuer->keys != NULL) == (issuer->jwks_uri.len > 0))
        return sp_settings_complain(reader, where, "jwks",
                                    SP_STR("Write its keys as one of jwks, jwks_uri and public_key."));
    if (issuer->max_lifetime_s < 1)
        return sp_settings_complain(reader, where, "max_lifetime", SP_STR("Write a second at least."));
    if (sp_assertion_issuer_find(settings, issuer->issuer) != NULL)
        return sp_settings_complain(reader, where, "issuer", SP_STR("Another one has the same issuer."));
    return SP_OK;
}

enum sp_status sp_assertion_issuers_read(struct sp_settings_reader *reader, const struct sp_json *section,
                                         struct sp_authority_settings *settings)
{
    if (section == NULL)
        return SP_OK;
    if (section->count > SP_MAX_ASSERTION_ISSUERS)
        return sp_settings_complain(reader, SP_STR("authority.assertion_issuers"), NULL, SP_STR("They are too many."));
    struct sp_assertion_issuer *issuers = sp_arena_calloc(reader->arena, section->count + 1u, sizeof *issuers);
    if (issuers == NULL)
        return SP_NO_MEMORY;
    settings->assertion_issuers = issuers;
    for
        SP_JSON_EACH(member, section)
        {
            struct sp_assertion_issuer *issuer = &issuers[settings->assertion_issuer_count];
            *issuer = (struct sp_assertion_issuer){.name = member->name,
                                                   .subject_claim = SP_STR("sub"),
                                                   .max_lifetime_s = DEFAULT_LIFETIME_S,
                                                   .single_use = true};
            struct sp_str where =
                sp_arena_printf(reader->arena, "authority.assertion_issuers.%.*s", SP_STR_ARG(member->name));
            enum sp_status status = sp_settings_read_members(reader, where, member, rows, issuer);
            if (status == SP_OK)
                status = check(reader, where, settings, issuer);
            if (status != SP_OK)
                return status;
            settings->assertion_issuer_count++;
        }
    return SP_OK;
}

const struct sp_assertion_issuer *sp_assertion_issuer_find(const struct sp_authority_settings *settings,
                                                           struct sp_str issuer)
{
    for (size_t i = 0; i < settings->assertion_issuer_count; i++)
        if (sp_str_equal(settings->assertion_issuers[i].issuer, issuer))
            return &settings->assertion_issuers[i];
    return NULL;
}
