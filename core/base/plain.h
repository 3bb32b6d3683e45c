/* SPDX-License-Identifier: Apache-2.0 */
/* Plain bytes: those of ASCII that stand in a JSON text as they are – no control character, quote, backslash or DEL.
 * Eight are looked at at once: most of a token and of a log line is plain. */
#ifndef SP_BASE_PLAIN_H
#define SP_BASE_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SP_EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))
#define SP_HAS_ZERO_BYTE(word) (((word)-SP_EACH_BYTE(0x01)) & ~(word)&SP_EACH_BYTE(0x80))

/* May say no where a carry makes it doubt: the bytes are then looked at one by one. Never yes where one is not plain.
 */
static inline bool sp_plain_eight(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    const uint64_t doubt = (word & SP_EACH_BYTE(0x80)) | ((word - SP_EACH_BYTE(0x20)) & ~word & SP_EACH_BYTE(0x80)) |
                           SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE(0x7F)) | SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE('"')) |
                           SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE('\\'));
    return doubt == 0;
}

#endif
