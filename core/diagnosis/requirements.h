/* SPDX-License-Identifier: Apache-2.0 */
/* What a call must bring: built once (by the policy when it is parsed, by `token examine` from its flags), then only
 * read. And the world it is judged in: the issuers known here with their present keys, the other APIs' audiences. An
 * examination borrows both and asks nobody else: no configuration lookup, no fetch, no clock happens behind it. */
#ifndef SP_DIAGNOSIS_REQUIREMENTS_H
#define SP_DIAGNOSIS_REQUIREMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"
#include "core/diagnosis/cause.h"

struct sp_jwk_set;

struct sp_str_list {
    const struct sp_str *at;
    size_t count;
};

/* What is configured of one issuer. */
struct sp_issuer_terms {
    struct sp_str name;           /* its name in the configuration */
    struct sp_str issuer;         /* expected `iss`, byte for byte; none: not checked (token verify) */
    uint32_t algorithms;          /* set of enum sp_algorithm (core/jose/algorithm.h) */
    struct sp_str_list audiences; /* used where the API names none of its own */
    int64_t leeway_s;
    int64_t max_lifetime_s; /* 0: any */
    bool require_type;      /* `typ: at+jwt` needed (RFC 9068 4) */
    bool allow_missing_exp;
    bool introspects;              /* opaque tokens can be asked for */
    int64_t introspection_cache_s; /* how long an answer is trusted; 0: asked every time */
    bool heals; /* keys that a look for an unknown kid brings are used; if not, they only prove keys.rotated */
    struct sp_str environment;     /* label, for issuer.other_environment */
    struct sp_str_list client_ids; /* of the API's own clients, for token.kind.id_token; may be empty */
};

/* What is known of that issuer now; swapped with keys.json, independent of the policy. */
struct sp_issuer_knowledge {
    const struct sp_jwk_set *keys; /* NULL: never had */
    const struct sp_jwk_set
        *old_keys; /* the cached set from before the last refetch, to prove keys.rotated / keys.replaced; or NULL */
    struct sp_str_list previous_kids;        /* of all earlier sets, newest first, to prove keys.retired_early */
    const struct sp_jwk_set *unadopted_keys; /* where healing is off: the set that the last look brought; proves
                                                keys.rotated, never accepts; or NULL */
    const struct sp_jwk_set
        *secret_encodings; /* for HS*: the secret under the other decodings (kid = raw|base64|base64url); or NULL */
    /* What the metadata that led to the keys calls its issuer, where that is not the configured one: the keys may then
     * explain a token and never accept one (RFC 8414 3.3). Absent: they are the issuer's. */
    struct sp_str published_issuer;
    enum sp_cause failure;                        /* of the last fetch; SP_CAUSE_NONE */
    struct sp_str failure_detail;                 /* URL, status, first bytes */
    enum sp_cause failure_reason;                 /* network.* behind keys.unreachable */
    int64_t fetched_at, stale_since, stale_until; /* epoch seconds; 0: not so */
    int64_t clock_skew_s;                         /* issuer's clock minus ours */
    bool clock_skew_known;
    bool refetched;                 /* keys are fresh: a refetch for this examination's kid was made, or throttled */
    uint32_t advertised_algorithms; /* id_token_signing_alg_values_supported etc.; 0: not known */
};

struct sp_known_issuer {
    const struct sp_issuer_terms *terms;
    struct sp_issuer_knowledge known;
};

struct sp_api_audience {
    struct sp_str api, audience;
};

struct sp_world {
    const struct sp_known_issuer *issuers; /* all configured ones; requirements point into it by index */
    size_t issuer_count;
    const struct sp_api_audience *api_audiences; /* of all APIs, for audience.other_api */
    size_t api_audience_count;
};

/* A required claim: has one of the values (as JSON string, number or boolean text), or merely exists when there are
 * none. */
struct sp_claim_rule {
    struct sp_str name; /* a path of member names joined by '.', the whole name tried first */
    struct sp_str_list any_of;
};

enum sp_binding_rule { SP_BINDING_OPTIONAL, SP_BINDING_REQUIRED, SP_BINDING_OFF };

struct sp_requirements {
    struct sp_str api;       /* name, for messages */
    const uint16_t *issuers; /* indices into the world's issuers */
    size_t issuer_count;
    struct sp_str_list audiences; /* one of them must be in `aud`; empty: the issuer's */
    struct sp_str_list scopes;    /* all of them (of this method) */
    const struct sp_claim_rule *claims;
    size_t claim_count;
    enum sp_binding_rule dpop, mtls;
    struct sp_str_list acr_values; /* one of them (RFC 9470); empty: any */
    int64_t max_age_s;             /* since auth_time; 0: any */
    bool require_verified_email;
    bool introspect_jwt;     /* JWTs are asked for at the issuer too, once they verified */
    size_t max_token_bytes;  /* 0: SP_MAX_TOKEN_BYTES */
    struct sp_str client_id; /* of the caller if known; token examine --client-id */
};

/* How the call proves possession; all absent for plain bearer. */
struct sp_possession {
    bool scheme_is_dpop;
    struct sp_str dpop_proof;                /* the DPoP header's value */
    struct sp_str method, url;               /* as the gateway sees them, public URL applied */
    struct sp_str expected_nonce;            /* none: nonces not in use */
    bool jti_seen;                           /* set by the shell after asking its replay cache (second step) */
    const unsigned char *certificate_sha256; /* 32 bytes of the client certificate's DER, or NULL */
};

#endif
