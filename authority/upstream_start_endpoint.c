/* SPDX-License-Identifier: Apache-2.0 */
/* GET /upstream/ID?visit=…: sends the person of a waiting request to another provider. What its metadata say now is
 * kept with the sign-in, which ends with the same endpoints. */
#include "authority/authorization.h"
#include "authority/endpoint.h"
#include "authority/errand.h"
#include "authority/handle.h"
#include "authority/sign_in_pages.h"
#include "authority/throttle.h"
#include "authority/upstream_login.h"
#include "authority/upstream_pages.h"
#include "core/base/url.h"
#include "core/diagnosis/document.h"
#include "core/jose/crypto.h"

static enum sp_step refuse(struct sp_call *call, const struct sp_finding *finding)
{
    struct sp_str detail = finding->detail;
    if (finding->reason != SP_CAUSE_NONE)
        detail = sp_arena_printf(call->arena, "%.*s: %.*s", SP_STR_ARG(sp_cause_get(finding->reason)->id),
                                 SP_STR_ARG(finding->detail));
    return SP_DENY(call, .cause = finding->cause, .expected = finding->expected, .received = finding->received,
                   .detail = detail, .status = 502);
}

/* An endpoint to which a person or a secret is sent: there, and https (or loopback). */
static bool is_endpoint(const struct sp_json *json, const char *name, struct sp_str *endpoint,
                        struct sp_finding *finding)
{
    struct sp_url url;
    struct sp_str text = sp_json_string(sp_json_member(json, sp_str_from_cstr(name)));
    bool is_url = text.at != NULL && sp_url_split(text, &url) == SP_OK && !sp_str_contains(text, SP_STR("#"));
    *endpoint = SP_STR_NONE;
    if (is_url && sp_url_is_secure(&url)) {
        *endpoint = text;
        return true;
    }
    *finding =
        (struct sp_finding){.cause = is_url ? SP_CAUSE_DISCOVERY_INSECURE_ENDPOINT : SP_CAUSE_DISCOVERY_MISSING_MEMBER,
                            .expected = sp_str_from_cstr(name),
                            .received = text,
                            .detail = sp_str_from_cstr(name)};
    return false;
}

static bool lists_only_post(const struct sp_json *json)
{
    const struct sp_json *methods = sp_json_member(json, SP_STR("token_endpoint_auth_methods_supported"));
    bool post = false;
    for
        SP_JSON_EACH(method, methods)
        {
            if (sp_str_equal(sp_json_string(method), SP_STR("client_secret_basic")))
                return false;
            post = post || sp_str_equal(sp_json_string(method), SP_STR("client_secret_post"));
        }
    return post;
}

static enum sp_step discover(struct sp_call *call, const struct sp_upstream_provider *upstream,
                             struct sp_upstream_login *login, struct sp_str *authorization_endpoint)
{
    const struct sp_fetch_report *report = NULL;
    struct sp_metadata metadata;
    struct sp_finding finding;
    struct sp_document_findings *findings = SP_ARENA_NEW(call->arena, struct sp_document_findings);
    struct sp_http_request request = {.url =
                                          sp_metadata_url(call->arena, upstream->issuer, SP_METADATA_OPENID_APPENDED)};
    if (findings == NULL || request.url.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    enum sp_step step = sp_errand_http(call, &request, &report);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = sp_metadata_examine(call->arena, report, upstream->issuer, &metadata, findings);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    /* Keys may be taken from a server that writes its own name otherwise; people are not sent to one. */
    for (size_t i = 0; i < findings->count; i++)
        if ((i == 0 && findings->refused) || findings->rows[i].cause == SP_CAUSE_DISCOVERY_ISSUER_MISMATCH)
            return refuse(call, &findings->rows[i]);
    if (!is_endpoint(metadata.json, "authorization_endpoint", authorization_endpoint, &finding) ||
        !is_endpoint(metadata.json, "token_endpoint", &login->token_endpoint, &finding) ||
        !is_endpoint(metadata.json, "jwks_uri", &login->jwks_uri, &finding))
        return refuse(call, &finding);
    (void)is_endpoint(metadata.json, "userinfo_endpoint", &login->userinfo_endpoint, &finding);
    if (upstream->sign_out)
        (void)is_endpoint(metadata.json, "end_session_endpoint", &login->end_session_endpoint, &finding);
    login->expects_iss = sp_json_is(
        sp_json_member(metadata.json, SP_STR("authorization_response_iss_parameter_supported")), SP_JSON_TRUE);
    login->posts_secret = lists_only_post(metadata.json);
    return SP_GOES_ON;
}

static struct sp_str join(struct sp_call *call, struct sp_str_list words)
{
    struct sp_buffer text;
    sp_answer_buffer(call, &text);
    for (size_t i = 0; i < words.count; i++) {
        if (i > 0)
            sp_buffer_append_char(&text, ' ');
        sp_buffer_append(&text, words.at[i]);
    }
    return sp_buffer_str(&text);
}

static struct sp_str scopes_of(struct sp_call *call, const struct sp_upstream_provider *upstream)
{
    struct sp_str scopes = join(call, upstream->scopes);
    return sp_list_has(upstream->scopes, SP_STR("openid"))
               ? scopes
               : sp_arena_printf(call->arena, "openid %.*s", SP_STR_ARG(scopes));
}

static void redirect(struct sp_call *call, const struct sp_upstream_provider *upstream,
                     const struct sp_upstream_demand *demand, const struct sp_upstream_login *login,
                     struct sp_str endpoint, struct sp_str state)
{
    unsigned char digest[32];
    sp_sha256(login->verifier, digest);
    const struct {
        const char *name;
        struct sp_str value;
    } parameters[] = {
        {"response_type", SP_STR("code")},
        {"client_id", upstream->client_id},
        {"redirect_uri", sp_upstream_redirect_uri(call, upstream)},
        {"scope", scopes_of(call, upstream)},
        {"state", state},
        {"nonce", login->nonce},
        {"code_challenge", sp_base64url_of(call->arena, digest, sizeof digest)},
        {"code_challenge_method", SP_STR("S256")},
        {"prompt", demand->again ? SP_STR("login") : SP_STR_NONE},
        {"max_age", demand->max_age},
        {"login_hint", demand->hint},
        {"acr_values", upstream->acr_values.count > 0 ? join(call, upstream->acr_values) : SP_STR_NONE},
        {"ui_locales", sp_language_tag(sp_call_language(call))},
    };
    struct sp_buffer url;
    char separator = sp_str_contains(endpoint, SP_STR("?")) ? '&' : '?';
    sp_answer_buffer(call, &url);
    sp_buffer_append(&url, endpoint);
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        if (parameters[i].value.at != NULL)
            sp_form_add(&url, &separator, parameters[i].name, parameters[i].value);
    call->answer.status = 303;
    sp_answer_header(call, "Location", sp_buffer_str(&url));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    sp_answer_header(call, "Referrer-Policy", SP_STR("no-referrer"));
}

struct leaving {
    struct sp_upstream_login login;
    struct sp_str state;
};

static enum sp_step put_login(struct sp_call *call, void *context)
{
    struct leaving *leaving = context;
    enum sp_status status = sp_upstream_login_put(call, &leaving->login, &leaving->state);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

static enum sp_step start(struct sp_call *call, const struct sp_upstream_provider *upstream,
                          const struct sp_visit *visit)
{
    struct sp_str endpoint = SP_STR_NONE;
    struct leaving leaving = {.login = {.upstream = upstream->id, .visit = visit->handle}};
    struct sp_upstream_login *login = &leaving.login;
    struct sp_upstream_demand demand;
    enum sp_status status = sp_upstream_demand_of(call, visit, &demand);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    enum sp_step step = sp_throttle_check(call, SP_THROTTLE_UPSTREAM);
    if (step == SP_GOES_ON)
        step = discover(call, upstream, login, &endpoint);
    if (step != SP_GOES_ON)
        return step;
    login->nonce = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    login->verifier = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    login->browser = sp_browser_hash(call);
    step = sp_call_in_write(call, put_login, &leaving);
    if (step != SP_GOES_ON)
        return step;
    sp_throttle_fail(call, SP_THROTTLE_UPSTREAM);
    redirect(call, upstream, &demand, login, endpoint, leaving.state);
    return SP_GOES_ON;
}

enum sp_step sp_upstream_start_endpoint(struct sp_call *call)
{
    struct sp_visit visit;
    enum sp_visit_found found = SP_VISIT_GONE;
    struct sp_upstream_failure *failure = SP_ARENA_NEW(call->arena, struct sp_upstream_failure);
    const struct sp_upstream_provider *upstream =
        sp_upstream_find(call->authority->settings, sp_call_last_segment(call));
    call->deny = sp_denial_page;
    if (failure == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (upstream == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN, .received = call->asked.path);
    enum sp_status status = sp_visit_find(call, &visit, &found);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (found != SP_VISIT_FOUND)
        return sp_lost_page(call, found);
    *failure = (struct sp_upstream_failure){.upstream = upstream, .visit = visit.handle};
    call->deny = sp_upstream_failure_page;
    call->deny_context = failure;
    return start(call, upstream, &visit);
}
