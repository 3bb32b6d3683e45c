/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/redirect_uri.h"

#include "core/base/host.h"
#include "core/base/url.h"

static bool same(struct sp_str a, struct sp_str b)
{
    return sp_str_equal(a, b);
}

static bool is_loopback_address(struct sp_str host)
{
    return sp_str_equal(host, SP_STR("127.0.0.1")) || sp_str_equal(host, SP_STR("[::1]"));
}

/* RFC 8252 7.3: equal but for the port, on a loopback address, http. */
static bool differs_by_loopback_port(struct sp_str registered, struct sp_str sent)
{
    struct sp_url a, b;
    return sp_url_split(registered, &a) == SP_OK && sp_url_split(sent, &b) == SP_OK && same(a.scheme, SP_STR("http")) &&
           same(b.scheme, a.scheme) && is_loopback_address(a.host) && same(a.host, b.host) && same(a.path, b.path) &&
           same(a.query, b.query) && b.fragment.at == NULL && b.userinfo.at == NULL;
}

bool sp_redirect_uri_is_registered(struct sp_str_list registered, struct sp_str sent, bool any_loopback_port)
{
    for (size_t i = 0; i < registered.count; i++)
        if (same(registered.at[i], sent) || (any_loopback_port && differs_by_loopback_port(registered.at[i], sent)))
            return true;
    return false;
}

/* ---- the ways in which two can differ; each holds only when nothing else differs ---- */
struct pair {
    struct sp_str registered, sent;
    struct sp_url r, s; /* pieces; scheme absent where it could not be split */
    struct sp_arena *arena;
};

static struct sp_str without_slash(struct sp_str text)
{
    return sp_str_has_suffix(text, SP_STR("/")) ? sp_str_slice(text, 0, text.len - 1) : text;
}

static bool by_slash(const struct pair *p)
{
    return same(without_slash(p->registered), without_slash(p->sent));
}

static bool rest_is_same(const struct pair *p)
{
    return same(p->r.path, p->s.path) && same(p->r.query, p->s.query);
}

static bool by_scheme(const struct pair *p)
{
    return !same(p->r.scheme, p->s.scheme) && same(p->r.host, p->s.host) && same(p->r.port, p->s.port) &&
           rest_is_same(p);
}

static bool by_host_alias(const struct pair *p)
{
    return same(p->r.scheme, p->s.scheme) && !same(p->r.host, p->s.host) && sp_host_is_loopback(p->r.host) &&
           sp_host_is_loopback(p->s.host) && same(p->r.port, p->s.port) && rest_is_same(p);
}

static struct sp_str without_www(struct sp_str host)
{
    return sp_str_has_prefix(host, SP_STR("www.")) ? sp_str_slice(host, 4, host.len) : host;
}

static bool by_www(const struct pair *p)
{
    return same(p->r.scheme, p->s.scheme) && !same(p->r.host, p->s.host) &&
           same(without_www(p->r.host), without_www(p->s.host)) && same(p->r.port, p->s.port) && rest_is_same(p);
}

static bool by_port(const struct pair *p)
{
    return same(p->r.scheme, p->s.scheme) && same(p->r.host, p->s.host) && !same(p->r.port, p->s.port) &&
           rest_is_same(p);
}

static bool by_case(const struct pair *p)
{
    return sp_str_equal_ignoring_case(p->registered, p->sent);
}

static bool by_query(const struct pair *p)
{
    return same(p->r.scheme, p->s.scheme) && same(p->r.host, p->s.host) && same(p->r.port, p->s.port) &&
           same(p->r.path, p->s.path) && !same(p->r.query, p->s.query);
}

static bool by_path(const struct pair *p)
{
    return same(p->r.scheme, p->s.scheme) && same(p->r.host, p->s.host) && same(p->r.port, p->s.port) &&
           !same(p->r.path, p->s.path);
}

static struct sp_str decoded(struct sp_arena *arena, struct sp_str text)
{
    char *at = sp_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; at != NULL && i < text.len; i++) {
        bool escape = text.at[i] == '%' && i + 2 < text.len && sp_hex_digit(text.at[i + 1]) >= 0 &&
                      sp_hex_digit(text.at[i + 2]) >= 0;
        at[len++] = escape ? (char)(sp_hex_digit(text.at[i + 1]) * 16 + sp_hex_digit(text.at[i + 2])) : text.at[i];
        i += escape ? 2 : 0;
    }
    return at != NULL ? sp_str(at, len) : SP_STR_NONE;
}

static bool by_encoding(const struct pair *p)
{
    struct sp_str r = decoded(p->arena, p->registered), s = decoded(p->arena, p->sent);
    return r.at != NULL && s.at != NULL && same(r, s);
}

/* The order decides where two hold: the finer first. */
static const struct {
    bool (*holds)(const struct pair *);
    enum sp_cause cause;
} classes[] = {
    {by_slash, SP_CAUSE_REDIRECT_URI_TRAILING_SLASH},
    {by_scheme, SP_CAUSE_REDIRECT_URI_SCHEME},
    {by_host_alias, SP_CAUSE_REDIRECT_URI_HOST_ALIAS},
    {by_www, SP_CAUSE_REDIRECT_URI_WWW},
    {by_port, SP_CAUSE_REDIRECT_URI_PORT},
    {by_case, SP_CAUSE_REDIRECT_URI_CASE},
    {by_encoding, SP_CAUSE_REDIRECT_URI_ENCODING},
    {by_query, SP_CAUSE_REDIRECT_URI_QUERY},
    {by_path, SP_CAUSE_REDIRECT_URI_PATH},
};
#define CLASS_COUNT (sizeof classes / sizeof classes[0])

static size_t first_difference(struct sp_str a, struct sp_str b)
{
    size_t i = 0;
    while (i < a.len && i < b.len && a.at[i] == b.at[i])
        i++;
    while (i > 0 && i < a.len && ((unsigned char)a.at[i] & 0xC0) == 0x80)
        i--; /* never inside a character */
    return i;
}

/* What stands behind a loopback URI's port. */
static size_t behind_port(struct sp_str uri, const struct sp_url *url)
{
    struct sp_str last = url->port.at != NULL ? url->port : url->host;
    return (size_t)(last.at + last.len - uri.at);
}

struct sp_redirect_uri_difference sp_redirect_uri_compare(struct sp_str registered, struct sp_str sent)
{
    struct sp_url r, s;
    size_t at = first_difference(registered, sent);
    if (sp_url_split(registered, &r) != SP_OK || sp_url_split(sent, &s) != SP_OK || !same(r.scheme, SP_STR("http")) ||
        !same(r.scheme, s.scheme) || !sp_host_is_loopback(r.host) || !same(r.host, s.host))
        return (struct sp_redirect_uri_difference){at, at};
    size_t r_from = behind_port(registered, &r), s_from = behind_port(sent, &s);
    struct sp_str r_rest = sp_str_slice(registered, r_from, registered.len),
                  s_rest = sp_str_slice(sent, s_from, sent.len);
    if (same(r_rest, s_rest))
        return (struct sp_redirect_uri_difference){at, at};
    at = first_difference(r_rest, s_rest);
    return (struct sp_redirect_uri_difference){r_from + at, s_from + at};
}

/* The class of one pair; CLASS_COUNT when they differ in more than one way. */
static size_t classify_as_written(struct sp_arena *arena, struct sp_str registered, struct sp_str sent)
{
    struct pair pair = {.registered = registered, .sent = sent, .arena = arena};
    if (sp_url_split(registered, &pair.r) != SP_OK || sp_url_split(sent, &pair.s) != SP_OK)
        return CLASS_COUNT;
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (classes[i].holds(&pair))
            return i;
    return CLASS_COUNT;
}

/* A loopback URI without its port; absent for any other. */
static struct sp_str without_loopback_port(struct sp_arena *arena, struct sp_str uri)
{
    struct sp_url url;
    if (sp_url_split(uri, &url) != SP_OK || !same(url.scheme, SP_STR("http")) || !sp_host_is_loopback(url.host))
        return SP_STR_NONE;
    if (url.port.at == NULL)
        return uri;
    size_t from = (size_t)(url.port.at - uri.at);
    return sp_arena_printf(arena, "%.*s%.*s", SP_STR_ARG(sp_str_slice(uri, 0, from - 1)),
                           SP_STR_ARG(sp_str_slice(uri, from + url.port.len, uri.len)));
}

/* A native app takes its port as it finds it (RFC 8252 7.3): beside another difference that of the ports says nothing.
 */
static size_t classify(struct sp_arena *arena, struct sp_str registered, struct sp_str sent)
{
    size_t class = classify_as_written(arena, registered, sent);
    if (class < CLASS_COUNT)
        return class;
    struct sp_str r = without_loopback_port(arena, registered), s = without_loopback_port(arena, sent);
    return r.at != NULL && s.at != NULL ? classify_as_written(arena, r, s) : CLASS_COUNT;
}

struct sp_redirect_uri_finding sp_redirect_uri_explain(struct sp_arena *arena, struct sp_str_list registered,
                                                       struct sp_str sent, bool was_https)
{
    struct sp_redirect_uri_finding found = {.cause = SP_CAUSE_REDIRECT_URI_UNREGISTERED};
    /* Beside a fragment any other difference counts, and none is nearest. */
    struct sp_str bare = sp_str_slice(sent, 0, sp_str_index_of(sent, '#', 0));
    size_t best = CLASS_COUNT + 1;
    for (size_t i = 0; i < registered.count; i++) {
        bool is_only_fragment = bare.len < sent.len && same(bare, registered.at[i]);
        size_t class = classify(arena, registered.at[i], bare), at = first_difference(sent, registered.at[i]);
        if (is_only_fragment) {
            found.nearest = registered.at[i];
            found.differs_at = at;
            break;
        }
        if (class < best || (class == best && at > found.differs_at)) {
            best = class;
            found.nearest = registered.at[i];
            found.differs_at = at;
        }
    }
    if (registered.count > 0)
        found.cause = best < CLASS_COUNT ? classes[best].cause : SP_CAUSE_REDIRECT_URI_MISMATCH;
    if (sp_str_index_of(sent, '#', 0) < sent.len)
        found.cause = SP_CAUSE_REDIRECT_URI_FRAGMENT;
    if (found.cause == SP_CAUSE_REDIRECT_URI_SCHEME && was_https && sp_str_has_prefix(sent, SP_STR("http:")))
        found.cause = SP_CAUSE_REDIRECT_URI_BEHIND_PROXY;
    return found;
}
