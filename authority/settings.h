/* SPDX-License-Identifier: Apache-2.0 */
/* The `authority:` section of sallyport.yaml as values. Immutable after reading; a reload reads new ones and swaps the
 * pointer. Whole-file checks (unknown members elsewhere, references) are core/policy's; this reads its own section and
 * says what is wrong with it. */
#ifndef SP_AUTHORITY_SETTINGS_H
#define SP_AUTHORITY_SETTINGS_H

#include "authority/assertion_issuer.h"
#include "authority/client.h"
#include "authority/store.h"
#include "authority/told_scope.h"
#include "authority/upstream.h"
#include "core/base/arena.h"
#include "core/base/json.h"

struct sp_policy;

#define SP_MAX_CLIENTS 100000u

struct sp_certificate_trust;

/* RFC 8705. The certificate of a client comes from the TLS proxy in front (client_certificate.h). */
struct sp_mtls_settings {
    bool enabled;                             /* the section is there */
    const struct sp_certificate_trust *trust; /* of tls_client_auth; NULL: it is not offered */
    struct sp_str alias;                      /* origin of mtls_endpoint_aliases; absent: none */
    struct sp_str proxy_secret;               /* by which a proxy of the operator's own is known; absent: none */
};

/* RFC 7591: what clients that register themselves may be. */
struct sp_registration_settings {
    bool enabled;                 /* the section is there */
    bool open;                    /* without an initial access token */
    int64_t max_clients;          /* that registered themselves, at a time */
    int64_t unused_lifetime_s;    /* of those that anybody registered, until their first token */
    bool require_pkce;            /* also of those that have a secret or a key */
    unsigned grants;              /* that they may use */
    struct sp_str_list scopes;    /* that they may ask for */
    struct sp_str_list audiences; /* that they may name as `resource`; the first is the default */
};

enum sp_second_factor { SP_SECOND_FACTOR_OPTIONAL, SP_SECOND_FACTOR_OFF, SP_SECOND_FACTOR_REQUIRED };

/* How people get e-mail; url absent: they get none. */
struct sp_mail_settings {
    struct sp_str url, from, user, password, name; /* name: of the service, in messages; absent: the issuer */
};

struct sp_authority_settings {
    struct sp_str issuer;    /* exactly as written: `iss` byte for byte */
    struct sp_str base;      /* the issuer without a final slash: endpoints are base + path */
    struct sp_str base_path; /* its path, "" for none */
    bool is_https;
    const struct sp_client *clients; /* sorted by id */
    size_t client_count;
    const struct sp_assertion_issuer *assertion_issuers; /* RFC 7523 2.1 */
    size_t assertion_issuer_count;
    struct sp_str_list
        scopes; /* every scope that some client may have, that is described, and those of OpenID Connect */
    const struct sp_told_scope *told_scopes; /* that are described, and tell claims */
    size_t told_scope_count;
    enum sp_token_format token_format;
    bool seals_tokens;            /* token_seal.h; not while an older node would not know them */
    int64_t token_lifetime_s;     /* access tokens */
    int64_t max_token_lifetime_s; /* the longest of any client; see token_lifetime.h */
    int64_t code_lifetime_s, refresh_lifetime_s, refresh_grace_s, session_lifetime_s, device_lifetime_s;
    int64_t fresh_s;                   /* after signing in, sensitive changes need no signing in again for this long */
    enum sp_algorithm algorithm;       /* of what we sign, where a client chooses no other */
    uint32_t algorithms;               /* that have keys; the one above among them */
    int64_t rotation_s;                /* a key signs this long; 0: only by hand */
    int64_t overlap_s;                 /* a new key is published this long before it signs */
    struct sp_str master_key;          /* as configured; absent: STATE/authority.master_key */
    struct sp_postgres_terms postgres; /* url absent: SQLite in the state directory */
    struct sp_mtls_settings mtls;
    struct sp_registration_settings registration;
    bool dpop_nonce;                     /* DPoP proofs must carry our nonce (RFC 9449 8) */
    struct sp_str ca_file;               /* whom https outside is verified against; absent: the system's trust store */
    struct sp_str_list blocked_networks; /* never asked; of the whole file, set by whoever read it */
    struct sp_policy *configuration;     /* the whole of it, likewise; NULL: there was none */
    struct sp_mail_settings mail;
    const struct sp_upstream_provider *upstreams; /* other providers that sign people in */
    size_t upstream_count;
    bool development; /* --dev: developer's pages say more */

    enum sp_second_factor second_factor; /* whom a second step is asked of */
    bool passkeys;                       /* people may sign in with them */
};

struct sp_settings_error {
    struct sp_str member;  /* "authority.clients.web.grants" */
    struct sp_str message; /* what is wrong and what to write instead */
};

/* default_issuer: where the section names none; absent: it must. SP_MALFORMED with *error; SP_NO_MEMORY. Texts in arena
 * or borrowed from section. */
SP_MUST_CHECK enum sp_status sp_authority_settings_read(struct sp_arena *arena, const struct sp_json *section,
                                                        struct sp_str default_issuer,
                                                        struct sp_authority_settings *settings,
                                                        struct sp_settings_error *error);

const struct sp_client *sp_client_find(const struct sp_authority_settings *settings, struct sp_str id);
/* A registered id that differs from the unknown one by letter case, white space or one typing error; NULL when none
 * does. */
const struct sp_client *sp_client_nearest(const struct sp_authority_settings *settings, struct sp_str id);

#endif
