/* SPDX-License-Identifier: Apache-2.0 */
/* Flows drawn as text: one line a message, who to whom, what of it may be shown, and what is wrong with it below; the
 * cause that broke the flow stands first, whole. */
#include "cli/inspect.h"
#include "cli/token.h"

#include "core/diagnosis/verdict.h"

static const enum sp_sign marks[] = {
    [SP_SEVERITY_INFO] = SP_SIGN_DOT, [SP_SEVERITY_WARN] = SP_SIGN_WARN, [SP_SEVERITY_REJECT] = SP_SIGN_BAD};
static const enum sp_style styles[] = {
    [SP_SEVERITY_INFO] = SP_STYLE_DIM, [SP_SEVERITY_WARN] = SP_STYLE_WARN, [SP_SEVERITY_REJECT] = SP_STYLE_BAD};

static void print_padded(struct sp_str text, size_t width)
{
    sp_cli_print_value(stdout, text);
    for (size_t i = text.len; i < width; i++)
        putchar(' ');
}

static void print_sides(const struct sp_finding *finding)
{
    const struct {
        const char *label;
        struct sp_str text;
    } rows[] = {{"expected", finding->expected}, {"received", finding->received}, {"detail", finding->detail}};
    for (size_t i = 0; i < 3; i++) {
        if (rows[i].text.len == 0)
            continue;
        printf("             %-9s ", rows[i].label);
        sp_cli_print_wrapped(stdout, sp_str_slice(rows[i].text, 0, 1000), 23, 23);
        putchar('\n');
    }
}

static void print_finding(const struct sp_flow_finding *at)
{
    enum sp_severity severity = sp_finding_severity(&at->finding);
    const struct sp_cause_info *info = sp_cause_get(at->finding.cause);
    printf("           %s%s %.*s%s ", sp_cli_style(styles[severity]), sp_cli_sign(marks[severity]),
           SP_STR_ARG(info->id), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_value(stdout, info->title);
    putchar('\n');
    print_sides(&at->finding);
}

static void print_lines(enum sp_sign arrow, const struct sp_parameter *rows, size_t count)
{
    if (count == 0)
        return;
    printf("           %s%s", sp_cli_style(SP_STYLE_DIM), sp_cli_sign(arrow));
    unsigned column = 13;
    for (size_t i = 0; i < count; i++) {
        struct sp_str value = sp_str_slice(rows[i].value, 0, 120);
        unsigned width = (unsigned)(rows[i].name.len + value.len + 2);
        if (i > 0 && column + width > 118) {
            fputs("\n            ", stdout);
            column = 12;
        }
        putchar(' ');
        sp_cli_print_value(stdout, rows[i].name);
        putchar('=');
        sp_cli_print_sentence(stdout, value);
        column += width;
    }
    puts(sp_cli_style(SP_STYLE_PLAIN));
}

/* Of a log: where, how often, the line, what it means. */
static void print_line(const struct sp_flow_message *message)
{
    printf("  line %u, %llu time%s: %s", message->exchange.number, (unsigned long long)message->times,
           message->times == 1 ? "" : "s", sp_cli_style(SP_STYLE_DIM));
    sp_cli_print_sentence(stdout, message->note);
    puts(sp_cli_style(SP_STYLE_PLAIN));
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next)
        print_finding(at);
}

void sp_inspect_print_message(struct sp_flow_capture *capture, const struct sp_flow_message *message, int64_t since_ms)
{
    if (message->times > 0) {
        print_line(message);
        return;
    }
    struct sp_parameter rows[SP_FLOW_LINES];
    int64_t ms = message->exchange.started_ms - since_ms;
    char when[24] = "";
    if (message->exchange.started_ms != 0 && since_ms != 0)
        snprintf(when, sizeof when, "%+.3f", (double)ms / 1000);
    printf("  %4u %9s  ", message->exchange.number, when);
    print_padded(sp_flow_party_title(sp_flow_sender(message->kind)), 7);
    printf(" %s ", sp_cli_sign(SP_SIGN_SENT));
    print_padded(sp_flow_party_title(sp_flow_receiver(message->kind)), 7);
    printf(" %s", sp_cli_style(SP_STYLE_BOLD));
    print_padded(sp_flow_kind_title(message->kind), 24);
    printf("%s ", sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_value(stdout, sp_str_slice(message->exchange.method, 0, 10));
    putchar(' ');
    sp_cli_print_sentence(stdout, sp_flow_shown_url(capture, message));
    putchar('\n');
    print_lines(SP_SIGN_REQUEST, rows, sp_flow_request_lines(capture, message, rows));
    printf("           %s%s %s", sp_cli_style(sp_flow_has_failed(message) ? SP_STYLE_BAD : SP_STYLE_DIM),
           sp_cli_sign(SP_SIGN_ANSWERED), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_sentence(stdout, sp_flow_shown_answer(capture, message));
    putchar('\n');
    print_lines(SP_SIGN_ANSWER, rows, sp_flow_answer_lines(capture, message, rows));
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next)
        print_finding(at);
}

static void print_head(const struct sp_flow *flow)
{
    static const enum sp_sign words[] = {SP_SIGN_GOOD, SP_SIGN_WARN, SP_SIGN_BAD};
    static const enum sp_style colours[] = {SP_STYLE_GOOD, SP_STYLE_WARN, SP_STYLE_BAD};
    enum sp_flow_outcome outcome = sp_flow_outcome(flow);
    printf("\n%s%s Flow %u%s %s ", sp_cli_style(colours[outcome]), sp_cli_sign(words[outcome]), flow->number,
           sp_cli_style(SP_STYLE_PLAIN), sp_cli_sign(SP_SIGN_DOT));
    sp_cli_print_value(stdout, sp_flow_subject_title(flow->subject));
    if (flow->client_id.len > 0) {
        fputs(" of client ", stdout);
        sp_cli_print_value(stdout, sp_str_slice(flow->client_id, 0, 200));
    }
    if (flow->place.len > 0) {
        sp_cli_print_sentence(stdout, sp_str_from_cstr(sp_flow_place_word(flow->subject)));
        sp_cli_print_value(stdout, sp_str_slice(flow->place, 0, 200));
    }
    const char *what = flow->subject == SP_SUBJECT_LOG ? "text" : "message";
    printf(" %s %u %s%s\n", sp_cli_sign(SP_SIGN_DOT), flow->count, what, flow->count == 1 ? "" : "s");
}

static void print_flow(struct sp_flow_capture *capture, const struct sp_flow *flow)
{
    print_head(flow);
    if (flow->cause != NULL && flow->subject != SP_SUBJECT_LOG) {
        printf("\n  broken at exchange %u by ", flow->broken_at->exchange.number);
        sp_cli_print_finding(&flow->cause->finding);
        putchar('\n');
    }
    const int64_t began_ms = sp_flow_began_ms(flow);
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow)
        sp_inspect_print_message(capture, at, began_ms);
}

void sp_inspect_print(struct sp_flow_capture *capture, const struct sp_flow_source *source)
{
    struct sp_flow_count count = sp_flow_count(capture);
    sp_cli_print_value(stdout, source->name);
    printf(": %s, %llu exchange%s, %llu of them OAuth messages in %u flow%s\n", source->kind,
           (unsigned long long)source->exchanges, source->exchanges == 1 ? "" : "s",
           (unsigned long long)capture->messages, count.flows, count.flows == 1 ? "" : "s");
    for (size_t i = 0; i < source->remark_count; i++) {
        printf("  %s!%s ", sp_cli_style(SP_STYLE_WARN), sp_cli_style(SP_STYLE_PLAIN));
        sp_cli_print_wrapped(stdout, source->remarks[i], 4, 4);
        putchar('\n');
    }
    for (const struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        print_flow(capture, flow);
    printf("\n%u flow%s: %u broken, %u with warnings, %u fine\n", count.flows, count.flows == 1 ? "" : "s",
           count.broken, count.warned, count.flows - count.broken - count.warned);
}
