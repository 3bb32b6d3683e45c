/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/tls.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/words.h"

/* Who signs with these names opens other people's TLS; each as it stands in the issuer of the certificates it makes. */
static const struct sp_str interceptors[] = {
    {"Zscaler", 7},
    {"Netskope", 8},
    {"Blue Coat", 9},
    {"Symantec Web Security", 21},
    {"Fortinet", 8},
    {"FortiGate", 9},
    {"Palo Alto", 9},
    {"Check Point", 11},
    {"Forcepoint", 10},
    {"Websense", 8},
    {"Sophos", 6},
    {"Cisco Umbrella", 14},
    {"McAfee Web", 10},
    {"Barracuda", 9},
    {"WatchGuard", 10},
    {"SonicWall", 9},
    {"mitmproxy", 9},
    {"Charles Proxy", 13},
    {"DO_NOT_TRUST_FiddlerRoot", 24},
    {"PortSwigger", 11},
    {"Kaspersky", 9},
    {"ESET SSL Filter", 15},
    {"Cloudflare Gateway", 18},
};

static bool contains_ignoring_case(struct sp_str text, struct sp_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (sp_str_equal_ignoring_case(sp_str_slice(text, i, i + part.len), part)) {
            return true;
        }
    }
    return false;
}

static bool is_interceptor(struct sp_str issuer)
{
    for (size_t i = 0; i < sizeof interceptors / sizeof interceptors[0]; i++) {
        if (contains_ignoring_case(issuer, interceptors[i])) {
            return true;
        }
    }
    return false;
}

struct sp_str sp_certificate_words(struct sp_arena *arena, const struct sp_certificate_facts *certificate)
{
    /* The day is enough here: "2026-11-26". */
    return sp_arena_printf(arena, "%.*s (%.10s to %.10s)", SP_STR_ARG(certificate->subject),
                           sp_words_instant(arena, certificate->not_before).at,
                           sp_words_instant(arena, certificate->not_after).at);
}

static void tell_date(struct sp_arena *arena, const struct sp_certificate_facts *certificate, enum sp_cause cause,
                      int64_t date, int64_t now, struct sp_document_findings *findings)
{
    struct sp_finding *finding = sp_document_saw(findings, cause);
    struct sp_str when = sp_words_instant_from(arena, date, now);
    finding->received = certificate->subject;
    finding->expected = sp_arena_printf(arena, "valid at %.*s", SP_STR_ARG(sp_words_instant(arena, now)));
    switch (cause) {
    case SP_CAUSE_NETWORK_TLS_EXPIRED:
        finding->detail = sp_arena_printf(arena, "It ended %.*s.", SP_STR_ARG(when));
        break;
    case SP_CAUSE_NETWORK_TLS_NOT_YET_VALID:
        finding->detail = sp_arena_printf(arena, "It begins %.*s.", SP_STR_ARG(when));
        break;
    default:
        finding->detail = when;
    }
}

void sp_certificate_end_judge(struct sp_arena *arena, const struct sp_certificate_facts *certificate, int64_t now,
                              struct sp_document_findings *findings)
{
    if (certificate->not_after > now && certificate->not_after - now < SP_CERTIFICATE_WARNING_S) {
        tell_date(arena, certificate, SP_CAUSE_NETWORK_TLS_EXPIRING, certificate->not_after, now, findings);
    }
}

static const struct sp_certificate_facts *top_of(const struct sp_chain_evidence *chain)
{
    return &chain->certificates[chain->count - 1];
}

/* Nobody here vouches for the top of the chain: an intermediate is missing, or nothing leads to a trusted root. */
static void tell_unknown_issuer(struct sp_arena *arena, const struct sp_chain_evidence *chain,
                                const struct sp_chain_fault *fault, struct sp_document_findings *findings)
{
    const struct sp_certificate_facts *top = top_of(chain);
    struct sp_finding *finding;
    if (chain->completed_by.len > 0) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_MISSING_INTERMEDIATE);
        finding->expected = chain->completed_by;
        finding->received =
            chain->count == 1
                ? sp_arena_printf(arena, "one certificate: %.*s", SP_STR_ARG(top->subject))
                : sp_arena_printf(arena, "%zu certificates, up to %.*s", chain->count, SP_STR_ARG(top->subject));
        finding->detail = sp_arena_printf(arena, "Found at %.*s.", SP_STR_ARG(chain->found_at));
        return;
    }
    finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA);
    finding->expected = chain->trust_store;
    finding->received = top->is_self_signed ? top->subject : top->issuer;
    finding->detail = top->is_self_signed ? sp_arena_printf(arena, "The server sends this root itself; %.*s.",
                                                            SP_STR_ARG(fault->detail))
                                          : sp_arena_printf(arena, "The topmost certificate sent is %.*s; %.*s.",
                                                            SP_STR_ARG(top->subject), SP_STR_ARG(fault->detail));
}

static void tell_fault(struct sp_arena *arena, const struct sp_chain_evidence *chain,
                       const struct sp_chain_fault *fault, int64_t now, struct sp_document_findings *findings)
{
    struct sp_finding *finding;
    switch (fault->problem) {
    case SP_CHAIN_EXPIRED:
        tell_date(arena, &fault->certificate, SP_CAUSE_NETWORK_TLS_EXPIRED, fault->certificate.not_after, now,
                  findings);
        break;
    case SP_CHAIN_NOT_YET_VALID:
        tell_date(arena, &fault->certificate, SP_CAUSE_NETWORK_TLS_NOT_YET_VALID, fault->certificate.not_before, now,
                  findings);
        break;
    case SP_CHAIN_SELF_SIGNED:
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_SELF_SIGNED);
        finding->expected = chain->trust_store;
        finding->received = fault->certificate.subject;
        break;
    case SP_CHAIN_UNKNOWN_ISSUER:
        tell_unknown_issuer(arena, chain, fault, findings);
        break;
    case SP_CHAIN_OTHER:
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA);
        finding->expected = chain->trust_store;
        finding->received = fault->certificate.subject;
        finding->detail = sp_arena_printf(arena, "OpenSSL: %.*s.", SP_STR_ARG(fault->detail));
        break;
    }
}

/* The same fault of the same certificate is told once. */
static bool is_told(const struct sp_chain_evidence *chain, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (chain->faults[i].problem == chain->faults[index].problem &&
            (chain->faults[i].problem == SP_CHAIN_UNKNOWN_ISSUER ||
             memcmp(chain->faults[i].certificate.sha256, chain->faults[index].certificate.sha256, 32) == 0)) {
            return true;
        }
    }
    return false;
}

void sp_chain_judge(struct sp_arena *arena, const struct sp_chain_evidence *chain, struct sp_str host, int64_t now,
                    struct sp_document_findings *findings)
{
    struct sp_finding *finding;
    if (chain->count == 0) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_HANDSHAKE);
        finding->received = SP_STR("no certificate");
        return;
    }
    for (size_t i = 0; i < chain->fault_count; i++) {
        if (!is_told(chain, i)) {
            tell_fault(arena, chain, &chain->faults[i], now, findings);
        }
    }
    if (!chain->name_matches) {
        const struct sp_str_list *names = &chain->certificates[0].names;
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_HOSTNAME);
        finding->expected = host;
        finding->received = names->count > 0 ? sp_words_list(arena, names->at, names->count)
                                             : sp_arena_printf(arena, "no name in subjectAltName (%.*s)",
                                                               SP_STR_ARG(chain->certificates[0].subject));
    }
    for (size_t i = 0; i < chain->count; i++) {
        sp_certificate_end_judge(arena, &chain->certificates[i], now, findings);
    }
    /* Evidence that would accept nothing must not look like evidence that does. */
    if (!chain->trusted && chain->fault_count == 0) {
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_UNKNOWN_CA);
        finding->expected = chain->trust_store;
        finding->received = top_of(chain)->issuer;
        finding->detail = SP_STR("The chain could not be verified.");
    }
}

/* Proven by another chain when asked directly, or by the name of a product that does nothing else. */
static void examine_interception(struct sp_arena *arena, const struct sp_tls_evidence *tls,
                                 struct sp_document_findings *findings)
{
    const struct sp_chain_evidence *chain = &tls->chain;
    if (chain->count == 0) {
        return;
    }
    bool differs = tls->proxy.len > 0 && tls->has_direct_chain && !chain->trusted &&
                   memcmp(chain->certificates[0].sha256, tls->direct_leaf.sha256, 32) != 0;
    bool is_known = is_interceptor(chain->certificates[0].issuer) || is_interceptor(top_of(chain)->issuer);
    if (!differs && !is_known) {
        return;
    }
    struct sp_finding *finding = chain->trusted ? sp_document_saw(findings, SP_CAUSE_NETWORK_PROXY_INTERCEPTS)
                                                : sp_document_refuse(findings, SP_CAUSE_NETWORK_PROXY_INTERCEPTS);
    finding->received = chain->certificates[0].issuer;
    finding->expected = tls->has_direct_chain ? tls->direct_leaf.issuer : SP_STR("a chain of the server's own");
    finding->tolerated = chain->trusted;
    if (tls->proxy.len > 0) {
        finding->detail = sp_arena_printf(arena, "The way leads through %.*s.", SP_STR_ARG(tls->proxy));
    }
}

static void examine_handshake(struct sp_arena *arena, const struct sp_tls_evidence *tls,
                              struct sp_document_findings *findings)
{
    struct sp_finding *finding;
    switch (tls->handshake) {
    case SP_HANDSHAKE_PLAINTEXT:
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT);
        finding->expected = SP_STR("TLS");
        finding->received = tls->address;
        finding->detail = tls->detail;
        return;
    case SP_HANDSHAKE_PROTOCOL:
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_PROTOCOL);
        finding->expected = tls->offered;
        finding->received = tls->peer_version.len > 0
                                ? sp_arena_printf(arena, "%.*s (it can do %.*s at most)", SP_STR_ARG(tls->detail),
                                                  SP_STR_ARG(tls->peer_version))
                                : tls->detail;
        return;
    case SP_HANDSHAKE_TIMEOUT:
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_HTTP_TIMEOUT);
        finding->expected = tls->detail;
        finding->received = tls->address;
        finding->detail = SP_STR("It was silent during the TLS handshake.");
        return;
    default:
        finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_HANDSHAKE);
        finding->expected = tls->offered;
        finding->received = tls->detail;
    }
}

void sp_tls_judge(struct sp_arena *arena, const struct sp_tls_evidence *tls, int64_t now,
                  struct sp_document_findings *findings)
{
    if (tls->handshake == SP_HANDSHAKE_NOT_MADE) {
        return;
    }
    if (tls->refused_without_certificate) {
        struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED);
        finding->expected = SP_STR("a client certificate");
        finding->received = tls->refusal;
    } else if (tls->handshake != SP_HANDSHAKE_DONE) {
        examine_handshake(arena, tls, findings);
        return;
    }
    if (tls->chain.count > 0 || tls->handshake == SP_HANDSHAKE_DONE) {
        sp_chain_judge(arena, &tls->chain, tls->host, now, findings);
    }
    examine_interception(arena, tls, findings);
}
