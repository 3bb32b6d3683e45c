/* SPDX-License-Identifier: Apache-2.0 */
#include "core/factor/base32.h"

void sp_base32_encode(struct sp_str bytes, char *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned held = 0, bits = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        held = (held << 8 | (unsigned char)bytes.at[i]) & 0xfff;
        bits += 8;
        for (; bits >= 5; bits -= 5)
            *out++ = letters[held >> (bits - 5) & 31];
    }
    if (bits > 0)
        *out = letters[held << (5 - bits) & 31];
}
