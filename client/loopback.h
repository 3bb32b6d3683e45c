/* SPDX-License-Identifier: Apache-2.0 */
/* The listener that a browser brings the authorization response to (RFC 8252 7.3): on 127.0.0.1 alone, a port that the
 * kernel picks, open only while a login waits. Connections are few and short; what one sends is bounded in size and
 * time, and none can keep another from being heard. The pages that it shows are constants. */
#ifndef SP_CLIENT_LOOPBACK_H
#define SP_CLIENT_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>
#include "core/base/status.h"
#include "core/base/str.h"

struct sp_loopback;

/* port 0: any. *port: the one that it is. SP_IO with errno, SP_NO_MEMORY. */
SP_MUST_CHECK enum sp_status sp_loopback_open(uint16_t port, struct sp_loopback **loopback, uint16_t *bound);
void sp_loopback_close(struct sp_loopback **loopback);

/* What a browser is started with instead of `url`, which has the login's state and which a command line would show to
 * everybody on this machine: http://AUTHORITY + path. Whoever comes there first is sent on, once; who comes later is
 * told so. Both are borrowed until the listener is closed. False, and nothing is offered: url is no line of printable
 * ASCII. */
bool sp_loopback_offer(struct sp_loopback *loopback, struct sp_str path, struct sp_str url);

enum sp_loopback_page {
    SP_LOOPBACK_PAGE_FOREIGN, /* the request is not ours: go on waiting */
    SP_LOOPBACK_PAGE_DONE,
    SP_LOOPBACK_PAGE_REFUSED, /* ours, and an error */
};
/* Asked for each request of the redirect URI's path and host; query: as sent, borrowed. */
typedef enum sp_loopback_page sp_loopback_taker(void *context, struct sp_str query);

/* Waits until a request was taken (DONE or REFUSED), then answers it and listens no more. authority: "127.0.0.1:PORT".
 * SP_NOT_FOUND: nothing was taken within the time; SP_IO with errno. */
SP_MUST_CHECK enum sp_status sp_loopback_wait(struct sp_loopback *loopback, struct sp_str path, struct sp_str authority,
                                              int64_t timeout_ms, sp_loopback_taker *taker, void *context);

#endif
