/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/acr.h"

#include "authority/assurance.h"

struct sp_str sp_acr_granted(const struct sp_acr_wish *wish, struct sp_str acr)
{
    for (size_t i = 0; i < wish->values.count; i++)
        if (sp_assurance_covers(acr, wish->values.at[i]))
            return wish->values.at[i];
    return SP_STR_NONE;
}

bool sp_acr_is_possible(const struct sp_acr_wish *wish)
{
    for (size_t i = 0; i < wish->values.count; i++)
        for (size_t j = 0; j < sp_assurance_count; j++)
            if (sp_str_equal(wish->values.at[i], sp_assurances[j].acr))
                return true;
    return false;
}
