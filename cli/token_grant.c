/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token_grant.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/client_key.h"
#include "cli/token.h"
#include "core/base/secret.h"
#include "core/base/url.h"
#include "core/diagnosis/verdict.h"
#include "core/oauth/client_authentication.h"

#define MAX_SECRET_BYTES ((size_t)64 * 1024)
#define MAX_REPORT_BYTES ((size_t)16 * 1024 * 1024)
#define DEFAULT_TIMEOUT_S 10
/* A token that ends while it is on its way is of no use. */
#define SPARE_S 30

/* ---- options ---- */

static int check_method(const struct sp_cli *cli, struct sp_str method)
{
    static const char *const methods[] = {"none",
                                          "client_secret_basic",
                                          "client_secret_post",
                                          "client_secret_jwt",
                                          "private_key_jwt",
                                          "tls_client_auth",
                                          "self_signed_tls_client_auth"};
    if (method.at == NULL)
        return SP_CLI_FINE;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (sp_str_equal(method, sp_str_from_cstr(methods[i])))
            return SP_CLI_FINE;
    return sp_cli_usage_error(cli, "--client-auth '%.*s' is no method of client authentication", SP_STR_ARG(method));
}

static int check_parameters(const struct sp_cli *cli, struct sp_str_list parameters)
{
    static const char *const ours[] = {"grant_type",    "code",          "code_verifier",  "state",
                                       "nonce",         "scope",         "redirect_uri",   "client_id",
                                       "client_secret", "response_type", "code_challenge", "code_challenge_method"};
    for (size_t i = 0; i < parameters.count; i++) {
        size_t equals = sp_str_index_of(parameters.at[i], '=', 0);
        if (equals == 0 || equals == parameters.at[i].len)
            return sp_cli_usage_error(cli, "--param is NAME=VALUE, not '%.*s'", SP_STR_ARG(parameters.at[i]));
        for (size_t k = 0; k < sizeof ours / sizeof ours[0]; k++)
            if (sp_str_equal(sp_str_slice(parameters.at[i], 0, equals), sp_str_from_cstr(ours[k])))
                return sp_cli_usage_error(cli, "--param %s is this program's to send", ours[k]);
    }
    return SP_CLI_FINE;
}

static struct sp_str scopes_of(const struct sp_cli *cli)
{
    struct sp_buffer text;
    const struct sp_str *values;
    size_t count = sp_cli_list(cli, "scope", &values);
    sp_buffer_init(&text, cli->arena, MAX_SECRET_BYTES);
    for (size_t i = 0; i < count; i++) {
        struct sp_str rest = values[i], word;
        while (sp_str_next_word(&rest, SP_STR(" ,"), &word))
            sp_buffer_printf(&text, "%s%.*s", text.len > 0 ? " " : "", SP_STR_ARG(word));
    }
    return text.len > 0 ? sp_buffer_str(&text) : SP_STR_NONE;
}

static const char *cache_path(const struct sp_cli *cli)
{
    struct sp_str given = sp_cli_text(cli, "cache");
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (given.at != NULL)
        return sp_str_equal(given, SP_STR("off")) ? NULL : given.at; /* of argv: ends with NUL */
    if (base != NULL && base[0] == '/')
        return sp_arena_printf(cli->arena, "%s/sallyport/tokens.json", base).at;
    return home != NULL && home[0] == '/' ? sp_arena_printf(cli->arena, "%s/.cache/sallyport/tokens.json", home).at
                                          : NULL;
}

static void print_line(void *context, const char *line)
{
    (void)context;
    sp_cli_print_safe(stderr, sp_str_from_cstr(line));
    fputc('\n', stderr);
}

int sp_token_run_read(struct sp_cli *cli, bool asks, struct sp_token_run *run)
{
    struct sp_client_settings *settings = &run->settings;
    struct sp_str algorithm = sp_cli_text(cli, "assertion-alg"), jwk_kid = SP_STR_NONE;
    struct sp_url url;
    *settings = (struct sp_client_settings){.issuer = sp_cli_argument(cli, 0),
                                            .client_id = sp_cli_text(cli, "client-id"),
                                            .method = sp_cli_text(cli, "client-auth"),
                                            .kid = sp_cli_text(cli, "assertion-kid"),
                                            .ca_file = sp_cli_text(cli, "ca"),
                                            .certificate_file = sp_cli_text(cli, "client-cert"),
                                            .key_file = sp_cli_text(cli, "client-key"),
                                            .scope = scopes_of(cli),
                                            .timeout_ms = sp_cli_number(cli, "timeout", DEFAULT_TIMEOUT_S) * 1000,
                                            .told = print_line};
    settings->resources.count = sp_cli_list(cli, "resource", &settings->resources.at);
    settings->audiences.count = sp_cli_list(cli, "audience", &settings->audiences.at);
    settings->parameters.count = sp_cli_list(cli, "param", &settings->parameters.at);
    settings->key_algorithms = algorithm.at != NULL ? sp_algorithm_bit(sp_algorithm_find(algorithm)) : 0;
    if (settings->client_id.len == 0)
        return sp_cli_usage_error(cli, "which client? --client-id ID");
    if (sp_url_split(settings->issuer, &url) != SP_OK)
        return sp_cli_usage_error(cli, "'%.*s' is no URL of an issuer", SP_STR_ARG(settings->issuer));
    if (settings->timeout_ms < 1000 || settings->timeout_ms > 600000)
        return sp_cli_usage_error(cli, "--timeout is between 1 and 600 seconds");
    if (algorithm.at != NULL && settings->key_algorithms == 0)
        return sp_cli_usage_error(cli, "--assertion-alg '%.*s' is no signature algorithm", SP_STR_ARG(algorithm));
    int exit_status = check_method(cli, settings->method);
    if (exit_status == SP_CLI_FINE)
        exit_status = check_parameters(cli, settings->parameters);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_cli_client_key(cli, "assertion-key", &settings->key, &jwk_kid);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_cli_client_key(cli, "dpop", &settings->dpop, NULL);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_token_client_secret_read(cli, asks, settings);
    settings->kid = settings->kid.at != NULL ? settings->kid : jwk_kid;
    run->cache_path = cache_path(cli);
    run->key = (struct sp_token_key){.issuer = settings->issuer,
                                     .client_id = settings->client_id,
                                     .scope = settings->scope,
                                     .resources = settings->resources,
                                     .audiences = settings->audiences,
                                     .parameters = settings->parameters,
                                     .dpop = settings->dpop};
    return exit_status;
}

/* ---- output ---- */

static int print_tokens(const struct sp_cli *cli, const struct sp_client_tokens *tokens, bool cached)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    if (!sp_cli_wants_json(cli)) {
        printf("%.*s\n", SP_STR_ARG(tokens->access_token));
        return fflush(stdout) == 0 ? SP_CLI_FINE : sp_cli_failure(cli, "cannot write: %s", strerror(errno));
    }
    sp_buffer_init(&buffer, cli->arena, MAX_REPORT_BYTES);
    sp_json_writer_init(&writer, &buffer, true);
    sp_json_begin_object(&writer);
    sp_json_name(&writer, SP_STR("response"));
    sp_json_put_raw(&writer, tokens->response);
    sp_json_bool_member(&writer, "cached", cached);
    if (tokens->expires_at > 0)
        sp_json_int_member(&writer, "expires_at", tokens->expires_at);
    sp_json_name(&writer, SP_STR("claims")); /* not verified here: the token is for its API */
    sp_json_put_value(&writer, sp_flow_jwt_part(cli->arena, tokens->access_token, 1));
    sp_json_name(&writer, SP_STR("id_token_claims"));
    sp_json_put_value(&writer, tokens->id_claims != NULL ? tokens->id_claims
                                                         : sp_flow_jwt_part(cli->arena, tokens->id_token, 1));
    sp_json_end_object(&writer);
    return sp_cli_print_json(cli, &buffer, SP_CLI_FINE);
}

/* Warnings that the judges told of the last exchange. */
static void print_warnings(const struct sp_client_session *session)
{
    const struct sp_flow_finding *at = session->last != NULL ? session->last->findings : NULL;
    for (; at != NULL; at = at->next) {
        const struct sp_cause_info *info = sp_cause_get(at->finding.cause);
        if (sp_finding_severity(&at->finding) == SP_SEVERITY_WARN)
            fprintf(stderr, "warning: %.*s: %.*s\n", SP_STR_ARG(info->id), SP_STR_ARG(info->title));
    }
}

/* As a verdict; for people it goes to stderr, because stdout is where a shell looks for a token. */
static int print_failure(const struct sp_cli *cli, const struct sp_client_session *session)
{
    if (session->findings.count > 0) {
        const struct sp_finding *cause = &session->findings.rows[0];
        if (sp_cli_wants_json(cli)) {
            (void)sp_token_show(cli, sp_verdict_of(cli->arena, cause), sp_cli_now());
            return SP_CLI_REJECTED;
        }
        fflush(stdout);
        (void)dup2(STDERR_FILENO, STDOUT_FILENO);
        sp_cli_print_finding(cause);
        fflush(stdout);
        return SP_CLI_REJECTED;
    }
    if (session->unable) {
        sp_cli_failure(cli, "%.*s", SP_STR_ARG(session->trouble));
        return SP_CLI_REJECTED;
    }
    return sp_cli_failure(cli, "%s",
                          session->status == SP_NO_MEMORY ? "out of memory" : sp_status_text(session->status));
}

/* ---- the run ---- */

static bool refresh(struct sp_client_session *session, const struct sp_client_tokens *old,
                    struct sp_client_tokens *tokens)
{
    const struct sp_client_parameter rows[] = {{"grant_type", SP_STR("refresh_token")},
                                               {"refresh_token", old->refresh_token},
                                               {"scope", session->settings->scope}};
    struct sp_client_ask ask = {.parameters = rows, .count = 3, .with_targets = true, .proves = true};
    const struct sp_json *json;
    struct sp_str error;
    if (!sp_client_needs(session, "token_endpoint", &ask.url) || !sp_client_request(session, &ask, &json, &error) ||
        !sp_client_take_tokens(session, json, SP_STR_NONE, SP_STR_NONE, tokens))
        return false;
    if (tokens->refresh_token.len == 0)
        tokens->refresh_token = old->refresh_token;
    return true;
}

/* The old login is over: say so, and begin anew. False when something else stands in the way, which would stand in the
 * way of a new one too. */
static bool gives_up_refreshing(struct sp_client_session *session)
{
    static const char *const others[] = {"network.", "client.", "discovery."};
    struct sp_str id = sp_client_cause(session);
    if (id.len == 0)
        return false;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (sp_str_has_prefix(id, sp_str_from_cstr(others[i])))
            return false;
    sp_client_say(session, "The refresh token was refused (%.*s); asking anew.", SP_STR_ARG(id));
    sp_client_forgive(session);
    return true;
}

struct attempt {
    struct sp_cli *cli;
    struct sp_token_run *run;
    struct sp_token_cache *cache;
    struct sp_client_session session;
    struct sp_client_tokens tokens;
    struct sp_str why;
};

static bool obtain(struct attempt *attempt, const struct sp_client_tokens *old)
{
    struct sp_token_run *run = attempt->run;
    if (!sp_client_begin(attempt->cli->arena, &run->settings, &attempt->session))
        return false;
    if (old->refresh_token.len > 0) {
        if (refresh(&attempt->session, old, &attempt->tokens))
            return true;
        if (!gives_up_refreshing(&attempt->session))
            return false;
    }
    if (run->is_interactive)
        sp_token_cache_close(&attempt->cache);
    return run->grants(&attempt->session, run->context, &attempt->tokens);
}

static int keep(struct attempt *attempt)
{
    struct sp_cli *cli = attempt->cli;
    struct sp_token_run *run = attempt->run;
    enum sp_status status = SP_OK;
    if (attempt->cache == NULL)
        status = sp_token_cache_open(cli->arena, run->cache_path, &attempt->cache, &attempt->why);
    if (status == SP_OK)
        status = sp_token_cache_put(attempt->cache, &run->key, &attempt->tokens, sp_cli_now(), &attempt->why);
    if (status != SP_OK) /* there is a token: that it cannot be kept is no reason to hold it back */
        fprintf(stderr, "%s: warning: the token is not kept: %.*s\n", cli->path, SP_STR_ARG(attempt->why));
    print_warnings(&attempt->session);
    return print_tokens(cli, &attempt->tokens, false);
}

int sp_token_run_all(struct sp_cli *cli, struct sp_token_run *run)
{
    struct attempt attempt = {.cli = cli, .run = run};
    struct sp_client_tokens old = {.expires_at = 0};
    int exit_status;
    enum sp_status status = sp_token_cache_open(cli->arena, run->cache_path, &attempt.cache, &attempt.why);
    if (status != SP_OK)
        return status == SP_IO ? sp_cli_failure(cli, "%.*s", SP_STR_ARG(attempt.why))
                               : sp_cli_failure(cli, "out of memory");
    if (sp_cli_flag(cli, "fresh") || !sp_token_cache_find(attempt.cache, &run->key, &old))
        old = (struct sp_client_tokens){.expires_at = 0};
    if (old.expires_at > sp_cli_now() + SPARE_S)
        exit_status = print_tokens(cli, &old, true);
    else if (obtain(&attempt, &old))
        exit_status = keep(&attempt);
    else
        exit_status = print_failure(cli, &attempt.session);
    sp_token_cache_close(&attempt.cache);
    sp_client_end(&attempt.session);
    return exit_status;
}
