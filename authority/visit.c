/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/visit.h"

#include "authority/cookie.h"
#include "authority/denial.h"
#include "authority/handle.h"
#include "authority/own_form.h"
#include "authority/throttle.h"
#include "authority/visit_seal.h"
#include "core/base/secret.h"
#include "core/jose/crypto.h"

#define COOKIE "sp_browser"
#define VISIT_LIFETIME_S 1800
/* The password is asked for again when the second step takes longer. */
#define PASSED_LIFETIME_S 600
/* Whoever clicks twice, or goes back because the application did not come up, does so at once. */
#define AGAIN_S 60

static struct sp_str encode_parameters(struct sp_call *call)
{
    struct sp_buffer text;
    sp_answer_buffer(call, &text);
    sp_form_write(&text, &call->parameters);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static const struct {
    const char *name;
    size_t offset;
} finish_rows[] = {{"finished_by", offsetof(struct sp_visit_finish, subject)},
                   {"session", offsetof(struct sp_visit_finish, session)},
                   {"form", offsetof(struct sp_visit_finish, form)},
                   {"code", offsetof(struct sp_visit_finish, code)}};

static void write_finish(struct sp_json_writer *json, const struct sp_visit_finish *finish, int64_t now)
{
    sp_json_bool_member(json, "ended", true);
    sp_json_int_member(json, "finished_at", now);
    for (size_t i = 0; i < sizeof finish_rows / sizeof finish_rows[0]; i++) {
        struct sp_str value = *(const struct sp_str *)((const char *)finish + finish_rows[i].offset);
        if (value.at != NULL)
            sp_json_string_member(json, finish_rows[i].name, value);
    }
}

static struct sp_str visit_data(struct sp_call *call, const struct sp_visit *visit, struct sp_str browser_hash)
{
    struct sp_buffer text;
    struct sp_json_writer json;
    sp_answer_buffer(call, &text);
    sp_json_writer_init(&json, &text, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "parameters", visit->parameters);
    if (visit->local.at != NULL)
        sp_json_string_member(&json, "local", visit->local);
    if (visit->link.at != NULL)
        sp_json_string_member(&json, "link", visit->link);
    if (visit->fresh)
        sp_json_bool_member(&json, "fresh", true);
    sp_json_string_member(&json, "browser", browser_hash);
    if (visit->signed_in.at != NULL)
        sp_json_string_member(&json, "signed_in_as", visit->signed_in);
    sp_json_string_member(&json, "challenge", visit->challenge);
    sp_json_int_member(&json, "expires_at", visit->expires_at);
    if (visit->passed.at != NULL) {
        sp_json_string_member(&json, "passed", visit->passed);
        sp_json_string_member(&json, "passed_by", visit->passed_by);
        sp_json_string_member(&json, "passed_mark", visit->passed_mark);
        sp_json_int_member(&json, "passed_at", visit->passed_at);
        sp_session_origin_write(&json, &visit->passed_from);
    }
    if (visit->finish.subject.at != NULL)
        write_finish(&json, &visit->finish, call->now);
    sp_json_end_object(&json);
    return sp_buffer_status(&text) == SP_OK ? sp_buffer_str(&text) : SP_STR_NONE;
}

static struct sp_str hash_text(struct sp_call *call, struct sp_str value)
{
    unsigned char hash[32];
    sp_sha256(value, hash);
    return sp_base64url_of(call->arena, hash, sizeof hash);
}

/* As a row, under its handle; another call may have been quicker. */
static enum sp_status put_row(struct sp_call *call, const struct sp_visit *visit, struct sp_str data)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket = {.kind = SP_TICKET_VISIT,
                               .client_id = call->client_id,
                               .issued_at = call->now,
                               .expires_at = visit->expires_at,
                               .data = data};
    bool fresh = false;
    memcpy(ticket.hash, visit->hash, sizeof ticket.hash);
    enum sp_status status = store->methods->put_ticket(store, &ticket, &fresh);
    return status == SP_OK && !fresh ? store->methods->change_ticket(store, SP_TICKET_VISIT, visit->hash,
                                                                     visit->expires_at, SP_STR_NONE, data)
                                     : status;
}

/* Completes the visit. SP_OK: sealed, nothing is to be stored; SP_TOO_LARGE: it needs a row, with *data. */
static enum sp_status complete(struct sp_call *call, struct sp_visit *visit, struct sp_str *data)
{
    struct sp_str browser = sp_browser_secret(call);
    struct sp_visit fresh = *visit;
    fresh.challenge = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    fresh.expires_at = call->now + VISIT_LIFETIME_S;
    if (browser.at == NULL || fresh.challenge.at == NULL || fresh.parameters.at == NULL)
        return SP_NO_MEMORY;
    *data = visit_data(call, &fresh, hash_text(call, browser));
    if (data->at == NULL)
        return SP_NO_MEMORY;
    enum sp_status status = sp_visit_seal(call, *data, &fresh.handle);
    if (status == SP_TOO_LARGE)
        fresh.handle = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    if (fresh.handle.at == NULL)
        return SP_NO_MEMORY;
    if (status == SP_OK || status == SP_TOO_LARGE) {
        sp_sha256(fresh.handle, fresh.hash);
        *visit = fresh;
    }
    return status;
}

struct large {
    struct sp_visit *visit;
    struct sp_str data;
};

/* What does not fit into a URL is stored, and counted. */
static enum sp_step put_large(struct sp_call *call, void *context)
{
    const struct large *large = context;
    if (sp_throttle_check(call, SP_THROTTLE_LARGE_REQUEST) != SP_GOES_ON ||
        sp_throttle_check(call, SP_THROTTLE_LARGE_REQUESTS) != SP_GOES_ON)
        return SP_DENIED;
    enum sp_status status = put_row(call, large->visit, large->data);
    if (status != SP_OK)
        return sp_deny_failure(call, status);
    sp_throttle_fail(call, SP_THROTTLE_LARGE_REQUEST);
    sp_throttle_fail(call, SP_THROTTLE_LARGE_REQUESTS);
    return SP_GOES_ON;
}

enum sp_step sp_visit_start(struct sp_call *call, struct sp_visit *visit)
{
    struct sp_visit fresh = {.parameters = encode_parameters(call)};
    struct large large = {.visit = &fresh};
    enum sp_status status = complete(call, &fresh, &large.data);
    enum sp_step step = status == SP_OK          ? SP_GOES_ON
                        : status == SP_TOO_LARGE ? sp_call_in_write(call, put_large, &large)
                                                 : sp_deny_failure(call, status);
    if (step == SP_GOES_ON)
        *visit = fresh;
    return step;
}

void sp_visit_answer(struct sp_call *call, const struct sp_visit *visit)
{
    call->answer.status = 303;
    sp_answer_header(call, "Location",
                     sp_arena_printf(call->arena, "%.*s?visit=%.*s", SP_STR_ARG(sp_authority_url(call, "/signin")),
                                     SP_STR_ARG(visit->handle)));
    sp_answer_header(call, "Cache-Control", SP_STR("no-store"));
}

enum sp_step sp_visit_detour(struct sp_call *call, struct sp_str local, bool fresh)
{
    struct sp_visit visit = {.parameters = SP_STR(""), .local = local, .fresh = fresh};
    struct large large = {.visit = &visit};
    enum sp_status status = complete(call, &visit, &large.data);
    enum sp_step step = status == SP_OK          ? SP_GOES_ON
                        : status == SP_TOO_LARGE ? put_large(call, &large)
                                                 : sp_deny_failure(call, status);
    if (step == SP_GOES_ON)
        sp_visit_answer(call, &visit);
    return step;
}

enum sp_status sp_visit_find(struct sp_call *call, struct sp_visit *visit, enum sp_visit_found *found)
{
    return sp_visit_find_by_handle(call, sp_call_parameter(call, "visit"), visit, found);
}

struct sp_str sp_browser_hash(struct sp_call *call)
{
    struct sp_str browser = sp_cookie_get(call, COOKIE);
    return browser.at != NULL ? hash_text(call, browser) : SP_STR_NONE;
}

/* From its row, or else from the handle itself. SP_NOT_FOUND: neither. */
static enum sp_status read_data(struct sp_call *call, struct sp_visit *visit, const struct sp_json **data)
{
    struct sp_store *store = call->authority->store;
    struct sp_ticket ticket;
    struct sp_json_error error;
    struct sp_str text = SP_STR_NONE;
    enum sp_status status = store->methods->find_ticket(store, SP_TICKET_VISIT, visit->hash, call->arena, &ticket);
    visit->is_stored = status == SP_OK;
    if (status == SP_OK)
        text = ticket.data;
    else if (status == SP_NOT_FOUND)
        status = sp_visit_unseal(call, visit->handle, &text);
    if (status == SP_OK)
        status = sp_json_parse(call->arena, text, &sp_json_limits_document, data, &error);
    if (status == SP_OK && visit->is_stored)
        visit->expires_at = ticket.expires_at;
    else if (status == SP_OK)
        status = sp_json_int64(sp_json_member(*data, SP_STR("expires_at")), &visit->expires_at);
    return status;
}

static void read_members(const struct sp_json *data, struct sp_visit *visit)
{
    const struct {
        const char *name;
        struct sp_str *text;
    } texts[] = {{"parameters", &visit->parameters},
                 {"local", &visit->local},
                 {"link", &visit->link},
                 {"signed_in_as", &visit->signed_in},
                 {"challenge", &visit->challenge},
                 {"passed", &visit->passed},
                 {"passed_by", &visit->passed_by},
                 {"passed_mark", &visit->passed_mark}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i].text = sp_json_string(sp_json_member(data, sp_str_from_cstr(texts[i].name)));
    for (size_t i = 0; i < sizeof finish_rows / sizeof finish_rows[0]; i++)
        *(struct sp_str *)((char *)&visit->finish + finish_rows[i].offset) =
            sp_json_string(sp_json_member(data, sp_str_from_cstr(finish_rows[i].name)));
    visit->fresh = sp_json_is(sp_json_member(data, SP_STR("fresh")), SP_JSON_TRUE);
    sp_session_origin_read(data, &visit->passed_from);
}

static bool is_ended(const struct sp_json *data)
{
    return sp_json_is(sp_json_member(data, SP_STR("ended")), SP_JSON_TRUE);
}

static bool was_finished_just_now(const struct sp_json *data, int64_t now)
{
    int64_t at = 0;
    return sp_json_int64(sp_json_member(data, SP_STR("finished_at")), &at) == SP_OK && now - at <= AGAIN_S;
}

enum sp_status sp_visit_find_by_handle(struct sp_call *call, struct sp_str handle, struct sp_visit *visit,
                                       enum sp_visit_found *found)
{
    struct sp_visit read = {.handle = handle};
    const struct sp_json *data = NULL;
    sp_sha256(read.handle, read.hash);
    enum sp_status status = read_data(call, &read, &data);
    if (status == SP_NOT_FOUND || (status == SP_OK && (read.expires_at <= call->now ||
                                                       (is_ended(data) && !was_finished_just_now(data, call->now))))) {
        *found = SP_VISIT_GONE;
        return SP_OK;
    }
    if (status != SP_OK)
        return status;
    struct sp_str browser = sp_cookie_get(call, COOKIE);
    if (browser.at == NULL ||
        !sp_secret_equal(hash_text(call, browser), sp_json_string(sp_json_member(data, SP_STR("browser"))))) {
        *found = SP_VISIT_OTHER_BROWSER;
        return SP_OK;
    }
    read_members(data, &read);
    if (read.passed.at != NULL && (sp_json_int64(sp_json_member(data, SP_STR("passed_at")), &read.passed_at) != SP_OK ||
                                   call->now - read.passed_at > PASSED_LIFETIME_S))
        read.passed = SP_STR_NONE;
    read.form_token = sp_own_form_token(call, read.handle, NULL);
    *visit = read;
    *found = is_ended(data) ? SP_VISIT_FINISHED : SP_VISIT_FOUND;
    return SP_OK;
}

static enum sp_status keep(struct sp_call *call, const struct sp_visit *visit, struct sp_str data)
{
    struct sp_store *store = call->authority->store;
    if (data.at == NULL)
        return SP_NO_MEMORY;
    return visit->is_stored ? store->methods->change_ticket(store, SP_TICKET_VISIT, visit->hash, visit->expires_at,
                                                            SP_STR_NONE, data)
                            : put_row(call, visit, data);
}

enum sp_status sp_visit_change(struct sp_call *call, struct sp_visit *visit)
{
    enum sp_status status = keep(call, visit, visit_data(call, visit, sp_browser_hash(call)));
    visit->is_stored |= status == SP_OK;
    return status;
}

struct sp_str sp_visit_decision_token(struct sp_call *call, const struct sp_visit *visit,
                                      const struct sp_session *session)
{
    struct sp_str purpose = sp_arena_printf(call->arena, "decide %.*s", SP_STR_ARG(visit->handle));
    return purpose.at != NULL ? sp_own_form_token(call, purpose, session) : SP_STR_NONE;
}

bool sp_visit_is_signed_in(const struct sp_visit *visit, const struct sp_session *session)
{
    return visit->signed_in.at != NULL && session->subject.at != NULL &&
           sp_str_equal(visit->signed_in, session->subject);
}

enum sp_status sp_visit_mark_signed_in(struct sp_call *call, struct sp_visit *visit, struct sp_str subject)
{
    visit->signed_in = subject;
    visit->passed = SP_STR_NONE;
    return sp_visit_change(call, visit);
}

enum sp_status sp_visit_new_challenge(struct sp_call *call, struct sp_visit *visit)
{
    visit->challenge = sp_handle_make(call->arena, "", SP_HANDLE_BYTES);
    return visit->challenge.at != NULL ? sp_visit_change(call, visit) : SP_NO_MEMORY;
}

enum sp_status sp_visit_end(struct sp_call *call, const struct sp_visit *visit, const struct sp_session *session)
{
    bool is_strangers = !visit->is_stored && (session == NULL || session->subject.at == NULL);
    return is_strangers ? SP_OK : keep(call, visit, SP_STR("{\"ended\":true}"));
}

struct sp_str sp_visit_form_hash(struct sp_call *call)
{
    return call->asked.body.len > 0 ? hash_text(call, call->asked.body) : SP_STR_NONE;
}

enum sp_status sp_visit_finish(struct sp_call *call, const struct sp_visit *visit, const struct sp_visit_finish *finish)
{
    struct sp_visit finished = *visit;
    finished.finish = *finish;
    finished.finish.form = sp_visit_form_hash(call);
    finished.passed = SP_STR_NONE;
    return keep(call, visit, visit_data(call, &finished, sp_browser_hash(call)));
}
