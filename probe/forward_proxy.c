/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/forward_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/base/host.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "probe/connection.h"
#include "probe/name_lookup.h"
#include "probe/network.h"

#define DEFAULT_PORT 1080 /* libcurl's, for a proxy without one */

/* ---- which ---- */
struct variable {
    const char *name;
    struct sp_str value;
};

/* In libcurl's order. HTTP_PROXY in capitals is not read: a CGI's client could set it (httpoxy). */
static bool find_variable(struct sp_str scheme, struct variable *found)
{
    const bool is_https = sp_str_equal_ignoring_case(scheme, SP_STR("https"));
    const char *const names[] = {is_https ? "https_proxy" : "http_proxy", is_https ? "HTTPS_PROXY" : NULL, "all_proxy",
                                 "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = names[i] != NULL ? getenv(names[i]) : NULL;
        if (value != NULL) {
            *found = (struct variable){names[i], sp_str_from_cstr(value)};
            return value[0] != '\0';
        }
    }
    return false;
}

static bool address_is_in(struct sp_str network, struct sp_str host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];
    if (host.len >= sizeof text || !sp_network_is_valid(network)) {
        return false;
    }
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return sp_network_contains(network, (struct sockaddr *)&v4);
    }
    return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 && sp_network_contains(network, (struct sockaddr *)&v6);
}

bool sp_forward_proxy_exempts(struct sp_str no_proxy, struct sp_str host)
{
    struct sp_str word;
    bool is_address = sp_host_is_address(host);
    struct sp_str plain = sp_str_has_prefix(host, SP_STR("[")) ? sp_str_slice(host, 1, host.len - 1) : host;
    if (sp_str_equal(sp_str_trim(no_proxy), SP_STR("*"))) {
        return true;
    }
    while (sp_str_next_word(&no_proxy, SP_STR(", \t"), &word)) {
        if (is_address) {
            if (address_is_in(word, plain)) {
                return true;
            }
            continue;
        }
        word = sp_str_has_prefix(word, SP_STR(".")) ? sp_str_slice(word, 1, word.len) : word;
        struct sp_str tail = plain.len > word.len ? sp_str_slice(plain, plain.len - word.len, plain.len) : plain;
        bool at_dot = plain.len == word.len || (plain.len > word.len && plain.at[plain.len - word.len - 1] == '.');
        if (word.len > 0 && at_dot && sp_str_equal_ignoring_case(tail, word)) {
            return true;
        }
    }
    return false;
}

static struct sp_str without_login(struct sp_arena *arena, const struct sp_url *url)
{
    return sp_arena_printf(arena, "%.*s://%.*s:%u", SP_STR_ARG(url->scheme), SP_STR_ARG(url->host),
                           url->port.len > 0 ? sp_url_port(url) : DEFAULT_PORT);
}

enum sp_status sp_forward_proxy_find(struct sp_arena *arena, const struct sp_url *url, struct sp_forward_proxy *proxy)
{
    struct variable variable;
    struct sp_url parts;
    *proxy = (struct sp_forward_proxy){.port = 0};
    if (!find_variable(url->scheme, &variable)) {
        return SP_OK;
    }
    const char *name = getenv("no_proxy") != NULL ? "no_proxy" : "NO_PROXY", *list = getenv(name);
    struct sp_str text = sp_str_contains(variable.value, SP_STR("://"))
                             ? variable.value
                             : sp_arena_printf(arena, "http://%.*s", SP_STR_ARG(variable.value));
    proxy->evidence.variable = sp_str_from_cstr(variable.name);
    if (text.at == NULL) {
        return SP_NO_MEMORY;
    }
    if (sp_url_split(text, &parts) != SP_OK) {
        proxy->evidence.in_force = true;
        proxy->evidence.url = SP_STR("(no URL)");
        return SP_OK;
    }
    proxy->scheme = parts.scheme;
    proxy->host = parts.host;
    proxy->userinfo = parts.userinfo;
    proxy->port = parts.port.len > 0 ? sp_url_port(&parts) : DEFAULT_PORT;
    proxy->evidence.url = without_login(arena, &parts);
    if (list != NULL && sp_forward_proxy_exempts(sp_str_from_cstr(list), url->host)) {
        proxy->evidence.exempted_by = sp_str_from_cstr(name);
    } else {
        proxy->evidence.in_force = true;
    }
    return proxy->evidence.url.at != NULL ? SP_OK : SP_NO_MEMORY;
}

/* ---- through it ---- */
static int open_any(struct sp_arena *arena, struct sp_forward_proxy *proxy, int64_t timeout_ms)
{
    struct sp_name_evidence name;
    int socket = -1;
    if (proxy->host.len == 0 || sp_name_look_up(arena, proxy->host, timeout_ms, &name) != SP_OK ||
        name.addresses.count == 0) {
        proxy->evidence.detail = SP_STR("its name does not resolve");
        return -1;
    }
    for (size_t i = 0; i < name.addresses.count && socket < 0; i++) {
        socket = sp_connection_open(name.addresses.at[i], proxy->port, timeout_ms);
    }
    if (socket < 0) {
        struct sp_connection_evidence row;
        int again;
        struct sp_str_list first = {name.addresses.at, 1};
        if (sp_connections_try(arena, first, proxy->port, timeout_ms, &row, &again) == SP_OK) {
            proxy->evidence.detail =
                sp_arena_printf(arena, "%.*s: %.*s", SP_STR_ARG(row.address), SP_STR_ARG(row.detail));
            sp_connection_close(&again);
        }
    }
    return socket;
}

/* "Proxy-Authorization: Basic …\r\n", or nothing. The URL's login is percent-encoded (RFC 3986 3.2.1). */
static struct sp_str login_header(struct sp_arena *arena, struct sp_str userinfo)
{
    char login[512];
    size_t len = 0;
    struct sp_str encoded = SP_STR_NONE;
    for (size_t i = 0; i < userinfo.len && len < sizeof login; i++) {
        unsigned value = (unsigned char)userinfo.at[i];
        if (value == '%' && i + 2 < userinfo.len && sscanf(userinfo.at + i + 1, "%2x", &value) == 1) {
            i += 2;
        }
        login[len++] = (char)value;
    }
    bool made = len > 0 && sp_base64_encode(arena, sp_str(login, len), &encoded) == SP_OK;
    sp_wipe(login, sizeof login);
    return made ? sp_arena_printf(arena, "Proxy-Authorization: Basic %.*s\r\n", SP_STR_ARG(encoded)) : SP_STR("");
}

static void ask_for_tunnel(struct sp_arena *arena, struct sp_forward_proxy *proxy, const struct sp_url *target,
                           int socket, int64_t deadline_ms)
{
    char answer[2048];
    size_t used = 0;
    struct sp_str request = sp_arena_printf(arena, "CONNECT %.*s:%u HTTP/1.1\r\nHost: %.*s:%u\r\n%.*s\r\n",
                                            SP_STR_ARG(target->host), sp_url_port(target), SP_STR_ARG(target->host),
                                            sp_url_port(target), SP_STR_ARG(login_header(arena, proxy->userinfo)));
    bool sent = request.at != NULL && sp_connection_send(socket, request, deadline_ms);
    /* Byte by byte, so that nothing of the tunnel is taken. */
    while (sent && used < sizeof answer && sp_connection_receive(socket, answer + used, 1, deadline_ms) == 1) {
        used++;
        if (used >= 4 && memcmp(answer + used - 4, "\r\n\r\n", 4) == 0) {
            break;
        }
    }
    struct sp_str line = sp_str(answer, used);
    line = sp_str_trim(sp_str_slice(line, 0, sp_str_index_of(line, '\n', 0)));
    size_t space = sp_str_index_of(line, ' ', 0);
    int status = sp_str_has_prefix(line, SP_STR("HTTP/")) ? atoi(line.at + (space < line.len ? space : 0)) : 0;
    proxy->evidence.status = status;
    if (status != 200) {
        struct sp_str copy;
        proxy->evidence.is_reached = status != 0;
        if (sp_arena_copy(arena, sp_str_slice(line, 0, 80), &copy) == SP_OK) {
            proxy->evidence.detail = status != 0
                                         ? sp_arena_printf(arena, "it answers CONNECT with \"%.*s\"", SP_STR_ARG(copy))
                                         : SP_STR("it does not answer CONNECT as a proxy does");
        }
    }
}

int sp_forward_proxy_open(struct sp_arena *arena, struct sp_forward_proxy *proxy, const struct sp_url *target,
                          int64_t timeout_ms)
{
    int64_t deadline = sp_monotonic_ms() + timeout_ms;
    int socket = open_any(arena, proxy, timeout_ms);
    proxy->evidence.asked = true;
    proxy->evidence.is_reached = socket >= 0;
    bool tunnels = sp_str_equal_ignoring_case(proxy->scheme, SP_STR("http")) &&
                   sp_str_equal_ignoring_case(target->scheme, SP_STR("https"));
    if (socket >= 0 && tunnels) {
        ask_for_tunnel(arena, proxy, target, socket, deadline);
    }
    if (!tunnels || proxy->evidence.status != 200) {
        sp_connection_close(&socket);
    }
    return socket;
}
