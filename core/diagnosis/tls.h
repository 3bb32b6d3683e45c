/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS handshake as evidence, and what it means: network.tls.*, network.proxy.intercepts. The handshake was made
 * without verification, so that the chain is seen whatever is wrong with it; the chain was verified afterwards, against
 * a trust store that has a name, with every error collected instead of the first. */
#ifndef SP_DIAGNOSIS_TLS_H
#define SP_DIAGNOSIS_TLS_H

#include "core/base/arena.h"
#include "core/diagnosis/document.h"
#include "core/diagnosis/requirements.h"

#define SP_MAX_CHAIN 16u
#define SP_MAX_CHAIN_FAULTS 16u
/* A certificate nearer to its end than this is told: renewal by ACME comes at 30 days, so 21 means it did not. */
#define SP_CERTIFICATE_WARNING_S (INT64_C(21) * 86400)

struct sp_certificate_facts {
    struct sp_str subject, issuer; /* "CN=idp.example.com, O=Example" */
    struct sp_str_list names;      /* DNS names and addresses of its subjectAltName */
    int64_t not_before, not_after; /* epoch seconds */
    bool is_self_signed;
    unsigned char sha256[32]; /* of its DER */
};

enum sp_chain_problem {
    SP_CHAIN_EXPIRED,
    SP_CHAIN_NOT_YET_VALID,
    SP_CHAIN_SELF_SIGNED,    /* the leaf itself */
    SP_CHAIN_UNKNOWN_ISSUER, /* the top's issuer is not there, or a root that is not trusted */
    SP_CHAIN_OTHER,          /* said by detail */
};

struct sp_chain_fault {
    enum sp_chain_problem problem;
    struct sp_certificate_facts certificate; /* at which it was found */
    struct sp_str detail;                    /* as OpenSSL words it */
};

struct sp_chain_evidence {
    struct sp_certificate_facts certificates[SP_MAX_CHAIN]; /* as sent, the leaf first */
    size_t count;
    bool trusted; /* verified without a fault */
    struct sp_chain_fault faults[SP_MAX_CHAIN_FAULTS];
    size_t fault_count;
    struct sp_str trust_store; /* "/etc/ssl/certs/ca-certificates.crt (system)" */
    bool name_matches;
    struct sp_str completed_by; /* subjects of the intermediates that make it verify; absent: none was found */
    struct sp_str found_at;     /* where: an AIA URL, or another server of this run */
};

enum sp_handshake {
    SP_HANDSHAKE_NOT_MADE,
    SP_HANDSHAKE_DONE,
    SP_HANDSHAKE_PLAINTEXT, /* the peer's first bytes are plain HTTP, or another plain protocol */
    SP_HANDSHAKE_PROTOCOL,  /* no common version */
    SP_HANDSHAKE_ALERT,     /* the peer ended it with an alert */
    SP_HANDSHAKE_CLOSED,
    SP_HANDSHAKE_TIMEOUT,
    SP_HANDSHAKE_FAILED,
};

struct sp_tls_evidence {
    struct sp_str host, address;
    enum sp_handshake handshake;
    struct sp_str version, cipher; /* "TLSv1.3" */
    struct sp_str offered;         /* "TLS 1.2 and 1.3" */
    struct sp_str peer_version;    /* of PROTOCOL: the newest the peer can do, when it was found */
    struct sp_str detail;          /* alert, errno, first bytes */
    bool asked_for_certificate, sent_certificate;
    bool refused_without_certificate; /* alert or HTTP 400 after CertificateRequest, none sent; refusal says which */
    struct sp_str refusal;
    struct sp_chain_evidence chain;
    bool has_direct_chain; /* of the same server, asked without the proxy */
    struct sp_certificate_facts direct_leaf;
    struct sp_str proxy; /* in force: "http://proxy:3128 (https_proxy)" */
    int64_t elapsed_ms;
};

void sp_tls_judge(struct sp_arena *arena, const struct sp_tls_evidence *tls, int64_t now,
                  struct sp_document_findings *findings);

/* The chain alone: what is served at a port, or stands in a file. */
void sp_chain_judge(struct sp_arena *arena, const struct sp_chain_evidence *chain, struct sp_str host, int64_t now,
                    struct sp_document_findings *findings);

/* One certificate that is valid now: network.tls.expiring when it is near its end. */
void sp_certificate_end_judge(struct sp_arena *arena, const struct sp_certificate_facts *certificate, int64_t now,
                              struct sp_document_findings *findings);

/* "CN=idp.example.com (2026-01-02 to 2026-04-02)", for evidence. */
struct sp_str sp_certificate_words(struct sp_arena *arena, const struct sp_certificate_facts *certificate);

#endif
