/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/template.h"

#include <inttypes.h>

#define MOST_BYTES (8u * 1024 * 1024)
#define PADDING_BYTES ((size_t)20 * 1024)
#define HUGE_BYTES ((size_t)2 * 1024 * 1024)

static void append_repeated(struct sp_buffer *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        sp_buffer_append_char(out, 'a');
}

/* "-3600" behind $now; 0 and nothing taken when there is no sign. */
static int64_t read_offset(struct sp_str text, size_t *at)
{
    size_t i = *at;
    int64_t number = 0;
    bool negative = i < text.len && text.at[i] == '-';
    if (i >= text.len || (text.at[i] != '-' && text.at[i] != '+'))
        return 0;
    for (i++; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && number < INT32_MAX; i++)
        number = number * 10 + (text.at[i] - '0');
    *at = i;
    return negative ? -number : number;
}

static bool find_word(const struct sp_lab_words *words, struct sp_str name, struct sp_str *value)
{
    for (; words != NULL; words = words->outer)
        for (size_t i = 0; i < words->count; i++)
            if (sp_str_equal(name, sp_str_from_cstr(words->at[i].name))) {
                *value = words->at[i].value;
                return true;
            }
    return false;
}

static int64_t now_of(const struct sp_lab_words *words)
{
    for (; words != NULL; words = words->outer)
        if (words->now != 0)
            return words->now;
    return 0;
}

/* Writes the word and moves *at behind it. */
static void write_word(struct sp_buffer *out, struct sp_str text, size_t *at, const struct sp_lab_words *words)
{
    size_t from = *at + 1, end = from;
    struct sp_str value;
    while (end < text.len && ((text.at[end] >= 'a' && text.at[end] <= 'z') || text.at[end] == '_'))
        end++;
    struct sp_str name = sp_str_slice(text, from, end);
    *at = end;
    if (sp_str_equal(name, SP_STR("now")))
        sp_buffer_printf(out, "%" PRId64, now_of(words) + read_offset(text, at));
    else if (sp_str_equal(name, SP_STR("now_ms")))
        sp_buffer_printf(out, "%" PRId64, now_of(words) * 1000);
    else if (sp_str_equal(name, SP_STR("soon_ms")))
        sp_buffer_printf(out, "%" PRId64, (now_of(words) + 300) * 1000);
    else if (sp_str_equal(name, SP_STR("padding")))
        append_repeated(out, PADDING_BYTES);
    else if (sp_str_equal(name, SP_STR("huge")))
        append_repeated(out, HUGE_BYTES);
    else
        sp_buffer_append(out, find_word(words, name, &value) ? value : sp_str_slice(text, from - 1, end));
}

struct sp_str sp_lab_expand(struct sp_arena *arena, const char *template, const struct sp_lab_words *words)
{
    struct sp_buffer out;
    struct sp_str text = sp_str_from_cstr(template);
    sp_buffer_init(&out, arena, MOST_BYTES);
    for (size_t at = 0; at < text.len;) {
        size_t dollar = sp_str_index_of(text, '$', at);
        sp_buffer_append(&out, sp_str_slice(text, at, dollar));
        at = dollar;
        if (at < text.len)
            write_word(&out, text, &at, words);
    }
    /* An empty text is a text. */
    sp_buffer_append_char(&out, '\0');
    return sp_buffer_status(&out) == SP_OK ? sp_str(out.at, out.len - 1) : SP_STR_NONE;
}
