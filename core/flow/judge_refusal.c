/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that say why: Sallyport's own by an id of the catalogue, others by texts that are known (refusals.def). */
#include "core/flow/judge.h"

/* "… (pkce.verifier_mismatch)", or a page with <code>redirect_uri.case</code>, or "cause":"…". */
static enum sp_cause cause_in(struct sp_str text, char open, char close)
{
    for (size_t from = sp_str_index_of(text, open, 0); from < text.len; from = sp_str_index_of(text, open, from + 1)) {
        size_t end = sp_str_index_of(text, close, from + 1);
        struct sp_str id = sp_str_slice(text, from + 1, end);
        if (end < text.len && id.len < 64 && sp_str_index_of(id, '.', 0) < id.len) {
            enum sp_cause cause = sp_cause_find(id);
            if (cause != SP_CAUSE_NONE)
                return cause;
        }
    }
    return SP_CAUSE_NONE;
}

static enum sp_cause cause_named(const struct sp_flow_message *message)
{
    struct sp_str description = sp_flow_answered(message, "error_description");
    enum sp_cause cause = sp_cause_find(sp_flow_answered(message, "cause"));
    if (cause == SP_CAUSE_NONE && message->kind == SP_FLOW_CALLBACK)
        description = sp_flow_parameter(message, "error_description");
    if (cause == SP_CAUSE_NONE)
        cause = cause_in(description, '(', ')');
    if (cause == SP_CAUSE_NONE && message->exchange.status >= 400 && sp_flow_is_html(message))
        cause = cause_in(message->exchange.response_body, '>', '<');
    return cause;
}

/* Where it stands, what it says, what it means. The first that holds counts. */
static const struct {
    enum sp_flow_kind kind; /* SP_FLOW_NONE: of any */
    const char *error;      /* that came with it; NULL: any */
    const char *says;       /* in error_description or in the page; NULL: nothing is needed */
    enum sp_cause cause;
} texts[] = {
#define REFUSAL(kind, error, says, cause) {SP_FLOW_##kind, error, says, SP_CAUSE_##cause},
#include "core/flow/refusals.def"
#undef REFUSAL
};

static bool holds(const struct sp_flow_message *message, size_t row)
{
    if (texts[row].kind != SP_FLOW_NONE && texts[row].kind != message->kind)
        return false;
    if (texts[row].error != NULL && !sp_flow_error_is(message, texts[row].error))
        return false;
    return texts[row].says == NULL || sp_flow_answer_says(message, texts[row].says) ||
           (message->kind == SP_FLOW_CALLBACK &&
            sp_flow_text_has(sp_flow_parameter(message, "error_description"), texts[row].says));
}

/* Judges that compare know both sides: what they find is told instead, and this only where they cannot. */
static bool compared_elsewhere(enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    return sp_str_has_prefix(id, SP_STR("redirect_uri.")) || sp_str_has_prefix(id, SP_STR("pkce.")) ||
           sp_str_has_prefix(id, SP_STR("code.")) || sp_str_has_prefix(id, SP_STR("refresh."));
}

static struct sp_str request_part(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                  enum sp_cause cause)
{
    struct sp_str id = sp_cause_get(cause)->id;
    static const struct {
        const char *prefix, *parameter;
    } parts[] = {
        {"redirect_uri.", "redirect_uri"}, {"request.scope", "scope"},      {"request.resource", "resource"},
        {"request.grant", "grant_type"},   {"client.unknown", "client_id"}, {"request.response_type", "response_type"},
        {"request.denied", "error"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (sp_str_has_prefix(id, sp_str_from_cstr(parts[i].prefix))) {
            struct sp_flow_credentials credentials;
            sp_flow_credentials_read(capture->arena, message, &credentials);
            return sp_str_equal(sp_str_from_cstr(parts[i].parameter), SP_STR("client_id"))
                       ? credentials.client_id
                       : sp_flow_parameter(message, parts[i].parameter);
        }
    return SP_STR_NONE;
}

void sp_flow_judge_refusal_named(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    bool arrived = message->kind == SP_FLOW_CALLBACK && sp_flow_parameter(message, "error").at != NULL;
    if (!arrived && message->exchange.status < 400 && sp_flow_answered(message, "error").at == NULL)
        return;
    enum sp_cause cause = cause_named(message);
    bool by_server = cause != SP_CAUSE_NONE;
    for (size_t i = 0; cause == SP_CAUSE_NONE && i < sizeof texts / sizeof texts[0]; i++)
        if (holds(message, i))
            cause = texts[i].cause;
    if (cause == SP_CAUSE_NONE || (!by_server && compared_elsewhere(cause) && message->kind != SP_FLOW_TOKEN_REQUEST))
        return;
    struct sp_str part = request_part(capture, message, cause);
    struct sp_str words = sp_flow_error_in_words(capture, message);
    struct sp_finding *finding = compared_elsewhere(cause)
                                     ? sp_flow_tell_named(capture, message, cause, SP_STR_NONE, part)
                                     : sp_flow_tell(capture, message, cause, SP_STR_NONE, part);
    finding->detail = words.at != NULL ? sp_arena_printf(capture->arena, "The server says: %.*s", SP_STR_ARG(words))
                                       : SP_STR("The server names it itself.");
}
