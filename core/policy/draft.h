/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in the making: the texts it is read from, the arena it will own, the report that gathers what is wrong. The
 * steps of parsing (yaml, merge, expand, settings, the readers of each section, check) share it and nothing else.
 * Inside core/policy only.
 *
 * Every value knows its place as one number: sp_json.offset counts through all texts as if they stood one behind the
 * other, line and column within its own. */
#ifndef SP_POLICY_DRAFT_H
#define SP_POLICY_DRAFT_H

#include "core/policy/policy.h"
#include "core/policy/report.h"

struct sp_draft {
    struct sp_arena *arena;
    struct sp_policy_report *report;
    const struct sp_policy_text *texts;
    const uint32_t *starts; /* offset of each text's first byte */
    size_t text_count;
    uint32_t values;       /* read so far */
    bool has_secrets;      /* the configuration itself, not a snapshot that left them out */
    enum sp_status status; /* sticky; SP_NO_MEMORY stops everything */
    void (*names_file)(void *data, struct sp_str path); /* sp_policy_input's; NULL: nobody wants to know */
    void *names_data;
};

/* A member's way down from the root, on the C stack of who walks. */
struct sp_path {
    const struct sp_path *up;
    struct sp_str name; /* absent: an element of a list */
    size_t index;
};

/* The path as people write it: "apis.photos.limits[1].window". */
struct sp_str sp_path_text(const struct sp_draft *draft, const struct sp_path *path);

/* What is wrong with `value` (whose place is named; NULL: with the whole), as a finding and a sentence. */
struct sp_complaint {
    enum sp_cause cause;
    const struct sp_json *value;
    const struct sp_path *path;
    struct sp_str where; /* the path as text, where there is no sp_path */
    struct sp_str expected, received, detail;
    bool tolerated;
};
void sp_draft_complain(struct sp_draft *draft, const struct sp_complaint *complaint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* config.type: the value at the path is another one than expected. */
void sp_draft_complain_of_type(struct sp_draft *draft, const struct sp_json *value, const struct sp_path *path,
                               struct sp_str expected, struct sp_str received);

/* Arena allocation that remembers a failure in draft->status; NULL then. */
void *sp_draft_calloc(struct sp_draft *draft, size_t count, size_t bytes);
#define SP_DRAFT_ARRAY(draft, type, count) ((type *)sp_draft_calloc((draft), (count), sizeof(type)))
struct sp_str sp_draft_printf(struct sp_draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "a, b and 3 more" */
struct sp_str sp_draft_join(struct sp_draft *draft, const struct sp_str *names, size_t count);

/* The tree is ours alone until the policy is handed out: nobody else has seen it yet. */
static inline struct sp_json *sp_draft_own(const struct sp_json *value)
{
    return (struct sp_json *)(uintptr_t)value;
}

/* Which text the offset lies in. */
size_t sp_draft_text_of(const struct sp_draft *draft, uint32_t offset);

/* ---- the steps, each in the file of its name ---- */
/* yaml.c: text number `which` as a tree; NULL: an empty document, or malformed (reported). */
const struct sp_json *sp_yaml_read(struct sp_draft *draft, size_t which);
/* yaml.c: a plain scalar's type by its text: null, true, false, a number, else a text. */
void sp_scalar_resolve(struct sp_json *value);
/* merge.c: `over` laid over `base`: maps merge, everything else replaces. Either may be NULL. */
const struct sp_json *sp_merge(struct sp_draft *draft, const struct sp_json *base, const struct sp_json *over);
/* expand.c: ${NAME}, ${file:PATH} in every text; missing ones are reported. */
void sp_expand(struct sp_draft *draft, const struct sp_json *root, const struct sp_expansion *expansion);
/* settings.c: every member against options.def; unknown members and wrong values are reported. */
void sp_settings_validate(struct sp_draft *draft, const struct sp_json *root);

struct sp_policy_parts;
/* issuer.c, api.c, upstream.c, consumer.c, serving.c: fill the policy from the validated tree. */
void sp_read_issuers(struct sp_draft *draft, struct sp_policy_parts *parts);
void sp_read_apis(struct sp_draft *draft, struct sp_policy_parts *parts);
void sp_read_upstream(struct sp_draft *draft, const struct sp_json *api, const struct sp_path *path,
                      struct sp_upstream *upstream);
void sp_read_consumers(struct sp_draft *draft, struct sp_policy_parts *parts);
void sp_read_serving(struct sp_draft *draft, struct sp_policy_parts *parts);
/* listen_address.c: an address that two of them have; nginx would not start on it. */
void sp_check_listen_addresses(struct sp_draft *draft, const struct sp_serving *serving);
/* route.c: the index of all match rules. */
void sp_index_routes(struct sp_draft *draft, struct sp_policy_parts *parts);
/* check.c: what parses and is unwise or cannot work. */
void sp_check_policy(struct sp_draft *draft, const struct sp_policy_parts *parts);
/* A file that holds a secret and is open to others: exposure says how. */
void sp_draft_warn_of_exposure(struct sp_draft *draft, const struct sp_json *value, const struct sp_path *path,
                               struct sp_str where, struct sp_str file, struct sp_str exposure);
/* check.c: before expansion, secrets that stand in the file itself. */
void sp_check_inline_secrets(struct sp_draft *draft, const struct sp_json *root);

#endif
