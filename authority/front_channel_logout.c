/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/front_channel_logout.h"

#include "authority/client_directory.h"
#include "authority/page.h"

/* A client that does not answer keeps nobody here. To Chromium a page has loaded when its frames have, and a Refresh
 * begins then. With scripts a timer ends the wait. Without them the frames are ours at first, which load at once, and
 * refresh themselves to where the client is: the page has loaded by then. */
#define LONGEST_WAIT_S 5

static const struct sp_client *find(struct sp_call *call, struct sp_str id)
{
    const struct sp_client *client = sp_client_look_up_or_none(call, id);
    return client != NULL && sp_page_origin(call->arena, client->frontchannel_logout_uri).len > 0 ? client : NULL;
}

bool sp_front_channel_logout_is_due(struct sp_call *call, const struct sp_session *session)
{
    for (size_t i = 0; i < session->clients.count; i++)
        if (find(call, session->clients.at[i]) != NULL)
            return true;
    return false;
}

static struct sp_str frame_url(struct sp_call *call, const struct sp_client *client, const struct sp_session *session)
{
    struct sp_str uri = client->frontchannel_logout_uri;
    struct sp_buffer url;
    if (!client->frontchannel_logout_session_required)
        return uri;
    sp_answer_buffer(call, &url);
    sp_buffer_append(&url, uri);
    char separator = sp_str_index_of(uri, '?', 0) < uri.len ? '&' : '?';
    sp_form_add(&url, &separator, "iss", call->authority->settings->issuer);
    sp_form_add(&url, &separator, "sid", session->sid);
    return sp_buffer_status(&url) == SP_OK ? sp_buffer_str(&url) : uri;
}

static void add_source(struct sp_call *call, struct sp_str *sources, struct sp_str origin)
{
    struct sp_str rest = *sources, known;
    while (sp_str_next_word(&rest, SP_STR(" "), &known))
        if (sp_str_equal(known, origin))
            return;
    *sources = sp_arena_printf(call->arena, "%.*s%s%.*s", SP_STR_ARG(*sources), sources->len > 0 ? " " : "",
                               SP_STR_ARG(origin));
}

static void write_frame(struct sp_page *page, const struct sp_client *client, struct sp_str url)
{
    sp_page_raw(page, SP_STR("<iframe hidden title=\""));
    sp_page_text(page, client->name);
    sp_page_raw(page, SP_STR("\" src=\""));
    sp_page_text(page, url);
    sp_page_raw(page, SP_STR("\"></iframe>"));
}

/* The URL stands in an attribute of a document that stands in an attribute. */
static void write_late_frame(struct sp_page *page, const struct sp_client *client, struct sp_str url)
{
    struct sp_page inner = {.call = page->call};
    sp_answer_buffer(page->call, &inner.html);
    sp_page_raw(&inner, SP_STR("<meta http-equiv=\"refresh\" content=\"0;url="));
    sp_page_text(&inner, url);
    sp_page_raw(&inner, SP_STR("\">"));
    if (sp_buffer_status(&inner.html) != SP_OK)
        return;
    sp_page_raw(page, SP_STR("<iframe hidden title=\""));
    sp_page_text(page, client->name);
    sp_page_raw(page, SP_STR("\" srcdoc=\""));
    sp_page_text(page, sp_buffer_str(&inner.html));
    sp_page_raw(page, SP_STR("\"></iframe>"));
}

static void write_frames(struct sp_page *page, const struct sp_session *session,
                         void put(struct sp_page *, const struct sp_client *, struct sp_str))
{
    struct sp_call *call = page->call;
    for (size_t i = 0; i < session->clients.count; i++) {
        const struct sp_client *client = find(call, session->clients.at[i]);
        if (client == NULL)
            continue;
        add_source(call, &page->frame_sources, sp_page_origin(call->arena, client->frontchannel_logout_uri));
        put(page, client, frame_url(call, client, session));
    }
}

static void write_way(struct sp_page *page, struct sp_str next)
{
    sp_page_paragraph(page, SP_TEXT_SIGNED_OUT_TELLING, SP_STR_NONE);
    sp_page_raw(page, SP_STR("<a class=\"button\" id=\"next\" autofocus href=\""));
    sp_page_text(page, next);
    sp_page_raw(page, SP_STR("\">"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_CONTINUE));
    sp_page_raw(page, SP_STR("</a>"));
}

static void write_passing_frames(struct sp_page *page, const struct sp_session *session)
{
    static const char script[] = "const go=()=>location.replace(document.getElementById('next').href);"
                                 "document.body.append(document.getElementById('frames').content);"
                                 "addEventListener('load',go);setTimeout(go,5000)";
    sp_page_raw(page, SP_STR("<template id=\"frames\">"));
    write_frames(page, session, write_frame);
    sp_page_raw(page, SP_STR("</template><noscript>"));
    write_frames(page, session, write_late_frame);
    sp_page_raw(page, SP_STR("</noscript>"));
    sp_page_script(page, sp_str_from_cstr(script));
}

void sp_front_channel_logout_page(struct sp_call *call, const struct sp_session *session, struct sp_str next)
{
    struct sp_page page;
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_SIGNED_OUT_TITLE));
    sp_page_paragraph(&page, SP_TEXT_SIGNED_OUT, SP_STR_NONE);
    if (next.at != NULL) {
        write_way(&page, next);
        write_passing_frames(&page, session);
    } else {
        write_frames(&page, session, write_frame);
    }
    sp_page_end(&page, 200);
    if (next.at != NULL && call->answer.status == 200)
        sp_answer_header(call, "Refresh",
                         sp_arena_printf(call->arena, "%d;url=%.*s", LONGEST_WAIT_S, SP_STR_ARG(next)));
}
