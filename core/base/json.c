/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/json.h"

const struct sp_json *sp_json_member(const struct sp_json *json, struct sp_str name)
{
    if (!sp_json_is(json, SP_JSON_OBJECT)) {
        return NULL;
    }
    for
        SP_JSON_EACH(member, json)
        {
            if (sp_str_equal(member->name, name)) {
                return member;
            }
        }
    return NULL;
}

struct sp_str sp_json_string(const struct sp_json *json)
{
    return sp_json_is(json, SP_JSON_STRING) ? json->text : SP_STR_NONE;
}

struct sp_str sp_json_scalar_text(const struct sp_json *json)
{
    if (sp_json_is(json, SP_JSON_TRUE))
        return SP_STR("true");
    if (sp_json_is(json, SP_JSON_FALSE))
        return SP_STR("false");
    return sp_json_is(json, SP_JSON_STRING) || sp_json_is(json, SP_JSON_NUMBER) ? json->text : SP_STR_NONE;
}

bool sp_json_is(const struct sp_json *json, enum sp_json_type type)
{
    return json != NULL && json->type == type;
}

/* Beyond this an exponent makes any number 0 or too large, so more digits of it need not be read. */
#define EXPONENT_CEILING 100000

/* The exponent behind 'e', clamped. */
static int32_t read_exponent(struct sp_str digits)
{
    bool negative = digits.len > 0 && digits.at[0] == '-';
    int32_t exponent = 0;
    for (size_t i = digits.len > 0 && (negative || digits.at[0] == '+') ? 1 : 0;
         i < digits.len && exponent < EXPONENT_CEILING; i++) {
        exponent = exponent * 10 + (digits.at[i] - '0');
    }
    return negative ? -exponent : exponent;
}

/* Eighteen digits fit whatever they are. */
#define SHORT_NUMBER_DIGITS 18

/* Nothing but a few digits, as nearly all numbers of a token are. */
static bool read_short_number(struct sp_str text, int64_t *out)
{
    int64_t number = 0;
    if (text.len > SHORT_NUMBER_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const unsigned digit = (unsigned char)text.at[i] - '0';
        if (digit > 9) {
            return false;
        }
        number = number * 10 + (int64_t)digit;
    }
    *out = number;
    return true;
}

enum sp_status sp_json_int64(const struct sp_json *json, int64_t *out)
{
    if (!sp_json_is(json, SP_JSON_NUMBER)) {
        return SP_UNSUPPORTED;
    }
    struct sp_str text = json->text;
    if (read_short_number(text, out)) {
        return SP_OK;
    }
    bool negative = text.at[0] == '-';
    size_t e = sp_str_index_of(text, 'e', 0);
    if (e == text.len) {
        e = sp_str_index_of(text, 'E', 0);
    }
    int64_t exponent = e < text.len ? read_exponent(sp_str_slice(text, e + 1, text.len)) : 0;
    struct sp_str mantissa = sp_str_slice(text, negative ? 1 : 0, e);
    size_t point = sp_str_index_of(mantissa, '.', 0);
    /* Digits in front of the decimal point once the exponent has moved it. */
    int64_t whole = (int64_t)point + exponent;
    uint64_t magnitude = 0;
    size_t digit = 0;
    for (int64_t i = 0; i < whole; i++, digit++) {
        if (digit == point) {
            digit++;
        }
        unsigned next = digit < mantissa.len ? (unsigned)(mantissa.at[digit] - '0') : 0;
        if (digit >= mantissa.len && magnitude == 0) {
            break; /* 0e99999 */
        }
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude) || __builtin_add_overflow(magnitude, next, &magnitude)) {
            return SP_TOO_LARGE;
        }
    }
    if (magnitude > (uint64_t)INT64_MAX) {
        return SP_TOO_LARGE;
    }
    *out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return SP_OK;
}
