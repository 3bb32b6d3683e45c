/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/judge.h"

#include "core/diagnosis/verdict.h"
#include "core/diagnosis/words.h"

typedef void judge(struct sp_flow_capture *capture, struct sp_flow_message *message);

#define MAX_JUDGES 12

/* In this order; of two specific findings about one message the first told explains the other. */
static judge *const judges[SP_FLOW_KIND_COUNT][MAX_JUDGES] = {
    [SP_FLOW_DISCOVERY] = {sp_flow_judge_transport, sp_flow_judge_discovery},
    [SP_FLOW_KEY_SET] = {sp_flow_judge_transport, sp_flow_judge_key_set},
    [SP_FLOW_RESOURCE_METADATA] = {sp_flow_judge_transport, sp_flow_judge_resource_metadata},
    [SP_FLOW_PREFLIGHT] = {sp_flow_judge_transport, sp_flow_judge_preflight},
    [SP_FLOW_PUSHED_REQUEST] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_token_form,
                                sp_flow_judge_client, sp_flow_judge_authorization, sp_flow_judge_redirect_uri,
                                sp_flow_judge_json_answer, sp_flow_judge_needed_members},
    [SP_FLOW_AUTHORIZATION_REQUEST] = {sp_flow_judge_transport, sp_flow_judge_refusal_named,
                                       sp_flow_judge_authorization, sp_flow_judge_redirect_uri,
                                       sp_flow_judge_sent_back},
    [SP_FLOW_AUTHORIZATION_RESPONSE] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_sent_back},
    [SP_FLOW_CALLBACK] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_callback,
                          sp_flow_judge_front_tokens},
    [SP_FLOW_LOGIN_START] = {sp_flow_judge_transport, sp_flow_judge_login_start},
    [SP_FLOW_TOKEN_REQUEST] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_token_form,
                               sp_flow_judge_client, sp_flow_judge_code, sp_flow_judge_refresh, sp_flow_judge_device,
                               sp_flow_judge_grant, sp_flow_judge_json_answer, sp_flow_judge_token_answer,
                               sp_flow_judge_tokens, sp_flow_judge_cors},
    [SP_FLOW_DEVICE_AUTHORIZATION] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_token_form,
                                      sp_flow_judge_client, sp_flow_judge_grant, sp_flow_judge_json_answer,
                                      sp_flow_judge_needed_members},
    [SP_FLOW_INTROSPECTION] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_client,
                               sp_flow_judge_json_answer},
    [SP_FLOW_REVOCATION] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_client,
                            sp_flow_judge_revocation},
    [SP_FLOW_USERINFO] = {sp_flow_judge_transport, sp_flow_judge_userinfo, sp_flow_judge_presented, sp_flow_judge_cors},
    [SP_FLOW_LOGOUT] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_logout},
    [SP_FLOW_BACKCHANNEL_LOGOUT] = {sp_flow_judge_transport, sp_flow_judge_logout_token},
    [SP_FLOW_API_CALL] = {sp_flow_judge_transport, sp_flow_judge_refusal_named, sp_flow_judge_presented,
                          sp_flow_judge_challenge, sp_flow_judge_cors},
    [SP_FLOW_LOG_TOKEN] = {sp_flow_judge_log_token},
    [SP_FLOW_TROUBLE] = {sp_flow_judge_transport, sp_flow_judge_cors},
};

/* ---- telling ---- */

static struct sp_finding *tell(struct sp_flow_capture *capture, struct sp_flow_message *message, enum sp_cause cause,
                               struct sp_str expected, struct sp_str received, enum sp_flow_depth depth)
{
    static struct sp_finding nobody_reads;
    unsigned told = 0;
    struct sp_flow_finding **at = &message->findings;
    for (; *at != NULL; at = &(*at)->next, told++)
        if ((*at)->finding.cause == cause)
            break;
    if (*at != NULL && (*at)->depth <= depth)
        return &nobody_reads; /* told already, by who knew as much */
    if (*at == NULL &&
        (told >= SP_MAX_FINDINGS || (*at = SP_ARENA_NEW(capture->arena, struct sp_flow_finding)) == NULL))
        return &nobody_reads;
    (*at)->depth = depth;
    (*at)->finding = (struct sp_finding){
        .cause = cause, .check = SP_CHECK_COUNT, .verified = true, .expected = expected, .received = received};
    return &(*at)->finding;
}

struct sp_finding *sp_flow_tell(struct sp_flow_capture *capture, struct sp_flow_message *message, enum sp_cause cause,
                                struct sp_str expected, struct sp_str received)
{
    return tell(capture, message, cause, expected, received, SP_FLOW_ROOT);
}

struct sp_finding *sp_flow_tell_general(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                        enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    return tell(capture, message, cause, expected, received, SP_FLOW_SYMPTOM);
}

struct sp_finding *sp_flow_tell_named(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                      enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    return tell(capture, message, cause, expected, received, SP_FLOW_NAMED);
}

struct sp_finding *sp_flow_tell_of_request(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                           enum sp_cause cause, struct sp_str expected, struct sp_str received)
{
    struct sp_finding *finding = tell(capture, message, cause, expected, received, SP_FLOW_ROOT);
    finding->tolerated = !sp_flow_has_failed(message);
    return finding;
}

void sp_flow_tell_finding(struct sp_flow_capture *capture, struct sp_flow_message *message,
                          const struct sp_finding *from)
{
    struct sp_finding *finding = tell(capture, message, from->cause, SP_STR_NONE, SP_STR_NONE, SP_FLOW_ROOT);
    enum sp_cause cause = finding->cause;
    *finding = *from;
    finding->cause = cause;
    /* It may have been read in a scratch arena. */
    struct sp_str *const texts[] = {&finding->expected, &finding->received, &finding->detail};
    for (size_t i = 0; i < 3; i++)
        if (texts[i]->at != NULL && sp_arena_copy(capture->arena, *texts[i], texts[i]) != SP_OK)
            *texts[i] = SP_STR_NONE;
    if (finding->received.at == NULL && finding->detail.at == NULL)
        finding->received = SP_STR("none");
}

bool sp_flow_has_told(const struct sp_flow_message *message, enum sp_cause cause)
{
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next)
        if (at->finding.cause == cause)
            return true;
    return false;
}

static bool rejects(const struct sp_flow_finding *at)
{
    return sp_finding_severity(&at->finding) == SP_SEVERITY_REJECT;
}

bool sp_flow_has_told_specific(const struct sp_flow_message *message)
{
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next)
        if (at->depth == SP_FLOW_ROOT && sp_finding_severity(&at->finding) != SP_SEVERITY_WARN)
            return true;
    return false;
}

/* ---- texts ---- */

bool sp_flow_answer_says(const struct sp_flow_message *message, const char *part)
{
    const size_t looked_at = 16u * 1024;
    return sp_text_has(sp_flow_answered(message, "error_description"), part) ||
           (message->exchange.status >= 400 &&
            sp_text_has(sp_str_slice(message->exchange.response_body, 0, looked_at), part));
}

bool sp_flow_error_is(const struct sp_flow_message *message, const char *error)
{
    struct sp_str given = sp_flow_answered(message, "error");
    if (given.at == NULL && message->kind == SP_FLOW_CALLBACK)
        given = sp_flow_parameter(message, "error");
    return sp_str_equal(given, sp_str_from_cstr(error));
}

struct sp_str sp_flow_error_in_words(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    bool arrived = message->kind == SP_FLOW_CALLBACK;
    struct sp_str error = arrived ? sp_flow_parameter(message, "error") : sp_flow_answered(message, "error");
    struct sp_str description =
        arrived ? sp_flow_parameter(message, "error_description") : sp_flow_answered(message, "error_description");
    if (error.at == NULL)
        return SP_STR_NONE;
    error = sp_flow_scrubbed(capture, sp_str_slice(error, 0, 200));
    description = sp_flow_scrubbed(capture, sp_str_slice(description, 0, 1000));
    return description.len == 0
               ? error
               : sp_arena_printf(capture->arena, "%.*s: %.*s", SP_STR_ARG(error), SP_STR_ARG(description));
}

bool sp_flow_words_within(struct sp_str words, struct sp_str of, struct sp_str *missing)
{
    struct sp_str word;
    while (sp_str_next_word(&words, SP_STR(" "), &word)) {
        struct sp_str rest = of, other;
        bool found = false;
        while (!found && sp_str_next_word(&rest, SP_STR(" "), &other))
            found = sp_str_equal(word, other);
        if (!found) {
            *missing = word;
            return false;
        }
    }
    return true;
}

bool sp_flow_list_has(const struct sp_json *list, struct sp_str value, bool when_absent)
{
    if (!sp_json_is(list, SP_JSON_ARRAY))
        return when_absent;
    for
        SP_JSON_EACH(item, list)
    if (sp_str_equal(sp_json_string(item), value))
        return true;
    return false;
}

struct sp_str sp_flow_list_in_words(struct sp_arena *arena, const struct sp_json *list)
{
    struct sp_str words = SP_STR("none");
    size_t count = 0;
    for
        SP_JSON_EACH(item, list)
        {
            if (++count > 12)
                break;
            words = count == 1
                        ? sp_json_string(item)
                        : sp_arena_printf(arena, "%.*s %.*s", SP_STR_ARG(words), SP_STR_ARG(sp_json_string(item)));
        }
    return words;
}

int64_t sp_flow_now_s(const struct sp_flow_message *message)
{
    return message->exchange.started_ms / 1000;
}

struct sp_str sp_flow_later(struct sp_flow_capture *capture, const struct sp_flow_message *a,
                            const struct sp_flow_message *b)
{
    int64_t ms = b->exchange.started_ms - a->exchange.started_ms;
    if (a->exchange.started_ms == 0 || b->exchange.started_ms == 0 || ms < 0)
        return SP_STR("later");
    if (ms < 1000)
        return sp_arena_printf(capture->arena, "%lld ms later", (long long)ms);
    return sp_arena_printf(capture->arena, "%.*s later", SP_STR_ARG(sp_words_duration(capture->arena, ms / 1000)));
}

/* ---- the end ---- */

static void consider(struct sp_flow *flow, const struct sp_flow_message *message)
{
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next) {
        if (!rejects(at))
            continue;
        bool finer = flow->cause != NULL && at->depth < flow->cause->depth &&
                     (flow->cause->depth == SP_FLOW_SYMPTOM || flow->broken_at == message);
        if (flow->cause == NULL || finer) {
            flow->cause = at;
            flow->broken_at = message;
        }
    }
}

/* That it failed says nothing beside why; the error's own words stand with the answer's parameters. Where a silent
 * renewal found no session, it says why there was none. */
static void drop_general(struct sp_flow_message *message)
{
    if (sp_flow_silence_in_words(message).len > 0)
        return;
    for (struct sp_flow_finding **at = &message->findings; *at != NULL;) {
        enum sp_cause cause = (*at)->finding.cause;
        bool is_general =
            (*at)->depth == SP_FLOW_SYMPTOM && (cause == SP_CAUSE_RESPONSE_ERROR || cause == SP_CAUSE_CALLBACK_ERROR);
        if (is_general && sp_flow_has_told_specific(message))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

void sp_flow_judge_message(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    for (size_t i = 0; i < MAX_JUDGES && judges[message->kind][i] != NULL; i++)
        judges[message->kind][i](capture, message);
    drop_general(message);
    consider(message->flow, message);
}

void sp_flow_judge(struct sp_flow_capture *capture)
{
    for (struct sp_flow_message *message = capture->first; message != NULL; message = message->next)
        for (size_t i = 0; i < MAX_JUDGES && judges[message->kind][i] != NULL; i++)
            judges[message->kind][i](capture, message);
    for (struct sp_flow_message *message = capture->first; message != NULL; message = message->next)
        if (message->flow->request == message)
            sp_flow_judge_frame(capture, message);
    for (struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        for (struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow) {
            drop_general(at);
            consider(flow, at);
        }
}
