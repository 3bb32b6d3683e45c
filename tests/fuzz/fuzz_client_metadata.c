/* SPDX-License-Identifier: Apache-2.0 */
/* What a stranger says of his client. Whatever is taken has only redirect URIs that belong to an application, grants
 * and scopes that are allowed to strangers, no secret of its own choice, PKCE; and what is kept of it reads back the
 * same. */
#include "authority/client_metadata.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sp_str scopes[] = {{"openid", 6}, {"read", 4}};
static const struct sp_authority_settings settings = {
    .issuer = {"https://login.example", 21},
    .base = {"https://login.example", 21},
    .is_https = true,
    .algorithm = SP_ALGORITHM_ES256,
    .algorithms = 1u << SP_ALGORITHM_ES256,
    .registration = {.enabled = true,
                     .open = true,
                     .max_clients = 1,
                     .require_pkce = true,
                     .grants = (unsigned)SP_GRANT_AUTHORIZATION_CODE | (unsigned)SP_GRANT_REFRESH_TOKEN,
                     .scopes = {scopes, 2}}};
static const struct sp_client_secret secret = {.kind = SP_CLIENT_SECRET_SHA256};

static bool begins(struct sp_str text, const char *prefix)
{
    struct sp_str start = sp_str_from_cstr(prefix);
    return text.len > start.len && sp_str_equal_ignoring_case(sp_str_slice(text, 0, start.len), start);
}

static void judge_uri(struct sp_str uri, bool native)
{
    ALWAYS(uri.len > 0 && uri.len <= 2048);
    for (size_t i = 0; i < uri.len; i++)
        ALWAYS(uri.at[i] > 0x20 && uri.at[i] < 0x7F && strchr("#*\\<>\"", uri.at[i]) == NULL);
    bool own_scheme = native && sp_str_index_of(uri, '.', 0) < sp_str_index_of(uri, ':', 0);
    bool loopback = native && begins(uri, "http://");
    ALWAYS(begins(uri, "https://") || loopback || own_scheme);
}

static void judge_client(const struct sp_client *client)
{
    for (size_t i = 0; i < client->redirect_uris.count; i++)
        judge_uri(client->redirect_uris.at[i], client->is_native);
    for (size_t i = 0; i < client->post_logout_redirect_uris.count; i++)
        judge_uri(client->post_logout_redirect_uris.at[i], client->is_native);
    ALWAYS(client->grants != 0 && (client->grants & ~settings.registration.grants) == 0);
    ALWAYS(client->redirect_uris.count > 0 || (client->grants & (unsigned)SP_GRANT_AUTHORIZATION_CODE) == 0);
    for (size_t i = 0; i < client->scopes.count; i++)
        ALWAYS(sp_list_has(settings.registration.scopes, client->scopes.at[i]));
    ALWAYS(client->secret_count == 0 || client->secrets == &secret);
    ALWAYS(client->is_stranger && client->is_pairwise == (client->sector.len > 0));
    const struct sp_str shown[] = {client->client_uri, client->logo_uri, client->policy_uri, client->tos_uri};
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        ALWAYS(shown[i].len == 0 || begins(shown[i], "https://"));
    ALWAYS(client->require_pkce && !client->skip_consent && client->methods != 0);
    ALWAYS(!sp_client_uses_certificate(client) && !client->bound_to_certificate);
    ALWAYS(sp_str_equal(client->id, SP_STR("spdc_x")) && client->name.len > 0 && client->name.len <= 200);
    ALWAYS(client->jwks_uri.len == 0 || begins(client->jwks_uri, "https://"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(4 << 20);
    const struct sp_json *metadata = NULL, *again = NULL;
    struct sp_json_error error;
    struct sp_metadata_fault fault = {SP_STR_NONE, SP_STR_NONE};
    struct sp_client client = {.id = SP_STR("spdc_x")}, kept = client;
    struct sp_metadata_terms terms = {.settings = &settings, .secret = &secret};
    if (size <= SP_MAX_REGISTRATION_BYTES &&
        sp_json_parse(arena, sp_str((const char *)data, size), &sp_json_limits_token, &metadata, &error) == SP_OK) {
        enum sp_status status = sp_client_metadata_read(arena, &terms, metadata, &client, &fault);
        ALWAYS(status != SP_MALFORMED || (fault.member.len > 0 && fault.message.len > 0));
        if (status == SP_OK) {
            struct sp_buffer out;
            struct sp_json_writer json;
            judge_client(&client);
            sp_buffer_init(&out, arena, 1 << 20);
            sp_json_writer_init(&json, &out, false);
            sp_json_begin_object(&json);
            sp_client_metadata_write(&json, &settings, metadata, &client);
            sp_json_end_object(&json);
            ALWAYS(sp_buffer_status(&out) != SP_OK ||
                   sp_json_parse(arena, sp_buffer_str(&out), &sp_json_limits_document, &again, &error) == SP_OK);
            terms.kept = true;
            if (again != NULL && (status = sp_client_metadata_read(arena, &terms, again, &kept, &fault)) == SP_OK) {
                judge_client(&kept);
                ALWAYS(kept.grants == client.grants && kept.methods == client.methods &&
                       kept.scopes.count == client.scopes.count &&
                       kept.redirect_uris.count == client.redirect_uris.count);
            }
            ALWAYS(status == SP_OK || status == SP_NO_MEMORY);
        }
    }
    sp_arena_destroy(&arena);
    return 0;
}
