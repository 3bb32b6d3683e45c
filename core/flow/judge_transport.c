/* SPDX-License-Identifier: Apache-2.0 */
/* What kept a message from being answered at all: the network in the recorder's words (failures.def), headers that were
 * too large for somebody. */
#include "core/flow/judge.h"

#include "core/base/url.h"

static const struct {
    const char *says;
    enum sp_cause cause;
} failures[] = {
#define FAILURE(says, cause) {says, SP_CAUSE_##cause},
#include "core/flow/failures.def"
#undef FAILURE
};

/* Somebody of the flows, or a font server that nobody needs? */
static bool matters(const struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_str origin = sp_flow_origin(message->exchange.url);
    if (message->kind != SP_FLOW_TROUBLE)
        return true;
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        if (at->kind != SP_FLOW_TROUBLE && sp_str_equal(sp_flow_origin(at->exchange.url), origin))
            return true;
    return false;
}

/* The recorder's word says what failed and not with what: what the catalogue's sentences say of both sides then. Causes
 * that are not here are about the place itself. */
static const struct {
    enum sp_cause cause;
    const char *expected, *received;
} sides[] = {
    {SP_CAUSE_NETWORK_TLS_HOSTNAME, NULL, "another name"},
    {SP_CAUSE_NETWORK_TLS_PROTOCOL, "the versions that the client knows", "none of them"},
    {SP_CAUSE_NETWORK_TLS_UNKNOWN_CA, "the client's", "an authority"},
    {SP_CAUSE_NETWORK_TLS_SELF_SIGNED, "the client's", NULL},
    {SP_CAUSE_NETWORK_TLS_CLIENT_CERTIFICATE_REQUIRED, "a client certificate", "the client has none for it"},
    {SP_CAUSE_NETWORK_TLS_HANDSHAKE, NULL, "without a reason that the recording shows"},
    {SP_CAUSE_NETWORK_TLS_PLAINTEXT_PORT, "TLS", NULL},
    {SP_CAUSE_NETWORK_PROXY_UNREACHABLE, NULL, "that the client uses"},
    {SP_CAUSE_NETWORK_PROXY_AUTH_REQUIRED, NULL, "that the client uses"},
    {SP_CAUSE_NETWORK_HTTP_TIMEOUT, "the time that the client waits", NULL},
    {SP_CAUSE_RESPONSE_TRUNCATED, "the answer", "a part"},
    {SP_CAUSE_HEADER_UPSTREAM_TOO_LARGE, "what the client takes", "more"},
    {SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED, "none that let the page read it", NULL},
};

static struct sp_str host_of(struct sp_str url)
{
    struct sp_url parts;
    return sp_url_split(url, &parts) == SP_OK ? parts.host : url;
}

static void tell_failure(struct sp_flow_capture *capture, struct sp_flow_message *message, enum sp_cause cause)
{
    struct sp_str origin = sp_flow_origin(message->exchange.url), expected, received;
    bool of_name = sp_str_has_prefix(sp_cause_get(cause)->id, SP_STR("network.dns."));
    expected = received = of_name ? host_of(message->exchange.url) : origin;
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        if (sides[i].cause == cause) {
            expected = sides[i].expected != NULL ? sp_str_from_cstr(sides[i].expected) : origin;
            received = sides[i].received != NULL ? sp_str_from_cstr(sides[i].received) : origin;
        }
    struct sp_finding *finding = sp_flow_tell(capture, message, cause, expected, received);
    finding->detail = sp_arena_printf(capture->arena, "The recording says: %.*s",
                                      SP_STR_ARG(sp_str_slice(message->exchange.failure, 0, 200)));
    finding->tolerated = !matters(capture, message);
}

static bool refused_header(const struct sp_flow_message *message)
{
    int status = message->exchange.status;
    struct sp_str body = sp_str_slice(message->exchange.response_body, 0, 4096);
    return status == 431 || status == 494 || status == 414 ||
           (status == 400 &&
            (sp_text_has(body, "Header Or Cookie Too Large") || sp_text_has(body, "Header Fields Too Large") ||
             sp_text_has(body, "Size of a request header field exceeds server limit")));
}

static void judge_header(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    size_t cookies = 0, position = 0, all = sp_flow_headers_size(&message->exchange.request_headers);
    struct sp_str line;
    while (sp_flow_header_next(&message->exchange.request_headers, "Cookie", &position, &line))
        cookies += line.len;
    if (refused_header(message))
        sp_flow_tell(capture, message, SP_CAUSE_HEADER_REQUEST_TOO_LARGE,
                     SP_STR("what the server takes (nginx: 8 kB a line, Node.js: 16 kB, Tomcat: 8 kB in all)"),
                     sp_arena_printf(capture->arena, "%zu bytes, %zu of them cookies, and a URL of %zu", all, cookies,
                                     message->exchange.url.len));
    /* What an nginx, HAProxy or Envoy in front says when the answer's header does not fit its buffer. */
    if (message->exchange.status == 502 && message->kind == SP_FLOW_CALLBACK)
        sp_flow_tell_general(capture, message, SP_CAUSE_HEADER_UPSTREAM_TOO_LARGE,
                             SP_STR("the proxy's buffer (nginx: proxy_buffer_size, 4 kB or 8 kB)"), SP_STR("502"))
            ->detail = SP_STR("A 502 right after a login is mostly this: the session cookies are in that answer. The "
                              "proxy's error log says \"too big header\" when it is.");
}

void sp_flow_judge_transport(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str failure = message->exchange.failure;
    judge_header(capture, message);
    if (failure.len == 0)
        return;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (sp_text_has(failure, failures[i].says)) {
            tell_failure(capture, message, failures[i].cause);
            return;
        }
}
