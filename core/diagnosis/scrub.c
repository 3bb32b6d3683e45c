/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/scrub.h"

#include "core/base/buffer.h"

static bool is_token_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '+' || c == '~';
}

/* 8-4-4-4-12: an identifier that people need, as Entra's correlation ids. */
static bool is_uuid(struct sp_str run)
{
    if (run.len != 36)
        return false;
    for (size_t i = 0; i < run.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (run.at[i] >= '0' && run.at[i] <= '9') || ((run.at[i] | 0x20) >= 'a' && (run.at[i] | 0x20) <= 'f');
        if (dash ? run.at[i] != '-' : !hex)
            return false;
    }
    return true;
}

/* Long, of letters and digits without a word's shape. */
static bool looks_secret(struct sp_str run)
{
    size_t digits = 0, letters = 0, dashes = 0;
    for (size_t i = 0; i < run.len; i++) {
        digits += run.at[i] >= '0' && run.at[i] <= '9';
        letters += (run.at[i] | 0x20) >= 'a' && (run.at[i] | 0x20) <= 'z';
        dashes += run.at[i] == '-' || run.at[i] == '_';
    }
    if (sp_str_has_prefix(run, SP_STR("eyJ")) && run.len > 8)
        return true;
    return run.len >= 20 && digits > 0 && letters > 0 && dashes * 4 < run.len && !is_uuid(run);
}

struct sp_str sp_scrub(struct sp_arena *arena, struct sp_str text)
{
    struct sp_buffer out;
    bool changed = false;
    if (text.len == 0)
        return text;
    sp_buffer_init(&out, arena, 1024 * 1024);
    for (size_t i = 0; i < text.len;) {
        size_t end = i;
        /* A JWT's dots belong to it. */
        bool jwt = sp_str_has_prefix(sp_str_slice(text, i, text.len), SP_STR("eyJ"));
        while (end < text.len && (is_token_byte(text.at[end]) || (jwt && text.at[end] == '.')))
            end++;
        struct sp_str run = sp_str_slice(text, i, end);
        if (run.len > 0 && looks_secret(run)) {
            sp_buffer_printf(&out, "%.*s…(%zu)", 4, run.at, run.len);
            changed = true;
        } else {
            end = end == i ? i + 1 : end;
            sp_buffer_append(&out, sp_str_slice(text, i, end));
        }
        i = end;
    }
    return !changed ? text : sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR("…");
}
