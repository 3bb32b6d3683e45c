/* SPDX-License-Identifier: Apache-2.0 */
/* What of a recording may be shown. Parameters are shown by a list of those that hold no secret, never hidden by a list
 * of those that do: a name nobody thought of is masked. */
#include "core/flow/flow.h"

#include "core/diagnosis/scrub.h"

static const char *const open_names[] = {
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "grant_type",
    "prompt",
    "error",
    "error_description",
    "error_uri",
    "iss",
    "resource",
    "audience",
    "code_challenge_method",
    "token_type",
    "token_type_hint",
    "expires_in",
    "max_age",
    "acr_values",
    "ui_locales",
    "display",
    "interval",
    "active",
    "client_assertion_type",
    "post_logout_redirect_uri",
    "subject_token_type",
    "requested_token_type",
    "issued_token_type",
    "cause",
    "verification_uri",
    "code_challenge",
    "device_expires_in",
    "refresh_expires_in",
    "claims_locales",
    "id_token_signed_response_alg",
    NULL,
};

struct sp_str sp_flow_masked(const struct sp_flow_capture *capture, struct sp_str secret)
{
    if (capture->terms.show_secrets || secret.at == NULL)
        return secret;
    size_t shown = secret.len >= 16 ? 4 : 0;
    struct sp_str masked = sp_arena_printf(capture->arena, "%.*s… (%zu characters)",
                                           SP_STR_ARG(sp_str_slice(secret, 0, shown)), secret.len);
    return masked.at != NULL ? masked : SP_STR("…");
}

struct sp_str sp_flow_shown(const struct sp_flow_capture *capture, struct sp_str name, struct sp_str value)
{
    for (size_t i = 0; open_names[i] != NULL; i++)
        if (sp_str_equal(name, sp_str_from_cstr(open_names[i])))
            return sp_flow_scrubbed(capture, value);
    return sp_flow_masked(capture, value);
}

struct sp_str sp_flow_scrubbed(const struct sp_flow_capture *capture, struct sp_str text)
{
    return capture->terms.show_secrets ? text : sp_scrub(capture->arena, text);
}
