/* SPDX-License-Identifier: Apache-2.0 */
/* By which method a refused client authenticated, against those that it is registered for, the server takes, or the
 * same secret was accepted by. Where none of these is known the exchange alone is evidence: what the client sent is
 * said in words, and what it may be is left open. */
#include "core/flow/judge.h"

/* ---- what is known of methods ---- */

/* Each source says no more than it knows: a registration what the client is registered for, metadata what the server
 * lists for anybody, an exchange what worked in it. */
static struct sp_str registered_in_words(struct sp_flow_capture *capture, const struct sp_flow_credentials *who,
                                         struct sp_str registered)
{
    return sp_arena_printf(capture->arena, "Client %.*s is registered for %.*s, as this recording shows.",
                           SP_STR_ARG(sp_str_slice(who->client_id, 0, 200)), SP_STR_ARG(registered));
}

static struct sp_str listed_in_words(struct sp_flow_capture *capture, const struct sp_flow_credentials *who,
                                     struct sp_str list)
{
    return sp_arena_printf(capture->arena,
                           "The server's metadata list %.*s; what client %.*s is registered for is not known.",
                           SP_STR_ARG(list), SP_STR_ARG(sp_str_slice(who->client_id, 0, 200)));
}

static struct sp_str worked_in_words(struct sp_flow_capture *capture, const struct sp_flow_message *taken,
                                     struct sp_str worked)
{
    return sp_arena_printf(capture->arena, "By %.*s the same secret was accepted in exchange %u.", SP_STR_ARG(worked),
                           taken->exchange.number);
}

/* RFC 8414 2: introspection and revocation have lists of their own, and the token endpoint's says nothing of them;
 * pushed requests (RFC 9126 2) and the device's (RFC 8628 3.1) go by the token endpoint's. */
static const struct sp_json *methods_taken(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    struct sp_str name = SP_STR("token_endpoint_auth_methods_supported");
    if (message->kind == SP_FLOW_INTROSPECTION)
        name = SP_STR("introspection_endpoint_auth_methods_supported");
    else if (message->kind == SP_FLOW_REVOCATION)
        name = SP_STR("revocation_endpoint_auth_methods_supported");
    return issuer != NULL ? sp_json_member(issuer->metadata, name) : NULL;
}

/* The exchange in which the same place took the secret by another method; NULL. */
static const struct sp_flow_message *taken_otherwise(const struct sp_flow_message *message,
                                                     const struct sp_flow_credentials *who,
                                                     const struct sp_flow_client *client)
{
    const struct sp_flow_message *taken = client != NULL ? client->secret_taken : NULL;
    bool same_place = taken != NULL && sp_str_equal(taken->endpoint, message->endpoint);
    bool same_secret =
        same_place && (who->method == SP_CLIENT_METHOD_NONE || sp_str_equal(who->secret, client->secret));
    bool with_secret = who->method == SP_CLIENT_METHOD_NONE || who->method == SP_CLIENT_METHOD_BASIC ||
                       who->method == SP_CLIENT_METHOD_POST;
    return same_secret && with_secret && client->secret_method != who->method ? taken : NULL;
}

/* ---- what the exchange alone shows ---- */

static bool secret_is_empty(const struct sp_flow_message *message, const struct sp_flow_credentials *who)
{
    (void)message;
    return who->method == SP_CLIENT_METHOD_BASIC && who->secret.len == 0;
}

static bool id_is_empty(const struct sp_flow_message *message, const struct sp_flow_credentials *who)
{
    (void)message;
    return who->method != SP_CLIENT_METHOD_NONE && who->client_id.len == 0;
}

static bool secret_has_space_around(const struct sp_flow_message *message, const struct sp_flow_credentials *who)
{
    (void)message;
    return sp_str_trim(who->secret).len != who->secret.len;
}

static bool needs_encoding(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return !letter && (c == '\0' || strchr("*-._+%", c) == NULL);
}

static bool secret_is_not_encoded(const struct sp_flow_message *message, const struct sp_flow_credentials *who)
{
    (void)message;
    if (who->method != SP_CLIENT_METHOD_BASIC)
        return false;
    for (size_t i = 0; i < who->raw_secret.len; i++)
        if (needs_encoding(who->raw_secret.at[i]))
            return true;
    return false;
}

static bool ids_differ(const struct sp_flow_message *message, const struct sp_flow_credentials *who)
{
    struct sp_str other = sp_form_value(&message->body, SP_STR("client_id"));
    return who->method == SP_CLIENT_METHOD_BASIC && other.len > 0 && !sp_str_equal(other, who->client_id);
}

/* RFC 6749 5.2: to a client that used the header, the challenge must be of its scheme. Others get one because a 401 has
 * one (RFC 9110 15.5.2): a hint, and no proof. */
static bool asks_for_basic(const struct sp_flow_message *message, const struct sp_flow_credentials *who)
{
    struct sp_str challenge = sp_flow_header(&message->exchange.response_headers, "WWW-Authenticate");
    return who->method != SP_CLIENT_METHOD_BASIC &&
           sp_str_equal_ignoring_case(sp_str_slice(sp_str_trim(challenge), 0, 5), SP_STR("Basic"));
}

static const struct {
    bool (*holds)(const struct sp_flow_message *message, const struct sp_flow_credentials *who);
    const char *sentence;
} traits[] = {
    {id_is_empty, "The client_id is empty."},
    {ids_differ, "The body names another client_id than the header."},
    {secret_is_empty, "The secret is empty."},
    {secret_has_space_around, "The secret begins or ends with white space."},
    {secret_is_not_encoded, "Id and secret were not form-encoded before base64 (RFC 6749 \xc2\xa7"
                            "2.3.1): a server that decodes them may read another secret."},
    {asks_for_basic, "The answer's WWW-Authenticate asks for Basic."},
};

/* What it may be: no more than what nothing in the recording rules out. */
static struct sp_str left_open(struct sp_flow_capture *capture, const struct sp_flow_credentials *who,
                               const struct sp_flow_client *client)
{
    const struct sp_flow_message *taken = client != NULL ? client->secret_taken : NULL;
    if (taken != NULL && who->secret.len > 0 && sp_str_equal(who->secret, client->secret))
        return sp_arena_printf(capture->arena, "The same secret was accepted in exchange %u, at %.*s.",
                               taken->exchange.number, SP_STR_ARG(sp_str_slice(taken->endpoint, 0, 200)));
    if (client != NULL && client->registered != NULL)
        return SP_STR("That is the method it is registered for in this recording.");
    return who->assertion.at != NULL
               ? SP_STR("The recording proves no more: the server may not know the client, have another key of it, or "
                        "have it registered for another method.")
               : SP_STR("The recording proves no more: the server may not know the client, have another secret of it, "
                        "or have it registered for another method.");
}

static struct sp_str sent_in_words(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                   const struct sp_flow_credentials *who, const struct sp_flow_client *client)
{
    const struct sp_json *list = methods_taken(capture, message);
    struct sp_str id = who->client_id.len > 0 ? sp_str_slice(who->client_id, 0, 200) : SP_STR("(unnamed)");
    struct sp_str words = sp_arena_printf(capture->arena, "Client %.*s authenticated by %s", SP_STR_ARG(id),
                                          sp_flow_client_method_name(who->method));
    const char *said = "; which methods the server takes was not recorded.";
    if (sp_json_is(list, SP_JSON_ARRAY))
        said = sp_flow_list_has(list, sp_str_from_cstr(sp_flow_client_method_name(who->method)), false)
                   ? ", which the server lists."
                   : ", which the server does not list.";
    words = sp_arena_printf(capture->arena, "%.*s%s", SP_STR_ARG(words), said);
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++)
        if (traits[i].holds(message, who))
            words = sp_arena_printf(capture->arena, "%.*s %s", SP_STR_ARG(words), traits[i].sentence);
    return sp_arena_printf(capture->arena, "%.*s %.*s", SP_STR_ARG(words), SP_STR_ARG(left_open(capture, who, client)));
}

/* ---- judging ---- */

/* A public client is let in by its id alone, and a certificate is in no recording of HTTP. */
static struct sp_str absence_in_words(struct sp_flow_capture *capture, const struct sp_flow_credentials *who,
                                      struct sp_str taken)
{
    bool by_certificate = sp_str_contains(taken, SP_STR("tls_client_auth"));
    struct sp_str id = sp_str_slice(who->client_id, 0, 200);
    if (id.len == 0)
        return SP_STR("The request names no client either.");
    return sp_arena_printf(capture->arena, "The client is %.*s; servers say the same of one that they do not know.%s",
                           SP_STR_ARG(id),
                           by_certificate ? " A client certificate would not be seen in this recording." : "");
}

static void tell_absence(struct sp_flow_capture *capture, struct sp_flow_message *message,
                         const struct sp_flow_credentials *who, struct sp_str taken)
{
    sp_flow_tell(capture, message, SP_CAUSE_CLIENT_AUTHENTICATION_MISSING, taken, SP_STR("none"))->detail =
        absence_in_words(capture, who, taken);
}

static void tell_mismatch(struct sp_flow_capture *capture, struct sp_flow_message *message,
                          const struct sp_flow_credentials *who, struct sp_str expected, struct sp_str detail)
{
    sp_flow_tell(capture, message, SP_CAUSE_CLIENT_METHOD_MISMATCH, expected,
                 sp_str_from_cstr(sp_flow_client_method_name(who->method)))
        ->detail = detail;
}

/* Names the failure; for an error of another kind that is the grant's judge's. */
static void tell_what_was_sent(struct sp_flow_capture *capture, struct sp_flow_message *message,
                               const struct sp_flow_credentials *who, const struct sp_flow_client *client)
{
    struct sp_str error = sp_flow_answered(message, "error"), sent;
    struct sp_str said = sp_flow_error_in_words(capture, message);
    if (who->method == SP_CLIENT_METHOD_NONE || (error.at != NULL && !sp_flow_error_is(message, "invalid_client")))
        return;
    sent = sent_in_words(capture, message, who, client);
    if (said.at != NULL)
        sent = sp_arena_printf(capture->arena, "%.*s%s %.*s", SP_STR_ARG(said),
                               sp_str_has_suffix(said, SP_STR(".")) ? "" : ".", SP_STR_ARG(sent));
    sp_flow_tell_general(capture, message, SP_CAUSE_RESPONSE_ERROR, SP_STR("a client that is let in"),
                         error.at != NULL ? error : SP_STR("401 without an error code"))
        ->detail = sent;
}

void sp_flow_judge_client_method(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                 const struct sp_flow_credentials *who, const struct sp_flow_client *client)
{
    const struct sp_json *list = methods_taken(capture, message);
    const struct sp_flow_message *taken = taken_otherwise(message, who, client);
    struct sp_str used = sp_str_from_cstr(sp_flow_client_method_name(who->method));
    struct sp_str registered =
        client != NULL ? sp_json_string(sp_json_member(client->registered, SP_STR("token_endpoint_auth_method")))
                       : SP_STR_NONE;
    struct sp_str worked =
        taken != NULL ? sp_str_from_cstr(sp_flow_client_method_name(client->secret_method)) : SP_STR_NONE;
    struct sp_str expected = registered.at != NULL ? registered : worked;
    bool fits = sp_str_equal(expected, used);
    if (who->method == SP_CLIENT_METHOD_NONE && !fits) {
        if (expected.at == NULL)
            expected = list != NULL ? sp_flow_list_in_words(capture->arena, list) : SP_STR("client authentication");
        tell_absence(capture, message, who, expected);
    } else if (registered.at != NULL && !fits) {
        tell_mismatch(capture, message, who, registered, registered_in_words(capture, who, registered));
    } else if (registered.at == NULL && taken != NULL) {
        tell_mismatch(capture, message, who, worked, worked_in_words(capture, taken, worked));
    } else if (registered.at == NULL && list != NULL && !sp_flow_list_has(list, used, true)) {
        struct sp_str listed = sp_flow_list_in_words(capture->arena, list);
        tell_mismatch(capture, message, who, listed, listed_in_words(capture, who, listed));
    } else {
        tell_what_was_sent(capture, message, who, client);
    }
}
