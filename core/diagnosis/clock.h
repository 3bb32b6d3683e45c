/* SPDX-License-Identifier: Apache-2.0 */
/* Whose clock is wrong? A Date header counts whole seconds and travels, so one answer gives an interval in which the
 * other clock's distance from ours lies; an interval without zero proves a skew, and how several servers agree proves
 * whose it is. Pure: the moments are arguments. */
#ifndef SP_DIAGNOSIS_CLOCK_H
#define SP_DIAGNOSIS_CLOCK_H

#include "core/base/arena.h"
#include "core/diagnosis/document.h"

/* Skews below are nobody's problem: Date is cut to seconds, and servers refresh it once a second. */
#define SP_CLOCK_TOLERANCE_MS 2000
/* The default leeway: tokens are refused from here on. */
#define SP_CLOCK_LEEWAY_MS 30000

struct sp_clock_sample {
    struct sp_str who;            /* "https://idp.example.com" */
    struct sp_str address;        /* samples of one address are one witness */
    int64_t date_s;               /* its Date header; 0: none */
    int64_t sent_ms, received_ms; /* our wall clock around it, milliseconds since 1970 */
};

struct sp_kernel_clock {
    bool is_known;
    bool is_synchronised;
    int64_t max_error_ms;
    struct sp_str state; /* "STA_UNSYNC, maximum error 16 s" */
};

/* Their clock minus ours, in milliseconds: the nearest to zero that the sample allows. */
int64_t sp_clock_skew_ms(const struct sp_clock_sample *sample);

void sp_clocks_judge(struct sp_arena *arena, const struct sp_clock_sample *samples, size_t count,
                     const struct sp_kernel_clock *kernel, struct sp_document_findings *findings);

/* "3 min 12 s behind ours", "within a second of ours". */
struct sp_str sp_clock_words(struct sp_arena *arena, int64_t skew_ms);

#endif
