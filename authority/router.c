/* SPDX-License-Identifier: Apache-2.0 */
/* Path → endpoint, with what holds for all of them: methods, media type, repeated parameters, CORS. */
#include "authority/endpoint.h"
#include "authority/authorization.h"
#include "authority/denial_page.h"
#include "authority/own_form.h"

const struct sp_endpoint sp_endpoints[] = {
#define ENDPOINT(NAME, path, methods, function, metadata, auth_methods, any_origin)                                    \
    {#NAME, {path, sizeof path - 1}, methods, function, metadata, auth_methods, any_origin},
#include "authority/endpoints.def"
#undef ENDPOINT
};
const size_t sp_endpoint_count = sizeof sp_endpoints / sizeof sp_endpoints[0];

static const struct sp_endpoint discovery = {
    "DISCOVERY", {"/.well-known/openid-configuration", 33}, SP_METHOD_GET, sp_discovery_endpoint, NULL, NULL, true};

/* Both documents, each below the issuer (OIDC Discovery 4) and in front of its path (RFC 8414 3.1). */
static bool is_discovery(const struct sp_authority_settings *settings, struct sp_str path)
{
    static const struct sp_str names[] = {{"/.well-known/openid-configuration", 33},
                                          {"/.well-known/oauth-authorization-server", 39}};
    struct sp_str base = settings->base_path;
    for (size_t i = 0; i < 2; i++) {
        bool appended = sp_str_has_prefix(path, base) && sp_str_equal(sp_str_slice(path, base.len, path.len), names[i]);
        bool inserted =
            sp_str_has_prefix(path, names[i]) && sp_str_equal(sp_str_slice(path, names[i].len, path.len), base);
        if (appended || inserted)
            return true;
    }
    return false;
}

/* A path that ends with a slash has one more segment, such as the id of an upstream. */
static bool is_at(struct sp_str path, struct sp_str below)
{
    if (path.at[path.len - 1] != '/')
        return sp_str_equal(below, path);
    return sp_str_has_prefix(below, path) && below.len > path.len && sp_str_index_of(below, '/', path.len) == below.len;
}

bool sp_endpoint_is_on(const struct sp_endpoint *endpoint, const struct sp_authority_settings *settings)
{
    return endpoint->answer != sp_registration_endpoint || settings->registration.enabled;
}

static const struct sp_endpoint *find_endpoint(const struct sp_authority_settings *settings, struct sp_str path)
{
    if (is_discovery(settings, path))
        return &discovery;
    if (!sp_str_has_prefix(path, settings->base_path))
        return NULL;
    struct sp_str below = sp_str_slice(path, settings->base_path.len, path.len);
    for (size_t i = 0; i < sp_endpoint_count; i++)
        if (is_at(sp_endpoints[i].path, below))
            return sp_endpoint_is_on(&sp_endpoints[i], settings) ? &sp_endpoints[i] : NULL;
    return NULL;
}

static unsigned method_bit(struct sp_str method)
{
    if (sp_str_equal(method, SP_STR("GET")) || sp_str_equal(method, SP_STR("HEAD")))
        return SP_METHOD_GET;
    static const struct {
        struct sp_str name;
        unsigned bit;
    } methods[] = {{{"POST", 4}, SP_METHOD_POST}, {{"PUT", 3}, SP_METHOD_PUT}, {{"DELETE", 6}, SP_METHOD_DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (sp_str_equal(methods[i].name, method))
            return methods[i].bit;
    return 0;
}

static struct sp_str allowed(const struct sp_endpoint *endpoint)
{
    static const struct sp_str texts[] = {{"", 0}, {"GET, HEAD", 9}, {"POST", 4}, {"GET, HEAD, POST", 15}};
    const unsigned all = (unsigned)SP_METHOD_PUT | (unsigned)SP_METHOD_DELETE;
    return (endpoint->methods & all) != 0
               ? SP_STR("GET, HEAD, POST, PUT, DELETE")
               : texts[endpoint->methods & ((unsigned)SP_METHOD_GET | (unsigned)SP_METHOD_POST)];
}

static enum sp_step refuse_method(struct sp_call *call, const struct sp_endpoint *endpoint)
{
    sp_answer_header(call, "Allow", allowed(endpoint));
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_METHOD, .expected = allowed(endpoint),
                   .received = call->asked.method, .status = 405);
}

/* The media type alone, without its parameters. */
static bool is_form(struct sp_str content_type)
{
    struct sp_str type = sp_str_trim(sp_str_slice(content_type, 0, sp_str_index_of(content_type, ';', 0)));
    return sp_str_equal_ignoring_case(type, SP_STR("application/x-www-form-urlencoded"));
}

static bool is_json(struct sp_str content_type)
{
    struct sp_str type = sp_str_trim(sp_str_slice(content_type, 0, sp_str_index_of(content_type, ';', 0)));
    return sp_str_equal_ignoring_case(type, SP_STR("application/json"));
}

static enum sp_step read_parameters(struct sp_call *call, const struct sp_endpoint *endpoint)
{
    struct sp_asked *asked = &call->asked;
    bool takes_json = (endpoint->methods & (unsigned)SP_BODY_IS_JSON) != 0,
         is_post = !takes_json && sp_str_equal(asked->method, SP_STR("POST"));
    if (takes_json && asked->body.len > 0 && !is_json(asked->content_type))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_NOT_JSON, .expected = SP_STR("application/json"),
                       .received = asked->content_type.len > 0 ? asked->content_type : SP_STR("no Content-Type"));
    if (is_post && (asked->body.len > 0 || asked->content_type.len > 0) && !is_form(asked->content_type))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_NOT_FORM,
                       .expected = SP_STR("application/x-www-form-urlencoded"),
                       .received = asked->content_type.len > 0 ? asked->content_type : SP_STR("no Content-Type"));
    size_t offset = 0;
    enum sp_status status =
        sp_form_parse(call->arena, is_post ? asked->body : asked->query, &call->parameters, &offset);
    if (status == SP_MALFORMED)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_NOT_FORM, .expected = SP_STR("form-encoded UTF-8 text"),
                       .received =
                           sp_arena_printf(call->arena, "a byte or %%-escape at offset %zu that is none", offset),
                       .tell = sp_arena_printf(call->arena, "The fault is at byte %zu.", offset));
    if (status == SP_TOO_LARGE)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE,
                       .expected = sp_arena_printf(call->arena, "at most %u bytes and %u parameters", SP_MAX_FORM_BYTES,
                                                   SP_MAX_FORM_PARAMETERS),
                       .received = sp_arena_printf(call->arena, "%zu bytes", asked->body.len + asked->query.len));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_str repeated = sp_form_repeated(&call->parameters);
    if (repeated.at != NULL && endpoint->answer == sp_authorization_endpoint)
        sp_authorization_aim(call); /* RFC 6749 4.1.2.1: the client is to hear of it */
    if (repeated.at != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_DUPLICATE_PARAMETER, .expected = SP_STR("each parameter once"),
                       .received = repeated,
                       .tell = sp_arena_printf(call->arena, "It is '%.*s'.", SP_STR_ARG(repeated)));
    return SP_GOES_ON;
}

static void answer_preflight(struct sp_call *call)
{
    call->answer.status = 204;
    sp_answer_header(call, "Access-Control-Allow-Methods", SP_STR("GET, POST, PUT, DELETE"));
    sp_answer_header(call, "Access-Control-Allow-Headers", SP_STR("Authorization, Content-Type, DPoP"));
    sp_answer_header(call, "Access-Control-Max-Age", SP_STR("3600"));
}

enum sp_step sp_authority_answer(struct sp_call *call)
{
    sp_call_restart(call);
    const struct sp_endpoint *endpoint = find_endpoint(call->authority->settings, call->asked.path);
    if (endpoint == NULL) {
        sp_answer_header(call, "Vary", SP_STR("Accept"));
        if (sp_call_wants_page(call))
            call->deny = sp_nowhere_page;
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN, .received = call->asked.path,
                       .expected = call->authority->settings->issuer,
                       .detail = sp_authority_url(call, "/.well-known/openid-configuration"));
    }
    call->endpoint = endpoint->name;
    if ((endpoint->methods & (unsigned)SP_SHOWS_PAGES) != 0)
        call->deny = sp_denial_page;
    call->refuses_by_401 = (endpoint->methods & (unsigned)SP_REFUSES_BY_401) != 0;
    if (endpoint->any_origin && call->asked.origin.len > 0) {
        sp_answer_header(call, "Access-Control-Allow-Origin", SP_STR("*"));
        if (sp_str_equal(call->asked.method, SP_STR("OPTIONS"))) {
            answer_preflight(call);
            return SP_GOES_ON;
        }
        sp_answer_header(call, "Access-Control-Expose-Headers", SP_STR("WWW-Authenticate, DPoP-Nonce"));
    }
    if ((endpoint->methods & method_bit(call->asked.method)) == 0)
        return refuse_method(call, endpoint);
    enum sp_step step = read_parameters(call, endpoint);
    if (step == SP_GOES_ON && (endpoint->methods & (unsigned)SP_POST_IS_OURS) != 0 &&
        sp_str_equal(call->asked.method, SP_STR("POST")))
        step = sp_own_form_check_origin(call);
    if (step == SP_GOES_ON)
        step = endpoint->answer(call);
    return call->waits_for != NULL ? SP_WAITS : step;
}

struct sp_str sp_call_last_segment(const struct sp_call *call)
{
    struct sp_str path = call->asked.path;
    size_t from = path.len;
    while (from > 0 && path.at[from - 1] != '/')
        from--;
    return sp_str_slice(path, from, path.len);
}

struct sp_str sp_authority_url(const struct sp_call *call, const char *path)
{
    return sp_arena_printf(call->arena, "%.*s%s", SP_STR_ARG(call->authority->settings->base), path);
}

struct sp_str sp_authority_alias_url(const struct sp_call *call, const char *path)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    if (settings->mtls.alias.at == NULL)
        return SP_STR_NONE;
    return sp_arena_printf(call->arena, "%.*s%.*s%s", SP_STR_ARG(settings->mtls.alias), SP_STR_ARG(settings->base_path),
                           path);
}
