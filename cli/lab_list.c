/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport lab list [GROUP]`: the faults, by the groups of the catalogue. Needs no network. */
#include "cli/lab.h"

#include "core/base/nearest.h"

#define MOST_BYTES ((size_t)1024 * 1024)

static const struct sp_cli_option options[] = {
    {"for", 0, SP_OPTION_TEXT, "WHO", "Only what this meets: client, verifier or api."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

struct selection {
    struct sp_str word; /* beginning of an id, or part of a group's title or a part's name; absent: all */
    struct sp_str who;
};

static bool says(struct sp_str text, struct sp_str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (sp_str_equal_ignoring_case(sp_str_slice(text, i, i + word.len), word))
            return true;
    return false;
}

static bool is_selected(const struct selection *selection, const struct sp_lab_fault *fault)
{
    struct sp_str id = sp_cause_get(fault->cause)->id;
    if (selection->who.at != NULL && !sp_str_equal(selection->who, sp_lab_who_name(fault->who)))
        return false;
    return selection->word.at == NULL || sp_str_has_prefix(id, selection->word) ||
           says(sp_cause_group(fault->cause), selection->word) ||
           sp_str_equal(sp_lab_part_name(fault->part), selection->word);
}

static void write_fault(struct sp_json_writer *json, const struct sp_lab_fault *fault)
{
    sp_json_begin_object(json);
    sp_json_string_member(json, "id", sp_cause_get(fault->cause)->id);
    sp_json_string_member(json, "group", sp_cause_group(fault->cause));
    sp_json_string_member(json, "part", sp_lab_part_name(fault->part));
    sp_json_string_member(json, "who", sp_lab_who_name(fault->who));
    sp_json_string_member(json, "must", sp_lab_must_name(fault->must));
    sp_json_bool_member(json, "tls", sp_lab_needs_tls(fault->cause));
    sp_json_string_member(json, "what", fault->what);
    sp_json_end_object(json);
}

static int print_json(const struct sp_cli *cli, const struct selection *selection)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, NULL, MOST_BYTES);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_array(&json);
    for (size_t i = 0; i < sp_lab_fault_count(); i++)
        if (is_selected(selection, sp_lab_fault_at(i)))
            write_fault(&json, sp_lab_fault_at(i));
    sp_json_end_array(&json);
    int exit_status = sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
    sp_buffer_fini(&buffer);
    return exit_status;
}

static void print_fault(const struct sp_lab_fault *fault)
{
    enum sp_style style = fault->must == SP_LAB_MUST_REFUSE    ? SP_STYLE_BAD
                          : fault->must == SP_LAB_MUST_SURVIVE ? SP_STYLE_GOOD
                                                               : SP_STYLE_WARN;
    const bool beside = sp_cli_has_room(64);
    printf(beside ? "  %-42.*s %s%-8.*s%s %-9.*s " : "  %.*s %s%.*s%s %.*s", SP_STR_ARG(sp_cause_get(fault->cause)->id),
           sp_cli_style(style), SP_STR_ARG(sp_lab_must_name(fault->must)), sp_cli_style(SP_STYLE_PLAIN),
           SP_STR_ARG(sp_lab_who_name(fault->who)));
    sp_cli_print_wrapped(stdout, fault->what, 64, 64);
    putchar('\n');
}

/* The groups in the catalogue's order, whatever the table's. */
static size_t print_list(const struct selection *selection)
{
    struct sp_str group = SP_STR_NONE;
    size_t count = 0;
    for (enum sp_cause cause = SP_CAUSE_NONE + 1; cause < SP_CAUSE_COUNT; cause++) {
        const struct sp_lab_fault *fault = sp_lab_fault_find(cause);
        if (fault == NULL || !is_selected(selection, fault))
            continue;
        if (!sp_str_equal(group, sp_cause_group(cause)))
            printf("%s%s%.*s%s\n", group.at != NULL ? "\n" : "", sp_cli_style(SP_STYLE_BOLD),
                   SP_STR_ARG(sp_cause_group(cause)), sp_cli_style(SP_STYLE_PLAIN));
        group = sp_cause_group(cause);
        print_fault(fault);
        count++;
    }
    return count;
}

/* Among ids, their first words and the parts; absent when none is near. */
static struct sp_str nearest_word(struct sp_str word)
{
    struct sp_str nearest = SP_STR_NONE;
    size_t distance = SP_NOT_NEAR;
    if (sp_str_has_suffix(word, SP_STR(".")))
        word.len--;
    for (size_t i = 0; i < sp_lab_fault_count(); i++) {
        const struct sp_lab_fault *fault = sp_lab_fault_at(i);
        struct sp_str id = sp_cause_get(fault->cause)->id;
        sp_nearest_keep(sp_str_slice(id, 0, sp_str_index_of(id, '.', 0)), word, &distance, &nearest);
        sp_nearest_keep(sp_lab_part_name(fault->part), word, &distance, &nearest);
        sp_nearest_keep(id, word, &distance, &nearest);
    }
    return nearest;
}

static size_t count_selected(const struct selection *selection)
{
    size_t count = 0;
    for (size_t i = 0; i < sp_lab_fault_count(); i++)
        count += is_selected(selection, sp_lab_fault_at(i));
    return count;
}

static int complain_of_none(const struct sp_cli *cli, const struct selection *selection)
{
    const struct selection of_anyone = {.word = selection->word};
    struct sp_str shown = sp_str_slice(selection->word, 0, 80), nearest = nearest_word(selection->word);
    struct sp_str reason = sp_lab_unprovoked_reason(sp_cause_find(selection->word));
    if (!sp_str_is_utf8(shown))
        shown = SP_STR("(not UTF-8)");
    if (count_selected(&of_anyone) > 0)
        return sp_cli_usage_error(cli, "no fault of '%.*s' is for %.*s", SP_STR_ARG(shown), SP_STR_ARG(selection->who));
    if (reason.at != NULL)
        return sp_cli_usage_error(cli, "the lab cannot commit '%.*s': %.*s", SP_STR_ARG(shown), SP_STR_ARG(reason));
    if (nearest.at != NULL)
        return sp_cli_usage_error(cli, "there is no fault of '%.*s'. Did you mean '%.*s'?", SP_STR_ARG(shown),
                                  SP_STR_ARG(nearest));
    return sp_cli_usage_error(cli, "there is no fault of '%.*s'; `sallyport lab list` shows all", SP_STR_ARG(shown));
}

static int run_list(struct sp_cli *cli)
{
    const struct selection selection = {sp_cli_argument(cli, 0), sp_cli_text(cli, "for")};
    bool known = selection.who.at == NULL;
    for (enum sp_lab_who who = SP_LAB_WHO_CLIENT; who < SP_LAB_WHO_COUNT; who++)
        known = known || sp_str_equal(selection.who, sp_lab_who_name(who));
    if (!known)
        return sp_cli_usage_error(cli, "--for is client, verifier or api, not '%.*s'", SP_STR_ARG(selection.who));
    if (count_selected(&selection) == 0)
        return complain_of_none(cli, &selection);
    if (sp_cli_wants_json(cli))
        return print_json(cli, &selection);
    size_t count = print_list(&selection);
    printf("\n%zu faults.", count);
    sp_cli_print_wrapped(stdout,
                         SP_STR(" A strict one must refuse (fail closed), survive, or either is right; `sallyport "
                                "cause ID` explains."),
                         0, 11);
    putchar('\n');
    return SP_CLI_FINE;
}

const struct sp_cli_command sp_cli_lab_list = {
    .name = "list",
    .summary = "The faults that the lab commits.",
    .arguments = "[GROUP]",
    .max_arguments = 1,
    .options = options,
    .text =
        "GROUP is the beginning of an id (`keys.`), a part of a group's title, or the part that commits it (`token`, "
        "`tls`).\n"
        "client: whoever gets tokens; verifier: whoever reads signed tokens, clients by the ID token included; api: "
        "APIs and\ngateways alone.\n"
        "\n"
        "Examples:\n"
        "  sallyport lab list\n"
        "  sallyport lab list keys --for verifier\n",
    .run = run_list,
};
