/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/back_channel_logout.h"

#include "authority/client_directory.h"
#include "authority/handle.h"
#include "authority/key_ring.h"
#include "authority/outgoing.h"
#include "authority/subject.h"

#define EVENT "http://schemas.openid.net/event/backchannel-logout"
/* Made for one attempt, used at once (Back-Channel Logout 2.4). */
#define LIFETIME_S 120
#define TIMEOUT_MS 5000
#define MAX_ANSWER_BYTES (16u * 1024)
#define MAX_TOLD_BYTES 200u

/* Where to is found when it is delivered: the command that ends a session knows no clients. */
static enum sp_status put_for(struct sp_call *call, const struct sp_session *session, struct sp_str client_id)
{
    struct sp_buffer content;
    struct sp_json_writer json;
    sp_answer_buffer(call, &content);
    sp_json_writer_init(&json, &content, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "sub", session->subject);
    sp_json_string_member(&json, "sid", session->sid);
    sp_json_end_object(&json);
    if (sp_buffer_status(&content) != SP_OK)
        return sp_buffer_status(&content);
    return sp_outgoing_put(call, SP_OUTGOING_BACK_CHANNEL_LOGOUT, SP_STR_NONE, client_id, sp_buffer_str(&content));
}

enum sp_status sp_back_channel_logout_put(struct sp_call *call, const struct sp_session *session)
{
    enum sp_status status = SP_OK;
    for (size_t i = 0; status == SP_OK && i < session->clients.count; i++)
        status = put_for(call, session, session->clients.at[i]);
    return status;
}

/* ---- delivery ---- */
static enum sp_status make_token(struct sp_authority *authority, struct sp_arena *arena,
                                 const struct sp_outgoing *message, const struct sp_client *client, int64_t now,
                                 struct sp_str *token)
{
    struct sp_str subject = sp_json_string(sp_json_member(message->content, SP_STR("sub")));
    char room[SP_PAIRWISE_BYTES];
    struct sp_buffer claims;
    struct sp_json_writer json;
    struct sp_str jti = sp_handle_make(arena, "", 16);
    if (jti.at == NULL)
        return SP_NO_MEMORY;
    sp_buffer_init(&claims, arena, 8192);
    sp_json_writer_init(&json, &claims, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "iss", authority->settings->issuer);
    sp_json_string_member(&json, "aud", message->owner);
    sp_json_int_member(&json, "iat", now);
    sp_json_int_member(&json, "exp", now + LIFETIME_S);
    sp_json_string_member(&json, "jti", jti);
    sp_json_string_member(&json, "sub", sp_subject_of(authority->process_secret, client, subject, room));
    sp_json_string_member(&json, "sid", sp_json_string(sp_json_member(message->content, SP_STR("sid"))));
    sp_json_name(&json, SP_STR("events"));
    sp_json_begin_object(&json);
    sp_json_name(&json, SP_STR(EVENT));
    sp_json_begin_object(&json);
    sp_json_end_object(&json);
    sp_json_end_object(&json);
    sp_json_end_object(&json);
    enum sp_status status = sp_buffer_status(&claims);
    return status == SP_OK ? sp_key_ring_sign(authority->keys, arena, client->id_token_algorithm, "logout+jwt",
                                              sp_buffer_str(&claims), now, token)
                           : status;
}

enum sp_status sp_back_channel_logout_prepare(struct sp_authority *authority, struct sp_arena *arena,
                                              struct sp_outgoing *message, int64_t now, struct sp_errand **errand)
{
    struct sp_str token;
    struct sp_buffer form;
    struct sp_call call = {.authority = authority, .arena = arena, .now = now};
    const struct sp_client *client = NULL;
    enum sp_status status = sp_client_find_any(&call, message->owner, &client);
    if (status != SP_OK)
        return status;
    if (client == NULL || client->backchannel_logout_uri.len == 0)
        return SP_NOT_FOUND;
    message->to = client->backchannel_logout_uri;
    /* By the key that signs the client's id_tokens (2.6). */
    status = make_token(authority, arena, message, client, now, &token);
    if (status != SP_OK)
        return status;
    sp_buffer_init(&form, arena, 16384);
    sp_buffer_printf(&form, "logout_token=%.*s", SP_STR_ARG(token)); /* base64url and dots */
    if (sp_buffer_status(&form) != SP_OK)
        return sp_buffer_status(&form);
    const struct sp_http_request request = {.url = message->to,
                                            .form = sp_buffer_str(&form),
                                            .public_only = client->public_urls_only,
                                            .timeout_ms = TIMEOUT_MS,
                                            .max_bytes = MAX_ANSWER_BYTES};
    return sp_errand_make_http(arena, authority, &request, errand);
}

/* 400: the client could not end the session, and never will with this one (2.8). A busy or failing server may later. */
enum sp_outgoing_outcome sp_back_channel_logout_judge(struct sp_arena *arena, const struct sp_errand *errand,
                                                      int *status, struct sp_str *what)
{
    const struct sp_fetch_report *report = errand->report;
    *status = report->http_status;
    if (report->failure != SP_CAUSE_NONE) {
        *what = sp_arena_printf(arena, "%.*s: %.*s", SP_STR_ARG(sp_cause_get(report->failure)->id),
                                SP_STR_ARG(report->failure_detail));
        return SP_OUTGOING_LATER;
    }
    *what = sp_arena_printf(arena, "HTTP %d %.*s", *status, SP_STR_ARG(sp_str_slice(report->body, 0, MAX_TOLD_BYTES)));
    if (*status >= 200 && *status < 300)
        return SP_OUTGOING_DELIVERED;
    return *status >= 500 || *status == 408 || *status == 429 ? SP_OUTGOING_LATER : SP_OUTGOING_NEVER;
}
