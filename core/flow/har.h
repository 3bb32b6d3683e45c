/* SPDX-License-Identifier: Apache-2.0 */
/* HAR (HTTP Archive 1.2) as browsers, proxies and test tools write it, of any size: bytes in, exchanges out, one at a
 * time; what a file of gigabytes needs is one entry. An entry that is damaged or too large is told as far as it goes
 * and counted; a file that breaks off gives what stands before the break. */
#ifndef SP_FLOW_HAR_H
#define SP_FLOW_HAR_H

#include "core/flow/exchange.h"

struct sp_har;

struct sp_har_report {
    uint64_t bytes, entries;
    uint64_t cut_texts;      /* longer than their ceiling: the beginning was read */
    uint64_t broken_entries; /* without a URL or method, or too large to be kept */
    uint64_t undecoded;      /* bodies that say base64 and are not */
    uint64_t not_utf8;       /* texts of requests and answers with bytes that are not UTF-8 */
    bool has_cookies;        /* some request or answer shows a cookie */
    bool has_authorization;
    struct sp_str creator; /* "WebInspector"; may be absent */
    const char *fault;     /* why reading stopped before the end; NULL: it did not */
    uint64_t fault_offset;
    bool is_har; /* log.entries was there */
};

/* The exchange and its texts are borrowed for the call. */
typedef void sp_har_sink(void *context, const struct sp_flow_exchange *exchange);

/* NULL without memory. */
struct sp_har *sp_har_create(sp_har_sink *sink, void *context);
void sp_har_destroy(struct sp_har **har);
/* last: nothing follows. After a fault further bytes are only counted. */
void sp_har_read(struct sp_har *har, struct sp_str bytes, bool last);
const struct sp_har_report *sp_har_report(const struct sp_har *har);

#endif
