/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/settings.h"

#include <stdlib.h>
#include "authority/account.h"
#include "authority/client_reader.h"
#include "authority/fapi2.h"
#include "authority/key_set_reader.h"
#include "authority/upstream_reader.h"
#include "core/base/url.h"
#include "core/jose/crypto_certificate.h"
#include "core/policy/settings.h"
#include "probe/mail_call.h"

#define MIN_PROXY_SECRET 32u

/* ---- the section ---- */
#define SETTING(member) offsetof(struct sp_authority_settings, member)

static const struct sp_member_row section_rows[] = {
    SP_MEMBER("issuer", TEXT, SETTING(issuer)),
    SP_MEMBER("clients", SECTION, 0),
    SP_MEMBER("scopes", SECTION, 0),
    SP_MEMBER("tokens", SECTION, 0),
    SP_MEMBER("keys", SECTION, 0),
    SP_MEMBER("sessions", SECTION, 0),
    SP_MEMBER("assertion_issuers", SECTION, 0),
    SP_MEMBER("upstreams", SECTION, 0),
    SP_MEMBER("ca_file", TEXT, SETTING(ca_file)),
    SP_MEMBER("store", SECTION, 0),
    SP_MEMBER("mtls", SECTION, 0),
    SP_MEMBER("registration", SECTION, 0),
    SP_MEMBER("login", SECTION, 0),
    SP_MEMBER("mail", SECTION, 0),
    SP_MEMBERS_END,
};
static const struct sp_member_row token_rows[] = {
    SP_MEMBER_BY("format", SETTING(token_format), sp_client_read_format, SP_FORMAT_EXPECTATION),
    SP_MEMBER("sealed", BOOL, SETTING(seals_tokens)),
    SP_MEMBER("lifetime", DURATION, SETTING(token_lifetime_s)),
    SP_MEMBER_BY("algorithm", SETTING(algorithm), sp_read_algorithm, SP_ALGORITHM_EXPECTATION),
    SP_MEMBER_BY("algorithms", SETTING(algorithms), sp_read_algorithms, SP_ALGORITHM_EXPECTATION),
    SP_MEMBER("code_lifetime", DURATION, SETTING(code_lifetime_s)),
    SP_MEMBER("refresh_lifetime", DURATION, SETTING(refresh_lifetime_s)),
    SP_MEMBER("refresh_grace", DURATION, SETTING(refresh_grace_s)),
    SP_MEMBER("device_lifetime", DURATION, SETTING(device_lifetime_s)),
    SP_MEMBER("dpop_nonce", BOOL, SETTING(dpop_nonce)),
    SP_MEMBERS_END,
};
static const struct sp_member_row key_rows[] = {
    SP_MEMBER("rotation", DURATION, SETTING(rotation_s)),
    SP_MEMBER("overlap", DURATION, SETTING(overlap_s)),
    SP_MEMBER("master_key", TEXT, SETTING(master_key)),
    SP_MEMBERS_END,
};
static const struct sp_member_row store_rows[] = {
    SP_MEMBER("postgres", TEXT, SETTING(postgres.url)),
    SP_MEMBER("password", TEXT, SETTING(postgres.password)),
    SP_MEMBER("schema", TEXT, SETTING(postgres.schema)),
    SP_MEMBERS_END,
};
static const struct sp_member_row session_rows[] = {
    SP_MEMBER("lifetime", DURATION, SETTING(session_lifetime_s)),
    SP_MEMBER("fresh", DURATION, SETTING(fresh_s)),
    SP_MEMBERS_END,
};

static void release_trust(void *trust)
{
    struct sp_certificate_trust *held = trust;
    sp_certificate_trust_destroy(&held);
}

static enum sp_status read_trust(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    const struct sp_certificate_trust **into = at;
    struct sp_certificate_trust *trust = NULL;
    enum sp_status status = sp_certificate_trust_create(sp_json_string(value), &trust);
    if (status != SP_OK)
        return status == SP_NO_MEMORY ? status : SP_MALFORMED;
    status = sp_arena_defer(reader->arena, release_trust, trust);
    if (status == SP_OK)
        *into = trust;
    else
        sp_certificate_trust_destroy(&trust);
    return status;
}

static enum sp_status read_alias(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    struct sp_url url;
    struct sp_str text = sp_json_string(value);
    bool is_origin = sp_url_split(text, &url) == SP_OK && sp_url_is_secure(&url) && url.path.len == 0 &&
                     url.query.at == NULL && url.fragment.at == NULL && url.userinfo.at == NULL;
    *(struct sp_str *)at = text;
    return is_origin ? SP_OK : SP_MALFORMED;
}

static enum sp_status read_mail_url(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    *(struct sp_str *)at = sp_json_string(value);
    return sp_mail_url_is_usable(sp_json_string(value)) ? SP_OK : SP_MALFORMED;
}

static enum sp_status read_mail_from(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    *(struct sp_str *)at = sp_email_normal(reader->arena, sp_json_string(value));
    return ((struct sp_str *)at)->at != NULL ? SP_OK : SP_MALFORMED;
}

/* Who knows it can be any client with a certificate: as long as no guess reaches. */
static enum sp_status read_proxy_secret(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    *(struct sp_str *)at = sp_json_string(value);
    return ((struct sp_str *)at)->len >= MIN_PROXY_SECRET ? SP_OK : SP_MALFORMED;
}

static const struct sp_member_row mail_rows[] = {
    SP_MEMBER_BY("url", SETTING(mail.url), read_mail_url, "Write smtp://HOST:587 or smtps://HOST:465."),
    SP_MEMBER_BY("from", SETTING(mail.from), read_mail_from, "Write an e-mail address alone."),
    SP_MEMBER("user", TEXT, SETTING(mail.user)),
    SP_MEMBER("password", TEXT, SETTING(mail.password)),
    SP_MEMBER("name", TEXT, SETTING(mail.name)),
    SP_MEMBERS_END,
};
static const struct sp_member_row mtls_rows[] = {
    SP_MEMBER_BY(
        "client_ca", SETTING(mtls.trust), read_trust,
        "Write certificates of authorities (and their revocation lists) as PEM, such as ${file:client-ca.pem}."),
    SP_MEMBER_BY("alias", SETTING(mtls.alias), read_alias,
                 "Write an origin without a path, such as https://mtls.login.example.com."),
    SP_MEMBER_BY("proxy_secret", SETTING(mtls.proxy_secret), read_proxy_secret,
                 "Write a text of 32 characters at least, such as `openssl rand -base64 33` makes, better as "
                 "${file:PATH}; the proxy sends the same."),
    SP_MEMBERS_END,
};

static enum sp_status read_most_clients(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    (void)reader;
    int64_t most = 0;
    if (!sp_json_is(value, SP_JSON_NUMBER) || sp_json_int64(value, &most) != SP_OK || most < 1 ||
        most > (int64_t)SP_MAX_CLIENTS)
        return SP_MALFORMED;
    *(int64_t *)at = most;
    return SP_OK;
}

static const struct sp_member_row registration_rows[] = {
    SP_MEMBER("open", BOOL, SETTING(registration.open)),
    SP_MEMBER_BY("max_clients", SETTING(registration.max_clients), read_most_clients,
                 "Write a number between 1 and 100000."),
    SP_MEMBER("unused_lifetime", DURATION, SETTING(registration.unused_lifetime_s)),
    SP_MEMBER("require_pkce", BOOL, SETTING(registration.require_pkce)),
    SP_MEMBER_BY("grants", SETTING(registration.grants), sp_client_read_grants, SP_GRANTS_EXPECTATION),
    SP_MEMBER("scopes", TEXTS, SETTING(registration.scopes)),
    SP_MEMBER("audiences", TEXTS, SETTING(registration.audiences)),
    SP_MEMBERS_END,
};

static enum sp_status read_second_factor(struct sp_settings_reader *reader, const struct sp_json *value, void *at)
{
    static const struct sp_str names[] = {[SP_SECOND_FACTOR_OPTIONAL] = {"optional", 8},
                                          [SP_SECOND_FACTOR_OFF] = {"off", 3},
                                          [SP_SECOND_FACTOR_REQUIRED] = {"required", 8}};
    (void)reader;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sp_str_equal(sp_json_string(value), names[i])) {
            *(enum sp_second_factor *)at = (enum sp_second_factor)i;
            return SP_OK;
        }
    return SP_MALFORMED;
}

static const struct sp_member_row login_rows[] = {
    SP_MEMBER_BY("second_factor", SETTING(second_factor), read_second_factor, "Write off, optional or required."),
    SP_MEMBER("passkeys", BOOL, SETTING(passkeys)),
    SP_MEMBERS_END,
};

static int by_id(const void *a, const void *b)
{
    return sp_str_compare(((const struct sp_client *)a)->id, ((const struct sp_client *)b)->id);
}

static enum sp_status check_issuers(struct sp_settings_reader *reader, struct sp_str where,
                                    const struct sp_authority_settings *settings, const struct sp_client *client)
{
    bool may_use = (client->grants & (unsigned)SP_GRANT_JWT_BEARER) != 0;
    if (may_use && settings->assertion_issuer_count == 0)
        return sp_settings_complain(reader, where, "grants",
                                    SP_STR("The jwt-bearer grant needs an issuer: add authority.assertion_issuers."));
    for (size_t i = 0; i < client->assertion_issuers.count; i++) {
        size_t j = 0;
        while (j < settings->assertion_issuer_count &&
               !sp_str_equal(settings->assertion_issuers[j].name, client->assertion_issuers.at[i]))
            j++;
        if (j == settings->assertion_issuer_count)
            return sp_settings_complain(reader, where, "assertion_issuers",
                                        SP_STR("Write names of authority.assertion_issuers."));
    }
    return SP_OK;
}

/* Nothing is promised that no key can sign. */
static enum sp_status check_algorithms(struct sp_settings_reader *reader, struct sp_str where,
                                       const struct sp_authority_settings *settings, const struct sp_client *client)
{
    const struct {
        const char *member;
        enum sp_algorithm algorithm;
    } chosen[] = {{"id_token_signed_response_alg", client->id_token_algorithm},
                  {"userinfo_signed_response_alg", client->userinfo_algorithm},
                  {"introspection_signed_response_alg", client->introspection_algorithm}};
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++)
        if ((sp_algorithm_bit(chosen[i].algorithm) & ~settings->algorithms) != 0)
            return sp_settings_complain(reader, where, chosen[i].member,
                                        SP_STR("There are no keys of it: add it to authority.tokens.algorithms."));
    return SP_OK;
}

static enum sp_status read_clients(struct sp_settings_reader *reader, const struct sp_json *section,
                                   struct sp_authority_settings *settings)
{
    if (section == NULL)
        return SP_OK;
    if (section->count > SP_MAX_CLIENTS)
        return sp_settings_complain(reader, SP_STR("authority.clients"), NULL,
                                    SP_STR("There are too many clients for a file."));
    struct sp_client *clients = sp_arena_calloc(reader->arena, section->count + 1u, sizeof *clients);
    if (clients == NULL)
        return SP_NO_MEMORY;
    size_t count = 0;
    for (const struct sp_json *member = section->first; member != NULL; member = member->next) {
        struct sp_client *client = &clients[count++];
        *client = (struct sp_client){.id = member->name,
                                     .name = member->name,
                                     .token_format = settings->token_format,
                                     .token_lifetime_s = settings->token_lifetime_s,
                                     .require_pkce = true};
        struct sp_str where = sp_arena_printf(reader->arena, "authority.clients.%.*s", SP_STR_ARG(member->name));
        enum sp_status status = sp_client_read(reader, where, member, client);
        if (status == SP_OK)
            status = check_issuers(reader, where, settings, client);
        if (status == SP_OK)
            status = sp_client_check_mtls(reader, where, client, &settings->mtls);
        if (status == SP_OK)
            status = check_algorithms(reader, where, settings, client);
        if (status == SP_OK)
            status = sp_fapi2_check(reader, where, settings, client);
        if (status != SP_OK)
            return status;
        if (client->token_lifetime_s > settings->max_token_lifetime_s)
            settings->max_token_lifetime_s = client->token_lifetime_s;
    }
    qsort(clients, count, sizeof *clients, by_id);
    settings->clients = clients;
    settings->client_count = count;
    return SP_OK;
}

static const struct sp_str openid_scopes[] = {{"openid", 6},  {"profile", 7}, {"email", 5},
                                              {"address", 7}, {"phone", 5},   {"offline_access", 14}};

/* Every scope that is known here: a scope outside is `unknown`, one inside that the client lacks is `not allowed`. */
static enum sp_status collect_scopes(struct sp_settings_reader *reader, struct sp_authority_settings *settings)
{
    size_t most = sizeof openid_scopes / sizeof openid_scopes[0] + settings->registration.scopes.count +
                  settings->told_scope_count;
    for (size_t i = 0; i < settings->client_count; i++)
        most += settings->clients[i].scopes.count;
    struct sp_str *scopes = sp_arena_calloc(reader->arena, most, sizeof *scopes);
    if (scopes == NULL)
        return SP_NO_MEMORY;
    struct sp_str_list all = {scopes, 0};
    for (size_t i = 0; i < sizeof openid_scopes / sizeof openid_scopes[0]; i++)
        scopes[all.count++] = openid_scopes[i];
    for (size_t i = 0; i < settings->told_scope_count; i++)
        scopes[all.count++] = settings->told_scopes[i].name;
    for (size_t i = 0; i < settings->client_count; i++)
        for (size_t j = 0; j < settings->clients[i].scopes.count; j++)
            if (!sp_list_has(all, settings->clients[i].scopes.at[j]))
                scopes[all.count++] = settings->clients[i].scopes.at[j];
    for (size_t i = 0; i < settings->registration.scopes.count; i++)
        if (!sp_list_has(all, settings->registration.scopes.at[i]))
            scopes[all.count++] = settings->registration.scopes.at[i];
    settings->scopes = all;
    if (settings->registration.scopes.at == NULL)
        settings->registration.scopes =
            (struct sp_str_list){openid_scopes, sizeof openid_scopes / sizeof openid_scopes[0]};
    return SP_OK;
}

static enum sp_status read_issuer(struct sp_settings_reader *reader, struct sp_authority_settings *settings)
{
    struct sp_str issuer = settings->issuer;
    struct sp_url url;
    if (issuer.len == 0)
        return sp_settings_complain(
            reader, SP_STR("authority.issuer"), NULL,
            SP_STR("Write the URL under which clients reach this authority, such as https://login.example.com."));
    if (sp_url_split(issuer, &url) != SP_OK || sp_str_contains(issuer, SP_STR("?")) ||
        sp_str_contains(issuer, SP_STR("#")))
        return sp_settings_complain(reader, SP_STR("authority.issuer"), NULL,
                                    SP_STR("An issuer is an http(s) URL without query and fragment (RFC 8414 2)."));
    if (!sp_url_is_secure(&url))
        return sp_settings_complain(reader, SP_STR("authority.issuer"), NULL,
                                    SP_STR("Plain http is for loopback addresses only; write https."));
    settings->is_https = sp_str_has_prefix(issuer, SP_STR("https:"));
    settings->base = sp_str_has_suffix(issuer, SP_STR("/")) ? sp_str_slice(issuer, 0, issuer.len - 1) : issuer;
    size_t host = sp_str_index_of(issuer, ':', 0) + 3;
    settings->base_path = sp_str_slice(settings->base, sp_str_index_of(settings->base, '/', host), settings->base.len);
    return SP_OK;
}

static int64_t default_seconds(enum sp_setting setting)
{
    return sp_setting_get(setting)->default_number / 1000;
}

/* libpq wants a NUL behind what it reads. */
static enum sp_status end_texts(struct sp_settings_reader *reader, struct sp_postgres_terms *terms)
{
    struct sp_str *texts[] = {&terms->url, &terms->password, &terms->schema};
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < sizeof texts / sizeof texts[0]; i++)
        status = sp_arena_copy(reader->arena, *texts[i], texts[i]);
    return status;
}

enum sp_status sp_authority_settings_read(struct sp_arena *arena, const struct sp_json *section,
                                          struct sp_str default_issuer, struct sp_authority_settings *settings,
                                          struct sp_settings_error *error)
{
    struct sp_settings_reader reader = {.arena = arena, .error = error};
    struct sp_authority_settings read = {
        .issuer = default_issuer,
        .token_format = SP_TOKEN_FORMAT_JWT,
        .seals_tokens = true,
        .token_lifetime_s = default_seconds(SP_SETTING_TOKENS_LIFETIME),
        .code_lifetime_s = default_seconds(SP_SETTING_TOKENS_CODE_LIFETIME),
        .refresh_lifetime_s = default_seconds(SP_SETTING_TOKENS_REFRESH_LIFETIME),
        .refresh_grace_s = default_seconds(SP_SETTING_TOKENS_REFRESH_GRACE),
        .session_lifetime_s = default_seconds(SP_SETTING_SESSIONS_LIFETIME),
        .fresh_s = default_seconds(SP_SETTING_SESSIONS_FRESH),
        .passkeys = true,
        .device_lifetime_s = default_seconds(SP_SETTING_TOKENS_DEVICE_LIFETIME),
        .registration = {.max_clients = sp_setting_get(SP_SETTING_REGISTRATION_MAX_CLIENTS)->default_number,
                         .unused_lifetime_s = default_seconds(SP_SETTING_REGISTRATION_UNUSED_LIFETIME),
                         .require_pkce = true,
                         .grants = (unsigned)SP_GRANT_AUTHORIZATION_CODE | (unsigned)SP_GRANT_REFRESH_TOKEN},
        .algorithm = sp_algorithm_find(sp_setting_get(SP_SETTING_TOKENS_ALGORITHM)->standard),
        .rotation_s = default_seconds(SP_SETTING_KEYS_ROTATION),
        .overlap_s = default_seconds(SP_SETTING_KEYS_OVERLAP),
    };
    static const struct {
        const char *name;
        const char *where;
        const struct sp_member_row *rows;
    } parts[] = {{"tokens", "authority.tokens", token_rows},
                 {"keys", "authority.keys", key_rows},
                 {"sessions", "authority.sessions", session_rows},
                 {"store", "authority.store", store_rows},
                 {"mtls", "authority.mtls", mtls_rows},
                 {"registration", "authority.registration", registration_rows},
                 {"login", "authority.login", login_rows},
                 {"mail", "authority.mail", mail_rows}};
    enum sp_status status = sp_settings_read_members(&reader, SP_STR("authority"), section, section_rows, &read);
    for (size_t i = 0; status == SP_OK && i < sizeof parts / sizeof parts[0]; i++) {
        const struct sp_json *part = sp_json_member(section, sp_str_from_cstr(parts[i].name));
        if (part != NULL)
            status = sp_settings_read_members(&reader, sp_str_from_cstr(parts[i].where), part, parts[i].rows, &read);
    }
    read.mtls.enabled = sp_json_member(section, SP_STR("mtls")) != NULL;
    read.registration.enabled = sp_json_member(section, SP_STR("registration")) != NULL;
    if (status == SP_OK)
        status = end_texts(&reader, &read.postgres);
    if (status == SP_OK && (read.mail.url.at == NULL) != (read.mail.from.at == NULL))
        status = sp_settings_complain(&reader, SP_STR("authority.mail"), NULL,
                                      SP_STR("It needs both url and from, the sender's address."));
    if (status == SP_OK)
        status = read_issuer(&reader, &read);
    if (status == SP_OK && read.token_lifetime_s < 1)
        status = sp_settings_complain(&reader, SP_STR("authority.tokens.lifetime"), NULL,
                                      SP_STR("A token must live for a second at least."));
    read.max_token_lifetime_s = read.token_lifetime_s;
    read.algorithms |= sp_algorithm_bit(read.algorithm);
    if (status == SP_OK)
        status = sp_assertion_issuers_read(&reader, sp_json_member(section, SP_STR("assertion_issuers")), &read);
    if (status == SP_OK)
        status = sp_told_scopes_read(&reader, sp_json_member(section, SP_STR("scopes")), &read);
    if (status == SP_OK)
        status = read_clients(&reader, sp_json_member(section, SP_STR("clients")), &read);
    if (status == SP_OK)
        status = sp_upstreams_read(&reader, sp_json_member(section, SP_STR("upstreams")), &read);
    if (status == SP_OK)
        status = collect_scopes(&reader, &read);
    if (status == SP_OK)
        *settings = read;
    return status;
}

const struct sp_client *sp_client_find(const struct sp_authority_settings *settings, struct sp_str id)
{
    struct sp_client like = {.id = id};
    return settings->client_count > 0 ? bsearch(&like, settings->clients, settings->client_count, sizeof like, by_id)
                                      : NULL;
}

/* At most one letter more, less or other. */
static bool is_one_slip_away(struct sp_str a, struct sp_str b)
{
    size_t front = 0, back = 0;
    while (front < a.len && front < b.len && a.at[front] == b.at[front])
        front++;
    while (back < a.len - front && back < b.len - front && a.at[a.len - 1 - back] == b.at[b.len - 1 - back])
        back++;
    size_t longer = a.len > b.len ? a.len : b.len;
    return longer >= 4 && longer - front - back <= 1;
}

const struct sp_client *sp_client_nearest(const struct sp_authority_settings *settings, struct sp_str id)
{
    struct sp_str trimmed = sp_str_trim(id);
    for (size_t i = 0; i < settings->client_count; i++)
        if (sp_str_equal_ignoring_case(settings->clients[i].id, trimmed))
            return &settings->clients[i];
    for (size_t i = 0; i < settings->client_count; i++)
        if (is_one_slip_away(settings->clients[i].id, trimmed))
            return &settings->clients[i];
    return NULL;
}
