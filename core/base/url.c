/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/url.h"

#include "core/base/host.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool sp_url_is_scheme(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool inner = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!is_letter(c) && (i == 0 || !inner))
            return false;
    }
    return s.len > 0;
}

static bool has_no_blanks(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= 0x20 || s.at[i] == 0x7f)
            return false;
    return true;
}

static bool is_port(struct sp_str s, unsigned *number)
{
    unsigned value = 0;
    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        value = value * 10 + (unsigned)(s.at[i] - '0');
    }
    *number = value;
    return value < 65536;
}

static size_t index_of_any(struct sp_str s, const char *any, size_t from)
{
    for (size_t i = from; i < s.len; i++)
        if (strchr(any, s.at[i]) != NULL && s.at[i] != '\0')
            return i;
    return s.len;
}

/* Beyond ASCII: a name that is written as people read it. */
static bool is_name(struct sp_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.at[i];
        bool plain = is_letter(host.at[i]) || (c >= '0' && c <= '9') || c >= 0x80;
        if (!plain && strchr("-._", c) == NULL)
            return false;
    }
    return host.len > 0;
}

static enum sp_status split_authority(struct sp_str authority, struct sp_url *url)
{
    size_t at = sp_str_index_of(authority, '@', 0);
    if (at < authority.len) {
        url->userinfo = sp_str_slice(authority, 0, at);
        authority = sp_str_slice(authority, at + 1, authority.len);
    }
    /* Browsers take a backslash for '/': what is a user's name here would be their host. */
    if (index_of_any(url->userinfo, "\\[]", 0) < url->userinfo.len)
        return SP_MALFORMED;
    bool bracketed = authority.len > 0 && authority.at[0] == '[';
    size_t end = bracketed ? sp_str_index_of(authority, ']', 0) + 1 : sp_str_index_of(authority, ':', 0);
    url->host = sp_str_slice(authority, 0, end);
    if (!(bracketed ? sp_host_is_bracketed(url->host) : is_name(url->host)))
        return SP_MALFORMED;
    if (end < authority.len) {
        unsigned number;
        url->port = sp_str_slice(authority, end + 1, authority.len);
        if (authority.at[end] != ':' || !is_port(url->port, &number))
            return SP_MALFORMED;
    }
    return SP_OK;
}

enum sp_status sp_url_split(struct sp_str text, struct sp_url *out)
{
    struct sp_url url = {0};
    size_t colon = sp_str_index_of(text, ':', 0);
    url.scheme = sp_str_slice(text, 0, colon);
    struct sp_str rest = sp_str_slice(text, colon, text.len);
    if (!sp_url_is_scheme(url.scheme) || !sp_str_has_prefix(rest, SP_STR("://")) || !has_no_blanks(text))
        return SP_MALFORMED;
    rest = sp_str_slice(rest, 3, rest.len);
    size_t end = index_of_any(rest, "/?#", 0);
    enum sp_status status = split_authority(sp_str_slice(rest, 0, end), &url);
    if (status != SP_OK)
        return status;
    rest = sp_str_slice(rest, end, rest.len);
    size_t hash = sp_str_index_of(rest, '#', 0);
    if (hash < rest.len)
        url.fragment = sp_str_slice(rest, hash + 1, rest.len);
    rest = sp_str_slice(rest, 0, hash);
    size_t question = sp_str_index_of(rest, '?', 0);
    if (question < rest.len)
        url.query = sp_str_slice(rest, question + 1, rest.len);
    url.path = sp_str_slice(rest, 0, question);
    *out = url;
    return SP_OK;
}

unsigned sp_url_port(const struct sp_url *url)
{
    unsigned number = 0;
    if (url->port.at != NULL && is_port(url->port, &number))
        return number;
    if (sp_str_equal_ignoring_case(url->scheme, SP_STR("https")))
        return 443;
    return sp_str_equal_ignoring_case(url->scheme, SP_STR("http")) ? 80 : 0;
}

bool sp_url_is_secure(const struct sp_url *url)
{
    return sp_str_equal_ignoring_case(url->scheme, SP_STR("https")) ||
           (sp_str_equal_ignoring_case(url->scheme, SP_STR("http")) && sp_host_is_loopback(url->host));
}
