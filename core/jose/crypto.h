/* SPDX-License-Identifier: Apache-2.0 */
/* The only door to the libraries of cryptography (OpenSSL; libsodium for Ed25519): keys, signatures, hashes, random
 * bytes. Knows nothing of JSON or JOSE members. A verifier answers one of three things, never a bool: it holds, it does
 * not, or the key is not for this algorithm. */
#ifndef SP_JOSE_CRYPTO_H
#define SP_JOSE_CRYPTO_H

#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/jose/algorithm.h"

/* For a process that judges one token and ends: OpenSSL starts without the texts of its errors and without the names
 * that only its old interfaces look for, and is not taken apart at exit; a third of its start. Before anything else
 * here, and never where TLS may be spoken, whose faults are told with those texts. */
void sp_crypto_start_lean(void);

void sp_sha256(struct sp_str bytes, unsigned char digest[32]);
/* Returns the digest's length; digest has room for 64. */
size_t sp_hash_bytes(enum sp_hash hash, struct sp_str bytes, unsigned char digest[64]);
size_t sp_hash_size(enum sp_hash hash);
/* Gives back what hashes keep for this thread: for threads that end before the process does. */
void sp_hash_thread_end(void);
/* SipHash-2-4 of 128 bits, for what one process remembers under a key that it drew itself and never tells: who does not
 * know the key finds no two texts with one fingerprint. Half the time of SHA-256. */
#define SP_FINGERPRINT_KEY_BYTES 16u
#define SP_FINGERPRINT_BYTES 16u
void sp_fingerprint(const unsigned char key[SP_FINGERPRINT_KEY_BYTES], struct sp_str bytes,
                    unsigned char out[SP_FINGERPRINT_BYTES]);
SP_MUST_CHECK enum sp_status sp_random(void *out, size_t bytes);

/* An imported key, ready to verify (and to sign if it has its private part). Heap. A key and a set of keys belong to
 * one thread, because contexts are kept with a key from its first use; hashes keep theirs per thread, for the thread's
 * life. Workers and the control plane have one thread each, so nothing is locked. */
struct sp_key;
void sp_key_destroy(struct sp_key **key);
enum sp_key_type sp_key_type(const struct sp_key *key);
enum sp_curve sp_key_curve(const struct sp_key *key);
unsigned sp_key_bits(const struct sp_key *key); /* RSA: modulus; oct: 8 × bytes; EC and OKP: of the curve */
bool sp_key_is_private(const struct sp_key *key);

/* Big-endian numbers as JWK has them; absent ones have at == NULL. */
struct sp_key_parts {
    enum sp_key_type type;
    enum sp_curve curve;
    struct sp_str n, e, d, p, q, dp, dq, qi; /* RSA; d also the private part of EC and OKP */
    struct sp_str x, y;                      /* EC; x also OKP */
    struct sp_str k;                         /* oct */
};

/* SP_MALFORMED: no such key (point off the curve, wrong length); SP_CRYPTO, SP_NO_MEMORY. Sizes and exponents are
 * judged by jwk.c. */
SP_MUST_CHECK enum sp_status sp_key_import(const struct sp_key_parts *parts, struct sp_key **key);
/* "BEGIN PUBLIC KEY", "BEGIN RSA PUBLIC KEY", "BEGIN CERTIFICATE" or any private key PEM. SP_MALFORMED, SP_UNSUPPORTED.
 */
SP_MUST_CHECK enum sp_status sp_key_import_pem(struct sp_str pem, struct sp_key **key);
/* An X.509 certificate's public key; der_sha256 (32 bytes) may be NULL. */
SP_MUST_CHECK enum sp_status sp_key_import_certificate(struct sp_str der, struct sp_key **key,
                                                       unsigned char *der_sha256);
/* The numbers, in the arena; private ones only when asked for. */
SP_MUST_CHECK enum sp_status sp_key_export(const struct sp_key *key, bool with_private, struct sp_arena *arena,
                                           struct sp_key_parts *parts);
enum sp_public_form {
    SP_PUBLIC_PEM, /* SubjectPublicKeyInfo */
    SP_PUBLIC_DER,
    SP_PUBLIC_RSA_PEM, /* PKCS #1, "BEGIN RSA PUBLIC KEY" */
    SP_PUBLIC_RSA_DER,
};
/* SP_UNSUPPORTED for oct, and for PKCS #1 of what is not RSA. */
SP_MUST_CHECK enum sp_status sp_key_export_public(const struct sp_key *key, enum sp_public_form form,
                                                  struct sp_arena *arena, struct sp_str *out);
/* PKCS#8. The caller wipes it. */
SP_MUST_CHECK enum sp_status sp_key_export_private_pem(const struct sp_key *key, struct sp_arena *arena,
                                                       struct sp_str *pem);
/* size: RSA bits or oct bytes; else 0. */
SP_MUST_CHECK enum sp_status sp_key_generate(enum sp_key_type type, enum sp_curve curve, unsigned size,
                                             struct sp_key **key);

enum sp_verification {
    SP_VERIFICATION_FAILED, /* the default */
    SP_VERIFICATION_HOLDS,
    SP_VERIFICATION_UNFIT, /* the key is not of the type or curve that the algorithm needs */
};

/* ECDSA signatures are R‖S (RFC 7518 3.4); sp_ecdsa_from_der converts the other form, for diagnosis. */
enum sp_verification sp_key_verify(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_str text,
                                   struct sp_str signature);
SP_MUST_CHECK enum sp_status sp_key_sign(const struct sp_key *key, enum sp_algorithm algorithm, struct sp_str text,
                                         struct sp_arena *arena, struct sp_str *signature);
/* Bytes of a signature of this key under the algorithm; 0 when unfit. */
size_t sp_key_signature_bytes(const struct sp_key *key, enum sp_algorithm algorithm);
bool sp_key_fits(const struct sp_key *key, enum sp_algorithm algorithm);
/* SP_MALFORMED when it is no DER signature of two numbers that fit. */
SP_MUST_CHECK enum sp_status sp_ecdsa_from_der(struct sp_str der, size_t signature_bytes, struct sp_arena *arena,
                                               struct sp_str *raw);
/* HMAC with any bytes as key, for diagnosis and derived values. mac has room for 64; returns its length. */
size_t sp_hmac(enum sp_hash hash, struct sp_str key, struct sp_str text, unsigned char mac[64]);

#endif
