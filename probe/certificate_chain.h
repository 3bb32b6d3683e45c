/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of certificates as it was served, or stands in a file: verified with every fault collected, and – where
 * it ends before a trusted root – completed with the intermediates that its certificates point to (AIA, RFC 5280
 * 4.2.2.1) or that other servers sent. Judged in core/diagnosis/tls.h. */
#ifndef SP_PROBE_CERTIFICATE_CHAIN_H
#define SP_PROBE_CERTIFICATE_CHAIN_H

#include "probe/certificate.h"

/* What is trusted, with its name, and the intermediates that were met on the way. */
struct sp_trust;

/* ca_file: absent for the system's trust store, as libcurl uses it; "" for none at all. SP_MALFORMED: the file has no
 * certificate; SP_NOT_FOUND: nor is it there. */
SP_MUST_CHECK enum sp_status sp_trust_create(struct sp_str ca_file, struct sp_trust **trust);
void sp_trust_destroy(struct sp_trust **trust);

struct sp_chain_question {
    struct sp_trust *trust;
    struct sp_str host; /* that the leaf must be for */
    int64_t now;
    int security_level; /* OpenSSL's: what strength is asked of keys and signatures */
    /* What is behind an AIA URL, in the arena; absent when nothing is. NULL: not asked. */
    struct sp_str (*fetch)(void *context, struct sp_arena *arena, struct sp_str url);
    void *context;
};

/* chain: as sent, the leaf first. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_chain_examine(struct sp_arena *arena, const struct sp_chain_question *question,
                                              STACK_OF(X509) * chain, struct sp_chain_evidence *evidence);

#endif
