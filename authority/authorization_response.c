/* SPDX-License-Identifier: Apache-2.0 */
/* What goes back to the client from the authorization endpoint, by its response mode: codes and errors. */
#include "authority/authorization.h"

#include "authority/client_card.h"
#include "authority/denial.h"
#include "authority/page.h"
#include "authority/scope.h"
#include "core/diagnosis/cause.h"

#define MAX_PAIRS 8u

struct response {
    const struct sp_authorization *request;
    struct sp_answer_pair pairs[MAX_PAIRS];
    size_t count;
};

static struct response make(const struct sp_call *call, const struct sp_authorization *a,
                            const struct sp_answer_pair *pairs, size_t count)
{
    struct response response = {.request = a};
    for (; response.count < count && response.count < MAX_PAIRS - 2; response.count++)
        response.pairs[response.count] = pairs[response.count];
    response.pairs[response.count++] = (struct sp_answer_pair){"state", a->state};
    response.pairs[response.count++] = (struct sp_answer_pair){"iss", call->authority->settings->issuer}; /* RFC 9207 */
    return response;
}

/* ---- query and fragment ---- */
static enum sp_status write_url(struct sp_call *call, const struct response *r, struct sp_buffer *url)
{
    struct sp_str uri = r->request->redirect_uri;
    bool has_query = sp_str_index_of(uri, '?', 0) < uri.len;
    char separator = r->request->mode == SP_RESPONSE_FRAGMENT ? '#' : has_query ? '&' : '?';
    sp_answer_buffer(call, url);
    sp_buffer_append(url, uri);
    for (size_t i = 0; i < r->count; i++)
        if (r->pairs[i].value.at != NULL)
            sp_form_add(url, &separator, r->pairs[i].name, r->pairs[i].value);
    return sp_buffer_status(url);
}

static void respond_by_redirect(struct sp_call *call, const struct response *r)
{
    struct sp_buffer url;
    if (write_url(call, r, &url) != SP_OK) {
        sp_answer_json(call, 500, &url);
        return;
    }
    call->answer.status = 303;
    sp_answer_header(call, "Location", sp_buffer_str(&url));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
    sp_answer_header(call, "Referrer-Policy", SP_STR("no-referrer"));
}

/* ---- form_post ---- */
static void write_form(struct sp_page *page, const struct response *r)
{
    page->form_targets = sp_page_origin(page->call->arena, r->request->redirect_uri);
    sp_page_raw(page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(page, r->request->redirect_uri);
    sp_page_raw(page, SP_STR("\">"));
    for (size_t i = 0; i < r->count; i++)
        if (r->pairs[i].value.at != NULL)
            sp_page_hidden(page, r->pairs[i].name, r->pairs[i].value);
    sp_page_raw(page, SP_STR("<button>"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_CONTINUE));
    sp_page_raw(page, SP_STR("</button></form>"));
}

/* OAuth 2.0 Form Post Response Mode 2; with scripts switched off the button does it. */
static void respond_by_form(struct sp_call *call, const struct response *r)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_CONTINUE_TITLE));
    write_form(&page, r);
    sp_page_script(&page, SP_STR("document.forms[0].submit()"));
    sp_page_end(&page, 200);
}

void sp_authorization_respond(struct sp_call *call, const struct sp_authorization *a,
                              const struct sp_answer_pair *pairs, size_t count)
{
    const struct response response = make(call, a, pairs, count);
    if (a->mode == SP_RESPONSE_FORM_POST)
        respond_by_form(call, &response);
    else
        respond_by_redirect(call, &response);
}

/* ---- errors ---- */
/* The way on, for the person to take or not. */
static void show_way(struct sp_call *call, const struct response *r, const struct sp_denial *denial)
{
    struct sp_page page;
    struct sp_buffer url;
    int status = denial->status != 0 ? denial->status : sp_cause_get(denial->cause)->http_status;
    bool is_refusal = denial->cause == SP_CAUSE_REQUEST_DENIED_BY_USER;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_STRANGER_TITLE));
    sp_page_paragraph(&page,
                      is_refusal      ? SP_TEXT_STRANGER_DENIED
                      : status >= 500 ? SP_TEXT_ERROR_LATER
                                      : SP_TEXT_STRANGER_WRONG,
                      SP_STR_NONE);
    sp_client_card_warning(&page, r->request->client, r->request->redirect_uri);
    if (r->request->mode == SP_RESPONSE_FORM_POST) {
        write_form(&page, r);
    } else if (write_url(call, r, &url) == SP_OK) {
        sp_client_card_way(&page, sp_buffer_str(&url));
    }
    sp_page_end(&page, is_refusal ? 200 : status >= 500 ? status : 400);
}

/* RFC 9700 4.11.2: a client that registered itself may have sent the person here for nothing but to be sent on, to
 * where nobody would have followed its own link. What was to go without anybody seeing it does: that prompt=none found
 * nobody signed in, or something to ask (OIDC Core 3.1.2.6), and nothing that any broken request has as its answer. */
static bool is_silent_answer(const struct sp_call *call, const char *error)
{
    static const char *const answers[] = {"login_required", "consent_required", "interaction_required"};
    if (!sp_str_equal(sp_call_parameter(call, "prompt"), SP_STR("none")))
        return false;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (strcmp(error, answers[i]) == 0)
            return true;
    return false;
}

enum sp_step sp_authorization_deny(struct sp_call *call, const struct sp_denial *denial)
{
    const struct sp_authorization *a = call->deny_context;
    const struct sp_answer_pair pairs[] = {{"error", sp_str_from_cstr(sp_denial_error(denial))},
                                           {"error_description", sp_denial_description(call, denial)}};
    if (!a->client->is_stranger || is_silent_answer(call, sp_denial_error(denial))) {
        sp_authorization_respond(call, a, pairs, 2);
    } else {
        const struct response response = make(call, a, pairs, 2);
        show_way(call, &response, denial);
    }
    return SP_DENIED;
}
