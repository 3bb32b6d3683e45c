/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>
#include "core/jose/base64url.h"

/* By character: its six bits, or NOT_IN_ALPHABET. A table each: a mixture of both alphabets is neither. */
#define NOT_IN_ALPHABET 64u

/* clang-format off */
static const unsigned char url_values[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
    [128 ... 255] = 64,
};
static const unsigned char plain_values[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
    [128 ... 255] = 64,
};
/* clang-format on */
static const char url_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char plain_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static unsigned value_of(const unsigned char values[256], char c)
{
    return values[(unsigned char)c];
}

/* Bytes moved about within a vector: not every compiler can say it, and not every target do it. */
#if defined(__x86_64__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define WITH_AVX2
#endif
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Many characters at once, in vectors of the compiler's: a token is 800 of them. */
#define STEP_CHARACTERS 32u
#define STEP_MARGIN 6u /* characters behind a step, whose bytes it may write garbage to */
typedef unsigned char octets __attribute__((vector_size(STEP_CHARACTERS)));
typedef signed char signs __attribute__((vector_size(STEP_CHARACTERS)));
typedef uint32_t groups __attribute__((vector_size(STEP_CHARACTERS)));

/* Where low <= c <= high, 0xff. Characters of 128 and more are negative here, and in no range. */
#define IN_RANGE(c, low, high) ((octets)(((c) >= (signed char)(low)) & ((c) <= (signed char)(high))))

/* Decodes whole steps as long as there are characters behind them; says how many characters that were, and sets
 * *invalid where one was not of the alphabet whose last two characters are given. `shuffles`: the target has an
 * instruction that moves bytes about. */
static inline __attribute__((always_inline)) size_t
decode_steps_with(bool shuffles, const char last[2], struct sp_str text, unsigned char *to, unsigned *invalid)
{
    octets strangers = {0};
    size_t i = 0;
    for (; i + STEP_CHARACTERS + STEP_MARGIN <= text.len; i += STEP_CHARACTERS, to += STEP_CHARACTERS / 4 * 3) {
        signs c;
        memcpy(&c, text.at + i, sizeof c);
        const octets upper = IN_RANGE(c, 'A', 'Z'), lower = IN_RANGE(c, 'a', 'z'), digit = IN_RANGE(c, '0', '9');
        const octets minus = (octets)(c == (signed char)last[0]), score = (octets)(c == (signed char)last[1]);
        const octets any = upper | lower | digit | minus | score;
        strangers |= ~any;
        /* c + what its range needs, modulo 256. */
        const octets shift = (upper & (unsigned char)(0 - 'A')) | (lower & (unsigned char)(26 - 'a')) |
                             (digit & (unsigned char)(52 - '0')) | (minus & (unsigned char)(62 - last[0])) |
                             (score & (unsigned char)(63 - last[1]));
        const groups four = (groups)(((octets)c + shift) & any);
        const groups bits = (four & 0xff) << 18 | (four >> 8 & 0xff) << 12 | (four >> 16 & 0xff) << 6 | four >> 24;
#ifdef WITH_AVX2
        if (shuffles) {
            const octets packed =
                __builtin_shufflevector((octets)bits, (octets)bits, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 3, 3, 3,
                                        18, 17, 16, 22, 21, 20, 26, 25, 24, 30, 29, 28, 19, 19, 19, 19);
            memcpy(to, &packed, 16);
            memcpy(to + 12, (const unsigned char *)&packed + 16, 16);
            continue;
        }
#else
        (void)shuffles;
#endif
        for (size_t lane = 0; lane < STEP_CHARACTERS / 4; lane++) {
            const uint32_t three = __builtin_bswap32(bits[lane] << 8);
            memcpy(to + 3 * lane, &three, sizeof three);
        }
    }
    const groups found = (groups)strangers;
    uint32_t any_stranger = 0;
    for (size_t lane = 0; lane < STEP_CHARACTERS / 4; lane++) {
        any_stranger |= found[lane];
    }
    if (any_stranger != 0) {
        *invalid = NOT_IN_ALPHABET;
    }
    return i;
}

#ifdef WITH_AVX2
static __attribute__((target("avx2"))) size_t decode_steps_avx2(const char last[2], struct sp_str text,
                                                                unsigned char *to, unsigned *invalid)
{
    return decode_steps_with(true, last, text, to, invalid);
}
#endif

static size_t decode_steps(const char last[2], struct sp_str text, unsigned char *to, unsigned *invalid)
{
#ifdef WITH_AVX2
    if (__builtin_cpu_supports("avx2")) {
        return decode_steps_avx2(last, text, to, invalid);
    }
#endif
    return decode_steps_with(false, last, text, to, invalid);
}
#else
static size_t decode_steps(const char last[2], struct sp_str text, unsigned char *to, unsigned *invalid)
{
    (void)last, (void)text, (void)to, (void)invalid;
    return 0;
}
#endif

/* text without padding. Whole groups of four first; of the rest the bits beyond the last byte must be zero. */
static enum sp_status decode(const unsigned char values[256], struct sp_str text, unsigned char *out, size_t *len)
{
    unsigned invalid = 0;
    size_t i = decode_steps(values == url_values ? "-_" : "+/", text, out, &invalid);
    unsigned char *to = out + i / 4 * 3;
    for (; i + 4 <= text.len; i += 4) {
        unsigned a = value_of(values, text.at[i]), b = value_of(values, text.at[i + 1]);
        unsigned c = value_of(values, text.at[i + 2]), d = value_of(values, text.at[i + 3]);
        invalid |= a | b | c | d;
        unsigned bits = a << 18 | b << 12 | c << 6 | d;
        *to++ = (unsigned char)(bits >> 16);
        *to++ = (unsigned char)(bits >> 8);
        *to++ = (unsigned char)bits;
    }
    size_t rest = text.len - i;
    if (rest == 1) {
        return SP_MALFORMED;
    }
    if (rest > 1) {
        unsigned a = value_of(values, text.at[i]), b = value_of(values, text.at[i + 1]);
        unsigned c = rest == 3 ? value_of(values, text.at[i + 2]) : 0;
        invalid |= a | b | c;
        unsigned bits = a << 18 | b << 12 | c << 6;
        *to++ = (unsigned char)(bits >> 16);
        if (rest == 3) {
            *to++ = (unsigned char)(bits >> 8);
        }
        if ((bits & (rest == 3 ? 0xFFu : 0xFFFFu)) != 0) {
            return SP_MALFORMED;
        }
    }
    if (invalid & NOT_IN_ALPHABET) {
        return SP_MALFORMED;
    }
    *len = (size_t)(to - out);
    return SP_OK;
}

#ifdef WITH_AVX2
/* Encodes as many whole steps of 24 bytes as there are with four more behind them; says how many bytes that were. */
static __attribute__((target("avx2"))) size_t encode_steps_avx2(const char *characters, struct sp_str bytes, char *to)
{
    const unsigned char upper = 'A', lower = 'a' - 26 - 'A', digit = (unsigned char)('0' - 52 - ('a' - 26));
    const unsigned char minus = (unsigned char)(characters[62] - 62 - ('0' - 52));
    const unsigned char score = (unsigned char)(characters[63] - 63 - (characters[62] - 62));
    size_t i = 0;
    for (; i + STEP_CHARACTERS / 4 * 3 + 4 <= bytes.len; i += STEP_CHARACTERS / 4 * 3, to += STEP_CHARACTERS) {
        octets from;
        memcpy(&from, bytes.at + i, 16);
        memcpy((unsigned char *)&from + 16, bytes.at + i + 12, 16);
        const groups three =
            (groups)__builtin_shufflevector(from, from, 2, 1, 0, 3, 5, 4, 3, 6, 8, 7, 6, 9, 11, 10, 9, 12, 18, 17, 16,
                                            19, 21, 20, 19, 22, 24, 23, 22, 25, 27, 26, 25, 28);
        const octets six =
            (octets)((three >> 18 & 63) | (three >> 12 & 63) << 8 | (three >> 6 & 63) << 16 | (three & 63) << 24);
        const signs value = (signs)six;
        /* Each range of the alphabet adds what parts it from the one before, modulo 256. */
        const octets text = six + upper + ((octets)(value > 25) & lower) + ((octets)(value > 51) & digit) +
                            ((octets)(value > 61) & minus) + ((octets)(value > 62) & score);
        memcpy(to, &text, sizeof text);
    }
    return i;
}
#endif

static size_t encode_steps(const char *characters, struct sp_str bytes, char *to)
{
#ifdef WITH_AVX2
    if (__builtin_cpu_supports("avx2")) {
        return encode_steps_avx2(characters, bytes, to);
    }
#endif
    (void)characters, (void)bytes, (void)to;
    return 0;
}

static size_t encode(const char *characters, struct sp_str bytes, char *out)
{
    const unsigned char *from = (const unsigned char *)bytes.at;
    size_t i = encode_steps(characters, bytes, out);
    char *to = out + i / 3 * 4;
    for (; i + 3 <= bytes.len; i += 3) {
        unsigned bits = (unsigned)from[i] << 16 | (unsigned)from[i + 1] << 8 | from[i + 2];
        *to++ = characters[bits >> 18];
        *to++ = characters[bits >> 12 & 63];
        *to++ = characters[bits >> 6 & 63];
        *to++ = characters[bits & 63];
    }
    if (i < bytes.len) {
        bool two = i + 2 == bytes.len;
        unsigned bits = (unsigned)from[i] << 16 | (two ? (unsigned)from[i + 1] << 8 : 0);
        *to++ = characters[bits >> 18];
        *to++ = characters[bits >> 12 & 63];
        if (two) {
            *to++ = characters[bits >> 6 & 63];
        }
    }
    return (size_t)(to - out);
}

static enum sp_status decode_in(struct sp_arena *arena, const unsigned char values[256], struct sp_str text,
                                struct sp_str *bytes)
{
    unsigned char *out = sp_arena_alloc(arena, SP_BASE64URL_DECODED_MAX(text.len));
    size_t len;
    if (out == NULL) {
        return SP_NO_MEMORY;
    }
    enum sp_status status = decode(values, text, out, &len);
    if (status == SP_OK) {
        *bytes = sp_str((const char *)out, len);
    }
    return status;
}

enum sp_status sp_base64url_decode(struct sp_arena *arena, struct sp_str text, struct sp_str *bytes)
{
    return decode_in(arena, url_values, text, bytes);
}

enum sp_status sp_base64url_decode_into(struct sp_str text, unsigned char *out, size_t *len)
{
    return decode(url_values, text, out, len);
}

enum sp_status sp_base64url_encode(struct sp_arena *arena, struct sp_str bytes, struct sp_str *text)
{
    char *out = sp_arena_alloc(arena, SP_BASE64URL_ENCODED(bytes.len) + 1);
    if (out == NULL) {
        return SP_NO_MEMORY;
    }
    size_t len = encode(url_characters, bytes, out);
    out[len] = '\0';
    *text = sp_str(out, len);
    return SP_OK;
}

void sp_base64url_encode_into(struct sp_str bytes, char *out)
{
    encode(url_characters, bytes, out);
}

enum sp_status sp_base64_decode(struct sp_arena *arena, struct sp_str text, struct sp_str *bytes)
{
    if (text.len % 4 != 0) {
        return SP_MALFORMED;
    }
    for (int padding = 0; padding < 2 && text.len > 0 && text.at[text.len - 1] == '='; padding++) {
        text.len--;
    }
    return decode_in(arena, plain_values, text, bytes);
}

enum sp_status sp_base64_encode(struct sp_arena *arena, struct sp_str bytes, struct sp_str *text)
{
    char *out = sp_arena_alloc(arena, bytes.len / 3 * 4 + 5);
    if (out == NULL) {
        return SP_NO_MEMORY;
    }
    size_t len = encode(plain_characters, bytes, out);
    while (len % 4 != 0) {
        out[len++] = '=';
    }
    out[len] = '\0';
    *text = sp_str(out, len);
    return SP_OK;
}
