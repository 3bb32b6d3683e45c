/* SPDX-License-Identifier: Apache-2.0 */
/* Pushed authorization requests (RFC 9126): a client leaves its parameters here and sends the browser with a handle of
 * them, which is good once and for a minute. */
#include "lab/world.h"

#define URN "urn:ietf:params:oauth:request_uri:"
#define LIFETIME_S 60

void sp_lab_serve_pushed_request(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_lab_grant *grant = NULL;
    if (!sp_str_equal(call->method, SP_STR("POST"))) {
        sp_lab_answer_error(call, 405, "invalid_request", "POST a form");
        return;
    }
    if (!sp_lab_authenticate(call, false))
        return;
    if (sp_form_value(&call->form, SP_STR("request_uri")).at != NULL) {
        sp_lab_answer_error(call, 400, "invalid_request", "request_uri is not pushed");
        return;
    }
    if (sp_lab_grant_add(&call->lab->grants, SP_LAB_GRANT_PUSHED, call->now, &grant) != SP_OK ||
        !sp_lab_keep(grant->pushed, sizeof grant->pushed, call->body)) {
        sp_lab_answer_error(call, 413, "invalid_request", "the request is too large to be kept");
        return;
    }
    sp_lab_object_init(&object, call->arena);
    sp_lab_put_text(&object, "request_uri", sp_arena_printf(call->arena, URN "%s", grant->handle));
    sp_lab_put_number(&object, "expires_in", LIFETIME_S);
    sp_lab_answer_object(call, 201, &object);
    sp_lab_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

bool sp_lab_take_pushed(struct sp_lab_call *call)
{
    struct sp_str uri = sp_lab_parameter(call, "request_uri"), urn = SP_STR(URN), body;
    size_t offset;
    if (uri.at == NULL)
        return true;
    struct sp_str handle = sp_str_has_prefix(uri, urn) ? sp_str_slice(uri, urn.len, uri.len) : SP_STR_NONE;
    struct sp_lab_grant *grant = sp_lab_grant_find(&call->lab->grants, SP_LAB_GRANT_PUSHED, handle);
    bool good = grant != NULL && call->now - grant->issued_at <= LIFETIME_S &&
                sp_arena_copy(call->arena, sp_str_from_cstr(grant->pushed), &body) == SP_OK &&
                sp_form_parse(call->arena, body, &call->form, &offset) == SP_OK;
    if (grant != NULL)
        sp_lab_grant_forget(grant);
    if (!good)
        sp_lab_answer_error(call, 400, "invalid_request_uri",
                            "request_uri is not known, was used before, or has expired");
    return good;
}
