/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of options.def as a JSON schema (2020-12), so that an editor completes and checks a configuration while it
 * is written. Looser than the validator where a schema cannot say it (names of algorithms, formats of texts). A `${…}`
 * is a string, so numbers and booleans may be strings that hold one. */
#include "core/policy/settings.h"

static void write_section(struct sp_json_writer *json, enum sp_section section);

static void write_type(struct sp_json_writer *json, const char *type)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "type", sp_str_from_cstr(type));
    sp_json_end_object(json);
}

/* {"anyOf":[…]} is open until end_any. */
static void begin_any(struct sp_json_writer *json)
{
    sp_json_name(json, SP_STR("anyOf"));
    sp_json_begin_array(json);
}

static void write_reference(struct sp_json_writer *json)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "type", SP_STR("string"));
    sp_json_string_member(json, "pattern", SP_STR("\\$\\{"));
    sp_json_end_object(json);
}

static void write_list_of(struct sp_json_writer *json, enum sp_section inside)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "type", SP_STR("array"));
    sp_json_name(json, SP_STR("items"));
    if (inside != SP_SECTION_NONE) {
        write_section(json, inside);
    } else {
        write_type(json, "string");
    }
    sp_json_end_object(json);
}

static void write_map(struct sp_json_writer *json, enum sp_section inside)
{
    sp_json_string_member(json, "type", SP_STR("object"));
    sp_json_name(json, SP_STR("additionalProperties"));
    write_section(json, inside);
}

static void write_choices(struct sp_json_writer *json, struct sp_str choices)
{
    struct sp_str choice;
    sp_json_name(json, SP_STR("enum"));
    sp_json_begin_array(json);
    while (sp_str_next_word(&choices, SP_STR("|"), &choice)) {
        sp_json_put_string(json, choice);
    }
    sp_json_end_array(json);
}

/* Which plain types a value of the kind may have, beside a reference. */
static const char *const plain_types[SP_KIND_COUNT][3] = {
    [SP_KIND_TEXT] = {"string", "number"},
    [SP_KIND_SECRET] = {"string"},
    [SP_KIND_SECRETS] = {"string", "array"},
    [SP_KIND_URL] = {"string"},
    [SP_KIND_UPSTREAM_URL] = {"string"},
    [SP_KIND_PATH] = {"string"},
    [SP_KIND_ADDRESS] = {"string"},
    [SP_KIND_HOST] = {"string"},
    [SP_KIND_PREFIX] = {"string"},
    [SP_KIND_BOOL] = {"boolean"},
    [SP_KIND_INTEGER] = {"integer"},
    [SP_KIND_DURATION] = {"string", "integer"},
    [SP_KIND_SIZE] = {"string", "integer"},
    [SP_KIND_WORKERS] = {"string", "integer"},
    [SP_KIND_ALGORITHM] = {"string"},
    [SP_KIND_NAMES] = {"string", "number", "array"},
    [SP_KIND_NETWORKS] = {"string", "array"},
    [SP_KIND_METHODS] = {"string", "array"},
    [SP_KIND_ALGORITHMS] = {"string", "array"},
    [SP_KIND_KEY_HASHES] = {"string", "array"},
    [SP_KIND_SCOPES] = {"string", "array", "object"},
    [SP_KIND_CLAIMS] = {"object"},
    [SP_KIND_HEADERS] = {"object"},
    [SP_KIND_WORDS] = {"object"},
    [SP_KIND_WORDING] = {"string", "object"},
    [SP_KIND_OPEN] = {"boolean", "object"},
    [SP_KIND_KEY_SET] = {"object", "string"},
};

static void write_plain(struct sp_json_writer *json, enum sp_kind kind)
{
    begin_any(json);
    for (size_t i = 0; i < 3 && plain_types[kind][i] != NULL; i++) {
        write_type(json, plain_types[kind][i]);
    }
    write_reference(json);
    write_type(json, "null");
    sp_json_end_array(json);
}

static void write_setting(struct sp_json_writer *json, const struct sp_setting_info *info)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "description", info->help);
    switch (info->kind) {
    case SP_KIND_MAP:
        write_map(json, info->inside);
        break;
    case SP_KIND_CHOICE:
        write_choices(json, info->standard);
        break;
    case SP_KIND_OBJECT:
    case SP_KIND_OBJECTS:
    case SP_KIND_SWITCH:
        begin_any(json);
        write_section(json, info->inside);
        if (info->kind == SP_KIND_OBJECTS) {
            write_list_of(json, info->inside);
        } else if (info->kind == SP_KIND_SWITCH) {
            write_type(json, "boolean");
        }
        sp_json_end_array(json);
        break;
    default:
        write_plain(json, info->kind);
        break;
    }
    sp_json_end_object(json);
}

static void write_section(struct sp_json_writer *json, enum sp_section section)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "type", SP_STR("object"));
    sp_json_string_member(json, "description", sp_section_get(section)->help);
    sp_json_bool_member(json, "additionalProperties", false);
    sp_json_name(json, SP_STR("properties"));
    sp_json_begin_object(json);
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        const struct sp_setting_info *info = sp_setting_get(setting);
        if (info->section == section) {
            sp_json_name(json, info->name);
            write_setting(json, info);
        }
    }
    sp_json_end_object(json);
    sp_json_end_object(json);
}

void sp_settings_write_schema(struct sp_buffer *out)
{
    struct sp_json_writer json;
    sp_json_writer_init(&json, out, true);
    write_section(&json, SP_SECTION_ROOT);
}
