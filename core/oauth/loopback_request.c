/* SPDX-License-Identifier: Apache-2.0 */
#include "core/oauth/loopback_request.h"

/* Index behind the empty line, or len + 1 when there is none yet. Bare line feeds end lines too (RFC 9112 2.2). */
static size_t end_of_header(struct sp_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        bool line_end = bytes.at[i] == '\n';
        if (line_end && i + 1 < bytes.len && bytes.at[i + 1] == '\n')
            return i + 2;
        if (line_end && i + 2 < bytes.len && bytes.at[i + 1] == '\r' && bytes.at[i + 2] == '\n')
            return i + 3;
    }
    return bytes.len + 1;
}

static struct sp_str next_line(struct sp_str *rest)
{
    size_t end = sp_str_index_of(*rest, '\n', 0);
    struct sp_str line = sp_str_slice(*rest, 0, end);
    *rest = sp_str_slice(*rest, end + 1, rest->len);
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_host_of(struct sp_str header, struct sp_str authority)
{
    unsigned hosts = 0;
    bool same = true;
    while (header.len > 0) {
        struct sp_str line = next_line(&header);
        size_t colon = sp_str_index_of(line, ':', 0);
        if (!sp_str_equal_ignoring_case(sp_str_slice(line, 0, colon), SP_STR("host")))
            continue;
        hosts++;
        same = same && sp_str_equal_ignoring_case(sp_str_trim(sp_str_slice(line, colon + 1, line.len)), authority);
    }
    return hosts == 1 && same;
}

static bool is_printable(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= 0x20 || (unsigned char)text.at[i] >= 0x7f)
            return false;
    return true;
}

enum sp_loopback_outcome sp_loopback_request_read(struct sp_str bytes, struct sp_str path, struct sp_str authority,
                                                  struct sp_str *query)
{
    size_t end = end_of_header(bytes);
    if (end > bytes.len)
        return bytes.len < SP_MAX_LOOPBACK_REQUEST_BYTES ? SP_LOOPBACK_INCOMPLETE : SP_LOOPBACK_MALFORMED;
    struct sp_str rest = sp_str_slice(bytes, 0, end), line = next_line(&rest);
    size_t first = sp_str_index_of(line, ' ', 0), second = sp_str_index_of(line, ' ', first + 1);
    struct sp_str method = sp_str_slice(line, 0, first), target = sp_str_slice(line, first + 1, second);
    struct sp_str version = sp_str_slice(line, second + 1, line.len);
    if (second >= line.len || !sp_str_has_prefix(version, SP_STR("HTTP/1.")) || !is_printable(target) ||
        !sp_str_has_prefix(target, SP_STR("/")))
        return SP_LOOPBACK_MALFORMED;
    if (!is_host_of(rest, authority))
        return SP_LOOPBACK_HOST;
    size_t mark = sp_str_index_of(target, '?', 0);
    if (!sp_str_equal(sp_str_slice(target, 0, mark), path))
        return SP_LOOPBACK_OTHER_PATH;
    if (!sp_str_equal(method, SP_STR("GET")))
        return SP_LOOPBACK_METHOD;
    *query = sp_str_slice(target, mark + 1, target.len);
    return SP_LOOPBACK_CALLBACK;
}
