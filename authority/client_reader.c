/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_reader.h"

#include "authority/client_certificate.h"
#include "authority/client_keys.h"
#include "authority/client_secret.h"
#include "authority/key_set_reader.h"
#include "authority/redirect_uri_policy.h"
#include "authority/sector.h"
#include "core/base/url.h"
#include "core/jose/crypto_certificate.h"
#include "core/jose/jwk_set.h"

/* ---- values of clients alone ---- */
static enum sp_status read_set(struct sp_settings_reader *reader, const struct sp_json *value,
                               unsigned (*find)(struct sp_str), unsigned *set)
{
    struct sp_str_list names;
    enum sp_status status = sp_settings_texts(reader, value, &names);
    unsigned bits = 0;
    for (size_t i = 0; status == SP_OK && i < names.count; i++) {
        unsigned bit = find(names.at[i]);
        /* "secret": either way of sending it, as without the member. */
        if (bit == 0 && !sp_str_equal(names.at[i], SP_STR("secret")))
            return SP_MALFORMED;
        bits |= bit;
    }
    if (status == SP_OK)
        *set = bits;
    return status;
}

/* "sha256:HEX" or argon2id's own encoding. */
static enum sp_status read_hash(struct sp_settings_reader *reader, struct sp_str text, struct sp_client_secret *secret)
{
    if (sp_str_has_prefix(text, SP_STR("$argon2id$"))) {
        /* libargon2 wants a NUL behind it. */
        *secret = (struct sp_client_secret){.kind = SP_CLIENT_SECRET_ARGON2};
        return sp_arena_copy(reader->arena, text, &secret->text);
    }
    if (!sp_str_has_prefix(text, SP_STR("sha256:")) || text.len != 7 + 64)
        return SP_MALFORMED;
    struct sp_client_secret read = {.kind = SP_CLIENT_SECRET_SHA256};
    for (size_t i = 0; i < 32; i++) {
        int high = sp_hex_digit(text.at[7 + 2 * i]), low = sp_hex_digit(text.at[8 + 2 * i]);
        if (high < 0 || low < 0)
            return SP_MALFORMED;
        read.sha256[i] = (unsigned char)(high * 16 + low);
    }
    *secret = read;
    return SP_OK;
}

/* Appends to the client's secrets; both `secret` and `secret_hash` may be lists while a secret is being replaced. */
static enum sp_status read_secrets(struct sp_settings_reader *reader, const struct sp_json *value, bool hashed,
                                   struct sp_client *client)
{
    struct sp_str_list texts;
    enum sp_status status = sp_settings_texts(reader, value, &texts);
    if (status != SP_OK)
        return status;
    struct sp_client_secret *secrets =
        sp_arena_calloc(reader->arena, client->secret_count + texts.count, sizeof *secrets);
    if (secrets == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < client->secret_count; i++)
        secrets[i] = client->secrets[i];
    for (size_t i = 0; i < texts.count; i++) {
        struct sp_client_secret *secret = &secrets[client->secret_count + i];
        *secret = (struct sp_client_secret){.kind = SP_CLIENT_SECRET_PLAIN, .text = texts.at[i]};
        if (!hashed)
            sp_client_secret_fingerprint(texts.at[i], secret->fingerprint);
        if (hashed && (status = read_hash(reader, texts.at[i], secret)) != SP_OK)
            return status;
    }
    client->secrets = secrets;
    client->secret_count += texts.count;
    return SP_OK;
}

enum sp_status sp_client_read_format(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    enum sp_token_format *format = at;
    struct sp_str text = sp_json_string(value);
    if (sp_str_equal(text, SP_STR("jwt")))
        *format = SP_TOKEN_FORMAT_JWT;
    else if (sp_str_equal(text, SP_STR("opaque")))
        *format = SP_TOKEN_FORMAT_OPAQUE;
    else if (!sp_str_equal(text, SP_STR("default")))
        return SP_MALFORMED;
    return SP_OK;
}

static enum sp_status read_secret(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    return read_secrets(reader, value, false, at);
}

static enum sp_status read_secret_hash(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    return read_secrets(reader, value, true, at);
}

static enum sp_status read_methods(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    return read_set(reader, value, sp_client_method_find, at);
}

enum sp_status sp_client_read_grants(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    return read_set(reader, value, sp_grant_find, at);
}

/* Certificates as PEM; their hashes are what is kept. */
static enum sp_status read_certificates(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_client *client = at;
    struct sp_str_list texts;
    enum sp_status status = sp_settings_texts(reader, value, &texts);
    if (status != SP_OK)
        return status;
    unsigned char(*hashes)[32] = sp_arena_calloc(reader->arena, texts.count + 1, sizeof *hashes);
    if (hashes == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < texts.count && status == SP_OK; i++) {
        struct sp_str der;
        struct sp_certificate *certificate = NULL;
        status = sp_client_certificate_decode(reader->arena, texts.at[i], &der);
        if (status == SP_OK)
            status = sp_certificate_parse(der, &certificate);
        if (status == SP_OK)
            memcpy(hashes[i], sp_certificate_sha256(certificate), sizeof hashes[i]);
        sp_certificate_destroy(&certificate);
    }
    client->certificates = (const unsigned char(*)[32])hashes;
    client->certificate_count = texts.count;
    return status == SP_TOO_LARGE ? SP_MALFORMED : status;
}

static enum sp_status read_profile(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_str text = sp_json_string(value);
    (void)reader;
    *(bool *)at = sp_str_equal(text, SP_STR("fapi2"));
    return *(bool *)at || sp_str_equal(text, SP_STR("default")) ? SP_OK : SP_MALFORMED;
}

enum sp_status sp_client_read_subject_type(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_str text = sp_json_string(value);
    (void)reader;
    *(bool *)at = sp_str_equal(text, SP_STR("pairwise"));
    return *(bool *)at || sp_str_equal(text, SP_STR("public")) ? SP_OK : SP_MALFORMED;
}

static enum sp_status read_default_max_age(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_client *client = at;
    (void)reader;
    client->has_default_max_age = true;
    enum sp_status status = sp_settings_duration(value, &client->default_max_age_s);
    return status == SP_OK && client->default_max_age_s > SP_MAX_AGE_S ? SP_MALFORMED : status;
}

#define SHOWN_URL "Write an https URL; plain http is for loopback only."

/* ---- a client ---- */
#define CLIENT(member) offsetof(struct sp_client, member)

static const struct sp_member_row rows[] = {
    SP_MEMBER("name", TEXT, CLIENT(name)),
    SP_MEMBER_BY("client_uri", CLIENT(client_uri), sp_read_secure_url, SHOWN_URL),
    SP_MEMBER_BY("logo_uri", CLIENT(logo_uri), sp_read_secure_url, SHOWN_URL),
    SP_MEMBER_BY("policy_uri", CLIENT(policy_uri), sp_read_secure_url, SHOWN_URL),
    SP_MEMBER_BY("tos_uri", CLIENT(tos_uri), sp_read_secure_url, SHOWN_URL),
    SP_MEMBER_BY("secret", 0, read_secret, "Write the secret, or better its hash as secret_hash."),
    SP_MEMBER_BY("secret_hash", 0, read_secret_hash,
                 "Write sha256:HEX (64 digits) or an argon2id encoding that begins with $argon2id$."),
    SP_MEMBER_BY("method", CLIENT(methods), read_methods,
                 "Write client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, "
                 "tls_client_auth, self_signed_tls_client_auth or none."),
    SP_MEMBER_BY("grants", CLIENT(grants), sp_client_read_grants, SP_GRANTS_EXPECTATION),
    SP_MEMBER("scopes", TEXTS, CLIENT(scopes)),
    SP_MEMBER("audiences", TEXTS, CLIENT(audiences)),
    SP_MEMBER("exchange_from", TEXTS, CLIENT(exchange_from)),
    SP_MEMBER_BY("token_format", CLIENT(token_format), sp_client_read_format, SP_FORMAT_EXPECTATION),
    SP_MEMBER("token_lifetime", DURATION, CLIENT(token_lifetime_s)),
    SP_MEMBER_BY("jwks", CLIENT(keys), sp_read_key_set, SP_KEY_SET_EXPECTATION),
    SP_MEMBER_BY("jwks_uri", CLIENT(jwks_uri), sp_read_secure_url, SP_JWKS_URI_EXPECTATION),
    SP_MEMBER_BY("public_key", CLIENT(keys), sp_read_public_key, SP_PUBLIC_KEY_EXPECTATION),
    SP_MEMBER("assertion_issuers", TEXTS, CLIENT(assertion_issuers)),
    SP_MEMBER_BY("certificate", 0, read_certificates,
                 "Write a certificate as PEM, or a list of them, such as ${file:client.pem}."),
    SP_MEMBER("tls_client_auth_subject_dn", TEXT, CLIENT(certificate_names.subject_dn)),
    SP_MEMBER("tls_client_auth_san_dns", TEXT, CLIENT(certificate_names.san_dns)),
    SP_MEMBER("tls_client_auth_san_uri", TEXT, CLIENT(certificate_names.san_uri)),
    SP_MEMBER("tls_client_auth_san_ip", TEXT, CLIENT(certificate_names.san_ip)),
    SP_MEMBER("tls_client_auth_san_email", TEXT, CLIENT(certificate_names.san_email)),
    SP_MEMBER("tls_client_certificate_bound_access_tokens", BOOL, CLIENT(bound_to_certificate)),
    SP_MEMBER("redirect_uris", TEXTS, CLIENT(redirect_uris)),
    SP_MEMBER("post_logout_redirect_uris", TEXTS, CLIENT(post_logout_redirect_uris)),
    SP_MEMBER_BY("backchannel_logout_uri", CLIENT(backchannel_logout_uri), sp_read_secure_url,
                 "Write the https URL where the client takes logout tokens; plain http is for loopback only."),
    SP_MEMBER("backchannel_logout_session_required", BOOL, CLIENT(backchannel_logout_session_required)),
    SP_MEMBER_BY("frontchannel_logout_uri", CLIENT(frontchannel_logout_uri), sp_read_secure_url,
                 "Write the https URL that signs the person out when it is loaded in a frame; plain http is for "
                 "loopback only."),
    SP_MEMBER("frontchannel_logout_session_required", BOOL, CLIENT(frontchannel_logout_session_required)),
    SP_MEMBER_BY("subject_type", CLIENT(is_pairwise), sp_client_read_subject_type, SP_SUBJECT_TYPE_EXPECTATION),
    SP_MEMBER_BY("sector_identifier_uri", CLIENT(sector_identifier_uri), sp_read_secure_url,
                 "Write an https URL; its host is the sector."),
    SP_MEMBER_BY("default_max_age", 0, read_default_max_age, "Write a duration as 30s, 10m, 1h or 30d."),
    SP_MEMBER("require_auth_time", BOOL, CLIENT(require_auth_time)),
    SP_MEMBER("default_acr_values", TEXTS, CLIENT(default_acr_values)),
    SP_MEMBER("require_pkce", BOOL, CLIENT(require_pkce)),
    SP_MEMBER("require_pushed", BOOL, CLIENT(require_pushed)),
    SP_MEMBER("require_signed_request_object", BOOL, CLIENT(require_signed_request)),
    SP_MEMBER_BY("token_endpoint_auth_signing_alg", CLIENT(assertion_algorithm), sp_read_algorithm,
                 SP_ALGORITHM_EXPECTATION),
    SP_MEMBER_BY("request_object_signing_alg", CLIENT(request_object_algorithm), sp_read_algorithm,
                 SP_ALGORITHM_EXPECTATION),
    SP_MEMBER_BY("id_token_signed_response_alg", CLIENT(id_token_algorithm), sp_read_algorithm,
                 SP_ALGORITHM_EXPECTATION),
    SP_MEMBER_BY("userinfo_signed_response_alg", CLIENT(userinfo_algorithm), sp_read_algorithm,
                 SP_ALGORITHM_EXPECTATION),
    SP_MEMBER_BY("introspection_signed_response_alg", CLIENT(introspection_algorithm), sp_read_algorithm,
                 SP_ALGORITHM_EXPECTATION),
    SP_MEMBER("allow_plain_pkce", BOOL, CLIENT(allow_plain_pkce)),
    SP_MEMBER_BY("profile", CLIENT(is_fapi2), read_profile, "Write default or fapi2."),
    SP_MEMBER("require_dpop", BOOL, CLIENT(require_dpop)),
    SP_MEMBER("skip_consent", BOOL, CLIENT(skip_consent)),
    SP_MEMBER("userinfo_in_id_token", BOOL, CLIENT(userinfo_in_id_token)),
    SP_MEMBER("native", BOOL, CLIENT(is_native)),
    SP_MEMBERS_END,
};

static int count_names(const struct sp_certificate_names *names)
{
    return (names->subject_dn.at != NULL) + (names->san_dns.at != NULL) + (names->san_uri.at != NULL) +
           (names->san_ip.at != NULL) + (names->san_email.at != NULL);
}

static bool has_certificate(const struct sp_client *client)
{
    for (size_t i = 0; client->keys != NULL && i < client->keys->count; i++)
        if (client->keys->keys[i].has_certificate)
            return true;
    return client->certificate_count > 0 || client->jwks_uri.len > 0;
}

static enum sp_status check_certificate(struct sp_settings_reader *reader, struct sp_str where,
                                        const struct sp_client *client)
{
    const struct sp_certificate_names *names = &client->certificate_names;
    bool by_chain = (client->methods & (unsigned)SP_CLIENT_TLS) != 0,
         by_itself = (client->methods & (unsigned)SP_CLIENT_SELF_SIGNED_TLS) != 0;
    struct sp_distinguished_name name;
    size_t offset = 0;
    if (by_chain && by_itself)
        return sp_settings_complain(reader, where, "method",
                                    SP_STR("Choose one of tls_client_auth and self_signed_tls_client_auth."));
    if (count_names(names) != (by_chain ? 1 : 0))
        return sp_settings_complain(reader, where, "tls_client_auth_subject_dn",
                                    SP_STR("tls_client_auth needs exactly one of tls_client_auth_subject_dn, _san_dns, "
                                           "_san_uri, _san_ip and _san_email; other methods need none."));
    if (by_itself && !has_certificate(client))
        return sp_settings_complain(reader, where, "method",
                                    SP_STR("self_signed_tls_client_auth needs the client's certificate: add "
                                           "certificate, or jwks or jwks_uri with x5c."));
    if (names->san_ip.at != NULL && !sp_is_ip_address(names->san_ip))
        return sp_settings_complain(reader, where, "tls_client_auth_san_ip",
                                    SP_STR("Write an IP address, such as 192.0.2.7 or 2001:db8::7."));
    if (names->subject_dn.at == NULL)
        return SP_OK;
    enum sp_status status = sp_distinguished_name_parse(reader->arena, names->subject_dn, &name, &offset);
    if (status == SP_MALFORMED || status == SP_TOO_LARGE)
        return sp_settings_complain(
            reader, where, "tls_client_auth_subject_dn",
            sp_arena_printf(reader->arena,
                            "Write a name as RFC 4514 has it, such as CN=reports,O=Example,C=DE; this one goes wrong "
                            "at byte %zu.",
                            offset));
    return status;
}

static bool is_of_the_client(const struct sp_client *client, struct sp_str uri)
{
    struct sp_url wanted, url;
    if (sp_url_split(uri, &wanted) != SP_OK)
        return false;
    for (size_t i = 0; i < client->redirect_uris.count; i++)
        if (sp_url_split(client->redirect_uris.at[i], &url) == SP_OK && sp_url_port(&url) == sp_url_port(&wanted) &&
            sp_str_equal_ignoring_case(url.scheme, wanted.scheme) && sp_str_equal_ignoring_case(url.host, wanted.host))
            return true;
    return false;
}

enum sp_status sp_client_check(struct sp_settings_reader *reader, struct sp_str where, struct sp_client *client)
{
    const unsigned by_secret =
        (unsigned)SP_CLIENT_SECRET_BASIC | (unsigned)SP_CLIENT_SECRET_POST | (unsigned)SP_CLIENT_SECRET_JWT;
    if (client->methods == 0)
        client->methods = client->secret_count > 0 ? (unsigned)SP_CLIENT_SECRET_BASIC | (unsigned)SP_CLIENT_SECRET_POST
                          : sp_client_has_keys(client) ? (unsigned)SP_CLIENT_PRIVATE_KEY_JWT
                                                       : (unsigned)SP_CLIENT_NONE;
    if (client->keys != NULL && client->jwks_uri.len > 0)
        return sp_settings_complain(reader, where, "jwks_uri",
                                    SP_STR("Keys are either here or behind a URL. Keep one of jwks, public_key and "
                                           "jwks_uri."));
    if (sp_client_is_public(client) && client->secret_count > 0)
        return sp_settings_complain(reader, where, "method",
                                    SP_STR("A client with a secret cannot use method 'none'. Remove one of them."));
    if ((client->methods & by_secret) != 0 && client->secret_count == 0)
        return sp_settings_complain(reader, where, "secret",
                                    SP_STR("The client's method needs a secret. Add secret_hash, or method: none."));
    if ((client->methods & (unsigned)SP_CLIENT_PRIVATE_KEY_JWT) != 0 && !sp_client_has_keys(client))
        return sp_settings_complain(
            reader, where, "method",
            SP_STR("private_key_jwt needs the client's key: add jwks, jwks_uri or public_key."));
    if ((client->methods & (unsigned)SP_CLIENT_SECRET_JWT) != 0 && client->secrets[0].kind != SP_CLIENT_SECRET_PLAIN)
        return sp_settings_complain(reader, where, "secret_hash",
                                    SP_STR("client_secret_jwt needs the secret itself, a hash cannot verify a MAC."));
    /* OIDC Core 16.19: as many bytes as the hash of HS256. */
    if ((client->methods & (unsigned)SP_CLIENT_SECRET_JWT) != 0 && client->secrets[0].text.len < 32)
        return sp_settings_complain(reader, where, "secret",
                                    SP_STR("client_secret_jwt makes the secret a MAC key: write 32 bytes or more."));
    if (client->require_signed_request && !sp_client_has_keys(client))
        return sp_settings_complain(reader, where, "require_signed_request_object",
                                    SP_STR("The client has no key to sign with: add jwks, jwks_uri or public_key."));
    if (client->grants == 0)
        client->grants = client->redirect_uris.count > 0
                             ? (unsigned)SP_GRANT_AUTHORIZATION_CODE | (unsigned)SP_GRANT_REFRESH_TOKEN
                             : (unsigned)SP_GRANT_CLIENT_CREDENTIALS;
    if (sp_client_is_public(client) && (client->grants & (unsigned)SP_GRANT_CLIENT_CREDENTIALS) != 0)
        return sp_settings_complain(
            reader, where, "grants",
            SP_STR("A public client cannot use client_credentials (RFC 6749 4.4): it has nothing to prove itself by."));
    if (client->frontchannel_logout_uri.at != NULL && !is_of_the_client(client, client->frontchannel_logout_uri))
        return sp_settings_complain(reader, where, "frontchannel_logout_uri",
                                    SP_STR("Its scheme, host and port are to be those of one of redirect_uris "
                                           "(Front-Channel Logout 2)."));
    enum sp_status status = sp_sector_decide(reader, where, client);
    return status == SP_OK ? check_certificate(reader, where, client) : status;
}

enum sp_status sp_client_check_mtls(struct sp_settings_reader *reader, struct sp_str where,
                                    const struct sp_client *client, const struct sp_mtls_settings *mtls)
{
    if (!mtls->enabled && (sp_client_uses_certificate(client) || client->bound_to_certificate))
        return sp_settings_complain(
            reader, where, client->bound_to_certificate ? "tls_client_certificate_bound_access_tokens" : "method",
            SP_STR("Client certificates are not asked for: add authority.mtls (it may be empty, {})."));
    if (mtls->trust == NULL && (client->methods & (unsigned)SP_CLIENT_TLS) != 0)
        return sp_settings_complain(
            reader, where, "method",
            SP_STR("tls_client_auth needs the authorities that its certificates are verified against: add "
                   "authority.mtls.client_ca."));
    return SP_OK;
}

/* RFC 9700 2.6: no code goes over a network in the clear. What the operator writes may lead to the person's own
 * machine, whatever the application is. */
static enum sp_status check_redirect_uris(struct sp_settings_reader *reader, struct sp_str where,
                                          const struct sp_client *client)
{
    const struct sp_redirect_uri_policy policy = {.native = true, .allows_loopback = true};
    for (size_t i = 0; i < client->redirect_uris.count; i++) {
        struct sp_str uri = client->redirect_uris.at[i];
        const char *fault = sp_redirect_uri_fault(uri, policy);
        if (fault != NULL)
            return sp_settings_complain(
                reader, where, "redirect_uris",
                sp_arena_printf(reader->arena, "'%.*s': %s", SP_STR_ARG(sp_str_slice(uri, 0, 200)), fault));
    }
    return SP_OK;
}

enum sp_status sp_client_read(struct sp_settings_reader *reader, struct sp_str where, const struct sp_json *section,
                              struct sp_client *client)
{
    enum sp_status status = sp_settings_read_members(reader, where, section, rows, client);
    if (status == SP_OK)
        status = check_redirect_uris(reader, where, client);
    return status == SP_OK ? sp_client_check(reader, where, client) : status;
}
