/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/authority_context.h"

#include "core/base/limits.h"

const char *sp_cli_authority_state(const struct sp_cli *cli)
{
    struct sp_str state = sp_cli_text(cli, "state");
    return state.at != NULL ? state.at : "state"; /* from argv: ends with NUL */
}

static enum sp_status read_section(const struct sp_cli *cli, const char *fallback, const struct sp_json **section)
{
    const struct sp_str *files = NULL;
    size_t count = sp_cli_list(cli, "config", &files);
    struct sp_json_error error;
    struct sp_arena *arena = sp_cli_arena(cli);
    if (count == 0 && fallback != NULL)
        return sp_json_parse(arena, sp_str_from_cstr(fallback), &sp_json_limits_document, section, &error);
    for (size_t i = 0; i < count; i++) {
        struct sp_str text;
        const struct sp_json *document = NULL;
        enum sp_status status = sp_cli_read(cli, files[i], SP_MAX_POLICY_BYTES, &text);
        if (status != SP_OK)
            return status;
        status = sp_json_parse(arena, text, &sp_json_limits_document, &document, &error);
        if (status != SP_OK) {
            (void)sp_cli_failure(cli, "%.*s: byte %zu: %s", SP_STR_ARG(files[i]), error.offset, error.message);
            return status;
        }
        const struct sp_json *found = sp_json_member(document, SP_STR("authority"));
        *section = found != NULL ? found : *section;
    }
    return SP_OK;
}

enum sp_status sp_cli_authority_settings(const struct sp_cli *cli, struct sp_str default_issuer, const char *fallback,
                                         struct sp_authority_settings *settings)
{
    const struct sp_json *section = NULL;
    enum sp_status status = read_section(cli, fallback, &section);
    if (status != SP_OK)
        return status;
    if (section == NULL) {
        (void)sp_cli_failure(cli,
                             "the configuration has no authority: section; give one with -c FILE, or start with --dev");
        return SP_MALFORMED;
    }
    struct sp_settings_error error = {SP_STR_NONE, SP_STR_NONE};
    status = sp_authority_settings_read(sp_cli_arena(cli), section, default_issuer, settings, &error);
    if (status == SP_MALFORMED)
        (void)sp_cli_failure(cli, "%.*s: %.*s", SP_STR_ARG(error.member), SP_STR_ARG(error.message));
    else if (status != SP_OK)
        (void)sp_cli_failure(cli, "the configuration: %s", sp_status_text(status));
    return status;
}
