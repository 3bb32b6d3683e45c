/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/upstream_pages.h"

#include "authority/handle.h"

static void write_link(struct sp_page *page, struct sp_str url, const char *kind)
{
    sp_page_raw(page, SP_STR("<a class=\""));
    sp_page_raw(page, sp_str_from_cstr(kind));
    sp_page_raw(page, SP_STR("\" href=\""));
    sp_page_text(page, url);
    sp_page_raw(page, SP_STR("\">"));
}

/* Links and not buttons of the form: a form's answer may not redirect to another origin (CSP form-action). */
void sp_upstream_buttons(struct sp_page *page, const struct sp_visit *visit)
{
    const struct sp_authority_settings *settings = page->call->authority->settings;
    if (settings->upstream_count == 0)
        return;
    sp_page_raw(page, SP_STR("<p class=\"or quiet\">"));
    sp_page_text(page, sp_text_get(page->call, SP_TEXT_UPSTREAM_OR));
    sp_page_raw(page, SP_STR("</p>"));
    for (size_t i = 0; i < settings->upstream_count; i++) {
        const struct sp_upstream_provider *upstream = &settings->upstreams[i];
        write_link(page,
                   sp_arena_printf(page->call->arena, "%.*s/upstream/%.*s?visit=%.*s", SP_STR_ARG(settings->base),
                                   SP_STR_ARG(upstream->id), SP_STR_ARG(visit->handle)),
                   "button other");
        sp_page_words(page, SP_TEXT_UPSTREAM_BUTTON, upstream->name);
        sp_page_raw(page, SP_STR("</a>"));
    }
}

void sp_upstream_link_notice(struct sp_page *page, const struct sp_visit *visit)
{
    const struct sp_authority_settings *settings = page->call->authority->settings;
    struct sp_str issuer = sp_str_slice(visit->link, 0, sp_str_index_of(visit->link, ' ', 0));
    for (size_t i = 0; visit->link.at != NULL && i < settings->upstream_count; i++)
        if (sp_str_equal(settings->upstreams[i].issuer, issuer)) {
            sp_page_raw(page, SP_STR("<div class=\"done\" role=\"status\">"));
            sp_page_paragraph(page, SP_TEXT_UPSTREAM_LINK, settings->upstreams[i].name);
            sp_page_raw(page, SP_STR("</div>"));
            return;
        }
}

static enum sp_text words_for(const struct sp_denial *denial)
{
    if (denial->cause == SP_CAUSE_LOGIN_UPSTREAM_UNKNOWN)
        return SP_TEXT_UPSTREAM_UNKNOWN;
    bool declined =
        denial->cause == SP_CAUSE_CALLBACK_ERROR && sp_str_has_prefix(denial->received, SP_STR("access_denied"));
    return declined ? SP_TEXT_UPSTREAM_DECLINED : SP_TEXT_UPSTREAM_FAILED;
}

enum sp_step sp_upstream_failure_page(struct sp_call *call, const struct sp_denial *denial)
{
    const struct sp_upstream_failure *failure = call->deny_context;
    struct sp_page page;
    if (call->asked.request_id.len == 0) /* no gateway gave it one: the log gets it too */
        call->asked.request_id = sp_handle_make(call->arena, "", 12);
    sp_page_begin(&page, call, sp_text_get(call, SP_TEXT_UPSTREAM_FAILED_TITLE));
    sp_page_raw(&page, SP_STR("<div role=\"alert\">"));
    sp_page_paragraph(&page, words_for(denial), failure->upstream->name);
    sp_page_raw(&page, SP_STR("</div>"));
    if (failure->visit.at != NULL) {
        write_link(&page,
                   sp_arena_printf(call->arena, "%.*s?visit=%.*s", SP_STR_ARG(sp_authority_url(call, "/signin")),
                                   SP_STR_ARG(failure->visit)),
                   "button");
        sp_page_text(&page, sp_text_get(call, SP_TEXT_UPSTREAM_BACK));
        sp_page_raw(&page, SP_STR("</a>"));
    }
    sp_page_request(&page, denial->cause);
    int status = denial->status != 0 ? denial->status : 400;
    sp_page_end(&page, status);
    return SP_DENIED;
}
