/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/framing.h"

static bool has_space(struct sp_str text)
{
    return sp_str_index_of(text, ' ', 0) < text.len || sp_str_index_of(text, '\t', 0) < text.len;
}

/* A folded line goes on in the header's name: "Content-Length:" and " 29" are libmicrohttpd's Content-Length29, and the
 * body is its next request. No header begins so that counts for anything. */
static bool is_longer(struct sp_str name, struct sp_str known)
{
    return name.len > known.len && sp_str_equal_ignoring_case(sp_str_slice(name, 0, known.len), known);
}

void sp_framing_add(struct sp_framing *framing, struct sp_str name, struct sp_str value)
{
    if (has_space(name) || sp_str_index_of(value, '\r', 0) < value.len)
        framing->has_bad_header = true;
    if (is_longer(name, SP_STR("Content-Length")) || is_longer(name, SP_STR("Transfer-Encoding")))
        framing->has_bad_header = true;
    if (sp_str_equal_ignoring_case(name, SP_STR("Content-Length")))
        framing->lengths++;
    if (sp_str_equal_ignoring_case(name, SP_STR("Transfer-Encoding"))) {
        framing->codings++;
        framing->coding = sp_str_trim(value);
    }
}

static bool ends_with_chunked(struct sp_str coding)
{
    const struct sp_str last = SP_STR(", chunked");
    return coding.len > last.len &&
           sp_str_equal_ignoring_case(sp_str_slice(coding, coding.len - last.len, coding.len), last);
}

struct sp_framing_fault sp_framing_judge(const struct sp_framing *framing, struct sp_str target, struct sp_str version)
{
    const bool is_coded = framing->codings > 0,
               is_chunked = sp_str_equal_ignoring_case(framing->coding, SP_STR("chunked"));
    const struct {
        bool is_wrong;
        struct sp_framing_fault fault;
    } rows[] = {
        /* RFC 9112 5.1, 2.2 */
        {framing->has_bad_header,
         {400, SP_STR("headers as 'Name: value'"),
          SP_STR("white space before a colon, a folded line, or a CR in a value")}},
        {has_space(target), {400, SP_STR("a target without white space"), SP_STR("white space in it")}},       /* 3 */
        {framing->lengths > 1, {400, SP_STR("one Content-Length"), SP_STR("several Content-Length headers")}}, /* 6.3 */
        {framing->codings > 1, {400, SP_STR("one Transfer-Encoding"), SP_STR("several Transfer-Encoding headers")}},
        {is_coded && framing->lengths > 0, /* 6.1: may be refused, and the connection ends in any case */
         {400, SP_STR("Content-Length or Transfer-Encoding"), SP_STR("both")}},
        {is_coded && sp_str_equal(version, SP_STR("HTTP/1.0")), /* 6.1 */
         {400, SP_STR("no Transfer-Encoding in HTTP/1.0"), framing->coding}},
        {is_coded && !is_chunked, /* 6.3, 6.1 */
         {ends_with_chunked(framing->coding) ? 501 : 400, SP_STR("Transfer-Encoding: chunked"), framing->coding}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].is_wrong)
            return rows[i].fault;
    return (struct sp_framing_fault){0};
}
