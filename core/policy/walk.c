/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/walk.h"

static void walk_object(struct sp_draft *draft, enum sp_section section, const struct sp_json *object,
                        const struct sp_path *path, sp_visit *visit);

static void walk_inside(struct sp_draft *draft, const struct sp_setting_info *info, const struct sp_json *value,
                        const struct sp_path *path, sp_visit *visit)
{
    if (value->type == SP_JSON_OBJECT && info->kind != SP_KIND_MAP) {
        walk_object(draft, info->inside, value, path, visit);
        return;
    }
    size_t index = 0;
    for
        SP_JSON_EACH(child, value)
        {
            const struct sp_path down = {.up = path, .name = child->name, .index = index++};
            if (child->type == SP_JSON_OBJECT) {
                walk_object(draft, info->inside, child, &down, visit);
            }
        }
}

static void walk_object(struct sp_draft *draft, enum sp_section section, const struct sp_json *object,
                        const struct sp_path *path, sp_visit *visit)
{
    for
        SP_JSON_EACH(member, object)
        {
            const struct sp_path down = {.up = path, .name = member->name};
            enum sp_setting setting = sp_setting_find(section, member->name);
            if (setting == SP_SETTING_NONE || member->type == SP_JSON_NULL) {
                continue;
            }
            visit(draft, setting, member, &down);
            if (sp_setting_get(setting)->inside != SP_SECTION_NONE) {
                walk_inside(draft, sp_setting_get(setting), member, &down, visit);
            }
        }
}

void sp_settings_walk(struct sp_draft *draft, const struct sp_json *root, sp_visit *visit)
{
    const struct sp_path top = {.name = SP_STR("")};
    if (root->type == SP_JSON_OBJECT) {
        walk_object(draft, SP_SECTION_ROOT, root, &top, visit);
    }
}
