/* SPDX-License-Identifier: Apache-2.0 */
/* Redirect URIs are compared byte by byte (RFC 9700 2.1); the one exception is the port of a native app's loopback URI
 * (RFC 8252 7.3). When none matches, the sent one is held against every registered one to say in which single way it
 * differs from the nearest. */
#ifndef SP_DIAGNOSIS_REDIRECT_URI_H
#define SP_DIAGNOSIS_REDIRECT_URI_H

#include "core/base/arena.h"
#include "core/diagnosis/finding.h"
#include "core/diagnosis/requirements.h"

/* True when sent is one of the registered ones. */
bool sp_redirect_uri_is_registered(struct sp_str_list registered, struct sp_str sent, bool any_loopback_port);

struct sp_redirect_uri_finding {
    enum sp_cause cause;   /* redirect_uri.* */
    struct sp_str nearest; /* the registered one it was compared with; absent: none is registered */
    size_t differs_at;     /* first byte of sent that differs from nearest */
};

/* Why a sent one is not registered. was_https: the request itself came through TLS (X-Forwarded-Proto: https). */
struct sp_redirect_uri_finding sp_redirect_uri_explain(struct sp_arena *arena, struct sp_str_list registered,
                                                       struct sp_str sent, bool was_https);

/* Where the two begin to differ, at the start of a character. The ports of loopback URIs count only where nothing else
 * differs: a native app takes its own as it finds it. */
struct sp_redirect_uri_difference {
    size_t registered_at, sent_at;
};
struct sp_redirect_uri_difference sp_redirect_uri_compare(struct sp_str registered, struct sp_str sent);

#endif
