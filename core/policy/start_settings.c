/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/settings.h"

/* The object at "authority.store"; NULL: there is none. */
static const struct sp_json *object_at(const struct sp_json *root, struct sp_str place)
{
    struct sp_str name;
    while (root != NULL && sp_str_next_word(&place, SP_STR("."), &name)) {
        root = sp_json_member(root, name);
    }
    return root;
}

size_t sp_start_settings_changed(const struct sp_json *of_start, const struct sp_json *now,
                                 enum sp_setting changed[SP_SETTING_COUNT])
{
    size_t count = 0;
    for (enum sp_setting setting = SP_SETTING_NONE + 1; setting < SP_SETTING_COUNT; setting++) {
        const struct sp_setting_info *info = sp_setting_get(setting);
        const struct sp_str place = sp_section_get(info->section)->place;
        if (info->at_start && !sp_str_equal(sp_setting_text(object_at(of_start, place), setting),
                                            sp_setting_text(object_at(now, place), setting))) {
            changed[count++] = setting;
        }
    }
    return count;
}
