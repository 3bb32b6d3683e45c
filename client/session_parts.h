/* SPDX-License-Identifier: Apache-2.0 */
/* Inside client/session*.c and its kin; not for other rooms. */
#ifndef SP_CLIENT_SESSION_PARTS_H
#define SP_CLIENT_SESSION_PARTS_H

#include "client/session.h"
#include "core/diagnosis/fetch_report.h"

/* With the session's trust, certificate and time. NULL: the URL may not be asked (told), or no memory (status). The
 * report lives as long as the arena. */
const struct sp_fetch_report *sp_client_call(struct sp_client_session *session, struct sp_http_request request);
void sp_client_record_call(struct sp_client_session *session, const struct sp_http_request *request,
                           const struct sp_fetch_report *report);

#endif
