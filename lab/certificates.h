/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's own certificate authority, made when it starts: a root, an intermediate, and leaves with any fault. */
#ifndef SP_LAB_CERTIFICATES_H
#define SP_LAB_CERTIFICATES_H

#include <openssl/ssl.h>
#include "core/base/arena.h"
#include "lab/fault.h"

struct sp_lab_certificates;

/* aia: the URL where the intermediate is served. SP_CRYPTO. */
SP_MUST_CHECK enum sp_status sp_lab_certificates_create(struct sp_str aia, struct sp_lab_certificates **certificates);
void sp_lab_certificates_destroy(struct sp_lab_certificates **certificates);

/* The root, for the clients that are to trust the lab; in the arena. */
SP_MUST_CHECK enum sp_status sp_lab_root_pem(const struct sp_lab_certificates *certificates, struct sp_arena *arena,
                                             struct sp_str *pem);
SP_MUST_CHECK enum sp_status sp_lab_intermediate_der(const struct sp_lab_certificates *certificates,
                                                     struct sp_arena *arena, struct sp_str *der);
/* What a server of this variety shows: made at the first call, owned by the certificates. NULL: it cannot be made.
 * To be called by one thread at a time. */
SSL_CTX *sp_lab_tls_context(struct sp_lab_certificates *certificates, enum sp_lab_variety variety);

#endif
