/* SPDX-License-Identifier: Apache-2.0 */
/* Logging a person in: the code flow with PKCE, by the system's browser and a loopback listener (RFC 8252), with the
 * request pushed where the issuer wants that (RFC 9126); or the device grant (RFC 8628). */
#ifndef SP_CLIENT_LOGIN_H
#define SP_CLIENT_LOGIN_H

#include "client/session.h"

struct sp_client_login {
    struct sp_str redirect_uri; /* of the loopback; absent: http://127.0.0.1:PORT/callback of any port */
    bool pushes;                /* even where the issuer does not ask for it */
    int64_t patience_ms;        /* for the person */
    /* Shows the address. start: what a browser is started with, and leads there; absent: none is to be started. */
    void (*opens)(void *context, struct sp_str url, struct sp_str start);
    void *context;
};

bool sp_client_login_by_browser(struct sp_client_session *session, const struct sp_client_login *login,
                                struct sp_client_tokens *tokens);
bool sp_client_login_by_device(struct sp_client_session *session, const struct sp_client_login *login,
                               struct sp_client_tokens *tokens);

#endif
