/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS handshake on a connected socket, made so that whatever happens is evidence: nothing is verified during it,
 * alerts and requests for a certificate are noted, and what the peer said instead of TLS is read. */
#ifndef SP_PROBE_TLS_HANDSHAKE_H
#define SP_PROBE_TLS_HANDSHAKE_H

#include "probe/certificate_chain.h"

struct sp_tls_question {
    int socket;                               /* connected, non-blocking; stays the caller's */
    struct sp_str host, address;              /* SNI and the name to verify; address for evidence */
    struct sp_str certificate_file, key_file; /* of the client; absent: none */
    struct sp_str path; /* asked for to see whether a missing certificate is held against us; absent: "/" */
    int64_t timeout_ms;
    struct sp_chain_question chain; /* host is filled in */
};

/* SP_MALFORMED: the client's certificate or key cannot be used. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_tls_look(struct sp_arena *arena, const struct sp_tls_question *question,
                                         struct sp_tls_evidence *evidence);

/* The newest version that a peer can do which knows neither TLS 1.2 nor 1.3: "TLSv1.1", or absent. */
struct sp_str sp_tls_old_version(struct sp_arena *arena, int socket, struct sp_str host, int64_t timeout_ms);

#endif
