/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/resource_metadata.h"

#include "core/base/buffer.h"
#include "gateway/cors.h"
#include "gateway/refusal.h"
#include "gateway/snapshot.h"

#define MAX_METADATA_BYTES (64u * 1024)

static const struct sp_str well_known = {"/.well-known/oauth-protected-resource", 37};

/* "https://api.example.com" as the client sees it, in the call's arena; none without memory, and where nobody said
 * which host it is. What Host says was judged (request_form.c). */
static struct sp_str public_origin(struct sp_call *call)
{
    const ngx_http_request_t *request = call->request;
    const struct sp_str public_url = call->snapshot->policy->public_url;
    struct sp_arena *arena = sp_call_arena(call);
    if (arena == NULL) {
        return SP_STR_NONE;
    }
    if (public_url.len > 0) {
        return public_url.at[public_url.len - 1] == '/' ? sp_str_slice(public_url, 0, public_url.len - 1) : public_url;
    }
    const struct sp_str host = request->headers_in.host != NULL ? sp_str_of(request->headers_in.host->value)
                                                                : sp_str_of(request->headers_in.server);
    if (host.len == 0) {
        return SP_STR_NONE; /* HTTP/1.0 may do without */
    }
    return sp_arena_printf(arena, "%s://%.*s", request->connection->ssl != NULL ? "https" : "http", SP_STR_ARG(host));
}

static struct sp_str path_of(const struct sp_api *api)
{
    return sp_str_equal(api->path, SP_STR("/")) ? SP_STR_NONE : api->path;
}

struct sp_str sp_resource_metadata_url(struct sp_call *call)
{
    const struct sp_str origin = public_origin(call);
    if (origin.at == NULL) {
        return SP_STR_NONE;
    }
    return sp_arena_printf(call->arena, "%.*s%.*s%.*s", SP_STR_ARG(origin), SP_STR_ARG(well_known),
                           SP_STR_ARG(path_of(call->match.api)));
}

/* Every scope that some method asks for, once. */
static void write_scopes(struct sp_json_writer *json, const struct sp_api *api)
{
    sp_json_name(json, SP_STR("scopes_supported"));
    sp_json_begin_array(json);
    for (size_t m = 0; m < api->method_count; m++) {
        const struct sp_str_list scopes = api->methods[m].requirements.scopes;
        for (size_t i = 0; i < scopes.count; i++) {
            bool is_new = true;
            for (size_t before = 0; before < m && is_new; before++) {
                const struct sp_str_list others = api->methods[before].requirements.scopes;
                for (size_t k = 0; k < others.count; k++) {
                    is_new = is_new && !sp_str_equal(others.at[k], scopes.at[i]);
                }
            }
            if (is_new) {
                sp_json_put_string(json, scopes.at[i]);
            }
        }
    }
    sp_json_end_array(json);
}

static void write_document(struct sp_json_writer *json, struct sp_call *call, struct sp_str origin)
{
    const struct sp_api *api = call->match.api;
    const struct sp_requirements *requirements = &api->methods[0].requirements;
    sp_json_begin_object(json);
    sp_json_string_member(json, "resource",
                          sp_arena_printf(call->arena, "%.*s%.*s", SP_STR_ARG(origin), SP_STR_ARG(path_of(api))));
    sp_json_name(json, SP_STR("authorization_servers"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < requirements->issuer_count; i++) {
        const struct sp_str issuer = call->snapshot->policy->issuers[requirements->issuers[i]].issuer;
        if (issuer.len > 0) {
            sp_json_put_string(json, issuer);
        }
    }
    sp_json_end_array(json);
    write_scopes(json, api);
    sp_json_name(json, SP_STR("bearer_methods_supported"));
    sp_json_begin_array(json);
    sp_json_put_string(json, SP_STR("header"));
    if (api->accepts_query) {
        sp_json_put_string(json, SP_STR("query"));
    }
    sp_json_end_array(json);
    if (requirements->dpop == SP_BINDING_REQUIRED) {
        sp_json_bool_member(json, "dpop_bound_access_tokens_required", true);
    }
    if (requirements->mtls == SP_BINDING_REQUIRED) {
        sp_json_bool_member(json, "tls_client_certificate_bound_access_tokens", true);
    }
    const struct sp_json *extra = NULL;
    struct sp_json_error error;
    if (api->resource_metadata.len > 2 &&
        sp_json_parse(call->arena, api->resource_metadata, &sp_json_limits_token, &extra, &error) == SP_OK) {
        for
            SP_JSON_EACH(member, extra)
            {
                sp_json_name(json, member->name);
                sp_json_put_value(json, member);
            }
    }
    sp_json_end_object(json);
}

static bool finds_api(struct sp_call *call, struct sp_str path)
{
    /* Any method: the document is about the resource. An API without GET is found by the outcome that still names it.
     */
    sp_policy_match(call->snapshot->policy, sp_str_of(call->request->headers_in.server),
                    path.len > 0 ? path : SP_STR("/"), SP_STR("GET"), &call->match);
    return call->match.api != NULL && call->match.api->has_resource_metadata && call->match.api->method_count > 0;
}

/* Clients in browsers read the document before they know whom to ask for a token, some with headers of their own. */
static bool asks_for_leave_to_read(const struct sp_call *call)
{
    const struct sp_str method = call->headers.preflight_method;
    return sp_cors_is_preflight(call) && (sp_str_equal(method, SP_STR("GET")) || sp_str_equal(method, SP_STR("HEAD")));
}

ngx_int_t sp_resource_metadata_serve(struct sp_call *call)
{
    const struct sp_str uri = sp_str_of(call->request->uri);
    if (uri.len < well_known.len || uri.at[1] != '.' || !sp_str_has_prefix(uri, well_known) ||
        (uri.len > well_known.len && uri.at[well_known.len] != '/')) {
        return NGX_DECLINED;
    }
    const bool is_preflight = asks_for_leave_to_read(call);
    if ((!is_preflight && (call->request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) ||
        !finds_api(call, sp_str_slice(uri, well_known.len, uri.len))) {
        call->match = (struct sp_route_match){0};
        return NGX_DECLINED;
    }
    if (is_preflight) {
        return sp_cors_answer_for_anybody(call);
    }
    const struct sp_str origin = public_origin(call);
    struct sp_buffer out;
    struct sp_json_writer json;
    if (origin.at == NULL) {
        return NGX_ERROR;
    }
    sp_buffer_init(&out, call->arena, MAX_METADATA_BYTES);
    sp_json_writer_init(&json, &out, false);
    write_document(&json, call, origin);
    if (sp_buffer_status(&out) != SP_OK) {
        return NGX_ERROR;
    }
    call->stage = SP_STAGE_PASSED;
    call->is_for_anybody = true;
    ngx_http_finalize_request(call->request,
                              sp_respond(call->request, NGX_HTTP_OK, SP_STR("application/json"), sp_buffer_str(&out)));
    return NGX_DONE;
}
