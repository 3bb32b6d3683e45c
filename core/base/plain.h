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

/* The same of as many bytes as one step takes. */
#if defined(__SSE2__)
#define SP_PLAIN_STEP 16
typedef signed char sp_plain_signs __attribute__((vector_size(SP_PLAIN_STEP)));
typedef char sp_plain_chars __attribute__((vector_size(SP_PLAIN_STEP)));
static inline unsigned sp_plain_step(const char *at)
{
    sp_plain_signs c;
    memcpy(&c, at, sizeof c);
    /* Beyond ASCII they are negative. */
    const sp_plain_signs plain = (c > 0x1F) & (c != 0x7F) & (c != '"') & (c != '\\');
    const unsigned others = 0xFFFFu ^ (unsigned)__builtin_ia32_pmovmskb128((sp_plain_chars)plain);
    return others == 0 ? SP_PLAIN_STEP : (unsigned)__builtin_ctz(others);
}
#else
#define SP_PLAIN_STEP 8
#define sp_plain_step sp_plain_count
#endif

/* Whether all of them are plain. The last step may look at bytes of the one before again. */
static inline bool sp_is_plain(const char *at, size_t len)
{
    if (len >= SP_PLAIN_STEP) {
        for (size_t i = 0; i + SP_PLAIN_STEP < len; i += SP_PLAIN_STEP) {
            if (sp_plain_step(at + i) != SP_PLAIN_STEP) {
                return false;
            }
        }
        return sp_plain_step(at + len - SP_PLAIN_STEP) == SP_PLAIN_STEP;
    }
    if (len >= 8) {
        return sp_plain_count(at) == 8 && sp_plain_count(at + len - 8) == 8;
    }
    char few[8] = "        ";
    if (len >= 4) {
        memcpy(few, at, 4);
        memcpy(few + 4, at + len - 4, 4);
    } else if (len > 0) {
        few[0] = at[0];
        few[1] = at[len / 2];
        few[2] = at[len - 1];
    }
    return sp_plain_count(few) == 8;
}

#endif
