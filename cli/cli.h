/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of the program `sallyport`: one file a command, one row a command in main.c. A command states its options
 * as rows; parsing, usage errors, `help` and the option list of each help text are made from them, so they cannot
 * drift.
 *
 * Rules that hold for all commands: exit status as enum sp_cli_exit; `--json` prints one JSON value on stdout and
 * nothing else; without it the output is for people, coloured only on a terminal and never when NO_COLOR is set;
 * complaints go to stderr. */
#ifndef SP_CLI_CLI_H
#define SP_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/base/str.h"

enum sp_cli_exit {
    SP_CLI_FINE = 0,     /* accepted, nothing found */
    SP_CLI_REJECTED = 1, /* rejected, problems found */
    SP_CLI_USAGE = 2,
    SP_CLI_UNEXAMINED = 3, /* could not be examined: input or output failed */
};

enum sp_option_kind {
    SP_OPTION_FLAG,
    SP_OPTION_TEXT,   /* once */
    SP_OPTION_LIST,   /* may be repeated */
    SP_OPTION_NUMBER, /* a decimal integer, may be negative */
};

struct sp_cli_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum sp_option_kind kind;
    const char *argument; /* what stands for its value in help, NULL for a flag */
    const char *text;     /* one sentence for help */
};

struct sp_cli;

struct sp_cli_command {
    const char *name;
    const char *summary;   /* one line for the list of commands */
    const char *arguments; /* positional arguments as help shows them, may be NULL */
    size_t min_arguments, max_arguments;
    const struct sp_cli_option *options; /* ends with a row whose name is NULL; NULL: none but --json and --help */
    const char *text;                    /* the rest of the help: paragraphs, examples; may be NULL */
    const struct sp_cli_command *const *commands; /* of a group (`token`): ends with NULL; then run is NULL */
    int (*run)(struct sp_cli *cli);               /* returns enum sp_cli_exit */
};

/* ---- what a command's run sees; option names are the row's, asserted ---- */
bool sp_cli_flag(const struct sp_cli *cli, const char *name);
/* Absent (at == NULL) when not given. */
struct sp_str sp_cli_text(const struct sp_cli *cli, const char *name);
int64_t sp_cli_number(const struct sp_cli *cli, const char *name, int64_t when_absent);
bool sp_cli_is_given(const struct sp_cli *cli, const char *name);
/* The values of a repeated option, in order; in the arena. */
size_t sp_cli_list(const struct sp_cli *cli, const char *name, const struct sp_str **values);

size_t sp_cli_argument_count(const struct sp_cli *cli);
struct sp_str sp_cli_argument(const struct sp_cli *cli, size_t index); /* absent past the last */

bool sp_cli_wants_json(const struct sp_cli *cli);
struct sp_arena *sp_cli_arena(const struct sp_cli *cli); /* lives as long as the command; for small things and inputs */

/* ---- complaints ---- */
/* "sallyport token examine: MESSAGE" and a pointer to help on stderr; returns SP_CLI_USAGE. */
int sp_cli_usage_error(const struct sp_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same without the pointer; returns SP_CLI_UNEXAMINED. */
int sp_cli_failure(const struct sp_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- output ---- */
enum sp_style {
    SP_STYLE_PLAIN,
    SP_STYLE_BOLD,
    SP_STYLE_DIM,
    SP_STYLE_GOOD,
    SP_STYLE_BAD,
    SP_STYLE_WARN,
    SP_STYLE_MARK
};
/* Escape sequence that starts the style, or "" where colours are off. SP_STYLE_PLAIN ends any. */
const char *sp_cli_style(enum sp_style style);
/* What stands in our own output beside letters; ASCII where the locale is not UTF-8. */
enum sp_sign {
    SP_SIGN_GOOD,
    SP_SIGN_BAD,
    SP_SIGN_MORE,
    SP_SIGN_ARROW,
    SP_SIGN_DOT,
    SP_SIGN_DASH,
    SP_SIGN_SENT,
    SP_SIGN_ANSWERED,
    SP_SIGN_REQUEST,
    SP_SIGN_ANSWER,
    SP_SIGN_WARN,
    SP_SIGN_SKIP,
    SP_SIGN_NONE,
    SP_SIGN_SECTION,
    SP_SIGN_BACK
};
const char *sp_cli_sign(enum sp_sign sign);
/* Whether output may have more than ASCII: by LC_ALL, LC_CTYPE or LANG, to a file as to a terminal. JSON always may. */
bool sp_cli_is_utf8(void);
/* Text from outside for a terminal: control characters, and those that turn the line around, are shown as \xNN, never
 * sent; so is every byte that is not ASCII where the locale is not UTF-8. Line breaks and tabs are sent. */
void sp_cli_print_safe(FILE *out, struct sp_str text);
/* The same of one value: its line breaks and tabs are \xNN, too, so that nothing in it passes for a line of ours. */
void sp_cli_print_value(FILE *out, struct sp_str text);
/* The same of our own words, with what they quote: there the signs have ASCII stand-ins. */
void sp_cli_print_sentence(FILE *out, struct sp_str text);
/* Columns of a line: COLUMNS, else the terminal's up to 120, else 100; never fewer than 20. */
unsigned sp_cli_width(void);
/* Whether text with this indent has columns enough; sp_cli_print_wrapped begins it on the next line otherwise. */
bool sp_cli_has_room(unsigned indent);
/* Wraps at sp_cli_width with `indent` spaces before each line but the first, where the cursor is at `column`. Nothing
 * is cut: a word that is longer stands on a line of its own. Where few columns would be left the text begins below,
 * with a small indent. */
void sp_cli_print_wrapped(FILE *out, struct sp_str text, unsigned indent, unsigned column);
/* Prints what was written and a newline; SP_CLI_UNEXAMINED if stdout failed, else `exit_status`. */
int sp_cli_print_json(const struct sp_cli *cli, const struct sp_buffer *buffer, int exit_status);

/* ---- input ---- */
/* The whole of a file, or of stdin for "-", into the arena. Complains itself; SP_IO, SP_TOO_LARGE or SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_cli_read(const struct sp_cli *cli, struct sp_str path, size_t max_bytes,
                                         struct sp_str *content);
/* The same of something that may be longer and then is a finding: SP_TOO_LARGE is not complained about, and *content
 * has the first max_bytes. */
SP_MUST_CHECK enum sp_status sp_cli_read_beginning(const struct sp_cli *cli, struct sp_str path, size_t max_bytes,
                                                   struct sp_str *content);
/* "127.0.0.1:8089", "[::1]:0": the address without brackets, in the arena. False when it is none. */
bool sp_cli_split_address(const struct sp_cli *cli, struct sp_str text, const char **address, unsigned *port);
/* Epoch seconds, from the clock. */
int64_t sp_cli_now(void);

/* The command among the group's whose name is nearest to a mistyped one, or NULL when none is near. */
const struct sp_cli_command *sp_cli_nearest(const struct sp_cli_command *const *commands, struct sp_str name);

/* ---- the frame itself: main.c, arguments.c, help.c ---- */
#define SP_CLI_MAX_ARGUMENTS 4096u

struct sp_cli_given {
    const struct sp_cli_option *option;
    struct sp_str value;
};

struct sp_cli {
    const struct sp_cli_command *command;
    const char *path; /* "sallyport token examine" */
    struct sp_arena *arena;
    struct sp_cli_given *given;
    size_t given_count;
    struct sp_str *arguments;
    size_t argument_count;
};

extern const struct sp_cli_option sp_cli_common_options[];

/* Fills given and arguments. SP_MALFORMED: the complaint was printed. */
SP_MUST_CHECK enum sp_status sp_cli_parse(struct sp_cli *cli, int argc, char **argv);
void sp_cli_print_help(FILE *out, const struct sp_cli_command *command, const char *path);
void sp_cli_print_overview(FILE *out, const struct sp_cli_command *const *commands);

#endif
