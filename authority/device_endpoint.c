/* SPDX-License-Identifier: Apache-2.0 */
/* /device: the person's side (RFC 8628 3.3). Type the code, sign in, see which client asks for what, decide. The code
 * stays in the form from page to page; even when it came in the link the person has to confirm (RFC 8628 5.4). */
#include "authority/denial.h"
#include "authority/device.h"
#include "authority/endpoint.h"
#include "authority/handle.h"
#include "authority/own_form.h"
#include "authority/sign_in_pages.h"
#include "authority/client_directory.h"
#include "authority/throttle.h"
#include "authority/visit.h"

static void begin_form(struct sp_page *page)
{
    sp_page_raw(page, SP_STR("<form method=\"post\" action=\""));
    sp_page_text(page, sp_authority_url(page->call, "/device"));
    sp_page_raw(page, SP_STR("\">"));
}

/* Of one code and one person. */
static struct sp_str decision_token(struct sp_call *call, const struct sp_device *device,
                                    const struct sp_session *session)
{
    struct sp_str hash = sp_base64url_of(call->arena, device->ticket.hash, sizeof device->ticket.hash),
                  purpose = sp_arena_printf(call->arena, "device %.*s", SP_STR_ARG(hash));
    return hash.at != NULL && purpose.at != NULL ? sp_own_form_token(call, purpose, session) : SP_STR_NONE;
}

static void ask_code(struct sp_call *call, struct sp_str typed)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_DEVICE_TITLE));
    if (typed.at != NULL)
        sp_page_alert(&page, SP_TEXT_DEVICE_UNKNOWN, SP_STR_NONE);
    sp_page_paragraph(&page, SP_TEXT_DEVICE_ENTER, SP_STR_NONE);
    begin_form(&page);
    page.has_own_form = true; /* it decides nothing and needs no token */
    sp_page_label(&page, "user_code", SP_TEXT_DEVICE_CODE);
    sp_page_raw(&page, SP_STR("<input id=\"user_code\" name=\"user_code\" autocomplete=\"off\" "
                              "autocapitalize=\"characters\" spellcheck=\"false\" "
                              "maxlength=\"20\" required autofocus value=\"\""));
    sp_page_field_trouble(&page);
    sp_page_raw(&page, SP_STR(">"));
    sp_page_button(&page, "code", SP_TEXT_CONTINUE, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

/* Signing in is the same for all: the person comes back with the code. */
static enum sp_step ask_login(struct sp_call *call, struct sp_str user_code)
{
    struct sp_buffer local;
    sp_answer_buffer(call, &local);
    sp_buffer_append(&local, SP_STR("/device?user_code="));
    sp_form_encode(&local, user_code);
    enum sp_status status = sp_buffer_status(&local);
    return status == SP_OK ? sp_visit_detour(call, sp_buffer_str(&local), false) : sp_deny_failure(call, status);
}

static void ask_consent(struct sp_call *call, struct sp_str user_code, const struct sp_device *device,
                        const struct sp_client *client, const struct sp_session *session)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_CONSENT_TITLE));
    if (call->finding.cause == SP_CAUSE_FORM_STALE)
        sp_page_alert(&page, SP_TEXT_FORM_STALE, SP_STR_NONE);
    sp_consent_text(&page, client, device->record.scope, session);
    begin_form(&page);
    sp_own_form_field(&page, decision_token(call, device, session));
    sp_page_hidden(&page, "user_code", user_code);
    sp_page_paragraph(&page, SP_TEXT_DEVICE_CHECK, user_code);
    sp_page_button(&page, "allow", SP_TEXT_ALLOW, true);
    sp_page_button(&page, "deny", SP_TEXT_DENY, false);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_page_end(&page, 200);
}

static enum sp_step decide(struct sp_call *call, struct sp_device *device, const struct sp_session *session,
                           bool allowed)
{
    struct sp_page page;
    device->state = allowed ? SP_DEVICE_ALLOWED : SP_DEVICE_DENIED;
    if (allowed) {
        struct sp_grant_record *record = &device->record;
        record->subject = session->subject;
        record->auth_time = session->auth_time;
        record->acr = session->acr;
        record->amr = session->amr;
        record->sid = session->sid;
    }
    enum sp_status status = sp_device_change(call, device);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->subject = session->subject;
    sp_page_begin(&page, call, sp_text_get(call, allowed ? SP_TEXT_DEVICE_DONE_TITLE : SP_TEXT_DEVICE_DENIED_TITLE));
    sp_page_paragraph(&page, allowed ? SP_TEXT_DEVICE_DONE : SP_TEXT_DEVICE_DENIED, SP_STR_NONE);
    sp_page_end(&page, 200);
    return SP_GOES_ON;
}

static enum sp_step answer_step(struct sp_call *call, void *context)
{
    (void)context;
    struct sp_str code = sp_call_parameter(call, "user_code"), step = sp_call_parameter(call, "step");
    struct sp_device device;
    struct sp_session session;
    if (code.at == NULL) {
        ask_code(call, SP_STR_NONE);
        return SP_GOES_ON;
    }
    enum sp_step throttled = sp_throttle_check(call, SP_THROTTLE_USER_CODE);
    if (throttled != SP_GOES_ON)
        return throttled;
    enum sp_status status = sp_device_find_by_user_code(call, code, &device);
    const struct sp_client *client = NULL;
    if (status == SP_OK && sp_client_look_up(call, device.ticket.client_id, &client) != SP_GOES_ON)
        return SP_DENIED;
    if (status == SP_NOT_FOUND || (status == SP_OK && client == NULL)) {
        sp_throttle_fail(call, SP_THROTTLE_USER_CODE);
        call->finding = (struct sp_finding){.cause = SP_CAUSE_CODE_UNKNOWN,
                                            .expected = SP_STR("a user code that a device shows now"),
                                            .received = sp_str_slice(code, 0, 40),
                                            .detail = SP_STR("It was typed at /device.")};
        ask_code(call, code);
        return SP_GOES_ON;
    }
    code = sp_device_user_code_shown(call, code);
    if (status == SP_OK)
        status = sp_session_find(call, &session);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    call->client_id = client->id;
    if (session.subject.at == NULL)
        return ask_login(call, code);
    bool allows = sp_str_equal(step, SP_STR("allow")), decides = allows || sp_str_equal(step, SP_STR("deny"));
    if (decides && sp_own_form_is_sent(call, decision_token(call, &device, &session)))
        return decide(call, &device, &session, allows);
    ask_consent(call, code, &device, client, &session);
    return SP_GOES_ON;
}

enum sp_step sp_device_endpoint(struct sp_call *call)
{
    call->deny = sp_denial_page;
    return sp_call_in_write(call, answer_step, NULL);
}
