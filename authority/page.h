/* SPDX-License-Identifier: Apache-2.0 */
/* The authority's pages: server-rendered, no script needed, one style sheet inline by its hash, nothing loaded from
 * anywhere. Text goes through sp_page_text, which escapes; only literals are appended raw. Words stand in texts.def. */
#ifndef SP_AUTHORITY_PAGE_H
#define SP_AUTHORITY_PAGE_H

#include "authority/authority.h"
#include "authority/language.h"

enum sp_text {
#define TEXT(NAME, ...) SP_TEXT_##NAME,
#include "authority/texts.def"
#undef TEXT
    SP_TEXT_COUNT
};

/* Of the person who reads the call's answer: by its ui_locales, then its Accept-Language. */
enum sp_language sp_call_language(const struct sp_call *call);
/* In that language. */
struct sp_str sp_text_get(const struct sp_call *call, enum sp_text text);

struct sp_page {
    struct sp_call *call;
    struct sp_buffer html; /* of the body */
    struct sp_str title;
    bool is_trouble;             /* something did not work: the title says so first, for whoever hears the page */
    struct sp_str form_targets;  /* CSP sources beside 'self' that a form's answer may redirect to */
    struct sp_str frame_sources; /* CSP sources of frames; absent: none may be loaded */
    struct sp_str image_sources; /* likewise of images */
    struct sp_str script_hash;   /* CSP source of the one script; absent: none may run */
    bool has_own_form;           /* own_form.h: the browser may tell us, and nobody else, where it is sent from */
};

void sp_page_begin(struct sp_page *page, struct sp_call *call, struct sp_str title);
/* With room for lists. */
void sp_page_begin_wide(struct sp_page *page, struct sp_call *call, struct sp_str title);
/* printf into the page; arguments are trusted (literals and numbers). */
void sp_page_raw(struct sp_page *page, struct sp_str html);
/* Escaped: for anything from outside or from texts.def, as content or inside a quoted attribute. */
void sp_page_text(struct sp_page *page, struct sp_str text);
/* <p>text</p> with {0} replaced by value. */
void sp_page_paragraph(struct sp_page *page, enum sp_text text, struct sp_str value);
/* The same without the paragraph. */
void sp_page_words(struct sp_page *page, enum sp_text text, struct sp_str value);
void sp_page_hidden(struct sp_page *page, const char *name, struct sp_str value);
/* <button name=step value=…>; the main one stands out. What gives up is a form of its own: a browser lets no form go
 * whose fields are not filled in. */
void sp_page_button(struct sp_page *page, const char *step, enum sp_text text, bool is_main);
/* Of one row of many: `row` and its number are the id of the row's name, which whoever hears the page is told, too. */
void sp_page_row_button(struct sp_page *page, const char *step, enum sp_text text, const char *row, size_t number);
/* <strong id=…>name</strong> of such a row. */
void sp_page_row_name(struct sp_page *page, struct sp_str name, const char *row, size_t number);
void sp_page_label(struct sp_page *page, const char *id, enum sp_text text);
/* The page's one script, a literal, allowed by its hash. */
void sp_page_script(struct sp_page *page, struct sp_str script);
/* In an <input>'s tag: what the alert says is about it. Writes nothing where there was none. */
void sp_page_field_trouble(struct sp_page *page);
/* For password managers, in a form that has a new password and no name: whose it is. Not sent. */
void sp_page_account_name(struct sp_page *page, struct sp_str name);
/* <div role=alert id=trouble> with the text; value as in sp_page_paragraph. */
void sp_page_alert(struct sp_page *page, enum sp_text text, struct sp_str value);
/* Small print for those who run the service: the number by which the log knows this call, and what was found. */
void sp_page_request(struct sp_page *page, enum sp_cause cause);
/* Writes the answer with its security headers. */
void sp_page_end(struct sp_page *page, int status);

/* scheme://host[:port], or scheme: of what is no web address, for the sources of the page's policy. It stands in a
 * header: absent where it holds anything that an origin is not made of. */
struct sp_str sp_page_origin(struct sp_arena *arena, struct sp_str uri);

#endif
