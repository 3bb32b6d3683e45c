/* SPDX-License-Identifier: Apache-2.0 */
/* Visits every member of a tree that options.def knows, with its row: for what is done to all values of a kind wherever
 * they stand. Values of the wrong type are passed by; the validator has its say about them. */
#ifndef SP_POLICY_WALK_H
#define SP_POLICY_WALK_H

#include "core/policy/draft.h"
#include "core/policy/settings.h"

typedef void sp_visit(struct sp_draft *draft, enum sp_setting setting, const struct sp_json *value,
                      const struct sp_path *path);
void sp_settings_walk(struct sp_draft *draft, const struct sp_json *root, sp_visit *visit);

#endif
