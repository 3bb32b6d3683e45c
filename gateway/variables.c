/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/variables.h"

#include "gateway/call.h"
#include "gateway/presented.h"
#include "gateway/record.h"
#include "gateway/request_id.h"
#include "gateway/snapshot.h"
#include "gateway/upstream_headers.h"

static struct sp_str request_id(struct sp_call *call)
{
    return call->request_id;
}

static struct sp_str route(struct sp_call *call)
{
    return call->match.api != NULL ? call->match.api->name : SP_STR_NONE;
}

static struct sp_str consumer(struct sp_call *call)
{
    return call->consumer != NULL ? call->consumer->name : SP_STR_NONE;
}

static struct sp_str subject(struct sp_call *call)
{
    return call->has_facts ? call->facts.subject : SP_STR_NONE;
}

static struct sp_str client(struct sp_call *call)
{
    return call->has_facts ? call->facts.client_id : SP_STR_NONE;
}

static struct sp_str issuer(struct sp_call *call)
{
    return call->has_facts ? call->snapshot->policy->issuers[call->facts.issuer].name : SP_STR_NONE;
}

static struct sp_str verdict(struct sp_call *call)
{
    switch (call->stage) {
    case SP_STAGE_PASSED:
        return SP_STR("accepted");
    case SP_STAGE_REFUSED:
        return SP_STR("refused");
    default:
        return SP_STR_NONE;
    }
}

static struct sp_str cause(struct sp_call *call)
{
    const enum sp_cause named = sp_record_cause(call);
    return named != SP_CAUSE_NONE ? sp_cause_get(named)->id : SP_STR_NONE;
}

static struct sp_str upstream_host(struct sp_call *call)
{
    return sp_upstream_headers_host(call);
}

static struct sp_str upstream_name(struct sp_call *call)
{
    const struct sp_api *api = call->match.api;
    return api != NULL && api->upstream.server_count > 0 ? api->upstream.servers[0].host : SP_STR_NONE;
}

struct variable {
    ngx_str_t name;
    struct sp_str (*get)(struct sp_call *call);
};

static const struct variable variables[] = {
    {ngx_string("sallyport_record"), sp_record_line},
    {ngx_string("sallyport_request_id"), request_id},
    {ngx_string("sallyport_route"), route},
    {ngx_string("sallyport_consumer"), consumer},
    {ngx_string("sallyport_subject"), subject},
    {ngx_string("sallyport_client"), client},
    {ngx_string("sallyport_issuer"), issuer},
    {ngx_string("sallyport_verdict"), verdict},
    {ngx_string("sallyport_cause"), cause},
    {ngx_string("sallyport_upstream_host"), upstream_host},
    {ngx_string("sallyport_upstream_name"), upstream_name},
};

/* A request that no location of ours saw (nginx refused it, or it went elsewhere) has a call from here on: an id and a
 * record. */
static ngx_int_t get(ngx_http_request_t *request, ngx_http_variable_value_t *value, uintptr_t data)
{
    const struct variable *variable = (const struct variable *)data;
    struct sp_call *call = sp_call_get(request);
    *value = (ngx_http_variable_value_t){.not_found = 1};
    if (call == NULL) {
        return NGX_OK;
    }
    sp_presented_read(call, &call->snapshot->owned, false);
    if (sp_call_identify(call) != NGX_OK) {
        return NGX_ERROR;
    }
    const struct sp_str text = variable->get(call);
    if (text.at == NULL) {
        return NGX_OK;
    }
    *value = (ngx_http_variable_value_t){
        .len = (unsigned)text.len & 0xfffffffu, .valid = 1, .data = (u_char *)(uintptr_t)text.at};
    return NGX_OK;
}

ngx_int_t sp_variables_add(ngx_conf_t *cf)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        ngx_str_t name = variables[i].name;
        ngx_http_variable_t *variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (variable == NULL) {
            return NGX_ERROR;
        }
        variable->get_handler = get;
        variable->data = (uintptr_t)&variables[i];
    }
    return NGX_OK;
}
