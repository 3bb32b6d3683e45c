/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about the authority share: its state directory and its settings from -c FILE…. */
#ifndef SP_CLI_AUTHORITY_CONTEXT_H
#define SP_CLI_AUTHORITY_CONTEXT_H

#include "authority/settings.h"
#include "cli/cli.h"

/* --state DIR, "state" when absent; ends with NUL. */
const char *sp_cli_authority_state(const struct sp_cli *cli);

/* From here on the first line of what is complained of is kept in line as well, for whoever has to say elsewhere why a
 * configuration was refused; NULL: no more. */
void sp_cli_keep_complaint(char *line, size_t size);

/* The authority: section of the -c files; without any, `fallback` (JSON text) when there is one. Complains itself.
 * SP_MALFORMED: the configuration is wrong; SP_IO: not readable. Lives in arena, with the policy it is read from. */
SP_MUST_CHECK enum sp_status sp_cli_authority_settings(const struct sp_cli *cli, struct sp_arena *arena,
                                                       struct sp_str default_issuer, const char *fallback,
                                                       struct sp_authority_settings *settings);

/* The same of a configuration that was handed over (probe/handed_configuration.h), as it is: nothing in it is expanded
 * any more. */
SP_MUST_CHECK enum sp_status sp_cli_authority_settings_handed(const struct sp_cli *cli, struct sp_arena *arena,
                                                              struct sp_str text,
                                                              struct sp_authority_settings *settings);

/* The authority's store: in PostgreSQL where the settings say so, else STATE/authority.sqlite, whose directory is made
 * when it is not there. settings NULL: those of the -c files, if any are given. SP_MALFORMED: the configuration is
 * wrong. The reason is in trouble, or was told when trouble is empty. */
SP_MUST_CHECK enum sp_status sp_cli_open_store(const struct sp_cli *cli, const struct sp_authority_settings *settings,
                                               struct sp_store **store, char trouble[256]);
/* The same of one that is there: looking at a place where none is makes none. */
SP_MUST_CHECK enum sp_status sp_cli_open_present_store(const struct sp_cli *cli, struct sp_store **store,
                                                       char trouble[256]);
/* The master key that goes with the store: made where there is none and nothing is sealed in the store yet. The reason
 * is in trouble. */
SP_MUST_CHECK enum sp_status sp_cli_master_key(const struct sp_authority_settings *settings, struct sp_store *store,
                                               const char *state, unsigned char key[32], char trouble[256]);
/* authority.store of the -c files; url is absent without any, or when it is SQLite. Complains itself. */
SP_MUST_CHECK enum sp_status sp_cli_postgres_terms(const struct sp_cli *cli, struct sp_postgres_terms *terms);

extern const struct sp_cli_command sp_cli_authority, sp_cli_accounts, sp_cli_backup, sp_cli_clients;
extern const struct sp_cli_command sp_cli_keys, sp_cli_keys_rotate;

#endif
