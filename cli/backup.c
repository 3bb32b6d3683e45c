/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport backup FILE`: the authority's store as of now, while it runs. */
#include "authority/store_backup.h"
#include "cli/authority_context.h"

static int print_json(const struct sp_cli *cli, struct sp_str file)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    sp_buffer_init(&buffer, sp_cli_arena(cli), 64 * 1024);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_object(&json);
    sp_json_string_member(&json, "file", file);
    sp_json_end_object(&json);
    return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
}

static int run(struct sp_cli *cli)
{
    char trouble[256] = "";
    struct sp_postgres_terms terms;
    enum sp_status status = sp_cli_postgres_terms(cli, &terms);
    if (status != SP_OK)
        return status == SP_MALFORMED ? SP_CLI_REJECTED : SP_CLI_UNEXAMINED;
    if (terms.url.len > 0)
        return sp_cli_usage_error(cli,
                                  "the store is in PostgreSQL, which has a tool of its own for this: pg_dump "
                                  "--format=custom --schema=%s --file=FILE DATABASE. Keep the master key too",
                                  terms.schema.len > 0 ? terms.schema.at : "sallyport");
    struct sp_str from = sp_arena_printf(sp_cli_arena(cli), "%s/authority.sqlite", sp_cli_authority_state(cli));
    struct sp_str to = sp_cli_argument(cli, 0); /* from argv: ends with NUL */
    status = sp_store_backup(from.at, to.at, trouble);
    if (status != SP_OK)
        return sp_cli_failure(cli, "%s", trouble);
    if (sp_cli_wants_json(cli))
        return print_json(cli, to);
    sp_cli_print_safe(stdout, to);
    puts(" holds accounts, consents, tokens and the sealed signing keys. Keep the master key too, somewhere else: "
         "without "
         "it the keys stay sealed.");
    return SP_CLI_FINE;
}

static const struct sp_cli_option options[] = {
    {"config", 'c', SP_OPTION_LIST, "FILE",
     "Configuration whose authority.store is used; without one, the file in DIR."},
    {"state", 0, SP_OPTION_TEXT, "DIR", "The authority's state directory (default: state)."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_backup = {
    .name = "backup",
    .summary = "copy the authority's store while it runs",
    .arguments = "FILE",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text = "To restore, stop the authority and put the file in the place of STATE/authority.sqlite (remove its -wal "
            "and -shm).",
    .run = run,
};
