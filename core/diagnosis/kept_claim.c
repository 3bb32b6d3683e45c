/* SPDX-License-Identifier: Apache-2.0 */
/* A required claim looked up in the small JSON object that facts keep, without a tree: the text was written by our own
 * writer from a parsed token, so it is well-formed, compact, and escapes only what it must. Anything unexpected fails
 * the rule. */
#include "core/diagnosis/authorization.h"

/* The index behind the string that begins at `at` ('"'), or text.len. */
static size_t skip_string(struct sp_str text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.at[at] == '\\')
            at++;
        else if (text.at[at] == '"')
            return at + 1;
    }
    return text.len;
}

/* The index behind the value that begins at `at`. */
static size_t skip_value(struct sp_str text, size_t at)
{
    unsigned depth = 0;
    while (at < text.len) {
        char c = text.at[at];
        if (c == '"') {
            at = skip_string(text, at);
            if (depth == 0)
                return at;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        }
        if (depth == 0 && c == ',')
            return at;
        at++;
    }
    return text.len;
}

/* A string as written, without its quotes, is the wanted text: only texts without escapes are decided here. */
static bool scalar_is(struct sp_str value, struct sp_str wanted)
{
    if (value.len >= 2 && value.at[0] == '"')
        value = sp_str_slice(value, 1, value.len - 1);
    else if (value.len > 0 && (value.at[0] == '{' || value.at[0] == '['))
        return false;
    else if (sp_str_equal(value, SP_STR("null")))
        return false;
    return memchr(value.len > 0 ? value.at : "", '\\', value.len) == NULL && sp_str_equal(value, wanted);
}

static bool value_has(struct sp_str value, struct sp_str wanted)
{
    if (value.len < 2 || value.at[0] != '[')
        return scalar_is(value, wanted);
    for (size_t at = 1; at + 1 < value.len;) {
        size_t end = skip_value(value, at);
        if (scalar_is(sp_str_slice(value, at, end), wanted))
            return true;
        if (end <= at)
            return false;
        at = end + 1;
    }
    return false;
}

bool sp_kept_claim_satisfies(struct sp_str claims, const struct sp_claim_rule *rule)
{
    for (size_t at = 1; at + 1 < claims.len && claims.at[at] == '"';) {
        size_t name_end = skip_string(claims, at), end = skip_value(claims, name_end + 1);
        struct sp_str name = sp_str_slice(claims, at + 1, name_end - 1),
                      value = sp_str_slice(claims, name_end + 1, end);
        if (sp_str_equal(name, rule->name)) {
            if (rule->any_of.count == 0)
                return value.len > 0 && !sp_str_equal(value, SP_STR("null"));
            for (size_t i = 0; i < rule->any_of.count; i++)
                if (value_has(value, rule->any_of.at[i]))
                    return true;
            return false;
        }
        at = end + 1;
    }
    return false;
}
