/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/snapshot.h"

#include "core/base/url.h"
#include "core/policy/parts.h"
#include "core/policy/settings.h"

struct writing {
    struct sp_json_writer json;
    const struct sp_snapshot_terms *terms;
};

static void write_object(struct writing *writing, enum sp_section section, const struct sp_json *object);

static bool is_for_gateway(enum sp_setting setting)
{
    enum sp_kind kind = sp_setting_get(setting)->kind;
    bool is_secret = kind == SP_KIND_SECRET || kind == SP_KIND_SECRETS;
    return setting != SP_SETTING_ROOT_AUTHORITY && (!is_secret || setting == SP_SETTING_ISSUER_SECRET);
}

static void write_inside(struct writing *writing, enum sp_setting setting, const struct sp_json *value)
{
    const struct sp_setting_info *info = sp_setting_get(setting);
    if (info->inside == SP_SECTION_NONE || (value->type != SP_JSON_OBJECT && value->type != SP_JSON_ARRAY)) {
        sp_json_put_value(&writing->json, value);
    } else if (value->type == SP_JSON_ARRAY) {
        sp_json_begin_array(&writing->json);
        for
            SP_JSON_EACH(element, value)
            {
                write_object(writing, info->inside, element);
            }
        sp_json_end_array(&writing->json);
    } else if (info->kind == SP_KIND_MAP) {
        sp_json_begin_object(&writing->json);
        for
            SP_JSON_EACH(member, value)
            {
                if (member->type == SP_JSON_OBJECT) {
                    sp_json_name(&writing->json, member->name);
                    write_object(writing, info->inside, member);
                }
            }
        sp_json_end_object(&writing->json);
    } else {
        write_object(writing, info->inside, value);
    }
}

static struct sp_str_list resolved(const struct writing *writing, enum sp_section section, const struct sp_json *object)
{
    enum sp_setting setting = section == SP_SECTION_UPSTREAM ? SP_SETTING_UPSTREAM_URL
                              : section == SP_SECTION_SERVER ? SP_SETTING_SERVER_URL
                                                             : SP_SETTING_NONE;
    struct sp_url url;
    const struct sp_json *value = setting != SP_SETTING_NONE ? sp_setting_value(object, setting) : NULL;
    if (value == NULL || writing->terms == NULL || writing->terms->addresses == NULL ||
        sp_url_split(value->text, &url) != SP_OK) {
        return (struct sp_str_list){0};
    }
    bool is_tls = sp_str_equal(url.scheme, SP_STR("https")) || sp_str_equal(url.scheme, SP_STR("grpcs"));
    unsigned port = url.port.len > 0 ? sp_url_port(&url) : is_tls ? 443 : 80;
    return writing->terms->addresses(writing->terms->context, url.host, port);
}

static bool are_addresses(enum sp_setting setting)
{
    return setting == SP_SETTING_UPSTREAM_ADDRESSES || setting == SP_SETTING_SERVER_ADDRESSES;
}

static void write_object(struct writing *writing, enum sp_section section, const struct sp_json *object)
{
    struct sp_str_list addresses = resolved(writing, section, object);
    const bool leaves_out = addresses.count > 0 || (writing->terms != NULL && writing->terms->without_addresses);
    sp_json_begin_object(&writing->json);
    for
        SP_JSON_EACH(member, object)
        {
            enum sp_setting setting = sp_setting_find(section, member->name);
            bool is_left_out = leaves_out && are_addresses(setting);
            if (is_for_gateway(setting) && !is_left_out && member->type != SP_JSON_NULL) {
                sp_json_name(&writing->json, member->name);
                write_inside(writing, setting, member);
            }
        }
    if (addresses.count > 0) {
        sp_json_name(&writing->json, SP_STR("addresses"));
        sp_json_begin_array(&writing->json);
        for (size_t i = 0; i < addresses.count; i++) {
            sp_json_put_string(&writing->json, addresses.at[i]);
        }
        sp_json_end_array(&writing->json);
    }
    sp_json_end_object(&writing->json);
}

void sp_policy_snapshot(const struct sp_policy *policy, const struct sp_snapshot_terms *terms, struct sp_buffer *out)
{
    struct writing writing = {.terms = terms};
    sp_json_writer_init(&writing.json, out, terms != NULL && terms->pretty);
    write_object(&writing, SP_SECTION_ROOT, policy->source);
}
