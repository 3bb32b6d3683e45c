/* SPDX-License-Identifier: Apache-2.0 */
/* A path as a client sends it: the wide reading holds nothing that servers read in two ways and reading it again
 * changes nothing; dots beside a backslash are never readable. */
#include "core/policy/path.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char wide[4096], again[4096];
    const struct sp_str path = sp_str((const char *)data, size);
    if (size > sizeof wide) {
        return 0;
    }
    const struct sp_str once = sp_str(wide, sp_path_read_widely(path, wide));
    ALWAYS(once.len <= path.len);
    ALWAYS(!sp_str_contains(once, SP_STR(";")) && !sp_str_contains(once, SP_STR("\\")) &&
           !sp_str_contains(once, SP_STR("//")));
    ALWAYS(sp_str_equal(sp_str(again, sp_path_read_widely(once, again)), once));
    const bool holds_dots = sp_str_contains(path, SP_STR("/../"));
    ALWAYS(!holds_dots || !sp_str_contains(path, SP_STR("\\")) || sp_path_is_unreadable(path));
    return 0;
}
