/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of the configuration, made from options.def: which members there are, of what kind, within which range,
 * by which default. Validating, reading, the reference page and the JSON schema all walk these rows. */
#ifndef SP_POLICY_SETTINGS_H
#define SP_POLICY_SETTINGS_H

#include "core/base/json.h"
#include "core/diagnosis/requirements.h"

enum sp_section {
    SP_SECTION_NONE = 0,
#define SECTION(name, place, help) SP_SECTION_##name,
#define NUMBER(section, name, member, kind, standard, least, most, help)
#define CHOICE(section, name, member, choices, help)
#define VALUE(section, name, member, kind, standard, help)
#define INSIDE(section, name, member, kind, inside, help)
#include "core/policy/options.def"
#undef SECTION
#undef NUMBER
#undef CHOICE
#undef VALUE
#undef INSIDE
    SP_SECTION_COUNT
};

enum sp_setting {
    SP_SETTING_NONE = 0,
#define SECTION(name, place, help)
#define NUMBER(section, name, member, kind, standard, least, most, help) SP_SETTING_##section##_##name,
#define CHOICE(section, name, member, choices, help) SP_SETTING_##section##_##name,
#define VALUE(section, name, member, kind, standard, help) SP_SETTING_##section##_##name,
#define INSIDE(section, name, member, kind, inside, help) SP_SETTING_##section##_##name,
#include "core/policy/options.def"
#undef SECTION
#undef NUMBER
#undef CHOICE
#undef VALUE
#undef INSIDE
    SP_SETTING_COUNT
};

enum sp_kind {
    SP_KIND_TEXT,
    SP_KIND_SECRET,  /* a text that never leaves the control plane, but for an issuer's secret */
    SP_KIND_SECRETS, /* one or a list, while one is being replaced */
    SP_KIND_URL,     /* http or https */
    SP_KIND_UPSTREAM_URL,
    SP_KIND_PATH,    /* of a file; relative to the file that names it */
    SP_KIND_ADDRESS, /* HOST:PORT, :PORT, unix:PATH */
    SP_KIND_HOST,    /* a name, an address or *.NAME */
    SP_KIND_PREFIX,  /* of a request's path */
    SP_KIND_BOOL,
    SP_KIND_INTEGER,
    SP_KIND_DURATION,
    SP_KIND_SIZE,
    SP_KIND_WORKERS, /* auto or a number */
    SP_KIND_CHOICE,
    SP_KIND_ALGORITHM,
    SP_KIND_NAMES,      /* a text or a list of texts */
    SP_KIND_NETWORKS,   /* NAMES that are CIDR */
    SP_KIND_METHODS,    /* NAMES that are HTTP methods */
    SP_KIND_ALGORITHMS, /* NAMES that are rows of algorithms.def */
    SP_KIND_KEY_HASHES, /* NAMES of the form sha256:HEX */
    SP_KIND_SCOPES,     /* NAMES, or an object of them by method */
    SP_KIND_CLAIMS,     /* an object: value, list of values or true */
    SP_KIND_HEADERS,    /* an object: header name to claim */
    SP_KIND_WORDS,      /* an object: text to text */
    SP_KIND_WORDING,    /* a text, or an object: language to text */
    SP_KIND_OPEN,       /* a bool, or an object of anything */
    SP_KIND_KEY_SET,    /* {keys: […]}, or that as a text */
    SP_KIND_OBJECT,     /* of one section */
    SP_KIND_OBJECTS,    /* one object or a list of them */
    SP_KIND_MAP,        /* names of the user's choice, each with an object */
    SP_KIND_SWITCH,     /* an object, or true or false */
    SP_KIND_COUNT,
};

struct sp_setting_info {
    enum sp_section section;
    struct sp_str name;
    enum sp_kind kind;
    struct sp_str standard; /* the default as text; of a CHOICE all of them, the default first */
    int64_t default_number, min, max;
    enum sp_section inside;
    bool at_start; /* only a start takes it: sp_start_settings_changed */
    struct sp_str help;
};

struct sp_section_info {
    struct sp_str place, help;
};

const struct sp_setting_info *sp_setting_get(enum sp_setting setting);
const struct sp_section_info *sp_section_get(enum sp_section section);
/* The row of this member, or SP_SETTING_NONE. */
enum sp_setting sp_setting_find(enum sp_section section, struct sp_str name);
/* "a duration such as 30s, 5m or 1h": what a value of the kind looks like. */
struct sp_str sp_kind_in_words(enum sp_kind kind);

/* All rows as a JSON schema, for editors. Failure is the buffer's. */
void sp_settings_write_schema(struct sp_buffer *out);

/* ---- reading a validated object; an absent member, or null, has its default ---- */
const struct sp_json *sp_setting_value(const struct sp_json *object, enum sp_setting setting); /* NULL: absent */
struct sp_str sp_setting_text(const struct sp_json *object, enum sp_setting setting);
bool sp_setting_bool(const struct sp_json *object, enum sp_setting setting);
int64_t sp_setting_number(const struct sp_json *object, enum sp_setting setting);  /* ms, bytes or as it is */
unsigned sp_setting_choice(const struct sp_json *object, enum sp_setting setting); /* index in the row's choices */

/* ---- what only a start takes ---- */
/* Those that differ between the whole configuration of the start and the present one; an absent value is its default.
 * Returns how many of `changed` are set. */
size_t sp_start_settings_changed(const struct sp_json *of_start, const struct sp_json *now,
                                 enum sp_setting changed[SP_SETTING_COUNT]);

/* ---- values by themselves ---- */
/* "250ms", "30s", "5m", "1h30m", "2d", or seconds without a unit. SP_MALFORMED. */
SP_MUST_CHECK enum sp_status sp_duration_parse(struct sp_str text, int64_t *ms);
/* "4096", "64k", "8m", "1g". SP_MALFORMED. */
SP_MUST_CHECK enum sp_status sp_size_parse(struct sp_str text, int64_t *bytes);
/* The largest unit that divides: "90s" → "90s", 3600000 → "1h". */
struct sp_str sp_duration_in_words(struct sp_arena *arena, int64_t ms);
/* The n-th of "a|b|c"; absent past the last. */
struct sp_str sp_choice_at(struct sp_str choices, unsigned index);

#endif
