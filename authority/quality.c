/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/quality.h"

unsigned sp_quality_of(struct sp_str parameters)
{
    struct sp_str parameter;
    while (sp_str_next_word(&parameters, SP_STR(";"), &parameter)) {
        parameter = sp_str_trim(parameter);
        if (parameter.len < 2 || (parameter.at[0] | 0x20) != 'q' || parameter.at[1] != '=')
            continue;
        struct sp_str value = sp_str_trim(sp_str_slice(parameter, 2, parameter.len));
        unsigned weight = 0, scale = 1000;
        for (size_t i = 0; i < value.len && i < 5; i++) {
            char c = value.at[i];
            if (i == 1 ? c != '.' : c < '0' || c > (i == 0 ? '1' : '9'))
                return 0;
            if (i == 1)
                continue;
            weight += (unsigned)(c - '0') * scale;
            scale /= 10;
        }
        return weight < 1000 ? weight : 1000;
    }
    return 1000;
}
