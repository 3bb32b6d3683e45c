/* SPDX-License-Identifier: Apache-2.0 */
/* A form from anywhere: what is read is UTF-8 without NUL, and written again it reads the same. */
#include "core/oauth/form.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(4 << 20);
    struct sp_form form, again;
    size_t offset = 0;
    if (sp_form_parse(arena, sp_str((const char *)data, size), &form, &offset) == SP_OK) {
        struct sp_buffer out;
        sp_buffer_init(&out, arena, 2 << 20);
        for (size_t i = 0; i < form.count; i++) {
            ALWAYS(sp_str_is_utf8(form.at[i].name) && sp_str_is_utf8(form.at[i].value));
            ALWAYS(sp_str_index_of(form.at[i].value, '\0', 0) == form.at[i].value.len);
            sp_form_encode(&out, form.at[i].name);
            sp_buffer_append_char(&out, '=');
            sp_form_encode(&out, form.at[i].value);
            sp_buffer_append_char(&out, '&');
        }
        if (out.len <= SP_MAX_FORM_BYTES && sp_buffer_status(&out) == SP_OK &&
            sp_form_parse(arena, sp_buffer_str(&out), &again, &offset) == SP_OK) {
            ALWAYS(again.count == form.count);
            for (size_t i = 0; i < form.count; i++)
                ALWAYS(sp_str_equal(again.at[i].name, form.at[i].name) &&
                       sp_str_equal(again.at[i].value, form.at[i].value));
        }
    } else {
        ALWAYS(offset <= size);
    }
    sp_arena_destroy(&arena);
    return 0;
}
