/* SPDX-License-Identifier: Apache-2.0 */
/* GET /callback/ID: a person comes back from another provider. Nothing is believed before it is compared: the state
 * with the browser's, `iss` with the provider that was asked, the answers by core/diagnosis/client_answers.h. Then the
 * waiting request goes on at /signin as if the person had signed in there.
 *
 *   state, browser, iss, error ─► token endpoint ─► keys ─► ID token ─► userinfo ─► account ─► session
 *
 * A sign-in is used up by its outcome, good or bad: a state that was refused is not tried again. */
#include "authority/assurance.h"
#include "authority/second_step.h"
#include "authority/authorization.h"
#include "authority/denial.h"
#include "authority/endpoint.h"
#include "authority/errand.h"
#include "authority/replay.h"
#include "authority/session.h"
#include "authority/upstream_account.h"
#include "authority/upstream_login.h"
#include "authority/upstream_pages.h"
#include "authority/upstream_sign_out.h"
#include "core/base/secret.h"
#include "core/diagnosis/client_answers.h"
#include "core/diagnosis/document.h"
#include "core/jose/base64url.h"

#define LEEWAY_S 60
#define MAX_AMR_BYTES 100u

struct arrival {
    struct sp_call *call;
    const struct sp_upstream_provider *upstream;
    struct sp_upstream_login login;
    struct sp_str code;
    struct sp_token_response tokens;
    struct sp_upstream_identity identity;
};

static enum sp_step refuse(struct arrival *a, const struct sp_finding *finding)
{
    struct sp_str detail = finding->detail;
    if (finding->reason != SP_CAUSE_NONE)
        detail = sp_arena_printf(a->call->arena, "%.*s: %.*s", SP_STR_ARG(sp_cause_get(finding->reason)->id),
                                 SP_STR_ARG(finding->detail));
    return SP_DENY(a->call, .cause = finding->cause, .expected = finding->expected, .received = finding->received,
                   .detail = detail, .status = 502);
}

/* ---- what came back with the browser ---- */
static enum sp_step check_state(struct arrival *a)
{
    struct sp_call *call = a->call;
    struct sp_str state = sp_call_parameter(call, "state"), browser = sp_browser_hash(call);
    if (state.len == 0)
        return SP_DENY(call, .cause = SP_CAUSE_STATE_MISSING);
    enum sp_status status = sp_upstream_login_find(call, state, &a->login);
    if (status == SP_NOT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_STATE_MISMATCH, .received = sp_str_slice(state, 0, 8),
                       .detail = SP_STR("unknown"));
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (browser.at == NULL || !sp_secret_equal(browser, a->login.browser))
        return SP_DENY(call, .cause = SP_CAUSE_STATE_OTHER_BROWSER,
                       .received = browser.at == NULL ? SP_STR("no cookie") : SP_STR("another cookie"));
    ((struct sp_upstream_failure *)(uintptr_t)call->deny_context)->visit = a->login.visit;
    if (!sp_str_equal(a->login.upstream, a->upstream->id)) /* RFC 9700 4.4.2.2: each has a redirect URI of its own */
        return SP_DENY(call, .cause = SP_CAUSE_CALLBACK_ISSUER_MISMATCH, .expected = a->login.upstream,
                       .received = a->upstream->id);
    if (a->login.expires_at <= call->now)
        return SP_DENY(call, .cause = SP_CAUSE_STATE_EXPIRED,
                       .expected = sp_arena_printf(call->arena, "%d s", SP_UPSTREAM_LOGIN_LIFETIME_S),
                       .received =
                           sp_arena_printf(call->arena, "%lld s ago", (long long)(call->now - a->login.begun_at)));
    return SP_GOES_ON;
}

/* Of two that come back with one state the second is refused, before the code is sent to anybody. */
static enum sp_step use_up(struct arrival *a)
{
    bool fresh = false;
    enum sp_step step = sp_replay_spend(a->call, a->login.hash, a->upstream->client_id, a->login.expires_at, &fresh);
    if (step != SP_GOES_ON || fresh)
        return step;
    return SP_DENY(a->call, .cause = SP_CAUSE_STATE_MISMATCH,
                   .received = sp_str_slice(sp_call_parameter(a->call, "state"), 0, 8),
                   .detail = SP_STR("used before"));
}

static enum sp_step check_issuer(struct arrival *a)
{
    struct sp_str iss = sp_call_parameter(a->call, "iss");
    if (iss.at != NULL && !sp_str_equal(iss, a->upstream->issuer))
        return SP_DENY(a->call, .cause = SP_CAUSE_CALLBACK_ISSUER_MISMATCH, .expected = a->upstream->issuer,
                       .received = sp_str_slice(iss, 0, 300));
    if (iss.at == NULL && a->login.expects_iss)
        return SP_DENY(a->call, .cause = SP_CAUSE_CALLBACK_ISSUER_MISSING, .expected = a->upstream->issuer);
    return SP_GOES_ON;
}

static enum sp_step check_answer(struct arrival *a)
{
    struct sp_call *call = a->call;
    struct sp_str error = sp_call_parameter(call, "error"), description = sp_call_parameter(call, "error_description");
    a->code = sp_call_parameter(call, "code");
    if (error.at != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_CALLBACK_ERROR, .received = sp_str_slice(error, 0, 100),
                       .detail = sp_str_slice(description, 0, 300));
    if (a->code.len == 0)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("code"));
    return SP_GOES_ON;
}

/* ---- what the provider answers ---- */
/* RFC 6749 2.3.1: both are form-encoded first. */
static struct sp_str basic_credentials(struct sp_call *call, const struct sp_upstream_provider *upstream)
{
    struct sp_buffer pair;
    struct sp_str encoded = SP_STR_NONE;
    sp_answer_buffer(call, &pair);
    sp_form_encode(&pair, upstream->client_id);
    sp_buffer_append_char(&pair, ':');
    sp_form_encode(&pair, upstream->client_secret);
    if (sp_buffer_status(&pair) != SP_OK || sp_base64_encode(call->arena, sp_buffer_str(&pair), &encoded) != SP_OK)
        return SP_STR_NONE;
    return sp_arena_printf(call->arena, "Basic %.*s", SP_STR_ARG(encoded));
}

static enum sp_step redeem(struct arrival *a)
{
    struct sp_call *call = a->call;
    const struct sp_fetch_report *report = NULL;
    struct sp_finding finding = {.cause = SP_CAUSE_NONE};
    struct sp_buffer form;
    char separator = '&';
    bool has_secret = a->upstream->client_secret.len > 0, by_header = has_secret && !a->login.posts_secret;
    sp_answer_buffer(call, &form);
    sp_buffer_append(&form, SP_STR("grant_type=authorization_code"));
    sp_form_add(&form, &separator, "code", a->code);
    sp_form_add(&form, &separator, "redirect_uri", sp_upstream_redirect_uri(call, a->upstream));
    sp_form_add(&form, &separator, "code_verifier", a->login.verifier);
    if (!by_header)
        sp_form_add(&form, &separator, "client_id", a->upstream->client_id);
    if (has_secret && !by_header)
        sp_form_add(&form, &separator, "client_secret", a->upstream->client_secret);
    struct sp_http_request request = {
        .url = a->login.token_endpoint,
        .form = sp_buffer_str(&form),
        .authorization = by_header ? basic_credentials(call, a->upstream) : SP_STR_NONE,
    };
    if (sp_buffer_status(&form) != SP_OK || (by_header && request.authorization.at == NULL))
        return sp_deny_failure(call, SP_NO_MEMORY);
    enum sp_step step = sp_errand_http(call, &request, &report);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = sp_token_response_examine(call->arena, report, &a->tokens, &finding);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return finding.cause == SP_CAUSE_NONE ? SP_GOES_ON : refuse(a, &finding);
}

static void release_keys(void *keys)
{
    struct sp_jwk_set *set = keys;
    sp_jwk_set_unref(&set);
}

static enum sp_step fetch_keys(struct arrival *a, const struct sp_jwk_set **keys)
{
    struct sp_call *call = a->call;
    const struct sp_fetch_report *report = NULL;
    struct sp_jwk_set *set = NULL;
    struct sp_document_findings *findings = SP_ARENA_NEW(call->arena, struct sp_document_findings);
    struct sp_http_request request = {.url = a->login.jwks_uri};
    if (findings == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    enum sp_step step = sp_errand_http(call, &request, &report);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status = sp_keys_document_examine(call->arena, report, &set, findings);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (findings->refused || set == NULL)
        return refuse(a, &findings->rows[0]);
    status = sp_arena_defer(call->arena, release_keys, set);
    if (status != SP_OK) {
        sp_jwk_set_unref(&set);
        return sp_deny_failure(call, status);
    }
    *keys = set;
    return SP_GOES_ON;
}

static enum sp_step check_acr(struct arrival *a)
{
    struct sp_str acr = sp_json_string(sp_json_member(a->identity.id_token, SP_STR("acr")));
    if (a->upstream->acr_values.count == 0 || sp_list_has(a->upstream->acr_values, acr))
        return SP_GOES_ON;
    const struct sp_finding finding = {.cause = SP_CAUSE_AUTHENTICATION_TOO_WEAK,
                                       .expected = a->upstream->acr_values.at[0],
                                       .received = acr.at != NULL ? acr : SP_STR("no acr")};
    return refuse(a, &finding);
}

static enum sp_step read_id_token(struct arrival *a)
{
    struct sp_call *call = a->call;
    struct sp_finding finding = {.cause = SP_CAUSE_NONE};
    struct sp_id_token_terms terms = {.issuer = a->upstream->issuer,
                                      .client_id = a->upstream->client_id,
                                      .nonce = a->login.nonce,
                                      .code = a->code,
                                      .access_token = a->tokens.access_token,
                                      .algorithms = sp_algorithms_asymmetric(),
                                      .now = call->now,
                                      .leeway_s = LEEWAY_S};
    enum sp_step step = fetch_keys(a, &terms.keys);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status =
        sp_id_token_examine(call->arena, a->tokens.id_token, &terms, &a->identity.id_token, &finding);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (finding.cause != SP_CAUSE_NONE)
        return refuse(a, &finding);
    a->identity.subject = sp_json_string(sp_json_member(a->identity.id_token, SP_STR("sub")));
    return check_acr(a);
}

static enum sp_step read_userinfo(struct arrival *a)
{
    struct sp_call *call = a->call;
    const struct sp_fetch_report *report = NULL;
    struct sp_finding finding = {.cause = SP_CAUSE_NONE};
    if (!a->upstream->userinfo || a->login.userinfo_endpoint.at == NULL)
        return SP_GOES_ON;
    struct sp_http_request request = {
        .url = a->login.userinfo_endpoint,
        .authorization = sp_arena_printf(call->arena, "Bearer %.*s", SP_STR_ARG(a->tokens.access_token))};
    enum sp_step step = sp_errand_http(call, &request, &report);
    if (step != SP_GOES_ON)
        return step;
    enum sp_status status =
        sp_userinfo_examine(call->arena, report, a->identity.subject, &a->identity.userinfo, &finding);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return finding.cause == SP_CAUSE_NONE ? SP_GOES_ON : refuse(a, &finding);
}

/* ---- what becomes of it here ---- */
/* Its word on how the person signed in there counts as far as the configuration maps it. */
static struct sp_str methods_of(struct arrival *a)
{
    struct sp_buffer words;
    sp_answer_buffer(a->call, &words);
    sp_buffer_append(&words, SP_STR("fed"));
    for
        SP_JSON_EACH(item, sp_json_member(a->identity.id_token, SP_STR("amr")))
        {
            struct sp_str ours = sp_upstream_word(&a->upstream->map_amr, sp_json_string(item));
            if (ours.at != NULL && words.len + ours.len < MAX_AMR_BYTES)
                sp_buffer_printf(&words, " %.*s", SP_STR_ARG(ours));
        }
    return sp_buffer_status(&words) == SP_OK ? sp_buffer_str(&words) : SP_STR_NONE;
}

/* Absent: what the methods are worth. */
static struct sp_str class_of(const struct arrival *a)
{
    return sp_upstream_word(&a->upstream->map_acr, sp_json_string(sp_json_member(a->identity.id_token, SP_STR("acr"))));
}

/* When the person was asked there, at the latest; 0: it does not tell. Whoever was told to ask again did (OIDC Core
 * 3.1.2.1) after we sent the person there; nobody was asked in the future. */
static int64_t auth_time_of(const struct arrival *a, const struct sp_upstream_demand *demand)
{
    int64_t told = 0, now = a->call->now;
    const struct sp_json *claim = sp_json_member(a->identity.id_token, SP_STR("auth_time"));
    if (sp_json_int64(claim, &told) == SP_OK && told > 0 && told <= now + LEEWAY_S)
        return told < now ? told : now;
    return claim == NULL && demand->again ? a->login.begun_at : 0;
}

/* It was asked for a login that is no older; a provider that passes this over must not decide how fresh one is here. */
static enum sp_step check_age(struct arrival *a, const struct sp_upstream_demand *demand, int64_t auth_time)
{
    struct sp_arena *arena = a->call->arena;
    bool is_told = sp_json_member(a->identity.id_token, SP_STR("auth_time")) != NULL;
    int64_t oldest = a->login.begun_at - LEEWAY_S - (demand->again ? 0 : demand->max_age_s);
    if (!demand->again && demand->max_age_s < 0)
        return SP_GOES_ON;
    if (auth_time >= oldest && (is_told || demand->max_age_s < 0))
        return SP_GOES_ON;
    const struct sp_finding finding = {
        .cause = SP_CAUSE_AUTHENTICATION_TOO_OLD,
        .expected = demand->again ? SP_STR("a login now")
                                  : sp_arena_printf(arena, "a login at most %lld s ago", (long long)demand->max_age_s),
        .received = is_told ? sp_arena_printf(arena, "auth_time %lld s ago", (long long)(a->call->now - auth_time))
                            : SP_STR("no auth_time")};
    return refuse(a, &finding);
}

static enum sp_step back_to_sign_in(struct arrival *a)
{
    struct sp_call *call = a->call;
    call->answer.status = 303;
    sp_answer_header(call, "Location",
                     sp_arena_printf(call->arena, "%.*s?visit=%.*s", SP_STR_ARG(sp_authority_url(call, "/signin")),
                                     SP_STR_ARG(a->login.visit)));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}

static enum sp_step start_session(struct arrival *a, const struct sp_account *account, struct sp_visit *visit)
{
    struct sp_call *call = a->call;
    struct sp_session session;
    struct sp_upstream_demand demand;
    enum sp_status status = sp_upstream_demand_of(call, visit, &demand);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_session known = {.subject = account->id,
                               .amr = methods_of(a),
                               .acr = class_of(a),
                               .auth_time = auth_time_of(a, &demand),
                               .origin = {.upstream = a->upstream->id,
                                          .issuer = a->upstream->issuer,
                                          .subject = a->identity.subject,
                                          .sid = sp_json_string(sp_json_member(a->identity.id_token, SP_STR("sid"))),
                                          .end_session_endpoint = a->login.end_session_endpoint}};
    if (known.amr.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (a->login.end_session_endpoint.at != NULL)
        status = sp_upstream_hint_seal(call, account->id, a->tokens.id_token, &known.origin.hint);
    if (status == SP_OK)
        status = sp_upstream_remember_keys(call, a->upstream, a->login.jwks_uri);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (check_age(a, &demand, known.auth_time) != SP_GOES_ON)
        return SP_DENIED;
    /* What the upstream asked for may be a second step, as far as its word is mapped; else ours follows, as after a
     * password. */
    bool due = false;
    if (!sp_assurance_covers(known.acr.at != NULL ? known.acr : sp_assurance_of(known.amr),
                             sp_assurance_of(SP_STR("mfa"))))
        status = sp_second_step_is_due(call, account->id, &due);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (due) {
        known.amr = SP_STR("fed"); /* what is shown here decides */
        return sp_second_step_begin(call, visit, &known, &session) == SP_GOES_ON ? back_to_sign_in(a) : SP_DENIED;
    }
    status = sp_session_start_as(call, &known, &session);
    if (status == SP_OK)
        status = sp_visit_mark_signed_in(call, visit, session.subject);
    return status == SP_OK ? back_to_sign_in(a) : sp_deny_failure(call, status);
}

static enum sp_step welcome(struct sp_call *call, void *context)
{
    struct arrival *a = context;
    struct sp_account account;
    struct sp_visit visit;
    enum sp_visit_found found = SP_VISIT_GONE;
    a->identity.upstream = a->upstream;
    enum sp_status status = sp_visit_find_by_handle(call, a->login.visit, &visit, &found);
    if (status == SP_OK && found != SP_VISIT_FOUND)
        return SP_DENY(call, .cause = SP_CAUSE_STATE_EXPIRED, .expected = SP_STR("a request that waits"),
                       .received = SP_STR("long ago"));
    if (status == SP_OK)
        status = sp_upstream_account(call, &a->identity, &account);
    if (status == SP_OK && account.disabled)
        return SP_DENY(call, .cause = SP_CAUSE_LOGIN_UPSTREAM_UNKNOWN, .received = account.name,
                       .detail = SP_STR("Its account is disabled."), .status = 403);
    if (status == SP_OK) {
        call->subject = account.id;
        return start_session(a, &account, &visit);
    }
    if (status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    visit.link = sp_upstream_identity_id(call->arena, &a->identity);
    if (a->upstream->newcomers == SP_NEWCOMER_REFUSE)
        return SP_DENY(call, .cause = SP_CAUSE_LOGIN_UPSTREAM_UNKNOWN, .received = visit.link, .status = 403);
    status = visit.link.at != NULL ? sp_visit_change(call, &visit) : SP_NO_MEMORY;
    return status == SP_OK ? back_to_sign_in(a) : sp_deny_failure(call, status);
}

/* The answers that come from outside; nothing is written yet. */
static enum sp_step learn(struct arrival *a)
{
    enum sp_step (*const steps[])(struct arrival *) = {check_state, use_up,        check_issuer, check_answer,
                                                       redeem,      read_id_token, read_userinfo};
    enum sp_step step = SP_GOES_ON;
    for (size_t i = 0; step == SP_GOES_ON && i < sizeof steps / sizeof steps[0]; i++)
        step = steps[i](a);
    return step;
}

enum sp_step sp_upstream_callback_endpoint(struct sp_call *call)
{
    struct arrival a = {.call = call};
    struct sp_upstream_failure *failure = SP_ARENA_NEW(call->arena, struct sp_upstream_failure);
    call->deny = sp_denial_page;
    a.upstream = sp_upstream_find(call->authority->settings, sp_call_last_segment(call));
    if (failure == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (a.upstream == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN, .received = call->asked.path);
    failure->upstream = a.upstream;
    call->deny = sp_upstream_failure_page;
    call->deny_context = failure;
    enum sp_step step = learn(&a);
    return step == SP_GOES_ON ? sp_call_in_write(call, welcome, &a) : step;
}
