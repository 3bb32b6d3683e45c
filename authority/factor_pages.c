/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/factor_pages.h"

#include "authority/qr_code.h"
#include "core/factor/cose_key.h"

/* ---- codes ---- */
void sp_page_code_trouble(struct sp_page *page, enum sp_code_verdict verdict, int64_t wait_s)
{
    switch (verdict) {
    case SP_CODE_RIGHT:
        break;
    case SP_CODE_WRONG:
        sp_page_alert(page, SP_TEXT_CODE_WRONG, SP_STR_NONE);
        break;
    case SP_CODE_REPLAYED:
        sp_page_alert(page, SP_TEXT_CODE_REPLAYED, SP_STR_NONE);
        break;
    case SP_CODE_TOO_OFTEN:
        sp_page_alert(page, SP_TEXT_SIGN_IN_WAIT, sp_arena_printf(page->call->arena, "%lld", (long long)wait_s));
        break;
    }
}

void sp_page_code_field(struct sp_page *page, bool has_focus, bool is_wrong)
{
    sp_page_label(page, "code", SP_TEXT_CODE_FIELD);
    sp_page_raw(page, SP_STR("<input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" "
                             "maxlength=\"9\" required"));
    if (is_wrong)
        sp_page_field_trouble(page);
    sp_page_raw(page, has_focus ? SP_STR(" autofocus value=\"\">") : SP_STR(" value=\"\">"));
}

void sp_page_app_setup(struct sp_page *page, const struct sp_authenticator_app *app, struct sp_str account_name)
{
    struct sp_call *call = page->call;
    struct sp_str uri = sp_authenticator_app_uri(call, app, account_name);
    sp_page_paragraph(page, SP_TEXT_APP_SCAN, SP_STR_NONE);
    sp_page_qr_code(page, uri, sp_text_get(call, SP_TEXT_APP_PICTURE));
    if (uri.len > 0) { /* a phone cannot scan what it shows itself */
        sp_page_raw(page, SP_STR("<p><a id=\"app\" href=\""));
        sp_page_text(page, uri);
        sp_page_raw(page, SP_STR("\">"));
        sp_page_text(page, sp_text_get(call, SP_TEXT_APP_OPEN));
        sp_page_raw(page, SP_STR("</a></p>"));
    }
    sp_page_raw(page, SP_STR("<p>"));
    sp_page_text(page, sp_text_get(call, SP_TEXT_APP_KEY));
    sp_page_raw(page, SP_STR(": <span class=\"key\" id=\"key\">"));
    sp_page_text(page, sp_authenticator_app_text(call->arena, app));
    sp_page_raw(page, SP_STR("</span></p>"));
}

void sp_page_recovery_codes(struct sp_page *page, const struct sp_str codes[SP_RECOVERY_CODES])
{
    sp_page_paragraph(page, SP_TEXT_RECOVERY_KEEP, SP_STR_NONE);
    sp_page_raw(page, SP_STR("<ol class=\"codes\">"));
    for (size_t i = 0; i < SP_RECOVERY_CODES; i++) {
        sp_page_raw(page, SP_STR("<li>"));
        sp_page_text(page, codes[i]);
        sp_page_raw(page, SP_STR("</li>"));
    }
    sp_page_raw(page, SP_STR("</ol>"));
}

/* ---- passkeys ---- */
static void attribute(struct sp_page *page, const char *name, struct sp_str value)
{
    sp_page_raw(page, SP_STR(" data-"));
    sp_page_raw(page, sp_str_from_cstr(name));
    sp_page_raw(page, SP_STR("=\""));
    sp_page_text(page, value);
    sp_page_raw(page, SP_STR("\""));
}

static struct sp_str algorithm_numbers(struct sp_call *call)
{
    struct sp_buffer text;
    sp_answer_buffer(call, &text);
    for (size_t i = 0; i < sp_cose_algorithm_count; i++)
        sp_buffer_printf(&text, "%s%d", i > 0 ? " " : "", (int)sp_cose_algorithms[i].number);
    return sp_buffer_str(&text);
}

void sp_page_passkey_attributes(struct sp_page *page, const struct sp_passkey_prompt *prompt)
{
    struct sp_call *call = page->call;
    struct sp_str rp_id = sp_passkeys_relying_party(call->authority->settings);
    sp_page_raw(page, SP_STR(" id=\"passkey\""));
    attribute(page, "challenge", prompt->challenge);
    attribute(page, "rp", rp_id);
    attribute(page, "verification", prompt->needs_verification ? SP_STR("required") : SP_STR("preferred"));
    sp_page_raw(page, SP_STR(" data-known=\""));
    for (size_t i = 0; i < prompt->known_count; i++) {
        sp_page_raw(page, i > 0 ? SP_STR(" ") : SP_STR(""));
        sp_page_text(page, prompt->known[i].id);
    }
    sp_page_raw(page, SP_STR("\""));
    if (prompt->autofill)
        attribute(page, "autofill", SP_STR("1"));
    if (prompt->user_handle.at == NULL)
        return;
    attribute(page, "rp-name", rp_id);
    attribute(page, "user", prompt->user_handle);
    attribute(page, "user-name", prompt->user_name);
    attribute(page, "algorithms", algorithm_numbers(call));
}

void sp_page_passkey_fields(struct sp_page *page, bool makes, enum sp_text button, bool is_main)
{
    static const char *const for_making[] = {"credential", "client_data", "attestation", NULL},
                             *const for_using[] = {"credential", "client_data", "authenticator_data",
                                                   "signature",  "user_handle", NULL};
    for (const char *const *name = makes ? for_making : for_using; *name != NULL; name++)
        sp_page_hidden(page, *name, SP_STR(""));
    if (is_main) { /* there is nothing else here: the script takes it away where it can work */
        sp_page_raw(page, SP_STR("<div class=\"alert\" role=\"alert\" id=\"passkey-none\">"));
        sp_page_paragraph(page, SP_TEXT_PASSKEY_NEEDS_SCRIPT, SP_STR_NONE);
        sp_page_raw(page, SP_STR("</div>"));
    }
    sp_page_raw(page, SP_STR("<div class=\"alert\" role=\"alert\" id=\"passkey-failed\" hidden>"));
    sp_page_paragraph(page, SP_TEXT_PASSKEY_CANCELLED, SP_STR_NONE);
    sp_page_raw(page, SP_STR("</div><button type=\"button\" id=\"passkey-button\" hidden"));
    sp_page_raw(page, is_main ? SP_STR(">") : SP_STR(" class=\"other\">"));
    sp_page_text(page, sp_text_get(page->call, button));
    sp_page_raw(page, SP_STR("</button>"));
}
