/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/page.h"

#include "authority/handle.h"
#include "core/base/url.h"
#include "core/diagnosis/cause.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define MAX_PAGE_BYTES (256u * 1024)

static const char style[] =
    "*{box-sizing:border-box}"
    "body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1rem;background:#"
    "eef1f4;color:#1b2530;"
    "font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "main{width:100%;max-width:26rem;background:#fff;border-radius:.75rem;padding:2rem 1.75rem;box-shadow:0 1px 3px "
    "rgba(0,0,0,.15);overflow-wrap:anywhere}"
    "h1{margin:0 0 .25rem;font-size:1.5rem;line-height:1.2}"
    "p{margin:.25rem 0 1rem}"
    "label{display:block;margin:1rem 0 .3rem;font-weight:600}"
    "input{width:100%;padding:.7rem .8rem;font:inherit;color:inherit;background:#fff;border:1px solid "
    "#7a8794;border-radius:.45rem}"
    "button{width:100%;margin-top:1rem;padding:.75rem "
    "1rem;font:inherit;font-weight:600;color:#fff;background:#1d5fbf;border:1px solid #1d5fbf;"
    "border-radius:.45rem;cursor:pointer}"
    "a.button{display:block;margin-top:1rem;padding:.75rem "
    "1rem;font-weight:600;text-align:center;text-decoration:none;color:#fff;"
    "background:#1d5fbf;border:1px solid #1d5fbf;border-radius:.45rem}a.button "
    "strong{font-weight:inherit}"
    ".wide form{max-width:26rem}form+p,.done+p,.alert+p{margin-top:1rem}a{color:#1d5fbf}"
    ".or{text-align:center;margin:1.25rem 0 0}.small{font-size:.875rem;margin-top:1.5rem}li "
    "p{margin:.15rem 0}"
    "a.other,button.other{color:#1b2530;background:#fff;border-color:#7a8794}"
    "input:focus-visible,button:focus-visible,a:focus-visible,summary:focus-visible{outline:3px solid "
    "#f0a500;outline-offset:2px}"
    "ul{padding-left:1.2rem}"
    ".alert{padding:.7rem .9rem;margin:1rem 0 0;border-radius:.45rem;border:1px solid "
    "#b3261e;color:#8c1d18;background:#fdecea}"
    ".quiet{color:#56636f}"
    ".done{padding:.7rem .9rem;margin:1rem 0 0;border-radius:.45rem;border:1px solid "
    "#2e7d4f;color:#1d5636;background:#e8f5ec}"
    ".alert p,.done p{margin:0}"
    "main.wide{max-width:44rem}"
    "section{margin-top:1.75rem;padding-top:1.25rem;border-top:1px solid #d3dae0}"
    "h2{margin:0 0 .75rem;font-size:1.15rem;line-height:1.3}"
    "ul.rows{list-style:none;margin:0;padding:0}"
    "ul.rows>li{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;justify-content:space-between;padding:"
    ".75rem 0}"
    "ul.rows>li+li{border-top:1px solid #d3dae0}"
    "ul.rows>li>div{flex:1 1 14rem;min-width:0;overflow-wrap:anywhere}ul.rows ul{margin:.25rem 0}"
    ".wide button{width:auto}.wide ul.rows button{margin:0;padding:.5rem .9rem}"
    ".tag{font-size:.85rem;padding:.1rem .5rem;border-radius:1rem;background:#dfeafb;color:#16437f;white-space:nowrap}"
    "dl.facts{display:grid;grid-template-columns:minmax(7rem,auto) 1fr;gap:.35rem 1.25rem;margin:0}"
    "dl.facts dt{margin:0;font-weight:400;color:#56636f}dl.facts dd{font:inherit;white-space:normal;word-break:"
    "normal;overflow-wrap:anywhere}"
    "dt{font-weight:600;margin-top:.75rem}dd{margin:0;font-family:ui-monospace,Menlo,Consolas,"
    "monospace;white-space:pre-wrap;word-break:break-all}"
    "mark{background:#ffd54d;color:#000;outline:1px solid #000}"
    "img.logo{display:block;max-width:100%;max-height:4rem;margin:0 0 1rem;border-radius:.45rem}"
    "svg.qr{display:block;width:100%;max-width:14rem;margin:1rem auto;border-radius:.45rem}"
    ".key,ol.codes{font-family:ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}"
    "ol.codes{columns:2 10rem;padding-left:2.5rem}ol.codes li{break-inside:avoid}"
    "details{margin-top:1.25rem}summary{cursor:pointer}[hidden]{display:none}"
    /* Names from outside, in either direction, turn nothing around them. */
    "strong{unicode-bidi:plaintext}"
    "@media print{body{display:block;background:none}main{box-shadow:none;max-width:none}button,a.button{display:none}}"
    "@media(prefers-color-scheme:dark){body{background:#12181f;color:#e8edf2}a{color:#8ab8ff}a.button{color:#fff}"
    "button,a.button{border-color:#6f9fe6}main{"
    "background:#1d2630}"
    "input{background:#12181f;border-color:#8796a5}a.other,button.other{color:#e8edf2;background:transparent;border-"
    "color:#"
    "8796a5}.quiet{color:#a9b6c2}"
    ".alert{background:#3b1512;color:#ffb4ab}.done{background:#12301f;color:#a6e3bd}"
    "section,ul.rows>li+li{border-color:#3a4653}.tag{background:#1f3f6b;color:#d6e6ff}dl.facts dt{color:#a9b6c2}}";

static const struct sp_str translations[SP_TEXT_COUNT][SP_LANGUAGE_COUNT] = {
#define TEXT(NAME, english, german)                                                                                    \
    [SP_TEXT_##NAME] = {                                                                                               \
        [SP_LANGUAGE_ENGLISH] = {english, sizeof english - 1}, [SP_LANGUAGE_GERMAN] = {german, sizeof german - 1}},
#include "authority/texts.def"
#undef TEXT
};
/* Nobody is shown an empty button. */
#define TEXT(NAME, english, german)                                                                                    \
    _Static_assert(sizeof english > 1 && sizeof german > 1, "texts.def: " #NAME " lacks a language");
#include "authority/texts.def"
#undef TEXT

enum sp_language sp_call_language(const struct sp_call *call)
{
    return sp_language_choose(sp_call_parameter(call, "ui_locales"), call->asked.accept_language);
}

struct sp_str sp_text_get(const struct sp_call *call, enum sp_text text)
{
    return translations[text][sp_call_language(call)];
}

void sp_page_raw(struct sp_page *page, struct sp_str html)
{
    sp_buffer_append(&page->html, html);
}

void sp_page_text(struct sp_page *page, struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        struct sp_str escape = c == '&'    ? SP_STR("&amp;")
                               : c == '<'  ? SP_STR("&lt;")
                               : c == '>'  ? SP_STR("&gt;")
                               : c == '"'  ? SP_STR("&quot;")
                               : c == '\'' ? SP_STR("&#39;")
                                           : SP_STR_NONE;
        if (escape.at != NULL)
            sp_buffer_append(&page->html, escape);
        else
            sp_buffer_append_char(&page->html, c);
    }
}

static void begin(struct sp_page *page, struct sp_call *call, struct sp_str title, struct sp_str main_tag)
{
    *page = (struct sp_page){.call = call, .title = title};
    sp_buffer_init(&page->html, call->arena, MAX_PAGE_BYTES);
    sp_page_raw(page, main_tag);
    sp_page_raw(page, SP_STR("<h1>"));
    sp_page_text(page, title);
    sp_page_raw(page, SP_STR("</h1>"));
}

void sp_page_begin(struct sp_page *page, struct sp_call *call, struct sp_str title)
{
    begin(page, call, title, SP_STR("<main>"));
}

void sp_page_begin_wide(struct sp_page *page, struct sp_call *call, struct sp_str title)
{
    begin(page, call, title, SP_STR("<main class=\"wide\">"));
}

void sp_page_words(struct sp_page *page, enum sp_text text, struct sp_str value)
{
    struct sp_str words = sp_text_get(page->call, text);
    size_t place = 0;
    while (place + 3 <= words.len && memcmp(words.at + place, "{0}", 3) != 0)
        place++;
    bool found = place + 3 <= words.len;
    sp_page_text(page, sp_str_slice(words, 0, found ? place : words.len));
    if (found) {
        sp_page_raw(page, SP_STR("<strong>"));
        sp_page_text(page, value);
        sp_page_raw(page, SP_STR("</strong>"));
        sp_page_text(page, sp_str_slice(words, place + 3, words.len));
    }
}

void sp_page_paragraph(struct sp_page *page, enum sp_text text, struct sp_str value)
{
    sp_page_raw(page, SP_STR("<p>"));
    sp_page_words(page, text, value);
    sp_page_raw(page, SP_STR("</p>"));
}

void sp_page_hidden(struct sp_page *page, const char *name, struct sp_str value)
{
    sp_page_raw(page, SP_STR("<input type=\"hidden\" name=\""));
    sp_page_text(page, sp_str_from_cstr(name));
    sp_page_raw(page, SP_STR("\" value=\""));
    sp_page_text(page, value);
    sp_page_raw(page, SP_STR("\">"));
}

static struct sp_str hash_source(struct sp_call *call, struct sp_str text)
{
    unsigned char hash[32];
    struct sp_str encoded = SP_STR_NONE;
    sp_sha256(text, hash);
    if (sp_base64_encode(call->arena, sp_str((const char *)hash, sizeof hash), &encoded) != SP_OK)
        return SP_STR("'none'");
    return sp_arena_printf(call->arena, "'sha256-%.*s'", SP_STR_ARG(encoded));
}

void sp_page_script(struct sp_page *page, struct sp_str script)
{
    page->script_hash = hash_source(page->call, script);
    sp_page_raw(page, SP_STR("<script>"));
    sp_page_raw(page, script);
    sp_page_raw(page, SP_STR("</script>"));
}

void sp_page_alert(struct sp_page *page, enum sp_text text, struct sp_str value)
{
    page->is_trouble = true;
    sp_page_raw(page, SP_STR("<div class=\"alert\" role=\"alert\" id=\"trouble\">"));
    sp_page_paragraph(page, text, value);
    sp_page_raw(page, SP_STR("</div>"));
}

void sp_page_field_trouble(struct sp_page *page)
{
    if (page->is_trouble)
        sp_page_raw(page, SP_STR(" aria-invalid=\"true\" aria-describedby=\"trouble\""));
}

void sp_page_account_name(struct sp_page *page, struct sp_str name)
{
    sp_page_raw(page, SP_STR("<input hidden readonly autocomplete=\"username\" value=\""));
    sp_page_text(page, name);
    sp_page_raw(page, SP_STR("\">"));
}

/* The head is written last: until then nobody knows what its title is. */
static void put_head(struct sp_page *page)
{
    const struct sp_buffer body = page->html;
    struct sp_call *call = page->call;
    sp_buffer_init(&page->html, call->arena, MAX_PAGE_BYTES);
    sp_page_raw(page, SP_STR("<!doctype html>\n<html lang=\""));
    sp_page_text(page, sp_language_tag(sp_call_language(call)));
    sp_page_raw(page, SP_STR("\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                             "content=\"width=device-width,initial-scale=1\"><meta "
                             "name=\"robots\" content=\"noindex\"><title>"));
    if (page->is_trouble) {
        sp_page_text(page, sp_text_get(call, SP_TEXT_TROUBLE));
        sp_page_raw(page, SP_STR(": "));
    }
    sp_page_text(page, page->title);
    sp_page_raw(page, SP_STR("</title><style>"));
    sp_page_raw(page, sp_str_from_cstr(style));
    sp_page_raw(page, SP_STR("</style></head><body>"));
    if (sp_buffer_status(&body) == SP_OK)
        sp_page_raw(page, sp_buffer_str(&body));
    else
        page->html = body; /* whoever reads it sees why */
}

void sp_page_request(struct sp_page *page, enum sp_cause cause)
{
    sp_page_raw(page, SP_STR("<div class=\"quiet small\">"));
    sp_page_paragraph(page, SP_TEXT_REQUEST_ID, page->call->asked.request_id);
    sp_page_raw(page, SP_STR("<p lang=\"en\"><code>"));
    sp_page_text(page, sp_cause_get(cause)->id);
    sp_page_raw(page, SP_STR("</code></p></div>"));
}

void sp_page_end(struct sp_page *page, int status)
{
    struct sp_call *call = page->call;
    sp_page_raw(page, SP_STR("</main></body></html>\n"));
    put_head(page);
    sp_answer_json(call, status, &page->html);
    if (call->answer.status != status)
        return; /* it did not fit: the answer says so */
    call->answer.content_type = "text/html; charset=utf-8";
    struct sp_str script = page->script_hash.at != NULL ? page->script_hash : SP_STR("'none'"),
                  frames = page->frame_sources.len > 0 ? page->frame_sources : SP_STR("'none'"),
                  images = page->image_sources.len > 0 ? page->image_sources : SP_STR("'none'");
    sp_answer_header(call, "Content-Security-Policy",
                     sp_arena_printf(call->arena,
                                     "default-src 'none'; style-src %.*s; script-src %.*s; form-action 'self' %.*s; "
                                     "frame-src %.*s; img-src %.*s; frame-ancestors 'none'; base-uri 'none'",
                                     SP_STR_ARG(hash_source(call, sp_str_from_cstr(style))), SP_STR_ARG(script),
                                     SP_STR_ARG(page->form_targets), SP_STR_ARG(frames), SP_STR_ARG(images)));
    /* With no-referrer a browser writes `Origin: null` also where a form goes home. */
    sp_answer_header(call, "Referrer-Policy", page->has_own_form ? SP_STR("same-origin") : SP_STR("no-referrer"));
    sp_answer_header(call, "X-Frame-Options", SP_STR("DENY"));
    sp_answer_header(call, "Content-Language", sp_language_tag(sp_call_language(call)));
}

/* RFC 3986's characters of a scheme, a name, an address, a port: nothing that ends a source or a directive. */
static bool is_source(struct sp_str origin)
{
    for (size_t i = 0; i < origin.len; i++) {
        char c = origin.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || strchr("+.-:/[]_", c) == NULL))
            return false;
    }
    return origin.len > 0;
}

struct sp_str sp_page_origin(struct sp_arena *arena, struct sp_str uri)
{
    struct sp_url url;
    struct sp_str origin = sp_str_slice(uri, 0, sp_str_index_of(uri, ':', 0) + 1);
    if (sp_url_split(uri, &url) == SP_OK &&
        (sp_str_equal(url.scheme, SP_STR("https")) || sp_str_equal(url.scheme, SP_STR("http"))))
        origin = sp_arena_printf(arena, "%.*s://%.*s%s%.*s", SP_STR_ARG(url.scheme), SP_STR_ARG(url.host),
                                 url.port.at != NULL ? ":" : "", SP_STR_ARG(url.port));
    return is_source(origin) ? origin : SP_STR_NONE;
}

static void write_button(struct sp_page *page, const char *step, enum sp_text text, struct sp_str attributes)
{
    sp_page_raw(page, SP_STR("<button name=\"step\" value=\""));
    sp_page_text(page, sp_str_from_cstr(step));
    sp_page_raw(page, SP_STR("\""));
    sp_page_raw(page, attributes);
    sp_page_raw(page, SP_STR(">"));
    sp_page_text(page, sp_text_get(page->call, text));
    sp_page_raw(page, SP_STR("</button>"));
}

void sp_page_button(struct sp_page *page, const char *step, enum sp_text text, bool is_main)
{
    write_button(page, step, text, is_main ? SP_STR("") : SP_STR(" class=\"other\""));
}

void sp_page_row_button(struct sp_page *page, const char *step, enum sp_text text, const char *row, size_t number)
{
    write_button(page, step, text,
                 sp_arena_printf(page->call->arena, " class=\"other\" aria-describedby=\"%s-%zu\"", row, number));
}

void sp_page_row_name(struct sp_page *page, struct sp_str name, const char *row, size_t number)
{
    sp_page_raw(page, sp_arena_printf(page->call->arena, "<strong id=\"%s-%zu\">", row, number));
    sp_page_text(page, name);
    sp_page_raw(page, SP_STR("</strong>"));
}

void sp_page_label(struct sp_page *page, const char *id, enum sp_text text)
{
    sp_page_raw(page, SP_STR("<label for=\""));
    sp_page_text(page, sp_str_from_cstr(id));
    sp_page_raw(page, SP_STR("\">"));
    sp_page_text(page, sp_text_get(page->call, text));
    sp_page_raw(page, SP_STR("</label>"));
}
