/* SPDX-License-Identifier: Apache-2.0 */
/* What the `sallyport token` commands share. */
#ifndef SP_CLI_TOKEN_H
#define SP_CLI_TOKEN_H

#include "cli/cli.h"
#include "core/diagnosis/exam.h"
#include "core/diagnosis/fetch_report.h"
#include "core/jose/jwk_set.h"

extern const struct sp_cli_command sp_cli_token, sp_cli_token_examine, sp_cli_token_get, sp_cli_token_login;

/* The last second of year 9999. */
#define SP_CLI_MAX_NOW 253402300799LL

/* ---- the token as given (token_input.c) ---- */
struct sp_token_input {
    struct sp_str token;
    bool from_header;      /* an Authorization header was pasted */
    bool scheme_is_bearer; /* … and says so */
    enum sp_cause refusal; /* of that header: token.scheme_unsupported …; finding is filled then */
    struct sp_finding finding;
};

/* From the first argument, or stdin for "-" and for none. Takes a bare token, or one inside of a pasted `Authorization:
 * Bearer …` (curl -v's
 * "> " and -H '…' around it included). Complains itself; returns SP_CLI_FINE or the exit status. */
int sp_token_input_read(const struct sp_cli *cli, struct sp_token_input *input);

/* ---- key sources (token_keys.c) ---- */
/* Fills known from --jwks, --key, --secret; else from discovery of `issuer` when it is one. What cannot be fetched or
 * read as a key set becomes known->failure. Sets live as long as the command. Returns SP_CLI_FINE, or the exit status
 * after a complaint. */
int sp_token_keys_read(const struct sp_cli *cli, struct sp_str issuer, struct sp_issuer_knowledge *known);
/* A key set from a file, for --other-issuer. */
int sp_token_keys_from_file(const struct sp_cli *cli, struct sp_str path, struct sp_issuer_knowledge *known);
/* From url when it is given, else by discovery of issuer. ca_file: absent for the system's trust store. */
int sp_token_keys_fetch(const struct sp_cli *cli, struct sp_str url, struct sp_str issuer, struct sp_str ca_file,
                        struct sp_issuer_knowledge *known);
/* What came of fetching a document; lives as long as the command. ca_file: absent for the system's trust store. NULL
 * after a complaint. */
const struct sp_fetch_report *sp_cli_fetch(const struct sp_cli *cli, struct sp_str url, struct sp_str ca_file,
                                           size_t max_bytes);
/* Algorithms that these keys can have signed with: what is allowed when no --alg says so. */
uint32_t sp_token_keys_algorithms(const struct sp_jwk_set *keys);
/* --alg values as a set; 0 and a complaint when one is unknown. Absent: when_absent. */
int sp_token_algorithms(const struct sp_cli *cli, uint32_t when_absent, uint32_t *set);

/* ---- as an API of a configuration requires it (token_policy.c) ---- */
int sp_token_policy_examine(const struct sp_cli *cli, const struct sp_token_input *input, int64_t now);

/* ---- a verdict for people (verdict_text.c) ---- */
/* From the contract's JSON, so that `explain` can show what a log kept. */
void sp_cli_print_verdict(const struct sp_json *verdict, int64_t now);
/* Of the same JSON: the cause, what else was found, and hints; without checks and token. */
void sp_cli_print_diagnosis(const struct sp_json *verdict);
/* One finding alone: title, explanation, evidence, fix. */
void sp_cli_print_finding(const struct sp_finding *finding);
/* As JSON or for people; returns the exit status by the verdict. */
int sp_token_show(const struct sp_cli *cli, const struct sp_verdict *verdict, int64_t now);
/* Both of the token as given: by `terms`, whose token and world are set, unless its header was refused already. */
int sp_token_judge(const struct sp_cli *cli, const struct sp_token_input *input, const struct sp_exam_input *terms);

#endif
