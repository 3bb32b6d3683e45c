/* SPDX-License-Identifier: Apache-2.0 */
/* The browser leg: what left with the start of the login – state, nonce, the cookie that remembers both – and what came
 * back with the callback. A cookie that did not come along is explained by what a browser does with such a cookie; that
 * it did not is only known where the recording shows cookies at all (some exporters leave them out). */
#include "core/flow/judge.h"

#include "core/base/host.h"
#include "core/diagnosis/issuer_form.h"
#include "core/diagnosis/words.h"

/* ---- the cookie of the login ---- */

struct login_cookie {
    const struct sp_flow_message *set_by;
    struct sp_flow_cookie cookie;
    bool any, came_along;
    struct sp_str sent; /* what came along under that name */
};

/* Applications set other cookies too; one that looks like the login's is preferred, the last one otherwise. */
static bool is_named_like_login(struct sp_str name)
{
    static const char *const parts[] = {"state", "oauth",       "oidc", "openid", "nonce", "session", "sess",
                                        "auth",  "correlation", "pkce", "sid",    "login", "csrf"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (sp_text_has(name, parts[i]))
            return true;
    return false;
}

static void find_cookie(const struct sp_flow_message *start, const struct sp_flow_message *callback,
                        struct login_cookie *found)
{
    size_t position = 0;
    struct sp_str line;
    struct sp_flow_cookie cookie;
    int64_t now = start->exchange.started_ms;
    *found = (struct login_cookie){.set_by = start};
    while (sp_flow_header_next(&start->exchange.response_headers, "Set-Cookie", &position, &line))
        while (sp_flow_cookie_next(&line, now, &cookie)) {
            if (cookie.deletes || (found->any && !is_named_like_login(cookie.name)))
                continue;
            /* Of several, one that was lost says more than one that came. */
            struct sp_str sent = sp_flow_cookie_sent(&callback->exchange, cookie.name);
            if (found->any && is_named_like_login(found->cookie.name) && !found->came_along && sent.at != NULL)
                continue;
            found->any = true;
            found->cookie = cookie;
            found->sent = sent;
            found->came_along = sent.at != NULL;
        }
}

static bool is_cross_site_post(const struct sp_flow_message *callback)
{
    struct sp_str site = sp_flow_header(&callback->exchange.request_headers, "Sec-Fetch-Site");
    struct sp_str origin = sp_flow_header(&callback->exchange.request_headers, "Origin");
    struct sp_url from;
    if (!sp_str_equal(callback->exchange.method, SP_STR("POST")))
        return false;
    if (site.at != NULL)
        return sp_str_equal(site, SP_STR("cross-site"));
    return sp_url_split(origin, &from) != SP_OK || !sp_flow_same_site(&from, &callback->url);
}

static struct sp_str attributes_of(struct sp_flow_capture *capture, const struct sp_flow_cookie *cookie)
{
    static const char *const same_sites[] = {"", "; SameSite=Lax", "; SameSite=Strict", "; SameSite=None"};
    return sp_arena_printf(capture->arena, "%.*s%s%s%s%.*s", SP_STR_ARG(sp_str_slice(cookie->name, 0, 100)),
                           same_sites[cookie->same_site], cookie->secure ? "; Secure" : "",
                           cookie->domain.len > 0 ? "; Domain=" : "", SP_STR_ARG(sp_str_slice(cookie->domain, 0, 100)));
}

/* Why a browser that has it does not send it, or never kept it. */
static void explain_lost_cookie(struct sp_flow_capture *capture, struct sp_flow_message *message,
                                const struct login_cookie *lost)
{
    const struct sp_flow_cookie *cookie = &lost->cookie;
    const struct sp_url *start = &lost->set_by->url, *callback = &message->url;
    struct sp_str shown = attributes_of(capture, cookie);
    int64_t waited = sp_flow_now_s(message) - sp_flow_now_s(lost->set_by);
    bool plain = sp_str_equal_ignoring_case(callback->scheme, SP_STR("http")) ||
                 sp_str_equal_ignoring_case(start->scheme, SP_STR("http"));
    if (cookie->domain.len > 0 && !sp_flow_domain_covers(cookie->domain, start->host)) {
        sp_flow_tell(capture, message, SP_CAUSE_SESSION_COOKIE_DOMAIN, cookie->domain, start->host)->detail = shown;
    } else if (cookie->name.len + cookie->value.len > SP_FLOW_COOKIE_BYTES) {
        sp_flow_tell(capture, message, SP_CAUSE_SESSION_COOKIE_TOO_LARGE,
                     sp_arena_printf(capture->arena, "%u bytes", SP_FLOW_COOKIE_BYTES),
                     sp_arena_printf(capture->arena, "%zu bytes", cookie->name.len + cookie->value.len));
    } else if (cookie->secure && plain && !sp_host_is_loopback(callback->host)) {
        sp_flow_tell(
            capture, message, SP_CAUSE_STATE_SCHEME, SP_STR("https"),
            sp_arena_printf(capture->arena, "%.*s://%.*s", SP_STR_ARG(callback->scheme), SP_STR_ARG(callback->host)))
            ->detail = shown;
    } else if (!sp_str_equal_ignoring_case(start->host, callback->host) &&
               (cookie->domain.len == 0 || !sp_flow_domain_covers(cookie->domain, callback->host))) {
        sp_flow_tell(capture, message, cookie->domain.len == 0 ? SP_CAUSE_STATE_HOST : SP_CAUSE_SESSION_COOKIE_DOMAIN,
                     cookie->domain.len == 0 ? start->host : cookie->domain, callback->host)
            ->detail = shown;
    } else if (sp_flow_in_frame(message) || sp_flow_in_frame(lost->set_by)) {
        sp_flow_tell(capture, message, SP_CAUSE_STATE_THIRD_PARTY, SP_STR("a top-level window"), SP_STR("a frame"))
            ->detail = shown;
    } else if (cookie->same_site == SP_SAME_SITE_STRICT) {
        sp_flow_tell(capture, message, SP_CAUSE_STATE_COOKIE_STRICT, SP_STR("SameSite=Lax"), shown);
    } else if (is_cross_site_post(message) && (cookie->same_site != SP_SAME_SITE_NONE || !cookie->secure)) {
        sp_flow_tell(capture, message, SP_CAUSE_STATE_COOKIE_FORM_POST, SP_STR("SameSite=None; Secure"), shown);
    } else if (cookie->lifetime_s > 0 && waited > cookie->lifetime_s) {
        sp_flow_tell(capture, message, SP_CAUSE_STATE_EXPIRED, sp_words_duration(capture->arena, cookie->lifetime_s),
                     sp_arena_printf(capture->arena, "%.*s before the callback",
                                     SP_STR_ARG(sp_words_duration(capture->arena, waited))));
    }
}

/* ---- one login among others ---- */

static struct sp_str agent_of(const struct sp_flow_message *message)
{
    return sp_flow_header(&message->exchange.request_headers, "User-Agent");
}

/* Another login of this client that began after this one and before its callback, and set the same cookie. */
static const struct sp_flow *later_login(const struct sp_flow_capture *capture, const struct sp_flow_message *callback,
                                         const struct login_cookie *cookie)
{
    const struct sp_flow *flow = callback->flow;
    for (const struct sp_flow *at = flow->next; at != NULL; at = at->next) {
        struct login_cookie other;
        if (at->subject != SP_SUBJECT_LOGIN || at->start == NULL || !sp_str_equal(at->client_id, flow->client_id) ||
            at->start->exchange.number > callback->exchange.number)
            continue;
        find_cookie(at->start, callback, &other);
        if (other.any && sp_str_equal(other.cookie.name, cookie->cookie.name) &&
            !sp_str_equal(other.cookie.value, cookie->cookie.value) && sp_str_equal(other.cookie.value, cookie->sent))
            return at;
    }
    (void)capture;
    return NULL;
}

static bool was_refused(const struct sp_flow_message *callback)
{
    return callback->exchange.status >= 400 || callback->exchange.status == 0;
}

/* The callback ends where a login begins again, or with an error of its own. */
static bool was_not_accepted(const struct sp_flow_message *callback)
{
    return was_refused(callback) || sp_form_value(&callback->answer, SP_STR("response_type")).len > 0;
}

static void judge_cookie(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct login_cookie cookie;
    const struct sp_flow_message *start = message->flow->start;
    /* In a frame of another site there may be no cookie in all of the recording; that the one was set is enough. */
    if (start == NULL || (!capture->shows_cookies && !sp_flow_in_foreign_frame(message)))
        return;
    find_cookie(start, message, &cookie);
    if (!cookie.any)
        return;
    struct sp_str before = agent_of(start), now = agent_of(message);
    if (before.at != NULL && now.at != NULL && !sp_str_equal(before, now) && !cookie.came_along &&
        was_not_accepted(message)) {
        sp_flow_tell(capture, message, SP_CAUSE_STATE_OTHER_BROWSER, sp_str_slice(before, 0, 200),
                     sp_str_slice(now, 0, 200));
        return;
    }
    if (!cookie.came_along) {
        if (was_not_accepted(message))
            explain_lost_cookie(capture, message, &cookie);
        return;
    }
    if (!was_not_accepted(message))
        return;
    if (!sp_str_equal(cookie.sent, cookie.cookie.value) && later_login(capture, message, &cookie) != NULL) {
        const struct sp_flow *other = later_login(capture, message, &cookie);
        sp_flow_tell(capture, message, SP_CAUSE_STATE_MULTI_TAB, sp_flow_masked(capture, cookie.cookie.value),
                     sp_flow_masked(capture, cookie.sent))
            ->detail = sp_arena_printf(capture->arena, "The login of exchange %u set the cookie %.*s anew.",
                                       other->start->exchange.number, SP_STR_ARG(cookie.cookie.name));
        return;
    }
    struct sp_str first = start->exchange.server_address, second = message->exchange.server_address;
    if (sp_str_equal(cookie.sent, cookie.cookie.value) && first.len > 0 && second.len > 0 &&
        !sp_str_equal(first, second) && sp_str_equal(start->url.host, message->url.host) && was_refused(message) &&
        sp_flow_parameter(message, "error").at == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_SESSION_KEY_PER_NODE, first, second)->detail =
            SP_STR("Cookie and state came back unchanged, to another node of the same host, and it refused them.");
}

/* ---- the callback ---- */

/* What came with it; of the redirect that leads to it, what it is sent with. */
static struct sp_str brought(const struct sp_flow_message *message, const char *name)
{
    return message->kind == SP_FLOW_CALLBACK ? sp_flow_parameter(message, name) : sp_flow_answered(message, name);
}

static void judge_state(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str asked = sp_flow_asked(message->flow, "state"), got = brought(message, "state");
    bool request_seen = message->flow->request != NULL || message->flow->start != NULL;
    if (got.at == NULL && asked.at != NULL)
        sp_flow_tell(capture, message, SP_CAUSE_STATE_MISSING, sp_flow_masked(capture, asked), SP_STR("none"));
    else if (got.at != NULL && request_seen && !sp_str_equal(asked, got) && message->flow->pushed == NULL &&
             sp_flow_asked(message->flow, "request").at == NULL)
        sp_flow_tell(capture, message, SP_CAUSE_STATE_MISMATCH,
                     asked.at != NULL ? sp_flow_masked(capture, asked) : SP_STR("none was sent"),
                     sp_flow_masked(capture, got));
}

static void judge_iss(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_flow_message *request = message->flow->request;
    const struct sp_flow_issuer *issuer = request != NULL ? sp_flow_issuer_of(capture, request) : NULL;
    struct sp_str iss = brought(message, "iss");
    if (issuer == NULL)
        return;
    bool promised = sp_json_is(
        sp_json_member(issuer->metadata, SP_STR("authorization_response_iss_parameter_supported")), SP_JSON_TRUE);
    if (iss.at == NULL && promised)
        sp_flow_tell(capture, message, SP_CAUSE_CALLBACK_ISSUER_MISSING, issuer->issuer, SP_STR("none"));
    else if (iss.at != NULL && !sp_str_equal(iss, issuer->issuer))
        sp_flow_tell(capture, message, SP_CAUSE_CALLBACK_ISSUER_MISMATCH, issuer->issuer, iss);
}

static void judge_error(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    struct sp_str error = brought(message, "error"), words = sp_flow_error_in_words(capture, message);
    struct sp_str silence = sp_flow_silence_in_words(message);
    const struct sp_flow_message *request = message->flow->request;
    struct sp_str scope = sp_flow_asked(message->flow, "scope"), missing;
    if (error.at == NULL)
        return;
    if (sp_str_equal(error, SP_STR("invalid_scope")) && !sp_flow_has_told_specific(message)) {
        const struct sp_flow_issuer *issuer = request != NULL ? sp_flow_issuer_of(capture, request) : NULL;
        const struct sp_json *list =
            issuer != NULL ? sp_json_member(issuer->metadata, SP_STR("scopes_supported")) : NULL;
        struct sp_str known = sp_flow_list_in_words(capture->arena, list);
        bool unknown = list != NULL && !sp_flow_words_within(scope, known, &missing);
        sp_flow_tell(capture, message, unknown ? SP_CAUSE_REQUEST_SCOPE_UNKNOWN : SP_CAUSE_REQUEST_SCOPE_NOT_ALLOWED,
                     unknown ? known : SP_STR("fewer"), unknown ? missing : scope)
            ->detail = words;
    }
    sp_flow_tell_general(capture, message, SP_CAUSE_CALLBACK_ERROR, SP_STR("code"),
                         sp_flow_scrubbed(capture, sp_str_slice(error, 0, 200)))
        ->detail = silence.len == 0
                       ? words
                       : sp_arena_printf(capture->arena, "%.*s. %.*s", SP_STR_ARG(words), SP_STR_ARG(silence));
}

/* The callback page sends the browser to log in, as if nothing had come. */
static void judge_protected(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    bool begins_again = sp_form_value(&message->answer, SP_STR("response_type")).len > 0;
    struct sp_str uri = sp_form_value(&message->answer, SP_STR("redirect_uri"));
    if (begins_again && sp_str_equal(sp_flow_endpoint(uri), message->endpoint) &&
        sp_flow_parameter(message, "code").at != NULL && !sp_flow_has_told_specific(message))
        sp_flow_tell(capture, message, SP_CAUSE_CALLBACK_PROTECTED_PAGE, SP_STR("a page that takes the code"),
                     message->endpoint)
            ->detail = SP_STR("It answered the callback with a redirect to the issuer.");
}

void sp_flow_judge_callback(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    judge_state(capture, message);
    judge_iss(capture, message);
    judge_error(capture, message);
    judge_cookie(capture, message);
    judge_protected(capture, message);
    sp_flow_judge_login_start(capture, message);
}

/* A recorder between client and issuer sees the browser sent back, and not its arrival. */
void sp_flow_judge_sent_back(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    if (message->flow->response != message || message->flow->callback != NULL)
        return;
    judge_state(capture, message);
    judge_iss(capture, message);
    judge_error(capture, message);
}

/* ---- the start of a login ---- */

static void judge_set_cookies(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    size_t position = 0;
    struct sp_str line;
    struct sp_flow_cookie cookie;
    while (sp_flow_header_next(&message->exchange.response_headers, "Set-Cookie", &position, &line))
        while (sp_flow_cookie_next(&line, message->exchange.started_ms, &cookie)) {
            size_t bytes = cookie.name.len + cookie.value.len;
            if (bytes > SP_FLOW_COOKIE_BYTES)
                sp_flow_tell(capture, message, SP_CAUSE_SESSION_COOKIE_TOO_LARGE,
                             sp_arena_printf(capture->arena, "%u bytes", SP_FLOW_COOKIE_BYTES),
                             sp_arena_printf(capture->arena, "%zu bytes", bytes))
                    ->detail = sp_str_slice(cookie.name, 0, 100);
            else if (cookie.domain.len > 0 && message->url.host.len > 0 &&
                     !sp_flow_domain_covers(cookie.domain, message->url.host))
                sp_flow_tell(capture, message, SP_CAUSE_SESSION_COOKIE_DOMAIN, cookie.domain, message->url.host)
                    ->detail = sp_str_slice(cookie.name, 0, 100);
        }
}

#define CIRCLE 3
#define CIRCLE_MS 60000

/* The third login of one client at one place within a minute, each of the earlier ones having come back before: logins
 * of several tabs are at their start together. */
static void judge_circle(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    const struct sp_flow *flow = message->flow;
    unsigned rounds = 0;
    for (const struct sp_flow *at = capture->flows; at != NULL && at != flow; at = at->next) {
        if (at->subject != SP_SUBJECT_LOGIN || at->start == NULL || at->callback == NULL ||
            !sp_str_equal(at->client_id, flow->client_id) || at->client_id.at == NULL)
            continue;
        int64_t apart = message->exchange.started_ms - at->start->exchange.started_ms;
        bool same_place = sp_str_equal(sp_flow_origin(at->start->exchange.url), sp_flow_origin(message->exchange.url));
        bool had_come_back = at->callback->exchange.number < message->exchange.number;
        rounds += same_place && had_come_back && apart >= 0 && apart < CIRCLE_MS && at->start != message;
    }
    if (rounds >= CIRCLE - 1)
        sp_flow_tell(capture, message, SP_CAUSE_SESSION_REDIRECT_LOOP, SP_STR("a page after the login"),
                     message->endpoint)
            ->detail =
            sp_arena_printf(capture->arena, "It is the login number %u of this client within a minute.", rounds + 1);
}

void sp_flow_judge_login_start(struct sp_flow_capture *capture, struct sp_flow_message *message)
{
    judge_set_cookies(capture, message);
    if (message->kind == SP_FLOW_LOGIN_START)
        judge_circle(capture, message);
}
