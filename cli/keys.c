/* SPDX-License-Identifier: Apache-2.0 */
/* The group `sallyport keys`: a member is a file of its own and a row here. */
#include "cli/authority_context.h"
#include "cli/keys.h"

static const struct sp_cli_command *const members[] = {
    &sp_cli_keys_show, &sp_cli_keys_generate, &sp_cli_keys_thumbprint, &sp_cli_keys_rotate, NULL,
};

const struct sp_cli_command sp_cli_keys = {
    .name = "keys",
    .summary = "signing keys and key sets",
    .commands = members,
};
