/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/redirect_uri_policy.h"

#include "core/base/host.h"
#include "core/base/url.h"

static const char *fault_of_characters(struct sp_str uri)
{
    if (uri.len == 0 || uri.len > SP_MAX_REDIRECT_URI_BYTES)
        return "It is empty or longer than 2048 bytes.";
    for (size_t i = 0; i < uri.len; i++) {
        unsigned char c = (unsigned char)uri.at[i];
        if (c <= 0x20 || c >= 0x7F || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' ||
            c == '{' || c == '|' || c == '}')
            return "It holds a character that no URI has (RFC 3986 2); encode it as %XX.";
        if (c == '#')
            return "It has a fragment (RFC 6749 3.1.2); remove what begins at '#'.";
        if (c == '*')
            return "It holds a '*'; redirect URIs are compared byte by byte, no pattern is followed: register each "
                   "one.";
    }
    return NULL;
}

static const char *fault_of_http(struct sp_str uri, struct sp_str scheme, struct sp_redirect_uri_policy policy)
{
    struct sp_url url;
    if (sp_url_split(uri, &url) != SP_OK)
        return "It has no host, one with a character that no name has, or a port that is none; write "
               "https://host/path.";
    if (url.userinfo.at != NULL)
        return "It has a user or password in front of the host.";
    if (sp_str_equal_ignoring_case(scheme, SP_STR("https")))
        return NULL;
    if (!sp_host_is_loopback(url.host))
        return "Plain http is for loopback addresses only (RFC 8252 8.3); register an https URI.";
    if (!policy.native && !policy.allows_loopback)
        return "A web application needs https; for an application on the person's own machine register "
               "application_type native.";
    return NULL;
}

const char *sp_redirect_uri_fault(struct sp_str uri, struct sp_redirect_uri_policy policy)
{
    const char *fault = fault_of_characters(uri);
    struct sp_str scheme = sp_str_slice(uri, 0, sp_str_index_of(uri, ':', 0));
    if (fault != NULL)
        return fault;
    if (scheme.len == uri.len || !sp_url_is_scheme(scheme))
        return "It is not absolute; it begins with https:// or, in a native application, with a scheme of its own.";
    if (sp_str_equal_ignoring_case(scheme, SP_STR("https")) || sp_str_equal_ignoring_case(scheme, SP_STR("http")))
        return fault_of_http(uri, scheme, policy);
    if (!policy.native)
        return "A web application needs https; schemes of their own are for application_type native.";
    /* javascript:, data:, file: have none. */
    if (sp_str_index_of(scheme, '.', 0) == scheme.len)
        return "A scheme of one's own is a domain name in reverse, such as com.example.app:/callback (RFC 8252 7.1).";
    return scheme.len + 1 == uri.len ? "Nothing follows its scheme; write com.example.app:/callback." : NULL;
}
