/* SPDX-License-Identifier: Apache-2.0 */
/* How a client says who it is (RFC 6749 2.3, RFC 7523), read generously: what is wrong with it is judged elsewhere. */
#include "core/flow/flow.h"

#include "core/jose/base64url.h"

const char *sp_flow_client_method_name(enum sp_flow_client_method method)
{
    static const char *const names[] = {"none", "client_secret_basic", "client_secret_post", "private_key_jwt",
                                        "client_secret_jwt"};
    return names[method];
}

const struct sp_json *sp_flow_jwt_part(struct sp_arena *arena, struct sp_str token, unsigned part)
{
    struct sp_str segment, bytes;
    const struct sp_json *json;
    struct sp_json_error error;
    size_t from = 0, end = 0;
    for (unsigned i = 0; i <= part; i++) {
        from = i == 0 ? 0 : end + 1;
        end = sp_str_index_of(token, '.', from);
    }
    if (end >= token.len || from >= token.len)
        return NULL;
    segment = sp_str_slice(token, from, end);
    if (sp_base64url_decode(arena, segment, &bytes) != SP_OK ||
        sp_json_parse(arena, bytes, &sp_json_limits_token, &json, &error) != SP_OK || json->type != SP_JSON_OBJECT)
        return NULL;
    return json;
}

static struct sp_str decoded_once(struct sp_arena *arena, struct sp_str text)
{
    struct sp_str decoded;
    return sp_form_decode(arena, text, &decoded) == SP_OK ? decoded : text;
}

static void read_basic(struct sp_arena *arena, struct sp_str value, struct sp_flow_credentials *credentials)
{
    struct sp_str pair;
    credentials->methods++;
    credentials->method = SP_CLIENT_METHOD_BASIC;
    if (sp_base64_decode(arena, sp_str_trim(value), &pair) != SP_OK || sp_str_index_of(pair, ':', 0) == pair.len) {
        credentials->basic_malformed = true;
        return;
    }
    size_t colon = sp_str_index_of(pair, ':', 0);
    credentials->client_id = decoded_once(arena, sp_str_slice(pair, 0, colon));
    credentials->raw_secret = sp_str_slice(pair, colon + 1, pair.len);
    credentials->secret = decoded_once(arena, credentials->raw_secret);
}

/* OIDC Core 9: with the client's secret or with its private key, as alg tells. */
static enum sp_flow_client_method method_of_assertion(struct sp_arena *arena, struct sp_str assertion)
{
    const struct sp_json *header = sp_flow_jwt_part(arena, assertion, 0);
    struct sp_str alg = sp_json_string(sp_json_member(header, SP_STR("alg")));
    return sp_str_has_prefix(alg, SP_STR("HS")) ? SP_CLIENT_METHOD_SECRET_ASSERTION : SP_CLIENT_METHOD_ASSERTION;
}

void sp_flow_credentials_read(struct sp_arena *arena, const struct sp_flow_message *message,
                              struct sp_flow_credentials *credentials)
{
    struct sp_str authorization = sp_str_trim(sp_flow_header(&message->exchange.request_headers, "Authorization"));
    struct sp_str secret = sp_form_value(&message->body, SP_STR("client_secret"));
    struct sp_str id = sp_flow_parameter(message, "client_id");
    *credentials = (struct sp_flow_credentials){0};
    if (sp_str_equal_ignoring_case(sp_str_slice(authorization, 0, 6), SP_STR("Basic ")))
        read_basic(arena, sp_str_slice(authorization, 6, authorization.len), credentials);
    if (secret.len > 0) {
        credentials->methods++;
        if (credentials->method == SP_CLIENT_METHOD_NONE) {
            credentials->method = SP_CLIENT_METHOD_POST;
            credentials->secret = credentials->raw_secret = secret;
        }
    }
    credentials->assertion = sp_flow_parameter(message, "client_assertion");
    if (credentials->assertion.at != NULL) {
        credentials->methods++;
        if (credentials->method == SP_CLIENT_METHOD_NONE)
            credentials->method = method_of_assertion(arena, credentials->assertion);
        const struct sp_json *claims = sp_flow_jwt_part(arena, credentials->assertion, 1);
        if (id.at == NULL)
            id = sp_json_string(sp_json_member(claims, SP_STR("sub")));
    }
    if (credentials->client_id.len == 0)
        credentials->client_id = id;
}
