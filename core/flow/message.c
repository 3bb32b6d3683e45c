/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/message.h"

#include "core/diagnosis/json_answer.h"

#include "core/base/limits.h"

static const struct {
    const char *name, *title;
    enum sp_flow_party from, to;
} kinds[SP_FLOW_KIND_COUNT] = {
    [SP_FLOW_NONE] = {"none", "No OAuth message", SP_PARTY_BROWSER, SP_PARTY_CLIENT},
#define MESSAGE(name, id, title, from, to) [SP_FLOW_##name] = {id, title, SP_PARTY_##from, SP_PARTY_##to},
#include "core/flow/messages.def"
#undef MESSAGE
};

struct sp_str sp_flow_kind_name(enum sp_flow_kind kind)
{
    return sp_str_from_cstr(kinds[kind].name);
}

struct sp_str sp_flow_kind_title(enum sp_flow_kind kind)
{
    return sp_str_from_cstr(kinds[kind].title);
}

enum sp_flow_party sp_flow_sender(enum sp_flow_kind kind)
{
    return kinds[kind].from;
}

enum sp_flow_party sp_flow_receiver(enum sp_flow_kind kind)
{
    return kinds[kind].to;
}

struct sp_str sp_flow_party_title(enum sp_flow_party party)
{
    static const char *const titles[] = {"browser", "client", "issuer", "API"};
    return sp_str_from_cstr(titles[party]);
}

/* ---- parameters ---- */

static enum sp_status decode_loosely(struct sp_arena *arena, struct sp_str text, struct sp_str *out)
{
    char *at = sp_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (at == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.at[i] == '%' && i + 2 < text.len && sp_hex_digit(text.at[i + 1]) >= 0 &&
                      sp_hex_digit(text.at[i + 2]) >= 0;
        if (escape) {
            at[len++] = (char)(sp_hex_digit(text.at[i + 1]) * 16 + sp_hex_digit(text.at[i + 2]));
            i += 2;
        } else {
            at[len++] = text.at[i] == '+' ? ' ' : text.at[i];
        }
    }
    *out = sp_str(at, len);
    return SP_OK;
}

/* Parameters of a query, fragment or form body; escapes that are none stay as they are. */
static enum sp_status read_parameters(struct sp_arena *arena, struct sp_str text, struct sp_form *form)
{
    size_t count = 0;
    if (text.len == 0) {
        *form = (struct sp_form){0};
        return SP_OK;
    }
    for (size_t i = 0; i < text.len && count < SP_MAX_FORM_PARAMETERS; i++)
        count += text.at[i] == '&';
    struct sp_parameter *parameters = sp_arena_calloc(arena, count + 1, sizeof *parameters);
    struct sp_str pair;
    if (parameters == NULL)
        return SP_NO_MEMORY;
    size_t room = count + 1;
    count = 0;
    while (count < room && sp_str_next_word(&text, SP_STR("&"), &pair)) {
        size_t equals = sp_str_index_of(pair, '=', 0);
        if (decode_loosely(arena, sp_str_slice(pair, 0, equals), &parameters[count].name) != SP_OK ||
            decode_loosely(arena, sp_str_slice(pair, equals + 1, pair.len), &parameters[count].value) != SP_OK)
            return SP_NO_MEMORY;
        count++;
    }
    *form = (struct sp_form){parameters, count};
    return SP_OK;
}

struct sp_str sp_flow_endpoint(struct sp_str url)
{
    size_t question = sp_str_index_of(url, '?', 0), hash = sp_str_index_of(url, '#', 0);
    return sp_str_slice(url, 0, question < hash ? question : hash);
}

static struct sp_str value_of(const struct sp_form *form, const char *name)
{
    struct sp_str value = sp_form_value(form, sp_str_from_cstr(name));
    return value.len > 0 ? value : SP_STR_NONE;
}

struct sp_str sp_flow_parameter(const struct sp_flow_message *message, const char *name)
{
    struct sp_str value = value_of(&message->body, name);
    return value.at != NULL ? value : value_of(&message->query, name);
}

struct sp_str sp_flow_answered(const struct sp_flow_message *message, const char *name)
{
    struct sp_str value = value_of(&message->answer, name);
    return value.at != NULL ? value : sp_json_string(sp_json_member(message->json, sp_str_from_cstr(name)));
}

bool sp_flow_is_html(const struct sp_flow_message *message)
{
    return sp_body_is_html(sp_flow_header(&message->exchange.response_headers, "Content-Type"),
                           message->exchange.response_body);
}

bool sp_flow_has_failed(const struct sp_flow_message *message)
{
    return message->exchange.status == 0 || message->exchange.status >= 400 ||
           sp_flow_answered(message, "error").at != NULL;
}

/* ---- reading ---- */

/* Query and fragment are one list: an answer may stand in either. */
static enum sp_status read_url(struct sp_arena *arena, struct sp_str url, struct sp_form *form)
{
    size_t hash = sp_str_index_of(url, '#', 0);
    size_t question = sp_str_index_of(sp_str_slice(url, 0, hash), '?', 0);
    struct sp_str query = sp_str_slice(url, question + 1, hash), fragment = sp_str_slice(url, hash + 1, url.len);
    if (fragment.len > 0 && sp_str_index_of(fragment, '=', 0) < fragment.len) {
        query =
            query.len == 0 ? fragment : sp_arena_printf(arena, "%.*s&%.*s", SP_STR_ARG(query), SP_STR_ARG(fragment));
        if (query.at == NULL)
            return SP_NO_MEMORY;
    }
    return read_parameters(arena, query, form);
}

static bool is_form(const struct sp_flow_message *message)
{
    struct sp_str type = sp_flow_media_type(sp_flow_header(&message->exchange.request_headers, "Content-Type"));
    if (type.len == 0)
        return message->exchange.request_body.len > 0 && message->exchange.request_body.at[0] != '{';
    return sp_str_equal_ignoring_case(type, SP_STR("application/x-www-form-urlencoded"));
}

static void parse_json(struct sp_arena *arena, struct sp_str text, const struct sp_json **json,
                       struct sp_json_error *error)
{
    text = sp_str_trim(text);
    if (text.len == 0 || (text.at[0] != '{' && text.at[0] != '['))
        return;
    const struct sp_json *parsed = NULL;
    if (sp_json_parse(arena, text, &sp_json_limits_document, &parsed, error) == SP_OK && parsed->type == SP_JSON_OBJECT)
        *json = parsed;
}

static void read_bearer(struct sp_flow_message *message)
{
    struct sp_str value = sp_str_trim(sp_flow_header(&message->exchange.request_headers, "Authorization"));
    size_t space = sp_str_index_of(value, ' ', 0);
    struct sp_str scheme = sp_str_slice(value, 0, space);
    message->bearer_is_dpop = sp_str_equal_ignoring_case(scheme, SP_STR("DPoP"));
    if (space < value.len && (message->bearer_is_dpop || sp_str_equal_ignoring_case(scheme, SP_STR("Bearer"))))
        message->bearer = sp_str_trim(sp_str_slice(value, space + 1, value.len));
}

static bool is_redirect(const struct sp_flow_message *message)
{
    return message->exchange.status >= 300 && message->exchange.status < 400;
}

static enum sp_status read_answer(struct sp_arena *arena, struct sp_flow_message *message)
{
    struct sp_str location = sp_flow_header(&message->exchange.response_headers, "Location");
    if (!is_redirect(message) || location.len == 0)
        return SP_OK;
    if (location.at[0] == '/' && message->url.scheme.at != NULL) {
        location = sp_arena_printf(arena, "%.*s://%.*s%s%.*s%.*s", SP_STR_ARG(message->url.scheme),
                                   SP_STR_ARG(message->url.host), message->url.port.at != NULL ? ":" : "",
                                   SP_STR_ARG(message->url.port), SP_STR_ARG(location));
        if (location.at == NULL)
            return SP_NO_MEMORY;
    }
    message->answer_endpoint = sp_flow_endpoint(location);
    return read_url(arena, location, &message->answer);
}

/* ---- recognition ---- */

struct sight {
    const struct sp_flow_message *message;
    enum sp_flow_kind known;
    bool get, post;
};

static bool has(const struct sight *sight, const char *name)
{
    return sp_flow_parameter(sight->message, name).at != NULL;
}

static bool in_path(const struct sight *sight, const char *part)
{
    return sp_str_contains(sight->message->url.path, sp_str_from_cstr(part));
}

static bool is_discovery(const struct sight *sight)
{
    return sight->get && (in_path(sight, "/.well-known/openid-configuration") ||
                          in_path(sight, "/.well-known/oauth-authorization-server"));
}

static bool is_resource_metadata(const struct sight *sight)
{
    return sight->get && in_path(sight, "/.well-known/oauth-protected-resource");
}

static bool is_preflight(const struct sight *sight)
{
    return sp_str_equal(sight->message->exchange.method, SP_STR("OPTIONS")) &&
           sp_flow_header(&sight->message->exchange.request_headers, "Access-Control-Request-Method").at != NULL;
}

static bool is_pushed(const struct sight *sight)
{
    if (!sight->post || sp_flow_header(&sight->message->exchange.request_headers, "Origin").at != NULL)
        return false;
    bool is_request = has(sight, "response_type") || has(sight, "request");
    return is_request && has(sight, "client_id") &&
           (sight->known == SP_FLOW_PUSHED_REQUEST ||
            sp_json_member(sight->message->json, SP_STR("request_uri")) != NULL || in_path(sight, "/par") ||
            in_path(sight, "/request"));
}

static bool is_authorization_request(const struct sight *sight)
{
    if (!sight->get && !sight->post)
        return false;
    bool asks = has(sight, "response_type") || has(sight, "request_uri") || has(sight, "request");
    return has(sight, "client_id") && !has(sight, "grant_type") &&
           (asks || sight->known == SP_FLOW_AUTHORIZATION_REQUEST ||
            (has(sight, "redirect_uri") && has(sight, "scope")));
}

static bool is_token_request(const struct sight *sight)
{
    bool as_json = sp_json_member(sight->message->asked, SP_STR("grant_type")) != NULL;
    return has(sight, "grant_type") || as_json || (sight->post && sight->known == SP_FLOW_TOKEN_REQUEST);
}

static bool is_device_authorization(const struct sight *sight)
{
    return sight->post && (sight->known == SP_FLOW_DEVICE_AUTHORIZATION ||
                           sp_json_member(sight->message->json, SP_STR("device_code")) != NULL ||
                           (has(sight, "client_id") && in_path(sight, "device") && !has(sight, "user_code")));
}

static bool is_introspection(const struct sight *sight)
{
    return sight->post && has(sight, "token") &&
           (sight->known == SP_FLOW_INTROSPECTION || in_path(sight, "introspect") ||
            sp_json_member(sight->message->json, SP_STR("active")) != NULL);
}

static bool is_revocation(const struct sight *sight)
{
    return sight->post && has(sight, "token") &&
           (sight->known == SP_FLOW_REVOCATION || in_path(sight, "revo") || has(sight, "token_type_hint"));
}

static bool is_registration(const struct sight *sight)
{
    return sight->post && sp_json_is(sp_json_member(sight->message->asked, SP_STR("redirect_uris")), SP_JSON_ARRAY);
}

static bool is_backchannel_logout(const struct sight *sight)
{
    return sight->post && has(sight, "logout_token");
}

static bool is_logout(const struct sight *sight)
{
    bool is_there = sight->known == SP_FLOW_LOGOUT && (sight->get || sight->post); /* and does not only look for it */
    return is_there || has(sight, "id_token_hint") || has(sight, "post_logout_redirect_uri");
}

static bool carries_answer(const struct sp_form *form)
{
    static const char *const names[] = {"code", "error", "id_token", "access_token", "response"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        any = any || value_of(form, names[i]).at != NULL;
    return any && value_of(form, "client_id").at == NULL;
}

static bool belongs_to_login(const struct sp_form *form)
{
    static const char *const names[] = {"state", "iss", "session_state", "error_description"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (value_of(form, names[i]).at != NULL)
            return true;
    return false;
}

/* known: the URL is a redirect URI of an earlier authorization request. */
static bool is_callback(const struct sight *sight)
{
    const struct sp_form *form = sight->message->body.count > 0 ? &sight->message->body : &sight->message->query;
    return (sight->get || sight->post) && carries_answer(form) &&
           (sight->known == SP_FLOW_CALLBACK || belongs_to_login(form));
}

static bool is_userinfo(const struct sight *sight)
{
    return (sight->known == SP_FLOW_USERINFO && (sight->get || sight->post)) ||
           (sight->message->bearer.at != NULL && sp_str_has_suffix(sight->message->url.path, SP_STR("/userinfo")));
}

static bool is_key_set(const struct sight *sight)
{
    const struct sp_json *keys = sp_json_member(sight->message->json, SP_STR("keys"));
    return sight->get && (sight->known == SP_FLOW_KEY_SET || in_path(sight, "jwks") ||
                          (sp_json_is(keys, SP_JSON_ARRAY) && keys->first != NULL &&
                           sp_json_member(keys->first, SP_STR("kty")) != NULL));
}

static bool is_authorization_response(const struct sight *sight)
{
    const struct sp_form *answer = &sight->message->answer;
    return carries_answer(answer) && belongs_to_login(answer) && value_of(answer, "redirect_uri").at == NULL;
}

static bool is_login_start(const struct sight *sight)
{
    const struct sp_form *answer = &sight->message->answer;
    return value_of(answer, "client_id").at != NULL &&
           (value_of(answer, "response_type").at != NULL || value_of(answer, "request_uri").at != NULL);
}

static bool is_api_call(const struct sight *sight)
{
    struct sp_str challenge = sp_flow_header(&sight->message->exchange.response_headers, "WWW-Authenticate");
    bool challenged = sp_str_equal_ignoring_case(sp_str_slice(challenge, 0, 6), SP_STR("Bearer")) ||
                      sp_str_equal_ignoring_case(sp_str_slice(challenge, 0, 4), SP_STR("DPoP"));
    return sight->message->bearer.at != NULL || challenged;
}

/* No OAuth message, and worth keeping: it may be why one never came. */
static bool is_trouble(const struct sight *sight)
{
    int status = sight->message->exchange.status;
    bool too_large = status == 431 || status == 494 ||
                     (status == 400 && sp_str_contains(sight->message->exchange.response_body, SP_STR("Too Large")));
    const struct sp_str failure = sight->message->exchange.failure;
    bool network = failure.len > 0 && !sp_str_contains(failure, SP_STR("ABORTED")) &&
                   !sp_str_contains(failure, SP_STR("BLOCKED_BY_CLIENT"));
    return too_large || network;
}

static const struct {
    enum sp_flow_kind kind;
    bool (*is)(const struct sight *sight);
} rules[] = {
    {SP_FLOW_DISCOVERY, is_discovery},
    {SP_FLOW_RESOURCE_METADATA, is_resource_metadata},
    {SP_FLOW_PREFLIGHT, is_preflight},
    {SP_FLOW_PUSHED_REQUEST, is_pushed},
    {SP_FLOW_AUTHORIZATION_REQUEST, is_authorization_request},
    {SP_FLOW_TOKEN_REQUEST, is_token_request},
    {SP_FLOW_DEVICE_AUTHORIZATION, is_device_authorization},
    {SP_FLOW_INTROSPECTION, is_introspection},
    {SP_FLOW_REVOCATION, is_revocation},
    {SP_FLOW_REGISTRATION, is_registration},
    {SP_FLOW_BACKCHANNEL_LOGOUT, is_backchannel_logout},
    {SP_FLOW_LOGOUT, is_logout},
    {SP_FLOW_CALLBACK, is_callback},
    {SP_FLOW_USERINFO, is_userinfo},
    {SP_FLOW_KEY_SET, is_key_set},
    {SP_FLOW_AUTHORIZATION_RESPONSE, is_authorization_response},
    {SP_FLOW_LOGIN_START, is_login_start},
    {SP_FLOW_API_CALL, is_api_call},
    {SP_FLOW_TROUBLE, is_trouble},
};

enum sp_status sp_flow_message_read(struct sp_arena *arena, const struct sp_flow_exchange *exchange,
                                    enum sp_flow_kind known, struct sp_flow_message *message)
{
    *message = (struct sp_flow_message){.exchange = *exchange};
    if (sp_url_split(exchange->url, &message->url) != SP_OK)
        message->url = (struct sp_url){0};
    message->endpoint = sp_flow_endpoint(exchange->url);
    if (read_url(arena, exchange->url, &message->query) != SP_OK || read_answer(arena, message) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_json_error ignored;
    if (is_form(message)) {
        if (read_parameters(arena, exchange->request_body, &message->body) != SP_OK)
            return SP_NO_MEMORY;
    } else {
        parse_json(arena, exchange->request_body, &message->asked, &ignored);
    }
    read_bearer(message);
    parse_json(arena, exchange->response_body, &message->json, &message->json_error);
    struct sight sight = {.message = message,
                          .known = known,
                          .get = sp_str_equal(exchange->method, SP_STR("GET")),
                          .post = sp_str_equal(exchange->method, SP_STR("POST"))};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && message->kind == SP_FLOW_NONE; i++)
        if (rules[i].is(&sight))
            message->kind = rules[i].kind;
    return SP_OK;
}
