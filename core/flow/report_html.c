/* SPDX-License-Identifier: Apache-2.0 */
/* The page: one section a flow, its sequence diagram as SVG, its messages below. It loads nothing, runs nothing, and
 * its own policy forbids both; everything that came from outside is escaped in one place (text()). */
#include "core/flow/report.h"

#include "core/diagnosis/verdict.h"

#define LANE_WIDTH 200
#define LANE_MARGIN 64
#define ANSWER_CHARACTERS 28 /* as many fit between two lanes */
#define HEAD_HEIGHT 44
#define ROW_HEIGHT 62

struct page {
    struct sp_buffer *out;
    struct sp_flow_capture *capture;
};

static void raw(struct page *page, const char *html)
{
    sp_buffer_append(page->out, sp_str_from_cstr(html));
}

static void text(struct page *page, struct sp_str value)
{
    bool valid = sp_str_is_utf8(value);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c == '&')
            raw(page, "&amp;");
        else if (c == '<')
            raw(page, "&lt;");
        else if (c == '>')
            raw(page, "&gt;");
        else if (c == '"')
            raw(page, "&quot;");
        else if (c == '\'')
            raw(page, "&#39;");
        else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || (c >= 0x80 && !valid))
            raw(page, "\xef\xbf\xbd");
        else
            sp_buffer_append_char(page->out, (char)c);
    }
}

static void element(struct page *page, const char *open, struct sp_str value, const char *close)
{
    raw(page, open);
    text(page, value);
    raw(page, close);
}

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1d2330;--dim:#647086;--line:#d5dae3;--card:#f6f7f9;--bad:#b3261e;"
    "--warn:#8a5a00;--good:#1b6e3c;--mark:#2457c5}"
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--bg:#14171d;--fg:#e6e9ef;--dim:#9aa5b8;--line:#343b48;--card:#1c2029;"
    "--bad:#ff8a80;--warn:#f2c46d;--good:#7fd6a0;--mark:#8fb4ff}}"
    "*{box-sizing:border-box}body{margin:0 auto;padding:24px;max-width:1120px;background:var(--bg);color:var(--fg);"
    "font:15px/1.5 system-ui,sans-serif}h1{font-size:22px;margin:0 0 4px;"
    "overflow-wrap:anywhere}h2{font-size:18px;margin:0;overflow-wrap:anywhere}"
    "code,dd,.url{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}.dim{color:var(--dim)}"
    "section{border:1px solid var(--line);border-radius:10px;padding:16px 18px;margin:20px 0}"
    ".broken>h2::before{content:'\xe2\x9c\x97 ';color:var(--bad)}.warned>h2::before{content:'! ';color:var(--warn)}"
    ".fine>h2::before{content:'\xe2\x9c\x93 ';color:var(--good)}"
    ".cause{background:var(--card);border-left:4px solid var(--bad);border-radius:6px;padding:10px 14px;margin:12px 0}"
    ".finding{border-left:3px solid var(--line);padding:4px 10px;margin:8px 0}.finding.reject{border-color:var(--bad)}"
    ".finding.warn{border-color:var(--warn)}dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 12px;"
    "margin:6px 0}dt{color:var(--dim);font-size:13px}dd{margin:0}"
    "dd.t{font-family:inherit}details{border-top:1px solid var(--line);padding:6px 0}"
    "summary{cursor:pointer}.scroll{overflow-x:auto}svg{display:block;width:100%;height:auto;"
    "font:12px system-ui,sans-serif}"
    "svg text{fill:var(--fg)}svg .d{fill:var(--dim)}svg .lane{stroke:var(--line)}svg .box{fill:var(--card);"
    "stroke:var(--line)}svg .a{stroke:var(--mark);stroke-width:1.5}svg .r{stroke:var(--dim);stroke-dasharray:5 4}"
    "svg .f{stroke:var(--bad);stroke-dasharray:5 4}svg .ah{fill:var(--mark)}svg .rh{fill:var(--dim)}"
    "svg .fh,svg .tf{fill:var(--bad)}svg .w{fill:var(--warn)}a{color:inherit}nav{margin:12px 0}nav a{display:block;"
    "overflow-wrap:anywhere}"
    /* A phone: less around the text, the diagram as small as can be read; beyond that it scrolls. */
    "@media(max-width:600px){body{padding:12px}section{padding:12px "
    "10px}dl{grid-template-columns:1fr}dt{margin-top:4px}}"
    /* Paper opens what is closed and cuts nothing off. */
    "@media print{body{max-width:none;padding:0}section{border:0;padding:0}.scroll{overflow:visible}"
    "svg,.cause,.finding{break-inside:avoid}h2{break-after:avoid}details::details-content{content-visibility:visible;"
    "block-size:auto}}";

/* ---- findings ---- */

static void write_row(struct page *page, const char *label, struct sp_str value, bool is_prose)
{
    if (value.len == 0)
        return;
    raw(page, "<dt>");
    raw(page, label);
    element(page, is_prose ? "</dt><dd class=\"t\">" : "</dt><dd>", sp_str_slice(value, 0, 2000), "</dd>");
}

static void write_finding(struct page *page, const struct sp_finding *finding, bool whole)
{
    struct sp_arena *arena = page->capture->arena;
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    struct sp_str explanation = whole ? sp_finding_fill(arena, info->explanation, finding) : SP_STR_NONE;
    element(page, "<strong><code>", info->id, "</code></strong> ");
    text(page, info->title);
    if (whole)
        element(page, "<p>", explanation, "</p>");
    raw(page, "<dl>");
    write_row(page, "expected", finding->expected, false);
    write_row(page, "received", finding->received, false);
    if (!sp_str_contains(explanation, finding->detail))
        write_row(page, "detail", finding->detail, true);
    write_row(page, "fix", sp_finding_fix(arena, finding), true);
    if (whole)
        write_row(page, "see", info->references, true);
    raw(page, "</dl>");
}

/* ---- the diagram ---- */

static const char *const lane_titles[] = {"Browser", "Client", "Issuer", "API"};

struct lanes {
    int at[4]; /* x; -1: not in this flow */
    int width;
};

static struct lanes lay_lanes(const struct sp_flow *flow)
{
    struct lanes lanes = {.at = {-1, -1, -1, -1}};
    bool used[4] = {false};
    int count = 0;
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow)
        used[sp_flow_sender(at->kind)] = used[sp_flow_receiver(at->kind)] = true;
    for (int i = 0; i < 4; i++)
        if (used[i])
            lanes.at[i] = LANE_MARGIN + LANE_WIDTH * count++;
    lanes.width = LANE_MARGIN * 2 + LANE_WIDTH * (count > 1 ? count - 1 : 1);
    return lanes;
}

static void write_arrow(struct page *page, const char *line, const char *head, int from, int to, int y)
{
    int tip = to > from ? -7 : 7;
    sp_buffer_printf(page->out, "<line class=\"%s\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>", line, from, y, to, y);
    sp_buffer_printf(page->out, "<path class=\"%s\" d=\"M%d %d l%d -4 v8 z\"/>", head, to, y, tip);
}

static const char *mark_of(const struct sp_flow_message *message)
{
    const char *mark = NULL;
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next) {
        enum sp_severity severity = sp_finding_severity(&at->finding);
        if (severity == SP_SEVERITY_REJECT)
            return "tf";
        if (severity == SP_SEVERITY_WARN)
            mark = "w";
    }
    return mark;
}

/* Bytes that are no UTF-8 are shown one by one and may be cut anywhere. */
static void write_shortened(struct page *page, struct sp_str value, size_t characters)
{
    size_t end = 0;
    for (size_t shown = 0; end < value.len && shown < characters; shown++)
        for (end++; end < value.len && ((unsigned char)value.at[end] & 0xc0) == 0x80;)
            end++;
    text(page, sp_str_slice(value, 0, end));
    if (end < value.len)
        raw(page, "\xe2\x80\xa6");
}

static void write_exchange(struct page *page, const struct sp_flow_message *message, const struct lanes *lanes, int y)
{
    int from = lanes->at[sp_flow_sender(message->kind)], to = lanes->at[sp_flow_receiver(message->kind)];
    int left = from < to ? from : to;
    bool failed = sp_flow_has_failed(message);
    const char *mark = mark_of(message);
    sp_buffer_printf(page->out, "<a href=\"#m%u\">", message->exchange.number);
    sp_buffer_printf(page->out, "<text x=\"%d\" y=\"%d\">%u ", left + 8, y - 5, message->exchange.number);
    text(page, sp_flow_kind_title(message->kind));
    raw(page, "</text>");
    write_arrow(page, "a", "ah", from, to, y);
    write_arrow(page, failed ? "f" : "r", failed ? "fh" : "rh", to, from, y + 24);
    sp_buffer_printf(page->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", failed ? "tf" : "d", left + 8, y + 19);
    write_shortened(page, sp_flow_shown_answer(page->capture, message), ANSWER_CHARACTERS);
    raw(page, "</text>");
    if (mark != NULL)
        sp_buffer_printf(page->out, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"5\"/>", mark, left - 12, y);
    raw(page, "</a>");
}

static void write_diagram(struct page *page, const struct sp_flow *flow)
{
    struct lanes lanes = lay_lanes(flow);
    int height = HEAD_HEIGHT + ROW_HEIGHT * (int)flow->count + 16, y = HEAD_HEIGHT + 26;
    sp_buffer_printf(page->out,
                     "<div class=\"scroll\"><svg role=\"img\" aria-label=\"Sequence diagram of flow %u\" "
                     "style=\"max-width:%dpx;min-width:%dpx\" viewBox=\"0 0 %d %d\">",
                     flow->number, lanes.width, lanes.width * 5 / 6, lanes.width, height);
    for (int i = 0; i < 4; i++) {
        if (lanes.at[i] < 0)
            continue;
        sp_buffer_printf(page->out, "<line class=\"lane\" x1=\"%d\" y1=\"32\" x2=\"%d\" y2=\"%d\"/>", lanes.at[i],
                         lanes.at[i], height);
        sp_buffer_printf(page->out, "<rect class=\"box\" x=\"%d\" y=\"4\" width=\"100\" height=\"28\" rx=\"6\"/>",
                         lanes.at[i] - 50);
        sp_buffer_printf(page->out, "<text x=\"%d\" y=\"23\" text-anchor=\"middle\">%s</text>", lanes.at[i],
                         lane_titles[i]);
    }
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow, y += ROW_HEIGHT)
        write_exchange(page, at, &lanes, y);
    raw(page, "</svg></div>");
}

/* ---- messages ---- */

static void write_lines(struct page *page, const char *title, const struct sp_parameter *rows, size_t count)
{
    if (count == 0)
        return;
    sp_buffer_printf(page->out, "<div class=\"dim\">%s</div><dl>", title);
    for (size_t i = 0; i < count; i++) {
        element(page, "<dt>", rows[i].name, "</dt>");
        element(page, "<dd>", rows[i].value, "</dd>");
    }
    raw(page, "</dl>");
}

static void write_message(struct page *page, const struct sp_flow_message *message)
{
    struct sp_parameter rows[SP_FLOW_LINES];
    sp_buffer_printf(page->out, "<details id=\"m%u\"%s><summary>%u ", message->exchange.number,
                     message->findings != NULL ? " open" : "", message->exchange.number);
    text(page, sp_flow_kind_title(message->kind));
    if (message->times > 0)
        sp_buffer_printf(page->out, " (%llu times)", (unsigned long long)message->times);
    element(page, " <span class=\"url dim\">", message->exchange.method, " ");
    element(page, "", sp_flow_shown_url(page->capture, message), " \xe2\x86\x92 ");
    element(page, "", sp_flow_shown_answer(page->capture, message), "</span></summary>");
    write_lines(page, "request", rows, sp_flow_request_lines(page->capture, message, rows));
    write_lines(page, "answer", rows, sp_flow_answer_lines(page->capture, message, rows));
    for (const struct sp_flow_finding *at = message->findings; at != NULL; at = at->next) {
        element(page, "<div class=\"finding ", sp_severity_name(sp_finding_severity(&at->finding)), "\">");
        write_finding(page, &at->finding, false);
        raw(page, "</div>");
    }
    raw(page, "</details>");
}

static void write_title(struct page *page, const struct sp_flow *flow)
{
    sp_buffer_printf(page->out, "Flow %u \xc2\xb7 ", flow->number);
    text(page, sp_flow_subject_title(flow->subject));
    if (flow->client_id.len > 0)
        element(page, " of <code>", sp_str_slice(flow->client_id, 0, 200), "</code>");
}

/* What is broken first: of a hundred flows one is looked for. */
static void write_contents(struct page *page)
{
    raw(page, "<nav>");
    for (int broken = 1; broken >= 0; broken--)
        for (const struct sp_flow *flow = page->capture->flows; flow != NULL; flow = flow->next) {
            if ((flow->cause != NULL) != broken)
                continue;
            sp_buffer_printf(page->out, "<a href=\"#f%u\">", flow->number);
            write_title(page, flow);
            if (broken)
                element(page, ": <code>", sp_cause_get(flow->cause->finding.cause)->id, "</code>");
            raw(page, "</a>");
        }
    raw(page, "</nav>");
}

static void write_flow(struct page *page, const struct sp_flow *flow)
{
    sp_buffer_printf(page->out, "<section class=\"%s\" id=\"f%u\"><h2>", sp_flow_outcome_name(sp_flow_outcome(flow)),
                     flow->number);
    write_title(page, flow);
    element(page, "</h2><div class=\"dim url\">", sp_str_slice(flow->place, 0, 200), "</div>");
    if (flow->cause != NULL && flow->subject != SP_SUBJECT_LOG) {
        sp_buffer_printf(page->out, "<div class=\"cause\">Broken at <a href=\"#m%u\">exchange %u</a> by ",
                         flow->broken_at->exchange.number, flow->broken_at->exchange.number);
        write_finding(page, &flow->cause->finding, true);
        raw(page, "</div>");
    }
    if (flow->subject != SP_SUBJECT_LOG)
        write_diagram(page, flow);
    for (const struct sp_flow_message *at = flow->first; at != NULL; at = at->next_in_flow)
        write_message(page, at);
    raw(page, "</section>");
}

void sp_flow_write_html(struct sp_buffer *out, struct sp_flow_capture *capture, const struct sp_flow_source *source)
{
    struct page page = {out, capture};
    struct sp_flow_count count = sp_flow_count(capture);
    raw(&page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" "
        "content=\"no-referrer\">");
    element(&page, "<title>", source->name, " \xc2\xb7 sallyport inspect</title><style>");
    raw(&page, style);
    element(&page, "</style></head><body><h1>", source->name, "</h1>");
    sp_buffer_printf(
        out,
        "<div class=\"dim\">%s, %llu exchanges, %llu of them OAuth messages; %u flow%s: %u broken, %u with "
        "warnings, %u fine</div>",
        source->kind, (unsigned long long)source->exchanges, (unsigned long long)capture->messages, count.flows,
        count.flows == 1 ? "" : "s", count.broken, count.warned, count.flows - count.broken - count.warned);
    for (size_t i = 0; i < source->remark_count; i++)
        element(&page, "<p class=\"finding warn\">", source->remarks[i], "</p>");
    if (count.flows > 1)
        write_contents(&page);
    for (const struct sp_flow *flow = capture->flows; flow != NULL; flow = flow->next)
        write_flow(&page, flow);
    raw(&page, "</body></html>\n");
}
