/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the client showed in TLS (RFC 8705).
 *
 * TLS ends in front of this process, so a header tells of the certificate: X-Sallyport-Client-Certificate, as nginx's
 * $ssl_client_escaped_cert (PEM, percent-encoded) or as RFC 9440 has it (base64 of the DER between colons). It is
 * believed only beside X-Sallyport-Proxy-Secret, which `sallyport serve` makes anew at each start and gives to its
 * nginx and to us, or which the operator configured (mtls.proxy_secret): what a client sends itself is not looked at,
 * whatever way it comes. That the client holds the private key was proven in the handshake. */
#ifndef SP_AUTHORITY_CLIENT_CERTIFICATE_H
#define SP_AUTHORITY_CLIENT_CERTIFICATE_H

#include "authority/authority.h"
#include "core/jose/crypto_certificate.h"

/* The header's text, or a PEM file's with one certificate → DER. SP_MALFORMED, SP_TOO_LARGE, SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_client_certificate_decode(struct sp_arena *arena, struct sp_str text,
                                                          struct sp_str *der);

/* Is it the one that the client is registered with, by its registered method (RFC 8705 2.1, 2.2)? */
SP_MUST_CHECK enum sp_step sp_client_certificate_judge(struct sp_call *call, const struct sp_client *client);

/* Tokens of a client that is bound to its certificates: call->x5t; SP_DENIED when there is none to bind to. */
SP_MUST_CHECK enum sp_step sp_client_certificate_bind(struct sp_call *call, const struct sp_client *client);
/* A token with this cnf.x5t#S256 (absent: not bound) is presented: over a connection with its certificate? */
SP_MUST_CHECK enum sp_step sp_client_certificate_check_bound(struct sp_call *call, struct sp_str bound);

#endif
