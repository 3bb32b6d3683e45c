/* SPDX-License-Identifier: Apache-2.0 */
/* One call: which endpoint it is addressed to, whether the fault answers it, and the little that all answers share. */
#include "lab/world.h"

#include "core/base/limits.h"

void sp_lab_committed(struct sp_lab *lab)
{
    atomic_fetch_add(&lab->commits, 1);
}

/* ---- answers ---- */

void sp_lab_answer(struct sp_lab_call *call, unsigned status, const char *media_type, struct sp_str body)
{
    call->status = status;
    call->media_type = sp_str_from_cstr(media_type);
    call->answer = body;
}

void sp_lab_answer_object(struct sp_lab_call *call, unsigned status, const struct sp_lab_object *object)
{
    sp_lab_answer(call, status, "application/json", sp_lab_object_text(object));
}

void sp_lab_answer_error(struct sp_lab_call *call, unsigned status, const char *error, const char *description)
{
    struct sp_lab_object object;
    sp_lab_object_init(&object, call->arena);
    sp_lab_put_text(&object, "error", sp_str_from_cstr(error));
    sp_lab_put_text(&object, "error_description", sp_str_from_cstr(description));
    sp_lab_answer_object(call, status, &object);
    sp_lab_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

void sp_lab_answer_header(struct sp_lab_call *call, const char *name, struct sp_str value)
{
    if (call->header_count == SP_LAB_ANSWER_HEADERS || value.at == NULL)
        return;
    call->headers[call->header_count].name = sp_str_from_cstr(name);
    call->headers[call->header_count++].value = value;
}

struct sp_str sp_lab_parameter(const struct sp_lab_call *call, const char *name)
{
    struct sp_str value = sp_form_value(&call->form, sp_str_from_cstr(name));
    return value.at != NULL ? value : sp_form_value(&call->query, sp_str_from_cstr(name));
}

struct sp_str sp_lab_bearer(const struct sp_lab_call *call)
{
    static const char *const schemes[] = {"Bearer ", "DPoP "};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct sp_str scheme = sp_str_from_cstr(schemes[i]);
        if (sp_str_equal_ignoring_case(sp_str_slice(call->authorization, 0, scheme.len), scheme))
            return sp_str_slice(call->authorization, scheme.len, call->authorization.len);
    }
    return SP_STR_NONE;
}

/* ---- where to ---- */

static const struct {
    const char *path;
    enum sp_lab_endpoint endpoint;
    void (*serve)(struct sp_lab_call *call);
} places[] = {
    {"/lab/.well-known/openid-configuration", SP_LAB_DISCOVERY_APPENDED, sp_lab_serve_discovery},
    {"/lab/.well-known/oauth-authorization-server", SP_LAB_DISCOVERY_APPENDED, sp_lab_serve_discovery},
    {"/.well-known/openid-configuration/lab", SP_LAB_DISCOVERY, sp_lab_serve_discovery},
    {"/.well-known/oauth-authorization-server/lab", SP_LAB_DISCOVERY, sp_lab_serve_discovery},
    {"/lab/jwks", SP_LAB_JWKS, sp_lab_serve_keys},
    {"/lab/authorize", SP_LAB_AUTHORIZE, sp_lab_serve_authorization},
    {"/lab/par", SP_LAB_PUSHED, sp_lab_serve_pushed_request},
    {"/lab/token", SP_LAB_TOKEN, sp_lab_serve_token},
    {"/lab/device_authorization", SP_LAB_DEVICE, sp_lab_serve_device_authorization},
    {"/lab/userinfo", SP_LAB_USERINFO_ENDPOINT, sp_lab_serve_userinfo},
    {"/lab/introspect", SP_LAB_INTROSPECT, sp_lab_serve_introspection},
    {"/lab/revoke", SP_LAB_REVOKE, sp_lab_serve_revocation},
    {"/lab/logout", SP_LAB_LOGOUT, sp_lab_serve_logout},
    {"/other/.well-known/openid-configuration", SP_LAB_ELSEWHERE, sp_lab_serve_other},
    {"/other/jwks", SP_LAB_ELSEWHERE, sp_lab_serve_other},
};

static size_t place_of(const struct sp_lab_call *call)
{
    size_t i = 0;
    while (i < sizeof places / sizeof places[0] && !sp_str_equal(call->path, sp_str_from_cstr(places[i].path)))
        i++;
    return i;
}

static enum sp_lab_endpoint token_kind(const struct sp_lab_call *call)
{
    struct sp_str grant = sp_form_value(&call->form, SP_STR("grant_type"));
    if (sp_str_equal(grant, SP_STR("authorization_code")))
        return SP_LAB_TOKEN_CODE;
    if (sp_str_equal(grant, SP_STR("refresh_token")))
        return SP_LAB_TOKEN_REFRESH;
    if (sp_str_equal(grant, SP_STR("urn:ietf:params:oauth:grant-type:device_code")))
        return SP_LAB_TOKEN_DEVICE;
    return SP_LAB_TOKEN;
}

static bool is_preflight(const struct sp_lab_call *call)
{
    return sp_str_equal(call->method, SP_STR("OPTIONS")) && call->preflight_method.at != NULL;
}

/* Where is this call addressed to? */
static enum sp_lab_endpoint endpoint_of(const struct sp_lab_call *call)
{
    size_t place = place_of(call);
    if (call->place == SP_LAB_AT_API) {
        if (is_preflight(call))
            return SP_LAB_PREFLIGHT;
        return sp_str_has_prefix(call->path, SP_STR("/.well-known/oauth-protected-resource")) ? SP_LAB_RESOURCE_METADATA
                                                                                              : SP_LAB_API;
    }
    if (place == sizeof places / sizeof places[0])
        return SP_LAB_ELSEWHERE;
    return places[place].endpoint == SP_LAB_TOKEN ? token_kind(call) : places[place].endpoint;
}

/* ---- CORS: pages may call the lab, unless that is the fault ---- */

static void allow_origins(struct sp_lab_call *call)
{
    bool other = call->fault == SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED && call->place == SP_LAB_AT_API;
    if (other && call->origin.at != NULL)
        sp_lab_committed(call->lab);
    sp_lab_answer_header(call, "Access-Control-Allow-Origin",
                         other ? SP_STR("https://console.lab.example") : SP_STR("*"));
    sp_lab_answer_header(call, "Access-Control-Expose-Headers", SP_STR("WWW-Authenticate, DPoP-Nonce"));
}

static void answer_preflight(struct sp_lab_call *call)
{
    sp_lab_answer(call, 204, NULL, SP_STR(""));
    sp_lab_answer_header(call, "Access-Control-Allow-Methods", SP_STR("GET, POST, PUT, PATCH, DELETE"));
    sp_lab_answer_header(call, "Access-Control-Allow-Headers", SP_STR("Authorization, Content-Type, DPoP"));
    sp_lab_answer_header(call, "Access-Control-Max-Age", SP_STR("0"));
}

/* ---- the fault's own answer ---- */

static void answer_row(struct sp_lab_call *call, const struct sp_lab_answer_row *row)
{
    struct sp_str body = sp_lab_expand(call->arena, row->body, &call->words);
    struct sp_str header = sp_str_from_cstr(row->header);
    size_t colon = sp_str_index_of(header, ':', 0);
    sp_lab_answer(call, row->status, row->media_type, body);
    if (header.at != NULL)
        sp_lab_answer_header(call, sp_arena_printf(call->arena, "%.*s", SP_STR_ARG(sp_str_slice(header, 0, colon))).at,
                             sp_str_trim(sp_str_slice(header, colon + 1, header.len)));
    sp_lab_committed(call->lab);
}

static void serve_honestly(struct sp_lab_call *call, enum sp_lab_endpoint endpoint)
{
    size_t place = place_of(call);
    if (is_preflight(call))
        answer_preflight(call);
    else if (call->place == SP_LAB_AT_CONTROL)
        sp_lab_serve_control(call);
    else if (call->place == SP_LAB_AT_API && endpoint == SP_LAB_RESOURCE_METADATA)
        sp_lab_serve_resource_metadata(call);
    else if (call->place == SP_LAB_AT_API)
        sp_lab_serve_api(call);
    else if (place < sizeof places / sizeof places[0])
        places[place].serve(call);
    else
        sp_lab_answer(call, 404, "text/plain", SP_STR("The lab has nothing here.\n"));
}

void sp_lab_serve(struct sp_lab_call *call)
{
    enum sp_lab_endpoint endpoint = endpoint_of(call);
    bool faulty = call->place != SP_LAB_AT_CONTROL && endpoint != SP_LAB_ELSEWHERE;
    const struct sp_lab_answer_row *row = faulty ? sp_lab_answer_find(call->fault, endpoint) : NULL;
    /* RESPONSE_CHARSET's answer holds a token, and a token costs a signature: it is made by who makes tokens. */
    if (row != NULL && row->cause != SP_CAUSE_RESPONSE_CHARSET)
        answer_row(call, row);
    else
        serve_honestly(call, endpoint);
    allow_origins(call);
    call->act = faulty ? sp_lab_act_find(call->fault, endpoint) : SP_LAB_ACT_NONE;
    if (call->act != SP_LAB_ACT_NONE)
        sp_lab_committed(call->lab);
    if (call->answer.at == NULL)
        sp_lab_answer(call, 500, "text/plain", SP_STR("The lab is out of memory.\n"));
}
