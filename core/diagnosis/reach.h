/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a server, as evidence: what its name resolves to and who says so, whether a forward proxy stands in
 * between, and what each address answers. probe/ looks and fills these structures; here they are judged, without a
 * network, so that a test can tell any story. An address that fails beside one that answers is a warning: it works now,
 * for those who try the right one first. */
#ifndef SP_DIAGNOSIS_REACH_H
#define SP_DIAGNOSIS_REACH_H

#include "core/base/arena.h"
#include "core/diagnosis/document.h"
#include "core/diagnosis/requirements.h"

/* ---- names: network.dns.* ---- */
enum sp_lookup { SP_LOOKUP_NOT_ASKED, SP_LOOKUP_FOUND, SP_LOOKUP_NOT_FOUND, SP_LOOKUP_TIMEOUT };

struct sp_name_evidence {
    struct sp_str host;
    bool is_address;       /* nothing to resolve; addresses has it */
    enum sp_lookup system; /* what this machine's programs are told (getaddrinfo) */
    struct sp_str_list addresses;
    struct sp_str_list hosts; /* what the hosts file says; empty: nothing */
    struct sp_str hosts_file; /* its path, and the line: "/etc/hosts:7" */
    enum sp_lookup dns;       /* what the name servers say, the hosts file passed over */
    struct sp_str_list dns_addresses;
    struct sp_str resolver; /* the name servers asked: "10.0.0.2 (/etc/resolv.conf)" */
    struct sp_str detail;   /* of a failure: the resolver's word for it */
    int64_t elapsed_ms;
    bool by_proxy; /* a forward proxy resolves it: not finding it here breaks nothing */
};

void sp_name_judge(struct sp_arena *arena, const struct sp_name_evidence *name, struct sp_document_findings *findings);

/* ---- connections: network.tcp.* ---- */
enum sp_connection { SP_CONNECTION_OPEN, SP_CONNECTION_REFUSED, SP_CONNECTION_TIMEOUT, SP_CONNECTION_UNREACHABLE };

struct sp_connection_evidence {
    struct sp_str address; /* with its port: "192.0.2.1:443", "[2001:db8::1]:443" */
    enum sp_connection outcome;
    struct sp_str detail; /* the system's word for it */
    int64_t elapsed_ms;
};

void sp_connections_judge(struct sp_arena *arena, const struct sp_connection_evidence *connections, size_t count,
                          struct sp_document_findings *findings);

/* ---- forward proxy: network.proxy.unreachable, .auth_required ---- */
struct sp_proxy_evidence {
    bool in_force;             /* this URL goes through it */
    struct sp_str variable;    /* that set it: "https_proxy"; also when NO_PROXY exempts the host */
    struct sp_str url;         /* its login left out */
    struct sp_str exempted_by; /* "no_proxy", when that is why it is not in force */
    bool asked;
    bool is_reached;
    int status; /* of its answer to CONNECT; 0: none, or not asked */
    struct sp_str detail;
};

void sp_proxy_judge(struct sp_arena *arena, const struct sp_proxy_evidence *proxy,
                    struct sp_document_findings *findings);

/* ---- the same of an API behind the gateway: upstream.dns, .refused, .timeout, .tls ---- */
/* The finding as the gateway would name it for a call; the network.* cause stays as its reason. */
void sp_finding_of_upstream(struct sp_finding *finding, struct sp_str url);

#endif
