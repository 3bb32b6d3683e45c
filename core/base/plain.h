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

/* How many of the eight bytes at `at` stand before the first that is not plain; 8: all are. A carry can only mark bytes
 * behind one that is really not plain, so the first mark is always right. */
static inline unsigned sp_plain_count(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    const uint64_t marks = (word & SP_EACH_BYTE(0x80)) | ((word - SP_EACH_BYTE(0x20)) & ~word & SP_EACH_BYTE(0x80)) |
                           SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE(0x7F)) | SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE('"')) |
                           SP_HAS_ZERO_BYTE(word ^ SP_EACH_BYTE('\\'));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return marks == 0 ? 8 : (unsigned)__builtin_ctzll(marks) / 8;
#else
    return marks == 0 ? 8 : 0; /* then byte by byte */
#endif
}

#endif
