/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/cookie.h"

static struct sp_str full_name(const struct sp_call *call, const char *name)
{
    return sp_arena_printf(call->arena, "%s%s", call->authority->settings->is_https ? "__Host-" : "", name);
}

struct sp_str sp_cookie_get(const struct sp_call *call, const char *name)
{
    struct sp_str wanted = full_name(call, name), rest = call->asked.cookie, pair;
    while (sp_str_next_word(&rest, SP_STR(";"), &pair)) {
        pair = sp_str_trim(pair);
        size_t equals = sp_str_index_of(pair, '=', 0);
        if (wanted.len > 0 && sp_str_equal(sp_str_slice(pair, 0, equals), wanted))
            return sp_str_slice(pair, equals + 1, pair.len);
    }
    return SP_STR_NONE;
}

void sp_cookie_set(struct sp_call *call, const char *name, struct sp_str value, int64_t max_age_s)
{
    struct sp_str age = SP_STR("");
    if (max_age_s != 0)
        age = sp_arena_printf(call->arena, "; Max-Age=%lld", (long long)(max_age_s > 0 ? max_age_s : 0));
    struct sp_str prefixed = full_name(call, name);
    struct sp_str cookie =
        sp_arena_printf(call->arena, "%.*s=%.*s; Path=/; HttpOnly; SameSite=Lax%s%.*s", SP_STR_ARG(prefixed),
                        SP_STR_ARG(value), call->authority->settings->is_https ? "; Secure" : "", SP_STR_ARG(age));
    if (cookie.at != NULL)
        sp_answer_header(call, "Set-Cookie", cookie);
}
