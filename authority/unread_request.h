/* SPDX-License-Identifier: Apache-2.0 */
/* What libmicrohttpd answers itself because it is no request to it: lines too long for its memory, a broken framing,
 * another version of HTTP. All that it tells of one is a line for its error log, without a connection; it becomes a
 * line of the call log, so that every refusal has its cause there. */
#ifndef SP_AUTHORITY_UNREAD_REQUEST_H
#define SP_AUTHORITY_UNREAD_REQUEST_H

#include <stdarg.h>
#include "authority/exchange.h"

/* Of a connection, for a request's line and headers and its answer's. libmicrohttpd clears it, and the half of it once
 * more, for each request. Room for an authorization request in the URL with `claims` or `request` beyond their own
 * limits: it is answered by name and not by libmicrohttpd's 431. */
#define SP_CONNECTION_MEMORY_BYTES (32u * 1024)

/* MHD_LogCallback; exchanges: struct sp_exchanges. What is of no request goes to stderr. */
__attribute__((format(printf, 2, 0))) void sp_unread_request_log(void *exchanges, const char *format,
                                                                 va_list arguments);

#endif
