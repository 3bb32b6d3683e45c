/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/pushed_request.h"

#include "authority/authorization.h"
#include "authority/client_authentication.h"
#include "authority/denial.h"
#include "authority/dpop.h"
#include "authority/endpoint.h"
#include "authority/handle.h"
#include "authority/request_object.h"
#include "authority/throttle.h"
#include "core/jose/crypto.h"

/* RFC 9126 2.2 wants it short: the browser comes at once. */
#define LIFETIME_S 90

/* What proves the client is not part of the request. */
static bool is_of_request(struct sp_str name)
{
    static const struct sp_str proofs[] = {
        {"client_secret", 13}, {"client_assertion", 16}, {"client_assertion_type", 21}};
    for (size_t i = 0; i < sizeof proofs / sizeof proofs[0]; i++)
        if (sp_str_equal(name, proofs[i]))
            return false;
    return true;
}

static struct sp_str encode_parameters(struct sp_call *call)
{
    struct sp_buffer text;
    sp_answer_buffer(call, &text);
    for (size_t i = 0; i < call->parameters.count; i++) {
        if (!is_of_request(call->parameters.at[i].name))
            continue;
        if (text.len > 0)
            sp_buffer_append_char(&text, '&');
        sp_form_encode(&text, call->parameters.at[i].name);
        sp_buffer_append_char(&text, '=');
        sp_form_encode(&text, call->parameters.at[i].value);
    }
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static enum sp_step answer_handle(struct sp_call *call, struct sp_str handle)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "request_uri", handle);
    sp_json_int_member(&json, "expires_in", LIFETIME_S);
    sp_json_end_object(&json);
    sp_answer_json(call, 201, &buffer);
    return SP_GOES_ON;
}

static enum sp_step store_request(struct sp_call *call, void *context)
{
    const struct sp_client *client = *(const struct sp_client *const *)context;
    struct sp_store *store = call->authority->store;
    struct sp_str handle = sp_handle_make(call->arena, SP_PUSHED_REQUEST_PREFIX, SP_HANDLE_BYTES);
    struct sp_ticket ticket = {.kind = SP_TICKET_PUSHED,
                               .client_id = client->id,
                               .issued_at = call->now,
                               .expires_at = call->now + LIFETIME_S,
                               .data = encode_parameters(call)};
    if (handle.at == NULL || ticket.data.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    sp_sha256(handle, ticket.hash);
    enum sp_status status = store->methods->put_ticket(store, &ticket, NULL);
    return status == SP_OK ? answer_handle(call, handle) : sp_deny_failure(call, status);
}

static enum sp_status add_parameter(struct sp_call *call, const char *name, struct sp_str value)
{
    size_t count = call->parameters.count;
    struct sp_parameter *all = sp_arena_calloc(call->arena, count + 1, sizeof *all);
    if (all == NULL)
        return SP_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        all[i] = call->parameters.at[i];
    all[count] = (struct sp_parameter){sp_str_from_cstr(name), value};
    call->parameters = (struct sp_form){all, count + 1};
    return SP_OK;
}

/* RFC 9449 10.1: a proof here binds the code as dpop_jkt does. */
static enum sp_step bind_key(struct sp_call *call, const struct sp_client *client)
{
    struct sp_str named = sp_call_parameter(call, "dpop_jkt");
    enum sp_step step = sp_dpop_take(call, &(struct sp_dpop_terms){.path = "/par", .client = client});
    if (step != SP_GOES_ON || call->jkt.at == NULL)
        return step;
    if (named.at != NULL && !sp_str_equal(named, call->jkt))
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_INVALID, .expected = named, .received = call->jkt,
                       .detail = SP_STR("dpop_jkt"), .error = "invalid_dpop_proof", .status = 400);
    enum sp_status status = named.at == NULL ? add_parameter(call, "dpop_jkt", call->jkt) : SP_OK;
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_pushed_request_endpoint(struct sp_call *call)
{
    const struct sp_client *client = NULL;
    struct sp_authorization request;
    if (sp_dpop_ask_nonce(call) != SP_GOES_ON || sp_client_authenticate(call, &client) != SP_GOES_ON)
        return SP_DENIED;
    struct sp_str id = sp_call_parameter(call, "client_id");
    if (id.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("client_id"),
                       .tell = SP_STR("It is 'client_id'."));
    if (sp_call_parameter(call, "request_uri").at != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR("plain parameters"),
                       .received = SP_STR("request_uri"), .tell = SP_STR("It is 'request_uri' (RFC 9126 2.1)."));
    enum sp_step step = sp_request_object_take(call, client);
    if (step == SP_GOES_ON)
        step = bind_key(call, client);
    if (step != SP_GOES_ON)
        return step;
    /* Judged now, answered as JSON: the client learns at once what the browser would. */
    if (sp_authorization_check(call, &request) != SP_GOES_ON)
        return SP_DENIED;
    if (!sp_client_is_public(client))
        return sp_call_in_write(call, store_request, &client);
    /* Anybody can call itself by its client_id. */
    if (sp_throttle_check(call, SP_THROTTLE_PUSHED) != SP_GOES_ON)
        return SP_DENIED;
    step = sp_call_in_write(call, store_request, &client);
    if (step == SP_GOES_ON)
        sp_throttle_fail(call, SP_THROTTLE_PUSHED);
    return step;
}

static enum sp_step refuse_uri(struct sp_call *call, struct sp_str uri, const char *expected, const char *error)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = sp_str_from_cstr(expected),
                   .received = sp_str_slice(uri, 0, 120), .error = error, .tell = SP_STR("It is 'request_uri'."));
}

enum sp_step sp_pushed_request_take(struct sp_call *call, bool *was_pushed)
{
    struct sp_store *store = call->authority->store;
    struct sp_str uri = sp_call_parameter(call, "request_uri"), client_id = sp_call_parameter(call, "client_id");
    struct sp_ticket ticket;
    unsigned char hash[32];
    *was_pushed = uri.at != NULL;
    if (uri.at == NULL)
        return SP_GOES_ON;
    if (sp_call_parameter(call, "request").at != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = SP_STR("request or request_uri"),
                       .received = SP_STR("both"), .tell = SP_STR("Send one of 'request' and 'request_uri'."));
    if (!sp_str_has_prefix(uri, SP_STR(SP_PUSHED_REQUEST_PREFIX)))
        return refuse_uri(call, uri, "a request_uri that the /par endpoint gave", "request_uri_not_supported");
    sp_sha256(uri, hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_PUSHED, hash, call->arena, &ticket);
    bool is_over = status == SP_OK && (ticket.expires_at <= call->now || ticket.used_at != 0);
    if (status == SP_NOT_FOUND || is_over)
        return refuse_uri(call, uri, "a request_uri that is younger than 90 s and not used yet", "invalid_request_uri");
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!sp_str_equal(client_id, ticket.client_id))
        return refuse_uri(call, uri, "the client that pushed the request", "invalid_request_uri");
    size_t offset;
    status = sp_form_parse(call->arena, ticket.data, &call->parameters, &offset);
    if (status == SP_OK)
        status = add_parameter(call, "request_uri", uri);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

enum sp_step sp_pushed_request_spend(struct sp_call *call)
{
    struct sp_store *store = call->authority->store;
    struct sp_str uri = sp_call_parameter(call, "request_uri");
    unsigned char hash[32];
    bool first = false;
    if (uri.at == NULL)
        return SP_GOES_ON;
    sp_sha256(uri, hash);
    enum sp_status status = store->methods->use_ticket(store, SP_TICKET_PUSHED, hash, call->now, &first);
    if (status == SP_NOT_FOUND)
        return SP_GOES_ON; /* the person came in time and took longer than it is kept */
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return first ? SP_GOES_ON : refuse_uri(call, uri, "a request_uri that was not used yet", "invalid_request_uri");
}
