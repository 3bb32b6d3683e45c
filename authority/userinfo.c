/* SPDX-License-Identifier: Apache-2.0 */
/* OIDC Core 5.3: what the presented access token lets the client know of the person, by its scopes and by name. */
#include "authority/access_token.h"
#include "authority/claims.h"
#include "authority/client_certificate.h"
#include "authority/client_directory.h"
#include "authority/denial.h"
#include "authority/dpop.h"
#include "authority/endpoint.h"
#include "authority/fapi2.h"
#include "authority/key_ring.h"
#include "authority/refused_token.h"
#include "authority/scope.h"
#include "authority/subject.h"
#include "core/diagnosis/cause.h"
#include "core/diagnosis/credential.h"
#include "core/oauth/dpop_proof.h"

/* The scheme of the only Authorization header, whether or not what follows is a token. */
static bool is_dpop(const struct sp_call *call)
{
    struct sp_str header = call->asked.authorization;
    return header.len > 5 && sp_str_equal_ignoring_case(sp_str_slice(header, 0, 5), SP_STR("DPoP "));
}

/* RFC 9449 7.1: what the client may sign its next proof with. */
static struct sp_str algs_of(struct sp_call *call)
{
    const struct sp_client *client = sp_client_find(call->authority->settings, call->client_id);
    const uint32_t set = client != NULL && client->is_fapi2 ? sp_fapi2_algorithms() : sp_dpop_algorithms();
    return sp_arena_printf(call->arena, "algs=\"%.*s\"", SP_STR_ARG(sp_algorithms_spaced(call->arena, set)));
}

/* RFC 6750 3: says what is wrong; and where nothing was presented, no more than what may be. */
static struct sp_str challenge_for(struct sp_call *call, const struct sp_denial *denial)
{
    const bool wants_proof = is_dpop(call) || denial->cause == SP_CAUSE_BINDING_DPOP_MISSING;
    if (denial->cause == SP_CAUSE_TOKEN_MISSING || denial->cause == SP_CAUSE_TOKEN_IN_QUERY)
        return sp_arena_printf(call->arena, "Bearer realm=\"authority\", DPoP %.*s", SP_STR_ARG(algs_of(call)));
    struct sp_str error =
        sp_arena_printf(call->arena, "%s error=\"%s\", error_description=\"%.*s\"", wants_proof ? "DPoP" : "Bearer",
                        sp_denial_error(denial), SP_STR_ARG(sp_denial_description(call, denial)));
    return wants_proof ? sp_arena_printf(call->arena, "%.*s, %.*s", SP_STR_ARG(error), SP_STR_ARG(algs_of(call)))
                       : error;
}

static enum sp_step deny_bearer(struct sp_call *call, const struct sp_denial *denial)
{
    const struct sp_cause_info *info = sp_cause_get(denial->cause);
    const struct sp_str challenge = challenge_for(call, denial);
    call->answer.status = denial->status != 0 ? denial->status : info->http_status;
    sp_answer_header(call, "WWW-Authenticate", challenge);
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_DENIED;
}

static enum sp_step deny_token(struct sp_call *call, const struct sp_finding *why)
{
    bool is_request = why->cause == SP_CAUSE_TOKEN_DUPLICATED;
    return SP_DENY(call, .cause = why->cause, .expected = why->expected, .received = why->received,
                   .detail = why->detail, .error = is_request ? "invalid_request" : "invalid_token",
                   .status = is_request ? 400 : 401);
}

/* RFC 6750 2: from exactly one place, which may be the form of a POST (2.2). What stands in the URL counts for nothing
 * (OAuth 2.1 5.1); where nothing else came, the log names it. */
static enum sp_step take_presented(struct sp_call *call, struct sp_str *value)
{
    bool is_post = sp_str_equal(call->asked.method, SP_STR("POST"));
    struct sp_str in_form = is_post ? sp_call_parameter(call, "access_token") : SP_STR_NONE;
    const struct sp_str twice[] = {call->asked.authorization, SP_STR("")};
    const struct sp_presented presented = {
        .authorization = {twice, call->asked.authorization_count < 2 ? call->asked.authorization_count : 2},
        .query = call->asked.authorization_count == 0 && in_form.at == NULL ? call->asked.query : SP_STR_NONE,
        .accepts_bearer = true,
        .accepts_dpop = true};
    struct sp_credential credential = {.kind = SP_CREDENTIAL_NONE};
    struct sp_finding finding;
    enum sp_cause cause = sp_credential_find(&presented, &credential, &finding);
    if (in_form.at != NULL && call->asked.authorization_count == 0) {
        *value = in_form;
        return SP_GOES_ON;
    }
    if (in_form.at != NULL)
        finding = (struct sp_finding){.cause = cause = SP_CAUSE_TOKEN_DUPLICATED,
                                      .expected = SP_STR("one credential"),
                                      .received = SP_STR("the form and a header")};
    if (cause != SP_CAUSE_NONE)
        return deny_token(call, &finding);
    *value = credential.value;
    return SP_GOES_ON;
}

/* RFC 9449 7.1: that scheme is for bound tokens, and never without a proof. */
static enum sp_step refuse_unbound(struct sp_call *call)
{
    if (call->asked.dpop_count == 0)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_MISSING, .received = SP_STR("without a DPoP header"));
    return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_INVALID,
                   .expected = SP_STR("a token bound to the proof's key (cnf.jkt)"),
                   .received = SP_STR("a token that is bound to no key"), .detail = SP_STR("jkt"), .status = 401);
}

/* RFC 8705 3: over a connection with its certificate. RFC 9449 7: with a proof of its key, under its own scheme. */
static enum sp_step check_binding(struct sp_call *call, struct sp_str value, const struct sp_live_token *token)
{
    const struct sp_json *cnf = sp_json_member(token->claims, SP_STR("cnf"));
    struct sp_str jkt = sp_json_string(sp_json_member(cnf, SP_STR("jkt")));
    if (sp_client_certificate_check_bound(call, sp_json_string(sp_json_member(cnf, SP_STR("x5t#S256")))) != SP_GOES_ON)
        return SP_DENIED;
    if (jkt.at == NULL)
        return is_dpop(call) ? refuse_unbound(call) : SP_GOES_ON;
    if (!is_dpop(call) || call->asked.dpop_count == 0)
        return SP_DENY(call, .cause = SP_CAUSE_BINDING_DPOP_MISSING,
                       .received = is_dpop(call) ? SP_STR("without a DPoP header") : SP_STR("as a bearer token"));
    const struct sp_client *client = NULL;
    if (sp_client_look_up(call, call->client_id, &client) != SP_GOES_ON)
        return SP_DENIED;
    return sp_dpop_take(
        call, &(struct sp_dpop_terms){.path = "/userinfo", .client = client, .access_token = value, .jkt = jkt});
}

/* OIDC Core 5.3.2: a JWT with iss and aud, when the client is registered for one. */
static enum sp_step answer_signed(struct sp_call *call, const struct sp_client *client, const struct sp_buffer *claims)
{
    struct sp_str jws = SP_STR_NONE;
    enum sp_status status = sp_buffer_status(claims);
    if (status == SP_OK)
        status = sp_key_ring_sign(call->authority->keys, call->arena, client->userinfo_algorithm, "JWT",
                                  sp_buffer_str(claims), call->now, &jws);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->answer.status = 200;
    call->answer.content_type = "application/jwt";
    call->answer.body = jws;
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    return SP_GOES_ON;
}

static enum sp_step answer_claims(struct sp_call *call, const struct sp_account *account,
                                  const struct sp_live_token *token)
{
    const struct sp_client *client = sp_client_look_up_or_none(call, call->client_id);
    bool is_signed = client != NULL && client->userinfo_algorithm != SP_ALGORITHM_UNKNOWN;
    const struct sp_json *claims = NULL;
    enum sp_status status = sp_claims_of_account(call, account, &claims);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_answer_buffer(call, &buffer);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "sub", sp_json_string(sp_json_member(token->claims, SP_STR("sub"))));
    if (is_signed) {
        sp_json_string_member(&json, "iss", call->authority->settings->issuer);
        sp_json_string_member(&json, "aud", client->id);
    }
    sp_claims_write(&json, call->authority->settings, claims,
                    &(const struct sp_claims_wish){
                        .scope = sp_json_string(sp_json_member(token->claims, SP_STR("scope"))),
                        .names = sp_json_string(sp_json_member(token->claims, SP_STR("userinfo_claims"))),
                        .in = SP_TOLD_IN_USERINFO});
    sp_json_end_object(&json);
    if (is_signed)
        return answer_signed(call, client, &buffer);
    sp_answer_json(call, 200, &buffer);
    return SP_GOES_ON;
}

enum sp_step sp_userinfo_endpoint(struct sp_call *call)
{
    struct sp_store *store = call->authority->store;
    struct sp_str value;
    struct sp_live_token token;
    struct sp_account account;
    enum sp_cause cause = SP_CAUSE_NONE;
    call->deny = deny_bearer;
    if (take_presented(call, &value) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = sp_access_token_find(call, value, &token, &cause);
    if (status == SP_NOT_FOUND) {
        const struct sp_finding why = sp_refused_token_judge(call, value, &token, cause);
        return deny_token(call, &why);
    }
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->client_id = sp_json_string(sp_json_member(token.claims, SP_STR("client_id")));
    if (check_binding(call, value, &token) != SP_GOES_ON)
        return SP_DENIED;
    struct sp_str scope = sp_json_string(sp_json_member(token.claims, SP_STR("scope")));
    status = sp_subject_account(call, sp_json_string(sp_json_member(token.claims, SP_STR("sub"))), &call->subject);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!sp_scope_has(scope, SP_STR("openid")))
        return SP_DENY(call, .cause = SP_CAUSE_SCOPE_MISSING, .expected = SP_STR("openid"), .received = scope);
    status = store->methods->get_account(store, call->subject, call->arena, &account);
    if (status == SP_NOT_FOUND && sp_json_member(token.claims, SP_STR("auth_time")) == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_TOKEN_OF_NO_PERSON,
                       .expected = SP_STR("a token that a person's login gave"), .received = call->subject);
    if (status == SP_NOT_FOUND || (status == SP_OK && account.disabled))
        return SP_DENY(call, .cause = SP_CAUSE_TOKEN_REVOKED, .expected = SP_STR("an account that exists"),
                       .received = call->subject, .detail = SP_STR("Its account was disabled or removed."),
                       .error = "invalid_token", .status = 401);
    return status == SP_OK ? answer_claims(call, &account, &token) : sp_deny_failure(call, status);
}
