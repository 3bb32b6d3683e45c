/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: out of the bytes of files and answers, and what stands in one. Whether they are to be trusted is the
 * chain's matter (certificate_chain.h). */
#ifndef SP_PROBE_CERTIFICATE_H
#define SP_PROBE_CERTIFICATE_H

#include <openssl/x509.h>
#include "core/diagnosis/tls.h"

#define SP_MAX_CERTIFICATES 256

/* Bytes to a chain: PEM, DER one after the other, or PKCS #7 (as AIA URLs answer). NULL when there is none in it. */
STACK_OF(X509) * sp_chain_read(struct sp_str bytes);

SP_MUST_CHECK enum sp_status sp_certificate_describe(struct sp_arena *arena, X509 *certificate,
                                                     struct sp_certificate_facts *facts);
/* Names come from whoever made the certificate: in the arena, on one line, bounded, printable; absent without memory.
 */
struct sp_str sp_certificate_name(struct sp_arena *arena, const X509_NAME *name);
struct sp_str sp_certificate_text(struct sp_arena *arena, const char *bytes, size_t len);

#endif
