/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flow/report.h"

#include "core/diagnosis/verdict.h"
#include "core/diagnosis/words.h"

enum sp_flow_outcome sp_flow_outcome(const struct sp_flow *flow)
{
    if (flow->cause != NULL)
        return SP_FLOW_BROKEN;
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow)
        for (const struct sp_flow_finding *finding = at->findings; finding != NULL; finding = finding->next)
            if (sp_finding_severity(&finding->finding) == SP_SEVERITY_WARN)
                return SP_FLOW_WARNED;
    return SP_FLOW_FINE;
}

const char *sp_flow_outcome_name(enum sp_flow_outcome outcome)
{
    static const char *const names[] = {"fine", "warned", "broken"};
    return names[outcome];
}

struct sp_str sp_flow_subject_title(enum sp_flow_subject subject)
{
    static const char *const titles[] = {
        "Login",  "Token by a machine", "Device login", "API",        "Issuer documents",
        "Logout", "Failed requests",    "Log",          "Connections"};
    return sp_str_from_cstr(titles[subject]);
}

const char *sp_flow_place_word(enum sp_flow_subject subject)
{
    return subject == SP_SUBJECT_LOG ? " of " : subject == SP_SUBJECT_NETWORK ? " to " : " \xc2\xb7 ";
}

int64_t sp_flow_began_ms(const struct sp_flow *flow)
{
    int64_t began = 0;
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow)
        if (at->exchange.started_ms != 0 && (began == 0 || at->exchange.started_ms < began))
            began = at->exchange.started_ms;
    return began;
}

struct sp_flow_count sp_flow_count(const struct sp_flow_capture *capture)
{
    struct sp_flow_count count = {0};
    for (const struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next) {
        enum sp_flow_outcome outcome = sp_flow_outcome(flow);
        count.flows++;
        count.broken += outcome == SP_FLOW_BROKEN;
        count.warned += outcome == SP_FLOW_WARNED;
    }
    return count;
}

/* ---- one message ---- */

struct sp_str sp_flow_shown_url(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_str origin = sp_flow_origin(message->endpoint);
    struct sp_str path = sp_str_slice(message->endpoint, origin.len, message->endpoint.len);
    if (capture->terms.show_secrets)
        return sp_str_slice(message->endpoint, 0, 500);
    return sp_arena_printf(capture->arena, "%.*s%.*s", SP_STR_ARG(sp_str_slice(origin, 0, 300)),
                           SP_STR_ARG(sp_flow_scrubbed(capture, sp_str_slice(path, 0, 300))));
}

struct sp_str sp_flow_shown_answer(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    int status = message->exchange.status;
    if (message->note.at != NULL)
        return message->note;
    struct sp_str error = sp_flow_answered(message, "error");
    if (status == 0)
        return message->exchange.failure.len > 0 ? sp_str_slice(message->exchange.failure, 0, 200)
                                                 : SP_STR("no answer");
    if (message->answer_endpoint.at != NULL)
        return sp_arena_printf(capture->arena, "%d → %.*s%s%.*s", status,
                               SP_STR_ARG(sp_flow_scrubbed(capture, sp_str_slice(message->answer_endpoint, 0, 300))),
                               error.at != NULL ? " " : "", SP_STR_ARG(sp_str_slice(error, 0, 60)));
    if (error.at != NULL)
        return sp_arena_printf(capture->arena, "%d %.*s", status, SP_STR_ARG(sp_str_slice(error, 0, 60)));
    if (sp_flow_answered(message, "access_token").at != NULL)
        return sp_arena_printf(capture->arena, "%d tokens", status);
    return sp_arena_printf(capture->arena, "%d", status);
}

static size_t add_line(struct sp_flow_capture *capture, struct sp_parameter *rows, size_t count, struct sp_str name,
                       struct sp_str value)
{
    if (count == SP_FLOW_LINES || name.len == 0)
        return count;
    rows[count] = (struct sp_parameter){.name = sp_str_slice(name, 0, 60),
                                        .value = sp_str_slice(sp_flow_shown(capture, name, value), 0, 400)};
    return count + 1;
}

size_t sp_flow_request_lines(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                             struct sp_parameter rows[SP_FLOW_LINES])
{
    const struct sp_form *const forms[] = {&message->query, &message->body};
    size_t count = 0;
    for (size_t f = 0; f < 2; f++)
        for (size_t i = 0; i < forms[f]->count; i++)
            count = add_line(capture, rows, count, forms[f]->at[i].name, forms[f]->at[i].value);
    if (message->bearer.at != NULL)
        count = add_line(capture, rows, count,
                         message->bearer_is_dpop ? SP_STR("Authorization: DPoP") : SP_STR("Authorization: Bearer"),
                         message->bearer);
    return count;
}

size_t sp_flow_answer_lines(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                            struct sp_parameter rows[SP_FLOW_LINES])
{
    size_t count = 0;
    for (size_t i = 0; i < message->answer.count; i++)
        count = add_line(capture, rows, count, message->answer.at[i].name, message->answer.at[i].value);
    if (message->kind == SP_FLOW_DISCOVERY || message->kind == SP_FLOW_KEY_SET)
        return count;
    for
        SP_JSON_EACH(member, message->json)
        {
            if (member->type == SP_JSON_STRING || member->type == SP_JSON_NUMBER)
                count = add_line(capture, rows, count, member->name, member->text);
        }
    return count;
}

/* ---- JSON ---- */

static void write_lines(struct sp_json_writer *writer, const char *name, const struct sp_parameter *rows, size_t count)
{
    sp_json_name(writer, sp_str_from_cstr(name));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        sp_json_begin_object(writer);
        sp_json_string_member(writer, "name", rows[i].name);
        sp_json_string_member(writer, "value", rows[i].value);
        sp_json_end_object(writer);
    }
    sp_json_end_array(writer);
}

void sp_flow_write_message_json(struct sp_json_writer *writer, struct sp_flow_capture *capture,
                                const struct sp_flow_message *message)
{
    struct sp_parameter rows[SP_FLOW_LINES];
    const struct sp_flow_exchange *exchange = &message->exchange;
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "exchange", exchange->number);
    sp_json_string_member(writer, "kind", sp_flow_kind_name(message->kind));
    sp_json_string_member(writer, "from", sp_flow_party_title(sp_flow_sender(message->kind)));
    sp_json_string_member(writer, "to", sp_flow_party_title(sp_flow_receiver(message->kind)));
    sp_json_string_member(writer, "method", sp_str_slice(exchange->method, 0, 20));
    sp_json_string_member(writer, "url", sp_flow_shown_url(capture, message));
    sp_json_int_member(writer, "at_ms", exchange->started_ms);
    sp_json_int_member(writer, "status", exchange->status);
    if (message->times > 0)
        sp_json_int_member(writer, "times", (int64_t)message->times);
    sp_json_string_member(writer, "answer", sp_flow_shown_answer(capture, message));
    write_lines(writer, "parameters", rows, sp_flow_request_lines(capture, message, rows));
    write_lines(writer, "answered", rows, sp_flow_answer_lines(capture, message, rows));
    sp_json_name(writer, SP_STR("findings"));
    sp_json_begin_array(writer);
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next)
        sp_finding_write(writer, &at->finding);
    sp_json_end_array(writer);
    sp_json_end_object(writer);
}

static void write_flow(struct sp_json_writer *writer, struct sp_flow_capture *capture, const struct sp_flow *flow)
{
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "number", flow->number);
    sp_json_string_member(writer, "subject", sp_flow_subject_title(flow->subject));
    sp_json_string_member(writer, "client_id", flow->client_id);
    sp_json_string_member(writer, "place", flow->place);
    sp_json_string_member(writer, "outcome", sp_str_from_cstr(sp_flow_outcome_name(sp_flow_outcome(flow))));
    sp_json_name(writer, SP_STR("cause"));
    if (flow->cause != NULL)
        sp_finding_write(writer, &flow->cause->finding);
    else
        sp_json_put_null(writer);
    sp_json_int_member(writer, "broken_at", flow->broken_at != NULL ? flow->broken_at->exchange.number : 0);
    sp_json_name(writer, SP_STR("messages"));
    sp_json_begin_array(writer);
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow)
        sp_flow_write_message_json(writer, capture, at);
    sp_json_end_array(writer);
    sp_json_end_object(writer);
}

void sp_flow_write_json(struct sp_json_writer *writer, struct sp_flow_capture *capture,
                        const struct sp_flow_source *source)
{
    struct sp_flow_count count = sp_flow_count(capture);
    sp_json_string_member(writer, "file", source->name);
    sp_json_string_member(writer, "kind", sp_str_from_cstr(source->kind));
    sp_json_int_member(writer, "bytes", (int64_t)source->bytes);
    sp_json_int_member(writer, "exchanges", (int64_t)source->exchanges);
    sp_json_int_member(writer, "messages", (int64_t)capture->messages);
    sp_json_int_member(writer, "not_kept", (int64_t)capture->not_kept);
    sp_json_name(writer, SP_STR("remarks"));
    sp_json_begin_array(writer);
    for (size_t i = 0; i < source->remark_count; i++)
        sp_json_put_string(writer, source->remarks[i]);
    sp_json_end_array(writer);
    sp_json_name(writer, SP_STR("summary"));
    sp_json_begin_object(writer);
    sp_json_int_member(writer, "flows", count.flows);
    sp_json_int_member(writer, "broken", count.broken);
    sp_json_int_member(writer, "warned", count.warned);
    sp_json_end_object(writer);
    sp_json_name(writer, SP_STR("flows"));
    sp_json_begin_array(writer);
    for (const struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        write_flow(writer, capture, flow);
    sp_json_end_array(writer);
}
