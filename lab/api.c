/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's API: it takes any call that brings a token and says what it saw. It judges no token – that is for whoever
 * is tested – so what reaches it got past everybody. */
#include "core/jose/base64url.h"
#include "lab/world.h"

static void challenge(struct sp_lab_call *call)
{
    sp_lab_answer_header(call, "WWW-Authenticate",
                         sp_arena_printf(call->arena,
                                         "Bearer resource_metadata=\"%.*s/.well-known/oauth-protected-resource\"",
                                         SP_STR_ARG(call->lab->api_url)));
}

/* The JSON behind a segment, when it is some; absent otherwise. */
static struct sp_str json_of(struct sp_lab_call *call, struct sp_str token, size_t segment)
{
    struct sp_str piece = SP_STR_NONE, text = SP_STR_NONE;
    const struct sp_json *json;
    struct sp_json_error error;
    for (size_t i = 0; i <= segment; i++)
        if (!sp_str_next_word(&token, SP_STR("."), &piece))
            return SP_STR_NONE;
    if (sp_base64url_decode(call->arena, piece, &text) != SP_OK ||
        sp_json_parse(call->arena, text, &sp_json_limits_token, &json, &error) != SP_OK)
        return SP_STR_NONE;
    return text;
}

void sp_lab_serve_api(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_str token = sp_lab_bearer(call);
    sp_lab_object_init(&object, call->arena);
    if (token.at == NULL) {
        sp_lab_answer_error(call, 401, "unauthorized", "this API wants a token");
        challenge(call);
        return;
    }
    sp_lab_put_text(&object, "method", call->method);
    sp_lab_put_text(&object, "path", call->path);
    sp_lab_put(&object, "header", json_of(call, token, 0));
    sp_lab_put(&object, "claims", json_of(call, token, 1));
    sp_lab_answer_object(call, 200, &object);
}

/* RFC 9728; of https://api/mcp at https://api/.well-known/oauth-protected-resource/mcp. */
void sp_lab_serve_resource_metadata(struct sp_lab_call *call)
{
    struct sp_lab_object object;
    struct sp_str prefix = SP_STR("/.well-known/oauth-protected-resource");
    struct sp_str below = sp_str_slice(call->path, prefix.len, call->path.len);
    sp_lab_object_init(&object, call->arena);
    sp_lab_put_text(&object, "resource",
                    sp_arena_printf(call->arena, "%.*s%.*s", SP_STR_ARG(call->lab->api_url), SP_STR_ARG(below)));
    sp_lab_put(&object, "authorization_servers",
               sp_arena_printf(call->arena, "[\"%.*s\"]", SP_STR_ARG(call->lab->facts.issuer)));
    sp_lab_put(&object, "scopes_supported", SP_STR("[\"read\",\"write\"]"));
    sp_lab_put(&object, "bearer_methods_supported", SP_STR("[\"header\"]"));
    if (sp_lab_apply(&object, call->fault, SP_LAB_RESOURCE, &call->words) > 0)
        sp_lab_committed(call->lab);
    sp_lab_answer_object(call, 200, &object);
}
