/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 as a server sees its clients' (RFC 8705): whose certificate is it, is it of its time, does its chain end at an
 * authority that is trusted here. That the client holds the private key was proven in the TLS handshake, before. */
#ifndef SP_JOSE_CRYPTO_CERTIFICATE_H
#define SP_JOSE_CRYPTO_CERTIFICATE_H

#include "core/jose/crypto.h"
#include "core/jose/distinguished_name.h"

/* Heap. */
struct sp_certificate;

/* SP_MALFORMED: no certificate, or bytes behind it; SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_certificate_parse(struct sp_str der, struct sp_certificate **certificate);
void sp_certificate_destroy(struct sp_certificate **certificate);

/* x5t#S256: SHA-256 of the DER. */
const unsigned char *sp_certificate_sha256(const struct sp_certificate *certificate);
/* RFC 7638 of its key; SP_UNSUPPORTED: a kind of key that JOSE does not have. */
SP_MUST_CHECK enum sp_status sp_certificate_key_thumbprint(const struct sp_certificate *certificate,
                                                           unsigned char thumbprint[32]);
/* Before notBefore: negative; after notAfter: positive; 0: valid at this time. */
int sp_certificate_judge_time(const struct sp_certificate *certificate, int64_t now);
/* "2026-11-26 to 2027-11-26", for messages; absent without memory. */
struct sp_str sp_certificate_dates(const struct sp_certificate *certificate, struct sp_arena *arena);
/* SP_MALFORMED: an attribute that is no text. */
SP_MUST_CHECK enum sp_status sp_certificate_subject(const struct sp_certificate *certificate, struct sp_arena *arena,
                                                    struct sp_distinguished_name *subject);

/* Kinds of subjectAltName. */
enum sp_certificate_name { SP_CERTIFICATE_DNS, SP_CERTIFICATE_URI, SP_CERTIFICATE_IP, SP_CERTIFICATE_EMAIL };
/* Host names and the domain of an e-mail address ignore letter case, addresses are compared as bytes, the rest exactly;
 * no wildcard is followed. */
bool sp_certificate_has_name(const struct sp_certificate *certificate, enum sp_certificate_name kind,
                             struct sp_str expected);
/* Those it has of the kind, separated by spaces, for messages; "" when none, absent without memory. */
struct sp_str sp_certificate_names(const struct sp_certificate *certificate, enum sp_certificate_name kind,
                                   struct sp_arena *arena);
bool sp_is_ip_address(struct sp_str text);

/* Authorities that are trusted, with revocation lists among them if the PEM has some (then every certificate of a chain
 * must be on none). Heap, immutable, of one thread. */
struct sp_certificate_trust;
/* pem: certificates (roots, and intermediates that clients do not send) and X509 CRLs. SP_MALFORMED: none, or something
 * that cannot be read. */
SP_MUST_CHECK enum sp_status sp_certificate_trust_create(struct sp_str pem, struct sp_certificate_trust **trust);
void sp_certificate_trust_destroy(struct sp_certificate_trust **trust);
/* SP_OK: the chain holds at this time, for TLS client authentication. SP_NOT_FOUND: it does not; *why is OpenSSL's
 * word for it, static. */
SP_MUST_CHECK enum sp_status sp_certificate_trust_judge(const struct sp_certificate_trust *trust,
                                                        const struct sp_certificate *certificate, int64_t now,
                                                        const char **why);

#endif
