/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client_key.h"

#include "core/oauth/client_authentication.h"

#define MAX_KEY_BYTES ((size_t)64 * 1024)

static void release_key(void *key)
{
    struct sp_key *held = key;
    sp_key_destroy(&held);
}

int sp_cli_client_key(const struct sp_cli *cli, const char *option, const struct sp_key **key, struct sp_str *kid)
{
    struct sp_str text, named = SP_STR_NONE, path = sp_cli_text(cli, option);
    struct sp_key *made = NULL;
    if (path.at == NULL)
        return SP_CLI_FINE;
    if (sp_cli_read(cli, path, MAX_KEY_BYTES, &text) != SP_OK)
        return SP_CLI_UNEXAMINED;
    if (sp_client_key_read(sp_cli_arena(cli), text, &made, &named) != SP_OK)
        return sp_cli_failure(cli, "%.*s holds no private key that signs, as PEM or JWK", SP_STR_ARG(path));
    if (sp_arena_defer(sp_cli_arena(cli), release_key, made) != SP_OK) {
        sp_key_destroy(&made);
        return sp_cli_failure(cli, "out of memory");
    }
    *key = made;
    if (kid != NULL && named.len > 0)
        *kid = named;
    return SP_CLI_FINE;
}
