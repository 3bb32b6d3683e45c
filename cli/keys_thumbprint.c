/* SPDX-License-Identifier: Apache-2.0 */
/* `sallyport keys thumbprint`: RFC 7638 (SHA-256) of each key. One key prints its thumbprint alone, for scripts. */
#include "cli/keys.h"
#include "cli/token.h"

static int write_json(const struct sp_cli *cli, const struct sp_jwk_set *set)
{
    struct sp_buffer buffer;
    struct sp_json_writer json;
    char thumbprint[43];
    sp_buffer_init(&buffer, cli->arena, 1u << 20);
    sp_json_writer_init(&json, &buffer, true);
    sp_json_begin_object(&json);
    if (set->count == 1 && sp_keys_thumbprint(set->keys[0].key, thumbprint) == SP_OK)
        sp_json_string_member(&json, "thumbprint", sp_str(thumbprint, sizeof thumbprint));
    sp_json_name(&json, SP_STR("keys"));
    sp_json_begin_array(&json);
    for (size_t i = 0; i < set->count; i++) {
        if (sp_keys_thumbprint(set->keys[i].key, thumbprint) != SP_OK)
            return sp_cli_failure(cli, "out of memory");
        struct sp_str text = sp_str(thumbprint, sizeof thumbprint);
        sp_json_begin_object(&json);
        sp_json_int_member(&json, "index", set->keys[i].index);
        if (set->keys[i].kid.at != NULL)
            sp_json_string_member(&json, "kid", set->keys[i].kid);
        sp_json_string_member(&json, "thumbprint", text);
        sp_json_string_member(
            &json, "uri",
            sp_arena_printf(cli->arena, "urn:ietf:params:oauth:jwk-thumbprint:sha-256:%.*s", SP_STR_ARG(text)));
        sp_json_end_object(&json);
    }
    sp_json_end_array(&json);
    sp_json_end_object(&json);
    return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
}

/* No key is there: which cause, the evidence, and what to do. */
static int tell_of_none(const struct sp_cli *cli, const struct sp_keys_source *source)
{
    const struct sp_finding *finding = &source->findings->rows[0];
    const int exit_status = source->out_of_reach ? SP_CLI_UNEXAMINED : SP_CLI_REJECTED;
    /* Of an empty set the member that could not be read says more. */
    if (source->findings->count > 1 && finding->cause == SP_CAUSE_KEYS_EMPTY)
        finding = &source->findings->rows[1];
    const struct sp_cause_info *info = sp_cause_get(finding->cause);
    if (sp_cli_wants_json(cli)) {
        struct sp_buffer buffer;
        struct sp_json_writer json;
        sp_buffer_init(&buffer, cli->arena, 1u << 20);
        sp_json_writer_init(&json, &buffer, true);
        sp_json_begin_object(&json);
        sp_json_name(&json, SP_STR("keys"));
        sp_json_begin_array(&json);
        sp_json_end_array(&json);
        sp_json_name(&json, SP_STR("cause"));
        sp_finding_write(&json, finding);
        sp_json_end_object(&json);
        return sp_cli_print_json(cli, &buffer, exit_status);
    }
    sp_cli_failure(cli, "%.*s: %.*s: %.*s", SP_STR_ARG(source->name), SP_STR_ARG(info->id), SP_STR_ARG(info->title));
    sp_keys_print_evidence(stderr, cli->arena, source, finding);
    return exit_status;
}

static int run(struct sp_cli *cli)
{
    struct sp_keys_source source;
    char thumbprint[43];
    struct sp_str place = sp_cli_argument(cli, 0);
    int exit_status = sp_keys_source_read(cli, place, &source);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    if (source.set == NULL || source.set->count == 0)
        return tell_of_none(cli, &source);
    if (sp_cli_wants_json(cli))
        return write_json(cli, source.set);
    for (size_t i = 0; i < source.set->count; i++) {
        const struct sp_jwk *jwk = &source.set->keys[i];
        if (sp_keys_thumbprint(jwk->key, thumbprint) != SP_OK)
            return sp_cli_failure(cli, "out of memory");
        printf("%.43s", thumbprint);
        if (source.set->count > 1 && jwk->kid.at != NULL) {
            fputs("  ", stdout);
            sp_cli_print_value(stdout, jwk->kid);
        }
        putchar('\n');
    }
    return SP_CLI_FINE;
}

static const struct sp_cli_option options[] = {
    {"ca", 0, SP_OPTION_TEXT, "FILE", "Trust these certificates instead of the system's, for a URL."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

const struct sp_cli_command sp_cli_keys_thumbprint = {
    .name = "thumbprint",
    .summary = "RFC 7638 thumbprints (SHA-256) of the keys in a file",
    .arguments = "FILE|URL|-",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .text =
        "Takes a JWK, a key set, or PEM. One key prints its thumbprint alone; of several each line also has the kid.",
    .run = run,
};
