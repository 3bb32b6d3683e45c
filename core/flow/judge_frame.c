/* SPDX-License-Identifier: Apache-2.0 */
/* A login inside a frame of another site. There a browser neither keeps nor sends a cookie with SameSite=Lax or Strict:
 * the application's state does not come along with the callback (judge_browser.c), the issuer's own pages lose the
 * person on the way so that no callback comes at all, and a silent renewal (prompt=none) finds no session. */
#include "core/flow/judge.h"

bool sp_flow_in_frame(const struct sp_flow_message *message)
{
    struct sp_str dest = sp_flow_header(&message->exchange.request_headers, "Sec-Fetch-Dest");
    return sp_str_equal(dest, SP_STR("iframe")) || sp_str_equal(dest, SP_STR("frame"));
}

bool sp_flow_in_foreign_frame(const struct sp_flow_message *message)
{
    struct sp_str site = sp_flow_header(&message->exchange.request_headers, "Sec-Fetch-Site");
    return sp_flow_in_frame(message) && sp_str_equal(site, SP_STR("cross-site"));
}

static bool brought_cookie(const struct sp_flow_message *message)
{
    return sp_flow_header(&message->exchange.request_headers, "Cookie").at != NULL;
}

/* The first of the answer's cookies, where a frame gets none of them. */
static bool loses_all_cookies(const struct sp_flow_message *message, struct sp_flow_cookie *first)
{
    size_t position = 0, count = 0;
    struct sp_str line;
    struct sp_flow_cookie cookie;
    while (sp_flow_header_next(&message->exchange.response_headers, "Set-Cookie", &position, &line))
        while (sp_flow_cookie_next(&line, message->exchange.started_ms, &cookie)) {
            if (cookie.same_site != SP_SAME_SITE_LAX && cookie.same_site != SP_SAME_SITE_STRICT)
                return false;
            if (count++ == 0)
                *first = cookie;
        }
    return count > 0;
}

void sp_flow_judge_frame(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_flow *flow = message->flow;
    struct sp_flow_cookie lost;
    if (flow->callback != NULL || flow->response != NULL || !sp_flow_in_foreign_frame(message) ||
        brought_cookie(message) || message->exchange.status >= 400 || !loses_all_cookies(message, &lost))
        return;
    sp_flow_tell(capture, message, SP_CAUSE_STATE_THIRD_PARTY, SP_STR("a top-level window"), SP_STR("a frame"))
        ->detail = sp_arena_printf(
        capture->arena,
        "%.*s; SameSite=%s, a cookie of the authorization server's own, which its next page does not see; the "
        "login did not come back",
        SP_STR_ARG(sp_str_slice(lost.name, 0, 100)), lost.same_site == SP_SAME_SITE_LAX ? "Lax" : "Strict");
}

struct sp_str sp_flow_silence_in_words(const struct sp_flow_message *message)
{
    const struct sp_flow_message *request = message->flow->request;
    if (request == NULL || !sp_flow_in_foreign_frame(request) || brought_cookie(request) ||
        !sp_str_equal(sp_flow_asked(message->flow, "prompt"), SP_STR("none")))
        return SP_STR_NONE;
    return SP_STR(
        "The request ran in a frame of another site and brought no cookie: browsers withhold the authorization "
        "server's there, so that it knows of no session. Renew with a refresh token, or by a login in the "
        "window itself.");
}
