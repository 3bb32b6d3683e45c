/* SPDX-License-Identifier: Apache-2.0 */
/* What `sallyport token get` and `sallyport token login` share: the client as options state it, the cache, the output.
 */
#ifndef SP_CLI_TOKEN_GRANT_H
#define SP_CLI_TOKEN_GRANT_H

#include "cli/cli.h"
#include "client/login.h"
#include "client/token_cache.h"

/* Rows for both commands; each puts its own behind them. */
#define SP_TOKEN_CLIENT_OPTIONS                                                                                        \
    {"client-id", 0, SP_OPTION_TEXT, "ID", "The client."},                                                             \
        {"client-secret-file", 0, SP_OPTION_TEXT, "FILE",                                                              \
         "Its secret, from a file (or \"-\": standard input). Else SALLYPORT_CLIENT_SECRET of the environment."},      \
        {"client-secret", 0, SP_OPTION_TEXT, "SECRET",                                                                 \
         "Its secret. Other users of this machine can see a command line."},                                           \
        {"client-auth", 0, SP_OPTION_TEXT, "METHOD",                                                                   \
         "none, client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth or "      \
         "self_signed_tls_client_auth. Default: what is given and the issuer takes."},                                 \
        {"assertion-key", 0, SP_OPTION_TEXT, "FILE", "Private key (PEM or JWK) for private_key_jwt."},                 \
        {"assertion-kid", 0, SP_OPTION_TEXT, "KID", "Its key id. Default: the one of a JWK."},                         \
        {"assertion-alg", 0, SP_OPTION_TEXT, "ALG", "Its algorithm. Default: one that the issuer names and it fits."}, \
        {"client-cert", 0, SP_OPTION_TEXT, "FILE", "Present this certificate (PEM) in TLS."},                          \
        {"client-key", 0, SP_OPTION_TEXT, "FILE", "Its private key. Default: in the same file."},                      \
        {"ca", 0, SP_OPTION_TEXT, "FILE", "Trust these certification authorities (PEM) instead of the system's."},     \
        {"dpop", 0, SP_OPTION_TEXT, "FILE", "Bind the token to this private key (PEM or JWK), by DPoP proofs."},       \
        {"scope", 0, SP_OPTION_LIST, "SCOPE", "Ask for these scopes."},                                                \
        {"resource", 0, SP_OPTION_LIST, "URI", "Ask for a token for this resource (RFC 8707)."},                       \
        {"audience", 0, SP_OPTION_LIST, "AUDIENCE", "Ask for this audience (RFC 8693, Auth0, Keycloak)."},             \
        {"param", 0, SP_OPTION_LIST, "NAME=VALUE", "Send this parameter too."},                                        \
        {"cache", 0, SP_OPTION_TEXT, "FILE",                                                                           \
         "Where tokens are kept. Default: ~/.cache/sallyport/tokens.json; 'off': nowhere."},                           \
        {"fresh", 0, SP_OPTION_FLAG, NULL, "Do not take a token from the cache."},                                     \
    {                                                                                                                  \
        "timeout", 0, SP_OPTION_NUMBER, "SECONDS", "Wait this long for each answer of the issuer. Default: 10."        \
    }

struct sp_token_run {
    struct sp_client_settings settings;
    struct sp_token_key key;
    const char *cache_path; /* NULL: nothing is kept */
    bool is_interactive;    /* the grant waits for a person: the cache is not locked meanwhile */
    bool (*grants)(struct sp_client_session *session, void *context, struct sp_client_tokens *tokens);
    void *context;
};

/* settings and key of the options. May ask for the secret on a terminal when `asks`. SP_CLI_FINE or the exit status. */
int sp_token_run_read(struct sp_cli *cli, bool asks, struct sp_token_run *run);
/* Cache, refresh, else the grant; prints; the exit status. */
int sp_token_run_all(struct sp_cli *cli, struct sp_token_run *run);
/* A secret of a file, without the line end that editors leave. */
int sp_token_secret_read(const struct sp_cli *cli, struct sp_str file, struct sp_str *secret);
/* The client's secret into settings, of which method, key and certificate are there; typed unseen when `asks` and there
 * is nothing else. */
int sp_token_client_secret_read(const struct sp_cli *cli, bool asks, struct sp_client_settings *settings);

#endif
