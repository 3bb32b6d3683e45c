/* SPDX-License-Identifier: Apache-2.0 */
/* A client's private key as an option names it. */
#ifndef SP_CLI_CLIENT_KEY_H
#define SP_CLI_CLIENT_KEY_H

#include "cli/cli.h"
#include "core/jose/crypto.h"

/* PEM or JWK; *key lives as long as the command. *kid (NULL: nobody asks): a JWK's, else untouched. Both are untouched
 * when the option is not given. SP_CLI_FINE or the exit status. */
int sp_cli_client_key(const struct sp_cli *cli, const char *option, const struct sp_key **key, struct sp_str *kid);

#endif
