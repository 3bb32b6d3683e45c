/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/request_form.h"

#include "core/base/host.h"

#define VERSION_BYTES 8u /* of "HTTP/1.1": RFC 9112 2.3 has one digit on each side */
#define MAX_TOLD_BYTES 200u
/* A line without a colon may be a token whose header's name was forgotten: no more than its beginning is told. */
#define MAX_TOLD_LINE_BYTES 16u

static enum sp_cause malformed(struct sp_finding *finding, const char *detail, struct sp_str expected,
                               struct sp_str received)
{
    *finding = (struct sp_finding){.cause = SP_CAUSE_REQUEST_MALFORMED,
                                   .check = SP_CHECK_COUNT,
                                   .verified = true,
                                   .detail = sp_str_from_cstr(detail),
                                   .expected = expected,
                                   .received = received};
    return finding->cause;
}

/* nginx counts HTTP/1.01 and HTTP/1.11 as versions of their own. HTTP/1.9 is one, and taken for 1.1 as RFC 9110 2.5
 * asks. */
static bool has_odd_version(const ngx_http_request_t *request)
{
    return request->stream == NULL && request->http_version >= NGX_HTTP_VERSION_10 &&
           request->http_protocol.len > VERSION_BYTES;
}

/* It has no header, and nginx no list to put one into: whatever adds one for the API would crash the worker. */
static bool is_without_header(const ngx_http_request_t *request)
{
    return request->http_version < NGX_HTTP_VERSION_10;
}

enum sp_cause sp_request_form_judge(struct sp_call *call, struct sp_finding *finding)
{
    const ngx_http_request_t *request = call->request;
    const ngx_table_elt_t *host = request->headers_in.host;
    const struct sp_str line = call->headers.without_colon;
    if (is_without_header(request)) {
        return malformed(finding, "HTTP/0.9", SP_STR("HTTP/1.0 or HTTP/1.1"), SP_STR("HTTP/0.9"));
    }
    if (host != NULL && !sp_host_is_header_value(sp_str_of(host->value))) {
        return malformed(finding, "Host is no name or address with or without a port", SP_STR("HOST or HOST:PORT"),
                         sp_str_slice(sp_str_of(host->value), 0, MAX_TOLD_BYTES));
    }
    if (line.len > 0) {
        struct sp_arena *arena = sp_call_arena(call);
        const struct sp_str told = sp_str_slice(line, 0, MAX_TOLD_LINE_BYTES);
        return malformed(finding, "a header line has no colon", SP_STR("NAME: VALUE"),
                         arena == NULL ? SP_STR_NONE
                                       : sp_arena_printf(arena, "%.*s%s, %zu bytes", SP_STR_ARG(told),
                                                         told.len < line.len ? "…" : "", line.len));
    }
    if (call->headers.of_http1.len > 0) {
        return malformed(finding, "HTTP/2 with a field that speaks of a connection of HTTP/1",
                         SP_STR("none of connection, keep-alive, proxy-connection, transfer-encoding, upgrade; te: "
                                "trailers"),
                         call->headers.of_http1);
    }
    if (has_odd_version(request)) {
        return malformed(finding, "the version in the request line is none", SP_STR("HTTP/1.0 or HTTP/1.1"),
                         sp_str_slice(sp_str_of(request->http_protocol), 0, MAX_TOLD_BYTES));
    }
    return SP_CAUSE_NONE;
}
