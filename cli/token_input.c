/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token.h"

#include <unistd.h>

#include "core/base/limits.h"
#include "core/diagnosis/credential.h"

static struct sp_str without_line_end(struct sp_str text)
{
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    return text;
}

/* Index behind "authorization:" (any case) at the beginning of a line, after "> ", "-H '" and the like; or text.len. */
static size_t find_header(struct sp_str text)
{
    struct sp_str name = SP_STR("authorization:");
    for (size_t i = 0; i + name.len <= text.len; i++) {
        if (!sp_str_equal_ignoring_case(sp_str_slice(text, i, i + name.len), name))
            continue;
        /* Not the end of another name, like Proxy-Authorization. */
        if (i == 0 || strchr(" \t\r\n'\"", text.at[i - 1]) != NULL)
            return i + name.len;
    }
    return text.len;
}

/* The rest of the line, without the quote that closes a curl argument. */
static struct sp_str header_value(struct sp_str text, size_t from)
{
    size_t end = sp_str_index_of(text, '\n', from);
    char quote = '\0';
    for (size_t i = from; i > 0 && quote == '\0'; i--)
        if (text.at[i - 1] == '\'' || text.at[i - 1] == '"')
            quote = text.at[i - 1];
        else if (text.at[i - 1] == '\n')
            break;
    if (quote != '\0') {
        size_t closing = sp_str_index_of(text, quote, from);
        end = closing < end ? closing : end;
    }
    return sp_str_trim(sp_str_slice(text, from, end));
}

/* The scheme without its token: what a variable that is empty leaves of `Bearer $TOKEN`. */
static bool is_scheme_alone(struct sp_str text)
{
    text = sp_str_trim(text);
    return sp_str_equal_ignoring_case(text, SP_STR("Bearer")) || sp_str_equal_ignoring_case(text, SP_STR("DPoP"));
}

static void cut_token(struct sp_str text, struct sp_token_input *input)
{
    struct sp_credential credential;
    size_t from = text.len > 0 && text.at[0] != '{' ? find_header(text) : text.len;
    if (from >= text.len && !is_scheme_alone(text)) {
        input->token = text;
        return;
    }
    struct sp_str value = from < text.len ? header_value(text, from) : sp_str_trim(text);
    struct sp_presented presented = {.authorization = {&value, 1}, .accepts_bearer = true, .accepts_dpop = true};
    input->from_header = true;
    input->refusal = sp_credential_find(&presented, &credential, &input->finding);
    if (input->refusal == SP_CAUSE_NONE)
        input->token = credential.value;
    input->scheme_is_bearer = input->refusal == SP_CAUSE_NONE && credential.kind == SP_CREDENTIAL_BEARER;
}

int sp_token_input_read(const struct sp_cli *cli, struct sp_token_input *input)
{
    struct sp_str given = sp_cli_argument(cli, 0), text = given;
    bool from_stdin = given.at == NULL || sp_str_equal(given, SP_STR("-"));
    if (given.at == NULL && isatty(STDIN_FILENO))
        return sp_cli_usage_error(cli, "no token: give it as the argument, or pipe it in");
    if (from_stdin) {
        /* What is longer than anything that is examined is refused as that, by its length. */
        enum sp_status status = sp_cli_read_beginning(cli, SP_STR("-"), SP_MAX_EXAMINED_BYTES + 1, &text);
        if (status != SP_OK && status != SP_TOO_LARGE)
            return SP_CLI_UNEXAMINED;
    }
    *input = (struct sp_token_input){.token = SP_STR("")};
    cut_token(without_line_end(text), input);
    return SP_CLI_FINE;
}
