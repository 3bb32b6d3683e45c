/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in at the lab: whoever asks is "lab-user" and agrees. What goes back to the client is a row of parameters
 * that a fault may change. Also the end of a session. */
#include "core/base/host.h"
#include "core/base/url.h"
#include "lab/world.h"

/* ---- redirect URIs: of this machine, or those that were named ---- */

static bool is_allowed(const struct sp_lab_call *call, struct sp_str uri)
{
    struct sp_url url;
    const struct sp_str_list *named = &call->lab->terms.redirect_uris;
    for (size_t i = 0; i < named->count; i++)
        if (sp_str_equal(named->at[i], uri))
            return true;
    return sp_url_split(uri, &url) == SP_OK && url.userinfo.at == NULL && url.fragment.at == NULL &&
           (sp_str_equal(url.scheme, SP_STR("http")) || sp_str_equal(url.scheme, SP_STR("https"))) &&
           sp_host_is_loopback(url.host);
}

/* The redirect URI as it might have been registered instead of the one that was sent. */
static struct sp_str registered_instead(struct sp_lab_call *call, struct sp_str sent)
{
    struct sp_url url;
    size_t position = 0;
    const struct sp_lab_set *row = sp_lab_set_next(call->fault, SP_LAB_REGISTRATION, &position);
    if (row == NULL || sp_url_split(sent, &url) != SP_OK)
        return SP_STR_NONE;
    struct sp_arena *arena = call->arena;
    bool secure = sp_str_equal(url.scheme, SP_STR("https"));
    bool by_name = sp_str_equal(url.host, SP_STR("localhost"));
    struct sp_str authority = url.port.at != NULL ? sp_arena_printf(arena, ":%.*s", SP_STR_ARG(url.port)) : SP_STR("");
    struct sp_str tail =
        sp_str_slice(sent, url.scheme.len + 3 + url.host.len + authority.len, sent.len); /* no userinfo: is_allowed */
    const struct sp_lab_word rows[] = {
        {"redirect_uri", sent},
        {"redirect_other_scheme", sp_arena_printf(arena, "%s%.*s", secure ? "http" : "https",
                                                  SP_STR_ARG(sp_str_slice(sent, url.scheme.len, sent.len)))},
        {"redirect_alias",
         sp_arena_printf(arena, "%.*s://%s%.*s%.*s", SP_STR_ARG(url.scheme), by_name ? "127.0.0.1" : "localhost",
                         SP_STR_ARG(authority), SP_STR_ARG(tail))},
        {"redirect_other_port", sp_arena_printf(arena, "%.*s://%.*s:8443%.*s", SP_STR_ARG(url.scheme),
                                                SP_STR_ARG(url.host), SP_STR_ARG(tail))},
        {"redirect_other_path", sp_arena_printf(arena, "%.*s://%.*s%.*s/signin-oidc", SP_STR_ARG(url.scheme),
                                                SP_STR_ARG(url.host), SP_STR_ARG(authority))},
    };
    const struct sp_lab_words words = {rows, sizeof rows / sizeof rows[0], &call->words, 0};
    return sp_lab_expand(arena, row->template, &words);
}

/* ---- the request ---- */

static bool refuse_page(struct sp_lab_call *call, const char *error, const char *description)
{
    sp_lab_answer_error(call, 400, error, description);
    return false;
}

/* False: answered, because nothing may be sent to that redirect URI. */
static bool check_client(struct sp_lab_call *call, struct sp_str redirect_uri)
{
    struct sp_str registered = registered_instead(call, redirect_uri);
    if (!sp_str_equal(sp_lab_parameter(call, "client_id"), call->lab->facts.client_id))
        return refuse_page(call, "invalid_client", "there is one client here, lab-client");
    if (registered.at != NULL && is_allowed(call, redirect_uri)) {
        sp_lab_committed(call->lab);
        sp_lab_answer_header(call, "Sallyport-Lab-Registered", registered);
        return refuse_page(call, "invalid_request", "redirect_uri is not registered for this client");
    }
    if (!is_allowed(call, redirect_uri))
        return refuse_page(call, "invalid_request",
                           "redirect_uri: the lab sends browsers to loopback addresses alone; name others by "
                           "--redirect-uri");
    return true;
}

/* What is wrong with it in OAuth's words; NULL: nothing. */
static const char *fault_of_request(const struct sp_lab_call *call)
{
    struct sp_str method = sp_lab_parameter(call, "code_challenge_method");
    bool challenged = sp_lab_parameter(call, "code_challenge").at != NULL;
    if (!sp_str_equal(sp_lab_parameter(call, "response_type"), SP_STR("code")))
        return "unsupported_response_type";
    if (challenged && !sp_str_equal(method, SP_STR("S256")))
        return "invalid_request";
    struct sp_str mode = sp_lab_parameter(call, "response_mode");
    if (mode.at != NULL && !sp_str_equal(mode, SP_STR("query")) && !sp_str_equal(mode, SP_STR("form_post")))
        return "invalid_request";
    return NULL;
}

static struct sp_lab_grant *make_code(struct sp_lab_call *call, struct sp_str redirect_uri)
{
    struct sp_lab_grant *grant = NULL;
    struct sp_str nonce = sp_lab_parameter(call, "nonce"), challenge = sp_lab_parameter(call, "code_challenge");
    struct sp_str resource = sp_lab_parameter(call, "resource");
    struct sp_str audience = resource.at != NULL ? resource : sp_lab_parameter(call, "audience");
    if (sp_lab_grant_add(&call->lab->grants, SP_LAB_GRANT_CODE, call->now, &grant) != SP_OK)
        return NULL;
    grant->has_nonce = nonce.at != NULL;
    grant->has_challenge = challenge.at != NULL;
    bool fits = sp_lab_keep(grant->redirect_uri, sizeof grant->redirect_uri, redirect_uri) &&
                sp_lab_keep(grant->scope, sizeof grant->scope, sp_lab_parameter(call, "scope")) &&
                sp_lab_keep(grant->audience, sizeof grant->audience, audience) &&
                sp_lab_keep(grant->nonce, sizeof grant->nonce, nonce) &&
                sp_lab_keep(grant->challenge, sizeof grant->challenge, challenge);
    if (!fits)
        sp_lab_grant_forget(grant);
    return fits ? grant : NULL;
}

static void redirect(struct sp_lab_call *call, struct sp_str to, const struct sp_lab_object *parameters)
{
    struct sp_buffer location;
    char separator = sp_str_index_of(to, '?', 0) < to.len ? '&' : '?';
    sp_buffer_init(&location, call->arena, SP_MAX_FORM_BYTES);
    sp_buffer_append(&location, to);
    for (size_t i = 0; i < parameters->count; i++) {
        const char *name = sp_arena_printf(call->arena, "%.*s", SP_STR_ARG(parameters->at[i].name)).at;
        if (name != NULL)
            sp_form_add(&location, &separator, name, parameters->at[i].value);
    }
    sp_lab_answer(call, 302, NULL, SP_STR(""));
    if (sp_buffer_status(&location) == SP_OK)
        sp_lab_answer_header(call, "Location", sp_buffer_str(&location));
    sp_lab_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

/* ---- response_mode form_post: a page that posts itself (OAuth 2.0 Form Post Response Mode) ---- */

static void append_escaped(struct sp_buffer *page, struct sp_str text)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < text.len; i++) {
        const char *entity = NULL;
        for (size_t k = 0; k < sizeof entities / sizeof entities[0]; k++)
            if (entities[k].character == text.at[i])
                entity = entities[k].entity;
        if (entity != NULL)
            sp_buffer_append(page, sp_str_from_cstr(entity));
        else
            sp_buffer_append_char(page, text.at[i]);
    }
}

static void post_back(struct sp_lab_call *call, struct sp_str to, const struct sp_lab_object *parameters)
{
    struct sp_buffer page;
    sp_buffer_init(&page, call->arena, SP_MAX_FORM_BYTES * 8);
    sp_buffer_append(&page,
                     SP_STR("<!doctype html><title>Signing in</title><body onload=\"document.forms[0].submit()\">"
                            "<form method=\"post\" action=\""));
    append_escaped(&page, to);
    sp_buffer_append(&page, SP_STR("\">"));
    for (size_t i = 0; i < parameters->count; i++) {
        sp_buffer_append(&page, SP_STR("<input type=\"hidden\" name=\""));
        append_escaped(&page, parameters->at[i].name);
        sp_buffer_append(&page, SP_STR("\" value=\""));
        append_escaped(&page, parameters->at[i].value);
        sp_buffer_append(&page, SP_STR("\">"));
    }
    sp_buffer_append(&page, SP_STR("<button>Continue</button></form>"));
    sp_lab_answer(call, 200, "text/html; charset=utf-8",
                  sp_buffer_status(&page) == SP_OK ? sp_buffer_str(&page) : SP_STR_NONE);
    sp_lab_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

void sp_lab_serve_authorization(struct sp_lab_call *call)
{
    struct sp_lab_object parameters;
    if (!sp_lab_take_pushed(call))
        return;
    struct sp_str redirect_uri = sp_lab_parameter(call, "redirect_uri");
    if (!check_client(call, redirect_uri))
        return;
    const char *error = fault_of_request(call);
    struct sp_lab_grant *grant = error == NULL ? make_code(call, redirect_uri) : NULL;
    if (error == NULL && grant == NULL)
        error = "invalid_request";
    sp_lab_object_init(&parameters, call->arena);
    sp_lab_put(&parameters, "code", grant != NULL ? sp_str_from_cstr(grant->handle) : SP_STR_NONE);
    sp_lab_put(&parameters, "error", sp_str_from_cstr(error));
    sp_lab_put(&parameters, "state", sp_lab_parameter(call, "state"));
    sp_lab_put(&parameters, "iss", call->lab->facts.issuer);
    if (sp_lab_apply(&parameters, call->fault, SP_LAB_CALLBACK, &call->words) > 0)
        sp_lab_committed(call->lab);
    if (sp_str_equal(sp_lab_parameter(call, "response_mode"), SP_STR("form_post")))
        post_back(call, redirect_uri, &parameters);
    else
        redirect(call, redirect_uri, &parameters);
}

/* ---- the end of the session ---- */

void sp_lab_serve_logout(struct sp_lab_call *call)
{
    struct sp_lab_object parameters;
    struct sp_str uri = sp_lab_parameter(call, "post_logout_redirect_uri");
    sp_lab_object_init(&parameters, call->arena);
    if (uri.at == NULL) {
        sp_lab_answer(call, 200, "text/html", SP_STR("<!doctype html><title>Signed out</title><p>Signed out."));
        return;
    }
    if (!is_allowed(call, uri)) {
        sp_lab_answer_error(call, 400, "invalid_request", "post_logout_redirect_uri is not registered for this client");
        return;
    }
    sp_lab_put(&parameters, "state", sp_lab_parameter(call, "state"));
    redirect(call, uri, &parameters);
}
