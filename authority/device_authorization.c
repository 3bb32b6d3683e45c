/* SPDX-License-Identifier: Apache-2.0 */
/* POST /device_authorization (RFC 8628 3.1): a device asks for its two codes. */
#include "authority/client_authentication.h"
#include "authority/denial.h"
#include "authority/device.h"
#include "authority/endpoint.h"
#include "authority/scope.h"
#include "authority/throttle.h"

static enum sp_step answer_codes(struct sp_call *call, struct sp_str device_code, struct sp_str user_code)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    struct sp_str page = sp_authority_url(call, "/device");
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "device_code", device_code);
    sp_json_string_member(&json, "user_code", user_code);
    sp_json_string_member(&json, "verification_uri", page);
    sp_json_string_member(&json, "verification_uri_complete",
                          sp_arena_printf(call->arena, "%.*s?user_code=%.*s", SP_STR_ARG(page), SP_STR_ARG(user_code)));
    sp_json_int_member(&json, "expires_in", call->authority->settings->device_lifetime_s);
    sp_json_int_member(&json, "interval", SP_DEVICE_INTERVAL_S);
    sp_json_end_object(&json);
    sp_answer_json(call, 200, &buffer);
    return SP_GOES_ON;
}

struct start {
    const struct sp_client *client;
    struct sp_str scope;
    struct sp_str_list audiences;
};

static enum sp_step start(struct sp_call *call, void *context)
{
    const struct start *start = context;
    struct sp_str device_code, user_code;
    enum sp_status status =
        sp_device_start(call, start->client, start->scope, start->audiences, &device_code, &user_code);
    return status == SP_OK ? answer_codes(call, device_code, user_code) : sp_deny_failure(call, status);
}

enum sp_step sp_device_authorization_endpoint(struct sp_call *call)
{
    const struct sp_client *client = NULL;
    struct start begun = {.client = NULL};
    if (sp_client_authenticate(call, &client) != SP_GOES_ON)
        return SP_DENIED;
    if ((client->grants & (unsigned)SP_GRANT_DEVICE_CODE) == 0)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_GRANT_NOT_ALLOWED, .received = SP_STR("device_code"),
                       .detail = client->id, .expected = SP_STR("the grants registered for the client"));
    if (sp_scope_decide(call, client, SP_SCOPE_NONE_BY_DEFAULT, &begun.scope) != SP_GOES_ON ||
        sp_audience_decide(call, client, &begun.audiences) != SP_GOES_ON)
        return SP_DENIED;
    begun.client = client;
    if (!sp_client_is_public(client))
        return sp_call_in_write(call, start, &begun);
    /* Anybody can call itself by its client_id. */
    if (sp_throttle_check(call, SP_THROTTLE_DEVICE) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_step step = sp_call_in_write(call, start, &begun);
    if (step == SP_GOES_ON)
        sp_throttle_fail(call, SP_THROTTLE_DEVICE);
    return step;
}
