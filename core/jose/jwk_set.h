/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON Web Key Set (RFC 7517 5): immutable after parsing, reference-counted. Members that cannot be used are
 * remembered with their fault and never poison the set. */
#ifndef SP_JOSE_JWK_SET_H
#define SP_JOSE_JWK_SET_H

#include "core/jose/jwk.h"

struct sp_jwk_skipped {
    uint32_t index;
    enum sp_jwk_fault fault;
    struct sp_str kid, evidence;
};

struct sp_jwk_set {
    const struct sp_jwk *keys;
    size_t count;
    const struct sp_jwk_skipped *skipped;
    size_t skipped_count;
    bool has_private; /* some member publishes private parts (of RSA, EC, OKP) */
    bool has_duplicate_kid;
    bool was_cut; /* more than SP_MAX_JWKS_KEYS members: the rest was not read */
};

/* {"keys":[…]}, or one JWK alone. SP_MALFORMED with *error (fault SP_JSON_OK: JSON, but no key set), SP_TOO_LARGE,
 * SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_jwk_set_parse(struct sp_str text, struct sp_jwk_set **set, struct sp_json_error *error);
/* The same of a parsed object; what is kept is copied. */
SP_MUST_CHECK enum sp_status sp_jwk_set_from_json(const struct sp_json *json, struct sp_jwk_set **set);
/* One key; takes *key (nulls it) also on failure. kid may be absent. */
SP_MUST_CHECK enum sp_status sp_jwk_set_of_key(struct sp_key **key, struct sp_str kid, struct sp_jwk_set **set);
/* Several, kids in the same order; takes all of them (nulls them) also on failure. */
SP_MUST_CHECK enum sp_status sp_jwk_set_of_keys(struct sp_key **keys, const struct sp_str *kids, size_t count,
                                                struct sp_jwk_set **set);
struct sp_jwk_set *sp_jwk_set_ref(const struct sp_jwk_set *set);
void sp_jwk_set_unref(struct sp_jwk_set **set);

/* The first key with this kid at or after index `from`, or NULL. */
const struct sp_jwk *sp_jwk_set_find(const struct sp_jwk_set *set, struct sp_str kid, size_t from);
const struct sp_jwk_skipped *sp_jwk_set_find_skipped(const struct sp_jwk_set *set, struct sp_str kid);

#endif
