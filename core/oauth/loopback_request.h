/* SPDX-License-Identifier: Apache-2.0 */
/* The one request that a loopback listener waits for (RFC 8252 7.3): a browser's GET of the redirect URI. Everything on
 * this machine, and every page in the browser, can connect to the port, so a request counts only when its method, its
 * path and its Host are the redirect URI's; whether its `state` is ours is the caller's to compare. */
#ifndef SP_OAUTH_LOOPBACK_REQUEST_H
#define SP_OAUTH_LOOPBACK_REQUEST_H

#include "core/oauth/form.h"

/* A code is short; an ID token or a signed response in the query may have some kilobytes. */
#define SP_MAX_LOOPBACK_REQUEST_BYTES (32u * 1024)

enum sp_loopback_outcome {
    SP_LOOPBACK_INCOMPLETE, /* the header goes on */
    SP_LOOPBACK_MALFORMED,  /* no HTTP/1.x request, or too large: 400 */
    SP_LOOPBACK_METHOD,     /* 405 */
    SP_LOOPBACK_HOST,       /* another Host, or none, or two: 403 */
    SP_LOOPBACK_OTHER_PATH, /* a favicon: 404 */
    SP_LOOPBACK_CALLBACK,
};

/* path: of the redirect URI. authority: its host and port, "127.0.0.1:49152". *query: the parameters as sent, borrowed
 * from bytes, where the outcome is CALLBACK. */
enum sp_loopback_outcome sp_loopback_request_read(struct sp_str bytes, struct sp_str path, struct sp_str authority,
                                                  struct sp_str *query);

#endif
