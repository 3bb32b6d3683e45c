/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/str.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool sp_str_equal_ignoring_case(struct sp_str a, struct sp_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (a.at[i] != b.at[i] && lower(a.at[i]) != lower(b.at[i])) {
            return false;
        }
    }
    return true;
}

bool sp_str_has_prefix(struct sp_str s, struct sp_str prefix)
{
    return s.len >= prefix.len && sp_str_equal(sp_str(s.at, prefix.len), prefix);
}

bool sp_str_has_suffix(struct sp_str s, struct sp_str suffix)
{
    return suffix.len == 0 ||
           (s.len >= suffix.len && sp_str_equal(sp_str(s.at + (s.len - suffix.len), suffix.len), suffix));
}

bool sp_str_contains(struct sp_str s, struct sp_str part)
{
    return part.len == 0 || (s.len >= part.len && memmem(s.at, s.len, part.at, part.len) != NULL);
}

size_t sp_str_index_of(struct sp_str s, char c, size_t from)
{
    if (from >= s.len) {
        return s.len;
    }
    const char *found = memchr(s.at + from, c, s.len - from);
    return found != NULL ? (size_t)(found - s.at) : s.len;
}

struct sp_str sp_str_slice(struct sp_str s, size_t from, size_t to)
{
    if (s.at == NULL) {
        return SP_STR_NONE;
    }
    if (to > s.len) {
        to = s.len;
    }
    if (from > to) {
        from = to;
    }
    return sp_str(s.at + from, to - from);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct sp_str sp_str_trim(struct sp_str s)
{
    while (s.len > 0 && is_space(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* A separator of one byte is what a hot path has: no search in the set of separators for each byte. */
static bool next_word_between(struct sp_str *rest, char separator, struct sp_str *word)
{
    size_t start = 0;
    while (start < rest->len && rest->at[start] == separator) {
        start++;
    }
    const size_t end = sp_str_index_of(*rest, separator, start);
    if (start < rest->len) {
        *word = (struct sp_str){rest->at + start, end - start};
    }
    *rest = (struct sp_str){rest->at != NULL ? rest->at + end : NULL, rest->len - end};
    return end > start;
}

bool sp_str_next_word(struct sp_str *rest, struct sp_str separators, struct sp_str *word)
{
    if (separators.len == 1) {
        return next_word_between(rest, separators.at[0], word);
    }
    size_t start = 0;
    while (start < rest->len && sp_str_index_of(separators, rest->at[start], 0) < separators.len) {
        start++;
    }
    if (start == rest->len) {
        *rest = sp_str_slice(*rest, start, start);
        return false;
    }
    size_t end = start;
    while (end < rest->len && sp_str_index_of(separators, rest->at[end], 0) == separators.len) {
        end++;
    }
    *word = sp_str_slice(*rest, start, end);
    *rest = sp_str_slice(*rest, end, rest->len);
    return true;
}

bool sp_str_has_word(struct sp_str text, struct sp_str separators, struct sp_str word)
{
    struct sp_str each;
    while (sp_str_next_word(&text, separators, &each))
        if (sp_str_equal(each, word))
            return true;
    return false;
}

int sp_str_compare(struct sp_str a, struct sp_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    if (order != 0) {
        return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* Length of the UTF-8 sequence at p (RFC 3629 4), 0 when it is none. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    unsigned char first = p[0];
    if (first < 0x80) {
        return 1;
    }
    size_t len = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < len) {
        return 0;
    }
    unsigned char low = 0x80, high = 0xBF;
    if (first == 0xE0) {
        low = 0xA0;
    } else if (first == 0xED) {
        high = 0x9F;
    } else if (first == 0xF0) {
        low = 0x90;
    } else if (first == 0xF4) {
        high = 0x8F;
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool sp_str_is_utf8(struct sp_str s)
{
    const unsigned char *p = (const unsigned char *)s.at;
    for (size_t i = 0; i < s.len;) {
        size_t len = utf8_sequence(p + i, s.len - i);
        if (len == 0) {
            return false;
        }
        i += len;
    }
    return true;
}
