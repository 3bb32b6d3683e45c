/* SPDX-License-Identifier: Apache-2.0 */
/* Our reader and jansson, which nobody here wrote, agree on what is JSON; what is read and written again reads the
 * same. */
#include <jansson.h>
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sp_str rewritten(struct sp_arena *arena, const struct sp_json *json)
{
    struct sp_buffer out;
    struct sp_json_writer writer;
    sp_buffer_init(&out, arena, 1 << 20);
    sp_json_writer_init(&writer, &out, false);
    sp_json_put_value(&writer, json);
    return sp_buffer_status(&out) == SP_OK ? sp_buffer_str(&out) : SP_STR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_arena *arena = sp_arena_create(8 << 20);
    const struct sp_json *json = NULL, *again = NULL;
    struct sp_json_error error;
    struct sp_str text = sp_str((const char *)data, size);
    enum sp_status status = sp_json_parse(arena, text, &sp_json_limits_token, &json, &error);

    json_error_t theirs;
    json_t *peer =
        json_loadb((const char *)data, size,
                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &theirs);
    enum json_error_code code = peer == NULL ? json_error_code(&theirs) : json_error_unknown;
    if (status == SP_OK)
        ALWAYS(peer != NULL || code == json_error_numeric_overflow || code == json_error_null_character ||
               code == json_error_null_byte_in_key);
    else if (status == SP_MALFORMED &&
             memchr(data, 0, size) == NULL) /* jansson takes a NUL behind a value for the end */
        ALWAYS(peer == NULL || error.fault == SP_JSON_TOO_DEEP || error.fault == SP_JSON_TOO_MANY);
    json_decref(peer);

    if (status == SP_MALFORMED)
        ALWAYS(error.fault != SP_JSON_OK && error.offset <= size && error.message != NULL);
    if (status == SP_OK) {
        struct sp_str first = rewritten(arena, json);
        if (first.at != NULL) {
            ALWAYS(sp_json_parse(arena, first, &sp_json_limits_token, &again, &error) == SP_OK);
            ALWAYS(sp_str_equal(first, rewritten(arena, again)));
        }
    }
    sp_arena_destroy(&arena);
    return 0;
}
