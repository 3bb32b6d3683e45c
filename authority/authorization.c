/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/authorization.h"

#include "authority/denial.h"
#include "authority/id_token.h"
#include "authority/page.h"
#include "authority/claims.h"
#include "authority/scope.h"
#include "authority/subject.h"
#include "authority/client_directory.h"
#include "core/diagnosis/redirect_uri.h"

#define MAX_ECHOED_BYTES 4096u

/* ---- reading ---- */
static enum sp_step read_client(struct sp_call *call, struct sp_authorization *a)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_str id = sp_call_parameter(call, "client_id");
    if (id.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("client_id"),
                       .tell = SP_STR("It is 'client_id'."));
    call->client_id = id;
    enum sp_step step = sp_client_look_up(call, id, &a->client);
    if (step != SP_GOES_ON || a->client != NULL)
        return step;
    const struct sp_client *nearest = sp_client_nearest(settings, id);
    return SP_DENY(call, .cause = SP_CAUSE_CLIENT_UNKNOWN, .received = id, .status = 400,
                   .expected = nearest != NULL ? nearest->id : SP_STR("a registered client_id"));
}

static struct sp_str other_client_of(const struct sp_call *call, const struct sp_client *mine, struct sp_str uri)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    for (size_t i = 0; i < settings->client_count; i++)
        if (&settings->clients[i] != mine && sp_list_has(settings->clients[i].redirect_uris, uri))
            return settings->clients[i].id;
    return SP_STR_NONE;
}

static enum sp_step refuse_redirect_uri(struct sp_call *call, const struct sp_client *client, struct sp_str uri)
{
    bool was_https = sp_str_equal_ignoring_case(call->asked.forwarded_proto, SP_STR("https"));
    struct sp_redirect_uri_finding found = sp_redirect_uri_explain(call->arena, client->redirect_uris, uri, was_https);
    struct sp_str other = other_client_of(call, client, uri);
    if (other.at != NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REDIRECT_URI_OTHER_CLIENT, .expected = client->id, .received = uri,
                       .detail = other);
    return SP_DENY(call, .cause = found.cause, .expected = found.nearest.at != NULL ? found.nearest : client->id,
                   .received = uri);
}

static enum sp_step read_redirect_uri(struct sp_call *call, struct sp_authorization *a)
{
    struct sp_str uri = sp_call_parameter(call, "redirect_uri");
    const struct sp_client *client = a->client;
    a->redirect_uri_sent = uri.at != NULL;
    /* OAuth lets it be left out, OpenID Connect (Core 3.1.2.1) and FAPI 2.0 (5.3.2.2) do not. */
    bool may_lack = !client->is_fapi2 && !sp_scope_has(sp_call_parameter(call, "scope"), SP_STR("openid"));
    if (uri.at == NULL && client->redirect_uris.count == 1 && may_lack)
        uri = client->redirect_uris.at[0];
    if (uri.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REDIRECT_URI_MISSING, .expected = SP_STR("redirect_uri"),
                       .received = sp_list_in_words(call->arena, client->redirect_uris, "none"));
    if (!sp_redirect_uri_is_registered(client->redirect_uris, uri, client->is_native))
        return refuse_redirect_uri(call, client, uri);
    a->redirect_uri = uri;
    return SP_GOES_ON;
}

static enum sp_step refuse_value(struct sp_call *call, const char *name, struct sp_str value, const char *expected,
                                 const char *error)
{
    return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .expected = sp_str_from_cstr(expected),
                   .received = sp_arena_printf(call->arena, "%s=%.*s", name, SP_STR_ARG(sp_str_slice(value, 0, 200))),
                   .error = error, .tell = sp_arena_printf(call->arena, "It is '%s'.", name));
}

/* False, and nothing changed, when there is no such mode. */
static bool find_mode(struct sp_str name, enum sp_response_mode *mode)
{
    static const struct {
        struct sp_str name;
        enum sp_response_mode mode;
    } modes[] = {{{"query", 5}, SP_RESPONSE_QUERY},
                 {{"fragment", 8}, SP_RESPONSE_FRAGMENT},
                 {{"form_post", 9}, SP_RESPONSE_FORM_POST}};
    for (size_t i = 0; i < 3; i++)
        if (sp_str_equal(name, modes[i].name)) {
            *mode = modes[i].mode;
            return true;
        }
    return false;
}

static enum sp_step read_mode(struct sp_call *call, struct sp_authorization *a)
{
    struct sp_str name = sp_call_parameter(call, "response_mode");
    if (name.at == NULL || find_mode(name, &a->mode))
        return SP_GOES_ON;
    return refuse_value(call, "response_mode", name, "query, fragment or form_post", NULL);
}

static bool is_base64url(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* RFC 7636 4.1: the verifier itself; 43 to 128 unreserved characters. */
static enum sp_step read_plain_challenge(struct sp_call *call, struct sp_authorization *a, struct sp_str challenge)
{
    bool is_unreserved = true;
    for (size_t i = 0; i < challenge.len; i++)
        is_unreserved = is_unreserved && (is_base64url(sp_str_slice(challenge, i, i + 1)) || challenge.at[i] == '.' ||
                                          challenge.at[i] == '~');
    if (!is_unreserved || challenge.len < 43 || challenge.len > 128)
        return refuse_value(call, "code_challenge", SP_STR("a plain one that cannot be"),
                            "43 to 128 unreserved characters", NULL);
    a->challenge = challenge;
    a->challenge_is_plain = true;
    return SP_GOES_ON;
}

static enum sp_step read_challenge(struct sp_call *call, struct sp_authorization *a)
{
    struct sp_str challenge = sp_call_parameter(call, "code_challenge"),
                  method = sp_call_parameter(call, "code_challenge_method");
    if (challenge.at == NULL && (a->client->require_pkce || sp_client_is_public(a->client)))
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_REQUIRED,
                       .expected = SP_STR("code_challenge with code_challenge_method=S256"));
    if (challenge.at == NULL)
        return SP_GOES_ON;
    bool is_plain = method.at == NULL || sp_str_equal(method, SP_STR("plain"));
    if (is_plain && a->client->allow_plain_pkce)
        return read_plain_challenge(call, a, challenge);
    if (!sp_str_equal(method, SP_STR("S256")))
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_PLAIN_NOT_ALLOWED, .expected = SP_STR("S256"),
                       .received =
                           method.at != NULL ? method : SP_STR("plain (the default without code_challenge_method)"));
    if (!is_base64url(challenge))
        return SP_DENY(call, .cause = SP_CAUSE_PKCE_CHALLENGE_PADDED, .expected = SP_STR("43 characters of base64url"),
                       .received = challenge, .error = "invalid_request");
    if (challenge.len != 43)
        return refuse_value(call, "code_challenge", challenge, "43 characters: base64url of a SHA-256", NULL);
    a->challenge = challenge;
    return SP_GOES_ON;
}

static enum sp_step read_prompt(struct sp_call *call, struct sp_authorization *a)
{
    struct sp_str rest = sp_call_parameter(call, "prompt"), word, whole = rest;
    unsigned count = 0;
    for (; sp_str_next_word(&rest, SP_STR(" "), &word); count++) {
        if (sp_str_equal(word, SP_STR("none")))
            a->prompt_none = true;
        else if (sp_str_equal(word, SP_STR("login")))
            a->prompt_login = true;
        else if (sp_str_equal(word, SP_STR("select_account")))
            a->prompt_select = true;
        else if (sp_str_equal(word, SP_STR("consent")))
            a->prompt_consent = true;
        else
            return refuse_value(call, "prompt", whole, "none, login, consent or select_account", NULL);
    }
    if (a->prompt_none && count > 1)
        return refuse_value(call, "prompt", whole, "none alone, or the others", NULL);
    struct sp_str max_age = sp_call_parameter(call, "max_age");
    a->max_age_s = a->client->has_default_max_age ? a->client->default_max_age_s : -1;
    if (max_age.at == NULL)
        return SP_GOES_ON;
    a->max_age_s = 0;
    for (size_t i = 0; i < max_age.len; i++) {
        if (max_age.at[i] < '0' || max_age.at[i] > '9' || i > 9)
            return refuse_value(call, "max_age", max_age, "seconds", NULL);
        a->max_age_s = a->max_age_s * 10 + (max_age.at[i] - '0');
    }
    return SP_GOES_ON;
}

static enum sp_step read_hint(struct sp_call *call, struct sp_authorization *a)
{
    const struct sp_json *claims = NULL;
    enum sp_status status = sp_id_token_read_hint(call, &claims);
    if (status == SP_OK && claims == NULL)
        return SP_GOES_ON;
    if (status == SP_NOT_FOUND)
        return refuse_value(call, "id_token_hint", SP_STR("a token that is not ours"),
                            "an id_token that this issuer signed", NULL);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    status = sp_subject_account(call, sp_json_string(sp_json_member(claims, SP_STR("sub"))), &a->hint_subject);
    return status == SP_OK ? SP_GOES_ON : sp_deny_failure(call, status);
}

#define MAX_ACR_VALUES 32u

static enum sp_step add_acr(struct sp_call *call, struct sp_acr_wish *wish, struct sp_str value)
{
    struct sp_str *values = (struct sp_str *)(uintptr_t)wish->values.at; /* ours: from here */
    if (values == NULL)
        values = sp_arena_calloc(call->arena, MAX_ACR_VALUES, sizeof *values);
    if (values == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (value.len > 0 && wish->values.count < MAX_ACR_VALUES)
        values[wish->values.count++] = value;
    wish->values.at = values;
    return SP_GOES_ON;
}

/* The claims parameter's word on acr comes before acr_values: it can be essential (OIDC Core 5.5.1.1). */
static enum sp_step read_acr(struct sp_call *call, struct sp_authorization *a)
{
    const struct sp_json *claim = sp_json_member(a->claims.id_token, SP_STR("acr")),
                         *one = sp_json_member(claim, SP_STR("value"));
    a->acr.essential = sp_json_is(sp_json_member(claim, SP_STR("essential")), SP_JSON_TRUE);
    if (one != NULL && add_acr(call, &a->acr, sp_json_string(one)) != SP_GOES_ON)
        return SP_DENIED;
    for
        SP_JSON_EACH(value, sp_json_member(claim, SP_STR("values")))
    if (add_acr(call, &a->acr, sp_json_string(value)) != SP_GOES_ON)
        return SP_DENIED;
    if (a->acr.values.count > 0)
        return SP_GOES_ON;
    struct sp_str rest = sp_call_parameter(call, "acr_values"), word;
    a->acr.essential = false;
    while (sp_str_next_word(&rest, SP_STR(" "), &word))
        if (add_acr(call, &a->acr, word) != SP_GOES_ON)
            return SP_DENIED;
    if (a->acr.values.count == 0) /* OIDC Registration 2: what the client wishes otherwise */
        a->acr.values = a->client->default_acr_values;
    return SP_GOES_ON;
}

static enum sp_step read_claims(struct sp_call *call, struct sp_authorization *a)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_str claims = sp_call_parameter(call, "claims");
    const char *fault = NULL;
    a->consent_scope = a->scope;
    if (claims.at != NULL) {
        enum sp_status status = sp_claims_request_parse(call->arena, claims, &a->claims, &fault);
        if (status == SP_MALFORMED)
            return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_INVALID, .received = sp_str_slice(claims, 0, 200),
                           .expected = SP_STR("a JSON object with userinfo and id_token (OIDC Core 5.5)"),
                           .detail = sp_str_from_cstr(fault),
                           .tell = sp_arena_printf(call->arena, "It is 'claims': %s.", fault));
        if (status == SP_OK)
            status = sp_claims_request_add_scopes(call->arena, &a->claims, settings, a->client, &a->consent_scope);
        if (status != SP_OK)
            return sp_deny_failure(call, status);
    }
    a->consent = sp_claims_consent(call->arena, settings, a->consent_scope);
    if (a->consent.at == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    return read_acr(call, a);
}

static enum sp_step read_type(struct sp_call *call, struct sp_authorization *a)
{
    struct sp_str type = sp_call_parameter(call, "response_type");
    if (type.at == NULL)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_PARAMETER_MISSING, .expected = SP_STR("response_type"),
                       .tell = SP_STR("It is 'response_type'."));
    if (!sp_str_equal(type, SP_STR("code")))
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_RESPONSE_TYPE, .expected = SP_STR("code"), .received = type);
    if ((a->client->grants & (unsigned)SP_GRANT_AUTHORIZATION_CODE) == 0)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_GRANT_NOT_ALLOWED, .received = SP_STR("authorization_code"),
                       .detail = a->client->id, .expected = SP_STR("the grants registered for the client"));
    if (sp_call_parameter(call, "registration").at != NULL)
        return refuse_value(call, "registration", SP_STR("given"), "a registered client", "registration_not_supported");
    return SP_GOES_ON;
}

static enum sp_step read_rest(struct sp_call *call, struct sp_authorization *a)
{
    if (a->state.len > MAX_ECHOED_BYTES || a->nonce.len > MAX_ECHOED_BYTES)
        return SP_DENY(call, .cause = SP_CAUSE_REQUEST_TOO_LARGE,
                       .expected = SP_STR("4096 bytes of state and of nonce"),
                       .received = sp_arena_printf(call->arena, "%zu and %zu", a->state.len, a->nonce.len));
    if (read_mode(call, a) != SP_GOES_ON || read_type(call, a) != SP_GOES_ON ||
        sp_scope_decide(call, a->client, SP_SCOPE_OF_AUTHORIZATION, &a->scope) != SP_GOES_ON ||
        sp_audience_decide(call, a->client, &a->audiences) != SP_GOES_ON || read_challenge(call, a) != SP_GOES_ON ||
        read_prompt(call, a) != SP_GOES_ON || read_hint(call, a) != SP_GOES_ON || read_claims(call, a) != SP_GOES_ON)
        return SP_DENIED;
    return SP_GOES_ON;
}

static void read_echoed(struct sp_call *call, struct sp_authorization *a)
{
    a->state = sp_call_parameter(call, "state");
    a->nonce = sp_call_parameter(call, "nonce");
    a->login_hint = sp_call_parameter(call, "login_hint");
    a->dpop_jkt = sp_call_parameter(call, "dpop_jkt");
    a->subject_secret = call->authority->process_secret;
}

enum sp_step sp_authorization_check(struct sp_call *call, struct sp_authorization *out)
{
    struct sp_authorization a = {0};
    if (read_client(call, &a) != SP_GOES_ON || read_redirect_uri(call, &a) != SP_GOES_ON)
        return SP_DENIED;
    read_echoed(call, &a);
    if (read_rest(call, &a) != SP_GOES_ON)
        return SP_DENIED;
    *out = a;
    return SP_GOES_ON;
}

/* Absent also when it stands more than once. */
static struct sp_str only_parameter(const struct sp_call *call, const char *name)
{
    struct sp_str value = SP_STR_NONE, second;
    size_t position = 0;
    if (sp_form_next(&call->parameters, sp_str_from_cstr(name), &position, &value) &&
        sp_form_next(&call->parameters, sp_str_from_cstr(name), &position, &second))
        return SP_STR_NONE;
    return value;
}

void sp_authorization_aim(struct sp_call *call)
{
    struct sp_str uri = only_parameter(call, "redirect_uri"), state = only_parameter(call, "state");
    const struct sp_client *client = sp_client_look_up_or_none(call, only_parameter(call, "client_id"));
    struct sp_authorization *a = SP_ARENA_NEW(call->arena, struct sp_authorization);
    call->deny = sp_denial_page;
    if (a == NULL || client == NULL || uri.at == NULL ||
        !sp_redirect_uri_is_registered(client->redirect_uris, uri, client->is_native))
        return;
    *a = (struct sp_authorization){.client = client, .redirect_uri = uri};
    find_mode(only_parameter(call, "response_mode"), &a->mode);
    if (state.len > 0 && state.len <= MAX_ECHOED_BYTES)
        a->state = state;
    call->deny = sp_authorization_deny;
    call->deny_context = a;
}

enum sp_step sp_authorization_read(struct sp_call *call, struct sp_authorization *out)
{
    struct sp_authorization *a = SP_ARENA_NEW(call->arena, struct sp_authorization);
    call->deny = sp_denial_page;
    if (a == NULL)
        return sp_deny_failure(call, SP_NO_MEMORY);
    if (read_client(call, a) != SP_GOES_ON || read_redirect_uri(call, a) != SP_GOES_ON)
        return SP_DENIED;
    read_echoed(call, a);
    call->deny = sp_authorization_deny;
    call->deny_context = a;
    if (read_rest(call, a) != SP_GOES_ON)
        return SP_DENIED;
    *out = *a;
    return SP_GOES_ON;
}
