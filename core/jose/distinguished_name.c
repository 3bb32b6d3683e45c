/* SPDX-License-Identifier: Apache-2.0 */
#include "core/jose/distinguished_name.h"

#include <stdlib.h>
#include "core/base/buffer.h"

/* RFC 4514 3 and what certificates of machines and companies have beside it; the first word of a type is written. */
static const struct {
    struct sp_str word, type;
} words[] = {
#define WORD(word, type)                                                                                               \
    {                                                                                                                  \
        {word, sizeof word - 1},                                                                                       \
        {                                                                                                              \
            type, sizeof type - 1                                                                                      \
        }                                                                                                              \
    }
    WORD("CN", "2.5.4.3"),
    WORD("commonName", "2.5.4.3"),
    WORD("SN", "2.5.4.4"),
    WORD("surname", "2.5.4.4"),
    WORD("serialNumber", "2.5.4.5"),
    WORD("C", "2.5.4.6"),
    WORD("countryName", "2.5.4.6"),
    WORD("L", "2.5.4.7"),
    WORD("localityName", "2.5.4.7"),
    WORD("ST", "2.5.4.8"),
    WORD("S", "2.5.4.8"),
    WORD("stateOrProvinceName", "2.5.4.8"),
    WORD("STREET", "2.5.4.9"),
    WORD("O", "2.5.4.10"),
    WORD("organizationName", "2.5.4.10"),
    WORD("OU", "2.5.4.11"),
    WORD("organizationalUnitName", "2.5.4.11"),
    WORD("title", "2.5.4.12"),
    WORD("businessCategory", "2.5.4.15"),
    WORD("postalCode", "2.5.4.17"),
    WORD("GN", "2.5.4.42"),
    WORD("givenName", "2.5.4.42"),
    WORD("organizationIdentifier", "2.5.4.97"),
    WORD("UID", "0.9.2342.19200300.100.1.1"),
    WORD("DC", "0.9.2342.19200300.100.1.25"),
    WORD("domainComponent", "0.9.2342.19200300.100.1.25"),
    WORD("emailAddress", "1.2.840.113549.1.9.1"),
    WORD("E", "1.2.840.113549.1.9.1"),
    WORD("jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1"),
    WORD("jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2"),
    WORD("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"),
#undef WORD
};
#define WORD_COUNT (sizeof words / sizeof words[0])

struct parser {
    struct sp_arena *arena;
    struct sp_str text;
    size_t at;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const struct parser *parser)
{
    return parser->at < parser->text.len ? parser->text.at[parser->at] : '\0';
}

static void skip_spaces(struct parser *parser)
{
    while (peek(parser) == ' ')
        parser->at++;
}

/* Digits in groups between single dots, two groups at least. */
static bool is_dotted(struct sp_str type)
{
    bool has_dot = false;
    for (size_t i = 0; i < type.len; i++) {
        bool dot = type.at[i] == '.';
        if (!dot && !is_digit(type.at[i]))
            return false;
        if (dot && (i == 0 || i + 1 == type.len || type.at[i - 1] == '.'))
            return false;
        has_dot = has_dot || dot;
    }
    return has_dot;
}

static enum sp_status parse_type(struct parser *parser, struct sp_str *type)
{
    skip_spaces(parser);
    size_t end = sp_str_index_of(parser->text, '=', parser->at);
    struct sp_str word = sp_str_trim(sp_str_slice(parser->text, parser->at, end));
    if (end == parser->text.len)
        return SP_MALFORMED;
    struct sp_str oid = word.len > 4 && sp_str_equal_ignoring_case(sp_str_slice(word, 0, 4), SP_STR("OID."))
                            ? sp_str_slice(word, 4, word.len)
                            : word;
    *type = is_dotted(oid) ? oid : SP_STR_NONE;
    for (size_t i = 0; i < WORD_COUNT && type->at == NULL; i++)
        if (sp_str_equal_ignoring_case(words[i].word, word))
            *type = words[i].type;
    if (type->at == NULL)
        return SP_MALFORMED;
    parser->at = end + 1;
    return SP_OK;
}

static int hex_pair(const struct parser *parser, size_t at)
{
    if (at + 2 > parser->text.len)
        return -1;
    int high = sp_hex_digit(parser->text.at[at]), low = sp_hex_digit(parser->text.at[at + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* `#` and the BER encoding: a text of a kind whose bytes are UTF-8 already, shorter than 128 bytes. */
static enum sp_status parse_hex(struct parser *parser, struct sp_str *value)
{
    struct sp_buffer bytes;
    sp_buffer_init(&bytes, parser->arena, 4096);
    parser->at++;
    for (int byte; (byte = hex_pair(parser, parser->at)) >= 0; parser->at += 2)
        sp_buffer_append_char(&bytes, (char)byte);
    if (sp_buffer_status(&bytes) != SP_OK)
        return SP_NO_MEMORY;
    struct sp_str ber = sp_buffer_str(&bytes);
    bool is_text = ber.len > 2 && (ber.at[0] == 0x0C || ber.at[0] == 0x13 || ber.at[0] == 0x16) &&
                   (size_t)(unsigned char)ber.at[1] == ber.len - 2;
    *value = sp_str_slice(ber, 2, ber.len);
    return is_text && ber.len < 130 && sp_str_is_utf8(*value) ? SP_OK : SP_MALFORMED;
}

/* What follows a backslash: two hexadecimal digits, or the character itself. */
static enum sp_status parse_escape(struct parser *parser, struct sp_buffer *out)
{
    int byte = hex_pair(parser, parser->at + 1);
    char c = parser->at + 1 < parser->text.len ? parser->text.at[parser->at + 1] : '\0';
    if (byte < 0 && (c == '\0' || strchr(" \"#+,;<=>\\", c) == NULL))
        return SP_MALFORMED;
    sp_buffer_append_char(out, byte >= 0 ? (char)byte : c);
    parser->at += byte >= 0 ? 3 : 2;
    return SP_OK;
}

static enum sp_status parse_value(struct parser *parser, struct sp_str *value)
{
    struct sp_buffer out;
    size_t kept = 0; /* spaces behind it count only where they were escaped */
    skip_spaces(parser);
    if (peek(parser) == '#')
        return parse_hex(parser, value);
    sp_buffer_init(&out, parser->arena, 4096);
    while (parser->at < parser->text.len) {
        char c = peek(parser);
        if (c == ',' || c == '+')
            break;
        if (c == '"' || c == ';' || c == '<' || c == '>' || c == '\0')
            return SP_MALFORMED;
        if (c == '\\') {
            enum sp_status status = parse_escape(parser, &out);
            if (status != SP_OK)
                return status;
        } else {
            sp_buffer_append_char(&out, c);
            parser->at++;
        }
        kept = c == ' ' ? kept : out.len;
    }
    if (sp_buffer_status(&out) != SP_OK)
        return SP_NO_MEMORY;
    *value = sp_str_slice(sp_buffer_str(&out), 0, kept);
    return value->len > 0 && sp_str_is_utf8(*value) ? SP_OK : SP_MALFORMED;
}

static int by_place(const void *a, const void *b)
{
    const struct sp_name_part *one = a, *two = b;
    if (one->level != two->level)
        return one->level < two->level ? -1 : 1;
    int order = sp_str_compare(one->type, two->type);
    return order != 0 ? order : sp_str_compare(one->value, two->value);
}

void sp_distinguished_name_sort(struct sp_distinguished_name *name)
{
    if (name->count > 1)
        qsort(name->parts, name->count, sizeof *name->parts, by_place);
}

enum sp_status sp_distinguished_name_parse(struct sp_arena *arena, struct sp_str text,
                                           struct sp_distinguished_name *name, size_t *offset)
{
    struct parser parser = {arena, text, 0};
    struct sp_name_part *parts = sp_arena_calloc(arena, SP_MAX_NAME_PARTS, sizeof *parts);
    size_t count = 0, level = 0;
    if (parts == NULL)
        return SP_NO_MEMORY;
    for (bool more = true; more;) {
        if (count == SP_MAX_NAME_PARTS)
            return SP_TOO_LARGE;
        parts[count].level = level;
        enum sp_status status = parse_type(&parser, &parts[count].type);
        if (status == SP_OK)
            status = parse_value(&parser, &parts[count].value);
        *offset = parser.at;
        if (status != SP_OK)
            return status;
        count++;
        skip_spaces(&parser);
        more = parser.at < text.len;
        if (more && peek(&parser) != ',' && peek(&parser) != '+')
            return SP_MALFORMED; /* behind a value in hexadecimal */
        level += peek(&parser) == ',';
        parser.at++;
    }
    *name = (struct sp_distinguished_name){parts, count};
    sp_distinguished_name_sort(name);
    return SP_OK;
}

bool sp_distinguished_name_equal(const struct sp_distinguished_name *a, const struct sp_distinguished_name *b)
{
    bool equal = a->count == b->count && a->count > 0;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = by_place(&a->parts[i], &b->parts[i]) == 0;
    return equal;
}

static void write_value(struct sp_buffer *out, struct sp_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        bool at_end = i == 0 || i + 1 == value.len;
        if (c == '\0')
            sp_buffer_append(out, SP_STR("\\00"));
        else if (strchr("\"+,;<>\\", c) != NULL || (c == ' ' && at_end) || (c == '#' && i == 0))
            sp_buffer_printf(out, "\\%c", c);
        else
            sp_buffer_append_char(out, c);
    }
}

struct sp_str sp_distinguished_name_text(struct sp_arena *arena, const struct sp_distinguished_name *name)
{
    struct sp_buffer out;
    sp_buffer_init(&out, arena, 64u * 1024);
    for (size_t i = 0; i < name->count; i++) {
        struct sp_str word = name->parts[i].type;
        for (size_t w = WORD_COUNT; w > 0; w--)
            if (sp_str_equal(words[w - 1].type, name->parts[i].type))
                word = words[w - 1].word;
        if (i > 0)
            sp_buffer_append_char(&out, name->parts[i].level == name->parts[i - 1].level ? '+' : ',');
        sp_buffer_append(&out, word);
        sp_buffer_append_char(&out, '=');
        write_value(&out, name->parts[i].value);
    }
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}

struct sp_str sp_distinguished_name_difference(const struct sp_distinguished_name *registered,
                                               const struct sp_distinguished_name *presented)
{
    size_t count = registered->count;
    bool reversed = count == presented->count && count > 1, ignoring_case = count == presented->count;
    for (size_t i = 0; i < count && i < presented->count; i++) {
        const struct sp_name_part *mine = &registered->parts[i], *mirror = &presented->parts[count - 1 - i],
                                  *same = &presented->parts[i];
        if (reversed)
            reversed = sp_str_equal(mine->type, mirror->type) && sp_str_equal(mine->value, mirror->value) &&
                       mine->level + mirror->level == presented->parts[count - 1].level;
        ignoring_case = ignoring_case && sp_str_equal(mine->type, same->type) &&
                        sp_str_equal_ignoring_case(mine->value, same->value);
    }
    if (reversed)
        return SP_STR("It is the same name in the opposite order: RFC 4514 begins with the most specific attribute.");
    if (ignoring_case)
        return SP_STR("They differ in letter case only.");
    return SP_STR_NONE;
}
