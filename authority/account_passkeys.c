/* SPDX-License-Identifier: Apache-2.0 */
/* The account page's section of passkeys: which there are, one more, one less. */
#include "authority/account_page.h"
#include "authority/denial.h"
#include "authority/factor_pages.h"
#include "authority/factors.h"
#include "authority/handle.h"
#include "authority/notice.h"
#include "authority/passkey_script.h"
#include "authority/user_agent.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define SECTION "passkeys"
#define CHALLENGE_LIFETIME_S 600

/* ---- the list ---- */
static void write_passkey(struct sp_page *page, const struct sp_account_view *view, const struct sp_passkey *passkey,
                          size_t number)
{
    sp_page_raw(page, SP_STR("<li><div>"));
    sp_page_row_name(page, passkey->name, "passkey", number);
    if (passkey->is_synced) {
        sp_page_raw(page, SP_STR(" <span class=\"tag\">"));
        sp_page_text(page, sp_text_get(page->call, SP_TEXT_PASSKEY_SYNCED));
        sp_page_raw(page, SP_STR("</span>"));
    }
    sp_page_raw(page, SP_STR("<div class=\"quiet\">"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_SINCE));
    sp_page_raw(page, SP_STR(" "));
    sp_page_time(page, passkey->created_at);
    if (passkey->used_at > 0) {
        sp_page_raw(page, SP_STR(" · "));
        sp_page_text(page, sp_text_get(page->call, SP_TEXT_PASSKEY_USED));
        sp_page_raw(page, SP_STR(" "));
        sp_page_time(page, passkey->used_at);
    }
    sp_page_raw(page, SP_STR("</div></div>"));
    if (view->is_fresh) {
        sp_account_form(page, view, SECTION);
        sp_page_hidden(page, "item", passkey->id);
        sp_page_row_button(page, "remove", SP_TEXT_PASSKEY_REMOVE, "passkey", number);
        sp_page_raw(page, SP_STR("</form>"));
    }
    sp_page_raw(page, SP_STR("</li>"));
}

enum sp_step sp_account_passkeys_show(struct sp_page *page, const struct sp_account_view *view)
{
    struct sp_call *call = page->call;
    struct sp_passkey *passkeys = NULL;
    size_t count = 0;
    if (sp_passkeys_relying_party(call->authority->settings).at == NULL) {
        sp_page_paragraph(page, SP_TEXT_FACTOR_UNAVAILABLE, SP_STR_NONE);
        return SP_GOES_ON;
    }
    enum sp_status status =
        sp_passkeys_list(call->authority->store, call->arena, view->session.subject, &passkeys, &count);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_page_raw(page, SP_STR("<ul class=\"rows\">"));
    for (size_t i = 0; i < count; i++)
        write_passkey(page, view, &passkeys[i], i + 1);
    sp_page_raw(page, SP_STR("</ul>"));
    if (count == 0)
        sp_page_paragraph(page, SP_TEXT_PASSKEY_NONE, SP_STR_NONE);
    if (!view->is_fresh) {
        sp_account_ask_fresh(page, view, SECTION);
        return SP_GOES_ON;
    }
    sp_account_form(page, view, SECTION);
    sp_page_button(page, "begin", SP_TEXT_PASSKEY_ADD, false);
    sp_page_raw(page, SP_STR("</form>"));
    return SP_GOES_ON;
}

/* ---- one more ---- */
/* Good once, for this session. */
static enum sp_status put_challenge(struct sp_call *call, const struct sp_account_view *view, struct sp_str *challenge)
{
    struct sp_store *store = call->authority->store;
    struct sp_str fresh = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    struct sp_ticket ticket = {.kind = SP_TICKET_CHALLENGE,
                               .subject = view->session.subject,
                               .family = view->session.sid,
                               .issued_at = call->now,
                               .expires_at = call->now + CHALLENGE_LIFETIME_S,
                               .data = SP_STR("{}")};
    if (fresh.at == NULL)
        return SP_NO_MEMORY;
    sp_sha256(fresh, ticket.hash);
    enum sp_status status = store->methods->put_ticket(store, &ticket, NULL);
    if (status == SP_OK)
        *challenge = fresh;
    return status;
}

/* The challenge that the form names, used up; "" when it is not of this session, too old or used before. */
static enum sp_status take_challenge(struct sp_call *call, const struct sp_account_view *view, struct sp_str *challenge)
{
    struct sp_store *store = call->authority->store;
    struct sp_str sent = sp_call_parameter(call, "challenge");
    unsigned char hash[32];
    struct sp_ticket ticket;
    bool first = false;
    *challenge = SP_STR("");
    sp_sha256(sent, hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_CHALLENGE, hash, call->arena, &ticket);
    if (status == SP_NOT_FOUND ||
        (status == SP_OK && (ticket.expires_at <= call->now || !sp_str_equal(ticket.family, view->session.sid))))
        return SP_OK;
    if (status == SP_OK)
        status = store->methods->use_ticket(store, SP_TICKET_CHALLENGE, hash, call->now, &first);
    if (status == SP_OK && first)
        *challenge = sent;
    return status;
}

static enum sp_step begin(struct sp_call *call, const struct sp_account_view *view)
{
    struct sp_page page;
    struct sp_passkey_prompt prompt = {.user_name = view->account.name};
    struct sp_passkey *passkeys = NULL;
    enum sp_status status =
        sp_passkeys_list(call->authority->store, call->arena, view->session.subject, &passkeys, &prompt.known_count);
    if (status == SP_OK)
        status = sp_passkeys_handle(call, view->session.subject, &prompt.user_handle);
    if (status == SP_OK)
        status = put_challenge(call, view, &prompt.challenge);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    prompt.known = passkeys;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_PASSKEY_ADD));
    sp_page_paragraph(&page, SP_TEXT_PASSKEY_NONE, SP_STR_NONE);
    sp_account_passkey_form(&page, view, SECTION, &prompt);
    sp_page_hidden(&page, "step", SP_STR("add"));
    sp_page_hidden(&page, "challenge", prompt.challenge);
    sp_page_label(&page, "name", SP_TEXT_PASSKEY_NAME);
    sp_page_raw(&page, SP_STR("<input id=\"name\" name=\"name\" autocomplete=\"off\" maxlength=\"40\" value=\""));
    sp_page_text(&page, sp_user_agent_name(call->arena, call->asked.user_agent));
    sp_page_raw(&page, SP_STR("\">"));
    sp_page_passkey_fields(&page, true, SP_TEXT_PASSKEY_CREATE, true);
    sp_page_raw(&page, SP_STR("</form>"));
    sp_account_way_back(&page, SECTION);
    sp_page_script(&page, sp_passkey_script());
    sp_page_end(&page, 200);
    return SP_GOES_ON;
}

static struct sp_str name_of(struct sp_call *call)
{
    struct sp_str name = sp_str_trim(sp_call_parameter(call, "name"));
    size_t len = name.len < SP_MAX_PASSKEY_NAME_BYTES ? name.len : SP_MAX_PASSKEY_NAME_BYTES;
    while (len > 0 && len < name.len && ((unsigned char)name.at[len] & 0xC0) == 0x80)
        len--; /* not inside a character */
    return len > 0 ? sp_str_slice(name, 0, len) : SP_STR("Passkey");
}

/* SP_OK with made.credential_id absent: refused, with the finding told. */
static enum sp_status judge(struct sp_call *call, struct sp_str challenge, struct sp_new_passkey *made)
{
    struct sp_passkey_expectation expectation = sp_passkeys_expectation(call, challenge, false);
    struct sp_str client_data = SP_STR_NONE, attestation = SP_STR_NONE;
    struct sp_passkey_result result = {.fault = SP_PASSKEY_FORM,
                                       .part = SP_STR("form"),
                                       .expected = SP_STR("base64url"),
                                       .received = SP_STR("something else")};
    enum sp_status status = sp_base64url_decode(call->arena, sp_call_parameter(call, "client_data"), &client_data);
    if (status == SP_OK)
        status = sp_base64url_decode(call->arena, sp_call_parameter(call, "attestation"), &attestation);
    if (status == SP_OK)
        status = sp_passkey_register(call->arena, client_data, attestation, &expectation, made, &result);
    else if (status == SP_MALFORMED)
        status = SP_OK;
    if (status == SP_OK && result.fault != SP_PASSKEY_OK)
        sp_passkeys_refuse(call, &result);
    return status;
}

static enum sp_step refuse(struct sp_account_view *view, enum sp_text why)
{
    view->notice = why;
    view->is_trouble = true;
    return SP_GOES_ON;
}

static enum sp_step keep(struct sp_call *call, struct sp_account_view *view, const struct sp_new_passkey *made)
{
    bool fresh = false;
    struct sp_factors factors;
    const struct sp_passkey passkey = {
        .id = sp_base64url_of(call->arena, made->credential_id.at, made->credential_id.len),
        .owner = view->session.subject,
        .jwk = made->jwk,
        .name = name_of(call),
        .sign_count = made->sign_count,
        .is_synced = made->is_backed_up,
        .created_at = call->now};
    enum sp_status status = sp_factors_find(call->authority->store, call->arena, view->session.subject, &factors);
    if (status == SP_OK && factors.passkeys >= SP_MAX_PASSKEYS)
        return refuse(view, SP_TEXT_PASSKEY_TOO_MANY);
    if (status == SP_OK)
        status = passkey.id.at != NULL ? sp_passkeys_put(call, &passkey, &fresh) : SP_NO_MEMORY;
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    if (!fresh)
        return refuse(view, SP_TEXT_PASSKEY_EXISTS);
    status = sp_notice_send(call, &view->account, SP_NOTICE_PASSKEY_ADDED);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    view->notice = SP_TEXT_PASSKEY_ADDED;
    return factors.recovery_codes == 0 ? sp_account_show_recovery_codes(call, view) : SP_GOES_ON;
}

static enum sp_step add(struct sp_call *call, struct sp_account_view *view)
{
    struct sp_str challenge;
    struct sp_new_passkey made = {0};
    enum sp_status status = take_challenge(call, view, &challenge);
    if (status == SP_OK)
        status = judge(call, challenge, &made);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    return made.credential_id.at != NULL ? keep(call, view, &made) : refuse(view, SP_TEXT_PASSKEY_FAILED);
}

static enum sp_step drop(struct sp_call *call, struct sp_account_view *view)
{
    enum sp_status status = sp_factors_drop_passkey(call->authority->store, call->arena, view->session.subject,
                                                    sp_call_parameter(call, "item"));
    if (status == SP_OK)
        status = sp_notice_send(call, &view->account, SP_NOTICE_PASSKEY_REMOVED);
    if (status != SP_OK && status != SP_NOT_FOUND)
        return sp_deny_failure(call, status);
    view->notice = SP_TEXT_PASSKEY_REMOVED;
    return SP_GOES_ON;
}

enum sp_step sp_account_passkeys_act(struct sp_call *call, struct sp_account_view *view, struct sp_str step)
{
    if (sp_str_equal(step, SP_STR("remove")))
        return drop(call, view);
    if (sp_passkeys_relying_party(call->authority->settings).at == NULL)
        return SP_GOES_ON;
    if (sp_str_equal(step, SP_STR("begin")))
        return begin(call, view);
    return sp_str_equal(step, SP_STR("add")) ? add(call, view) : SP_GOES_ON;
}
