/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head, its first line "METHOD TARGET VERSION" and a header a line: what passes has one way of being read.
 */
#include "authority/framing.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    unsigned lengths, codings;
    bool is_chunked;
};

static void add(struct sp_framing *framing, struct seen *seen, struct sp_str line)
{
    size_t colon = sp_str_index_of(line, ':', 0);
    struct sp_str name = sp_str_slice(line, 0, colon), value = sp_str_slice(line, colon + 1, line.len);
    sp_framing_add(framing, name, value);
    /* As a careless reader would take them: what stands around a name or behind it is not looked at. */
    struct sp_str trimmed = sp_str_trim(name);
    seen->lengths +=
        sp_str_equal_ignoring_case(sp_str_slice(trimmed, 0, sizeof "Content-Length" - 1), SP_STR("Content-Length"));
    if (!sp_str_equal_ignoring_case(sp_str_slice(trimmed, 0, sizeof "Transfer-Encoding" - 1),
                                    SP_STR("Transfer-Encoding")))
        return;
    seen->codings++;
    seen->is_chunked = sp_str_equal_ignoring_case(sp_str_trim(value), SP_STR("chunked"));
}

static struct sp_str cut(struct sp_str *rest, char at)
{
    size_t end = sp_str_index_of(*rest, at, 0);
    struct sp_str front = sp_str_slice(*rest, 0, end);
    *rest = sp_str_slice(*rest, end + 1, rest->len);
    return front;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_framing framing = {0};
    struct seen seen = {0};
    struct sp_str rest = sp_str((const char *)data, size), line = cut(&rest, '\n');
    (void)cut(&line, ' ');
    size_t last = line.len;
    while (last > 0 && line.at[last - 1] != ' ')
        last--;
    struct sp_str target = sp_str_slice(line, 0, last > 0 ? last - 1 : 0), version = sp_str_slice(line, last, line.len);
    while (rest.len > 0)
        add(&framing, &seen, cut(&rest, '\n'));
    struct sp_framing_fault fault = sp_framing_judge(&framing, target, version);
    if (fault.status == 0) {
        ALWAYS(seen.lengths <= 1 && seen.codings <= 1 && seen.lengths + seen.codings <= 1);
        ALWAYS(seen.codings == 0 || (seen.is_chunked && !sp_str_equal(version, SP_STR("HTTP/1.0"))));
        ALWAYS(!sp_str_contains(target, SP_STR(" ")) && !sp_str_contains(target, SP_STR("\t")));
    } else {
        ALWAYS(fault.status == 400 || fault.status == 501);
        ALWAYS(fault.expected.len > 0 && fault.received.at != NULL);
    }
    return 0;
}
