/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/cookie.h"

#include "core/base/host.h"

static int64_t seconds_of(struct sp_str text)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    int64_t value = 0;
    for (size_t i = negative; i < text.len && i < 12; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        value = value * 10 + (text.at[i] - '0');
    }
    return negative ? 0 : value;
}

static void take_attribute(struct sp_str part, int64_t now_ms, struct sp_flow_cookie *cookie, bool *has_max_age)
{
    size_t equals = sp_str_index_of(part, '=', 0);
    struct sp_str name = sp_str_trim(sp_str_slice(part, 0, equals));
    struct sp_str value = sp_str_trim(sp_str_slice(part, equals + 1, part.len));
    if (sp_str_equal_ignoring_case(name, SP_STR("Secure"))) {
        cookie->secure = true;
    } else if (sp_str_equal_ignoring_case(name, SP_STR("Partitioned"))) {
        cookie->partitioned = true;
    } else if (sp_str_equal_ignoring_case(name, SP_STR("Path"))) {
        cookie->path = value;
    } else if (sp_str_equal_ignoring_case(name, SP_STR("Domain"))) {
        cookie->domain = value.len > 0 && value.at[0] == '.' ? sp_str_slice(value, 1, value.len) : value;
    } else if (sp_str_equal_ignoring_case(name, SP_STR("SameSite"))) {
        cookie->same_site = sp_str_equal_ignoring_case(value, SP_STR("Strict")) ? SP_SAME_SITE_STRICT
                            : sp_str_equal_ignoring_case(value, SP_STR("None")) ? SP_SAME_SITE_NONE
                                                                                : SP_SAME_SITE_LAX;
    } else if (sp_str_equal_ignoring_case(name, SP_STR("Max-Age"))) {
        *has_max_age = true; /* wins over Expires wherever it stands */
        cookie->lifetime_s = seconds_of(value);
    } else if (sp_str_equal_ignoring_case(name, SP_STR("Expires")) && !*has_max_age) {
        int64_t at = sp_flow_time_http(value);
        cookie->lifetime_s = at == 0 && value.len > 0 ? -1 : at > now_ms ? (at - now_ms) / 1000 : 0;
    }
}

bool sp_flow_cookie_next(struct sp_str *rest, int64_t now_ms, struct sp_flow_cookie *cookie)
{
    struct sp_str line, part;
    if (!sp_str_next_word(rest, SP_STR("\n\r"), &line))
        return false;
    *cookie = (struct sp_flow_cookie){.lifetime_s = -1};
    bool has_max_age = false, first = true;
    for (size_t from = 0; from <= line.len && (first || from < line.len); first = false) {
        size_t end = sp_str_index_of(line, ';', from);
        part = sp_str_slice(line, from, end);
        from = end + 1;
        if (!first) {
            take_attribute(part, now_ms, cookie, &has_max_age);
            continue;
        }
        size_t equals = sp_str_index_of(part, '=', 0);
        cookie->name = sp_str_trim(sp_str_slice(part, 0, equals));
        cookie->value = sp_str_trim(sp_str_slice(part, equals + 1, part.len));
    }
    cookie->deletes = cookie->lifetime_s == 0 || cookie->value.len == 0;
    return true;
}

struct sp_str sp_flow_cookie_sent(const struct sp_flow_exchange *exchange, struct sp_str name)
{
    size_t position = 0;
    struct sp_str line, pair;
    while (sp_flow_header_next(&exchange->request_headers, "Cookie", &position, &line))
        while (sp_str_next_word(&line, SP_STR(";\n"), &pair)) {
            size_t equals = sp_str_index_of(pair, '=', 0);
            if (sp_str_equal(sp_str_trim(sp_str_slice(pair, 0, equals)), name))
                return sp_str_trim(sp_str_slice(pair, equals + 1, pair.len));
        }
    return SP_STR_NONE;
}

bool sp_flow_domain_covers(struct sp_str domain, struct sp_str host)
{
    if (sp_str_equal_ignoring_case(domain, host))
        return true;
    return host.len > domain.len && domain.len > 0 && host.at[host.len - domain.len - 1] == '.' &&
           !sp_host_is_address(host) &&
           sp_str_equal_ignoring_case(sp_str_slice(host, host.len - domain.len, host.len), domain);
}

struct sp_str sp_flow_site(struct sp_str host)
{
    size_t dots = 0, labels_at[3] = {0, 0, 0};
    if (sp_host_is_address(host))
        return host;
    for (size_t i = host.len; i-- > 0 && dots < 3;)
        if (host.at[i] == '.')
            labels_at[dots++] = i + 1;
    if (dots < 2)
        return host;
    size_t second = labels_at[0] - 1 - labels_at[1], top = host.len - labels_at[0];
    bool short_suffix = top == 2 && second <= 3; /* co.uk, com.au */
    return sp_str_slice(host, short_suffix ? (dots == 3 ? labels_at[2] : 0) : labels_at[1], host.len);
}

/* Schemeful, as browsers count it now. */
bool sp_flow_same_site(const struct sp_url *a, const struct sp_url *b)
{
    return sp_str_equal_ignoring_case(a->scheme, b->scheme) &&
           sp_str_equal_ignoring_case(sp_flow_site(a->host), sp_flow_site(b->host));
}
