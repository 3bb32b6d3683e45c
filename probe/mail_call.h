/* SPDX-License-Identifier: Apache-2.0 */
/* One message by SMTP (RFC 5321), by libcurl: smtps, or smtp that must turn to TLS before anything is said; in plain
 * text to loopback only. Certificates are always verified. */
#ifndef SP_PROBE_MAIL_CALL_H
#define SP_PROBE_MAIL_CALL_H

#include <stdint.h>
#include "core/base/arena.h"
#include "core/base/status.h"
#include "core/diagnosis/cause.h"

struct sp_mail_request {
    struct sp_str url;            /* smtp://host:587 or smtps://host:465 */
    struct sp_str user, password; /* absent: no authentication */
    struct sp_str from, to;       /* addresses alone; neither < > nor white space in them */
    struct sp_str ca_file;        /* absent: the system's trust store */
    struct sp_str message;        /* headers and body, lines end with CRLF */
    int64_t connect_timeout_ms, timeout_ms;
};

struct sp_mail_report {
    bool accepted;         /* by the server: it is its affair now */
    int code;              /* of its last reply; 0: none came */
    enum sp_cause failure; /* network.* when it could not be spoken to */
    char detail[300];
};

/* Blocking, on any thread; *report is always filled. */
void sp_mail_call_perform(const struct sp_mail_request *request, struct sp_mail_report *report);

/* Is it a URL that mail may be sent to: smtps, or smtp (with TLS unless the host is loopback)? */
bool sp_mail_url_is_usable(struct sp_str url);

#endif
