/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/cause.h"
#include "core/base/nearest.h"

/* clang-format off */
#define TEXT(literal) { (literal), sizeof(literal) - 1 }
/* OAuth error codes by their names in causes.def. */
#define OAUTH_NONE { NULL, 0 }
#define OAUTH_INVALID_REQUEST TEXT("invalid_request")
#define OAUTH_INVALID_TOKEN TEXT("invalid_token")
#define OAUTH_INSUFFICIENT_SCOPE TEXT("insufficient_scope")
#define OAUTH_INSUFFICIENT_USER_AUTHENTICATION TEXT("insufficient_user_authentication")
#define OAUTH_INVALID_DPOP_PROOF TEXT("invalid_dpop_proof")
#define OAUTH_USE_DPOP_NONCE TEXT("use_dpop_nonce")
#define OAUTH_INVALID_REQUEST_OBJECT TEXT("invalid_request_object")
#define OAUTH_INVALID_CLIENT TEXT("invalid_client")
#define OAUTH_INVALID_GRANT TEXT("invalid_grant")
#define OAUTH_UNAUTHORIZED_CLIENT TEXT("unauthorized_client")
#define OAUTH_UNSUPPORTED_GRANT_TYPE TEXT("unsupported_grant_type")
#define OAUTH_UNSUPPORTED_RESPONSE_TYPE TEXT("unsupported_response_type")
#define OAUTH_INVALID_SCOPE TEXT("invalid_scope")
#define OAUTH_INVALID_TARGET TEXT("invalid_target")
#define OAUTH_AUTHORIZATION_PENDING TEXT("authorization_pending")
#define OAUTH_SLOW_DOWN TEXT("slow_down")
#define OAUTH_EXPIRED_TOKEN TEXT("expired_token")
#define OAUTH_INTERACTION_REQUIRED TEXT("interaction_required")
#define OAUTH_INVALID_REDIRECT_URI TEXT("invalid_redirect_uri")
#define OAUTH_INVALID_CLIENT_METADATA TEXT("invalid_client_metadata")
#define OAUTH_UNAPPROVED_SOFTWARE_STATEMENT TEXT("unapproved_software_statement")
#define OAUTH_ACCESS_DENIED TEXT("access_denied")
/* clang-format on */

static const struct sp_cause_info rows[SP_CAUSE_COUNT] = {
#define GROUP(first, title)
#define CAUSE(name, id_text, severity_name, component_name, status, error, title_text, explanation_text, fix_text,     \
              client, refs)                                                                                            \
    [SP_CAUSE_##name] = {                                                                                              \
        .id = TEXT(id_text),                                                                                           \
        .severity = SP_SEVERITY_##severity_name,                                                                       \
        .component = SP_COMPONENT_##component_name,                                                                    \
        .http_status = (status),                                                                                       \
        .oauth_error = OAUTH_##error,                                                                                  \
        .title = TEXT(title_text),                                                                                     \
        .explanation = TEXT(explanation_text),                                                                         \
        .fix = TEXT(fix_text),                                                                                         \
        .client_text = TEXT(client),                                                                                   \
        .references = TEXT(refs),                                                                                      \
    },
#include "core/diagnosis/causes.def"
#undef CAUSE
#undef GROUP
};

const struct sp_cause_info *sp_cause_get(enum sp_cause cause)
{
    return &rows[cause > SP_CAUSE_NONE && cause < SP_CAUSE_COUNT ? cause : SP_CAUSE_NONE];
}

enum sp_cause sp_cause_find(struct sp_str id)
{
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        if (sp_str_equal(rows[cause].id, id)) {
            return cause;
        }
    }
    return SP_CAUSE_NONE;
}

enum sp_cause sp_cause_nearest(struct sp_str id)
{
    enum sp_cause nearest = SP_CAUSE_NONE;
    size_t least = SP_NOT_NEAR;
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        size_t distance = sp_nearness(rows[cause].id, id);
        if (distance < least) {
            least = distance;
            nearest = cause;
        }
    }
    return nearest;
}

struct sp_str sp_cause_group(enum sp_cause cause)
{
    static const struct {
        enum sp_cause first;
        struct sp_str title;
    } groups[] = {
#define GROUP(first, title) {SP_CAUSE_##first, TEXT(title)},
#define CAUSE(...)
#include "core/diagnosis/causes.def"
#undef CAUSE
#undef GROUP
    };
    struct sp_str title = SP_STR_NONE;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0] && groups[i].first <= cause; i++) {
        title = groups[i].title;
    }
    return title;
}

struct sp_str sp_severity_name(enum sp_severity severity)
{
    static const struct sp_str names[] = {
        [SP_SEVERITY_INFO] = TEXT("info"), [SP_SEVERITY_WARN] = TEXT("warn"), [SP_SEVERITY_REJECT] = TEXT("reject")};
    return names[severity];
}

struct sp_str sp_component_name(enum sp_component component)
{
    static const struct sp_str names[] = {
        [SP_COMPONENT_AUTHORIZATION_SERVER] = TEXT("authorization-server"),
        [SP_COMPONENT_CLIENT] = TEXT("client"),
        [SP_COMPONENT_RESOURCE_SERVER] = TEXT("resource-server"),
        [SP_COMPONENT_GATEWAY] = TEXT("gateway"),
        [SP_COMPONENT_NETWORK] = TEXT("network"),
        [SP_COMPONENT_CLOCK] = TEXT("clock"),
        [SP_COMPONENT_BROWSER] = TEXT("browser"),
    };
    return names[component];
}
