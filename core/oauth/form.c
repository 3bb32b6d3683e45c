/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/form.h"

#include "core/base/plain.h"

/* Nothing in it stands for anything else, and it is ASCII. */
static bool is_as_it_is(struct sp_str encoded)
{
    return sp_is_plain(encoded.at, encoded.len) && (encoded.len == 0 || (memchr(encoded.at, '%', encoded.len) == NULL &&
                                                                         memchr(encoded.at, '+', encoded.len) == NULL));
}

/* offset: of the byte that is at fault, within encoded. */
static enum sp_status decode(struct sp_arena *arena, struct sp_str encoded, struct sp_str *decoded, size_t *offset)
{
    char *at = sp_arena_alloc(arena, encoded.len + 1);
    if (at == NULL)
        return SP_NO_MEMORY;
    if (is_as_it_is(encoded)) {
        if (encoded.len > 0)
            memcpy(at, encoded.at, encoded.len);
        at[encoded.len] = '\0';
        *decoded = sp_str(at, encoded.len);
        return SP_OK;
    }
    size_t len = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.at[i];
        size_t start = i;
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            bool whole = i + 2 < encoded.len;
            int high = whole ? sp_hex_digit(encoded.at[i + 1]) : -1;
            int low = whole ? sp_hex_digit(encoded.at[i + 2]) : -1;
            if (high < 0 || low < 0) {
                *offset = i;
                return SP_MALFORMED;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            *offset = start;
            return SP_MALFORMED;
        }
        at[len++] = c;
    }
    at[len] = '\0';
    if (!sp_str_is_utf8(sp_str(at, len))) {
        *offset = 0;
        return SP_MALFORMED;
    }
    *decoded = sp_str(at, len);
    return SP_OK;
}

enum sp_status sp_form_decode(struct sp_arena *arena, struct sp_str encoded, struct sp_str *decoded)
{
    size_t offset = 0;
    return decode(arena, encoded, decoded, &offset);
}

static size_t count_parameters(struct sp_str text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '&';
    return count;
}

enum sp_status sp_form_parse(struct sp_arena *arena, struct sp_str text, struct sp_form *form, size_t *offset)
{
    if (text.len > SP_MAX_FORM_BYTES)
        return SP_TOO_LARGE;
    size_t most = count_parameters(text);
    if (most > SP_MAX_FORM_PARAMETERS)
        return SP_TOO_LARGE;
    struct sp_parameter *parameters = sp_arena_calloc(arena, most, sizeof *parameters);
    if (parameters == NULL)
        return SP_NO_MEMORY;
    size_t count = 0;
    for (size_t from = 0; from < text.len;) {
        size_t end = sp_str_index_of(text, '&', from);
        struct sp_str pair = sp_str_slice(text, from, end);
        size_t equals = sp_str_index_of(pair, '=', 0);
        if (pair.len > 0) {
            size_t at = 0;
            struct sp_parameter *parameter = &parameters[count];
            enum sp_status status = decode(arena, sp_str_slice(pair, 0, equals), &parameter->name, &at);
            if (status == SP_OK) {
                at = 0;
                status = decode(arena, sp_str_slice(pair, equals + 1, pair.len), &parameter->value, &at);
                at += equals + 1;
            }
            if (status != SP_OK) {
                *offset = from + at;
                return status;
            }
            count++;
        }
        from = end + 1;
    }
    *form = (struct sp_form){parameters, count};
    return SP_OK;
}

struct sp_str sp_form_value(const struct sp_form *form, struct sp_str name)
{
    size_t position = 0;
    struct sp_str value = SP_STR_NONE;
    return sp_form_next(form, name, &position, &value) ? value : SP_STR_NONE;
}

bool sp_form_next(const struct sp_form *form, struct sp_str name, size_t *position, struct sp_str *value)
{
    for (size_t i = *position; i < form->count; i++)
        if (form->at[i].value.len > 0 && sp_str_equal(form->at[i].name, name)) {
            *position = i + 1;
            *value = form->at[i].value;
            return true;
        }
    *position = form->count;
    return false;
}

/* RFC 8707 2 and RFC 8693 2.1 let these repeat. */
static bool may_repeat(struct sp_str name)
{
    return sp_str_equal(name, SP_STR("resource")) || sp_str_equal(name, SP_STR("audience"));
}

struct sp_str sp_form_repeated(const struct sp_form *form)
{
    for (size_t i = 0; i < form->count; i++)
        for (size_t j = 0; j < i; j++)
            if (sp_str_equal(form->at[i].name, form->at[j].name) && !may_repeat(form->at[i].name))
                return form->at[i].name;
    return SP_STR_NONE;
}

void sp_form_encode(struct sp_buffer *out, struct sp_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain) {
            sp_buffer_append_char(out, (char)c);
        } else {
            char escape[] = {'%', digits[c >> 4], digits[c & 15]};
            sp_buffer_append(out, sp_str(escape, sizeof escape));
        }
    }
}

void sp_form_write(struct sp_buffer *out, const struct sp_form *form)
{
    for (size_t i = 0; i < form->count; i++) {
        if (i > 0)
            sp_buffer_append_char(out, '&');
        sp_form_encode(out, form->at[i].name);
        sp_buffer_append_char(out, '=');
        sp_form_encode(out, form->at[i].value);
    }
}

void sp_form_add(struct sp_buffer *out, char *separator, const char *name, struct sp_str value)
{
    sp_buffer_append_char(out, *separator);
    sp_buffer_append(out, sp_str_from_cstr(name));
    sp_buffer_append_char(out, '=');
    sp_form_encode(out, value);
    *separator = '&';
}
