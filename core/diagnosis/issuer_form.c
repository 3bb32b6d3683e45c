/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/issuer_form.h"

#include "core/base/host.h"
#include "core/base/url.h"

static struct sp_str without_slash(struct sp_str s)
{
    return s.len > 0 && s.at[s.len - 1] == '/' ? sp_str_slice(s, 0, s.len - 1) : s;
}

bool sp_url_differs_by_slash(struct sp_str a, struct sp_str b)
{
    return sp_str_equal(without_slash(a), without_slash(b)) && a.len != b.len;
}

/* The text behind "http://" or "https://", absent without either. */
static struct sp_str behind_http(struct sp_str s)
{
    if (sp_str_has_prefix(s, SP_STR("https://")))
        return sp_str_slice(s, 8, s.len);
    if (sp_str_has_prefix(s, SP_STR("http://")))
        return sp_str_slice(s, 7, s.len);
    return SP_STR_NONE;
}

/* Equal but for "http" against "https" in front. */
static bool differs_by_scheme(struct sp_str a, struct sp_str b)
{
    struct sp_str rest_a = behind_http(a), rest_b = behind_http(b);
    return rest_a.len > 0 && sp_str_equal(rest_a, rest_b) && a.len != b.len;
}

bool sp_url_differs_by_case(struct sp_str a, struct sp_str b)
{
    return sp_str_equal_ignoring_case(a, b) && !sp_str_equal(a, b);
}

/* Google: iss "accounts.google.com" for the issuer "https://accounts.google.com". */
static bool lacks_scheme(struct sp_str expected, struct sp_str received)
{
    return sp_str_equal(behind_http(expected), received) || sp_str_equal(behind_http(received), expected);
}

static bool differs_by_blanks(struct sp_str expected, struct sp_str received)
{
    return sp_str_equal(sp_str_trim(expected), sp_str_trim(received));
}

static bool is_template(struct sp_str expected, struct sp_str received)
{
    (void)received;
    size_t open = sp_str_index_of(expected, '{', 0);
    return open < expected.len && sp_str_index_of(expected, '}', open) < expected.len;
}

static bool same_rest(const struct sp_url *a, const struct sp_url *b)
{
    return sp_str_equal(a->path, b->path) && sp_str_equal(a->query, b->query) &&
           sp_str_equal(a->fragment, b->fragment) && sp_str_equal(a->userinfo, b->userinfo);
}

static bool differs_by_port(struct sp_str expected, struct sp_str received)
{
    struct sp_url a, b;
    if (sp_url_split(expected, &a) != SP_OK || sp_url_split(received, &b) != SP_OK)
        return false;
    return sp_str_equal(a.scheme, b.scheme) && sp_str_equal(a.host, b.host) && same_rest(&a, &b) &&
           !sp_str_equal(a.port, b.port);
}

/* One of the hosts is a name that only this machine or this network knows: the same server under two names. */
static bool is_host_alias(struct sp_str expected, struct sp_str received)
{
    struct sp_url a, b;
    if (sp_url_split(expected, &a) != SP_OK || sp_url_split(received, &b) != SP_OK)
        return false;
    return sp_str_equal(without_slash(a.path), without_slash(b.path)) && !sp_str_equal_ignoring_case(a.host, b.host) &&
           (sp_host_is_internal(a.host) || sp_host_is_internal(b.host));
}

static bool differs_by_path(struct sp_str expected, struct sp_str received)
{
    struct sp_url a, b;
    if (sp_url_split(expected, &a) != SP_OK || sp_url_split(received, &b) != SP_OK)
        return false;
    return sp_str_equal_ignoring_case(a.scheme, b.scheme) && sp_str_equal_ignoring_case(a.host, b.host) &&
           sp_url_port(&a) == sp_url_port(&b) && !sp_str_equal(a.path, b.path);
}

/* The first path segment: Entra's tenant. */
static struct sp_str first_segment(struct sp_str path)
{
    return path.len > 1 ? sp_str_slice(path, 1, sp_str_index_of(path, '/', 1)) : SP_STR_NONE;
}

static bool is_entra_v1(const struct sp_url *url)
{
    return sp_str_equal(url->host, SP_STR("sts.windows.net")) ||
           sp_str_equal(url->host, SP_STR("sts.chinacloudapi.cn"));
}

static bool is_entra_v2(const struct sp_url *url)
{
    static const char *const hosts[] = {"login.microsoftonline.com", "login.microsoftonline.us",
                                        "login.partner.microsoftonline.cn", "login.windows.net"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (sp_str_equal(url->host, sp_str_from_cstr(hosts[i])))
            return true;
    return false;
}

static bool differs_by_entra_version(struct sp_str expected, struct sp_str received)
{
    struct sp_url a, b;
    if (sp_url_split(expected, &a) != SP_OK || sp_url_split(received, &b) != SP_OK)
        return false;
    bool crossed = (is_entra_v1(&a) && is_entra_v2(&b)) || (is_entra_v2(&a) && is_entra_v1(&b));
    return crossed && sp_str_equal(first_segment(a.path), first_segment(b.path));
}

/* AD FS signs access tokens as http://HOST/adfs/services/trust while its discovery says https://HOST/adfs. */
static bool is_adfs_trust(struct sp_str expected, struct sp_str received)
{
    struct sp_str tail = SP_STR("/services/trust");
    if (!sp_str_has_suffix(received, tail))
        return false;
    struct sp_str base = sp_str_slice(received, 0, received.len - tail.len);
    struct sp_str trimmed = without_slash(expected);
    return sp_str_equal(base, trimmed) || differs_by_scheme(base, trimmed);
}

/* "acme-admin.okta.com" is the console of "acme.okta.com"; nothing is issued under it. */
static bool is_admin_host_of(struct sp_str admin, struct sp_str plain)
{
    static const char *const zones[] = {".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com"};
    struct sp_str mark = SP_STR("-admin");
    size_t dot = sp_str_index_of(admin, '.', 0), plain_dot = sp_str_index_of(plain, '.', 0);
    struct sp_str name = sp_str_slice(admin, 0, dot), zone = sp_str_slice(admin, dot, admin.len);
    if (!sp_str_has_suffix(name, mark) || !sp_str_equal(zone, sp_str_slice(plain, plain_dot, plain.len)) ||
        !sp_str_equal(sp_str_slice(name, 0, name.len - mark.len), sp_str_slice(plain, 0, plain_dot)))
        return false;
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        if (sp_str_equal_ignoring_case(zone, sp_str_from_cstr(zones[i])))
            return true;
    return false;
}

static bool is_admin_host(struct sp_str expected, struct sp_str received)
{
    struct sp_url a, b;
    if (sp_url_split(expected, &a) != SP_OK || sp_url_split(received, &b) != SP_OK)
        return false;
    return is_admin_host_of(a.host, b.host) || is_admin_host_of(b.host, a.host);
}

/* The first that holds is named: from texts that are nearly equal to those that share little. */
static const struct {
    bool (*holds)(struct sp_str expected, struct sp_str received);
    enum sp_cause cause;
} differences[] = {
    {sp_url_differs_by_slash, SP_CAUSE_ISSUER_TRAILING_SLASH},
    {differs_by_blanks, SP_CAUSE_ISSUER_WHITESPACE},
    {is_template, SP_CAUSE_ISSUER_TEMPLATE},
    {differs_by_scheme, SP_CAUSE_ISSUER_SCHEME},
    {lacks_scheme, SP_CAUSE_ISSUER_NO_SCHEME},
    {sp_url_differs_by_case, SP_CAUSE_ISSUER_CASE},
    {differs_by_port, SP_CAUSE_ISSUER_PORT},
    {is_adfs_trust, SP_CAUSE_ISSUER_ADFS_SERVICES_TRUST},
    {differs_by_entra_version, SP_CAUSE_ISSUER_VERSION},
    {is_admin_host, SP_CAUSE_ISSUER_ADMIN_HOST},
    {is_host_alias, SP_CAUSE_ISSUER_HOST_ALIAS},
    {differs_by_path, SP_CAUSE_ISSUER_PATH},
};

enum sp_cause sp_issuer_difference(struct sp_str expected, struct sp_str received)
{
    if (sp_str_equal(expected, received))
        return SP_CAUSE_NONE;
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++)
        if (differences[i].holds(expected, received))
            return differences[i].cause;
    return SP_CAUSE_ISSUER_MISMATCH;
}
