/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport cause [ID]`: the catalogue, as `rustc --explain` does. A prefix (`issuer`, `keys.`) lists its causes. */
#include "cli/check.h"
#include "core/base/nearest.h"
#include "core/diagnosis/cause.h"

#define MAX_CATALOGUE_BYTES (4u * 1024 * 1024)

/* ---- for programs ---- */
static void write_cause(struct sp_json_writer *json, enum sp_cause cause)
{
    const struct sp_cause_info *info = sp_cause_get(cause);
    struct sp_str rest = info->references, reference;
    sp_json_begin_object(json);
    sp_json_string_member(json, "id", info->id);
    sp_json_string_member(json, "group", sp_cause_group(cause));
    sp_json_string_member(json, "severity", sp_severity_name(info->severity));
    sp_json_string_member(json, "component", sp_component_name(info->component));
    sp_json_string_member(json, "title", info->title);
    sp_json_string_member(json, "explanation", info->explanation);
    sp_json_string_member(json, "fix", info->fix);
    sp_json_string_member(json, "client_text", info->client_text);
    sp_json_name(json, SP_STR("references"));
    sp_json_begin_array(json);
    while (sp_str_next_word(&rest, SP_STR(";"), &reference)) {
        sp_json_put_string(json, sp_str_trim(reference));
    }
    sp_json_end_array(json);
    sp_json_int_member(json, "http_status", info->http_status);
    sp_json_name(json, SP_STR("oauth_error"));
    if (info->oauth_error.len > 0) {
        sp_json_put_string(json, info->oauth_error);
    } else {
        sp_json_put_null(json);
    }
    sp_json_end_object(json);
}

/* "issuer", "issuer.": everything below. */
static bool is_below(struct sp_str id, struct sp_str prefix)
{
    if (prefix.len > 0 && prefix.at[prefix.len - 1] == '.') {
        prefix.len--;
    }
    return prefix.len == 0 || (sp_str_has_prefix(id, prefix) && id.len > prefix.len && id.at[prefix.len] == '.');
}

static int print_json(const struct sp_cli *cli, enum sp_cause one, struct sp_str prefix)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, NULL, MAX_CATALOGUE_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    if (one != SP_CAUSE_NONE) {
        write_cause(&json, one);
    } else {
        sp_json_begin_array(&json);
        for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
            if (is_below(sp_cause_get(cause)->id, prefix)) {
                write_cause(&json, cause);
            }
        }
        sp_json_end_array(&json);
    }
    int exit_status = sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
    sp_buffer_fini(&buffer);
    return exit_status;
}

/* ---- for people ---- */
static void print_list(struct sp_str prefix)
{
    struct sp_str group = SP_STR_NONE;
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        const struct sp_cause_info *info = sp_cause_get(cause);
        struct sp_str now = sp_cause_group(cause);
        if (!is_below(info->id, prefix)) {
            continue;
        }
        if (!sp_str_equal(group, now)) {
            printf("%s%s%.*s%s\n", group.at != NULL ? "\n" : "", sp_cli_style(SP_STYLE_BOLD), SP_STR_ARG(now),
                   sp_cli_style(SP_STYLE_PLAIN));
            group = now;
        }
        printf("  %-*.*s", sp_cli_has_room(43) ? 41 : 0, SP_STR_ARG(info->id));
        sp_cli_print_wrapped(stdout, info->title, 43, 43);
        putchar('\n');
    }
}

static void print_paragraph(const char *label, struct sp_str text)
{
    if (text.len == 0) {
        return;
    }
    printf("\n  %s", sp_cli_style(SP_STYLE_BOLD));
    sp_cli_print_wrapped(stdout, sp_str_from_cstr(label), 2, 2);
    printf("%s\n    ", sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, text, 4, 4);
    putchar('\n');
}

static void print_cause(enum sp_cause cause)
{
    const struct sp_cause_info *info = sp_cause_get(cause);
    struct sp_str severity = sp_severity_name(info->severity), component = sp_component_name(info->component);
    printf("%s%.*s%s  ", sp_cli_style(SP_STYLE_BOLD), SP_STR_ARG(info->id), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, info->title, 2, (unsigned)info->id.len + 2);
    putchar('\n');
    print_paragraph("What it means", info->explanation);
    print_paragraph("What to change", info->fix);
    print_paragraph("What the refused client is told", info->client_text);
    const char *apart = sp_cli_width() < 80 ? "\n  " : "   ";
    printf("\n  %sseverity%s %.*s%s%sat fault%s %.*s", sp_cli_style(SP_STYLE_DIM), sp_cli_style(SP_STYLE_PLAIN),
           SP_STR_ARG(severity), apart, sp_cli_style(SP_STYLE_DIM), sp_cli_style(SP_STYLE_PLAIN),
           SP_STR_ARG(component));
    if (info->http_status > 0) {
        printf("%s%sanswer%s %d%s%.*s", apart, sp_cli_style(SP_STYLE_DIM), sp_cli_style(SP_STYLE_PLAIN),
               info->http_status, info->oauth_error.len > 0 ? " " : "", SP_STR_ARG(info->oauth_error));
    }
    printf("\n  %sreferences%s ", sp_cli_style(SP_STYLE_DIM), sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_wrapped(stdout, info->references, 13, 13);
    fputs("\n\n  ", stdout);
    sp_cli_print_wrapped(stdout,
                         SP_STR("{expected}, {received} and {detail} stand for the values of the case at hand."), 2, 2);
    putchar('\n');
}

/* ---- the command ---- */
static bool is_a_prefix(struct sp_str text)
{
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        if (is_below(sp_cause_get(cause)->id, text)) {
            return true;
        }
    }
    return false;
}

static int complain_of_unknown(const struct sp_cli *cli, struct sp_str id)
{
    enum sp_cause nearest = sp_cause_nearest(id);
    struct sp_str shown = sp_str_slice(id, 0, 80);
    if (!sp_str_is_utf8(shown)) {
        shown = SP_STR("(not UTF-8)");
    }
    if (nearest != SP_CAUSE_NONE) {
        return sp_cli_usage_error(cli, "there is no cause '%.*s'. Did you mean '%.*s'?", SP_STR_ARG(shown),
                                  SP_STR_ARG(sp_cause_get(nearest)->id));
    }
    return sp_cli_usage_error(cli, "there is no cause '%.*s'; `sallyport cause` lists all", SP_STR_ARG(shown));
}

static int run_cause(struct sp_cli *cli)
{
    struct sp_str id = sp_cli_argument(cli, 0);
    enum sp_cause cause = sp_cause_find(id);
    /* A problem response names its cause as a URN: that may be pasted whole. */
    const struct sp_str urn = SP_STR("urn:sallyport:cause:");
    if (sp_str_has_prefix(id, urn)) {
        id = sp_str_slice(id, urn.len, id.len);
        cause = sp_cause_find(id);
    }
    bool lists = id.len == 0 || (cause == SP_CAUSE_NONE && is_a_prefix(id));
    if (cause == SP_CAUSE_NONE && !lists) {
        return complain_of_unknown(cli, id);
    }
    if (sp_cli_wants_json(cli)) {
        return print_json(cli, cause, id);
    }
    if (lists) {
        print_list(id);
    } else {
        print_cause(cause);
    }
    return SP_CLI_FINE;
}

const struct sp_cli_command sp_cli_cause = {
    .name = "cause",
    .summary = "The catalogue of causes: all of them, a group, or one explained.",
    .arguments = "[ID]",
    .max_arguments = 1,
    .text = "Examples:\n"
            "  sallyport cause\n"
            "  sallyport cause issuer\n"
            "  sallyport cause issuer.trailing_slash\n",
    .run = run_cause,
};
