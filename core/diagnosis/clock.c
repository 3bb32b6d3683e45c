/* SPDX-License-Identifier: Apache-2.0 */
#include "core/diagnosis/clock.h"

#include "core/diagnosis/document_report.h"
#include "core/diagnosis/words.h"

#define MAX_DATE_S INT64_C(253402300799)

int64_t sp_clock_skew_ms(const struct sp_clock_sample *sample)
{
    if (sample->date_s <= 0 || sample->date_s > MAX_DATE_S) {
        return 0;
    }
    int64_t least = sample->date_s * 1000 - sample->received_ms;
    int64_t most = sample->date_s * 1000 + 999 - sample->sent_ms;
    if (least > 0) {
        return least;
    }
    return most < 0 ? most : 0;
}

static bool is_off(const struct sp_clock_sample *sample)
{
    int64_t skew = sp_clock_skew_ms(sample);
    return skew >= SP_CLOCK_TOLERANCE_MS || skew <= -SP_CLOCK_TOLERANCE_MS;
}

struct sp_str sp_clock_words(struct sp_arena *arena, int64_t skew_ms)
{
    if (skew_ms > -1000 && skew_ms < 1000) {
        return SP_STR("within a second of ours");
    }
    return sp_arena_printf(arena, "%.*s %s ours", SP_STR_ARG(sp_words_duration(arena, skew_ms / 1000)),
                           skew_ms < 0 ? "behind" : "ahead of");
}

/* Witnesses of one kind: addresses are counted once. */
static size_t count_witnesses(const struct sp_clock_sample *samples, size_t count, bool off)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_new = samples[i].date_s > 0 && is_off(&samples[i]) == off;
        for (size_t j = 0; j < i && is_new; j++) {
            is_new = samples[j].date_s <= 0 || is_off(&samples[j]) != off ||
                     !sp_str_equal(samples[j].address, samples[i].address);
        }
        found += is_new;
    }
    return found;
}

static bool all_agree(const struct sp_clock_sample *samples, size_t count)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        if (samples[i].date_s > 0 && is_off(&samples[i])) {
            int64_t skew = sp_clock_skew_ms(&samples[i]);
            least = skew < least ? skew : least;
            most = skew > most ? skew : most;
        }
    }
    return most - least <= SP_CLOCK_TOLERANCE_MS;
}

static const struct sp_clock_sample *first_off(const struct sp_clock_sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (samples[i].date_s > 0 && is_off(&samples[i])) {
            return &samples[i];
        }
    }
    return NULL;
}

static bool is_within_leeway(int64_t skew_ms)
{
    return skew_ms < SP_CLOCK_LEEWAY_MS && skew_ms > -SP_CLOCK_LEEWAY_MS;
}

static void tell_issuers(struct sp_arena *arena, const struct sp_clock_sample *samples, size_t count, struct sp_str why,
                         struct sp_document_findings *findings)
{
    for (size_t i = 0; i < count; i++) {
        bool is_first = samples[i].date_s > 0 && is_off(&samples[i]);
        for (size_t j = 0; j < i && is_first; j++) {
            is_first = !sp_str_equal(samples[j].address, samples[i].address);
        }
        if (is_first) {
            struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_CLOCK_ISSUER_WRONG);
            int64_t skew = sp_clock_skew_ms(&samples[i]);
            finding->expected = samples[i].who;
            finding->received = sp_words_duration(arena, skew / 1000);
            finding->detail = sp_arena_printf(arena, "Its clock is %.*s; %.*s.",
                                              SP_STR_ARG(sp_clock_words(arena, skew)), SP_STR_ARG(why));
            finding->tolerated = is_within_leeway(skew);
        }
    }
}

static void tell_local(struct sp_arena *arena, const struct sp_clock_sample *sample, size_t witnesses,
                       struct sp_document_findings *findings)
{
    struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_CLOCK_LOCAL_WRONG);
    int64_t skew = sp_clock_skew_ms(sample);
    finding->expected = SP_STR("the same time");
    finding->received = sp_words_duration(arena, skew / 1000);
    finding->detail =
        sp_arena_printf(arena, "Our clock is %s by that; %zu servers agree.", skew > 0 ? "behind" : "ahead", witnesses);
    finding->tolerated = is_within_leeway(skew);
}

/* Said once: as a warning, or – when a skew is there that it explains or leaves open – as the fault. */
static void tell_unsynchronised(struct sp_arena *arena, const struct sp_kernel_clock *kernel,
                                const struct sp_clock_sample *undecided, struct sp_document_findings *findings)
{
    struct sp_finding *finding = sp_document_saw(findings, SP_CAUSE_CLOCK_UNSYNCHRONISED);
    finding->expected = SP_STR("synchronised");
    finding->received = kernel->state;
    if (undecided != NULL) {
        int64_t skew = sp_clock_skew_ms(undecided);
        finding->detail =
            sp_arena_printf(arena,
                            "The clock of %.*s is %.*s. Which of the two is wrong, another server would tell: "
                            "--reference URL.",
                            SP_STR_ARG(undecided->who), SP_STR_ARG(sp_clock_words(arena, skew)));
        finding->fatal = !is_within_leeway(skew);
    }
}

void sp_clocks_judge(struct sp_arena *arena, const struct sp_clock_sample *samples, size_t count,
                     const struct sp_kernel_clock *kernel, struct sp_document_findings *findings)
{
    size_t wrong = count_witnesses(samples, count, true), right = count_witnesses(samples, count, false);
    const struct sp_clock_sample *undecided = NULL;
    if (wrong > 0 && right > 0) {
        tell_issuers(arena, samples, count, SP_STR("other servers agree with ours"), findings);
    } else if (wrong > 1 && all_agree(samples, count)) {
        tell_local(arena, first_off(samples, count), wrong, findings);
    } else if (wrong > 0 && (!kernel->is_known || kernel->is_synchronised)) {
        tell_issuers(arena, samples, count,
                     kernel->is_known ? SP_STR("the kernel reports ours as synchronised by NTP")
                                      : SP_STR("no other server was asked"),
                     findings);
    } else if (wrong > 0) {
        undecided = first_off(samples, count);
    }
    if (kernel->is_known && !kernel->is_synchronised) {
        tell_unsynchronised(arena, kernel, undecided, findings);
    }
}
