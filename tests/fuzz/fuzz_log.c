/* SPDX-License-Identifier: Apache-2.0 */
/* A log of anything: the same is found however it is cut into pieces, line numbers stay within the file, and no token
 * of it is shown. */
#include "core/flow/log.h"
#include "core/flow/report.h"
#include "tests/fuzz/known.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sp_flow_capture *read_in_pieces(struct sp_str text, size_t piece, struct sp_log_report *report)
{
    static const struct sp_flow_terms terms = {.leeway_s = 30, .now_s = KNOWN_NOW};
    struct sp_flow_capture *capture = sp_flow_capture_create(&terms);
    struct sp_log *log = sp_log_create(capture);
    ALWAYS(capture != NULL && log != NULL);
    for (size_t at = 0; at < text.len; at += piece)
        sp_log_read(log, sp_str_slice(text, at, at + piece), false);
    sp_log_read(log, SP_STR(""), true);
    *report = *sp_log_report(log);
    sp_log_destroy(&log);
    sp_flow_judge(capture);
    return capture;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_str text = sp_str((const char *)data, size);
    struct sp_log_report one, other;
    struct sp_flow_capture *whole = read_in_pieces(text, size + 1, &one), *parts = read_in_pieces(text, 5, &other);
    const struct sp_flow_message *a = whole->first, *b = parts->first;
    ALWAYS(one.lines == other.lines && one.requests == other.requests && whole->messages == parts->messages);
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        ALWAYS(a->kind == b->kind && a->times == b->times && a->exchange.number == b->exchange.number);
        ALWAYS(a->exchange.number <= one.lines);
        if (a->bearer.len > 60)
            for (const struct sp_flow_message *at = whole->first; at != NULL; at = at->next)
                ALWAYS(!sp_str_contains(at->note, a->bearer));
    }
    sp_flow_capture_destroy(&whole);
    sp_flow_capture_destroy(&parts);
    return 0;
}
