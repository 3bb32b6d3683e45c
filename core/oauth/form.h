/* SPDX-License-Identifier: Apache-2.0 */
/* application/x-www-form-urlencoded, as OAuth uses it (RFC 6749 appendix B): query strings and request bodies to a list
 * of parameters. Order is kept, names may repeat here; who reads a parameter that must be single asks sp_form_repeated.
 */
#ifndef SP_OAUTH_FORM_H
#define SP_OAUTH_FORM_H

#include <stdbool.h>
#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/str.h"

/* An authorization request with claims, resources and a signed hint stays below; a form of people is far smaller. */
#define SP_MAX_FORM_BYTES (64u * 1024)
#define SP_MAX_FORM_PARAMETERS 128u

struct sp_parameter {
    struct sp_str name, value; /* decoded, in the arena */
};

struct sp_form {
    const struct sp_parameter *at;
    size_t count;
};

/* SP_MALFORMED: an escape that is none, or bytes that are not UTF-8 or a NUL (*offset says where); SP_TOO_LARGE;
 * SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_form_parse(struct sp_arena *arena, struct sp_str text, struct sp_form *form,
                                           size_t *offset);

/* The first of that name; an absent text when there is none. RFC 6749 3.1: without a value is as if omitted. */
struct sp_str sp_form_value(const struct sp_form *form, struct sp_str name);
/* The one after `*position` (start with 0) of that name; false past the last. */
bool sp_form_next(const struct sp_form *form, struct sp_str name, size_t *position, struct sp_str *value);
/* The name of a parameter that stands twice and is not among those that may (`resource`, `audience`); absent when none
 * does. */
struct sp_str sp_form_repeated(const struct sp_form *form);

/* Decodes one component: '+' is a space, %XX a byte. SP_MALFORMED as above. */
SP_MUST_CHECK enum sp_status sp_form_decode(struct sp_arena *arena, struct sp_str encoded, struct sp_str *decoded);
/* Appends text so that it can stand as a name or value. */
void sp_form_encode(struct sp_buffer *out, struct sp_str text);
/* Appends all of it, as it is sent. */
void sp_form_write(struct sp_buffer *out, const struct sp_form *form);
/* Appends `?name=value` or `&name=value`, whichever fits what is in out already. */
void sp_form_add(struct sp_buffer *out, char *separator, const char *name, struct sp_str value);

#endif
