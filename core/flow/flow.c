/* SPDX-License-Identifier: Apache-2.0 */
/* Tying: each kind of message says what it shares with earlier ones, in the order of how sure that makes us, and what
 * it tells to later ones. Only when nothing is shared is a guess made by client and redirect URI, and only into a login
 * that still waits for such a message. */
#include "core/flow/flow.h"

#include <stdlib.h>
#include "core/base/limits.h"
#include "core/flow/index.h"

struct sp_flow_capture *sp_flow_capture_create(const struct sp_flow_terms *terms)
{
    struct sp_flow_capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return NULL;
    capture->arena = sp_arena_create(SP_MAX_FLOW_ARENA_BYTES);
    capture->scratch = sp_arena_create(4 * SP_MAX_CAPTURED_EXCHANGE_BYTES);
    if (capture->arena != NULL)
        capture->index = sp_flow_index_create(capture->arena);
    if (capture->scratch == NULL || capture->index == NULL) {
        sp_flow_capture_destroy(&capture);
        return NULL;
    }
    capture->terms = *terms;
    if (terms->jwks.at != NULL && !sp_flow_learn_key_set(capture, terms->jwks))
        sp_flow_capture_destroy(&capture);
    return capture;
}

void sp_flow_capture_destroy(struct sp_flow_capture **capture)
{
    if (*capture == NULL)
        return;
    sp_arena_destroy(&(*capture)->arena);
    sp_arena_destroy(&(*capture)->scratch);
    free(*capture);
    *capture = NULL;
}

/* ---- what a message shares ---- */

/* Where the value is: of the request, of the answer, or the token in Authorization. */
enum side { SIDE_REQUEST, SIDE_ANSWER, SIDE_BEARER };

struct tie {
    enum sp_flow_kind kind;
    enum side side;
    const char *parameter;
    const char *what; /* name in the index */
    bool finds, tells;
};

static const struct tie ties[] = {
    {SP_FLOW_LOGIN_START, SIDE_ANSWER, "state", "state", true, true},
    {SP_FLOW_LOGIN_START, SIDE_ANSWER, "request_uri", "request_uri", true, true},
    {SP_FLOW_PUSHED_REQUEST, SIDE_REQUEST, "state", "state", true, true},
    {SP_FLOW_PUSHED_REQUEST, SIDE_ANSWER, "request_uri", "request_uri", false, true},
    {SP_FLOW_AUTHORIZATION_REQUEST, SIDE_REQUEST, "request_uri", "request_uri", true, true},
    {SP_FLOW_AUTHORIZATION_REQUEST, SIDE_REQUEST, "state", "state", true, true},
    {SP_FLOW_AUTHORIZATION_REQUEST, SIDE_ANSWER, "code", "code", false, true},
    {SP_FLOW_AUTHORIZATION_REQUEST, SIDE_REQUEST, "id_token_hint", "token", true, false},
    {SP_FLOW_AUTHORIZATION_RESPONSE, SIDE_ANSWER, "state", "state", true, false},
    {SP_FLOW_AUTHORIZATION_RESPONSE, SIDE_ANSWER, "code", "code", true, true},
    {SP_FLOW_AUTHORIZATION_RESPONSE, SIDE_ANSWER, "access_token", "token", false, true},
    {SP_FLOW_AUTHORIZATION_RESPONSE, SIDE_ANSWER, "id_token", "token", false, true},
    {SP_FLOW_CALLBACK, SIDE_REQUEST, "code", "code", true, true},
    {SP_FLOW_CALLBACK, SIDE_REQUEST, "state", "state", true, false},
    {SP_FLOW_CALLBACK, SIDE_REQUEST, "access_token", "token", true, true},
    {SP_FLOW_CALLBACK, SIDE_REQUEST, "id_token", "token", true, true},
    {SP_FLOW_TOKEN_REQUEST, SIDE_REQUEST, "code", "code", true, true},
    {SP_FLOW_TOKEN_REQUEST, SIDE_REQUEST, "refresh_token", "token", true, true},
    {SP_FLOW_TOKEN_REQUEST, SIDE_REQUEST, "device_code", "device_code", true, true},
    {SP_FLOW_TOKEN_REQUEST, SIDE_REQUEST, "subject_token", "token", true, false},
    {SP_FLOW_TOKEN_REQUEST, SIDE_ANSWER, "access_token", "token", false, true},
    {SP_FLOW_TOKEN_REQUEST, SIDE_ANSWER, "refresh_token", "token", false, true},
    {SP_FLOW_TOKEN_REQUEST, SIDE_ANSWER, "id_token", "token", false, true},
    {SP_FLOW_DEVICE_AUTHORIZATION, SIDE_ANSWER, "device_code", "device_code", false, true},
    {SP_FLOW_INTROSPECTION, SIDE_REQUEST, "token", "token", true, false},
    {SP_FLOW_REVOCATION, SIDE_REQUEST, "token", "token", true, false},
    {SP_FLOW_USERINFO, SIDE_BEARER, NULL, "token", true, false},
    {SP_FLOW_API_CALL, SIDE_BEARER, NULL, "token", true, true},
    {SP_FLOW_LOGOUT, SIDE_REQUEST, "id_token_hint", "token", true, false},
};

static struct sp_str tied_value(const struct sp_flow_message *message, const struct tie *tie)
{
    if (tie->side == SIDE_BEARER)
        return message->bearer;
    return tie->side == SIDE_REQUEST ? sp_flow_parameter(message, tie->parameter)
                                     : sp_flow_answered(message, tie->parameter);
}

static struct sp_flow *find_tied(const struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    for (size_t i = 0; i < sizeof ties / sizeof ties[0]; i++) {
        if (ties[i].kind != message->kind || !ties[i].finds)
            continue;
        struct sp_flow *flow = sp_flow_index_find(capture->index, ties[i].what, tied_value(message, &ties[i]));
        if (flow != NULL)
            return flow;
    }
    return NULL;
}

static void tell_ties(const struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    for (size_t i = 0; i < sizeof ties / sizeof ties[0]; i++)
        if (ties[i].kind == message->kind && ties[i].tells)
            sp_flow_index_tell(capture->index, ties[i].what, tied_value(message, &ties[i]), message->flow);
}

/* ---- guesses ---- */

struct sp_str sp_flow_asked(const struct sp_flow *flow, const char *name)
{
    const struct sp_flow_message *request = flow->request;
    struct sp_str value = request != NULL ? sp_flow_parameter(request, name) : SP_STR_NONE;
    if (value.at == NULL && flow->pushed != NULL)
        value = sp_flow_parameter(flow->pushed, name);
    if (value.at == NULL && request == NULL && flow->start != NULL)
        value = sp_flow_answered(flow->start, name);
    return value;
}

static bool same_endpoint(struct sp_str redirect_uri, struct sp_str endpoint)
{
    return redirect_uri.at != NULL && sp_str_equal(sp_flow_endpoint(redirect_uri), endpoint);
}

static bool waits_for_callback(const struct sp_flow *flow, const struct sp_flow_message *message)
{
    struct sp_str place = message->kind == SP_FLOW_CALLBACK ? message->endpoint : message->answer_endpoint;
    return flow->callback == NULL && (message->kind == SP_FLOW_CALLBACK || flow->response == NULL) &&
           same_endpoint(sp_flow_asked(flow, "redirect_uri"), place);
}

static bool waits_for_tokens(const struct sp_flow *flow, const struct sp_flow_message *message, struct sp_str client_id)
{
    struct sp_str grant = sp_flow_parameter(message, "grant_type");
    return flow->tokens == NULL && (flow->callback != NULL || flow->response != NULL) &&
           sp_str_equal(grant, SP_STR("authorization_code")) && sp_str_equal(flow->client_id, client_id);
}

static struct sp_flow *find_waiting(const struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                    struct sp_str client_id)
{
    struct sp_flow *found = NULL;
    if (message->kind != SP_FLOW_CALLBACK && message->kind != SP_FLOW_AUTHORIZATION_RESPONSE &&
        message->kind != SP_FLOW_TOKEN_REQUEST)
        return NULL;
    for (struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        if (flow->subject == SP_SUBJECT_LOGIN &&
            (message->kind == SP_FLOW_TOKEN_REQUEST ? waits_for_tokens(flow, message, client_id)
                                                    : waits_for_callback(flow, message)))
            found = flow;
    return found;
}

/* Calls without a token, documents and preflights gather by place. */
static struct sp_flow *find_by_place(const struct sp_flow_capture *capture, enum sp_flow_subject subject,
                                     struct sp_str place)
{
    for (struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        if (flow->subject == subject && flow->count < SP_MAX_MESSAGES_OF_FLOW && sp_str_equal(flow->place, place))
            return flow;
    return NULL;
}

/* ---- flows ---- */

static enum sp_flow_subject subject_of(const struct sp_flow_message *message)
{
    switch (message->kind) {
    case SP_FLOW_DISCOVERY:
    case SP_FLOW_KEY_SET:
    case SP_FLOW_REGISTRATION:
        return SP_SUBJECT_ISSUER;
    case SP_FLOW_RESOURCE_METADATA:
    case SP_FLOW_API_CALL:
    case SP_FLOW_USERINFO:
    case SP_FLOW_INTROSPECTION:
    case SP_FLOW_REVOCATION:
    case SP_FLOW_PREFLIGHT:
        return SP_SUBJECT_API;
    case SP_FLOW_DEVICE_AUTHORIZATION:
        return SP_SUBJECT_DEVICE;
    case SP_FLOW_TOKEN_REQUEST:
        return sp_flow_parameter(message, "device_code").at != NULL ? SP_SUBJECT_DEVICE : SP_SUBJECT_TOKEN;
    case SP_FLOW_LOGOUT:
    case SP_FLOW_BACKCHANNEL_LOGOUT:
        return SP_SUBJECT_LOGOUT;
    case SP_FLOW_TROUBLE:
        return SP_SUBJECT_OTHER;
    default:
        return SP_SUBJECT_LOGIN;
    }
}

static struct sp_flow *add_flow(struct sp_flow_capture *capture, enum sp_flow_subject subject, struct sp_str place)
{
    struct sp_flow *flow = capture->flow_count < SP_MAX_FLOWS ? SP_ARENA_NEW(capture->arena, struct sp_flow) : NULL;
    if (flow == NULL)
        return NULL;
    flow->number = ++capture->flow_count;
    flow->subject = subject;
    flow->place = place;
    if (capture->last_flow != NULL)
        capture->last_flow->next = flow;
    else
        capture->flows = flow;
    capture->last_flow = flow;
    return flow;
}

static bool starts_anew(const struct sp_flow *flow, const struct sp_flow_message *message)
{
    return (message->kind == SP_FLOW_LOGIN_START && flow->start != NULL && flow->callback != NULL) ||
           flow->count >= SP_MAX_MESSAGES_OF_FLOW;
}

static struct sp_flow *choose_flow(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_flow_credentials credentials;
    enum sp_flow_subject subject = subject_of(message);
    struct sp_str place = sp_flow_origin(message->exchange.url);
    struct sp_flow *flow = find_tied(capture, message);
    sp_flow_credentials_read(capture->scratch, message, &credentials);
    if (flow == NULL)
        flow = find_waiting(capture, message, credentials.client_id);
    if (flow == NULL && (subject == SP_SUBJECT_ISSUER || subject == SP_SUBJECT_API || subject == SP_SUBJECT_OTHER))
        flow = find_by_place(capture, subject, place);
    if (flow == NULL || starts_anew(flow, message))
        flow = add_flow(capture, subject, place);
    return flow;
}

static void note_roles(struct sp_flow_capture *capture, struct sp_flow *flow, struct sp_flow_message *message)
{
    struct sp_flow_credentials credentials;
    struct sp_str client_id = sp_flow_parameter(message, "client_id");
    if (message->kind == SP_FLOW_LOGIN_START) {
        flow->start = message;
        client_id = sp_flow_answered(message, "client_id");
    } else if (message->kind == SP_FLOW_AUTHORIZATION_REQUEST) {
        flow->request = flow->request == NULL ? message : flow->request;
        if (flow->response == NULL && message->answer_endpoint.at != NULL &&
            same_endpoint(sp_flow_asked(flow, "redirect_uri"), message->answer_endpoint))
            flow->response = message;
    } else if (message->kind == SP_FLOW_PUSHED_REQUEST) {
        flow->pushed = message;
    } else if (message->kind == SP_FLOW_AUTHORIZATION_RESPONSE) {
        flow->response = message;
    } else if (message->kind == SP_FLOW_CALLBACK && flow->callback == NULL) {
        flow->callback = message;
    } else if (message->kind == SP_FLOW_TOKEN_REQUEST && sp_flow_answered(message, "access_token").at != NULL) {
        flow->tokens = message;
    }
    if (client_id.at == NULL && flow->client_id.at == NULL && message->kind == SP_FLOW_TOKEN_REQUEST) {
        sp_flow_credentials_read(capture->arena, message, &credentials);
        client_id = credentials.client_id;
    }
    if (flow->client_id.at == NULL)
        flow->client_id = client_id;
}

static void append(struct sp_flow_capture *capture, struct sp_flow *flow, struct sp_flow_message *message)
{
    message->flow = flow;
    if (capture->last != NULL)
        capture->last->next = message;
    else
        capture->first = message;
    capture->last = message;
    if (flow->last != NULL)
        flow->last->next_in_flow = message;
    else
        flow->first = message;
    flow->last = message;
    flow->count++;
    capture->messages++;
}

struct sp_flow_message *sp_flow_capture_note(struct sp_flow_capture *capture, enum sp_flow_subject subject,
                                             struct sp_str place, enum sp_flow_kind kind, uint32_t number)
{
    struct sp_flow_message *message = SP_ARENA_NEW(capture->arena, struct sp_flow_message);
    struct sp_flow *flow = find_by_place(capture, subject, place);
    if (flow == NULL)
        flow = add_flow(capture, subject, place);
    if (message == NULL || flow == NULL || capture->messages >= SP_MAX_FLOW_MESSAGES) {
        capture->not_kept++;
        return NULL;
    }
    message->kind = kind;
    message->exchange.number = number;
    append(capture, flow, message);
    return message;
}

static bool is_redirect_target(const struct sp_flow_capture *capture, struct sp_str url)
{
    return sp_flow_index_find(capture->index, "redirect_uri", sp_flow_endpoint(url)) != NULL;
}

static enum sp_flow_kind known_kind(const struct sp_flow_capture *capture, const struct sp_flow_exchange *exchange)
{
    enum sp_flow_kind kind = sp_flow_known_endpoint(capture, exchange->url);
    return kind == SP_FLOW_NONE && is_redirect_target(capture, exchange->url) ? SP_FLOW_CALLBACK : kind;
}

/* Pictures of a login page need not be kept; what the judges read does. */
static void drop_unread(struct sp_flow_exchange *exchange)
{
    const size_t enough = 16u * 1024;
    bool json = sp_str_contains(sp_flow_header(&exchange->response_headers, "Content-Type"), SP_STR("json")) ||
                sp_str_contains(sp_flow_header(&exchange->response_headers, "Content-Type"), SP_STR("jwt"));
    bool object = exchange->response_body.len > 0 && exchange->response_body.at[0] == '{';
    if (!json && !object && exchange->response_body.len > enough) {
        exchange->response_body.len = enough;
        exchange->response_cut = true;
    }
}

static struct sp_flow_message *keep(struct sp_flow_capture *capture, const struct sp_flow_exchange *exchange,
                                    enum sp_flow_kind known)
{
    struct sp_flow_message *message = SP_ARENA_NEW(capture->arena, struct sp_flow_message);
    struct sp_flow_exchange wanted = *exchange, copy;
    drop_unread(&wanted);
    if (message == NULL || sp_flow_exchange_copy(capture->arena, &wanted, &copy) != SP_OK ||
        sp_flow_message_read(capture->arena, &copy, known, message) != SP_OK)
        return NULL;
    struct sp_flow *flow = choose_flow(capture, message);
    if (flow == NULL)
        return NULL;
    append(capture, flow, message);
    note_roles(capture, flow, message);
    tell_ties(capture, message);
    if (message->kind == SP_FLOW_AUTHORIZATION_REQUEST || message->kind == SP_FLOW_LOGIN_START)
        sp_flow_index_tell(capture->index, "redirect_uri", sp_flow_endpoint(sp_flow_asked(flow, "redirect_uri")), flow);
    return message;
}

struct sp_flow_message *sp_flow_capture_take(struct sp_flow_capture *capture, const struct sp_flow_exchange *exchange)
{
    struct sp_flow_message sight, *message = NULL;
    enum sp_flow_kind known = known_kind(capture, exchange);
    capture->seen++;
    capture->shows_cookies = capture->shows_cookies || sp_flow_header(&exchange->request_headers, "Cookie").at != NULL;
    sp_arena_reset(capture->scratch);
    if (sp_flow_message_read(capture->scratch, exchange, known, &sight) != SP_OK) {
        capture->not_kept++;
        return NULL;
    }
    if (sight.kind == SP_FLOW_NONE)
        return NULL;
    if (capture->messages < SP_MAX_FLOW_MESSAGES && !capture->full)
        message = keep(capture, exchange, known);
    if (message == NULL) {
        capture->full = capture->full || sp_arena_used(capture->arena) > SP_MAX_FLOW_ARENA_BYTES / 2;
        capture->not_kept++;
        return NULL;
    }
    sp_flow_learn(capture, message);
    return message;
}

void sp_flow_capture_add(struct sp_flow_capture *capture, const struct sp_flow_exchange *exchange)
{
    (void)sp_flow_capture_take(capture, exchange);
}
