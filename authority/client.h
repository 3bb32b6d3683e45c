/* SPDX-License-Identifier: Apache-2.0 */
/* A registered client: who may ask for tokens, how it proves itself, what it may get. Immutable once the settings are
 * built. */
#ifndef SP_AUTHORITY_CLIENT_H
#define SP_AUTHORITY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/str.h"
#include "core/diagnosis/requirements.h"
#include "core/jose/algorithm.h"
#include "core/jose/crypto.h"

/* Bits. Names as in client_methods.def, which discovery lists too. */
enum sp_client_method {
#define CLIENT_METHOD(NAME, bit, text, uses_secret) SP_CLIENT_##NAME = 1u << (bit),
#include "authority/client_methods.def"
#undef CLIENT_METHOD
};

/* Bits, by grants.def. */
enum sp_grant {
#define GRANT(NAME, bit, text, ...) SP_GRANT_##NAME = 1u << (bit),
#include "authority/grants.def"
#undef GRANT
};

struct sp_jwk_set;

enum sp_token_format { SP_TOKEN_FORMAT_JWT, SP_TOKEN_FORMAT_OPAQUE };

enum sp_client_secret_kind { SP_CLIENT_SECRET_PLAIN, SP_CLIENT_SECRET_SHA256, SP_CLIENT_SECRET_ARGON2 };

struct sp_client_secret {
    enum sp_client_secret_kind kind;
    struct sp_str text;                              /* PLAIN: the secret; ARGON2: the encoded hash, ends with NUL */
    unsigned char sha256[32];                        /* SHA256: of the secret */
    unsigned char fingerprint[SP_FINGERPRINT_BYTES]; /* PLAIN: of the secret (client_secret.h) */
    int64_t expires_at;                              /* 0: never */
};

/* RFC 8705 2.1.2: what the certificate of tls_client_auth must be called; exactly one is there. */
struct sp_certificate_names {
    struct sp_str subject_dn, san_dns, san_uri, san_ip, san_email;
};

/* As many digits as `max_age` may have: thirty years. */
#define SP_MAX_AGE_S 999999999

struct sp_client {
    struct sp_str id, name;
    struct sp_str client_uri, logo_uri, policy_uri, tos_uri; /* https; for people; absent: none */
    bool is_stranger;                                        /* it registered itself: nobody here knows it */
    int64_t kept_until;                     /* and forgotten then, unless it gets a token that says more; 0: for good */
    const struct sp_client_secret *secrets; /* several while one is being replaced */
    size_t secret_count;
    const struct sp_jwk_set *keys; /* registered public keys; NULL: none. Ask client_keys.h */
    struct sp_str jwks_uri;        /* or where they are; absent: nowhere */
    bool public_urls_only;         /* a stranger wrote what is asked: no address of our own networks is */
    struct sp_certificate_names certificate_names;
    const unsigned char (
        *certificates)[32]; /* SHA-256 of those registered for self_signed_tls_client_auth, beside keys */
    size_t certificate_count;
    unsigned methods; /* set of enum sp_client_method */
    unsigned grants;  /* set of enum sp_grant */
    struct sp_str_list scopes;
    struct sp_str_list audiences;     /* the first is the default */
    struct sp_str_list exchange_from; /* audiences that it is itself: tokens for them are its own to exchange */
    struct sp_str_list
        assertion_issuers; /* whose word it may bring (RFC 7523 2.1), by name; empty: any that is trusted */
    struct sp_str_list redirect_uris, post_logout_redirect_uris;
    struct sp_str backchannel_logout_uri, frontchannel_logout_uri; /* absent: it does not hear of the end of sessions */
    bool backchannel_logout_session_required;                      /* met anyhow: sid is in every logout token */
    bool frontchannel_logout_session_required;
    bool is_pairwise;                    /* subject_type (OIDC Core 8) */
    struct sp_str sector_identifier_uri; /* absent: none */
    struct sp_str sector;                /* whose names of people it is told (sector.h); absent: they are public */
    enum sp_token_format token_format;
    enum sp_algorithm request_object_algorithm;                    /* UNKNOWN: any that can */
    enum sp_algorithm assertion_algorithm;                         /* likewise: token_endpoint_auth_signing_alg */
    enum sp_algorithm id_token_algorithm;                          /* UNKNOWN: the settings' */
    enum sp_algorithm userinfo_algorithm, introspection_algorithm; /* UNKNOWN: plain JSON unless asked for */
    int64_t token_lifetime_s;
    /* OIDC Registration 2: what its requests mean that say nothing of it. */
    bool has_default_max_age;
    bool require_auth_time; /* no login is good whose time is not known */
    int64_t default_max_age_s;
    struct sp_str_list default_acr_values;
    bool require_pkce;
    bool require_pushed;         /* RFC 9126 */
    bool require_signed_request; /* RFC 9101: require_signed_request_object */
    bool allow_plain_pkce;       /* RFC 7636 4.2: for old clients that cannot hash */
    bool is_fapi2;               /* FAPI 2.0 Security Profile: see profile.h */
    bool require_dpop;           /* RFC 9449 5.2: dpop_bound_access_tokens */
    bool bound_to_certificate;   /* RFC 8705 3.4: tls_client_certificate_bound_access_tokens */
    bool skip_consent;           /* the operator's own applications */
    bool userinfo_in_id_token;   /* what scopes tell at userinfo, for libraries that do not ask there */
    bool is_native;              /* RFC 8252: the port of a loopback redirect URI is free */
};

static inline bool sp_client_is_public(const struct sp_client *client)
{
    return client->methods == (unsigned)SP_CLIENT_NONE;
}

/* Proves itself by the certificate of its connection (RFC 8705 2). */
static inline bool sp_client_uses_certificate(const struct sp_client *client)
{
    return (client->methods & ((unsigned)SP_CLIENT_TLS | (unsigned)SP_CLIENT_SELF_SIGNED_TLS)) != 0;
}

static inline bool sp_client_hears_of_logout(const struct sp_client *client)
{
    return client->backchannel_logout_uri.len > 0 || client->frontchannel_logout_uri.len > 0;
}

/* "client_secret_basic or client_secret_post"; static or in arena, for messages. */
struct sp_arena;
struct sp_str sp_client_methods_text(struct sp_arena *arena, unsigned methods);
/* The bit of a name, 0 when there is none. */
unsigned sp_client_method_find(struct sp_str text);
unsigned sp_grant_find(struct sp_str text);
bool sp_list_has(struct sp_str_list list, struct sp_str item);

#endif
