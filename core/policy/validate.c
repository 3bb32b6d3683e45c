/* SPDX-License-Identifier: Apache-2.0 */
/* The tree against the rows of options.def: every member must be one, every value of its kind and within its range.
 * All that is wrong is reported, not only the first; who reads a validated tree need not look again. */
#include "core/base/limits.h"
#include "core/base/nearest.h"
#include "core/policy/draft.h"
#include "core/policy/form.h"
#include "core/policy/settings.h"

#define SHOWN_BYTES 60u
#define MAX_SEARCHED_BYTES (1024u * 1024)

static void validate_object(struct sp_draft *draft, enum sp_section section, const struct sp_json *object,
                            const struct sp_path *path);

/* ---- complaints ---- */
static struct sp_str type_in_words(const struct sp_json *value)
{
    static const char *const words[] = {"null", "false", "true", "a number", "a text", "a list", "an object"};
    return sp_str_from_cstr(words[value->type]);
}

static bool is_scalar(const struct sp_json *value)
{
    return value->type != SP_JSON_ARRAY && value->type != SP_JSON_OBJECT && value->type != SP_JSON_NULL;
}

/* What stands where the hash of a key belongs is the key. */
static struct sp_str shown(struct sp_draft *draft, enum sp_kind kind, const struct sp_json *value)
{
    if (!is_scalar(value) || kind == SP_KIND_SECRET || kind == SP_KIND_SECRETS || kind == SP_KIND_KEY_HASHES) {
        return type_in_words(value);
    }
    struct sp_str text = sp_str_slice(value->text, 0, SHOWN_BYTES);
    return text.len == 0 ? SP_STR("empty")
                         : sp_draft_printf(draft, "%.*s%s", SP_STR_ARG(text), text.len < value->text.len ? "…" : "");
}

static void complain_of_value(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                              const struct sp_path *path, struct sp_str expected)
{
    sp_draft_complain_of_type(draft, value, path, expected, shown(draft, info->kind, value));
}

/* The rows of a section as candidates for a mistyped name. */
static enum sp_setting nearest_setting(enum sp_section section, struct sp_str name)
{
    enum sp_setting nearest = SP_SETTING_NONE;
    size_t least = SP_NOT_NEAR;
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        const struct sp_setting_info *info = sp_setting_get(setting);
        size_t distance = info->section == section ? sp_nearness(info->name, name) : SP_NOT_NEAR;
        if (distance < least) {
            least = distance;
            nearest = setting;
        }
    }
    return nearest;
}

static struct sp_str known_names(struct sp_draft *draft, enum sp_section section)
{
    struct sp_str names[SP_SETTING_COUNT];
    size_t count = 0;
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        if (sp_setting_get(setting)->section == section) {
            names[count++] = sp_setting_get(setting)->name;
        }
    }
    return sp_draft_join(draft, names, count);
}

/* A name that belongs elsewhere is the second most frequent mistake. */
static enum sp_setting same_name_elsewhere(struct sp_str name)
{
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        if (sp_str_equal(sp_setting_get(setting)->name, name)) {
            return setting;
        }
    }
    return SP_SETTING_NONE;
}

/* A member is known by the place of its value; for a name that is wrong, the name's own place is looked for to the
 * left. In a text of many megabytes nobody reads columns. */
static struct sp_json place_of_name(const struct sp_draft *draft, const struct sp_json *member)
{
    struct sp_json place = *member;
    struct sp_str text = draft->texts[sp_draft_text_of(draft, member->offset)].text;
    size_t from = 0;
    if (text.len > MAX_SEARCHED_BYTES || member->name.len == 0) {
        return place;
    }
    for (uint32_t line = 1; line < member->line && from < text.len; line++) {
        from = sp_str_index_of(text, '\n', from) + 1;
    }
    for (uint32_t column = 1; column < member->column && from < text.len && text.at[from] != '\n'; column++) {
        if (sp_str_has_prefix(sp_str_slice(text, from, text.len), member->name)) {
            place.column = column;
        }
        for (from++; from < text.len && ((unsigned char)text.at[from] & 0xc0) == 0x80; from++) {
        }
    }
    return place;
}

static void complain_of_unknown(struct sp_draft *draft, enum sp_section section, const struct sp_json *member,
                                const struct sp_path *path)
{
    enum sp_setting nearest = nearest_setting(section, member->name);
    enum sp_setting elsewhere = nearest == SP_SETTING_NONE ? same_name_elsewhere(member->name) : SP_SETTING_NONE;
    const struct sp_json place = place_of_name(draft, member);
    struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_UNKNOWN_MEMBER, .value = &place, .path = path};
    struct sp_str where = sp_path_text(draft, path->up);
    complaint.received = member->name;
    if (nearest != SP_SETTING_NONE) {
        complaint.expected = sp_setting_get(nearest)->name;
        complaint.detail = sp_draft_printf(draft, "Did you mean %.*s?", SP_STR_ARG(complaint.expected));
    } else {
        complaint.expected = known_names(draft, section);
        complaint.detail = elsewhere == SP_SETTING_NONE
                               ? sp_draft_printf(draft, "Known here: %.*s.", SP_STR_ARG(complaint.expected))
                               : sp_draft_printf(draft, "It is a member of %.*s; known here: %.*s.",
                                                 SP_STR_ARG(sp_section_get(sp_setting_get(elsewhere)->section)->place),
                                                 SP_STR_ARG(complaint.expected));
    }
    sp_draft_complain(draft, &complaint, "%.*s has no member %.*s. %.*s",
                      SP_STR_ARG(where.len > 0 ? where : SP_STR("the configuration")),
                      SP_STR_ARG(sp_str_slice(member->name, 0, SHOWN_BYTES)), SP_STR_ARG(complaint.detail));
}

/* ---- values ---- */
static void validate_text(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                          const struct sp_path *path)
{
    if (!is_scalar(value) || memchr(value->text.at != NULL ? value->text.at : "", '\0', value->text.len) != NULL ||
        !sp_has_form(info->kind, value->text)) {
        complain_of_value(draft, info, value, path, sp_kind_in_words(info->kind));
    }
}

static void validate_texts(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                           const struct sp_path *path)
{
    if (value->type != SP_JSON_ARRAY) {
        validate_text(draft, info, value, path);
        return;
    }
    if (value->count == 0 && info->kind == SP_KIND_METHODS) {
        /* No methods at all: nobody means that, and read as "all" it would open what was to be closed. */
        complain_of_value(draft, info, value, path, SP_STR("at least one method; leave the member out for all"));
    }
    size_t index = 0;
    for
        SP_JSON_EACH(element, value)
        {
            const struct sp_path down = {.up = path, .index = index++};
            validate_text(draft, info, element, &down);
        }
}

static struct sp_str number_in_words(struct sp_draft *draft, enum sp_kind kind, int64_t number)
{
    return kind == SP_KIND_DURATION ? sp_duration_in_words(draft->arena, number)
                                    : sp_draft_printf(draft, "%lld", (long long)number);
}

static void validate_number(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                            const struct sp_path *path)
{
    int64_t number = 0;
    enum sp_status status = SP_MALFORMED;
    if (info->kind == SP_KIND_INTEGER) {
        bool whole = value->type == SP_JSON_NUMBER && sp_str_index_of(value->text, '.', 0) == value->text.len;
        status = whole ? sp_json_int64(value, &number) : SP_MALFORMED;
    } else if (value->type == SP_JSON_STRING || value->type == SP_JSON_NUMBER) {
        status = info->kind == SP_KIND_DURATION ? sp_duration_parse(value->text, &number)
                                                : sp_size_parse(value->text, &number);
    }
    if (status != SP_OK) {
        complain_of_value(draft, info, value, path, sp_kind_in_words(info->kind));
    } else if (number < info->min || number > info->max) {
        struct sp_str least = number_in_words(draft, info->kind, info->min),
                      most = number_in_words(draft, info->kind, info->max);
        complain_of_value(draft, info, value, path,
                          sp_draft_printf(draft, "from %.*s to %.*s", SP_STR_ARG(least), SP_STR_ARG(most)));
    }
}

static void validate_choice(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                            const struct sp_path *path)
{
    struct sp_str choices = info->standard, choice, names[16];
    size_t count = 0;
    bool found = false;
    while (count < sizeof names / sizeof names[0] && sp_str_next_word(&choices, SP_STR("|"), &choice)) {
        names[count++] = choice;
        found |= is_scalar(value) && sp_str_equal(choice, value->text);
    }
    if (!found) {
        complain_of_value(draft, info, value, path,
                          sp_draft_printf(draft, "one of %.*s", SP_STR_ARG(sp_draft_join(draft, names, count))));
    }
}

static bool is_method_name(struct sp_str name)
{
    return sp_has_form(SP_KIND_METHODS, name);
}

static bool is_some_text(struct sp_str name)
{
    return name.len > 0;
}

/* An object whose member names are free (`is_name`), each value judged by `is_value`. */
static void validate_free(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *object,
                          const struct sp_path *path, bool (*is_name)(struct sp_str),
                          bool (*is_value)(const struct sp_json *))
{
    for
        SP_JSON_EACH(member, object)
        {
            const struct sp_path down = {.up = path, .name = member->name};
            if (!is_name(member->name) || !is_value(member)) {
                complain_of_value(draft, info, member, &down, sp_kind_in_words(info->kind));
            }
        }
}

static bool are_names(const struct sp_json *value)
{
    for
        SP_JSON_EACH(element, value)
        {
            if (!is_scalar(element) || element->text.len == 0) {
                return false;
            }
        }
    return value->type == SP_JSON_ARRAY || (is_scalar(value) && value->text.len > 0);
}

static bool is_name_of_claim(const struct sp_json *value)
{
    return is_scalar(value) && value->text.len > 0;
}

static bool is_claim_rule(const struct sp_json *value)
{
    return are_names(value) && value->type != SP_JSON_FALSE && (value->type != SP_JSON_ARRAY || value->count > 0);
}

static void validate_form(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                          const struct sp_path *path)
{
    bool is_object = value->type == SP_JSON_OBJECT;
    bool is_bool = value->type == SP_JSON_TRUE || value->type == SP_JSON_FALSE;
    if (info->kind == SP_KIND_SCOPES && is_object) {
        validate_free(draft, info, value, path, is_method_name, are_names);
    } else if (info->kind == SP_KIND_SCOPES) {
        validate_texts(draft, sp_setting_get(SP_SETTING_AUTH_AUDIENCE), value, path);
    } else if (info->kind == SP_KIND_CLAIMS && is_object) {
        validate_free(draft, info, value, path, is_some_text, is_claim_rule);
    } else if (info->kind == SP_KIND_HEADERS && is_object) {
        validate_free(draft, info, value, path, sp_is_token, is_name_of_claim);
    } else if (info->kind == SP_KIND_WORDS && is_object) {
        validate_free(draft, info, value, path, is_some_text, is_name_of_claim);
    } else if (info->kind == SP_KIND_WORDING && is_object) {
        validate_free(draft, info, value, path, is_some_text, is_name_of_claim);
    } else if (info->kind == SP_KIND_WORDING && is_name_of_claim(value)) {
        return;
    } else if (info->kind == SP_KIND_KEY_SET && (is_object || is_name_of_claim(value))) {
        return; /* its keys are the authority's to judge */
    } else if (!((info->kind == SP_KIND_OPEN && (is_bool || is_object)) || (info->kind == SP_KIND_BOOL && is_bool))) {
        complain_of_value(draft, info, value, path, sp_kind_in_words(info->kind));
    }
}

static void validate_objects(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                             const struct sp_path *path)
{
    size_t index = 0;
    for
        SP_JSON_EACH(element, value)
        {
            const struct sp_path down = {.up = path, .index = index++};
            if (element->type == SP_JSON_OBJECT) {
                validate_object(draft, info->inside, element, &down);
            } else {
                complain_of_value(draft, info, element, &down, SP_STR("an object"));
            }
        }
}

static void validate_map(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                         const struct sp_path *path)
{
    for
        SP_JSON_EACH(member, value)
        {
            const struct sp_path down = {.up = path, .name = member->name};
            if (member->name.len == 0 || memchr(member->name.at, '\0', member->name.len) != NULL) {
                complain_of_value(draft, info, member, &down, SP_STR("an object under a name"));
            } else if (member->type == SP_JSON_OBJECT) {
                validate_object(draft, info->inside, member, &down);
            } else if (member->type != SP_JSON_NULL) {
                complain_of_value(draft, info, member, &down, SP_STR("an object"));
            }
        }
}

static void validate_inside(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                            const struct sp_path *path)
{
    bool is_object = value->type == SP_JSON_OBJECT;
    bool is_bool = value->type == SP_JSON_TRUE || value->type == SP_JSON_FALSE;
    if (is_object && info->kind == SP_KIND_MAP) {
        validate_map(draft, info, value, path);
    } else if (is_object) {
        validate_object(draft, info->inside, value, path);
    } else if (value->type == SP_JSON_ARRAY && info->kind == SP_KIND_OBJECTS) {
        validate_objects(draft, info, value, path);
    } else if (!(is_bool && info->kind == SP_KIND_SWITCH)) {
        complain_of_value(draft, info, value, path, sp_kind_in_words(info->kind));
    }
}

typedef void validator(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                       const struct sp_path *path);

static validator *const validators[SP_KIND_COUNT] = {
    [SP_KIND_BOOL] = validate_form,      [SP_KIND_INTEGER] = validate_number, [SP_KIND_DURATION] = validate_number,
    [SP_KIND_SIZE] = validate_number,    [SP_KIND_CHOICE] = validate_choice,  [SP_KIND_SCOPES] = validate_form,
    [SP_KIND_CLAIMS] = validate_form,    [SP_KIND_HEADERS] = validate_form,   [SP_KIND_WORDS] = validate_form,
    [SP_KIND_WORDING] = validate_form,   [SP_KIND_OPEN] = validate_form,      [SP_KIND_OBJECT] = validate_inside,
    [SP_KIND_OBJECTS] = validate_inside, [SP_KIND_MAP] = validate_inside,     [SP_KIND_SWITCH] = validate_inside,
    [SP_KIND_KEY_SET] = validate_form,
};

static void validate_object(struct sp_draft *draft, enum sp_section section, const struct sp_json *object,
                            const struct sp_path *path)
{
    for
        SP_JSON_EACH(member, object)
        {
            const struct sp_path down = {.up = path, .name = member->name};
            enum sp_setting setting = sp_setting_find(section, member->name);
            const struct sp_setting_info *info = sp_setting_get(setting);
            if (setting == SP_SETTING_NONE) {
                complain_of_unknown(draft, section, member, &down);
            } else if (member->type == SP_JSON_NULL) {
                continue; /* as if it were not there */
            } else if (validators[info->kind] != NULL) {
                validators[info->kind](draft, info, member, &down);
            } else if (sp_form_is_list(info->kind)) {
                validate_texts(draft, info, member, &down);
            } else {
                validate_text(draft, info, member, &down);
            }
        }
}

/* No member, or none that is left after the merge. A snapshot may be: of an authority alone the gateway needs nothing.
 */
static bool is_empty(const struct sp_json *root)
{
    for
        SP_JSON_EACH(member, root)
        {
            if (member->type != SP_JSON_NULL) {
                return false;
            }
        }
    return true;
}

void sp_settings_validate(struct sp_draft *draft, const struct sp_json *root)
{
    const struct sp_path top = {.name = SP_STR("")};
    if (root->type != SP_JSON_OBJECT) {
        const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                               .value = root,
                                               .expected =
                                                   SP_STR("an object with members such as listen, issuers, apis"),
                                               .received = type_in_words(root),
                                               .detail = SP_STR("The configuration")};
        sp_draft_complain(draft, &complaint, "the configuration is %.*s; it must be an object",
                          SP_STR_ARG(complaint.received));
        return;
    }
    if (is_empty(root) && draft->has_secrets) {
        const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_TYPE,
                                               .value = root,
                                               .expected = SP_STR("an object with apis, or an authority, in it"),
                                               .received = SP_STR("empty"),
                                               .detail = SP_STR("The configuration")};
        sp_draft_complain(
            draft, &complaint,
            "the configuration is empty: it has neither apis nor an authority, so nothing would be served");
        return;
    }
    validate_object(draft, SP_SECTION_ROOT, root, &top);
}
