/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport token examine: the gateway's examination, from flags, fully offline when the keys are. */
#include "cli/token.h"

#include "core/base/limits.h"

#define MAX_OTHER_ISSUERS 32u
/* As issuers.NAME.leeway of the configuration. */
#define DEFAULT_LEEWAY_S 30

static const char unsaid_keys[] =
    "The signature was not judged, as no key was named: name the issuer with --issuer URL (its keys are "
    "fetched), or keys with --jwks FILE|URL, --key or --secret.";

static const struct sp_cli_option options[] = {
    {"issuer", 0, SP_OPTION_TEXT, "URL",
     "The expected issuer, byte for byte. Without a key source its keys are fetched by discovery."},
    {"jwks", 0, SP_OPTION_TEXT, "FILE|URL", "The issuer's key set."},
    {"key", 0, SP_OPTION_TEXT, "FILE.pem", "The issuer's public key, or a certificate with it."},
    {"secret", 0, SP_OPTION_TEXT, "SECRET", "A shared secret, for HS256, HS384, HS512."},
    {"secret-encoding", 0, SP_OPTION_TEXT, "ENCODING",
     "How the secret is written: raw (default), base64 or base64url."},
    {"audience", 0, SP_OPTION_LIST, "AUDIENCE",
     "What the API goes by in aud; one must be there. None given: not checked."},
    {"scope", 0, SP_OPTION_LIST, "SCOPE", "A scope that the call needs."},
    {"alg", 0, SP_OPTION_LIST, "ALG",
     "An allowed algorithm. Default: all asymmetric ones; with a secret HS256, HS384, HS512."},
    {"client-id", 0, SP_OPTION_TEXT, "ID", "The client that got the token: tells a forgotten audience apart."},
    {"leeway", 0, SP_OPTION_NUMBER, "SECONDS", "Tolerance for exp, nbf and iat. Default: 30."},
    {"now", 0, SP_OPTION_NUMBER, "EPOCH", "Take this as the present time, in seconds since 1970."},
    {"other-issuer", 0, SP_OPTION_LIST, "URL=FILE", "Another issuer with its key set, to recognise its tokens."},
    {"config", 'c', SP_OPTION_LIST, "FILE", "Take all of this from a configuration instead …"},
    {"api", 0, SP_OPTION_TEXT, "NAME", "… as the API of this name requires it."},
    {"method", 0, SP_OPTION_TEXT, "METHOD", "… for calls of this method. Default: GET."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static int read_other_issuers(const struct sp_cli *cli, struct sp_known_issuer *issuers, struct sp_issuer_terms *terms,
                              size_t *count)
{
    const struct sp_str *others;
    size_t given = sp_cli_list(cli, "other-issuer", &others);
    if (given > MAX_OTHER_ISSUERS)
        return sp_cli_usage_error(cli, "at most %u times --other-issuer", MAX_OTHER_ISSUERS);
    for (size_t i = 0; i < given; i++) {
        /* The last '=': an issuer may have one, a file name hardly. */
        size_t equals = others[i].len;
        while (equals > 0 && others[i].at[equals - 1] != '=')
            equals--;
        if (equals < 2 || equals == others[i].len)
            return sp_cli_usage_error(cli, "--other-issuer needs URL=FILE, not '%.*s'", SP_STR_ARG(others[i]));
        struct sp_issuer_terms *other = &terms[1 + i];
        other->name = other->issuer = sp_str_slice(others[i], 0, equals - 1);
        other->algorithms = sp_algorithms_asymmetric();
        issuers[1 + i].terms = other;
        int exit_status =
            sp_token_keys_from_file(cli, sp_str_slice(others[i], equals, others[i].len), &issuers[1 + i].known);
        if (exit_status != SP_CLI_FINE)
            return exit_status;
    }
    *count = 1 + given;
    return SP_CLI_FINE;
}

static struct sp_str_list list_of(const struct sp_cli *cli, const char *name)
{
    struct sp_str_list list;
    list.count = sp_cli_list(cli, name, &list.at);
    return list;
}

/* --scope "a b" means both. */
static int read_scopes(const struct sp_cli *cli, struct sp_str_list *scopes)
{
    struct sp_str_list given = list_of(cli, "scope");
    struct sp_str *words = sp_arena_calloc(cli->arena, SP_MAX_SCOPES, sizeof *words);
    size_t count = 0;
    if (words == NULL)
        return sp_cli_failure(cli, "out of memory");
    for (size_t i = 0; i < given.count; i++) {
        struct sp_str rest = given.at[i], word;
        while (sp_str_next_word(&rest, SP_STR(" ,"), &word)) {
            if (count == SP_MAX_SCOPES)
                return sp_cli_usage_error(cli, "at most %u scopes", SP_MAX_SCOPES);
            words[count++] = word;
        }
    }
    *scopes = (struct sp_str_list){words, count};
    return SP_CLI_FINE;
}

/* What is not said is not judged: no key, no signature. */
static bool names_keys(const struct sp_cli *cli)
{
    return sp_cli_is_given(cli, "issuer") || sp_cli_is_given(cli, "jwks") || sp_cli_is_given(cli, "key") ||
           sp_cli_is_given(cli, "secret");
}

static int run_with_flags(const struct sp_cli *cli, const struct sp_token_input *input, int64_t now)
{
    struct sp_issuer_terms terms[1 + MAX_OTHER_ISSUERS] = {{.name = SP_STR("the issuer")}};
    struct sp_known_issuer issuers[1 + MAX_OTHER_ISSUERS] = {{.terms = terms}};
    const uint16_t first = 0;
    struct sp_world world = {.issuers = issuers, .issuer_count = 1};
    struct sp_requirements requirements = {.api = SP_STR("this API"),
                                           .issuers = &first,
                                           .issuer_count = 1,
                                           .audiences = list_of(cli, "audience"),
                                           .client_id = sp_cli_text(cli, "client-id")};
    terms[0].issuer = sp_cli_text(cli, "issuer");
    terms[0].leeway_s = sp_cli_number(cli, "leeway", DEFAULT_LEEWAY_S);
    if (terms[0].leeway_s < 0 || terms[0].leeway_s > 86400)
        return sp_cli_usage_error(cli, "--leeway is between 0 and 86400 seconds");
    int exit_status = read_scopes(cli, &requirements.scopes);
    if (exit_status == SP_CLI_FINE && input->refusal == SP_CAUSE_NONE)
        exit_status = sp_token_keys_read(cli, terms[0].issuer, &issuers[0].known);
    const uint32_t algorithms = names_keys(cli) ? sp_token_keys_algorithms(issuers[0].known.keys)
                                                : sp_algorithms_asymmetric() | sp_algorithms_symmetric();
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_token_algorithms(cli, algorithms, &terms[0].algorithms);
    if (exit_status == SP_CLI_FINE)
        exit_status = read_other_issuers(cli, issuers, terms, &world.issuer_count);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    struct sp_exam_input exam_input = {.token = input->token,
                                       .requirements = &requirements,
                                       .world = &world,
                                       .now = now,
                                       .without_keys = names_keys(cli) ? SP_STR_NONE : SP_STR(unsaid_keys),
                                       .possession_unknown = true,
                                       .scheme_is_bearer = input->scheme_is_bearer,
                                       .explain = true};
    return sp_token_judge(cli, input, &exam_input);
}

static int run_examine(struct sp_cli *cli)
{
    struct sp_token_input input;
    bool with_policy = sp_cli_is_given(cli, "config"), with_api = sp_cli_is_given(cli, "api");
    if (with_policy != with_api)
        return sp_cli_usage_error(cli, "-c FILE and --api NAME belong together");
    int exit_status = sp_token_input_read(cli, &input);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    int64_t now = sp_cli_number(cli, "now", sp_cli_now());
    if (now < 0 || now > SP_CLI_MAX_NOW)
        return sp_cli_usage_error(cli, "--now is a number of seconds since 1970");
    return with_policy ? sp_token_policy_examine(cli, &input, now) : run_with_flags(cli, &input, now);
}

const struct sp_cli_command sp_cli_token_examine = {
    .name = "examine",
    .summary = "Say whether a token is valid for an API, and if not, exactly why.",
    .arguments = "[TOKEN|-]",
    .max_arguments = 1,
    .options = options,
    .text =
        "The token is the argument, or standard input (\"-\" or none). `Authorization: Bearer …` may be pasted whole, "
        "with the curl\n"
        "options around it. Nothing leaves this machine unless keys are to be fetched (--jwks URL, or --issuer "
        "alone).\n"
        "\n"
        "Examples:\n"
        "  sallyport token examine eyJ… --issuer https://idp.example.com --audience https://api.example.com\n"
        "  pbpaste | sallyport token examine --jwks keys.json --issuer https://idp.example.com --now 1700000000\n"
        "  sallyport token examine eyJ… -c sallyport.yaml --api photos\n"
        "\n"
        "What you do not say is not judged: without a key the signature, without --audience the audience. Without a "
        "key no "
        "token is\naccepted: it is rejected for what it says, or undecided.\n"
        "\n"
        "Exit status: 0 accepted, 1 rejected, 2 usage, 3 undecided: no key was named, or a file or the issuer is out "
        "of "
        "reach.",
    .run = run_examine,
};
