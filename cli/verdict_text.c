/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict for people: what was decided, why, both sides of the comparison with the difference marked, what to change
 * where, then everything that was looked at. Reads the contract's JSON, so that a verdict out of a log reads the same
 * as a fresh one. */
#include "cli/token.h"

#include "core/diagnosis/words.h"

static struct sp_str text_of(const struct sp_json *object, const char *name)
{
    return sp_json_string(sp_json_member(object, sp_str_from_cstr(name)));
}

static void print_styled(enum sp_style style, struct sp_str text)
{
    fputs(sp_cli_style(style), stdout);
    sp_cli_print_value(stdout, text);
    fputs(sp_cli_style(SP_STYLE_PLAIN), stdout);
}

static void print_outcome(enum sp_style style, enum sp_sign sign, const char *word)
{
    printf("%s%s %s%s", sp_cli_style(style), sp_cli_sign(sign), word, sp_cli_style(SP_STYLE_PLAIN));
}

static void print_paragraph(struct sp_str text)
{
    if (text.len == 0)
        return;
    fputs("  ", stdout);
    sp_cli_print_wrapped(stdout, text, 2, 2);
    putchar('\n');
}

/* Padded only where what follows stands beside it. */
static void print_label(const char *label, unsigned indent)
{
    printf("  %s%-*s%s", sp_cli_style(SP_STYLE_BOLD), sp_cli_has_room(indent) ? (int)indent - 2 : 0, label,
           sp_cli_style(SP_STYLE_PLAIN));
}

static void print_labelled(const char *label, struct sp_str text)
{
    if (text.len == 0)
        return;
    print_label(label, 12);
    sp_cli_print_wrapped(stdout, text, 12, 12);
    putchar('\n');
}

/* ---- both sides ---- */

static size_t common_prefix(struct sp_str a, struct sp_str b)
{
    size_t i = 0;
    while (i < a.len && i < b.len && a.at[i] == b.at[i])
        i++;
    /* Never inside a UTF-8 character. */
    while (i > 0 && i < a.len && ((unsigned char)a.at[i] & 0xc0) == 0x80)
        i--;
    return i;
}

static size_t common_suffix(struct sp_str a, struct sp_str b, size_t prefix)
{
    size_t i = 0;
    while (i < a.len - prefix && i < b.len - prefix && a.at[a.len - 1 - i] == b.at[b.len - 1 - i])
        i++;
    while (i > 0 && ((unsigned char)a.at[a.len - i] & 0xc0) == 0x80)
        i--;
    return i;
}

#define SIDE_INDENT 12u

static void print_side(const char *label, unsigned indent, struct sp_str text, size_t from, size_t to)
{
    printf("  %s%-9s%s ", sp_cli_style(SP_STYLE_BOLD), label, sp_cli_style(SP_STYLE_PLAIN));
    if (indent < SIDE_INDENT)
        printf("\n%*s", (int)indent, "");
    sp_cli_print_value(stdout, sp_str_slice(text, 0, from));
    print_styled(to > from ? SP_STYLE_MARK : SP_STYLE_PLAIN, sp_str_slice(text, from, to));
    sp_cli_print_value(stdout, sp_str_slice(text, to, text.len));
    putchar('\n');
}

static bool is_markable(struct sp_str text)
{
    if (text.len == 0 || text.len > 300 || !sp_str_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20)
            return false;
    return true;
}

static void print_carets(unsigned indent, size_t from, size_t to)
{
    printf("%*s", (int)indent, "");
    for (size_t i = 0; i < from; i++)
        putchar(' ');
    fputs(sp_cli_style(SP_STYLE_BAD), stdout);
    for (size_t i = from; i < (to > from ? to : from + 1); i++)
        putchar('^');
    puts(sp_cli_style(SP_STYLE_PLAIN));
}

/* Marked only when they share enough for a mark to say something. */
static void print_sides(struct sp_str expected, struct sp_str received)
{
    size_t prefix = common_prefix(expected, received);
    size_t suffix = common_suffix(expected, received, prefix);
    size_t longer = expected.len > received.len ? expected.len : received.len;
    bool alike = is_markable(expected) && is_markable(received) && (prefix + suffix) * 2 >= longer &&
                 !sp_str_equal(expected, received);
    if (!alike) {
        print_labelled("expected", expected);
        print_labelled("received", received);
        return;
    }
    const unsigned indent = SIDE_INDENT + longer <= sp_cli_width() ? SIDE_INDENT : 4;
    print_side("expected", indent, expected, prefix, expected.len - suffix);
    print_side("received", indent, received, prefix, received.len - suffix);
    if (indent + longer <= sp_cli_width())
        print_carets(indent, prefix, received.len - suffix);
}

/* ---- the cause ---- */

static struct sp_str join(const struct sp_json *list, char *room, size_t size)
{
    size_t used = 0;
    if (!sp_json_is(list, SP_JSON_ARRAY))
        return SP_STR_NONE;
    for
        SP_JSON_EACH(item, list)
        {
            int written =
                snprintf(room + used, size - used, "%s%.*s", used > 0 ? "; " : "", SP_STR_ARG(sp_json_string(item)));
            if (written < 0 || (size_t)written >= size - used)
                break;
            used += (size_t)written;
        }
    return sp_str(room, used);
}

/* What is behind the cause, in the catalogue's words; unless it is the cause itself. */
static void print_reason(struct sp_str id, struct sp_str cause_id)
{
    enum sp_cause reason = sp_cause_find(id);
    const struct sp_cause_info *info = sp_cause_get(reason);
    char room[256];
    if (id.len == 0 || sp_str_equal(id, cause_id))
        return;
    if (reason == SP_CAUSE_NONE) {
        print_labelled("reason", id);
        return;
    }
    int len = snprintf(room, sizeof room, "%.*s: %.*s", SP_STR_ARG(id), SP_STR_ARG(info->title));
    print_labelled("reason", sp_str(room, len > 0 && (size_t)len < sizeof room ? (size_t)len : 0));
    if (!sp_str_contains(info->fix, SP_STR("{"))) /* of its own two sides, which are not here */
        print_labelled("", info->fix);
}

/* The end of a headline that has come to `column`. */
static void print_title(struct sp_str id, struct sp_str title, unsigned column)
{
    print_styled(SP_STYLE_BOLD, id);
    fputs(": ", stdout);
    sp_cli_print_wrapped(stdout, title, 2, column + (unsigned)id.len + 2);
    fputs("\n\n", stdout);
}

/* What a client of the gateway is told: the cause's status, or the one that the line of the call has. */
static void write_fault(char *room, size_t size, const struct sp_json *cause, const struct sp_json *call)
{
    struct sp_str error = text_of(cause, "oauth_error"), component = text_of(cause, "component");
    int64_t usual = 0, status = 0;
    if (sp_json_int64(sp_json_member(cause, SP_STR("http_status")), &usual) != SP_OK)
        usual = 0;
    const bool is_of_call = sp_json_int64(sp_json_member(call, SP_STR("status")), &status) == SP_OK;
    if (!is_of_call)
        status = usual;
    if (status != usual)
        error = SP_STR_NONE; /* of another answer */
    if (status == 0)
        snprintf(room, size, is_of_call ? "%.*s · the client gets no answer" : "%.*s", SP_STR_ARG(component));
    else
        snprintf(room, size, "%.*s · the client gets %d%s%.*s", SP_STR_ARG(component), (int)status,
                 error.len > 0 ? " " : "", SP_STR_ARG(error));
}

/* with_client: also what a client of the gateway is told; call: NULL, or the line's. */
static void print_cause(const struct sp_json *cause, bool with_client, const struct sp_json *call)
{
    char room[1024];
    struct sp_str explanation = text_of(cause, "explanation"), detail = text_of(cause, "detail");
    print_paragraph(explanation);
    putchar('\n');
    print_sides(text_of(cause, "expected"), text_of(cause, "received"));
    if (detail.len > 0 && !sp_str_contains(explanation, detail))
        print_labelled("detail", detail);
    print_reason(text_of(cause, "reason"), text_of(cause, "id"));
    print_labelled("fix", text_of(cause, "fix"));
    if (with_client)
        write_fault(room, sizeof room, cause, call);
    else
        snprintf(room, sizeof room, "%.*s", SP_STR_ARG(text_of(cause, "component")));
    print_labelled("at fault", sp_str_from_cstr(room));
    print_labelled("see", join(sp_json_member(cause, SP_STR("references")), room, sizeof room));
}

/* told: the one that was told already, or NULL. */
static void print_also(const struct sp_json *also, const struct sp_json *told)
{
    if (also == NULL || also->count == (told != NULL ? 1u : 0u))
        return;
    printf("\n%sAlso%s\n", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
    for
        SP_JSON_EACH(finding, also)
        {
            if (finding == told)
                continue;
            bool warns = sp_str_equal(text_of(finding, "severity"), SP_STR("warn"));
            bool rumour = sp_json_is(sp_json_member(finding, SP_STR("verified")), SP_JSON_FALSE);
            printf("  %s%s%s ", sp_cli_style(warns ? SP_STYLE_WARN : SP_STYLE_BAD),
                   sp_cli_sign(warns ? SP_SIGN_WARN : SP_SIGN_BAD), sp_cli_style(SP_STYLE_PLAIN));
            sp_cli_print_value(stdout, text_of(finding, "id"));
            fputs(rumour ? " (read from unverified claims): " : ": ", stdout);
            sp_cli_print_wrapped(stdout, text_of(finding, "title"), 4,
                                 (unsigned)text_of(finding, "id").len + (rumour ? 35 : 6));
            struct sp_str received = text_of(finding, "received"), detail = text_of(finding, "detail");
            if (detail.len > 0 || received.len > 0) {
                fputs("\n    ", stdout);
                sp_cli_print_wrapped(stdout, detail.len > 0 ? detail : received, 4, 4);
            }
            putchar('\n');
            if (text_of(finding, "fix").len > 0) {
                printf("    %sfix%s ", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
                sp_cli_print_wrapped(stdout, text_of(finding, "fix"), 4, 8);
                putchar('\n');
            }
        }
}

static void print_hints(const struct sp_json *hints)
{
    if (hints == NULL || hints->count == 0)
        return;
    printf("\n%sHints%s\n", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
    for
        SP_JSON_EACH(hint, hints)
        {
            fputs("  - ", stdout);
            sp_cli_print_wrapped(stdout, sp_json_string(hint), 4, 4);
            putchar('\n');
        }
}

static void print_check(const struct sp_json *check)
{
    static const struct {
        const char *outcome;
        enum sp_sign sign;
        enum sp_style style;
    } rows[] = {{"pass", SP_SIGN_GOOD, SP_STYLE_GOOD},
                {"fail", SP_SIGN_BAD, SP_STYLE_BAD},
                {"warn", SP_SIGN_WARN, SP_STYLE_WARN},
                {"skip", SP_SIGN_SKIP, SP_STYLE_DIM}};
    struct sp_str outcome = text_of(check, "outcome"), shown = text_of(check, "detail");
    size_t i = 0;
    while (i < 3 && !sp_str_equal(outcome, sp_str_from_cstr(rows[i].outcome)))
        i++;
    if (shown.len == 0)
        shown = text_of(check, "received");
    printf("  %s%-*s %-*.*s%s", sp_cli_style(rows[i].style), sp_cli_is_utf8() ? 1 : 2, sp_cli_sign(rows[i].sign),
           shown.len > 0 ? 11 : 0, SP_STR_ARG(text_of(check, "name")), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, sp_str_slice(shown, 0, 300), 15, 15);
    putchar('\n');
}

/* Nothing, when nothing was checked: a call that was refused before its token, or one that the log has no checks of. */
static void print_checks(const struct sp_json *checks)
{
    bool any = false;
    for
        SP_JSON_EACH(check, checks)
    any = any || !sp_str_equal(text_of(check, "outcome"), SP_STR("skip"));
    if (!any)
        return;
    printf("\n%sChecks%s\n", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
    for
        SP_JSON_EACH(check, checks)
    print_check(check);
}

/* The header and claims members of a token as JSON, those that it has. */
static void print_token_parts(const struct sp_json *token)
{
    static const char *const parts[] = {"header", "claims"};
    for (size_t i = 0; i < 2; i++) {
        const struct sp_json *part = sp_json_member(token, sp_str_from_cstr(parts[i]));
        if (part == NULL || part->count == 0)
            continue;
        printf("  %-7s ", parts[i]);
        sp_cli_print_value(stdout, sp_str_slice(part->text, 0, 4000));
        putchar('\n');
    }
}

static void print_token(const struct sp_json *token)
{
    struct sp_str kind = text_of(token, "kind");
    if (kind.len == 0)
        return;
    bool verified = sp_json_is(sp_json_member(token, SP_STR("signature_verified")), SP_JSON_TRUE);
    printf("\n%sToken%s %.*s", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN), SP_STR_ARG(kind));
    if (sp_str_equal(kind, SP_STR("jwt")))
        fputs(verified ? ", signature verified" : ", signature NOT verified: what it says is a rumour", stdout);
    putchar('\n');
    print_token_parts(token);
}

void sp_cli_print_diagnosis(const struct sp_json *verdict)
{
    const struct sp_json *cause = sp_json_member(verdict, SP_STR("cause"));
    if (sp_json_is(sp_json_member(verdict, SP_STR("accepted")), SP_JSON_TRUE)) {
        bool warns = sp_json_member(verdict, SP_STR("also"))->count > 0;
        print_outcome(SP_STYLE_GOOD, SP_SIGN_GOOD, warns ? "It works, with warnings" : "Nothing is wrong");
        putchar('\n');
    } else {
        print_outcome(SP_STYLE_BAD, SP_SIGN_BAD, "");
        print_title(text_of(cause, "id"), text_of(cause, "title"), 2);
        print_cause(cause, false, NULL);
    }
    print_also(sp_json_member(verdict, SP_STR("also")), NULL);
    print_hints(sp_json_member(verdict, SP_STR("hints")));
}

/* "Cannot decide is not rejected": what a token is judged by is missing, and the gateway answers 503. */
static bool is_undecided(struct sp_str id)
{
    static const struct sp_str groups[] = {{"keys.", 5}, {"introspection.", 14}, {"discovery.", 10}, {"network.", 8}};
    bool fits = false;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        fits |= sp_str_has_prefix(id, groups[i]);
    return fits && sp_cause_get(sp_cause_find(id))->http_status == 503;
}

/* No cause: a line of a log whose judge wrote elsewhere. */
static void print_headline(const struct sp_json *cause, const struct sp_json *call)
{
    if (!sp_json_is(cause, SP_JSON_OBJECT)) {
        puts("by whoever answered; the log has no cause of it\n");
        return;
    }
    print_title(text_of(cause, "id"), text_of(cause, "title"), 12);
    print_cause(cause, true, call);
}

/* The gate let the call through, and then it ended badly: what ended it stands beside the verdict. */
static const struct sp_json *find_failure(const struct sp_json *also)
{
    for
        SP_JSON_EACH(finding, also)
        {
            struct sp_str id = text_of(finding, "id");
            if (sp_str_equal(text_of(finding, "severity"), SP_STR("reject")) ||
                sp_str_equal(id, SP_STR("upstream.rejected_token")))
                return finding;
        }
    return NULL;
}

/* What was accepted, by the line of the call, which names the issuer of every token that was. */
static const char *accepted_what(const struct sp_json *call)
{
    if (sp_json_member(call, SP_STR("issuer")) != NULL)
        return "the token was accepted";
    return sp_str_equal(text_of(call, "presented"), SP_STR("api_key")) ? "the API key was accepted"
                                                                       : "the gateway let the call through";
}

/* failure: what ended a call that the gate let through, NULL for none. A 5xx without one is the API's own answer. */
static void print_accepted(const struct sp_json *call, const struct sp_json *failure)
{
    int64_t status = 0;
    if (sp_json_int64(sp_json_member(call, SP_STR("status")), &status) != SP_OK)
        status = 0;
    if (failure == NULL && status < 500) {
        print_outcome(SP_STYLE_GOOD, SP_SIGN_GOOD, "ACCEPTED");
        putchar('\n');
        return;
    }
    print_outcome(SP_STYLE_BAD, SP_SIGN_BAD, "FAILED");
    fputs("  ", stdout);
    if (failure == NULL) {
        bool by_api = sp_json_member(call, SP_STR("upstream_status")) != NULL;
        printf("%s %d (%s)\n", by_api ? "the API answered" : "the answer was", (int)status, accepted_what(call));
        return;
    }
    char title[256];
    snprintf(title, sizeof title, "%.*s (%s)", SP_STR_ARG(text_of(failure, "title")), accepted_what(call));
    print_title(text_of(failure, "id"), sp_str_from_cstr(title), 10);
    print_cause(failure, true, call);
}

void sp_cli_print_verdict(const struct sp_json *verdict, int64_t now)
{
    (void)now;
    const struct sp_json *cause = sp_json_member(verdict, SP_STR("cause")), *failure = NULL,
                         *call = sp_json_member(verdict, SP_STR("call"));
    if (sp_json_is(sp_json_member(verdict, SP_STR("accepted")), SP_JSON_TRUE)) {
        failure = find_failure(sp_json_member(verdict, SP_STR("also")));
        print_accepted(call, failure);
    } else if (!sp_json_is(cause, SP_JSON_OBJECT) &&
               text_of(sp_json_member(verdict, SP_STR("token")), "kind").len > 0) {
        print_styled(SP_STYLE_WARN, SP_STR("? UNDECIDED"));
        puts("  nothing that was looked at speaks against it, and not all was looked at");
    } else {
        bool undecided = is_undecided(text_of(cause, "id"));
        if (undecided)
            print_styled(SP_STYLE_WARN, SP_STR("? UNDECIDED"));
        else
            print_outcome(SP_STYLE_BAD, SP_SIGN_BAD, "REJECTED");
        fputs("  ", stdout);
        print_headline(cause, call);
    }
    print_also(sp_json_member(verdict, SP_STR("also")), failure);
    print_hints(sp_json_member(verdict, SP_STR("hints")));
    print_checks(sp_json_member(verdict, SP_STR("checks")));
    print_token(sp_json_member(verdict, SP_STR("token")));
}

void sp_cli_print_finding(const struct sp_finding *finding)
{
    struct sp_arena *arena = sp_arena_create(256 * 1024);
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *json;
    if (arena == NULL)
        return;
    sp_buffer_init(&buffer, arena, 128 * 1024);
    sp_json_writer_init(&writer, &buffer, false);
    sp_finding_write(&writer, finding);
    if (sp_json_parse(arena, sp_buffer_str(&buffer), &sp_json_limits_document, &json, &error) == SP_OK) {
        print_styled(SP_STYLE_BAD, text_of(json, "id"));
        fputs(": ", stdout);
        sp_cli_print_value(stdout, text_of(json, "title"));
        fputs("\n\n", stdout);
        print_cause(json, true, NULL);
    }
    sp_arena_destroy(&arena);
}
