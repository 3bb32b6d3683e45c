/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed text: a place and a length. Never NUL-terminated by assumption, never owned. An absent text has at == NULL,
 * an empty one has at != NULL and len == 0; comparisons treat both as length 0. */
#ifndef SP_BASE_STR_H
#define SP_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sp_str {
    const char *at;
    size_t len;
};

/* A literal or char array; its length is known when compiling. */
#define SP_STR(literal) ((struct sp_str){(literal), sizeof(literal) - 1})
#define SP_STR_NONE ((struct sp_str){NULL, 0})
/* For printf's "%.*s". */
#define SP_STR_ARG(s) (int)((s).len), ((s).at != NULL ? (s).at : "")

static inline struct sp_str sp_str(const char *at, size_t len)
{
    return (struct sp_str){at, len};
}

/* cstr may be NULL: absent. */
static inline struct sp_str sp_str_from_cstr(const char *cstr)
{
    return (struct sp_str){cstr, cstr != NULL ? strlen(cstr) : 0};
}

static inline bool sp_str_is_empty(struct sp_str s)
{
    return s.len == 0;
}

/* Byte for byte. Not constant-time: for secrets see core/base/secret.h. */
static inline bool sp_str_equal(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* ASCII letters only, as RFC 3986 schemes and hosts and RFC 9110 field names compare. */
bool sp_str_equal_ignoring_case(struct sp_str a, struct sp_str b);
bool sp_str_has_prefix(struct sp_str s, struct sp_str prefix);
bool sp_str_has_suffix(struct sp_str s, struct sp_str suffix);
bool sp_str_contains(struct sp_str s, struct sp_str part);

/* Index of the first c at or after `from`, or s.len. */
size_t sp_str_index_of(struct sp_str s, char c, size_t from);

/* s from `from` up to (not including) `to`, both clamped to s.len. */
struct sp_str sp_str_slice(struct sp_str s, size_t from, size_t to);

/* Without leading and trailing space, tab, CR, LF. */
struct sp_str sp_str_trim(struct sp_str s);

/* Cuts the first word (separated by any of `separators`) off *rest; false when there is none left. */
bool sp_str_next_word(struct sp_str *rest, struct sp_str separators, struct sp_str *word);
/* One of the words of text is this one. */
bool sp_str_has_word(struct sp_str text, struct sp_str separators, struct sp_str word);

/* 0 to 15; -1: it is none. */
static inline int sp_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* <0, 0, >0 as memcmp, shorter first on a tie. */
int sp_str_compare(struct sp_str a, struct sp_str b);

/* True when s is valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool sp_str_is_utf8(struct sp_str s);

#endif
