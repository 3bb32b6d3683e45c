/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/own_form.h"

#include "authority/authorization.h"
#include "authority/cookie.h"
#include "authority/denial.h"
#include "authority/handle.h"
#include "core/base/secret.h"
#include "core/base/url.h"
#include "core/jose/crypto.h"

#define COOKIE "sp_browser"

struct sp_str sp_browser_secret(struct sp_call *call)
{
    struct sp_str secret = sp_cookie_get(call, COOKIE);
    if (secret.len >= 20)
        return secret;
    if (call->browser.at == NULL) {
        call->browser = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
        if (call->browser.at != NULL)
            sp_cookie_set(call, COOKIE, call->browser, 0);
    }
    return call->browser;
}

struct sp_str sp_own_form_token(struct sp_call *call, struct sp_str purpose, const struct sp_session *session)
{
    unsigned char key[32], mac[32];
    bool is_somebodys = session != NULL && session->subject.at != NULL;
    struct sp_str browser = sp_browser_secret(call), text = purpose;
    if (is_somebodys) {
        struct sp_str whose = sp_base64url_of(call->arena, session->hash, sizeof session->hash);
        text = sp_arena_printf(call->arena, "%.*s of %.*s", SP_STR_ARG(purpose), SP_STR_ARG(whose));
        if (whose.at == NULL)
            return SP_STR_NONE;
    }
    if (browser.at == NULL || text.at == NULL)
        return SP_STR_NONE;
    sp_sha256(browser, key);
    sp_mac(key, text, mac);
    return sp_base64url_of(call->arena, mac, sizeof mac);
}

void sp_own_form_field(struct sp_page *page, struct sp_str token)
{
    page->has_own_form = true;
    sp_page_hidden(page, "form_token", token);
}

bool sp_own_form_is_sent(struct sp_call *call, struct sp_str token)
{
    struct sp_str sent = sp_call_parameter(call, "form_token");
    if (!sp_str_equal(call->asked.method, SP_STR("POST")))
        return false;
    if (token.at != NULL && sent.at != NULL && sp_secret_equal(sent, token))
        return true;
    call->finding = (struct sp_finding){
        .cause = SP_CAUSE_FORM_STALE,
        .expected = SP_STR("the form_token of this browser and of who is signed in now"),
        .received =
            sent.at == NULL ? SP_STR("none") : SP_STR("one of another browser, of another session, or none of ours")};
    return false;
}

/* ---- where it comes from ---- */
/* As a browser writes it (RFC 6454 6.2): in lower case, without the scheme's own port. Absent where a browser would
 * write the host in another way: a name beyond ASCII. */
static struct sp_str own_origin(struct sp_call *call)
{
    struct sp_url url;
    struct sp_str origin;
    if (sp_url_split(call->authority->settings->base, &url) != SP_OK)
        return SP_STR_NONE;
    unsigned port = sp_url_port(&url);
    bool is_default = port == (call->authority->settings->is_https ? 443u : 80u);
    origin = is_default
                 ? sp_arena_printf(call->arena, "%.*s://%.*s", SP_STR_ARG(url.scheme), SP_STR_ARG(url.host))
                 : sp_arena_printf(call->arena, "%.*s://%.*s:%u", SP_STR_ARG(url.scheme), SP_STR_ARG(url.host), port);
    char *at = (char *)(uintptr_t)origin.at; /* ours: just made */
    for (size_t i = 0; i < origin.len; i++) {
        if ((unsigned char)at[i] >= 0x80)
            return SP_STR_NONE;
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (char)(at[i] | 0x20);
    }
    return origin;
}

static enum sp_step refuse(struct sp_call *call, struct sp_str expected, struct sp_str received)
{
    call->deny = sp_denial_page;
    return SP_DENY(call, .cause = SP_CAUSE_FORM_OTHER_ORIGIN, .expected = expected,
                   .received = sp_str_slice(received, 0, 200));
}

enum sp_step sp_own_form_check_origin(struct sp_call *call)
{
    struct sp_str origin = call->asked.origin, site = call->asked.fetch_site, own = own_origin(call);
    /* "none": the person's own doing, such as a page loaded again. */
    if (site.len > 0 && !sp_str_equal(site, SP_STR("same-origin")) && !sp_str_equal(site, SP_STR("none")))
        return refuse(call, SP_STR("Sec-Fetch-Site: same-origin"),
                      sp_arena_printf(call->arena, "Sec-Fetch-Site: %.*s (Origin: %.*s)",
                                      SP_STR_ARG(sp_str_slice(site, 0, 40)),
                                      SP_STR_ARG(origin.len > 0 ? sp_str_slice(origin, 0, 120) : SP_STR("none"))));
    if (origin.len == 0 || (own.at != NULL && sp_str_equal(origin, own)))
        return SP_GOES_ON;
    if (own.at == NULL && site.len > 0 && !sp_str_equal(origin, SP_STR("null")))
        return SP_GOES_ON;
    return refuse(call, sp_arena_printf(call->arena, "Origin: %.*s", SP_STR_ARG(own)),
                  sp_arena_printf(call->arena, "Origin: %.*s", SP_STR_ARG(sp_str_slice(origin, 0, 180))));
}
