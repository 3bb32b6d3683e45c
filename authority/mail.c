/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/mail.h"

#include <time.h>
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/outgoing.h"
#include "core/base/secret.h"
#include "core/jose/base64url.h"
#include "core/jose/crypto.h"

#define MAX_MESSAGE_BYTES (32u * 1024)
/* RFC 2047 2: a line with encoded words has at most 76 characters; 39 bytes are 52 of base64. */
#define WORD_BYTES 39u
/* RFC 2045 6.8: lines of at most 76 characters; 57 bytes are 76 of base64. */
#define LINE_BYTES 57u

bool sp_mail_is_offered(const struct sp_call *call)
{
    return call->authority->settings->mail.url.at != NULL;
}

/* ---- the message ---- */
static void append_base64(struct sp_arena *arena, struct sp_buffer *out, struct sp_str text)
{
    struct sp_str encoded = SP_STR_NONE;
    if (sp_base64_encode(arena, text, &encoded) == SP_OK)
        sp_buffer_append(out, encoded);
    else
        out->status = SP_NO_MEMORY;
}

/* Never cuts inside a character. */
static size_t piece_end(struct sp_str text, size_t from, size_t most)
{
    size_t end = from + most < text.len ? from + most : text.len;
    while (end < text.len && end > from && ((unsigned char)text.at[end] & 0xC0) == 0x80)
        end--;
    return end;
}

static void append_subject(struct sp_arena *arena, struct sp_buffer *out, struct sp_str subject)
{
    sp_buffer_append(out, SP_STR("Subject:"));
    for (size_t from = 0; from < subject.len;) {
        size_t end = piece_end(subject, from, WORD_BYTES);
        sp_buffer_append(out, from == 0 ? SP_STR(" =?UTF-8?B?") : SP_STR("\r\n =?UTF-8?B?"));
        append_base64(arena, out, sp_str_slice(subject, from, end));
        sp_buffer_append(out, SP_STR("?="));
        from = end;
    }
    sp_buffer_append(out, SP_STR("\r\n"));
}

struct sp_str sp_mail_compose(struct sp_arena *arena, struct sp_str from, struct sp_str to, struct sp_str subject,
                              struct sp_str body, struct sp_str id, int64_t now)
{
    /* strftime's names of days and months are the locale's; the program never leaves "C". */
    char date[64];
    struct tm broken;
    time_t seconds = (time_t)now;
    struct sp_buffer out;
    sp_buffer_init(&out, arena, MAX_MESSAGE_BYTES);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime_r(&seconds, &broken));
    struct sp_str host = sp_str_slice(from, sp_str_index_of(from, '@', 0) + 1, from.len);
    sp_buffer_printf(&out, "Date: %s\r\nFrom: <%.*s>\r\nTo: <%.*s>\r\nMessage-ID: <%.*s@%.*s>\r\n", date,
                     SP_STR_ARG(from), SP_STR_ARG(to), SP_STR_ARG(id), SP_STR_ARG(host));
    append_subject(arena, &out, subject);
    sp_buffer_append(&out, SP_STR("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                  "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n"));
    for (size_t at = 0; at < body.len; at += LINE_BYTES) {
        append_base64(arena, &out, sp_str_slice(body, at, at + LINE_BYTES < body.len ? at + LINE_BYTES : body.len));
        sp_buffer_append(&out, SP_STR("\r\n"));
    }
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}

/* ---- links ---- */
static const struct {
    const char *path;
    struct sp_str name;
    enum sp_text subject, body;
} purposes[] = {
    [SP_MAIL_VERIFY] = {"/email", {"verify", 6}, SP_TEXT_MAIL_VERIFY_SUBJECT, SP_TEXT_MAIL_VERIFY_BODY},
    [SP_MAIL_RESET] = {"/reset", {"reset", 5}, SP_TEXT_MAIL_RESET_SUBJECT, SP_TEXT_MAIL_RESET_BODY},
};

/* So that one message cannot be put in the place of another. */
static struct sp_str seal_label(struct sp_arena *arena, struct sp_str to)
{
    return sp_arena_printf(arena, "mail to %.*s", SP_STR_ARG(to));
}

/* {"sealed": …}; wipes what it sealed. */
static struct sp_str seal(struct sp_call *call, struct sp_str to, struct sp_str plain)
{
    struct sp_str sealed, label = seal_label(call->arena, to);
    enum sp_status status =
        label.at != NULL ? sp_key_ring_seal(call->authority->keys, label, plain, call->arena, &sealed) : SP_NO_MEMORY;
    sp_wipe((char *)(uintptr_t)plain.at, plain.len);
    return status == SP_OK ? sp_arena_printf(call->arena, "{\"sealed\":\"%.*s\"}",
                                             SP_STR_ARG(sp_base64url_of(call->arena, sealed.at, sealed.len)))
                           : SP_STR_NONE;
}

static enum sp_status unseal(const struct sp_authority *authority, struct sp_arena *arena,
                             const struct sp_outgoing *message, struct sp_str *plain)
{
    struct sp_str sealed, label = seal_label(arena, message->to),
                          text = sp_json_string(sp_json_member(message->content, SP_STR("sealed")));
    enum sp_status status =
        text.at != NULL && label.at != NULL ? sp_base64url_decode(arena, text, &sealed) : SP_MALFORMED;
    return status == SP_OK ? sp_key_ring_unseal(authority->keys, label, sealed, arena, plain) : status;
}

static struct sp_str write_content(struct sp_call *call, enum sp_text subject, struct sp_str words)
{
    const struct sp_authority_settings *settings = call->authority->settings;
    struct sp_str name = settings->mail.name.at != NULL ? settings->mail.name : settings->issuer;
    struct sp_str body =
        sp_arena_printf(call->arena, "%.*s\r\n\r\n%.*s\r\n\r\n%.*s\r\n",
                        SP_STR_ARG(sp_text_get(call, SP_TEXT_MAIL_GREETING)), SP_STR_ARG(words), SP_STR_ARG(name));
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "subject", sp_text_get(call, subject));
    sp_json_string_member(&json, "body", body);
    sp_json_string_member(&json, "id", sp_handle_make(call->arena, "", 16));
    sp_json_end_object(&json);
    return words.at != NULL && body.at != NULL && sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static struct sp_str write_link(struct sp_call *call, enum sp_mail_purpose purpose, struct sp_str link)
{
    struct sp_str words = sp_arena_printf(call->arena, "%.*s\r\n\r\n%.*s\r\n\r\n%.*s",
                                          SP_STR_ARG(sp_text_get(call, purposes[purpose].body)), SP_STR_ARG(link),
                                          SP_STR_ARG(sp_text_get(call, SP_TEXT_MAIL_OTHERWISE)));
    return write_content(call, purposes[purpose].subject, words);
}

static enum sp_status put_ticket(struct sp_call *call, struct sp_str purpose, const struct sp_mail_link *link,
                                 struct sp_str *handle)
{
    struct sp_store *store = call->authority->store;
    struct sp_buffer data;
    struct sp_json_writer json;
    *handle = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    sp_answer_buffer(call, &data);
    sp_json_writer_init(&json, &data, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "purpose", purpose);
    sp_json_string_member(&json, "email", link->email);
    if (link->mark.at != NULL)
        sp_json_string_member(&json, "mark", link->mark);
    sp_json_end_object(&json);
    if (handle->at == NULL || sp_buffer_status(&data) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_ticket ticket = {.kind = SP_TICKET_MAIL,
                               .subject = link->subject,
                               .issued_at = call->now,
                               .expires_at = call->now + SP_MAIL_LINK_LIFETIME_S,
                               .data = sp_buffer_str(&data)};
    sp_sha256(*handle, ticket.hash);
    return store->methods->put_ticket(store, &ticket, NULL);
}

/* to: whom the message is for; absent: nobody, and it is dropped by the outbox. */
static enum sp_status put(struct sp_call *call, const struct sp_mail_link *link, struct sp_str name, struct sp_str to)
{
    struct sp_str handle;
    enum sp_status status = put_ticket(call, name, link, &handle);
    if (status != SP_OK)
        return status;
    struct sp_str url = sp_arena_printf(call->arena, "%.*s?ticket=%.*s&ui_locales=%.*s",
                                        SP_STR_ARG(sp_authority_url(call, purposes[link->purpose].path)),
                                        SP_STR_ARG(handle), SP_STR_ARG(sp_language_tag(sp_call_language(call))));
    struct sp_str content = url.at != NULL ? write_link(call, link->purpose, url) : SP_STR_NONE;
    if (content.at != NULL)
        content = seal(call, link->email, content);
    return content.at != NULL ? sp_outgoing_put(call, SP_OUTGOING_MAIL, to, link->subject, content) : SP_NO_MEMORY;
}

enum sp_status sp_mail_send_link(struct sp_call *call, const struct sp_mail_link *link)
{
    return put(call, link, purposes[link->purpose].name, link->email);
}

enum sp_status sp_mail_send_notice(struct sp_call *call, struct sp_str owner, struct sp_str to, struct sp_str words)
{
    struct sp_str content = write_content(call, SP_TEXT_NOTICE_SUBJECT, words);
    if (content.at != NULL)
        content = seal(call, to, content);
    return content.at != NULL ? sp_outgoing_put(call, SP_OUTGOING_NOTICE, to, owner, content) : SP_NO_MEMORY;
}

enum sp_status sp_mail_pretend(struct sp_call *call)
{
    static const struct sp_mail_link nobody = {.purpose = SP_MAIL_RESET, .email = {"nobody@example.invalid", 22}};
    return put(call, &nobody, SP_STR("nothing"), SP_STR_NONE);
}

void sp_mail_link_note_gone(struct sp_call *call)
{
    call->finding = (struct sp_finding){
        .cause = SP_CAUSE_MAIL_LINK_GONE,
        .expected = SP_STR("a link of the last hour, not used, of an account that is as it was then"),
        .received =
            SP_STR("cut, used, of more than an hour ago, or of before the account's password or address changed")};
}

enum sp_status sp_mail_link_find(struct sp_call *call, enum sp_mail_purpose purpose, struct sp_mail_link *link)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    const struct sp_json *data = NULL;
    struct sp_json_error error;
    struct sp_mail_link read = {.purpose = purpose};
    sp_sha256(sp_call_parameter(call, "ticket"), read.hash);
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_MAIL, read.hash, call->arena, &ticket);
    if (status == SP_OK && (ticket.expires_at <= call->now || ticket.used_at != 0))
        status = SP_NOT_FOUND;
    if (status == SP_OK)
        status = sp_json_parse(call->arena, ticket.data, &sp_json_limits_token, &data, &error);
    if (status != SP_OK)
        return status;
    if (!sp_str_equal(sp_json_string(sp_json_member(data, SP_STR("purpose"))), purposes[purpose].name))
        return SP_NOT_FOUND;
    read.subject = ticket.subject;
    read.email = sp_json_string(sp_json_member(data, SP_STR("email")));
    read.mark = sp_json_string(sp_json_member(data, SP_STR("mark")));
    *link = read;
    return SP_OK;
}

enum sp_status sp_mail_link_use(struct sp_call *call, const struct sp_mail_link *link, bool *first)
{
    struct sp_store *store = call->authority->store;
    return store->methods->use_ticket(store, SP_TICKET_MAIL, link->hash, call->now, first);
}

enum sp_status sp_mail_throttle(struct sp_call *call, const char *what, struct sp_str who, int64_t window_s,
                                unsigned most, bool *passes)
{
    struct sp_store *store = call->authority->store;
    int64_t window = call->now / window_s;
    enum sp_status status = SP_OK;
    *passes = false;
    for (unsigned i = 0; status == SP_OK && i < most && !*passes; i++) {
        struct sp_ticket slot = {
            .kind = SP_TICKET_REPLAY, .issued_at = call->now, .expires_at = (window + 1) * window_s};
        struct sp_str name =
            sp_arena_printf(call->arena, "%s %.*s %lld %u", what, SP_STR_ARG(who), (long long)window, i);
        if (name.at == NULL)
            return SP_NO_MEMORY;
        sp_sha256(name, slot.hash);
        status = store->methods->put_ticket(store, &slot, passes);
    }
    return status;
}

/* ---- delivery (outgoing.def) ---- */
enum sp_status sp_mail_prepare(struct sp_authority *authority, struct sp_arena *arena, struct sp_outgoing *message,
                               int64_t now, struct sp_errand **errand)
{
    const struct sp_mail_settings *mail = &authority->settings->mail;
    struct sp_str plain = SP_STR_NONE;
    const struct sp_json *content = NULL;
    struct sp_json_error error;
    if (mail->url.at == NULL || message->to.at == NULL)
        return SP_NOT_FOUND;
    enum sp_status status = unseal(authority, arena, message, &plain);
    if (status == SP_OK)
        status = sp_json_parse(arena, plain, &sp_json_limits_document, &content, &error);
    if (status != SP_OK)
        return status == SP_NO_MEMORY ? status : SP_NOT_FOUND; /* under another master key: nobody can read it */
    struct sp_mail_request request = {
        .url = mail->url, .user = mail->user, .password = mail->password, .from = mail->from, .to = message->to};
    request.message =
        sp_mail_compose(arena, mail->from, message->to, sp_json_string(sp_json_member(content, SP_STR("subject"))),
                        sp_json_string(sp_json_member(content, SP_STR("body"))),
                        sp_json_string(sp_json_member(content, SP_STR("id"))), now);
    return request.message.at != NULL ? sp_errand_make_mail(arena, authority, &request, errand) : SP_NO_MEMORY;
}

/* RFC 5321 4.2.1: 5yz is for good. */
enum sp_outgoing_outcome sp_mail_judge(struct sp_arena *arena, const struct sp_errand *errand, int *status,
                                       struct sp_str *what)
{
    const struct sp_mail_report *report = &errand->mail_report;
    *status = report->code;
    *what = sp_arena_printf(arena, "SMTP %d %s", report->code, report->detail);
    if (report->accepted)
        return SP_OUTGOING_DELIVERED;
    return report->code >= 500 && report->code < 600 ? SP_OUTGOING_NEVER : SP_OUTGOING_LATER;
}
