/* SPDX-License-Identifier: Apache-2.0 */
/* The way from texts to a policy: read each, merge, expand, validate, build, check. Problems are gathered as far as
 * they make sense together: a file that cannot be read ends it, wrong members and values are all named before anything
 * is built from them, and references, routes and habits are judged last. */
#include "core/policy/policy.h"

#include <assert.h>

#include "core/base/limits.h"
#include "core/base/secret.h"
#include "core/policy/check.h"
#include "core/policy/parts.h"
#include "core/policy/walk.h"

static void resolve_path(struct sp_draft *draft, enum sp_setting setting, const struct sp_json *value,
                         const struct sp_path *path)
{
    (void)path;
    struct sp_str directory = draft->texts[sp_draft_text_of(draft, value->offset)].directory;
    if (sp_setting_get(setting)->kind != SP_KIND_PATH || value->type != SP_JSON_STRING || value->text.len == 0) {
        return;
    }
    if (value->text.at[0] != '/' && directory.len > 0) {
        sp_draft_own(value)->text = sp_draft_printf(draft, "%.*s/%.*s", SP_STR_ARG(directory), SP_STR_ARG(value->text));
    }
    if (draft->names_file != NULL && value->text.at != NULL) {
        draft->names_file(draft->names_data, value->text);
    }
}

/* ---- secrets do not outlive the policy ---- */
struct wiped {
    char *at;
    size_t len;
};

static void wipe(void *what)
{
    const struct wiped *text = what;
    sp_wipe(text->at, text->len);
}

static void wipe_at_end(struct sp_draft *draft, struct sp_str text)
{
    struct wiped *row = text.len > 0 ? SP_DRAFT_ARRAY(draft, struct wiped, 1) : NULL;
    if (row != NULL) {
        *row = (struct wiped){.at = (char *)(uintptr_t)text.at, .len = text.len};
        if (sp_arena_defer(draft->arena, wipe, row) != SP_OK) {
            draft->status = SP_NO_MEMORY;
        }
    }
}

static void wipe_secret_at_end(struct sp_draft *draft, enum sp_setting setting, const struct sp_json *value,
                               const struct sp_path *path)
{
    enum sp_kind kind = sp_setting_get(setting)->kind;
    (void)path;
    if ((kind == SP_KIND_SECRET || kind == SP_KIND_SECRETS) && value->type == SP_JSON_STRING) {
        wipe_at_end(draft, value->text);
    }
    for (const struct sp_json *element = kind == SP_KIND_SECRETS ? value->first : NULL; element != NULL;
         element = element->next) {
        wipe_at_end(draft, element->type == SP_JSON_STRING ? element->text : SP_STR_NONE);
    }
}

/* The texts live as long as the policy: the tree borrows from them. */
static enum sp_status keep_texts(struct sp_draft *draft, const struct sp_policy_input *input)
{
    struct sp_policy_text *texts = SP_DRAFT_ARRAY(draft, struct sp_policy_text, input->text_count);
    uint32_t *starts = SP_DRAFT_ARRAY(draft, uint32_t, input->text_count);
    size_t sum = 0;
    if (texts == NULL || starts == NULL) {
        return SP_NO_MEMORY;
    }
    for (size_t i = 0; i < input->text_count; i++) {
        const struct sp_policy_text *from = &input->texts[i];
        if (from->text.len > SP_MAX_POLICY_BYTES - sum) {
            return SP_TOO_LARGE;
        }
        starts[i] = (uint32_t)sum;
        sum += from->text.len + 1;
        if (sum > SP_MAX_POLICY_BYTES) {
            sum = SP_MAX_POLICY_BYTES;
        }
        if (sp_arena_copy(draft->arena, from->text, &texts[i].text) != SP_OK ||
            sp_arena_copy(draft->arena, from->name, &texts[i].name) != SP_OK ||
            sp_arena_copy(draft->arena, from->directory, &texts[i].directory) != SP_OK) {
            return SP_NO_MEMORY;
        }
        wipe_at_end(draft, texts[i].text);
    }
    draft->texts = texts;
    draft->starts = starts;
    draft->text_count = input->text_count;
    return SP_OK;
}

static bool may_go_on(const struct sp_draft *draft)
{
    return draft->status == SP_OK && draft->report->error_count == 0;
}

static const struct sp_json *read_tree(struct sp_draft *draft, const struct sp_policy_input *input)
{
    const struct sp_json *root = NULL;
    for (size_t i = 0; i < draft->text_count && draft->status == SP_OK; i++) {
        root = sp_merge(draft, root, sp_yaml_read(draft, i));
    }
    if (root == NULL && may_go_on(draft)) {
        struct sp_json *empty = SP_DRAFT_ARRAY(draft, struct sp_json, 1);
        if (empty != NULL) {
            *empty = (struct sp_json){.type = SP_JSON_OBJECT, .line = 1, .column = 1};
        }
        root = empty;
    }
    if (may_go_on(draft) && input->expansion != NULL) {
        sp_check_inline_secrets(draft, root);
        sp_expand(draft, root, input->expansion);
    }
    if (draft->status == SP_OK && root != NULL) {
        sp_settings_walk(draft, root, wipe_secret_at_end);
        sp_settings_validate(draft, root);
    }
    if (may_go_on(draft)) {
        sp_settings_walk(draft, root, resolve_path);
    }
    return root;
}

static void build(struct sp_draft *draft, struct sp_policy_parts *parts)
{
    void (*const steps[])(struct sp_draft *, struct sp_policy_parts *) = {
        sp_read_serving, sp_read_issuers, sp_read_apis, sp_read_consumers, sp_index_routes};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && draft->status == SP_OK; i++) {
        steps[i](draft, parts);
    }
    if (draft->status == SP_OK) {
        sp_check_policy(draft, parts);
    }
}

enum sp_status sp_policy_parse_input(const struct sp_policy_input *input, struct sp_policy **policy,
                                     struct sp_policy_report *report)
{
    struct sp_arena *arena =
        sp_arena_create(input->max_arena_bytes > 0 ? input->max_arena_bytes : SP_MAX_POLICY_ARENA_BYTES);
    struct sp_policy_parts *parts = arena != NULL ? SP_ARENA_NEW(arena, struct sp_policy_parts) : NULL;
    struct sp_draft draft = {.arena = arena,
                             .report = report,
                             .has_secrets = input->expansion != NULL,
                             .names_file = input->names_file,
                             .names_data = input->names_data};
    enum sp_status status = SP_NO_MEMORY;
    if (parts == NULL) {
        goto done;
    }
    parts->arena = arena;
    parts->references = 1;
    status = keep_texts(&draft, input);
    if (status != SP_OK) {
        goto done;
    }
    parts->texts = draft.texts;
    parts->starts = draft.starts;
    parts->text_count = draft.text_count;
    parts->policy.source = read_tree(&draft, input);
    if (may_go_on(&draft)) {
        build(&draft, parts);
    }
    sp_policy_report_sort(report);
    status = draft.status != SP_OK ? draft.status : report->error_count > 0 ? SP_MALFORMED : SP_OK;
done:
    if (status == SP_OK) {
        *policy = &parts->policy;
    } else {
        sp_arena_destroy(&arena);
    }
    return status;
}

enum sp_status sp_policy_parse(struct sp_str text, struct sp_str file_name, struct sp_policy **policy,
                               struct sp_policy_report *report)
{
    const struct sp_policy_text one = {.name = file_name, .text = text};
    return sp_policy_parse_input(&(struct sp_policy_input){.texts = &one, .text_count = 1}, policy, report);
}

struct sp_policy *sp_policy_ref(struct sp_policy *policy)
{
    struct sp_policy_parts *parts = (struct sp_policy_parts *)policy;
    assert(parts->references > 0);
    parts->references++;
    return policy;
}

void sp_policy_unref(struct sp_policy **policy)
{
    if (*policy != NULL) {
        struct sp_policy_parts *parts = (struct sp_policy_parts *)*policy;
        assert(parts->references > 0);
        if (--parts->references == 0) {
            struct sp_arena *arena = parts->arena;
            sp_arena_destroy(&arena);
        }
        *policy = NULL;
    }
}

/* ---- small things that the readers share ---- */
struct sp_draft sp_draft_of(const struct sp_policy_parts *parts, struct sp_arena *arena,
                            struct sp_policy_report *report)
{
    return (struct sp_draft){.arena = arena,
                             .report = report,
                             .texts = parts->texts,
                             .starts = parts->starts,
                             .text_count = parts->text_count};
}

struct sp_str_list sp_read_names(struct sp_draft *draft, const struct sp_json *value)
{
    if (value == NULL) {
        return (struct sp_str_list){0};
    }
    size_t count = value->type == SP_JSON_ARRAY ? value->count : 1, at = 0;
    struct sp_str *names = SP_DRAFT_ARRAY(draft, struct sp_str, count);
    if (names == NULL) {
        return (struct sp_str_list){0};
    }
    if (value->type != SP_JSON_ARRAY) {
        names[at++] = value->text;
    } else {
        for
            SP_JSON_EACH(element, value)
            {
                names[at++] = element->text;
            }
    }
    return (struct sp_str_list){.at = names, .count = at};
}

const struct sp_json *sp_first_element(const struct sp_json *value, size_t *count)
{
    *count = value == NULL ? 0 : value->type == SP_JSON_ARRAY ? value->count : 1;
    return *count == 0 ? NULL : value->type == SP_JSON_ARRAY ? value->first : value;
}

uint32_t sp_draft_refer(struct sp_draft *draft, const struct sp_index *names, const char *kind,
                        const struct sp_json *map, const struct sp_json *name, struct sp_str where)
{
    uint32_t found = sp_index_find(names, name->text);
    if (found != SP_INDEX_NONE) {
        return found;
    }
    struct sp_str known[64];
    size_t count = 0;
    for
        SP_JSON_EACH(member, map)
        {
            if (count < sizeof known / sizeof known[0]) {
                known[count++] = member->name;
            }
        }
    const struct sp_complaint complaint = {.cause = SP_CAUSE_CONFIG_REFERENCE,
                                           .value = name,
                                           .where = where,
                                           .expected = sp_draft_join(draft, known, count),
                                           .received = name->text,
                                           .detail = where};
    sp_draft_complain(draft, &complaint, "%.*s names the %s %.*s, which is not configured; there are: %.*s",
                      SP_STR_ARG(where), kind, SP_STR_ARG(name->text), SP_STR_ARG(complaint.expected));
    return SP_INDEX_NONE;
}

size_t sp_policy_server_count(const struct sp_policy *policy)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->api_count; i++) {
        count += policy->apis[i].upstream.server_count;
    }
    return count;
}

const struct sp_api *sp_policy_api(const struct sp_policy *policy, struct sp_str name)
{
    const uint32_t found = sp_index_find(&((const struct sp_policy_parts *)policy)->api_names, name);
    return found != SP_INDEX_NONE ? &policy->apis[found] : NULL;
}

struct sp_policy_problem sp_policy_place(const struct sp_policy *policy, const struct sp_json *value)
{
    const struct sp_draft draft = sp_draft_of((const struct sp_policy_parts *)policy, NULL, NULL);
    struct sp_policy_problem problem = {.line = value->line, .column = value->column};
    if (draft.text_count > 0) {
        problem.file = draft.texts[sp_draft_text_of(&draft, value->offset)].name;
    }
    return problem;
}
