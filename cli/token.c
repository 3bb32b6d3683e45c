/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport token: verify and decode; examine is in token_examine.c. */
#include "cli/token.h"

#include "core/base/limits.h"
#include "core/diagnosis/words.h"

#define VERDICT_BYTES (8u * 1024 * 1024)

/* ---- shared ---- */

/* With all that is at hand; nothing more can be had. */
static const struct sp_verdict *run_exam(struct sp_exam *exam, const struct sp_world *world)
{
    for (;;) {
        switch (sp_exam_step(exam)) {
        case SP_EXAM_DONE:
            return sp_exam_verdict(exam);
        case SP_NEED_KEYS:
            sp_exam_give_world(exam, world);
            break;
        case SP_NEED_INTROSPECTION:
            sp_exam_give_introspection(exam, SP_STR_NONE, SP_CAUSE_INTROSPECTION_UNREACHABLE, SP_CAUSE_NONE,
                                       SP_STR("The command line asks no issuer about tokens; the gateway does."));
            break;
        case SP_NEED_REPLAY_CHECK:
            sp_exam_give_replay(exam, false);
            break;
        }
    }
}

static int exit_status_of(const struct sp_verdict *verdict)
{
    if (verdict->accepted)
        return SP_CLI_FINE;
    if (verdict->cause == NULL) /* nothing speaks against it, and no key for it */
        return SP_CLI_UNEXAMINED;
    enum sp_cause cause = verdict->cause->cause;
    bool out_of_reach = cause == SP_CAUSE_KEYS_UNREACHABLE || cause == SP_CAUSE_INTROSPECTION_UNREACHABLE;
    return out_of_reach ? SP_CLI_UNEXAMINED : SP_CLI_REJECTED;
}

int sp_token_show(const struct sp_cli *cli, const struct sp_verdict *verdict, int64_t now)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    struct sp_json_error error;
    const struct sp_json *json;
    sp_buffer_init(&buffer, cli->arena, VERDICT_BYTES);
    sp_json_writer_init(&writer, &buffer, sp_cli_wants_json(cli));
    sp_verdict_write(&writer, verdict, now);
    if (sp_cli_wants_json(cli))
        return sp_cli_print_json(cli, &buffer, exit_status_of(verdict));
    if (sp_buffer_status(&buffer) != SP_OK ||
        sp_json_parse(cli->arena, sp_buffer_str(&buffer), &sp_json_limits_document, &json, &error) != SP_OK)
        return sp_cli_failure(cli, "the verdict does not fit in memory");
    sp_cli_print_verdict(json, now);
    return exit_status_of(verdict);
}

int sp_token_judge(const struct sp_cli *cli, const struct sp_token_input *input, const struct sp_exam_input *terms)
{
    if (input->refusal != SP_CAUSE_NONE)
        return sp_token_show(cli, sp_verdict_of(cli->arena, &input->finding), terms->now);
    struct sp_exam *exam = sp_exam_start(cli->arena, terms);
    return sp_token_show(cli, exam != NULL ? run_exam(exam, terms->world) : sp_verdict_without_memory(), terms->now);
}

/* ---- verify ---- */

static const struct sp_cli_option verify_options[] = {
    {"jwks", 0, SP_OPTION_TEXT, "FILE|URL", "The key set to verify with."},
    {"key", 0, SP_OPTION_TEXT, "FILE.pem", "A public key or certificate instead."},
    {"secret", 0, SP_OPTION_TEXT, "SECRET", "A shared secret instead, for HS256, HS384, HS512."},
    {"secret-encoding", 0, SP_OPTION_TEXT, "ENCODING",
     "How the secret is written: raw (default), base64 or base64url."},
    {"alg", 0, SP_OPTION_LIST, "ALG", "An allowed algorithm; default: all that the keys can verify."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static int run_verify(struct sp_cli *cli)
{
    struct sp_token_input input;
    struct sp_issuer_terms terms = {.name = SP_STR("the key set"), .issuer = SP_STR_NONE, .heals = false};
    struct sp_known_issuer issuer = {.terms = &terms};
    const uint16_t first = 0;
    if (!sp_cli_is_given(cli, "jwks") && !sp_cli_is_given(cli, "key") && !sp_cli_is_given(cli, "secret"))
        return sp_cli_usage_error(cli, "no key: give --jwks, --key or --secret");
    int exit_status = sp_token_input_read(cli, &input);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_token_keys_read(cli, SP_STR_NONE, &issuer.known);
    if (exit_status == SP_CLI_FINE)
        exit_status = sp_token_algorithms(cli, sp_token_keys_algorithms(issuer.known.keys), &terms.algorithms);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    int64_t now = sp_cli_now();
    struct sp_world world = {.issuers = &issuer, .issuer_count = 1};
    struct sp_requirements requirements = {
        .issuers = &first, .issuer_count = 1, .max_token_bytes = SP_MAX_EXAMINED_BYTES};
    struct sp_exam_input exam_input = {.token = input.token,
                                       .requirements = &requirements,
                                       .world = &world,
                                       .now = now,
                                       .signature_only = true,
                                       .explain = true};
    return sp_token_judge(cli, &input, &exam_input);
}

static const struct sp_cli_command verify_command = {
    .name = "verify",
    .summary = "Verify a signature, and nothing else.",
    .arguments = "[TOKEN|-]",
    .max_arguments = 1,
    .options = verify_options,
    .text = "Any JWS in compact form, whatever its payload. Says which key verified, or why none does.\n"
            "Exit status: 0 it verifies, 1 it does not, 2 usage, 3 a file or URL could not be read.",
    .run = run_verify,
};

/* ---- decode ---- */

static const struct {
    const char *claim, *words;
} times[] = {{"iat", "issued"},
             {"nbf", "usable from"},
             {"exp", "expires"},
             {"auth_time", "logged in"},
             {"updated_at", "updated"}};
#define TIME_COUNT (sizeof times / sizeof times[0])

static void write_times(struct sp_json_writer *writer, struct sp_arena *arena, const struct sp_json *claims,
                        int64_t now)
{
    sp_json_name(writer, SP_STR("times"));
    sp_json_begin_object(writer);
    for (size_t i = 0; i < TIME_COUNT; i++) {
        int64_t value;
        if (sp_json_int64(sp_json_member(claims, sp_str_from_cstr(times[i].claim)), &value) == SP_OK)
            sp_json_string_member(writer, times[i].claim, sp_words_instant_from(arena, value, now));
    }
    sp_json_end_object(writer);
}

static int decode_as_json(const struct sp_cli *cli, const struct sp_verdict *verdict, int64_t now, int exit_status)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    sp_buffer_init(&buffer, cli->arena, VERDICT_BYTES);
    sp_json_writer_init(&writer, &buffer, true);
    sp_json_begin_object(&writer);
    sp_json_string_member(&writer, "kind", sp_str_from_cstr(sp_token_kind_name(verdict->kind)));
    sp_json_name(&writer, SP_STR("header"));
    sp_json_put_value(&writer, verdict->header);
    sp_json_name(&writer, SP_STR("claims"));
    sp_json_put_value(&writer, verdict->claims);
    write_times(&writer, cli->arena, verdict->claims, now);
    sp_json_bool_member(&writer, "signature_verified", false);
    sp_json_name(&writer, SP_STR("problem"));
    if (exit_status != SP_CLI_FINE)
        sp_finding_write(&writer, verdict->cause);
    else
        sp_json_put_null(&writer);
    sp_json_end_object(&writer);
    return sp_cli_print_json(cli, &buffer, exit_status);
}

static void print_part(const struct sp_cli *cli, const char *title, const struct sp_json *part)
{
    struct sp_buffer buffer;
    struct sp_json_writer writer;
    if (part == NULL)
        return;
    sp_buffer_init(&buffer, cli->arena, VERDICT_BYTES);
    sp_json_writer_init(&writer, &buffer, true);
    sp_json_put_value(&writer, part);
    printf("%s%s%s\n", sp_cli_style(SP_STYLE_BOLD), title, sp_cli_style(SP_STYLE_PLAIN));
    sp_cli_print_safe(stdout, sp_buffer_str(&buffer));
    fputs("\n\n", stdout);
}

static void print_times(const struct sp_cli *cli, const struct sp_json *claims, int64_t now)
{
    bool any = false;
    for (size_t i = 0; i < TIME_COUNT; i++) {
        int64_t value;
        if (sp_json_int64(sp_json_member(claims, sp_str_from_cstr(times[i].claim)), &value) != SP_OK)
            continue;
        struct sp_str words = sp_words_instant_from(cli->arena, value, now);
        bool past = strcmp(times[i].claim, "exp") == 0 && value < now;
        if (!any)
            printf("%sTimes%s\n", sp_cli_style(SP_STYLE_BOLD), sp_cli_style(SP_STYLE_PLAIN));
        any = true;
        printf("  %-10s %-12s %.*s\n", times[i].claim, past ? "expired" : times[i].words, SP_STR_ARG(words));
    }
    if (any)
        putchar('\n');
}

static int run_decode(struct sp_cli *cli)
{
    struct sp_token_input input;
    struct sp_requirements requirements = {.max_token_bytes = SP_MAX_EXAMINED_BYTES};
    struct sp_world world = {0};
    int exit_status = sp_token_input_read(cli, &input);
    if (exit_status != SP_CLI_FINE)
        return exit_status;
    int64_t now = sp_cli_number(cli, "now", sp_cli_now());
    if (now < 0 || now > SP_CLI_MAX_NOW)
        return sp_cli_usage_error(cli, "--now is a number of seconds since 1970");
    struct sp_exam_input exam_input = {
        .token = input.token, .requirements = &requirements, .world = &world, .now = now, .explain = true};
    struct sp_exam *exam = sp_exam_start(cli->arena, &exam_input);
    const struct sp_verdict *verdict = input.refusal != SP_CAUSE_NONE ? sp_verdict_of(cli->arena, &input.finding)
                                       : exam != NULL                 ? run_exam(exam, &world)
                                                                      : sp_verdict_without_memory();
    bool readable = verdict->header != NULL && (verdict->claims != NULL || verdict->kind == SP_TOKEN_JWE);
    exit_status = readable ? SP_CLI_FINE : SP_CLI_REJECTED;
    if (sp_cli_wants_json(cli))
        return decode_as_json(cli, verdict, now, exit_status);
    print_part(cli, "Header", verdict->header);
    print_part(cli, "Claims", verdict->claims);
    print_times(cli, verdict->claims, now);
    if (readable && verdict->kind == SP_TOKEN_JWE)
        puts("The token is encrypted: its claims can be read by the holder of the key only.");
    else if (readable) {
        sp_cli_print_wrapped(
            stdout, SP_STR("Decoded only: nothing of this was checked. 'sallyport token examine' checks it."), 0, 0);
        putchar('\n');
    } else
        sp_cli_print_finding(verdict->cause);
    return exit_status;
}

static const struct sp_cli_option decode_options[] = {
    {"now", 0, SP_OPTION_NUMBER, "EPOCH", "Take this as the present time."},
    {NULL, 0, SP_OPTION_FLAG, NULL, NULL},
};

static const struct sp_cli_command decode_command = {
    .name = "decode",
    .summary = "Show header, claims and times of a token, unchecked.",
    .arguments = "[TOKEN|-]",
    .max_arguments = 1,
    .options = decode_options,
    .text = "Shows what a token says, not whether it is to be believed: no signature is verified, nothing leaves this "
            "machine.\n"
            "Exit status: 0 decoded, 1 not a token that can be decoded, 2 usage, 3 the input could not be read.",
    .run = run_decode,
};

static const struct sp_cli_command *const token_commands[] = {
    &sp_cli_token_examine, &verify_command, &decode_command, &sp_cli_token_get, &sp_cli_token_login, NULL,
};

const struct sp_cli_command sp_cli_token = {
    .name = "token",
    .summary = "Examine, verify or decode a token; get one, or log in for one.",
    .commands = token_commands,
};
