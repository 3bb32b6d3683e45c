/* SPDX-License-Identifier: Apache-2.0 */
/* Any path: its normal form is no longer, is its own normal form, and is the same place to the reader that routes by it
 * (nginx) and to one that resolves dots without decoding anything. */
#include "core/base/url_path.h"
#include "tests/fuzz/known.h"

#define MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "%2f" is '/' where everything is decoded; -1: the path has dots beyond its root, which nginx refuses. */
static long read_path(struct sp_str path, bool decodes, bool merges, char *out)
{
    char text[MOST + 1];
    size_t count = 0, len = 0;
    for (size_t i = 0; i < path.len; i++) {
        const bool has_two = decodes && path.at[i] == '%' && i + 2 < path.len;
        const int high = has_two ? sp_hex_digit(path.at[i + 1]) : -1, low = has_two ? sp_hex_digit(path.at[i + 2]) : -1;
        const bool is_escape = high >= 0 && low >= 0;
        text[count] = path.at[i];
        if (is_escape)
            text[count] = (char)(high << 4 | low);
        count++;
        i += is_escape ? 2 : 0;
    }
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        while (end < count && text[end] != '/')
            end++;
        const struct sp_str segment = sp_str(text + i + 1, end - i - 1);
        const bool up = sp_str_equal(segment, SP_STR("..")), stays = sp_str_equal(segment, SP_STR("."));
        if (up && len == 0)
            return -1;
        while (up && out[--len] != '/') {
        }
        if (!up && !stays) {
            if (segment.len > 0 || !merges || end == count)
                out[len++] = '/';
            memcpy(out + len, segment.at, segment.len);
            len += segment.len;
        } else if (end == count) {
            out[len++] = '/';
        }
        i = end;
    }
    return (long)len;
}

static void is_one_place(struct sp_str path, struct sp_str normal, bool decodes, bool merges)
{
    char one[MOST + 1], other[MOST + 1];
    const long first = read_path(path, decodes, merges, one), second = read_path(normal, decodes, merges, other);
    ALWAYS(first == second && (first < 0 || memcmp(one, other, (size_t)first) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[MOST], out[MOST], again[MOST];
    if (size >= MOST)
        return 0;
    path[0] = '/';
    memcpy(path + 1, data, size);
    const struct sp_str sent = sp_str(path, size + 1);
    const struct sp_str normal = sp_str(out, sp_url_path_normalise(sent, out));
    ALWAYS(normal.len > 0 && normal.len <= sent.len && normal.at[0] == '/');
    ALWAYS(sp_str_equal(sp_str(again, sp_url_path_normalise(normal, again)), normal));
    is_one_place(sent, normal, true, true);
    is_one_place(sent, normal, true, false);
    const struct sp_str any = sp_str((const char *)data, size);
    ALWAYS(sp_url_path_normalise(any, out) <= (any.len > 0 ? any.len : 1));
    return 0;
}
