/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches the terminal: colours where they are wanted, wrapped text, bytes from outside made harmless, complaints.
 */
#include "cli/cli.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>
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

/* What the environment says that texts are written in. Unset: UTF-8, as everywhere today; a locale that is not
 * installed goes by its name. */
static bool is_utf8_by_locale(void)
{
    const char *name = getenv("LC_ALL");
    if (name == NULL || name[0] == '\0')
        name = getenv("LC_CTYPE");
    if (name == NULL || name[0] == '\0')
        name = getenv("LANG");
    if (name == NULL || name[0] == '\0')
        return true;
    locale_t locale = newlocale(LC_CTYPE_MASK, name, (locale_t)0);
    const char *dot = strchr(name, '.');
    const char *codeset = locale != (locale_t)0 ? nl_langinfo_l(CODESET, locale) : dot != NULL ? dot + 1 : "UTF-8";
    bool is_utf8 = strncasecmp(codeset, "UTF-8", 5) == 0 || strncasecmp(codeset, "UTF8", 4) == 0;
    if (locale != (locale_t)0)
        freelocale(locale);
    return is_utf8;
}

bool sp_cli_is_utf8(void)
{
    static enum { UNKNOWN, YES, NO } answer;
    if (answer == UNKNOWN)
        answer = is_utf8_by_locale() ? YES : NO;
    return answer == YES;
}

/* everywhere: in sentences too, wherever it stands; between: there as a word by itself. Evidence has the others. */
enum place { ALONE, BETWEEN, EVERYWHERE };

static const struct {
    struct sp_str sign, stand_in;
    enum place place;
} signs[] = {
#define SIGN(sign, stand_in, place)                                                                                    \
    {                                                                                                                  \
        {sign, sizeof sign - 1}, {stand_in, sizeof stand_in - 1}, place                                                \
    }
    [SP_SIGN_GOOD] = SIGN("✓", "ok", ALONE),       [SP_SIGN_BAD] = SIGN("✗", "x", ALONE),
    [SP_SIGN_MORE] = SIGN("…", "...", EVERYWHERE), [SP_SIGN_ARROW] = SIGN("→", "->", BETWEEN),
    [SP_SIGN_DOT] = SIGN("·", "-", BETWEEN),       [SP_SIGN_DASH] = SIGN("–", "-", BETWEEN),
    [SP_SIGN_SENT] = SIGN("──►", "-->", ALONE),    [SP_SIGN_ANSWERED] = SIGN("◄──", "<--", ALONE),
    [SP_SIGN_REQUEST] = SIGN("»", ">", ALONE),     [SP_SIGN_ANSWER] = SIGN("«", "<", ALONE),
    [SP_SIGN_WARN] = SIGN("!", "!", ALONE),        [SP_SIGN_SKIP] = SIGN("-", "-", ALONE),
    [SP_SIGN_NONE] = SIGN(" ", "  ", ALONE),       [SP_SIGN_SECTION] = SIGN("§", "sec. ", EVERYWHERE),
    [SP_SIGN_BACK] = SIGN("←", "<-", BETWEEN),
#undef SIGN
};

const char *sp_cli_sign(enum sp_sign sign)
{
    return sp_cli_is_utf8() ? signs[sign].sign.at : signs[sign].stand_in.at;
}

/* The stand-in for what begins at `at`, absent where none does. */
static struct sp_str find_stand_in(struct sp_str text, size_t at, size_t *len)
{
    struct sp_str rest = sp_str_slice(text, at, text.len);
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        struct sp_str sign = signs[i].sign;
        if (signs[i].place == ALONE || !sp_str_has_prefix(rest, sign))
            continue;
        bool between = (at == 0 || text.at[at - 1] == ' ') && (rest.len == sign.len || rest.at[sign.len] == ' ');
        if (signs[i].place == EVERYWHERE || between) {
            *len = sign.len;
            return signs[i].stand_in;
        }
    }
    return SP_STR_NONE;
}

static void flush_piece(FILE *out, const char *piece, size_t *len)
{
    fwrite(piece, 1, *len, out);
    *len = 0;
}

/* How many bytes of a character at `at` are shown as \xNN; 0: it is sent as it is. */
static size_t hidden_bytes(struct sp_str text, size_t at, bool is_text)
{
    const unsigned char c = (unsigned char)text.at[at];
    if (c < 0x80)
        return c < 0x20 || c == 0x7f ? 1 : 0;
    if (!is_text)
        return 1;
    const unsigned char next = (unsigned char)text.at[at + 1];
    /* U+0080..U+009F are control characters too (C1), in UTF-8 as C2 80..9F. */
    if (c == 0xc2)
        return next < 0xa0 ? 2 : 0;
    if (c != 0xe2)
        return 0;
    const unsigned char last = (unsigned char)text.at[at + 2];
    /* U+2028 to U+202E and U+2066 to U+2069 break the line, or turn what stands around them. */
    const bool turns = (next == 0x80 && last >= 0xa8 && last <= 0xae) || (next == 0x81 && last >= 0xa6 && last <= 0xa9);
    return turns ? 3 : 0;
}

/* stderr is not buffered: byte by byte, each would be a system call, and whoever reads along would see halves. */
static void print(FILE *out, struct sp_str text, const char *kept)
{
    char piece[2048];
    size_t len = 0;
    bool is_text = sp_cli_is_utf8() && sp_str_is_utf8(text);
    for (size_t i = 0; i < text.len; i++) {
        const bool is_kept = text.at[i] != '\0' && strchr(kept, text.at[i]) != NULL;
        const size_t hidden = is_kept ? 0 : hidden_bytes(text, i, is_text);
        for (size_t k = 0; k < hidden; k++)
            len += (size_t)snprintf(piece + len, sizeof piece - len, "\\x%02x", (unsigned char)text.at[i + k]);
        if (hidden > 0)
            i += hidden - 1;
        else
            piece[len++] = text.at[i];
        if (len + 16 > sizeof piece)
            flush_piece(out, piece, &len);
    }
    flush_piece(out, piece, &len);
}

void sp_cli_print_safe(FILE *out, struct sp_str text)
{
    print(out, text, "\n\t");
}

void sp_cli_print_value(FILE *out, struct sp_str text)
{
    print(out, text, "");
}

void sp_cli_print_sentence(FILE *out, struct sp_str text)
{
    size_t from = 0, len = 0;
    for (size_t at = 0; at < text.len && !sp_cli_is_utf8(); at++) {
        struct sp_str stand_in = (unsigned char)text.at[at] >= 0x80 ? find_stand_in(text, at, &len) : SP_STR_NONE;
        if (stand_in.at == NULL)
            continue;
        sp_cli_print_safe(out, sp_str_slice(text, from, at));
        fwrite(stand_in.at, 1, stand_in.len, out);
        from = at + len;
        at = from - 1;
    }
    sp_cli_print_safe(out, sp_str_slice(text, from, text.len));
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
    for (size_t i = 0, len = 1; i < word.len; i += len, len = 1) {
        const unsigned char c = (unsigned char)word.at[i];
        struct sp_str stand_in = c >= 0x80 && !sp_cli_is_utf8() ? find_stand_in(word, i, &len) : SP_STR_NONE;
        if (stand_in.at != NULL)
            columns += (unsigned)stand_in.len;
        else if (c >= 0x80 && !sp_cli_is_utf8())
            columns += 4; /* \xNN */
        else
            columns += (c & 0xc0) != 0x80;
    }
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
        sp_cli_print_sentence(out, word);
        column += columns;
        first = false;
    }
}

/* What was typed and read stands in complaints too. */
__attribute__((format(printf, 2, 0))) static void complain(const struct sp_cli *cli, const char *format,
                                                           va_list arguments)
{
    char text[8192];
    int len = vsnprintf(text, sizeof text, format, arguments);
    fprintf(stderr, "%s: ", cli->path);
    sp_cli_print_sentence(stderr, sp_str(text, len < 0                     ? 0
                                               : (size_t)len < sizeof text ? (size_t)len
                                                                           : sizeof text - 1));
    fputc('\n', stderr);
}

int sp_cli_usage_error(const struct sp_cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(cli, format, arguments);
    va_end(arguments);
    const char *command = strchr(cli->path, ' ');
    fprintf(stderr, "See 'sallyport help%s'.\n", command != NULL ? command : "");
    return SP_CLI_USAGE;
}

int sp_cli_failure(const struct sp_cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(cli, format, arguments);
    va_end(arguments);
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
