/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches the terminal: colours where they are wanted, wrapped text, bytes from outside made harmless, complaints.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MIN_WIDTH 20u
#define MAX_WIDTH 120u
#define MAX_ASKED_WIDTH 1000u
#define WIDTH_WITHOUT_TERMINAL 100u
#define NARROW_INDENT 4u
#define MIN_TEXT_WIDTH 24u

static bool wants_colour(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return (no_color == NULL || no_color[0] == '\0') && isatty(STDOUT_FILENO) && term != NULL &&
           strcmp(term, "dumb") != 0;
}

const char *sp_cli_style(enum sp_style style)
{
    static const char *const sequences[] = {
        [SP_STYLE_PLAIN] = "\033[0m",   [SP_STYLE_BOLD] = "\033[1m",   [SP_STYLE_DIM] = "\033[2m",
        [SP_STYLE_GOOD] = "\033[1;32m", [SP_STYLE_BAD] = "\033[1;31m", [SP_STYLE_WARN] = "\033[1;33m",
        [SP_STYLE_MARK] = "\033[1;7m",
    };
    return wants_colour() ? sequences[style] : "";
}

static void flush_piece(FILE *out, const char *piece, size_t *len)
{
    fwrite(piece, 1, *len, out);
    *len = 0;
}

/* stderr is not buffered: byte by byte, each would be a system call, and whoever reads along would see halves. */
void sp_cli_print_safe(FILE *out, struct sp_str text)
{
    char piece[2048];
    size_t len = 0;
    bool is_text = sp_str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        /* U+0080..U+009F are control characters too (C1), in UTF-8 as C2 80..9F. */
        bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.at[i + 1] < 0xa0;
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || (c >= 0x80 && !is_text) || c1) {
            len += (size_t)snprintf(piece + len, sizeof piece - len, "\\x%02x", c);
            if (c1)
                len += (size_t)snprintf(piece + len, sizeof piece - len, "\\x%02x", (unsigned char)text.at[++i]);
        } else {
            piece[len++] = (char)c;
        }
        if (len + 16 > sizeof piece)
            flush_piece(out, piece, &len);
    }
    flush_piece(out, piece, &len);
}

/* COLUMNS is what somebody asked for. A terminal's own width counts up to what eyes follow. */
unsigned sp_cli_width(void)
{
    const char *asked = getenv("COLUMNS");
    struct winsize size = {0};
    unsigned long columns = asked != NULL && asked[0] != '-' ? strtoul(asked, NULL, 10) : 0;
    if (columns > 0)
        return columns < MIN_WIDTH ? MIN_WIDTH : columns > MAX_ASKED_WIDTH ? MAX_ASKED_WIDTH : (unsigned)columns;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col < MIN_WIDTH ? MIN_WIDTH : size.ws_col > MAX_WIDTH ? MAX_WIDTH : size.ws_col;
    return WIDTH_WITHOUT_TERMINAL;
}

static unsigned columns_of(struct sp_str word)
{
    unsigned columns = 0;
    for (size_t i = 0; i < word.len; i++)
        columns += ((unsigned char)word.at[i] & 0xc0) != 0x80;
    return columns;
}

static unsigned start_line(FILE *out, unsigned indent)
{
    fprintf(out, "\n%*s", (int)indent, "");
    return indent;
}

bool sp_cli_has_room(unsigned indent)
{
    return indent <= NARROW_INDENT || indent + MIN_TEXT_WIDTH <= sp_cli_width();
}

void sp_cli_print_wrapped(FILE *out, struct sp_str text, unsigned indent, unsigned column)
{
    unsigned width = sp_cli_width();
    struct sp_str word;
    bool first = true;
    if (!sp_cli_has_room(indent)) {
        indent = NARROW_INDENT; /* a column of few characters is none */
        if (text.len > 0)
            column = start_line(out, indent);
    }
    while (sp_str_next_word(&text, SP_STR(" \n"), &word)) {
        unsigned columns = columns_of(word);
        unsigned end = column + columns + (first ? 0 : 1);
        bool fits_below = indent > NARROW_INDENT && indent + columns > width && NARROW_INDENT + columns <= width;
        if (end > width && (column > indent || fits_below)) {
            column = start_line(out, fits_below ? NARROW_INDENT : indent);
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        sp_cli_print_safe(out, word);
        column += columns;
        first = false;
    }
}

int sp_cli_usage_error(const struct sp_cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", cli->path);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    const char *command = strchr(cli->path, ' ');
    fprintf(stderr, "\nSee 'sallyport help%s'.\n", command != NULL ? command : "");
    return SP_CLI_USAGE;
}

int sp_cli_failure(const struct sp_cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", cli->path);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return SP_CLI_UNEXAMINED;
}

int sp_cli_print_json(const struct sp_cli *cli, const struct sp_buffer *buffer, int exit_status)
{
    struct sp_str text = sp_buffer_str(buffer);
    if (sp_buffer_status(buffer) != SP_OK)
        return sp_cli_failure(cli, "the answer does not fit in memory");
    errno = 0;
    const bool written = fwrite(text.at, 1, text.len, stdout) == text.len && fputc('\n', stdout) != EOF;
    if (!written && errno != EPIPE) /* `| head` has what it wants */
        return sp_cli_failure(cli, "could not write to standard output");
    return exit_status;
}
