/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of an outside server, as a value; http_call.h does it. */
#ifndef SP_PROBE_HTTP_REQUEST_H
#define SP_PROBE_HTTP_REQUEST_H

#include <stdatomic.h>
#include <stdint.h>
#include "core/diagnosis/requirements.h"

struct sp_http_request {
    struct sp_str url;
    struct sp_str form;          /* absent: GET; else POST of this application/x-www-form-urlencoded body */
    struct sp_str form_type;     /* of another body than a form: its media type; absent: a form's */
    struct sp_str authorization; /* value of the Authorization header, or absent */
    struct sp_str dpop;          /* value of the DPoP header, or absent */
    struct sp_str real_ip;       /* value of the X-Real-IP header: on whose behalf we ask; or absent */
    struct sp_str accept;        /* absent: application/json */
    struct sp_str ca_file;       /* absent: the system's trust store */
    struct sp_str unix_socket;   /* connect there instead; for nginx's own status */
    struct sp_str method;        /* absent: GET, or POST of a form; "OPTIONS" and "HEAD" for looks without effect */
    struct sp_str host;          /* another Host header than the URL's; absent: the URL's */
    struct sp_str certificate_file, key_file; /* of the client, PEM; absent: none */
    bool allows_plain_http; /* for evidence alone: what comes back proves nothing and no secret may be in the request */
    struct sp_str_list
        blocked_networks; /* "10.0.0.0/8", "fd00::/8", "169.254.169.254"; borrowed while the call lives */
    bool public_only;     /* a stranger named the URL: no address of this machine or of a private network is asked */
    int64_t connect_timeout_ms, timeout_ms;
    size_t max_bytes;
    unsigned max_redirects;     /* to https only; credentials are never sent on */
    bool notes_certificate;     /* fill certificate and certificate_ends_s of the report */
    const atomic_bool *abandon; /* set by another thread: end soon, as timed out; may be NULL */
};

#endif
