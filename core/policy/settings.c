/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/settings.h"

/* clang-format off */
#define TEXT(literal) { (literal), sizeof(literal) - 1 }
/* clang-format on */

static const struct sp_setting_info settings[SP_SETTING_COUNT] = {
#define SECTION(name, place, help)
#define NUMBER(of, name_, member, kind_, standard_, least, most, help_)                                                \
    [SP_SETTING_##of##_##name_] = {.section = SP_SECTION_##of,                                                         \
                                   .name = TEXT(member),                                                               \
                                   .kind = SP_KIND_##kind_,                                                            \
                                   .default_number = (standard_),                                                      \
                                   .min = (least),                                                                     \
                                   .max = (most),                                                                      \
                                   .help = TEXT(help_)},
#define AT_START(of, name_, member, kind_, standard_, help_)                                                           \
    [SP_SETTING_##of##_##name_] = {.section = SP_SECTION_##of,                                                         \
                                   .name = TEXT(member),                                                               \
                                   .kind = SP_KIND_##kind_,                                                            \
                                   .standard = TEXT(standard_),                                                        \
                                   .at_start = true,                                                                   \
                                   .help = TEXT(help_ AT_START_HELP)},
#define CHOICE(of, name_, member, choices, help_)                                                                      \
    [SP_SETTING_##of##_##name_] = {.section = SP_SECTION_##of,                                                         \
                                   .name = TEXT(member),                                                               \
                                   .kind = SP_KIND_CHOICE,                                                             \
                                   .standard = TEXT(choices),                                                          \
                                   .help = TEXT(help_)},
#define VALUE(of, name_, member, kind_, standard_, help_)                                                              \
    [SP_SETTING_##of##_##name_] = {.section = SP_SECTION_##of,                                                         \
                                   .name = TEXT(member),                                                               \
                                   .kind = SP_KIND_##kind_,                                                            \
                                   .standard = TEXT(standard_),                                                        \
                                   .help = TEXT(help_)},
#define INSIDE(of, name_, member, kind_, inside_, help_)                                                               \
    [SP_SETTING_##of##_##name_] = {.section = SP_SECTION_##of,                                                         \
                                   .name = TEXT(member),                                                               \
                                   .kind = SP_KIND_##kind_,                                                            \
                                   .inside = SP_SECTION_##inside_,                                                     \
                                   .help = TEXT(help_)},
#include "core/policy/options.def"
#undef SECTION
#undef NUMBER
#undef CHOICE
#undef VALUE
#undef INSIDE
};

/* A default outside its own range is a bug of the row. */
#define SECTION(name, place, help)
#define NUMBER(of, name, member, kind, standard, least, most, help)                                                    \
    _Static_assert((least) <= (standard) && (standard) <= (most), #of "." member);
#define CHOICE(of, name, member, choices, help)
#define VALUE(of, name, member, kind, standard, help)
#define INSIDE(of, name, member, kind, inside, help)
#include "core/policy/options.def"
#undef SECTION
#undef NUMBER
#undef CHOICE
#undef VALUE
#undef INSIDE

static const struct sp_section_info sections[SP_SECTION_COUNT] = {
#define SECTION(name, place_, help_) [SP_SECTION_##name] = {.place = TEXT(place_), .help = TEXT(help_)},
#define NUMBER(of, name, member, kind, standard, least, most, help)
#define CHOICE(of, name, member, choices, help)
#define VALUE(of, name, member, kind, standard, help)
#define INSIDE(of, name, member, kind, inside, help)
#include "core/policy/options.def"
#undef SECTION
#undef NUMBER
#undef CHOICE
#undef VALUE
#undef INSIDE
};

static const struct sp_str kinds[SP_KIND_COUNT] = {
    [SP_KIND_TEXT] = TEXT("a text"),
    [SP_KIND_SECRET] = TEXT("a text (better ${file:PATH} or ${NAME})"),
    [SP_KIND_SECRETS] = TEXT("a text or a list of texts (better ${file:PATH} or ${NAME})"),
    [SP_KIND_URL] = TEXT("an http or https URL"),
    [SP_KIND_UPSTREAM_URL] = TEXT("an http, https, grpc or grpcs URL"),
    [SP_KIND_PATH] = TEXT("a file name"),
    [SP_KIND_ADDRESS] = TEXT("HOST:PORT or :PORT"),
    [SP_KIND_HOST] = TEXT("a host name such as api.example.com or *.example.com"),
    [SP_KIND_PREFIX] = TEXT("a path that begins with / and has no empty, . or .. segment, %, ? or #"),
    [SP_KIND_BOOL] = TEXT("true or false"),
    [SP_KIND_INTEGER] = TEXT("a whole number"),
    [SP_KIND_DURATION] = TEXT("a duration such as 250ms, 30s, 5m or 1h"),
    [SP_KIND_SIZE] = TEXT("a size such as 4096, 64k or 8m"),
    [SP_KIND_WORKERS] = TEXT("auto or a whole number from 1 to 512"),
    [SP_KIND_CHOICE] = TEXT("one of the names given"),
    [SP_KIND_ALGORITHM] = TEXT("a signature algorithm such as RS256"),
    [SP_KIND_NAMES] = TEXT("a text or a list of texts"),
    [SP_KIND_NETWORKS] = TEXT("a network such as 10.0.0.0/8 or a list of them"),
    [SP_KIND_METHODS] = TEXT("an HTTP method such as GET or a list of them"),
    [SP_KIND_ALGORITHMS] = TEXT("a signature algorithm such as RS256 or a list of them"),
    [SP_KIND_KEY_HASHES] = TEXT("sha256: with 64 hexadecimal digits, or a list of them"),
    [SP_KIND_SCOPES] = TEXT("a list of scopes, or an object with a list for each method"),
    [SP_KIND_CLAIMS] = TEXT("an object: for each claim a value, a list of values or true"),
    [SP_KIND_HEADERS] = TEXT("an object: for each header name a claim"),
    [SP_KIND_WORDS] = TEXT("an object: for each word of theirs one of ours"),
    [SP_KIND_WORDING] = TEXT("a text, or an object: for each language a text"),
    [SP_KIND_OPEN] = TEXT("true, false or an object"),
    [SP_KIND_KEY_SET] = TEXT("a key set {keys: […]}, or ${file:PATH} of one"),
    [SP_KIND_OBJECT] = TEXT("an object"),
    [SP_KIND_OBJECTS] = TEXT("an object or a list of objects"),
    [SP_KIND_MAP] = TEXT("an object with names of your choice"),
    [SP_KIND_SWITCH] = TEXT("an object, or false"),
};

const struct sp_setting_info *sp_setting_get(enum sp_setting setting)
{
    return &settings[setting < SP_SETTING_COUNT ? setting : SP_SETTING_NONE];
}

const struct sp_section_info *sp_section_get(enum sp_section section)
{
    return &sections[section < SP_SECTION_COUNT ? section : SP_SECTION_NONE];
}

enum sp_setting sp_setting_find(enum sp_section section, struct sp_str name)
{
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        if (settings[setting].section == section && sp_str_equal(settings[setting].name, name)) {
            return setting;
        }
    }
    return SP_SETTING_NONE;
}

struct sp_str sp_kind_in_words(enum sp_kind kind)
{
    return kinds[kind];
}

const struct sp_json *sp_setting_value(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_json_member(object, settings[setting].name);
    return value == NULL || value->type == SP_JSON_NULL ? NULL : value;
}

struct sp_str sp_setting_text(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    return value != NULL ? value->text : settings[setting].standard;
}

bool sp_setting_bool(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    return value != NULL ? value->type == SP_JSON_TRUE : sp_str_equal(settings[setting].standard, SP_STR("true"));
}

int64_t sp_setting_number(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    const struct sp_setting_info *info = &settings[setting];
    int64_t number = info->default_number;
    enum sp_status status = SP_OK;
    if (value != NULL) {
        status = info->kind == SP_KIND_DURATION ? sp_duration_parse(value->text, &number)
                 : info->kind == SP_KIND_SIZE   ? sp_size_parse(value->text, &number)
                                                : sp_json_int64(value, &number);
    }
    return status == SP_OK ? number : info->default_number;
}

struct sp_str sp_choice_at(struct sp_str choices, unsigned index)
{
    struct sp_str choice;
    while (sp_str_next_word(&choices, SP_STR("|"), &choice)) {
        if (index-- == 0) {
            return choice;
        }
    }
    return SP_STR_NONE;
}

unsigned sp_setting_choice(const struct sp_json *object, enum sp_setting setting)
{
    const struct sp_json *value = sp_setting_value(object, setting);
    struct sp_str choices = settings[setting].standard, choice;
    for (unsigned index = 0; value != NULL && sp_str_next_word(&choices, SP_STR("|"), &choice); index++) {
        if (sp_str_equal(choice, value->text)) {
            return index;
        }
    }
    return 0;
}

/* ---- values by themselves ---- */
struct unit {
    struct sp_str name;
    int64_t factor;
};

/* Digits at *at, up to 15 of them (so that a product with a day stays inside int64 when checked). */
static bool read_digits(struct sp_str text, size_t *at, int64_t *number)
{
    size_t from = *at;
    int64_t value = 0;
    for (; *at < text.len && text.at[*at] >= '0' && text.at[*at] <= '9' && *at - from < 15; ++*at) {
        value = value * 10 + (text.at[*at] - '0');
    }
    *number = value;
    return *at > from;
}

static const struct unit *read_unit(const struct unit *units, size_t count, struct sp_str text, size_t *at)
{
    size_t from = *at;
    while (*at < text.len && (text.at[*at] < '0' || text.at[*at] > '9')) {
        ++*at;
    }
    struct sp_str name = sp_str_slice(text, from, *at);
    for (size_t i = 0; i < count; i++) {
        if (sp_str_equal(units[i].name, name)) {
            return &units[i];
        }
    }
    return NULL;
}

enum sp_status sp_duration_parse(struct sp_str text, int64_t *ms)
{
    static const struct unit units[] = {{TEXT("ms"), 1},    {TEXT("s"), 1000},    {TEXT(""), 1000},
                                        {TEXT("m"), 60000}, {TEXT("h"), 3600000}, {TEXT("d"), 86400000}};
    int64_t sum = 0, number;
    size_t at = 0;
    while (at < text.len) {
        const struct unit *unit = NULL;
        if (!read_digits(text, &at, &number) ||
            (unit = read_unit(units, sizeof units / sizeof units[0], text, &at)) == NULL ||
            (unit->name.len == 0 && at < text.len) || __builtin_mul_overflow(number, unit->factor, &number) ||
            __builtin_add_overflow(sum, number, &sum)) {
            return SP_MALFORMED;
        }
    }
    if (text.len == 0) {
        return SP_MALFORMED;
    }
    *ms = sum;
    return SP_OK;
}

enum sp_status sp_size_parse(struct sp_str text, int64_t *bytes)
{
    static const struct unit units[] = {{TEXT(""), 1},        {TEXT("k"), 1024}, {TEXT("m"), 1048576},
                                        {TEXT("g"), 1 << 30}, {TEXT("K"), 1024}, {TEXT("M"), 1048576},
                                        {TEXT("G"), 1 << 30}};
    int64_t number;
    size_t at = 0;
    const struct unit *unit = NULL;
    if (!read_digits(text, &at, &number) ||
        (unit = read_unit(units, sizeof units / sizeof units[0], text, &at)) == NULL || at != text.len ||
        __builtin_mul_overflow(number, unit->factor, &number)) {
        return SP_MALFORMED;
    }
    *bytes = number;
    return SP_OK;
}

struct sp_str sp_duration_in_words(struct sp_arena *arena, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms % units[i].ms != 0) {
        i++;
    }
    return ms == 0 ? sp_arena_printf(arena, "0")
                   : sp_arena_printf(arena, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
}
