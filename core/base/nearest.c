/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/nearest.h"

#define MAX_NAME_BYTES 63u

size_t sp_nearness(struct sp_str a, struct sp_str b)
{
    size_t row[MAX_NAME_BYTES + 1];
    if (a.len > MAX_NAME_BYTES || b.len > MAX_NAME_BYTES) {
        return SP_NOT_NEAR;
    }
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j], best = diagonal + (a.at[i - 1] != b.at[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    size_t longer = a.len > b.len ? a.len : b.len;
    size_t allowed = longer / 3 < 2 ? 2 : longer / 3 > 4 ? 4 : longer / 3;
    return row[b.len] <= allowed && row[b.len] < longer ? row[b.len] : SP_NOT_NEAR;
}

void sp_nearest_keep(struct sp_str candidate, struct sp_str name, size_t *distance, struct sp_str *nearest)
{
    size_t apart = sp_nearness(candidate, name);
    if (apart < *distance) {
        *distance = apart;
        *nearest = candidate;
    }
}
