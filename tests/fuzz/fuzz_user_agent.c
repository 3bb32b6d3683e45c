/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser says of itself: it is named by words of ours alone. */
#include "authority/user_agent.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(1 << 16);
    struct sp_str name = sp_user_agent_name(arena, sp_str((const char *)data, size));
    ALWAYS(name.at != NULL && name.len <= sizeof "Samsung Internet, ChromeOS");
    for (size_t i = 0; i < name.len; i++)
        ALWAYS(name.at[i] == ' ' || name.at[i] == ',' || (name.at[i] >= 'A' && name.at[i] <= 'z'));
    sp_arena_destroy(&arena);
    return 0;
}
