/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording tells about issuers and clients on the way. A document that is refused teaches nothing. */
#include "core/flow/flow.h"

#include "core/jose/jwk_set.h"

#define MAX_ISSUERS 64u
#define MAX_CLIENTS 256u
#define MAX_REDIRECT_URIS 16u

static void release_set(void *set)
{
    struct sp_jwk_set *held = set;
    sp_jwk_set_unref(&held);
}

struct sp_str sp_flow_origin(struct sp_str url)
{
    struct sp_url pieces;
    if (sp_url_split(url, &pieces) != SP_OK)
        return SP_STR_NONE;
    const struct sp_str end = pieces.port.at != NULL ? pieces.port : pieces.host;
    return sp_str(url.at, (size_t)(end.at + end.len - url.at));
}

/* ---- issuers ---- */

const struct sp_flow_issuer *sp_flow_issuer_named(const struct sp_flow_capture *capture, struct sp_str issuer)
{
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        if (at->issuer.at != NULL && sp_str_equal(at->issuer, issuer))
            return at;
    return NULL;
}

const struct sp_flow_issuer *sp_flow_issuer_of(const struct sp_flow_capture *capture,
                                               const struct sp_flow_message *message)
{
    const struct sp_flow_issuer *found = NULL;
    struct sp_str origin = sp_flow_origin(message->exchange.url);
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next) {
        if (at->issuer.at == NULL)
            continue;
        if (sp_str_equal(at->authorization_endpoint, message->endpoint) ||
            sp_str_equal(at->token_endpoint, message->endpoint))
            return at;
        if (sp_str_equal(sp_flow_origin(at->token_endpoint), origin) ||
            sp_str_equal(sp_flow_origin(at->issuer), origin))
            found = found == NULL ? at : NULL;
    }
    return found;
}

static struct sp_flow_issuer *add_issuer(struct sp_flow_capture *capture)
{
    size_t count = 0;
    struct sp_flow_issuer **at = &capture->issuers;
    for (; *at != NULL; at = &(*at)->next)
        count++;
    if (count >= MAX_ISSUERS || (*at = SP_ARENA_NEW(capture->arena, struct sp_flow_issuer)) == NULL)
        return NULL;
    return *at;
}

static void learn_metadata(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    const struct sp_json *json = message->json;
    struct sp_str issuer = sp_json_string(sp_json_member(json, SP_STR("issuer")));
    if (message->exchange.status != 200 || issuer.len == 0 || sp_flow_issuer_named(capture, issuer) != NULL)
        return;
    struct sp_flow_issuer *known = add_issuer(capture);
    if (known == NULL)
        return;
    known->issuer = issuer;
    known->metadata = json;
    known->authorization_endpoint = sp_json_string(sp_json_member(json, SP_STR("authorization_endpoint")));
    known->token_endpoint = sp_json_string(sp_json_member(json, SP_STR("token_endpoint")));
    known->jwks_uri = sp_json_string(sp_json_member(json, SP_STR("jwks_uri")));
    for
        SP_JSON_EACH(name, sp_json_member(json, SP_STR("id_token_signing_alg_values_supported")))
    known->advertised_algorithms |= sp_algorithm_bit(sp_algorithm_find(sp_json_string(name)));
}

static struct sp_jwk_set *set_of(struct sp_flow_capture *capture, struct sp_str text)
{
    struct sp_jwk_set *set = NULL;
    struct sp_json_error error;
    if (sp_jwk_set_parse(text, &set, &error) != SP_OK)
        return NULL;
    if (sp_arena_defer(capture->arena, release_set, set) != SP_OK)
        sp_jwk_set_unref(&set);
    return set;
}

static void learn_keys(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_jwk_set *set = message->exchange.status == 200 ? set_of(capture, message->exchange.response_body) : NULL;
    struct sp_flow_issuer *known = NULL;
    if (set == NULL)
        return;
    for (struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        if (sp_str_equal(at->jwks_uri, message->endpoint) || sp_str_equal(at->keys_url, message->endpoint))
            known = at;
    if (known == NULL)
        known = add_issuer(capture);
    if (known == NULL)
        return;
    if (known->keys != NULL && !sp_str_equal(known->keys_text, message->exchange.response_body))
        known->old_keys = known->keys;
    known->keys = set;
    known->keys_url = message->endpoint;
    known->keys_text = message->exchange.response_body;
}

bool sp_flow_learn_key_set(struct sp_flow_capture *capture, struct sp_str text)
{
    struct sp_jwk_set *set = set_of(capture, text);
    struct sp_flow_issuer *given = set != NULL ? add_issuer(capture) : NULL;
    if (given != NULL) {
        given->keys = set;
        given->given = true;
    }
    return given != NULL;
}

/* ---- endpoints ---- */

enum sp_flow_kind sp_flow_known_endpoint(const struct sp_flow_capture *capture, struct sp_str url)
{
    static const struct {
        const char *member;
        enum sp_flow_kind kind;
    } rows[] = {
        {"authorization_endpoint", SP_FLOW_AUTHORIZATION_REQUEST},
        {"token_endpoint", SP_FLOW_TOKEN_REQUEST},
        {"pushed_authorization_request_endpoint", SP_FLOW_PUSHED_REQUEST},
        {"device_authorization_endpoint", SP_FLOW_DEVICE_AUTHORIZATION},
        {"introspection_endpoint", SP_FLOW_INTROSPECTION},
        {"revocation_endpoint", SP_FLOW_REVOCATION},
        {"userinfo_endpoint", SP_FLOW_USERINFO},
        {"end_session_endpoint", SP_FLOW_LOGOUT},
        {"jwks_uri", SP_FLOW_KEY_SET},
    };
    struct sp_str endpoint = sp_flow_endpoint(url);
    for (const struct sp_flow_issuer *at = capture->issuers; at != NULL; at = at->next)
        for (size_t i = 0; at->metadata != NULL && i < sizeof rows / sizeof rows[0]; i++) {
            struct sp_str known = sp_json_string(sp_json_member(at->metadata, sp_str_from_cstr(rows[i].member)));
            if (known.len > 0 && sp_str_equal(sp_flow_endpoint(known), endpoint))
                return rows[i].kind;
        }
    return SP_FLOW_NONE;
}

/* ---- clients ---- */

const struct sp_flow_client *sp_flow_client_find(const struct sp_flow_capture *capture, struct sp_str client_id)
{
    for (const struct sp_flow_client *at = capture->clients; at != NULL; at = at->next)
        if (sp_str_equal(at->client_id, client_id))
            return at;
    return NULL;
}

static struct sp_flow_client *client_of(struct sp_flow_capture *capture, struct sp_str client_id)
{
    size_t count = 0;
    struct sp_flow_client **at = &capture->clients;
    for (; *at != NULL; at = &(*at)->next, count++)
        if (sp_str_equal((*at)->client_id, client_id))
            return *at;
    if (client_id.len == 0 || count >= MAX_CLIENTS ||
        (*at = SP_ARENA_NEW(capture->arena, struct sp_flow_client)) == NULL)
        return NULL;
    (*at)->client_id = client_id;
    if (capture->terms.redirect_uris.count > 0 &&
        (capture->terms.client_id.at == NULL || sp_str_equal(capture->terms.client_id, client_id))) {
        (*at)->redirect_uris = capture->terms.redirect_uris;
        (*at)->uris_registered = true;
    }
    return *at;
}

static void add_redirect_uri(struct sp_flow_capture *capture, struct sp_flow_client *client, struct sp_str uri)
{
    size_t count = client->redirect_uris.count;
    if (uri.len == 0 || client->uris_registered || count >= MAX_REDIRECT_URIS)
        return;
    for (size_t i = 0; i < count; i++)
        if (sp_str_equal(client->redirect_uris.at[i], uri))
            return;
    struct sp_str *list = sp_arena_calloc(capture->arena, count + 1, sizeof *list);
    if (list == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        list[i] = client->redirect_uris.at[i];
    list[count] = uri;
    client->redirect_uris = (struct sp_str_list){list, count + 1};
}

static void learn_registration(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_flow_client *client =
        client_of(capture, sp_json_string(sp_json_member(message->json, SP_STR("client_id"))));
    const struct sp_json *uris = sp_json_member(message->json, SP_STR("redirect_uris"));
    if (client == NULL || message->exchange.status >= 400)
        return;
    client->registered = message->json;
    client->redirect_uris = (struct sp_str_list){0};
    client->uris_registered = false;
    for
        SP_JSON_EACH(uri, uris)
    add_redirect_uri(capture, client, sp_json_string(uri));
    client->uris_registered = true;
    const struct sp_json *keys = sp_json_member(message->json, SP_STR("jwks"));
    keys = keys != NULL ? keys : sp_json_member(message->asked, SP_STR("jwks"));
    if (sp_json_is(keys, SP_JSON_OBJECT))
        client->keys = set_of(capture, keys->text);
    client->secret = sp_json_string(sp_json_member(message->json, SP_STR("client_secret")));
    client->secret_taken = NULL;
}

static void learn_secret(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_flow_credentials credentials;
    sp_flow_credentials_read(capture->arena, message, &credentials);
    if (sp_flow_has_failed(message) || credentials.secret.len == 0)
        return;
    struct sp_flow_client *client = client_of(capture, credentials.client_id);
    if (client == NULL)
        return;
    client->secret = credentials.secret;
    client->secret_taken = message;
    client->secret_method = credentials.method;
}

/* An issuer that sends the browser to a redirect URI, with a code or an error, accepted it. */
static void learn_redirect_uri(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    const struct sp_flow *flow = message->flow;
    struct sp_str uri = flow != NULL ? sp_flow_asked(flow, "redirect_uri") : SP_STR_NONE;
    struct sp_flow_client *client = flow != NULL ? client_of(capture, flow->client_id) : NULL;
    if (client != NULL && uri.at != NULL && sp_str_equal(sp_flow_endpoint(uri), message->answer_endpoint))
        add_redirect_uri(capture, client, uri);
}

void sp_flow_learn(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    switch (message->kind) {
    case SP_FLOW_DISCOVERY:
        learn_metadata(capture, message);
        break;
    case SP_FLOW_KEY_SET:
        learn_keys(capture, message);
        break;
    case SP_FLOW_REGISTRATION:
        learn_registration(capture, message);
        break;
    case SP_FLOW_TOKEN_REQUEST:
    case SP_FLOW_PUSHED_REQUEST:
    case SP_FLOW_INTROSPECTION:
    case SP_FLOW_REVOCATION:
        learn_secret(capture, message);
        break;
    case SP_FLOW_AUTHORIZATION_REQUEST:
    case SP_FLOW_AUTHORIZATION_RESPONSE:
        client_of(capture, sp_flow_parameter(message, "client_id"));
        learn_redirect_uri(capture, message);
        break;
    default:
        break;
    }
}
