/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/client_metadata.h"

#include "authority/client_reader.h"
#include "authority/key_set_reader.h"
#include "authority/redirect_uri_policy.h"
#include "core/base/host.h"
#include "core/base/limits.h"
#include "core/base/url.h"
#include "core/base/visible.h"
#include "core/jose/jwk_set.h"

#define MAX_NAME_BYTES 200u
#define NAME_EXPECTATION "Write a name of at most 200 bytes " SP_VISIBLE_EXPECTATION "."

/* ---- values ---- */
static enum sp_status read_method(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    unsigned bit = sp_client_method_find(sp_json_string(value));
    /* A MAC needs the secret itself, and only its hash is kept. */
    if (bit == 0 || bit == (unsigned)SP_CLIENT_SECRET_JWT)
        return SP_MALFORMED;
    *(unsigned *)at = bit;
    return SP_OK;
}

static enum sp_status read_grant_types(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    return sp_json_is(value, SP_JSON_ARRAY) && value->count > 0 ? sp_client_read_grants(reader, value, at)
                                                                : SP_MALFORMED;
}

static enum sp_status read_response_types(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader, (void)at;
    if (!sp_json_is(value, SP_JSON_ARRAY))
        return SP_MALFORMED;
    for (const struct sp_json *item = value->first; item != NULL; item = item->next)
        if (!sp_str_equal(sp_json_string(item), SP_STR("code")))
            return SP_MALFORMED;
    return SP_OK;
}

static enum sp_status read_uris(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    if (!sp_json_is(value, SP_JSON_ARRAY) || value->count > SP_MAX_REGISTERED_URIS)
        return SP_MALFORMED;
    return sp_settings_texts(reader, value, at);
}

static enum sp_status read_scope(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_str rest = sp_json_string(value), word;
    struct sp_str *words = sp_arena_calloc(reader->arena, rest.len / 2 + 1, sizeof *words);
    size_t count = 0;
    if (!sp_json_is(value, SP_JSON_STRING))
        return SP_MALFORMED;
    if (words == NULL)
        return SP_NO_MEMORY;
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        words[count++] = word;
    *(struct sp_str_list *)at = (struct sp_str_list){words, count};
    return SP_OK;
}

static enum sp_status read_application_type(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    struct sp_str text = sp_json_string(value);
    *(bool *)at = sp_str_equal(text, SP_STR("native"));
    return *(bool *)at || sp_str_equal(text, SP_STR("web")) ? SP_OK : SP_MALFORMED;
}

static enum sp_status check_https(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader, (void)at;
    struct sp_url url;
    struct sp_str text = sp_json_string(value);
    return text.len <= SP_MAX_REDIRECT_URI_BYTES && sp_url_split(text, &url) == SP_OK && sp_url_is_secure(&url) &&
                   url.userinfo.at == NULL
               ? SP_OK
               : SP_MALFORMED;
}

static enum sp_status read_https(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    *(struct sp_str *)at = sp_json_string(value);
    return check_https(reader, value, NULL);
}

/* What people may read in it: check_name. */
static enum sp_status read_name(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    struct sp_str text = sp_json_string(value);
    if (text.len == 0 || text.len > MAX_NAME_BYTES)
        return SP_MALFORMED;
    *(struct sp_str *)at = text;
    return SP_OK;
}

static enum sp_status read_texts(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    return sp_json_is(value, SP_JSON_ARRAY) ? sp_settings_texts(reader, value, at) : SP_MALFORMED;
}

static enum sp_status read_contacts(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)at;
    struct sp_str_list list;
    return read_texts(reader, value, &list);
}

static enum sp_status read_plain(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader, (void)at;
    return sp_json_is(value, SP_JSON_STRING) ? SP_OK : SP_MALFORMED;
}

static enum sp_status read_max_age(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    struct sp_client *client = at;
    (void)reader;
    client->has_default_max_age = true;
    enum sp_status status = sp_json_is(value, SP_JSON_NUMBER) ? SP_OK : SP_MALFORMED;
    if (status == SP_OK)
        status = sp_settings_duration(value, &client->default_max_age_s);
    return status == SP_OK && client->default_max_age_s > SP_MAX_AGE_S ? SP_MALFORMED : status;
}

static enum sp_status refuse(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader, (void)value, (void)at;
    return SP_MALFORMED;
}

/* ---- rows ---- */
#define CLIENT(member) offsetof(struct sp_client, member)
#define ALGORITHM "Write an asymmetric signature algorithm."
#define HTTPS "Write an https URL."
#define NO_ENCRYPTION "Tokens and answers are signed here, not encrypted; leave it out."

static const struct sp_member_row rows[] = {
    SP_MEMBER_BY("redirect_uris", CLIENT(redirect_uris), read_uris, "Write a list of at most 32 URIs."),
    SP_MEMBER_BY("token_endpoint_auth_method", CLIENT(methods), read_method,
                 "Write client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, "
                 "self_signed_tls_client_auth or none."),
    SP_MEMBER_BY("grant_types", CLIENT(grants), read_grant_types, SP_GRANTS_EXPECTATION),
    SP_MEMBER_BY("response_types", 0, read_response_types, "The only response type is [\"code\"]."),
    SP_MEMBER_BY("application_type", CLIENT(is_native), read_application_type, "Write web or native."),
    SP_MEMBER_BY("client_name", CLIENT(name), read_name, NAME_EXPECTATION),
    SP_MEMBER_BY("client_uri", CLIENT(client_uri), read_https, HTTPS),
    SP_MEMBER_BY("logo_uri", CLIENT(logo_uri), read_https, HTTPS),
    SP_MEMBER_BY("tos_uri", CLIENT(tos_uri), read_https, HTTPS),
    SP_MEMBER_BY("policy_uri", CLIENT(policy_uri), read_https, HTTPS),
    SP_MEMBER_BY("initiate_login_uri", 0, check_https, HTTPS),
    SP_MEMBER_BY("contacts", 0, read_contacts, "Write a list of texts."),
    SP_MEMBER_BY("scope", CLIENT(scopes), read_scope, "Write scopes with spaces between them."),
    SP_MEMBER_BY("jwks", CLIENT(keys), sp_read_key_set,
                 "Write a key set {\"keys\":[…]} with at least one usable public key, and no private one."),
    SP_MEMBER_BY("jwks_uri", CLIENT(jwks_uri), sp_read_secure_url, SP_JWKS_URI_EXPECTATION),
    SP_MEMBER_BY("software_id", 0, read_plain, "Write a text."),
    SP_MEMBER_BY("software_version", 0, read_plain, "Write a text."),
    SP_MEMBER_BY("subject_type", CLIENT(is_pairwise), sp_client_read_subject_type, SP_SUBJECT_TYPE_EXPECTATION),
    SP_MEMBER_BY("sector_identifier_uri", CLIENT(sector_identifier_uri), sp_read_secure_url, HTTPS),
    SP_MEMBER_BY("id_token_signed_response_alg", CLIENT(id_token_algorithm), sp_read_algorithm, ALGORITHM),
    SP_MEMBER_BY("userinfo_signed_response_alg", CLIENT(userinfo_algorithm), sp_read_algorithm, ALGORITHM),
    SP_MEMBER_BY("introspection_signed_response_alg", CLIENT(introspection_algorithm), sp_read_algorithm, ALGORITHM),
    SP_MEMBER_BY("token_endpoint_auth_signing_alg", CLIENT(assertion_algorithm), sp_read_algorithm, ALGORITHM),
    SP_MEMBER_BY("request_object_signing_alg", CLIENT(request_object_algorithm), sp_read_algorithm, ALGORITHM),
    SP_MEMBER("require_signed_request_object", BOOL, CLIENT(require_signed_request)),
    SP_MEMBER("require_pushed_authorization_requests", BOOL, CLIENT(require_pushed)),
    SP_MEMBER("dpop_bound_access_tokens", BOOL, CLIENT(require_dpop)),
    SP_MEMBER("tls_client_certificate_bound_access_tokens", BOOL, CLIENT(bound_to_certificate)),
    SP_MEMBER("tls_client_auth_subject_dn", TEXT, CLIENT(certificate_names.subject_dn)),
    SP_MEMBER("tls_client_auth_san_dns", TEXT, CLIENT(certificate_names.san_dns)),
    SP_MEMBER("tls_client_auth_san_uri", TEXT, CLIENT(certificate_names.san_uri)),
    SP_MEMBER("tls_client_auth_san_ip", TEXT, CLIENT(certificate_names.san_ip)),
    SP_MEMBER("tls_client_auth_san_email", TEXT, CLIENT(certificate_names.san_email)),
    SP_MEMBER_BY("post_logout_redirect_uris", CLIENT(post_logout_redirect_uris), read_uris,
                 "Write a list of at most 32 URIs."),
    SP_MEMBER_BY("backchannel_logout_uri", CLIENT(backchannel_logout_uri), sp_read_secure_url, HTTPS),
    SP_MEMBER("backchannel_logout_session_required", BOOL, CLIENT(backchannel_logout_session_required)),
    SP_MEMBER_BY("frontchannel_logout_uri", CLIENT(frontchannel_logout_uri), sp_read_secure_url, HTTPS),
    SP_MEMBER("frontchannel_logout_session_required", BOOL, CLIENT(frontchannel_logout_session_required)),
    SP_MEMBER("require_auth_time", BOOL, CLIENT(require_auth_time)),
    SP_MEMBER_BY("default_max_age", 0, read_max_age, "Write a number of seconds."),
    SP_MEMBER_BY("default_acr_values", CLIENT(default_acr_values), read_texts, "Write a list of texts."),
    SP_MEMBER_BY("software_statement", 0, refuse, "No software statement is trusted here; leave it out."),
    SP_MEMBER_BY("id_token_encrypted_response_alg", 0, refuse, NO_ENCRYPTION),
    SP_MEMBER_BY("userinfo_encrypted_response_alg", 0, refuse, NO_ENCRYPTION),
    SP_MEMBER_BY("request_object_encryption_alg", 0, refuse, NO_ENCRYPTION),
    SP_MEMBERS_END,
};

/* ---- what fits together ---- */
struct reading {
    struct sp_settings_reader reader;
    const struct sp_metadata_terms *terms;
    const struct sp_json *metadata;
};

static enum sp_status complain(struct reading *reading, const char *member, struct sp_str message)
{
    return sp_settings_complain(&reading->reader, SP_STR("client"), member, message);
}

/* RFC 7591 knows no application_type, and clients of MCP leave it out: what only a native application may have tells as
 * much. The default, web, is OpenID Connect's. */
static bool is_native_by_uris(const struct reading *reading, struct sp_str_list uris)
{
    const struct sp_redirect_uri_policy web = {.allows_loopback = !reading->terms->settings->is_https},
                                        native = {.native = true};
    for (size_t i = 0; i < uris.count; i++)
        if (sp_redirect_uri_fault(uris.at[i], web) != NULL && sp_redirect_uri_fault(uris.at[i], native) == NULL)
            return true;
    return false;
}

static enum sp_status check_uris(struct reading *reading, const struct sp_client *client, const char *member,
                                 struct sp_str_list uris)
{
    struct sp_redirect_uri_policy policy = {.native = client->is_native,
                                            .allows_loopback = !reading->terms->settings->is_https};
    for (size_t i = 0; i < uris.count; i++) {
        const char *fault = sp_redirect_uri_fault(uris.at[i], policy);
        if (fault != NULL)
            return complain(reading, member,
                            sp_arena_printf(reading->reader.arena, "'%.*s': %s",
                                            SP_STR_ARG(sp_str_slice(uris.at[i], 0, 200)), fault));
    }
    return SP_OK;
}

/* A stranger's URL leads neither this server nor people's browsers into their own networks. */
static bool is_outside(struct sp_str uri)
{
    struct sp_url url;
    return sp_url_split(uri, &url) == SP_OK && sp_str_equal(url.scheme, SP_STR("https")) &&
           !sp_host_is_internal(url.host);
}

/* What was kept under older rules: browsers are sent there no more, and what this server asks is judged where it
 * connects. */
static enum sp_status check_asked_urls(struct reading *reading, struct sp_client *client)
{
    const struct {
        const char *member;
        struct sp_str *value;
        bool is_for_browsers;
    } urls[] = {{"jwks_uri", &client->jwks_uri, false},
                {"sector_identifier_uri", &client->sector_identifier_uri, false},
                {"backchannel_logout_uri", &client->backchannel_logout_uri, false},
                {"frontchannel_logout_uri", &client->frontchannel_logout_uri, true},
                {"logo_uri", &client->logo_uri, true},
                {"client_uri", &client->client_uri, true},
                {"policy_uri", &client->policy_uri, true},
                {"tos_uri", &client->tos_uri, true}};
    client->public_urls_only = reading->terms->settings->is_https; /* a name may still lead inside */
    for (size_t i = 0; i < sizeof urls / sizeof urls[0] && client->public_urls_only; i++) {
        if (urls[i].value->len == 0 || is_outside(*urls[i].value))
            continue;
        if (!reading->terms->kept)
            return complain(reading, urls[i].member, SP_STR("Write an https URL with a public host name."));
        if (urls[i].is_for_browsers)
            *urls[i].value = SP_STR_NONE;
    }
    return SP_OK;
}

/* One that was kept under an older rule is shown by its id. */
static enum sp_status check_name(struct reading *reading, struct sp_client *client)
{
    if (sp_str_is_visible(client->name))
        return SP_OK;
    if (!reading->terms->kept)
        return complain(reading, "client_name", SP_STR(NAME_EXPECTATION));
    client->name = client->id;
    return SP_OK;
}

static enum sp_status check_grants(struct reading *reading, struct sp_client *client)
{
    unsigned allowed = reading->terms->settings->registration.grants;
    const struct sp_json *types = sp_json_member(reading->metadata, SP_STR("response_types"));
    if (client->grants == 0)
        client->grants = (unsigned)SP_GRANT_AUTHORIZATION_CODE;
    if (reading->terms->kept)
        client->grants &= allowed;
    if ((client->grants & ~allowed) != 0)
        return complain(reading, "grant_types",
                        SP_STR("Clients that register themselves may not use one of these grant types here."));
    bool by_code = (client->grants & (unsigned)SP_GRANT_AUTHORIZATION_CODE) != 0;
    if (types != NULL && (types->count > 0) != by_code)
        return complain(reading, "response_types",
                        SP_STR("The response type code and the grant type authorization_code go together (RFC 7591 "
                               "2.1)."));
    if (by_code && client->redirect_uris.count == 0)
        return complain(reading, "redirect_uris", SP_STR("The authorization code grant needs a redirect URI."));
    return SP_OK;
}

static enum sp_status check_scopes(struct reading *reading, struct sp_client *client)
{
    struct sp_str_list allowed = reading->terms->settings->registration.scopes, asked = client->scopes;
    if (asked.at == NULL) {
        client->scopes = allowed;
        return SP_OK;
    }
    struct sp_str *words = sp_arena_calloc(reading->reader.arena, asked.count + 1, sizeof *words);
    size_t count = 0;
    if (words == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < asked.count; i++) {
        if (sp_list_has(allowed, asked.at[i]))
            words[count++] = asked.at[i];
        else if (!reading->terms->kept)
            return complain(reading, "scope",
                            sp_arena_printf(reading->reader.arena,
                                            "'%.*s' is no scope that clients may register themselves for.",
                                            SP_STR_ARG(sp_str_slice(asked.at[i], 0, 100))));
    }
    client->scopes = (struct sp_str_list){words, count};
    return SP_OK;
}

static enum sp_status check_method(struct reading *reading, struct sp_client *client)
{
    const struct sp_mtls_settings *mtls = &reading->terms->settings->mtls;
    if (client->methods == 0)
        client->methods = (unsigned)SP_CLIENT_SECRET_BASIC;
    bool by_certificate = sp_client_uses_certificate(client) || client->bound_to_certificate;
    if ((by_certificate && !mtls->enabled) || (mtls->trust == NULL && (client->methods & (unsigned)SP_CLIENT_TLS) != 0))
        return complain(reading, "token_endpoint_auth_method",
                        SP_STR("This server does not take such client certificates; see its metadata."));
    const unsigned by_secret = (unsigned)SP_CLIENT_SECRET_BASIC | (unsigned)SP_CLIENT_SECRET_POST;
    if ((client->methods & by_secret) != 0) {
        client->secrets = reading->terms->secret;
        client->secret_count = reading->terms->secret != NULL;
    }
    return SP_OK;
}

/* Nothing is promised that no key can sign. */
static enum sp_status check_algorithms(struct reading *reading, struct sp_client *client)
{
    const struct {
        const char *member;
        enum sp_algorithm *chosen;
    } rows_of[] = {{"id_token_signed_response_alg", &client->id_token_algorithm},
                   {"userinfo_signed_response_alg", &client->userinfo_algorithm},
                   {"introspection_signed_response_alg", &client->introspection_algorithm}};
    for (size_t i = 0; i < sizeof rows_of / sizeof rows_of[0]; i++) {
        if ((sp_algorithm_bit(*rows_of[i].chosen) & ~reading->terms->settings->algorithms) == 0)
            continue;
        if (!reading->terms->kept)
            return complain(reading, rows_of[i].member,
                            SP_STR("No key of this server signs with it; its metadata says which do."));
        *rows_of[i].chosen = SP_ALGORITHM_UNKNOWN;
    }
    return SP_OK;
}

static enum sp_status check_keys(struct reading *reading, const struct sp_client *client)
{
    if (reading->terms->kept || client->keys == NULL || client->keys->count <= SP_MAX_CLIENT_KEYS)
        return SP_OK;
    return complain(reading, "jwks",
                    sp_arena_printf(reading->reader.arena, "It has %zu keys. Write at most %u.", client->keys->count,
                                    SP_MAX_CLIENT_KEYS));
}

static enum sp_status check(struct reading *reading, struct sp_client *client)
{
    enum sp_status status = check_name(reading, client);
    if (status == SP_OK)
        status = check_method(reading, client);
    if (status == SP_OK)
        status = check_keys(reading, client);
    if (status == SP_OK)
        status = check_grants(reading, client);
    if (sp_json_member(reading->metadata, SP_STR("application_type")) == NULL)
        client->is_native = is_native_by_uris(reading, client->redirect_uris);
    if (status == SP_OK)
        status = check_uris(reading, client, "redirect_uris", client->redirect_uris);
    if (status == SP_OK)
        status = check_uris(reading, client, "post_logout_redirect_uris", client->post_logout_redirect_uris);
    if (status == SP_OK)
        status = check_asked_urls(reading, client);
    if (status == SP_OK)
        status = check_scopes(reading, client);
    if (status == SP_OK)
        status = check_algorithms(reading, client);
    return status == SP_OK ? sp_client_check(&reading->reader, SP_STR("client"), client) : status;
}

/* The rules of the configuration call some members otherwise. */
static struct sp_str name_here(struct sp_str member)
{
    static const struct {
        struct sp_str there, here;
    } names[] = {{{"method", 6}, {"token_endpoint_auth_method", 26}}, {{"grants", 6}, {"grant_types", 11}}};
    size_t dot = sp_str_index_of(member, '.', 0);
    struct sp_str name = dot < member.len ? sp_str_slice(member, dot + 1, member.len) : member;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sp_str_equal(names[i].there, name))
            return names[i].here;
    return name;
}

enum sp_status sp_client_metadata_read(struct sp_arena *arena, const struct sp_metadata_terms *terms,
                                       const struct sp_json *metadata, struct sp_client *client,
                                       struct sp_metadata_fault *fault)
{
    const struct sp_authority_settings *settings = terms->settings;
    struct sp_settings_error error = {SP_STR_NONE, SP_STR_NONE};
    struct reading reading = {
        .reader = {.arena = arena, .error = &error, .ignores_unknown = true}, .terms = terms, .metadata = metadata};
    struct sp_client read = {.id = client->id,
                             .name = client->id,
                             .is_stranger = true,
                             .audiences = settings->registration.audiences,
                             .token_format = settings->token_format,
                             .token_lifetime_s = settings->token_lifetime_s,
                             .require_pkce = settings->registration.require_pkce};
    enum sp_status status = sp_settings_read_members(&reading.reader, SP_STR("client"), metadata, rows, &read);
    if (status == SP_OK)
        status = check(&reading, &read);
    if (status == SP_MALFORMED)
        *fault = (struct sp_metadata_fault){name_here(error.member), error.message};
    if (status == SP_OK)
        *client = read;
    return status;
}

/* ---- out ---- */
static bool is_known(struct sp_str name)
{
    for (const struct sp_member_row *row = rows; row->name != NULL; row++)
        if (sp_str_equal(sp_str_from_cstr(row->name), name))
            return true;
    return false;
}

static void write_words(struct sp_json_writer *json, struct sp_str_list list)
{
    char text[4096];
    size_t len = 0;
    for (size_t i = 0; i < list.count && len + list.at[i].len + 1 < sizeof text; i++) {
        if (len > 0)
            text[len++] = ' ';
        memcpy(text + len, list.at[i].at, list.at[i].len);
        len += list.at[i].len;
    }
    sp_json_string_member(json, "scope", sp_str(text, len));
}

void sp_client_metadata_write(struct sp_json_writer *json, const struct sp_authority_settings *settings,
                              const struct sp_json *metadata, const struct sp_client *client)
{
    const struct {
        const char *name;
        struct sp_str value;
    } texts[] = {{"token_endpoint_auth_method", SP_STR("client_secret_basic")},
                 {"application_type", client->is_native ? SP_STR("native") : SP_STR("web")},
                 {"subject_type", SP_STR("public")},
                 {"id_token_signed_response_alg", sp_algorithm_get(settings->algorithm)->name}};
    for (const struct sp_json *member = metadata->first; member != NULL; member = member->next)
        if (is_known(member->name)) {
            sp_json_name(json, member->name);
            sp_json_put_value(json, member);
        }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (sp_json_member(metadata, sp_str_from_cstr(texts[i].name)) == NULL)
            sp_json_string_member(json, texts[i].name, texts[i].value);
    if (sp_json_member(metadata, SP_STR("scope")) == NULL)
        write_words(json, client->scopes);
    if (sp_json_member(metadata, SP_STR("grant_types")) == NULL) {
        sp_json_name(json, SP_STR("grant_types"));
        sp_json_begin_array(json);
        sp_json_put_string(json, SP_STR("authorization_code"));
        sp_json_end_array(json);
    }
    if (sp_json_member(metadata, SP_STR("response_types")) == NULL) {
        sp_json_name(json, SP_STR("response_types"));
        sp_json_begin_array(json);
        if ((client->grants & (unsigned)SP_GRANT_AUTHORIZATION_CODE) != 0)
            sp_json_put_string(json, SP_STR("code"));
        sp_json_end_array(json);
    }
}
