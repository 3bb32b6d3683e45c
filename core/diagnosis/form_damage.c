/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to tokens on the way: the scheme is repeated, quotes are copied along, lines are broken, the text is
 * encoded once more, a whole response is sent, the end is cut off. Each is recognised by its own proof. */
#include "core/diagnosis/form.h"

static bool begins_with_scheme(struct sp_str token)
{
    static const char *const schemes[] = {"Bearer ", "Bearer:", "Bearer%20", "DPoP ", "Authorization:", "Token "};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct sp_str scheme = sp_str_from_cstr(schemes[i]);
        if (sp_str_equal_ignoring_case(sp_str_slice(token, 0, scheme.len), scheme))
            return true;
    }
    return false;
}

static bool is_quoted(struct sp_str token)
{
    char first = token.at[0], last = token.at[token.len - 1];
    return first == '"' || first == '\'' || first == '<' || first == '`' || last == '"' || last == '\'' ||
           last == '>' || last == '`' || sp_str_has_prefix(token, SP_STR("\xe2\x80\x9c")) ||
           sp_str_has_suffix(token, SP_STR("\xe2\x80\x9d"));
}

/* What chats, documents and editors put between or around words, and no eye sees. */
static const struct {
    const char *bytes, *name;
} unseen[] = {
    {"\xc2\xa0", "a no-break space"},         {"\xc2\xad", "a soft hyphen"},
    {"\xe2\x80\x8b", "a zero-width space"},   {"\xe2\x80\x8c", "a zero-width non-joiner"},
    {"\xe2\x80\x8d", "a zero-width joiner"},  {"\xe2\x80\xa8", "a line separator"},
    {"\xe2\x80\xaf", "a narrow space"},       {"\xe2\x81\xa0", "a word joiner"},
    {"\xe3\x80\x80", "an ideographic space"}, {"\xef\xbb\xbf", "a byte order mark"},
};

/* The name of what is unseen there, or NULL. */
static const char *name_unseen(struct sp_str token, size_t at)
{
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++)
        if (sp_str_has_prefix(sp_str_slice(token, at, token.len), sp_str_from_cstr(unseen[i].bytes)))
            return unseen[i].name;
    return NULL;
}

/* Index of the first space or control character, or token.len. */
static size_t find_blank(struct sp_str token)
{
    for (size_t i = 0; i < token.len; i++) {
        unsigned char byte = (unsigned char)token.at[i];
        if (byte <= 0x20 || byte == 0x7f || (byte >= 0x80 && name_unseen(token, i) != NULL))
            return i;
    }
    return token.len;
}

static bool percent_decode(struct sp_arena *arena, struct sp_str text, struct sp_str *decoded)
{
    char *out = sp_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < text.len; i++) {
        if (text.at[i] != '%') {
            out[len++] = text.at[i];
            continue;
        }
        int high = i + 2 < text.len ? sp_hex_digit(text.at[i + 1]) : -1;
        int low = i + 2 < text.len ? sp_hex_digit(text.at[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        out[len++] = (char)(high * 16 + low);
        i += 2;
    }
    *decoded = sp_str(out, len);
    return out != NULL;
}

static bool is_wellformed_when_decoded(struct sp_exam *exam, struct sp_str token)
{
    struct sp_str decoded;
    if (sp_str_index_of(token, '%', 0) == token.len || !percent_decode(exam->arena, token, &decoded))
        return false;
    for (size_t i = 0; i < decoded.len; i++)
        if (!sp_form_is_base64url(decoded.at[i]) && decoded.at[i] != '.' && decoded.at[i] != '=' &&
            decoded.at[i] != '+' && decoded.at[i] != '/' && decoded.at[i] != ' ' && decoded.at[i] != '~')
            return false;
    return decoded.len > 0;
}

static bool is_response_body(struct sp_exam *exam, struct sp_str token)
{
    const struct sp_json *json;
    struct sp_json_error error;
    struct sp_str text = sp_str_trim(token);
    if (text.len == 0 || text.at[0] != '{')
        return false;
    /* A body that was cut, or sent with its spaces lost, is still one. */
    if (sp_json_parse(exam->arena, text, &sp_json_limits_token, &json, &error) != SP_OK)
        return sp_str_contains(text, SP_STR("\"access_token\""));
    return sp_json_member(json, SP_STR("access_token")) != NULL || sp_json_member(json, SP_STR("id_token")) != NULL;
}

/* The limit that fits the length, of those that servers and databases cut at; 0: none. */
static size_t matching_limit(size_t length)
{
    static const size_t limits[] = {255,  256,  500,  512,  1000, 1023, 1024,  2000,
                                    2048, 4000, 4096, 8000, 8190, 8192, 16384, 32768};
    static const size_t prefixes[] = {0, 7, 22}; /* alone, behind "Bearer ", behind "Authorization: Bearer " */
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        for (size_t j = 0; j < sizeof prefixes / sizeof prefixes[0]; j++)
            if (length + prefixes[j] == limits[i] || length + prefixes[j] + 1 == limits[i] ||
                length + prefixes[j] + 2 == limits[i])
                return limits[i];
    return 0;
}

void sp_form_tell_truncated(struct sp_exam *exam, enum sp_check check, const char *what)
{
    if (sp_exam_has_finding(exam, SP_CAUSE_TOKEN_MALFORMED_TRUNCATED))
        return;
    size_t length = exam->input.token.len, limit = matching_limit(length);
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_TRUNCATED, check, SP_STR("a whole token"),
                                             sp_arena_printf(exam->arena, "%zu characters", length));
    finding->detail = limit != 0
                          ? sp_arena_printf(exam->arena, "%s That is what a limit of %zu bytes leaves.", what, limit)
                          : sp_str_from_cstr(what);
}

static void tell_blank(struct sp_exam *exam, struct sp_str token, size_t at)
{
    unsigned byte = (unsigned char)token.at[at];
    const char *name = name_unseen(token, at);
    struct sp_finding *finding = sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_WHITESPACE, SP_CHECK_FORM,
                                             SP_STR("no white space"), sp_arena_printf(exam->arena, "0x%02x", byte));
    finding->detail = sp_arena_printf(exam->arena, "Byte %zu of %zu is %s (0x%02x).", at, token.len,
                                      name != NULL   ? name
                                      : byte == ' '  ? "a space"
                                      : byte == '\n' ? "a line end"
                                      : byte == '\t' ? "a tab"
                                      : byte == 0    ? "NUL"
                                                     : "a control character",
                                      byte);
}

/* True when something on the way damaged it: named. */
bool sp_form_examine_damage(struct sp_exam *exam, struct sp_str token)
{
    size_t blank;
    if (is_response_body(exam, token))
        sp_form_refuse(exam, SP_CAUSE_TOKEN_MALFORMED_RESPONSE_BODY, "the value of access_token",
                       SP_STR("The value is the JSON of a whole token response."));
    else if (begins_with_scheme(token))
        sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_SCHEME_REPEATED, SP_CHECK_FORM, SP_STR("the token alone"),
                    sp_str_slice(token, 0, sp_str_index_of(token, ' ', 0) < 15 ? sp_str_index_of(token, ' ', 0) : 7));
    else if (is_quoted(token))
        sp_exam_saw(exam, SP_CAUSE_TOKEN_MALFORMED_QUOTED, SP_CHECK_FORM, SP_STR("the bare token"),
                    sp_str_slice(token, 0, 1));
    else if ((blank = find_blank(token)) < token.len)
        tell_blank(exam, token, blank);
    else if (is_wellformed_when_decoded(exam, token))
        sp_form_refuse(exam, SP_CAUSE_TOKEN_MALFORMED_URL_ENCODED, "the token as it was issued",
                       SP_STR("The value has %-escapes and is a well-formed token once decoded."));
    else
        return false;
    return true;
}
