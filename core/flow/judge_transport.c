/* SPDX-License-Identifier: Apache-2.0 */
/* What kept a message from being answered at all: the network in the recorder's words (failures.def), headers that were
 * too large for somebody. */
#include "core/flow/judge.h"

static const struct {
    const char *says;
    enum sp_cause cause;
} failures[] = {
#define FAILURE(says, cause) {says, SP_CAUSE_##cause},
#include "core/flow/failures.def"
#undef FAILURE
};

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

void sp_flow_judge_transport(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str failure = message->exchange.failure, origin = sp_flow_origin(message->exchange.url);
    judge_header(capture, message);
    if (failure.len == 0)
        return;
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (sp_text_has(failure, failures[i].says)) {
            struct sp_finding *finding = sp_flow_tell(capture, message, failures[i].cause, origin, origin);
            finding->detail =
                sp_arena_printf(capture->arena, "The recording says: %.*s", SP_STR_ARG(sp_str_slice(failure, 0, 200)));
            finding->tolerated = !matters(capture, message);
            return;
        }
}
