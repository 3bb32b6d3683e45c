/* SPDX-License-Identifier: Apache-2.0 */
/* What a backtest found, for people and as JSON. */
#include "cli/backtest.h"

#define CALL_BYTES (1024u * 1024)
#define MAX_CLAIMS_TOLD 16u

static const char note[] =
    "Signatures are not stored: the recorded outcome of each token's form, signature, introspection and proof of "
    "possession was used. Limits were not counted again.";

static const struct {
    enum sp_change change;
    const char *total, *heading;
    enum sp_style style;
} sections[] = {
    {SP_CHANGE_NONE, "as before", NULL, SP_STYLE_GOOD},
    {SP_CHANGE_REFUSED, "would be refused", "Accepted then, refused now", SP_STYLE_BAD},
    {SP_CHANGE_ACCEPTED, "would be accepted", "Refused then, accepted now", SP_STYLE_WARN},
    {SP_CHANGE_OTHER_CAUSE, "would be refused for another cause", "Refused then and now, for another cause",
     SP_STYLE_WARN},
    {SP_CHANGE_UNKNOWN, "cannot be judged", "Cannot be judged: the log does not tell", SP_STYLE_DIM},
    {SP_CHANGE_OUTSIDE, "are nothing that a policy judges (preflights, metadata, broken requests)", NULL, SP_STYLE_DIM},
};
#define SECTION_COUNT (sizeof sections / sizeof sections[0])

static struct sp_str id_of(enum sp_cause cause)
{
    return cause == SP_CAUSE_NONE ? SP_STR("accepted") : sp_cause_get(cause)->id;
}

/* ---- for people ---- */

static void print_column(struct sp_str text, int width)
{
    sp_cli_print_value(stdout, text);
    for (size_t i = text.len; (int)i < width; i++)
        putchar(' ');
    putchar(' ');
}

static void print_evidence(const char *name, struct sp_str text)
{
    if (text.len == 0)
        return;
    printf("            %s%-9s%s ", sp_cli_style(SP_STYLE_DIM), name, sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, text, 22, 22);
    putchar('\n');
}

static void print_row(const struct sp_tally_row *row)
{
    struct sp_str what = row->change == SP_CHANGE_UNKNOWN    ? row->lacking
                         : row->change == SP_CHANGE_ACCEPTED ? id_of(row->was)
                                                             : id_of(row->now);
    printf("%10llu  %s", (unsigned long long)row->count, sp_cli_style(SP_STYLE_BOLD));
    print_column(what, 28);
    printf("%s", sp_cli_style(SP_STYLE_PLAIN));
    print_column(row->caller.len > 0 ? row->caller : SP_STR("(unknown)"), 18);
    print_column(row->api.len > 0 ? row->api : SP_STR("(no API)"), 14);
    sp_cli_print_value(stdout, row->example);
    putchar('\n');
    if (row->change == SP_CHANGE_OTHER_CAUSE)
        print_evidence("before", id_of(row->was));
    if (row->change != SP_CHANGE_ACCEPTED) {
        print_evidence("expected", row->expected);
        print_evidence("received", row->received);
    }
}

/* Returns how many rows were printed. */
static size_t print_section(const struct sp_backtest *backtest, size_t section, size_t limit)
{
    const struct sp_tally_row *const *rows;
    size_t count = sp_tally_rows(backtest->tally, &rows), printed = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->change != sections[section].change)
            continue;
        if (printed == limit)
            break;
        if (printed++ == 0)
            printf("\n%s%s%s\n     calls  %-28s %-18s %-14s %s\n", sp_cli_style(sections[section].style),
                   sections[section].heading, sp_cli_style(SP_STYLE_PLAIN),
                   sections[section].change == SP_CHANGE_UNKNOWN ? "what" : "cause", "caller", "API", "example");
        print_row(rows[i]);
    }
    return printed;
}

static void print_totals(const struct sp_backtest *backtest)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        uint64_t total = sp_tally_total(backtest->tally, sections[i].change);
        if (total > 0 || sections[i].change <= SP_CHANGE_ACCEPTED)
            printf("%10llu  %s%s%s\n", (unsigned long long)total, total > 0 ? sp_cli_style(sections[i].style) : "",
                   sections[i].total, total > 0 ? sp_cli_style(SP_STYLE_PLAIN) : "");
    }
    if (backtest->unreadable > 0)
        printf("%10llu  %s\n", (unsigned long long)backtest->unreadable,
               backtest->unreadable == 1 ? "line is no call, or broken" : "lines are no calls, or broken");
}

/* What would have the lines of tomorrow tell the claims that those of today do not. */
static void print_advice(const struct sp_backtest *backtest)
{
    const struct sp_tally_row *const *rows;
    size_t count = sp_tally_rows(backtest->tally, &rows), told = 0;
    for (size_t i = 0; i < count && told < MAX_CLAIMS_TOLD; i++) {
        struct sp_str claim = rows[i]->change == SP_CHANGE_UNKNOWN ? sp_lacking_claim(rows[i]->lacking) : SP_STR_NONE;
        bool is_known = claim.len == 0;
        for (size_t before = 0; before < i && !is_known; before++)
            is_known = sp_str_equal(rows[before]->lacking, rows[i]->lacking);
        if (is_known)
            continue;
        fputs(told++ == 0 ? "To have it in the lines from now on: call_log: {claims: [" : ", ", stdout);
        sp_cli_print_value(stdout, claim);
    }
    if (told > 0)
        puts("]} in sallyport.yaml.");
}

void sp_backtest_print(const struct sp_cli *cli, const struct sp_backtest *backtest, size_t limit)
{
    const struct sp_tally_row *const *rows;
    size_t printed = 0, count = sp_tally_rows(backtest->tally, &rows);
    (void)cli;
    sp_cli_print_value(stdout, backtest->log);
    if (backtest->files > 1)
        printf(" and %u rotated files", backtest->files - 1);
    if (backtest->first[0] != '\0') {
        fputs(", ", stdout);
        sp_cli_print_value(stdout, sp_str_from_cstr(backtest->first));
        fputs(" to ", stdout);
        sp_cli_print_value(stdout, sp_str_from_cstr(backtest->last));
    }
    fputs("\n\n", stdout);
    print_totals(backtest);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (sections[i].heading != NULL)
            printed += print_section(backtest, i, limit - printed);
    print_advice(backtest);
    if (printed < count)
        printf("\n%zu more rows: --limit %zu\n", count - printed, count);
    if (sp_tally_without_row(backtest->tally) > 0)
        printf("\n%llu more calls of other callers have no row.\n",
               (unsigned long long)sp_tally_without_row(backtest->tally));
    if (backtest->unreadable_files > 0)
        printf("\n%u rotated files could not be read (packed otherwise than by gzip, or no permission).\n",
               backtest->unreadable_files);
    if (backtest->fault != NULL)
        printf("\n%s\n", backtest->fault);
    putchar('\n');
    sp_cli_print_wrapped(stdout, sp_str_from_cstr(note), 0, 0);
    putchar('\n');
}

/* ---- as JSON ---- */

static void put_text(struct sp_json_writer *json, const char *name, struct sp_str text)
{
    sp_json_name(json, sp_str_from_cstr(name));
    if (text.len > 0)
        sp_json_put_string(json, text);
    else
        sp_json_put_null(json);
}

static void put_cause(struct sp_json_writer *json, const char *name, enum sp_cause cause)
{
    put_text(json, name, cause != SP_CAUSE_NONE ? sp_cause_get(cause)->id : SP_STR_NONE);
}

enum sp_status sp_backtest_print_call(struct sp_arena *arena, const struct sp_recorded_call *call,
                                      const struct sp_rejudgement *judged)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    if (judged->change == SP_CHANGE_NONE || judged->change == SP_CHANGE_OUTSIDE)
        return SP_OK;
    sp_buffer_init(&buffer, arena, CALL_BYTES);
    sp_json_writer_init(&json, &buffer, false);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "request_id", call->request_id);
    sp_json_string_member(&json, "time", call->time);
    sp_json_string_member(&json, "change", sp_str_from_cstr(sp_change_name(judged->change)));
    put_cause(&json, "was", call->cause);
    put_cause(&json, "cause", judged->cause);
    put_text(&json, "lacking", judged->lacking);
    put_text(&json, "consumer", judged->consumer != NULL ? judged->consumer->name : call->consumer);
    put_text(&json, "client_id", call->client_id);
    put_text(&json, "api", judged->api != NULL ? judged->api->name : call->api);
    sp_json_end_object(&json);
    if (sp_buffer_status(&buffer) != SP_OK)
        return SP_NO_MEMORY;
    sp_buffer_append_char(&buffer, '\n');
    struct sp_str text = sp_buffer_str(&buffer);
    return fwrite(text.at, 1, text.len, stdout) == text.len ? SP_OK : SP_IO;
}

static void put_row(struct sp_json_writer *json, const struct sp_tally_row *row)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "change", sp_str_from_cstr(sp_change_name(row->change)));
    put_cause(json, "was", row->was);
    put_cause(json, "cause", row->now);
    put_text(json, "lacking", row->lacking);
    put_text(json, "consumer", row->is_consumer ? row->caller : SP_STR_NONE);
    put_text(json, "client_id", row->is_consumer ? SP_STR_NONE : row->caller);
    put_text(json, "api", row->api);
    put_text(json, "route", row->route);
    sp_json_int_member(json, "calls", (int64_t)row->count);
    put_text(json, "example", row->example);
    put_text(json, "first", row->first);
    put_text(json, "last", row->last);
    put_text(json, "expected", row->expected);
    put_text(json, "received", row->received);
    sp_json_end_object(json);
}

/* Every line that was meant is a call, and every call could be judged. */
static bool is_complete(const struct sp_backtest *backtest)
{
    return sp_tally_total(backtest->tally, SP_CHANGE_UNKNOWN) == 0 && backtest->unreadable == 0 &&
           backtest->unreadable_files == 0 && backtest->fault == NULL;
}

void sp_backtest_write(struct sp_json_writer *json, const struct sp_backtest *backtest, size_t limit)
{
    const struct sp_tally_row *const *rows;
    size_t count = sp_tally_rows(backtest->tally, &rows);
    sp_json_begin_object(json);
    put_text(json, "log", backtest->log);
    sp_json_int_member(json, "files", backtest->files);
    sp_json_int_member(json, "bytes", (int64_t)backtest->bytes);
    put_text(json, "since", sp_str_from_cstr(backtest->since));
    put_text(json, "until", sp_str_from_cstr(backtest->until));
    put_text(json, "first", sp_str_from_cstr(backtest->first));
    put_text(json, "last", sp_str_from_cstr(backtest->last));
    sp_json_bool_member(json, "complete", is_complete(backtest));
    sp_json_name(json, SP_STR("totals"));
    sp_json_begin_object(json);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        sp_json_int_member(json, sp_change_name(sections[i].change),
                           (int64_t)sp_tally_total(backtest->tally, sections[i].change));
    sp_json_int_member(json, "outside_time", (int64_t)backtest->outside_time);
    sp_json_int_member(json, "unreadable", (int64_t)backtest->unreadable);
    sp_json_int_member(json, "unreadable_files", backtest->unreadable_files);
    sp_json_int_member(json, "without_row", (int64_t)sp_tally_without_row(backtest->tally));
    sp_json_end_object(json);
    sp_json_name(json, SP_STR("rows"));
    sp_json_begin_array(json);
    for (size_t i = 0; i < count && i < limit; i++)
        put_row(json, rows[i]);
    sp_json_end_array(json);
    sp_json_int_member(json, "more_rows", (int64_t)(count > limit ? count - limit : 0));
    put_text(json, "fault", sp_str_from_cstr(backtest->fault));
    put_text(json, "note", sp_str_from_cstr(note));
    sp_json_end_object(json);
}
