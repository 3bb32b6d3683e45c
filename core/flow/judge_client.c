/* SPDX-License-Identifier: Apache-2.0 */
/* Client authentication (RFC 6749 2.3, OIDC Core 9, RFC 7523), and the form of a request that a client sends itself. A
 * secret is judged by one that is known to be right: from a registration, or because it worked in this recording. */
#include "core/flow/judge.h"

#include "core/diagnosis/words.h"
#include "core/jose/base64url.h"
#include "core/jose/jwk_set.h"

/* ---- form ---- */

void sp_flow_judge_token_form(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str method = message->exchange.method;
    struct sp_str type = sp_flow_header(&message->exchange.request_headers, "Content-Type");
    struct sp_str repeated = sp_form_repeated(&message->body);
    if (!sp_str_equal(method, SP_STR("POST"))) {
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_METHOD, SP_STR("POST"), method);
        return;
    }
    bool as_form = sp_str_equal_ignoring_case(sp_flow_media_type(type), SP_STR("application/x-www-form-urlencoded"));
    if (!as_form && message->exchange.request_body.len > 0)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_NOT_FORM,
                                SP_STR("application/x-www-form-urlencoded"),
                                type.at != NULL ? sp_flow_media_type(type) : SP_STR("of no media type"));
    if (repeated.at != NULL)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_DUPLICATE_PARAMETER, SP_STR("once"), repeated);
    if (as_form && message->kind == SP_FLOW_TOKEN_REQUEST && sp_flow_parameter(message, "grant_type").at == NULL)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_PARAMETER_MISSING, SP_STR("grant_type"),
                                SP_STR("none"));
}

/* ---- the secret ---- */

static bool differs_by_space(struct sp_str sent, struct sp_str right)
{
    return !sp_str_equal(sent, right) && sp_str_equal(sp_str_trim(sent), sp_str_trim(right));
}

static bool decodes_to(struct sp_arena *arena, struct sp_str text, struct sp_str right)
{
    struct sp_str decoded;
    return !sp_str_equal(text, right) && sp_form_decode(arena, text, &decoded) == SP_OK && sp_str_equal(decoded, right);
}

static void judge_secret(struct sp_flow_capture *capture, struct sp_flow_message *message,
                         const struct sp_flow_credentials *who, const struct sp_flow_client *client)
{
    struct sp_str right = client->secret, name = who->client_id;
    struct sp_str shown = sp_flow_masked(capture, who->secret);
    bool raw_is_right = who->method == SP_CLIENT_METHOD_BASIC && sp_str_equal(who->raw_secret, right);
    if (sp_str_equal(who->secret, right))
        return;
    if (raw_is_right)
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_SECRET_NOT_ENCODED, name, shown);
    else if (differs_by_space(who->secret, right))
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_SECRET_WHITESPACE, name,
                     sp_arena_printf(capture->arena, "%zu characters, %zu once trimmed", who->secret.len,
                                     sp_str_trim(who->secret).len));
    else if (decodes_to(capture->arena, who->secret, right))
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_SECRET_DOUBLE_ENCODED, name, shown);
    else
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_SECRET_WRONG, name, shown);
}

static void judge_expiry(struct sp_flow_capture *capture, struct sp_flow_message *message,
                         const struct sp_flow_client *client)
{
    int64_t expires = 0, now = sp_flow_now_s(message);
    const struct sp_json *member = sp_json_member(client->registered, SP_STR("client_secret_expires_at"));
    if (sp_json_int64(member, &expires) == SP_OK && expires > 0 && now > expires)
        sp_flow_tell(capture, message, SP_CAUSE_CLIENT_SECRET_EXPIRED, client->client_id,
                     sp_words_instant(capture->arena, expires))
            ->detail = sp_arena_printf(capture->arena, "It ended at %.*s.",
                                       SP_STR_ARG(sp_words_instant_from(capture->arena, expires, now)));
}

/* ---- assertions ---- */

static bool has_audience(const struct sp_json *aud, struct sp_str value)
{
    return sp_str_equal(sp_json_string(aud), value) || sp_flow_list_has(aud, value, false);
}

static bool verifies(const struct sp_flow_client *client, struct sp_arena *arena, struct sp_str token)
{
    const struct sp_json *header = sp_flow_jwt_part(arena, token, 0);
    enum sp_algorithm algorithm = sp_algorithm_find(sp_json_string(sp_json_member(header, SP_STR("alg"))));
    size_t dot = token.len;
    struct sp_str signature;
    while (dot > 0 && token.at[dot - 1] != '.')
        dot--;
    if (dot == 0 || sp_base64url_decode(arena, sp_str_slice(token, dot, token.len), &signature) != SP_OK)
        return false;
    for (size_t i = 0; i < client->keys->count; i++)
        if (sp_key_verify(client->keys->keys[i].key, algorithm, sp_str_slice(token, 0, dot - 1), signature) ==
            SP_VERIFICATION_HOLDS)
            return true;
    return false;
}

static struct sp_str key_in_words(struct sp_flow_capture *capture, struct sp_str token)
{
    const struct sp_json *header = sp_flow_jwt_part(capture->arena, token, 0);
    struct sp_str alg = sp_json_string(sp_json_member(header, SP_STR("alg")));
    struct sp_str kid = sp_json_string(sp_json_member(header, SP_STR("kid")));
    return sp_arena_printf(capture->arena, kid.len > 0 ? "alg %.*s, kid %.*s" : "alg %.*s, no kid%.*s",
                           SP_STR_ARG(sp_str_slice(alg, 0, 40)), SP_STR_ARG(sp_str_slice(kid, 0, 200)));
}

static const struct sp_flow_message *earlier_assertion(struct sp_flow_capture *capture,
                                                       const struct sp_flow_message *message, struct sp_str assertion)
{
    for (const struct sp_flow_message *at = capture->first; at != NULL && at != message; at = at->next)
        if (sp_str_equal(sp_flow_parameter(at, "client_assertion"), assertion))
            return at;
    return NULL;
}

static void judge_assertion(struct sp_flow_capture *capture, struct sp_flow_message *message,
                            const struct sp_flow_credentials *who, const struct sp_flow_client *client)
{
    const struct sp_json *claims = sp_flow_jwt_part(capture->arena, who->assertion, 1);
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    const struct sp_json *aud = sp_json_member(claims, SP_STR("aud"));
    int64_t exp = 0, now = sp_flow_now_s(message);
    struct sp_str jti = sp_json_string(sp_json_member(claims, SP_STR("jti")));
    if (issuer != NULL && aud != NULL && !has_audience(aud, issuer->issuer) && !has_audience(aud, message->endpoint) &&
        !has_audience(aud, issuer->token_endpoint))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CLIENT_ASSERTION_AUDIENCE, issuer->issuer,
                                aud->type == SP_JSON_STRING ? aud->text : sp_flow_list_in_words(capture->arena, aud));
    if (sp_json_int64(sp_json_member(claims, SP_STR("exp")), &exp) == SP_OK && now > 0 && exp < now)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CLIENT_ASSERTION_EXPIRED, SP_STR("an exp that lies ahead"),
                                sp_words_instant(capture->arena, exp))
            ->detail = sp_words_instant_from(capture->arena, exp, now);
    const struct sp_flow_message *before = earlier_assertion(capture, message, who->assertion);
    if (before != NULL)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CLIENT_ASSERTION_REPLAYED, SP_STR("a new assertion"),
                                jti.at != NULL ? jti : SP_STR("without jti"))
            ->detail = sp_arena_printf(capture->arena, "It was sent in exchange %u.", before->exchange.number);
    bool by_key = who->method != SP_CLIENT_METHOD_SECRET_ASSERTION; /* a MAC is of the secret, and no key verifies it */
    if (by_key && client != NULL && client->keys != NULL && !verifies(client, capture->arena, who->assertion))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CLIENT_ASSERTION_SIGNATURE,
                                SP_STR("a key of the client's registration"), key_in_words(capture, who->assertion));
}

/* The client itself: by the error that says so (RFC 6749 5.2), or by a 401 whose error speaks of nothing else, as some
 * servers answer. */
static bool is_refused(const struct sp_flow_message *message)
{
    static const char *const of_something_else[] = {"invalid_grant",  "invalid_scope",         "unsupported_grant_type",
                                                    "invalid_target", "use_dpop_nonce",        "invalid_dpop_proof",
                                                    "slow_down",      "authorization_pending", "expired_token"};
    if (sp_flow_error_is(message, "invalid_client") || sp_flow_error_is(message, "unauthorized_client"))
        return true;
    if (message->exchange.status != 401)
        return false;
    for (size_t i = 0; i < sizeof of_something_else / sizeof of_something_else[0]; i++)
        if (sp_flow_error_is(message, of_something_else[i]))
            return false;
    return true;
}

void sp_flow_judge_client(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_flow_credentials who;
    sp_flow_credentials_read(capture->arena, message, &who);
    const struct sp_flow_client *client = sp_flow_client_find(capture, who.client_id);
    if (who.basic_malformed) {
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CLIENT_BASIC_MALFORMED, SP_STR("base64 of ID:SECRET"),
                                SP_STR("not base64, or without a colon"));
        return;
    }
    if (who.methods > 1)
        sp_flow_tell_of_request(capture, message, SP_CAUSE_CLIENT_MULTIPLE_METHODS, SP_STR("one method"),
                                sp_arena_printf(capture->arena, "%u methods, %s first", who.methods,
                                                sp_flow_client_method_name(who.method)));
    if (who.assertion.at != NULL)
        judge_assertion(capture, message, &who, client);
    if (!is_refused(message) || sp_flow_has_told_specific(message))
        return;
    if (client != NULL && client->registered != NULL)
        judge_expiry(capture, message, client);
    if (client != NULL && client->secret.len > 0 && who.secret.len > 0)
        judge_secret(capture, message, &who, client);
    if (!sp_flow_has_told_specific(message) && !sp_flow_error_is(message, "unauthorized_client"))
        sp_flow_judge_client_method(capture, message, &who, client);
}

/* ---- errors of any grant ---- */

static void judge_grant_allowed(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_flow_credentials who;
    struct sp_str grant = sp_flow_parameter(message, "grant_type");
    const struct sp_flow_client *client;
    sp_flow_credentials_read(capture->arena, message, &who);
    client = sp_flow_client_find(capture, who.client_id);
    const struct sp_json *list = client != NULL ? sp_json_member(client->registered, SP_STR("grant_types")) : NULL;
    if (sp_flow_error_is(message, "unauthorized_client") || !sp_flow_list_has(list, grant, true))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_GRANT_NOT_ALLOWED,
                                list != NULL ? sp_flow_list_in_words(capture->arena, list)
                                             : SP_STR("the grants registered for the client"),
                                grant)
            ->detail = who.client_id;
}

static void judge_grant_scope(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_flow_issuer *issuer = sp_flow_issuer_of(capture, message);
    const struct sp_json *list = issuer != NULL ? sp_json_member(issuer->metadata, SP_STR("scopes_supported")) : NULL;
    struct sp_str scope = sp_flow_parameter(message, "scope"), missing;
    struct sp_str known = sp_flow_list_in_words(capture->arena, list);
    if (list != NULL && !sp_flow_words_within(scope, known, &missing))
        sp_flow_tell(capture, message, SP_CAUSE_REQUEST_SCOPE_UNKNOWN, known, missing);
    else
        sp_flow_tell(capture, message, SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED, SP_STR("fewer"), scope);
}

void sp_flow_judge_grant(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str words = sp_flow_error_in_words(capture, message);
    struct sp_str grant = sp_flow_parameter(message, "grant_type");
    if (message->kind == SP_FLOW_TOKEN_REQUEST && grant.at != NULL)
        judge_grant_allowed(capture, message);
    if (sp_flow_error_is(message, "invalid_scope") && !sp_flow_has_told_specific(message))
        judge_grant_scope(capture, message);
    if (message->exchange.status == 404 && words.at == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_REQUEST_ENDPOINT_UNKNOWN, SP_STR("the token endpoint of the metadata"),
                     message->endpoint)
            ->detail = SP_STR("It answers 404.");
    if (words.at != NULL && !sp_flow_error_is(message, "authorization_pending") &&
        !sp_flow_error_is(message, "slow_down"))
        sp_flow_tell_general(capture, message, SP_CAUSE_RESPONSE_ERROR, SP_STR("tokens"),
                             sp_flow_answered(message, "error"))
            ->detail = words;
}

/* ---- revocation (RFC 7009) ---- */

void sp_flow_judge_revocation(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_flow_credentials who;
    sp_flow_credentials_read(capture->arena, message, &who);
    struct sp_str owner = message->flow->client_id;
    bool issued_here = message->flow->tokens != NULL;
    if (issued_here && owner.at != NULL && who.client_id.len > 0 && !sp_str_equal(owner, who.client_id))
        sp_flow_tell_of_request(capture, message, SP_CAUSE_REQUEST_TOKEN_OF_OTHER_CLIENT, owner, who.client_id);
    struct sp_str words = sp_flow_error_in_words(capture, message);
    if (words.at != NULL)
        sp_flow_tell_general(capture, message, SP_CAUSE_RESPONSE_ERROR, SP_STR("200"),
                             sp_flow_answered(message, "error"))
            ->detail = words;
}
