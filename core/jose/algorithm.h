/* SPDX-License-Identifier: Apache-2.0 */
/* The signature algorithms (algorithms.def) and sets of them. An algorithm is taken from an allow-list of the
 * configuration and then compared with the token's; never the other way round (RFC 8725 3.1). */
#ifndef SP_JOSE_ALGORITHM_H
#define SP_JOSE_ALGORITHM_H

#include "core/base/arena.h"
#include "core/base/str.h"

enum sp_algorithm {
    SP_ALGORITHM_UNKNOWN = 0,
#define ALGORITHM(name, text, family, hash, curve, bytes) SP_ALGORITHM_##name,
#include "core/jose/algorithms.def"
#undef ALGORITHM
    SP_ALGORITHM_COUNT
};

enum sp_algorithm_family {
    SP_FAMILY_NONE,
    SP_FAMILY_RSA_PKCS1,
    SP_FAMILY_RSA_PSS,
    SP_FAMILY_ECDSA,
    SP_FAMILY_EDDSA,
    SP_FAMILY_HMAC
};
/* SHA-1 is no algorithm's: it stands here for the HMAC of one-time codes alone (RFC 6238). */
enum sp_hash { SP_HASH_NONE, SP_HASH_SHA256, SP_HASH_SHA384, SP_HASH_SHA512, SP_HASH_SHA1 };
enum sp_curve {
    SP_CURVE_NONE,
    SP_CURVE_P256,
    SP_CURVE_P384,
    SP_CURVE_P521,
    SP_CURVE_SECP256K1,
    SP_CURVE_ED25519,
    SP_CURVE_ED448
};
enum sp_key_type { SP_KEY_TYPE_NONE, SP_KEY_TYPE_RSA, SP_KEY_TYPE_EC, SP_KEY_TYPE_OKP, SP_KEY_TYPE_OCT };

struct sp_algorithm_info {
    struct sp_str name;
    enum sp_algorithm_family family;
    enum sp_hash hash;
    enum sp_curve curve; /* that the key must have; SP_CURVE_NONE: any of its type */
    enum sp_key_type key_type;
    size_t signature_bytes; /* 0: as the key */
};

/* Exact name; SP_ALGORITHM_UNKNOWN when there is no row. */
enum sp_algorithm sp_algorithm_find(struct sp_str name);
/* Never NULL; of SP_ALGORITHM_UNKNOWN a row of nothing. */
const struct sp_algorithm_info *sp_algorithm_get(enum sp_algorithm algorithm);

/* ---- sets, as bits ---- */
static inline uint32_t sp_algorithm_bit(enum sp_algorithm algorithm)
{
    return algorithm == SP_ALGORITHM_UNKNOWN ? 0 : (uint32_t)1 << algorithm;
}
uint32_t sp_algorithms_asymmetric(void); /* all but HMAC */
uint32_t sp_algorithms_symmetric(void);
/* "RS256, ES256" in the order of the rows; "none" for the empty set; absent without memory. */
struct sp_str sp_algorithms_in_words(struct sp_arena *arena, uint32_t set);
/* The same as "RS256 ES256": algs of a DPoP challenge (RFC 9449 7.1). */
struct sp_str sp_algorithms_spaced(struct sp_arena *arena, uint32_t set);

struct sp_str sp_key_type_name(enum sp_key_type type); /* kty: "RSA", "EC", "OKP", "oct" */
struct sp_str sp_curve_name(enum sp_curve curve);      /* crv: "P-256" … */
enum sp_curve sp_curve_find(struct sp_str crv);

#endif
