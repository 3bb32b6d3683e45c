/* SPDX-License-Identifier: Apache-2.0 */
/* issuers.NAME → what is believed of that issuer's tokens. */
#include "core/base/limits.h"
#include "core/jose/algorithm.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"

static uint32_t read_algorithms(struct sp_draft *draft, const struct sp_json *object)
{
    const struct sp_json *value = sp_setting_value(object, SP_SETTING_ISSUER_ALGORITHMS);
    if (value == NULL) {
        return sp_setting_value(object, SP_SETTING_ISSUER_SECRET) != NULL ? sp_algorithms_symmetric()
                                                                          : sp_algorithms_asymmetric();
    }
    struct sp_str_list names = sp_read_names(draft, value);
    uint32_t set = 0;
    for (size_t i = 0; i < names.count; i++) {
        set |= sp_algorithm_bit(sp_algorithm_find(names.at[i]));
    }
    return set;
}

static void read_issuer(struct sp_draft *draft, const struct sp_json *object, struct sp_issuer_terms *terms)
{
    *terms = (struct sp_issuer_terms){
        .name = object->name,
        .issuer = sp_setting_text(object, SP_SETTING_ISSUER_ISSUER),
        .algorithms = read_algorithms(draft, object),
        .audiences = sp_read_names(draft, sp_setting_value(object, SP_SETTING_ISSUER_AUDIENCE)),
        .leeway_s = sp_setting_number(object, SP_SETTING_ISSUER_LEEWAY) / 1000,
        .max_lifetime_s = sp_setting_number(object, SP_SETTING_ISSUER_MAX_LIFETIME) / 1000,
        .require_type = sp_setting_bool(object, SP_SETTING_ISSUER_REQUIRE_TYPE),
        .allow_missing_exp = sp_setting_bool(object, SP_SETTING_ISSUER_ALLOW_MISSING_EXP),
        .introspects = sp_setting_value(object, SP_SETTING_ISSUER_INTROSPECTION) != NULL,
        .introspection_cache_s = sp_setting_number(sp_setting_value(object, SP_SETTING_ISSUER_INTROSPECTION),
                                                   SP_SETTING_INTROSPECTION_CACHE) /
                                 1000,
        .heals = sp_setting_bool(object, SP_SETTING_ISSUER_HEAL),
        .environment = sp_setting_text(object, SP_SETTING_ISSUER_ENVIRONMENT),
        .client_ids = sp_read_names(draft, sp_setting_value(object, SP_SETTING_ISSUER_CLIENT_IDS)),
    };
}

/* Without an issuer there is nothing to compare `iss` with and nothing to discover. */
static void demand_issuer(struct sp_draft *draft, const struct sp_json *object)
{
    if (sp_setting_value(object, SP_SETTING_ISSUER_ISSUER) == NULL) {
        const struct sp_complaint complaint = {
            .cause = SP_CAUSE_CONFIG_TYPE,
            .value = object,
            .where = sp_draft_printf(draft, "issuers.%.*s.issuer", SP_STR_ARG(object->name)),
            .expected = SP_STR("the issuer as its tokens carry it in iss"),
            .received = SP_STR("absent"),
            .detail = sp_draft_printf(draft, "issuers.%.*s.issuer", SP_STR_ARG(object->name))};
        sp_draft_complain(draft, &complaint, "issuers.%.*s has no issuer: write it as its tokens carry it in iss",
                          SP_STR_ARG(object->name));
    }
}

void sp_read_issuers(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    const struct sp_json *map = sp_setting_value(parts->policy.source, SP_SETTING_ROOT_ISSUERS);
    size_t count = map != NULL ? map->count : 0, at = 0;
    struct sp_issuer_terms *issuers = SP_DRAFT_ARRAY(draft, struct sp_issuer_terms, count);
    const struct sp_json **sources = SP_DRAFT_ARRAY(draft, const struct sp_json *, count);
    if (issuers == NULL || sources == NULL || sp_index_init(&parts->issuer_names, draft->arena, count) != SP_OK) {
        draft->status = SP_NO_MEMORY;
        return;
    }
    if (count > SP_MAX_POLICY_ISSUERS) {
        draft->status = SP_TOO_LARGE;
        return;
    }
    for
        SP_JSON_EACH(object, map)
        {
            if (object->type == SP_JSON_OBJECT) {
                demand_issuer(draft, object);
                sources[at] = object;
                read_issuer(draft, object, &issuers[at]);
                sp_index_put(&parts->issuer_names, object->name, (uint32_t)at++);
            }
        }
    parts->policy.issuers = issuers;
    parts->policy.issuer_sources = sources;
    parts->policy.issuer_count = at;
}
