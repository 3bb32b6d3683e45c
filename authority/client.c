/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client.h"

#include "core/base/arena.h"

static const struct {
    unsigned bit;
    struct sp_str text;
} method_rows[] = {
#define CLIENT_METHOD(NAME, bit, text, uses_secret) {SP_CLIENT_##NAME, {text, sizeof text - 1}},
#include "authority/client_methods.def"
#undef CLIENT_METHOD
};

static const struct {
    unsigned bit;
    struct sp_str text;
} grant_rows[] = {
#define GRANT(NAME, bit, text, ...) {SP_GRANT_##NAME, {text, sizeof text - 1}},
#include "authority/grants.def"
#undef GRANT
};

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

unsigned sp_client_method_find(struct sp_str text)
{
    for (size_t i = 0; i < COUNT(method_rows); i++)
        if (sp_str_equal(method_rows[i].text, text))
            return method_rows[i].bit;
    return 0;
}

unsigned sp_grant_find(struct sp_str text)
{
    for (size_t i = 0; i < COUNT(grant_rows); i++)
        if (sp_str_equal(grant_rows[i].text, text))
            return grant_rows[i].bit;
    return 0;
}

struct sp_str sp_client_methods_text(struct sp_arena *arena, unsigned methods)
{
    struct sp_str text = SP_STR("");
    for (size_t i = 0; i < COUNT(method_rows); i++)
        if ((methods & method_rows[i].bit) != 0)
            text = text.len == 0
                       ? method_rows[i].text
                       : sp_arena_printf(arena, "%.*s or %.*s", SP_STR_ARG(text), SP_STR_ARG(method_rows[i].text));
    return text;
}

bool sp_list_has(struct sp_str_list list, struct sp_str item)
{
    for (size_t i = 0; i < list.count; i++)
        if (sp_str_equal(list.at[i], item))
            return true;
    return false;
}
