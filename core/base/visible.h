/* SPDX-License-Identifier: Apache-2.0 */
/* Names that people tell others by: of accounts and applications. A character that nobody sees makes one name look like
 * another, and one that turns the direction of writing moves the words around it about ("Trojan Source"; Unicode TR 36
 * 2.10). RFC 8264 keeps them from identifiers (4.2.3, 9.13), and so does this. */
#ifndef SP_BASE_VISIBLE_H
#define SP_BASE_VISIBLE_H

#include "core/base/str.h"

#define SP_VISIBLE_EXPECTATION "without control characters, invisible ones, and ones that turn the direction of writing"

/* Whether every character of valid UTF-8 is seen, or does something to one that is: the joiners U+200C and U+200D
 * between letters beyond ASCII, as Persian, Hindi and emoji write them (RFC 5892 A.1, A.2), and variation selectors. */
bool sp_str_is_visible(struct sp_str s);

#endif
