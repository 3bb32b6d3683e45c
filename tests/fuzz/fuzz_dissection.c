/* SPDX-License-Identifier: Apache-2.0 */
/* What a dissector says about packets of strangers, or does not: never a crash, the same whatever the pieces it comes
 * in, and no more exchanges than packets. */
#include "core/flow/dissection.h"
#include "core/flow/report.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sp_flow_capture *read_in_pieces(struct sp_str text, size_t piece, struct sp_dissection_report *report)
{
    static const struct sp_flow_terms terms = {.leeway_s = 30};
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    struct sp_dissection *dissection = sp_dissection_create(capture);
    ALWAYS(capture != NULL && dissection != NULL);
    for (size_t at = 0; at < text.len; at += piece)
        sp_dissection_read(dissection, sp_str_slice(text, at, at + piece), false);
    sp_dissection_read(dissection, SP_STR(""), true);
    *report = *sp_dissection_report(dissection);
    sp_dissection_destroy(&dissection);
    sp_flow_judge(capture);
    return capture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_str text = sp_str((const char *)data, size);
    struct sp_dissection_report one, other;
    struct sp_flow_capture *whole = read_in_pieces(text, size + 1, &one), *parts = read_in_pieces(text, 9, &other);
    ALWAYS(one.packets == other.packets && one.exchanges == other.exchanges && one.unreadable == other.unreadable);
    ALWAYS(whole->messages == parts->messages && one.packets + one.unreadable <= one.lines + 1);
    sp_flow_capture_destroy(&whole);
    sp_flow_capture_destroy(&parts);
    return 0;
}
