/* SPDX-License-Identifier: Apache-2.0 */
/* The names that X.509 gives to people and machines: a row of attributes such as CN=reports,O=Example,C=DE. Written as
 * RFC 4514 has it, the most specific one first, and compared attribute by attribute: two spellings of one name (CN or
 * 2.5.4.3, `\,` or `\2C`) are equal, two letter cases are not. */
#ifndef SP_JOSE_DISTINGUISHED_NAME_H
#define SP_JOSE_DISTINGUISHED_NAME_H

#include "core/base/arena.h"

struct sp_name_part {
    struct sp_str type;  /* dotted: 2.5.4.3 */
    struct sp_str value; /* UTF-8 */
    size_t level;        /* parts of one level are a set (`+`); 0 is the most specific one */
};

struct sp_distinguished_name {
    struct sp_name_part *parts; /* by level, then type, then value */
    size_t count;
};

#define SP_MAX_NAME_PARTS 64u

/* SP_MALFORMED: no RFC 4514 name, an attribute that is not known by this word, a value in hexadecimal BER that is no
 * plain text; *offset says where. SP_TOO_LARGE, SP_NO_MEMORY. Texts in arena or borrowed. */
SP_MUST_CHECK enum sp_status sp_distinguished_name_parse(struct sp_arena *arena, struct sp_str text,
                                                         struct sp_distinguished_name *name, size_t *offset);
/* Puts the parts into their order; for whoever made them otherwise. */
void sp_distinguished_name_sort(struct sp_distinguished_name *name);
bool sp_distinguished_name_equal(const struct sp_distinguished_name *a, const struct sp_distinguished_name *b);
/* RFC 4514 text, with the short words where there are any; absent without memory. */
struct sp_str sp_distinguished_name_text(struct sp_arena *arena, const struct sp_distinguished_name *name);
/* Why two differ, as a sentence for people; absent when nothing better than "they differ" can be said. */
struct sp_str sp_distinguished_name_difference(const struct sp_distinguished_name *registered,
                                               const struct sp_distinguished_name *presented);

#endif
