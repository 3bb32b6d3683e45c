/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to an API: challenges (RFC 6750 3, RFC 9728 5.1), what MCP clients need to find their authorization server, and
 * what browsers ask before they let a page call across origins (Fetch, CORS). */
#include "core/flow/judge.h"

#include "core/base/url.h"

/* ---- MCP and resource metadata ---- */

/* JSON-RPC, or a client that says which protocol it speaks. */
static bool is_mcp(const struct sp_flow_message *message)
{
    bool rpc = sp_json_member(message->asked, SP_STR("jsonrpc")) != NULL;
    return rpc || sp_flow_header(&message->exchange.request_headers, "MCP-Protocol-Version").at != NULL ||
           sp_flow_header(&message->exchange.request_headers, "Mcp-Session-Id").at != NULL;
}

/* A client of this recording looked for the metadata of this place. */
static bool metadata_was_sought(const struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    struct sp_str origin = sp_flow_origin(message->exchange.url);
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        if (at->kind == SP_FLOW_RESOURCE_METADATA && sp_str_equal(sp_flow_origin(at->exchange.url), origin))
            return true;
    return false;
}

void sp_flow_judge_challenge(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str challenge = sp_flow_header(&message->exchange.response_headers, "WWW-Authenticate");
    if (message->exchange.status == 401 && !sp_text_has(challenge, "resource_metadata") &&
        (is_mcp(message) || metadata_was_sought(capture, message)))
        sp_flow_tell(capture, message, SP_CAUSE_MCP_NO_CHALLENGE, SP_STR("resource_metadata=\"URL\""),
                     challenge.at != NULL ? sp_str_slice(challenge, 0, 300) : SP_STR("no WWW-Authenticate"));
    if (message->exchange.status != 401 && message->exchange.status != 403)
        return;
    bool presented = message->bearer.at != NULL;
    bool helps = sp_text_has(challenge, "resource_metadata");
    if (!presented && !helps && !sp_flow_has_told_specific(message)) {
        /* The first call without a token is how a client learns where to get one. */
        struct sp_finding *finding =
            sp_flow_tell(capture, message, SP_CAUSE_TOKEN_MISSING, SP_STR("Authorization: Bearer …"), SP_STR("none"));
        finding->tolerated = true;
    } else if (presented && message->exchange.status == 403) {
        sp_flow_tell_general(capture, message, SP_CAUSE_SCOPE_MISSING, sp_str_slice(challenge, 0, 300), SP_STR("403"));
    } else if (presented && message->exchange.status == 401) {
        sp_flow_tell_general(capture, message, SP_CAUSE_RESPONSE_ERROR, SP_STR("200"),
                             challenge.at != NULL ? sp_str_slice(challenge, 0, 300) : SP_STR("401"))
            ->detail = SP_STR("The API refused the token; the recording does not prove why.");
    }
}

/* https://api.example.com/.well-known/oauth-protected-resource/mcp asks for https://api.example.com/mcp. */
static struct sp_str resource_asked(struct sp_flow_capture *capture, const struct sp_flow_message *message)
{
    static const char well_known[] = "/.well-known/oauth-protected-resource";
    struct sp_str path = message->url.path, origin = sp_flow_origin(message->exchange.url);
    if (!sp_str_has_prefix(path, SP_STR("/.well-known/oauth-protected-resource")))
        return SP_STR_NONE;
    path = sp_str_slice(path, sizeof well_known - 1, path.len);
    return sp_arena_printf(capture->arena, "%.*s%.*s", SP_STR_ARG(origin), SP_STR_ARG(path));
}

static struct sp_str without_slash(struct sp_str text)
{
    return sp_str_has_suffix(text, SP_STR("/")) ? sp_str_slice(text, 0, text.len - 1) : text;
}

void sp_flow_judge_resource_metadata(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str resource = sp_json_string(sp_json_member(message->json, SP_STR("resource")));
    const struct sp_json *servers = sp_json_member(message->json, SP_STR("authorization_servers"));
    struct sp_str asked = resource_asked(capture, message);
    if (message->exchange.status != 200 || message->json == NULL) {
        if (message->exchange.status != 0)
            sp_flow_tell(capture, message, SP_CAUSE_MCP_METADATA_MISSING, SP_STR("a JSON object"), message->endpoint)
                ->detail = sp_arena_printf(capture->arena, "It answered %d.", message->exchange.status);
        return;
    }
    /* A root document may speak for the whole origin. */
    bool fits = asked.at == NULL || sp_str_equal(without_slash(resource), without_slash(asked)) ||
                (sp_str_equal(asked, sp_flow_origin(asked)) && sp_str_equal(sp_flow_origin(resource), asked));
    if (!fits)
        sp_flow_tell(capture, message, SP_CAUSE_MCP_RESOURCE_MISMATCH, asked,
                     resource.at != NULL ? resource : SP_STR("none"));
    if (!sp_json_is(servers, SP_JSON_ARRAY) || servers->count == 0)
        sp_flow_tell(capture, message, SP_CAUSE_MCP_NO_AUTHORIZATION_SERVER, SP_STR("a list of issuers"),
                     servers == NULL ? SP_STR("absent") : SP_STR("empty"));
}

/* ---- CORS ---- */

#define NO_ORIGIN_ALLOWED SP_STR("none (no Access-Control-Allow-Origin)")

static bool allows_origin(const struct sp_flow_message *message, struct sp_str origin, struct sp_str *allowed)
{
    *allowed = sp_flow_header(&message->exchange.response_headers, "Access-Control-Allow-Origin");
    return sp_str_equal(*allowed, SP_STR("*")) || sp_str_equal(*allowed, origin);
}

/* Why a browser does not go on after this answer; false: it does. */
static bool find_preflight_fault(struct sp_flow_capture *capture, const struct sp_flow_message *message,
                                 struct sp_finding *fault)
{
    int status = message->exchange.status;
    struct sp_str origin = sp_flow_header(&message->exchange.request_headers, "Origin"), allowed;
    struct sp_str wanted = sp_flow_header(&message->exchange.request_headers, "Access-Control-Request-Headers");
    struct sp_str headers = sp_flow_header(&message->exchange.response_headers, "Access-Control-Allow-Headers");
    if (status < 200 || status >= 300) {
        *fault = (struct sp_finding){.cause = SP_CAUSE_CORS_PREFLIGHT_REJECTED,
                                     .expected = SP_STR("200 or 204"),
                                     .received = sp_arena_printf(capture->arena, "%d", status)};
        return true;
    }
    if (!allows_origin(message, origin, &allowed)) {
        *fault = (struct sp_finding){.cause = SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED,
                                     .expected = allowed.at != NULL ? allowed : NO_ORIGIN_ALLOWED,
                                     .received = origin};
        return true;
    }
    if (sp_text_has(wanted, "authorization") && !sp_text_has(headers, "authorization")) {
        *fault =
            (struct sp_finding){.cause = SP_CAUSE_CORS_PREFLIGHT_REJECTED,
                                .expected = SP_STR("Access-Control-Allow-Headers: authorization"),
                                .received = headers.at != NULL ? headers : SP_STR("no Access-Control-Allow-Headers")};
        return true;
    }
    return false;
}

void sp_flow_judge_preflight(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_finding fault;
    if (message->exchange.status != 0 && find_preflight_fault(capture, message, &fault))
        sp_flow_tell(capture, message, fault.cause, fault.expected, fault.received);
}

/* A page may not send such a call to another origin before the server allowed it (Fetch 3.2.2). */
static bool needs_preflight(const struct sp_flow_message *message)
{
    static const char *const simple[] = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"};
    struct sp_str method = message->exchange.method,
                  type = sp_flow_header(&message->exchange.request_headers, "Content-Type");
    bool plain = type.at == NULL;
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++)
        plain = plain || sp_str_has_prefix(type, sp_str_from_cstr(simple[i]));
    return !plain || sp_flow_header(&message->exchange.request_headers, "Authorization").at != NULL ||
           sp_flow_header(&message->exchange.request_headers, "DPoP").at != NULL ||
           !(sp_str_equal(method, SP_STR("GET")) || sp_str_equal(method, SP_STR("HEAD")) ||
             sp_str_equal(method, SP_STR("POST")));
}

/* The developer tools list it beside the call, before or after; Playwright's HAR has none. */
static const struct sp_flow_message *preflight_of(const struct sp_flow_capture *capture,
                                                  const struct sp_flow_message *message)
{
    for (const struct sp_flow_message *at = capture->first; at != NULL; at = at->next)
        if (at->kind == SP_FLOW_PREFLIGHT && sp_str_equal(at->endpoint, message->endpoint))
            return at;
    return NULL;
}

/* Chromium shows neither headers nor answer of a call that CORS kept from a page, and this word. */
static void judge_withheld(struct sp_flow_capture *capture, struct sp_flow_message *message, struct sp_str page)
{
    const struct sp_flow_message *preflight = preflight_of(capture, message);
    bool unseen = preflight == NULL && needs_preflight(message);
    struct sp_finding fault;
    if (preflight != NULL && preflight->exchange.status != 0 && find_preflight_fault(capture, preflight, &fault))
        return; /* what stopped the call is told there */
    sp_flow_tell_named(capture, message, SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED, SP_STR("none that let the page read it"),
                       page)
        ->detail =
        unseen ? SP_STR("The browser says no more than net::ERR_FAILED. Either the server refused the OPTIONS request "
                        "that comes before such a call (cors.preflight_rejected), or the answer does not allow the "
                        "page's origin. A HAR of the browser's own developer tools shows the OPTIONS request.")
               : SP_STR("The browser made the call and kept its answer from the page (net::ERR_FAILED).");
}

/* The browser calls across origins and is to keep the answer from the page. */
void sp_flow_judge_cors(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str origin = sp_flow_header(&message->exchange.request_headers, "Origin"), allowed;
    struct sp_str mode = sp_flow_header(&message->exchange.request_headers, "Sec-Fetch-Mode");
    bool crosses = origin.at != NULL && sp_str_equal(mode, SP_STR("cors")) &&
                   !sp_str_equal(origin, sp_flow_origin(message->exchange.url));
    struct sp_str referer = sp_flow_origin(sp_flow_header(&message->exchange.request_headers, "Referer"));
    bool page_elsewhere = referer.at != NULL && !sp_str_equal(referer, sp_flow_origin(message->exchange.url));
    if (page_elsewhere && message->kind != SP_FLOW_TROUBLE &&
        sp_str_equal(message->exchange.failure, SP_STR("net::ERR_FAILED")))
        judge_withheld(capture, message, referer);
    if (crosses && message->exchange.status != 0 && !allows_origin(message, origin, &allowed))
        sp_flow_tell(capture, message, SP_CAUSE_CORS_ORIGIN_NOT_ALLOWED,
                     allowed.at != NULL ? allowed : NO_ORIGIN_ALLOWED, origin);
}
