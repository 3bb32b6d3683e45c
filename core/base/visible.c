/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/visible.h"

#include <stdint.h>

/* Control characters and Default_Ignorable_Code_Point of Unicode, but for joiners and variation selectors, and what has
 * a width alone. In order. */
static const struct {
    uint32_t from, until;
} hidden[] = {
    {0x00, 0x1F},       {0x7F, 0x9F},       {0xAD, 0xAD} /* soft hyphen */,
    {0x34F, 0x34F},     {0x61C, 0x61C},     {0x115F, 0x1160} /* Hangul fillers */,
    {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200B} /* space without width */,
    {0x200E, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x206F} /* marks, embeddings, overrides, isolates */,
    {0x2800, 0x2800},   {0x3164, 0x3164},   {0xFEFF, 0xFEFF},
    {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0x1BCA0, 0x1BCA3},
    {0x1D173, 0x1D17A}, {0xE0000, 0xE00FF}, {0xE01F0, 0xE0FFF} /* tags */,
};

static bool is_hidden(uint32_t c)
{
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (c >= hidden[i].from && c <= hidden[i].until)
            return true;
    return false;
}

/* Of the sequence at *i, which is valid; *i goes behind it. */
static uint32_t next_character(struct sp_str s, size_t *i)
{
    unsigned char first = (unsigned char)s.at[(*i)++];
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    uint32_t c = more == 3 ? first & 0x07u : more == 2 ? first & 0x0Fu : more == 1 ? first & 0x1Fu : first;
    for (; more > 0 && *i < s.len; more--)
        c = c << 6 | ((unsigned char)s.at[(*i)++] & 0x3Fu);
    return c;
}

bool sp_str_is_visible(struct sp_str s)
{
    uint32_t before = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t c = next_character(s, &i);
        bool joins = c == 0x200C || c == 0x200D;
        /* Beside a letter of ASCII, another joiner or nothing it joins nothing. */
        if (joins &&
            (before < 0x80 || before == 0x200C || before == 0x200D || i >= s.len || (unsigned char)s.at[i] < 0x80))
            return false;
        if (is_hidden(c))
            return false;
        before = c;
    }
    return true;
}
