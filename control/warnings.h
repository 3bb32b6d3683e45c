/* SPDX-License-Identifier: Apache-2.0 */
/* Before it breaks: what works now and will not for long – a certificate near its end, keys that cannot be refreshed, a
 * key set that is odd, clocks that drift apart; and an issuer without any keys, for which it is too late. Each warning
 * is raised once and ended once; both are told to the log and to a webhook, and while it stands the metrics have it
 * with the time that is left. Judged by the same functions as everywhere (core/diagnosis).
 *
 * Events wait in a bounded queue and are sent one after the other; one that is not taken is tried again, with growing
 * pauses, and given up in the end: a webhook that is down costs memory for some lines and nothing else. */
#ifndef SP_CONTROL_WARNINGS_H
#define SP_CONTROL_WARNINGS_H

#include "control/fetcher.h"
#include "core/base/buffer.h"
#include "core/diagnosis/document.h"

struct sp_warnings;

struct sp_warnings *sp_warnings_create(struct sp_loop *loop, struct sp_fetcher *fetcher); /* NULL without memory */
void sp_warnings_destroy(struct sp_warnings **warnings);

/* webhook: where events are POSTed as JSON; absent: nowhere. Copied. blocked_networks is borrowed until the next call.
 * SP_MALFORMED: no URL, or plain http beyond loopback (told); SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_warnings_configure(struct sp_warnings *warnings, struct sp_str webhook,
                                                   struct sp_str_list blocked_networks);

/* Each look at something replaces what the look before found. */
enum sp_warning_source {
    SP_WARNING_OF_METADATA,
    SP_WARNING_OF_KEYS,
    SP_WARNING_OF_REFRESH,
    SP_WARNING_OF_CERTIFICATE,
    SP_WARNING_OF_CLOCK,
    SP_WARNING_OF_DISK,
    SP_WARNING_OF_CONFIGURATION, /* told by who found it, with its place in the file */
};

/* about: "issuer corp", "this machine". findings: all that the look found; NULL: nothing. fails_at: when it will break,
 * epoch seconds; 0: not known. */
void sp_warnings_take(struct sp_warnings *warnings, const char *about, enum sp_warning_source source,
                      const struct sp_document_findings *findings, int64_t fails_at);
/* It is no more: its warnings end. */
void sp_warnings_forget(struct sp_warnings *warnings, const char *about);

/* sallyport_warning, sallyport_warning_seconds_left, sallyport_warning_events_total. */
void sp_warnings_write_metrics(const struct sp_warnings *warnings, struct sp_buffer *out, int64_t now);
/* The member warnings of /readyz: those that stand, as what was seen last. */
void sp_warnings_write_json(const struct sp_warnings *warnings, struct sp_json_writer *json);

#endif
