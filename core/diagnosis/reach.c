/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/reach.h"

#include "core/base/url.h"
#include "core/diagnosis/document_report.h"
#include "core/diagnosis/words.h"

static bool has(struct sp_str_list list, struct sp_str item)
{
    for (size_t i = 0; i < list.count; i++) {
        if (sp_str_equal(list.at[i], item)) {
            return true;
        }
    }
    return false;
}

/* One address that the name servers do not know is enough: whoever takes it goes elsewhere. */
static bool hosts_differ(const struct sp_name_evidence *name)
{
    for (size_t i = 0; i < name->hosts.count; i++) {
        if (!has(name->dns_addresses, name->hosts.at[i])) {
            return true;
        }
    }
    return false;
}

static struct sp_str asked(struct sp_arena *arena, const struct sp_name_evidence *name)
{
    return sp_arena_printf(arena, "Asked: %.*s.%s%.*s%s",
                           SP_STR_ARG(name->resolver.len > 0 ? name->resolver : SP_STR("no name server is configured")),
                           name->detail.len > 0 ? " Answer: " : "", SP_STR_ARG(name->detail),
                           name->detail.len > 0 ? "." : "");
}

void sp_name_judge(struct sp_arena *arena, const struct sp_name_evidence *name, struct sp_document_findings *findings)
{
    if (name->is_address) {
        return;
    }
    if (name->system == SP_LOOKUP_NOT_FOUND || name->system == SP_LOOKUP_TIMEOUT) {
        struct sp_finding *finding =
            sp_document_saw(findings, name->system == SP_LOOKUP_TIMEOUT ? SP_CAUSE_NETWORK_DNS_TIMEOUT
                                                                        : SP_CAUSE_NETWORK_DNS_NOT_FOUND);
        finding->expected = name->host;
        finding->received = name->system == SP_LOOKUP_TIMEOUT ? SP_STR("no answer") : SP_STR("no address");
        finding->detail = asked(arena, name);
        finding->tolerated = name->by_proxy;
    }
    if (name->dns == SP_LOOKUP_FOUND && name->hosts.count > 0 && hosts_differ(name)) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_NETWORK_DNS_HOSTS_OVERRIDE);
        finding->expected = sp_words_list(arena, name->dns_addresses.at, name->dns_addresses.count);
        finding->received =
            sp_arena_printf(arena, "%.*s (%.*s)", SP_STR_ARG(sp_words_list(arena, name->hosts.at, name->hosts.count)),
                            SP_STR_ARG(name->hosts_file));
        finding->detail = name->host;
    }
}

void sp_connections_judge(struct sp_arena *arena, const struct sp_connection_evidence *connections, size_t count,
                          struct sp_document_findings *findings)
{
    static const enum sp_cause causes[] = {
        [SP_CONNECTION_OPEN] = SP_CAUSE_NONE,
        [SP_CONNECTION_REFUSED] = SP_CAUSE_NETWORK_TCP_REFUSED,
        [SP_CONNECTION_TIMEOUT] = SP_CAUSE_NETWORK_TCP_TIMEOUT,
        [SP_CONNECTION_UNREACHABLE] = SP_CAUSE_NETWORK_TCP_UNREACHABLE,
    };
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        open += connections[i].outcome == SP_CONNECTION_OPEN;
    }
    for (size_t i = 0; i < count; i++) {
        const struct sp_connection_evidence *row = &connections[i];
        if (row->outcome == SP_CONNECTION_OPEN) {
            continue;
        }
        struct sp_finding *finding = sp_document_saw(findings, causes[row->outcome]);
        finding->received = row->address;
        finding->tolerated = open > 0;
        finding->detail = open > 0 ? sp_arena_printf(arena, "%.*s; %zu of %zu addresses answer.",
                                                     SP_STR_ARG(row->detail), open, count)
                                   : sp_arena_printf(arena, "%.*s.", SP_STR_ARG(row->detail));
    }
}

void sp_proxy_judge(struct sp_arena *arena, const struct sp_proxy_evidence *proxy,
                    struct sp_document_findings *findings)
{
    if (!proxy->in_force || !proxy->asked) {
        return;
    }
    if (!proxy->is_reached || (proxy->status != 0 && proxy->status != 200)) {
        struct sp_finding *finding = sp_document_saw(
            findings, proxy->status == 407 ? SP_CAUSE_NETWORK_PROXY_AUTH_REQUIRED : SP_CAUSE_NETWORK_PROXY_UNREACHABLE);
        finding->received = proxy->url;
        finding->detail =
            proxy->detail.len > 0 && proxy->status != 407
                ? sp_arena_printf(arena, "set by %.*s; %.*s", SP_STR_ARG(proxy->variable), SP_STR_ARG(proxy->detail))
                : sp_arena_printf(arena, "set by %.*s", SP_STR_ARG(proxy->variable));
    }
}

static enum sp_cause upstream_cause(enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    if (sp_str_has_prefix(id, SP_STR("network.dns."))) {
        return SP_CAUSE_UPSTREAM_DNS;
    }
    if (sp_str_has_prefix(id, SP_STR("network.tls."))) {
        return SP_CAUSE_UPSTREAM_TLS;
    }
    if (cause == SP_CAUSE_NETWORK_TCP_TIMEOUT || cause == SP_CAUSE_NETWORK_HTTP_TIMEOUT) {
        return SP_CAUSE_UPSTREAM_TIMEOUT;
    }
    return cause == SP_CAUSE_NETWORK_TCP_REFUSED || cause == SP_CAUSE_NETWORK_TCP_UNREACHABLE
               ? SP_CAUSE_UPSTREAM_REFUSED
               : SP_CAUSE_NONE;
}

void sp_finding_of_upstream(struct sp_finding *finding, struct sp_str url)
{
    enum sp_cause cause = upstream_cause(finding->cause);
    bool warns_only = finding->tolerated || sp_cause_get(finding->cause)->severity != SP_SEVERITY_REJECT;
    if (cause == SP_CAUSE_NONE || warns_only) {
        return;
    }
    finding->reason = finding->cause;
    finding->cause = cause;
    if (cause == SP_CAUSE_UPSTREAM_DNS || finding->received.len == 0) {
        finding->received = url;
    }
}
