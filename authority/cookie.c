/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/cookie.h"

/* __Host- demands Path=/; below a path the cookie would then reach the APIs that share the host, which must never see
 * it. */
static struct sp_str full_name(const struct sp_call *call, const char *name)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    const char *prefix = !settings->is_https ? "" : settings->base_path.len == 0 ? "__Host-" : "__Secure-";
    return sp_arena_printf(call->arena, "%s%s", prefix, name);
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
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_str age = SP_STR(""), prefixed = full_name(call, name), path = settings->base_path;
    if (max_age_s != 0)
        age = sp_arena_printf(call->arena, "; Max-Age=%lld", (long long)(max_age_s > 0 ? max_age_s : 0));
    struct sp_str cookie = sp_arena_printf(
        call->arena, "%.*s=%.*s; Path=%.*s; HttpOnly; SameSite=Lax%s%.*s", SP_STR_ARG(prefixed), SP_STR_ARG(value),
        SP_STR_ARG(path.len > 0 ? path : SP_STR("/")), settings->is_https ? "; Secure" : "", SP_STR_ARG(age));
    if (cookie.at != NULL)
        sp_answer_header(call, "Set-Cookie", cookie);
}
