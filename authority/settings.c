/* SPDX-License-Identifier: Apache-2.0 */
/* Members are rows: name, kind, place in the structure. What is not a row is an error that names the nearest row. */
#include "authority/settings.h"

#include <stdlib.h>
#include "core/base/url.h"
#include "core/jose/jwk_set.h"
#include "core/policy/settings.h"

enum kind { JWKS, PUBLIC_KEY, TEXT, BOOL, DURATION, TEXTS, FORMAT, METHODS, GRANTS, SECRET, SECRET_HASH, SECTION };

struct row {
    const char *name;
    enum kind kind;
    size_t offset;
};

struct reader {
    struct sp_arena *arena;
    struct sp_settings_error *error;
};

/* ---- complaints ---- */
static enum sp_status complain(struct reader *reader, struct sp_str where, const char *name, struct sp_str message)
{
    if (message.at == NULL)
        return SP_NO_MEMORY;
    reader->error->member = name != NULL ? sp_arena_printf(reader->arena, "%.*s.%s", SP_STR_ARG(where), name) : where;
    reader->error->message = message;
    return SP_MALFORMED;
}

/* Shared letters in order, from the left: enough to tell `grant` from `grants`. */
static size_t likeness(struct sp_str a, struct sp_str b)
{
    size_t same = 0;
    for (size_t i = 0, j = 0; i < a.len && j < b.len; j++)
        if (a.at[i] == b.at[j]) {
            same++;
            i++;
        }
    return same;
}

static enum sp_status complain_of_unknown(struct reader *reader, struct sp_str where, struct sp_str name,
                                          const struct row *rows)
{
    const char *nearest = rows[0].name;
    size_t most = 0;
    for (const struct row *row = rows; row->name != NULL; row++) {
        size_t alike = likeness(sp_str_from_cstr(row->name), name);
        if (alike > most) {
            most = alike;
            nearest = row->name;
        }
    }
    struct sp_str member = sp_arena_printf(reader->arena, "%.*s.%.*s", SP_STR_ARG(where), SP_STR_ARG(name));
    return complain(
        reader, member, NULL,
        sp_arena_printf(reader->arena, "There is no such member here; the nearest known one is '%s'.", nearest));
}

/* ---- values ---- */
static enum sp_status read_duration(const struct sp_json *value, int64_t *seconds)
{
    int64_t number = 0;
    if (sp_json_is(value, SP_JSON_NUMBER)) {
        enum sp_status status = sp_json_int64(value, &number);
        if (status != SP_OK || number < 0)
            return SP_MALFORMED;
        *seconds = number;
        return SP_OK;
    }
    if (!sp_json_is(value, SP_JSON_STRING) || sp_duration_parse(value->text, &number) != SP_OK)
        return SP_MALFORMED;
    *seconds = number / 1000;
    return SP_OK;
}

static enum sp_status read_texts(struct reader *reader, const struct sp_json *value, struct sp_str_list *list)
{
    bool is_list = sp_json_is(value, SP_JSON_ARRAY);
    size_t count = is_list ? value->count : 1;
    struct sp_str *texts = sp_arena_calloc(reader->arena, count + 1, sizeof *texts);
    if (texts == NULL)
        return SP_NO_MEMORY;
    size_t i = 0;
    for (const struct sp_json *item = is_list ? value->first : value; item != NULL;
         item = is_list ? item->next : NULL) {
        texts[i] = sp_json_string(item);
        if (texts[i++].len == 0)
            return SP_MALFORMED;
    }
    *list = (struct sp_str_list){texts, i};
    return SP_OK;
}

static enum sp_status read_set(struct reader *reader, const struct sp_json *value, unsigned (*find)(struct sp_str),
                               unsigned *set)
{
    struct sp_str_list names;
    enum sp_status status = read_texts(reader, value, &names);
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

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* "sha256:HEX" or argon2id's own encoding. */
static enum sp_status read_hash(struct reader *reader, struct sp_str text, struct sp_client_secret *secret)
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
        int high = hex_value(text.at[7 + 2 * i]), low = hex_value(text.at[8 + 2 * i]);
        if (high < 0 || low < 0)
            return SP_MALFORMED;
        read.sha256[i] = (unsigned char)(high * 16 + low);
    }
    *secret = read;
    return SP_OK;
}

/* Appends to the client's secrets; both `secret` and `secret_hash` may be lists while a secret is being replaced. */
static enum sp_status read_secrets(struct reader *reader, const struct sp_json *value, bool hashed,
                                   struct sp_client *client)
{
    struct sp_str_list texts;
    enum sp_status status = read_texts(reader, value, &texts);
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
        if (hashed && (status = read_hash(reader, texts.at[i], secret)) != SP_OK)
            return status;
    }
    client->secrets = secrets;
    client->secret_count += texts.count;
    return SP_OK;
}

static enum sp_status read_format(const struct sp_json *value, enum sp_token_format *format)
{
    struct sp_str text = sp_json_string(value);
    if (sp_str_equal(text, SP_STR("jwt")))
        *format = SP_TOKEN_FORMAT_JWT;
    else if (sp_str_equal(text, SP_STR("opaque")))
        *format = SP_TOKEN_FORMAT_OPAQUE;
    else if (!sp_str_equal(text, SP_STR("default")))
        return SP_MALFORMED;
    return SP_OK;
}

static void release_keys(void *keys)
{
    struct sp_jwk_set *set = keys;
    sp_jwk_set_unref(&set);
}

static enum sp_status keep_keys(struct reader *reader, struct sp_jwk_set *set, struct sp_client *client)
{
    enum sp_status status = sp_arena_defer(reader->arena, release_keys, set);
    if (status != SP_OK)
        sp_jwk_set_unref(&set);
    else
        client->keys = set;
    return status;
}

static enum sp_status read_jwks(struct reader *reader, const struct sp_json *value, struct sp_client *client)
{
    struct sp_jwk_set *set = NULL;
    enum sp_status status = sp_jwk_set_from_json(value, &set);
    if (status != SP_OK)
        return status;
    if (set->count == 0 || set->has_private) {
        sp_jwk_set_unref(&set);
        return SP_MALFORMED;
    }
    return keep_keys(reader, set, client);
}

static enum sp_status read_public_key(struct reader *reader, const struct sp_json *value, struct sp_client *client)
{
    struct sp_key *key = NULL;
    struct sp_jwk_set *set = NULL;
    enum sp_status status = sp_json_is(value, SP_JSON_STRING) ? sp_key_import_pem(value->text, &key) : SP_MALFORMED;
    if (status == SP_OK)
        status = sp_jwk_set_of_key(&key, SP_STR_NONE, &set);
    return status == SP_OK ? keep_keys(reader, set, client) : status == SP_NO_MEMORY ? status : SP_MALFORMED;
}

static const char *const expectations[] = {
    [JWKS] = "Write a key set {keys: […]} with at least one usable public key, and no private one.",
    [PUBLIC_KEY] = "Write a public key or certificate as PEM, such as ${file:client.pem}.",
    [TEXT] = "Write a text.",
    [BOOL] = "Write true or false.",
    [DURATION] = "Write a duration as 30s, 10m, 1h or 30d.",
    [TEXTS] = "Write a text or a list of texts.",
    [FORMAT] = "Write jwt or opaque.",
    [METHODS] = "Write client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt or none.",
    [GRANTS] = "Write a list of grant types that this authority knows.",
    [SECRET] = "Write the secret, or better its hash as secret_hash.",
    [SECRET_HASH] = "Write sha256:HEX (64 digits) or an argon2id encoding that begins with $argon2id$.",
    [SECTION] = "Write members below it.",
};

static enum sp_status read_value(struct reader *reader, const struct row *row, const struct sp_json *value, void *at)
{
    switch (row->kind) {
    case TEXT:
        *(struct sp_str *)at = sp_json_string(value);
        return sp_json_is(value, SP_JSON_STRING) && value->text.len > 0 ? SP_OK : SP_MALFORMED;
    case BOOL:
        *(bool *)at = sp_json_is(value, SP_JSON_TRUE);
        return sp_json_is(value, SP_JSON_TRUE) || sp_json_is(value, SP_JSON_FALSE) ? SP_OK : SP_MALFORMED;
    case DURATION:
        return read_duration(value, at);
    case TEXTS:
        return read_texts(reader, value, at);
    case FORMAT:
        return read_format(value, at);
    case METHODS:
        return read_set(reader, value, sp_client_method_find, at);
    case GRANTS:
        return read_set(reader, value, sp_grant_find, at);
    case JWKS:
        return read_jwks(reader, value, at);
    case PUBLIC_KEY:
        return read_public_key(reader, value, at);
    case SECRET:
        return read_secrets(reader, value, false, at);
    case SECRET_HASH:
        return read_secrets(reader, value, true, at);
    case SECTION:
        return sp_json_is(value, SP_JSON_OBJECT) ? SP_OK : SP_MALFORMED;
    }
    return SP_MALFORMED;
}

static enum sp_status read_members(struct reader *reader, struct sp_str where, const struct sp_json *section,
                                   const struct row *rows, void *into)
{
    if (!sp_json_is(section, SP_JSON_OBJECT))
        return complain(reader, where, NULL, SP_STR("Write members below it."));
    for (const struct sp_json *member = section->first; member != NULL; member = member->next) {
        const struct row *row = rows;
        while (row->name != NULL && !sp_str_equal(sp_str_from_cstr(row->name), member->name))
            row++;
        if (row->name == NULL)
            return complain_of_unknown(reader, where, member->name, rows);
        enum sp_status status = read_value(reader, row, member, (char *)into + row->offset);
        if (status == SP_MALFORMED)
            return complain(reader, where, row->name, sp_str_from_cstr(expectations[row->kind]));
        if (status != SP_OK)
            return status;
    }
    return SP_OK;
}

/* ---- the section ---- */
#define SETTING(member) offsetof(struct sp_authority_settings, member)
#define CLIENT(member) offsetof(struct sp_client, member)

static const struct row section_rows[] = {
    {"issuer", TEXT, SETTING(issuer)}, {"clients", SECTION, 0}, {"tokens", SECTION, 0}, {"keys", SECTION, 0},
    {"sessions", SECTION, 0},          {NULL, TEXT, 0},
};
static const struct row token_rows[] = {
    {"format", FORMAT, SETTING(token_format)},
    {"lifetime", DURATION, SETTING(token_lifetime_s)},
    {"algorithm", TEXT, SETTING(algorithm)},
    {"code_lifetime", DURATION, SETTING(code_lifetime_s)},
    {"refresh_lifetime", DURATION, SETTING(refresh_lifetime_s)},
    {"refresh_grace", DURATION, SETTING(refresh_grace_s)},
    {"device_lifetime", DURATION, SETTING(device_lifetime_s)},
    {"dpop_nonce", BOOL, SETTING(dpop_nonce)},
    {NULL, TEXT, 0},
};
static const struct row key_rows[] = {
    {"rotation", DURATION, SETTING(rotation_s)},
    {"overlap", DURATION, SETTING(overlap_s)},
    {"master_key", TEXT, SETTING(master_key)},
    {NULL, TEXT, 0},
};
static const struct row session_rows[] = {
    {"lifetime", DURATION, SETTING(session_lifetime_s)},
    {"fresh", DURATION, SETTING(fresh_s)},
    {NULL, TEXT, 0},
};
static const struct row client_rows[] = {
    {"name", TEXT, CLIENT(name)},
    {"secret", SECRET, 0},
    {"secret_hash", SECRET_HASH, 0},
    {"method", METHODS, CLIENT(methods)},
    {"grants", GRANTS, CLIENT(grants)},
    {"scopes", TEXTS, CLIENT(scopes)},
    {"audiences", TEXTS, CLIENT(audiences)},
    {"token_format", FORMAT, CLIENT(token_format)},
    {"token_lifetime", DURATION, CLIENT(token_lifetime_s)},
    {"jwks", JWKS, 0},
    {"public_key", PUBLIC_KEY, 0},
    {"redirect_uris", TEXTS, CLIENT(redirect_uris)},
    {"post_logout_redirect_uris", TEXTS, CLIENT(post_logout_redirect_uris)},
    {"require_pkce", BOOL, CLIENT(require_pkce)},
    {"require_pushed", BOOL, CLIENT(require_pushed)},
    {"require_dpop", BOOL, CLIENT(require_dpop)},
    {"skip_consent", BOOL, CLIENT(skip_consent)},
    {"native", BOOL, CLIENT(is_native)},
    {NULL, TEXT, 0},
};

static enum sp_status check_client(struct reader *reader, struct sp_str where, struct sp_client *client)
{
    const unsigned by_secret =
        (unsigned)SP_CLIENT_SECRET_BASIC | (unsigned)SP_CLIENT_SECRET_POST | (unsigned)SP_CLIENT_SECRET_JWT;
    if (client->methods == 0)
        client->methods = client->secret_count > 0 ? (unsigned)SP_CLIENT_SECRET_BASIC | (unsigned)SP_CLIENT_SECRET_POST
                          : client->keys != NULL   ? (unsigned)SP_CLIENT_PRIVATE_KEY_JWT
                                                   : (unsigned)SP_CLIENT_NONE;
    if (sp_client_is_public(client) && client->secret_count > 0)
        return complain(reader, where, "method",
                        SP_STR("A client with a secret cannot use method 'none'. Remove one of them."));
    if ((client->methods & by_secret) != 0 && client->secret_count == 0)
        return complain(reader, where, "secret",
                        SP_STR("The client's method needs a secret. Add secret_hash, or method: none."));
    if ((client->methods & (unsigned)SP_CLIENT_PRIVATE_KEY_JWT) != 0 && client->keys == NULL)
        return complain(reader, where, "method",
                        SP_STR("private_key_jwt needs the client's key: add jwks or public_key."));
    if ((client->methods & (unsigned)SP_CLIENT_SECRET_JWT) != 0 && client->secrets[0].kind != SP_CLIENT_SECRET_PLAIN)
        return complain(reader, where, "secret_hash",
                        SP_STR("client_secret_jwt needs the secret itself, a hash cannot verify a MAC."));
    if (client->grants == 0)
        client->grants = client->redirect_uris.count > 0
                             ? (unsigned)SP_GRANT_AUTHORIZATION_CODE | (unsigned)SP_GRANT_REFRESH_TOKEN
                             : (unsigned)SP_GRANT_CLIENT_CREDENTIALS;
    if (sp_client_is_public(client) && (client->grants & (unsigned)SP_GRANT_CLIENT_CREDENTIALS) != 0)
        return complain(
            reader, where, "grants",
            SP_STR("A public client cannot use client_credentials (RFC 6749 4.4): it has nothing to prove itself by."));
    return SP_OK;
}

static int by_id(const void *a, const void *b)
{
    return sp_str_compare(((const struct sp_client *)a)->id, ((const struct sp_client *)b)->id);
}

static enum sp_status read_clients(struct reader *reader, const struct sp_json *section,
                                   struct sp_authority_settings *settings)
{
    if (section == NULL)
        return SP_OK;
    if (section->count > SP_MAX_CLIENTS)
        return complain(reader, SP_STR("authority.clients"), NULL, SP_STR("There are too many clients for a file."));
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
        enum sp_status status = read_members(reader, where, member, client_rows, client);
        if (status == SP_OK)
            status = check_client(reader, where, client);
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

/* Every scope that is known here: a scope outside is `unknown`, one inside that the client lacks is `not allowed`. */
static enum sp_status collect_scopes(struct reader *reader, struct sp_authority_settings *settings)
{
    static const struct sp_str openid_scopes[] = {{"openid", 6},  {"profile", 7}, {"email", 5},
                                                  {"address", 7}, {"phone", 5},   {"offline_access", 14}};
    size_t most = sizeof openid_scopes / sizeof openid_scopes[0];
    for (size_t i = 0; i < settings->client_count; i++)
        most += settings->clients[i].scopes.count;
    struct sp_str *scopes = sp_arena_calloc(reader->arena, most, sizeof *scopes);
    if (scopes == NULL)
        return SP_NO_MEMORY;
    struct sp_str_list all = {scopes, 0};
    for (size_t i = 0; i < sizeof openid_scopes / sizeof openid_scopes[0]; i++)
        scopes[all.count++] = openid_scopes[i];
    for (size_t i = 0; i < settings->client_count; i++)
        for (size_t j = 0; j < settings->clients[i].scopes.count; j++)
            if (!sp_list_has(all, settings->clients[i].scopes.at[j]))
                scopes[all.count++] = settings->clients[i].scopes.at[j];
    settings->scopes = all;
    return SP_OK;
}

static enum sp_status read_issuer(struct reader *reader, struct sp_authority_settings *settings)
{
    struct sp_str issuer = settings->issuer;
    struct sp_url url;
    if (issuer.len == 0)
        return complain(
            reader, SP_STR("authority.issuer"), NULL,
            SP_STR("Write the URL under which clients reach this authority, such as https://login.example.com."));
    if (sp_url_split(issuer, &url) != SP_OK || sp_str_contains(issuer, SP_STR("?")) ||
        sp_str_contains(issuer, SP_STR("#")))
        return complain(reader, SP_STR("authority.issuer"), NULL,
                        SP_STR("An issuer is an http(s) URL without query and fragment (RFC 8414 2)."));
    if (!sp_url_is_secure(&url))
        return complain(reader, SP_STR("authority.issuer"), NULL,
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

enum sp_status sp_authority_settings_read(struct sp_arena *arena, const struct sp_json *section,
                                          struct sp_str default_issuer, struct sp_authority_settings *settings,
                                          struct sp_settings_error *error)
{
    struct reader reader = {arena, error};
    struct sp_authority_settings read = {
        .issuer = default_issuer,
        .token_format = SP_TOKEN_FORMAT_JWT,
        .token_lifetime_s = default_seconds(SP_SETTING_TOKENS_LIFETIME),
        .code_lifetime_s = default_seconds(SP_SETTING_TOKENS_CODE_LIFETIME),
        .refresh_lifetime_s = default_seconds(SP_SETTING_TOKENS_REFRESH_LIFETIME),
        .refresh_grace_s = default_seconds(SP_SETTING_TOKENS_REFRESH_GRACE),
        .session_lifetime_s = default_seconds(SP_SETTING_SESSIONS_LIFETIME),
        .fresh_s = default_seconds(SP_SETTING_SESSIONS_FRESH),
        .device_lifetime_s = default_seconds(SP_SETTING_TOKENS_DEVICE_LIFETIME),
        .algorithm = sp_setting_get(SP_SETTING_TOKENS_ALGORITHM)->standard,
        .rotation_s = default_seconds(SP_SETTING_KEYS_ROTATION),
        .overlap_s = default_seconds(SP_SETTING_KEYS_OVERLAP),
    };
    static const struct {
        const char *name;
        const char *where;
        const struct row *rows;
    } parts[] = {{"tokens", "authority.tokens", token_rows},
                 {"keys", "authority.keys", key_rows},
                 {"sessions", "authority.sessions", session_rows}};
    enum sp_status status = read_members(&reader, SP_STR("authority"), section, section_rows, &read);
    for (size_t i = 0; status == SP_OK && i < sizeof parts / sizeof parts[0]; i++) {
        const struct sp_json *part = sp_json_member(section, sp_str_from_cstr(parts[i].name));
        if (part != NULL)
            status = read_members(&reader, sp_str_from_cstr(parts[i].where), part, parts[i].rows, &read);
    }
    if (status == SP_OK)
        status = read_issuer(&reader, &read);
    if (status == SP_OK && read.token_lifetime_s < 1)
        status = complain(&reader, SP_STR("authority.tokens.lifetime"), NULL,
                          SP_STR("A token must live for a second at least."));
    read.max_token_lifetime_s = read.token_lifetime_s;
    if (status == SP_OK)
        status = read_clients(&reader, sp_json_member(section, SP_STR("clients")), &read);
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
