/* SPDX-License-Identifier: Apache-2.0 */
/* What the members of `sallyport accounts` share: the store of a state directory, opened whether the authority runs or
 * not. */
#ifndef SP_CLI_ACCOUNTS_H
#define SP_CLI_ACCOUNTS_H

#include "authority/authority.h"
#include "cli/authority_context.h"

struct sp_accounts_desk {
    struct sp_authority_settings settings;
    const struct sp_authority_settings *configured; /* that -c names; NULL without */
    struct sp_authority authority;
    struct sp_call call; /* without a request: for what the authority's nouns ask of one */
};

/* Complains itself. The caller closes it either way. */
SP_MUST_CHECK enum sp_status sp_accounts_open(const struct sp_cli *cli, struct sp_accounts_desk *desk);
/* The same where the first account may make the store. */
SP_MUST_CHECK enum sp_status sp_accounts_open_or_make(const struct sp_cli *cli, struct sp_accounts_desk *desk);
void sp_accounts_close(struct sp_accounts_desk *desk);
/* Sessions, tokens and links of the account end, as a write of its own. SP_NOT_FOUND, SP_IO: the reason in trouble. */
SP_MUST_CHECK enum sp_status sp_accounts_end_all(struct sp_accounts_desk *desk, struct sp_str name, char trouble[256]);
/* Exit status of a status, with the complaint. */
int sp_accounts_failure(const struct sp_cli *cli, const struct sp_accounts_desk *desk, enum sp_status status,
                        const char *trouble);

extern const struct sp_cli_command sp_cli_accounts_import, sp_cli_accounts_list, sp_cli_accounts_show,
    sp_cli_accounts_disable, sp_cli_accounts_enable, sp_cli_accounts_remove, sp_cli_accounts_factors;

#endif
