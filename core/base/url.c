/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/url.h"

static bool is_scheme(struct sp_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inner = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !inner))
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

static enum sp_status split_authority(struct sp_str authority, struct sp_url *url)
{
    size_t at = sp_str_index_of(authority, '@', 0);
    if (at < authority.len) {
        url->userinfo = sp_str_slice(authority, 0, at);
        authority = sp_str_slice(authority, at + 1, authority.len);
    }
    size_t from = 0;
    if (authority.len > 0 && authority.at[0] == '[') {
        from = sp_str_index_of(authority, ']', 0);
        if (from == authority.len)
            return SP_MALFORMED;
    }
    size_t colon = sp_str_index_of(authority, ':', from);
    url->host = sp_str_slice(authority, 0, colon);
    if (colon < authority.len) {
        unsigned number;
        url->port = sp_str_slice(authority, colon + 1, authority.len);
        if (!is_port(url->port, &number))
            return SP_MALFORMED;
    }
    return url->host.len > 0 ? SP_OK : SP_MALFORMED;
}

enum sp_status sp_url_split(struct sp_str text, struct sp_url *out)
{
    struct sp_url url = {0};
    size_t colon = sp_str_index_of(text, ':', 0);
    url.scheme = sp_str_slice(text, 0, colon);
    struct sp_str rest = sp_str_slice(text, colon, text.len);
    if (!is_scheme(url.scheme) || !sp_str_has_prefix(rest, SP_STR("://")) || !has_no_blanks(text))
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

/* Exactly four decimal numbers below 256. */
static bool read_ipv4(struct sp_str host, unsigned octets[4])
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        unsigned value = 0;
        size_t digits = 0;
        for (; at < host.len && host.at[at] >= '0' && host.at[at] <= '9' && digits < 4; at++, digits++)
            value = value * 10 + (unsigned)(host.at[at] - '0');
        if (digits == 0 || digits > 3 || value > 255)
            return false;
        octets[i] = value;
        if (i < 3 && (at >= host.len || host.at[at++] != '.'))
            return false;
    }
    return at == host.len;
}

bool sp_host_is_address(struct sp_str host)
{
    unsigned octets[4];
    return (host.len > 0 && host.at[0] == '[') || read_ipv4(host, octets);
}

static bool has_suffix_ignoring_case(struct sp_str s, struct sp_str suffix)
{
    return s.len >= suffix.len && sp_str_equal_ignoring_case(sp_str_slice(s, s.len - suffix.len, s.len), suffix);
}

bool sp_host_is_loopback(struct sp_str host)
{
    unsigned octets[4];
    if (read_ipv4(host, octets))
        return octets[0] == 127;
    return sp_str_equal_ignoring_case(host, SP_STR("localhost")) ||
           has_suffix_ignoring_case(host, SP_STR(".localhost")) || sp_str_equal(host, SP_STR("[::1]")) ||
           sp_str_equal(host, SP_STR("[0:0:0:0:0:0:0:1]"));
}

static bool is_internal_ipv4(const unsigned octets[4])
{
    return octets[0] == 10 || octets[0] == 127 || octets[0] == 0 || (octets[0] == 192 && octets[1] == 168) ||
           (octets[0] == 172 && octets[1] >= 16 && octets[1] < 32) || (octets[0] == 169 && octets[1] == 254) ||
           (octets[0] == 100 && octets[1] >= 64 && octets[1] < 128);
}

bool sp_host_is_internal(struct sp_str host)
{
    static const char *const zones[] = {".local", ".internal", ".localdomain", ".svc", ".lan", ".docker", ".intranet"};
    unsigned octets[4];
    if (sp_host_is_loopback(host))
        return true;
    if (read_ipv4(host, octets))
        return is_internal_ipv4(octets);
    if (host.len > 0 && host.at[0] == '[') {
        struct sp_str head = sp_str_slice(host, 1, 3);
        return sp_str_equal_ignoring_case(head, SP_STR("fc")) || sp_str_equal_ignoring_case(head, SP_STR("fd")) ||
               sp_str_equal_ignoring_case(head, SP_STR("fe"));
    }
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        if (has_suffix_ignoring_case(host, sp_str_from_cstr(zones[i])))
            return true;
    return sp_str_index_of(host, '.', 0) == host.len;
}

bool sp_url_is_secure(const struct sp_url *url)
{
    return sp_str_equal_ignoring_case(url->scheme, SP_STR("https")) ||
           (sp_str_equal_ignoring_case(url->scheme, SP_STR("http")) && sp_host_is_loopback(url->host));
}
