/* SPDX-License-Identifier: Apache-2.0 */
/* What the `sallyport keys` commands share: reading keys from wherever they are given. */
#ifndef SP_CLI_KEYS_H
#define SP_CLI_KEYS_H

#include "cli/cli.h"
#include "core/diagnosis/document.h"

extern const struct sp_cli_command sp_cli_keys_show, sp_cli_keys_generate, sp_cli_keys_thumbprint;

/* ---- PEM, keys and certificates, as the JSON that the examination reads ---- */
bool sp_keys_is_pem(struct sp_str text);
/* place: as people call it. One block is a key by itself, its private part included, as a JWK file is; several, or
 * as_set, are a published set. Complains itself; returns SP_CLI_FINE or the exit status. */
int sp_keys_pem_read(const struct sp_cli *cli, struct sp_str place, struct sp_str text, bool as_set,
                     struct sp_str *json);

struct sp_keys_source {
    struct sp_str name;     /* as people call it: the path, the URL, "standard input" */
    struct sp_jwk_set *set; /* lives as long as the command; NULL: no key set at all, findings->rows[0] says why */
    struct sp_document_findings *findings;
    bool out_of_reach; /* no answer came: nothing was examined */
};

/* FILE, URL or "-": a key set, one JWK, or PEM (keys and certificates, one or several). Complains itself; returns
 * SP_CLI_FINE or the exit status. */
int sp_keys_source_read(const struct sp_cli *cli, struct sp_str place, struct sp_keys_source *source);

/* What was seen and what to do, two spaces in; of a file the fix speaks of files. */
void sp_keys_print_evidence(FILE *out, struct sp_arena *arena, const struct sp_keys_source *source,
                            const struct sp_finding *finding);

/* base64url of RFC 7638's SHA-256, 43 characters. SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_keys_thumbprint(const struct sp_key *key, char thumbprint[43]);

#endif
